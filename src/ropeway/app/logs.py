"""Reading a run's logs: whole, one step's, from a time on, or as they grow."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ropeway.errors import NotFound
from ropeway.records import record
from ropeway.runs import logs as files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ropeway.runs.events import RunEvent
    from ropeway.runs.folder import RunFolder

POLL = 0.05


@record
class Chunk:
    """Some bytes that a step printed; ``at`` is seconds since the epoch, to 50 ms."""

    step: str
    attempt: int
    stream: files.Stream
    at: float
    data: bytes


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
        for event in folder.events(after=reading.seq):
            if follow:
                yield from reading.pieces()
                yield event
            reading.take(event)
            if not follow:
                yield from reading.pieces()
        yield from reading.pieces()
        if not owned:
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
        self.seq = 0

    def take(self, event: RunEvent) -> None:
        """Note which logs there are to read."""
        self.seq = event.seq
        data = event.data
        if event.event == "step.started" and data.get("log") is not None:
            wanted = self._step is None or _covers(self._step, data["step"])
            if wanted and self._attempt in (None, data["attempt"]):
                self._open[(data["step"], data["attempt"])] = files.Reader(self._folder.logs, data["log"])
        elif event.event in ("step.finished", "step.retrying"):
            key = (data["step"], data.get("attempt", 0))
            if "log" in data:  # nothing was printed, and the pair of files serves another attempt
                self._open.pop(key, None)
            else:
                self._ended.add(key)

    def pieces(self) -> Iterator[Chunk]:
        """Yield what the open logs have that was not yielded yet."""
        for key, reader in list(self._open.items()):
            for piece in reader.read():
                if self._since is None or piece.at >= self._since:
                    yield Chunk(*key, piece.stream, piece.at, piece.data)
            if key in self._ended:
                self._ended.discard(key)
                del self._open[key]
