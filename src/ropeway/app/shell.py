"""A shell in a run: with the environment and in the folder that a step's next attempt would get, and without a trace in the run.

The shell carries ``ROPEWAY_SHELL_RUN`` in the place of ``ROPEWAY_RUN``: whoever ends what an earlier carrying out left behind leaves it alone.
"""

from __future__ import annotations

import os
import shlex
import shutil
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ropeway.app import working_copies
from ropeway.app.foreground import run_in_foreground
from ropeway.app.plugin_types import PluginTypes
from ropeway.app.readiness import read, read_secrets
from ropeway.app.runs import created, folder_of, options_of
from ropeway.errors import NotFound, RopewayError, StoreError
from ropeway.records import record
from ropeway.runs.entering import Entered, Entering, secrets_on_the_way, steps_on_the_way
from ropeway.runs.folder import RunFolder, file_name
from ropeway.runs.process import find_executable
from ropeway.runs.root import root_scope
from ropeway.runs.veil import Veil
from ropeway.workspaces import Past

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ropeway.app.readiness import Ready
    from ropeway.lang.plan import Plan, PlanStep
    from ropeway.runs.scope import Unit
    from ropeway.runs.state import RunState
    from ropeway.workspaces import Apart, Workspace

__all__ = ["Shell", "enter", "start"]


@record
class Shell:
    """A shell, or another program, that is ready to be started in a run.

    ``step`` is None in the run's own environment. ``script`` starts the step's own process, by hand; None when it has none. ``note`` is worth telling
    before. ``busy`` says that the run is being carried out, in the same folder.
    """

    run: str
    state: str
    step: str | None
    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: str
    script: str | None = None
    note: str | None = None
    busy: bool = False


@contextmanager
def enter(
    folder: RunFolder,
    step: str | None,
    *,
    program: Sequence[str] = (),
    prompt: Callable[[str], str] | None = None,
    ready: Ready | None = None,
) -> Iterator[Shell]:
    """Prepare a shell in a run; what was made for it is removed at the end.

    Args:
        folder: The run.
        step: A step's address; None takes the step that made the run fail, or the run's own environment when none did.
        program: What to start in the place of the person's shell.
        prompt: Asks for a secret without echo; None when there is nobody.
        ready: What the run was carried out with, when the caller has it at hand; None reads it again.

    Raises:
        NotFound: No such step, its inputs can't be had yet, the folder is gone, or a secret has no value.
        Busy: The run is at work in a copy that only its own processes can see.
        UsageError: The step has instances, and none is named.
        StartProblem: The program is not there.
        StoreError: The run's folder can't be written.
    """
    with ExitStack() as made:
        yield _Making(folder, step, prompt, ready, made).shell(program)


def start(shell: Shell) -> int:
    """Start it on our terminal, wait for its end and return its exit status; 128 + n when signal n ended it."""
    return run_in_foreground(shell.argv, shell.env, shell.cwd)


