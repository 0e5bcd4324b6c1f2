"""Random histories of a working copy, with git as the judge of every snapshot."""

# ruff: noqa: PTH102, PTH113, PTH114 -- names are bytes here, which Path does not take

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from ropeway.workspaces.snapshots.names import refused
from support.trees import Tree

pytestmark = [pytest.mark.needs("git")]

BASE = {
    b".gitignore": b"dist/\n*.o\n",
    b"a": b"one\n",
    b"dir/a": b"two\n",
    b"dir/sub/b": b"three\n",
    b"dist/kept": b"tracked although ignored\n",
    b"x.o": b"so is this\n",
}
NAMES = [
    b"a",
    b"b",
    b"dir",
    b"sub",
    b"dist",
    b"x.o",
    b"y.o",
    b".gitx",
    b"\xff\xfe",
    b"new\nline",
    b" sp ",
    b":(top)",
    b"*",
    b"[a",
    b"!n",
    b"#h",
    b"-d",
    b'"q"',
    b"b\\s",
]
RULES = [b"*.o", b"dist/", b"!y.o", b"/a", b"b", b"dir/*", b"sub/", b"*", b".gitignore", b"!dir/sub", b"\\!n", b"a", b"dir"]

names = st.sampled_from(NAMES) | st.binary(min_size=1, max_size=6).filter(
    lambda name: b"/" not in name and b"\0" not in name and name not in (b".", b"..", b".jj") and b"git" not in name.lower()
)
paths = st.lists(names, min_size=1, max_size=3).map(b"/".join)
content = st.sampled_from([b"", b"one\n", b"two\n", b"eno\n"]) | st.binary(max_size=20)
rules = st.lists(st.sampled_from(RULES), max_size=3).map(lambda lines: b"".join(line + b"\n" for line in lines))
folders = st.sampled_from([b"", b"dir/", b"dir/sub/", b"dist/", b"sub/"])

edits = st.one_of(
    st.tuples(st.just("write"), paths, content),
    st.tuples(st.just("write"), st.sampled_from(sorted(BASE)[1:]), content),
    st.tuples(st.just("delete"), paths | st.sampled_from([*sorted(BASE), b"dir", b"dist", b"dir/sub"])),
    st.tuples(st.just("chmod"), paths | st.sampled_from(sorted(BASE)), st.booleans()),
    st.tuples(st.just("link"), paths, st.sampled_from([b"a", b"/etc", b"..", b"dir", b"nowhere"])),
    st.tuples(st.just("rename"), paths | st.sampled_from([b"dir", b"dist", b"a"]), paths),
    st.tuples(st.just("rules"), folders, rules),
    st.tuples(st.just("mkdir"), paths),
    st.tuples(st.just("anew")),
)
histories = st.lists(st.lists(edits, max_size=5), min_size=1, max_size=6)


class Played:
    """A history being played: the tree, its snapshots, and git's own index of the same files."""

    def __init__(self, folder: str) -> None:
        self.tree = Tree(Path(folder) / "copy", BASE)
        self.snapshots = self.tree.snapshots()
        self._index = {"GIT_INDEX_FILE": folder + "/index", "GIT_LITERAL_PATHSPECS": "1"}
        self.tree.git("read-tree", self.tree.base, env=self._index)

    def edit(self, one: tuple) -> None:
        tree, (what, *args) = self.tree, one
        if what == "rules":
            tree.write(args[0] + b".gitignore", args[1])
        elif what == "mkdir":
            if not os.path.lexists(tree.at(args[0])) and tree.inside(args[0]):
                os.mkdir(tree.at(args[0]))
        elif what == "chmod":
            tree.chmod(args[0], program=args[1])
        elif what == "anew":
            self.snapshots.remember()
            self.snapshots = tree.snapshots(adopt=False)
            assert self.snapshots.load()
        else:
            with contextlib.suppress(FileNotFoundError):
                getattr(tree, what)(*args)

    def gits(self) -> str:
        """Return the tree that git makes of the files: what it knew, what was in the base, and what no rule ignores."""
        tree = self.tree
        tree.git("add", "--all", env=self._index)
        base = [
            path
            for path in BASE
            if tree.inside(path) and os.path.lexists(tree.at(path)) and (os.path.islink(tree.at(path)) or os.path.isfile(tree.at(path)))
        ]
        if base:
            tree.git("update-index", "--add", "--replace", "-z", "--stdin", stdin=b"".join(path + b"\0" for path in base), env=self._index)
        return tree.git("write-tree", env=self._index).decode().strip()


