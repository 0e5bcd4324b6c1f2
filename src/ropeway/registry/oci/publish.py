"""Bundles to an OCI registry, in an order that lets nobody see one that is not signed yet: blobs, manifest by digest, signature, and its tags last.

A version never changes. Registries let a tag be pushed again, so it is asked before and looked at again afterwards; a server of ours refuses it itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from ropeway.bundles.envelope import SIGNATURE_TYPE
from ropeway.bundles.kinds import tag_for
from ropeway.bundles.manifest import make_manifest
from ropeway.errors import NotFound, Refused
from ropeway.lang.versions import newest_first, parse_version
from ropeway.records import record, replace
from ropeway.registry.oci.client import check_reference
from ropeway.registry.oci.signatures import signatures_of
from ropeway.registry.oci.tags import chosen_by_word, is_fallback, same_version, version_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ropeway.bundles.blobs import Bundle
    from ropeway.registry.oci.client import Client

__all__ = ["Pushed", "Signing", "check_extra", "push_bundle", "relabelled"]


class Signing(Protocol):
    """Signs what is published."""

    def sign(self, previous: str | None) -> bytes:
        """Return a Sigstore bundle; ``previous`` is the digest of the version before, None for the first."""
        ...

    def is_there(self, signatures: Sequence[bytes]) -> bool:
        """Whether one of these is what :meth:`sign` would say."""
        ...


@record
class Pushed:
    """What became of a bundle.

    ``new`` is False where the version was there with the same content; ``signed`` says that a signature was added; ``previous`` is the digest of the
    highest lower version; ``moved`` are further tags that named other content before, and are not meant to move.
    """

    digest: str
    new: bool
    signed: bool
    previous: str | None = None
    moved: tuple[str, ...] = ()


def relabelled(bundle: Bundle, name: str, version: str) -> Bundle:
    """Return a bundle that says of itself that it is this version of this name; its files stay as they are."""
    from ropeway.bundles.blobs import blob_of

    if (bundle.metadata.id, bundle.metadata.version) == (name, version):
        return bundle
    before = bundle.manifest
    metadata = replace(bundle.metadata, id=name, version=version)
    config = blob_of(metadata.as_bytes(), before.config.media_type)
    said = {"org.opencontainers.image.title": name, "org.opencontainers.image.version": version}
    manifest = make_manifest(
        config.descriptor, before.layers, artifact_type=before.artifact_type, annotations={**before.annotations, **said}
    )
    blobs = {digest: blob for digest, blob in bundle.blobs.items() if digest != before.config.digest}
    return replace(bundle, manifest=manifest, metadata=metadata, blobs={**blobs, config.descriptor.digest: config})


def push_bundle(
    client: Client, repository: str, bundle: Bundle, version: str, *, tags: Sequence[str] = (), signing: Signing | None = None
) -> Pushed:
    """Publish a bundle as a version.

    Args:
        client: The registry.
        repository: Where.
        bundle: What, with its version in its metadata.
        version: The version.
        tags: Further tags that name it from now on, such as ``latest``.
        signing: Signs it; None leaves it unsigned.

    Raises:
        Refused: The version is there with other content (code ``version-exists``), or somebody published it at the same time.
        UsageError: A further tag can't be one, or is a version.
        Unreachable: See :class:`~ropeway.registry.oci.client.Client`.
    """
    tag, digest = tag_for(version), bundle.manifest.digest
    for each in tags:
        check_extra(each, tag)
    there = _tags(client, repository)
    same = same_version(version, there)
    _check_free(client, repository, digest, same)
    previous = _previous(client, repository, version, there)
    new = tag not in same
    if new:
        client.push(repository, bundle.blobs.values())
        client.push_manifest(repository, None, bundle.manifest)
    signed = False
    if signing is not None and not (same and signing.is_there(signatures_of(client, repository, digest))):
        client.attach(repository, bundle.manifest.descriptor(), SIGNATURE_TYPE, signing.sign(previous))
        signed = True
    if new:
        found = client.head(repository, tag)
        if found is not None and found.digest != digest:
            raise _taken(client, repository, version, found.digest, digest)
    moved = tuple(each for each in tags if each in there and not chosen_by_word(each) and _names_other(client, repository, each, digest))
    for each in (*((tag,) if new else ()), *tags):
        client.push_manifest(repository, each, bundle.manifest)
    if new:
        found = client.head(repository, tag)
        if found is None or found.digest != digest:
            raise _taken(client, repository, version, "nothing" if found is None else found.digest, digest)
    return Pushed(digest, new, signed, previous, moved)


def check_extra(tag: str, own: str) -> None:
    """Make sure that a further tag can be one; ``own`` is the version's.

    Raises:
        UsageError: It can't be a tag, or is a version (code ``tag-name``).
        InvalidBundle: It is a digest that can not be.
    """
    from ropeway.errors import UsageError

    check_reference(tag)
    if tag != own and (parse_version(tag) is not None or is_fallback(tag) or ":" in tag):
        raise UsageError(
            f"{tag} can not be a further tag: it is a version itself",
            hint="such as latest",
            code="tag-name",
        )


def _names_other(client: Client, repository: str, tag: str, digest: str) -> bool:
    found = client.head(repository, tag)
    return found is not None and found.digest != digest


def _tags(client: Client, repository: str) -> list[str]:
    try:
        return [tag for tag in client.tags(repository) if not is_fallback(tag)]
    except NotFound:
        return []


def _check_free(client: Client, repository: str, digest: str, same: Sequence[str]) -> None:
    for tag in same:
        _, _, found = client.manifest(repository, tag)
        if found != digest:
            raise _taken(client, repository, version_of(tag), found, digest)


def _taken(client: Client, repository: str, version: str, there: str, ours: str) -> Refused:
    return Refused(
        f"{client.host}/{repository} has {version} already, with other content: it is {there}, and this is {ours}",
        hint="a version never changes: give this one a higher version",
        code="version-exists",
    )


def _previous(client: Client, repository: str, version: str, tags: Sequence[str]) -> str | None:
    """Return the digest of the highest lower version, computed here: it will be signed."""
    own = parse_version(version)
    for tag in newest_first(tags):
        other = parse_version(tag)
        if own is not None and other is not None and other < own:
            return client.manifest(repository, tag)[2]
    return None
