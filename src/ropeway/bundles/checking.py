"""Whether bytes are what their descriptor says."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from ropeway.bundles.manifest import check_digest
from ropeway.bundles.problems import AlteredBlob

if TYPE_CHECKING:
    from collections.abc import Callable

    from ropeway.bundles.gzip_stream import Readable
    from ropeway.bundles.manifest import Descriptor

__all__ = ["Hashed", "blob_name", "check_blob"]

_PIECE: Final = 1 << 20


def blob_name(layer: Descriptor) -> str:
    """Return what messages call a blob."""
    return f"the layer {layer.title!r:.200}" if layer.title else "the layer"


def check_blob(file: Readable, descriptor: Descriptor, told: Callable[[int], None] | None = None) -> None:
    """Read a blob to its end, and make sure that it is what its descriptor says; ``told`` learns of bytes that passed.

    Raises:
        AlteredBlob: It has another size or another digest.
    """
    algorithm, _, wanted = check_digest(descriptor.digest).partition(":")
    total, size = hashlib.new(algorithm), 0
    while piece := file.read(_PIECE):
        size += len(piece)
        if size > descriptor.size:
            raise AlteredBlob(f"{blob_name(descriptor)} has more than the {descriptor.size:,} bytes that the manifest says")
        total.update(piece)
        if told is not None:
            told(len(piece))
    if size < descriptor.size:
        raise AlteredBlob(f"{blob_name(descriptor)} has {size:,} bytes, and the manifest says {descriptor.size:,}")
    if total.hexdigest() != wanted:
        hint = "fetch it again; when it stays so, somebody changed it, or the disk is damaged"
        raise AlteredBlob(f"{blob_name(descriptor)} has been changed: its digest is not {descriptor.digest}", hint=hint)


class Hashed:
    """Hashes what is read, when there is something to compare it with: the digest ``wanted``."""

    def __init__(self, source: Readable, wanted: str | None) -> None:
        self._source = source
        self._wanted = check_digest(wanted) if wanted else None
        self._total = hashlib.new(self._wanted.partition(":")[0]) if self._wanted else None

    def read(self, size: int, /) -> bytes:
        """Return at most ``size`` bytes; none at the end."""
        found = self._source.read(size)
        if self._total is not None:
            self._total.update(found)
        return found

    def check(self, what: str, said: str) -> None:
        """Compare, after everything was read; ``said`` is where ``wanted`` comes from.

        Raises:
            AlteredBlob: It is something else.
        """
        if self._total is not None and self._wanted is not None and self._total.hexdigest() != self._wanted.partition(":")[2]:
            raise AlteredBlob(f"{what} does not unpack to what {said} says")
