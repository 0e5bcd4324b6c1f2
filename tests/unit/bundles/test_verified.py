"""Blobs that were verified while they came: nothing is hashed or copied twice, and nothing that was changed since is believed."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

import pytest

from ropeway.bundles.blobs import Verified, seen_of
from ropeway.bundles.manifest import EMPTY, TITLE, Descriptor, make_manifest
from ropeway.bundles.problems import AlteredBlob, BundleRefused, HostileArchive
from ropeway.bundles.tree import tree_digest
from ropeway.bundles.unpack import unpack_into

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ropeway.bundles.manifest import Manifest

DEFINITION = b'id = "x"\n\n[steps.one]\nrun = "true"\n'
LARGE = b"large " * 1000


def _layer(title: str, data: bytes, algorithm: str = "sha256") -> Descriptor:
    digest = f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"
    return Descriptor("application/octet-stream", digest, len(data), {TITLE: title})


def _in_file(path: Path, layer: Descriptor, data: bytes) -> Verified:
    path.write_bytes(data)
    return Verified(layer, path=path, seen=seen_of(path.stat()))


def _made(*layers: Descriptor) -> Manifest:
    return make_manifest(EMPTY, layers, artifact_type="application/vnd.ropeway.workflow.v1")


def _unpacked(folder: Path, layers: Sequence[Descriptor], blobs: Sequence[Verified]) -> dict[str, tuple[str, tuple[int, int, int, int]]]:
    folder.mkdir()
    known: dict[str, tuple[str, tuple[int, int, int, int]]] = {}
    by = {blob.descriptor.digest: blob for blob in blobs}
    assert unpack_into(_made(*layers), lambda layer: by[layer.digest], folder, known=known) == "workflow.toml"
    return known


def test_a_verified_file_is_moved_and_its_tree_has_the_digest_that_hashing_gives(tmp_path: Path) -> None:
    layers = [_layer("large.bin", LARGE), _layer("workflow.toml", DEFINITION)]
    blobs = [_in_file(tmp_path / "blob", layers[0], LARGE), Verified(layers[1], DEFINITION)]
    inode = (tmp_path / "blob").stat().st_ino
    known = _unpacked(tmp_path / "tree", layers, blobs)
    assert (tmp_path / "tree/large.bin").stat().st_ino == inode
    assert not (tmp_path / "blob").exists()
    assert set(known) == {"large.bin", "workflow.toml"}
    assert tree_digest(tmp_path / "tree", known) == tree_digest(tmp_path / "tree")


def test_a_moved_file_has_the_rights_that_a_new_one_would_have(tmp_path: Path) -> None:
    plain, other = _layer("large.bin", LARGE), _layer("run.sh", b"#!/bin/sh\n" * 9)
    other = Descriptor(other.media_type, other.digest, other.size, {TITLE: "run.sh", "vnd.ropeway.executable": "true"})
    definition = _layer("workflow.toml", DEFINITION)
    blobs = [
        _in_file(tmp_path / "one", plain, LARGE),
        _in_file(tmp_path / "two", other, b"#!/bin/sh\n" * 9),
        Verified(definition, DEFINITION),
    ]
    for name in ("one", "two"):
        (tmp_path / name).chmod(0o600)
    _unpacked(tmp_path / "tree", [plain, other, definition], blobs)
    modes = {name: (tmp_path / "tree" / name).stat().st_mode & 0o777 for name in ("large.bin", "workflow.toml", "run.sh")}
    assert modes["large.bin"] == modes["workflow.toml"]
    assert modes["run.sh"] == modes["large.bin"] | (modes["large.bin"] & 0o444) >> 2


@pytest.mark.parametrize("same_size", [True, False])
def test_a_file_that_was_changed_since_it_was_verified_is_hashed_again_and_refused(tmp_path: Path, same_size: bool) -> None:
    layers = [_layer("large.bin", LARGE), _layer("workflow.toml", DEFINITION)]
    blobs = [_in_file(tmp_path / "blob", layers[0], LARGE), Verified(layers[1], DEFINITION)]
    other = LARGE[:-1] + b"!" if same_size else LARGE + b"!"
    (tmp_path / "blob").write_bytes(other)
    os.utime(tmp_path / "blob", ns=(1, 1))  # the clock of a file system is coarser than this test is quick
    with pytest.raises(AlteredBlob):
        _unpacked(tmp_path / "tree", layers, blobs)
    assert list((tmp_path / "tree").iterdir()) == []


def test_another_file_in_its_place_is_hashed_again_and_refused(tmp_path: Path) -> None:
    layers = [_layer("large.bin", LARGE), _layer("workflow.toml", DEFINITION)]
    blobs = [_in_file(tmp_path / "blob", layers[0], LARGE), Verified(layers[1], DEFINITION)]
    times = (tmp_path / "blob").stat()
    (tmp_path / "other").write_bytes(LARGE[:-1] + b"!")
    os.utime(tmp_path / "other", ns=(times.st_atime_ns, times.st_mtime_ns))
    (tmp_path / "other").replace(tmp_path / "blob")
    with pytest.raises(AlteredBlob):
        _unpacked(tmp_path / "tree", layers, blobs)


def test_a_tree_hashes_a_file_that_was_written_to_after_it_was_moved(tmp_path: Path) -> None:
    layers = [_layer("large.bin", LARGE), _layer("workflow.toml", DEFINITION)]
    known = _unpacked(tmp_path / "tree", layers, [_in_file(tmp_path / "blob", layers[0], LARGE), Verified(layers[1], DEFINITION)])
    sound = tree_digest(tmp_path / "tree", known)
    for name in ("large.bin", "workflow.toml"):
        path = tmp_path / "tree" / name
        before = path.read_bytes()
        path.write_bytes(before[:-1] + b"#")
        os.utime(path, ns=(1, 1))
        assert tree_digest(tmp_path / "tree", known) == tree_digest(tmp_path / "tree") != sound
        path.write_bytes(before)
    assert tree_digest(tmp_path / "tree", known) == sound


def test_what_is_verified_for_one_descriptor_does_not_stand_for_another(tmp_path: Path) -> None:
    layers = [_layer("large.bin", LARGE), _layer("workflow.toml", DEFINITION)]
    wrong = Verified(_layer("other.bin", b"other"), b"other")
    (tmp_path / "tree").mkdir()
    with pytest.raises(AlteredBlob):
        unpack_into(_made(*layers), lambda layer: wrong if layer is layers[0] else Verified(layer, DEFINITION), tmp_path / "tree")


def test_one_blob_under_two_titles_becomes_two_files(tmp_path: Path) -> None:
    layers = [_layer("a.bin", LARGE), _layer("b.bin", LARGE), _layer("workflow.toml", DEFINITION)]
    known = _unpacked(tmp_path / "tree", layers, [_in_file(tmp_path / "blob", layers[0], LARGE), Verified(layers[2], DEFINITION)])
    one, two = tmp_path / "tree/a.bin", tmp_path / "tree/b.bin"
    assert one.read_bytes() == two.read_bytes() == LARGE
    assert one.stat().st_ino != two.stat().st_ino
    assert tree_digest(tmp_path / "tree", known) == tree_digest(tmp_path / "tree")


def test_another_digest_than_sha256_is_not_taken_for_the_tree_s(tmp_path: Path) -> None:
    layers = [_layer("large.bin", LARGE, "sha512"), _layer("workflow.toml", DEFINITION)]
    known = _unpacked(tmp_path / "tree", layers, [_in_file(tmp_path / "blob", layers[0], LARGE), Verified(layers[1], DEFINITION)])
    assert set(known) == {"workflow.toml"}
    assert tree_digest(tmp_path / "tree", known) == tree_digest(tmp_path / "tree")


@pytest.mark.parametrize("title", ["../large.bin", "/large.bin", "a/../../large.bin", "workflow.toml"])
def test_a_verified_file_is_moved_nowhere_that_a_copy_could_not_go(tmp_path: Path, title: str) -> None:
    layers = [_layer("workflow.toml", DEFINITION), _layer(title, LARGE)]
    blobs = [_in_file(tmp_path / "blob", layers[1], LARGE), Verified(layers[0], DEFINITION)]
    with pytest.raises((HostileArchive, BundleRefused)):
        _unpacked(tmp_path / "tree", layers, blobs)
    assert (tmp_path / "blob").read_bytes() == LARGE
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["blob", "tree", "workflow.toml"]
    assert (tmp_path / "tree/workflow.toml").read_bytes() == DEFINITION
