"""The notes in a working copy: written to the letter, read with care."""

from __future__ import annotations

import json
import os
import re
import time
from pathlib import Path

import pytest

from ropeway.errors import NotFound, Refused, StoreError
from ropeway.workspaces import metadata

WHOLE = {
    "tools_version": "e3b0",
    "workspace_id": "w",
    "repo_root": "/r",
    "workspace_path": "/c/w",
    "status": "idle",
    "direnv_allowed": False,
    "command": ["echo", "ü"],
    "created_at": "2026-01-31T12:00:00+01:00",
    "updated_at": "2026-01-31T12:00:00+01:00",
    "workflow": "ci",
    "base_change": "@",
    "tools_source": "/r",
    "tools_copy": "/c/w/.agent-tools",
}


def test_the_file_has_its_keys_in_order_an_indent_of_two_and_a_newline_at_its_end(tmp_path: Path) -> None:
    metadata.write(str(tmp_path), {"backend": "git", **WHOLE})
    assert (tmp_path / ".agent-tools/.agent-workflow.json").read_text() == (
        "{\n"
        '  "workspace_id": "w",\n'
        '  "repo_root": "/r",\n'
        '  "workspace_path": "/c/w",\n'
        '  "status": "idle",\n'
        '  "direnv_allowed": false,\n'
        '  "command": [\n'
        '    "echo",\n'
        '    "\\u00fc"\n'
        "  ],\n"
        '  "created_at": "2026-01-31T12:00:00+01:00",\n'
        '  "updated_at": "2026-01-31T12:00:00+01:00",\n'
        '  "workflow": "ci",\n'
        '  "base_change": "@",\n'
        '  "tools_source": "/r",\n'
        '  "tools_copy": "/c/w/.agent-tools",\n'
        '  "tools_version": "e3b0",\n'
        '  "backend": "git"\n'
        "}\n"
    )
    assert (tmp_path / ".agent-tools/.gitignore").read_text() == "*\n"
    assert sorted(p.name for p in (tmp_path / ".agent-tools").iterdir()) == [".agent-workflow.json", ".gitignore"]


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    metadata.write(str(tmp_path), WHOLE)
    assert metadata.read(str(tmp_path)) == WHOLE


@pytest.mark.parametrize(("zone", "offset"), [("UTC", "+00:00"), ("XYZ-05:30", "+05:30"), ("XYZ3", "-03:00")])
def test_times_are_local_with_their_offset_to_the_second(zone: str, offset: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        assert re.fullmatch(rf"\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d{re.escape(offset)}", metadata.now())
    finally:
        monkeypatch.undo()
        time.tzset()


def test_an_update_keeps_every_other_key_those_that_nobody_knows_too(tmp_path: Path) -> None:
    (tmp_path / ".agent-tools").mkdir()
    path = tmp_path / ".agent-tools/.agent-workflow.json"
    path.write_text(json.dumps({"theirs": {"a": [1]}, "status": "idle", "workspace_id": "w", "updated_at": "before"}))
    found = metadata.update(str(tmp_path), {"status": "running"})
    assert found == json.loads(path.read_text())
    assert found["updated_at"] != "before"
    assert (found["theirs"], found["status"], found["workspace_id"]) == ({"a": [1]}, "running", "w")


def test_a_folder_without_the_file_has_no_metadata(tmp_path: Path) -> None:
    with pytest.raises(NotFound) as caught:
        metadata.read(str(tmp_path))
    assert caught.value.message == f"{tmp_path} has no metadata"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "Expecting value in line 1"),
        (b'{"status":\n', "Expecting value in line 2"),
        (b"[1]", "it holds no object"),
        (b'"\xff"', "it is not UTF-8"),
        (b"[" * 100_000, "it is nested too deeply or holds a number out of bounds"),
    ],
)
def test_a_damaged_file_is_told_and_left_as_it_is(tmp_path: Path, content: bytes, why: str) -> None:
    (tmp_path / ".agent-tools").mkdir()
    path = tmp_path / ".agent-tools/.agent-workflow.json"
    path.write_bytes(content)
    for call in (lambda: metadata.read(str(tmp_path)), lambda: metadata.update(str(tmp_path), {"status": "done"})):
        with pytest.raises(StoreError) as caught:
            call()
        assert caught.value.message == f"{path} is damaged: {why}"
        assert caught.value.hint is not None
    assert path.read_bytes() == content


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / ".agent-tools").symlink_to(outside)
    for call in (lambda: metadata.write(str(copy), WHOLE), lambda: metadata.read(str(copy))):
        with pytest.raises(Refused):
            call()
    assert list(outside.iterdir()) == []


def test_a_link_in_the_place_of_the_file_is_refused_for_reading_and_replaced_by_writing(tmp_path: Path) -> None:
    outside = tmp_path / "outside.json"
    outside.write_text("{}")
    (tmp_path / ".agent-tools").mkdir()
    path = tmp_path / ".agent-tools/.agent-workflow.json"
    path.symlink_to(outside)
    with pytest.raises(Refused):
        metadata.read(str(tmp_path))
    metadata.write(str(tmp_path), WHOLE)
    assert outside.read_text() == "{}"
    assert not path.is_symlink()


def test_a_pipe_in_the_place_of_the_file_makes_nobody_wait(tmp_path: Path) -> None:
    (tmp_path / ".agent-tools").mkdir()
    os.mkfifo(tmp_path / ".agent-tools/.agent-workflow.json")
    with pytest.raises(StoreError):
        metadata.read(str(tmp_path))


@pytest.mark.skipif(os.geteuid() == 0, reason="expected: root may write everywhere")
def test_a_folder_that_can_not_be_written_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError) as caught:
        metadata.write(str(tmp_path), WHOLE)
    assert "Permission denied" in caught.value.message
