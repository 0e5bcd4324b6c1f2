"""Chooses who knows a reference: the one place where the forms of references meet the kinds of sources."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ropeway.errors import NotFound, UsageError
from ropeway.lang.reference import AdHocReference, HttpsReference, LocalReference, OciReference, Ref, RegistryReference
from ropeway.records import record, replace
from ropeway.registry import Silent, Wanted
from ropeway.registry.http.net import Net

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ropeway.lang.reference import Reference
    from ropeway.registry import Kind, Progress, Resolver
    from ropeway.registry.cache.store import Store
    from ropeway.registry.config import Registries, Registry

__all__ = ["Around", "registry_resolver", "resolver_for"]


@record
class Around:
    """What all resolvers of one command share.

    ``github_url`` is the base address of ad hoc references; ``brief`` says that several are asked at once, and that none is waited for long.
    """

    registries: Registries
    github_url: str
    store: Store
    environ: Mapping[str, str]
    progress: Progress | None = None
    offline: bool = False
    brief: bool = False

    @property
    def net(self) -> Net:
        """How the network is used."""
        if self.brief:
            return Net(offline=self.offline, timeout=10.0, connect_timeout=5.0, retries=1, longest_wait=5.0)
        return Net(offline=self.offline)

    def net_for(self, host: str) -> Net:
        """Return how a host is spoken to: with the certificates and pins of a registry that is configured there, by whatever form it is named."""
        own = self.registries.at(host)
        return self.net if own is None else replace(self.net, ca=own.ca, pins=own.pin)

    @property
    def shown(self) -> Progress:
        """Where long work is shown."""
        return self.progress or Silent()


def resolver_for(reference: Reference, around: Around, kind: Kind = "workflow") -> tuple[Resolver, Wanted]:
    """Return who knows a reference, and what to ask for. Nothing is asked yet.

    Args:
        reference: Any form but a path; a local name means one in the default registry.
        around: What all resolvers share.
        kind: What is looked for.

    Raises:
        NotFound: There is no such registry, or no default one.
        UsageError: It is a path.
    """
    text = str(reference)
    if isinstance(reference, HttpsReference):
        from ropeway.registry.resolvers.https import HttpsResolver

        pinned = None if reference.digest is None else Ref(reference.digest, "digest")
        made = HttpsResolver(
            reference.url,
            digest=reference.digest,
            store=around.store,
            net=around.net_for(reference.host),
            progress=around.shown,
            environ=around.environ,
        )
        return made, Wanted(text, "", pinned, kind)
    if isinstance(reference, OciReference):
        from ropeway.registry.resolvers.oci import OciResolver

        oci = OciResolver(
            reference.host,
            repository=reference.repository,
            tag=reference.tag,
            store=around.store,
            net=around.net_for(reference.host),
            progress=around.shown,
            environ=around.environ,
        )
        return oci, Wanted(text, reference.repository, _oci_ref(reference), kind)
    if isinstance(reference, AdHocReference):
        from ropeway.registry.resolvers.git import GitResolver

        url = f"{around.github_url}/{reference.owner}/{reference.repo}"
        adhoc = (reference.owner, reference.repo)
        git = GitResolver(url, adhoc=adhoc, store=around.store, net=around.net, progress=around.shown, environ=around.environ)
        return git, Wanted(text, reference.name, reference.ref, kind)
    if isinstance(reference, RegistryReference | LocalReference):
        name = reference.registry if isinstance(reference, RegistryReference) else None
        registry = around.registries.get(name)
        return registry_resolver(registry, around, reference.name, kind), Wanted(text, reference.name, reference.ref, kind)
    raise UsageError(f"{text} is a path, not something in a registry", hint="write name@registry, name@owner/repo, oci://… or https://…")


def registry_resolver(registry: Registry, around: Around, name: str = "", kind: Kind = "workflow") -> Resolver:
    """Return who knows what is in a configured registry; ``name`` is what is looked for there, and empty for whoever looks around."""
    net = replace(around.net, ca=registry.ca, pins=registry.pin)
    if registry.type == "path":
        from ropeway.registry.resolvers.path import PathResolver

        return PathResolver(Path(registry.source), registry=registry.name, store=around.store)
    if registry.type == "git":
        from ropeway.registry.resolvers.git import GitResolver

        return GitResolver(
            registry.source, registry=registry.name, store=around.store, net=net, progress=around.shown, environ=around.environ
        )
    if registry.type == "oci":
        from ropeway.registry.resolvers.oci import OciResolver

        host, _, prefix = registry.source.removeprefix("oci://").partition("/")
        return OciResolver(
            host,
            prefix=prefix,
            name=name,
            kind=kind,
            registry=registry.name,
            store=around.store,
            net=net,
            progress=around.shown,
            environ=around.environ,
        )
    if registry.type == "ropeway":
        from ropeway.registry.resolvers.ropeway import RopewayResolver

        return RopewayResolver(
            registry.source,
            name=name,
            kind=kind,
            registry=registry.name,
            store=around.store,
            net=net,
            progress=around.shown,
            environ=around.environ,
        )
    raise NotFound(
        f"registry {registry.name} has the type {registry.type}, which nothing here knows", hint="`workflow registry show` says more"
    )


def _oci_ref(reference: OciReference) -> Ref | None:
    """Return what an OCI reference chooses; a digest wins over a tag, and who fetches checks that the tag still names it."""
    if reference.digest is not None:
        return Ref(reference.digest, "digest")
    return None if reference.tag is None else Ref(reference.tag, "name")
