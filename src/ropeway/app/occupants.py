"""Who is in a folder: processes that have it, or one below it, as their own."""

from __future__ import annotations

import os
from pathlib import Path


def above() -> frozenset[int]:
    """Return the ids of this process and of those that started it."""
    from ropeway.runs import proctable

    parents = {entry.pid: entry.parent for entry in proctable.table()}
    found: set[int] = set()
    process = os.getpid()
    while process in parents:
        found.add(process)
        process = parents.pop(process)
    return frozenset(found)


def occupant(path: str, but: frozenset[int] = frozenset()) -> str:
    """Return a process that is in a folder, in words; empty when there is none, or no ``/proc`` to tell.

    Args:
        path: The folder.
        but: Ids of processes that do not count, beside our own.
    """
    from ropeway.runs import proctable

    top = Path(path).resolve()
    for entry in proctable.table():
        if entry.pid == os.getpid() or entry.pid in but:
            continue
        try:
            folder = Path(f"/proc/{entry.pid}/cwd").readlink()
        except OSError:
            continue
        if folder == top or top in folder.parents:
            return f"{entry.name} (process {entry.pid})"
    return ""
