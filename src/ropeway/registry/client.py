"""One OCI registry, as the distribution specification 1.1 has it: manifests, blobs, tags, referrers.

Every byte that comes from a registry is compared with the digest that names it before it is handed on.
"""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Any, Final, Self

from ropeway.bundles.manifest import INDEX_TYPE, MANIFEST_TYPE, MAX_MANIFEST, Descriptor, check_digest, digest_of
from ropeway.bundles.problems import AlteredManifest, InvalidBundle
from ropeway.errors import NotFound, RopewayError, Unreachable, UsageError
from ropeway.registry import Silent
from ropeway.registry.errors import clean
from ropeway.registry.session import MAX_JSON, Session, pull_scope, push_scope
from ropeway.registry.transport import Net

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from ropeway.bundles.manifest import Manifest
    from ropeway.registry import Progress
    from ropeway.registry.auth import Credentials
    from ropeway.registry.push import Upload
    from ropeway.registry.transport import Answer

__all__ = ["ACCEPTED", "Client", "check_reference"]

ACCEPTED: Final = (
    f"{MANIFEST_TYPE}, {INDEX_TYPE}, application/vnd.oci.artifact.manifest.v1+json, "
    "application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json"
)
"""What manifests are asked for as."""

_TAG: Final = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")
_FALLBACK: Final = re.compile(r"sha(?:256|512)-[0-9a-f]{64}")
_SHOWN: Final = 20
_PAGES: Final = 1000


