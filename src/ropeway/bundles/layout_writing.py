"""Writing OCI image layouts: a folder, or a tar with the same bytes on every machine. What is there is whole or was not touched."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ropeway.bundles.blobs import blob_of
from ropeway.bundles.kinds import tag_for
from ropeway.bundles.layout_names import INDEX, MARK, REF_NAME, SIGNATURE, VERSION, is_layout
from ropeway.bundles.manifest import EMPTY, INDEX_TYPE, canonical_json, make_manifest
from ropeway.bundles.problems import InvalidBundle
from ropeway.bundles.tar_writing import TarWriter
from ropeway.errors import Refused, RopewayError, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ropeway.bundles.blobs import Blob, Bundle

__all__ = ["write_layout"]


def write_layout(
    bundle: Bundle,
    target: Path,
    *,
    tag: str | None = None,
    tar: bool | None = None,
    signatures: Sequence[bytes] = (),
    told: Callable[[int], None] | None = None,
) -> None:
    """Write a bundle as a layout: a tar when the name ends in ``.tar``, else a folder. An earlier layout of that name is replaced.

    Args:
        bundle: It; blobs are copied, and checked on the way.
        target: Where to.
        tag: The name that the index gives it; ``+`` becomes ``_``.
        tar: Whether it becomes a tar; None lets the name decide.
        signatures: Sigstore bundles that go beside it.
        told: Learns of bytes that were written.

    Raises:
        Refused: ``target`` exists and is no layout (code ``output-exists``).
        InvalidBundle: A file was changed since it was packed (``file-changed``).
        StoreError: It can't be written.
    """
    if os.path.lexists(target) and not is_layout(target):
        hint = "name another file or folder, or remove it"
        raise Refused(f"{target} exists, and is no bundle that could be replaced", hint=hint, code="output-exists")
    small, blobs = _index(bundle, tag, signatures)
    with _written(target) as staging:
        if target.name.endswith(".tar") if tar is None else tar:
            _tar(staging, small, blobs, told)
        else:
            _folder(staging, small, blobs, told)


def _index(bundle: Bundle, tag: str | None, signatures: Sequence[bytes]) -> tuple[dict[str, bytes], list[Blob]]:
    """Return the files beside the blobs, and all blobs, sorted by their digests."""
    named = bundle.manifest.descriptor().as_json() | ({"annotations": {REF_NAME: tag_for(tag)}} if tag else {})
    listed: list[dict[str, Any]] = [named]
    blobs = {blob.descriptor.digest: blob for blob in bundle.blobs.values()}
    main = blob_of(bundle.manifest.raw, bundle.manifest.media_type)
    blobs[main.descriptor.digest] = main
    for raw in signatures:
        layer, empty = blob_of(raw, SIGNATURE), blob_of(b"{}", EMPTY.media_type)
        made = make_manifest(EMPTY, (layer.descriptor,), artifact_type=SIGNATURE, subject=bundle.manifest.descriptor())
        for blob in (layer, empty, blob_of(made.raw, made.media_type)):
            blobs[blob.descriptor.digest] = blob
        listed.append(made.descriptor().as_json())
    index = canonical_json({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": listed})
    return {MARK: VERSION, INDEX: index}, [blobs[digest] for digest in sorted(blobs)]


@contextmanager
def _written(target: Path) -> Iterator[Path]:
    """Give a name in a new folder beside the target, and rename what was written there over it."""
    staging = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        staging = tempfile.mkdtemp(prefix=f".{target.name[:50]}.", dir=target.parent)
        made = Path(staging, "new")
        yield made
        if target.is_dir() and not target.is_symlink():
            target.rename(Path(staging, "old"))
        made.rename(target)
    except OSError as error:
        if isinstance(error, RopewayError):
            raise
        hint = "free some space, or name another place with --output"
        raise StoreError(f"{target} can not be written: {error.strerror or error}", hint=hint, code="output-unwritable") from None
    finally:
        if staging is not None:
            shutil.rmtree(staging, ignore_errors=True)


def _pieces(blob: Blob, told: Callable[[int], None] | None) -> Iterator[bytes]:
    """Yield a blob's bytes, and make sure at the end that they were what the manifest says."""
    algorithm, _, wanted = blob.descriptor.digest.partition(":")
    total, size = hashlib.new(algorithm), 0
    for piece in blob.chunks():
        size += len(piece)
        if size > blob.descriptor.size:
            break
        total.update(piece)
        if told is not None:
            told(len(piece))
        yield piece
    if size != blob.descriptor.size or total.hexdigest() != wanted:
        name = blob.descriptor.title or blob.descriptor.digest
        raise InvalidBundle(f"{name} was changed while it was packed", hint="try again when nothing writes to it", code="file-changed")


def _place(blob: Blob) -> str:
    return f"blobs/{blob.descriptor.digest.replace(':', '/')}"


def _folder(root: Path, small: dict[str, bytes], blobs: list[Blob], told: Callable[[int], None] | None) -> None:
    root.mkdir()
    for blob in blobs:
        path = root / _place(blob)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            for piece in _pieces(blob, told):
                file.write(piece)
    for name, data in small.items():
        (root / name).write_bytes(data)


def _tar(path: Path, small: dict[str, bytes], blobs: list[Blob], told: Callable[[int], None] | None) -> None:
    with path.open("wb") as file:
        tar = TarWriter(file)
        for name, data in small.items():
            tar.file(name, len(data), (data,))
        tar.folder("blobs")
        for algorithm in sorted({blob.descriptor.digest.partition(":")[0] for blob in blobs}):
            tar.folder(f"blobs/{algorithm}")
        for blob in blobs:
            tar.file(_place(blob), blob.descriptor.size, _pieces(blob, told))
        tar.close()
