"""Finding runs and showing what became of them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ropeway.app.runs import store
from ropeway.errors import Busy, StoreError, UsageError
from ropeway.runs import proctable
from ropeway.runs import state as states
from ropeway.runs.folder import RunFolder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ropeway.runs.index import Filter
    from ropeway.runs.state import RunState


def find_run(prefix: str | None, *, latest: bool = False) -> RunFolder:
    """Return the run that an id or unique prefix names; the latest one when none is named and ``latest`` allows it.

    Raises:
        NotFound: There is none, or the prefix fits several.
        UsageError: None was named.
    """
    if prefix is not None:
        return store().find(prefix)
    if latest:
        return store().latest()
    raise UsageError("name the run", hint="`workflow runs` lists them; --latest takes the newest", code="run-unnamed")


def status(folder: RunFolder) -> RunState:
    """Return a run's state.

    What a run whose processes all died left running is ended first, and artifacts whose time is over are removed.
    """
    found = folder.state()
    if found.state == "interrupted":
        sweep(folder, found)
    elif any(a.get("retention") is not None for a in found.artifacts):
        from ropeway.app.artifacts import expire

        expire(folder, found)
    return found


def sweep(folder: RunFolder, found: RunState) -> None:
    """End what an interrupted run left running, unless somebody begins to own it at this moment."""
    try:
        lock = folder.lock()
    except (Busy, StoreError):
        return
    try:
        proctable.kill_run(folder.id, [s.process for s in found.steps.values() if s.process is not None])
    finally:
        os.close(lock)


def rows(wanted: Filter) -> Iterator[dict[str, Any]]:
    """Yield runs as ``status`` objects without steps, newest first."""
    from ropeway.runs.index import Index

    yield from Index(store()).rows(wanted)


def active() -> list[RunState]:
    """Return the unfinished runs with their steps, oldest first."""
    from ropeway.runs.index import Filter

    found = list(rows(Filter(states=tuple(states.UNFINISHED))))
    return [status(RunFolder(store().runs / row["run"])) for row in reversed(found)]
