"""Bundles on this machine: making them of folders, looking into them, checking them and taking them apart."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ropeway.app.bundle_checks import checked_signers, differences
from ropeway.bundles.layout import is_layout, open_layout, write_layout
from ropeway.bundles.pack import pack
from ropeway.bundles.unpack import Listed, list_files, unpack
from ropeway.errors import NotFound, Refused, RopewayError, StoreError
from ropeway.records import record, replace
from ropeway.registry import Silent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ropeway.app.sources import Sources
    from ropeway.bundles.kinds import Kind
    from ropeway.bundles.layout import Layout
    from ropeway.bundles.metadata import Metadata
    from ropeway.registry import Progress

__all__ = ["Packaged", "Shown", "move_files", "output_failures", "package", "show", "show_reference", "unpack_bundle", "verify"]


@record
class Shown:
    """A bundle as people look at it. ``path`` is where it lies; ``signers`` are sentences, one a signature, when they were checked."""

    path: str
    digest: str
    metadata: Metadata
    files: tuple[Listed, ...]
    signatures: int = 0
    signers: tuple[str, ...] = ()
    tag: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    @property
    def readme(self) -> bool:
        """Whether it has a README."""
        return any(file.path.lower() == "readme.md" for file in self.files)

    def as_json(self) -> dict[str, Any]:
        """Return it for programs."""
        return {
            "path": self.path,
            "digest": self.digest,
            **self.metadata.as_json(),
            "files": [{"path": file.path, "size": file.size, "executable": file.executable} for file in self.files],
            "size": self.size,
            "signatures": self.signatures,
            "has_readme": self.readme,
            **({"tag": self.tag} if self.tag else {}),
            **({"notes": list(self.notes)} if self.notes else {}),
        }


Packaged = Shown


def package(
    source: Path, *, output: Path | None = None, tar: bool = False, kind: Kind | None = None, progress: Progress | None = None
) -> Packaged:
    """Make a bundle of a folder or a definition.

    Args:
        source: The folder or file.
        output: Where to: a name that ends in ``.tar`` makes a tar; an existing folder gets the bundle inside. None: the current folder, under the
            bundle's id and version.
        tar: Make a tar in any case.
        kind: What it has to be.
        progress: Shows long work.

    Raises:
        NotFound, InvalidBundle, InvalidWorkflow: See :func:`ropeway.bundles.pack.pack`.
        Refused: The output exists and is no bundle.
        StoreError: It can't be written.
    """
    progress = progress or Silent()
    with tempfile.TemporaryDirectory(prefix="ropeway-package-") as spool, _shown(progress, f"packing {source}"):
        skip = [output] if output is not None and (not output.is_dir() or is_layout(output)) else []
        bundle = pack(source, kind=kind, spool=Path(spool), without=skip, told=progress.advance)
        as_tar = tar or (output is not None and output.name.endswith(".tar"))
        target = _target(output, bundle.metadata, tar=as_tar)
        write_layout(bundle, target, tag=bundle.metadata.version, tar=as_tar, told=progress.advance)
        files = list_files(bundle.manifest, bundle.blobs)
    return Packaged(str(target), bundle.manifest.digest, bundle.metadata, files, tag=bundle.metadata.version, notes=bundle.notes)


@contextmanager
def _shown(progress: Progress, what: str) -> Iterator[None]:
    progress.begin(what, None)
    try:
        yield
    finally:
        progress.end()


def _target(output: Path | None, metadata: Metadata, *, tar: bool) -> Path:
    if output is not None and (not output.is_dir() or is_layout(output)):
        return output
    name = (metadata.id or metadata.kind).replace("/", "-")
    version = f"-{metadata.version}" if metadata.version else ""
    return (output or Path()) / f"{name}{version}.oci{'.tar' if tar else ''}"


def show(path: Path, *, progress: Progress | None = None) -> Shown:
    """Look into a bundle on disk. Its archives are read, its layers are not hashed (that is :func:`verify`).

    Raises:
        NotFound, InvalidBundle, BundleRefused: See :func:`ropeway.bundles.layout.open_layout`.
    """
    progress = progress or Silent()
    with _shown(progress, f"reading {path}"):
        layout = open_layout(path, check=False)
        return _look(path, layout)


def _look(path: Path, layout: Layout, signers: tuple[str, ...] = ()) -> Shown:
    bundle = layout.bundle
    files = list_files(bundle.manifest, bundle.blobs)
    return Shown(str(path), bundle.manifest.digest, bundle.metadata, files, len(layout.signatures), signers, layout.tag)


def verify(path: Path, *, environ: Mapping[str, str], progress: Progress | None = None) -> Shown:
    """Check a bundle on disk: every digest, that it can be unpacked, that its metadata is its definition's, and the signatures beside it.

    Who may sign what is not asked here: that depends on where a bundle comes from (trust.toml).

    Raises:
        NotFound, InvalidBundle, BundleRefused: See :func:`ropeway.bundles.layout.open_layout`.
        SignatureInvalid, WrongSigner, RevokedKey, ExpiredKey: Of a signature beside it.
    """
    progress = progress or Silent()
    with _shown(progress, f"verifying {path}"):
        layout = open_layout(path, told=progress.advance)
        signers = checked_signers(layout, environ)
        shown = _look(path, layout, signers)
        return replace(shown, notes=differences(layout, [each.path for each in shown.files]))


def show_reference(text: str, *, sources: Sources) -> Shown:
    """Look at what a reference leads to. It is fetched into the store and verified, but neither judged nor remembered: looking is not using.

    Raises:
        NotFound: There is no such thing, here or there.
        Unreachable: The source does not answer.
        InvalidReference: The text is no reference.
        BundleRefused: What was fetched is not what its digests say.
    """
    from ropeway.bundles.manifest import digest_of
    from ropeway.bundles.reachable import describe_bundle, folder_files
    from ropeway.bundles.tree import walk
    from ropeway.lang.reference import LocalReference, PathReference, parse_reference
    from ropeway.registry.cache.labels import said_by, semantic

    reference = parse_reference(text)
    if isinstance(reference, (PathReference, LocalReference)):
        hint = "name a bundle that `workflow package` made, or a reference such as acme/build@registry"
        raise NotFound(f"there is no file or folder {text}", hint=hint, code="file-not-found")
    resolver, wanted = sources.resolver(reference)
    pin = resolver.pin(wanted)
    evidence = resolver.evidence(pin)
    fetched = resolver.fetch(pin, evidence)
    files = sorted(
        (Listed(os.fsdecode(path), found.st_size, bool(found.st_mode & 0o100)) for path, found in walk(fetched.root)),
        key=lambda each: each.path.encode(),
    )
    metadata = describe_bundle(pin.kind, fetched.file, fetched.path.read_bytes(), folder_files(fetched.root)).metadata
    metadata = replace(metadata, version=metadata.version or semantic(pin.version, said_by(fetched).version))
    digest = pin.digest if evidence.manifest is None else digest_of(evidence.manifest)
    return Shown(text, digest, metadata, tuple(files), len(evidence.signatures), tag=pin.version)


def unpack_bundle(path: Path, *, output: Path | None = None, force: bool = False, progress: Progress | None = None) -> Shown:
    """Write the files of a bundle into a folder, after all of it was verified; nothing is left behind when that fails.

    Args:
        path: The bundle.
        output: The folder; None: one in the current folder, called like the bundle.
        force: Files that exist there are overwritten; without it an existing folder has to be empty. Others stay in any case.
        progress: Shows long work.

    Raises:
        NotFound, InvalidBundle, BundleRefused: See :func:`verify`.
        Refused: Files exist (code ``output-exists``), or a link would lead out of the folder.
        StoreError: The folder can't be written.
    """
    progress = progress or Silent()
    with _shown(progress, f"unpacking {path}"):
        layout = open_layout(path, check=False)
        bundle = layout.bundle
        target = output or Path(bundle.metadata.id.rpartition("/")[2] or bundle.kind)
        if os.path.lexists(target) and not target.is_dir():
            raise Refused(f"{target} exists, and is no folder", hint="name another one with --output", code="output-exists")
        if os.path.lexists(target) and any(target.iterdir()) and not force:
            hint = "name another folder with --output, or overwrite what is there with --force"
            raise Refused(f"{target} exists and is not empty", hint=hint, code="output-exists")
        with output_failures(target):
            target.parent.mkdir(parents=True, exist_ok=True)
        with output_failures(target), tempfile.TemporaryDirectory(prefix=".ropeway-unpack-", dir=target.parent) as staging:
            made = Path(staging, "new")
            try:
                unpack(bundle.manifest, bundle.blobs, made, kind=bundle.kind, name=bundle.metadata.id)
            except StoreError as error:
                raise StoreError(error.message.replace(str(made), str(target)), hint=error.hint, code=error.code) from None
            shown = _look(target, layout)
            move_files(made, target, [file.path for file in shown.files])
    return shown


@contextmanager
def output_failures(target: Path) -> Iterator[None]:
    """Turn what the operating system says about a place to write to into a ``StoreError``."""
    try:
        yield
    except OSError as error:
        if isinstance(error, RopewayError):
            raise
        hint = "free some space, or name another folder with --output"
        raise StoreError(f"{target} can not be written: {error.strerror or error}", hint=hint, code="output-unwritable") from None


def move_files(made: Path, target: Path, files: list[str]) -> None:
    """Put a whole folder in its place at once; into one with other files, file by file, after it was seen that all of them can go there.

    Raises:
        Refused: A link, or something of another kind, is in the way of a file.
    """
    if not target.exists() or not any(target.iterdir()):
        place = target.resolve() if target.is_symlink() else target
        made.rename(place)  # over an empty folder, where there is one
        return
    for file in files:
        there = target / file
        for above in there.relative_to(target).parents:
            if (target / above).is_symlink() and above != Path():
                raise Refused(f"{target / above} is a link, and {file} would go through it", hint="remove the link", code="output-exists")
            if os.path.lexists(target / above) and not (target / above).is_dir():
                raise Refused(f"{target / above} is a file, and {file} wants a folder there", hint="remove it", code="output-exists")
        if there.is_dir() and not there.is_symlink():
            raise Refused(f"{there} is a folder, and a file of the bundle is called so", hint="remove it", code="output-exists")
    for file in files:
        (target / file).parent.mkdir(parents=True, exist_ok=True)
        (made / file).replace(target / file)  # a link of that name is replaced, not followed
