"""Files that are known to differ from the table, so that nobody need look for them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ropeway.workspaces.snapshots.names import refused
from ropeway.workspaces.snapshots.table import UNKNOWN, git_mode, join
from ropeway.workspaces.snapshots.walk import TOOLS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ropeway.workspaces.snapshots.table import Table
    from ropeway.workspaces.snapshots.walk import Changed


def files_at(table: Table, root: bytes, paths: Iterable[bytes]) -> Changed | None:
    """Return the files to read at paths of a working copy; where nothing is, the table forgets the file.

    Args:
        table: What there was.
        root: The top folder.
        paths: Where something else is now; nothing differs elsewhere.

    Returns:
        None when these paths do not tell all: a file is where a folder was or the other way round, or one has a name that git refuses. No signature of
        theirs is believed then.
    """
    paths = list(paths)
    found: list[tuple[bytes, bytes, os.stat_result | None]] = []
    for path in paths:
        above, _, name = path.rpartition(b"/")
        try:
            st = os.lstat(join(root, path))
        except OSError:
            st = None
        if not _plain(table, path) or (st is not None and git_mode(st.st_mode) is None):
            _doubt(table, paths)
            return None
        found.append((above, name, st))
    changed: Changed = []
    for above, name, st in found:
        folder = table.folder(above)
        if st is not None:
            changed.append((folder, name, st))
        elif name in folder.files:
            table.drop(folder, name)
    return changed


def _doubt(table: Table, paths: Iterable[bytes]) -> None:
    for path in paths:
        above, _, name = path.rpartition(b"/")
        entry = table.get(path)
        if entry is not None:
            table.folder(above).files[name] = (entry[0], UNKNOWN, *entry[2:])


def _plain(table: Table, path: bytes) -> bool:
    """Whether a path is one of a file for the table as well, in what are folders there, and may be saved."""
    names = path.split(b"/")
    if names[0] == TOOLS or any(refused(name) for name in names):
        return False
    folder = table.root
    for name in names[:-1]:
        if name in folder.files:
            return False
        below = folder.folders.get(name)
        if below is None:
            return True
        folder = below
    return names[-1] not in folder.folders
