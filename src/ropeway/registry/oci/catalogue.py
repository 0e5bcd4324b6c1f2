"""What an OCI registry holds, from the list of its repositories (``_catalog``) and the config blobs of the bundles in them."""

from __future__ import annotations

from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Final

from ropeway.bundles.kinds import kind_of, repository_for
from ropeway.bundles.manifest import parse_manifest
from ropeway.errors import NotFound, Refused, RopewayError, Unreachable
from ropeway.lang.hints import shown
from ropeway.lang.versions import best, newest_first
from ropeway.records import replace
from ropeway.registry import Listing
from ropeway.registry.folder.index import matches, no_such_workflow
from ropeway.registry.oci import parallel
from ropeway.registry.oci.about import about
from ropeway.registry.oci.tags import LATEST, is_fallback, version_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ropeway.registry import Kind, Wanted
    from ropeway.registry.oci.client import Client
    from ropeway.registry.oci.parallel import Stopping

__all__ = ["listings", "names", "no_such_name"]

_AT_ONCE: Final = 16
_NAMES: Final = 1000


def names(client: Client, prefix: str, kind: Kind) -> list[str]:
    """Return the names of one kind below a prefix, sorted; at most a thousand.

    Raises:
        NotFound, Refused: The registry lists its repositories to nobody, or not to this person.
    """
    return sorted(islice(_names(client, prefix, kind), _NAMES))


def _names(client: Client, prefix: str, kind: Kind) -> Iterator[str]:
    start = f"{prefix}/{repository_for(kind, '')}".lstrip("/")
    try:
        for repository in client.catalog():
            if repository.startswith(start) and repository != start:
                yield repository.removeprefix(start)
    except (NotFound, Refused) as error:
        if error.code == "unauthorized":
            raise
        raise NotFound(
            f"{client.host} does not list its repositories", hint="name what you look for: workflow info NAME@REGISTRY", code="no-catalogue"
        ) from None


def no_such_name(client: Client, prefix: str, wanted: Wanted, where: str) -> NotFound:
    """Return the error for a name that a registry has not; its hint says what it has, when it lists that."""
    known: list[str] = []
    with suppress(RopewayError):
        known = names(client, prefix, wanted.kind)
    if wanted.kind == "workflow" and known:
        return no_such_workflow(wanted.name, where, known)
    hint = (
        f"it has {', '.join(known[:20])}" if known else "check its spelling; a registry may also hide it from those who are not logged in"
    )
    return NotFound(f"{where} has no {wanted.kind} {shown(wanted.name)}", hint=hint, code=f"{wanted.kind}-not-found")


def listings(client: Client, place: str, query: str, registry: str | None, kind: Kind, *, one: bool) -> Iterator[Listing]:
    """Yield what matches a query, by name; what only its config could tell is looked at as the caller goes on.

    Args:
        client: The registry.
        place: The prefix of its repositories, or the one repository.
        query: Words that all have to occur.
        registry: The configured registry's name.
        kind: What is looked for.
        one: Whether ``place`` is one repository.
    """
    prefix = "" if one else place
    waiting = iter([place] if one else names(client, prefix, kind))
    while batch := list(islice(waiting, _AT_ONCE)):
        found: dict[str, Listing] = {}

        def look(name: str, stopping: Stopping, found: dict[str, Listing] = found) -> None:
            stopping.check()
            repository = name if one else f"{prefix}/{repository_for(kind, name)}".lstrip("/")
            found[name] = _listing(client, repository, Listing(name, registry), kind)

        parallel.run(look, batch, client.session.net.workers, client.session.http.close)
        for name in batch:
            each = found[name]
            if matches(query, each.name, each.title, each.description, *each.tags):
                yield each


def _listing(client: Client, repository: str, known: Listing, kind: Kind) -> Listing:
    """Return what the newest version of a repository says of itself; its name alone where that can't be had."""
    try:
        tags = [tag for tag in client.tags(repository) if not is_fallback(tag)]
        tag = best(None, tags) or (LATEST if LATEST in tags else next(iter([*newest_first(tags), *sorted(tags, reverse=True)]), None))
        if tag is None:
            return known
        known = replace(known, version=version_of(tag))
        raw, media_type, digest = client.manifest(repository, tag)
        manifest = parse_manifest(raw, media_type)
        if kind_of(manifest, repository) != kind:
            return known
        said = about(client, repository, manifest, kind).metadata
    except Unreachable:
        raise
    except RopewayError:  # one that is damaged, or not for this person, does not hide the others
        return known
    extra = {"digest": digest, "license": said.license, "authors": list(said.authors)}
    return replace(
        known, title=said.name, description=said.description, tags=said.tags, extra={key: value for key, value in extra.items() if value}
    )
