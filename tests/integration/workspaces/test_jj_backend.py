"""Workspaces by the real jj, beside a person who goes on working."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from ropeway.errors import NotFound, Refused, StoreError, UsageError
from ropeway.workspaces.backend import Base, Made
from ropeway.workspaces.discovery import discover
from ropeway.workspaces.jj import JjBackend
from ropeway.workspaces.places import workspace_path
from support.workspaces import contents, tree, write

pytestmark = pytest.mark.needs("jj", "git")

OPERATION = 'user ++ " " ++ description.first_line() ++ "\\n"'


class Repository:
    """A jj repository with two commits, a bookmark, and changes that nobody committed; on a path with odd names."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch, kind: str = "colocated") -> None:
        self.root = root
        self.config = root / "jj.toml"
        self.config.write_text('[user]\nname = "Ann"\nemail = "ann@example.org"\n')
        monkeypatch.setenv("JJ_CONFIG", str(self.config))
        monkeypatch.setenv("AI_WORKSPACES_ROOT", str(root / "all workspaces"))
        self.path = root / "home of\nmine"
        self.path.mkdir()
        self.jj("git", "init", "--no-colocate" if kind == "alone" else "--colocate")
        self.write({".gitignore": "ignored\n", "a": "1\n", "d/b": "b\n"})
        self.jj("commit", "-m", "first")
        self.write({"a": "2\n"})
        self.jj("commit", "-m", "second")
        if kind == "secondary":
            self.jj("workspace", "add", "--name", "desk", "-r", "@-", str(root / "desk"))
            self.path = root / "desk"
        self.write({"a": "3\n", "new": "new\n", "ignored": "ignored\n"})
        self.jj("describe", "-m", "work\n\nwith a body")
        self.jj("bookmark", "create", "mine", "-r", "@-")
        self.backend = self.another()

    def another(self) -> JjBackend:
        """Return a backend that knows nothing of what went before."""
        found = discover(self.path)
        assert found is not None
        assert found.kind == "jj"
        return JjBackend(found, os.environ)

    def jj(self, *arguments: str, cwd: str | Path | None = None, fails: bool = False) -> str:
        """Run jj as the person does."""
        argv = ["jj", "--no-pager", "--color=never", *arguments]
        done = subprocess.run(argv, cwd=cwd or self.path, capture_output=True, text=True, check=False)
        assert (done.returncode != 0) == fails, (arguments, done.returncode, done.stdout, done.stderr)
        return done.stdout + done.stderr if fails else done.stdout

    def git(self, *arguments: str) -> str:
        """Run git on the store."""
        argv = ["git", f"--git-dir={self.backend.git_dir}", *arguments]
        return subprocess.run(argv, cwd=self.path, capture_output=True, text=True, check=True).stdout

    def write(self, files: dict[str, str | None]) -> None:
        """Write files at home."""
        write(self.path, {os.fsencode(name): None if text is None else text.encode() for name, text in files.items()})

    def add(self, name: str = "run", base: str = "@") -> tuple[str, Base, Made]:
        """Make a workspace."""
        path, found = self.where(name), self.backend.base(base)
        return path, found, self.backend.add(path, name, found)

    def where(self, name: str = "run") -> str:
        """Return the folder of a workspace."""
        return workspace_path(os.environ, self.backend.root, name)

    def show(self, template: str, revset: str = "all()", cwd: str | Path | None = None) -> list[str]:
        """Return one line for each commit, without saving any file first."""
        listed = self.jj("--ignore-working-copy", "log", "--no-graph", "-r", revset, "-T", template + ' ++ "\\n"', cwd=cwd)
        return listed.splitlines()

    def visible(self) -> set[str]:
        """Return every commit in the log."""
        return set(self.show("commit_id"))

    def operations(self) -> list[str]:
        """Return who did what, newest first."""
        return self.jj("--ignore-working-copy", "op", "log", "--no-graph", "-T", OPERATION).splitlines()

    def status(self, cwd: str | Path | None = None) -> list[str]:
        """Return what `jj status` says, without ids."""
        return [re.sub(r"\b[k-z]{8}\b|\b[0-9a-f]{8}\b", "…", line) for line in self.jj("st", cwd=cwd).splitlines()]

    def bookmarks(self) -> list[str]:
        """Return the names of all bookmarks."""
        return self.jj("--ignore-working-copy", "bookmark", "list", "-T", 'name ++ "\\n"').split()


