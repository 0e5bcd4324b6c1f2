"""Looking around in registries: what there is, which versions it has, what one of them is and may touch. Nothing is run, agreed to or remembered."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from ropeway.app.fetching import elsewhere
from ropeway.errors import NotFound, RopewayError
from ropeway.records import record, replace
from ropeway.registry.cache.labels import semantic

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ropeway.app.sources import Sources
    from ropeway.bundles.metadata import Metadata
    from ropeway.registry import Evidence, Listing, Pin, Release, Resolver
    from ropeway.registry.config import Registry

__all__ = ["Failed", "Found", "Info", "Signature", "Version", "info", "search", "versions"]


# -- search -----------------------------------------------------------------------------------------------------------------------------


@record
class Failed:
    """A registry that could not be searched."""

    registry: str
    error: RopewayError


@record
class Found:
    """What a search found, the best first; ``more`` says that there was more than was asked for."""

    listings: tuple[Listing, ...]
    failed: tuple[Failed, ...] = ()
    more: bool = False


_AT_ONCE: Final = 8


def search(query: str, sources: Sources, *, registry: str | None = None, tag: str | None = None, limit: int = 50) -> Found:
    """Look for something in one registry, or in all that are configured, several at once; one that fails does not stop the others.

    Args:
        query: Words that all have to occur in its name, title, description or tags; empty for everything.
        sources: Where registries are.
        registry: The name of the one to search.
        tag: A tag that it has to have.
        limit: How much is wanted.

    Raises:
        NotFound: There is no such registry, or none at all.
        RopewayError: The one registry can't be searched, or none can.
    """
    from ropeway.registry.oci import parallel

    chosen = [sources.registries.get(registry)] if registry is not None else list(sources.registries)
    if registry is None and sources.kind != "workflow":
        chosen = [each for each in chosen if each.type in ("oci", "ropeway")]  # the others hold workflows only
    if not chosen:
        hint = "`workflow registry add NAME SOURCE` adds one; what is on GitHub needs none: NAME@owner/repo"
        raise NotFound("there are no registries to search", hint=hint, code="no-registries")
    around = replace(sources.around, brief=registry is None)
    found: dict[str, list[Listing]] = {}
    failed: dict[str, RopewayError] = {}

    def one(each: Registry, stopping: parallel.Stopping) -> None:
        from ropeway.registry.dispatch import registry_resolver

        stopping.check()
        try:
            fits = (item for item in registry_resolver(each, around, kind=sources.kind).search(query) if tag is None or tag in item.tags)
            found[each.name] = list(islice(fits, limit + 1))
        except RopewayError as error:
            failed[each.name] = error

    parallel.run(one, chosen, _AT_ONCE)
    if failed and not found:
        raise failed[chosen[0].name]
    every = [listing for each in chosen for listing in found.get(each.name, ())]
    every.sort(key=lambda each: _rank(each, query))
    return Found(
        tuple(every[:limit]), tuple(Failed(each.name, failed[each.name]) for each in chosen if each.name in failed), len(every) > limit
    )


def _rank(listing: Listing, query: str) -> tuple[int, str, str]:
    name = listing.name.casefold()
    words = query.casefold().split()
    last = name.rpartition("/")[2]
    place = 0 if words and last == " ".join(words) else 1 if all(word in name for word in words) else 2
    return place, name, listing.registry or ""


# -- versions ---------------------------------------------------------------------------------------------------------------------------


@record
class Version:
    """A version as ``workflow versions`` shows it; ``fetched`` says that it is on this machine."""

    release: Release
    fetched: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return the object that ``--json`` prints."""
        each = self.release
        return {
            "version": each.version,
            "digest": each.digest,
            "published": each.published,
            "deprecated": each.deprecated,
            "yanked": each.yanked,
            "fetched": self.fetched,
        }


def versions(text: str, sources: Sources, cwd: Path) -> list[Version]:
    """Return the versions of what a reference names, newest first; what stands behind ``#`` (or as a tag) does not count.

    Raises:
        UsageError, NotFound, Unreachable, Refused: The reference, or its source, is not there or can't be asked.
    """
    resolver, wanted = sources.resolver(elsewhere(text, cwd, sources.kind))
    found = resolver.releases(replace(wanted, ref=None))
    here = {pin.digest for pin, _ in sources.store.pins() if pin.source == resolver.source}
    return [Version(each, each.digest in here) for each in found]


# -- info -------------------------------------------------------------------------------------------------------------------------------