@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(histories)
def test_a_snapshot_is_the_tree_that_git_makes_of_the_same_files(history):
    with tempfile.TemporaryDirectory() as folder:
        played = Played(folder)
        for number, edits_before in enumerate(history):
            for one in edits_before:
                played.edit(one)
            taken = played.snapshots.take(str(number))
            assert taken.tree == played.gits()
        played.tree.sound()


@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(histories, st.data())
def test_a_restored_snapshot_holds_what_it_held_and_leaves_what_is_ignored(history, data):
    with tempfile.TemporaryDirectory() as folder:
        played = Played(folder)
        tree, taken = played.tree, []
        for number, edits_before in enumerate([[], *history]):
            for one in edits_before:
                played.edit(one)
            taken.append(played.snapshots.take(str(number)))
            if not data.draw(st.booleans(), "restore?"):
                continue
            before = tree.files()
            held_now = tree.held(taken[-1].commit)
            aside = {path: what for path, what in before.items() if path not in held_now}
            chosen = data.draw(st.sampled_from(taken), "which")
            changed = played.snapshots.restore(chosen.commit)
            held = tree.held(chosen.commit)
            after = tree.files()
            assert {path: after.get(path) for path in held} == held
            # What no snapshot held is still there, unless something of the snapshot has to be in its place.
            for path, what in aside.items():
                if path not in held and not any(one.startswith(path + b"/") or path.startswith(one + b"/") for one in held):
                    assert after.get(path) == what
            left = [path for path in after if path not in held and path not in aside]
            assert set(left) <= tree.ignored(left)
            if left:
                event("something stays that only the rules of then ignore")
            differing = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
            assert set(changed) == {path for path in differing if path in held or path not in aside}
            if data.draw(st.booleans(), "anew?"):
                played.edit(("anew",))
            assert played.snapshots.take("99").tree == chosen.tree
        tree.sound()


_PIECES = [
    b".git",
    b".GIT",
    b"git~1",
    b".gitmodules",
    b"\\",
    b":",
    b" ",
    b".",
    b"x",
    b"g",
    b"\xe2\x80\x8c",
    b"\xef\xbb\xbf",
    b"\xff",
    b"\xc4\xb0",
    b"~",
    b"1",
]


@settings(max_examples=30)
@given(st.lists(st.lists(st.sampled_from(_PIECES), min_size=1, max_size=4).map(b"".join), min_size=1, max_size=20, unique=True))
def test_exactly_the_names_that_git_finds_fault_with_are_refused(candidates):
    candidates = [name for name in candidates if name not in (b".", b"..")]
    with tempfile.TemporaryDirectory() as folder:
        tree = Tree(Path(folder) / "copy", {})
        blob = tree.git("hash-object", "-w", "--stdin").decode().strip()
        made = {}
        for name in candidates:
            oid = tree.git("mktree", "-z", stdin=b"100644 blob %s\t%s\0" % (blob.encode(), name)).decode().strip()
            made[oid] = name
        done = subprocess.run(["git", "fsck", "--strict"], cwd=tree.top, capture_output=True, text=True, check=False)
        faulty = {name for oid, name in made.items() if f"error in tree {oid}: hasDotgit" in done.stderr}
        assert {name for name in candidates if refused(name)} == faulty
