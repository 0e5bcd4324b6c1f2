"""Reading a run's logs: whole, one step's, from a time on, or as they grow."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ropeway.errors import NotFound
from ropeway.records import record
from ropeway.runs import logs as files

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ropeway.runs.events import RunEvent
    from ropeway.runs.folder import RunFolder

POLL = 0.05


@record
class Chunk:
    """Some bytes that a step printed; ``at`` is seconds since the epoch, to 50 ms; ``seq`` is the number of the event that it follows."""

    step: str
    attempt: int
    stream: files.Stream
    at: float
    data: bytes
    seq: int = 0


def read(
    folder: RunFolder, *, step: str | None = None, attempt: int | None = None, since: float | None = None, follow: bool = False
) -> Iterator[Chunk | RunEvent]:
    """Yield what a run's steps printed, attempt after attempt in the order of their starts.

    Args:
        folder: The run.
        step: Only this step, its instances and iterations, and the steps inside of it.
        attempt: Only this attempt.
        since: Only what was printed after this time, in seconds since the epoch.
        follow: Go on until nobody carries the run out any more; events are yielded too, and steps that print at once take turns.

    Raises:
        NotFound: The run has no such step.
    """
    if step is not None and not any(_covers(step, known) for known in folder.state().steps):
        raise NotFound(f"run {folder.id} has no step {step!r}", hint=f"`workflow status {folder.id}` lists them", code="unknown-step")
    reading = _Reading(folder, step, attempt, since)
    while True:
        owned = folder.owned if follow else False
        # Read ahead of the events: those say afterwards which attempts printed nothing, whose files by now hold another one's output.
        ahead = list(reading.pieces())
        events = list(folder.events(after=reading.seq))
        reading.note_empty(events)
        yield from (piece for piece in ahead if (piece.step, piece.attempt) not in reading.empty)
        for event in events:
            reading.take(event)
            if not follow:
                reading.seq = event.seq
                yield from reading.pieces()
                continue
            yield from reading.pieces(ended=True)
            reading.seq = event.seq
            yield event
        if not owned:
            yield from reading.pieces()
            return
        time.sleep(POLL)


def _covers(wanted: str, address: str) -> bool:
    return address == wanted or (address.startswith(wanted) and address[len(wanted)] in "[#/")


class _Reading:
    def __init__(self, folder: RunFolder, step: str | None, attempt: int | None, since: float | None) -> None:
        self._folder = folder
        self._step = step
        self._attempt = attempt
        self._since = since
        self._open: dict[tuple[str, int], files.Reader] = {}
        self._ended: set[tuple[str, int]] = set()
        self.empty: set[tuple[str, int]] = set()
        self.seq = 0

    def note_empty(self, events: Iterable[RunEvent]) -> None:
        """Note which attempts printed nothing: their pairs of files serve others."""
        for event in events:
            if event.event in ("step.finished", "step.retrying") and "log" in event.data:
                key = (event.data["step"], event.data.get("attempt", 0))
                self.empty.add(key)
                self._open.pop(key, None)

    def take(self, event: RunEvent) -> None:
        """Note which logs there are to read."""
        data = event.data
        if event.event == "step.started" and data.get("log") is not None and (data["step"], data["attempt"]) not in self.empty:
            wanted = self._step is None or _covers(self._step, data["step"])
            if wanted and self._attempt in (None, data["attempt"]):
                self._open[(data["step"], data["attempt"])] = files.Reader(self._folder.logs, data["log"])
        elif event.event in ("step.finished", "step.retrying"):
            self._ended.add((data["step"], data.get("attempt", 0)))

    def pieces(self, *, ended: bool = False) -> Iterator[Chunk]:
        """Yield what the open logs have that was not yielded yet; with ``ended`` only those of attempts that are over."""
        for key, reader in list(self._open.items()):
            if ended and key not in self._ended:
                continue
            for piece in reader.read():
                if self._since is None or piece.at >= self._since:
                    yield Chunk(*key, piece.stream, piece.at, piece.data, self.seq)
            if key in self._ended:
                self._ended.discard(key)
                del self._open[key]
