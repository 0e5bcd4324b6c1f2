"""Lock files: the kernel gives a lock back when its holder ends, however that comes about.

Who has taken a lock makes sure that its file still has its name, so a file can be removed by who holds it.
"""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import suppress
from typing import Final

from ropeway.errors import StoreError

_MOMENT: Final = 0.25  # seconds
_TRIES: Final = 20
_ELSEWHERE: Final = "set AI_WORKSPACES_ROOT to a folder that you can write to"


def make_folder(path: str) -> str:
    """Make a folder and those above it, and return its path.

    Raises:
        StoreError: It can't be made.
    """
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise StoreError(f"the folder {path} can't be made: {error.strerror}", hint=_ELSEWHERE, code="workspace-root") from error
    return path


def _open(path: str) -> int:
    try:
        for _ in range(_TRIES):  # whoever clears the locks may remove the folder just made
            with suppress(FileNotFoundError):
                return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
            try:
                make_folder(os.path.dirname(path))
            except StoreError as error:
                if not isinstance(error.__cause__, FileExistsError):  # it was there, and is gone again
                    raise
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
    except StoreError:
        raise
    except OSError as error:
        raise StoreError(f"{path} can't be written: {error.strerror}", hint=_ELSEWHERE, code="workspace-root") from error


def locked(path: str, *, wait: bool = False, patience: float = _MOMENT) -> tuple[int, bool]:
    """Open a lock file and take its lock; return the descriptor, and False when somebody else holds it.

    ``wait`` for it as long as it takes, or for ``patience`` seconds.
    One who held it may have removed the file meanwhile: a lock on a file without its name keeps nobody out, so the next file of that name is taken.
    """
    while True:
        descriptor = _open(path)
        if wait:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        elif not _take(descriptor, patience):
            return descriptor, False
        if _has_its_name(descriptor, path):
            return descriptor, True
        os.close(descriptor)


def _has_its_name(descriptor: int, path: str) -> bool:
    try:
        there = os.stat(path, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return os.path.samestat(os.fstat(descriptor), there)


def _take(descriptor: int, patience: float) -> bool:
    """Take a lock, unless somebody goes on holding it. One who was killed may leave it for a moment to a program that it was just starting."""
    until = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                return False
            time.sleep(0.01)
        else:
            return True


def write(descriptor: int, text: str) -> None:
    """Write what a lock file says.

    Raises:
        StoreError: It can't be written.
    """
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, text.encode() + b"\n", 0)
    except OSError as error:
        raise StoreError(f"a lock file can't be written: {error.strerror}", hint=_ELSEWHERE, code="workspace-root") from error


def remove(path: str) -> bool:
    """Remove a lock file that is there while holding it; False when somebody else holds it."""
    if not os.path.lexists(path):
        return True
    try:
        descriptor, taken = locked(path, patience=0)
    except StoreError:
        return False
    try:
        if taken:
            os.unlink(path)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return taken
