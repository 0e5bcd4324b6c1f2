"""A registry that lies, stalls, cuts off, redirects or drowns the client: each gets its named error in bounded time, and leaves nothing behind."""

from __future__ import annotations

import email.utils
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ropeway.bundles.manifest import INDEX_TYPE, MANIFEST_TYPE, Descriptor, Manifest, canonical_json, digest_of, parse_manifest
from ropeway.bundles.problems import AlteredBlob, AlteredManifest, InvalidBundle
from ropeway.errors import NotFound, Refused, RopewayError, Unreachable
from ropeway.registry.auth import Credentials
from ropeway.registry.http.transport import Net
from ropeway.registry.oci.client import Client
from ropeway.testing.registries import FOREVER, FakeRegistry, Trick
from support.registries import LOGIN, docker_config

REPOSITORY = "workflows/acme/build"
SMALL = b'name = "build"\n' * 40
LARGE = bytes(range(256)) * 12_000  # 3 MB: more than what is fetched in one piece
BLOBS = "GET /v2/.*/blobs/"
MANIFESTS = "GET /v2/.*/manifests/"

# Short, so that a registry that says nothing is found out quickly.
NET = Net(timeout=0.4, connect_timeout=2.0, retries=2, backoff=0.001, longest_wait=30.0)


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry() as made:
        yield made


@pytest.fixture
def waits() -> list[float]:
    """What the client waited before retries; nothing waits in fact."""
    return []


@pytest.fixture
def client(registry: FakeRegistry, waits: list[float]) -> Iterator[Client]:
    with Client(registry.host, NET, sleep=waits.append) as made:
        yield made


def pull(client: Client, manifest: Manifest, folder: Path) -> list[bytes]:
    """Pull all layers and return them; whatever happens, no file has a blob's name but whole ones."""
    folder.mkdir(exist_ok=True)
    try:
        client.pull(REPOSITORY, manifest.layers, lambda layer: folder / layer.digest.replace(":", "-"))
    finally:
        for path in folder.iterdir():
            if not path.name.endswith(".part"):
                assert digest_of(path.read_bytes()) == path.name.replace("-", ":")
    return [(folder / layer.digest.replace(":", "-")).read_bytes() for layer in manifest.layers]


def requests(registry: FakeRegistry, pattern: str) -> int:
    looking = Trick(pattern)
    return sum(looking.takes(f"{seen.method} {seen.target}") for seen in registry.seen)


# -- blobs ------------------------------------------------------------------------------------------------------------------------------------

LIES: dict[str, Callable[[bytes], bytes]] = {
    "other bytes": lambda right: right[:-1] + bytes([right[-1] ^ 1]),
    "bytes missing": lambda right: right[:-1],
    "bytes too many": lambda right: right + b"\n",
    "nothing": lambda _right: b"",
}


