"""OCI registries: one repository that a reference names, or a configured place where each name has a repository of its own.

A bundle ``build`` of a registry ``oci://ghcr.io/acme`` is the repository ``acme/workflows/build`` of ``ghcr.io``. What ``oras push`` and others wrote is
read as well as what ``workflow publish`` wrote. Everything is asked by digest once a tag has said which one.
"""

from __future__ import annotations

import weakref
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from ropeway.bundles.identity import canonical_host
from ropeway.bundles.kinds import MAX_PEEK, expect_kind, kind_of, repository_for
from ropeway.bundles.manifest import parse_manifest
from ropeway.bundles.problems import InvalidBundle, MovedTag
from ropeway.errors import NotFound, Refused
from ropeway.records import replace
from ropeway.registry import Evidence, Fetched, Pin, Release, Silent
from ropeway.registry.oci.tags import choose, chosen_by_word, version_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ropeway.bundles.manifest import Manifest
    from ropeway.registry import Kind, Listing, Progress, Wanted
    from ropeway.registry.cache.store import Store
    from ropeway.registry.http.transport import Net
    from ropeway.registry.oci.about import About
    from ropeway.registry.oci.client import Client

__all__ = ["TAKEN_BY", "OciResolver"]

TAKEN_BY: Final[dict[Kind, str]] = {
    "workflow": "`workflow run` and `workflow fetch` take it",
    "skill": 'a step uses it, as uses = "skill:NAME"; `workflow fetch --kind skill` gets its files',
    "agent": "`workflow agent pull` takes it, or `workflow fetch --kind agent`",
}
"""What to do with a bundle of each kind."""


