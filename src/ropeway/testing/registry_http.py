"""The HTTP side of a fake registry: threads, connections, and the tricks that are played with them."""

from __future__ import annotations

import contextlib
import itertools
import math
import socket
import socketserver
import ssl
import struct
import sys
import threading
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from ropeway.testing.registry_tricks import Trick

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from ropeway.testing.registry_wire import Answer

__all__ = ["Server"]

_ENDLESS = 256 * 2**20


class Server(socketserver.ThreadingTCPServer):
    """Listens on 127.0.0.1 at a port of the system's choice, and serves each connection in a thread.

    ``choose`` finds the trick for ``METHOD /target``, ``answer`` the answer, and ``note`` is told of each request.
    """

    allow_reuse_address = True
    daemon_threads = False
    request_queue_size = 128

    def __init__(
        self,
        choose: Callable[[str], Trick | None],
        answer: Callable[[str, str, Mapping[str, str], bytes], Answer],
        note: Callable[[str, str, Mapping[str, str], int, int], None],
        tls: tuple[Path, Path] | None,
    ) -> None:
        self.choose, self.answer, self.note = choose, answer, note
        self.over = threading.Event()
        self.scheme = "http" if tls is None else "https"
        self._crashes: list[BaseException] = []
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._context: ssl.SSLContext | None = None
        if tls is not None:
            self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            self._context.load_cert_chain(*tls)
        super().__init__(("127.0.0.1", 0), _Handler)
        self.port: int = self.server_address[1]
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, name="fake registry")
        self._thread.start()

    def close(self) -> None:
        """Stop, cut off all connections, and raise what went wrong in here."""
        if self.over.is_set():
            return
        self.over.set()
        self.shutdown()
        self._thread.join()
        with self._lock:
            for connection in self._open:
                _cut(connection)
        self.server_close()  # waits for the threads
        if self._crashes:
            raise self._crashes[0]

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection; where it is to be encrypted, its own thread will greet."""
        connection, address = super().get_request()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._context is not None:
            connection = self._context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        with self._lock:
            self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        """Close a connection."""
        with self._lock:
            self._open.discard(cast("socket.socket", request))
        super().shutdown_request(request)

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002 — the base class's
        """Keep what went wrong in the registry; a client that went away is none of it."""
        error = sys.exc_info()[1]
        if error is not None and not isinstance(error, OSError):
            self._crashes.append(error)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        """Serve any method."""
        parts = urlsplit(self.path)
        target = parts.path + (f"?{parts.query}" if parts.query else "")  # a proxy is asked with a whole address
        headers = {name.lower(): value for name, value in self.headers.items()} | {":scheme": self.server.scheme}
        body = self._body()
        trick = self.server.choose(f"{self.command} {target}") or Trick()
        if trick.delay:
            self.server.over.wait(None if trick.delay == math.inf else trick.delay)
        if self.server.over.is_set() or trick.drop or trick.reset:
            self.server.note(self.command, target, headers, len(body), 0)
            self._close(reset=trick.reset)
            return
        answer = trick.instead(target)
        if answer is None:
            answer = self.server.answer(self.command, target, {n: v for n, v in headers.items() if n != "range" or not trick.whole}, body)
        answer = trick.changed(answer)
        self.server.note(self.command, target, headers, len(body), 0 if trick.late else answer.status)
        if trick.late:
            self._close()
        else:
            self._send(answer, trick)

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815 — names that the base class calls

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        pieces = []
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(pieces)

    def _send(self, answer: Answer, trick: Trick) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        known = {name.lower() for name in answer.headers}
        if trick.endless:
            self.send_header("Connection", "close")
        elif answer.status != 204 and "content-length" not in known:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        if trick.endless:
            self._endless(answer.body)
            return
        whole = answer.body
        stop = min(len(whole), *(limit for limit in (trick.truncate, trick.stall, len(whole)) if limit is not None))
        for start in range(0, stop, trick.piece) if trick.slow else ():
            self.wfile.write(whole[start : min(start + trick.piece, stop)])
            if self.server.over.wait(trick.slow):
                break
        if not trick.slow:
            self.wfile.write(whole[:stop])
        if trick.stall is not None:
            self.server.over.wait()
        if stop < len(whole) or trick.stall is not None:
            self._close()

    def _endless(self, body: bytes) -> None:
        piece = (body or b" ") * (65536 // max(len(body), 1) + 1)
        for sent in itertools.count(0, len(piece)):
            if sent > _ENDLESS or self.server.over.is_set():
                break
            self.wfile.write(piece)
        self._close()

    def _close(self, *, reset: bool = False) -> None:
        self.close_connection = True
        if reset:  # what is closed with nothing to linger for is reset
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            _cut(self.connection)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 — the name is the base class's
        """Say nothing."""


def _cut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it may be gone already
        connection.shutdown(socket.SHUT_RDWR)
