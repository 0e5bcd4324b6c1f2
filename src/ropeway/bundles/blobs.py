"""Blobs, and bundles made of them: bytes in memory or in a file, always with the descriptor that names them."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, BinaryIO

from ropeway.bundles.manifest import Descriptor, Manifest, digest_of
from ropeway.records import record

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from _typeshed import WriteableBuffer

    from ropeway.bundles.kinds import Kind
    from ropeway.bundles.metadata import Metadata

__all__ = ["Blob", "Bundle", "Seen", "Verified", "blob_of", "seen_of"]

Seen = tuple[int, int, int, int]
"""Which file it is, how large, and when it was written last: device, inode, size in bytes, nanoseconds."""


def seen_of(found: os.stat_result) -> Seen:
    """Return what tells a file that was written to from one that was not."""
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


@record
class Blob:
    """Bytes under their descriptor: exactly one of ``data``, ``path`` and ``part`` is there, the last being a file and where in it they start.

    What reads them has to check the digest, unless it made them.
    """

    descriptor: Descriptor
    data: bytes | None = None
    path: Path | None = None
    part: tuple[Path, int] | None = None

    def open(self) -> BinaryIO:
        """Open the bytes for reading, from the start; the file can seek. The caller closes."""
        if self.data is not None:
            return io.BytesIO(self.data)
        if self.part is not None:
            path, start = self.part
            return io.BufferedReader(_Part(path, start, self.descriptor.size), 1 << 18)
        assert self.path is not None
        return self.path.open("rb")

    def chunks(self, size: int = 1 << 20) -> Iterator[bytes]:
        """Yield the bytes in pieces of at most ``size``."""
        with self.open() as file:
            while piece := file.read(size):
                yield piece


@record
class Verified:
    """A blob whose bytes this process compared with its digest while they came, and has kept since. Exactly one of ``data`` and ``path`` is there.

    What is in memory nobody else can change. A file is in a private folder, under no name that anybody writes to; should somebody do so none the less,
    it is not what was ``seen`` behind its last byte any more, and counts as not verified.
    """

    descriptor: Descriptor
    data: bytes | None = None
    path: Path | None = None
    seen: Seen | None = None

    def open(self) -> BinaryIO:
        """Open the bytes for reading, from the start; the file can seek. The caller closes."""
        if self.data is not None:
            return io.BytesIO(self.data)
        assert self.path is not None
        return self.path.open("rb")

    def stands_for(self, descriptor: Descriptor) -> bool:
        """Whether these are the bytes that a descriptor names, unchanged."""
        if (self.descriptor.digest, self.descriptor.size) != (descriptor.digest, descriptor.size):
            return False
        if self.path is None:
            return True
        try:
            return seen_of(os.stat(self.path, follow_symlinks=False)) == self.seen  # noqa: PTH116 - a Path's own has no such argument everywhere
        except FileNotFoundError:
            return False


class _Part(io.RawIOBase):
    """A part of a file, as a file of its own."""

    def __init__(self, path: Path, start: int, size: int) -> None:
        self._file = path.open("rb", buffering=0)
        self._start = start
        self._size = size
        self._at = 0
        self._file.seek(start)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = min(max(base + offset, 0), self._size)
        self._file.seek(self._start + self._at)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: WriteableBuffer) -> int:
        with memoryview(buffer) as view:
            count = self._file.readinto(view[: self._size - self._at]) or 0
        self._at += count
        return count

    def close(self) -> None:
        self._file.close()
        super().close()


def blob_of(data: bytes, media_type: str, annotations: Mapping[str, str] | None = None) -> Blob:
    """Return a blob of bytes in memory."""
    return Blob(Descriptor(media_type, digest_of(data), len(data), annotations or {}), data)


@record
class Bundle:
    """A manifest with all it names.

    ``blobs`` has the config and every layer by digest; ``notes`` are sentences for whoever packed it (there is no README, …).
    """

    manifest: Manifest
    blobs: Mapping[str, Blob]
    kind: Kind
    metadata: Metadata
    notes: tuple[str, ...] = ()