class OciResolver:
    """One repository, or all those of a configured registry.

    Args:
        host: The registry's host, with its port when one is given.
        repository: The one repository; None for a configured registry.
        tag: What stands before the digest of a reference that has both: it has to name that digest.
        prefix: Of a configured registry: what all its repositories begin with; empty for none.
        name: Of a configured registry: what is looked for in it; empty for whoever only looks around.
        kind: What that is.
        registry: The configured registry's name.
        store: Where what is fetched is kept.
        net: How the network is used.
        progress: Is told of transfers.
        environ: Where logins and proxies are looked for.
    """

    def __init__(
        self,
        host: str,
        *,
        store: Store,
        net: Net,
        environ: Mapping[str, str],
        repository: str | None = None,
        tag: str | None = None,
        prefix: str = "",
        name: str = "",
        kind: Kind = "workflow",
        registry: str | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.host = canonical_host(host)
        self._one = repository
        self._tag = tag
        self._prefix = prefix.strip("/")
        self._name = name
        self._kind = kind
        self._registry = registry
        self._store = store
        self._net = net
        self._progress = progress or Silent()
        self._environ = environ
        self._manifests: dict[str, bytes] = {}
        self._open: Client | None = None

    @property
    def source(self) -> str:
        """See :class:`Resolver`: ``oci://host/repository``; of a configured registry, while no name is looked for, what all of it has in common."""
        if self._one is None and not self._name:
            return f"oci://{self.host}/{self._prefix}".rstrip("/")
        return f"oci://{self.host}/{self.repository(self._name, self._kind)}"

    def repository(self, name: str, kind: Kind) -> str:
        """Return where something is, without the host."""
        return self._one or f"{self._prefix}/{repository_for(kind, name)}".lstrip("/")

    # -- the four steps -------------------------------------------------------------------------------------------------------------

    def pin(self, wanted: Wanted) -> Pin:
        """See :class:`Resolver`. A digest is taken at its word until it is fetched.

        Raises:
            AlteredManifest: The registry gives another manifest than it says.
            MovedTag: A reference has a tag and a digest, and the tag names another one.
        """
        repository = self.repository(wanted.name, wanted.kind)
        source = f"oci://{self.host}/{repository}"
        if wanted.ref is not None and wanted.ref.kind == "digest":
            pinned = Pin(source, wanted.name, wanted.ref.text, registry=self._registry, kind=wanted.kind)
            if self._tag is not None and self._store.find(source, pinned.digest, pinned.name) is None:
                self._check_tag(repository, self._tag, pinned.digest)
            return pinned
        tag, raw, digest, moving = self._found(repository, wanted)
        self._manifests[digest] = raw
        return Pin(source, wanted.name, digest, version_of(tag), moving, self._registry, wanted.kind)

    def evidence(self, pin: Pin) -> Evidence:
        """See :class:`Resolver`.

        Raises:
            InvalidBundle: What is there is no bundle, or one of another kind (code ``bundle-kind``).
            AlteredManifest, AlteredBlob: The registry gives other bytes than their digests name.
            SignatureInvalid: There are more signatures, or larger ones, than there may be.
        """
        from ropeway.registry.oci.signatures import signatures_of

        repository = self._repository_of(pin)
        client = self._client()
        raw = self._manifest(client, repository, pin.digest)
        try:
            manifest = parse_manifest(raw)
        except InvalidBundle as error:
            hint = error.hint or "is it an OCI registry, and did one of its tools write this?"
            raise InvalidBundle(f"{self.host}/{repository} gives no bundle: {error.message}", hint=hint, code=error.code) from None
        self._check_kind(client, repository, manifest, pin)
        return Evidence(raw, signatures_of(client, repository, pin.digest))

    def fetch(self, pin: Pin, evidence: Evidence) -> Fetched:
        """See :class:`Resolver`. What was cut is gone on with; nothing is kept of what is refused.

        Raises:
            AlteredBlob: A file is not what its digest says.
            HostileArchive: It would write where it must not, or too much.
            InvalidBundle: No file of it is a definition.
        """
        found = self._store.find(pin.source, pin.digest, pin.name)
        if found is not None:
            return self._again(found, pin, evidence)
        repository = self._repository_of(pin)
        from ropeway.registry.oci.unpacking import into_store

        manifest = parse_manifest(evidence.manifest or self._manifest(self._client(), repository, pin.digest))
        try:
            tree, file = into_store(self._client(), repository, manifest, self._store, pin.kind)
        finally:
            self._close()
        return self._store.keep(pin, tree, file, evidence)

    # -- looking around -------------------------------------------------------------------------------------------------------------

    def releases(self, wanted: Wanted) -> Iterable[Release]:
        """See :class:`Resolver`: versions first, then what else the repository has tags for. Digests are asked for one by one, of the newest only."""
        from ropeway.registry.oci.tags import releases

        repository = self.repository(wanted.name, wanted.kind)
        with self._failures(wanted):
            return releases(self._client(), repository)

    def search(self, query: str) -> Iterator[Listing]:
        """See :class:`Resolver`. What the registry lists is looked at, repository by repository; many registries list nothing to nobody.

        Raises:
            NotFound, Refused: The registry does not list its repositories.
        """
        from ropeway.registry.oci.catalogue import listings

        yield from listings(self._client(), self._one or self._prefix, query, self._registry, self._kind, one=self._one is not None)

    def about(self, pin: Pin, evidence: Evidence, *, readme: bool = False) -> About:
        """Return what a bundle says of itself, without fetching it; see :func:`ropeway.registry.oci.about.about`."""
        from ropeway.registry.oci.about import about

        manifest = parse_manifest(evidence.manifest or self._manifest(self._client(), self._repository_of(pin), pin.digest))
        return about(self._client(), self._repository_of(pin), manifest, pin.kind, readme=readme)

    # -- parts ----------------------------------------------------------------------------------------------------------------------

    def _client(self) -> Client:
        """Return the connection, which is kept for the next step; it ends with the fetch, or with this object."""
        if self._open is None:
            from ropeway.registry.auth import Credentials
            from ropeway.registry.oci.client import Client

            self._open = Client(self.host, self._net, Credentials(self._environ), self._progress)
            weakref.finalize(self, self._open.close)
        return self._open

    def _close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None

    def _found(self, repository: str, wanted: Wanted) -> tuple[str, bytes, str, bool]:
        """Return the tag that is meant, its manifest and digest, and whether it is meant to move."""
        client = self._client()
        with self._failures(wanted):
            if self._one is not None:
                tag = "latest" if wanted.ref is None else wanted.ref.text
                moving = chosen_by_word(tag)
            else:
                tag, moving = choose(client, repository, wanted.ref, withdrawn=lambda: self._withdrawn(wanted))
            raw, _, digest = client.manifest(repository, tag)
        return tag, raw, digest, moving

    def _withdrawn(self, wanted: Wanted) -> frozenset[str]:  # noqa: ARG002 - for a registry that can say so
        """Return the versions that must not be chosen any more, unless by their own name."""
        return frozenset()

    @contextmanager
    def _failures(self, wanted: Wanted) -> Iterator[None]:
        """Say which names there are when a configured registry has no such repository."""
        try:
            yield
        except NotFound as error:
            if self._one is not None or error.code not in ("repository-not-found", "not-found"):
                raise
            from ropeway.registry.oci.catalogue import no_such_name

            where = f"the registry {self._registry} (oci://{f'{self.host}/{self._prefix}'.rstrip('/')})"
            raise no_such_name(self._client(), self._prefix, wanted, where) from None

    def _check_tag(self, repository: str, tag: str, digest: str) -> None:
        _, _, named = self._client().manifest(repository, tag)
        if named != digest:
            raise MovedTag(
                f"{tag} of {self.host}/{repository} is {named} now, and the reference says {digest}",
                hint="leave the tag or the digest out, whichever you do not mean",
            )

    def _manifest(self, client: Client, repository: str, digest: str) -> bytes:
        if digest not in self._manifests:
            self._manifests[digest] = client.manifest(repository, digest)[0]
        return self._manifests[digest]

    def _check_kind(self, client: Client, repository: str, manifest: Manifest, pin: Pin) -> None:
        found = kind_of(manifest, repository, lambda layer: client.blob(repository, layer, MAX_PEEK))
        try:
            expect_kind(found, pin.kind, f"{self.host}/{repository}")
        except InvalidBundle as error:
            error.hint = TAKEN_BY[found]
            raise

    def _repository_of(self, pin: Pin) -> str:
        """Return where a pin's content is; a lockfile can't say that it is elsewhere than its reference does."""
        repository = self.repository(pin.name, pin.kind)
        if pin.source != f"oci://{self.host}/{repository}":
            raise Refused(
                f"{pin.name} is locked to {pin.source}, and the reference leads to oci://{self.host}/{repository}",
                hint="`workflow upgrade` locks what it means there",
                code="source-changed",
            )
        return repository

    def _again(self, found: Fetched, pin: Pin, evidence: Evidence) -> Fetched:
        """Return what is in the store already; a version that is named for the first time is linked, and new signatures are noted."""
        if found.pin == pin and found.evidence == evidence:
            return found
        if pin.version is None and found.evidence == evidence:
            return replace(found, pin=pin)
        return self._store.keep(pin, found.tree, found.file, evidence)
