"""Image layouts, folders and tars: what is read of them, and what is refused."""

from __future__ import annotations

import json
import resource
import shutil

import pytest

from ropeway.bundles.layout import open_layout, read_layout, write_layout
from ropeway.bundles.manifest import digest_of
from ropeway.bundles.pack import pack
from ropeway.bundles.problems import AlteredBlob, AlteredManifest, HostileArchive, InvalidBundle
from ropeway.bundles.unpack import list_files, unpack
from ropeway.errors import NotFound, Refused, StoreError
from support.archives import END, entry

INDEX = "application/vnd.oci.image.index.v1+json"


@pytest.fixture
def bundle(tmp_path):
    source = tmp_path / "source"
    (source / "data").mkdir(parents=True)
    (source / "workflow.toml").write_text('id = "a"\nversion = "1.0.0+x"\n[steps.a]\nrun = "true"\n')
    (source / "data/x").write_text("yes")
    (tmp_path / "spool").mkdir()
    return pack(source, spool=tmp_path / "spool")


def blob(root, digest):
    return root / "blobs" / digest.replace(":", "/")


@pytest.mark.parametrize("name", ["layout", "layout.tar"])
def test_a_layout_gives_back_what_was_written(name, bundle, tmp_path) -> None:
    write_layout(bundle, tmp_path / name, tag="1.0.0+x", signatures=[b'{"one":1}', b'{"two":2}'])
    layout = open_layout(tmp_path / name)
    assert layout.bundle.manifest == bundle.manifest
    assert layout.bundle.metadata == bundle.metadata
    assert layout.signatures == (b'{"one":1}', b'{"two":2}')
    assert layout.tag == "1.0.0_x"
    assert [file.path for file in list_files(layout.bundle.manifest, layout.bundle.blobs)] == ["data/x", "workflow.toml"]
    assert unpack(layout.bundle.manifest, layout.bundle.blobs, tmp_path / "target") == "workflow.toml"


def test_blobs_of_a_tar_are_read_where_they_lie(bundle, tmp_path) -> None:
    write_layout(bundle, tmp_path / "layout.tar")
    found = read_layout(tmp_path / "layout.tar").blobs[bundle.manifest.layers[0].digest]
    assert (found.data, found.path) == (None, None)
    with found.open() as file:
        whole = file.read()
        assert (file.seek(-4, 2), file.read(100), file.read(1)) == (len(whole) - 4, whole[-4:], b"")
        assert (file.seek(0), file.read()) == (0, whole)
    assert b"".join(found.chunks(7)) == whole
    assert digest_of(whole) == found.descriptor.digest


def test_an_earlier_layout_is_replaced_and_nothing_else_is(bundle, tmp_path) -> None:
    for name in ("layout", "layout.tar"):
        write_layout(bundle, tmp_path / name)
        before = sorted(tmp_path.rglob("*"))
        write_layout(bundle, tmp_path / name)
        assert sorted(tmp_path.rglob("*")) == before
    for name in ("mine", "mine.tar"):
        (tmp_path / name).write_text("mine")
        with pytest.raises(Refused, match="is no bundle that could be replaced"):
            write_layout(bundle, tmp_path / name)
        assert (tmp_path / name).read_text() == "mine"


@pytest.mark.parametrize("name", ["layout", "layout.tar"])
def test_a_full_disk_leaves_the_earlier_layout_and_nothing_else(name, bundle, tmp_path) -> None:
    write_layout(bundle, tmp_path / name)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50, limit[1]))
    try:
        with pytest.raises(StoreError, match="can not be written: File too large"):
            write_layout(bundle, tmp_path / name)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_file_that_changed_since_it_was_packed_is_not_written(bundle, tmp_path) -> None:
    (tmp_path / "source/workflow.toml").write_text("something else")
    with pytest.raises(InvalidBundle, match=r"workflow\.toml was changed while it was packed"):
        write_layout(bundle, tmp_path / "layout")
    assert not (tmp_path / "layout").exists()


def drop(name):
    return lambda root, _: (root / name).unlink()


def write(name, text):
    return lambda root, _: (root / name).write_text(text)


