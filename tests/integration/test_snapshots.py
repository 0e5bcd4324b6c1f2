"""Snapshots of real working copies: kinds of repositories, things that are no files, hostile steps, full disks, and git at work beside us."""

# ruff: noqa: PTH101, PTH102, PTH104, PTH108, PTH110, PTH112, PTH114, PTH115, PTH116, PTH118, PTH123, PTH208, PTH211 -- names are bytes here, which Path does not take

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import tracemalloc
from contextlib import contextmanager
from pathlib import Path

import pytest

from ropeway.errors import NotFound, StoreError
from ropeway.workspaces.snapshots import Snapshots, changed_paths, inside, make_store, objects
from support.trees import Tree

pytestmark = [pytest.mark.needs("git")]

FILES = {b"a": b"one\n", b"dir/b": b"two\n", b"dir/sub/c": b"three\n", b".gitignore": b"dist/\n*.o\nnode_modules/\n"}


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path / "copy", FILES)


_seen: list[tuple[str, tuple]] | None = None


def _hear(event: str, args: tuple) -> None:
    if _seen is not None and event in ("subprocess.Popen", "os.listdir", "open", "os.mkdir", "os.rename", "os.utime"):
        _seen.append((event, args))


sys.addaudithook(_hear)


@contextmanager
def heard():
    """Yield a list that fills with what this process asks the system for."""
    global _seen  # noqa: PLW0603 - an audit hook can't be removed
    _seen = []
    try:
        yield _seen
    finally:
        _seen = None


def settled() -> None:
    """Wait until what was written is older than a tick of the file system's clock."""
    time.sleep(0.03)


# -- what is saved ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["sha1", "sha256"])
def test_a_snapshot_is_a_commit_that_git_reads(tmp_path, kind):
    tree = Tree(tmp_path / "copy", FILES, kind=kind)
    snapshots = tree.snapshots()
    first = snapshots.take("0", [tree.base], "Files at boundary 0")
    assert first.tree == tree.git("rev-parse", "HEAD^{tree}").decode().strip()
    tree.write(b"dir/b", b"changed\n")
    tree.write(b"new/d", b"four\n")
    tree.write(b"dist/ignored", b"x")
    tree.link(b"link", b"dir/b")
    tree.chmod(b"a", program=True)
    tree.delete(b"dir/sub/c")
    second = snapshots.take("1", [first.commit], "Files at boundary 1")
    assert (second.number, snapshots.latest()) == (1, second)
    assert changed_paths(tree.git_dir, first.commit, second.commit) == [
        ("M", "a"),
        ("M", "dir/b"),
        ("D", "dir/sub/c"),
        ("A", "link"),
        ("A", "new/d"),
    ]
    assert tree.held(second.commit) == {path: what for path, what in tree.files().items() if path != b"dist/ignored"}
    assert tree.git("log", "--format=%an <%ae> %s", second.commit, f"^{tree.base}").decode().splitlines() == [
        "ropeway <ropeway@localhost> Files at boundary 1",
        "ropeway <ropeway@localhost> Files at boundary 0",
    ]
    refs = tree.git("for-each-ref", "--format=%(objectname) %(refname)", "refs/ropeway").decode().split()
    assert refs == [first.commit, "refs/ropeway/run1/0", second.commit, "refs/ropeway/run1/1"]
    assert tree.git("archive", second.commit)
    tree.sound()


def test_branch_index_and_stash_are_not_touched(tree):
    def looked() -> tuple[bytes, ...]:
        index = Path(tree.git_dir, "index").read_bytes()
        return (
            index,
            tree.git("for-each-ref", "refs/heads", "refs/stash"),
            Path(tree.git_dir, "HEAD").read_bytes(),
            tree.git("reflog", "--all"),
        )

    before = looked()
    snapshots = tree.snapshots()
    snapshots.take("0")
    tree.write(b"a", b"changed\n")
    snapshots.take("1")
    assert looked() == before


def test_a_snapshot_of_nothing_new_starts_no_process_and_writes_nothing(tree):
    snapshots = tree.snapshots()
    tree.write(b"dist/x", b"ignored")
    first = snapshots.take("0")
    settled()
    snapshots.take("1")
    with heard() as calls:
        assert snapshots.take("2") == first
    assert {event for event, _ in calls} <= {"os.listdir", "open"}
    assert all(args[2] & os.O_DIRECTORY for event, args in calls if event == "open"), calls
    assert tree.git("for-each-ref", "refs/ropeway").count(b"\n") == 1


def test_a_changed_file_costs_no_process(tree):
    snapshots = tree.snapshots()
    snapshots.take("0")
    tree.write(b"dir/b", b"changed\n")
    with heard() as calls:
        assert snapshots.take("1").number == 1
    assert "subprocess.Popen" not in {event for event, _ in calls}


