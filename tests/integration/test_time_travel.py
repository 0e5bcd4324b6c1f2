"""The files of a run, without its working copy: what was there, and where it may be brought."""

from __future__ import annotations

import errno
import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from ropeway.app import applying, checking_out, differences, landing, time_travel
from ropeway.errors import Busy, NotFound, Refused, StoreError, UsageError
from ropeway.runs.boundaries import boundaries
from ropeway.runs.folder import RunStore
from ropeway.workspaces.applying import Version, write
from ropeway.workspaces.snapshots.table import FILE, LINK, PROGRAM
from support.saved_runs import Exec, Files, Link, SavedRun, git, put, repository, seen

pytestmark = pytest.mark.needs("git")

LINES = "1\n2\n3\n4\n5\n6\n7\n8\n9\n"
START: Files = {"a.txt": LINES, "b.txt": "b\n"}


@pytest.fixture
def root(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("HOME", str(tmp_path))
    made = repository(tmp_path / "project", START)
    monkeypatch.chdir(made)
    return made


@pytest.fixture
def store(root: Path) -> RunStore:
    return RunStore(root.parent / "state/ropeway")


@pytest.fixture
def run(store: RunStore, root: Path) -> SavedRun:
    return SavedRun(store, root)


def changed(files: Files, **more) -> Files:
    return {**files, **{name.replace("_", "."): value for name, value in more.items() if value is not None}}


NINE = LINES.replace("9", "nine")


# -- what there is ----------------------------------------------------------------------------------------------------------------


def names(run: SavedRun, what: str) -> list[str]:
    saved = time_travel.saved(run.id)
    return [f"{one['status']} {one['path']}" for one in differences.files(saved, saved.range(what))]


@pytest.fixture
def steps(run: SavedRun) -> SavedRun:
    """Return a run with two steps, of which the first one failed once; files were changed by hand before it went on."""
    run.begin(START).did("a", changed(START, a_txt=NINE))
    run.start("b").end("b", changed(START, a_txt=NINE, half="x\n"), state="failed").finish("failed")
    run.add("run.started", workspace="/", pid=1).found(changed(START, a_txt=NINE, half="mine\n"))
    run.start("b").end("b", changed(START, a_txt=NINE, half="mine\n", b_txt="B\n"))
    return run.finish()


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("", ["M a.txt", "M b.txt", "A half"]),
        ("a", ["M a.txt"]),
        ("b", ["M b.txt", "A half"]),
        ("a..b", ["M b.txt", "A half"]),
        ("b..a", ["M b.txt", "D half"]),
        ("a..found-1", ["A half"]),
        ("found-1..", ["M b.txt"]),
        ("..a", ["M a.txt"]),
        ("..", ["M a.txt", "M b.txt", "A half"]),
        ("0..1", ["M a.txt"]),
        ("found-1", ["M half"]),
        ("0", []),
        ("1", ["M a.txt"]),
        ("2", ["A half"]),
        ("end", ["M a.txt", "M b.txt", "A half"]),
        ("start", []),
    ],
)
def test_a_range_is_named_by_steps_numbers_and_labels(steps, what, expected):
    assert names(steps, what) == expected


def test_a_range_tells_whose_changes_may_be_in_it(run):
    run.begin(START).start("a", "b").end("a", changed(START, x="1"), "b").end("b", changed(START, x="1", y="2"))
    saved = time_travel.saved(run.id)
    assert [saved.range(what).others for what in ("", "a", "b", "1", "2", "a..b")] == [(), ("b",), ("a",), ("b",), (), ("b",)]
    assert saved.point("a").others == ("b",)
    assert saved.point("end").others == ()


@pytest.mark.parametrize(("what", "why"), [("1..2..3", "two boundaries"), ("a...b", "two boundaries"), ("a..b..", "two boundaries")])
def test_words_that_are_no_range_are_refused(steps, what, why):
    with pytest.raises(UsageError, match=why):
        time_travel.saved(steps.id).range(what)