@pytest.mark.parametrize("data", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("lie", LIES)
def test_an_altered_blob_is_refused_and_not_kept(registry, client, tmp_path, data, lie) -> None:
    manifest = registry.push(REPOSITORY, {"file": data})
    registry.trick(BLOBS, body=LIES[lie])
    with pytest.raises(AlteredBlob) as caught:
        pull(client, manifest, tmp_path / "blobs")
    assert caught.value.code == "blob-altered"
    assert manifest.layers[0].digest in caught.value.message
    assert list((tmp_path / "blobs").iterdir()) == []


def test_one_altered_blob_among_many_refuses_the_pull(registry, client, tmp_path) -> None:
    files = {f"file {number}": f"{number}\n".encode() * 100 for number in range(30)}
    manifest = registry.push(REPOSITORY, files)
    registry.alter(REPOSITORY, manifest.layers[17].digest, b"other\n")
    with pytest.raises(AlteredBlob, match=manifest.layers[17].digest):
        pull(client, manifest, tmp_path / "blobs")
    assert not (tmp_path / "blobs" / manifest.layers[17].digest.replace(":", "-")).exists()


@pytest.mark.parametrize("data", [SMALL, LARGE], ids=["small", "large"])
def test_a_blob_without_an_end_is_cut_off_at_its_size(registry, client, tmp_path, data) -> None:
    manifest = registry.push(REPOSITORY, {"file": data})
    registry.trick(BLOBS, endless=True)
    begun = time.monotonic()
    with pytest.raises(AlteredBlob):
        pull(client, manifest, tmp_path / "blobs")
    assert time.monotonic() - begun < 5
    assert list((tmp_path / "blobs").iterdir()) == []


@pytest.mark.parametrize("cut", [{"truncate": 2_000_000}, {"stall": 2_000_000}], ids=["closed", "silent"])
def test_a_blob_that_is_cut_off_is_gone_on_with(registry, client, tmp_path, cut) -> None:
    manifest = registry.push(REPOSITORY, {"file": LARGE})
    registry.trick(BLOBS, times=1, **cut)
    assert pull(client, manifest, tmp_path / "blobs") == [LARGE]
    ranges = [seen.headers.get("range") for seen in registry.seen]
    assert ranges[0] is None
    start = int(ranges[1].removeprefix("bytes=").removesuffix("-"))
    assert 0 < start <= 2_000_000


def test_a_registry_that_ignores_ranges_gives_the_same_bytes(registry, client, tmp_path) -> None:
    manifest = registry.push(REPOSITORY, {"file": LARGE})
    registry.trick(BLOBS, whole=True)
    registry.trick(BLOBS, times=1, truncate=2_000_000)
    assert pull(client, manifest, tmp_path / "blobs") == [LARGE]
    assert [seen.status for seen in registry.seen] == [200, 200]


@pytest.mark.parametrize(
    "headers",
    [{"Content-Range": "bytes 0-5/6"}, {"Content-Range": None}, {"Content-Range": "bytes 9-1/2"}],
    ids=["elsewhere", "absent", "nonsense"],
)
def test_a_wrong_part_of_a_blob_never_ends_up_in_it(registry, client, tmp_path, headers) -> None:
    manifest = registry.push(REPOSITORY, {"file": LARGE})
    registry.trick(BLOBS, headers=headers)
    registry.trick(BLOBS, times=1, truncate=2_000_000)
    assert pull(client, manifest, tmp_path / "blobs") == [LARGE]


def test_other_bytes_after_a_cut_are_found_out(registry, client, tmp_path) -> None:
    manifest = registry.push(REPOSITORY, {"file": LARGE})
    registry.trick(BLOBS, body=lambda rest: rest[:-1] + b"!")
    registry.trick(BLOBS, times=1, truncate=2_000_000)
    with pytest.raises(AlteredBlob):
        pull(client, manifest, tmp_path / "blobs")
    assert list((tmp_path / "blobs").iterdir()) == []


def test_what_an_earlier_process_left_is_gone_on_with_and_not_trusted(registry, client, tmp_path) -> None:
    manifest = registry.push(REPOSITORY, {"file": LARGE})
    folder = tmp_path / "blobs"
    folder.mkdir()
    part = folder / (manifest.layers[0].digest.replace(":", "-") + ".part")
    part.write_bytes(LARGE[:1_500_000])
    assert pull(client, manifest, folder) == [LARGE]
    assert registry.seen[0].headers["range"] == "bytes=1500000-"
    (folder / manifest.layers[0].digest.replace(":", "-")).unlink()
    part.write_bytes(b"spoilt" * 1000)
    assert pull(client, manifest, folder) == [LARGE]
    assert not part.exists()


@pytest.mark.parametrize(
    ("data", "trick", "code"),
    [
        pytest.param(SMALL, {"truncate": 100}, "connection-lost", id="truncated"),
        pytest.param(LARGE, {"truncate": 100}, "connection-lost", id="truncated, large"),
        pytest.param(SMALL, {"stall": 100}, "timeout", id="stalled"),
        pytest.param(LARGE, {"stall": 100}, "timeout", id="stalled, large"),
        pytest.param(LARGE, {"delay": FOREVER}, "timeout", id="silent, large"),
        pytest.param(SMALL, {"drop": True}, "connection-lost", id="dropped"),
        pytest.param(LARGE, {"drop": True}, "connection-lost", id="dropped, large"),
        pytest.param(LARGE, {"reset": True}, "connection-lost", id="reset, large"),
        pytest.param(SMALL, {"status": 500}, "registry-error", id="500"),
        pytest.param(LARGE, {"status": 503}, "registry-error", id="503, large"),
        pytest.param(SMALL, {"zipped": True}, "registry-error", id="encoded"),
        pytest.param(LARGE, {"zipped": True}, "registry-error", id="encoded, large"),
        pytest.param(SMALL, {"status": 302, "headers": {"Location": "/elsewhere"}}, "not-found", id="redirected to nothing"),
    ],
)
def test_a_registry_that_never_does_it_right_is_given_up_soon(registry, client, tmp_path, trick, code, data) -> None:
    manifest = registry.push(REPOSITORY, {"file": data})
    registry.trick(BLOBS, **trick)
    begun = time.monotonic()
    with pytest.raises((Unreachable, NotFound)) as caught:
        pull(client, manifest, tmp_path / "blobs")
    assert caught.value.code == code
    assert caught.value.exit_status == 3
    assert time.monotonic() - begun < 5
    assert requests(registry, BLOBS) <= 1 + NET.retries


def test_a_blob_that_is_not_there_says_which(registry, client, tmp_path) -> None:
    manifest = registry.push(REPOSITORY, {"file": SMALL})
    del registry.content.repository(REPOSITORY).blobs[manifest.layers[0].digest]
    with pytest.raises(NotFound, match=manifest.layers[0].digest):
        pull(client, manifest, tmp_path / "blobs")


# -- manifests --------------------------------------------------------------------------------------------------------------------------------


def test_a_manifest_that_has_another_digest_is_refused(registry, client) -> None:
    manifest = registry.push(REPOSITORY, {"file": SMALL}, tag="1.0.0")
    registry.alter(REPOSITORY, manifest.digest, manifest.raw + b" ")
    for reference in (manifest.digest, "1.0.0"):
        with pytest.raises(AlteredManifest) as caught:
            client.manifest(REPOSITORY, reference)
        assert caught.value.code == "manifest-altered"


@pytest.mark.parametrize("said", ["sha256:" + "0" * 64, "sha512:" + "0" * 128])
def test_a_manifest_whose_header_says_another_digest_is_refused(registry, client, said) -> None:
    manifest = registry.push(REPOSITORY, {"file": SMALL}, tag="1.0.0")
    registry.trick(MANIFESTS, headers={"Docker-Content-Digest": said})
    with pytest.raises(AlteredManifest):
        client.manifest(REPOSITORY, "1.0.0")
    registry.trick("HEAD .*/manifests/", headers={"Docker-Content-Digest": said})
    found = client.head(REPOSITORY, manifest.digest) if said.startswith("sha512") else None
    assert found is None or found.digest == manifest.digest  # what was asked for, never what it says


def test_a_manifest_without_its_digest_in_a_header_is_hashed(registry, client) -> None:
    manifest = registry.push(REPOSITORY, {"file": SMALL}, tag="1.0.0")
    registry.trick("manifests", headers={"Docker-Content-Digest": None})
    assert client.manifest(REPOSITORY, "1.0.0") == (manifest.raw, MANIFEST_TYPE, manifest.digest)
    found = client.head(REPOSITORY, "1.0.0")
    assert found is not None
    assert found.digest == manifest.digest


@pytest.mark.parametrize("reference", ["1.0.0", "digest"])
@pytest.mark.parametrize("trick", [{"body": b"{" + b" " * 5_000_000 + b"}"}, {"endless": True}], ids=["huge", "endless"])
def test_a_manifest_that_is_too_large_is_not_read_to_its_end(registry, client, reference, trick) -> None:
    manifest = registry.push(REPOSITORY, {"file": SMALL}, tag="1.0.0")
    registry.trick(MANIFESTS, **trick)
    begun = time.monotonic()
    with pytest.raises(RopewayError, match=r"4,194,304 bytes"):
        client.manifest(REPOSITORY, manifest.digest if reference == "digest" else reference)
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"<html>Please log in</html>", "invalid-manifest"),
        (b"", "invalid-manifest"),
        (b"[" * 100_000, "invalid-manifest"),
        (b'{"schemaVersion":2}', "invalid-manifest"),
        (canonical_json({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": []}), "bundle-kind"),
        (b'{"schemaVersion":2,"config":{"mediaType":"a/b","digest":"sha256:../../etc/passwd","size":2},"layers":[]}', "invalid-digest"),
        (b'{"schemaVersion":2,"config":{"mediaType":"a/b","digest":"sha256:%s","size":-1},"layers":[]}' % (b"0" * 64), "invalid-manifest"),
    ],
    ids=["a page", "nothing", "nested", "no config", "an index", "a path for a digest", "a negative size"],
)
def test_what_is_no_manifest_is_refused_by_name(registry, client, raw, code) -> None:
    registry.put(REPOSITORY, raw, "text/html", tag="1.0.0")
    body, media_type, _ = client.manifest(REPOSITORY, "1.0.0")
    with pytest.raises(InvalidBundle) as caught:
        parse_manifest(body, media_type)
    assert caught.value.code == code


def test_a_wrong_content_type_does_not_matter(registry, client) -> None:
    manifest = registry.push(REPOSITORY, {"file": SMALL}, tag="1.0.0")
    registry.trick(MANIFESTS, headers={"Content-Type": "text/plain; charset=utf-8"})
    body, media_type, digest = client.manifest(REPOSITORY, "1.0.0")
    assert (digest, parse_manifest(body, media_type).layers) == (manifest.digest, manifest.layers)


def test_a_tag_that_moved_names_the_other_content(registry, client) -> None:
    first = registry.push(REPOSITORY, {"file": b"one"}, tag="1.0.0")
    second = registry.push(REPOSITORY, {"file": b"two"})
    assert client.manifest(REPOSITORY, "1.0.0")[2] == first.digest
    registry.move(REPOSITORY, "1.0.0", second.digest)
    assert client.manifest(REPOSITORY, "1.0.0")[2] == second.digest
    assert client.manifest(REPOSITORY, first.digest)[0] == first.raw


# -- lists ------------------------------------------------------------------------------------------------------------------------------------


def test_pages_that_lead_in_a_circle_end(registry, client) -> None:
    registry.push(REPOSITORY, {"file": SMALL}, tag="1.0.0")
    registry.trick("tags/list", headers={"Link": f'</v2/{REPOSITORY}/tags/list?n=1000>; rel="next"'})
    assert set(client.tags(REPOSITORY)) == {"1.0.0"}
    assert requests(registry, "tags/list") <= 2


def test_pages_at_another_host_are_not_asked_for_there(registry, client) -> None:
    registry.push(REPOSITORY, {"file": SMALL}, tag="1.0.0")
    with FakeRegistry() as other:
        registry.trick("tags/list", times=1, headers={"Link": f'<{other.url}/v2/{REPOSITORY}/tags/list?last=1>; rel="next"'})
        client.tags(REPOSITORY)
        assert other.seen == []


def test_a_list_by_pages_is_whole(registry, client) -> None:
    registry.content.page = 7
    made = registry.push(REPOSITORY, {"file": SMALL})
    tags = [f"1.{number}.0" for number in range(30)]
    for tag in tags:
        registry.move(REPOSITORY, tag, made.digest)
    assert sorted(client.tags(REPOSITORY)) == sorted(tags)


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"tags": 5}', b'{"tags": [5, "../../etc", null]}', b"null"])
def test_a_list_of_nonsense_has_nothing_in_it(registry, client, body) -> None:
    registry.push(REPOSITORY, {"file": SMALL}, tag="1.0.0")
    registry.trick("tags/list", body=body)
    try:
        assert client.tags(REPOSITORY) == []
    except RopewayError as error:
        assert error.code == "registry-error"  # noqa: PT017 — either is right


