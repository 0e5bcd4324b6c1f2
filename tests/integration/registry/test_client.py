"""The client against real registries: what it pushes comes back as it was, with and without a referrers API, in any number of clients at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ropeway.bundles.blobs import Blob, blob_of
from ropeway.bundles.manifest import EMPTY, Descriptor, Manifest, digest_of, make_manifest
from ropeway.errors import NotFound, Refused, RopewayError, StoreError, Unreachable, UsageError
from ropeway.registry.http.transport import Net
from ropeway.registry.oci.client import Client
from ropeway.registry.oci.referrers import fallback_tag
from ropeway.testing.registries import FakeRegistry
from support.registries import Running, unique

REAL = [
    pytest.param("docker", marks=pytest.mark.needs("docker-registry")),
    pytest.param("distribution", marks=pytest.mark.needs("distribution-registry")),
    pytest.param("memory", marks=pytest.mark.needs("ropeway-oras")),
    pytest.param("docker_by_tls", marks=pytest.mark.needs("docker-registry", "nginx")),
]
NET = Net(timeout=5.0, backoff=0.001)
KIND = "application/vnd.example.signature"


class Tally:
    """Progress that counts."""

    def __init__(self) -> None:
        self.said: list[tuple[str, int | None]] = []
        self.done = 0
        self.ended = 0
        self._lock = threading.Lock()

    def begin(self, what: str, total: int | None) -> None:
        self.said.append((what, total))

    def advance(self, done: int) -> None:
        with self._lock:
            self.done += done

    def end(self) -> None:
        self.ended += 1


@pytest.fixture(params=REAL)
def running(request: pytest.FixtureRequest) -> Running:
    return request.getfixturevalue(request.param)


@pytest.fixture
def client(running: Running) -> Iterator[Client]:
    with Client(running.host, Net(timeout=5.0, backoff=0.001, ca=running.ca)) as made:
        yield made


@pytest.fixture
def plain(docker: Running) -> Iterator[Client]:
    with Client(docker.host, NET) as made:
        yield made


def blobs(*sizes: int) -> list[Blob]:
    return [blob_of(os.urandom(size), "application/octet-stream") for size in sizes]


def push(client: Client, repository: str, held: list[Blob], tag: str | None = "v1") -> Manifest:
    manifest = make_manifest(EMPTY, tuple(blob.descriptor for blob in held), artifact_type="application/vnd.example")
    client.push(repository, [Blob(EMPTY, b"{}"), *held])
    client.push_manifest(repository, tag, manifest)
    return manifest


def place(folder: Path):
    folder.mkdir(exist_ok=True)
    return lambda blob: folder / blob.digest.rpartition(":")[2]


def test_what_is_pushed_comes_back_byte_for_byte(client: Client, tmp_path: Path) -> None:
    client.ping()
    repository, held = unique(), blobs(0, 1, 5000, 2_500_000)
    (tmp_path / "large").write_bytes(os.urandom(3_000_001))
    large = Descriptor("application/octet-stream", digest_of((tmp_path / "large").read_bytes()), 3_000_001)
    held.append(Blob(large, path=tmp_path / "large"))
    manifest = push(client, repository, held)
    assert client.manifest(repository, "v1") == (manifest.raw, manifest.media_type, manifest.digest)
    assert client.manifest(repository, manifest.digest)[0] == manifest.raw
    found = client.head(repository, "v1")
    assert found is not None
    assert (found.digest, found.size, found.media_type) == (manifest.digest, len(manifest.raw), manifest.media_type)
    assert client.tags(repository) == ["v1"]
    client.pull(repository, manifest.layers, place(tmp_path / "out"))
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(layer.digest[7:] for layer in manifest.layers)
    for blob in held:
        with blob.open() as file:
            assert (tmp_path / "out" / blob.descriptor.digest[7:]).read_bytes() == file.read()
    assert client.blob(repository, manifest.layers[2]) == held[2].data


def test_what_refers_to_a_manifest_is_found_with_and_without_the_api(client: Client) -> None:
    repository = unique()
    subject = push(client, repository, blobs(10))
    assert client.referrers(repository, subject.digest) == ()
    made = [
        client.attach(repository, subject.descriptor(), kind, data, {"n": "1"})
        for kind, data in ((KIND, b"one"), (KIND, b"two"), ("a/b", b"3"))
    ]
    found = client.referrers(repository, subject.digest)
    assert {entry.digest for entry in found} == {entry.digest for entry in made}
    assert {entry.digest for entry in client.referrers(repository, subject.digest, KIND)} == {made[0].digest, made[1].digest}
    assert client.attach(repository, subject.descriptor(), KIND, b"one", {"n": "1"}) == made[0]
    assert len(client.referrers(repository, subject.digest)) == 3


def test_what_is_there_is_not_sent_again(client: Client, running: Running) -> None:
    repository, held = unique(), blobs(5_000_000)
    push(client, repository, held)
    tally = Tally()
    with Client(running.host, Net(ca=running.ca), progress=tally) as other:
        begun = time.process_time()
        other.push(repository, held)
        assert time.process_time() - begun < 0.5
    assert (tally.said, tally.done, tally.ended) == ([(f"pushing {running.host}/{repository}", 5_000_000)], 5_000_000, 1)


def test_a_manifest_is_deleted_with_its_tags(plain: Client) -> None:
    repository = unique()
    manifest = push(plain, repository, blobs(3))
    plain.delete(repository, manifest.digest)
    assert plain.head(repository, "v1") is None
    with pytest.raises(NotFound):
        plain.delete(repository, manifest.digest)


def test_a_copy_has_the_same_bytes_here_and_elsewhere(plain: Client, distribution: Running) -> None:
    repository, there = unique(), unique()
    manifest = push(plain, repository, blobs(10, 2_000_000))
    assert plain.copy(repository, "v1", plain, there) == manifest.digest
    assert plain.manifest(there, "v1")[0] == manifest.raw
    with Client(distribution.host) as other:
        assert plain.copy(repository, manifest.digest, other, there, "v9") == manifest.digest
        assert other.manifest(there, "v9")[0] == manifest.raw


def test_a_tag_that_is_missing_comes_with_those_there_are(plain: Client, docker: Running) -> None:
    repository = unique()
    manifest = push(plain, repository, blobs(3))
    for tag in ("1.0.0", "latest"):
        plain.push_manifest(repository, tag, manifest)
    plain.attach(repository, manifest.descriptor(), KIND, b"signature")
    with pytest.raises(NotFound) as caught:
        plain.manifest(repository, "v9")
    assert str(caught.value) == f"{docker.host}/{repository} has no tag v9"
    assert caught.value.hint == "it has 1.0.0, latest, v1"
    with pytest.raises(NotFound, match=f"has no repository {repository}x"):
        plain.manifest(repository + "x", "v1")
    assert plain.head(repository, "v9") is None
    with pytest.raises(NotFound, match="has no manifest"):
        plain.manifest(repository, digest_of(b"nothing"))


@pytest.mark.parametrize(
    ("repository", "reference"),
    [("UPPER", "v1"), ("a//b", "v1"), ("../x", "v1"), ("a/b?x", "v1"), ("a", "-v"), ("a", "v 1"), ("a", "x/../y"), ("a", "v" * 129)],
)
def test_what_can_be_no_name_is_refused_before_anything_is_asked(repository: str, reference: str) -> None:
    with Client("localhost:1") as client, pytest.raises(UsageError):
        client.manifest(repository, reference)


def test_an_interrupted_pull_goes_on_where_it_was(plain: Client, tmp_path: Path) -> None:
    repository, held = unique(), blobs(5_000_000)
    manifest = push(plain, repository, held)
    where = place(tmp_path / "out")
    part = Path(f"{where(manifest.layers[0])}.part")
    part.write_bytes(held[0].data[:3_000_000])
    tally = Tally()
    with Client(plain.host, NET, progress=tally) as client:
        client.pull(repository, manifest.layers, where)
    assert where(manifest.layers[0]).read_bytes() == held[0].data
    assert tally.done == 5_000_000
    assert not part.exists()


def test_what_was_pulled_is_not_pulled_again(tmp_path: Path) -> None:
    with FakeRegistry() as registry, Client(registry.host, NET) as client:
        manifest = registry.push("a/b", {"one": b"1" * 100, "two": b"2" * 2_000_000})
        where = place(tmp_path / "out")
        client.pull("a/b", (*manifest.layers, *manifest.layers), where)
        assert len(registry.seen) == 2
        client.pull("a/b", manifest.layers, where)
        assert len(registry.seen) == 2
        where(manifest.layers[0]).write_bytes(b"damaged")
        client.pull("a/b", manifest.layers, where)
        assert where(manifest.layers[0]).read_bytes() == b"1" * 100
        assert len(registry.seen) == 3


def test_many_clients_pull_into_one_folder_at_once(plain: Client, tmp_path: Path) -> None:
    repository = unique()
    manifest = push(plain, repository, blobs(*range(0, 2000, 100), 3_000_000, 3_000_001))
    where = place(tmp_path / "out")
    failures: list[RopewayError] = []

    def one() -> None:
        try:
            with Client(plain.host, NET) as client:
                client.pull(repository, manifest.layers, where)
        except RopewayError as error:
            failures.append(error)

    threads = [threading.Thread(target=one) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    found = {path.name: digest_of(path.read_bytes())[7:] for path in (tmp_path / "out").iterdir()}
    assert found == {layer.digest[7:]: layer.digest[7:] for layer in manifest.layers}


def test_clients_that_sign_at_the_same_time_lose_nothing(plain: Client) -> None:
    """Without the API, all of them change one index that nobody can lock."""
    repository = unique()
    subject = push(plain, repository, blobs(3))
    begin = threading.Barrier(4)
    made: list[str] = []
    failures: list[RopewayError] = []

    def one(number: int) -> None:
        try:
            with Client(plain.host, NET) as client:
                begin.wait()
                made.append(client.attach(repository, subject.descriptor(), KIND, b"%d" % number).digest)
        except RopewayError as error:
            failures.append(error)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert {entry.digest for entry in plain.referrers(repository, subject.digest)} == set(made)
    assert fallback_tag(subject.digest) in plain.tags(repository)


def test_a_folder_that_can_not_be_written_is_named(plain: Client, tmp_path: Path) -> None:
    repository = unique()
    manifest = push(plain, repository, blobs(10))
    with pytest.raises(StoreError, match=str(tmp_path / "missing")) as caught:
        plain.pull(repository, manifest.layers, lambda blob: tmp_path / "missing" / blob.digest[7:])
    assert caught.value.hint


def test_a_refusal_does_not_wait_for_a_blob_that_stalls(tmp_path: Path) -> None:
    with FakeRegistry() as registry, Client(registry.host, Net(timeout=30.0)) as client:
        manifest = registry.push("a/b", {str(number): b"%d" % number * 100 for number in range(9)}, tag="v1")
        registry.trick(on=manifest.layers[0].digest, stall=10)
        registry.trick(on=manifest.layers[5].digest, status=403)
        begun = time.monotonic()
        with pytest.raises(Refused) as caught:
            client.pull("a/b", manifest.layers, place(tmp_path / "out"))
        assert caught.value.code == "forbidden"
        assert time.monotonic() - begun < 10
        assert client.tags("a/b") == ["v1"]


def test_ctrl_c_ends_a_pull_at_once_and_keeps_what_came(tmp_path: Path) -> None:
    with FakeRegistry() as registry:
        manifest = registry.push("a/b", {"one": b"1" * 3_000_000, "two": b"2" * 3_000_001}, tag="v1")
        registry.trick(on="GET .*/blobs/", stall=2_000_000)
        code = (
            "import sys; from pathlib import Path; from ropeway.registry.oci.client import Client; from ropeway.bundles.manifest import parse_manifest\n"
            "with Client(sys.argv[1]) as client:\n"
            "    layers = parse_manifest(client.manifest('a/b', 'v1')[0]).layers\n"
            "    client.pull('a/b', layers, lambda blob: Path(sys.argv[2], blob.digest[7:]))\n"
        )
        process = subprocess.Popen([sys.executable, "-c", code, registry.host, str(tmp_path)], stderr=subprocess.PIPE)
        parts = [tmp_path / f"{layer.digest[7:]}.part" for layer in manifest.layers]
        end = time.monotonic() + 20
        while not all(part.exists() and part.stat().st_size >= 1_000_000 for part in parts):
            assert time.monotonic() < end
            assert process.poll() is None
            time.sleep(0.01)
        begun = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=10)
        assert time.monotonic() - begun < 2
        assert b"KeyboardInterrupt" in said
        assert all(part.exists() for part in parts)


@pytest.mark.parametrize("host", ["localhost:1", "127.0.0.1:1"])
def test_nobody_there_is_said_at_once(host: str) -> None:
    with Client(host) as client, pytest.raises(Unreachable) as caught:
        client.ping()
    assert (caught.value.code, str(caught.value)) == ("connection-refused", f"nothing answers at http://{host}")


def test_a_name_that_is_not_known_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HTTPS_PROXY", raising=False)
    monkeypatch.delenv("https_proxy", raising=False)
    with Client("no-such-host.invalid") as client, pytest.raises(Unreachable, match=r"no-such-host\.invalid is not known") as caught:
        client.ping()
    assert caught.value.code == "dns-failed"


def test_offline_asks_nobody() -> None:
    with FakeRegistry() as registry, Client(registry.host, Net(offline=True)) as client:
        with pytest.raises(Unreachable) as caught:
            client.tags("a/b")
        assert caught.value.code == "offline"
        assert registry.seen == []


def test_a_front_that_takes_no_large_bodies_gets_them_in_pieces(tmp_path: Path) -> None:
    with FakeRegistry() as registry, Client(registry.host, NET) as client:
        registry.trick(on="PUT .*digest=", times=1, status=413)
        held = blobs(17 * 2**20 + 5)
        client.push("a/b", held)
        assert registry.content.repository("a/b").blobs[held[0].descriptor.digest] == held[0].data
        ranges = [seen.headers["content-range"] for seen in registry.seen if seen.method == "PATCH"]
        assert ranges == [f"0-{2**24 - 1}", f"{2**24}-{17 * 2**20 + 4}"]


def test_an_upload_in_pieces_goes_on_after_a_cut() -> None:
    with FakeRegistry() as registry, Client(registry.host, NET) as client:
        registry.trick(on="PUT .*digest=", times=1, status=413)
        registry.trick(on="PATCH", times=1, after=1, drop=True)
        registry.trick(on="PATCH", times=1, late=True)
        held = blobs(33 * 2**20)
        client.push("a/b", held)
        assert registry.content.repository("a/b").blobs[held[0].descriptor.digest] == held[0].data
        assert sum(seen.method == "POST" for seen in registry.seen) == 2


def test_what_the_registry_will_not_have_is_said_with_its_words(plain: Client) -> None:
    with FakeRegistry() as registry, Client(registry.host, NET) as client:
        registry.trick(on="PUT .*/manifests/", status=403, body=b'{"errors": [{"code": "DENIED", "message": "v1 is immutable"}]}')
        with pytest.raises(Refused, match=r"v1 is immutable \(DENIED\)") as caught:
            client.push_manifest("a/b", "v1", make_manifest(EMPTY, ()))
        assert caught.value.code == "forbidden"
