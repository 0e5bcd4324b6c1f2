"""The files of a bundle from an OCI registry into the store: pulled as blobs, several at once, verified while they come, and made files of its tree.

Each byte is hashed once and written once. Small blobs wait in memory; a large one has a file, which is moved into the tree. The tree is told the
digests of those files: it hashes one again that was written to meanwhile.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from ropeway.bundles.kinds import base_name
from ropeway.bundles.problems import BundleRefused
from ropeway.errors import StoreError
from ropeway.records import replace
from ropeway.registry.oci.about import files_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from ropeway.bundles.blobs import Seen, Verified
    from ropeway.bundles.manifest import Descriptor, Manifest
    from ropeway.registry import Kind
    from ropeway.registry.cache.store import Store
    from ropeway.registry.oci.client import Client

__all__ = ["into_store"]

_MEMORY: Final = 32 * 2**20
"""Bytes of small files that get no file before they are unpacked: the most that a cut fetch asks for again."""


def into_store(client: Client, repository: str, manifest: Manifest, store: Store, kind: Kind) -> tuple[str, str]:
    """Bring the files of a bundle into the store; return the digest of their folder, and the definition's path in it.

    What was cut stays, and is gone on with the next time; of what is refused nothing does.

    Raises:
        AlteredBlob: A file is not what its digest says.
        HostileArchive: It would write where it must not, or too much.
        InvalidBundle: No file of it is a definition.
        Unreachable, Refused: See :class:`~ropeway.registry.oci.client.Client`.
        StoreError: The store can't be written.
    """
    from ropeway.bundles.unpack import unpack_into

    pulled = _Pulled(client, repository, store)
    known: dict[str, tuple[str, Seen]] = {}
    layers = files_of(manifest)

    def fill(folder: Path) -> str:
        return unpack_into(manifest, pulled.own, folder, kind=kind, name=base_name(repository), known=known)

    try:
        pulled.bring(layers)
        tree, _, file = store.add_tree(fill, known=known)
    except BundleRefused:
        pulled.clear()
        _remove(store.blob(layer.digest) for layer in layers)
        raise
    except StoreError:  # the disk is full, for one
        pulled.clear()
        raise
    except BaseException:  # Ctrl-C, for one
        pulled.give_back()
        raise
    pulled.clear()
    return tree, file


class _Pulled:
    """The blobs of one bundle that are here."""

    def __init__(self, client: Client, repository: str, store: Store) -> None:
        self._client = client
        self._repository = repository
        self._store = store
        self._here: dict[str, Verified] = {}
        self._own: dict[str, tuple[Path, Path] | None] = {}

    def bring(self, layers: Iterable[Descriptor]) -> None:
        """Pull layers."""
        found: Mapping[str, Verified] = self._client.pull(
            self._repository, tuple(layers), lambda layer: self._store.blob(layer.digest), memory=_MEMORY
        )
        self._here.update(found)

    def own(self, layer: Descriptor) -> Verified:
        """Return a blob. Its file gets a name that no other process looks for: one that fetches the same would take it away.

        It has two names from then on: one goes into the tree, by the other it is found again when the tree does not come about.
        """
        while layer.digest not in self._own:
            found = self._here[layer.digest]
            try:
                kept = None
                if found.path is not None:
                    path = found.path.with_name(f"{found.path.name}.{os.urandom(8).hex()}")
                    found.path.rename(path)
                    kept = (path, found.path)
                    with suppress(OSError):  # not every file system has links
                        path.with_name(f"{path.name}.0").hardlink_to(path)
                        path = path.with_name(f"{path.name}.0")
                    self._here[layer.digest] = replace(found, path=path)
                self._own[layer.digest] = kept
            except FileNotFoundError:  # such a one has taken it
                self.bring([layer])
        return self._here[layer.digest]

    def clear(self) -> None:
        """Remove what was not unpacked."""
        _remove(blob.path for blob in self._here.values() if blob.path is not None)
        _remove(kept[0] for kept in self._own.values() if kept is not None)

    def give_back(self) -> None:
        """Put each blob back to where the next fetch looks for it: it was verified, and need not come again."""
        for path, place in filter(None, self._own.values()):
            with suppress(OSError):
                path.replace(place)
        _remove(path for path in (blob.path for digest, blob in self._here.items() if self._own.get(digest)) if path is not None)


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        with suppress(OSError):
            path.unlink()
