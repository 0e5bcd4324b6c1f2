"""How much space files take, and what removing them gives back."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from ropeway.records import field, record

if TYPE_CHECKING:
    from collections.abc import Iterable

_BLOCK = 512
"""Bytes of one unit of ``st_blocks``, as POSIX says."""


@record(frozen=False)
class Usage:
    """What one folder or file takes on the disk.

    ``own`` are bytes of files that have one name; ``shared`` has, for each file with several names (device and inode), its bytes, how many names it has, and how many
    of them are in here. ``mounted`` is a folder in it on which another file system is mounted, empty when there is none.
    """

    own: int = 0
    shared: dict[tuple[int, int], tuple[int, int, int]] = field(default_factory=dict)
    mounted: str = ""


def usage(path: str) -> Usage:
    """Measure a folder or a file; links are not followed, and what can't be read or goes meanwhile counts as nothing."""
    found = Usage()
    try:
        top = os.lstat(path)
    except OSError:
        return found
    _count(found, top)
    if not stat.S_ISDIR(top.st_mode):
        return found
    queue = [path]
    while queue:
        folder = queue.pop()
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    _enter(found, entry, top.st_dev, queue)
        except OSError:
            continue
    return found


def _enter(found: Usage, entry: os.DirEntry[str], device: int, queue: list[str]) -> None:
    try:
        status = entry.stat(follow_symlinks=False)
        if entry.is_dir(follow_symlinks=False):
            if status.st_dev != device:
                found.mounted = found.mounted or entry.path
                return
            queue.append(entry.path)
        _count(found, status)
    except OSError:
        return


def _count(found: Usage, status: os.stat_result) -> None:
    taken = status.st_blocks * _BLOCK
    if status.st_nlink == 1 or stat.S_ISDIR(status.st_mode):  # a folder's links are its own
        found.own += taken
        return
    key = (status.st_dev, status.st_ino)
    here = found.shared[key][2] if key in found.shared else 0
    found.shared[key] = (taken, status.st_nlink, here + 1)


def freed(usages: Iterable[Usage]) -> int:
    """Return the bytes that removing all of these gives back: a file with several names only when the last of them goes."""
    total = 0
    names: dict[tuple[int, int], tuple[int, int, int]] = {}
    for each in usages:
        total += each.own
        for key, (taken, links, here) in each.shared.items():
            names[key] = (taken, links, names[key][2] + here if key in names else here)
    return total + sum(taken for taken, links, here in names.values() if here >= links)