@pytest.fixture(params=["colocated", "alone", "secondary"])
def each(request, tmp_path, monkeypatch):
    return Repository(tmp_path, monkeypatch, request.param)


@pytest.fixture
def home(tmp_path, monkeypatch):
    return Repository(tmp_path, monkeypatch)


# -- what a workspace is ----------------------------------------------------------------------------------------------------------------


def test_status_log_and_description_say_what_they_say_at_home(each):
    path, base, made = each.add()
    assert each.status(path) == each.status()
    assert each.show("description", "@", cwd=path) == each.show("description", "@")
    assert each.show("commit_id", "@-", cwd=path) == each.show("commit_id", "@-") == [base.commit]
    assert each.show("author.email()", "@", cwd=path) == ["ann@example.org"]
    assert contents(path) == {name: data for name, data in contents(each.path).items() if name != b"ignored"}
    assert (made.tree, made.touched) == (each.show("commit_id", "@")[0], ())


def test_a_workspace_is_no_child_of_the_persons_commit_and_has_a_change_of_its_own(each):
    path, base, _ = each.add()
    there = f"@:: & {each.show('commit_id', '@', cwd=path)[0]}"
    assert each.show("commit_id", there) == []
    assert each.show("change_id", "@") != each.show("change_id", "@", cwd=path)
    assert base.change == each.show("change_id", "@-")[0]


def test_jj_lists_a_workspace_by_its_id_and_place(each):
    path, _, _ = each.add("run-1.2_x")
    listed = each.jj("workspace", "list", "-T", 'name ++ " " ++ root ++ "\\0"').split("\0")
    assert f"run-1.2_x {os.path.realpath(path)}" in listed
    assert each.jj("root", cwd=path).removesuffix("\n") == path
    assert each.backend.ids() == ["run-1.2_x"]


def test_nothing_stays_in_the_persons_repository_folder(each):
    folder = Path(each.backend._repository).parent
    before = sorted(folder.iterdir())
    each.add()
    each.backend.remove(each.where(), "run")
    assert sorted(folder.iterdir()) == before


def test_the_git_side_of_a_colocated_repository_is_left_alone(home):
    def look():
        refs = [line for line in home.git("for-each-ref").splitlines() if "refs/jj/keep/" not in line]
        return refs, [(home.path / ".git" / name).read_bytes() for name in ("HEAD", "index")], home.git("status", "--porcelain")

    home.jj("st")
    home.git("status")
    before = look()
    home.add()
    assert look() == before
    home.backend.remove(home.where(), "run")
    assert look() == before


def test_links_and_programs_are_what_they_are_at_home(home):
    (home.path / "link").symlink_to("a")
    (home.path / "tool").write_text("#!/bin/sh\n")
    (home.path / "tool").chmod(0o755)
    path, _, _ = home.add()
    expected = tree(home.path)
    del expected[b"ignored"]
    assert tree(path) == expected


def test_a_merge_as_working_copy_has_all_its_parents(home):
    home.jj("new", "-m", "side", "root()")
    home.write({"side": "side\n"})
    home.jj("new", "-m", "merged", "@", "mine")
    home.write({"more": "more\n"})
    path, base, _ = home.add()
    parents = 'parents.map(|c| c.commit_id()).join(" ")'
    assert home.show(parents, "@", cwd=path) == home.show(parents, "@")
    assert len(home.show(parents, "@")[0].split()) == 2
    assert base.commit == home.show(parents, "@")[0].split()[0]
    assert contents(path) == contents(home.path)


