"""A manifest and its blobs from one repository to another."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING

from ropeway.bundles.manifest import Descriptor, parse_manifest
from ropeway.records import record
from ropeway.registry.oci.manifests import get
from ropeway.registry.oci.pull import pull
from ropeway.registry.oci.push import push
from ropeway.registry.oci.referrers import put_manifest

if TYPE_CHECKING:
    from ropeway.registry import Progress
    from ropeway.registry.oci.session import Session

__all__ = ["copy"]


@record
class _File:
    descriptor: Descriptor
    path: Path

    def open(self) -> IO[bytes]:
        return self.path.open("rb")


def copy(source: Session, name: str, reference: str, other: Session, to_name: str, to_reference: str | None, *, progress: Progress) -> str:
    """See :meth:`ropeway.registry.oci.client.Client.copy`."""
    raw, media_type, _ = get(source, name, reference)
    manifest = parse_manifest(raw, media_type)
    blobs = list({blob.digest: blob for blob in (manifest.config, *manifest.layers)}.values())
    with tempfile.TemporaryDirectory(prefix="ropeway-copy-") as folder:

        def place(blob: Descriptor) -> Path:
            return Path(folder, blob.digest.replace(":", "-"))

        pull(source, name, blobs, place, progress)
        same = source.origin == other.origin and name != to_name
        push(other, to_name, [_File(blob, place(blob)) for blob in blobs], name if same else None, progress)
    return put_manifest(other, to_name, to_reference or (None if ":" in reference else reference), manifest)
