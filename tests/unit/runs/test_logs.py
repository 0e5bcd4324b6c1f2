"""Two files per attempt, read in the order in which they grew."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from ropeway.errors import StoreError
from ropeway.runs.logs import Logs, Reader, tail

if TYPE_CHECKING:
    from pathlib import Path


def test_both_streams_are_read_in_the_order_of_the_notes(tmp_path: Path) -> None:
    logs = Logs(tmp_path)
    pair = logs.take()
    for fd, text in ((pair.out, b"one\n"), (pair.err, b"two\n"), (pair.out, b"three\n")):
        os.write(fd, text)
        logs.note(pair)
    os.write(pair.err, b"four\n")
    reader = Reader(tmp_path, pair.number)
    assert [(p.stream, p.data) for p in reader.read()] == [
        ("stdout", b"one\n"), ("stderr", b"two\n"), ("stdout", b"three\n"), ("stderr", b"four\n"),
    ]  # fmt: skip
    os.write(pair.out, b"five\n")
    assert [(p.stream, p.data) for p in reader.read()] == [("stdout", b"five\n")]
    assert list(reader.read()) == []


def test_large_output_is_read_in_pieces(tmp_path: Path) -> None:
    pair = Logs(tmp_path).take()
    os.write(pair.out, b"x" * 2_500_000)
    pieces = [len(p.data) for p in Reader(tmp_path, pair.number).read()]
    assert sum(pieces) == 2_500_000
    assert max(pieces) <= 2**20


def test_a_pair_nobody_wrote_to_serves_the_next_attempt(tmp_path: Path) -> None:
    logs = Logs(tmp_path)
    first = logs.take()
    assert logs.give_back(first, reusable=True) is False
    second = logs.take()
    assert second is first
    os.write(second.err, b"x")
    assert logs.give_back(second, reusable=True) is True
    third = logs.take()
    assert third.number == 2
    assert logs.give_back(third, reusable=False) is False  # something that still lives may print into it
    assert logs.take().number == 3
    logs.close()


def test_numbers_go_on_after_a_resume(tmp_path: Path) -> None:
    pair = Logs(tmp_path).take()
    os.write(pair.out, b"x")
    assert Logs(tmp_path).take().number == 2


def test_unused_pairs_leave_no_files(tmp_path: Path) -> None:
    logs = Logs(tmp_path)
    logs.give_back(logs.take(), reusable=True)
    logs.close()
    assert list(tmp_path.iterdir()) == []


def test_a_missing_log_is_empty(tmp_path: Path) -> None:
    assert list(Reader(tmp_path, 9).read()) == []
    assert tail(tmp_path, 9) == []


def test_the_tail_is_of_standard_error_when_it_printed_there(tmp_path: Path) -> None:
    pair = Logs(tmp_path).take()
    os.write(pair.out, b"".join(b"line %d\n" % i for i in range(20)))
    assert tail(tmp_path, pair.number, lines=2) == ["line 18", "line 19"]
    os.write(pair.err, b"cause\n\n")
    assert tail(tmp_path, pair.number, lines=2) == ["cause"]


def test_a_log_folder_that_can_not_be_used_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="can't use the log folder"):
        Logs(tmp_path / "file")