def test_a_repository_without_a_commit_has_a_base_that_git_knows(home, tmp_path, monkeypatch):
    home.path = tmp_path / "fresh"
    home.path.mkdir()
    home.jj("git", "init")
    home.write({"first": "1\n"})
    home.backend = home.another()
    path, base, _ = home.add()
    assert contents(path) == {b"first": b"1\n"}
    assert home.git("ls-tree", "-r", base.commit) == ""
    assert home.backend.head(path) == base.commit
    again, _, _ = home.add("again", base.commit)
    assert contents(again) == {}


def test_files_over_jjs_limit_come_along(home):
    home.write({"big file": "x" * 2_000_000, "folder/big": "y" * 2_000_000, "ignored": "z" * 2_000_000})
    (home.path / "big file").chmod(0o755)
    path, _, made = home.add()
    assert sorted(made.touched) == [b"big file", b"folder/big"]
    assert tree(path)[b"big file"] == ("program", b"x" * 2_000_000)
    assert b"ignored" not in tree(path)


def test_untracked_files_come_along_where_jj_tracks_none_by_itself(home):
    home.config.write_text(home.config.read_text() + '[snapshot]\nauto-track = "none()"\n')
    home.write({"untracked": "mine\n"})
    path, _, made = home.add()
    assert made.touched == (b"untracked",)
    assert contents(path)[b"untracked"] == b"mine\n"


def test_repositories_inside_are_named_and_not_copied(home):
    subprocess.run(["git", "init", "-q", str(home.path / "inner")], check=True)
    (home.path / "inner" / "file").write_text("x" * 2_000_000)
    path, _, made = home.add()
    assert not Path(path, "inner").exists()
    assert any("inner/" in note for note in made.notes)


def conflict(home: Repository) -> None:
    home.jj("new", "-m", "left", "@-")
    home.write({"a": "left\n"})
    home.jj("new", "-m", "right", "@-")
    home.write({"a": "right\n"})
    home.jj("new", 'description(glob:"left*")', 'description(glob:"right*")')


def test_conflicts_look_as_they_do_at_home_and_no_tree_is_claimed(home):
    conflict(home)
    assert b"<<<<<<<" in contents(home.path)[b"a"]
    path, _, made = home.add()
    assert made.tree is None
    assert contents(path) == {name: data for name, data in contents(home.path).items() if name != b"ignored"}


def test_no_tree_is_claimed_where_jj_converts_line_ends(home):
    home.config.write_text(home.config.read_text() + '[working-copy]\neol-conversion = "input-output"\n')
    assert home.add()[2].tree is None


def test_a_sparse_home_is_copied_whole_and_that_is_said(home):
    home.jj("sparse", "set", "--clear", "--add", "d")
    path, _, made = home.add()
    assert contents(path)[b"a"] == b"3\n"
    assert any("sparse" in note for note in made.notes)


def test_the_repositorys_own_settings_hold(home):
    home.jj("config", "set", "--repo", "user.email", "ann@work.example.org")
    path, _, _ = home.add()
    assert home.show("author.email()", "@", cwd=path) == ["ann@work.example.org"]


def test_a_person_without_a_name_gets_a_workspace_too(home):
    home.config.write_text("")
    path, _, made = home.add()
    assert contents(path)[b"a"] == b"3\n"
    assert made.tree is not None


# -- bases ------------------------------------------------------------------------------------------------------------------------------


def test_a_base_is_any_revset_that_names_one_commit(home):
    change, commit = home.show("change_id", "mine")[0], home.show("commit_id", "mine")[0]
    for number, wanted in enumerate(("mine", change, change[:8], commit, commit[:10], "@-", "HEAD", "latest(bookmarks())")):
        path, base, made = home.add(f"w{number}", wanted)
        assert (base.label, base.commit, base.change, base.person) == (wanted, commit, change, False)
        assert (made.tree, made.touched) == (commit, ())
        assert contents(path) == {b".gitignore": b"ignored\n", b"a": b"2\n", b"d/b": b"b\n"}
        assert home.show("empty ++ description.len()", "@", cwd=path) == ["true0"]