@pytest.mark.parametrize("what", ["nope", "a..nope", "7", "found-2", "-1", "a/b", "--output=x", "$(x)"])
def test_a_name_that_is_unknown_is_answered_with_those_that_are_not(steps, what):
    with pytest.raises(NotFound, match="has no step or boundary") as caught:
        time_travel.saved(steps.id).range(what)
    assert "steps: a, b; boundaries: 0 to 3, start, found-1, end" in str(caught.value.hint)


def test_a_step_without_files_of_its_own_says_why(store, root):
    kinds = [
        {"id": "pure", "kind": "argv", "argv": ["true"], "pure": True},
        {"id": "ask", "kind": "gate", "uses": "approve"},
        {"id": "apart", "kind": "argv", "argv": ["true"], "workspace": "ephemeral"},
        *({"id": name, "kind": "argv", "argv": ["true"]} for name in ("skipped", "later", "now", "kept")),
    ]
    run = SavedRun(store, root, steps=kinds).begin(START)
    for step in ("pure", "ask", "apart"):
        run.add("step.finished", step=step, attempt=1, state="succeeded")
    run.add("step.finished", step="skipped", attempt=0, state="skipped", reason="when").start("now")
    run.add("step.finished", step="kept", attempt=0, state="succeeded", kept="abcdefghij")
    saved = time_travel.saved(run.id)
    said = {}
    for kind in kinds:
        with pytest.raises(NotFound) as caught:
            saved.range(kind["id"])
        said[kind["id"]] = caught.value.message.rpartition(": ")[2]
    assert said == {
        "pure": "it is pure, and a pure step changes none",
        "ask": "it asks a person and changes none",
        "apart": "it worked in a copy of its own, of which only outputs and artifacts are kept",
        "skipped": "it was skipped",
        "later": "it has not started",
        "now": "it is interrupted; they are saved when it ends",
        "kept": "it was taken over from run abcdefghij",
    }


def test_a_run_in_place_has_no_snapshots(run):
    run.finish()
    with pytest.raises(NotFound, match="worked in place"):
        time_travel.saved(run.id)


def test_snapshots_that_were_removed_are_missed_clearly(steps, root):
    for ref in git(root, "for-each-ref", "--format=%(refname)", "refs/ropeway").split():
        git(root, "update-ref", "-d", ref)
    git(root, "reflog", "expire", "--expire=now", "--all")
    git(root, "gc", "--quiet", "--prune=now")
    with pytest.raises(NotFound, match="no longer kept"):
        assert time_travel.saved(steps.id).git_dir


def test_one_snapshot_that_was_removed_is_missed_when_it_is_needed(steps, root):
    saved = time_travel.saved(steps.id)
    wrong = time_travel.Point("a", "1" * 40, "2" * 40)
    with pytest.raises(NotFound, match="are no longer kept"):
        saved.check(wrong)


def test_a_repository_that_is_gone_is_missed_clearly_and_found_again_where_it_was_moved(steps, root, monkeypatch):
    monkeypatch.chdir(root.parent)
    moved = root.rename(root.parent / "moved")
    with pytest.raises(NotFound, match="is gone"):
        assert time_travel.saved(steps.id).git_dir
    monkeypatch.chdir(moved)
    assert time_travel.saved(steps.id).git_dir == str(moved / ".git")
    assert names(steps, "a") == ["M a.txt"]


def test_binary_files_and_links_and_modes_are_told(run):
    run.begin({**START, "run.sh": "x\n", "was": Link(b"a.txt"), "odd\n\xe9name": "1\n"})
    run.did("a", {**START, "run.sh": Exec(b"x\n"), "was": "a file\n", "bin": b"\0\1", "odd\n\xe9name": "1\n2\n"})
    saved = time_travel.saved(run.id)
    assert differences.files(saved, saved.range("a")) == [
        {"path": "bin", "status": "A", "added": None, "removed": None},
        {"path": "odd\n\xe9name", "status": "M", "added": 1, "removed": 0},
        {"path": "run.sh", "status": "M", "added": 0, "removed": 0},
        {"path": "was", "status": "T", "added": 1, "removed": 1},
    ]


