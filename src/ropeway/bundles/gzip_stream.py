"""Gzip (RFC 1952), read with care and written the same by every version of zlib.

Written streams hold *stored* blocks only (RFC 1951, 3.2.4): compressors differ between versions and between zlib and zlib-ng, and a digest must
not. What matters for size, registries and their transport compress themselves.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Final, Protocol

from ropeway.bundles.problems import HostileArchive

if TYPE_CHECKING:
    from ropeway.bundles.limits import Limits

__all__ = ["MAGIC", "Inflated", "Readable", "StoredGzip", "Writable"]

MAGIC: Final = b"\x1f\x8b"
_HEADER: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"  # deflate, no name, no time, no level, unknown system
_BLOCK: Final = 0xFFFF
_PIECE: Final = 1 << 18


class Readable(Protocol):
    """What has bytes to give."""

    def read(self, size: int, /) -> bytes:
        """Return at most ``size`` bytes; none at the end."""
        ...


class Writable(Protocol):
    """What takes bytes."""

    def write(self, data: bytes | memoryview, /) -> object:
        """Take all of them."""
        ...


class StoredGzip:
    """Writes a gzip stream of stored blocks. Call :meth:`close` at the end; the target stays open."""

    def __init__(self, target: Writable) -> None:
        self._target = target
        self._checksum = 0
        self._size = 0
        self._waiting = bytearray()
        target.write(_HEADER)

    def write(self, data: bytes | memoryview) -> None:
        """Add bytes. Where they are cut does not change what is written: every block but the last is full."""
        self._checksum = zlib.crc32(data, self._checksum)
        self._size += len(data)
        self._waiting += data
        if len(self._waiting) < _BLOCK:
            return
        whole = len(self._waiting) // _BLOCK * _BLOCK
        with memoryview(self._waiting) as waiting:
            for start in range(0, whole, _BLOCK):
                self._block(waiting[start : start + _BLOCK], last=False)
        del self._waiting[:whole]

    def _block(self, data: bytes | memoryview, *, last: bool) -> None:
        self._target.write(struct.pack("<BHH", last, len(data), len(data) ^ 0xFFFF))
        self._target.write(data)

    def close(self) -> None:
        """Write the last block, the checksum and the length."""
        self._block(bytes(self._waiting), last=True)
        self._target.write(struct.pack("<II", self._checksum, self._size & 0xFFFFFFFF))


class Inflated:
    """Reads one gzip member, and refuses anything behind it. Memory is bounded by what is asked for, whatever the stream would give."""

    def __init__(self, source: Readable, limits: Limits, what: str) -> None:
        self._source = source
        self._limits = limits
        self._what = what
        self._engine = zlib.decompressobj(wbits=31)
        self._taken = 0
        self._given = 0
        self._over = False

    def read(self, size: int, /) -> bytes:
        """Return at most ``size`` bytes; none at the end.

        Raises:
            HostileArchive: The stream is damaged, cut off or followed by something, or gives too much for what it has.
        """
        while not self._over:
            fed = self._engine.unconsumed_tail
            if not fed:
                fed = self._source.read(_PIECE)
                self._taken += len(fed)
                if not fed:
                    raise self._refused("its compressed stream is cut off")
            try:
                found = self._engine.decompress(fed, size)
            except zlib.error as error:
                raise self._refused(f"its compressed stream is damaged ({error})") from None
            self._given += len(found)
            self._check_ratio()
            if self._engine.eof:
                self._end()
            if found:
                return found
        return b""

    def _check_ratio(self) -> None:
        if self._given > self._limits.free and self._given > self._taken * self._limits.ratio:
            raise self._refused(f"it unpacks to more than {self._limits.ratio:,} times its size")

    def _end(self) -> None:
        self._over = True
        more = self._engine.unused_data or self._source.read(2)
        if more[:2] == MAGIC:
            raise self._refused("it holds several compressed streams one behind the other")
        if more:
            raise self._refused("something stands behind the end of its compressed stream")

    def _refused(self, why: str) -> HostileArchive:
        return HostileArchive(f"{self._what} is refused: {why}")
