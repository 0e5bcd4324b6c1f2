"""A run's pair of processes: the guardian, which was started and waits, and the runner, which works.

The started process forks at once and stays as guardian. Its child, the runner, works in a process group of its own. Both are *child subreapers*
(Linux, ``prctl(2)`` PR_SET_CHILD_SUBREAPER), so that whatever a step leaves behind becomes theirs. Two life pipes join them: when one dies, even
by ``kill -9``, the other kills every descendant until none is left. The lock's descriptor is shared by both, so the run has an owner as long as
one of them lives.

The guardian keeps the terminal's job: it passes on SIGINT, SIGTERM and SIGHUP, stops when the runner stops (Ctrl-Z), and ends with the
runner's exit status. Elsewhere than on Linux there is no subreaper; there the runner kills by process group and by descent.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

from ropeway.runs import proctable

if TYPE_CHECKING:
    from collections.abc import Callable

_PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
_PR_SET_CHILD_SUBREAPER = 36


def become_subreaper() -> None:
    """Let orphaned descendants become children of this process; does nothing where there is no such thing."""
    if sys.platform != "linux":
        return
    import ctypes

    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def carry_out(work: Callable[[int], int]) -> int:
    """Run ``work`` in the runner and guard it.

    Args:
        work: Called in the runner with a descriptor that becomes readable (end of file) when the guardian has died; returns the exit
            status. It ends the runner's own descendants before it returns.

    Returns:
        The exit status, in the guardian; 128 + n when the runner was killed by signal n. Never returns in the runner.
    """
    become_subreaper()  # before the fork, so that the runner finds ctypes loaded when it does the same
    life_read, life_write = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    guardian = os.getpid()
    signal.pthread_sigmask(signal.SIG_BLOCK, _PASSED_ON)
    runner = os.fork()
    if runner == 0:
        os.close(life_write)
        _run(work, life_read, guardian)
    os.close(life_read)
    try:
        return _guard(runner)
    finally:
        os.close(life_write)


def _run(work: Callable[[int], int], life: int, guardian: int) -> None:
    os.setpgid(0, 0)
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)  # the runner prints, and hands the terminal over, from the background
    become_subreaper()
    if os.getppid() != guardian:
        os._exit(1)  # it died before we were ready
    status = work(life)  # an unforeseen exception goes up to the caller's one boundary, which reports it, in this process
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(status)


def _guard(runner: int) -> int:
    previous: dict[int, Any] = {}

    def pass_on(signum: int, _frame: object) -> None:
        proctable.send(runner, signum)

    for one in _PASSED_ON:
        if signal.getsignal(one) is not signal.SIG_IGN:  # nohup
            previous[one] = signal.signal(one, pass_on)
    previous[signal.SIGTSTP] = signal.signal(signal.SIGTSTP, pass_on)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _PASSED_ON)
    try:
        status = _wait(runner)
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    proctable.kill_descendants(os.getpid())
    return status


def _wait(runner: int) -> int:
    """Wait for the runner; reap orphans on the way; stop and go on together with it."""
    while True:
        pid, status = os.waitpid(-1, os.WUNTRACED)
        if pid != runner:
            continue
        if os.WIFSTOPPED(status):
            os.kill(os.getpid(), signal.SIGSTOP)
            proctable.send(runner, signal.SIGCONT)
            continue
        code = os.waitstatus_to_exitcode(status)
        return code if code >= 0 else 128 - code
