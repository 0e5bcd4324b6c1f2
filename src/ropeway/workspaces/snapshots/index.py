"""Learning what is checked out from git's own index: each file's id, and how it looked to ``lstat`` when git had just written it.

What git checked out a moment ago then needs neither be listed by another process nor looked at file by file. Format: gitformat-index(5), versions 2 to 4.
"""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING

from ropeway.workspaces.snapshots.table import GITLINK, UNKNOWN, Table, believed, git_mode

if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import NoReturn

    from ropeway.workspaces.snapshots.table import Folder

_SECOND = 1_000_000_000  # ns
_LENGTH = 0x0FFF  # of a path, in the flags of its entry; other flags are set for what is not simply checked out
_LEAST_EXTENSION = 8
_COMPRESSED = 4


class _Other(Exception):
    """The index holds what is not read here."""


def table_of_index(data: bytes, root: bytes, size: int, now: int, touched: Collection[bytes] = ()) -> Table | None:
    """Return the table of a working copy as git has just checked it out.

    Args:
        data: The index that git wrote.
        root: The top folder of the working copy.
        size: The number of bytes of an object id.
        now: When the index was read, or earlier: nanoseconds since the epoch.
        touched: The paths that were changed since.

    Returns:
        None when the index does not say: it is in parts, folders have no tree in it, or its numbers are not those of ``lstat`` (64 bits, of another system).
    """
    try:
        table = Table()
        end = _read_entries(data, size, now, table)
        if not _sees_as_we_do(table, root, set(touched)):
            return None
        _read_trees(data, end, size, table)
    except (struct.error, ValueError, IndexError, _Other):
        return None
    return table if all(folder.tree is not None for folder in table.root.every()) else None


def _read_entries(data: bytes, size: int, now: int, table: Table) -> int:
    """Fill a table; return where the entries end."""
    signature, version, count = struct.unpack_from(">4sII", data)
    if signature != b"DIRC" or version not in (2, 3, _COMPRESSED):
        raise _Other
    entry = struct.Struct(f">10I{size}sH")
    unpack, fixed, find = entry.unpack_from, entry.size, data.index
    at, path, last, files = 12, b"", b"", table.root.files
    for _ in range(count):
        ctime, ctime_ns, mtime, mtime_ns, _, inode, mode, _, _, length, oid, flags = unpack(data, at)
        if flags > _LENGTH:
            raise _Other
        if version == _COMPRESSED:
            taken, start = _varint(data, at + fixed)
            end = find(b"\0", start)
            path = path[: len(path) - taken] + data[start:end]
            at = end + 1
        else:
            end = find(b"\0", at + fixed)
            path = data[at + fixed : end]
            at = end + 8 - (end - at) % 8
        above, _, name = path.rpartition(b"/")
        if above != last:
            last, files = above, table.folder(above).files
        ctime, mtime = ctime * _SECOND + ctime_ns, mtime * _SECOND + mtime_ns
        if mode == GITLINK:
            files[name] = (0, UNKNOWN, 0, 0, mode, oid, True)
        elif git_mode(mode) == mode:
            files[name] = (inode, length if believed(mtime, ctime, now) else UNKNOWN, mtime, ctime, mode, oid, True)
        else:
            raise _Other
    return at


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Return a number as pack files encode offsets, and where it ends."""
    byte = data[at]
    value = byte & 127
    while byte & 128:
        at += 1
        byte = data[at]
        value = (value + 1) << 7 | byte & 127
    return value, at + 1


def _sees_as_we_do(table: Table, root: bytes, touched: set[bytes]) -> bool:
    """Whether what the index says of a file is what ``lstat`` says: git keeps 32 bits of each number, and may have been built to keep whole seconds."""
    for path, (inode, _, mtime, ctime, mode, _, _) in table.entries():
        if mode != GITLINK and path not in touched:
            try:
                st = os.lstat(os.path.join(root, path))
            except OSError:
                return False
            return (st.st_ino, st.st_mtime_ns, st.st_ctime_ns) == (inode, mtime, ctime)
    return True


def _read_trees(data: bytes, at: int, size: int, table: Table) -> None:
    """Give the folders the ids of their trees, as the extension ``TREE`` has them."""
    for folder in table.root.every():
        folder.tree = None
    while at + _LEAST_EXTENSION + size <= len(data):
        name, length = struct.unpack_from(">4sI", data, at)
        at += _LEAST_EXTENSION
        if name == b"TREE":
            _read_tree(data[at : at + length], size, table)
        elif name[:1].islower():  # what has to be understood: the index is in parts, or has folders as entries
            raise _Other
        at += length


def _read_tree(data: bytes, size: int, table: Table) -> None:
    """Read the extension: folders before those in them, each with its name, two numbers and its tree's id."""
    folder, at = table.root, 0
    waiting: list[tuple[Folder, int]] = []  # folders, and how many in each are still to come
    while True:
        end = data.index(b"\n", at)
        name, _, numbers = data[at:end].partition(b"\0")
        entries, inner = map(int, numbers.split(b" "))
        if entries < 0:
            raise _Other
        if name:
            folder = folder.folders.get(name) or _other()
        at = end + 1 + size
        folder.tree = data[end + 1 : at]
        waiting.append((folder, inner))
        while waiting and not waiting[-1][1]:
            waiting.pop()
        if not waiting:
            return
        folder, inner = waiting.pop()
        waiting.append((folder, inner - 1))


def _other() -> NoReturn:
    raise _Other