def test_an_endless_list_is_not_read_to_its_end(registry, client) -> None:
    registry.push(REPOSITORY, {"file": SMALL}, tag="1.0.0")
    registry.trick("tags/list", endless=True)
    with pytest.raises(Unreachable, match="bytes"):
        client.tags(REPOSITORY)


def test_referrers_that_are_nonsense_are_left_out(registry, client) -> None:
    manifest = registry.push(REPOSITORY, {"file": SMALL})
    good = registry.push(REPOSITORY, {"note": b"good"}, artifact_type="application/x.note", subject=manifest)
    listed = {
        "manifests": [
            5,
            {"digest": "sha256:short"},
            good.descriptor().as_json(),
            {"mediaType": "a/b", "digest": good.digest, "size": "many"},
        ]
    }
    registry.trick("referrers", body=canonical_json(listed))
    assert [one.digest for one in client.referrers(REPOSITORY, manifest.digest)] == [good.digest]


@pytest.mark.parametrize("referrers", [True, False], ids=["API", "fallback"])
def test_a_registry_can_hide_what_refers_to_a_manifest_but_not_forge_it(referrers, waits) -> None:
    with FakeRegistry(referrers=referrers) as registry, Client(registry.host, NET, sleep=waits.append) as client:
        manifest = registry.push(REPOSITORY, {"file": SMALL})
        made = client.attach(REPOSITORY, manifest.descriptor(), "application/x.signature", b"signed", {})
        assert [one.digest for one in client.referrers(REPOSITORY, manifest.digest, "application/x.signature")] == [made.digest]
        registry.alter(REPOSITORY, made.digest, b"{}")
        with pytest.raises(AlteredManifest):
            client.manifest(REPOSITORY, made.digest)
        registry.strip(REPOSITORY)
        assert client.referrers(REPOSITORY, manifest.digest) == ()


