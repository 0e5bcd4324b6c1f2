"""``workflow registry login`` and ``logout``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ropeway.errors import NotFound, Refused, UsageError
from ropeway.registry.http.hosts import api_base, login_names
from ropeway.registry.login import docker_config
from ropeway.registry.login.credentials import Credentials, token_store
from ropeway.registry.login.docker_config import Login

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ropeway.registry.http.net import Net

__all__ = ["Credentials", "Login", "login", "logout"]


class _Given(Credentials):
    """A login that is tried out."""

    def __init__(self, environ: Mapping[str, str], host: str, given: Login) -> None:
        super().__init__(environ)
        self._host = host
        self._given = given

    def for_host(self, host: str) -> Login | None:
        return self._given if host == self._host else super().for_host(host)


def login(host: str, username: str, secret: str, net: Net, environ: Mapping[str, str] | None = None) -> str:
    """Try a login out against the registry, and keep it.

    Args:
        host: The registry, with its port.
        username: The user's name; empty when ``secret`` is an identity (refresh) token.
        secret: Password or access token.
        net: How the network is used.
        environ: The environment; the process's own when None.

    Returns:
        Where it is kept: ``keyring`` or ``file``.

    Raises:
        UsageError: The host, the name or the secret can not be.
        Refused: The registry does not accept it.
        Unreachable: The registry does not answer.
    """
    from ropeway.registry.oci.client import Client

    if not secret or ":" in username or not username.isprintable() or not secret.isprintable():
        hint = "a name has no colon, and neither has control characters; an empty secret is none"
        raise UsageError(f"{username!r:.80} with that secret can not be a login", hint=hint, code="login")
    api_base(host)
    environ = os.environ if environ is None else environ
    given = Login(username, secret, identity=not username)
    credentials = _Given(environ, host, given)
    with Client(host, net, credentials, shared_tokens=False) as client:
        try:
            client.ping()
        except Refused as error:
            if error.code != "unauthorized":
                raise
            what, hint = ("this user name and password", "check both; some registries want an access token in place of the password")
            if not username:
                what, hint = "this token", "check it; a token that belongs to a user is given with --username"
            raise Refused(f"{host} did not accept {what}, and nothing was kept", hint=hint, code=error.code) from error
    _clear(credentials)
    return token_store(environ).set(login_names(host)[0], f"{username}:{secret}")


def logout(host: str, environ: Mapping[str, str] | None = None) -> None:
    """Forget the login of a host, and the tokens that were got with it.

    Raises:
        NotFound: There is none; the hint says when docker has one.
    """
    environ = os.environ if environ is None else environ
    name = login_names(host)[0]
    store = token_store(environ)
    if name not in store.names():
        other = f"docker has one: docker logout {host}" if docker_config.find(host, environ) else None
        raise NotFound(f"nobody is logged in at {host}", hint=other, code="login-not-found")
    store.remove(name)
    _clear(Credentials(environ))


def _clear(credentials: Credentials) -> None:
    from ropeway.registry.login.tokens import TokenCache

    TokenCache(credentials.tokens_folder()).clear()
