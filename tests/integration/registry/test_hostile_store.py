"""Whatever a registry or its content does, the store holds whole, verified trees or nothing, and is usable afterwards."""

from __future__ import annotations

import io
import os
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ropeway.bundles.manifest import EMPTY, INDEX_TYPE, MANIFEST_TYPE, TITLE, Descriptor, canonical_json, digest_of, make_manifest
from ropeway.bundles.problems import AlteredBlob, AlteredManifest, HostileArchive, InvalidBundle, MovedTag
from ropeway.bundles.tree import tree_digest
from ropeway.errors import NotFound, Refused, RopewayError, Unreachable
from ropeway.lang.reference import Ref
from ropeway.registry import Fetched, Wanted
from ropeway.registry.cache.store import Store
from ropeway.registry.http.transport import Net
from ropeway.registry.resolvers.oci import OciResolver
from ropeway.testing.registries import FakeRegistry

REPOSITORY = "workflows/acme/build"
WORKFLOW = b'id = "acme/build"\n\n[steps.one]\nrun = "true"\n'
FILES = {"workflow.toml": WORKFLOW, "large.bin": bytes(range(256)) * 10_000, "README.md": b"# Build\n"}
NET = Net(timeout=0.4, connect_timeout=2.0, retries=1, backoff=0.001)
UNPACK = "io.deis.oras.content.unpack"


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry() as made:
        yield made


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "cache")


def resolver(registry: FakeRegistry, store: Store, tag: str | None = None) -> OciResolver:
    return OciResolver(registry.host, repository=REPOSITORY, tag=tag, store=store, net=NET, environ={"HOME": os.environ["HOME"]})


def fetch(registry: FakeRegistry, store: Store, reference: str = "1.0.0", tag: str | None = None) -> Fetched:
    asked = resolver(registry, store, tag)
    wanted = Wanted(f"oci://{registry.host}/{REPOSITORY}", "", Ref(reference, "digest" if ":" in reference else "version"))
    pin = asked.pin(wanted)
    return asked.fetch(pin, asked.evidence(pin))


def held(store: Store, *, cut: bool) -> list[str]:
    """Return all files of the cache; of a transfer that was ``cut`` not the blobs that it is gone on with."""
    blobs = store.root / "blobs"
    files = [path for path in store.cache.rglob("*") if path.is_file() and path.suffix != ".lock"]
    return [str(path.relative_to(store.cache)) for path in files if not (blobs in path.parents and (cut or path.suffix == ".part"))]


def fails(registry: FakeRegistry, store: Store, error: type[RopewayError], code: str, **more: str) -> None:
    with pytest.raises(error) as caught:
        fetch(registry, store, **more)
    assert caught.value.code == code
    assert held(store, cut=error is not AlteredBlob) == []


def test_an_honest_registry_fills_the_store_once(registry, store) -> None:
    registry.push(REPOSITORY, FILES, tag="1.0.0")
    found = fetch(registry, store)
    assert (found.file, found.path.read_bytes()) == ("workflow.toml", WORKFLOW)
    assert found.tree == tree_digest(found.root)
    asked = len(registry.seen)
    assert fetch(registry, store) == found
    assert [seen.target for seen in registry.seen[asked:] if "/blobs/" in seen.target] == []


@pytest.mark.parametrize("name", FILES)
def test_an_altered_file_leaves_nothing(registry, store, name) -> None:
    manifest = registry.push(REPOSITORY, FILES, tag="1.0.0")
    layer = next(layer for layer in manifest.layers if layer.title == name)
    registry.alter(REPOSITORY, layer.digest, FILES[name][:-1] + b"!")
    fails(registry, store, AlteredBlob, "blob-altered")
    assert not list(store.cache.rglob(f"{layer.digest.partition(':')[2]}*"))
    registry.alter(REPOSITORY, layer.digest, FILES[name])
    assert fetch(registry, store).path.read_bytes() == WORKFLOW


def test_an_altered_manifest_leaves_nothing(registry, store) -> None:
    manifest = registry.push(REPOSITORY, FILES, tag="1.0.0")
    registry.alter(REPOSITORY, manifest.digest, manifest.raw.replace(b"README", b"readme"))
    fails(registry, store, AlteredManifest, "manifest-altered")
    fails(registry, store, AlteredManifest, "manifest-altered", reference=manifest.digest)


def test_a_tag_that_does_not_name_its_digest_any_more_is_refused(registry, store) -> None:
    first = registry.push(REPOSITORY, FILES, tag="1.0.0")
    registry.push(REPOSITORY, FILES | {"README.md": b"other"}, tag="1.0.0")
    fails(registry, store, MovedTag, "tag-moved", reference=first.digest, tag="1.0.0")


