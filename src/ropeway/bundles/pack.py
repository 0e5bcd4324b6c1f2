"""From files to a bundle: the same digest wherever, whenever and by whomever it is packed.

Each file at the top is a layer of its own, titled with its name; each folder at the top is one layer, a tar archive in a gzip stream, as ORAS
does it. So ``oras pull`` gives the files too. No time, owner or order of the file system goes in.
"""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Any, Final

from ropeway.bundles.blobs import Blob, Bundle, blob_of
from ropeway.bundles.definitions import find_definition, is_readme, wrong_folder_first
from ropeway.bundles.describing import MAX_DEFINITION
from ropeway.bundles.gzip_stream import StoredGzip
from ropeway.bundles.kinds import ARTIFACT, CONFIG, MAX_PEEK
from ropeway.bundles.limits import Limits
from ropeway.bundles.listing import Entry, Listing, list_folder, read_whole, unreadable
from ropeway.bundles.manifest import MAX_MANIFEST, TITLE, Descriptor, make_manifest
from ropeway.bundles.problems import InvalidBundle
from ropeway.bundles.reachable import Files, describe_bundle
from ropeway.bundles.tar_writing import TarWriter
from ropeway.bundles.unpack import CONTENT_DIGEST, EXECUTABLE, UNPACK
from ropeway.errors import NotFound, RopewayError, StoreError
from ropeway.records import replace

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from pathlib import Path

    from ropeway.bundles.kinds import Kind
    from ropeway.bundles.manifest import Manifest
    from ropeway.bundles.metadata import Metadata

__all__ = ["ARCHIVE_TYPE", "pack"]

ARCHIVE_TYPE: Final = "application/vnd.oci.image.layer.v1.tar+gzip"
_TYPES: Final = {
    ".json": "application/json",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
    ".toml": "application/toml",
    ".md": "text/markdown",
    ".py": "text/x-python",
    ".sh": "application/x-sh",
    ".txt": "text/plain",
}
"""Media types of layers by ending, all others are bytes: a table of our own, because the system's differs from machine to machine."""

_OTHER: Final = "application/octet-stream"
_ANNOTATION: Final = "org.opencontainers.image."
_PIECE: Final = 1 << 20
_LIMITS: Final = Limits()


def pack(
    source: Path,
    *,
    kind: Kind | None = None,
    spool: Path,
    without: Collection[Path] = (),
    told: Callable[[int], None] | None = None,
) -> Bundle:
    """Return a folder as a bundle, or one file with the README beside it.

    Args:
        source: The folder, which holds a definition at its top (see :mod:`~ropeway.bundles.definitions`), or a definition.
        kind: What it has to be; None takes what is there.
        spool: A folder for the archives; they have to stay as long as the bundle is used. Large files are not copied.
        without: Files and folders that stay behind, such as what is about to be written.
        told: Learns of bytes that were read.

    Raises:
        NotFound: There is no such file or folder.
        InvalidBundle: It has no definition or several, something in it can't be packed, or a single file uses workflows beside it.
        InvalidWorkflow: The definition has mistakes; all are told.
        StoreError: ``spool`` can't be written.
    """
    single = source.is_file()
    listing = _beside(source) if single else _listed(source, without, kind)
    paths = [entry.path for entry in listing.entries]
    if not paths:
        hint = "put a workflow.toml, a SKILL.md or an agent card into it"
        raise InvalidBundle(f"there is nothing to pack in {source}", hint=hint, code="nothing-to-pack")
    by_path = {entry.path: entry for entry in listing.entries}
    top = [source.name] if single else [path for path in paths if "/" not in path]
    found, definition = find_definition(kind, top, lambda path: _read(by_path[path], MAX_PEEK, cut=True))
    data = _read(by_path[definition], MAX_DEFINITION)
    shown = str(source if single else source / definition)
    files = Files(paths, lambda path: _read(by_path[path], MAX_DEFINITION))
    described = describe_bundle(found, definition, data, files, shown=shown, folder=None if single else source.resolve().name)
    missing = described.metadata.capabilities.unread
    if single and missing:
        hint = f"package the folder that they are in: {source.parent}"
        raise InvalidBundle(f"{source} can not be packed without the workflows that it uses: {missing[0]}", hint=hint, code="not-packed")
    spooler = _Spooler(spool, told)
    layers = spooler.layers(listing.entries)
    title = _readme(paths)
    readme = next((layer for layer in layers if layer.descriptor.title == title), None)
    metadata = replace(described.metadata, readme=None if readme is None else readme.descriptor.digest)
    config = blob_of(metadata.as_bytes(), CONFIG[found])
    manifest = _manifest(found, metadata, config, layers)
    notes = (*described.notes, *_notes(listing, readme))
    return Bundle(manifest, {blob.descriptor.digest: blob for blob in (config, *layers)}, found, metadata, notes)


