"""Tar archives by rules of our own, so that a folder gives the same bytes on every machine.

Ustar headers; a pax header before a path that does not fit there. Folders come before what is in them, everything is sorted by the bytes of its
path. Owners and times are zero, files have the mode 0644 or 0755, folders 0755; only folders that hold files are there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ropeway.bundles.archive import BLOCK

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ropeway.bundles.gzip_stream import Writable

__all__ = ["TarWriter"]

_NAME: Final = 100
_PREFIX: Final = 155
_MAX_OCTAL: Final = 8**11


class TarWriter:
    """Writes members in the order in which they come; the caller sorts them. Call :meth:`close` at the end; the target stays open."""

    def __init__(self, target: Writable) -> None:
        self._target = target

    def folder(self, path: str) -> None:
        """Add a folder."""
        self._header(f"{path}/", 0, 0o755, b"5")

    def file(self, path: str, size: int, pieces: Iterable[bytes], *, executable: bool = False) -> None:
        """Add a file. The pieces must have as many bytes as ``size`` says."""
        self._header(path, size, 0o755 if executable else 0o644, b"0")
        for piece in pieces:
            self._target.write(piece)
        self._target.write(bytes(-size % BLOCK))

    def close(self) -> None:
        """Write the end mark."""
        self._target.write(bytes(2 * BLOCK))

    def _header(self, path: str, size: int, mode: int, kind: bytes) -> None:
        assert size < _MAX_OCTAL
        raw = path.encode()
        prefix, name = _split(raw)
        if name is None or not path.isascii():
            record = _record(raw)
            self._target.write(_block(b"pax", b"", len(record), 0o644, b"x"))
            self._target.write(record + bytes(-len(record) % BLOCK))
            prefix, name = b"", b"pax-path"
        self._target.write(_block(name, prefix, size, mode, kind))


def _split(path: bytes) -> tuple[bytes, bytes | None]:
    """Split a path at a slash so that both parts fit into a header; None when no slash does."""
    if len(path) <= _NAME:
        return b"", path
    at = path.rfind(b"/", 0, min(len(path) - 1, _PREFIX + 1))
    if at <= 0 or len(path) - at - 1 > _NAME:
        return b"", None
    return path[:at], path[at + 1 :]


def _record(path: bytes) -> bytes:
    """Return a pax record, which says its own length."""
    body = b" path=%s\n" % path
    size = len(body)
    while len(b"%d" % size) + len(body) != size:
        size = len(b"%d" % size) + len(body)
    return b"%d%s" % (size, body)


def _block(name: bytes, prefix: bytes, size: int, mode: int, kind: bytes) -> bytes:
    fields = b"".join((
        name.ljust(_NAME, b"\0"),
        b"%07o\0" % mode,
        b"0000000\0" * 2,
        b"%011o\0" % size,
        b"00000000000\0",
        b" " * 8,
        kind,
        bytes(100),
        b"ustar\x0000",
        bytes(64),
        b"0000000\0" * 2,
        prefix.ljust(_PREFIX, b"\0"),
        bytes(12),
    ))  # fmt: skip
    return fields[:148] + b"%06o\0 " % sum(fields) + fields[156:]
