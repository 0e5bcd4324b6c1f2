"""Waiting: descriptors that become readable, and timers. The smallest loop that a run needs, on ``selectors`` and a heap."""

from __future__ import annotations

import selectors
import time
from heapq import heappop, heappush
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Reactor:
    """Calls back in the one thread that calls :meth:`wait`."""

    def __init__(self, last: int) -> None:
        """``last`` is the descriptor whose call comes after all others that are ready in the same turn."""
        self._last = last
        self._selector = selectors.DefaultSelector()
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0  # timers of one instant go off in the order in which they were set

    def after(self, seconds: float, call: Callable[[], None]) -> None:
        """Call once, later."""
        self._count += 1
        heappush(self._timers, (time.monotonic() + seconds, self._count, call))

    def watch(self, fd: int, call: Callable[[], None]) -> None:
        """Call whenever a descriptor is readable."""
        self._selector.register(fd, selectors.EVENT_READ, call)

    def forget(self, fd: int) -> None:
        """Watch a descriptor no longer; one that is not watched is passed over."""
        if fd in self._selector.get_map():
            self._selector.unregister(fd)

    def wait(self, *, at_most: float | None = None) -> None:
        """Wait for something to happen, and call back for all that did.

        Args:
            at_most: Seconds; None waits for ever when no timer is set.
        """
        timeout = at_most
        if self._timers:
            due = max(0.0, self._timers[0][0] - time.monotonic())
            timeout = due if timeout is None else min(due, timeout)
        ready = self._selector.select(timeout)
        if len(ready) > 1:
            ready.sort(key=lambda one: one[0].fd == self._last)
        for key, _ in ready:
            key.data()
        now = time.monotonic()
        while self._timers and self._timers[0][0] <= now:
            heappop(self._timers)[2]()
