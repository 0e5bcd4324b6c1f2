"""The digest of a tree, and copies of trees."""

from __future__ import annotations

import os

import pytest

from ropeway.bundles.problems import InvalidBundle
from ropeway.bundles.tree import copy_tree, tree_digest, walk


@pytest.fixture
def tree(tmp_path):
    root = tmp_path / "tree"
    (root / "a/b").mkdir(parents=True)
    (root / "a/b/c.txt").write_text("content\n")
    (root / "run").write_text("#!/bin/sh\n")
    (root / "run").chmod(0o755)
    return root


def test_a_tree_has_the_digest_that_it_always_had(tree) -> None:
    assert tree_digest(tree) == "sha256:7272c4bc63705f6795ccac3d79fa9cbe6f9af86ab6b94aaf1c2d9c1b0a295c1a"
    (tree / "a/b/c.txt").chmod(0o600)
    (tree / "run").chmod(0o700)
    os.utime(tree / "run", (1, 1))
    (tree / "empty/deep").mkdir(parents=True)
    assert tree_digest(tree) == "sha256:7272c4bc63705f6795ccac3d79fa9cbe6f9af86ab6b94aaf1c2d9c1b0a295c1a"


def test_an_empty_tree_has_a_digest_too(tmp_path) -> None:
    assert tree_digest(tmp_path) == "sha256:151b000f88490acff0021367f48ce694964a5b8a24609cdfbd4603dca413a6d4"


def test_a_copy_is_of_its_own_and_keeps_what_may_be_executed(tree, tmp_path) -> None:
    (tree / "empty").mkdir()
    copy_tree(tree, tmp_path / "copy")
    assert tree_digest(tmp_path / "copy") == tree_digest(tree)
    assert not (tmp_path / "copy/empty").exists()
    assert (tmp_path / "copy/run").stat().st_ino != (tree / "run").stat().st_ino
    assert sorted(path for path, _ in walk(tmp_path / "copy")) == [b"a/b/c.txt", b"run"]
    with pytest.raises(FileExistsError):
        copy_tree(tree, tmp_path / "copy")


@pytest.mark.parametrize(("make", "what"), [(lambda path: path.symlink_to("run"), "a symbolic link"), (os.mkfifo, "a named pipe")])
def test_a_tree_holds_files_and_folders_only(make, what, tree, tmp_path) -> None:
    make(tree / "a/strange")
    for work in (lambda: tree_digest(tree), lambda: copy_tree(tree, tmp_path / "copy")):
        with pytest.raises(InvalidBundle, match=f"a/strange is {what}") as found:
            work()
        assert found.value.code == "tree-entry"


def test_a_file_may_have_any_name_that_the_system_takes(tmp_path) -> None:
    for name in (b"new\nline", b"\xff", b"-", b"x 1:y"):
        with open(os.path.join(os.fsencode(tmp_path), name), "wb") as file:  # noqa: PTH118, PTH123 - names are bytes
            file.write(name)
    before = tree_digest(tmp_path)
    os.rename(os.path.join(os.fsencode(tmp_path), b"\xff"), os.path.join(os.fsencode(tmp_path), b"\xfe"))  # noqa: PTH104, PTH118 - same
    assert tree_digest(tmp_path) != before