def test_new_files_cost_one_process_however_deep_they_are(tree):
    snapshots = tree.snapshots()
    snapshots.take("0")
    tree.write(b"new/1/2/3/4/5/file", b"x")
    tree.write(b"other/1/2/file", b"x")
    with heard() as calls:
        snapshots.take("1")
    assert [event for event, _ in calls].count("subprocess.Popen") == 1


def test_an_ignored_folder_is_asked_about_once_and_never_entered(tree):
    snapshots = tree.snapshots()
    for number in range(50):
        tree.write(b"node_modules/p%d/index.js" % number, b"x")
    with heard() as calls:
        snapshots.take("0")
        snapshots.take("1")
    assert [event for event, _ in calls].count("subprocess.Popen") == 1
    assert not [args for event, args in calls if event == "os.listdir" and b"node_modules" in os.fsencode(args[0])]
    assert snapshots.ignored() == ["node_modules/"]


def test_only_files_that_changed_are_read(tree):
    settled()
    snapshots = tree.snapshots()
    with heard() as calls:
        snapshots.take("0")
    assert b"a" not in [args[0] for event, args in calls if event == "open"]
    tree.write(b"a", b"changed\n")
    with heard() as calls:
        snapshots.take("1")
    assert {b"a", b"b", b"c"} & {args[0] for event, args in calls if event == "open"} == {b"a"}


def test_a_change_of_the_same_size_within_the_same_tick_is_seen(tree):
    snapshots = tree.snapshots()
    taken = []
    for number in range(40):
        tree.write(b"a", b"%04d" % number)
        taken.append(snapshots.take(str(number)).tree)
    assert len(set(taken)) == 40


def test_a_named_snapshot_has_its_ref_even_when_nothing_changed(tree):
    snapshots = tree.snapshots()
    first = snapshots.take("0")
    assert snapshots.take("found-1") == first
    assert tree.git("rev-parse", "refs/ropeway/run1/found-1").decode().strip() == first.commit


def test_a_path_of_the_base_stays_tracked_when_a_rule_ignores_it(tmp_path):
    tree = Tree(tmp_path / "copy", FILES | {b"dist/kept": b"old\n", b"x.o": b"old\n"})
    snapshots = tree.snapshots()
    tree.write(b"dist/kept", b"new\n")
    tree.write(b"dist/other", b"ignored\n")
    assert b"dist/kept" in tree.held(snapshots.take("0").commit)
    tree.delete(b"dist")
    assert b"dist/kept" not in tree.held(snapshots.take("1").commit)
    tree.write(b"dist/kept", b"back\n")
    tree.write(b"dist/other", b"ignored\n")
    held = tree.held(snapshots.take("2").commit)
    assert (held[b"dist/kept"][1], held[b"x.o"][1], b"dist/other" in held) == (b"back\n", b"old\n", False)


@pytest.mark.parametrize("where", ["person", "repository", "exclude"])
def test_the_persons_own_ignore_rules_count(tree, tmp_path, monkeypatch, where):
    rules = tmp_path / "rules"
    rules.write_text("*.private\n")
    if where == "person":
        settings = tmp_path / "gitconfig"
        settings.write_text(f"[core]\n\texcludesFile = {rules}\n")
        monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    elif where == "repository":
        tree.git("config", "core.excludesFile", str(rules))
    else:
        Path(tree.git_dir, "info").mkdir(exist_ok=True)
        Path(tree.git_dir, "info/exclude").write_text("*.private\n")
    snapshots = tree.snapshots()
    tree.write(b"dir/notes.private", b"x")
    assert b"dir/notes.private" not in tree.held(snapshots.take("0").commit)
    assert snapshots.ignored() == ["dir/notes.private"]


def test_a_rule_that_takes_another_back_counts(tree):
    snapshots = tree.snapshots()
    tree.write(b".gitignore", b"*.o\n!kept.o\n")
    tree.write(b"dir/kept.o", b"x")
    tree.write(b"dir/other.o", b"x")
    held = tree.held(snapshots.take("0").commit)
    assert (b"dir/kept.o" in held, b"dir/other.o" in held) == (True, False)


def test_a_rule_for_folders_does_not_count_for_a_file_in_the_place_of_one(tree):
    snapshots = tree.snapshots()
    tree.write(b"dist/x", b"ignored")
    snapshots.take("0")
    tree.write(b"dist", b"a file now")
    assert b"dist" in tree.held(snapshots.take("1").commit)


def test_folders_are_sorted_as_git_sorts_them(tree):
    snapshots = tree.snapshots()
    for name in (b"s/x", b"s-1", b"s.1", b"s0", b"t", b"t-/x", b"t./x", b"t0/x"):
        tree.write(name, b"x")
    tree.git("add", "--all")
    assert snapshots.take("0").tree == tree.git("write-tree").decode().strip()
    tree.sound()


