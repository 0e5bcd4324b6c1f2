"""The terminal of a run: who may read from it.

The runner works in a process group of its own, in the terminal's background. An interactive step, and a question to the person, need the foreground: they are lent
the terminal one at a time, and it goes back to the group that the run was started in.
"""

from __future__ import annotations

import contextlib
import os
import signal


class Terminal:
    """The controlling terminal, or nothing when there is none."""

    def __init__(self) -> None:
        """Find the terminal; the parent process is the guardian, whose group is the shell's job."""
        self._home = os.getpgid(os.getppid())
        try:
            self._fd = os.open("/dev/tty", os.O_RDWR | os.O_CLOEXEC | os.O_NOCTTY)
        except OSError:
            self._fd = -1
        self._saved: list[object] | None = None
        self.lent = 0
        """The group that has the terminal, 0 when it is at home."""

    def lend(self, group: int) -> bool:
        """Make ``group`` the foreground; returns whether there is a terminal to lend.

        A job that the shell has put into the background stops here until it is brought back, as any program does that reads from there.
        """
        if self._fd < 0 or self.lent:
            return False
        import termios

        try:
            while os.tcgetpgrp(self._fd) != self._home:
                os.kill(os.getpid(), signal.SIGSTOP)
            self._saved = termios.tcgetattr(self._fd)
            os.tcsetpgrp(self._fd, group)
        except (OSError, termios.error):
            return False
        self.lent = group
        return True

    def take_back(self) -> int:
        """Give the terminal to the group it came from, in the mode in which it was; returns the group that had it, 0 for none."""
        group, self.lent = self.lent, 0
        if not group:
            return 0
        import termios

        with contextlib.suppress(OSError):
            os.tcsetpgrp(self._fd, self._home)
        if self._saved is not None:
            with contextlib.suppress(termios.error):
                termios.tcsetattr(self._fd, termios.TCSADRAIN, self._saved)  # type: ignore[arg-type]
        return group
