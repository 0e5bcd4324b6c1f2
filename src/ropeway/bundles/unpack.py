"""From the layers of a bundle to files: what we packed, and what ``oras`` and others pushed.

A layer's title is the path of its file. A layer that says ``io.deis.oras.content.unpack = true`` is a tar archive, compressed with gzip or not
at all, of the folder that its title names; every other layer is a plain file, whatever its media type says (``oras`` calls a JSON file a tar
layer when nobody told it a type). Layers without a title are left out, as ``oras pull`` does, unless the bundle has only that one.

A layer's digest and size are verified before anything of it is written, and nothing is ever written through a link, because none is made.
"""

from __future__ import annotations

import os
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from ropeway.bundles.blobs import Verified
from ropeway.bundles.checking import Hashed, blob_name, check_blob
from ropeway.bundles.definitions import find_definition
from ropeway.bundles.kinds import ARTIFACT, KINDS, MAX_PEEK, base_name, kind_by_content
from ropeway.bundles.limits import Budget, Limits
from ropeway.bundles.problems import AlteredBlob, HostileArchive, InvalidBundle
from ropeway.bundles.targets import Listed, Lister, Writer
from ropeway.errors import Refused, RopewayError, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from ropeway.bundles.blobs import Seen
    from ropeway.bundles.kinds import Kind
    from ropeway.bundles.manifest import Descriptor, Manifest
    from ropeway.bundles.targets import Target

    Blobs = Callable[[Descriptor], BinaryIO | Verified] | Mapping[str, Any]

__all__ = ["CONTENT_DIGEST", "EXECUTABLE", "UNPACK", "Limits", "Listed", "list_files", "unpack", "unpack_into"]

UNPACK: Final = "io.deis.oras.content.unpack"
CONTENT_DIGEST: Final = "io.deis.oras.content.digest"
"""The digest of the uncompressed archive of a folder; both are annotations that ORAS defines."""

EXECUTABLE: Final = "vnd.ropeway.executable"
"""Annotation of a layer that is one file: ``true`` when it may be executed. Other clients don't know it and write a plain file."""

_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_PIECE: Final = 1 << 20
_UNTITLED: Final[dict[Kind, str]] = {"workflow": "workflow.yaml", "skill": "SKILL.md", "agent": "agent-card.json"}


