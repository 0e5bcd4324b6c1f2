"""Changing the files of a folder that is open, by name: nothing here follows a link or goes up."""

from __future__ import annotations

import contextlib
import os
import stat
from typing import IO, TYPE_CHECKING

from ropeway.errors import StoreError
from ropeway.workspaces.snapshots.inside import FOLDER
from ropeway.workspaces.snapshots.table import LINK, PROGRAM

if TYPE_CHECKING:
    from collections.abc import Callable

LITTER = b".ropeway-restore-"
"""What the names of files begin with that have not yet got their own; the walk leaves them out, and the next restore removes them."""

_CHUNK = 1 << 20
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class HoldsRepository(Exception):
    """A folder that was to be removed has a repository in it."""


def look(fd: int, name: bytes) -> os.stat_result | None:
    """Return what ``lstat`` says of a name in a folder; None when there is none."""
    try:
        return os.stat(name, dir_fd=fd, follow_symlinks=False)
    except FileNotFoundError:
        return None


def unlink(fd: int, name: bytes) -> None:
    """Remove a file or link."""
    _writable(fd, lambda: os.unlink(name, dir_fd=fd))


def rmdir(fd: int, name: bytes) -> None:
    """Remove an empty folder."""
    _writable(fd, lambda: os.rmdir(name, dir_fd=fd))


def mkdir(fd: int, name: bytes) -> None:
    """Make a folder."""
    _writable(fd, lambda: os.mkdir(name, dir_fd=fd))


def create(fd: int, name: bytes, mode: int, size: int, stream: IO[bytes]) -> None:
    """Make a file of git's ``mode`` from the next ``size`` bytes of a stream, in the place of another one or of none.

    Raises:
        IsADirectoryError: There is a folder of that name.
        OSError: It can't be written; what was there before is there still.
    """
    temporary = LITTER + os.urandom(8).hex().encode()
    try:
        if mode == LINK:
            target = stream.read(size)
            _writable(fd, lambda: os.symlink(target, temporary, dir_fd=fd))
        else:
            _fill(fd, temporary, mode, size, stream)
        try:
            _writable(fd, lambda: os.rename(temporary, name, src_dir_fd=fd, dst_dir_fd=fd))
        except IsADirectoryError:
            clear(fd, name)
            _writable(fd, lambda: os.rename(temporary, name, src_dir_fd=fd, dst_dir_fd=fd))
    except BaseException:
        with contextlib.suppress(OSError):
            unlink(fd, temporary)
        raise


def _fill(fd: int, name: bytes, mode: int, size: int, stream: IO[bytes]) -> None:
    target = _writable(fd, lambda: os.open(name, _NEW, 0o777 if mode == PROGRAM else 0o666, dir_fd=fd))
    try:
        while size:
            data = memoryview(stream.read(min(size, _CHUNK)))
            if not data:
                raise StoreError("a file can't be put back: git ended early", code="snapshot-damaged")
            size -= len(data)
            while data:
                data = data[os.write(target, data) :]
    finally:
        os.close(target)


def clear(fd: int, name: bytes) -> None:
    """Remove a folder with all that is in it.

    Raises:
        HoldsRepository: There is a repository in it; nothing was removed.
    """
    below = os.open(name, FOLDER, dir_fd=fd)
    try:
        for _, folders, files, _ in os.fwalk(b".", dir_fd=below):
            if b".git" in folders or b".git" in files:
                raise HoldsRepository
        for _, folders, files, at in os.fwalk(b".", topdown=False, dir_fd=below):
            for one in files:
                unlink(at, one)
            for one in folders:
                st = look(at, one)
                (unlink if st is not None and stat.S_ISLNK(st.st_mode) else rmdir)(at, one)
    finally:
        os.close(below)
    rmdir(fd, name)


def _writable(fd: int, act: Callable[[], int | None]) -> int:
    """Do something in a folder; one that its owner made read-only is made writable for that long."""
    try:
        return act() or 0
    except PermissionError:
        mode = stat.S_IMODE(os.fstat(fd).st_mode)
        if mode & 0o300 == 0o300:
            raise
    os.fchmod(fd, mode | 0o300)
    try:
        return act() or 0
    finally:
        os.fchmod(fd, mode)
