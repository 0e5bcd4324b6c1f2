"""A handful of threads that work through a list. The first failure stops the others at their next step."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["Stopped", "Stopping", "run"]

_T = TypeVar("_T")

_MOMENT: Final = 0.5
_PATIENCE: Final = 2.0


class Stopped(Exception):
    """Raised in a worker whose result nobody waits for any more."""


class Stopping:
    """Tells workers to end."""

    def __init__(self) -> None:
        self.asked = False

    def check(self) -> None:
        """Raise :class:`Stopped` when the work is to end."""
        if self.asked:
            raise Stopped


def run(work: Callable[[_T, Stopping], None], items: Iterable[_T], workers: int, interrupt: Callable[[], None] | None = None) -> None:
    """Do the work for every item, ``workers`` at once; raise the first error when the others have stopped.

    ``work`` calls :meth:`Stopping.check` between its pieces; ``interrupt`` wakes those that wait for somebody else.
    """
    waiting = list(items)[::-1]
    stopping = Stopping()
    failures: list[BaseException] = []

    def worker() -> None:
        while not stopping.asked:
            try:
                item = waiting.pop()
            except IndexError:
                return
            try:
                work(item, stopping)
            except Stopped:
                return
            except BaseException as error:  # raised again, in the thread that waits
                failures.append(error)
                stopping.asked = True
                if interrupt is not None and len(failures) == 1:
                    interrupt()
                if not isinstance(error, Exception):
                    raise  # Ctrl-C: nobody waits for the others

    # The thread that waits works too: one item needs no thread at all.
    threads = [threading.Thread(target=worker, name="transfer", daemon=True) for _ in range(min(workers, len(waiting)) - 1)]
    for thread in threads:
        thread.start()
    patience = _PATIENCE
    try:
        worker()
        for thread in threads:
            while thread.is_alive():
                thread.join(_MOMENT)
                if failures and (patience := patience - _MOMENT) <= 0:
                    break  # it waits for a server that says nothing; nobody waits for it
    except BaseException:
        stopping.asked = True
        raise
    if failures:
        raise failures[0]