def unpack(
    manifest: Manifest, blobs: Blobs, target: Path, limits: Limits | None = None, *, kind: Kind | None = None, name: str | None = None
) -> str:
    """Write the files of a bundle to a folder that does not exist yet; it is there with all of them, or not at all.

    Args:
        manifest: It, verified.
        blobs: Opens a layer (a file that can seek) or has it :class:`~ropeway.bundles.blobs.Verified`, which is not hashed again, and moved here when it
            is a file by itself; or has :class:`~ropeway.bundles.blobs.Blob` objects by digest.
        target: The folder to make.
        limits: How much is accepted.
        kind: What the bundle is, when its type does not say so.
        name: The last part of its name, which helps to tell its definition among several files.

    Returns:
        The path of its definition, relative to ``target``, with slashes.

    Raises:
        AlteredBlob: A layer does not have its digest or size.
        HostileArchive: A path or an archive is refused, or the limits are exceeded.
        InvalidBundle: It holds no file that is a definition.
        Refused: ``target`` exists (code ``output-exists``).
        StoreError: It can't be written: the disk is full, or the folder is not ours.
    """
    if os.path.lexists(target):
        raise Refused(f"{target} exists already", hint="name a folder that does not exist, or remove it", code="output-exists")
    import shutil
    import tempfile

    staging = None
    with _failures(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        staging = tempfile.mkdtemp(prefix=f".{target.name[:50]}.", dir=target.parent)
    try:
        from pathlib import Path

        definition = _fill(manifest, blobs, Writer(Path(staging), Budget(limits or Limits())), target, kind, name)
        with _failures(target):
            _open_up(staging)
            os.rename(staging, target)  # noqa: PTH104 - a string
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    return definition


def _open_up(folder: str) -> None:
    """Give a temporary folder the rights that a new one would have."""
    mask = os.umask(0)
    os.umask(mask)
    os.chmod(folder, 0o777 & ~mask)  # noqa: PTH101 - a string


@contextmanager
def _failures(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if isinstance(error, RopewayError):
            raise
        raise StoreError(
            f"{target} can not be written: {error.strerror or error}",
            hint="free some space, or name another folder",
            code="output-unwritable",
        ) from None


def unpack_into(
    manifest: Manifest,
    blobs: Blobs,
    folder: Path,
    limits: Limits | None = None,
    *,
    kind: Kind | None = None,
    name: str | None = None,
    known: dict[str, tuple[str, Seen]] | None = None,
) -> str:
    """Write the files of a bundle into an empty folder, which whoever made it removes after a failure; else like :func:`unpack`.

    ``known`` gets what :func:`ropeway.bundles.tree.tree_digest` need not hash again.
    """
    with os.scandir(folder) as entries:
        if next(entries, None) is not None:
            raise Refused(f"{folder} is not empty", code="output-exists")
    writer = Writer(folder, Budget(limits or Limits()))
    definition = _fill(manifest, blobs, writer, folder, kind, name)
    if known is not None:
        known.update(writer.known)
    return definition


def _fill(manifest: Manifest, blobs: Blobs, writer: Writer, shown: Path, kind: Kind | None, name: str | None) -> str:
    """Write the files into an empty folder, which messages call ``shown``."""
    chosen = _chosen(manifest)
    left = Counter(layer.digest for layer in chosen)
    for layer in chosen:
        left[layer.digest] -= 1
        found = blobs(layer) if callable(blobs) else _blob(blobs, layer)
        if isinstance(found, Verified):
            if found.stands_for(layer):
                with _failures(shown):
                    _use(layer, found, writer, kind, last=not left[layer.digest])
                continue
            found = found.open()
        with found as file:
            check_blob(file, layer)
            file.seek(0)
            with _failures(shown):
                _write(layer, file, writer, kind)
    said = next((each for each in KINDS if manifest.artifact_type == ARTIFACT[each]), kind)
    return find_definition(said, writer.files, lambda path: _beginning(writer.root / path), name)[1]


def list_files(manifest: Manifest, blobs: Blobs, limits: Limits | None = None) -> tuple[Listed, ...]:
    """Return what :func:`unpack` would write, sorted by path, with all its checks but those of the layers' digests; nothing is written."""
    lister = Lister(Budget(limits or Limits()))
    for layer in _chosen(manifest):
        if layer.title and not _is_folder(layer):
            if not callable(blobs):
                _check_there(blobs, layer)
            _announce(layer, layer.title, lister)
            lister.note(layer.title, layer.size, executable=layer.annotations.get(EXECUTABLE) == "true")
            continue
        found = blobs(layer) if callable(blobs) else _blob(blobs, layer)
        with found.open() if isinstance(found, Verified) else found as file:
            _write(layer, file, lister, None)
    return tuple(sorted(lister.listed, key=lambda each: each.path.encode()))


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_PEEK)


def _chosen(manifest: Manifest) -> tuple[Descriptor, ...]:
    """Return the layers that are files or folders, after their titles were checked against each other."""
    titled = tuple(layer for layer in manifest.layers if layer.title)
    if not titled:
        if len(manifest.layers) == 1:
            return manifest.layers
        raise InvalidBundle("none of its layers is a file: they have no titles", hint="is it a container image?", code="bundle-kind")
    titles = [(layer.title or "").rstrip("/") if _is_folder(layer) else layer.title or "" for layer in titled]
    for layer, title in zip(titled, titles, strict=True):
        if _is_folder(layer) and any(other.startswith(f"{title}/") for other in titles):
            raise HostileArchive(f"{title!r:.300} is a folder, and another layer is titled as a file in it")
    return titled


def _is_folder(layer: Descriptor) -> bool:
    return layer.annotations.get(UNPACK) == "true"


def _blob(blobs: Mapping[str, Any], layer: Descriptor) -> BinaryIO:
    _check_there(blobs, layer)
    opened: BinaryIO = blobs[layer.digest].open()
    return opened


def _check_there(blobs: Mapping[str, Any], layer: Descriptor) -> None:
    if layer.digest not in blobs:
        raise AlteredBlob(f"{blob_name(layer)} is missing: there is no blob {layer.digest}", code="blob-missing")


def _use(layer: Descriptor, blob: Verified, writer: Writer, kind: Kind | None, *, last: bool) -> None:
    """Write what was verified while it came; ``last`` says that nothing else is made of the same blob, whose file may become the layer's."""
    algorithm, _, digits = layer.digest.partition(":")
    title = "" if _is_folder(layer) else layer.title
    moved = bool(title and last and blob.path is not None)
    if title and moved and blob.path is not None:
        _announce(layer, title, writer)
        writer.move(title, blob.path, executable=layer.annotations.get(EXECUTABLE) == "true")
    else:
        with blob.open() as file:
            _write(layer, file, writer, kind)
        if not blob.stands_for(layer):
            raise AlteredBlob(f"{blob_name(layer)} was changed while it was unpacked", hint="fetch it again")
    if title and algorithm == "sha256" and (moved or blob.data is not None):
        writer.note(title, digits, blob.seen)  # where a move had to copy, it is another file than was seen, and will be hashed


def _announce(layer: Descriptor, title: str, target: Target) -> None:
    """Count a file whose size is known, and which is not read."""
    target.budget.entry()
    target.budget.announce(layer.size, title)
    target.budget.take(layer.size)


def _write(layer: Descriptor, file: BinaryIO, writer: Target, kind: Kind | None) -> None:
    if not layer.title:
        data = file.read(MAX_PEEK)
        file.seek(0)
        name = _UNTITLED[kind_by_content("", data) or kind or "workflow"]
        writer.file(name, _pieces(file, writer.budget), executable=False)
        return
    if not _is_folder(layer):
        writer.budget.entry()
        writer.budget.announce(layer.size, layer.title)
        writer.file(layer.title, _pieces(file, writer.budget), executable=layer.annotations.get(EXECUTABLE) == "true")
        return
    _write_folder(layer, layer.title.rstrip("/"), file, writer)


def _pieces(file: BinaryIO, budget: Budget) -> Iterator[bytes]:
    while piece := file.read(_PIECE):
        budget.take(len(piece))
        yield piece


def _write_folder(layer: Descriptor, title: str, file: BinaryIO, writer: Target) -> None:
    from ropeway.bundles.archive import Archive
    from ropeway.bundles.gzip_stream import MAGIC, Inflated

    what = f"the archive {title!r:.200}"
    start = file.read(4)
    file.seek(0)
    if start == _ZSTD:
        raise InvalidBundle(
            f"{what} is compressed with zstd, which is not read", hint="push it with gzip, as oras does", code="bundle-compression"
        )
    limits = writer.budget.limits
    source = Hashed(Inflated(file, limits, what) if start[:2] == MAGIC else file, layer.annotations.get(CONTENT_DIGEST))
    writer.folder(title)
    # oras puts the title before every name; where the title has folders, other clients put only its last part there
    short, above = base_name(title), title[: -len(base_name(title))]
    archive = Archive(source, writer.budget, what)
    for member in archive.members():
        if member.path == title or member.path.startswith(f"{title}/"):
            path = member.path
        elif member.path == short or member.path.startswith(f"{short}/"):
            path = above + member.path
        else:
            raise archive.refuse(member.path, f"is outside of the folder {title!r:.200}")
        if not member.folder:
            writer.file(path, archive.content(), executable=member.executable)
        elif path != title:
            writer.folder(path)
    source.check(what, f"its annotation {CONTENT_DIGEST}")
