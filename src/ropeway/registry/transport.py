"""HTTP as registries need it: kept connections, bounded bodies, redirects that never carry a secret elsewhere, and retries of what may be retried.

Nothing of the network is imported before the first request.
"""

from __future__ import annotations

import os
import time
from typing import IO, TYPE_CHECKING, Final
from urllib.parse import urljoin, urlsplit

from ropeway.errors import Refused, Unreachable
from ropeway.records import record
from ropeway.registry.hosts import Origin, is_loopback, origin_of
from ropeway.registry.retries import may_retry, pause

if TYPE_CHECKING:
    import http.client
    from collections.abc import Callable, Mapping
    from email.message import Message
    from pathlib import Path

    from ropeway.registry.connections import Connection, Connections

__all__ = ["Answer", "Body", "Http", "Net", "Stream"]

_REDIRECTS: Final = 5
_DRAIN: Final = 2**16
"""Bytes of an unwanted body that are read to keep its connection; of a longer one the connection is closed."""

Body = bytes | IO[bytes]
"""What a request carries; a file is read from where it stands, and has to be seekable."""


@record
class Net:
    """How the network is used for one registry.

    Attributes:
        ca: A file of certificates in PEM form that are trusted beside the system's.
        pins: ``sha256:…`` of the key (SubjectPublicKeyInfo) or of the whole certificate that the server has to show; none: any trusted one.
        timeout: Seconds without a single byte after which a server counts as gone.
        connect_timeout: Seconds to open a connection.
        retries: How often a request is tried again.
        backoff: Seconds before the first retry; doubled with each, up to :attr:`longest_wait`.
        longest_wait: Seconds that a server may make us wait with ``Retry-After``.
        workers: Transfers at once.
        offline: Whether nothing may be asked at all.
    """

    ca: Path | None = None
    pins: tuple[str, ...] = ()
    timeout: float = 30.0
    connect_timeout: float = 10.0
    retries: int = 4
    backoff: float = 0.25
    longest_wait: float = 60.0
    workers: int = 5
    offline: bool = False


@record
class Answer:
    """An answer that was read whole."""

    status: int
    headers: Message
    body: bytes
    url: str


class Stream:
    """An answer whose body is still to be read. Has to be finished (read whole, the connection is kept) or closed.

    Attributes:
        status: The status.
        headers: Found in any spelling of their names.
        url: Where it came from at last, behind redirects.
        length: Bytes that the body has; None when the server does not say.
    """

    def __init__(self, url: str, connection: Connection, response: http.client.HTTPResponse, owner: Connections) -> None:
        self.url = url
        self.status = response.status
        self.headers: Message = response.headers
        self.length: int | None = response.length
        self._connection = connection
        self._response = response
        self._owner = owner

    def readinto(self, buffer: memoryview) -> int:
        """Fill the buffer, and return how many bytes there were; fewer only at the end.

        Raises:
            RopewayError: The connection broke, or the server sent nothing for too long.
        """
        try:
            count = self._response.readinto(buffer)
            if count < len(buffer) and self._response.length:
                raise EOFError(f"{self._response.length:,} bytes are missing")
        except (OSError, EOFError, http_error()) as error:
            raise self._failed(error) from error
        return count

    def read(self, limit: int) -> bytes:
        """Return the body, or its first ``limit + 1`` bytes when it is longer than ``limit``."""
        try:
            data = self._response.read(limit + 1)
            if len(data) <= limit and self._response.length:
                raise EOFError(f"{self._response.length:,} bytes are missing")
        except (OSError, EOFError, http_error()) as error:
            raise self._failed(error) from error
        return data

    def _failed(self, error: Exception) -> Exception:
        from ropeway.registry.errors import network_error

        self.close()
        proxy = self._connection.proxy
        return network_error(str(self._connection.origin), error, proxy=str(proxy) if proxy else None)

    def finish(self) -> None:
        """Keep the connection when nothing (or only a little) of the body is left; else close it."""
        response = self._response
        try:
            if not response.isclosed() and response.length is not None and response.length <= _DRAIN:
                response.read()
        except (OSError, http_error()):
            self.close()
            return
        if response.isclosed() and not response.will_close:
            self._owner.give_back(self._connection)
        else:
            self.close()

    def close(self) -> None:
        """Give the connection up."""
        self._response.close()
        self._owner.drop(self._connection)


def http_error() -> type[Exception]:
    """Return the class of what the HTTP parser raises."""
    import http.client

    return http.client.HTTPException