def test_a_folder_that_ignores_all_of_itself_is_named_once_and_our_tools_not_at_all(tree):
    for name in (b".venv", b".agent-tools"):
        tree.write(name + b"/.gitignore", b"*\n")
        tree.write(name + b"/bin/python", b"x")
    tree.write(b"dist/x", b"x")
    tree.write(b"dir/x.o", b"x")
    snapshots = tree.snapshots()
    assert snapshots.take("0").tree == tree.git("rev-parse", "HEAD^{tree}").decode().strip()
    assert snapshots.ignored() == [".venv/", "dir/x.o", "dist/"]


def test_names_of_any_bytes_are_saved_and_put_back(tree):
    names = [
        b"new\nline",
        b" space ",
        b"\xff\xfe\x80",
        b":(glob)x",
        b"-f",
        b"*",
        b'"',
        b"\\",
        b".git2",
        b"a.git",
        "ä".encode(),
        b"a" * 255,
        b"\t",
        b"#x",
        b"!x",
    ]
    snapshots = tree.snapshots()
    empty = snapshots.take("0")
    for name in names:
        tree.write(b"odd/%s/%s" % (name, name), name)
        tree.link(b"links/" + name, name)
    full = snapshots.take("1")
    held = tree.held(full.commit)
    assert {path for path in held if path.startswith(b"odd/")} == {b"odd/%s/%s" % (name, name) for name in names}
    snapshots.restore(empty.commit)
    assert not os.path.exists(tree.at(b"odd"))
    snapshots.restore(full.commit)
    assert tree.files() == held
    tree.sound()


def test_names_that_git_takes_for_its_own_folder_are_left_alone(tree):
    snapshots = tree.snapshots()
    before = snapshots.take("0")
    for name in (b"dir/.GIT", b"git~1", b"dir/.git ."):
        tree.write(name, b"x")
    tree.link(b".gitmodules", b"a")
    assert snapshots.take("1") == before
    assert snapshots.nested == (".gitmodules", "dir/.GIT", "dir/.git .", "git~1")
    snapshots.restore(before.commit)
    assert os.path.exists(tree.at(b"git~1"))


def test_what_is_no_file_is_neither_saved_nor_removed(tree):
    snapshots = tree.snapshots()
    before = snapshots.take("0")
    os.mkdir(tree.at(b"empty"))
    os.mkfifo(tree.at(b"dir/pipe"))
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.fsdecode(tree.at(b"s")))
        assert snapshots.take("1") == before
        snapshots.restore(before.commit)
        assert [os.path.lexists(tree.at(name)) for name in (b"empty", b"dir/pipe", b"s")] == [True] * 3


def test_a_repository_inside_is_named_and_neither_saved_nor_removed(tree):
    snapshots = tree.snapshots()
    before = snapshots.take("0")
    for name in ("inner", "dir/other"):
        subprocess.run(["git", "init", "--quiet", os.path.join(os.fsdecode(tree.top), name)], check=True)
        tree.write(os.fsencode(name) + b"/file", b"x")
    tree.write(b"worktree/.git", b"gitdir: /elsewhere\n")
    tree.write(b"dist/ignored/.git/HEAD", b"x")
    tree.write(b"jj/.jj/repo/x", b"x")
    assert snapshots.take("1") == before
    assert snapshots.nested == ("dir/other", "inner", "jj", "worktree")
    snapshots.restore(before.commit)
    assert os.path.exists(tree.at(b"inner/file"))
    shutil.rmtree(tree.at(b"inner/.git"))
    assert b"inner/file" in tree.held(snapshots.take("2").commit)


def test_submodules_of_the_base_stay_in_our_trees(tmp_path):
    tree = Tree(tmp_path / "copy", FILES)
    tree.git("update-index", "--add", "--cacheinfo", f"160000,{tree.base},dir/module")
    tree.git("update-index", "--add", "--cacheinfo", f"160000,{tree.base},lib/other")
    tree.git("commit", "--quiet", "--message=modules")
    tree.base = tree.git("rev-parse", "HEAD").decode().strip()
    snapshots = tree.snapshots()
    os.mkdir(tree.at(b"dir/module"))
    first = snapshots.take("0")
    assert first.tree == tree.git("rev-parse", "HEAD^{tree}").decode().strip()
    tree.write(b"dir/module/file", b"theirs")
    tree.write(b"lib/new", b"ours")
    second = snapshots.take("1")
    assert changed_paths(tree.git_dir, first.commit, second.commit) == [("A", "lib/new")]
    assert snapshots.restore(first.commit) == [b"lib/new"]
    assert os.path.exists(tree.at(b"dir/module/file"))
    assert snapshots.take("2") == first
    tree.delete(b"dir/module")
    tree.write(b"dir/module", b"a file now")
    third = snapshots.take("3")
    assert changed_paths(tree.git_dir, first.commit, third.commit) == [("T", "dir/module")]
    snapshots.restore(first.commit)
    assert (os.path.isdir(tree.at(b"dir/module")), snapshots.take("4")) == (True, first)


