"""Folders that are being filled. Each has a lock, which the kernel gives back when its holder ends: what a killed process left is known by that."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from ropeway.registry.cache.files import remove_tree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["clear_staging", "settle", "staged"]

_FEW: Final = 16
_LITTLE: Final = 2**20
"""Files, and bytes of all of them, up to which a tree is waited for to be on the disk: some milliseconds each."""


@contextmanager
def staged(top: Path) -> Iterator[Path]:
    """Give an empty folder in ``top`` that is ours alone, and remove it at the end, unless it was renamed. Removes what killed processes left."""
    top.mkdir(mode=0o700, exist_ok=True)
    clear_staging(top)
    while True:
        name = os.urandom(8).hex()
        lock = top / f"{name}.lock"
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        with suppress(FileNotFoundError):
            if os.path.samestat(lock.stat(), os.fstat(descriptor)):
                break
        os.close(descriptor)  # somebody took it for one that was left, before it was locked
    folder = top / name
    try:
        folder.mkdir(mode=0o700)
        yield folder
    finally:
        try:
            remove_tree(str(folder))
            lock.unlink(missing_ok=True)
        finally:
            os.close(descriptor)


def clear_staging(top: Path) -> int:
    """Remove the folders whose writers are gone, and return how many there were."""
    count = 0
    with suppress(FileNotFoundError):
        for entry in list(os.scandir(top)):
            if entry.name.endswith(".lock"):
                with suppress(OSError):  # a file of somebody who is at work on it, or removes it as well
                    count += _cleared(entry.path)
    return count


def _cleared(lock: str) -> bool:
    descriptor = os.open(lock, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        folder = lock.removesuffix(".lock")
        there = os.path.lexists(folder)
        remove_tree(folder)
        os.unlink(lock)  # noqa: PTH108 - a string
    finally:
        os.close(descriptor)
    return there


def settle(folder: Path) -> None:
    """Make the files of a tree read-only (an executable one stays executable) and its folders private; a few small files are waited for to be on the disk."""
    files = []
    size = 0
    queue = [str(folder)]
    while queue:
        top = queue.pop()
        os.chmod(top, 0o700)  # noqa: PTH101 - a string
        with os.scandir(top) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    queue.append(entry.path)
                elif entry.is_file(follow_symlinks=False):
                    found = entry.stat(follow_symlinks=False)
                    os.chmod(entry.path, 0o555 if found.st_mode & 0o100 else 0o444)  # noqa: PTH101 - as above
                    files.append(entry.path)
                    size += found.st_size
    for path in files if len(files) <= _FEW and size <= _LITTLE else ():
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
