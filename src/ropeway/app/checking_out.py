"""Giving a run's files of one moment to a person, in a folder of their own choice."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from typing import TYPE_CHECKING

from ropeway.errors import NotFound, Refused, StoreError
from ropeway.records import record
from ropeway.workspaces.programs import git

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from ropeway.app.time_travel import Point, Saved

__all__ = ["Entry", "Folder", "entries", "plan", "write"]

LINK, RUNNABLE, REPOSITORY = "120000", "100755", "160000"


@record
class Entry:
    """A file of a snapshot: its path relative to the top of the repository, its mode as git writes it, and the id of its content."""

    path: bytes
    mode: str
    blob: str


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
    for line in git("--no-replace-objects", "ls-tree", "-r", "-z", "--full-tree", commit, git_dir=git_dir).split(b"\0")[:-1]:
        head, _, path = line.partition(b"\t")
        mode, _, blob = head.decode().split()
        if any(part in (b"", b".", b"..") or part.lower() == b".git" for part in path.split(b"/")):
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
    files = tuple(entry for entry in found if entry.mode != REPOSITORY)
    left_out = tuple(os.fsdecode(entry.path) for entry in found if entry.mode == REPOSITORY)
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
    try:
        folder.path.mkdir(parents=True, exist_ok=True)
        made: set[bytes] = set()
        top = os.fsencode(folder.path)
        contents = _contents(saved.git_dir, [entry.blob for entry in folder.entries])
        for number, (entry, data) in enumerate(zip(folder.entries, contents, strict=True), 1):
            _write(top, entry, data, made)
            yield number
    except OSError as error:
        if folder.new:
            shutil.rmtree(folder.path, ignore_errors=True)
        if isinstance(error, StoreError):
            raise
        raise StoreError(f"can't write the files to {folder.path}: {error.strerror}", code="checkout") from error


def _write(top: bytes, entry: Entry, data: bytes, made: set[bytes]) -> None:
    target = os.path.join(top, entry.path)  # noqa: PTH118 - bytes
    above = os.path.dirname(target)  # noqa: PTH120 - bytes
    if above not in made:
        os.makedirs(above, exist_ok=True)  # noqa: PTH103 - bytes
        made.add(above)
    part = os.path.join(above, b".ropeway-%d.part" % os.getpid())  # noqa: PTH118 - bytes
    if entry.mode == LINK:
        os.symlink(data, part)  # noqa: PTH211 - bytes
    else:
        mode = 0o777 if entry.mode == RUNNABLE else 0o666
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, mode), "wb") as file:  # noqa: PTH123 - a descriptor
            file.write(data)
    os.replace(part, target)  # noqa: PTH105 - bytes


def _contents(git_dir: str, blobs: Sequence[str]) -> Iterator[bytes]:
    """Yield the contents of objects, one at a time.

    Raises:
        StoreError: One is missing.
    """
    with tempfile.TemporaryFile() as wanted:
        wanted.write("".join(f"{blob}\n" for blob in blobs).encode())
        wanted.seek(0)
        argv = ["git", "--no-replace-objects", f"--git-dir={git_dir}", "cat-file", "--batch", "--buffer"]
        try:
            process = subprocess.Popen(argv, stdin=wanted, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        except FileNotFoundError as error:
            raise NotFound("there is no program git on the PATH", hint="install it with your system's packages") from error
        assert process.stdout is not None
        with process, process.stdout as out:
            for blob in blobs:
                head = out.readline().split()
                if len(head) != 3:
                    raise StoreError(
                        f"the object {blob} is missing in {git_dir}", hint="`git fsck` says what else is", code="snapshots-gone"
                    )
                size = int(head[2])
                data = out.read(size + 1)
                if len(data) != size + 1:
                    raise StoreError(f"the object {blob} in {git_dir} can't be read whole", code="snapshots-gone")
                yield data[:-1]