# -- where secrets go ---------------------------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["basic", "bearer"])
def guarded(request, tmp_path, waits) -> Iterator[tuple[FakeRegistry, Client]]:
    """A registry with a password, and a client that knows it."""
    with FakeRegistry(login=LOGIN, flow=request.param) as registry:
        environ = {**os.environ, **docker_config(tmp_path / "docker", registry.host), "XDG_CACHE_HOME": str(tmp_path / "cache")}
        with Client(registry.host, NET, Credentials(environ), sleep=waits.append) as client:
            yield registry, client


def test_a_redirect_to_another_host_brings_the_bytes_and_not_the_secret(guarded, tmp_path) -> None:
    registry, client = guarded
    manifest = registry.push(REPOSITORY, {"small": SMALL, "large": LARGE}, tag="1.0.0")
    with FakeRegistry() as other:
        other.push(REPOSITORY, {"small": SMALL, "large": LARGE})
        registry.trick(BLOBS, redirect=other.url)
        client.manifest(REPOSITORY, "1.0.0")  # from here on the client knows how to log in
        assert pull(client, manifest, tmp_path / "blobs") == [SMALL, LARGE]
        assert [seen.headers.get("authorization") for seen in other.seen] == [None, None]
        assert all(seen.headers.get("authorization") for seen in registry.seen if seen.status == 307)


