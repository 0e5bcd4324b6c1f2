"""Starting a program on our terminal and waiting for it, as a shell does: signals, stopping and the terminal's owner included."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import TYPE_CHECKING, Any

from ropeway.errors import RopewayError
from ropeway.runs import proctable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["run_in_foreground"]

_TYPED = (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP)
"""What the terminal sends to its whole foreground: the program gets it, too."""
_SENT = (signal.SIGTERM, signal.SIGHUP)
"""What somebody sends to us alone."""


def run_in_foreground(argv: Sequence[str], env: Mapping[str, str], cwd: str) -> int:
    """Start a program in our process group and wait for its end.

    What is typed to end or to stop it is for the program; when it stops, so do we, and whoever wakes us wakes it. SIGTERM and SIGHUP are passed on.

    Args:
        argv: The program, found on the PATH of ``env``, and its arguments.
        env: Its whole environment.
        cwd: Its folder.

    Returns:
        Its exit status; 128 + n when signal n ended it.

    Raises:
        RopewayError: It can't be started.
    """
    mine = _in_foreground()
    process: subprocess.Popen[bytes] | None = None

    def pass_on(signum: int, _frame: object) -> None:
        if process is not None:
            proctable.send(process.pid, signum)

    previous = _handle(pass_on)
    try:
        process = subprocess.Popen(argv, env=dict(env), cwd=cwd)
        return _wait(process)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise RopewayError(f"can't start {argv[0]}: {why}", code="start") from error
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
        if mine:
            _take_foreground()


def _handle(pass_on: Callable[[int, object], None]) -> dict[int, Any]:
    """Set the handlers and return the previous ones. Handlers, not SIG_IGN: a program starts with what is ignored still ignored."""
    previous = {}
    for signum in (*_TYPED, *_SENT):
        if signal.getsignal(signum) is not signal.SIG_IGN:  # nohup
            previous[int(signum)] = signal.signal(signum, pass_on if signum in _SENT else _left_to_the_program)
    return previous


def _left_to_the_program(_signum: int, _frame: object) -> None:
    """Do nothing: the program has got the same signal."""


def _wait(process: subprocess.Popen[bytes]) -> int:
    while True:
        _, status = os.waitpid(process.pid, os.WUNTRACED)
        if os.WIFSTOPPED(status):
            os.kill(os.getpid(), signal.SIGSTOP)
            proctable.send(process.pid, signal.SIGCONT)
            continue
        code = process.returncode = os.waitstatus_to_exitcode(status)
        return code if code >= 0 else 128 - code


def _in_foreground() -> bool:
    return _with_terminal(lambda fd: os.tcgetpgrp(fd) == os.getpgrp())


def _take_foreground() -> None:
    """Take the terminal back from a shell that ended without returning it (it was killed)."""

    def take(fd: int) -> bool:
        if os.tcgetpgrp(fd) == os.getpgrp():
            return True
        before = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        try:
            os.tcsetpgrp(fd, os.getpgrp())
        finally:
            signal.signal(signal.SIGTTOU, before)
        return True

    _with_terminal(take)


def _with_terminal(work: Callable[[int], bool]) -> bool:
    """Return what ``work`` says of our terminal, False when there is none."""
    try:
        fd = os.open("/dev/tty", os.O_RDWR | os.O_CLOEXEC | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return work(fd)
    except OSError:
        return False
    finally:
        os.close(fd)
