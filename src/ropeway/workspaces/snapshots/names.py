"""Names that git never lets into a tree, because on some system they would reach into ``.git`` itself.

The rules are those of git's ``verify_path`` (read-cache.c, path.c, utf8.c): a file of such a name is left alone, as ``git add`` leaves it.
"""

from __future__ import annotations

import re

# `.git`, `git~1` (its short name on NTFS), each with the dots, spaces and stream names that NTFS takes away.
_NTFS = re.compile(rb"(?:\.git|git~1)[ .]*(?:[:\\].*)?", re.IGNORECASE | re.DOTALL)
_NTFS_MODULES = re.compile(rb"(?:\.gitmodules|gitmod~[1-4]|gi7eba~[1-9])[ .]*(?::.*)?", re.IGNORECASE | re.DOTALL)
# Characters that HFS+ does not see in a name.
_UNSEEN = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")


def _plain(name: bytes) -> str:
    """Return a name as git believes that HFS+ compares it; it ends where it is no UTF-8."""
    try:
        text = name.decode()
    except UnicodeDecodeError as error:
        text = name[: error.start].decode()
    return _UNSEEN.sub("", text).lower()


def refused(name: bytes, *, link: bool = False) -> bool:
    """Whether git takes no entry of this name; ``link`` says that it is a symbolic link, which ``.gitmodules`` must not be."""
    low = name.lower()
    if b"git" not in low and (name.isascii() or "git" not in _plain(name)) and not low.startswith(b"gi7eba"):
        return False
    if _NTFS.fullmatch(name) or _plain(name) == ".git":
        return True
    # A backslash is a separator on NTFS: what follows or precedes it counts as a name of its own.
    if b"\\" in name and any(_NTFS.fullmatch(part) for part in name.split(b"\\")):
        return True
    return link and bool(_NTFS_MODULES.fullmatch(name) or _plain(name) == ".gitmodules")
