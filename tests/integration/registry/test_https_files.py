"""Workflow files from the web, from a local server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ropeway.bundles.manifest import digest_of
from ropeway.bundles.problems import AlteredBlob
from ropeway.errors import NotFound, Refused, RopewayError, Unreachable
from ropeway.lang.source import MAX_BYTES
from ropeway.registry import Evidence, Fetched, Wanted
from ropeway.registry.cache.store import Store
from ropeway.registry.http.transport import Net
from ropeway.registry.resolvers.https import HttpsResolver

FILE = b"id = 'build'\n"


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server = self.server
        server.asked.append((self.path, dict(self.headers)))
        status = server.status
        self.send_response(status)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(server.body)))
        if status in {301, 302}:
            self.send_header("Location", server.location)
            server.status = 200
        if status == 401:
            self.send_header("WWW-Authenticate", "Basic realm=x")
        self.end_headers()
        self.wfile.write(server.body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def web() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        server.asked, server.status, server.body, server.location = [], 200, FILE, ""
        server.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def source(web, tmp_path):
    def make(path: str = "/flows/build.toml", digest: str | None = None, **more: object) -> HttpsResolver:
        net = Net(retries=1, backoff=0.01, **more)
        return HttpsResolver(web.url + path, digest, store=Store(tmp_path / "cache/ropeway"), net=net)

    return make


def fetch(source: HttpsResolver) -> Fetched:
    pin = source.pin(Wanted("x", ""))
    return source.fetch(pin, source.evidence(pin))


def test_a_file_is_its_bytes_whatever_its_server_says_it_is_and_is_fetched_once(web, source):
    found = fetch(source())
    assert (found.path.read_bytes(), found.file) == (FILE, "build.toml")
    assert (found.pin.digest, found.pin.source, found.pin.moving) == (digest_of(FILE), f"{web.url}/flows/build.toml", True)
    assert [path.name for path in found.root.iterdir()] == ["build.toml"]
    assert found.evidence == Evidence()
    assert len(web.asked) == 1


def test_a_pinned_file_is_verified_and_never_asked_for_again(web, source):
    pinned = source(digest=digest_of(FILE))
    first = fetch(pinned)
    assert not first.pin.moving
    assert fetch(source(digest=digest_of(FILE), offline=True)) == first
    assert len(web.asked) == 1


def test_a_file_with_another_digest_is_refused(web, source):
    with pytest.raises(AlteredBlob) as caught:
        fetch(source(digest=digest_of(b"what was pinned")))
    assert digest_of(FILE) in caught.value.message
    assert caught.value.hint


def test_a_redirect_is_followed_and_no_credentials_are_sent(web, source, monkeypatch, tmp_path):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    web.status, web.location = 302, "/elsewhere"
    assert fetch(source()).path.read_bytes() == FILE
    assert [path for path, _ in web.asked] == ["/flows/build.toml", "/elsewhere"]
    assert not [name for _, headers in web.asked for name in headers if name.lower() in {"authorization", "cookie"}]


@pytest.mark.parametrize(
    ("path", "file"),
    [
        ("/a%20b.toml", "a b.toml"),
        ("/%2e%2e%2fx.toml", "workflow.toml"),
        ("/.hidden.yaml", "workflow.yaml"),
        ("/" + "n" * 300 + ".yml", "workflow.yml"),
    ],
)
def test_the_files_name_is_a_plain_one(source, path, file):
    assert fetch(source(path)).file == file


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (401, Refused, "unauthorized"),
        (403, Refused, "forbidden"),
        (404, NotFound, "file-not-found"),
        (410, NotFound, "file-not-found"),
        (429, Unreachable, "rate-limited"),
        (500, Unreachable, "registry-error"),
        (204, Unreachable, "registry-error"),
    ],
)
def test_each_status_has_a_code(web, source, status, kind, code):
    web.status, web.body = status, b""
    with pytest.raises(kind) as caught:
        fetch(source())
    assert caught.value.code == code
    assert f"{web.url}/flows/build.toml" in caught.value.message


def test_a_file_that_is_too_large_is_refused(web, source):
    web.body = bytes(MAX_BYTES + 1)
    with pytest.raises(RopewayError, match=r"more than 33,554,432 bytes"):
        fetch(source())


def test_offline_nothing_is_asked(web, source):
    with pytest.raises(Unreachable) as caught:
        fetch(source(offline=True))
    assert (caught.value.code, web.asked) == ("offline", [])


def test_a_file_has_no_versions_and_is_no_place_to_search(source):
    assert source().releases(Wanted("x", "")) == []
    assert list(source().search("")) == []