def test_five_thousand_new_files_become_one_pack(tree):
    snapshots = tree.snapshots()
    first = snapshots.take("0")
    for number in range(5000):
        tree.write(b"new/%d/%d" % (number // 100, number), b"%d\n" % number)
    second = snapshots.take("1")
    held = tree.held(second.commit)
    assert held == tree.files()
    assert int(tree.git("count-objects").split()[0]) < 100
    tree.sound()
    assert len(snapshots.restore(first.commit)) == 5000
    assert not os.path.exists(tree.at(b"new"))
    assert len(snapshots.restore(second.commit)) == 5000
    assert tree.files() == held
    assert snapshots.take("2") == second


def test_a_large_file_is_never_held_whole(tree, monkeypatch):
    snapshots = tree.snapshots()
    first = snapshots.take("0")
    with open(tree.at(b"large"), "wb") as file:
        file.truncate(70 << 20)
        file.write(b"begin")
    want = tree.git("hash-object", "large").decode().strip()
    tracemalloc.start()
    try:
        second = snapshots.take("1")
        peak = tracemalloc.get_traced_memory()[1]
        snapshots.restore(first.commit)
        snapshots.restore(second.commit)
        peak = max(peak, tracemalloc.get_traced_memory()[1])
    finally:
        tracemalloc.stop()
    assert tree.git("rev-parse", f"{second.commit}:large").decode().strip() == want
    assert tree.git("hash-object", "large").decode().strip() == want
    assert peak < 16 << 20
    tree.sound()


@pytest.mark.parametrize("large", [False, True])
def test_a_file_that_changes_while_it_is_read_breaks_nothing(tree, monkeypatch, large):
    if large:
        monkeypatch.setattr(inside, "_LARGE", 1000)
    snapshots = tree.snapshots()
    stop = threading.Event()

    def rewrite() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            with open(tree.at(b"a"), "wb") as file:
                file.write(b"%d\n" % number * (number % 3000))
            if number % 7 == 0:
                os.unlink(tree.at(b"a"))

    writer = threading.Thread(target=rewrite)
    writer.start()
    try:
        for number in range(60):
            snapshots.take(str(number))
    finally:
        stop.set()
        writer.join()
    tree.write(b"a", b"at last\n")
    assert tree.held(snapshots.take("100").commit)[b"a"] == ("file", b"at last\n")
    tree.sound()


def test_a_working_copy_made_from_a_tree_is_believed_but_for_what_was_touched(tree):
    tree.write(b"dir/b", b"owt\n")
    tree.write(b"a", b"eno\n")
    settled()
    snapshots = tree.snapshots(adopt=False)
    snapshots.adopt(tree.base, touched=[b"a"])
    assert changed_paths(tree.git_dir, tree.base, snapshots.take("0").commit) == [("M", "a")]
    snapshots.adopt(tree.base, believe=False)
    assert changed_paths(tree.git_dir, tree.base, snapshots.take("1").commit) == [("M", "a"), ("M", "dir/b")]


def test_a_base_that_is_not_known_means_that_every_file_is_read(tree):
    tree.write(b"a", b"eno\n")
    settled()
    snapshots = tree.snapshots(adopt=False)
    snapshots.adopt(None)
    assert changed_paths(tree.git_dir, tree.base, snapshots.take("0").commit) == [("M", "a")]


def test_snapshots_work_in_a_worktree_and_before_the_first_commit(tree, tmp_path):
    other = tmp_path / "other"
    tree.git("worktree", "add", "--quiet", "--detach", str(other))
    snapshots = Snapshots(str(other), tree.git_dir, run="run2", state=str(tmp_path / "state2"))
    snapshots.adopt(tree.base)
    (other / "new").write_text("x")
    assert changed_paths(tree.git_dir, tree.base, snapshots.take("0").commit) == [("A", "new")]
    unborn = tmp_path / "unborn"
    subprocess.run(["git", "init", "--quiet", str(unborn)], check=True)
    (unborn / "a").write_text("x")
    fresh = Snapshots(str(unborn), str(unborn / ".git"), run="r", state=str(tmp_path / "state3"))
    fresh.adopt(None)
    empty = fresh.take("0")
    (unborn / "a").unlink()
    nothing = fresh.take("1")
    assert nothing.tree == "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
    fresh.restore(empty.commit)
    assert (unborn / "a").read_text() == "x"
    fresh.restore(nothing.commit)
    assert os.listdir(unborn) == [".git"]


def test_a_plain_copy_has_a_store_of_its_own(tmp_path):
    copy, store = tmp_path / "copy", str(tmp_path / "store")
    copy.mkdir()
    make_store(store)
    make_store(store)
    (copy / "a").write_text("one")
    (copy / ".gitignore").write_text("b\n")
    (copy / "b").write_text("ignored")
    snapshots = Snapshots(str(copy), store, run="r", state=str(tmp_path / "state"))
    snapshots.adopt(None)
    first = snapshots.take("0")
    (copy / "a").write_text("two")
    snapshots.take("1")
    assert snapshots.restore(first.commit) == [b"a"]
    assert ((copy / "a").read_text(), (copy / "b").read_text()) == ("one", "ignored")


# -- going on in another process ------------------------------------------------------------------------------------------------------------


def test_another_process_goes_on_from_what_was_remembered(tree):
    snapshots = tree.snapshots()
    first = snapshots.take("0")
    settled()
    snapshots.take("1")
    snapshots.remember()
    later = tree.snapshots(adopt=False)
    assert later.load()
    with heard() as calls:
        assert (later.latest(), later.take("1")) == (first, first)
    assert not [args for event, args in calls if event == "open" and not args[2] & os.O_DIRECTORY]
    tree.write(b"a", b"changed\n")
    assert later.take("1").number == 1


def test_nothing_is_gone_on_from_when_it_is_missing_damaged_or_gone_from_the_repository(tree):
    snapshots = tree.snapshots()
    assert not tree.snapshots(adopt=False).load()
    snapshots.take("0")
    snapshots.remember()
    kept = Path(tree.state, "table")
    good = kept.read_bytes()
    kept.write_bytes(good[:-1] + b"x")
    assert not tree.snapshots(adopt=False).load()
    kept.write_bytes(good)
    assert tree.snapshots(adopt=False).load()
    tree.git("update-ref", "-d", "refs/ropeway/run1/0")
    tree.git("prune", "--expire=now")
    assert not tree.snapshots(adopt=False).load()


def test_a_snapshot_of_another_run_is_pinned_anew(tree):
    theirs = Snapshots(os.fsdecode(tree.top), tree.git_dir, run="old", state=tree.state + "-old")
    theirs.adopt(tree.base)
    tree.write(b"a", b"changed\n")
    old = theirs.take("3")
    snapshots = tree.snapshots()
    snapshots.restore(old.commit)
    new = snapshots.take("0", [tree.base])
    assert (new.tree, new.number) == (old.tree, 0)
    assert tree.git("rev-parse", "refs/ropeway/run1/0").decode().strip() == new.commit


# -- putting back -------------------------------------------------------------------------------------------------------------------------


def test_files_folders_and_links_change_places(tree):
    tree.link(b"link", b"a")
    snapshots = tree.snapshots()
    first = snapshots.take("0")
    held = tree.held(first.commit)
    tree.write(b"a/now/a/folder", b"x")
    tree.write(b"a/x.o", b"ignored, and in the way")
    tree.delete(b"dir")
    tree.link(b"dir", b"/etc")
    tree.write(b"link/below", b"x")
    second = snapshots.take("1")
    snapshots.restore(first.commit)
    assert tree.files() == held
    assert snapshots.take("2") == first
    snapshots.restore(second.commit)
    assert os.readlink(tree.at(b"dir")) == b"/etc"
    assert snapshots.take("3") == second


@pytest.mark.parametrize("saved", [False, True])
def test_a_link_that_a_step_put_in_the_place_of_a_folder_leads_nowhere(tree, tmp_path, saved):
    outside = tmp_path / "outside"
    (outside / "sub").mkdir(parents=True)
    for name in ("b", "extra", "sub/c"):
        (outside / name).write_text("theirs")
    snapshots = tree.snapshots()
    tree.write(b"dir/extra2", b"x")
    first = snapshots.take("0")
    tree.write(b"dir/extra", b"x")
    snapshots.take("1")
    tree.delete(b"dir")
    tree.link(b"dir", os.fsencode(outside))
    if saved:
        assert tree.held(snapshots.take("2").commit)[b"dir"] == ("link", os.fsencode(outside))
    snapshots.restore(first.commit)
    assert sorted(str(path.relative_to(outside)) for path in outside.rglob("*")) == ["b", "extra", "sub", "sub/c"]
    assert {(outside / name).read_text() for name in ("b", "extra", "sub/c")} == {"theirs"}
    assert tree.files() == tree.held(first.commit)


def test_a_file_is_never_read_through_a_folder_that_became_a_link(tree, tmp_path, monkeypatch):
    snapshots = tree.snapshots()
    snapshots.take("0")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "b").write_text("secret")
    tree.write(b"dir/b", b"changed")
    real = inside.Inside.folder

    def late(self, path):
        if path == b"dir" and not os.path.islink(tree.at(b"dir")):
            os.rename(tree.at(b"dir"), tree.at(b"moved"))
            os.symlink(outside, tree.at(b"dir"))
        return real(self, path)

    monkeypatch.setattr(inside.Inside, "folder", late)
    taken = snapshots.take("1")
    assert b"secret" not in {data for _, data in tree.held(taken.commit).values()}


def test_what_only_the_rules_of_then_ignore_is_not_taken_away(tree):
    tree.write(b"settings.o", b"the person's own")
    snapshots = tree.snapshots()
    first = snapshots.take("0")
    tree.write(b".gitignore", b"dist/\n")
    tree.write(b"new", b"a step's")
    assert b"settings.o" in tree.held(snapshots.take("1").commit)
    assert snapshots.restore(first.commit) == [b".gitignore", b"new"]
    assert tree.files()[b"settings.o"] == ("file", b"the person's own")
    assert snapshots.take("2") == first


def test_what_is_ignored_now_stays_out_of_the_snapshot_that_is_put_back(tree):
    snapshots = tree.snapshots()
    first = snapshots.take("0")
    tree.write(b".gitignore", FILES[b".gitignore"] + b"*.tmp\n")
    tree.write(b"dir/x.tmp", b"x")
    snapshots.take("1")
    snapshots.restore(first.commit)
    assert os.path.exists(tree.at(b"dir/x.tmp"))
    assert snapshots.take("2") == first
    tree.write(b"dir/.gitignore", b"# looked at anew\n")
    assert b"dir/x.tmp" in tree.held(snapshots.take("3").commit)


def test_what_is_ignored_beside_a_file_that_comes_back_stays_ignored(tree):
    tree.write(b".gitignore", b"")
    tree.write(b"out/kept", b"x")
    snapshots = tree.snapshots()
    first = snapshots.take("0")
    tree.delete(b"out")
    tree.write(b".gitignore", b"out/\n")
    snapshots.take("1")
    tree.write(b"out/other", b"never saved")
    tree.write(b"out/deep/er", b"never saved")
    assert snapshots.take("2").number == 1
    snapshots.restore(first.commit)
    assert {path for path in tree.files() if path.startswith(b"out/")} == {b"out/kept", b"out/other", b"out/deep/er"}
    assert snapshots.take("3") == first


def test_a_repository_in_the_way_is_an_error_and_nothing_is_changed(tree):
    snapshots = tree.snapshots()
    first = snapshots.take("0")
    tree.delete(b"dir")
    tree.write(b"a", b"changed\n")
    snapshots.take("1")
    tree.write(b"dir/.git/HEAD", b"x")
    with pytest.raises(StoreError, match=r"^dir is in the way of dir/b$") as caught:
        snapshots.restore(first.commit)
    assert (caught.value.hint, caught.value.code) == ("it is not ours to remove: move it away", "in-the-way")
    assert tree.files()[b"a"] == ("file", b"changed\n")


def test_what_a_restore_left_half_done_is_removed_by_the_next(tree):
    snapshots = tree.snapshots()
    first = snapshots.take("0")
    tree.write(b"dir/.ropeway-restore-0123", b"half")
    assert snapshots.take("1") == first
    assert snapshots.restore(first.commit) == []
    assert not os.path.exists(tree.at(b"dir/.ropeway-restore-0123"))


def test_a_snapshot_that_is_gone_is_named_with_what_may_have_happened(tree):
    with pytest.raises(NotFound, match="there is no snapshot or commit " + "1" * 40) as caught:
        tree.snapshots().restore("1" * 40)
    assert caught.value.hint == "its refs may have been removed by `workflow gc`"


def test_a_working_copy_that_is_gone_is_named(tree):
    snapshots = tree.snapshots()
    shutil.rmtree(tree.top)
    with pytest.raises(NotFound, match=r"the working copy .*/copy is gone"):
        snapshots.take("0")


# -- permissions ----------------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def unprivileged(tmp_path_factory, monkeypatch):
    """Yield a folder, and be somebody to whom permissions apply."""
    folder = tmp_path_factory.mktemp("nobody")
    if os.geteuid() != 0:
        yield folder
        return
    # Whoever is not root has to get there.
    opened = [place for place in [folder, *folder.parents] if place.stat().st_uid == 0 and not place.stat().st_mode & 0o001]
    for place in opened:
        place.chmod(place.stat().st_mode | 0o011)
    os.chown(folder, 65534, 65534)
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder))
    os.seteuid(65534)
    try:
        yield folder
    finally:
        os.seteuid(0)


