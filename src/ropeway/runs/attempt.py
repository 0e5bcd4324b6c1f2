"""One attempt of a step as a process: prepared, started, watched and concluded.

Nothing here decides what comes next; :mod:`ropeway.runs.flow` does.
"""

from __future__ import annotations

import os
import signal
import time
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ropeway.errors import StoreError
from ropeway.lang.expressions import EvaluationError, to_text
from ropeway.records import field, record
from ropeway.runs import proctable
from ropeway.runs.folder import file_name
from ropeway.runs.inheritance import taken_from
from ropeway.runs.logs import cant_log
from ropeway.runs.outputs import MAX_BYTES, OutputProblem, read_outputs, typed_outputs
from ropeway.runs.process import Command, Ending, StartProblem, start
from ropeway.runs.scope import Outcome, take_environment
from ropeway.runs.steps import Prepared, kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ropeway.runs.folder import RunFolder
    from ropeway.runs.logs import Pair
    from ropeway.runs.mask import Mask
    from ropeway.runs.proctable import Entry
    from ropeway.runs.scope import Unit
    from ropeway.runs.steps import Launch
    from ropeway.runs.steps.messages import Messages


@record(frozen=False)
class Pump:
    """Moves what a process prints on a pipe into its log: through the mask, and for plugins through the message reader."""

    fd: int
    log: int
    mask: Mask | None
    messages: Messages | None

    def move(self) -> bool:
        """Move what is there; returns False at end of file."""
        try:
            data = os.read(self.fd, 65536)
        except BlockingIOError:
            return True
        if not data:
            return False
        self._write(self.messages.feed(data) if self.messages is not None else data)
        return True

    def finish(self) -> None:
        """Move what is left without waiting for the end of the file (a daemon may keep the pipe open for ever), and close."""
        for _ in range(1024):
            try:
                data = os.read(self.fd, 65536)
            except BlockingIOError:
                break
            if not data:
                break
            self._write(self.messages.feed(data) if self.messages is not None else data)
        if self.messages is not None:
            self._write(self.messages.close())
        if self.mask is not None:
            write_all(self.log, self.mask.flush())
        os.close(self.fd)

    def _write(self, data: bytes) -> None:
        write_all(self.log, self.mask.feed(data) if self.mask is not None else data)


def write_all(fd: int, data: bytes) -> None:
    """Write all of it.

    Raises:
        StoreError: The disk is full or broken.
    """
    try:
        while data:
            data = data[os.write(fd, data) :]
    except OSError as error:
        raise cant_log(error) from error