def test_a_difference_is_shown_whatever_variables_say_to_git(run, monkeypatch, capfd):
    run.begin(START).did("a", {**START, "a.txt": NINE}).finish()
    saved = time_travel.saved(run.id)
    with monkeypatch.context() as outer:
        outer.setenv("GIT_LITERAL_PATHSPECS", "1")
        assert differences.shown(saved, saved.range(""), paths=["*.txt"]) == 0
    assert "+nine" in capfd.readouterr().out


def test_paths_are_meant_from_where_one_stands(run, root, monkeypatch):
    run.begin(START).did("a", {**START, "sub/x": "1", "sub/deep/y": "2", "x": "3"})
    saved = time_travel.saved(run.id)
    wanted = saved.range("a")

    def shown(*paths: str) -> list[str]:
        return [str(one["path"]) for one in differences.files(saved, wanted, paths)]

    assert shown("sub") == ["sub/deep/y", "sub/x"]
    assert shown("*x") == ["sub/x", "x"]
    assert shown(":(exclude)sub") == ["x"]
    (root / "sub").mkdir()
    monkeypatch.chdir(root / "sub")
    assert shown("x") == ["sub/x"]
    assert shown(".") == ["sub/deep/y", "sub/x"]
    assert shown("../x") == ["x"]
    monkeypatch.chdir("/")
    assert shown("x") == ["x"]


# -- checkout ---------------------------------------------------------------------------------------------------------------------

ALL: Files = {
    "run.sh": Exec(b"#!/bin/sh\r\n"),
    "to": Link(b"nowhere"),
    "deep/er/x": b"\0\xff",
    "crlf.txt": b"1\r\n",
    "odd \n\xff": b"",
    "big": b"x" * 3_000_000,
}


def out(run: SavedRun, what: str, folder: Path, *, force: bool = False) -> int:
    saved = time_travel.saved(run.id)
    return len(list(checking_out.write(saved, checking_out.plan(saved, saved.point(what), folder, force=force))))


def test_files_are_written_byte_for_byte_whatever_the_attributes_say(run, root, tmp_path):
    put(root, {".gitattributes": "* text=auto eol=crlf\n"})
    names_as_text = {name.encode("latin-1").decode("utf-8", "surrogateescape"): content for name, content in ALL.items()}
    files = {**{n: c for n, c in names_as_text.items() if "\udcff" not in n}, ".gitattributes": "* text=auto eol=lf\n"}
    run.begin(START).did("a", files)
    assert out(run, "a", tmp_path / "out") == len(files)
    expected = {name: content.encode() if isinstance(content, str) else content for name, content in files.items()}
    assert seen(tmp_path / "out") == expected
    assert (tmp_path / "out/run.sh").stat().st_mode & stat.S_IXUSR


def test_each_boundary_has_its_files(steps, tmp_path):
    for what, half, b in (("start", None, b"b\n"), ("2", b"x\n", b"b\n"), ("found-1", b"mine\n", b"b\n"), ("", b"mine\n", b"B\n")):
        folder = tmp_path / f"out-{what}"
        out(steps, what, folder)
        assert (seen(folder).get("half"), seen(folder)["b.txt"]) == (half, b)


def test_a_folder_with_files_is_refused_unless_forced_and_then_keeps_what_is_not_the_runs(steps, tmp_path):
    folder = tmp_path / "out"
    put(folder, {"mine": "1", "a.txt": "old", "b.txt": Link(b"a.txt")})
    with pytest.raises(Refused, match="is not empty"):
        out(steps, "", folder)
    assert (folder / "a.txt").read_text() == "old"
    out(steps, "", folder, force=True)
    assert seen(folder) == {"mine": b"1", "a.txt": NINE.encode(), "b.txt": b"B\n", "half": b"mine\n"}


