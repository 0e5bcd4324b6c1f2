"""What of a folder is packed: every file that is not left out, with links to files of the same folder taken for those files."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ropeway.bundles.ignore import FILE, Ignore, parse_ignore
from ropeway.bundles.limits import Limits
from ropeway.bundles.paths import Places, fault_of
from ropeway.bundles.problems import InvalidBundle
from ropeway.records import record

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

__all__ = ["Entry", "Listing", "list_folder", "read_whole"]

_LAYOUT: Final = "oci-layout"
_LIMITS: Final = Limits()
_MAX_IGNORE: Final = 2**20


@record
class Entry:
    """A file that is packed: its path in the bundle, where its content is (behind links), and what was seen of it when it was listed."""

    path: str
    source: Path
    size: int
    executable: bool
    seen: tuple[int, int, int, int]
    """Device, inode, size and time of the last change (ns): a file that differs in one of them was changed meanwhile."""

    @property
    def top(self) -> str:
        """The first part of the path: the file or folder at the top that it belongs to."""
        return self.path.partition("/")[0]


@record
class Listing:
    """The files of a folder, sorted by the bytes of their paths, and the ``.env`` files that were left out without being asked."""

    entries: tuple[Entry, ...]
    secrets: tuple[str, ...] = ()


def list_folder(root: Path, *, without: Collection[Path] = ()) -> Listing:
    """List what is packed of a folder.

    Args:
        root: The folder.
        without: Files and folders that stay behind whatever they are called: where the result goes to.

    Raises:
        InvalidBundle: A name can't stand in a bundle, two can't stand together, something is no file, a link leads out of the folder or nowhere,
            or something can't be read.
    """
    walk = _Walk(root, {os.path.abspath(path) for path in without})  # noqa: PTH100 - links are not followed
    entries = sorted(walk.folder(""), key=lambda entry: entry.path.encode())
    places = Places()
    for entry in entries:
        fault = places.add_file(entry.path)
        if fault is not None:
            raise InvalidBundle(f"{entry.path!r:.300} can not be packed: it {fault}", hint="rename one of them", code="name-collision")
    return Listing(tuple(entries), tuple(sorted(walk.secrets)))


class _Walk:
    def __init__(self, root: Path, without: set[str]) -> None:
        self._root = root
        self._real = os.path.realpath(root)
        self._without = without
        self._ignore = _rules(root)
        self.secrets: list[str] = []

    def folder(self, below: str) -> Iterator[Entry]:
        """Yield the files at and below a folder of the tree."""
        try:
            with os.scandir(self._root / below) as scanned:
                found = list(scanned)
        except OSError as error:
            raise unreadable(self._root / below, error) from None
        for each in found:
            path = self._path(below, each.name)
            is_folder = each.is_dir(follow_symlinks=False)
            if self._stays(path, each, folder=is_folder):
                continue
            fault = fault_of(path, _LIMITS)
            if fault is not None:
                raise InvalidBundle(
                    f"{path!r:.300} can not be packed: it {fault}", hint="rename it, or list it in .ropewayignore", code="bad-name"
                )
            if is_folder:
                yield from self.folder(path)
            else:
                yield self._entry(path, each)

    def _path(self, below: str, name: str) -> str:
        raw = os.fsencode(name)
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            shown = f"{below}/{raw.decode(errors='backslashreplace')}".lstrip("/")
            raise InvalidBundle(f"{shown} can not be packed: its name is not UTF-8", hint="rename it", code="bad-name") from None
        return f"{below}/{text}" if below else text

    def _stays(self, path: str, entry: os.DirEntry[str], *, folder: bool) -> bool:
        if self._without and os.path.abspath(entry.path) in self._without:  # noqa: PTH100 - links are not followed
            return True
        if path == "README.md":
            return False
        if self._ignore.leaves_out(path, folder=folder):
            if entry.name.startswith(".env"):
                self.secrets.append(path)
            return True
        return folder and os.path.isfile(os.path.join(entry.path, _LAYOUT))  # noqa: PTH113, PTH118 - a string

    def _entry(self, path: str, entry: os.DirEntry[str]) -> Entry:
        source = Path(entry.path)
        try:
            if entry.is_symlink():
                source = self._behind(path, entry.path)
            found = source.lstat()
        except OSError as error:
            raise unreadable(source, error) from None
        if not stat.S_ISREG(found.st_mode):
            hint = "remove it, or list it in .ropewayignore"
            raise InvalidBundle(f"{path} can not be packed: it is no regular file", hint=hint, code="not-a-file")
        seen = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
        return Entry(path, source, found.st_size, bool(found.st_mode & stat.S_IXUSR), seen)

    def _behind(self, path: str, full: str) -> Path:
        real = os.path.realpath(full)
        hint = "put a copy in its place, or list it in .ropewayignore"
        if real != self._real and not real.startswith(f"{self._real.rstrip('/')}/"):
            raise InvalidBundle(f"{path} is a link that leads out of the folder", hint=hint, code="link-outside")
        if not os.path.exists(real):  # noqa: PTH110 - a string
            raise InvalidBundle(f"{path} is a link that leads nowhere", hint=hint, code="link-dangling")
        if os.path.isdir(real):  # noqa: PTH112 - a string
            raise InvalidBundle(f"{path} is a link to a folder; only links to files can be packed", hint=hint, code="link-to-folder")
        inside = os.path.relpath(real, self._real)
        if any(part in (".git", ".jj", ".hg") for part in inside.split("/")):
            raise InvalidBundle(f"{path} is a link into a version control folder", hint=hint, code="link-outside")
        return Path(real)


def _rules(root: Path) -> Ignore:
    try:
        raw = read_whole(root / FILE, _MAX_IGNORE)
    except FileNotFoundError:
        return parse_ignore()
    except OSError as error:
        raise unreadable(root / FILE, error) from None
    return parse_ignore(raw.decode(errors="replace"))


def read_whole(path: Path, most: int) -> bytes:
    """Return a file's bytes.

    Raises:
        OSError: It can't be read.
        InvalidBundle: It has more than ``most`` bytes.
    """
    with path.open("rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise InvalidBundle(f"{path} has more than {most:,} bytes", hint="is it the right file?", code="file-too-large")
    return data


def unreadable(path: Path, error: OSError) -> InvalidBundle:
    """Return the error for something that can't be read."""
    return InvalidBundle(
        f"{path} can not be read: {error.strerror}", hint="check who owns it, or list it in .ropewayignore", code="file-unreadable"
    )
