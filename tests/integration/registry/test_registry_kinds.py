"""What tells a server of ours from a git host: real servers on this machine that answer in different ways."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ropeway.app.adding_registries import answers_as_ropeway
from ropeway.errors import Unreachable
from ropeway.registry.http.transport import Net


@contextmanager
def serving(answers: dict[str, tuple[int, str, bytes]]) -> Iterator[tuple[str, list[str]]]:
    """Serve some paths (status, content type, body), 404 for all else; give the address and the paths that are asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            status, kind, body = answers.get(self.path, (404, "text/plain", b"no"))
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("answers", "ours"),
    [
        ({"/healthz": (200, "application/json", b'{"status":"ok"}')}, True),
        (
            {"/healthz": (200, "text/html", b"<html>"), "/v1/workflows?limit=1": (200, "application/json; charset=utf-8", b'{"items":[]}')},
            True,
        ),
        ({"/healthz": (200, "text/html", b"<html>welcome"), "/v1/workflows?limit=1": (200, "text/html", b"<html>welcome")}, False),
        ({"/healthz": (500, "application/json", b"{}")}, False),
        ({"/v1/workflows?limit=1": (404, "application/json", b"{}")}, False),
        ({}, False),
    ],
)
def test_a_server_is_ours_when_it_says_how_it_is_or_what_it_has(answers: dict[str, tuple[int, str, bytes]], ours: bool) -> None:
    with serving(answers) as (url, asked):
        assert answers_as_ropeway(url + "/", Net(), {}) is ours
        assert asked in (["/healthz"], ["/healthz", "/v1/workflows?limit=1"])


def test_a_server_that_is_not_there_is_unreachable() -> None:
    with serving({}) as (url, _):
        gone = url
    with pytest.raises(Unreachable):
        answers_as_ropeway(gone, Net(), {})
