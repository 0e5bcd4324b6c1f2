"""Our own server: an OCI registry with an index over it, which searches and knows what was withdrawn.

::

    GET /v1/workflows?q&limit&cursor     {"items": [{"id", "name", "version", "description", "tags", …}], "next": cursor or null}
    GET /v1/workflows/{id}               {"id", …, "versions": [{"version", "digest", "published", "deprecated", "yanked"}]}

``/v1/skills`` and ``/v1/agents`` are the same. A server without the index (it answers 404) is an OCI registry like any other.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

from ropeway.errors import NotFound, Unreachable
from ropeway.lang.versions import newest_first
from ropeway.registry import Listing, Release
from ropeway.registry.http.errors import clean
from ropeway.registry.resolvers.oci import OciResolver

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ropeway.registry import Kind, Progress, Wanted
    from ropeway.registry.cache.store import Store
    from ropeway.registry.http.transport import Net

__all__ = ["RopewayResolver"]

_PAGE: Final = 50
_PAGES: Final = 1000


class RopewayResolver(OciResolver):
    """Everything on one server of ours.

    Args:
        url: ``https://host[:port]``.
        registry: The configured registry's name.
        name: What is looked for in it; empty for whoever only looks around.
        kind: What that is.
        store: Where what is fetched is kept.
        net: How the network is used.
        progress: Is told of transfers.
        environ: Where logins and proxies are looked for.
    """

    def __init__(
        self,
        url: str,
        *,
        registry: str,
        store: Store,
        net: Net,
        environ: Mapping[str, str],
        name: str = "",
        kind: Kind = "workflow",
        progress: Progress | None = None,
    ) -> None:
        host = url.partition("://")[2].partition("/")[0]
        super().__init__(host, registry=registry, store=store, net=net, environ=environ, name=name, kind=kind, progress=progress)
        self._indexed: dict[str, list[Release] | None] = {}

    def releases(self, wanted: Wanted) -> Iterable[Release]:
        """See :class:`Resolver`: with their dates, and whether they are deprecated or withdrawn."""
        found = self._versions(wanted)
        return super().releases(wanted) if found is None else found

    def search(self, query: str) -> Iterator[Listing]:
        """See :class:`Resolver`; the server searches."""
        cursor: str | None = None
        for _ in range(_PAGES):
            words = {"q": query, "limit": _PAGE} | ({} if cursor is None else {"cursor": cursor})
            page = self._get(f"?{urlencode(words)}")
            if page is None:
                yield from super().search(query)
                return
            for each in self._list(page, "items"):
                if isinstance(each, dict) and (listing := self._listing(each)) is not None:
                    yield listing
            cursor = _text(page.get("next"))
            if cursor is None:
                return

    def _withdrawn(self, wanted: Wanted) -> frozenset[str]:
        return frozenset(each.version for each in self._versions(wanted) or () if each.yanked)

    def _versions(self, wanted: Wanted) -> list[Release] | None:
        """Return what the index says of something, newest first; None when it has no entry, or there is no index."""
        if wanted.name not in self._indexed:
            found = self._get(f"/{quote(wanted.name, safe='/')}", wanted.kind)
            self._indexed[wanted.name] = None if found is None else _releases(self._list(found, "versions"))
        return self._indexed[wanted.name]

    def _get(self, path: str, kind: Kind | None = None) -> dict[str, Any] | None:
        session = self._client().session
        try:
            answer = session.request(
                "GET", f"{session.origin}/v1/{kind or self._kind}s{path}", f"the index of {self.host}", (), {"Accept": "application/json"}
            )
        except NotFound:
            return None
        try:
            found = json.loads(answer.body)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise Unreachable(f"the index of {self.host} is no JSON object", hint="is it a server of ours?", code="registry-error")
        return found

    def _list(self, document: dict[str, Any], key: str) -> list[Any]:
        found = document.get(key)
        if not isinstance(found, list | None):
            message = f"the index of {self.host} has no list for `{key}`, but {type(found).__name__} {clean(found)[:40]}"
            raise Unreachable(message, hint="tell who runs it", code="registry-error")
        return found or []

    def _listing(self, item: dict[str, Any]) -> Listing | None:
        name = _text(item.get("id"))
        if name is None:
            return None
        tags = tuple(tag for tag in self._list(item, "tags") if isinstance(tag, str))
        extra = {key: value for key, value in item.items() if key not in ("id", "version", "name", "description", "tags") and value}
        return Listing(
            name, self._registry, _text(item.get("version")), _text(item.get("name")), _text(item.get("description")), tags, extra
        )


def _releases(listed: list[Any]) -> list[Release]:
    found: dict[str, Release] = {}
    for each in listed:
        version = _text(each.get("version")) if isinstance(each, dict) else None
        if version is not None:
            found[version] = Release(
                version, _text(each.get("digest")), _text(each.get("published")), each.get("deprecated") is True, each.get("yanked") is True
            )
    ordered = newest_first(found)
    return [found[version] for version in [*ordered, *sorted(set(found) - set(ordered))]]


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
