"""Manifests that say something about another one: the referrers API, and the fallback tag where a registry lacks it (distribution-spec 1.1)."""

from __future__ import annotations

import io
import json
import random
import time
from typing import TYPE_CHECKING, Any, Final

from ropeway.bundles.manifest import (
    EMPTY,
    INDEX_TYPE,
    Descriptor,
    Manifest,
    canonical_json,
    descriptor_from_json,
    digest_of,
    make_manifest,
    parse_manifest,
)
from ropeway.bundles.problems import InvalidBundle
from ropeway.errors import NotFound, Refused, Unreachable
from ropeway.records import record
from ropeway.registry import Silent
from ropeway.registry.oci import manifests
from ropeway.registry.oci.lists import pages
from ropeway.registry.oci.push import push
from ropeway.registry.oci.session import pull_scope

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import IO

    from ropeway.registry.oci.session import Session

__all__ = ["attach", "enter", "fallback_tag", "put_manifest", "referrers"]

_TRIES: Final = 10
_MOMENT: Final = 0.02


@record
class _Bytes:
    """A blob in memory."""

    descriptor: Descriptor
    data: bytes

    def open(self) -> IO[bytes]:
        return io.BytesIO(self.data)


def fallback_tag(digest: str) -> str:
    """Return the tag of the index that stands in for the API: ``sha256-<hex>``."""
    algorithm, _, digits = digest.partition(":")
    return f"{algorithm[:32]}-{digits[:64]}"


def referrers(session: Session, name: str, digest: str, artifact_type: str | None) -> tuple[Descriptor, ...]:
    """See :meth:`ropeway.registry.oci.client.Client.referrers`."""
    # The filter of the API is left alone: registries that ignore it have to be filtered here anyway.
    try:
        listed = list(pages(session, f"{name}/referrers/{digest}", f"the referrers of {name}@{digest}", pull_scope(name)))
        found = [entry for page in listed for entry in _entries(page)]
    except (NotFound, Refused) as error:
        # 404, 405, 400: it has no such API. A registry that fails, is gone, or does not let us in must not make what is signed look unsigned.
        if error.code not in ("not-found", "not-offered", "upload-refused"):
            raise
        found = _fallback(session, name, digest)
    if artifact_type is None:
        return tuple(found)
    return tuple(entry for entry in found if _type(session, name, entry) == artifact_type)


def attach(session: Session, name: str, subject: Descriptor, artifact_type: str, data: bytes, annotations: Mapping[str, str]) -> Descriptor:
    """See :meth:`ropeway.registry.oci.client.Client.attach`."""
    layer = Descriptor(artifact_type, digest_of(data), len(data))
    named = Descriptor(subject.media_type, subject.digest, subject.size)
    manifest = make_manifest(EMPTY, (layer,), artifact_type=artifact_type, subject=named, annotations=annotations)
    push(session, name, (_Bytes(EMPTY, b"{}"), _Bytes(layer, data)), None, Silent())
    put_manifest(session, name, None, manifest)
    return _described(manifest)


def put_manifest(session: Session, name: str, reference: str | None, manifest: Manifest) -> str:
    """Write a manifest under a tag or a digest (None: its own), see to it that it is found by its subject, and return its digest."""
    noticed = manifests.put(session, name, reference or manifest.digest, manifest)
    if manifest.subject is not None and not noticed:
        enter(session, name, manifest.subject.digest, manifest)
    return manifest.digest


def enter(session: Session, name: str, digest: str, manifest: Manifest) -> None:
    """Enter a manifest into the fallback index of its subject.

    The specification has no lock for it: whoever read the index before we wrote it, and writes after us, takes our entry out. So it is read again once such
    a one must have written (after twice the time that our own reading and writing took), and entered anew when it is missing.
    """
    mine = _described(manifest)
    tag = fallback_tag(digest)
    for _ in range(_TRIES):
        begun = time.monotonic()
        found = _fallback(session, name, digest)
        if any(entry.digest == mine.digest for entry in found):
            return
        document = {"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [entry.as_json() for entry in (*found, mine)]}
        manifests.put(session, name, tag, Manifest(canonical_json(document), EMPTY, (), media_type=INDEX_TYPE))
        session.sleep(max(_MOMENT, 2 * (time.monotonic() - begun)) * random.uniform(1, 2))  # noqa: S311 - spreads many clients
    if not any(entry.digest == mine.digest for entry in _fallback(session, name, digest)):
        raise Unreachable(
            f"{mine.digest} is pushed to {session.host}/{name}, but others change the list {tag} at the same time",
            hint="try again when they are done",
            code="registry-error",
        )


def _described(manifest: Manifest) -> Descriptor:
    """Return the descriptor as a list of referrers has it: with the type of the config where there is no other, and the annotations."""
    kind = manifest.artifact_type or manifest.config.media_type
    return Descriptor(manifest.media_type, manifest.digest, len(manifest.raw), manifest.annotations, kind)


def _type(session: Session, name: str, entry: Descriptor) -> str | None:
    """Return the type of a referrer. Registries that list the config's type for all (go-containerregistry's), or none, are not believed."""
    if entry.artifact_type not in (None, EMPTY.media_type):
        return entry.artifact_type
    try:
        raw, media_type, _ = manifests.get(session, name, entry.digest)
        manifest = parse_manifest(raw, media_type)
    except (NotFound, InvalidBundle):
        return None
    return manifest.artifact_type or manifest.config.media_type


def _fallback(session: Session, name: str, digest: str) -> list[Descriptor]:
    try:
        raw, _, _ = manifests.get(session, name, fallback_tag(digest))
    except NotFound:
        return []
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError):
        return []
    return _entries(document)


def _entries(document: Any) -> list[Descriptor]:
    """Return the descriptors of an index; what is no descriptor is left out."""
    listed = document.get("manifests") if isinstance(document, dict) else None
    found: list[Descriptor] = []
    for entry in listed if isinstance(listed, list) else ():
        try:
            found.append(descriptor_from_json(entry))
        except InvalidBundle:
            continue
    return found
