"""Logins of registries: the person's own (``workflow registry login``), then docker's."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from ropeway.registry.http.hosts import login_names
from ropeway.registry.login import docker_config
from ropeway.registry.login.docker_config import Login

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ropeway.settings.secret_store import Store

__all__ = ["Credentials", "Login", "token_store"]

_FILE: Final = "tokens.json"
_SERVICE: Final = "ropeway-registries"


class Credentials:
    """Where the login for a host comes from. Threads may share one.

    Args:
        environ: ``DOCKER_CONFIG``, ``HOME``, the XDG folders; the process's own when None.
    """

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        self.environ = os.environ if environ is None else environ

    def for_host(self, host: str) -> Login | None:
        """Return the login for a host (with its port), None when there is none.

        Raises:
            StoreError: A file of logins is damaged.
            Refused: It can be read by others, or a program of docker's that knows the login fails.
        """
        if (_folder(self.environ) / _FILE).exists():
            kept = token_store(self.environ).get(login_names(host)[0])
            if kept is not None:
                return _unpack(kept)
        return docker_config.find(host, self.environ)

    def tokens_folder(self) -> Path:
        """Return the folder in which tokens are shared with other processes."""
        from ropeway.settings import cache_dir

        return cache_dir(self.environ) / "registry-tokens"


def _folder(environ: Mapping[str, str]) -> Path:
    from ropeway.settings import config_dir

    return config_dir(environ)


def token_store(environ: Mapping[str, str]) -> Store:
    """Return where the person's own logins are kept."""
    from ropeway.settings.secret_store import Store, system_keyring

    return Store(_folder(environ), system_keyring(_SERVICE), file=_FILE)


def _unpack(kept: str) -> Login:
    name, _, secret = kept.partition(":")
    return Login(name, secret, identity=not name)
