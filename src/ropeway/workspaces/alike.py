"""Whether two files are the same to git: content, the x bit, or a link's target."""

from __future__ import annotations

import os
import stat
from typing import Final

_CHUNK: Final = 1 << 20  # bytes


def same_entry(one: bytes, two: bytes) -> bool:
    """Whether both paths hold the same file or link, or neither holds anything; False for anything else, such as folders, and for what can't be read."""
    first, second = _look(one), _look(two)
    if first is None or second is None:
        return first is second
    if stat.S_IFMT(first.st_mode) != stat.S_IFMT(second.st_mode) or (first.st_mode ^ second.st_mode) & 0o100:
        return False
    try:
        if stat.S_ISLNK(first.st_mode):
            return os.readlink(one) == os.readlink(two)
        return stat.S_ISREG(first.st_mode) and first.st_size == second.st_size and _same_content(one, two)
    except OSError:
        return False


def _look(path: bytes) -> os.stat_result | None:
    try:
        return os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _same_content(one: bytes, two: bytes) -> bool:
    with open(one, "rb") as first, open(two, "rb") as second:
        while chunk := first.read(_CHUNK):
            if chunk != second.read(_CHUNK):
                return False
    return True