@pytest.mark.parametrize(
    "target",
    ["http://192.0.2.1/blob", "file:///etc/passwd", "ftp://example.org/blob", "http://user:password@127.0.0.1/blob"],
)
def test_a_redirect_to_where_no_client_should_go_is_refused(registry, client, tmp_path, target) -> None:
    manifest = registry.push(REPOSITORY, {"file": SMALL})
    registry.trick(BLOBS, status=307, headers={"Location": target})
    with pytest.raises(Refused) as caught:
        pull(client, manifest, tmp_path / "blobs")
    assert caught.value.code == "redirect-refused"


@pytest.mark.parametrize("target", [None, "", "//", "http://"])
def test_redirects_in_a_circle_end(registry, client, tmp_path, target) -> None:
    manifest = registry.push(REPOSITORY, {"file": SMALL})
    if target is None:
        registry.trick(BLOBS, redirect=registry.url)
    else:
        registry.trick(BLOBS, status=307, headers={"Location": target})
    with pytest.raises(Unreachable, match="circle"):
        pull(client, manifest, tmp_path / "blobs")
    assert requests(registry, BLOBS) <= 6


def test_an_upload_that_is_sent_to_another_host_takes_no_secret_there(guarded) -> None:
    registry, client = guarded
    made = registry.push("workflows/other/thing", {"file": b"x"}, tag="1")
    with FakeRegistry() as other:
        registry.trick("POST .*/uploads/", headers={"Location": f"{other.url}/v2/{REPOSITORY}/blobs/uploads/1"})
        with pytest.raises(RopewayError):
            client.attach("workflows/other/thing", made.descriptor(), "application/x", SMALL)
        assert [seen.headers.get("authorization") for seen in other.seen if "authorization" in seen.headers] == []


