"""A registry in memory, at a port of its own on 127.0.0.1: honest unless told otherwise.

::

    with FakeRegistry() as registry:
        registry.push("workflows/acme/build", {"workflow.toml": b"…"}, tag="1.0.0")
        registry.trick(on="GET .*/blobs/", truncate=100, times=1)
        ...                                                          # a client, pointed at registry.host
        assert [seen.status for seen in registry.seen] == [200, 200, 206]

It passes the contract suite of real registries (tests/contract/test_registries.py). :class:`~ropeway.testing.registry_content.Content` says what it may choose
(the referrers API, pages, relative locations …), :class:`~ropeway.testing.registry_tokens.Door` who may enter, and
:class:`~ropeway.testing.registry_tricks.Trick` what it does wrong. Whatever a client sends is kept in ``seen``, so that a second one tells which
secrets arrive at another host.

Beside ``/v2`` it has what the client asks of a server of ours: ``GET /v1/workflows?q=&limit=&cursor=`` and ``GET /v1/workflows/{id}``, over ``listings``.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Literal, Self
from urllib.parse import parse_qs, unquote, urlsplit

from ropeway.bundles.manifest import EMPTY, TITLE, Descriptor, Manifest, digest_of, make_manifest
from ropeway.records import record
from ropeway.testing.registry_content import Content
from ropeway.testing.registry_http import Server
from ropeway.testing.registry_tokens import Door
from ropeway.testing.registry_tricks import FOREVER, Trick
from ropeway.testing.registry_wire import Answer, Request, as_json, problem

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType

__all__ = ["FOREVER", "FakeRegistry", "Seen", "Trick"]


@record
class Seen:
    """A request that arrived and how it was answered; the names of ``headers`` are in lower case, ``status`` is 0 where nothing was said."""

    method: str
    target: str
    headers: Mapping[str, str]
    size: int
    status: int


class FakeRegistry:
    """Serves :attr:`content` from its making until :meth:`close`.

    ``login`` asks for a name and a password, by ``flow`` basic or bearer; ``anonymous`` lets everybody pull all the same. ``referrers`` says whether there
    is a referrers API. ``tls`` names a certificate chain and its key in PEM; ``host`` is ``localhost:port`` then, else ``127.0.0.1:port``.
    """

    def __init__(
        self,
        *,
        login: tuple[str, str] | None = None,
        flow: Literal["basic", "bearer"] = "basic",
        anonymous: bool = False,
        referrers: bool = True,
        tls: tuple[Path, Path] | None = None,
    ) -> None:
        self.content = Content()
        self.content.referrers = referrers
        self.door = Door(login, "none" if login is None and not anonymous else flow, anonymous=anonymous)
        self.tricks: list[Trick] = []
        self.seen: list[Seen] = []
        self.listings: list[dict[str, Any]] = []
        self._lock = threading.Lock()
        self._server = Server(self._choose, self._answer, self._note, tls)
        self.host = f"{'127.0.0.1' if tls is None else 'localhost'}:{self._server.port}"
        self.url = f"{'http' if tls is None else 'https'}://{self.host}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Stop, and cut every connection off. What went wrong in the registry itself is raised here."""
        self._server.close()

    # -- what it holds --------------------------------------------------------------------------------------------------------------------

    def push(
        self,
        repository: str,
        files: Mapping[str, bytes],
        *,
        tag: str | None = None,
        artifact_type: str | None = None,
        media_type: str = "application/octet-stream",
        config: bytes | None = None,
        subject: Manifest | None = None,
    ) -> Manifest:
        """Hold an artifact with a layer for each file, titled with its name, and return its manifest."""
        held = self.content.repository(repository)
        data = b"{}" if config is None else config
        described = EMPTY if config is None else Descriptor("application/vnd.unknown.config.v1+json", digest_of(config), len(config))
        held.blobs[described.digest] = data
        layers = []
        for name, content in files.items():
            held.blobs[digest_of(content)] = content
            layers.append(Descriptor(media_type, digest_of(content), len(content), {TITLE: name}))
        about = None if subject is None else subject.descriptor()
        made = make_manifest(described, tuple(layers), artifact_type=artifact_type, subject=about)
        self.put(repository, made.raw, made.media_type, tag=tag)
        return made

    def put(self, repository: str, raw: bytes, media_type: str, *, tag: str | None = None) -> str:
        """Hold a manifest, whatever it says, and return its digest."""
        held = self.content.repository(repository)
        held.manifests[digest_of(raw)] = (raw, media_type)
        if tag is not None:
            held.tags[tag] = digest_of(raw)
        return digest_of(raw)

    def move(self, repository: str, tag: str, digest: str) -> None:
        """Let a tag name other content."""
        self.content.repository(repository).tags[tag] = digest

    def strip(self, repository: str) -> None:
        """Lose everything that refers to something else: signatures too. Tags that stand for the referrers API go as well."""
        held = self.content.repository(repository)
        lost = {digest for digest, (raw, _) in held.manifests.items() if b'"subject"' in raw}
        lost |= {digest for tag, digest in held.tags.items() if tag.startswith(("sha256-", "sha512-"))}
        held.manifests = {digest: kept for digest, kept in held.manifests.items() if digest not in lost}
        held.tags = {tag: digest for tag, digest in held.tags.items() if digest not in lost}

    def alter(self, repository: str, digest: str, data: bytes) -> None:
        """Answer with other bytes when a blob or a manifest of this digest is asked for."""
        held = self.content.repository(repository)
        if digest in held.manifests:
            held.manifests[digest] = (data, held.manifests[digest][1])
        else:
            held.blobs[digest] = data

    def trick(self, on: str = "", **what: Any) -> Trick:
        """Do something wrong from now on; see :class:`Trick`. The one that was added last comes first."""
        made = Trick(on, **what)
        with self._lock:
            self.tricks.insert(0, made)
        return made

    # -- serving --------------------------------------------------------------------------------------------------------------------------

    def _choose(self, line: str) -> Trick | None:
        with self._lock:
            return next((trick for trick in self.tricks if trick.takes(line)), None)

    def _note(self, method: str, target: str, headers: Mapping[str, str], size: int, status: int) -> None:
        with self._lock:
            self.seen.append(Seen(method, target, headers, size, status))

    def _answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        parts = urlsplit(target)
        query = parse_qs(parts.query, keep_blank_values=True)
        request = Request(method, unquote(parts.path), {name: values[-1] for name, values in query.items()}, headers, body, query)
        with self._lock:
            if request.path == "/token":
                return self.door.token(request)
            if (refused := self.door.check(request)) is not None:
                return refused
            return self._search(request) if request.path.startswith("/v1/") else self.content.answer(request)

    def _search(self, request: Request) -> Answer:
        """Answer for the index of a server of ours: a page of listings without their versions, or one with them."""
        wanted = request.path.removeprefix("/v1/workflows").strip("/")
        if wanted:
            found = [one for one in self.listings if one["id"] == wanted]
            return as_json(found[0]) if found else problem(404, "NAME_UNKNOWN", "no such workflow")
        words = request.query.get("q", "").lower().split()
        fits = [one for one in self.listings if all(word in str(one).lower() for word in words)]
        start, count = int(request.query.get("cursor", "0")), int(request.query.get("limit", "50"))
        shown = [{name: value for name, value in one.items() if name != "versions"} for one in fits[start : start + count]]
        following = str(start + count) if len(fits) > start + count else None
        return as_json({"items": shown, "next": following})
