"""The digest of a folder's files, and copies of them.

A tree is what a run sees of a bundle: relative paths, contents, and which files may be executed. Owners, times, the umask, the order of
directory entries and folders without files do not count, so that a tree has the same digest wherever it was unpacked or checked out.
"""

from __future__ import annotations

import io
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ropeway.bundles.problems import InvalidBundle
from ropeway.lang.hashing import sha256

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ropeway.bundles.blobs import Seen

    Known = Mapping[str, tuple[str, Seen]]

__all__ = ["copy_tree", "tree_digest", "walk"]

_HEADER: Final = b"ropeway tree 1\n"
_EXECUTABLE: Final = stat.S_IXUSR
_AT_ONCE: Final = 2**24
_PIECE: Final = 2**18
_SMALL: Final = 2**18
"""Bytes of a file above which OpenSSL hashes it: loading that takes 3 ms."""


def tree_digest(root: Path, known: Known | None = None) -> str:
    """Return ``sha256:…`` over the sorted listing of a folder.

    Each file adds a line: the SHA-256 of its content in hexadecimal, ``x`` when its owner may execute it (else ``-``), the length of its path
    in bytes, and the path relative to ``root``, with slashes. Lines are sorted by the path's bytes.

    Args:
        root: The folder.
        known: By path, what this process has hashed while it wrote it (SHA-256 in hexadecimal), and what the file was then; one that is another file
            or was written to since is hashed.

    Raises:
        InvalidBundle: Something in it is neither a regular file nor a folder (code ``tree-entry``).
    """
    top = os.fsencode(root)
    total = sha256(_HEADER)
    hashed = {os.fsencode(path): each for path, each in known.items()} if known else {}
    for path, found in sorted(walk(root)):
        content, seen = hashed.get(path, ("", None))
        if seen != (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns):
            content = _content(b"%s/%s" % (top, path), found.st_size)
        mark = b"x" if found.st_mode & _EXECUTABLE else b"-"
        total.update(b"%s %s %d:%s\n" % (content.encode(), mark, len(path), path))
    return f"sha256:{total.hexdigest()}"


def walk(root: Path) -> Iterator[tuple[bytes, os.stat_result]]:
    """Yield the files of a folder, in no order: relative path with slashes, and what ``lstat`` says.

    Raises:
        InvalidBundle: Something in it is neither a regular file nor a folder (code ``tree-entry``).
    """
    top = os.fsencode(root)
    waiting = [b""]
    while waiting:
        below = waiting.pop()
        with os.scandir(top + b"/" + below if below else top) as entries:
            for entry in entries:
                path = b"%s/%s" % (below, entry.name) if below else entry.name
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(path)
                    continue
                found = entry.stat(follow_symlinks=False)
                if not stat.S_ISREG(found.st_mode):
                    raise _strange(root, path, found.st_mode)
                yield path, found


def copy_tree(source: Path, target: Path) -> None:
    """Copy the files of a folder into another one, which may exist; each copy is a file of its own (no link to the original).

    A file is executable for all when its owner may execute the original; the umask decides about the rest. Folders without files are left out.

    Raises:
        InvalidBundle: Something in it is neither a regular file nor a folder (code ``tree-entry``).
        FileExistsError: A file of that name is in ``target`` already.
    """
    top, goal = os.fsencode(source), os.fsencode(target)
    os.makedirs(goal, exist_ok=True)  # noqa: PTH103 - paths are bytes here
    made = {goal}
    for path, found in sorted(walk(source)):
        copied = b"%s/%s" % (goal, path)
        folder = os.path.dirname(copied)  # noqa: PTH120 - same
        if folder not in made:
            os.makedirs(folder, exist_ok=True)  # noqa: PTH103 - same
            made.add(folder)
        mode = 0o777 if found.st_mode & _EXECUTABLE else 0o666
        with _opened(b"%s/%s" % (top, path)) as original:
            number = os.open(copied, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
            with open(number, "wb", buffering=0) as copy:  # noqa: PTH123 - an open descriptor
                _pour(original, copy)


def _pour(original: io.FileIO, copy: io.FileIO) -> None:
    """Copy a file from where it stands: in the kernel where that can be, which takes a third of the time."""
    with suppress(
        AttributeError, OSError
    ):  # not on this system, not between these file systems; and what is wrong with the disk is said below
        while os.copy_file_range(original.fileno(), copy.fileno(), _AT_ONCE):
            pass
    while data := original.read(_PIECE):
        rest = memoryview(data)
        while rest:
            rest = rest[copy.write(rest) :]


def _content(path: bytes, size: int) -> str:
    with _opened(path) as file:
        data = file.read(_SMALL + 1) if size <= _SMALL else b""
        if size <= _SMALL and len(data) <= _SMALL:
            found: str = sha256(data).hexdigest()
            return found
        import hashlib

        file.seek(0)
        return hashlib.file_digest(file, "sha256").hexdigest()


def _opened(path: bytes) -> io.FileIO:
    """Open a file that was a regular one a moment ago: a link that took its place is not followed."""
    return io.FileIO(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb")


_KINDS: Final = (
    (stat.S_ISLNK, "a symbolic link"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def _strange(root: Path, path: bytes, mode: int) -> InvalidBundle:
    what = next((name for test, name in _KINDS if test(mode)), "no regular file")
    return InvalidBundle(
        f"{Path(root, os.fsdecode(path))} is {what}", hint="a tree holds regular files and folders only; remove it", code="tree-entry"
    )
