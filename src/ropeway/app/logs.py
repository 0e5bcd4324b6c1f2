"""What the steps of a run printed, read from its folder: once, or as it grows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ropeway.errors import NotFound
from ropeway.lang.hints import did_you_mean
from ropeway.runs.logs import Reader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ropeway.runs.events import RunEvent
    from ropeway.runs.folder import RunFolder
    from ropeway.runs.logs import Stream
    from ropeway.runs.state import RunState, StepState

__all__ = ["Chunk", "Wanted", "follow", "read"]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some bytes that one attempt of a step printed; ``at`` is seconds since the epoch, to 50 ms."""

    step: str
    attempt: int
    stream: Stream
    at: float
    data: bytes


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which output: of one step (with its instances, iterations and inner steps), one attempt, one stream, since a time.

    None means all; the attempt counts from 1, ``since`` is seconds since the epoch.
    """

    step: str | None = None
    attempt: int | None = None
    stream: Stream | None = None
    since: float | None = None

    def includes(self, address: str) -> bool:
        """Whether a step's address is wanted."""
        return self.step is None or address == self.step or address.startswith(tuple(self.step + mark for mark in "[#/"))


def read(folder: RunFolder, state: RunState, wanted: Wanted) -> Iterator[Chunk]:
    """Yield what was printed so far, step by step in the order in which they started.

    Raises:
        NotFound: The run has no such step or attempt.
    """
    steps = _chosen(state, wanted)
    for step in sorted(steps, key=lambda s: s.started_at or "~"):
        for attempt, number in enumerate(step.logs, 1):
            if number is not None and wanted.attempt in (None, attempt):
                yield from _chunks(Reader(folder.logs, number), step.id, attempt, wanted)


def follow(folder: RunFolder, state: RunState, wanted: Wanted, wait: Callable[[], None]) -> Iterator[Chunk | RunEvent]:
    """Yield what was printed and what happened, from the beginning, until the run ends or waits for nobody.

    Args:
        folder: The run.
        state: Its state as read before; it is brought up to date.
        wanted: Which output.
        wait: Called when there is nothing new; sleeps a moment.
    """
    from ropeway.runs.state import apply

    _chosen(state, wanted)
    readers: dict[tuple[str, int], Reader] = {}
    seen = 0
    while True:
        owned = folder.owned  # asked first: what the owner wrote before it ended is then read below
        new = 0
        for event in folder.events(after=seen):
            seen, new = event.seq, new + 1
            apply(state, event)
            if wanted.includes(event.step) or not event.step:
                yield event
        for step in list(state.steps.values()):
            if not wanted.includes(step.id):
                continue
            for attempt, number in enumerate(step.logs, 1):
                if number is not None and wanted.attempt in (None, attempt):
                    reader = readers.setdefault((step.id, attempt), Reader(folder.logs, number))
                    for chunk in _chunks(reader, step.id, attempt, wanted):
                        new += 1
                        yield chunk
        if not owned:
            return
        if not new:
            wait()


def _chosen(state: RunState, wanted: Wanted) -> list[StepState]:
    steps = [s for s in state.steps.values() if wanted.includes(s.id)]
    if wanted.step is not None and not steps:
        hint = did_you_mean(wanted.step, state.steps) or f"`workflow status {state.run}` shows its steps"
        raise NotFound(f"run {state.run} has no step {wanted.step!r}", hint=hint, code="step-not-found")
    if wanted.attempt is not None and all(len(s.logs) < wanted.attempt for s in steps):
        most = max((len(s.logs) for s in steps), default=0)
        raise NotFound(f"there is no attempt {wanted.attempt}", hint=f"there were {most}", code="attempt-not-found")
    return steps


def _chunks(reader: Reader, step: str, attempt: int, wanted: Wanted) -> Iterator[Chunk]:
    for piece in reader.read():
        if wanted.stream in (None, piece.stream) and (wanted.since is None or piece.at >= wanted.since):
            yield Chunk(step, attempt, piece.stream, piece.at, piece.data)
