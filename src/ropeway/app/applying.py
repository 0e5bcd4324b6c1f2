"""Bringing a run's result into the files that a person works on, without losing any of what they have there.

For each file that the run changed there are three versions: what the run began with, what it ended with, and what the person has now. Where the person changed
nothing, they get the run's; where both changed a text, the two are merged; where that can't be, nothing at all is written and the paths are listed.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ropeway.app import time_travel
from ropeway.app.landing import owned, record_landing, repository
from ropeway.errors import NotFound
from ropeway.records import record
from ropeway.workspaces.applying import Version, decide, in_the_way, look, write
from ropeway.workspaces.snapshots.names import refused
from ropeway.workspaces.snapshots.reading import contents, listing
from ropeway.workspaces.snapshots.table import GITLINK, LINK

if TYPE_CHECKING:
    from ropeway.app.time_travel import Saved

__all__ = ["Applied", "apply"]


@record
class Applied:
    """What came of it: ``applied``, ``nothing``, ``conflicts`` or ``planned``; ``folder`` is the top of the person's files, ``files`` (status letter, path).

    ``modules`` are submodules for which the run has another commit; they are left as they are.
    """

    outcome: Literal["applied", "nothing", "conflicts", "planned"]
    folder: str
    files: tuple[tuple[str, str], ...] = ()
    conflicts: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()


def apply(run: str, *, dry_run: bool = False) -> tuple[Saved, Applied]:
    """Bring what a run changed into the person's files: those of the working copy they stand in, else of the folder where the run was started.

    Args:
        run: An id or the beginning of one; empty for the latest.
        dry_run: Only find out.

    Raises:
        NotFound: No such run, no snapshots, or the folder is gone.
        Busy: The run is under way.
        StoreError: A file can't be read or written; those that had been are as before.
    """
    saved = time_travel.saved(run)
    saved.check()
    with owned(saved):
        top = _top(saved)
        merged, conflicts = _merged(saved, top)
        files = tuple((_status(before, after), os.fsdecode(path)) for path, (before, after) in sorted(merged.items()))
        modules = _modules(saved)
        if conflicts:
            return saved, Applied("conflicts", top, conflicts=tuple(os.fsdecode(path) for path in conflicts))
        if not files or dry_run:
            return saved, Applied("planned" if files else "nothing", top, files, modules=modules)
        write(top, merged)
        record_landing(saved, {"kind": "files", "path": top})
    return saved, Applied("applied", top, files, modules=modules)


def _top(saved: Saved) -> str:
    try:
        return repository(saved).root
    except NotFound:
        if Path(saved.root).is_dir():
            return saved.root
        raise NotFound(
            f"the folder {saved.root}, where run {saved.run} was started, is gone",
            hint=f"`workflow checkout {saved.run}` writes its files into another one",
            code="folder-gone",
        ) from None


def _merged(saved: Saved, top: str) -> tuple[dict[bytes, tuple[Version | None, Version | None]], list[bytes]]:
    """Return for each file to change what it is and what it will be, and the paths that can't be merged."""
    base, theirs = _versions(saved)
    root = os.fsencode(top)
    found: dict[bytes, tuple[Version | None, Version | None]] = {}
    conflicts: set[bytes] = set()
    for path in base.keys() | theirs.keys():
        there = look(root, path)
        wanted: Version | None = None
        good, ours = False, None
        if there == "folder":
            good, wanted = path not in base, theirs.get(path)  # may be one whose files all go
        elif there != "other":
            ours = there
            good, wanted = decide(base.get(path), theirs.get(path), ours)
        if not good or any(refused(part) for part in path.split(b"/")):
            conflicts.add(path)
        elif wanted != ours:
            found[path] = (ours, wanted)
    conflicts |= in_the_way(root, found)
    return found, sorted(conflicts)


def _versions(saved: Saved) -> tuple[dict[bytes, Version], dict[bytes, Version]]:
    """Return the files that the run changed, as they were and as they became."""
    first, last = (listing(saved.git_dir, snapshot.commit).files for snapshot in (saved.first, saved.latest))
    changed = [path for path in first.keys() | last.keys() if first.get(path) != last.get(path)]
    sides = []
    for side in (first, last):
        wanted = [(path, side[path][1]) for path in changed if path in side and side[path][0] != GITLINK]
        sides.append({path: Version(side[path][0], stream.read(size)) for path, size, stream in contents(saved.git_dir, wanted)})
    return sides[0], sides[1]


def _modules(saved: Saved) -> tuple[str, ...]:
    first, last = (listing(saved.git_dir, snapshot.commit).files for snapshot in (saved.first, saved.latest))
    return tuple(sorted(os.fsdecode(path) for path, entry in last.items() if entry[0] == GITLINK and first.get(path) != entry))


def _status(before: Version | None, after: Version | None) -> str:
    if before is None or after is None:
        return "D" if after is None else "A"
    return "T" if (before.mode == LINK) != (after.mode == LINK) else "M"
