"""Publishing: a folder or a file becomes a version that others can find, check and run."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ropeway.app.publish_checks import check_name, check_semantic, check_version, check_workflow, definition_in, secrets_in
from ropeway.app.publish_signing import signing_for
from ropeway.errors import NotFound, UsageError
from ropeway.records import field, record, replace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ropeway.app.oci import Place
    from ropeway.bundles.blobs import Bundle
    from ropeway.bundles.unpack import Listed
    from ropeway.lang.diagnostics import Diagnostic
    from ropeway.registry import Kind, Progress
    from ropeway.registry.config import Registry

__all__ = ["Options", "Published", "publish"]


@record
class Options:
    """How something is published.

    ``name`` and ``version`` replace what the definition says; ``tags`` are further tags; ``key`` names the key to sign with, None the person's only
    one; with ``dry_run`` nothing leaves this machine.
    """

    name: str | None = None
    version: str | None = None
    tags: tuple[str, ...] = ()
    key: str | None = None
    sign: bool = True
    dry_run: bool = False
    kind: Kind | None = None


@record
class Published:
    """What was published.

    ``reference`` means exactly this version to everybody who reaches the registry; ``new`` is False where it was there with the same content, and
    ``signed`` says that a signature was added. ``signer`` is the key's id; ``notes`` are sentences worth a look.
    """

    reference: str
    kind: Kind
    name: str
    version: str
    digest: str
    files: tuple[Listed, ...]
    touches: tuple[str, ...]
    tags: tuple[str, ...] = ()
    signer: str | None = None
    signer_name: str | None = None
    new: bool = True
    signed: bool = False
    dry_run: bool = False
    notes: tuple[str, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = field(default_factory=tuple)

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    def as_json(self) -> dict[str, Any]:
        """Return the object that ``--json`` prints."""
        return {
            "reference": self.reference,
            "kind": self.kind,
            "name": self.name,
            "version": self.version,
            "digest": self.digest,
            "tags": list(self.tags),
            "signer": self.signer,
            "new": self.new,
            "signed": self.signed,
            "dry_run": self.dry_run,
            "files": [{"path": file.path, "size": file.size} for file in self.files],
            "size": self.size,
            "capabilities": list(self.touches),
            "notes": list(self.notes),
        }


def publish(
    source: Path, registry: str | None, options: Options, *, environ: Mapping[str, str], cwd: Path, progress: Progress | None = None
) -> Published:
    """Publish a folder, or a file with the README beside it.

    Args:
        source: It.
        registry: The name of a configured registry, or ``HOST[:PORT][/PREFIX]`` of an OCI registry; None for the default registry.
        options: How.
        environ: The caller's environment.
        cwd: The current folder, which messages are relative to.
        progress: Shows long work.

    Raises:
        InvalidWorkflow: It has mistakes; nothing was published.
        InvalidBundle: It can't be packed, or has no version.
        UsageError: The registry takes nothing, or an option does not fit.
        NotFound: There is no such file, registry or key.
        Refused: The version is there with other content; it uses what does not travel along; the registry does not allow it.
        Unreachable: The registry does not answer.
    """
    _check(options)
    target = _target(registry, environ)
    with tempfile.TemporaryDirectory(prefix="ropeway-publish-") as spool:
        bundle, made = _prepared(source, options, Path(spool), cwd)
        if isinstance(target, _Folder):
            return _into_folder(target, bundle, made)
        return _push(target, bundle, made, options, environ, progress)


def _target(text: str | None, environ: Mapping[str, str]) -> _Oci | _Folder:
    from ropeway.app.oci import place_of
    from ropeway.bundles.identity import canonical_host
    from ropeway.registry.config import read_registries
    from ropeway.registry.identity import servers

    known = read_registries(environ)
    if text is None or text in known.all:
        found = known.get(text)
        if found.type == "path":
            return _Folder(Path(found.source), found.name)
        if found.type == "git":
            hint = "put it into that repository and tag it: git add, git commit, git tag v1.0.0, git push; or publish to an OCI registry"
            raise UsageError(
                f"{found.name} is a git repository, and what is in it is published by committing", hint=hint, code="registry-type"
            )
        return _Oci(_place(found), found.name, managed=found.type == "ropeway")
    if _REPOSITORY.fullmatch(text) and not text.startswith("localhost/"):
        hint = "commit and push it there; or name a registry: workflow registry list shows yours, HOST/PREFIX means any"
        raise UsageError(f"{text} is a repository on GitHub, and what is in it is published by committing", hint=hint, code="registry-type")
    place = place_of(text, environ)
    return _Oci(place, managed=canonical_host(place.host) in servers(known))


def _place(registry: Registry) -> Place:
    from ropeway.app.oci import Place, place_in

    found = place_in(registry.source)
    return Place(found.host) if registry.type == "ropeway" else found


_REPOSITORY: Final = re.compile(r"[A-Za-z0-9_-]+/[A-Za-z0-9_.-]+")
"""``owner/repo``; what begins with a host has a dot, a colon or is ``localhost``."""


@record
class _Folder:
    """A configured folder to publish to."""

    path: Path
    name: str


@record
class _Oci:
    """An OCI registry to publish to. ``managed`` says that it is a server of ours."""

    place: Place
    name: str | None = None
    managed: bool = False


# -- before anything leaves -------------------------------------------------------------------------------------------------------------


def _check(options: Options) -> None:
    """Make sure that what was asked for can be, before anything is read: names become paths and addresses."""
    from ropeway.registry.oci.manifests import check_reference

    if options.name is not None:
        check_name(options.name, options.kind)
    if options.version is not None:
        check_semantic(options.version)
    for tag in options.tags:
        check_reference(tag)


_HEAVY: Final = 50 * 2**20


def _prepared(source: Path, options: Options, spool: Path, cwd: Path) -> tuple[Bundle, Published]:
    """Return the bundle, and what is known of it before it is published."""
    from ropeway.bundles.definitions import wrong_folder_first
    from ropeway.bundles.kinds import tag_for
    from ropeway.bundles.listing import list_folder
    from ropeway.bundles.pack import pack
    from ropeway.bundles.unpack import list_files
    from ropeway.registry.oci.publish import check_extra, relabelled

    file = definition_in(source) if options.kind in (None, "workflow") else None
    diagnostics: list[Diagnostic] = []
    notes: list[str] = []
    if source.is_dir():
        with wrong_folder_first(source, options.kind):
            listed = [(entry.path, entry.source) for entry in list_folder(source).entries]
    else:
        listed = [(path.name, path) for path in (source, source.parent / "README.md") if path.is_file()]
    if file is not None:
        diagnostics, notes = check_workflow(file, source if source.is_dir() else source.parent, [path for path, _ in listed], cwd)
    bundle = pack(source, kind=options.kind, spool=spool)
    version = check_version(bundle, options.version, _shown(source, bundle, cwd))
    for tag in options.tags:
        check_extra(tag, tag_for(version))
    name = check_name(bundle.metadata.id if options.name is None else options.name, bundle.kind)
    bundle = relabelled(bundle, name, version)
    files = list_files(bundle.manifest, bundle.blobs)
    notes = [*bundle.notes, *notes, *secrets_in(listed)]
    if bundle.kind == "workflow" and not bundle.metadata.license:
        notes.append('it has no license: others do not know whether they may use it (license = "MIT", or another SPDX expression)')
    total = sum(each.size for each in files)
    if total > _HEAVY:
        notes.append(
            f"it has {total // 2**20:,} MiB in {len(files):,} files: all of the folder travels (.ropewayignore lists what stays behind)"
        )
    touches = tuple(bundle.metadata.capabilities.lines())
    made = Published("", bundle.kind, name, version, bundle.manifest.digest, files, touches, options.tags, dry_run=options.dry_run)
    return bundle, replace(made, notes=tuple(notes), diagnostics=tuple(diagnostics))


def _shown(source: Path, bundle: Bundle, cwd: Path) -> Path:
    path = source if source.is_file() else source / (bundle.metadata.definition or "")
    absolute = Path(os.path.abspath(cwd / path))  # noqa: PTH100 - links stay links
    return absolute.relative_to(cwd) if absolute.is_relative_to(cwd) else absolute


# -- where to ---------------------------------------------------------------------------------------------------------------------------


def _into_folder(target: _Folder, bundle: Bundle, made: Published) -> Published:
    from ropeway.registry.folder.publish import place_bundle

    reference = f"{made.name}@{target.name}"
    if made.tags:
        raise UsageError("what is in a folder has no tags", hint="leave --tag out", code="registry-type")
    if made.dry_run:
        return replace(made, reference=reference)
    notes = [*made.notes]
    placed = place_bundle(target.path, made.name, bundle)
    if placed.replaced is not None:
        notes.append(f"{placed.replaced} was there before: a folder keeps one version of each")
    return replace(made, reference=reference, new=placed.new, digest=placed.digest, notes=tuple(notes))


def _push(
    target: _Oci, bundle: Bundle, made: Published, options: Options, environ: Mapping[str, str], progress: Progress | None
) -> Published:
    from ropeway.app.oci import connect
    from ropeway.bundles.kinds import repository_for, tag_for
    from ropeway.registry.oci.publish import push_bundle
    from ropeway.registry.oci.session import check_repository

    repository = check_repository(f"{target.place.prefix}/{repository_for(bundle.kind, made.name)}".lstrip("/"))
    made = replace(made, reference=f"oci://{target.place.host}/{repository}:{tag_for(made.version)}")
    try:
        signing = signing_for(
            str(target.place),
            made.name,
            made.version,
            bundle,
            key=options.key,
            wanted=options.sign,
            managed=target.managed,
            environ=environ,
        )
    except NotFound as error:
        if not made.dry_run:
            raise
        signing = None
        made = replace(made, notes=(*made.notes, f"{error.message}: {error.hint}"))
    if signing is not None:
        made = replace(made, signer=signing.signer.keyid, signer_name=signing.signer.public.name)
    elif not options.sign:
        made = replace(made, notes=(*made.notes, "it is not signed: who fetches it can not know whom it is from"))
    if made.dry_run:
        return made
    with connect(target.place.host, environ, progress) as client:
        pushed = push_bundle(client, repository, bundle, made.version, tags=made.tags, signing=signing)
    moved = tuple(f"{tag} named other content before: who has used it under that tag is refused from now on" for tag in pushed.moved)
    return replace(made, new=pushed.new, signed=pushed.signed, notes=(*made.notes, *moved))