def _manifest(kind: Kind, metadata: Metadata, config: Blob, layers: Sequence[Blob]) -> Manifest:
    said = {
        "title": metadata.id or metadata.name,
        "version": metadata.version,
        "description": metadata.description,
        "licenses": metadata.license,
        "source": metadata.repository,
        "url": metadata.homepage,
        "authors": ", ".join(metadata.authors),
    }
    annotations = {f"{_ANNOTATION}{key}": value for key, value in said.items() if value}
    made = make_manifest(
        config.descriptor, tuple(layer.descriptor for layer in layers), artifact_type=ARTIFACT[kind], annotations=annotations
    )
    if len(made.raw) > MAX_MANIFEST:
        hint = "put files into folders: each folder at the top is one layer, however many files it holds"
        raise InvalidBundle(
            f"{len(layers):,} files and folders at the top are too many for one manifest", hint=hint, code="manifest-too-large"
        )
    return made


def _readme(paths: Sequence[str]) -> str | None:
    found = [path for path in paths if is_readme(path) and "/" not in path]
    return "README.md" if "README.md" in found else next(iter(found), None)


def _notes(listing: Listing, readme: Blob | None) -> list[str]:
    notes = []
    if readme is None:
        notes.append("there is no README.md: people who find it will not know what it is for")
    if listing.secrets:
        what = ", ".join(listing.secrets[:3]) + (", …" if len(listing.secrets) > 3 else "")
        notes.append(f"{what} stays behind: such files hold secrets (a line !NAME in .ropewayignore packs one)")
    return notes


def _listed(source: Path, without: Collection[Path], kind: Kind | None) -> Listing:
    if not source.is_dir():
        what = "is no file or folder" if os.path.lexists(source) else "does not exist"
        raise NotFound(
            f"{source} {what}", hint="name a folder with a workflow, a skill or an agent card, or such a file", code="file-not-found"
        )
    with wrong_folder_first(source, kind):
        listing = list_folder(source, without=without)
    if len(listing.entries) > _LIMITS.entries:
        raise InvalidBundle(f"{source} holds {len(listing.entries):,} files, and {_LIMITS.entries:,} is the most", code="too-many-files")
    total = sum(entry.size for entry in listing.entries)
    large = next((entry for entry in listing.entries if entry.size > _LIMITS.file), None)
    if large is not None or total > _LIMITS.size:
        what = f"{large.path} has {large.size:,} bytes" if large is not None else f"its files have {total:,} bytes together"
        most = _LIMITS.file if large is not None else _LIMITS.size
        raise InvalidBundle(
            f"{source} is too large: {what}, and {most:,} is the most", hint="leave it out by .ropewayignore", code="too-large"
        )
    return listing


def _beside(file: Path) -> Listing:
    """List a single file and the README beside it."""
    entries = [_entry(file)]
    readme = file.parent / "README.md"
    if file.name != readme.name and readme.is_file():
        entries.append(_entry(readme))
    return Listing(tuple(sorted(entries, key=lambda entry: entry.path.encode())))


def _entry(file: Path) -> Entry:
    from ropeway.bundles.paths import fault_of

    fault = fault_of(file.name, _LIMITS)
    if fault is not None:
        raise InvalidBundle(f"{file.name!r:.300} can not be packed: it {fault}", hint="rename it", code="bad-name")
    try:
        found = file.stat()
    except OSError as error:
        raise unreadable(file, error) from None
    seen = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
    return Entry(file.name, file.resolve(), found.st_size, bool(found.st_mode & 0o100), seen)