class Client:
    """A registry. Close it, or use it as a context manager; threads may share it.

    Args:
        host: As people write it: ``ghcr.io``, ``localhost:5000``, ``docker.io``. Plain HTTP is spoken with this machine only.
        net: How the network is used.
        credentials: Where its login comes from; None asks as nobody.
        progress: Is told of transfers.
        shared_tokens: Whether tokens are shared with other processes.
        sleep: Waits before retries.

    Every method raises ``Unreachable`` (no answer), ``Refused`` (not allowed) and ``NotFound``; see :mod:`ropeway.registry.errors`.
    """

    def __init__(
        self,
        host: str,
        net: Net = Net(),  # noqa: B008 - frozen
        credentials: Credentials | None = None,
        progress: Progress = Silent(),  # noqa: B008 - it holds nothing
        *,
        shared_tokens: bool = True,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self.host = host
        self.session = Session(host, net, credentials, shared_tokens=shared_tokens, sleep=sleep)
        self._progress = progress

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self.session.close()

    def ping(self) -> None:
        """Ask whether a registry answers, and takes the login."""
        self.session.request("GET", "", f"the registry {self.host}", ())

    # -- manifests -------------------------------------------------------------------------------------------------------------------------

    def manifest(self, repository: str, reference: str) -> tuple[bytes, str, str]:
        """Return a manifest's exact bytes, its media type and its digest.

        Raises:
            AlteredManifest: The bytes do not have the digest that was asked for, or that the registry says.
            NotFound: There is no such tag (the hint lists those there are), digest or repository.
        """
        name = self.session.repository(repository)
        check_reference(reference)
        headers = {"Accept": ACCEPTED}
        answer = self.session.request(
            "GET",
            f"{name}/manifests/{reference}",
            self._named(name, reference),
            pull_scope(name),
            headers,
            ok=(200, 404),
            limit=MAX_MANIFEST,
        )
        if answer.status == 404:
            raise self._absent(name, reference)
        digest = self._check(answer, name, reference)
        media_type = (answer.headers.get("content-type") or "").partition(";")[0].strip()
        return answer.body, media_type or MANIFEST_TYPE, digest

    def head(self, repository: str, reference: str) -> Descriptor | None:
        """Return what a tag or digest names, None when there is none. What a tag names is the registry's word: only :meth:`manifest` verifies it.

        Raises:
            AlteredManifest: A digest was asked for, and the registry says another.
        """
        name = self.session.repository(repository)
        check_reference(reference)
        headers = {"Accept": ACCEPTED}
        answer = self.session.request(
            "HEAD", f"{name}/manifests/{reference}", self._named(name, reference), pull_scope(name), headers, ok=(200, 404, 405), limit=0
        )
        if answer.status == 404:
            return None
        said, size = _digest_header(answer.headers), answer.headers.get("content-length") or ""
        if answer.status == 405 or said is None or not size.isdigit():
            try:
                body, media_type, digest = self.manifest(repository, reference)
            except NotFound:
                return None
            return Descriptor(media_type, digest, len(body))
        if ":" in reference and said.partition(":")[0] == reference.partition(":")[0] and said != reference:
            raise self._lie(name, reference, said)
        media_type = (answer.headers.get("content-type") or "").partition(";")[0].strip() or MANIFEST_TYPE
        return Descriptor(media_type, reference if ":" in reference else said, int(size))

    def push_manifest(self, repository: str, reference: str | None, manifest: Manifest) -> str:
        """Push a manifest, whose blobs are there, under a tag or a digest (None: its own), and return its digest.

        When it has a subject and the registry keeps no list of referrers, it is entered into the fallback index.
        """
        name = self.session.repository(repository)
        target = check_reference(reference or manifest.digest)
        headers = {"Content-Type": manifest.media_type}
        answer = self.session.request(
            "PUT", f"{name}/manifests/{target}", self._named(name, target), push_scope(name), headers, manifest.raw, ok=(200, 201, 202)
        )
        said = _digest_header(answer.headers)
        if said is not None and said != digest_of(manifest.raw, said.partition(":")[0]):
            raise self._lie(name, target, said)
        if manifest.subject is not None and answer.headers.get("oci-subject") is None:
            from ropeway.registry.referrers import enter

            enter(self, repository, manifest.subject.digest, manifest)
        return manifest.digest

    def delete(self, repository: str, reference: str) -> None:
        """Delete a manifest by its digest (with all its tags), or a tag where the registry can."""
        name = self.session.repository(repository)
        check_reference(reference)
        what = f"to delete {name}{'@' if ':' in reference else ':'}{reference}"
        answer = self.session.request(
            "DELETE", f"{name}/manifests/{reference}", what, (f"repository:{name}:delete",), ok=(200, 202, 204, 404)
        )
        if answer.status == 404:
            raise self._absent(name, reference)

    # -- blobs -----------------------------------------------------------------------------------------------------------------------------

    def blob(self, repository: str, descriptor: Descriptor, limit: int = MAX_JSON) -> bytes:
        """Return a small blob.

        Raises:
            AlteredBlob: It does not have the digest or size of the descriptor.
            InvalidBundle: It is larger than ``limit`` bytes.
        """
        if descriptor.size > limit:
            raise InvalidBundle(f"{descriptor.digest} has {descriptor.size:,} bytes, and {limit:,} is the most here", code="blob-too-large")
        from ropeway.registry.pull import read_blob

        return read_blob(self.session, self.session.repository(repository), descriptor)

    def pull(self, repository: str, descriptors: Sequence[Descriptor], into: Callable[[Descriptor], Path]) -> None:
        """Bring blobs into files, several at once; a file gets its name when it is whole and verified.

        What a cut transfer left (``NAME.part``) is gone on with.

        Args:
            repository: Where they are.
            descriptors: Each blob once; others of the same digest are left out.
            into: Says where the file of a blob goes.

        Raises:
            AlteredBlob: A blob does not have the digest or size of its descriptor.
        """
        from ropeway.registry.pull import pull

        pull(self.session, self.session.repository(repository), descriptors, into, self._progress)

    def push(self, repository: str, blobs: Iterable[Upload], mount_from: str | None = None) -> None:
        """Push blobs, several at once; those that the registry has are left out, or taken over from the repository ``mount_from``."""
        from ropeway.registry.push import push

        source = self.session.repository(mount_from) if mount_from else None
        push(self.session, self.session.repository(repository), blobs, source, self._progress)

    # -- lists -----------------------------------------------------------------------------------------------------------------------------

    def tags(self, repository: str) -> list[str]:
        """Return the tags of a repository, as the registry orders them."""
        name = self.session.repository(repository)
        found: list[str] = []
        for page in self.pages(f"{name}/tags/list?n=1000", f"the tags of {name}", pull_scope(name)):
            found += [tag for tag in _texts(page, "tags") if _TAG.fullmatch(tag)]
        return found

    def catalog(self) -> Iterator[str]:
        """Yield the repositories that the registry lists to whoever asks; many list none."""
        for page in self.pages("_catalog?n=1000", "the list of its repositories", ("registry:catalog:*",)):
            yield from _texts(page, "repositories")

    def pages(self, path: str, what: str, scopes: tuple[str, ...]) -> Iterator[dict[str, Any]]:
        """Yield the JSON objects of a list that is answered in pages (``Link: <…>; rel="next"``, RFC 8288)."""
        from urllib.parse import urljoin

        from ropeway.registry.hosts import origin_of

        seen: set[str] = set()
        while path and path not in seen and len(seen) < _PAGES:
            seen.add(path)
            answer = self.session.request("GET", path, what, scopes)
            try:
                page = json.loads(answer.body)
            except (ValueError, RecursionError):
                page = None
            if not isinstance(page, dict):
                raise Unreachable(f"{self.host} answered no list to {what}", hint="is it an OCI registry?", code="registry-error")
            yield page
            link = re.search(r'<([^>]*)>\s*;[^,]*\brel="?next"?', answer.headers.get("link") or "")
            path = urljoin(answer.url, link[1]) if link else ""
            if path and origin_of(path) != self.session.origin:
                # A proxy before it may have told it the wrong scheme; the path is what counts.
                path = str(self.session.origin) + path[len(str(origin_of(path))) :] if origin_of(path) else ""

    def referrers(self, repository: str, digest: str, artifact_type: str | None = None) -> tuple[Descriptor, ...]:
        """Return the manifests whose subject is a digest, those of one type or all."""
        from ropeway.registry.referrers import referrers

        return referrers(self, repository, check_digest(digest), artifact_type)

    def attach(
        self, repository: str, subject: Descriptor, artifact_type: str, data: bytes, annotations: Mapping[str, str] | None = None
    ) -> Descriptor:
        """Push some bytes as a referrer of a manifest, and return the referrer's descriptor."""
        from ropeway.registry.referrers import attach

        return attach(self, repository, subject, artifact_type, data, annotations or {})

    def copy(self, repository: str, reference: str, other: Client, to_repository: str, to_reference: str | None = None) -> str:
        """Copy a manifest with its blobs to another repository, here or elsewhere, byte for byte; return its digest."""
        from ropeway.registry.copying import copy

        return copy(self, repository, reference, other, to_repository, to_reference)

    # -- words -----------------------------------------------------------------------------------------------------------------------------

    def _named(self, name: str, reference: str) -> str:
        return f"the manifest {name}{'@' if ':' in reference else ':'}{reference}"

    def _check(self, answer: Answer, name: str, reference: str) -> str:
        said = _digest_header(answer.headers)
        if ":" in reference:
            if digest_of(answer.body, reference.partition(":")[0]) != reference:
                raise self._lie(name, reference, digest_of(answer.body, reference.partition(":")[0]))
            return reference
        digest = digest_of(answer.body)
        if said is not None and digest_of(answer.body, said.partition(":")[0]) != said:
            raise self._lie(name, reference, said)
        return digest

    def _lie(self, name: str, reference: str, said: str) -> AlteredManifest:
        return AlteredManifest(
            f"what {self.host} gives as {name}{'@' if ':' in reference else ':'}{reference} has not the digest {said if ':' not in reference else reference}",
            hint="the registry, or somebody on the way, changed it; do not use it",
        )

    def _absent(self, name: str, reference: str) -> NotFound:
        if ":" in reference:
            return NotFound(f"{self.host} has no manifest {name}@{reference}", hint="it may have been deleted", code="manifest-not-found")
        try:
            tags = self.tags(name)
        except NotFound:
            hint = "check its spelling; a registry may also hide it from those who are not logged in"
            return NotFound(f"{self.host} has no repository {name}", hint=hint, code="repository-not-found")
        except RopewayError:
            tags = []
        tags = sorted(tag for tag in tags if not _FALLBACK.fullmatch(tag))
        more = f" and {len(tags) - _SHOWN} more" if len(tags) > _SHOWN else ""
        hint = f"it has {', '.join(tags[-_SHOWN:])}{more}" if tags else "it lists no tags"
        return NotFound(f"{self.host}/{name} has no tag {reference}", hint=hint, code="tag-not-found")


def _texts(page: dict[str, Any], name: str) -> list[str]:
    """Return the strings of a list in an object; nothing when there is no list."""
    listed = page.get(name)
    return [one for one in listed if isinstance(one, str)] if isinstance(listed, list) else []


def check_reference(reference: str) -> str:
    """Return a tag or digest as it is.

    Raises:
        UsageError: It is neither.
        InvalidBundle: It is a digest that can not be.
    """
    if ":" in reference:
        return check_digest(reference)
    if not _TAG.fullmatch(reference):
        hint = "a tag has letters, digits, and . _ - but not first; 128 at most"
        raise UsageError(f"{clean(reference)!r:.150} can not be a tag", hint=hint, code="tag-name")
    return reference


def _digest_header(headers: Any) -> str | None:
    """Return ``Docker-Content-Digest``, None when there is none of a kind that we know."""
    try:
        return check_digest((headers.get("docker-content-digest") or "").strip())
    except InvalidBundle:
        return None
