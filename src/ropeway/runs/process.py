"""Starting a step's process, noticing that it ended, and ending its whole tree.

Every process is started by ``posix_spawn`` (with vfork's speed, and safe beside threads) in a process group and mostly a session of its own, with the
default signal dispositions. Its end is noticed by SIGCHLD through a wake-up descriptor, and read by ``waitpid(-1)``: the runner is the subreaper
of its run, so an orphan's end is reaped in the same place. The runner therefore starts no process in any other way.
"""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

from ropeway.errors import RopewayError
from ropeway.records import field, record
from ropeway.runs import proctable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ropeway.runs.proctable import Entry

_DEFAULT_SIGNALS = [
    signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGPIPE, signal.SIGCHLD,
    signal.SIGTTIN, signal.SIGTTOU, signal.SIGTSTP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGXFSZ,
]  # fmt: skip

MAX_ENVIRONMENT_STRING = 131_071
"""Bytes of one argument or ``NAME=value`` that Linux takes (MAX_ARG_STRLEN without its NUL)."""


class StartProblem(RopewayError):
    """A step's process could not be started; ``exit_code`` is what a shell would give (126 or 127)."""

    default_code = "start"

    def __init__(self, message: str, exit_code: int, *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.exit_code = exit_code


@record
class Command:
    """A process to start: program and arguments, environment, folder, and the descriptors that become 0, 1 and 2.

    With ``terminal`` it is a group of its own in our session, which can be lent the terminal. Any other gets a session of its own: a program that wants to
    ask for a password then fails and says so, where in the terminal's background it would be stopped for ever.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: str
    stdin: int
    stdout: int
    stderr: int
    terminal: bool = False


def find_executable(name: str, search: str, cwd: str) -> str:
    """Return the path that ``name`` is started by.

    Args:
        name: A bare name is looked up in ``search``; one with a slash is relative to ``cwd``.
        search: The step's own PATH.
        cwd: The step's folder.

    Raises:
        StartProblem: Not found (127) or not executable (126).
    """
    if "/" in name:
        path = os.path.join(cwd, name)
        if not os.path.exists(path):
            raise StartProblem(f"no such file: {name} (in {cwd})", 127)
        if not os.access(path, os.X_OK) or os.path.isdir(path):
            raise StartProblem(f"not executable: {name}", 126, hint=f"chmod +x {name}")
        return path
    for folder in search.split(os.pathsep):
        path = os.path.join(cwd, folder, name)
        if os.access(path, os.X_OK) and not os.path.isdir(path):
            return path
    raise StartProblem(f"command not found: {name}", 127, hint=f"install {name}, or put its folder on PATH")


def start(command: Command) -> int:
    """Start a process and return its pid, which is also its group's.

    Raises:
        StartProblem: It can't be executed.
    """
    name = command.argv[0]
    search = command.env.get("PATH", os.defpath)
    try:
        if command.cwd != _here():
            os.chdir(command.cwd)  # posix_spawn has no folder of its own; the runner is one process for one run
        if os.environ.get("PATH") != search:
            os.environ["PATH"] = search  # the C library looks for programs where the caller would
        return os.posix_spawnp(
            name,
            command.argv,
            command.env,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, command.stdin, 0),
                (os.POSIX_SPAWN_DUP2, command.stdout, 1),
                (os.POSIX_SPAWN_DUP2, command.stderr, 2),
            ],
            setsigmask=(),
            setsigdef=_DEFAULT_SIGNALS,
            **({"setpgroup": 0} if command.terminal else {"setsid": True}),
        )
    except ValueError as error:
        raise StartProblem(f"can't start {name}: {error}", 126) from error
    except OSError as error:
        path = find_executable(name, search, command.cwd)  # says it better when it is not there
        raise StartProblem(f"can't start {name}: {_why(error, path)}", 126, hint=_hint(error)) from error


def _here() -> str:
    """Return the folder that this process stands in, empty when it is gone: a step may have removed it, or its working copy was dropped."""
    try:
        return os.getcwd()
    except OSError:
        return ""


def _why(error: OSError, path: str) -> str:
    import errno

    if error.errno == errno.ENOENT and (interpreter := _interpreter(path)):
        return f"its first line names {interpreter}, which is not there"
    if error.errno == errno.ENOEXEC:
        return "it is neither a program nor a script with a first line #!interpreter"
    return error.strerror or str(error)


def _interpreter(path: str) -> str:
    """Return what a script's first line asks for, empty when it has none."""
    try:
        with open(path, "rb") as file:
            line = file.readline(256)
    except OSError:
        return ""
    return line[2:].decode("utf-8", "replace").strip() if line.startswith(b"#!") else ""


def _hint(error: OSError) -> str | None:
    import errno

    if error.errno == errno.E2BIG:
        return "arguments and environment are too large for the system: pass large values by file"
    if error.errno == errno.ENOEXEC:
        return "add a first line such as #!/bin/sh"
    return None


class Ends:
    """The ends of child processes: a descriptor for a selector, and the pids with their exit codes."""

    def __init__(self) -> None:
        self.fd, self._write = os.pipe()
        os.set_blocking(self.fd, False)
        os.set_blocking(self._write, False)
        signal.signal(signal.SIGCHLD, _noted)
        signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)

    def drain(self) -> bytes:
        """Return the numbers of the signals that came, one byte each."""
        try:
            return os.read(self.fd, 4096)
        except BlockingIOError:
            return b""

    def reap(self) -> Iterator[tuple[int, int | None]]:
        """Yield ``(pid, exit code)`` of every child that ended, -n for one that signal n ended; None for one that was stopped."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG | os.WUNTRACED)
            except ChildProcessError:
                return
            if pid == 0:
                return
            yield pid, None if os.WIFSTOPPED(status) else os.waitstatus_to_exitcode(status)


def _noted(_signum: int, _frame: object) -> None:
    """Let the wake-up descriptor be written: Python does that only for signals that have a handler."""


@record(frozen=False)
class Ending:
    """The end of a step's whole tree: SIGTERM, then after ``grace`` seconds SIGKILL, then a list of what would not go.

    The tree is the step's process group, what descends from its process, and what carries the step's marks in its environment (a process that
    became a daemon). :meth:`step` is called again and again until it says that nothing is left or that it gives up.
    """

    pid: int
    marks: list[bytes]
    grace: float
    begun: float = field(default_factory=time.monotonic)
    killing: bool = False

    GIVE_UP = 10.0

    def members(self) -> list[Entry]:
        """Return what still lives of the tree."""
        own = {e.pid for e in proctable.descendants(self.pid)} | {self.pid}
        return [
            e for e in proctable.descendants(os.getpid()) if e.pid in own or e.group == self.pid or proctable.carries(e.pid, self.marks)
        ]

    def begin(self, signum: int = signal.SIGTERM) -> None:
        """Send the first signal to all of the tree (a stopped process is woken, or it would not notice)."""
        self.killing = signum == signal.SIGKILL
        self._send(signum, self.members())

    def _send(self, signum: int, members: list[Entry]) -> None:
        try:
            os.killpg(self.pid, signum)
            os.killpg(self.pid, signal.SIGCONT)
        except (ProcessLookupError, PermissionError):
            pass
        for e in members:
            if e.group != self.pid:
                proctable.send(e.pid, signum)
                proctable.send(e.pid, signal.SIGCONT)

    def step(self) -> list[Entry] | None:
        """Look again: None means «not over yet»; a list means over, with what could not be ended."""
        members = self.members()
        if not members:
            return []
        passed = time.monotonic() - self.begun
        if passed > self.grace + self.GIVE_UP:
            return members
        if self.killing or passed > self.grace:
            self.killing = True
            self._send(signal.SIGKILL, members)
        return None