def test_read_only_folders_are_written_to_and_stay_read_only(unprivileged):
    tree = Tree(unprivileged / "copy", FILES)
    snapshots = tree.snapshots()
    first = snapshots.take("0")
    tree.write(b"dir/extra", b"x")
    tree.write(b"dir/b", b"changed")
    tree.delete(b"dir/sub")
    os.chmod(tree.at(b"dir"), 0o555)
    snapshots.take("1")
    assert snapshots.restore(first.commit) == [b"dir/b", b"dir/extra", b"dir/sub/c"]
    assert os.stat(tree.at(b"dir")).st_mode & 0o777 == 0o555
    assert tree.files() == tree.held(first.commit)
    os.chmod(tree.at(b"dir"), 0o755)


def test_a_file_or_folder_that_can_not_be_read_is_named(unprivileged):
    tree = Tree(unprivileged / "copy", FILES)
    snapshots = tree.snapshots()
    first = snapshots.take("0")
    tree.write(b"dir/b", b"changed")
    os.chmod(tree.at(b"dir/b"), 0)
    with pytest.raises(StoreError, match=r"^a file can't be read: dir/b: Permission denied$") as caught:
        snapshots.take("1")
    assert caught.value.hint == "make it readable (chmod u+r), remove it, or have a .gitignore name it"
    snapshots.restore(first.commit)
    assert tree.files()[b"dir/b"] == ("file", b"two\n")
    os.chmod(tree.at(b"dir"), 0)
    with pytest.raises(StoreError, match=r"^a folder can't be read: dir: Permission denied$"):
        snapshots.take("2")
    os.chmod(tree.at(b"dir"), 0o755)
    assert snapshots.take("3") == first


