"""Tar archives: a strict reader of ustar with pax headers (POSIX.1-2017, pax, "ustar Interchange Format"), and nothing else.

Whatever two readers of tar might understand differently is refused rather than understood: GNU's own headers (long names, sparse files,
base-256 numbers), global pax headers that rename, a pax size that differs from the header's, keys that are there twice, bytes where there
should be none. Links of both kinds are refused too, even those that stay inside: a tree holds files and folders, and a file behind a link
would be written through it. What is behind a name is never looked at here; :mod:`~ropeway.bundles.unpack` writes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from ropeway.bundles.paths import fault_of
from ropeway.bundles.problems import HostileArchive
from ropeway.records import record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ropeway.bundles.gzip_stream import Readable
    from ropeway.bundles.limits import Budget, Limits

__all__ = ["BLOCK", "Archive", "Member"]

BLOCK: Final = 512
_PIECE: Final = 1 << 18
_MAX_PAX: Final = 64 * 1024
"""Bytes of one pax header: a path and a few numbers."""

_ZEROS: Final = bytes(BLOCK)
_SPECIAL_BITS: Final = 0o7000
_OCTAL: Final = re.compile(rb" *([0-7]*)[ \0]*")
_PAX_RECORD: Final = re.compile(rb"([1-9][0-9]{0,5}) ")

_FILE, _FOLDER, _PAX, _GLOBAL = b"0", b"5", b"x", b"g"
_REFUSED: Final[dict[bytes, str]] = {
    b"1": "is a hard link",
    b"2": "is a symbolic link",
    b"3": "is a device",
    b"4": "is a device",
    b"6": "is a named pipe",
    b"7": "is of the kind 'contiguous file'",
    b"S": "is a sparse file",
    b"L": "has a long name in GNU's form",
    b"K": "has a long link in GNU's form",
    b"M": "goes on from another volume",
    b"V": "is a label of a volume",
    b"D": "is a list of a folder in GNU's form",
    b"s": "is a socket",
}
_HARMLESS: Final = frozenset({"mtime", "atime", "ctime", "uid", "gid", "uname", "gname", "comment", "path", "size"})
_HARMLESS_PREFIXES: Final = ("SCHILY.xattr.", "LIBARCHIVE.", "RHT.")


@record
class Member:
    """A file or a folder of an archive: its path was checked by itself. Folders have the size 0; ``offset`` is where the content starts."""

    path: str
    folder: bool
    executable: bool
    size: int
    offset: int


class Archive:
    """Reads the members of a tar stream, one after the other.

    Args:
        source: The uncompressed bytes.
        budget: Counts entries and bytes, over all archives of one bundle.
        what: What messages call it.
        skip: Moves on by so many bytes without reading them, where the source can.
    """

    def __init__(self, source: Readable, budget: Budget, what: str, *, skip: Callable[[int], object] | None = None) -> None:
        self._source = source
        self._budget = budget
        self._limits: Limits = budget.limits
        self._what = what
        self._jump = skip
        self._offset = 0
        self._left = 0
        self._padding = 0

    def members(self) -> Iterator[Member]:
        """Yield files and folders in their order. Read a file's :meth:`content` before the next one, or it is skipped.

        Raises:
            HostileArchive: See the module.
        """
        pax: dict[str, str] | None = None
        while True:
            self._skip()
            block = self._block()
            if block == _ZEROS:
                if pax is not None:
                    raise self._refused("a pax header has no entry behind it")
                self._end()
                return
            header = _Header(block, self)
            if header.kind != _PAX:
                self._budget.entry()
            if header.kind in (_PAX, _GLOBAL):
                if pax is not None:
                    raise self._refused("two pax headers follow each other")
                found = self._pax(header)
                if header.kind == _GLOBAL:
                    self._check_global(found)
                else:
                    pax = found
                continue
            member = header.member(pax or {}, self._limits)
            pax = None
            self._budget.announce(member.size, member.path)
            self._left, self._padding = member.size, -member.size % BLOCK
            yield member

    def content(self) -> Iterator[bytes]:
        """Yield the content of the file that :meth:`members` gave last."""
        while self._left:
            piece = self._source.read(min(self._left, _PIECE))
            if not piece:
                raise self._refused("it is cut off in the middle of a file")
            self._offset += len(piece)
            self._left -= len(piece)
            self._budget.take(len(piece))
            yield piece

    def _skip(self) -> None:
        if self._jump is not None:
            self._jump(self._left)
            self._budget.take(self._left)
            self._offset += self._left
            self._left = 0
        for _ in self.content():
            pass
        if self._padding and self._exactly(self._padding).strip(b"\0"):
            raise self._refused("something is hidden between two of its files")
        self._padding = 0

    def _block(self) -> bytes:
        return self._exactly(BLOCK)

    def _exactly(self, size: int) -> bytes:
        found = b""
        while len(found) < size:
            piece = self._source.read(size - len(found))
            if not piece:
                raise self._refused("it is cut off: its end mark is missing" if not found else "it is cut off")
            found += piece
        self._offset += size
        return found

    def _end(self) -> None:
        """Read the second block of the end mark, and the zeros that fill the last record up."""
        if self._block() != _ZEROS:
            raise self._refused("something stands behind its end mark")
        while piece := self._source.read(_PIECE):
            self._budget.take(len(piece))
            if piece.strip(b"\0"):
                raise self._refused("something stands behind its end mark")

    def _pax(self, header: _Header) -> dict[str, str]:
        size = header.size
        if size > _MAX_PAX:
            raise self._refused(f"a pax header has {size:,} bytes, and {_MAX_PAX:,} is the most")
        raw = self._exactly(size)
        self._budget.take(size)
        self._padding = -size % BLOCK
        self._skip()
        found: dict[str, str] = {}
        while raw:
            key, value, raw = self._record(raw)
            if key in found:
                raise self._refused(f"a pax header says {key!r:.100} twice")
            if key.startswith("GNU.sparse."):
                raise self._refused("it holds a sparse file")
            if key not in _HARMLESS and not key.startswith(_HARMLESS_PREFIXES):
                raise self._refused(f"a pax header says {key!r:.100}, which means nothing here")
            found[key] = value
        return found

    def _record(self, raw: bytes) -> tuple[str, str, bytes]:
        """Take the first record off: ``LENGTH KEY=VALUE`` and a newline."""
        mark = _PAX_RECORD.match(raw)
        length = int(mark[1]) if mark is not None else 0
        if mark is None or length > len(raw) or length <= mark.end() or raw[length - 1] != 0x0A:
            raise self._refused("a pax header is damaged")
        key, equals, value = raw[mark.end() : length - 1].partition(b"=")
        try:
            name, text = key.decode(), value.decode()
        except UnicodeDecodeError:
            if key.startswith(tuple(prefix.encode() for prefix in _HARMLESS_PREFIXES)):
                name, text = key.decode(errors="replace"), ""  # extended attributes are bytes, and not read
            else:
                raise self._refused("a pax header is not UTF-8") from None
        if not equals or not name:
            raise self._refused("a pax header is damaged")
        return name, text, raw[length:]

    def _check_global(self, found: dict[str, str]) -> None:
        if found.keys() & {"path", "size"}:
            raise self._refused("a global pax header renames or resizes all that follows")

    @property
    def offset(self) -> int:
        """Bytes that were read so far."""
        return self._offset

    def _refused(self, why: str) -> HostileArchive:
        return HostileArchive(f"{self._what} is refused: {why}")

    def refuse(self, name: str, why: str) -> HostileArchive:
        """Return the refusal of one entry."""
        return HostileArchive(f"{self._what} is refused: {name!r:.300} {why}")

    def damaged(self, why: str) -> HostileArchive:
        """Return the refusal of the whole archive."""
        return self._refused(why)


class _Header:
    """The fields of one header block."""

    __slots__ = ("_archive", "_block", "kind", "size")

    def __init__(self, block: bytes, archive: Archive) -> None:
        self._block = block
        self._archive = archive
        stated = self._number(148, 156, "checksum")
        if stated != sum(block[:148]) + 8 * 0x20 + sum(block[156:]):
            raise archive.damaged("the checksum of a header is wrong")
        if block[257:265] != b"ustar\x0000":
            why = "it is in GNU's own form of tar" if block[257:265] == b"ustar  \0" else "it is in an old form of tar"
            raise archive.damaged(f"{why}; `tar --format=pax` writes what is read here")
        self.kind = block[156:157] if block[156:157] != b"\0" else _FILE
        self.size = self._number(124, 136, "size")

    def _number(self, start: int, end: int, what: str) -> int:
        field = self._block[start:end]
        found = _OCTAL.fullmatch(field)
        if found is None:
            raise self._archive.damaged(f"the {what} in a header is not an octal number")
        return int(found[1] or b"0", 8)

    def _text(self, start: int, end: int) -> bytes:
        text, _, rest = self._block[start:end].partition(b"\0")
        if rest.strip(b"\0"):
            raise self._archive.damaged("a name in a header has something behind its end")
        return text

    def member(self, pax: dict[str, str], limits: Limits) -> Member:
        """Return what the header and the pax header before it say together."""
        name, prefix = self._text(0, 100), self._text(345, 500)
        if "path" in pax:
            path = pax["path"]
        else:
            try:
                path = (prefix + b"/" + name if prefix else name).decode()
            except UnicodeDecodeError:
                raise self._archive.refuse((prefix + name).decode(errors="replace"), "is not UTF-8") from None
        if self.kind not in (_FILE, _FOLDER):
            raise self._archive.refuse(path, _REFUSED.get(self.kind, f"is of a kind that is not known ({self.kind!r})"))
        if pax.get("size", str(self.size)) != str(self.size):
            raise self._archive.refuse(path, "has another size in its pax header")
        folder = self.kind == _FOLDER
        clean = path[:-1] if folder and path.endswith("/") else path
        while clean.startswith("./") and clean != "./":
            clean = clean[2:]
        fault = None if folder and clean == "." else fault_of(clean, limits)
        if fault is not None:
            raise self._archive.refuse(path, fault)
        mode = self._number(100, 108, "mode")
        if folder and self.size:
            raise self._archive.refuse(path, "is a folder with content")
        if not folder and mode & _SPECIAL_BITS:
            raise self._archive.refuse(path, "would run with its owner's rights (setuid, setgid or sticky bit)")
        return Member(clean, folder, bool(mode & 0o100), self.size, self._archive.offset)