@pytest.mark.parametrize(
    ("wanted", "kind"),
    [("nope", NotFound), ("origin/main", NotFound), ("none()", NotFound), ("all()", UsageError), ("f(", UsageError), ("-x", UsageError)],
)
def test_what_names_no_single_commit_is_refused_with_a_hint(home, wanted, kind):
    with pytest.raises(kind) as caught:
        home.backend.base(wanted)
    assert repr(wanted) in caught.value.message
    assert caught.value.hint


def test_a_base_that_was_rewritten_since_does_not_come_back_into_the_log(home):
    old = home.show("commit_id", "@-")[0]
    home.jj("describe", "-m", "second, better", "@-")
    before = home.visible()
    path, base, made = home.add(base=old)
    assert (base.commit, made.tree) == (old, old)
    assert contents(path)[b"a"] == b"2\n"
    assert old not in home.visible()
    home.backend.remove(path, "run")
    assert home.visible() == before


def test_a_stale_home_is_said_with_the_command_that_helps(home):
    home.jj("workspace", "add", "--name", "desk", str(home.root / "desk"))
    desk, home.path = home.root / "desk", home.root / "desk"
    home.jj("new", "-m", "in between", "root()", cwd=home.root / "home of\nmine")
    home.jj("restore", "--from", "mine", "--into", "desk@", "--ignore-working-copy", cwd=home.root / "home of\nmine")
    home.jj("restore", "--from", "root()", "--into", "desk@", "--ignore-working-copy", cwd=home.root / "home of\nmine")
    backend = home.another()
    assert backend.root == str(desk)
    with pytest.raises(StoreError, match="stale") as caught:
        backend.base("@")
    assert "jj workspace update-stale" in (caught.value.hint or "")


# -- the person's operation log ---------------------------------------------------------------------------------------------------------


def test_a_workspace_costs_the_log_two_operations_and_its_removal_two_and_they_say_whose(each):
    each.jj("st")
    before = each.operations()
    path, _, _ = each.add()
    added = each.operations()
    assert added[2:] == before
    each.jj("st", cwd=path)
    each.backend.head(path)
    each.backend.mend(path)
    assert each.operations() == added
    each.backend.remove(path, "run")
    removed = each.operations()
    assert removed[2:] == added
    assert all(line.startswith("ropeway@") for line in removed[:4])
    assert removed[0].endswith("forget workspace run")


def test_undo_undoes_what_the_person_did_whatever_we_did_since(each):
    each.jj("bookmark", "create", "second", "-r", "@")
    each.jj("bookmark", "create", "third", "-r", "@")
    for number in range(3):
        each.add(f"w{number}")
    each.backend.remove(each.where("w1"), "w1")
    for left in (["mine", "second"], ["mine"], []):
        each.jj("undo")
        assert each.bookmarks() == left
    files = contents(each.path)
    each.jj("undo")
    assert each.show("description.first_line()", "@") == [""]
    for _ in range(4):
        each.jj("redo")
    assert each.bookmarks() == ["mine", "second", "third"]
    assert contents(each.path) == files
    assert each.backend.ids() == ["w0", "w2"]
    each.jj("bookmark", "delete", "second", "third")
    assert each.status(each.where("w2")) == each.status()


def test_undo_goes_on_where_the_person_was_in_a_row_of_undos(home):
    home.jj("bookmark", "create", "second", "-r", "@")
    home.jj("bookmark", "create", "third", "-r", "@")
    home.jj("undo")
    home.add()
    home.jj("undo")
    assert home.bookmarks() == ["mine"]


