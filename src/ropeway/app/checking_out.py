"""Giving a run's files of one moment to a person, in a folder of their own choice."""

from __future__ import annotations

import contextlib
import os
import shutil
from typing import IO, TYPE_CHECKING

from ropeway.errors import Refused, StoreError
from ropeway.records import record
from ropeway.workspaces.snapshots.inside import Inside
from ropeway.workspaces.snapshots.names import refused
from ropeway.workspaces.snapshots.reading import contents, listing
from ropeway.workspaces.snapshots.table import GITLINK, LINK, PROGRAM

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from ropeway.app.time_travel import Point, Saved

__all__ = ["Entry", "Folder", "entries", "plan", "write"]

_CHUNK = 1 << 20


@record
class Entry:
    """A file of a snapshot: its path relative to the top of the repository, its mode as git has it, and the raw id of its content."""

    path: bytes
    mode: int
    blob: bytes


@record
class Folder:
    """What is going to be written. ``left_out`` are repositories inside of the repository: a snapshot has none of their files."""

    path: Path
    entries: tuple[Entry, ...]
    left_out: tuple[str, ...]
    new: bool


def entries(git_dir: str, commit: str) -> Iterator[Entry]:
    """Yield the files of a snapshot.

    Raises:
        Refused: A path leads out of the folder, or into a repository's own files.
    """
    for path, (mode, blob) in listing(git_dir, commit).files.items():
        if any(part in (b"", b".", b"..") or refused(part, link=mode == LINK) for part in path.split(b"/")):
            shown = path.decode("utf-8", "backslashreplace")
            raise Refused(f"the snapshot holds a path that is not safe to write: {shown}", code="unsafe-path")
        yield Entry(path, mode, blob)


def plan(saved: Saved, point: Point, path: Path, *, force: bool = False) -> Folder:
    """Find out what would be written where; changes nothing.

    Args:
        saved: The run.
        point: The moment.
        path: The folder.
        force: Whether it may have files in it; those that are not in the snapshot stay.

    Raises:
        Refused: It has, or something in it is in the way.
        NotFound: The objects are gone.
        StoreError: It can't be read.
    """
    saved.check(point)
    found = list(entries(saved.git_dir, point.commit))
    files = tuple(entry for entry in found if entry.mode != GITLINK)
    left_out = tuple(os.fsdecode(entry.path) for entry in found if entry.mode == GITLINK)
    try:
        empty = not any(path.iterdir()) if os.path.lexists(path) else True
    except NotADirectoryError:
        raise Refused(f"{path} is not a folder", hint="name another one", code="exists") from None
    except OSError as error:
        raise StoreError(f"can't read {path}: {error.strerror}", code="checkout") from error
    if not empty and not force:
        hint = "name another one, or use --force: it overwrites what the run has as well and leaves the rest alone"
        raise Refused(f"the folder {path} is not empty", hint=hint, code="exists")
    if not empty:
        _check_ways(os.fsencode(path), files)
    return Folder(path, files, left_out, new=not os.path.lexists(path))


def _check_ways(top: bytes, files: Iterable[Entry]) -> None:
    """Raise ``Refused`` when a file would be written through a link, over a folder, or below a file."""
    good: set[bytes] = set()
    for entry in files:
        parts = entry.path.split(b"/")
        for depth in range(1, len(parts)):
            way = b"/".join(parts[:depth])
            target = os.path.join(top, way)  # noqa: PTH118 - bytes
            if way in good:
                continue
            good.add(way)
            if os.path.islink(target) or (os.path.lexists(target) and not os.path.isdir(target)):  # noqa: PTH112, PTH114 - bytes
                raise _in_the_way(target, "it is no folder, and the run has one there")
        target = os.path.join(top, entry.path)  # noqa: PTH118 - bytes
        if os.path.isdir(target) and not os.path.islink(target):  # noqa: PTH112, PTH114 - bytes
            raise _in_the_way(target, "it is a folder, and the run has a file there")


def _in_the_way(path: bytes, why: str) -> Refused:
    return Refused(f"{os.fsdecode(path)} is in the way: {why}", hint="move it away, or name another folder", code="exists")


def write(saved: Saved, folder: Folder) -> Iterator[int]:
    """Write the files, byte for byte; yields after each how many there are now.

    Raises:
        StoreError: It can't be written. A folder that was made for it is removed again.
    """
    blobs = [(entry.path, entry.blob) for entry in folder.entries]
    done = False
    try:
        folder.path.mkdir(parents=True, exist_ok=True)
        with Inside(os.fsencode(folder.path.resolve())) as inside:
            there = contents(saved.git_dir, blobs)
            for number, (entry, (_, size, stream)) in enumerate(zip(folder.entries, there, strict=True), 1):
                _write(inside, entry, size, stream)
                yield number
        done = True
    except OSError as error:
        if isinstance(error, StoreError):
            raise
        raise StoreError(f"can't write the files to {folder.path}: {error.strerror}", code="checkout") from error
    finally:
        if folder.new and not done:
            shutil.rmtree(folder.path, ignore_errors=True)


def _write(inside: Inside, entry: Entry, size: int, stream: IO[bytes]) -> None:
    """Write one file under a name of its own first; nothing on the way is followed when it is a link."""
    above, _, name = entry.path.rpartition(b"/")
    try:
        fd = inside.folder(above)
    except FileNotFoundError:
        os.makedirs(os.path.join(inside.root, above), exist_ok=True)  # noqa: PTH103, PTH118 - bytes
        fd = inside.folder(above)
    part = b".ropeway-%d.part" % os.getpid()
    try:
        if entry.mode == LINK:
            os.symlink(stream.read(size), part, dir_fd=fd)
        else:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
            _fill(os.open(part, flags, 0o777 if entry.mode == PROGRAM else 0o666, dir_fd=fd), size, stream)
        os.rename(part, name, src_dir_fd=fd, dst_dir_fd=fd)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(part, dir_fd=fd)
        raise


def _fill(fd: int, size: int, stream: IO[bytes]) -> None:
    with open(fd, "wb") as file:
        while size:
            data = stream.read(min(size, _CHUNK))
            if not data:
                raise StoreError("git ended before it gave all files", code="snapshots-gone")
            file.write(data)
            size -= len(data)
