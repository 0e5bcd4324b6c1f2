"""One HTTP/1.1 connection: the standard library's client on a connection that was opened and checked before.

What is added: a file goes to the socket in the kernel, a body is read into the caller's memory, an answer that is cut off is an error, and what was
answered to an upload that was refused half-way is heard. It knows nothing of redirects, logins or retries.
"""

from __future__ import annotations

import io
import time
from http.client import HTTPConnection, HTTPException, HTTPResponse, IncompleteRead
from typing import IO, TYPE_CHECKING, Final

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Mapping

__all__ = ["Exchange", "Pace", "ProtocolError", "TooSlow", "Wire"]

_PIECE: Final = 2**20
_FILE_PIECE: Final = 2**23
_SINGLE: Final = frozenset({"content-length", "location"})

ProtocolError = HTTPException
"""What came, or was to be sent, is not HTTP/1.1 as it should be."""


class TooSlow(TimeoutError):
    """A server sent something again and again, and too little of it."""


class Pace:
    """How quickly a server has to send. Only the time counts that we waited for it: a slow disk of our own is not its fault.

    Args:
        rate: Bytes a second; 0 for any.
        window: Seconds of waiting after which it is looked at, and counted anew.
        clock: Seconds; tests give their own.
    """

    __slots__ = ("_clock", "_count", "_least", "_waited", "_window")

    def __init__(self, rate: float = 0.0, window: float = 60.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._least = rate * window
        self._window = window
        self._clock = clock
        self._waited = 0.0
        self._count = 0

    def begin(self) -> None:
        """Count from nothing: a request was sent."""
        self._waited, self._count = 0.0, 0

    def receive(self, raw: io.RawIOBase, buffer: memoryview) -> int | None:
        """Read once, and count it.

        Raises:
            TooSlow: The window is over, and brought less than it has to.
        """
        start = self._clock()
        count: int | None = raw.readinto(buffer)
        self._waited += self._clock() - start
        self._count += count or 0
        if count and self._waited >= self._window:
            if self._count < self._least:
                raise TooSlow(f"{self._count:,} bytes in {self._waited:.0f} seconds")
            self.begin()
        return count


class _Paced(io.RawIOBase):
    """A socket's bytes, each read of them counted."""

    def __init__(self, raw: io.RawIOBase, pace: Pace) -> None:
        self._raw = raw
        self._pace = pace

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int | None:  # type: ignore[override]
        return self._pace.receive(self._raw, buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Answering:
    """What an answer is read from, in place of the socket."""

    def __init__(self, sock: socket.socket, pace: Pace) -> None:
        self._sock = sock
        self._pace = pace

    def makefile(self, mode: str) -> io.BufferedReader:  # noqa: ARG002 - the socket's
        return io.BufferedReader(_Paced(self._sock.makefile("rb", buffering=0), self._pace))


class Wire:
    """One connection that is open. One thread uses it at a time.

    Args:
        sock: Connected, with its TLS and its timeout.
        host: The value of ``Host``.
        plain: Whether it is without TLS.
        pace: How quickly answers have to come.
    """

    __slots__ = ("_client", "_host", "_pace", "_plain", "sock")

    def __init__(self, sock: socket.socket, host: str, *, plain: bool, pace: Pace | None = None) -> None:
        self.sock = sock
        self._host = host
        self._plain = plain
        self._client = HTTPConnection("-", blocksize=_PIECE)  # never connects by itself
        self._client.auto_open = 0
        self._client.sock = sock
        self._pace = pace = pace or Pace()
        self._client.response_class = lambda sock, **more: HTTPResponse(_Answering(sock, pace), **more)  # type: ignore[assignment,arg-type]

    def close(self) -> None:
        """Close it."""
        self._client.close()
        self.sock.close()

    def send(self, method: str, target: str, headers: Mapping[str, str], body: bytes | IO[bytes] | None) -> Exchange:
        """Send a request and read the head of its answer.

        Args:
            method: The method.
            target: Path and query.
            headers: All but ``Host``; with a body that is a file, ``Content-Length`` has to be there.
            body: Bytes, or a file that is sent from where it stands.

        Raises:
            OSError: The connection broke or stalled.
            ProtocolError: The answer is not HTTP/1.1, or the request would not be.
        """
        self._pace.begin()
        self._begin(method, target, headers, body)
        try:
            self._client.endheaders(body if isinstance(body, bytes) else None)
            if body is not None and not isinstance(body, bytes):
                self._send_file(body, int(headers["Content-Length"]))
        except (BrokenPipeError, ConnectionResetError) as error:
            # A server that refuses an upload may answer, and close, before it has read the body: what it says is worth more than the broken pipe.
            if body is None:
                raise
            try:
                answer = Exchange(self._client.getresponse())
            except (OSError, ProtocolError):
                raise error from None
            answer.keeps = False
            return answer
        return Exchange(self._client.getresponse())

    def _begin(self, method: str, target: str, headers: Mapping[str, str], body: bytes | IO[bytes] | None) -> None:
        try:
            self._client.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
            self._client.putheader("Host", self._host)
            for name, value in headers.items():
                self._client.putheader(name, value)
            if isinstance(body, bytes):
                self._client.putheader("Content-Length", str(len(body)))
        except ValueError as error:  # a line break or a letter that a head can't have
            raise ProtocolError(f"a request has characters that HTTP does not allow: {error}") from None

    def _send_file(self, file: IO[bytes], length: int) -> None:
        start, done = file.tell(), 0
        if self._plain and not isinstance(file, io.BytesIO):
            while done < length and (count := self.sock.sendfile(file, start + done, min(_FILE_PIECE, length - done))):
                done += count
        else:
            while done < length and (data := file.read(min(_PIECE, length - done))):
                self.sock.sendall(data)
                done += len(data)
        if done < length:
            raise ConnectionError("the file became shorter while it was sent")


class Exchange:
    """An answer, from its head on.

    Attributes:
        status: The status.
        headers: By names in lower case; several of one name are joined by commas.
        keeps: Whether the connection may be used again when the body was read.
        ended: Whether the body was read whole.
    """

    __slots__ = ("_answer", "ended", "headers", "keeps", "status")

    def __init__(self, answer: HTTPResponse) -> None:
        self._answer = answer
        self.status = answer.status
        self.headers: dict[str, str] = {}
        for name, value in answer.getheaders():
            key = name.lower()
            before = self.headers.get(key)
            if before is not None and key in _SINGLE:
                if before != value:
                    answer.close()
                    raise ProtocolError(f"the server sent two headers {key} that differ")
                continue
            self.headers[key] = value if before is None else f"{before}, {value}"
        self.keeps = not answer.will_close
        self.ended = answer.isclosed()

    @property
    def length(self) -> int | None:
        """Bytes that are still to come, None when only the end will tell."""
        return 0 if self.ended else self._answer.length

    def readinto(self, buffer: memoryview) -> int:
        """Fill the buffer with the next bytes of the body and return how many there were; fewer than it takes only at the end.

        Raises:
            EOFError: The connection was closed before the end.
            OSError: It broke or stalled.
            ProtocolError: The body is not framed as it should be.
        """
        done = 0
        while done < len(buffer) and not self.ended:
            try:
                count = self._answer.readinto(buffer[done:])
            except IncompleteRead as error:
                raise EOFError("the end of the body is missing") from error
            done += count
            self._look(at_end=not count)
        return done

    def read(self, limit: int) -> bytes:
        """Return the body, or its first ``limit`` bytes; errors are those of :meth:`readinto`."""
        if self.ended:
            return b""
        try:
            data = self._answer.read(limit)
        except IncompleteRead as error:
            raise EOFError("the end of the body is missing") from error
        self._look(at_end=len(data) < limit)
        return data

    def close(self) -> None:
        """Let go of the connection: an answer behind which the server closes is not known to :class:`Wire` any more, and would keep the socket open."""
        self._answer.close()

    def _look(self, *, at_end: bool) -> None:
        """Note whether that was all, and whether it was all that was promised."""
        missing = self._answer.length
        if at_end and missing:
            raise EOFError(f"{missing:,} bytes are missing")
        self.ended = at_end or self._answer.isclosed()
