"""The files of a bundle from an OCI registry into the store: pulled as blobs, several at once, verified, unpacked, and the blobs cleared away."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from ropeway.bundles.kinds import base_name
from ropeway.bundles.problems import BundleRefused
from ropeway.registry.about import files_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from typing import BinaryIO

    from ropeway.bundles.manifest import Descriptor, Manifest
    from ropeway.registry import Kind
    from ropeway.registry.client import Client
    from ropeway.registry.store import Store

__all__ = ["into_store"]


def into_store(client: Client, repository: str, manifest: Manifest, store: Store, kind: Kind) -> tuple[str, str]:
    """Bring the files of a bundle into the store; return the digest of their folder, and the definition's path in it.

    What was cut stays, and is gone on with the next time; of what is refused nothing does.

    Raises:
        AlteredBlob: A file is not what its digest says.
        HostileArchive: It would write where it must not, or too much.
        InvalidBundle: No file of it is a definition.
        Unreachable, Refused: See :class:`~ropeway.registry.client.Client`.
        StoreError: The store can't be written.
    """
    from ropeway.bundles.unpack import unpack_into

    def place(layer: Descriptor) -> Path:
        return store.blob(layer.digest)

    def opened(layer: Descriptor) -> BinaryIO:
        while True:
            try:
                return place(layer).open("rb")
            except FileNotFoundError:  # another process has unpacked the same meanwhile, and cleared up behind itself
                client.pull(repository, [layer], place)

    layers = files_of(manifest)
    try:
        client.pull(repository, layers, place)
    except BundleRefused:
        _discard(store, layers)
        raise
    try:
        tree, _, file = store.add_tree(lambda folder: unpack_into(manifest, opened, folder, kind=kind, name=base_name(repository)))
    finally:
        _discard(store, layers)
    return tree, file


def _discard(store: Store, layers: Iterable[Descriptor]) -> None:
    for layer in layers:
        with suppress(OSError):
            store.blob(layer.digest).unlink()