@record
class Signature:
    """Who signed. ``state`` is ``valid``, ``unknown`` (nobody here knows the key), ``expired``, ``revoked``, ``invalid`` or ``foreign``."""

    state: str
    key: str | None = None
    name: str | None = None
    said: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the object that ``--json`` prints."""
        return {"state": self.state, "key": self.key, "name": self.name, "message": self.said}


@record
class Info:
    """All about one thing. ``problem`` is why it must not be used, None when nothing speaks against it."""

    reference: str
    pin: Pin
    metadata: Metadata
    size: int | None = None
    readme: str | None = None
    signatures: tuple[Signature, ...] = ()
    versions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    problem: RopewayError | None = None

    @property
    def version(self) -> str | None:
        """The semantic version where there is one, else the tag or branch it was found by."""
        return semantic(self.pin.version, self.metadata.version)

    def as_json(self) -> dict[str, Any]:
        """Return the object that ``--json`` prints."""
        problem = self.problem
        return {
            "reference": self.reference,
            "source": self.pin.source,
            "digest": self.pin.digest,
            **self.metadata.as_json(),
            "version": self.version,
            "touches": self.metadata.capabilities.lines(),
            "size": self.size,
            "signatures": [each.as_json() for each in self.signatures],
            "versions": list(self.versions),
            "readme": self.readme,
            "notes": list(self.notes),
            "problem": None if problem is None else {"code": problem.code, "message": problem.message, "hint": problem.hint},
        }


def info(text: str, sources: Sources, cwd: Path) -> Info:
    """Return all about what a reference means now. In an OCI registry only what it says of itself is fetched, else its files are, into the store.

    Raises:
        UsageError, NotFound, Unreachable, Refused: The reference, or its source, is not there or can't be asked.
        InvalidBundle: It is no bundle, or one of another kind.
    """
    from ropeway.registry.resolvers.oci import OciResolver

    reference = elsewhere(text, cwd, sources.kind)
    resolver, wanted = sources.resolver(reference)
    pin = resolver.pin(wanted)
    evidence = resolver.evidence(pin)
    known: Sequence[Release] = ()
    notes: tuple[str, ...] = ()
    try:
        known = list(resolver.releases(replace(wanted, ref=None)))
    except RopewayError as error:
        notes = (f"its versions can't be listed: {error.message}",)
    size = None
    if isinstance(resolver, OciResolver):
        from ropeway.bundles.manifest import parse_manifest

        said = resolver.about(pin, evidence, readme=True)
        metadata, readme, notes = said.metadata, said.readme, (*notes, *said.notes)
        size = sum(layer.size for layer in parse_manifest(evidence.manifest or b"").layers)
    else:
        metadata, readme, size = _of_files(resolver, pin, evidence)
    problem: RopewayError | None = None
    try:
        sources.judge.first(pin, evidence, wanted, None)
    except RopewayError as error:
        problem = error
    return Info(
        str(reference), pin, metadata, size, readme, _signatures(evidence, sources), tuple(each.version for each in known), notes, problem
    )


def _of_files(resolver: Resolver, pin: Pin, evidence: Evidence) -> tuple[Metadata, str | None, int]:
    from ropeway.bundles.definitions import is_readme
    from ropeway.bundles.reachable import describe_bundle, folder_files
    from ropeway.bundles.tree import walk

    fetched = resolver.fetch(pin, evidence)
    metadata = describe_bundle(pin.kind, fetched.file, fetched.path.read_bytes(), folder_files(fetched.root)).metadata
    readme = next((path for path in sorted(fetched.path.parent.iterdir()) if is_readme(path.name) and path.is_file()), None)
    size = sum(found.st_size for _, found in walk(fetched.root))
    return metadata, None if readme is None else readme.read_text("utf-8", errors="replace"), size


def _signatures(evidence: Evidence, sources: Sources) -> tuple[Signature, ...]:
    if not evidence.signatures:
        return ()
    from ropeway.app.keys import public_keys
    from ropeway.bundles.problems import BundleRefused
    from ropeway.bundles.sign import Foreign, verify

    keys, now = public_keys(sources.environ), datetime.now(UTC)
    found: list[Signature] = []
    for raw in evidence.signatures:
        try:
            signed = verify(raw, keys)
        except BundleRefused as error:
            found.append(Signature("invalid", said=error.message))
            continue
        if isinstance(signed, Foreign):
            found.append(Signature("foreign", said=signed.what))
            continue
        key = signed.key
        state = "revoked" if key.revoked is not None else "expired" if key.expired(now) else "valid" if signed.known else "unknown"
        found.append(Signature(state, key.keyid, key.name or None))
    return tuple(found)
