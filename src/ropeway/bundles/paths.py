"""Which paths a bundle may hold: the same rules for files that are packed, for titles of layers and for entries of archives.

A path is refused when it could mean a place outside its folder on any system, when two of one bundle would be the same file on a file system
that folds case or Unicode, and when it could not be shown as it is. Version control folders are refused too: what stands in ``.git/config`` runs
as soon as somebody calls ``git`` beside it.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ropeway.bundles.limits import Limits

__all__ = ["Places", "fault_of"]

_UNSHOWABLE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
"""Control characters, separators of lines, and characters that change the order in which text is shown."""

_IGNORED: Final = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]")
"""Characters that some file systems, or some readers, do not see in a name."""

_DRIVE: Final = re.compile("[A-Za-z]:")
_CONTROLLED: Final = frozenset({".git", ".hg", ".jj", ".svn", ".bzr"})


def fault_of(path: str, limits: Limits) -> str | None:
    """Return why a path may not stand in a bundle, as what follows its name in a sentence; None for a good one."""
    if not path:
        return "has no name"
    if _UNSHOWABLE.search(path):
        return "holds a control character, or one that changes how text is shown"
    if path.startswith("/"):
        return "is an absolute path"
    if "\\" in path:
        return "holds a backslash, which separates folders on some systems"
    if _DRIVE.match(path):
        return "starts with a drive letter"
    if len(path.encode()) > limits.path:
        return f"is longer than {limits.path:,} bytes"
    return _fault_of_parts(path.split("/"), limits)


def _fault_of_parts(parts: list[str], limits: Limits) -> str | None:
    if len(parts) > limits.depth:
        return f"is deeper than {limits.depth} folders"
    for part in parts:
        if part == "..":
            return "climbs out of its folder"
        if part in ("", "."):
            return "has an empty part"
        if len(part.encode()) > limits.name:
            return f"has a part longer than {limits.name} bytes"
        if _folded(part) in _CONTROLLED:
            return "is in a folder of a version control system, whose settings can run programs"
    return None


def _folded(part: str) -> str:
    """Return what is equal for names that some file system takes for the same (Unicode's canonical caseless matching, D145)."""
    if part.isascii():
        return part.lower()
    part = unicodedata.normalize("NFD", _IGNORED.sub("", part)).casefold()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", part))


class Places:
    """The paths of one bundle, and which of them can't stand together."""

    def __init__(self) -> None:
        self._names: dict[tuple[str, ...], str] = {(): ""}
        self._files: set[tuple[str, ...]] = set()
        self._folders: set[tuple[str, ...]] = set()

    def add_file(self, path: str) -> str | None:
        """Note a file, and return why it can't stand beside the others (what follows its name in a sentence)."""
        key, fault = self._note(path)
        if fault is not None:
            return fault
        if key in self._files:
            return "is there twice"
        if key in self._folders:
            return "is a file and a folder at once"
        self._files.add(key)
        return None

    def add_folder(self, path: str) -> str | None:
        """Note a folder; see :meth:`add_file`. Folders that files brought along may be named once more, after them."""
        key, fault = self._note(path)
        if fault is not None:
            return fault
        if key in self._files:
            return "is a file and a folder at once"
        self._folders.add(key)
        return None

    def _note(self, path: str) -> tuple[tuple[str, ...], str | None]:
        key: tuple[str, ...] = ()
        parts = path.split("/")
        for number, part in enumerate(parts):
            if number:
                if key in self._files:
                    return key, f"is in {'/'.join(parts[:number])!r:.200}, which is a file"
                self._folders.add(key)
            key = (*key, _folded(part))
            known = self._names.setdefault(key, part)
            if known != part:
                return key, f"and {known!r:.100} are the same name where case or the form of accents does not count"
        return key, None
