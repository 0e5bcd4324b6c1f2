"""Files that a person told git not to look at (``git update-index --skip-worktree``, ``--assume-unchanged``): ``git status`` says nothing of what is in them.

Whether there are any is read from the index, since most repositories have none. Format: gitformat-index(5).
"""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING, Final

from ropeway.workspaces.alike import same_entry
from ropeway.workspaces.discovery import own_git_dir
from ropeway.workspaces.uncommitted import Status, put_on_top, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_HEAD: Final = 12  # bytes before the first entry
_EXTENDED, _ASSUMED, _SKIPPED = 0x4000, 0x8000, 0x4000  # flags of an entry; the last one of the second pair of bytes
_LENGTH: Final = 0x0FFF
_COMPRESSED: Final = 4


def listed(git: Callable[..., bytes], root: str, common: str) -> tuple[tuple[bytes, bytes], ...]:
    """Return the files that git does not look at: the letter of ``git ls-files -v``, and the path.

    Args:
        git: Calls git in the working copy.
        root: Its top folder.
        common: The git directory that it shares with other worktrees.
    """
    own = own_git_dir(root)
    if own is None or not _may_have(own, os.path.join(common, "config")):
        return ()
    lines = (line.partition(b" ")[::2] for line in git("ls-files", "-v", "-z").split(b"\0") if line)
    return tuple((letter, path) for letter, path in lines if letter in (b"S", b"s", b"h"))


def _may_have(git_dir: str, config: str) -> bool:
    """Whether an index says so of any file, or can't be read here."""
    try:
        with open(os.path.join(git_dir, "index"), "rb") as file:
            data = file.read()
        if any(name.startswith("sharedindex.") for name in os.listdir(git_dir)):
            return True  # it is in parts
        with open(config, "rb") as file:
            size = 32 if b"objectformat = sha256" in file.read().lower() else 20
    except FileNotFoundError:
        return False  # nothing was ever added
    except OSError:
        return True
    try:
        return _flagged(data, 40 + size)
    except (struct.error, IndexError, ValueError):
        return True


def _flagged(data: bytes, before: int) -> bool:
    """Whether an entry has such a flag; ``before`` is where in an entry the flags are."""
    version, count = struct.unpack_from(">II", data, 4)
    at, fixed = _HEAD, before + 2
    for _ in range(count):
        flags = data[at + before] << 8 | data[at + before + 1]
        if flags & (_ASSUMED | _EXTENDED):
            if flags & _ASSUMED or data[at + fixed] << 8 & _SKIPPED:
                return True
            start = at + fixed + 2
        else:
            start = at + fixed
        if version == _COMPRESSED:
            while data[start] & 128:
                start += 1
            at = data.index(b"\0", start + 1) + 1
            continue
        length = flags & _LENGTH
        end = start + length if length < _LENGTH else data.index(b"\0", start)
        at = end + 8 - (end - at) % 8
    return False


def take_along(
    git: Callable[..., bytes], home: str, copy: str, files: Iterable[tuple[bytes, bytes]], leave: str
) -> tuple[tuple[bytes, ...], tuple[str, ...]]:
    """Put those of these files on top of a copy that are otherwise at home, and have git not look at them there either.

    A file that is not there at home is left as it is committed: that is what a sparse checkout looks like.

    Args:
        git: Calls git in the copy.
        home: The person's working copy.
        copy: The other one.
        files: What :func:`listed` returned.
        leave: As for :func:`ropeway.workspaces.uncommitted.put_on_top`.

    Returns:
        The paths that were written, and notes.
    """
    differing = {path: letter for letter, path in files if _differs(os.fsencode(home), os.fsencode(copy), path)}
    if not differing:
        return (), ()
    touched, notes = put_on_top(home, copy, Status("", present=tuple(differing)), leave)
    for option, letters in (("--skip-worktree", b"Ss"), ("--assume-unchanged", b"sh")):
        paths = [path for path, letter in differing.items() if letter in letters]
        if paths:
            git("update-index", option, "-z", "--stdin", stdin=b"\0".join(paths) + b"\0", ok=(0, 128))  # 128: one is not in that index
    return touched, (f"your edits of files that git is told not to look at are here too: {shown(differing)}", *notes)


def _differs(home: bytes, copy: bytes, path: bytes) -> bool:
    """Whether a file or link is at home, and otherwise than in the copy."""
    mine = os.path.join(home, path)
    there = os.path.islink(mine) or os.path.isfile(mine)
    return there and not same_entry(mine, os.path.join(copy, path))
