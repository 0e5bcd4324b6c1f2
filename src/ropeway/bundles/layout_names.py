"""What the files of an OCI image layout are called, and what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["INDEX", "MARK", "REF_NAME", "SIGNATURE", "VERSION", "is_layout"]

MARK: Final = "oci-layout"
INDEX: Final = "index.json"
VERSION: Final = b'{"imageLayoutVersion":"1.0.0"}'
REF_NAME: Final = "org.opencontainers.image.ref.name"
"""Annotation of a manifest in the index: its tag."""

SIGNATURE: Final = "application/vnd.dev.sigstore.bundle.v0.3+json"
"""The type of signatures, and of the one layer of the manifest that holds one."""


def is_layout(path: Path) -> bool:
    """Whether there is a layout: a folder that says so, or a tar file that starts with saying so."""
    if path.is_dir():
        return (path / MARK).is_file()
    try:
        with path.open("rb") as file:
            start = file.read(512)
    except OSError:
        return False
    return start[257:262] == b"ustar"