@pytest.mark.parametrize(
    ("trick", "error", "code"),
    [
        ({"on": "GET .*/blobs/", "truncate": 100}, Unreachable, "connection-lost"),
        ({"on": "GET .*/blobs/", "stall": 100}, Unreachable, "timeout"),
        ({"on": "GET .*/blobs/", "endless": True}, AlteredBlob, "blob-altered"),
        ({"on": "GET .*/blobs/", "status": 404}, NotFound, "not-found"),
        ({"on": "GET .*/blobs/", "status": 403}, Refused, "forbidden"),
        ({"on": "GET .*/blobs/", "status": 500}, Unreachable, "registry-error"),
        ({"on": "GET .*/manifests/", "endless": True}, Unreachable, "registry-error"),
        ({"on": "GET .*/manifests/", "truncate": 10}, Unreachable, "connection-lost"),
        ({"on": "GET .*/manifests/", "drop": True}, Unreachable, "connection-lost"),
        ({"on": "GET .*/manifests/", "status": 429, "headers": {"Retry-After": "9999"}}, Unreachable, "rate-limited"),
        ({"on": "GET .*/referrers/", "endless": True}, Unreachable, "registry-error"),
        ({"on": "GET .*/referrers/", "status": 500}, Unreachable, "registry-error"),
        ({"on": "GET .*/referrers/", "drop": True}, Unreachable, "connection-lost"),
    ],
    ids=lambda value: " ".join(map(str, value.values())) if isinstance(value, dict) else "",
)
def test_what_fails_on_the_way_leaves_nothing_and_works_later(registry, store, trick, error, code) -> None:
    registry.push(REPOSITORY, FILES, tag="1.0.0")
    made = registry.trick(**trick)
    fails(registry, store, error, code)
    made.times = 0
    assert fetch(registry, store).path.read_bytes() == WORKFLOW
    assert list((store.root / "blobs").rglob("*.*")) == []


def archive(*entries: tuple[str, bytes, dict]) -> bytes:
    """Return a tar archive; the last part of an entry are fields of its header."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for name, data, fields in entries:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            for field, value in fields.items():
                setattr(info, field, value)
            tar.addfile(info, io.BytesIO(data))
    return file.getvalue()


def push_layers(registry: FakeRegistry, *layers: tuple[str, bytes, bool]) -> None:
    """Hold an artifact with layers (title, bytes, whether it is a folder) beside a workflow."""
    blobs = registry.content.repository(REPOSITORY).blobs
    made = [Descriptor("application/toml", digest_of(WORKFLOW), len(WORKFLOW), {TITLE: "workflow.toml"})]
    for title, data, folder in layers:
        blobs[digest_of(data)] = data
        made.append(Descriptor("application/x", digest_of(data), len(data), {TITLE: title} | ({UNPACK: "true"} if folder else {})))
    blobs[EMPTY.digest], blobs[digest_of(WORKFLOW)] = b"{}", WORKFLOW
    registry.put(REPOSITORY, make_manifest(EMPTY, tuple(made)).raw, MANIFEST_TYPE, tag="1.0.0")


@pytest.mark.parametrize(
    "layer",
    [
        ("../outside", b"x", False),
        ("/etc/outside", b"x", False),
        ("a/../../outside", b"x", False),
        ("Workflow.toml", b"x", False),
        ("workflow.toml", b"another", False),
        ("assets", archive(("../../outside", b"x", {})), True),
        ("assets", archive(("assets/link", b"", {"type": tarfile.SYMTYPE, "linkname": "/etc"})), True),
        ("assets", archive(("assets/device", b"", {"type": tarfile.CHRTYPE})), True),
        ("assets", b"no archive at all", True),
    ],
    ids=lambda layer: layer[0] if not layer[2] else str(len(layer[1])),
)
def test_a_hostile_layer_writes_nothing_anywhere(registry, store, tmp_path, layer) -> None:
    push_layers(registry, layer)
    with pytest.raises((HostileArchive, InvalidBundle)):
        fetch(registry, store)
    assert held(store, cut=False) == []
    assert not list(tmp_path.rglob("outside"))


def test_a_size_that_nobody_has_room_for_is_refused_before_it_is_fetched(registry, store) -> None:
    blobs = registry.content.repository(REPOSITORY).blobs
    blobs[EMPTY.digest] = b"{}"
    layer = Descriptor("application/x", "sha256:" + "1" * 64, 10**15, {TITLE: "workflow.toml"})
    registry.put(REPOSITORY, make_manifest(EMPTY, (layer,)).raw, MANIFEST_TYPE, tag="1.0.0")
    fails(registry, store, HostileArchive, "archive-refused")
    assert not [seen for seen in registry.seen if "/blobs/" in seen.target]


@pytest.mark.parametrize(
    ("raw", "media_type", "code"),
    [
        (canonical_json({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": []}), INDEX_TYPE, "bundle-kind"),
        (b"<html>not found</html>", "text/html", "invalid-manifest"),
        (make_manifest(EMPTY, ()).raw, MANIFEST_TYPE, "bundle-kind"),
        (make_manifest(EMPTY, (), artifact_type="application/vnd.ropeway.agent.v1").raw, MANIFEST_TYPE, "bundle-kind"),
        (make_manifest(EMPTY, (), artifact_type="application/vnd.ropeway.workflow.v9").raw, MANIFEST_TYPE, "bundle-version"),
    ],
    ids=["index", "page", "empty", "another kind", "later version"],
)
def test_what_is_no_bundle_is_refused_by_name(registry, store, raw, media_type, code) -> None:
    registry.put(REPOSITORY, raw, media_type, tag="1.0.0")
    fails(registry, store, InvalidBundle, code)


def test_ten_clients_of_a_registry_that_cuts_off_fill_one_store_once(registry, store) -> None:
    registry.push(REPOSITORY, FILES, tag="1.0.0")
    registry.trick("GET .*/blobs/", truncate=1000, times=3)
    registry.trick("GET .*/manifests/", status=503, times=3)
    found: list[Fetched] = []
    wrong: list[BaseException] = []

    def work() -> None:
        try:
            found.append(fetch(registry, store))
        except RopewayError as error:
            wrong.append(error)

    threads = [threading.Thread(target=work) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # With one retry each, a few may have been given up on; nobody may have got something else.
    assert len(found) >= 4
    assert {one.tree for one in found} == {tree_digest(found[0].root)}
    assert all(isinstance(error, Unreachable) for error in wrong)
    assert len(list((store.cache / "store/trees/sha256").iterdir())) == 1
