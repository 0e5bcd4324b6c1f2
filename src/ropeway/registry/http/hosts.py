"""What a registry's host name means: which scheme it is spoken to with, where its API is, and under which names its login may be stored. Pure."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from ropeway.bundles.identity import HUB, NUMBERS, as_address, is_loopback
from ropeway.errors import UsageError
from ropeway.records import record

__all__ = [
    "DOCKER_HUB",
    "Origin",
    "api_base",
    "check_no_login",
    "holds_login",
    "is_inner",
    "is_loopback",
    "login_names",
    "origin_of",
    "same_site",
]

DOCKER_HUB: Final = "docker.io"
"""The name in references; the API answers as ``registry-1.docker.io``, and docker stores the login as ``https://index.docker.io/v1/``."""

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


def is_inner(host: str) -> bool:
    """Whether a host, with or without its port, is this machine or one of an inner network, as far as its text tells; no name is looked up.

    Those are the addresses that are not for everybody (IANA's special-purpose registries), in any spelling that the system's resolver takes for
    an address (``127.1``, ``0x7f000001``, ``::ffff:10.0.0.1``), names of one label, and names that only a local resolver knows (RFC 6761, 6762,
    8375). What cannot be read as a host counts as inner too.
    """
    from ipaddress import ip_address

    found = _HOST.fullmatch(re.sub(r"\.(?=:[0-9]*$|$)", "", host))
    if found is None:
        return True
    name = (found["six"] or found["name"]).lower()
    try:
        address = ip_address(as_address(name) if found["six"] is None else name)
    except ValueError:
        return found["six"] is not None or NUMBERS.fullmatch(name) is not None or "." not in name or name.endswith(_INNER)
    inside = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None)
    return any(not each.is_global or each.is_multicast for each in (address, inside) if each is not None)


_INNER: Final = (".localhost", ".local", ".localdomain", ".internal", ".intranet", ".lan", ".home.arpa")


def holds_login(address: str) -> bool:
    """Whether an address holds a password, or the name of a user where no user has to be named (everywhere but for ssh).

    A token may stand in the place of either. What comes to no port behind a colon counts as well: it is a password with a slash in it.
    """
    scheme, mark, rest = address.partition("://")
    authority = re.split(r"[/?#]", rest if mark else address, maxsplit=1)[0]
    user, at, host = authority.rpartition("@")
    ssh = not mark or "ssh" in scheme.lower()
    if at:
        return not ssh or ":" in user
    name, colon, port = host.rpartition(":")
    return bool(mark and colon and "]" not in port and port and not port.isdigit() and "@" in rest and name)


def check_no_login(address: str, code: str = "registry-source") -> None:
    """Refuse an address that holds a login, without repeating it: programs' arguments, lists and messages would show the password to others.

    Raises:
        UsageError: It does.
    """
    if holds_login(address):
        hint = "leave it out: git asks its credential helpers and ~/.netrc for it; for other registries there is `workflow registry login`"
        raise UsageError("the address holds a user name or a password", hint=hint, code=code)


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
    if name in HUB and port in (None, 443):
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
    if host in HUB:
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