class _Making:
    def __init__(
        self, folder: RunFolder, step: str | None, prompt: Callable[[str], str] | None, ready: Ready | None, made: ExitStack
    ) -> None:
        self._folder = folder
        self._prompt = prompt
        self._made = made
        self._plan: Plan = folder.plan()
        self._found: RunState = folder.state(self._plan)
        first = created(folder)
        cwd = folder_of(first)
        options = options_of(first)
        self._chosen = step is None
        cause = self._found.cause if self._found.state == "failed" else None
        self._step = cause.id if step is None and cause is not None else step
        self._secrets = None if ready is None else ready.secrets
        found = ready or read(self._plan, cwd=Path(cwd), options=options, prompt=None, secrets=False)
        self._environ, self._given = found.environ, found.given
        self._workspace: Workspace = working_copies.standing(folder, self._plan, options, first, self._found, step=self._step, held=made)

    def shell(self, program: Sequence[str]) -> Shell:
        """Return what is to be started."""
        step, note = self._step, None
        scratch = self._scratch()
        try:
            entered = self._entered(step, scratch)
        except RopewayError as error:
            if step is None or not self._chosen:
                raise
            note, step = f"{error}; this is the run's own environment", None
            entered = self._entered(None, scratch)
        env = {name: value for name, value in entered.env.items() if name != "ROPEWAY_RUN"}
        env["ROPEWAY_SHELL_RUN"] = self._folder.id
        if step is not None:
            env["ROPEWAY_SHELL_STEP"] = entered.address
        script = self._script(entered, scratch) if entered.launch is not None else None
        if script is not None:
            env["ROPEWAY_SHELL_SCRIPT"] = script
        return Shell(
            run=self._folder.id,
            state=self._found.state,
            step=entered.address if step is not None else None,
            argv=_program(program, env, entered.cwd),
            env=env,
            cwd=entered.cwd,
            script=script,
            note=note or (None if entered.problem is None else f"the step itself could not start here: {entered.problem}"),
            busy=self._folder.owned,
        )

    def _entered(self, step: str | None, scratch: RunFolder) -> Entered:
        steps = steps_on_the_way(self._plan, step) if step is not None else []
        secrets = self._read_secrets(steps)
        types = PluginTypes()
        root = root_scope(self._folder.id, self._plan, self._workspace, self._environ, secrets, types=types, given=self._given)
        if step is None:
            return Entered("", {**root.env, "ROPEWAY_OUTPUT": str(scratch.outputs / "output")}, root.cwd)
        veil = Veil(self._folder, secrets.values())
        veil.restore(self._found)

        def hide(text: str) -> str:
            return str(veil.over({"error": text})["error"])

        entering = Entering(self._plan, self._found, self._workspace, secrets, self._own_workspace, hide)
        return entering.enter(root, step, scratch)

    def _read_secrets(self, steps: Sequence[PlanStep]) -> Mapping[str, str]:
        wanted = secrets_on_the_way(steps)
        if self._secrets is not None:
            return {name: value for name, value in self._secrets.items() if name in wanted}
        return read_secrets(self._plan, self._environ, self._prompt, only=wanted)

    def _scratch(self) -> RunFolder:
        """Make a folder of the shape of a run's for what the shell is given and what it leaves: it is gone after the shell."""
        try:
            path = Path(tempfile.mkdtemp(prefix="shell-", dir=self._folder.path))
            self._made.callback(shutil.rmtree, path, ignore_errors=True)
            scratch = RunFolder(path)
            scratch.outputs.mkdir(mode=0o700)
        except OSError as error:
            raise StoreError(
                f"can't make a folder for the shell in {self._folder.path}: {error.strerror}", code="state-directory"
            ) from error
        return scratch

    def _own_workspace(self, unit: Unit) -> Apart:
        own = self._workspace.branch(f"{unit.address}.shell", os.getpid())
        if own is None:
            raise NotFound(
                f"step {unit.address} works in a copy of its own, and none can be made of this run's files",
                hint=f"`workflow shell {self._folder.id}:STEP` with another step enters the run's folder",
                code="no-copy",
            )
        self._made.callback(own.close, "succeeded", _untold)
        own.open(Past(), _untold)
        return own

    def _script(self, entered: Entered, scratch: RunFolder) -> str:
        """Write a script that starts the step's own process, and return its path."""
        launch = entered.launch
        assert launch is not None
        given = "" if entered.interactive else " < /dev/null"
        if launch.stdin is not None:
            given = f" < {shlex.quote(str(scratch.write(scratch.files, 'request', launch.stdin)))}"
        text = f"#!/bin/sh\n# What step {entered.address} of run {self._folder.id} starts.\nexec {shlex.join(launch.argv)}{given}\n"
        return str(scratch.write(scratch.path, file_name(entered.address), os.fsencode(text), mode=0o700))


def _program(program: Sequence[str], env: Mapping[str, str], cwd: str) -> tuple[str, ...]:
    """Return the argv to start: the program, or the person's shell.

    Raises:
        StartProblem: It is not there.
    """
    if not Path(cwd).is_dir():
        raise NotFound(f"the folder {cwd} is gone", code="cwd-gone")
    words = tuple(program) or (os.environ.get("SHELL") or "/bin/sh",)
    find_executable(words[0], env.get("PATH", os.defpath), cwd)
    return words


def _untold(_event: str, _data: dict[str, object]) -> None:
    """Keep what happens to the shell's own copy out of the journal: the shell leaves no trace in the run."""
