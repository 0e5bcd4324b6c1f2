"""Blobs, and bundles made of them: bytes in memory or in a file, always with the descriptor that names them."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, BinaryIO

from ropeway.bundles.manifest import Descriptor, Manifest, digest_of
from ropeway.records import record

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from ropeway.bundles.kinds import Kind
    from ropeway.bundles.metadata import Metadata

__all__ = ["Blob", "Bundle", "blob_of"]


@record
class Blob:
    """Bytes under their descriptor: exactly one of ``data`` and ``path`` is there. What reads them has to check the digest, unless it made them."""

    descriptor: Descriptor
    data: bytes | None = None
    path: Path | None = None

    def open(self) -> BinaryIO:
        """Open the bytes for reading, from the start. The caller closes."""
        if self.data is not None:
            return io.BytesIO(self.data)
        assert self.path is not None
        return self.path.open("rb")

    def chunks(self, size: int = 1 << 20) -> Iterator[bytes]:
        """Yield the bytes in pieces of at most ``size``."""
        with self.open() as file:
            while piece := file.read(size):
                yield piece


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