@record(frozen=False)
class Attempt:
    """A running attempt. ``stopped_for`` says why it is being ended: ``timeout``, ``cancelled`` or ``output``."""

    unit: Unit
    pid: int
    pair: Pair | None
    output: str
    run: str
    pumps: list[Pump] = field(default_factory=list)
    messages: Messages | None = None
    mask: Mask | None = None
    begun: float = field(default_factory=time.monotonic)
    ending: Ending | None = None
    stopped_for: str | None = None
    exit_code: int | None = None
    recorded: bool = False
    files: list[Path] = field(default_factory=list)

    @property
    def marks(self) -> list[bytes]:
        """What every process of the step was started with in its environment."""
        found = [f"ROPEWAY_RUN={self.run}", f"ROPEWAY_STEP={self.unit.address}"]
        return [mark.encode("utf-8", "surrogateescape") for mark in found]

    def end(self, why: str, grace: float, *, at_once: bool = False) -> None:
        """Begin to end its whole tree."""
        self.stopped_for = self.stopped_for or why
        if self.ending is None:
            self.ending = Ending(self.pid, self.marks, grace)
            self.ending.begin(signal.SIGKILL if at_once else signal.SIGTERM)
        elif at_once and not self.ending.killing:
            self.ending.begin(signal.SIGKILL)

    def outcome(self, left: list[Entry]) -> Outcome:
        """Return how it ended; ``exit_code`` must be known. ``left`` is what still lives of it."""
        extra: dict[str, Any] = {}
        if left:
            extra["leftovers"] = [{"pid": e.pid, "name": e.name} for e in left]
        code = self.exit_code or 0
        written = self._written()
        shown = code if code >= 0 else 128 - code
        if self.stopped_for == "timeout":
            limit = self.unit.step.timeout
            return Outcome("failed", shown, reason="timeout", error=f"timed out after {limit:g} s", extra=extra)
        if self.stopped_for is not None:
            return Outcome("cancelled", shown, reason=self.stopped_for, extra=extra)
        if self.messages is not None and self.messages.error is not None:
            return Outcome("failed", shown, reason="error", error=self.messages.error, extra=extra)
        if code < 0:
            name = signal.Signals(-code).name if -code in signal.valid_signals() else f"signal {-code}"
            return Outcome("failed", shown, reason="signal", error=f"killed by {name}", extra=extra)
        if code > 0:
            return Outcome("failed", code, reason="exit", error=f"exit status {code}", extra=extra)
        try:
            return Outcome("succeeded", 0, self._outputs(written), extra=extra)
        except OutputProblem as problem:
            return Outcome("failed", 0, reason="output", error=str(problem), extra=extra)

    def _written(self) -> bytes | OSError:
        """Take what the step wrote as outputs; files that may hold secrets do not stay, however the attempt ended."""
        if self.mask is not None:
            for path in self.files:
                path.unlink(missing_ok=True)
        if not os.access(self.output, os.F_OK):  # as nearly always, and an exception is dear
            return b""
        try:
            with open(self.output, "rb") as file:
                data = file.read(MAX_BYTES + 1)
            os.unlink(self.output)
        except OSError as error:
            return error
        return data

    def _outputs(self, written: bytes | OSError) -> dict[str, Any]:
        declared = self.unit.step.outputs
        if self.messages is not None and self.messages.outputs:
            outputs = typed_outputs(self.messages.outputs, declared, self.unit.node.scope.types)
        elif isinstance(written, OSError):
            raise OutputProblem(f"the outputs can't be read: {written.strerror}")
        else:
            outputs = read_outputs(written, declared, self.unit.node.scope.types) if written or declared else {}
        if self.mask is not None:
            self._check_secrets(self.mask, outputs)
        return outputs

    def _check_secrets(self, mask: Mask, outputs: Mapping[str, Any]) -> None:
        declared = self.unit.step.outputs or {}
        for name, value in outputs.items():
            secret = name in declared and declared[name].type == "secret"
            if mask.contains(name.encode()):
                raise OutputProblem("the name of an output holds a secret")
            if not secret and value is not None and mask.contains(to_text(value).encode()):
                raise OutputProblem(f'output {name!r} holds a secret; declare it with type = "secret", or leave the secret out')


def strays(known: Mapping[int, Attempt], attributed: set[int]) -> list[Entry]:
    """Return the runner's children that are no step's process and that nobody has been blamed for: what ended steps left behind."""
    found = []
    for pid in proctable.children(os.getpid()):
        if pid not in known and pid not in attributed:
            entry = proctable.entry(pid)
            if entry is not None:
                found.append(entry)
    return found


def belongs(entry: Entry, attempt: Attempt) -> bool:
    """Whether a process without a parent of its own comes from this attempt: by its group, or by the marks in its environment."""
    return entry.group == attempt.pid or proctable.carries(entry.pid, attempt.marks)


@lru_cache(maxsize=32)
def _path(text: str) -> Path:
    return Path(text)


