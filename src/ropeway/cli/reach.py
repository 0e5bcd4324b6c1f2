"""What commands share that may reach for something elsewhere: the question before a source is first used, and how far a transfer has come.

Knows nothing of click: a run of a locked workflow passes here, and a line without options is understood without it.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ropeway.cli.console import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ropeway.app.consent import Question
    from ropeway.app.sources import Sources
    from ropeway.cli.console import Console
    from ropeway.registry import Kind

__all__ = ["TransferLine", "interruptible", "sources_for"]


@contextmanager
def interruptible(console: Console, kept: str) -> Iterator[None]:
    """Say what becomes of a transfer that a person stops with Ctrl-C."""
    try:
        yield
    except KeyboardInterrupt:
        console.progress("")
        console.say(f"Stopped. {kept}")
        console.flush()
        raise


def sources_for(
    console: Console,
    *,
    locked: bool = False,
    offline: bool = False,
    trust: tuple[str, ...] = (),
    lock: bool = False,
    kind: Kind = "workflow",
) -> Sources:
    """Return where references of a command lead; asks on a terminal, and tells on stderr."""
    from ropeway.app.sources import Sources
    from ropeway.cli.watching import interactive

    return Sources(
        locked=locked,
        offline=offline,
        lock=lock,
        kind=kind,
        trust=trust,
        ask=(lambda question: _ask(console, question)) if interactive(console) else None,
        tell=lambda text: console.say(clean(text, lines=True)),
        progress=TransferLine(console),
        notice=_newer,
    )


def _newer(registry: str, sources: Sources) -> Iterable[str]:
    from ropeway.app.registry_news import notice

    return notice(registry, sources)


def _ask(console: Console, question: Question) -> bool:
    console.progress("")
    console.say(f"{console.styled(clean(question.reference), 'bold', err=True)} is new here.")
    for line in question.lines():
        console.say("  " + clean(line))
    try:
        answer = input("Trust it? [y/N] ")
    except EOFError:
        answer = ""
    return answer.strip().lower() in {"y", "yes"}


class TransferLine:
    """Shows transfers on one line of stderr that redraws itself; without a terminal it shows nothing.

    Args:
        console: The printer.
        clock: Gives seconds.
    """

    _WAIT = 0.3  # a transfer that is over sooner is not worth a line
    _EVERY = 0.1

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._lock = threading.Lock()
        self._what = ""
        self._total: int | None = None
        self._done = 0
        self._began = self._next = 0.0

    def begin(self, what: str, total: int | None) -> None:
        """Something begins; ``total`` is in bytes."""
        with self._lock:
            self._what, self._total, self._done = what, total, 0
            self._began = self._clock()
            self._next = self._began + self._WAIT

    def advance(self, done: int) -> None:
        """So many more bytes have passed."""
        with self._lock:
            self._done += done
            now = self._clock()
            if now < self._next:
                return
            self._next = now + self._EVERY
            self._console.progress(self._line(now))

    def end(self) -> None:
        """It is over, well or not."""
        with self._lock:
            self._console.progress("")

    def _line(self, now: float) -> str:
        from ropeway.cli.text import size

        rate = f"{size(int(self._done / max(now - self._began, 0.001)))}/s"
        amount = size(self._done) if not self._total else f"{100 * self._done // self._total} % of {size(self._total)}"
        return clean(f"{self._what}  {amount}  {rate}")[: self._console.width - 1]