@pytest.mark.parametrize("realm", ["http://192.0.2.1/token", "file:///etc/passwd", "https://user:password@example.org/token", "token"])
def test_a_password_is_not_sent_to_a_token_service_that_can_be_listened_to(tmp_path, waits, realm) -> None:
    with FakeRegistry(login=LOGIN, flow="bearer") as registry:
        registry.door.realm = realm
        registry.push(REPOSITORY, {"file": SMALL}, tag="1.0.0")
        environ = {**os.environ, **docker_config(tmp_path / "docker", registry.host), "XDG_CACHE_HOME": str(tmp_path / "cache")}
        with Client(registry.host, NET, Credentials(environ), sleep=waits.append) as client, pytest.raises(Refused) as caught:
            client.manifest(REPOSITORY, "1.0.0")
        assert caught.value.code == "realm-refused"


# -- who may enter, and how often -----------------------------------------------------------------------------------------------------------------


def test_a_token_is_got_once_for_many_requests(tmp_path, waits) -> None:
    with FakeRegistry(login=LOGIN, flow="bearer") as registry:
        environ = {**os.environ, **docker_config(tmp_path / "docker", registry.host), "XDG_CACHE_HOME": str(tmp_path / "cache")}
        manifest = registry.push(REPOSITORY, {f"file {number}": f"{number}".encode() for number in range(40)}, tag="1.0.0")
        with Client(registry.host, NET, Credentials(environ), sleep=waits.append) as client:
            client.manifest(REPOSITORY, "1.0.0")
            pull(client, manifest, tmp_path / "blobs")
        assert [one.scopes for one in registry.door.asked] == [(f"repository:{REPOSITORY}:pull",)]
        assert requests(registry, "GET /v2/") == 1 + 1 + 40  # the first is turned away


def test_a_token_that_was_taken_back_is_renewed_once(tmp_path, waits) -> None:
    with FakeRegistry(login=LOGIN, flow="bearer") as registry:
        environ = {**os.environ, **docker_config(tmp_path / "docker", registry.host), "XDG_CACHE_HOME": str(tmp_path / "cache")}
        registry.push(REPOSITORY, {"file": SMALL}, tag="1.0.0")
        with Client(registry.host, NET, Credentials(environ), sleep=waits.append) as client:
            client.manifest(REPOSITORY, "1.0.0")
            registry.door.forget()
            client.manifest(REPOSITORY, "1.0.0")
            assert len(registry.door.asked) == 2
            registry.trick(MANIFESTS, status=401, headers={"WWW-Authenticate": f'Bearer realm="{registry.url}/token",service="x"'})
            with pytest.raises(Refused) as caught:
                client.manifest(REPOSITORY, "1.0.0")
        assert caught.value.code == "unauthorized"
        assert len(registry.door.asked) == 3


