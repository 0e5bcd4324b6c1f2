"""Connections to HTTP servers: opened through a proxy or not, their certificate's key compared with the pins, and kept for the next request.

Python's own ``http.client`` speaks HTTP here, not the HTTP library that the rest of the house would take: see docs/adr/0010.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import ssl
import threading
from typing import TYPE_CHECKING, Final

from ropeway.errors import StoreError
from ropeway.registry.errors import WrongPin
from ropeway.registry.proxies import proxy_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ropeway.registry.hosts import Origin
    from ropeway.registry.proxies import Proxy
    from ropeway.registry.transport import Net

__all__ = ["Connection", "Connections", "key_digest"]

_BLOCK: Final = 2**18
"""Bytes of a request's body that are read at once."""


class Connection:
    """One connection and what it is used for; ``fresh`` until its first answer."""

    __slots__ = ("fresh", "http", "origin", "proxy")

    def __init__(self, origin: Origin, http_connection: http.client.HTTPConnection, proxy: Proxy | None) -> None:
        self.origin = origin
        self.http = http_connection
        self.proxy = proxy
        self.fresh = True


class Connections:
    """Opens connections and keeps those that can be used again. Any number of threads may share it.

    Args:
        net: Certificates, pins and times.
        environ: Where the proxies' variables are.
        home: The host that the pins are for; None for every host.
    """

    def __init__(self, net: Net, environ: Mapping[str, str], home: str | None = None) -> None:
        self._net = net
        self._environ = environ
        self._home = home
        self._idle: dict[Origin, list[Connection]] = {}
        self._busy: set[Connection] = set()
        self._lock = threading.Lock()
        self._context: ssl.SSLContext | None = None

    def take(self, origin: Origin, *, fresh: bool = False) -> Connection:
        """Return a connection that nobody else uses; it opens itself with the first request. ``fresh``: one that was never used."""
        with self._lock:
            idle = self._idle.get(origin)
            if idle and not fresh:
                taken = idle.pop()
                self._busy.add(taken)
                return taken
        made = self._make(origin)
        with self._lock:
            self._busy.add(made)
        return made

    def give_back(self, connection: Connection) -> None:
        """Keep a connection whose answer was read whole."""
        connection.fresh = False
        with self._lock:
            if connection in self._busy:
                self._busy.discard(connection)
                if connection.http.sock is not None:
                    self._idle.setdefault(connection.origin, []).append(connection)

    def drop(self, connection: Connection) -> None:
        """Close a connection that can't be used again."""
        with self._lock:
            self._busy.discard(connection)
        connection.http.close()

    def close(self) -> None:
        """Close all of them; whoever waits for an answer in another thread gets an error."""
        import socket
        from contextlib import suppress

        with self._lock:
            every = [connection for idle in self._idle.values() for connection in idle]
            busy = list(self._busy)
            self._idle.clear()
            self._busy.clear()
        for connection in busy:
            if connection.http.sock is not None:
                with suppress(OSError):
                    connection.http.sock.shutdown(socket.SHUT_RDWR)
        for connection in (*every, *busy):
            connection.http.close()

    def _make(self, origin: Origin) -> Connection:
        proxy = proxy_for(origin, self._environ)
        host, port = (proxy.host, proxy.port) if proxy else (origin.host, origin.port)
        if origin.scheme == "http":
            # Only this machine is spoken to without TLS, and no proxy stands before it.
            return Connection(origin, _Plain(host, port, self._net), None)
        pins = self._net.pins if self._home in (None, origin.host) else ()
        secure = _Secure(host, port, self._net, self._tls(), pins)
        if proxy:
            headers = {}
            if proxy.login:
                headers["Proxy-Authorization"] = "Basic " + base64.b64encode(":".join(proxy.login).encode()).decode()
            secure.set_tunnel(origin.host, origin.port, headers)
        return Connection(origin, secure, proxy)

    def _tls(self) -> ssl.SSLContext:
        with self._lock:
            if self._context is None:
                context = ssl.create_default_context()
                context.minimum_version = ssl.TLSVersion.TLSv1_2
                context.set_alpn_protocols(["http/1.1"])
                if self._net.ca is not None:
                    try:
                        context.load_verify_locations(cafile=self._net.ca)
                    except ssl.SSLError as error:
                        hint = "it has to hold certificates in PEM form"
                        raise StoreError(f"{self._net.ca} holds no certificate", hint=hint, code="ca-file") from error
                    except OSError as error:
                        hint = "the file is named by the registry's ca setting"
                        raise StoreError(f"{self._net.ca} can not be read: {error.strerror}", hint=hint, code="ca-file") from error
                self._context = context
            return self._context


class _Plain(http.client.HTTPConnection):
    def __init__(self, host: str, port: int, net: Net) -> None:
        super().__init__(host, port, timeout=net.connect_timeout, blocksize=_BLOCK)
        self._stall = net.timeout

    def connect(self) -> None:
        super().connect()
        self.sock.settimeout(self._stall)


class _Secure(http.client.HTTPSConnection):
    def __init__(self, host: str, port: int, net: Net, context: ssl.SSLContext, pins: tuple[str, ...]) -> None:
        super().__init__(host, port, timeout=net.connect_timeout, context=context, blocksize=_BLOCK)
        self._stall = net.timeout
        self._pins = pins

    def connect(self) -> None:
        super().connect()
        self.sock.settimeout(self._stall)
        if not self._pins:
            return
        # Before the first byte of a request: a server with another key must not see a secret.
        certificate = self.sock.getpeercert(binary_form=True) or b""
        shown = (key_digest(certificate), "sha256:" + hashlib.sha256(certificate).hexdigest())
        if not set(shown) & set(self._pins):
            self.close()
            name = getattr(self, "_tunnel_host", None) or self.host
            raise WrongPin(
                f"{name} showed the key {shown[0]}, which is not the one pinned for it",
                hint="somebody may be listening in; when its owner confirms a new key, add the registry again with --pin",
            )


def key_digest(certificate: bytes) -> str:
    """Return ``sha256:`` over a certificate's SubjectPublicKeyInfo (RFC 7469, section 2.4), which stays when it is renewed with the same key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    key = x509.load_der_x509_certificate(certificate).public_key()
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return "sha256:" + hashlib.sha256(der).hexdigest()
