"""How a registry is reached: certificates, pinned keys, proxies."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ropeway.bundles.manifest import digest_of, parse_manifest
from ropeway.errors import StoreError, Unreachable
from ropeway.lang.reference import parse_reference
from ropeway.registry.auth import Credentials
from ropeway.registry.cache.store import Store
from ropeway.registry.config import Registries, Registry
from ropeway.registry.dispatch import Around, resolver_for
from ropeway.registry.http.errors import ProxyFailed, WrongPin
from ropeway.registry.http.http1 import Wire
from ropeway.registry.http.transport import Http, Net
from ropeway.registry.oci.client import Client
from ropeway.testing.registries import FakeRegistry
from support.registries import LOGIN, Authority, Certificate, docker_config

WRONG = "sha256:" + "0" * 64


@pytest.fixture(scope="module")
def certificate(authority: Authority) -> Certificate:
    return authority.certificate("localhost", "127.0.0.1")


@pytest.fixture
def registry(certificate: Certificate) -> Iterator[FakeRegistry]:
    with FakeRegistry(tls=(certificate.chain, certificate.key), login=LOGIN) as made:
        made.push("a/b", {"file": b"content"}, tag="v1")
        yield made


def reach(registry: FakeRegistry, net: Net, folder: Path) -> bytes:
    with Client(registry.host, net, Credentials({"HOME": str(folder), **docker_config(folder / "docker", registry.host)})) as client:
        manifest = parse_manifest(client.manifest("a/b", "v1")[0])
        return client.blob("a/b", manifest.layers[0])


def test_a_certificate_of_an_authority_that_was_named_is_trusted(registry, certificate, tmp_path) -> None:
    assert reach(registry, Net(ca=certificate.ca), tmp_path) == b"content"


def test_a_certificate_of_nobody_is_not(registry, tmp_path, certificate) -> None:
    with pytest.raises(Unreachable, match="can not be trusted") as caught:
        reach(registry, Net(pins=(certificate.pin,)), tmp_path)
    assert caught.value.code == "tls-failed"
    assert "--ca" in (caught.value.hint or "")
    assert registry.seen == []


@pytest.mark.parametrize("which", ["pin", "fingerprint"])
def test_a_pinned_key_or_certificate_is_let_through(registry, certificate, tmp_path, which) -> None:
    net = Net(ca=certificate.ca, pins=(WRONG, getattr(certificate, which)))
    assert reach(registry, net, tmp_path) == b"content"


def test_another_key_than_the_pinned_one_hears_nothing(registry, certificate, tmp_path) -> None:
    with pytest.raises(WrongPin, match=certificate.pin) as caught:
        reach(registry, Net(ca=certificate.ca, pins=(WRONG,)), tmp_path)
    assert caught.value.code == "tls-pin"
    assert caught.value.exit_status == 3
    assert registry.seen == []


def test_a_certificate_for_another_name_is_not_trusted(authority, tmp_path) -> None:
    other = authority.certificate("registry.example")
    with FakeRegistry(tls=(other.chain, other.key)) as registry, pytest.raises(Unreachable, match="mismatch") as caught:
        reach(registry, Net(ca=other.ca), tmp_path)
    assert caught.value.code == "tls-failed"


def test_a_certificate_that_has_ended_is_not_trusted(authority, tmp_path) -> None:
    old = authority.certificate("localhost", days=-1)
    with FakeRegistry(tls=(old.chain, old.key)) as registry, pytest.raises(Unreachable, match="expired") as caught:
        reach(registry, Net(ca=old.ca), tmp_path)
    assert caught.value.code == "tls-failed"


def test_a_server_that_speaks_no_tls_is_said(certificate, tmp_path) -> None:
    with FakeRegistry() as registry, pytest.raises(Unreachable) as caught:
        reach(registry, Net(ca=certificate.ca), tmp_path)
    assert caught.value.code in ("tls-failed", "connection-lost")


@pytest.mark.parametrize(("text", "said"), [(None, "can not be read"), ("junk", "holds no certificate")])
def test_a_file_of_authorities_that_is_none_is_named(registry, tmp_path, text, said) -> None:
    path = tmp_path / "ca.pem"
    if text is not None:
        path.write_text(text)
    with pytest.raises(StoreError, match=said) as caught:
        reach(registry, Net(ca=path), tmp_path)
    assert caught.value.code == "ca-file"
    assert str(path) in str(caught.value)


class Tunnel:
    """A proxy that leads every CONNECT to one address, or answers with a status."""

    def __init__(self, target: str | None, status: int = 200) -> None:
        self.asked: list[str] = []
        self._target = target
        self._status = status
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with client:
                head = b""
                while b"\r\n\r\n" not in head:
                    head += client.recv(4096)
                self.asked.append(head.decode())
                client.sendall(b"HTTP/1.1 %d Said\r\n\r\n" % self._status)
                if self._target is not None:
                    host, _, port = self._target.partition(":")
                    with socket.create_connection((host, int(port))) as server:
                        _pass(client, server)


def _pass(one: socket.socket, other: socket.socket) -> None:
    ways = {one: other, other: one}
    while True:
        for ready in select.select(list(ways), [], [])[0]:
            data = ready.recv(65536)
            if not data:
                return
            ways[ready].sendall(data)


def test_a_proxy_leads_to_the_registry_and_sees_only_its_name(authority) -> None:
    certificate = authority.certificate("registry.example")
    with FakeRegistry(tls=(certificate.chain, certificate.key)) as registry:
        manifest = registry.push("a/b", {"file": b"content"}, tag="v1")
        proxy = Tunnel(registry.host)
        try:
            environ = {"HTTPS_PROXY": f"http://me:secret@{proxy.address}"}
            http = Http(Net(ca=certificate.ca, pins=(certificate.pin,)), environ)
            answer = http.request("GET", "https://registry.example/v2/a/b/manifests/v1", {"Authorization": "Basic c2VjcmV0"}, limit=10_000)
            http.close()
        finally:
            proxy.close()
        assert answer.body == manifest.raw
        assert proxy.asked == [
            "CONNECT registry.example:443 HTTP/1.1\r\nHost: registry.example:443\r\nProxy-Authorization: Basic bWU6c2VjcmV0\r\n\r\n"
        ]
        assert "proxy-authorization" not in registry.seen[0].headers


def test_a_proxy_that_says_no_is_named_without_its_password() -> None:
    proxy = Tunnel(None, status=407)
    try:
        http = Http(Net(), {"https_proxy": f"http://me:hidden@{proxy.address}"})
        with pytest.raises(
            ProxyFailed, match=f"{proxy.address} does not let us through to https://registry.example: it answers 407"
        ) as caught:
            http.request("GET", "https://registry.example/v2/", limit=1)
        assert "hidden" not in str(caught.value) + str(caught.value.hint)
    finally:
        proxy.close()


def test_a_proxy_that_is_not_there_is_said() -> None:
    http = Http(Net(), {"HTTPS_PROXY": "http://127.0.0.1:1"})
    with pytest.raises(Unreachable, match=r"the proxy 127\.0\.0\.1:1 refused the connection"):
        http.request("GET", "https://registry.example/v2/", limit=1)


def test_a_connection_that_the_server_closed_meanwhile_is_made_anew(registry, certificate, tmp_path, monkeypatch) -> None:
    """As many servers do after a minute."""
    made: list[Wire] = []
    original = Wire.__init__
    monkeypatch.setattr(Wire, "__init__", lambda wire, *rest, **more: (made.append(wire), original(wire, *rest, **more))[1])
    with Client(
        registry.host, Net(ca=certificate.ca, retries=0), Credentials({"HOME": str(tmp_path), **docker_config(tmp_path, registry.host)})
    ) as client:
        client.ping()
        client.ping()
        assert len(made) == 1
        made[0].sock.shutdown(socket.SHUT_RDWR)
        client.ping()
        assert len(made) == 2


# -- files on the web -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "scheme"), [("git", "https"), ("oci", "oci"), ("ropeway", "https"), (None, "")])
def test_a_file_is_trusted_by_the_certificates_of_a_registry_on_its_host_and_else_a_way_that_works_is_named(
    registry, certificate, tmp_path, kind, scheme
) -> None:
    registry.trick(on="GET /w.toml", status=200, body=b"id = 'w'")
    there = {} if kind is None else {"a": Registry("a", kind, f"{scheme}://{registry.host}/x", certificate.ca)}
    around = Around(Registries(there), "https://github.com", Store(tmp_path / "cache/ropeway"), {})
    resolver, wanted = resolver_for(parse_reference(f"https://{registry.host}/w.toml"), around)
    if kind is not None:
        assert resolver.pin(wanted).digest == digest_of(b"id = 'w'")
        return
    with pytest.raises(Unreachable) as caught:
        resolver.pin(wanted)
    assert caught.value.code == "tls-failed"
    assert "SSL_CERT_FILE" in (caught.value.hint or "")
    assert "registry add" not in (caught.value.hint or "")
