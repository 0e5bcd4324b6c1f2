"""Tags of an OCI repository as versions: which one a reference means, and which there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ropeway.bundles.kinds import tag_for
from ropeway.errors import NotFound, RopewayError, UsageError
from ropeway.lang.versions import best, newest_first, parse_range, parse_version
from ropeway.registry import Release
from ropeway.registry.oci import parallel

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from ropeway.lang.reference import Ref
    from ropeway.registry.oci.client import Client
    from ropeway.registry.oci.parallel import Stopping

__all__ = ["LATEST", "choose", "chosen_by_word", "is_fallback", "releases", "same_version", "version_of"]

LATEST: Final = "latest"
_SHOWN: Final = 20
_DIGESTS: Final = 50
"""Tags whose digests are asked for when all are listed."""


def version_of(tag: str) -> str:
    """Return the version that a tag names, with the ``+`` that a tag has to write as ``_``; a tag that is no version as it is."""
    return tag if parse_version(tag) is None else tag.replace("_", "+", 1)


def chosen_by_word(tag: str) -> bool:
    """Whether a tag is meant to move."""
    return tag == LATEST


def is_fallback(tag: str) -> bool:
    """Whether a tag stands in for the referrers API (``sha256-<hex>``): it names no content of its own."""
    algorithm, _, digits = tag.partition("-")
    return algorithm in ("sha256", "sha512") and len(digits) >= 64


def same_version(text: str, tags: Collection[str]) -> list[str]:
    """Return the tags that are the same version as a text, build metadata not counting."""
    wanted = parse_version(text)
    return sorted(tag for tag in tags if wanted is not None and parse_version(tag) == wanted)


def choose(client: Client, repository: str, ref: Ref | None, *, withdrawn: Callable[[], Collection[str]]) -> tuple[str, bool]:
    """Return the tag that stands behind ``#``, and whether it was found by something that is meant to move.

    Args:
        client: The registry.
        repository: Where.
        ref: What stands there. Without it the highest release, else ``latest``; a range has to be one of the tags; a version is a tag with or without ``v``.
        withdrawn: Gives the versions that only their own name chooses.

    Raises:
        NotFound: There is no such tag; the hint lists those there are.
    """
    if ref is None or ref.kind == "range":
        tags = [tag for tag in client.tags(repository) if not is_fallback(tag)]
        hidden = {parse_version(each) for each in withdrawn()}
        kept = [tag for tag in tags if parse_version(tag) is None or parse_version(tag) not in hidden]
        found = best(None if ref is None else parse_range(ref.text), kept)
        if found is None and ref is None and LATEST in kept:
            found = LATEST
        if found is None:
            what = f"no version in {ref.text}" if ref is not None else "no released version, and no tag latest"
            raise NotFound(f"{client.host}/{repository} has {what}", hint=_there(tags), code="version-not-found")
        return found, True
    if ref.kind == "version":
        return _exactly(client, repository, ref.text), False
    try:
        known = client.head(repository, ref.text)
    except UsageError:  # `feature/x` is a branch: a registry has none
        known = None
    if known is None:
        tags = [tag for tag in client.tags(repository) if not is_fallback(tag)]
        what = "a registry has no commits, and no tag" if ref.kind == "commit" else "no tag"
        message = (
            f"{client.host}/{repository} has {what} {ref.text}"
            if ref.kind != "commit"
            else f"{what} of {client.host}/{repository} is called {ref.text}"
        )
        raise NotFound(message, hint=_there(tags), code="tag-not-found")
    return ref.text, chosen_by_word(ref.text)


def _exactly(client: Client, repository: str, version: str) -> str:
    tag = tag_for(version)
    for each in (tag, f"v{tag}"):
        if client.head(repository, each) is not None:
            return each
    tags = [each for each in client.tags(repository) if not is_fallback(each)]
    same = same_version(version, tags)  # with build metadata that the reference leaves out
    if same and "+" not in version:
        return same[-1]
    raise NotFound(f"{client.host}/{repository} has no version {version}", hint=_there(tags), code="version-not-found")


def _there(tags: Sequence[str]) -> str:
    versions = [version_of(tag) for tag in newest_first(tags)]
    every = [*versions, *sorted(tag for tag in tags if parse_version(tag) is None)]
    more = f" and {len(every) - _SHOWN} more" if len(every) > _SHOWN else ""
    return f"it has {', '.join(every[:_SHOWN])}{more}" if every else "it has no tags"


def releases(client: Client, repository: str) -> list[Release]:
    """Return the versions of a repository, the highest first, then its other tags; with their digests where the registry tells them quickly.

    Raises:
        NotFound, Unreachable, Refused: See :class:`~ropeway.registry.oci.client.Client`.
    """
    tags = [tag for tag in client.tags(repository) if not is_fallback(tag)]
    versions = newest_first(tags)
    every = [*versions, *sorted(set(tags) - set(versions))]
    digests: dict[str, str] = {}

    def one(tag: str, stopping: Stopping) -> None:
        stopping.check()
        try:
            found = client.head(repository, tag)
        except RopewayError:
            return  # the list is worth something without it
        if found is not None:
            digests[tag] = found.digest

    parallel.run(one, every[:_DIGESTS], client.session.net.workers, client.session.http.close)
    return [Release(version_of(tag), digests.get(tag)) for tag in every]