def test_undo_after_operations_that_jj_joined_takes_back_ours_alone(home):
    at = home.jj("op", "log", "--no-graph", "-n1", "-T", "id")
    home.jj("bookmark", "create", "left", "-r", "@", "--at-operation", at)
    home.jj("bookmark", "create", "right", "-r", "@", "--at-operation", at)
    home.add()
    home.jj("undo")
    assert home.bookmarks() == ["left", "mine", "right"]
    assert home.backend.ids() == []


def test_a_push_is_undone_with_jjs_warning_only(home):
    subprocess.run(["git", "init", "-q", "--bare", str(home.root / "remote")], check=True)
    home.jj("git", "remote", "add", "origin", str(home.root / "remote"))
    home.jj("git", "push", "--bookmark", "mine", "--config", 'remotes.origin.auto-track-bookmarks="*"')
    home.add()
    home.jj("undo")
    remote = home.jj("bookmark", "list", "--all")
    assert "@origin" in remote
    assert home.backend.ids() == []


def test_making_and_removing_while_the_person_works_loses_nothing_of_either(home):
    home.backend.base("@")
    with subprocess.Popen(
        ["sh", "-c", "for i in 1 2 3 4 5 6 7 8 9; do jj --quiet bookmark create b$i -r @ || exit 1; done"],
        cwd=home.path,
        stderr=subprocess.PIPE,
        text=True,
    ) as person:
        for number in range(4):
            home.add(f"w{number}")
        home.backend.remove(home.where("w0"), "w0")
        assert (person.communicate(timeout=60)[1], person.returncode) == ("", 0)
    assert home.bookmarks() == [f"b{i}" for i in range(1, 10)] + ["mine"]
    assert home.backend.ids() == ["w1", "w2", "w3"]
    home.jj("bookmark", "delete", "glob:b*")
    assert home.status(home.where("w3")) == home.status()


# -- the person goes on -----------------------------------------------------------------------------------------------------------------

GOING_ON = {
    "edits a file": lambda home: home.write({"a": "later\n"}) or home.jj("st"),
    "commits": lambda home: home.jj("commit", "-m", "done"),
    "starts a change": lambda home: home.jj("new"),
    "starts one elsewhere": lambda home: home.jj("new", "root()"),
    "describes": lambda home: home.jj("describe", "-m", "other words"),
    "describes what both are on": lambda home: home.jj("describe", "-m", "other words", "@-"),
    "undoes": lambda home: home.jj("undo"),
    "undoes twice": lambda home: home.jj("undo") + home.jj("undo"),
    "abandons": lambda home: home.jj("abandon"),
    "abandons what both are on": lambda home: home.jj("abandon", "@-"),
    "squashes": lambda home: home.jj("squash", "-m", "both"),
    "edits and squashes": lambda home: home.write({"a": "later\n", "new": None}) or home.jj("squash", "-m", "both"),
    "rebases": lambda home: home.jj("rebase", "-r", "@", "-d", "root()"),
    "rebases what both are on": lambda home: home.jj("rebase", "-s", "@-", "-d", "root()"),
}


@pytest.mark.parametrize("act", GOING_ON.values(), ids=GOING_ON)
def test_a_runs_files_stay_as_they_are_and_jj_works_there_whatever_the_person_does(home, act):
    path, _, _ = home.add()
    write(path, {b"a": b"by a step\n", b"d/made": b"made\n"})
    files = contents(path)
    act(home)
    mine = contents(home.path)
    home.backend.mend(path)
    assert contents(path) == files
    home.jj("st", cwd=path)
    assert contents(path) == files
    assert set(home.jj("file", "list", cwd=path).split()) == {os.fsdecode(name) for name in files}
    assert home.jj("file", "show", "-r", "@", "a", cwd=path) == "by a step\n"
    home.jj("st")
    assert contents(home.path) == mine
    assert home.show("divergent") == ["false"] * len(home.visible())
    assert home.backend.head(path) == home.show("commit_id", "@-", cwd=path)[0]
    home.backend.remove(path, "run")
    assert contents(home.path) == mine
    assert home.backend.ids() == []


