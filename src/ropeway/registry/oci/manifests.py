"""Manifests of a registry: read and verified, looked up, written, deleted. Repositories are named as the registry knows them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from ropeway.bundles.manifest import INDEX_TYPE, MANIFEST_TYPE, MAX_MANIFEST, Descriptor, check_digest, digest_of
from ropeway.bundles.problems import AlteredManifest, InvalidBundle
from ropeway.errors import NotFound, RopewayError, UsageError
from ropeway.registry.http.errors import clean
from ropeway.registry.oci.lists import TAG, tags
from ropeway.registry.oci.session import pull_scope, push_scope

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ropeway.bundles.manifest import Manifest
    from ropeway.registry.oci.session import Session

__all__ = ["ACCEPTED", "check_reference", "delete", "get", "head", "put"]

ACCEPTED: Final = (
    f"{MANIFEST_TYPE}, {INDEX_TYPE}, application/vnd.oci.artifact.manifest.v1+json, "
    "application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json"
)
"""What manifests are asked for as."""

_FALLBACK: Final = re.compile(r"sha(?:256|512)-[0-9a-f]{64}")
_SHOWN: Final = 20


def check_reference(reference: str) -> str:
    """Return a tag or digest as it is.

    Raises:
        UsageError: It is neither.
        InvalidBundle: It is a digest that can not be.
    """
    if ":" in reference:
        return check_digest(reference)
    if not TAG.fullmatch(reference):
        hint = "a tag has letters, digits, and . _ - but not first; 128 at most"
        raise UsageError(f"{clean(reference)!r:.150} can not be a tag", hint=hint, code="tag-name")
    return reference


def get(session: Session, name: str, reference: str) -> tuple[bytes, str, str]:
    """Return a manifest's exact bytes, its media type and its digest; see :meth:`ropeway.registry.oci.client.Client.manifest`."""
    path, what = _place(name, reference)
    answer = session.request("GET", path, what, pull_scope(name), {"Accept": ACCEPTED}, ok=(200, 404), limit=MAX_MANIFEST)
    if answer.status == 404:
        raise _absent(session, name, reference)
    digest = reference if ":" in reference else digest_of(answer.body)
    if digest_of(answer.body, digest.partition(":")[0]) != digest:
        raise _lie(session, name, reference, digest)
    said = _digest_header(answer.headers)
    if ":" not in reference and said is not None and digest_of(answer.body, said.partition(":")[0]) != said:
        raise _lie(session, name, reference, said)
    return answer.body, _media_type(answer.headers), digest


def head(session: Session, name: str, reference: str) -> Descriptor | None:
    """Return what a tag or digest names, None when there is none; see :meth:`ropeway.registry.oci.client.Client.head`."""
    path, what = _place(name, reference)
    answer = session.request("HEAD", path, what, pull_scope(name), {"Accept": ACCEPTED}, ok=(200, 404, 405), limit=0)
    if answer.status == 404:
        return None
    said, size = _digest_header(answer.headers), answer.headers.get("content-length") or ""
    if answer.status == 405 or said is None or not size.isdigit():
        try:
            body, media_type, digest = get(session, name, reference)
        except NotFound:
            return None
        return Descriptor(media_type, digest, len(body))
    if ":" in reference and said.partition(":")[0] == reference.partition(":")[0] and said != reference:
        raise _lie(session, name, reference, said)
    return Descriptor(_media_type(answer.headers), reference if ":" in reference else said, int(size))


def put(session: Session, name: str, reference: str, manifest: Manifest) -> bool:
    """Write a manifest whose blobs are there; return whether the registry has taken notice of its subject (``OCI-Subject``)."""
    path, what = _place(name, reference)
    headers = {"Content-Type": manifest.media_type}
    answer = session.request("PUT", path, what, push_scope(name), headers, manifest.raw, ok=(200, 201, 202))
    said = _digest_header(answer.headers)
    if said is not None and said != digest_of(manifest.raw, said.partition(":")[0]):
        raise _lie(session, name, reference, said)
    return "oci-subject" in answer.headers


def delete(session: Session, name: str, reference: str) -> None:
    """Delete a manifest by its digest, with all its tags, or a tag where the registry can."""
    path, _ = _place(name, reference)
    what = f"to delete {name}{'@' if ':' in reference else ':'}{reference}"
    answer = session.request("DELETE", path, what, (f"repository:{name}:delete",), ok=(200, 202, 204, 404))
    if answer.status == 404:
        raise _absent(session, name, reference)


def _place(name: str, reference: str) -> tuple[str, str]:
    check_reference(reference)
    return f"{name}/manifests/{reference}", f"the manifest {name}{'@' if ':' in reference else ':'}{reference}"


def _media_type(headers: Mapping[str, str]) -> str:
    return (headers.get("content-type") or "").partition(";")[0].strip() or MANIFEST_TYPE


def _digest_header(headers: Mapping[str, str]) -> str | None:
    """Return ``Docker-Content-Digest``, None when there is none of a kind that we know."""
    try:
        return check_digest((headers.get("docker-content-digest") or "").strip())
    except InvalidBundle:
        return None


def _lie(session: Session, name: str, reference: str, digest: str) -> AlteredManifest:
    return AlteredManifest(
        f"what {session.host} gives as {name}{'@' if ':' in reference else ':'}{reference} has not the digest {digest}",
        hint="the registry, or somebody on the way, changed it; do not use it",
    )


def _absent(session: Session, name: str, reference: str) -> NotFound:
    """Return the error for what is not there, with what is."""
    if ":" in reference:
        return NotFound(f"{session.host} has no manifest {name}@{reference}", hint="it may have been deleted", code="manifest-not-found")
    try:
        found = sorted(tag for tag in tags(session, name) if not _FALLBACK.fullmatch(tag))
    except NotFound:
        hint = "check its spelling; a registry may also hide it from those who are not logged in"
        return NotFound(f"{session.host} has no repository {name}", hint=hint, code="repository-not-found")
    except RopewayError:
        found = []
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    hint = f"it has {', '.join(found[-_SHOWN:])}{more}" if found else "it lists no tags"
    return NotFound(f"{session.host}/{name} has no tag {reference}", hint=hint, code="tag-not-found")
