"""Where a reference leads, without going there: what a pin of it has to say. Light, since every locked run asks."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ropeway.bundles.identity import git_source, https_source, oci_source
from ropeway.bundles.kinds import repository_for
from ropeway.lang.reference import AdHocReference, HttpsReference, LocalReference, OciReference, Ref, RegistryReference
from ropeway.records import record

if TYPE_CHECKING:
    from ropeway.lang.reference import Reference
    from ropeway.registry import Kind
    from ropeway.registry.config import Registries, Registry
    from ropeway.registry.lockfile import Locked

__all__ = ["Place", "misfit", "place_of", "registry_source", "servers"]


@record
class Place:
    """``source``, ``name`` and ``registry`` as every pin of a reference has them, and what the reference chooses."""

    source: str
    name: str
    registry: str | None = None
    ref: Ref | None = None


def place_of(reference: Reference, registries: Registries, github_url: str, kind: Kind = "workflow") -> Place:
    """Return where a reference leads.

    Raises:
        NotFound: There is no such registry, or no default one.
    """
    if isinstance(reference, HttpsReference):
        return Place(https_source(reference.url), "", None, None if reference.digest is None else Ref(reference.digest, "digest"))
    if isinstance(reference, OciReference):
        chosen = Ref(reference.digest, "digest") if reference.digest else Ref(reference.tag, "name") if reference.tag else None
        return Place(oci_source(reference.host, reference.repository), reference.repository, None, chosen)
    if isinstance(reference, AdHocReference):
        return Place(git_source(f"{github_url}/{reference.owner}/{reference.repo}"), reference.name, None, reference.ref)
    assert isinstance(reference, RegistryReference | LocalReference)
    registry = registries.get(reference.registry if isinstance(reference, RegistryReference) else None)
    return Place(registry_source(registry, reference.name, kind), reference.name, registry.name, reference.ref)


def registry_source(registry: Registry, name: str, kind: Kind) -> str:
    """Return what something in a configured registry comes from."""
    if registry.type == "path":
        return f"path:{os.path.abspath(registry.source)}"  # noqa: PTH100 - a link to the folder stays in its name
    if registry.type == "git":
        return git_source(registry.source)
    host, _, prefix = registry.source.partition("://")[2].partition("/")
    prefix = prefix.strip("/") if registry.type == "oci" else ""
    return oci_source(host, f"{prefix}/{repository_for(kind, name)}".lstrip("/"))


def servers(registries: Registries) -> frozenset[str]:
    """Return the hosts of our own servers that are configured."""
    return frozenset(each.host for each in registries if each.type == "ropeway")


def misfit(entry: Locked, place: Place) -> str | None:
    """Return why an entry of a lockfile can't be what its reference means, None when it can: whoever may edit the file must not choose the source."""
    for what, locked, meant in (
        ("source", entry.source, place.source),
        ("name", entry.name, place.name),
        ("registry", entry.registry, place.registry),
    ):
        if locked != meant:
            return f"its {what} is {locked or 'none'}, and the reference's is {meant or 'none'}"
    if place.ref is not None and not _chooses(place.ref, entry):
        return f"it is {entry.version or entry.digest}, and the reference asks for {place.ref}"
    return None


def _chooses(ref: Ref, entry: Locked) -> bool:
    """Whether what stands behind ``#`` may mean what is locked."""
    if ref.kind == "digest":
        return entry.digest == ref.text
    if ref.kind == "commit":
        return entry.digest == f"git:{ref.text}"
    if entry.version is None:  # an abbreviated commit
        return entry.digest.partition(":")[2].startswith(ref.text)
    from ropeway.lang.versions import parse_range, parse_version

    own = entry.name.rpartition("/")[2]  # a repository of several workflows may have tags for each: build-v1.2.0
    version = parse_version(entry.version.removeprefix(f"{own}-").removeprefix(f"{own}/"))
    if ref.kind == "range":
        return version is not None and parse_range(ref.text).allows(version)
    wanted = parse_version(ref.text.replace("_", "+"))
    if wanted is not None and version is not None:
        return wanted == version
    return entry.version in (ref.text, ref.text.replace("_", "+"), ref.text.removeprefix("heads/"), ref.text.removeprefix("tags/"))
