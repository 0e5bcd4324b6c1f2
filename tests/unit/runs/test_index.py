"""The history: derived from the journals, whatever happens to the file."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from ropeway.runs.folder import RunFolder, RunStore
from ropeway.runs.index import Filter, Index
from ropeway.runs.journal import Journal

if TYPE_CHECKING:
    from pathlib import Path

PLAN = {"version": 1, "template": {"id": "t", "steps": [{"id": "a", "kind": "argv", "argv": ["true"]}]}}


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore(tmp_path / "state")


def made(store: RunStore, state: str | None, *, workflow: str = "t", actor: str = "ann") -> RunFolder:
    folder = store.create(PLAN)
    journal = Journal(folder.journal)
    journal.add("run.created", {"format": 1, "workflow": workflow, "actor": actor, "cwd": "/"})
    if state:
        journal.add("run.started", {"workspace": "/", "pid": 1})
        journal.add("run.finished", {"state": state, "outputs": {}})
    journal.close()
    return folder


def ids(store: RunStore, **conditions: object) -> list[str]:
    return [row["run"] for row in Index(store).rows(Filter(**conditions))]  # type: ignore[arg-type]


def test_runs_are_listed_newest_first_by_any_condition(store: RunStore) -> None:
    assert ids(store) == []
    first, second, third = made(store, "succeeded"), made(store, "failed", workflow="u"), made(store, None, actor="bob")
    assert ids(store) == [third.id, second.id, first.id]
    assert ids(store, states=("failed", "interrupted")) == [third.id, second.id]
    assert ids(store, workflow="u") == [second.id]
    assert ids(store, actor="bob") == [third.id]
    assert ids(store, limit=1) == [third.id]
    assert ids(store, since=next(iter(second.events())).at) == [third.id, second.id]
    assert ids(store, since="2999") == []


def test_a_resumed_run_is_noticed_and_a_removed_one_forgotten(store: RunStore) -> None:
    folder = made(store, "failed")
    assert ids(store, states=("failed",)) == [folder.id]
    journal = Journal(folder.journal)
    journal.add("run.finished", {"state": "succeeded", "outputs": {}})
    journal.close()
    assert ids(store, states=("failed",)) == []
    folder.journal.unlink()
    assert ids(store) == []


@pytest.mark.parametrize("damage", ["garbage", "middle", "empty", "newer", "folder"])
def test_a_damaged_index_is_made_again(store: RunStore, damage: str) -> None:
    folders = [made(store, "succeeded") for _ in range(30)]
    assert len(ids(store)) == 30
    path = store.state_dir / "index.db"
    if damage == "garbage":
        path.write_bytes(b"not a database at all" * 100)
    elif damage == "middle":
        data = bytearray(path.read_bytes())
        data[4096:] = b"\xa5" * (len(data) - 4096)
        path.write_bytes(bytes(data))
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "folder":
        path.unlink()
        path.mkdir()
    else:
        with sqlite3.connect(path) as db:
            db.execute("PRAGMA user_version = 99")
        db.close()
    assert sorted(ids(store)) == sorted(f.id for f in folders)


def test_a_rebuild_counts_the_runs_and_an_unreadable_one_hides_no_other(store: RunStore) -> None:
    good, bad = made(store, "succeeded"), made(store, "succeeded")
    bad.journal.write_bytes(b"damaged\n" + bad.journal.read_bytes())
    assert Index(store).rebuild() == 1
    assert ids(store) == [good.id]