def test_a_token_is_renewed_before_it_expires(tmp_path, waits) -> None:
    with FakeRegistry(login=LOGIN, flow="bearer") as registry:
        registry.door.said_lifetime = 1
        environ = {**os.environ, **docker_config(tmp_path / "docker", registry.host), "XDG_CACHE_HOME": str(tmp_path / "cache")}
        registry.push(REPOSITORY, {"file": SMALL}, tag="1.0.0")
        with Client(registry.host, NET, Credentials(environ), sleep=waits.append) as client:
            client.manifest(REPOSITORY, "1.0.0")
            client.manifest(REPOSITORY, "1.0.0")
        assert [seen.status for seen in registry.seen if "/manifests/" in seen.target] == [401, 200, 200]


@pytest.mark.parametrize("flow", ["basic", "bearer"])
def test_nobody_and_the_wrong_password_are_turned_away_with_what_to_do(tmp_path, waits, flow) -> None:
    with FakeRegistry(login=LOGIN, flow=flow) as registry:
        registry.push(REPOSITORY, {"file": SMALL}, tag="1.0.0")
        wrong = docker_config(tmp_path / "docker", registry.host, ("ada", "guess"))
        for credentials in (None, Credentials({**os.environ, **wrong, "XDG_CACHE_HOME": str(tmp_path / "cache")})):
            with Client(registry.host, NET, credentials, sleep=waits.append) as client, pytest.raises(Refused) as caught:
                client.manifest(REPOSITORY, "1.0.0")
            assert (caught.value.code, caught.value.hint) == ("unauthorized", f"workflow registry login {registry.host}")
        assert waits == []


def test_everybody_may_pull_with_a_token_that_costs_nothing(waits) -> None:
    with FakeRegistry(login=LOGIN, flow="bearer", anonymous=True) as registry:
        manifest = registry.push(REPOSITORY, {"file": SMALL}, tag="1.0.0")
        with Client(registry.host, NET, sleep=waits.append) as client:
            assert client.manifest(REPOSITORY, "1.0.0")[2] == manifest.digest
            with pytest.raises(Refused):
                client.attach(REPOSITORY, manifest.descriptor(), "application/x", b"x")


@pytest.mark.parametrize(
    ("status", "error", "code"), [(403, Refused, "forbidden"), (404, NotFound, "tag-not-found"), (429, Unreachable, "rate-limited")]
)
def test_an_answer_that_is_an_error_has_its_name(registry, client, status, error, code) -> None:
    registry.push(REPOSITORY, {"file": SMALL}, tag="0.9.0")
    registry.trick(MANIFESTS, status=status, body=b'{"errors":[{"code":"DENIED","message":"not \\u001b[31mfor you"}]}')
    with pytest.raises(error) as caught:
        client.manifest(REPOSITORY, "1.0.0")
    assert caught.value.code == code
    assert "\x1b" not in caught.value.message


def test_a_tag_that_is_not_there_comes_with_those_that_are(registry, client) -> None:
    for tag in ("1.0.0", "1.1.0"):
        registry.push(REPOSITORY, {"file": SMALL}, tag=tag)
    with pytest.raises(NotFound) as caught:
        client.manifest(REPOSITORY, "2.0.0")
    assert "1.0.0, 1.1.0" in (caught.value.hint or "")


def test_a_registry_that_is_busy_is_asked_again_when_it_says(registry, client, waits) -> None:
    manifest = registry.push(REPOSITORY, {"file": SMALL}, tag="1.0.0")
    registry.trick(MANIFESTS, status=429, headers={"Retry-After": "7"}, times=1)
    assert client.manifest(REPOSITORY, "1.0.0")[2] == manifest.digest
    assert waits == [7.0]
    waits.clear()
    at = email.utils.formatdate(time.time() + 20, usegmt=True)
    registry.trick(MANIFESTS, status=503, headers={"Retry-After": at}, times=1)
    assert client.manifest(REPOSITORY, "1.0.0")[2] == manifest.digest
    assert 15 < waits[0] <= 20


def test_a_registry_that_wants_hours_is_not_waited_for(registry, client, waits) -> None:
    registry.push(REPOSITORY, {"file": SMALL}, tag="1.0.0")
    registry.trick(MANIFESTS, status=429, headers={"Retry-After": "7200"})
    with pytest.raises(Unreachable) as caught:
        client.manifest(REPOSITORY, "1.0.0")
    assert (caught.value.code, waits) == ("rate-limited", [])
    assert "7200" in (caught.value.hint or "")