def test_an_undo_takes_a_workspace_off_the_list_and_mending_puts_it_back_in_two_operations(home):
    path, base, _ = home.add()
    home.jj("undo")
    assert home.jj("st", cwd=path) == "No working copy.\n"
    assert home.backend.ids() == []
    assert home.backend.head(path) == base.commit
    before = home.operations()
    assert home.backend.mend(path)
    assert home.operations()[2:] == before
    assert home.backend.ids() == ["run"]
    assert home.status(path) == home.status()
    assert not home.backend.mend(path)
    assert not home.another().mend(path)
    home.jj("undo")
    assert home.show("description.first_line()", "@") == [""]


def test_what_a_step_saved_with_jj_is_its_state_after_an_undo_too(home):
    path, _, _ = home.add()
    write(path, {b"a": b"by a step\n"})
    home.jj("st", cwd=path)
    home.jj("undo")  # takes back what jj saved in the workspace
    home.jj("st", cwd=path, fails=True)
    assert home.backend.mend(path)
    assert home.jj("file", "show", "-r", "@", "a", cwd=path) == "by a step\n"
    assert contents(path)[b"a"] == b"by a step\n"


def test_mending_what_is_gone_does_nothing(home):
    path, _, _ = home.add()
    home.backend.remove(path, "run")
    before = home.operations()
    assert not home.backend.mend(path)
    assert home.backend.head(path) is None
    assert home.operations() == before


# -- removing ---------------------------------------------------------------------------------------------------------------------------


def test_nothing_of_a_workspace_stays_in_the_log(each):
    before = each.visible()
    for number, base in enumerate(("@", "mine", "root()")):
        path, _, _ = each.add(f"w{number}", base)
        write(path, {b"a": b"by a step\n"})
        each.jj("st", cwd=path)
    for number in range(3):
        each.backend.remove(each.where(f"w{number}"), f"w{number}")
    assert each.visible() == before


def test_what_a_step_committed_stays_in_the_log(home):
    before = home.visible()
    path, base, _ = home.add(base="mine")
    write(path, {b"a": b"by a step\n"})
    home.jj("commit", "-m", "by a step", cwd=path)
    assert home.backend.head(path) != base.commit
    home.backend.remove(path, "run")
    (more,) = home.visible() - before
    assert home.show("description.first_line()", more) == ["by a step"]
    assert home.jj("file", "show", "-r", more, "a") == "by a step\n"


@pytest.mark.parametrize(
    "act",
    [
        lambda home, path: home.jj("describe", "-m", "worth a name", cwd=path),
        lambda home, path: home.jj("bookmark", "create", "kept", "-r", "@", cwd=path),
        lambda home, path: home.jj("new", "run@"),
        lambda home, path: home.jj("edit", "run@"),
    ],
    ids=["described", "bookmarked", "built on", "edited at home"],
)
def test_a_workspaces_commit_that_somebody_made_their_work_stays(home, act):
    path, _, _ = home.add()
    write(path, {b"a": b"by a step\n"})
    home.jj("st", cwd=path)
    act(home, path)
    (commit,) = home.show("commit_id", "run@")
    home.backend.remove(path, "run")
    assert commit in home.visible()
    assert home.jj("file", "show", "-r", commit, "a") == "by a step\n"


def test_a_workspace_that_an_undo_brought_back_goes_with_the_next_one(home):
    home.add("old")
    home.jj("bookmark", "create", "second", "-r", "@")
    before = home.visible() - set(home.show("commit_id", "old@"))
    home.backend.remove(home.where("old"), "old")
    home.jj("undo")
    assert home.backend.ids() == ["old"]
    home.add("next")
    home.backend.remove(home.where("next"), "next")
    assert home.backend.ids() == []
    assert home.visible() == before


