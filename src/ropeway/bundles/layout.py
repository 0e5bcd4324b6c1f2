"""Bundles on disk: OCI image layouts (image specification 1.1, "Image Layout"), as a folder or as a tar of one.

Signatures may lie beside a bundle, as manifests whose subject it is. What is read is checked: the manifest and every blob against their digests,
a tar by the same strict reader as any other archive. A tar is not unpacked for that: blobs are read where they lie in it.
"""

from __future__ import annotations

import json
import os
import stat
from typing import TYPE_CHECKING, Any, Final

from ropeway.bundles.archive import Archive
from ropeway.bundles.blobs import Blob, Bundle
from ropeway.bundles.checking import check_blob
from ropeway.bundles.definitions import find_definition
from ropeway.bundles.kinds import CONFIG, MAX_PEEK, kind_of
from ropeway.bundles.layout_names import INDEX, MARK, REF_NAME, SIGNATURE, is_layout
from ropeway.bundles.layout_writing import write_layout
from ropeway.bundles.limits import Budget, Limits
from ropeway.bundles.manifest import MAX_MANIFEST, descriptor_from_json, digest_of, parse_manifest
from ropeway.bundles.metadata import Metadata, metadata_from_json
from ropeway.bundles.problems import AlteredBlob, AlteredManifest, InvalidBundle
from ropeway.errors import NotFound, RopewayError
from ropeway.records import record

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ropeway.bundles.kinds import Kind
    from ropeway.bundles.manifest import Descriptor, Manifest

__all__ = ["Layout", "is_layout", "open_layout", "read_layout", "write_layout"]

_MAX_SIGNATURE: Final = 2**20
_LIMITS: Final = Limits(size=8 * 2**30, file=4 * 2**30)
"""A layout holds what is packed, which may be a little more than what is unpacked of it."""


@record
class Layout:
    """What a layout holds: one bundle, the signatures beside it (Sigstore bundles, not judged), and the tag that the index gives it."""

    bundle: Bundle
    signatures: tuple[bytes, ...] = ()
    tag: str | None = None


def read_layout(path: Path) -> Bundle:
    """Return the bundle of a layout; see :func:`open_layout`."""
    return open_layout(path).bundle


def open_layout(path: Path, *, told: Callable[[int], None] | None = None, check: bool = True) -> Layout:
    """Read a layout.

    Args:
        path: A folder or a tar file.
        told: Learns of bytes that were read.
        check: Whether layers are hashed; the manifest, the config and signatures always are.

    Raises:
        NotFound: There is nothing.
        InvalidBundle: It is no layout, holds several bundles, or one that is none.
        AlteredManifest, AlteredBlob: Bytes do not have the digest that names them, or are not there.
        HostileArchive: The tar is refused.
    """
    try:
        files = _Folder(path) if path.is_dir() else _Tar(path)
        return _read(files, path, told, check=check)
    except FileNotFoundError as error:
        if isinstance(error, RopewayError):
            raise
        raise NotFound(f"{path} does not exist", hint="`workflow package` makes bundles", code="file-not-found") from None
    except OSError as error:
        if isinstance(error, RopewayError):
            raise
        raise InvalidBundle(f"{path} can not be read: {error.strerror or error}", code="file-unreadable") from None


