"""What a source is called: one name for one place, however it was written. Rules, memory, locks and signatures compare these names.

Nothing is looked up: two host names that lead to one machine are two places.
"""

from __future__ import annotations

import posixpath
import re
from typing import Final

__all__ = ["HUB", "NUMBERS", "as_address", "canonical", "canonical_host", "git_source", "https_source", "is_loopback", "oci_source"]

HUB: Final = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})
"""The names of Docker Hub."""
_PORTS: Final = {"https": 443, "http": 80, "ssh": 22, "git": 9418}
_CASELESS: Final = frozenset({"github.com", "www.github.com"})
"""Hosts whose owners and repositories are the same in capitals."""


def canonical_host(host: str, scheme: str = "oci") -> str:
    """Return a host, with its port when that is not the usual one: in lower case, Docker Hub under one name."""
    name, colon, port = host.lower().rpartition(":")
    if not colon or "]" in port or not port.isdigit():
        name, port = host.lower(), ""
    name = as_address(name.rstrip(".") or name)
    usual = _PORTS.get(scheme, 80 if is_loopback(name) else 443)
    if port and int(port) == usual:
        port = ""
    if scheme == "oci" and name in HUB and not port:
        name = "docker.io"
    return f"{name}:{int(port)}" if port else name


def oci_source(host: str, repository: str) -> str:
    """Return the name of a repository in an OCI registry."""
    return f"oci://{canonical_host(host)}/{repository}".rstrip("/")


def git_source(url: str) -> str:
    """Return the name of a git repository by any URL that git takes: without a password, a usual port, ``.git`` and needless slashes."""
    if "://" not in url:
        host, _, path = url.partition(":")
        url = f"ssh://{host}/{path.lstrip('/')}"
    scheme, _, rest = url.partition("://")
    scheme = scheme.lower()
    authority, _, path = rest.partition("/")
    user, at, host = authority.rpartition("@")
    kept = f"{user.partition(':')[0]}@" if at and "ssh" in scheme else ""
    place = canonical_host(host, scheme)
    path = _path(path).removesuffix(".git")
    if place in _CASELESS:
        place, path = "github.com", path.lower()
    return f"git+{scheme}://{kept}{place}{path if path != '/' else ''}"


def https_source(url: str) -> str:
    """Return the name of a file on the web."""
    scheme, _, rest = url.partition("://")
    authority, _, path = rest.partition("/")
    return f"{scheme}://{canonical_host(authority, scheme)}{_path(path)}"


def canonical(source: str) -> str:
    """Return the one name for a source by any spelling of it, as a person may write it into a rule; ``*`` stays where it is."""
    scheme, slashes, rest = source.partition("://")
    if not slashes:
        return source
    scheme = scheme.lower()
    if scheme.startswith("git+"):
        return git_source(source[4:])
    if scheme == "https":
        return https_source(source)
    if scheme == "oci":
        host, slash, path = rest.partition("/")
        return f"oci://{host if '*' in host else canonical_host(host)}{slash}{path}"
    return source


def is_loopback(host: str) -> bool:
    """Whether a host without its port is this machine: ``localhost``, ``127.0.0.0/8`` or ``::1``. Only there plain HTTP is spoken."""
    host = host.strip("[]").lower()
    if host in ("localhost", "::1"):
        return True
    parts = host.split(".")
    return len(parts) == 4 and parts[0] == "127" and all(part.isascii() and part.isdigit() and int(part) < 256 for part in parts)


NUMBERS: Final = re.compile(r"(?:0x[0-9a-f]*|[0-9]+)(?:\.(?:0x[0-9a-f]*|[0-9]+))*")
"""What is meant as an IPv4 address, in whatever base."""


def as_address(name: str) -> str:
    """Return a host that is an address in its one spelling; a name stays as it is.

    The system's resolver reads one to four numbers in any base as an IPv4 address (``inet_aton``), and an IPv6 address has many spellings.
    """
    if name.startswith("["):
        from ipaddress import IPv6Address

        try:
            return f"[{IPv6Address(name[1:-1]).compressed}]"
        except ValueError:
            return name
    if not NUMBERS.fullmatch(name):
        return name
    import socket  # nothing is asked: it only reads the text

    try:
        return socket.inet_ntoa(socket.inet_aton(name))
    except OSError:
        return name


def _path(text: str) -> str:
    """Return a path without ``//``, ``.``, ``..`` and needless percent-escapes, with a slash in front and none behind."""
    plain = re.sub("%([0-9A-Fa-f]{2})", _decoded, text)
    return posixpath.normpath("/" + plain.lstrip("/"))


def _decoded(found: re.Match[str]) -> str:
    letter = chr(int(found[1], 16))
    return letter if (letter.isalnum() and letter.isascii()) or letter in "-._~" else found[0].upper()