def _read(entry: Entry, most: int, *, cut: bool = False) -> bytes:
    try:
        if cut:
            with entry.source.open("rb") as file:
                return file.read(most)
        return read_whole(entry.source, most)
    except RopewayError:
        raise
    except OSError as error:
        raise unreadable(entry.source, error) from None


class _Spooler:
    """Makes layers of files."""

    def __init__(self, spool: Path, told: Callable[[int], None] | None) -> None:
        self._spool = spool
        self._told = told

    def layers(self, entries: Sequence[Entry]) -> list[Blob]:
        """Return a layer for each file and each folder at the top, in the order of their names."""
        groups: dict[str, list[Entry]] = {}
        for entry in entries:
            groups.setdefault(entry.top, []).append(entry)
        return [
            self._file(members[0]) if members[0].path == name else self._folder(name, members, number)
            for number, (name, members) in enumerate(sorted(groups.items(), key=lambda group: group[0].encode()))
        ]

    def _file(self, entry: Entry) -> Blob:
        total = hashlib.sha256()
        for piece in self._content(entry):
            total.update(piece)
        annotations = {TITLE: entry.path} | ({EXECUTABLE: "true"} if entry.executable else {})
        ending = f".{entry.path.rpartition('.')[2].lower()}"
        media_type = _TYPES.get(ending, _OTHER)
        return Blob(Descriptor(media_type, f"sha256:{total.hexdigest()}", entry.size, annotations), path=entry.source)

    def _folder(self, name: str, entries: Sequence[Entry], number: int) -> Blob:
        path = self._spool / f"{number}.tar.gz"
        try:
            with path.open("xb") as file:
                compressed = _Digesting(file)
                gzip = StoredGzip(compressed)
                archive = _Digesting(gzip)
                tar = TarWriter(archive)
                known: set[str] = set()
                for entry in entries:
                    _folders(entry.path.rpartition("/")[0], known, tar)
                    tar.file(entry.path, entry.size, self._content(entry), executable=entry.executable)
                tar.close()
                gzip.close()
        except OSError as error:
            if isinstance(error, RopewayError):
                raise
            hint = "free some space, or set TMPDIR to a larger place"
            raise StoreError(f"{path} can not be written: {error.strerror or error}", hint=hint, code="spool-unwritable") from None
        annotations = {TITLE: name, UNPACK: "true", CONTENT_DIGEST: archive.digest}
        return Blob(Descriptor(ARCHIVE_TYPE, compressed.digest, compressed.size, annotations), path=path)

    def _content(self, entry: Entry) -> Iterator[bytes]:
        """Yield a file's bytes: exactly those that were there when it was listed.

        Raises:
            InvalidBundle: It can't be read (``file-unreadable``), or was changed meanwhile (``file-changed``).
        """
        size = 0
        try:
            with open(os.open(entry.source, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb", buffering=0) as file:  # noqa: PTH123
                while piece := file.read(_PIECE):
                    size += len(piece)
                    if size > entry.size:
                        break
                    if self._told is not None:
                        self._told(len(piece))
                    yield piece
                found = os.fstat(file.fileno())
        except OSError as error:
            raise unreadable(entry.source, error) from None
        if size != entry.size or (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns) != entry.seen:
            raise InvalidBundle(
                f"{entry.path} was changed while it was packed", hint="try again when nothing writes to it", code="file-changed"
            )


def _folders(path: str, known: set[str], tar: TarWriter) -> None:
    if path and path not in known:
        _folders(path.rpartition("/")[0], known, tar)
        known.add(path)
        tar.folder(path)


class _Digesting:
    """Passes bytes on and hashes them."""

    def __init__(self, target: Any) -> None:
        self._target = target
        self._total = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes | memoryview) -> None:
        """Take all of them."""
        self._total.update(data)
        self.size += len(data)
        self._target.write(data)

    @property
    def digest(self) -> str:
        """What was written so far."""
        return f"sha256:{self._total.hexdigest()}"