class _Folder:
    """The files of a folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def blob(self, name: str, descriptor: Descriptor | None, most: int) -> Blob | None:
        """Return a file as a blob; ``descriptor`` is None for one that nothing names."""
        from ropeway.bundles.manifest import Descriptor

        path = self._root / name
        try:
            found = path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        if not stat.S_ISREG(found.st_mode):
            raise InvalidBundle(f"{path} is no regular file", code="not-a-file")
        if descriptor is None and found.st_size > most:
            raise InvalidBundle(f"{path} has {found.st_size:,} bytes, and {most:,} is the most", code="file-too-large")
        return Blob(descriptor or Descriptor("application/json", digest_of(b""), found.st_size), path=path)


class _Tar:
    """The files of a tar, by name and place."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._members: dict[str, tuple[int, int]] = {}
        with path.open("rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode) or file.read(263)[257:262] != b"ustar":
                hint = "name a folder or a tar file that `workflow package` made"
                raise InvalidBundle(f"{path} is no bundle: it is neither a folder nor a tar file", hint=hint, code="not-a-layout")
            file.seek(0)
            archive = Archive(file, Budget(_LIMITS), str(path), skip=lambda size: file.seek(size, os.SEEK_CUR))
            for member in archive.members():
                if member.folder:
                    continue
                if member.path in self._members:
                    raise archive.refuse(member.path, "is there twice")
                self._members[member.path] = (member.offset, member.size)

    def blob(self, name: str, descriptor: Descriptor | None, most: int) -> Blob | None:
        """Return a file as a blob; ``descriptor`` is None for one that nothing names."""
        from ropeway.bundles.manifest import Descriptor
        from ropeway.records import replace

        found = self._members.get(name)
        if found is None:
            return None
        start, size = found
        if descriptor is None and size > most:
            raise InvalidBundle(f"{name} in {self._path} has {size:,} bytes, and {most:,} is the most", code="file-too-large")
        if descriptor is not None and descriptor.size != size:
            raise AlteredBlob(f"the blob {descriptor.digest} has {size:,} bytes, and the manifest says {descriptor.size:,}")
        named = descriptor or Descriptor("application/json", digest_of(b""), size)
        return Blob(replace(named, size=size), part=(self._path, start))


def _read(files: _Folder | _Tar, path: Path, told: Callable[[int], None] | None, *, check: bool) -> Layout:
    mark, index = files.blob(MARK, None, 4096), files.blob(INDEX, None, MAX_MANIFEST)
    if mark is None or index is None:
        missing = MARK if mark is None else INDEX
        hint = "`workflow package` makes bundles; of a folder with a workflow it makes one"
        raise InvalidBundle(f"{path} is no bundle: it has no file {missing}", hint=hint, code="not-a-layout")
    if not str(_json(mark, MARK).get("imageLayoutVersion", "")).startswith("1."):
        raise InvalidBundle(f"{path} is a layout of a version that is not known", code="layout-version")
    listed = _json(index, INDEX).get("manifests")
    if not isinstance(listed, list):
        raise InvalidBundle(f"{path} is no bundle: its {INDEX} lists no manifests", code="not-a-layout")
    every = [(descriptor, _manifest(files, descriptor)) for descriptor in map(descriptor_from_json, listed)]
    mains = {manifest.digest: (descriptor, manifest) for descriptor, manifest in every if manifest.subject is None}
    if len(mains) != 1:
        said = "no bundle" if not mains else f"{len(mains):,} bundles"
        raise InvalidBundle(f"{path} holds {said}, and one is wanted", code="layout-ambiguous")
    named, manifest = next(iter(mains.values()))
    blobs = {each.digest: _blob(files, each, told, check=check) for each in (manifest.config, *manifest.layers)}
    kind = kind_of(manifest, None, lambda layer: _whole(blobs[layer.digest], MAX_PEEK))
    if not check or manifest.config.media_type == CONFIG[kind]:
        _check(blobs[manifest.config.digest])
    metadata = _metadata(kind, manifest, blobs)
    signatures = tuple(raw for _, each in every for raw in _signatures(files, each, manifest))
    return Layout(Bundle(manifest, blobs, kind, metadata), signatures, named.annotations.get(REF_NAME))


def _manifest(files: _Folder | _Tar, descriptor: Descriptor) -> Manifest:
    found = files.blob(_place(descriptor.digest), descriptor, MAX_MANIFEST)
    if found is None:
        raise AlteredManifest(f"the manifest {descriptor.digest} is missing", code="manifest-missing")
    raw = _whole(found, MAX_MANIFEST)
    if len(raw) != descriptor.size or digest_of(raw, descriptor.digest.partition(":")[0]) != descriptor.digest:
        raise AlteredManifest(
            f"the manifest has been changed: its digest is not {descriptor.digest}",
            hint="package or fetch it again, from a place you trust",
        )
    return parse_manifest(raw, descriptor.media_type)


def _place(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"


def _blob(files: _Folder | _Tar, descriptor: Descriptor, told: Callable[[int], None] | None, *, check: bool) -> Blob:
    found = files.blob(_place(descriptor.digest), descriptor, 0)
    if found is None:
        if descriptor.digest == digest_of(b"{}"):
            return Blob(descriptor, data=b"{}")  # the empty descriptor: every reader knows what it names
        name = f"the layer {descriptor.title!r:.200}" if descriptor.title else "a blob"
        raise AlteredBlob(f"{name} is missing: there is no {descriptor.digest}", hint="package or fetch it again", code="blob-missing")
    if check:
        _check(found, told)
    return found


def _check(blob: Blob, told: Callable[[int], None] | None = None) -> None:
    with blob.open() as file:
        check_blob(file, blob.descriptor, told)


def _whole(blob: Blob, most: int) -> bytes:
    with blob.open() as file:
        return file.read(most + 1)


def _json(blob: Blob, name: str) -> dict[str, Any]:
    try:
        found = json.loads(_whole(blob, MAX_MANIFEST))
    except (ValueError, RecursionError) as error:
        raise InvalidBundle(f"the file {name} is not JSON: {error}", code="not-a-layout") from None
    if not isinstance(found, dict):
        raise InvalidBundle(f"the file {name} is not a JSON object", code="not-a-layout")
    return found


def _metadata(kind: Kind, manifest: Manifest, blobs: dict[str, Blob]) -> Metadata:
    """Return what the config says; of what others made, what can be told from the outside."""
    if manifest.config.media_type == CONFIG[kind]:
        return metadata_from_json(_whole(blobs[manifest.config.digest], MAX_MANIFEST), kind)
    titled = {layer.title: layer for layer in manifest.layers if layer.title}
    try:
        _, definition = find_definition(kind, titled, lambda title: _whole(blobs[titled[title].digest], MAX_PEEK))
    except InvalidBundle:
        return Metadata(kind)
    return Metadata(kind, definition=definition)


def _signatures(files: _Folder | _Tar, manifest: Manifest, of: Manifest) -> list[bytes]:
    if manifest.subject is None or manifest.subject.digest != of.digest:
        return []
    found = []
    for layer in manifest.layers:
        if layer.media_type == SIGNATURE and layer.size <= _MAX_SIGNATURE:
            blob = _blob(files, layer, None, check=True)
            found.append(_whole(blob, _MAX_SIGNATURE))
    return found