def test_what_passes_is_tried_again(registry, client, tmp_path) -> None:
    manifest = registry.push(REPOSITORY, {"file": SMALL}, tag="1.0.0")
    registry.trick(MANIFESTS, status=500, times=2)
    registry.trick(BLOBS, reset=True, times=1)
    registry.trick(BLOBS, drop=True, times=1)
    client.manifest(REPOSITORY, "1.0.0")
    assert pull(client, manifest, tmp_path / "blobs") == [SMALL]


# -- pushing ----------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "trick",
    [
        {"on": "PUT .*/uploads/", "drop": True},
        {"on": "PUT .*/uploads/", "late": True},
        {"on": "PUT .*/uploads/", "status": 500},
        {"on": "POST .*/uploads/", "status": 503},
        {"on": "POST .*/uploads/", "delay": FOREVER},
        {"on": "PUT .*/manifests/", "late": True},
    ],
    ids=["cut", "cut after it was done", "500", "503", "silent", "manifest cut after it was done"],
)
def test_a_push_that_fails_on_the_way_is_done_again(registry, client, trick) -> None:
    made = registry.push(REPOSITORY, {"file": SMALL}, tag="1.0.0")
    registry.trick(times=1, **trick)
    described = client.attach(REPOSITORY, made.descriptor(), "application/x.note", SMALL + LARGE)
    raw, _, _ = client.manifest(REPOSITORY, described.digest)
    assert registry.content.repository(REPOSITORY).blobs[parse_manifest(raw).layers[0].digest] == SMALL + LARGE


@pytest.mark.parametrize("relative", [True, False], ids=["relative", "absolute"])
def test_a_location_is_followed_as_it_is_given(registry, client, relative) -> None:
    registry.content.relative = relative
    made = registry.push(REPOSITORY, {"file": SMALL})
    assert client.attach(REPOSITORY, made.descriptor(), "application/x.note", b"note").size > 0


def test_a_manifest_that_the_registry_changed_on_its_way_in_is_refused(registry, client) -> None:
    made = registry.push(REPOSITORY, {"file": SMALL})
    registry.trick("PUT .*/manifests/", headers={"Docker-Content-Digest": "sha256:" + "0" * 64})
    with pytest.raises(AlteredManifest):
        client.push_manifest(REPOSITORY, "1.0.0", made)


def test_a_blob_of_a_size_that_nobody_holds_in_memory_is_refused_before_it_is_asked_for(registry, client) -> None:
    with pytest.raises(InvalidBundle):
        client.blob(REPOSITORY, Descriptor("a/b", "sha256:" + "0" * 64, 10**12))
    assert registry.seen == []


# -- a registry that drips ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", [BLOBS, MANIFESTS])
def test_a_registry_that_drips_is_given_up_once_and_for_all(registry, tmp_path, what) -> None:
    manifest = registry.push(REPOSITORY, {"file": LARGE}, tag="v1")
    registry.trick(on=what, slow=0.02, piece=1)
    before = time.monotonic()
    with Client(registry.host, Net(timeout=5.0, least_rate=4096, rate_window=0.3)) as client:
        ask = {BLOBS: lambda: pull(client, manifest, tmp_path / "files"), MANIFESTS: lambda: client.manifest(REPOSITORY, "v1")}[what]
        with pytest.raises(Unreachable, match="too slowly") as caught:
            ask()
    assert (caught.value.code, requests(registry, what)) == ("timeout", 1)
    assert time.monotonic() - before < 3


def test_a_registry_that_is_slow_but_not_that_slow_is_waited_for(registry, tmp_path) -> None:
    manifest = registry.push(REPOSITORY, {"file": SMALL * 100}, tag="v1")
    registry.trick(on=BLOBS, slow=0.02, piece=4096)
    with Client(registry.host, Net(timeout=5.0, least_rate=4096, rate_window=0.1)) as client:
        assert pull(client, manifest, tmp_path / "files") == [SMALL * 100]
