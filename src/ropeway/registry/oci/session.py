"""Requests to one registry: addressed, authorized, tried again with a fresh token once, and answers that nobody wanted turned into errors."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Final

from ropeway.errors import UsageError
from ropeway.registry.http.errors import failed_answer
from ropeway.registry.http.hosts import DOCKER_HUB, api_base, origin_of
from ropeway.registry.http.transport import Http
from ropeway.registry.login.authorizer import Authorizer
from ropeway.registry.login.tokens import TokenCache

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping

    from ropeway.registry.http.net import Net
    from ropeway.registry.http.transport import Answer, Body, Stream
    from ropeway.registry.login.credentials import Credentials

__all__ = ["MAX_JSON", "Session", "check_repository", "pull_scope", "push_scope"]

MAX_JSON: Final = 16 * 2**20
"""Bytes that a list or an error of a registry may have."""

_ERROR: Final = 2**16
_NAME: Final = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")


def check_repository(name: str) -> str:
    """Return the name of a repository as it is (distribution-spec, "Pulling manifests").

    Raises:
        UsageError: It can not be one.
    """
    if len(name) > 255 or not _NAME.fullmatch(name):
        hint = "use lower-case letters, digits, and between them . _ - and /"
        raise UsageError(f"{name!r:.100} can not be the name of a repository", hint=hint, code="repository-name")
    return name


def pull_scope(repository: str) -> tuple[str, ...]:
    """Return the scope that reading a repository needs."""
    return (f"repository:{repository}:pull",)


def push_scope(repository: str, *others: str) -> tuple[str, ...]:
    """Return the scopes that writing a repository needs, and taking blobs over from others."""
    return (f"repository:{repository}:pull,push", *(f"repository:{other}:pull" for other in others))


class Session:
    """One registry. Threads may share it.

    Args:
        host: As people write it: ``ghcr.io``, ``localhost:5000``, ``docker.io``.
        net: How the network is used.
        credentials: Where its login comes from; None asks as nobody.
        shared_tokens: Whether tokens are shared with other processes.
        sleep: Waits before retries.
    """

    def __init__(
        self,
        host: str,
        net: Net,
        credentials: Credentials | None,
        *,
        shared_tokens: bool = True,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self.host = host
        self.net = net
        self.origin = api_base(host, tls=net.ca is not None or bool(net.pins))
        self.sleep = sleep
        self.http = Http(net, credentials.environ if credentials else None, self.origin.host, sleep)
        folder = credentials.tokens_folder() if credentials and shared_tokens else None
        self._authorizer = Authorizer(host, self.origin, self.http, credentials, TokenCache(folder))
        self._base = f"{self.origin}/v2/"
        self._hub = self.origin.host == f"registry-1.{DOCKER_HUB}"

    def close(self) -> None:
        """Close its connections."""
        self.http.close()

    def repository(self, name: str) -> str:
        """Return a repository's name as the registry knows it: Docker Hub keeps those of one part below ``library/``."""
        check_repository(name)
        return f"library/{name}" if self._hub and "/" not in name else name

    def request(
        self,
        method: str,
        path: str,
        what: str,
        scopes: tuple[str, ...],
        headers: Mapping[str, str] | None = None,
        body: Body | None = None,
        *,
        ok: Container[int] = (200,),
        limit: int = MAX_JSON,
        retry: bool = True,
    ) -> Answer:
        """Send a request and read its answer whole.

        Args:
            method: ``GET``, ``HEAD``, …
            path: Below ``/v2/``, or an absolute URL; a login is only ever sent to the registry's own origin.
            what: What is asked for, for errors: ``the manifest acme/build:v1``.
            scopes: The rights that it needs.
            headers: Besides those that are always sent.
            body: What it carries.
            ok: The statuses to return; every other one is an error.
            limit: Bytes that the answer may have.
            retry: Whether it may be sent again when it failed on the way, or the server says that it is busy.
        """
        url = self._url(path)
        own = origin_of(url) == self.origin
        start = body.tell() if body is not None and not isinstance(body, bytes) else 0
        rounds = 0
        while True:
            sent = self._authorizer.header(scopes) if own else None
            answer = self.http.request(method, url, _with(headers, sent), body, limit=limit, retry=retry)
            if answer.status in ok:
                return answer
            if answer.status != 401 or not own or not self._ask_again(answer, scopes, sent, rounds):
                raise failed_answer(what, self.host, answer.status, answer.headers, answer.body)
            rounds += 1
            if body is not None and not isinstance(body, bytes):
                body.seek(start)

    def open(
        self, path: str, what: str, scopes: tuple[str, ...], headers: Mapping[str, str] | None = None, *, ok: Container[int] = (200,)
    ) -> Stream:
        """GET something and return the answer before its body is read; arguments and errors are those of :meth:`request`."""
        url = self._url(path)
        own = origin_of(url) == self.origin
        rounds = 0
        while True:
            sent = self._authorizer.header(scopes) if own else None
            stream = self.http.open("GET", url, _with(headers, sent))
            if stream.status in ok:
                return stream
            said = stream.read(_ERROR)
            stream.finish()
            if stream.status != 401 or not own or not self._ask_again(stream, scopes, sent, rounds):
                raise failed_answer(what, self.host, stream.status, stream.headers, said)
            rounds += 1

    def _ask_again(self, answer: Answer | Stream, scopes: tuple[str, ...], sent: str | None, rounds: int) -> bool:
        return rounds < 2 and self._authorizer.challenged(answer.headers, scopes, sent, again=rounds > 0)

    def _url(self, path: str) -> str:
        return path if path.startswith(("http://", "https://")) else self._base + path


def _with(headers: Mapping[str, str] | None, authorization: str | None) -> dict[str, str]:
    sent = dict(headers or {})
    if authorization is not None:
        sent["Authorization"] = authorization
    return sent
