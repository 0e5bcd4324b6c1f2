"""Blobs, and bundles made of them: bytes in memory or in a file, always with the descriptor that names them."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, BinaryIO

from ropeway.bundles.manifest import Descriptor, Manifest, digest_of
from ropeway.records import record

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from _typeshed import WriteableBuffer

    from ropeway.bundles.kinds import Kind
    from ropeway.bundles.metadata import Metadata

__all__ = ["Blob", "Bundle", "blob_of"]


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
