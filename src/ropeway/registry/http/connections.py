"""Connections to HTTP servers: opened through a proxy or not, their certificate's key compared with the pins, and kept for the next request."""

from __future__ import annotations

import base64
import socket
import threading
from contextlib import suppress
from http.client import HTTPResponse
from typing import TYPE_CHECKING

from ropeway.errors import StoreError
from ropeway.registry.http.errors import ProxyFailed, WrongPin
from ropeway.registry.http.http1 import Pace, Wire
from ropeway.registry.http.proxies import proxy_for

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

    from ropeway.registry.http.hosts import Origin
    from ropeway.registry.http.net import Net
    from ropeway.registry.http.proxies import Proxy

__all__ = ["Connection", "Connections", "key_digest"]


class Connection:
    """One connection and where it leads; ``fresh`` until its first answer was read."""

    __slots__ = ("fresh", "origin", "wire")

    def __init__(self, origin: Origin, wire: Wire) -> None:
        self.origin = origin
        self.wire = wire
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
        """Return an open connection that nobody else uses. ``fresh``: one that was never used.

        Raises:
            OSError: It can't be opened.
            WrongPin: The server has another key.
        """
        with self._lock:
            idle = self._idle.get(origin)
            if idle and not fresh:
                taken = idle.pop()
                self._busy.add(taken)
                return taken
        made = Connection(origin, self._open(origin))
        with self._lock:
            self._busy.add(made)
        return made

    def give_back(self, connection: Connection) -> None:
        """Keep a connection whose answer was read whole."""
        connection.fresh = False
        with self._lock:
            if connection in self._busy:
                self._busy.discard(connection)
                self._idle.setdefault(connection.origin, []).append(connection)
                return
        connection.wire.close()  # all were closed meanwhile

    def drop(self, connection: Connection) -> None:
        """Close a connection that can't be used again."""
        with self._lock:
            self._busy.discard(connection)
        connection.wire.close()

    def close(self) -> None:
        """Close all of them; whoever waits for an answer in another thread gets an error, and closes its own."""
        with self._lock:
            every = [connection for idle in self._idle.values() for connection in idle]
            busy = list(self._busy)
            self._idle.clear()
            self._busy.clear()
        for connection in busy:
            with suppress(OSError):
                connection.wire.sock.shutdown(socket.SHUT_RDWR)
        for connection in every:
            connection.wire.close()

    def proxy(self, origin: Origin) -> Proxy | None:
        """Return the proxy that an origin is reached through."""
        return proxy_for(origin, self._environ)

    def _open(self, origin: Origin) -> Wire:
        proxy = self.proxy(origin)
        host, port = (proxy.host, proxy.port) if proxy else (origin.host, origin.port)
        # As bytes, a name in ASCII does not load the codec for the others.
        sock = socket.create_connection((host.encode() if host.isascii() else host, port), self._net.connect_timeout)  # type: ignore[arg-type]
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            authority = str(origin).partition("//")[2]
            pace = Pace(self._net.least_rate, self._net.rate_window)
            if origin.scheme == "http":
                # Only this machine is spoken to without TLS, and no proxy stands before it.
                sock.settimeout(self._net.timeout)
                return Wire(sock, authority, plain=True, pace=pace)
            if proxy:
                _tunnel(sock, origin, proxy)
            secure = self._tls().wrap_socket(sock, server_hostname=origin.host)
            try:
                self._check_pins(secure, origin)
                secure.settimeout(self._net.timeout)
                return Wire(secure, authority, plain=False, pace=pace)
            except BaseException:
                secure.close()
                raise
        except BaseException:
            sock.close()
            raise

    def _check_pins(self, secure: ssl.SSLSocket, origin: Origin) -> None:
        """Compare before the first byte of a request: a server with another key must not see a secret."""
        pins = self._net.pins if self._home in (None, origin.host) else ()
        if not pins:
            return
        import hashlib

        certificate = secure.getpeercert(binary_form=True) or b""
        key = key_digest(certificate)
        if not {key, "sha256:" + hashlib.sha256(certificate).hexdigest()} & set(pins):
            raise WrongPin(
                f"{origin} showed the key {key}, which is not the one pinned for it",
                hint="somebody may be listening in; when its owner confirms a new key, add the registry again with --pin",
            )

    def _tls(self) -> ssl.SSLContext:
        import ssl

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


def _tunnel(sock: socket.socket, origin: Origin, proxy: Proxy) -> None:
    """Ask a proxy for a way through (RFC 9110, 9.3.6)."""
    authority = f"[{origin.host}]:{origin.port}" if ":" in origin.host else f"{origin.host}:{origin.port}"
    head = f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n"
    if proxy.login:
        head += "Proxy-Authorization: Basic " + base64.b64encode(":".join(proxy.login).encode()).decode() + "\r\n"
    sock.sendall(head.encode() + b"\r\n")
    # Behind a proxy's answer nothing comes until we have begun with TLS, so that a buffer takes nothing away.
    with HTTPResponse(sock, method="CONNECT") as answer:
        answer.begin()
    if answer.status != 200:
        hint = "put its user and password into HTTPS_PROXY" if answer.status == 407 else "check HTTPS_PROXY and NO_PROXY"
        raise ProxyFailed(f"the proxy {proxy} does not let us through to {origin}: it answers {answer.status}", hint=hint)


def key_digest(certificate: bytes) -> str:
    """Return ``sha256:`` over a certificate's SubjectPublicKeyInfo (RFC 7469, section 2.4), which stays when it is renewed with the same key."""
    import hashlib

    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    try:
        key = x509.load_der_x509_certificate(certificate).public_key()
    except (ValueError, UnsupportedAlgorithm):
        return ""  # of a kind that can only be pinned by its whole certificate
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return "sha256:" + hashlib.sha256(der).hexdigest()