class Http:
    """Sends requests. Any number of threads may share one.

    Args:
        net: How the network is used.
        environ: Where the proxies' variables are; the process's own when None.
        home: The host that ``net.pins`` are for; None for every host.
        sleep: Waits; tests give their own.
    """

    def __init__(
        self,
        net: Net,
        environ: Mapping[str, str] | None = None,
        home: str | None = None,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self.net = net
        self._environ = os.environ if environ is None else environ
        self._home = home
        self._sleep = sleep
        self._connections: Connections | None = None

    def close(self) -> None:
        """Close every connection; threads that still wait for an answer get an error."""
        if self._connections is not None:
            self._connections.close()

    def request(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, body: Body | None = None, *, limit: int, retry: bool = True
    ) -> Answer:
        """Send a request and read its answer whole.

        Args:
            method: ``GET``, ``HEAD``, …
            url: Absolute.
            headers: Beside those that are always sent.
            body: What it carries.
            limit: Bytes that the answer may have.
            retry: Whether it may be sent again when it failed on the way, or the server says that it is busy.

        Raises:
            Unreachable: No answer came; ``registry-error`` when it is larger than ``limit`` or encoded.
            Refused: A redirect leads where no client should go.
        """
        tried = 0
        while True:
            stream = self.open(method, url, headers, body, retry=retry, tried=tried)
            try:
                data = stream.read(limit)
            except Unreachable:
                if not retry or tried >= self.net.retries:
                    raise
                self._sleep(pause(tried, None, self.net))
                tried += 1
                continue
            if len(data) > limit:
                stream.close()
                raise Unreachable(f"{origin_of(stream.url)} sent more than {limit:,} bytes where that is the most", code="registry-error")
            stream.finish()
            return Answer(stream.status, stream.headers, data, stream.url)

    def open(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        body: Body | None = None,
        *,
        retry: bool = True,
        tried: int = 0,
    ) -> Stream:
        """Send a request and return its answer before its body is read; arguments and errors are those of :meth:`request`."""
        start = body.tell() if body is not None and not isinstance(body, bytes) else 0
        while True:
            try:
                stream = self._follow(method, url, dict(headers or {}), body)
            except Unreachable as error:
                if not retry or tried >= self.net.retries or error.code not in ("timeout", "connection-lost"):
                    raise
                wait = pause(tried, None, self.net)
            else:
                if not retry or tried >= self.net.retries or not may_retry(stream.status):
                    return stream
                wait = pause(tried, stream.headers.get("retry-after"), self.net)
                if wait > self.net.longest_wait:
                    return stream
                stream.finish()
            self._sleep(wait)
            tried += 1
            if body is not None and not isinstance(body, bytes):
                body.seek(start)

    def _follow(self, method: str, url: str, headers: dict[str, str], body: Body | None) -> Stream:
        seen = {url}
        while True:
            stream = self._send(method, url, headers, body)
            if stream.status not in (301, 302, 303, 307, 308) or method not in ("GET", "HEAD"):
                return stream
            target = urljoin(url, stream.headers.get("location") or "")
            stream.finish()
            origin, there = origin_of(url), origin_of(target)
            self._may_go(origin, there, target)
            if target in seen or len(seen) > _REDIRECTS:
                raise Unreachable(f"{origin} redirects in a circle, or too often", hint="ask who runs it", code="registry-error")
            seen.add(target)
            if there != origin:
                headers.pop("Authorization", None)
            url = target

    @staticmethod
    def _may_go(origin: Origin | None, there: Origin | None, target: str) -> None:
        if there is None or "@" in urlsplit(target).netloc:
            raise Refused(
                f"{origin} redirects to an address that is none: {target!r:.200}", hint="ask who runs it", code="redirect-refused"
            )
        local = origin is not None and is_loopback(origin.host)
        if there.scheme == "http" and not (local and is_loopback(there.host)):
            raise Refused(f"{origin} redirects to {there}, which is not encrypted", hint="ask who runs it", code="redirect-refused")
        if is_loopback(there.host) and not local:
            raise Refused(f"{origin} redirects to this machine ({there})", hint="ask who runs it", code="redirect-refused")

    def _send(self, method: str, url: str, headers: Mapping[str, str], body: Body | None) -> Stream:
        """Send one request, once more on a fresh connection when a kept one turned out to be closed."""
        origin = origin_of(url)
        if origin is None:
            raise Unreachable(f"{url!r:.200} is not an address of HTTP", code="registry-error")
        if self.net.offline:
            from ropeway.registry.errors import offline

            raise offline(origin.host)
        parts = urlsplit(url)
        target = (parts.path or "/") + ("?" + parts.query if parts.query else "")
        connections = self._pool()
        start = body.tell() if body is not None and not isinstance(body, bytes) else 0
        for fresh in (False, True):
            connection = connections.take(origin, fresh=fresh)
            try:
                return self._exchange(connection, method, target, url, headers, body)
            except (OSError, http_error()) as error:
                connections.drop(connection)
                if isinstance(error, ConnectionError) and not connection.fresh and not fresh:
                    if body is not None and not isinstance(body, bytes):
                        body.seek(start)
                    continue
                from ropeway.registry.errors import network_error

                raise network_error(str(origin), error, proxy=str(connection.proxy) if connection.proxy else None) from error
            except BaseException:
                connections.drop(connection)
                raise
        raise AssertionError

    def _exchange(
        self, connection: Connection, method: str, target: str, url: str, headers: Mapping[str, str], body: Body | None
    ) -> Stream:
        link = connection.http
        sent = {"Accept-Encoding": "identity", "User-Agent": "ropeway", **headers}
        try:
            link.request(method, target, body, sent)
        except (BrokenPipeError, ConnectionResetError) as error:
            # A server that refuses an upload may answer and close before it has read the body: what it says is worth more than the broken pipe.
            if body is None or connection.http.sock is None:
                raise
            try:
                response = link.getresponse()
            except (OSError, http_error()):
                raise error from None
            response.will_close = True
        else:
            response = link.getresponse()
        stream = Stream(url, connection, response, self._pool())
        encoding = response.headers.get("content-encoding")
        if encoding and encoding != "identity" and method != "HEAD":
            # Asked for as it is, so an encoded body would only have to be blown up here: that is how archives of zeros come in.
            stream.close()
            raise Unreachable(f"{connection.origin} sends {encoding!r:.40} where it was asked for plain bytes", code="registry-error")
        return stream

    def _pool(self) -> Connections:
        if self._connections is None:
            from ropeway.registry.connections import Connections

            self._connections = Connections(self.net, self._environ, self._home)
        return self._connections