def test_a_folder_of_somebody_else_is_left_alone(unprivileged):
    tree = Tree(unprivileged / "copy", FILES)
    snapshots = tree.snapshots()
    first = snapshots.take("0")
    tree.write(b"database/file", b"x")
    os.chmod(tree.at(b"database"), 0)
    assert (snapshots.take("1"), snapshots.nested) == (first, ("database",))
    snapshots.restore(first.commit)
    os.chmod(tree.at(b"database"), 0o755)
    assert b"database/file" in tree.held(snapshots.take("2").commit)


def test_a_repository_that_can_not_be_written_to_is_named(unprivileged):
    tree = Tree(unprivileged / "copy", FILES)
    snapshots = tree.snapshots()
    snapshots.take("0")
    tree.write(b"a", b"changed")
    os.chmod(os.path.join(tree.git_dir, "objects"), 0o555)
    with pytest.raises(StoreError, match=r"^a snapshot can't be saved: .*/\.git/objects: Permission denied$") as caught:
        snapshots.take("1")
    assert caught.value.hint == "check who owns it and its permissions"
    os.chmod(os.path.join(tree.git_dir, "objects"), 0o755)
    assert snapshots.take("1").number == 1


# -- disks --------------------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def disk(tmp_path):
    """Mount a small file system; calling it mounts it anew with other options."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("expected: only root may mount a small file system")
    place = tmp_path / "disk"
    place.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", place], check=False, capture_output=True)
    if made.returncode:
        pytest.skip("expected: this machine lets nobody mount a file system")
    try:
        yield lambda options: subprocess.run(["mount", "-o", f"remount,{options}", place], check=True)
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


@pytest.mark.parametrize("count", [3, 400])
def test_a_full_disk_is_an_error_and_nothing_half_written_stays(disk, tmp_path, count):
    copy, store = tmp_path / "copy", str(tmp_path / "disk/store")
    make_store(store)
    copy.mkdir()
    snapshots = Snapshots(str(copy), store, run="r", state=str(tmp_path / "state"))
    snapshots.adopt(None)
    snapshots.take("0")
    for number in range(count):
        (copy / str(number)).write_bytes(os.urandom(3_000_000 // count))
    with pytest.raises(StoreError, match=r"^a snapshot can't be saved: .*/store/objects: No space left on device$") as caught:
        snapshots.take("1")
    assert caught.value.hint == "free some space on that disk, then resume the run"
    left = [name for folder, _, names in os.walk(store) for name in names if name.startswith(("tmp_", "fast_import"))]
    assert left == []
    disk("size=20m")
    taken = snapshots.take("1")
    fsck = subprocess.run(["git", "fsck", "--strict", "--no-dangling"], cwd=store, capture_output=True, text=True, check=False)
    assert (fsck.returncode, fsck.stdout) == (0, "")
    assert len(changed_paths(store, "refs/ropeway/r/0", taken.commit)) == count


def test_a_read_only_disk_is_an_error(disk, tmp_path):
    copy, store = tmp_path / "copy", str(tmp_path / "disk/store")
    make_store(store)
    copy.mkdir()
    (copy / "a").write_text("x")
    snapshots = Snapshots(str(copy), store, run="r", state=str(tmp_path / "state"))
    snapshots.adopt(None)
    disk("ro")
    with pytest.raises(StoreError, match="Read-only file system") as caught:
        snapshots.take("0")
    assert caught.value.hint == "it is on a file system that is mounted read-only: mount it writable, then resume the run"


def test_files_that_find_no_room_are_put_back_once_there_is_some(disk, tmp_path):
    copy, store = tmp_path / "disk/copy", str(tmp_path / "store")
    make_store(store)
    copy.mkdir()
    for number in range(10):
        (copy / str(number)).write_bytes(os.urandom(100_000))
    snapshots = Snapshots(str(copy), store, run="r", state=str(tmp_path / "state"))
    snapshots.adopt(None)
    first = snapshots.take("0")
    for number in range(10):
        (copy / str(number)).unlink()
    (copy / ".gitignore").write_text("/cache\n")
    (copy / "cache").write_bytes(b"x" * 1_500_000)
    with pytest.raises(StoreError, match=r"^a file can't be put back: [0-9]: No space left on device$"):
        snapshots.restore(first.commit)
    assert [name for name in os.listdir(copy) if name.startswith(".ropeway")] == []
    disk("size=20m")
    snapshots.restore(first.commit)
    assert sorted(os.listdir(copy)) == [*map(str, range(10)), "cache"]
    assert snapshots.take("1") == first


# -- git at work beside us ------------------------------------------------------------------------------------------------------------------


def test_collecting_garbage_and_packing_refs_meanwhile_harm_nothing(tree):
    snapshots = tree.snapshots()
    stop = threading.Event()
    problems: list[str] = []

    def collect() -> None:
        while not stop.is_set():
            for argv in (["pack-refs", "--all", "--prune"], ["gc", "--quiet"], ["prune-packed"]):
                done = subprocess.run(["git", *argv], cwd=tree.top, capture_output=True, text=True, check=False)
                if done.returncode:
                    problems.append(f"{argv}: {done.stderr}")

    collector = threading.Thread(target=collect)
    collector.start()
    taken = []
    try:
        for number in range(80):
            tree.write(b"dir/b", b"%d\n" % number)
            tree.write(b"new/%d" % (number % 5), b"%d\n" % (number // 2))
            taken.append(snapshots.take(str(number), [taken[-1].commit] if taken else []))
    finally:
        stop.set()
        collector.join()
    assert problems == []
    refs = tree.git("for-each-ref", "--format=%(refname) %(objectname)", "refs/ropeway").decode().splitlines()
    assert sorted(refs) == sorted(f"refs/ropeway/run1/{one.number} {one.commit}" for one in taken)
    tree.sound()
    snapshots.restore(taken[3].commit)
    assert tree.files() == tree.held(taken[3].commit)


def test_a_ref_that_was_packed_is_overwritten(tree):
    snapshots = tree.snapshots()
    first = snapshots.take("0")
    tree.git("pack-refs", "--all", "--prune")
    tree.write(b"a", b"changed")
    second = snapshots.take("0")
    assert first != second
    assert tree.git("rev-parse", "refs/ropeway/run1/0").decode().strip() == second.commit


def test_a_lock_that_git_holds_is_waited_for_and_one_that_a_crash_left_is_broken(tree, monkeypatch):
    snapshots = tree.snapshots()
    snapshots.take("0")
    lock = Path(tree.git_dir, "refs/ropeway/run1/1.lock")
    lock.write_text("")
    begun = time.monotonic()
    release = threading.Timer(0.2, lock.unlink)
    release.start()
    tree.write(b"a", b"changed")
    assert snapshots.take("1").number == 1
    assert time.monotonic() - begun >= 0.2
    release.join()
    monkeypatch.setattr(objects, "_LOCK_PATIENCE", 0.1)
    Path(tree.git_dir, "refs/ropeway/run1/2.lock").write_text("")
    tree.write(b"a", b"changed again")
    assert snapshots.take("2").number == 2
    assert tree.git("rev-parse", "refs/ropeway/run1/2")


def test_an_old_object_is_made_young_when_it_is_used_again(tree):
    snapshots = tree.snapshots()
    oid = tree.git("hash-object", "-w", "--stdin", stdin=b"again\n").decode().strip()
    path = Path(tree.git_dir, "objects", oid[:2], oid[2:])
    os.utime(path, (1, 1))
    tree.write(b"a", b"again\n")
    snapshots.take("0")
    assert path.stat().st_mtime > 1_600_000_000


def test_a_snapshot_that_has_to_survive_a_power_cut_is_synced_before_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ropeway.workspaces.snapshots import Snapshots, make_store, objects

    make_store(str(tmp_path / "store"))
    (tmp_path / "files").mkdir()
    (tmp_path / "files/a").write_text("one\n")
    synced: list[bytes] = []
    real = objects.synced

    def noted(path: str | bytes) -> None:
        assert Path(os.fsdecode(path)).exists()
        synced.append(os.fsencode(path))
        real(path)

    monkeypatch.setattr(objects, "synced", noted)
    snapshots = Snapshots(str(tmp_path / "files"), str(tmp_path / "store"), run="r", state=str(tmp_path / "state"), sync=True)
    snapshots.adopt(None)
    snapshots.take("0")
    names = [Path(os.fsdecode(path)).name for path in synced]
    assert sum(name.startswith("tmp_obj_") for name in names) == 3  # a blob, a tree, a commit
    assert names[-2:] == ["0.lock", "r"]
