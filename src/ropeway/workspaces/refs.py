"""What HEAD points to, read from the files that hold it: starting git to ask costs more than all else that a small working copy takes."""

from __future__ import annotations

import os
import re
from typing import Final

from ropeway.workspaces.discovery import own_git_dir

_ID: Final = re.compile(rb"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")
_DEEP: Final = 5  # refs that name another one
_LARGEST: Final = 64 * 1024


def head_of(top: str, common: str) -> str | None:
    """Return the id that HEAD stands for in a working copy, in hex.

    Args:
        top: Its top folder.
        common: The git directory that it shares with others.

    Returns:
        None when the files do not say: there is no commit yet, or refs are kept in another way. git knows then.
    """
    own = own_git_dir(top)
    if own is None:
        return None
    said = _read(os.path.join(own, "HEAD"))
    for _ in range(_DEEP):
        if not said.startswith(b"ref: refs/"):
            return said.decode() if _ID.match(said) else None
        name = said.removeprefix(b"ref: ")
        said = _read(os.path.join(common, os.fsdecode(name))) or _packed(common, name)
    return None


def checked_out(top: str) -> str | None:
    """Return the id that HEAD stands for in a repository of its own, such as a submodule; None without one in that folder, or when the files do not say."""
    own = own_git_dir(top)
    if own is None:
        return None
    shared = _read(os.path.join(own, "commondir"))
    return head_of(top, os.path.join(own, os.fsdecode(shared)) if shared else own)


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(_LARGEST).strip()
    except OSError:
        return b""


def _packed(common: str, name: bytes) -> bytes:
    """Return what ``packed-refs`` has for a ref; the file that is named like it counts first. Format: gitrepository-layout(5)."""
    try:
        with open(os.path.join(common, "packed-refs"), "rb") as file:
            text = b"\n" + file.read()
    except OSError:
        return b""
    end = text.find(b" " + name + b"\n")
    return text[text.rfind(b"\n", 0, end) + 1 : end] if end > 0 else b""
