"""What the files of this package have in common: written at once, locked while they change, and folders that nobody else may write to."""

from __future__ import annotations

import errno
import fcntl
import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from ropeway.errors import Refused, RopewayError, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["flocked", "guarded", "own_folder", "remove_tree", "write_at_once"]

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_NO_LOCKS: Final = frozenset({errno.EBADF, errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL})
"""What a file system without locks on folders answers: NFS takes a lock only on what is open for writing."""
_OTHERS_WRITE: Final = 0o022


@contextmanager
def guarded(folder: Path, hint: str) -> Iterator[None]:
    """Turn what the operating system says about a folder into a :class:`StoreError` that names it; our own errors pass through.

    Args:
        folder: What is written to or read.
        hint: What to do when it can't be.
    """
    try:
        yield
    except RopewayError:
        raise
    except OSError as error:
        if error.errno in _FULL:
            raise StoreError(f"there is no space left for {folder}: {error.strerror}", hint=hint, code="disk-full") from error
        raise StoreError(f"{folder} can't be used: {error.strerror or error}", hint=hint, code="folder-unusable") from error


def own_folder(path: Path, what: str) -> bool:
    """Return whether a folder is there, after making sure that it is ours and that nobody else may write to it.

    What is kept in it is run later: on a shared machine another user could put something else in its place.

    Args:
        path: The folder; a link to one is followed.
        what: What it is, for the message: ``the cache``.

    Raises:
        Refused: Somebody else owns it, or others may write to it.
        StoreError: It is no folder, or can't be looked at.
    """
    try:
        found = os.stat(path)  # noqa: PTH116 - a Path's own is dearer, and this is on the way of every run of a cached reference
    except FileNotFoundError:
        return False
    except OSError as error:
        raise StoreError(f"{what} {path} can't be used: {error.strerror}", hint=_ELSEWHERE, code="folder-unusable") from error
    if not os.path.isdir(path):  # noqa: PTH112 - as above
        raise StoreError(f"{what} {path} is not a folder", hint=f"move it away, or {_ELSEWHERE}", code="folder-unusable")
    if found.st_uid != os.geteuid():
        raise Refused(f"{what} {path} belongs to somebody else", hint=_ELSEWHERE, code="cache-not-yours")
    if found.st_mode & _OTHERS_WRITE:
        hint = f"chmod go-w {path}, and remove what is in it if you share this machine with people you do not trust"
        raise Refused(f"others may write to {what} {path} (mode {found.st_mode & 0o777:o})", hint=hint, code="cache-not-private")
    return True


_ELSEWHERE: Final = "set XDG_CACHE_HOME to a folder of your own"


@contextmanager
def flocked(folder: Path) -> Iterator[bool]:
    """Hold the lock of a folder, so that one process at a time changes what is in it. Where there are no such locks, go on without.

    Yields:
        Whether the lock is held.
    """
    held = True
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            held = False
        yield held
    finally:
        os.close(descriptor)


def write_at_once(path: Path, data: bytes, *, mode: int = 0o644, sync: bool = False) -> None:
    """Write a file so that others see the old one or the new one, never a part. A link is kept: the file that it leads to is written.

    Args:
        path: The file; its folder is there.
        data: What it is to hold.
        mode: Its mode, unless there is a file already, whose mode it then gets.
        sync: Wait until it is on the disk, so that a power loss can't take it.

    Raises:
        OSError: It can't be written.
    """
    target = os.path.realpath(path)
    with suppress(FileNotFoundError):
        mode = os.stat(target).st_mode & 0o777  # noqa: PTH116 - a string
    aside = f"{os.path.dirname(target)}/.{os.path.basename(target)}.{os.getpid()}.{os.urandom(4).hex()}"  # noqa: PTH119, PTH120 - as above
    try:
        with open(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode), "wb") as file:  # noqa: PTH123 - a descriptor
            file.write(data)
            file.flush()
            if sync:
                os.fsync(file.fileno())
        os.replace(aside, target)  # noqa: PTH105 - as above
    except OSError:
        with suppress(OSError):
            os.unlink(aside)  # noqa: PTH108 - as above
        raise


def remove_tree(path: str) -> None:
    """Delete a folder with all that is in it; fine when it is gone or goes meanwhile. Links are not followed.

    Raises:
        OSError: Something can't be deleted.
    """
    with suppress(FileNotFoundError):
        if os.path.islink(path) or not os.path.isdir(path):  # noqa: PTH112, PTH114 - strings
            os.unlink(path)  # noqa: PTH108 - as above
            return
        os.chmod(path, 0o700)  # noqa: PTH101 - as above
        with os.scandir(path) as entries:
            for entry in entries:
                remove_tree(entry.path)
        os.rmdir(path)  # noqa: PTH106 - as above
