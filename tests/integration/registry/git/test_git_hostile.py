"""Repositories that want to write elsewhere, or too much."""

from __future__ import annotations

import os
import subprocess

import pytest

from ropeway.bundles.problems import HostileArchive
from ropeway.errors import Refused
from ropeway.lang.reference import Ref
from ropeway.registry import Wanted
from ropeway.registry.git import remote as git_remote
from ropeway.registry.git import tree as git_tree
from support.git_sources import commit, git, make

BLOB = b"x"


def tree(path, entries) -> str:
    """Write a tree object byte by byte: no command of git's makes these."""
    raw = b"".join(b"%s %s\0%s" % (mode, name, bytes.fromhex(oid)) for mode, name, oid in entries)
    return git(path, "hash-object", "-t", "tree", "-w", "--stdin", "--literally", given=raw)


@pytest.fixture
def hostile(tmp_path, around, tools):
    """Make a repository with these entries beside ``w.toml``, and fetch its workflow."""
    (tmp_path / "o").mkdir()
    path = make(tmp_path / "o/r", b"")

    def fetch(*entries):
        blob = git(path, "hash-object", "-w", "--stdin", given=BLOB)
        top = [(b"100644", b"w.toml", blob)]
        top += [(mode, name, blob if oid == "blob" else oid) for mode, name, oid in entries]
        root = tree(path, top)
        made = git(path, "commit-tree", root, "-m", "c")
        git(path, "update-ref", "refs/heads/main", made)
        source = tools.resolver(around, f"file://{tmp_path}", "o", "r")
        pin = source.pin(tools.wanted("w@o/r"))
        return source.fetch(pin, source.evidence(pin))

    fetch.path = path
    return fetch


@pytest.mark.parametrize(
    "name",
    [
        b"..",
        b".",
        b".git",
        b".GIT",
        b".Git",
        b"git~1",
        b"GIT~2",
        b".git ",
        b".git.",
        b".git::$INDEX_ALLOCATION",
        ".g\u200cit".encode(),
        b"n" * 300,
    ],
)
def test_a_name_that_could_leave_the_folder_or_be_gits_own_is_refused(hostile, name):
    inner = tree(hostile.path, [(b"100644", b"config", git(hostile.path, "hash-object", "-w", "--stdin", given=BLOB))])
    with pytest.raises(HostileArchive) as caught:
        hostile((b"40000", name, inner))
    assert caught.value.code == "tree-refused"


@pytest.mark.parametrize("name", [b"../out", b"/tmp/ropeway-out", b"a/../../out", b"a//b"])
def test_a_name_with_a_slash_in_it_stays_inside_or_is_refused(hostile, name):
    with pytest.raises(HostileArchive) as caught:
        hostile((b"100644", name, "blob"))
    assert caught.value.code == "tree-refused"


@pytest.mark.parametrize(
    "name", [b".gitignore", b".gitattributes", b".gitmodules", b".github", b"git", b"-n", b"a b", "ä".encode(), b"\xff", b"*", b"a\\b"]
)
def test_a_plain_name_comes_along(hostile, name):
    found = hostile((b"100644", name, "blob"))
    assert (os.fsencode(found.root) + b"/" + name) in {os.fsencode(path) for path in found.root.iterdir()}


def test_an_entry_that_is_there_twice_is_refused(hostile):
    with pytest.raises(HostileArchive, match="damaged at"):
        hostile((b"100644", b"a", "blob"), (b"100755", b"a", "blob"))


def test_a_file_and_a_folder_of_one_name_are_refused(hostile):
    inner = tree(hostile.path, [(b"100644", b"x", git(hostile.path, "hash-object", "-w", "--stdin", given=BLOB))])
    with pytest.raises(HostileArchive):
        hostile((b"100644", b"a", "blob"), (b"40000", b"a", inner))


@pytest.mark.parametrize("target", ["/etc/passwd", "../x", "a/../../x", "..", "gone", "me", "sub/up/../../../x", "\x00"])
def test_a_link_that_leads_out_or_nowhere_is_refused(hostile, target):
    blob = git(hostile.path, "hash-object", "-w", "--stdin", given=target.encode())
    with pytest.raises(HostileArchive) as caught:
        hostile((b"120000", b"me", blob))
    assert caught.value.code == "link-outside"


