"""Who may enter a fake registry: everybody, those with a password (RFC 7617), or with a token (distribution's token specification)."""

from __future__ import annotations

import base64
import secrets
import threading
import time
from typing import TYPE_CHECKING, Literal
from urllib.parse import parse_qs

from ropeway.records import record
from ropeway.testing.registry_wire import Answer, Request, as_json, problem

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Door", "TokenRequest"]

_WRITES = ("PUT", "POST", "PATCH", "DELETE")


@record
class TokenRequest:
    """One question for a token: ``name`` is None for one without a password, ``scopes`` are as they were asked for."""

    method: str
    name: str | None
    service: str
    scopes: tuple[str, ...]
    granted: bool
    grant: str = "password"


class Door:
    """Lets requests pass or answers 401.

    ``kind``: none, basic or bearer. ``anonymous``: pulling is for all (with bearer one still needs a token). ``lifetime``: seconds that a token
    is good for, as ``expires_in`` says; ``said_lifetime`` says something else. ``realm``: where it sends clients for a token instead of its
    own ``/token``. ``service``: the name it goes by. ``refresh_token``: what it hands out to those who ask with ``offline_token=true``.
    ``asked`` holds every question for a token.
    """

    def __init__(self, login: tuple[str, str] | None, kind: Literal["none", "basic", "bearer"], *, anonymous: bool) -> None:
        self.login = login
        self.kind = kind
        self.anonymous = anonymous
        self.lifetime = 300
        self.said_lifetime: int | None = None
        self.realm: str | None = None
        self.service = "fake registry"
        self.refresh_token = "refresh-" + secrets.token_hex(8)
        self.asked: list[TokenRequest] = []
        self.now: Callable[[], float] = time.monotonic
        self._tokens: dict[str, tuple[frozenset[str], float]] = {}
        self._lock = threading.Lock()

    def forget(self) -> None:
        """Take every token back that was given out."""
        with self._lock:
            self._tokens.clear()

    def check(self, request: Request) -> Answer | None:
        """Return None for a request that may pass, else the answer that turns it away."""
        if self.kind == "none":
            return None
        method, _, secret = request.headers.get("authorization", "").partition(" ")
        writes = request.method in _WRITES
        if self.kind == "basic":
            may = self._knows(method, secret) is True or (self.anonymous and not writes and not secret)
            return None if may else _turned_away('Basic realm="fake registry", charset="UTF-8"')
        needed = _needed(request.path, "push" if writes else "pull")
        with self._lock:
            scopes, ends = self._tokens.get(secret, (frozenset(), 0.0)) if method.lower() == "bearer" else (frozenset(), 0.0)
        if ends > self.now() and (needed is None or needed in scopes):
            return None
        realm = self.realm or f"{request.headers.get(':scheme', 'http')}://{request.headers.get('host', '')}/token"
        challenge = f'Bearer realm="{realm}",service="{self.service}"'
        if needed is not None:
            challenge += f',scope="{needed.rpartition(":")[0]}:{"pull,push" if writes else "pull"}"'
        return _turned_away(challenge + (',error="invalid_token"' if secret else ""))

    def token(self, request: Request) -> Answer:
        """Answer a question for a token: GET with a password or without, POST with a form as OAuth 2 has it."""
        if request.method == "POST":
            form = {name: values[-1] for name, values in parse_qs(request.body.decode()).items()}
            grant, scopes = form.get("grant_type", ""), tuple(form.get("scope", "").split())
            name = form.get("username")
            known = (name, form.get("password")) == self.login if grant == "password" else form.get("refresh_token") == self.refresh_token
            offline = form.get("access_type") == "offline"
            service = form.get("service", "")
        else:
            grant, scopes, service = (
                "password",
                tuple(word for one in request.every.get("scope", ()) for word in one.split()),
                request.query.get("service", ""),
            )
            method, _, secret = request.headers.get("authorization", "").partition(" ")
            name = _name(secret) if method.lower() == "basic" else None
            known = self._knows(method, secret) is True
            offline = request.query.get("offline_token") == "true"
        granted = known or (name is None and self.anonymous and request.method == "GET")
        self.asked.append(TokenRequest(request.method, name, service, scopes, granted, grant))
        if not granted:
            return problem(401, "UNAUTHORIZED", "incorrect username or password")
        return self._issue(scopes, full=known, offline=offline and known)

    def _issue(self, scopes: tuple[str, ...], *, full: bool, offline: bool) -> Answer:
        token = secrets.token_hex(16)
        single = {f"{scope.rpartition(':')[0]}:{action}" for scope in scopes for action in scope.rpartition(":")[2].split(",")}
        may = {one for one in single if full or one.endswith(":pull")}
        with self._lock:
            self._tokens[token] = (frozenset(may), self.now() + self.lifetime)
        said = {"token": token, "access_token": token, "expires_in": self.said_lifetime or self.lifetime}
        return as_json(said | ({"refresh_token": self.refresh_token} if offline else {}))

    def _knows(self, method: str, secret: str) -> bool | None:
        """Return whether a password is right, None where none was given."""
        if method.lower() != "basic":
            return None
        try:
            name, _, password = base64.b64decode(secret, validate=True).decode().partition(":")
        except ValueError:
            return False
        return (name, password) == self.login


def _name(secret: str) -> str | None:
    try:
        return base64.b64decode(secret).decode().partition(":")[0]
    except ValueError:
        return None


def _needed(path: str, action: str) -> str | None:
    """Return what a token has to allow; None where any will do."""
    if path == "/v2/_catalog":
        return "registry:catalog:*"
    parts = path.removeprefix("/v2/").split("/")
    for word in ("blobs", "manifests", "tags", "referrers"):
        if word in parts:
            return f"repository:{'/'.join(parts[: len(parts) - 1 - parts[::-1].index(word)])}:{action}"
    return None


def _turned_away(challenge: str) -> Answer:
    return problem(401, "UNAUTHORIZED", "authentication required", {"WWW-Authenticate": challenge})
