"""What is sent as ``Authorization`` to one registry: nothing until it asks, then Basic, or a token from the service that it names.

The flow is the one of distribution's "Token Authentication Specification": a 401 names realm, service and scope; the realm answers a GET (with Basic,
or without for everybody's rights) or, for identity tokens, a POST of the OAuth2 refresh grant. A token may grant less than was asked for: whether that
suffices, the registry says.
"""

from __future__ import annotations

import base64
import json
import threading
import time
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from ropeway.errors import Refused, Unreachable
from ropeway.registry.http.errors import clean, failed_answer, problems_in
from ropeway.registry.login.challenge import Challenge, check_realm, choose, may_know_secret, parse_challenges
from ropeway.registry.login.tokens import DEFAULT_LIFE, Token, TokenCache

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ropeway.registry.http.hosts import Origin
    from ropeway.registry.http.transport import Answer, Http
    from ropeway.registry.login.credentials import Credentials, Login

__all__ = ["Authorizer"]

_MAX_TOKEN: Final = 2**16
_CLIENT: Final = "ropeway"


class Authorizer:
    """Knows how one registry wants to be asked. Threads may share it.

    Args:
        host: The registry as people write it, under which its login is stored.
        origin: Where its API is.
        http: Reaches the token service.
        credentials: Where logins come from; None for nobody's.
        cache: Where tokens are kept for other processes.
    """

    def __init__(self, host: str, origin: Origin, http: Http, credentials: Credentials | None, cache: TokenCache) -> None:
        self._host = host
        self._origin = origin
        self._http = http
        self._credentials = credentials
        self._cache = cache
        self._lock = threading.Lock()
        self._challenge: Challenge | None = None
        self._tokens: dict[tuple[str, ...], Token] = {}
        self._login: Login | None = None
        self._looked = False
        self._found: set[str] = set()

    def header(self, scopes: tuple[str, ...]) -> str | None:
        """Return the value of ``Authorization`` for a request that needs these scopes, None while the registry has not asked for one."""
        if self._challenge is None:
            return None
        with self._lock:
            if self._challenge.scheme == "basic":
                return _basic(self._login) if self._login else None
            token = self._tokens.get(scopes)
            if token is None or not token.good(time.time()):
                token = self._tokens[scopes] = self._get(self._challenge, scopes, None)
            return f"Bearer {token.value}"

    def challenged(self, headers: Mapping[str, str], scopes: tuple[str, ...], sent: str | None, *, again: bool) -> bool:
        """Take notice of a 401; return whether to ask again, with what :meth:`header` says then.

        Args:
            headers: Those of the answer.
            scopes: What the request needs.
            sent: The ``Authorization`` that was refused.
            again: Whether it is the same request's second 401. Then only a token that another process had got is worth another one.
        """
        if again and sent not in self._found:
            return False
        challenge = choose(parse_challenges(headers.get("www-authenticate", "")))
        if challenge is None:
            return False
        with self._lock:
            if challenge.scheme == "basic":
                login = self._find_login()
                self._challenge = challenge
                return login is not None and not login.identity and sent != _basic(login)
            held = self._tokens.get(scopes)
            self._challenge = challenge
            if held is not None and sent != f"Bearer {held.value}":
                return True  # another thread got a new one meanwhile
            self._tokens[scopes] = self._get(challenge, scopes, held.value if held else None)
            return True

    def _find_login(self) -> Login | None:
        if not self._looked:
            self._login = self._credentials.for_host(self._host) if self._credentials else None
            self._looked = True
        return self._login

    def _get(self, challenge: Challenge, scopes: tuple[str, ...], refused: str | None) -> Token:
        realm = check_realm(challenge.realm, self._origin)
        login = self._find_login()
        if login is not None and not may_know_secret(realm, self._origin, self._knows(realm)):
            raise Refused(
                f"{self._host} sends us to {realm} for a token, which is not its own: the login for {self._host} was not sent there",
                hint=f"when it belongs to the registry, say so: workflow registry login {str(realm).partition('//')[2]}",
                code="realm-refused",
            )
        wanted = scopes or tuple(challenge.parameters.get("scope", "").split())
        key = (self._host, challenge.realm, challenge.parameters.get("service", ""), login.username if login else "", *wanted)
        fetched: list[Token] = []

        def fetch() -> Token:
            fetched.append(self._fetch(challenge, wanted, login))
            return fetched[0]

        token = self._cache.get(key, fetch, refused)
        if not fetched:
            self._found.add(f"Bearer {token.value}")
        return token

    def _knows(self, realm: Origin) -> bool:
        name = str(realm).partition("//")[2]
        return self._credentials is not None and self._credentials.for_host(name) is not None

    def _fetch(self, challenge: Challenge, scopes: tuple[str, ...], login: Login | None) -> Token:
        asked = [("service", challenge.parameters.get("service", ""))]
        headers = {"Accept": "application/json"}
        now = time.time()
        if login is not None and login.identity:
            form = [
                ("grant_type", "refresh_token"),
                ("refresh_token", login.secret),
                ("client_id", _CLIENT),
                ("scope", " ".join(scopes)),
                *asked,
            ]
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            answer = self._http.request("POST", challenge.realm, headers, urlencode(form).encode(), limit=_MAX_TOKEN)
        else:
            asked = [*((name, value) for name, value in asked if value), *(("scope", scope) for scope in scopes)]
            if login is not None:
                asked.append(("account", login.username))
                headers["Authorization"] = _basic(login)
            joined = "&" if "?" in challenge.realm else "?"
            answer = self._http.request("GET", challenge.realm + joined + urlencode(asked), headers, limit=_MAX_TOKEN)
        return self._read(answer, login, now)

    def _read(self, answer: Answer, login: Login | None, now: float) -> Token:
        if answer.status in (400, 401, 403):
            said = "; ".join(str(problem) for problem in problems_in(answer.body))
            who = f"the login of {login.username or 'its identity token'}" if login else "a request without a login"
            raise Refused(
                f"{self._host} does not accept {who}" + (f": {said}" if said else ""),
                hint=f"workflow registry login {self._host}",
                code="unauthorized",
            )
        if answer.status != 200:
            raise failed_answer("a token", self._host, answer.status, answer.headers, answer.body)
        try:
            document = json.loads(answer.body)
        except (ValueError, RecursionError):
            document = None
        value = (document.get("token") or document.get("access_token")) if isinstance(document, dict) else None
        if not isinstance(value, str) or not value.isascii() or not value.isprintable() or " " in value:
            raise Unreachable(f"the token service of {self._host} sent no token: {clean(answer.body[:80])}", code="registry-error")
        life = document.get("expires_in") if isinstance(document, dict) else None
        known = isinstance(life, (int, float)) and not isinstance(life, bool) and 0 < life < 1e9
        return Token(value, now, float(life) if known and life else DEFAULT_LIFE)


def _basic(login: Login) -> str:
    return "Basic " + base64.b64encode(f"{login.username}:{login.secret}".encode()).decode()
