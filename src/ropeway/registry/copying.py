"""A manifest and its blobs from one repository to another."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING

from ropeway.bundles.manifest import Descriptor, parse_manifest
from ropeway.records import record

if TYPE_CHECKING:
    from ropeway.registry.client import Client

__all__ = ["copy"]


@record
class _File:
    descriptor: Descriptor
    path: Path

    def open(self) -> IO[bytes]:
        return self.path.open("rb")


def copy(source: Client, repository: str, reference: str, other: Client, to_repository: str, to_reference: str | None) -> str:
    """See :meth:`ropeway.registry.client.Client.copy`."""
    raw, media_type, _ = source.manifest(repository, reference)
    manifest = parse_manifest(raw, media_type)
    blobs = list({blob.digest: blob for blob in (manifest.config, *manifest.layers)}.values())
    with tempfile.TemporaryDirectory(prefix="ropeway-copy-") as folder:

        def place(blob: Descriptor) -> Path:
            return Path(folder, blob.digest.replace(":", "-"))

        source.pull(repository, blobs, place)
        same = source.session.origin == other.session.origin
        other.push(
            to_repository,
            [_File(blob, place(blob)) for blob in blobs],
            mount_from=repository if same and repository != to_repository else None,
        )
    tag = to_reference or (None if ":" in reference else reference)
    return other.push_manifest(to_repository, tag, manifest)
