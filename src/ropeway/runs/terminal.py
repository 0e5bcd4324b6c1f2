"""The terminal of a run: who may read from it.

The runner works in a process group of its own, in the terminal's background. An interactive step, and a question to the person, need the foreground: they are lent
the terminal one at a time, and it goes back to the group that the run was started in.
"""

from __future__ import annotations

import contextlib
import os


class Terminal:
    """The controlling terminal, or nothing when there is none."""

    def __init__(self) -> None:
        try:
            self._fd = os.open("/dev/tty", os.O_RDWR | os.O_CLOEXEC | os.O_NOCTTY)
            self._home = os.tcgetpgrp(self._fd)
        except OSError:
            self._fd = -1
            self._home = -1
        self._saved: list[object] | None = None
        self.lent = False

    def lend(self, group: int) -> bool:
        """Make ``group`` the foreground; returns whether there is a terminal to lend."""
        if self._fd < 0 or self.lent:
            return False
        import termios

        with contextlib.suppress(termios.error):
            self._saved = termios.tcgetattr(self._fd)
        try:
            os.tcsetpgrp(self._fd, group)
        except OSError:
            return False
        self.lent = True
        return True

    def take_back(self) -> None:
        """Give the terminal to the group it came from, in the mode in which it was."""
        if not self.lent:
            return
        import termios

        self.lent = False
        with contextlib.suppress(OSError):
            os.tcsetpgrp(self._fd, self._home)
        if self._saved is not None:
            with contextlib.suppress(termios.error):
                termios.tcsetattr(self._fd, termios.TCSADRAIN, self._saved)  # type: ignore[arg-type]
