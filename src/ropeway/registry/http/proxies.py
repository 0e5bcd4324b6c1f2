"""Which proxy a host is reached through, by the variables that curl and the others read: HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from ropeway.errors import UsageError
from ropeway.records import record
from ropeway.registry.http.hosts import is_loopback

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ropeway.registry.http.hosts import Origin

__all__ = ["Proxy", "proxy_for"]


@record
class Proxy:
    """An HTTP proxy; ``login`` is the user and password of its address."""

    host: str
    port: int
    login: tuple[str, str] | None = None

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def proxy_for(origin: Origin, environ: Mapping[str, str]) -> Proxy | None:
    """Return the proxy for an origin, None when it is spoken to directly. This machine always is.

    Raises:
        UsageError: A variable holds something that is no address of an HTTP proxy.
    """
    if is_loopback(origin.host):
        return None
    # HTTP_PROXY in capitals is not read where a server of CGI programs could have set it from a header "Proxy:".
    names = (
        ("https_proxy", "HTTPS_PROXY")
        if origin.scheme == "https"
        else ("http_proxy", *(() if "REQUEST_METHOD" in environ else ("HTTP_PROXY",)))
    )
    name = next((name for name in (*names, "all_proxy", "ALL_PROXY") if environ.get(name)), None)
    if name is None or _excluded(origin, environ.get("no_proxy") or environ.get("NO_PROXY") or ""):
        return None
    text = environ[name]
    try:
        parts = urlsplit(text if "://" in text else "http://" + text)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = parts = None
    if parts is None or not host or parts.scheme != "http":
        raise UsageError(f"{name} is not the address of an HTTP proxy", hint="write http://HOST:PORT", code="proxy-address")
    login = (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
    return Proxy(host, port or 80, login)


def _excluded(origin: Origin, listed: str) -> bool:
    for entry in listed.replace(",", " ").lower().split():
        if entry == "*":
            return True
        name, _, port = entry.rpartition(":") if entry.count(":") == 1 else (entry, "", "")
        if port and port != str(origin.port):
            continue
        name = (name or entry).strip("[]").removeprefix("*").lstrip(".")
        if origin.host == name or origin.host.endswith("." + name) or ("/" in name and _within(origin.host, name)):
            return True
    return False


def _within(host: str, network: str) -> bool:
    """Whether an address is in a network in CIDR notation."""
    import ipaddress

    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False
