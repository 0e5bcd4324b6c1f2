"""What a registry lists: in pages, one leading to the next (distribution-spec, "Listing tags")."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urljoin

from ropeway.errors import Unreachable
from ropeway.registry.http.hosts import origin_of
from ropeway.registry.oci.session import pull_scope

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ropeway.registry.oci.session import Session

__all__ = ["TAG", "catalog", "pages", "tags"]

TAG: Final = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")
"""What a tag may be."""

_PAGES: Final = 1000
_NEXT: Final = re.compile(r'<([^>]*)>\s*;[^,]*\brel="?next"?')


def tags(session: Session, repository: str) -> list[str]:
    """Return the tags of a repository, as the registry orders them."""
    found: list[str] = []
    for page in pages(session, f"{repository}/tags/list?n=1000", f"the tags of {repository}", pull_scope(repository)):
        found += [tag for tag in _texts(page, "tags") if TAG.fullmatch(tag)]
    return found


def catalog(session: Session) -> Iterator[str]:
    """Yield the repositories that the registry lists to whoever asks; many list none."""
    for page in pages(session, "_catalog?n=1000", "the list of its repositories", ("registry:catalog:*",)):
        yield from _texts(page, "repositories")


def pages(session: Session, path: str, what: str, scopes: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects of a list that is answered in pages (``Link: <…>; rel="next"``, RFC 8288). What leads in a circle ends."""
    seen: set[str] = set()
    while path and path not in seen and len(seen) < _PAGES:
        seen.add(path)
        answer = session.request("GET", path, what, scopes)
        try:
            page = json.loads(answer.body)
        except (ValueError, RecursionError):
            page = None
        if not isinstance(page, dict):
            raise Unreachable(f"{session.host} answered no list to {what}", hint="is it an OCI registry?", code="registry-error")
        yield page
        link = _NEXT.search(answer.headers.get("link") or "")
        path = urljoin(answer.url, link[1]) if link else ""
        origin = origin_of(path) if path else None
        if origin != session.origin:
            # A proxy before it may have told it the wrong scheme; the path is what counts.
            path = str(session.origin) + "/" + path.split("/", 3)[3] if origin is not None and path.count("/") > 2 else ""


def _texts(page: dict[str, Any], name: str) -> list[str]:
    """Return the strings of a list in an object; nothing when there is no list."""
    listed = page.get(name)
    return [one for one in listed if isinstance(one, str)] if isinstance(listed, list) else []
