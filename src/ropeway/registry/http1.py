"""HTTP/1.1 on one connection (RFC 9112): a request goes out in one piece, an answer's head becomes a dictionary, its body is read into the caller's memory.

Why this is written here is in docs/adr/0010. It is strict where leniency has been a way in: no folded headers, no two lengths, no transfer coding but
``chunked``, bounded lines and heads. It knows nothing of redirects, logins or retries.
"""

from __future__ import annotations

import io
from typing import IO, TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping

__all__ = ["Exchange", "ProtocolError", "Wire"]

_LINE: Final = 2**16
_LINES: Final = 200
_BUFFER: Final = 2**16
_PIECE: Final = 2**20
_FILE_PIECE: Final = 2**23
_JOINED: Final = 2**16
"""A body up to so many bytes leaves together with the head."""


class ProtocolError(Exception):
    """What came is not HTTP/1.1 as it should be."""


class Wire:
    """One connection that is open. One thread uses it at a time.

    Args:
        sock: Connected, with its TLS and its timeout.
        host: The value of ``Host``.
    """

    __slots__ = ("_file", "_host", "_plain", "sock")

    def __init__(self, sock: socket.socket, host: str, *, plain: bool) -> None:
        self.sock = sock
        self._host = host
        self._plain = plain
        self._file = cast("io.BufferedReader", sock.makefile("rb", _BUFFER))

    def close(self) -> None:
        """Close it."""
        self._file.close()
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
            ProtocolError: The answer is not HTTP/1.1.
        """
        lines = [f"{method} {target} HTTP/1.1", f"Host: {self._host}", *[f"{name}: {value}" for name, value in headers.items()]]
        if isinstance(body, bytes):
            lines.append(f"Content-Length: {len(body)}")
        text = "\r\n".join(lines)
        if not text.isascii() or text.count("\n") != len(lines) - 1 or text.count(" ", 0, len(lines[0])) != 2:
            raise ProtocolError("a request has characters that HTTP does not allow")
        head = text.encode() + b"\r\n\r\n"
        try:
            if isinstance(body, bytes) and len(body) <= _JOINED:
                self.sock.sendall(head + body)
            else:
                self.sock.sendall(head)
                if isinstance(body, bytes):
                    self.sock.sendall(body)
                elif body is not None:
                    self._send_file(body, int(headers["Content-Length"]))
        except (BrokenPipeError, ConnectionResetError) as error:
            # A server that refuses an upload may answer, and close, before it has read the body: what it says is worth more than the broken pipe.
            if body is None:
                raise
            try:
                answer = Exchange(self._file, method)
            except (OSError, EOFError, ProtocolError):
                raise error from None
            answer.keeps = False
            return answer
        return Exchange(self._file, method)

    def _send_file(self, file: IO[bytes], length: int) -> None:
        start = file.tell()
        if self._plain and not isinstance(file, io.BytesIO):
            done = 0
            while done < length:  # from the page cache to the socket, in the kernel
                count = self.sock.sendfile(file, start + done, min(_FILE_PIECE, length - done))
                if not count:
                    break
                done += count
        else:
            done = 0
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
        length: Bytes that are still to come, None when only the end will tell.
        ended: Whether the body was read whole.
    """

    __slots__ = ("_chunk", "_file", "ended", "headers", "keeps", "length", "status")

    def __init__(self, file: io.BufferedReader, method: str) -> None:
        self._file = file
        version = self._head()
        while 100 <= self.status < 200:  # 100 Continue, 103 Early Hints
            if self.status == 101:
                raise ProtocolError("the server switched protocols")
            version = self._head()
        options = {word.strip().lower() for word in self.headers.get("connection", "").split(",")}
        self.keeps = "keep-alive" in options if version == b"HTTP/1.0" else "close" not in options
        self.ended = False
        self._chunk: int | None = None
        self.length: int | None = None
        coding = self.headers.get("transfer-encoding")
        length = self.headers.get("content-length")
        if method == "HEAD" or self.status in (204, 304):
            self.length = 0
        elif coding is not None:
            if coding.strip().lower() != "chunked":
                raise ProtocolError(f"the server uses the transfer coding {coding!r:.40}")
            self._chunk = 0
            self.keeps = self.keeps and length is None
        elif length is not None:
            if not (length.isascii() and length.isdigit()) or len(length) > 18:
                raise ProtocolError(f"the server says that the length is {length!r:.40}")
            self.length = int(length)
        else:
            self.keeps = False
        self.ended = self.length == 0

    def _head(self) -> bytes:
        line = self._file.readline(_LINE)
        if not line:
            raise ConnectionResetError("the server closed the connection without an answer")
        version, _, rest = line.partition(b" ")
        if not version.startswith(b"HTTP/1.") or not rest[:3].isdigit() or rest[3:4] not in b" \r\n" or rest[0] in b"0789":
            raise ProtocolError(f"the server answered {line[:40]!r}")
        self.status = int(rest[:3])
        headers: dict[str, str] = {}
        for _ in range(_LINES):
            line = self._file.readline(_LINE)
            if line in (b"\r\n", b"\n"):
                self.headers = headers
                return version
            name, colon, value = line.partition(b":")
            if not colon or not line.endswith(b"\n") or not name or name.strip(b" \t\r\n") != name:
                raise ProtocolError("the server sent a header that is none")
            key, text = name.decode("latin-1").lower(), value.strip(b" \t\r\n").decode("latin-1")
            if key in headers:
                if key in ("content-length", "location") and headers[key] != text:
                    raise ProtocolError(f"the server sent two headers {key} that differ")
                if key in ("content-length", "location"):
                    continue
                text = f"{headers[key]}, {text}"
            headers[key] = text
        raise ProtocolError("the server sent too many headers")

    def readinto(self, buffer: memoryview) -> int:
        """Fill the buffer with the next bytes of the body and return how many there were; fewer than it takes only at the end.

        Raises:
            EOFError: The connection was closed before the end.
            OSError: It broke or stalled.
            ProtocolError: The body is not framed as it should be.
        """
        if self.ended:
            return 0
        if self._chunk is not None:
            return self._read_chunks(buffer)
        wanted = buffer if self.length is None or self.length >= len(buffer) else buffer[: self.length]
        count = self._file.readinto(wanted)  # fills what it is given
        if self.length is None:
            self.ended = count < len(wanted)
        else:
            self.length -= count
            if count < len(wanted):
                raise EOFError(f"{self.length:,} bytes are missing")
            self.ended = not self.length
        return count

    def _read_chunks(self, buffer: memoryview) -> int:
        assert self._chunk is not None
        done = 0
        while done < len(buffer):
            if not self._chunk:
                self._chunk = self._next_chunk()
                if not self._chunk:
                    self.ended = True
                    break
            wanted = buffer[done : done + self._chunk]
            count = self._file.readinto(wanted)
            done += count
            self._chunk -= count
            if count < len(wanted):
                raise EOFError("the end of its last chunk is missing")
            if not self._chunk and self._file.readline(3) != b"\r\n":
                raise ProtocolError("a chunk has not the length that it says")
        return done

    def _next_chunk(self) -> int:
        """Read the line before a chunk (RFC 9112, 7.1); behind the last one the trailers too."""
        line = self._file.readline(_LINE)
        if not line.endswith(b"\n"):
            raise EOFError("a chunk is missing")
        digits = line.partition(b";")[0].strip(b" \t\r\n")
        if not digits or len(digits) > 15 or digits.strip(b"0123456789abcdefABCDEF"):
            raise ProtocolError("a chunk does not begin with its length")
        size = int(digits, 16)
        if not size:
            for _ in range(_LINES):
                trailer = self._file.readline(_LINE)
                if trailer in (b"\r\n", b"\n"):
                    return 0
                if not trailer.endswith(b"\n"):
                    raise EOFError("the end of the trailers is missing")
            raise ProtocolError("the server sent too many trailers")
        return size

    def read(self, limit: int) -> bytes:
        """Return the body, or its first ``limit`` bytes; errors are those of :meth:`readinto`."""
        if self.ended:
            return b""
        if self.length is not None:
            count = min(limit, self.length)
            data = self._file.read(count)
            self.length -= len(data)
            if len(data) < count:
                raise EOFError(f"{self.length:,} bytes are missing")
            self.ended = not self.length
            return data
        whole = bytearray()
        while len(whole) < limit and not self.ended:
            piece = bytearray(min(_BUFFER, limit - len(whole)))
            whole += piece[: self.readinto(memoryview(piece))]
        return bytes(whole)
