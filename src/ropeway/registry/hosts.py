"""What a registry's host name means: which scheme it is spoken to with, where its API is, and under which names its login may be stored. Pure."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from ropeway.errors import UsageError
from ropeway.records import record

__all__ = ["DOCKER_HUB", "Origin", "api_base", "is_loopback", "login_names", "origin_of", "same_site"]

DOCKER_HUB: Final = "docker.io"
"""The name in references; the API answers as ``registry-1.docker.io``, and docker stores the login as ``https://index.docker.io/v1/``."""

_HUB_NAMES: Final = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})
_HOST: Final = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?))(?::(?P<port>[0-9]{1,5}))?")
_PORTS: Final = {"http": 80, "https": 443}


@record
class Origin:
    """Scheme, host and port (RFC 6454): secrets never pass from one origin to another."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + ("" if _PORTS.get(self.scheme) == self.port else f":{self.port}")


def is_loopback(host: str) -> bool:
    """Whether a host without its port is this machine: ``localhost``, ``127.0.0.0/8`` or ``::1``. Only there plain HTTP is spoken."""
    host = host.strip("[]").lower()
    if host in ("localhost", "::1"):
        return True
    parts = host.split(".")
    return len(parts) == 4 and parts[0] == "127" and all(part.isascii() and part.isdigit() and int(part) < 256 for part in parts)


def api_base(host: str, *, tls: bool = False) -> Origin:
    """Return where a registry's ``/v2/`` is; ``tls`` says that this machine has a certificate too.

    Raises:
        UsageError: The text is no host, or has a port that does not exist.
    """
    found = _HOST.fullmatch(host)
    port = int(found["port"]) if found and found["port"] else None
    if not found or (port is not None and not 0 < port < 65536):
        raise UsageError(
            f"{host!r:.100} is not the host of a registry", hint="write HOST or HOST:PORT, such as ghcr.io", code="registry-host"
        )
    name = (found["six"] or found["name"]).lower()
    if name in _HUB_NAMES and port in (None, 443):
        return Origin("https", "registry-1.docker.io", 443)
    scheme = "http" if is_loopback(name) and not tls else "https"
    return Origin(scheme, name, port or _PORTS[scheme])


def origin_of(url: str) -> Origin | None:
    """Return the origin of an absolute URL of HTTP, None for any other text."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not parts.hostname:
        return None
    return Origin(parts.scheme, parts.hostname, port if port is not None else _PORTS[parts.scheme])


def login_names(host: str) -> tuple[str, ...]:
    """Return the keys under which a login for a host may be stored, the usual one first.

    Docker writes ``https://index.docker.io/v1/`` for its own registry; old versions wrote a URL for every other one too.
    """
    host = host.lower()
    if host in _HUB_NAMES:
        return ("https://index.docker.io/v1/", "index.docker.io", "docker.io", "https://index.docker.io/v1", "registry-1.docker.io")
    return (host, f"https://{host}", f"https://{host}/", f"https://{host}/v1/", f"https://{host}/v2/", f"http://{host}", f"http://{host}/")


def same_site(one: str, other: str) -> bool:
    """Whether two host names belong to one owner, as far as names tell: the same, or both under one registered domain.

    ``registry.gitlab.com`` and ``gitlab.com`` do, ``registry-1.docker.io`` and ``auth.docker.io`` too. Below a short second level (``co.uk``) three
    labels have to agree. Addresses have to be the same.
    """
    if one == other or (is_loopback(one) and is_loopback(other)):
        return True
    mine, theirs = one.split("."), other.split(".")
    if ":" in one + other or mine[-1].isdigit() or theirs[-1].isdigit():
        return False
    labels = 3 if len(mine) > 2 and len(mine[-2]) <= 3 and len(mine[-1]) == 2 else 2
    return len(mine) >= labels and len(theirs) >= labels and mine[-labels:] == theirs[-labels:]