def index(*manifests):
    return write("index.json", json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": list(manifests)}))


SPOILT = {
    "no mark": (drop("oci-layout"), InvalidBundle, "it has no file oci-layout"),
    "no index": (drop("index.json"), InvalidBundle, "it has no file index.json"),
    "a mark that is no JSON": (write("oci-layout", "x"), InvalidBundle, "the file oci-layout is not JSON"),
    "a later version": (write("oci-layout", '{"imageLayoutVersion":"2.0.0"}'), InvalidBundle, "a version that is not known"),
    "an index that is no JSON": (write("index.json", "{"), InvalidBundle, "the file index.json is not JSON"),
    "an index that is a list": (write("index.json", "[]"), InvalidBundle, "is not a JSON object"),
    "an index without manifests": (write("index.json", "{}"), InvalidBundle, "lists no manifests"),
    "an empty index": (index(), InvalidBundle, "holds no bundle, and one is wanted"),
    "a digest that climbs": (index({"mediaType": "x/y", "digest": "sha256:../../x", "size": 1}), InvalidBundle, "is not a digest"),
    "a manifest that is missing": (index({"mediaType": "x/y", "digest": digest_of(b"x"), "size": 1}), AlteredManifest, "is missing"),
    "a manifest that was altered": (
        lambda root, bundle: blob(root, bundle.manifest.digest).write_bytes(
            bundle.manifest.raw.replace(b"workflow.toml", b"workflow.tomo")
        ),
        AlteredManifest,
        "the manifest has been changed",
    ),
    "a manifest of another size": (
        lambda root, bundle: blob(root, bundle.manifest.digest).write_bytes(bundle.manifest.raw + b" "),
        AlteredManifest,
        "the manifest has been changed",
    ),
    "a layer that was altered": (
        lambda root, bundle: blob(root, bundle.manifest.layers[0].digest).write_bytes(bytes(bundle.manifest.layers[0].size)),
        AlteredBlob,
        "the layer 'data' has been changed",
    ),
    "a layer that was cut": (
        lambda root, bundle: blob(root, bundle.manifest.layers[1].digest).write_bytes(b""),
        AlteredBlob,
        "has 0 bytes, and the manifest says",
    ),
    "a layer that is missing": (
        lambda root, bundle: blob(root, bundle.manifest.layers[1].digest).unlink(),
        AlteredBlob,
        "the layer 'workflow.toml' is missing",
    ),
    "a config that was altered": (
        lambda root, bundle: blob(root, bundle.manifest.config.digest).write_bytes(bytes(bundle.manifest.config.size)),
        AlteredBlob,
        "has been changed",
    ),
    "a layer that is a link": (
        lambda root, bundle: (
            blob(root, bundle.manifest.layers[1].digest).unlink(),
            blob(root, bundle.manifest.layers[1].digest).symlink_to("/etc/hostname"),
        ),
        InvalidBundle,
        "is no regular file",
    ),
    "a huge index": (write("index.json", " " * (5 << 20)), InvalidBundle, "is the most"),
}


@pytest.mark.parametrize(("spoil", "error", "message"), SPOILT.values(), ids=SPOILT)
def test_a_spoilt_layout_is_refused_for_its_own_reason(spoil, error, message, bundle, tmp_path) -> None:
    root = tmp_path / "layout"
    write_layout(bundle, root)
    spoil(root, bundle)
    with pytest.raises(error) as found:
        read_layout(root)
    assert message in str(found.value)


def test_a_layout_of_two_bundles_is_ambiguous(bundle, tmp_path) -> None:
    root = tmp_path / "layout"
    write_layout(bundle, root)
    other = bundle.manifest.raw.replace(b"1.0.0+x", b"1.0.0+y")
    blob(root, digest_of(other)).write_bytes(other)
    listed = json.loads((root / "index.json").read_bytes())
    listed["manifests"].append({"mediaType": bundle.manifest.media_type, "digest": digest_of(other), "size": len(other)})
    (root / "index.json").write_text(json.dumps(listed))
    with pytest.raises(InvalidBundle, match="holds 2 bundles, and one is wanted"):
        read_layout(root)


@pytest.mark.parametrize(
    ("spoil", "error", "message"),
    [
        (lambda raw: raw[:-1024], HostileArchive, "its end mark is missing"),
        (lambda raw: raw[:2000], HostileArchive, "cut off"),
        (lambda raw: raw + b"more", HostileArchive, "stands behind its end mark"),
        (lambda raw: entry("oci-layout", b"{}") + raw, HostileArchive, "'oci-layout' is there twice"),
        (lambda raw: entry("../x", b"y") + raw, HostileArchive, "climbs out of its folder"),
        (lambda raw: entry("x", kind=b"2", link=b"/etc/passwd") + raw, HostileArchive, "is a symbolic link"),
        (lambda _: entry("x", b"y") + END, InvalidBundle, "it has no file oci-layout"),
        (lambda _: b"\x1f\x8b" + bytes(600), InvalidBundle, "neither a folder nor a tar file"),
        (lambda _: b"", InvalidBundle, "neither a folder nor a tar file"),
    ],
)
def test_a_spoilt_tar_is_refused_for_its_own_reason(spoil, error, message, bundle, tmp_path) -> None:
    write_layout(bundle, tmp_path / "layout.tar")
    raw = (tmp_path / "layout.tar").read_bytes()
    (tmp_path / "layout.tar").write_bytes(spoil(raw))
    with pytest.raises(error) as found:
        read_layout(tmp_path / "layout.tar")
    assert message in str(found.value)


def test_every_single_bit_of_a_layer_counts(bundle, tmp_path) -> None:
    write_layout(bundle, tmp_path / "layout.tar")
    raw = (tmp_path / "layout.tar").read_bytes()
    at = raw.index(b'run = "true"')
    (tmp_path / "layout.tar").write_bytes(raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :])
    with pytest.raises(AlteredBlob, match=r"the layer 'workflow\.toml' has been changed"):
        read_layout(tmp_path / "layout.tar")


def test_a_layout_without_the_empty_blob_is_read(bundle, tmp_path) -> None:
    """What names the empty JSON object needs no file: some writers leave it out."""
    root = tmp_path / "layout"
    document = json.loads(bundle.manifest.raw)
    document["config"] = {"mediaType": "application/vnd.oci.empty.v1+json", "digest": digest_of(b"{}"), "size": 2}
    raw = json.dumps(document).encode()
    write_layout(bundle, root)
    blob(root, digest_of(raw)).write_bytes(raw)
    index({"mediaType": bundle.manifest.media_type, "digest": digest_of(raw), "size": len(raw)})(root, bundle)
    found = read_layout(root)
    assert (found.kind, found.metadata.definition, found.metadata.id) == ("workflow", "workflow.toml", "")


def test_nothing_is_found_where_nothing_is(tmp_path) -> None:
    with pytest.raises(NotFound, match="does not exist"):
        read_layout(tmp_path / "nothing")
    shutil.rmtree(tmp_path)
