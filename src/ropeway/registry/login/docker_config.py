"""Logins that docker, podman, skopeo, oras and their like have stored: ``config.json``, and the programs that keep passwords for it.

The file is ``$DOCKER_CONFIG/config.json``, else ``~/.docker/config.json``. For a host, its own program (``credHelpers``) goes first, then the common one
(``credsStore``), then what the file itself holds (``auths``). A program is called as docker calls it: ``docker-credential-NAME get``, the host on its
standard input, an object with ``Username`` and ``Secret`` on its standard output.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ropeway.errors import Refused, StoreError
from ropeway.records import record
from ropeway.registry.http.errors import clean
from ropeway.registry.http.hosts import login_names

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Login", "config_path", "find"]

_PATIENCE: Final = 20.0
"""Seconds that a program may take; it may have to ask the person to unlock a keyring."""

_MOST: Final = 2**20
_NONE: Final = re.compile(rb"credentials not found|no credentials|not found in native keychain", re.IGNORECASE)
_IDENTITY: Final = "<token>"


@record
class Login:
    """A user's name and password for a registry; with ``identity``, the secret is an OAuth2 refresh token and there is no name."""

    username: str
    secret: str
    identity: bool = False

    def __repr__(self) -> str:
        return f"Login(username={self.username!r}, secret=…)"


def config_path(environ: Mapping[str, str]) -> Path:
    """Return where the file would be."""
    folder = environ.get("DOCKER_CONFIG")
    return Path(folder or Path(environ.get("HOME") or Path.home(), ".docker"), "config.json")


def find(host: str, environ: Mapping[str, str]) -> Login | None:
    """Return the stored login for a host (with its port), None when there is none.

    Raises:
        StoreError: The file can't be read, or is damaged.
        Refused: A program that should know the login is missing, fails, or says nothing that can be used.
    """
    path = config_path(environ)
    try:
        raw = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise StoreError(
            f"{path} can not be read: {error.strerror}", hint="it holds the logins of registries", code="docker-config"
        ) from error
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise StoreError(f"{path} is not JSON: {clean(error)}", hint="repair it, or move it away", code="docker-config") from None
    if not isinstance(document, dict):
        raise StoreError(f"{path} is not a JSON object", hint="repair it, or move it away", code="docker-config")
    names = login_names(host)
    helpers = document.get("credHelpers")
    own = next((helpers[name] for name in names if name in helpers), None) if isinstance(helpers, dict) else None
    if isinstance(own, str) and own:
        return _ask(own, names[0], environ)
    store = document.get("credsStore")
    if isinstance(store, str) and store:
        found = _ask(store, names[0], environ)
        if found is not None:
            return found
    auths = document.get("auths")
    if isinstance(auths, dict):
        lowered = {str(key).lower(): value for key, value in auths.items()}
        for name in names:
            if isinstance(lowered.get(name), dict):
                return _entry(lowered[name], name, path)
    return None


def _entry(entry: dict[str, Any], name: str, path: Path) -> Login | None:
    """Read one of ``auths``: ``identitytoken``, ``auth`` (base64 of ``user:password``), or both in the clear. An empty one says: a program knows."""
    token, packed, user = entry.get("identitytoken"), entry.get("auth"), entry.get("username")
    if isinstance(token, str) and token:
        return Login("", token, identity=True)
    if isinstance(packed, str) and packed:
        try:
            text = base64.b64decode(packed, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            text = ""
        user, colon, secret = text.partition(":")
        if not colon:
            raise StoreError(f"the auth of {name} in {path} is not base64 of user:password", hint="log in again", code="docker-config")
        return Login(user, secret.rstrip("\0"))
    if isinstance(user, str) and user and isinstance(entry.get("password"), str):
        return Login(user, entry["password"])
    return None


def _ask(program: str, key: str, environ: Mapping[str, str]) -> Login | None:
    """Ask one of the programs.

    Raises:
        Refused: It is missing, hangs, fails, or answers something else than a login.
    """
    import subprocess

    name = f"docker-credential-{program}"
    if not re.fullmatch(r"[A-Za-z0-9._-]+", program):
        raise Refused(
            f"{name!r:.80} can not be the name of a program",
            hint="see credsStore and credHelpers in docker's config.json",
            code="credential-program",
        )
    try:
        done = subprocess.run(  # the name is checked, and no shell sees it
            [name, "get"], input=key.encode(), capture_output=True, timeout=_PATIENCE, env=dict(environ), check=False
        )
    except (FileNotFoundError, PermissionError) as error:
        hint = "put it on the PATH, or take it out of docker's config.json (credsStore, credHelpers)"
        raise Refused(
            f"{name}, which knows the login for {key}, can not be started: {error.strerror}", hint=hint, code="credential-program"
        ) from error
    except subprocess.TimeoutExpired as error:
        hint = "it may wait for somebody to unlock a keyring"
        raise Refused(f"{name}, which knows the login for {key}, does not answer", hint=hint, code="credential-program") from error
    if done.returncode:
        # By its protocol it says so on its standard output; several write to the other.
        if _NONE.search(done.stdout) or _NONE.search(done.stderr):
            return None
        said = clean((done.stderr or done.stdout)[:400].decode(errors="replace"))
        raise Refused(f"{name} fails: {said or done.returncode}", hint=f"try it: echo {key} | {name} get", code="credential-program")
    try:
        answer = json.loads(done.stdout[:_MOST])
        user, secret = answer["Username"], answer["Secret"]
    except (ValueError, KeyError, TypeError, RecursionError):
        user = secret = None
    if not isinstance(user, str) or not isinstance(secret, str):
        raise Refused(f"{name} answered something that is no login", hint=f"try it: echo {key} | {name} get", code="credential-program")
    if not secret:
        return None
    return Login("", secret, identity=True) if user == _IDENTITY else Login(user, secret)
