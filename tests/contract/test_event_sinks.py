"""What every place that takes a run's events must do: the journal, and the list that tests and benchmarks use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ropeway.runs.events import parse_line
from ropeway.runs.journal import EventSink, Journal, MemoryJournal, read_events

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ropeway.runs.events import RunEvent


class Sink:
    """A sink under test, and a way to see what counts in it."""

    def __init__(self, sink: EventSink, kept: Callable[[], list[RunEvent]]) -> None:
        self.sink = sink
        self.kept = kept


@pytest.fixture(params=["journal", "journal synced each turn", "memory"])
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Sink:
    if request.param == "memory":
        memory = MemoryJournal()
        return Sink(memory, lambda: memory.events)
    path = tmp_path / "journal"
    return Sink(Journal(path, power="synced" in request.param), lambda: list(read_events(path)))


def test_events_are_kept_in_the_order_in_which_they_came_and_counted_from_one(made: Sink) -> None:
    for name in ("run.created", "run.started", "run.finished"):
        made.sink.add(name, {"state": name})
    made.sink.flush()
    assert [(e.seq, e.event, e.data["state"]) for e in made.kept()] == [
        (1, "run.created", "run.created"),
        (2, "run.started", "run.started"),
        (3, "run.finished", "run.finished"),
    ]


def test_what_was_added_is_what_add_returned(made: Sink) -> None:
    event = made.sink.add("step.finished", {"step": "a", "outputs": {"text": "ä\n\0\ud800", "list": [1, None, True]}})
    made.sink.flush()
    assert made.kept() == [event]


def test_an_event_counts_after_a_flush_and_stays_after_a_sync_and_a_close(made: Sink) -> None:
    made.sink.add("run.created", {})
    made.sink.flush()
    assert len(made.kept()) == 1
    made.sink.add("run.started", {})
    made.sink.sync()
    made.sink.add("run.finished", {"state": "succeeded"})
    made.sink.close()
    assert [e.event for e in made.kept()] == ["run.created", "run.started", "run.finished"]


def test_every_line_reads_back(made: Sink) -> None:
    for number in range(50):
        made.sink.add("step.started", {"step": f"s{number}", "attempt": 1})
    made.sink.flush()
    events = made.kept()
    assert [parse_line(e.line()) for e in events] == events


def test_a_flush_with_nothing_to_write_changes_nothing(made: Sink) -> None:
    made.sink.flush()
    made.sink.sync()
    assert made.kept() == []
