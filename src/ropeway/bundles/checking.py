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

__all__ = ["blob_name", "check_blob"]

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