def test_an_empty_folder_and_a_link_to_one_are_fine(steps, tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    out(steps, "a", tmp_path / "link")
    assert "a.txt" in seen(tmp_path / "real")


@pytest.mark.parametrize(
    "there", [{"deep": Link(b"../elsewhere")}, {"deep": "a file"}, {"deep/x/y": "a folder"}], ids=["link", "file", "folder"]
)
def test_nothing_is_written_where_something_else_is_in_the_way(run, tmp_path, there):
    (tmp_path / "elsewhere").mkdir()
    run.begin(START).did("a", {**START, "deep/x": "1"})
    put(tmp_path / "out", there)
    before = seen(tmp_path / "out")
    with pytest.raises(Refused, match="in the way"):
        out(run, "a", tmp_path / "out", force=True)
    assert seen(tmp_path / "out") == before
    assert seen(tmp_path / "elsewhere") == {}


def test_a_file_that_is_no_folder_is_refused(steps, tmp_path):
    put(tmp_path, {"out": "x"})
    with pytest.raises(Refused, match="is not a folder"):
        out(steps, "", tmp_path / "out", force=True)


@pytest.mark.parametrize("path", ["../x", ".git/config", "a/.GIT/hooks/x", "git~1/x"])
def test_a_path_that_leads_elsewhere_is_never_written(run, tmp_path, path):
    blob = run.git("hash-object", "-w", "--stdin", stdin=b"evil").strip()
    tree = f"100644 blob {blob}\t{path.rpartition('/')[2]}\0".encode()
    for part in reversed(path.split("/")[:-1]):
        oid = run.git("hash-object", "-t", "tree", "-w", "--literally", "--stdin", stdin=_raw(tree)).strip()
        tree = f"40000 tree {oid}\t{part}\0".encode()
    top = run.git("hash-object", "-t", "tree", "-w", "--literally", "--stdin", stdin=_raw(tree)).strip()
    commit = run.git("commit-tree", "-m", "evil", top).strip()
    run.begin(START).add(
        "step.finished",
        step="a",
        attempt=1,
        state="succeeded",
        snapshot={"number": 1, "commit": commit, "tree": top, "quiet": True, "others": []},
    )
    with pytest.raises(Refused, match="not safe"):
        out(run, "end", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def _raw(row: bytes) -> bytes:
    head, _, name = row.rstrip(b"\0").partition(b"\t")
    mode, _, oid = head.decode().split()
    return f"{mode} ".encode() + name + b"\0" + bytes.fromhex(oid)


def test_what_could_not_be_finished_leaves_no_folder(steps, tmp_path):
    saved = time_travel.saved(steps.id)
    planned = checking_out.plan(saved, saved.point(""), tmp_path / "out")
    writing = checking_out.write(saved, planned)
    next(writing)
    writing.close()
    assert not (tmp_path / "out").exists()
    blob = git(Path(saved.root), "rev-parse", f"{steps.commit}:b.txt").strip()
    (Path(saved.git_dir) / "objects" / blob[:2] / blob[2:]).unlink()
    with pytest.raises(StoreError, match="no longer in the repository"):
        list(checking_out.write(saved, planned))
    assert not (tmp_path / "out").exists()


def test_a_name_that_no_file_can_have_is_told_and_leaves_no_folder(run, tmp_path):
    run.begin(START).did("a", {**START, "x" * 300: "1"})
    with pytest.raises(StoreError, match="File name too long"):
        out(run, "a", tmp_path / "out")
    assert not (tmp_path / "out").exists()


# -- landing on a branch ----------------------------------------------------------------------------------------------------------


def land(run: SavedRun, **wanted) -> landing.Landing:
    return landing.land(run.id, landing.Wanted(**wanted))[1]


def state_of(root: Path) -> tuple[str, str, str, Files]:
    """What landing never changes: the branch, the index, and the files."""
    return (
        git(root, "symbolic-ref", "HEAD"),
        git(root, "rev-parse", "--quiet", "--verify", "HEAD", check=False),
        git(root, "ls-files", "-s"),
        seen(root),
    )


def test_the_result_is_one_commit_on_top_of_where_one_is(steps, root):
    put(root, {"b.txt": "staged\n"})
    git(root, "add", "b.txt")
    put(root, {"a.txt": "dirty\n", "untracked": "mine\n"})
    before = state_of(root)
    done = land(steps)
    assert (done.outcome, done.kind, done.name) == ("landed", "git", f"ropeway/acme/ci-{steps.id}")
    assert state_of(root) == before
    assert git(root, "log", "--format=%P|%an <%ae>|%B", "-1", done.name) == (
        f"{done.onto}|Test <test@example.org>|Apply the result of acme/ci\n\n"
        f"Ropeway-Run: {steps.id}\nRopeway-Workflow: acme/ci@1.2.0 sha256:{'d' * 64}\n\n"
    )
    assert done.onto == git(root, "rev-parse", "main").strip()
    assert done.files == (("M", "a.txt"), ("M", "b.txt"), ("A", "half"))
    assert git(root, "show", f"{done.name}:b.txt") == "B\n"
    assert git(root, "ls-tree", "-r", "--name-only", done.name).split() == ["a.txt", "b.txt", "half"]


def test_what_was_committed_meanwhile_is_kept(run, root):
    run.begin(START).did("a", changed(START, a_txt=NINE)).finish()
    put(root, {"a.txt": LINES.replace("1", "one"), "new": "x\n"})
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message=mine")
    done = land(run)
    assert git(root, "show", f"{done.commit}:a.txt") == NINE.replace("1", "one")
    assert done.files == (("M", "a.txt"),)


def test_what_was_not_committed_when_the_run_began_is_not_landed(run, root):
    run.begin({**START, "draft": "1\n", "a.txt": LINES.replace("1", "draft")})
    run.did("a", {**START, "draft": "1\n", "a.txt": NINE.replace("1", "draft"), "new": "x\n"}).finish()
    done = land(run)
    assert done.files == (("M", "a.txt"), ("A", "new"))
    assert git(root, "show", f"{done.commit}:a.txt") == NINE


def test_a_conflict_makes_nothing_and_lists_the_paths(run, root):
    run.begin(START).did("a", {"a.txt": NINE, "new": "theirs\n"}).finish()
    put(root, {"a.txt": LINES.replace("9", "neuf"), "b.txt": "edited\n", "new": "ours\n"})
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message=mine")
    before = state_of(root)
    done = land(run)
    assert (done.outcome, done.conflicts, done.commit) == ("conflicts", ("a.txt", "b.txt", "new"), "")
    assert git(root, "for-each-ref", "refs/heads") == git(root, "for-each-ref", "refs/heads/main")
    assert state_of(root) == before
    on_base = land(run, onto="HEAD~1", name="base")
    assert (on_base.outcome, on_base.onto) == ("landed", git(root, "rev-parse", "HEAD~1").strip())


def test_landing_the_same_again_makes_nothing_and_something_else_is_never_overwritten(steps, root):
    first = land(steps)
    again = land(steps)
    assert (again.outcome, again.commit) == ("already", first.commit)
    put(root, {"more": "x"})
    git(root, "add", "more")
    git(root, "commit", "--quiet", "--message=more")
    with pytest.raises(Refused, match="there is a branch"):
        land(steps)
    moved = land(steps, force=True)
    assert moved.outcome == "landed"
    assert git(root, "rev-parse", first.name).strip() == moved.commit
    git(root, "worktree", "add", "--quiet", "../beside", first.name)
    git(root, "commit", "--quiet", "--allow-empty", "--message=on top")
    with pytest.raises(Refused, match="is checked out"):
        land(steps, force=True)
    assert git(root, "rev-parse", first.name).strip() == moved.commit


def test_a_run_whose_changes_are_there_already_lands_nothing(steps, root):
    git(root, "merge", "--quiet", "--ff-only", land(steps).name)
    assert land(steps).outcome == "nothing"


def test_a_run_that_changed_nothing_lands_nothing(run):
    run.begin(START).did("a", START).finish()
    assert land(run).outcome == "nothing"
    assert not any(event.event == "workspace.landed" for event in run.folder.events())


def test_a_dry_run_makes_nothing(steps, root):
    done = land(steps, dry_run=True)
    assert (done.outcome, done.commit, len(done.files)) == ("planned", "", 3)
    assert git(root, "for-each-ref", "refs/heads") == git(root, "for-each-ref", "refs/heads/main")
    assert not any(event.event == "workspace.landed" for event in steps.folder.events())


def test_landing_is_noted_in_the_run_and_changes_its_state_in_nothing(steps):
    before = steps.folder.state()
    known = boundaries(steps.folder.events())
    done = land(steps)
    last = list(steps.folder.events())[-1]
    assert (last.event, dict(last.data)) == (
        "workspace.landed",
        {"kind": "git", "branch": done.name, "commit": done.commit, "onto": done.onto},
    )
    after = steps.folder.state()
    assert after.as_json() == before.as_json()
    assert boundaries(steps.folder.events()) == known


def test_the_message_keeps_its_trailers(steps, root):
    done = land(steps, message="Fix it\n\nBecause.\n\nSigned-off-by: Ann <ann@example.org>", name="x")
    assert git(root, "log", "-1", "--format=%(trailers:only,unfold)", done.commit).splitlines()[:2] == [
        "Signed-off-by: Ann <ann@example.org>",
        f"Ropeway-Run: {steps.id}",
    ]
    assert git(root, "log", "-1", "--format=%s", done.commit) == "Fix it\n"


@pytest.mark.parametrize("name", ["-x", "a..b", "with space", "x.lock", "HEAD", "a\nb"])
def test_a_name_that_no_branch_can_have_is_refused(steps, name):
    with pytest.raises(UsageError, match="can't be the name of a branch"):
        land(steps, name=name)


def test_a_commit_to_land_on_has_to_be_there(steps):
    for onto in ("nope", "--help", "main:a.txt"):
        with pytest.raises(NotFound, match="has no commit"):
            land(steps, onto=onto)


def test_without_a_name_nothing_is_committed(steps, root, monkeypatch):
    for name in [name for name in os.environ if name.startswith(("GIT_AUTHOR", "GIT_COMMITTER"))]:
        monkeypatch.delenv(name)
    with pytest.raises(Refused, match="does not know who you are") as caught:
        land(steps)
    assert "git config --global user.name" in str(caught.value.hint)
    git(root, "config", "user.name", "Zoë")
    git(root, "config", "user.email", "zoe@example.org")
    assert git(root, "log", "-1", "--format=%an <%ae> %cn", land(steps).commit) == "Zoë <zoe@example.org> Zoë\n"


def test_a_branch_without_a_commit_gets_the_first_one(store, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    root = tmp_path / "unborn"
    root.mkdir()
    git(root, "init", "--quiet", "--initial-branch=main")
    monkeypatch.chdir(root)
    run = SavedRun(store, root).begin({"draft": "x\n"}).did("a", {"draft": "x\n", "new": "1\n"}).finish()
    done = land(run)
    assert (done.outcome, done.onto) == ("landed", "")
    assert git(root, "ls-tree", "-r", "--name-only", done.commit) == "new\n"
    assert git(root, "log", "--format=%P", done.commit) == "\n"


def test_files_land_as_git_commits_them(run, root):
    put(root, {".gitattributes": "*.txt text eol=crlf\n"})
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message=attributes")
    crlf = {".gitattributes": "*.txt text eol=crlf\n", "b.txt": "b\r\n"}
    run.begin({**crlf, "a.txt": LINES.replace("\n", "\r\n").encode()}).did(
        "a", {**crlf, "a.txt": NINE.replace("\n", "\r\n").encode(), "n.txt": "1\r\n"}
    ).finish()
    done = land(run)
    assert done.files == (("M", "a.txt"), ("A", "n.txt"))
    assert git(root, "cat-file", "blob", f"{done.commit}:a.txt") == NINE
    assert git(root, "cat-file", "blob", f"{done.commit}:n.txt") == "1\n"


def test_it_lands_where_one_stands_in_another_worktree_of_the_repository(steps, root, monkeypatch):
    git(root, "worktree", "add", "--quiet", "-b", "side", "../side")
    side = root.parent / "side"
    git(side, "commit", "--quiet", "--allow-empty", "--message=side")
    monkeypatch.chdir(side)
    assert land(steps).onto == git(side, "rev-parse", "side").strip()


def test_a_run_that_is_under_way_does_not_land(steps):
    lock = steps.folder.lock()
    try:
        with pytest.raises(Busy):
            land(steps)
        with pytest.raises(Busy):
            applying.apply(steps.id)
    finally:
        os.close(lock)


def test_a_run_outside_of_a_repository_can_only_be_applied(store, tmp_path, monkeypatch, root):
    folder = tmp_path / "plain"
    put(folder, START)
    subprocess.run(["git", "init", "--quiet", "--bare", str(tmp_path / "store.git")], check=True)
    run = SavedRun(store, folder, git_dir=tmp_path / "store.git").begin(START).did("a", changed(START, a_txt=NINE)).finish()
    with pytest.raises(NotFound, match="is in no repository") as caught:
        land(run)
    assert "--apply" in str(caught.value.hint)
    assert git(root, "for-each-ref", "refs/ropeway") == ""
    assert applying.apply(run.id)[1].outcome == "applied"
    assert (folder / "a.txt").read_text() == NINE
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "commit", "--quiet", "--allow-empty", "--message=first")
    monkeypatch.chdir(folder)
    done = land(run)
    assert (done.outcome, done.conflicts) == ("conflicts", ("a.txt",))


# -- applying to files ------------------------------------------------------------------------------------------------------------


def applied(run: SavedRun, **options) -> applying.Applied:
    return applying.apply(run.id, **options)[1]


def test_the_files_one_works_on_get_what_the_run_changed(store, root):
    start: Files = {"a.txt": LINES, "b.txt": "b\n", "gone": "x", "tool": "x", "was/file": "1"}
    end: Files = {"a.txt": NINE, "b.txt": Link(b"a.txt"), "tool": Exec(b"x"), "was": "now a file", "new/deep/x": "1"}
    put(root, start)
    put(root, {"a.txt": LINES.replace("1", "one"), "mine": "m"})
    index = git(root, "ls-files", "-s")
    run = SavedRun(store, root).begin(start).did("a", end).finish()
    done = applied(run)
    assert done.outcome == "applied"
    assert done.files == (
        ("M", "a.txt"),
        ("T", "b.txt"),
        ("D", "gone"),
        ("A", "new/deep/x"),
        ("M", "tool"),
        ("A", "was"),
        ("D", "was/file"),
    )
    now = {name: value.encode() if isinstance(value, str) else value for name, value in end.items()}
    assert seen(root) == {**now, "a.txt": NINE.replace("1", "one").encode(), "mine": b"m"}
    assert git(root, "ls-files", "-s") == index
    assert applied(run).outcome == "nothing"
    assert [e.data["kind"] for e in run.folder.events() if e.event == "workspace.landed"] == ["files"]


def test_a_file_may_become_a_folder(store, root):
    put(root, {"thing": "1"})
    run = SavedRun(store, root).begin({**START, "thing": "1"}).did("a", {**START, "thing/x": "2", "thing/y": "3"}).finish()
    assert applied(run).outcome == "applied"
    assert {name: value for name, value in seen(root).items() if name.startswith("thing")} == {"thing/x": b"2", "thing/y": b"3"}


@pytest.mark.parametrize(
    ("mine", "path"),
    [
        ({"a.txt": LINES.replace("9", "neuf")}, "a.txt"),
        ({"gone": "edited"}, "gone"),
        ({"new": "mine"}, "new"),
        ({"new/x": "mine"}, "new"),
        ({"deep": "mine"}, "deep/x"),
        ({"deep": Link(b"/tmp")}, "deep/x"),
        ({"bin": b"\0mine"}, "bin"),
        ({"link": Link(b"mine")}, "link"),
        ({"kind": Link(b"mine")}, "kind"),
    ],
    ids=str,
)
def test_nothing_is_written_when_one_file_can_not_be_merged(store, root, mine, path):
    start: Files = {**START, "gone": "x", "bin": b"\0", "link": Link(b"one"), "kind": "k", "fine": "1"}
    end: Files = {
        "a.txt": NINE,
        "b.txt": "b\n",
        "new": "n",
        "deep/x": "1",
        "bin": b"\0theirs",
        "link": Link(b"two"),
        "kind": "K",
        "fine": "2",
    }
    put(root, start)
    for name, value in mine.items():
        top = root / name.split("/")[0]
        if top.is_dir() and not top.is_symlink():
            shutil.rmtree(top)
        put(root, {name: value})
    before = seen(root)
    run = SavedRun(store, root).begin(start).did("a", end).finish()
    done = applied(run)
    assert (done.outcome, done.conflicts) == ("conflicts", (path,))
    assert seen(root) == before
    assert not any(event.event == "workspace.landed" for event in run.folder.events())


def test_a_folder_with_a_file_of_ones_own_is_not_replaced(store, root):
    put(root, {"was/theirs": "1", "was/mine": "2"})
    run = SavedRun(store, root).begin({**START, "was/theirs": "1"}).did("a", {**START, "was": "file"}).finish()
    assert applied(run).conflicts == ("was",)
    assert (root / "was/mine").read_text() == "2"


def test_a_dry_run_only_says_what_would_change(steps, root):
    before = seen(root)
    done = applied(steps, dry_run=True)
    assert (done.outcome, len(done.files)) == ("planned", 3)
    assert seen(root) == before


def test_a_file_that_changes_at_the_last_moment_leaves_all_as_it_was(root):
    put(root, {"gone/x": "1", "tool": "x", "z": "edited just now"})
    changes = {
        b"a.txt": (Version(FILE, LINES.encode()), Version(FILE, b"theirs")),
        b"b.txt": (Version(FILE, b"b\n"), Version(LINK, b"a.txt")),
        b"gone/x": (Version(FILE, b"1"), None),
        b"new/deep/x": (None, Version(FILE, b"1")),
        b"tool": (Version(FILE, b"x"), Version(PROGRAM, b"x")),
        b"z": (Version(FILE, b"as it was"), Version(FILE, b"theirs")),
    }
    before = seen(root)
    with pytest.raises(StoreError, match="z changed at this moment; nothing was changed"):
        write(str(root), changes)
    assert seen(root) == before
    assert sorted(path.name for path in root.iterdir()) == [".git", "a.txt", "b.txt", "gone", "tool", "z"]


def test_a_file_that_can_not_be_put_back_is_kept_and_named(root, monkeypatch):
    put(root, {"mine/x": "what I wrote", "z": "edited just now"})
    changes = {
        b"mine/x": (Version(FILE, b"what I wrote"), Version(FILE, b"theirs")),
        b"z": (Version(FILE, b"as it was"), Version(FILE, b"theirs")),
    }
    rename = os.rename

    def full(source: bytes, target: bytes) -> None:
        if target.endswith(b"/mine/x") and b"/old-" in source:
            raise OSError(errno.EACCES, "Permission denied", target)
        rename(source, target)

    monkeypatch.setattr(os, "rename", full)
    with pytest.raises(StoreError, match="mine/x could not be changed, and not be put back either: Permission denied") as caught:
        write(str(root), changes)
    hint = re.fullmatch("it is kept as (.+): move it back yourself", caught.value.hint or "")
    assert hint is not None
    assert Path(hint[1]).read_text() == "what I wrote"


def test_a_name_that_no_file_can_have_is_not_applied(run, root):
    run.begin(START).did("a", {**START, "a.txt": NINE, "z" * 300: "1"}).finish()
    before = seen(root)
    with pytest.raises(StoreError, match="File name too long"):
        applied(run)
    assert seen(root) == before


def test_permissions_that_git_does_not_know_stay(run, root):
    (root / "a.txt").chmod(0o640)
    run.begin(START).did("a", changed(START, a_txt=NINE)).finish()
    applied(run)
    assert stat.S_IMODE((root / "a.txt").stat().st_mode) == 0o640


def test_the_folder_has_to_be_there(store, tmp_path, root, monkeypatch):
    subprocess.run(["git", "init", "--quiet", "--bare", str(tmp_path / "store.git")], check=True)
    run = SavedRun(store, tmp_path / "nowhere", git_dir=tmp_path / "store.git").begin(START).did("a", {}).finish()
    with pytest.raises(NotFound, match="is gone"):
        applied(run)
