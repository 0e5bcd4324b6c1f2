"""The history: one row per run in ``index.db``, derived from the journals.

A run writes nothing here. Whoever asks for the history first brings the index up to date: runs that it does not know, or knows as unfinished,
are folded from their journals; finished ones are never read again (resuming a run moves its journal's time, which is noticed). The file may be
deleted at any time; ``workflow self-test --rebuild-index`` does.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from typing import TYPE_CHECKING, Any

from ropeway.errors import RopewayError, StoreError
from ropeway.records import record
from ropeway.runs.folder import RunFolder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ropeway.runs.folder import RunStore

_VERSION = 1
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS run (
  id TEXT PRIMARY KEY, workflow TEXT NOT NULL, state TEXT NOT NULL, actor TEXT NOT NULL,
  created TEXT NOT NULL, mtime INTEGER NOT NULL, size INTEGER NOT NULL, document TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS run_created ON run (created DESC, id);
PRAGMA user_version = {_VERSION};
"""


@record
class Filter:
    """Which runs to list; None and 0 mean no condition. ``since`` is ISO 8601 UTC, compared with the time of creation."""

    states: tuple[str, ...] = ()
    workflow: str | None = None
    actor: str | None = None
    since: str | None = None
    limit: int = 0


class Index:
    """The index of one store, opened on use."""

    def __init__(self, store: RunStore) -> None:
        self._store = store
        self._path = store.state_dir / "index.db"

    def rebuild(self) -> int:
        """Make the index again from the journals; returns the number of runs in it."""
        self._remove()
        return sum(1 for _ in self.rows(Filter()))

    def rows(self, wanted: Filter) -> Iterator[dict[str, Any]]:
        """Yield ``status`` objects without their steps, newest first."""
        try:
            found = self._found(wanted)
        except sqlite3.OperationalError as error:
            raise StoreError(
                f"can't use {self._path}: {error}", hint="try again, or remove the file: it is made anew", code="index"
            ) from error
        except sqlite3.DatabaseError:  # damaged inside: it is derived, so make it anew
            self._remove()
            found = self._found(wanted)
        for document in found:
            yield json.loads(document)

    def _found(self, wanted: Filter) -> list[str]:
        with contextlib.closing(self._open()) as db:
            with db:
                self._refresh(db)
            conditions, values = _conditions(wanted)
            # Only fixed text goes into the query; what the person typed goes beside it, as values.
            query = "SELECT document FROM run WHERE " + " AND ".join(conditions) + " ORDER BY created DESC, id"  # noqa: S608
            if wanted.limit:
                query += " LIMIT ?"
                values.append(wanted.limit)
            return [row[0] for row in db.execute(query, values)]

    def _remove(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(f"{self._path}{suffix}")

    def _open(self) -> sqlite3.Connection:
        """Open the file; where the folder is read-only, or the file is another version's, use memory instead."""
        try:
            db = sqlite3.connect(self._path, timeout=10)
            if db.execute("PRAGMA user_version").fetchone()[0] not in (0, _VERSION):
                db.close()
                db = sqlite3.connect(":memory:")
            db.execute("PRAGMA journal_mode = WAL")
            db.executescript(_SCHEMA)
        except sqlite3.OperationalError:
            db = sqlite3.connect(":memory:")
            db.executescript(_SCHEMA)
        except sqlite3.DatabaseError:  # damaged: it is derived, so make it anew
            self._remove()
            db = sqlite3.connect(self._path)
            db.executescript(_SCHEMA)
        return db

    def _refresh(self, db: sqlite3.Connection) -> None:
        known = {row[0]: row[1:] for row in db.execute("SELECT id, state, mtime, size FROM run")}
        present = set()
        for run in self._store.ids():
            present.add(run)
            folder = RunFolder(self._store.runs / run)
            try:
                stat = folder.journal.stat()
            except OSError:
                continue
            row = known.get(run)
            settled = row is not None and row[0] in ("succeeded", "failed", "cancelled", "interrupted")
            if row is not None and settled and row[1:] == (stat.st_mtime_ns, stat.st_size):
                continue
            with contextlib.suppress(RopewayError):  # one unreadable run does not hide the others; `status RUN` says what is wrong
                state = folder.state()
                document = json.dumps(state.as_json(steps=False))
                db.execute(
                    "INSERT OR REPLACE INTO run VALUES (?,?,?,?,?,?,?,?)",
                    (run, state.workflow, state.state, state.actor, state.created_at or "", stat.st_mtime_ns, stat.st_size, document),
                )
        db.executemany("DELETE FROM run WHERE id = ?", [(run,) for run in known.keys() - present])


def _conditions(wanted: Filter) -> tuple[list[str], list[Any]]:
    conditions = ["1"]
    values: list[Any] = []
    if wanted.states:
        conditions.append(f"state IN ({','.join('?' * len(wanted.states))})")
        values.extend(wanted.states)
    for column, value in (("workflow", wanted.workflow), ("actor", wanted.actor)):
        if value is not None:
            conditions.append(f"{column} = ?")
            values.append(value)
    if wanted.since is not None:
        conditions.append("created >= ?")
        values.append(wanted.since)
    return conditions, values