class Preparing:
    """Makes processes out of units, for one run."""

    def __init__(self, folder: RunFolder, overrides: Mapping[str, str]) -> None:
        """``overrides`` are the caller's ``--env`` settings, which win over every step's own."""
        self._folder = folder
        self._overrides = overrides

    def prepare(self, unit: Unit) -> tuple[Prepared, Launch]:
        """Evaluate everything a unit's attempt needs, and say how it is started.

        Raises:
            EvaluationError: An expression has no value.
            StartProblem: The process can't be started as it is.
        """
        prepared = self.evaluate(unit)
        return prepared, kind(prepared.step.kind).launch(prepared)

    def evaluate(self, unit: Unit) -> Prepared:
        """Evaluate everything a unit's attempt needs.

        Raises:
            EvaluationError: An expression has no value.
            StartProblem: Its folder is not there.
        """
        scope, step = unit.node.scope, unit.step
        contexts = unit.evaluate_frames()
        names = contexts[-1]
        own = unit.workspace
        cwd = scope.cwd if own is None else own.path
        if step.workspace not in ("inherit", "", "ephemeral"):
            wanted = to_text(scope.rendered(step.workspace, contexts[0]))
            cwd = os.path.join(cwd, wanted)
            if not os.path.isdir(cwd):
                raise StartProblem(
                    f"no such folder: {wanted}", 126, hint="`workspace` names an existing folder, relative to the run's or absolute"
                )
        env = dict(scope.env)
        if own is not None:
            take_environment(env, taken_from(own, elsewhere=scope.elsewhere))
        for frame, name, template in step.env:
            env[name] = to_text(scope.rendered(template, contexts[frame])) if "${{" in template else template
        env.update(self._overrides)
        address = unit.address
        env["ROPEWAY_STEP"] = address
        env["ROPEWAY_ATTEMPT"] = str(unit.attempt)
        env["ROPEWAY_OUTPUT"] = f"{self._folder.outputs}/{file_name(address)}.{unit.attempt}"
        variables = {name: scope.value(source, names) for name, source in step.variables.items()}
        argv = tuple(to_text(scope.rendered(a, names)) if "${{" in a else a for a in step.argv)
        source = _path(scope.template.source) if scope.template.source else None
        return Prepared(step, address, unit.attempt, unit.inputs, variables, argv, env, cwd, self._folder.files, source)

    def start(self, unit: Unit, prepared: Prepared, launch: Launch, pair: Pair | None, null: int, mask: Mask | None) -> Attempt:
        """Start the process; with ``pair`` None it gets the terminal.

        Raises:
            StartProblem: It can't be executed.
            StoreError: A file for it can't be written.
        """
        self.write(launch)
        env = prepared.env
        env.update(launch.env)
        pumps: list[Pump] = []
        closing: list[int] = []
        messages = None
        if launch.messages:
            from ropeway.runs.steps.messages import Messages

            messages = Messages()
        stdin = null
        try:
            out, err = (1, 2) if pair is None else (pair.out, pair.err)
            if pair is None:
                stdin = 0
            else:
                out, err = self._pipes(pair, mask, messages, pumps, closing)
            if launch.stdin is not None:
                stdin = self._request(launch.stdin)
                closing.append(stdin)
            pid = start(Command(launch.argv, env, prepared.cwd, stdin, out, err, terminal=pair is None))
        except StartProblem:
            for pump in pumps:
                os.close(pump.fd)
            raise
        finally:
            for fd in closing:
                os.close(fd)
        files = [self._folder.files / name for name, _ in launch.files]
        return Attempt(unit, pid, pair, env["ROPEWAY_OUTPUT"], self._folder.id, pumps, messages, mask, files=files)

    def write(self, launch: Launch) -> None:
        """Write the files that a process needs; raises :class:`StoreError`."""
        for name, data in launch.files:
            path = self._folder.files / name
            if not path.exists() or path.read_bytes() != data:
                self._folder.write(self._folder.files, name, data)

    def _pipes(self, pair: Pair, mask: Mask | None, messages: Messages | None, pumps: list[Pump], closing: list[int]) -> tuple[int, int]:
        """Return what becomes the process's 1 and 2: the log itself, or a pipe where something has to pass through us."""
        ends = []
        for log, reader in ((pair.out, messages), (pair.err, None)):
            if mask is None and reader is None:
                ends.append(log)
                continue
            read, write = os.pipe()
            os.set_blocking(read, False)
            pumps.append(Pump(read, log, mask.fork() if mask is not None else None, reader))
            closing.append(write)
            ends.append(write)
        return ends[0], ends[1]

    def _request(self, data: bytes) -> int:
        """Return a descriptor that reads ``data``: an unnamed file, so that nothing has to be fed to a slow reader."""
        try:
            fd = os.open(self._folder.path, os.O_RDWR | os.O_TMPFILE | os.O_CLOEXEC, 0o600)
        except (AttributeError, OSError):  # no O_TMPFILE on this system or file system
            import tempfile

            with tempfile.TemporaryFile(dir=self._folder.path) as file:
                fd = os.dup(file.fileno())
        try:
            write_all(fd, data)
        except StoreError:
            os.close(fd)
            raise
        os.lseek(fd, 0, os.SEEK_SET)
        return fd


__all__ = ["Attempt", "EvaluationError", "Preparing", "Pump", "belongs", "strays", "write_all"]
