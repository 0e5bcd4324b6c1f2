"""What people are told when a snapshot can't be saved or put back."""

from __future__ import annotations

import errno
import os

from ropeway.errors import StoreError

_WRITABLE = "check who owns it and its permissions"
_HINTS = {
    errno.ENOSPC: "free some space on that disk, then resume the run",
    errno.EDQUOT: "your disk quota is used up: free some space, then resume the run",
    errno.EROFS: "it is on a file system that is mounted read-only: mount it writable, then resume the run",
    errno.EACCES: _WRITABLE,
    errno.EPERM: _WRITABLE,
}


def shown(path: bytes | str) -> str:
    """Return a path as people read it; bytes that are no UTF-8 are escaped."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def failure(doing: str, path: bytes | str, error: OSError, hint: str | None = None) -> StoreError:
    """Return the error that says what could not be done, to which file, why, and what helps."""
    why = error.strerror or str(error)
    return StoreError(f"{doing}: {shown(path)}: {why}", hint=hint or _HINTS.get(error.errno or 0), code="snapshot-failed")
