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
from ropeway.registry.http.errors import Interrupted
from ropeway.registry.http.hosts import Origin, is_loopback, origin_of
from ropeway.registry.http.http1 import ProtocolError
from ropeway.registry.http.net import Net
from ropeway.registry.http.retries import is_busy, may_retry, pause

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ropeway.registry.http.connections import Connection, Connections
    from ropeway.registry.http.http1 import Exchange

__all__ = ["Answer", "Body", "Http", "Net", "Stream"]

_REDIRECTS: Final = 5
_DRAIN: Final = 2**16
"""Bytes of an unwanted body that are read to keep its connection; of a longer one the connection is closed."""

Body = bytes | IO[bytes]
"""What a request carries; a file is read from where it stands, and has to be seekable."""


@record
class Answer:
    """An answer that was read whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str


class Stream:
    """An answer whose body is still to be read. Has to be finished (read whole, the connection is kept) or closed.

    Attributes:
        status: The status.
        headers: By names in lower case; several of one name are joined by commas.
        url: Where it came from at last, behind redirects.
        length: Bytes that the body has; None when the server does not say.
    """

    __slots__ = ("_connection", "_exchange", "_owner", "headers", "length", "status", "url")

    def __init__(self, url: str, connection: Connection, exchange: Exchange, owner: Connections) -> None:
        self.url = url
        self.status = exchange.status
        self.headers: Mapping[str, str] = exchange.headers
        self.length = exchange.length
        self._connection = connection
        self._exchange = exchange
        self._owner = owner

    def readinto(self, buffer: memoryview) -> int:
        """Fill the buffer, and return how many bytes there were; fewer than it takes only at the end.

        Raises:
            Unreachable: The connection broke, or the server sent nothing for too long.
        """
        try:
            return self._exchange.readinto(buffer)
        except (OSError, EOFError, ProtocolError) as error:
            raise self._failed(error) from error

    def read(self, limit: int) -> bytes:
        """Return the body, or its first ``limit + 1`` bytes when it is longer than ``limit``; errors are those of :meth:`readinto`."""
        try:
            return self._exchange.read(limit + 1)
        except (OSError, EOFError, ProtocolError) as error:
            raise self._failed(error) from error

    def _failed(self, error: Exception) -> Exception:
        self.close()
        return _explained(self._connection.origin, error, self._owner)

    def finish(self) -> None:
        """Keep the connection when nothing (or only a little) of the body is left; else close it."""
        exchange = self._exchange
        if not exchange.ended and exchange.keeps:
            try:
                exchange.read(_DRAIN)
            except (OSError, EOFError, ProtocolError):
                exchange.keeps = False
        if exchange.ended and exchange.keeps:
            self._owner.give_back(self._connection)
        else:
            self.close()

    def close(self) -> None:
        """Give the connection up."""
        self._exchange.close()
        self._owner.drop(self._connection)


def _explained(origin: Origin, error: Exception, connections: Connections, *, begun: bool = True) -> Exception:
    from ropeway.registry.http.errors import network_error

    proxy = connections.proxy(origin)
    return network_error(str(origin), error, proxy=str(proxy) if proxy else None, begun=begun)


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
            retry: Whether it may be sent again when it failed on the way. A server that says that it is busy has done nothing, and is always asked again.

        Raises:
            Unreachable: No answer came; ``registry-error`` when it is larger than ``limit`` or encoded.
            Refused: A redirect leads where no client should go.
        """
        tried = 0
        while True:
            stream = self.open(method, url, headers, body, retry=retry, tried=tried)
            try:
                data = stream.read(limit)
            except Interrupted:
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
        start = _place(body)
        while True:
            try:
                stream = self._follow(method, url, dict(headers or {}), body)
            except Interrupted:
                if not retry or tried >= self.net.retries:
                    raise
                wait = pause(tried, None, self.net)
            else:
                if tried >= self.net.retries or not (may_retry if retry else is_busy)(stream.status):
                    return stream
                wait = pause(tried, stream.headers.get("retry-after"), self.net)
                if wait > self.net.longest_wait:
                    return stream
                stream.finish()
            self._sleep(wait)
            tried += 1
            _wind_back(body, start)

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
            from ropeway.registry.http.errors import offline

            raise offline(origin.host)
        parts = urlsplit(url)
        target = (parts.path or "/") + ("?" + parts.query if parts.query else "")
        connections = self._pool()
        sent = {"Accept-Encoding": "identity", "User-Agent": "ropeway", **headers}
        start = _place(body)
        for fresh in (False, True):
            connection: Connection | None = None
            try:
                connection = connections.take(origin, fresh=fresh)
                exchange = connection.wire.send(method, target, sent, body)
            except (OSError, EOFError, ProtocolError) as error:
                if connection is not None:
                    connections.drop(connection)
                    if not connection.fresh and not fresh and _went_stale(error):
                        _wind_back(body, start)
                        continue
                raise _explained(origin, error, connections, begun=connection is not None) from error
            except BaseException:
                if connection is not None:
                    connections.drop(connection)
                raise
            stream = Stream(url, connection, exchange, connections)
            encoding = exchange.headers.get("content-encoding", "identity")
            if encoding != "identity" and method != "HEAD":
                # It was asked for plain bytes; an encoded body would have to be blown up here, which is how an archive of zeros comes in.
                stream.close()
                raise Unreachable(f"{origin} sends {encoding!r:.40} where it was asked for plain bytes", code="registry-error")
            return stream
        raise AssertionError

    def _pool(self) -> Connections:
        if self._connections is None:
            from ropeway.registry.http.connections import Connections

            self._connections = Connections(self.net, self._environ, self._home)
        return self._connections


def _went_stale(error: Exception) -> bool:
    """Whether a kept connection had been closed by the server before it was used again."""
    return isinstance(error, ConnectionError) or type(error).__name__ in ("SSLEOFError", "SSLZeroReturnError")


def _place(body: Body | None) -> int:
    return 0 if body is None or isinstance(body, bytes) else body.tell()


def _wind_back(body: Body | None, place: int) -> None:
    if body is not None and not isinstance(body, bytes):
        body.seek(place)