def test_links_inside_travel_as_what_they_lead_to(tmp_path, around, tools):
    files = {
        "d/a.sh": "#!/bin/sh\n",
        "d/e/b": "b",
        "w.toml": "id = 'w'",
        "to-a": "d/a.sh",
        "to-d": "d",
        "d/up": "../to-a",
        "d/e/self": "b",
        "x.toml": "w.toml",
    }
    modes = {"d/a.sh": "100755", **dict.fromkeys(("to-a", "to-d", "d/up", "d/e/self", "x.toml"), "120000")}
    (tmp_path / "o").mkdir()
    make(tmp_path / "o/r", commit("main", files, modes=modes))
    source = tools.resolver(around, f"file://{tmp_path}", "o", "r")
    pin = source.pin(tools.wanted("x@o/r"))
    found = source.fetch(pin, source.evidence(pin))
    assert found.file == "x.toml"
    assert found.path.read_text() == "id = 'w'"
    listed = sorted(path.relative_to(found.root).as_posix() for path in found.root.rglob("*") if not path.is_dir())
    assert listed == ["d/a.sh", "d/e/b", "d/e/self", "d/up", "to-a", "to-d/a.sh", "to-d/e/b", "to-d/e/self", "to-d/up", "w.toml", "x.toml"]
    assert not [path for path in found.root.rglob("*") if path.is_symlink()]
    assert os.access(found.root / "to-d/up", os.X_OK)


def test_links_in_a_circle_are_refused(tmp_path, around, tools):
    (tmp_path / "o").mkdir()
    make(tmp_path / "o/r", commit("main", {"w.toml": "", "d/a": "a", "d/e": "."}, modes={"d/e": "120000"}))
    source = tools.resolver(around, f"file://{tmp_path}", "o", "r")
    pin = source.pin(tools.wanted("w@o/r"))
    with pytest.raises(HostileArchive, match="in a circle"):
        source.fetch(pin, source.evidence(pin))


def test_a_submodule_is_left_out(hostile):
    found = hostile((b"160000", b"sub", "1" * 40), (b"100644", b".gitmodules", "blob"))
    assert sorted(path.name for path in found.root.iterdir()) == [".gitmodules", "w.toml"]


def test_a_tree_that_lists_for_ever_is_ended(hostile):
    inner = git(hostile.path, "hash-object", "-w", "--stdin", given=BLOB)
    below = tree(hostile.path, [(b"100644", b"%03d" % n, inner) for n in range(200)])
    for _ in range(8):  # 200 to the 9th files
        below = tree(hostile.path, [(b"40000", b"%03d" % n, below) for n in range(200)])
    with pytest.raises(Refused) as caught:
        hostile((b"40000", b"bomb", below))
    assert caught.value.code in {"answer-too-large", "tree-too-large"}


def test_too_many_files_and_too_many_bytes_are_refused(hostile, monkeypatch):
    monkeypatch.setattr(git_tree, "MOST_FILES", 1)
    with pytest.raises(HostileArchive, match="has 2 files, and 1 are the most"):
        hostile((b"100644", b"a", "blob"))
    monkeypatch.setattr(git_tree, "MOST_FILES", 10)
    monkeypatch.setattr(git_tree, "MOST_BYTES", 1)
    with pytest.raises(HostileArchive, match="has 2 bytes, and 1 are the most"):
        hostile((b"100644", b"a", "blob"))


def test_a_fetch_that_brings_too_much_is_ended(tmp_path, around, tools, monkeypatch):
    (tmp_path / "o").mkdir()
    make(tmp_path / "o/r", commit("main", {"w.toml": os.urandom(3_000_000)}))
    monkeypatch.setattr(git_remote, "_MOST", 1_000_000)
    source = tools.resolver(around, f"file://{tmp_path}", "o", "r")
    pin = source.pin(tools.wanted("w@o/r"))
    with pytest.raises(Refused) as caught:
        source.fetch(pin, source.evidence(pin))
    assert caught.value.code == "answer-too-large"
    assert list((around.store.cache / "git").iterdir()) == []


def test_refs_that_look_like_options_or_patterns_are_only_names(tmp_path, around, tools):
    (tmp_path / "o").mkdir()
    path = make(tmp_path / "o/r", commit("main", {"w.toml": "main"}) + commit("other", {"w.toml": "other"}))
    other = git(path, "rev-parse", "other")
    names = ["heads/main", "HEAD", "FETCH_HEAD", "origin/main", "a@b", "$(touch,x)", "a;b", "main'", "ä", "upload-pack=x"]
    (path / "packed-refs").unlink(missing_ok=True)
    for name in names:
        (path / "refs/tags" / name).parent.mkdir(parents=True, exist_ok=True)
        (path / "refs/tags" / name).write_text(f"{other}\n")
    (path / "refs/heads/-x").write_text(f"{other}\n")  # no porcelain makes such a branch
    source = tools.resolver(around, f"file://{tmp_path}", "o", "r")
    for name in [*names, "-x"]:
        pin = source.pin(Wanted("w", "w", Ref(name, "name")))
        assert pin.digest == f"git:{other}", name
    assert subprocess.run(["git", "-C", path, "for-each-ref"], capture_output=True, check=True).stdout
