"""A folder with a workflow, runs of it through the installed program, and what is recorded of them.

The program runs in a process of its own: a run's guardian ends all that descends from it, and that must never be the tests.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ropeway.runs.folder import RunFolder, RunStore

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ropeway.runs.events import RunEvent
    from ropeway.runs.state import RunState

T = TypeVar("T")

PATIENCE = 20.0
"""Seconds after which an awaited event counts as missing; a loaded machine is slow."""


def until(look: Callable[[], T], what: str = "", patience: float = PATIENCE) -> T:
    """Wait until ``look`` returns something true, and return it."""
    end = time.monotonic() + patience
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < end, f"did not come about in {patience:g} s: {what or look}"
        time.sleep(0.01)


def gone(pid: int) -> bool:
    """Whether no process of that id lives (a zombie does not)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True
    return stat.rpartition(")")[2].split()[0] in "ZX"


@dataclass(frozen=True)
class Ran:
    """What one call of the program came to."""

    status: int
    out: str
    err: str
    folder: RunFolder | None

    @property
    def state(self) -> RunState:
        """The run's state."""
        assert self.folder is not None, self.err
        return self.folder.state()

    @property
    def events(self) -> list[RunEvent]:
        """The run's journal."""
        assert self.folder is not None, self.err
        return list(self.folder.events())

    def states(self) -> dict[str, str]:
        """Return the state of every step, with the reason of skipped ones."""
        return {s.id: f"skipped {s.reason}" if s.state == "skipped" else s.state for s in self.state.steps.values()}

    def told(self, name: str) -> list[RunEvent]:
        """Return the events of one name."""
        return [e for e in self.events if e.event == name]

    def order(self) -> list[str]:
        """Return the steps in the order in which they started."""
        return [e.step for e in self.told("step.started")]

    def log(self, step: str) -> bytes:
        """Return what a step's last attempt printed on standard output."""
        number = self.state.steps[step].logs[-1]
        assert self.folder is not None
        return b"" if number is None else (self.folder.logs / f"{number}.out").read_bytes()


_DYING = """
import os, signal, sys
from ropeway.runs.journal import Journal

nth, how, main = int(sys.argv[1]), sys.argv[2], os.getpid()
write, count = Journal.flush, 0


def die():
    if os.getpid() != main:
        os.kill(main, signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)


def flush(journal):
    global count
    count += bool(journal._lines)
    if journal._lines and count == nth and how == "torn":
        os.write(journal._fd, b"".join(journal._lines)[:-17])
        die()
    write(journal)
    if count == nth:
        die()


Journal.flush = flush
from ropeway.cli.main import main as program
sys.argv = ["workflow", *sys.argv[3:]]
sys.exit(program())
"""


def dying(nth: int, how: str, *arguments: str) -> list[str]:
    """Return the argv of the program when it is to die, both of its processes, at the nth write of its journal: ``after`` it, or in its middle (``torn``)."""
    return [sys.executable, "-c", _DYING, str(nth), how, *arguments]


class Project:
    """A working folder with homes of its own beside it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.cwd = root / "project"
        self.cwd.mkdir()
        self.state_home = root / "state"
        self.store = RunStore(self.state_home / "ropeway")
        self.env = {
            **os.environ,
            "HOME": str(root / "home"),
            "XDG_STATE_HOME": str(self.state_home),
            "XDG_CONFIG_HOME": str(root / "config"),
            "XDG_CACHE_HOME": str(root / "cache"),
            "ROPEWAY_GRACE": "0.3s",
        }

    def write(self, text: str, name: str = "workflow.toml") -> Path:
        """Write a workflow; the id is added."""
        path = self.cwd / name
        path.parent.mkdir(parents=True, exist_ok=True)
        stem = name.rpartition("/")[2].partition(".")[0]
        path.write_text(f'id = "{stem}"\n{text}')
        return path

    def command(self, *arguments: str) -> list[str]:
        """Return the argv of a call."""
        return [str(Path(sys.executable).parent / "workflow"), *arguments]

    def start(
        self, *arguments: str, env: Mapping[str, str] | None = None, program: list[str] | None = None, **options: object
    ) -> subprocess.Popen[str]:
        """Start a call (or another program in its place) and leave it running."""
        settings: dict[str, object] = {
            "cwd": self.cwd,
            "env": {**self.env, **(env or {})},
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
            "text": True,
            "errors": "surrogateescape",
            "start_new_session": True,
        }
        return subprocess.Popen(program or self.command(*arguments), **(settings | options))  # type: ignore[call-overload,no-any-return]

    def call(self, *arguments: str, env: Mapping[str, str] | None = None, timeout: float = 60) -> Ran:
        """Call the program and wait for its end; the newest run is the one that it is about."""
        process = self.start(*arguments, env=env)
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            raise AssertionError(f"{arguments} did not end; it said: {process.communicate()}") from None
        return Ran(process.returncode, out, err, self.newest())

    def run(self, text: str | None = None, *arguments: str, env: Mapping[str, str] | None = None) -> Ran:
        """Run a workflow, written first when a text is given."""
        if text is not None:
            self.write(text)
        return self.call("run", *arguments, env=env)

    def resume(self, *arguments: str) -> Ran:
        """Go on with the newest run."""
        return self.call("resume", *arguments)

    def newest(self) -> RunFolder | None:
        """Return the newest run's folder."""
        return self.store.latest() if self.store.ids() else None

    def running(self, step: str) -> RunFolder:
        """Wait until a step of the newest run runs."""

        def look() -> RunFolder | None:
            folder = self.newest()
            started = folder is not None and any(e.event == "step.started" and e.step == step for e in folder.events())
            return folder if started else None

        return until(look, f"step {step} starts")  # type: ignore[return-value]

    def lines(self, name: str) -> list[str]:
        """Return the lines of a file in the working folder; none when it is not there."""
        try:
            return (self.cwd / name).read_text().splitlines()
        except FileNotFoundError:
            return []

    def pid(self, name: str) -> int:
        """Wait until a step wrote a process id into a file, and return it."""
        return int(until(lambda: [line for line in self.lines(name) if line.strip()], f"{name} holds a pid")[0])
