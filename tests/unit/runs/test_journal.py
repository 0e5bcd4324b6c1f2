"""The journal: whole lines or none."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ropeway.errors import StoreError
from ropeway.runs.events import RunEvent, Stamp, parse_line, seconds
from ropeway.runs.journal import Journal, read_events

if TYPE_CHECKING:
    from pathlib import Path

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(), v, max_size=3)
)


@given(st.dictionaries(st.text().filter(lambda k: k not in ("seq", "at", "event", "crc")), VALUES, max_size=4))
def test_a_line_reads_back_as_it_was_written(data: dict) -> None:
    event = RunEvent(7, "2026-01-01T00:00:00.000000Z", "step.finished", data)
    assert parse_line(event.line()) == event


@given(st.integers(0, 200), st.integers(0, 255))
def test_a_changed_byte_is_noticed(place: int, byte: int) -> None:
    line = RunEvent(7, "2026-01-01T00:00:00.000000Z", "step.finished", {"step": "build", "exit_code": 3}).line()
    place %= len(line)
    changed = line[:place] + bytes([byte]) + line[place + 1 :]
    assert (parse_line(changed) is None) == (changed != line)


@given(st.floats(0, 4e9))
def test_a_time_reads_back_to_the_microsecond(now: float) -> None:
    assert abs(seconds(Stamp()(now)) - now) < 2e-6


def written(path: Path, count: int) -> list[RunEvent]:
    journal = Journal(path)
    events = [journal.add("step.finished", {"step": f"s{i}"}) for i in range(count)]
    journal.close()
    return events


@pytest.mark.parametrize("cut", [1, 5, 30, 60])
def test_a_torn_last_line_is_left_out_and_cut_off_before_the_next_write(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "journal"
    events = written(path, 3)
    path.write_bytes(path.read_bytes()[:-cut])
    assert list(read_events(path)) == events[:2]
    more = written(path, 1)
    assert list(read_events(path)) == [*events[:2], *more]
    assert more[0].seq == 3


def test_a_line_that_is_still_being_written_is_no_damage(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    events = written(path, 200)
    whole = path.read_bytes()
    for size in range(0, len(whole), 997):
        path.write_bytes(whole[:size])
        reading = read_events(path)
        found = list(islice(reading, 3))
        with path.open("ab") as file:  # the writer goes on while we read
            file.write(whole[size:])
        found += list(reading)
        assert found == events[: len(found)]
        path.unlink()


@pytest.mark.parametrize("number", [0, 1])
def test_a_damaged_line_in_the_middle_is_named_by_reader_and_writer(tmp_path: Path, number: int) -> None:
    path = tmp_path / "journal"
    written(path, 3)
    lines = path.read_bytes().splitlines(keepends=True)
    lines[number] = lines[number].replace(b"step.finished", b"step.vanished")
    path.write_bytes(b"".join(lines))
    with pytest.raises(StoreError, match=f"journal:{number + 1}: .*damaged"):
        list(read_events(path))
    with pytest.raises(StoreError, match=f"journal:{number + 1}: .*damaged"):
        Journal(path)
    assert path.read_bytes() == b"".join(lines)


def test_reading_goes_on_after_a_number(tmp_path: Path) -> None:
    events = written(tmp_path / "journal", 5)
    assert list(read_events(tmp_path / "journal", after=3)) == events[3:]
    assert list(read_events(tmp_path / "missing")) == []


def test_a_journal_that_can_not_be_opened_says_why(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="No such file or directory"):
        Journal(tmp_path / "missing" / "journal")
    (tmp_path / "folder").mkdir()
    with pytest.raises(StoreError, match="can't read"):
        list(read_events(tmp_path / "folder"))


def test_durable_journals_write_the_same(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal", power=True)
    event = journal.add("run.created", {})
    journal.flush()
    assert list(read_events(tmp_path / "journal")) == [event]
    journal.close()
