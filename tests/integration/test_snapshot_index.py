"""What git's index tells of a working copy that was just checked out, and how a snapshot begins without looking."""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from ropeway.workspaces.snapshots import Snapshots
from ropeway.workspaces.snapshots.index import table_of_index
from support.trees import Tree
from support.workspaces import GitHome

pytestmark = [pytest.mark.needs("git")]

FILES = {b"a": b"one\n", b"dir/b": b"two\n", b"dir/sub/c": b"three\n", b"dir/sub/cc": b"four\n", b"z": b"", b".gitignore": b"dist/\n"}

_calls: list[str] | None = None


def _hear(event: str, _arguments: tuple) -> None:
    if _calls is not None and event in ("subprocess.Popen", "os.listdir"):
        _calls.append(event)


sys.addaudithook(_hear)


@contextmanager
def heard():
    """Yield a list that fills with the processes that are started and the folders that are listed."""
    global _calls  # noqa: PLW0603 - an audit hook can't be removed
    _calls = []
    try:
        yield _calls
    finally:
        _calls = None


def checked_out(tmp_path: Path, *, kind: str = "sha1", version: int = 2) -> Tree:
    tree = Tree(tmp_path / "copy", FILES, kind=kind)
    tree.link(b"dir/link", b"b")
    tree.chmod(b"a", program=True)
    tree.git("add", "--all", "--force")
    tree.git("update-index", "--add", "--cacheinfo", f"160000,{tree.base},module")
    tree.git("commit", "--quiet", "--amend", "--message=base")
    tree.base = tree.git("rev-parse", "HEAD").decode().strip()
    tree.git("update-index", f"--index-version={version}")
    tree.git("reset", "--hard", "--quiet")
    time.sleep(0.03)  # so that what was written is older than a tick of the file system's clock
    return tree


def index_of(tree: Tree) -> bytes:
    return Path(tree.git_dir, "index").read_bytes()


def known(snapshots: Snapshots) -> dict[bytes, tuple]:
    return dict(snapshots._table.entries())


@pytest.mark.parametrize("version", [2, 4])
@pytest.mark.parametrize("kind", ["sha1", "sha256"])
def test_the_index_tells_what_listing_and_looking_tell(tmp_path, kind, version):
    tree = checked_out(tmp_path, kind=kind, version=version)
    looked, told = tree.snapshots(), tree.snapshots(adopt=False)
    assert told.adopt(tree.base, index=index_of(tree))
    assert known(told) == known(looked)
    assert {size for _, size, *_, mode, _, _ in known(told).values() if mode != 0o160000} == {0, 1, 4, 5, 6}, "signatures are believed"
    assert told.take("0", look=False).tree == tree.git("rev-parse", "HEAD^{tree}").decode().strip()


def test_a_snapshot_of_what_the_index_tells_starts_no_process_and_lists_no_folder(tmp_path):
    tree = checked_out(tmp_path)
    snapshots = tree.snapshots(adopt=False)
    with heard() as calls:
        assert snapshots.adopt(tree.base, index=index_of(tree))
        snapshots.take("0", look=False)
    assert calls == []


def test_files_that_are_known_to_differ_are_saved_without_looking_at_others(tmp_path):
    tree = checked_out(tmp_path)
    index = index_of(tree)
    tree.write(b"dir/b", b"mine\n")
    tree.write(b"new/one", b"new\n")
    tree.delete(b"dir/sub/c")
    tree.delete(b"dir/sub/cc")
    snapshots = tree.snapshots(adopt=False)
    with heard() as calls:
        assert snapshots.adopt(tree.base, [b"dir/b", b"new/one", b"dir/sub/c", b"dir/sub/cc"], index=index)
        taken = snapshots.take("0", look=False)
    assert calls == []
    tree.git("add", "--all", "--force")
    assert taken.tree == tree.git("write-tree").decode().strip()


@pytest.mark.parametrize("change", ["a folder where a file was", "a file where a folder was", "a link where a folder was"])
def test_where_kinds_change_it_looks(tmp_path, change):
    tree = checked_out(tmp_path)
    index = index_of(tree)
    if change == "a folder where a file was":
        tree.write(b"a/inner", b"new\n")
        touched = [b"a", b"a/inner"]
    elif change == "a file where a folder was":
        tree.write(b"dir", b"new\n")
        touched = [b"dir/b", b"dir/link", b"dir/sub/c", b"dir/sub/cc", b"dir"]
    else:
        tree.link(b"dir/sub", b"..")
        touched = [b"dir/sub/c", b"dir/sub/cc", b"dir/sub"]
    snapshots = tree.snapshots(adopt=False)
    assert not snapshots.adopt(tree.base, touched, index=index)
    taken = snapshots.take("0", look=False)
    tree.git("add", "--all", "--force")
    assert taken.tree == tree.git("write-tree").decode().strip()


