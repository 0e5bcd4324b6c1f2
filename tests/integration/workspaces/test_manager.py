"""The manager over real repositories: what it makes, finds again, repairs and refuses to lose."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ropeway.errors import NotFound, Refused, RopewayError, StoreError, UsageError
from ropeway.workspaces import places
from ropeway.workspaces.manager import Manager
from support.workspaces import HOMES, GitHome, Home, JjHome, contents, git

KINDS = [
    pytest.param("git", marks=pytest.mark.needs("git")),
    pytest.param("jj", marks=pytest.mark.needs("jj", "git")),
    pytest.param("plain", marks=pytest.mark.needs("git")),
]


class Kept:
    """A home and its manager, which notes what it is told."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.home.environ["XDG_CACHE_HOME"] = str(home.root / "cache")
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.manager = self.another()

    def another(self) -> Manager:
        """Return a manager that knows nothing of what went before."""
        return Manager(self.home.backend, self.home.environ, tell=lambda event, data: self.told.append((event, data)))

    def path(self, name: str = "one") -> Path:
        return Path(self.manager.path(name))

    def events(self) -> list[str]:
        found = [event for event, _ in self.told]
        self.told.clear()
        return found

    def metadata(self, name: str = "one") -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.path(name) / ".agent-tools/.agent-workflow.json").read_text())
        return found

    def edit_metadata(self, text: str, name: str = "one") -> None:
        (self.path(name) / ".agent-tools/.agent-workflow.json").write_text(text)