def test_a_workspace_of_the_persons_is_never_taken(home):
    home.jj("workspace", "add", "--name", "run", str(home.root / "theirs"))
    with pytest.raises(Refused, match="run already") as caught:
        home.add("run")
    assert str(home.root / "theirs") in caught.value.message
    home.backend.remove(home.where("run"), "run")
    assert "run:" in home.jj("workspace", "list")
    assert contents(home.root / "theirs")[b"a"] == b"2\n"
    shutil.rmtree(home.root / "theirs")
    home.backend.remove(home.where("other"), "other")
    assert "run:" in home.jj("workspace", "list")


# -- snapshots --------------------------------------------------------------------------------------------------------------------------


def test_jj_does_not_see_snapshots_and_collecting_keeps_them(each):
    tree_id = each.git("rev-parse", f"{each.show('commit_id', '@')[0]}^{{tree}}").strip()
    commit = each.git("commit-tree", tree_id, "-m", "a boundary").strip()
    each.git("update-ref", "refs/ropeway/run/0", commit)
    before = each.visible(), each.bookmarks(), each.jj("tag", "list"), each.operations()
    each.jj("git", "import")
    assert (each.visible(), each.bookmarks(), each.jj("tag", "list"), each.operations()) == before
    path, base, _ = each.add()
    each.backend.remove(path, "run")
    each.jj("util", "gc", "--expire=now")
    each.git("gc", "--quiet", "--prune=now")
    assert each.git("cat-file", "-t", commit) == "commit\n"
    assert each.git("cat-file", "-t", base.commit) == "commit\n"
    each.jj("st")
    each.add("again")


# -- what can be missing ----------------------------------------------------------------------------------------------------------------


def test_a_missing_jj_is_named(home, monkeypatch):
    monkeypatch.setenv("PATH", str(home.root))
    with pytest.raises(NotFound, match="no program jj") as caught:
        home.backend.base("@")
    assert caught.value.hint


def test_a_jj_that_can_not_work_aside_makes_workspaces_plainly(home, monkeypatch):
    """Before 0.41, jj has no ``operation integrate``, and its ``workspace list`` has no template."""
    older = home.root / "older"
    older.mkdir()
    real = shutil.which("jj")
    script = (
        f'#!/bin/sh\ncase "$*" in *integrate*|*"workspace list --temp"*) echo "error: unrecognized" >&2; exit 2;; esac\nexec {real} "$@"\n'
    )
    (older / "jj").write_text(script)
    (older / "jj").chmod(0o755)
    before = home.visible()
    monkeypatch.setenv("PATH", str(older), prepend=os.pathsep)
    path, base, _ = home.add()
    assert home.status(path) == home.status()
    assert home.show("description", "@", cwd=path) == home.show("description", "@")
    assert home.backend.ids() == ["run"]
    assert home.backend.head(path) == base.commit
    home.jj("undo")
    assert contents(path)[b"a"] == b"3\n"
    home.backend.remove(path, "run")
    assert home.backend.ids() == []
    assert home.bookmarks() == ["mine"]
    assert len(home.visible() - before) <= 1


def test_what_a_killed_process_left_aside_is_swept_away_later(home):
    folder = Path(home.backend._repository).parent
    for name, age in (("ropeway-old", 7200), ("ropeway-new", 0)):
        (folder / name / "heads").mkdir(parents=True)
        (folder / name / "store").symlink_to("../repo/store")
        os.utime(folder / name, (time.time() - age, time.time() - age))
    home.add()
    assert {entry.name for entry in folder.iterdir()} >= {"repo", "ropeway-new"}
    assert not (folder / "ropeway-old").exists()
    assert (folder / "repo" / "store" / "type").exists()


def test_a_damaged_repository_gives_a_message_and_leaves_nothing(home):
    base = home.backend.base("@")
    heads = Path(home.backend._repository, "op_heads", "heads")
    heads.rename(heads.with_name("away"))
    with pytest.raises(StoreError):
        home.backend.add(home.where(), "run", base)
    heads.with_name("away").rename(heads)
    assert not Path(home.where()).exists()
    home.add()