def test_a_file_that_was_changed_at_once_is_saved_although_nobody_looked_before(tmp_path):
    tree = checked_out(tmp_path)
    tree.write(b"a", b"two\n")
    tree.git("checkout", "--", "a")
    snapshots = tree.snapshots(adopt=False)
    assert snapshots.adopt(tree.base, index=index_of(tree))
    first = snapshots.take("0", look=False)
    with open(tree.at(b"a"), "r+b") as file:  # noqa: PTH123 - bytes; as long as before, at once
        file.write(b"six\n")
    assert snapshots.take("1").tree != first.tree


@pytest.mark.parametrize(
    ("words", "why"),
    [
        pytest.param(["update-index", "--split-index"], "it is in two files", id="split"),
        pytest.param(["update-index", "--skip-worktree", "a"], "a file need not be there", id="skipped"),
        pytest.param(["update-index", "--assume-unchanged", "a"], "a file may differ", id="assumed"),
        pytest.param(["add", "--intent-to-add", "later"], "a file has no content yet", id="announced"),
        pytest.param(["rm", "--cached", "--quiet", "dir/b"], "the folder's tree is not known", id="staged"),
    ],
)
def test_an_index_that_does_not_tell_all_is_not_believed(tmp_path, words, why):
    tree = checked_out(tmp_path)
    tree.write(b"later", b"later\n")
    tree.git(*words)
    assert table_of_index(index_of(tree), tree.top, 20, time.time_ns()) is None, why


def test_an_index_that_is_cut_short_or_damaged_stops_nothing(tmp_path):
    tree = checked_out(tmp_path)
    whole = index_of(tree)
    entries = whole.index(b"TREE")
    for end in range(entries):
        assert table_of_index(whole[:end], tree.top, 20, time.time_ns()) is None
    for end in range(entries, len(whole)):
        table_of_index(whole[:end], tree.top, 20, time.time_ns())


def test_an_index_with_other_numbers_than_the_files_have_is_not_believed(tmp_path):
    tree = checked_out(tmp_path)
    index = index_of(tree)
    os.utime(tree.at(b".gitignore"))
    assert table_of_index(index, tree.top, 20, time.time_ns()) is None


# -- a table of the same files elsewhere ------------------------------------------------------------------------------------------------------


def test_a_table_from_elsewhere_is_read_when_it_is_needed(tmp_path):
    tree = checked_out(tmp_path)
    other = tree.snapshots(adopt=False)
    other.adopt(tree.base, index=index_of(tree))
    other.remember()
    shared = Path(tree.state, "table").rename(tmp_path / "shared")
    snapshots = tree.snapshots(adopt=False)
    assert snapshots.adopt(tree.base, table=str(shared))
    first = snapshots.take("0", look=False)
    snapshots.remember()
    assert first.tree == tree.git("rev-parse", "HEAD^{tree}").decode().strip()
    assert not Path(tree.state, "table").exists(), "nothing more is known than the shared one says"
    assert snapshots.take("1") == first
    tree.write(b"a", b"changed\n")
    assert snapshots.take("2").number == 2


@pytest.mark.parametrize("damage", ["gone", "cut", "other"])
def test_a_table_from_elsewhere_that_can_not_be_read_costs_only_time(tmp_path, damage):
    tree = checked_out(tmp_path)
    other = tree.snapshots(adopt=False)
    other.adopt(tree.base, index=index_of(tree))
    other.remember()
    shared = Path(tree.state, "table")
    snapshots = tree.snapshots(adopt=False)
    snapshots.adopt(tree.base, table=str(shared))
    first = snapshots.take("0", look=False)
    if damage == "gone":
        shared.unlink()
    else:
        data = shared.read_bytes()
        shared.write_bytes(data[:200] if damage == "cut" else data[:-1] + b"?")
    assert snapshots.take("1") == first


# -- what starting costs ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("base", "most"), [("@", 4), ("HEAD", 3)])
def test_a_working_copy_and_its_first_snapshot_take_few_processes(tmp_path, base, most):
    home = GitHome(tmp_path)
    home.commit(FILES)
    with heard() as calls:
        path, _, made = home.add(base=base)
        snapshots = Snapshots(path, home.backend.git_dir, run="run1", state=str(tmp_path / "state"))
        known = snapshots.adopt(made.tree, made.touched, index=made.index)
        snapshots.take("0", look=not known)
    assert calls.count("subprocess.Popen") <= most
    with heard() as calls:
        snapshots.take("1")
    assert calls.count("subprocess.Popen") == 0