@pytest.fixture(params=KINDS)
def kept(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kept:
    monkeypatch.setenv("JJ_CONFIG", os.devnull)
    home = HOMES[request.param](tmp_path)
    home.commit({b".gitignore": b"dist/\n", b"a": b"1\n", b"scripts/run.sh": b"#!/bin/sh\n"})
    return Kept(home)


@pytest.fixture
def in_git(tmp_path: Path) -> Kept:
    home = GitHome(tmp_path)
    home.commit({b"a": b"1\n"})
    return Kept(home)


@pytest.fixture
def in_jj(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kept:
    monkeypatch.setenv("JJ_CONFIG", os.devnull)
    home = JjHome(tmp_path)
    home.commit({b"a": b"1\n"})
    return Kept(home)


# -- making and finding again -----------------------------------------------------------------------------------------------------------


def test_a_workspace_is_made_with_metadata_and_tools_and_that_is_told(kept: Kept) -> None:
    ensured = kept.manager.ensure_workspace("one", extra={"run": "abc"})
    assert (ensured.created, ensured.path) == (True, str(kept.path()))
    assert ensured.base is not None
    assert ensured.base.label == "@"
    assert (kept.path() / "a").read_text() == "1\n"
    found = kept.metadata()
    assert found == ensured.metadata == kept.manager.read("one")
    assert list(found) == [
        "workspace_id", "repo_root", "workspace_path", "status", "direnv_allowed", "command", "created_at", "updated_at",
        "base_change", "tools_source", "tools_copy", "tools_version", "backend", "base_commit", "run",
    ]  # fmt: skip
    assert (
        found
        | {
            "workspace_id": "one",
            "repo_root": str(kept.home.path),
            "workspace_path": str(kept.path()),
            "status": "idle",
            "direnv_allowed": False,
            "command": [],
            "base_change": "@",
            "tools_source": str(kept.home.path),
            "tools_copy": str(kept.path() / ".agent-tools"),
            "tools_version": (kept.path() / ".agent-tools/.version").read_text().strip(),
            "backend": kept.home.kind,
            "base_commit": ensured.base.commit,
            "run": "abc",
        }
        == found
    )
    assert [event for event, _ in kept.told] == ["workspace.created", "workspace.tools"]
    created, tools = (data for _, data in kept.told)
    assert created == {
        "id": "one",
        "path": str(kept.path()),
        "root": str(kept.home.path),
        "backend": kept.home.kind,
        "git_dir": kept.home.backend.git_dir,
        "base": "@",
        "base_commit": ensured.base.commit,
        "person": True,
        "notes": [],
    }
    assert tools["version"] == found["tools_version"]
    assert tools["copied"] is True


def test_it_is_found_again_with_all_that_was_noted_and_done_in_it(kept: Kept) -> None:
    kept.manager.ensure_workspace("one", extra={"theirs": {"kept": True}})
    (kept.path() / "new").write_text("work\n")
    kept.manager.update_status("one", "done", "ci", ["make", "all"])
    before = kept.metadata()
    kept.events()
    ensured = kept.another().ensure_workspace("one", extra={"run": "later"})
    assert (ensured.created, ensured.base, ensured.made) == (False, None, None)
    assert (kept.path() / "new").read_text() == "work\n"
    assert kept.metadata() == before | {"run": "later", "updated_at": kept.metadata()["updated_at"]}
    assert before["theirs"] == {"kept": True}
    assert kept.events() == ["workspace.reused", "workspace.tools"]


def test_a_status_keeps_workflow_and_command_when_none_are_given(kept: Kept) -> None:
    kept.manager.ensure_workspace("one")
    kept.manager.update_status("one", "running", "ci", ["make"])
    kept.manager.update_status("one", "error")
    found = kept.metadata()
    assert (found["status"], found["workflow"], found["command"]) == ("error", "ci", ["make"])


def test_metadata_that_a_command_deleted_is_made_again(kept: Kept) -> None:
    kept.manager.ensure_workspace("one", extra={"run": "abc"})
    shutil.rmtree(kept.path() / ".agent-tools")
    kept.manager.update_status("one", "done")
    assert (kept.metadata()["status"], kept.metadata()["run"]) == ("done", "abc")
    shutil.rmtree(kept.path() / ".agent-tools")
    kept.another().update_status("one", "error")
    assert (kept.metadata()["status"], kept.metadata()["workspace_path"]) == ("error", str(kept.path()))


def test_a_status_of_a_workspace_that_is_gone_is_noted_nowhere(kept: Kept) -> None:
    kept.manager.update_status("one", "done")
    assert not kept.path().exists()


def test_damaged_metadata_is_told_and_left_alone(kept: Kept) -> None:
    kept.manager.ensure_workspace("one")
    kept.edit_metadata("{")
    for call in (lambda m: m.ensure_workspace("one"), lambda m: m.update_status("one", "done"), lambda m: m.read("one")):
        with pytest.raises(StoreError, match="is damaged"):
            call(kept.another())
    assert (kept.path() / ".agent-tools/.agent-workflow.json").read_text() == "{"
    assert [(one["workspace_id"], one["status"]) for one in kept.manager.list()] == [("one", "unknown")]


def test_the_list_has_every_workspace_of_this_repository_by_name(kept: Kept) -> None:
    assert kept.manager.list() == []
    for name in ("two", "one", "x.y-z_1"):
        kept.manager.ensure_workspace(name)
    assert [one["workspace_id"] for one in kept.manager.list()] == ["one", "two", "x.y-z_1"]
    assert kept.manager.list()[0] == kept.metadata("one")


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a b", "ü", "a\n"])
def test_what_can_not_be_the_id_of_a_workspace_is_refused(in_git: Kept, name: str) -> None:
    for call in (in_git.manager.ensure_workspace, in_git.manager.cleanup, in_git.manager.read):
        with pytest.raises(UsageError):
            call(name)


def test_a_workspace_that_is_not_there_can_not_be_read_or_removed(kept: Kept) -> None:
    for call in (kept.manager.read, kept.manager.cleanup):
        with pytest.raises(NotFound) as caught:
            call("one")
        assert caught.value.message == "there is no workspace one"
    kept.manager.cleanup("one", force=True)


def test_a_base_that_is_not_there_leaves_nothing_behind(in_git: Kept) -> None:
    with pytest.raises(NotFound):
        in_git.manager.ensure_workspace("one", "nowhere")
    assert not in_git.path().exists()
    assert in_git.manager.list() == []


def test_tools_that_are_missing_are_named(kept: Kept) -> None:
    with pytest.raises(NotFound, match="no such tools in"):
        kept.manager.ensure_workspace("one", tools=["prompts"])


def test_tools_are_brought_up_to_date_once_unless_forced(kept: Kept) -> None:
    kept.manager.ensure_workspace("one")
    (kept.home.path / "scripts/run.sh").write_text("changed\n")
    first = kept.manager.sync_tools("one")
    assert kept.manager.sync_tools("one", force=True).version != first.version
    assert (kept.path() / ".agent-tools/scripts/run.sh").read_text() == "changed\n"
    assert kept.metadata()["tools_version"] != first.version


def test_commands_see_the_variables_of_their_workspace(kept: Kept) -> None:
    kept.manager.ensure_workspace("one")
    assert kept.manager.environ_for("one") == {
        "AGENT_WORKSPACE_ID": "one",
        "AGENT_WORKSPACE_PATH": str(kept.path()),
        "AGENT_WORKSPACE_METADATA": str(kept.path() / ".agent-tools/.agent-workflow.json"),
        "AGENT_WORKSPACE_REPO_ROOT": str(kept.home.path),
        "AGENT_TOOL_COPY_ROOT": str(kept.path() / ".agent-tools"),
        "AGENT_TOOLS_VERSION": kept.metadata()["tools_version"],
        "AGENT_TOOLS_SOURCE": str(kept.home.path),
    }


# -- repairing --------------------------------------------------------------------------------------------------------------------------


def test_a_workspace_whose_folder_was_deleted_is_made_anew(kept: Kept) -> None:
    kept.manager.ensure_workspace("one")
    shutil.rmtree(kept.path())
    assert kept.another().ensure_workspace("one").created is True
    assert (kept.path() / "a").read_text() == "1\n"


def test_a_workspace_whose_folder_was_deleted_can_be_removed(kept: Kept) -> None:
    kept.manager.ensure_workspace("one")
    shutil.rmtree(kept.path())
    kept.another().cleanup("one", force=True)
    assert "one" not in kept.home.backend.ids()


def test_a_workspace_that_a_crash_left_without_metadata_is_made_anew(kept: Kept) -> None:
    kept.home.commit({b"b": b"2\n"})
    kept.home.add("one")
    assert kept.another().ensure_workspace("one").created is True
    assert kept.metadata()["workspace_id"] == "one"


def test_a_workspace_that_a_crash_left_half_made_is_made_anew(kept: Kept) -> None:
    path = kept.path()

    def killed() -> None:
        with places.making(kept.home.environ, kept.home.backend.root, "one"):
            path.mkdir(parents=True)
            (path / "half").write_text("x\n")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        killed()
    assert kept.manager.ensure_workspace("one").created is True
    assert not (path / "half").exists()


def test_a_crash_before_the_metadata_was_there_loses_nothing_but_the_copy(kept: Kept) -> None:
    """The person's own changes lie in it, and have to be told from work that was done in it."""
    (kept.home.path / "a").write_text("mine\n")
    kept.home.add("one")
    locks = Path(kept.home.environ["AI_WORKSPACES_ROOT"], ".locks", places.namespace(kept.home.backend.root))
    (locks / "one.new").touch()
    (kept.home.path / "a").write_text("mine, later\n")
    assert kept.manager.ensure_workspace("one").created is True
    assert (kept.path() / "a").read_text() == "mine, later\n"
    assert not (locks / "one.new").exists()


def test_a_workspace_without_metadata_that_holds_work_is_not_removed(kept: Kept) -> None:
    kept.manager.ensure_workspace("one")
    shutil.rmtree(kept.path() / ".agent-tools")
    (kept.path() / "new").write_text("work\n")
    with pytest.raises(Refused) as caught:
        kept.another().ensure_workspace("one")
    assert caught.value.message == "it has no metadata, and the workspace one holds what is saved nowhere else: new"
    assert (kept.path() / "new").read_text() == "work\n"


@pytest.mark.parametrize("what", ["folder", "file", "link"])
def test_what_is_no_workspace_is_left_alone(in_git: Kept, what: str, tmp_path: Path) -> None:
    path = in_git.path()
    path.parent.mkdir(parents=True)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("x\n")
    if what == "folder":
        shutil.copytree(outside, path)
    elif what == "file":
        path.write_text("x\n")
    else:
        path.symlink_to(outside)
    for call in (in_git.manager.ensure_workspace, in_git.manager.cleanup):
        with pytest.raises(Refused):
            call("one")
    assert path.exists()
    assert (outside / "precious").exists()


def test_a_link_in_the_place_of_a_workspace_goes_without_what_it_leads_to(in_git: Kept, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("x\n")
    in_git.path().parent.mkdir(parents=True)
    in_git.path().symlink_to(outside)
    in_git.manager.cleanup("one", force=True)
    assert not in_git.path().is_symlink()
    assert (outside / "precious").exists()


def test_a_worktree_that_git_forgot_is_not_used(in_git: Kept) -> None:
    in_git.manager.ensure_workspace("one")
    shutil.rmtree(Path(in_git.home.backend.git_dir or "") / "worktrees/one")
    with pytest.raises(Refused) as caught:
        in_git.another().ensure_workspace("one")
    assert caught.value.message == f"the repository no longer knows the workspace one in {in_git.path()}"
    in_git.another().cleanup("one", force=True)
    assert not in_git.path().exists()


def test_a_workspace_that_the_persons_undo_took_off_jjs_list_is_used_again(in_jj: Kept) -> None:
    home = in_jj.home
    assert isinstance(home, JjHome)
    (home.path / "b").write_text("b\n")
    home.jj("commit", "-m", "more")
    in_jj.manager.ensure_workspace("one")
    (in_jj.path() / "work").write_text("x\n")
    home.jj("undo")
    ensured = in_jj.another().ensure_workspace("one")
    assert ensured.created is False
    assert (in_jj.path() / "work").read_text() == "x\n"


def test_a_failure_to_note_down_leaves_no_copy(in_git: Kept) -> None:
    home = in_git.home
    (home.path / ".agent-tools").symlink_to("/tmp")
    home.commit({b"b": b"2\n"})
    with pytest.raises(Refused) as caught:
        in_git.another().ensure_workspace("one", "HEAD")
    assert caught.value.message == f"{in_git.path()}/.agent-tools is a link to /tmp"
    assert not in_git.path().exists()
    assert in_git.home.backend.ids() == []


# -- removing ---------------------------------------------------------------------------------------------------------------------------


def test_a_workspace_in_which_nothing_was_done_is_removed(kept: Kept) -> None:
    """That the person has uncommitted files, and so has the copy, is no work in the copy."""
    (kept.home.path / "a").write_text("mine\n")
    (kept.home.path / "untracked").write_text("mine\n")
    kept.manager.ensure_workspace("one")
    kept.events()
    kept.another().cleanup("one")
    assert not kept.path().exists()
    assert kept.home.backend.ids() == []
    assert kept.told == [("workspace.cleaned", {"id": "one", "path": str(kept.path())})]


@pytest.mark.parametrize("change", ["new", "edited", "deleted", "executable", "link"])
def test_work_is_not_removed_unless_somebody_insists(kept: Kept, change: str) -> None:
    kept.manager.ensure_workspace("one")
    path = kept.path() / ("new" if change in ("new", "link") else "a")
    if change == "new":
        path.write_text("work\n")
    elif change == "edited":
        path.write_text("2\n")
    elif change == "deleted":
        if kept.home.kind == "plain":
            return  # of a plain copy nothing says what it had
        path.unlink()
    elif change == "executable":
        path.chmod(0o755)
    else:
        path.symlink_to("nowhere")
    with pytest.raises(Refused) as caught:
        kept.another().cleanup("one")
    assert caught.value.message == f"the workspace one holds what is saved nowhere else: {path.name}"
    assert caught.value.hint == f"it is in {kept.path()}; `workflow workspace clean one --force` removes it all the same"
    assert kept.path().exists()
    kept.another().cleanup("one", force=True)
    assert not kept.path().exists()


def test_ignored_files_are_no_work(in_git: Kept) -> None:
    in_git.home.commit({b".gitignore": b"dist/\n"})
    in_git.manager.ensure_workspace("one")
    (in_git.path() / "dist").mkdir()
    (in_git.path() / "dist/x").write_text("x\n")
    in_git.another().cleanup("one")


def test_only_the_first_of_many_unsaved_paths_are_named(in_git: Kept) -> None:
    in_git.manager.ensure_workspace("one")
    for number in range(5):
        (in_git.path() / f"f{number}").write_text("x\n")
    with pytest.raises(Refused, match=r"nowhere else: f0, f1, f2 and 2 more$"):
        in_git.manager.cleanup("one")


def test_a_commit_that_only_the_worktree_holds_is_work(in_git: Kept) -> None:
    in_git.manager.ensure_workspace("one")
    (in_git.path() / "new").write_text("x\n")
    git(in_git.path(), "add", "new")
    git(in_git.path(), "commit", "-q", "-m", "work")
    head = git(in_git.path(), "rev-parse", "HEAD").decode().strip()
    with pytest.raises(Refused, match=f"nowhere else: commit {head[:12]}, which is on no branch$"):
        in_git.another().cleanup("one")
    git(in_git.path(), "branch", "saved")
    in_git.another().cleanup("one")


def test_what_the_runs_latest_snapshot_holds_is_saved(in_git: Kept, tmp_path: Path) -> None:
    from ropeway.workspaces.snapshots import Snapshots

    in_git.manager.ensure_workspace("one", extra={"run": "r1"})
    snapshots = Snapshots(str(in_git.path()), in_git.home.backend.git_dir or "", run="r1", state=str(tmp_path / "state"))
    snapshots.adopt(None)
    snapshots.take("0")
    (in_git.path() / "a").unlink()
    (in_git.path() / "new").write_text("x\n")
    (in_git.path() / "link").symlink_to("new")
    (in_git.path() / "tool").write_text("x\n")
    (in_git.path() / "tool").chmod(0o755)
    snapshots.take("1")
    (in_git.path() / "later").write_text("x\n")
    with pytest.raises(Refused, match=r"nowhere else: later$"):
        in_git.another().cleanup("one")
    (in_git.path() / "later").unlink()
    in_git.another().cleanup("one")


def test_removing_one_workspace_leaves_the_others_and_the_persons_folder(kept: Kept) -> None:
    before = contents(kept.home.path)
    for name in ("one", "two"):
        kept.manager.ensure_workspace(name)
    kept.manager.cleanup("one", force=True)
    assert (kept.path("two") / "a").read_text() == "1\n"
    assert contents(kept.home.path) == before


def test_fifty_workspaces_are_made_at_the_same_moment(in_git: Kept) -> None:
    script = (
        "import os, sys\n"
        "from ropeway.workspaces.backend import choose\n"
        "from ropeway.workspaces.manager import Manager\n"
        f"manager = Manager(choose('git', {str(in_git.home.path)!r}, os.environ).backend, os.environ)\n"
        "for name in sys.argv[1:]: manager.ensure_workspace(name)\n"
    )
    (in_git.home.path / "scripts").mkdir()
    (in_git.home.path / "scripts/run.sh").write_text("x\n")
    names = [[f"w{number}-{each}" for each in range(10)] for number in range(5)]
    started = [
        subprocess.Popen([sys.executable, "-c", script, *some], env=in_git.home.environ, stderr=subprocess.PIPE, text=True)
        for some in names
    ]
    assert [process.communicate()[1] for process in started] == [""] * 5
    listed = in_git.manager.list()
    assert sorted(one["workspace_id"] for one in listed) == sorted(name for some in names for name in some)
    assert len({(Path(one["workspace_path"]) / ".agent-tools/scripts/run.sh").stat().st_ino for one in listed}) == 1


def test_a_full_disk_or_a_root_that_can_not_be_made_is_told(in_git: Kept) -> None:
    in_git.home.environ["AI_WORKSPACES_ROOT"] = "/proc/nothing"
    with pytest.raises(RopewayError, match="can't be"):
        in_git.another().ensure_workspace("one")
