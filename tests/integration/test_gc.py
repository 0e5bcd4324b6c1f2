"""Collecting what is no longer needed, on a real disk and with real repositories."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ropeway import settings
from ropeway.app.retention import collecting
from ropeway.app.retention.collecting import Report, collect, policy_of
from ropeway.errors import NotFound
from ropeway.runs.folder import RunStore
from ropeway.runs.index import Filter, Index
from ropeway.workspaces import metadata, places
from support.old_runs import DAY, created_event, git, note, old_copy, old_run, refs, repository, run_with_copy, write
from support.repositories import RepositoryProject


@dataclass
class Home:
    """A person's folders."""

    root: Path
    environ: dict[str, str]

    @property
    def store(self) -> RunStore:
        return RunStore(settings.state_dir(self.environ))

    @property
    def cache(self) -> Path:
        return settings.cache_dir(self.environ)

    def gc(self, *what: str, dry_run: bool = False, **policy: Any) -> Report:
        return collect(policy_of(settings.load(None, self.environ), what, **policy), dry_run=dry_run, environ=self.environ)

    def removed(self, *what: str, **more: Any) -> list[str]:
        return sorted(item.id for item in self.gc(*what, **more).removed)

    def why_kept(self, name: str, *what: str, **more: Any) -> str:
        return next(item.reason for item in self.gc(*what, **more).kept if item.id == name)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    kept = {name: value for name, value in os.environ.items() if name.startswith("GIT_") or name == "PATH"}
    environ = {
        **kept,
        "HOME": str(tmp_path / "home"),
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
    }
    return Home(tmp_path, environ)


def everything(root: Path) -> dict[str, tuple[int, int]]:
    """Return every path below a folder with its size and time of change."""
    found = {}
    for path in sorted(root.rglob("*")):
        status = path.lstat()
        found[str(path)] = (status.st_size, status.st_mtime_ns)
    return found


# -- runs -------------------------------------------------------------------------------------------------------------------------------


def test_with_nothing_there_nothing_is_done_and_nothing_is_made(home: Home) -> None:
    assert home.gc().as_json() == {"removed": [], "kept": [], "bytes": 0, "dry_run": False}
    assert list(home.root.iterdir()) == []


def test_an_old_run_goes_with_its_logs_and_from_the_history(home: Home) -> None:
    old, new = old_run(home.store, 31), old_run(home.store, 29)
    assert {row["run"] for row in Index(home.store).rows(Filter())} == {old.id, new.id}
    report = home.gc()
    assert [(item.kind, item.id, item.path) for item in report.removed] == [("run", old.id, str(old.path))]
    assert report.bytes > 3000
    assert not old.path.exists()
    assert [row["run"] for row in Index(home.store).rows(Filter())] == [new.id]
    with closing(sqlite3.connect(home.store.state_dir / "index.db")) as db:
        assert db.execute("SELECT id FROM run").fetchall() == [(new.id,)]
    assert home.store.ids() == [new.id]
    assert list((home.store.runs / ".trash").iterdir()) == []


def test_a_dry_run_says_the_same_and_changes_nothing(home: Home) -> None:
    project = repository(home.root / "project")
    old_run(home.store, 31)
    run_with_copy(home.store, home.environ, project, days=31)
    stopped = old_run(home.store, 90, None)
    before = everything(home.root)
    would = home.gc(dry_run=True)
    assert everything(home.root) == before
    did = home.gc()
    assert [item.as_json() | {"age": 0} for item in would.removed] == [item.as_json() | {"age": 0} for item in did.removed]
    assert would.bytes == did.bytes > 0
    assert [item.id for item in did.kept] == [stopped.id]


@pytest.mark.parametrize(("state", "why"), [("waiting", "it is waiting"), (None, "it is interrupted")])
def test_an_unfinished_run_stays_however_old_it_is(home: Home, state: str | None, why: str) -> None:
    run = old_run(home.store, 4000, state)
    assert home.why_kept(run.id, older_than=0.0, keep_runs=1, max_size=1) == why
    assert run.path.exists()


def test_a_run_that_is_to_be_kept_stays(home: Home) -> None:
    run = old_run(home.store, 400, keep=True)
    assert home.why_kept(run.id) == "to be kept, as asked"


def test_a_run_that_somebody_owns_stays(home: Home) -> None:
    run = old_run(home.store, 400)
    lock = run.lock()
    try:
        assert home.why_kept(run.id) == "somebody is at work on it"
    finally:
        os.close(lock)
    assert home.removed() == [run.id]


def test_a_run_that_is_taken_between_the_look_and_the_removal_stays(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    taken, resumed, linked = (old_run(home.store, 40, "failed") for _ in range(3))
    locks: list[int] = []
    decide = collecting.deciding.decide

    def meanwhile(*args: Any) -> Any:
        if not locks:
            locks.append(taken.lock())
            events = [(e.event, dict(e.data)) for e in resumed.events()]
            write(resumed, [*events, ("run.started", {"pid": 1})], 0)
            old_run(home.store, 0, None, linked=linked.id)
        return decide(*args)

    monkeypatch.setattr(collecting.deciding, "decide", meanwhile)
    report = home.gc()
    os.close(locks[0])
    assert report.removed == report.failed == []
    said = {item.id: item.reason for item in report.kept}
    assert "being carried out by" in said[taken.id]
    assert said[resumed.id] == "somebody has gone on with it meanwhile"
    assert "goes on from it" in said[linked.id]
    assert all(run.path.exists() for run in (taken, resumed, linked))


def test_a_lock_that_was_moved_away_is_not_the_runs_lock(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    run = old_run(home.store)
    flock = fcntl.flock

    def moves(fd: int, how: int) -> None:
        flock(fd, how)
        if run.path.exists():
            run.path.rename(home.store.runs / ".gone")

    monkeypatch.setattr(fcntl, "flock", moves)
    with pytest.raises(NotFound, match="was removed just now"):
        run.lock()


def test_what_can_not_be_read_stays_and_hides_nothing(home: Home) -> None:
    damaged, newer, fine = (old_run(home.store) for _ in range(3))
    damaged.journal.write_bytes(b"damaged\n" + damaged.journal.read_bytes())
    write(newer, [("run.created", {"format": 99}), ("run.finished", {"state": "succeeded"})], 90)
    report = home.gc()
    assert [item.id for item in report.removed] == [fine.id]
    said = {item.id: item.reason for item in report.kept}
    assert "is damaged" in said[damaged.id]
    assert said[newer.id] == "a newer version of ropeway wrote it"


def test_a_run_that_never_began_goes_after_a_day(home: Home) -> None:
    torn, fresh = (home.store.create({"version": 1}) for _ in range(2))
    os.utime(torn.path, (time.time() - 2 * DAY,) * 2)
    assert home.removed() == [torn.id]
    assert home.why_kept(fresh.id) == "it is being made"


def test_a_link_in_the_place_of_a_run_is_not_followed(home: Home) -> None:
    run = old_run(home.store)
    elsewhere = run.path.rename(home.root / "precious")
    run.path.symlink_to(elsewhere)
    assert "a link" in home.why_kept(run.id, older_than=0.0)
    assert (elsewhere / "journal").exists()


def test_links_in_a_run_are_removed_and_what_they_lead_to_stays(home: Home) -> None:
    precious = home.root / "precious"
    precious.mkdir()
    (precious / "file").write_text("x")
    run = old_run(home.store)
    (run.path / "artifacts").symlink_to(precious)
    (run.logs / "link").symlink_to(precious / "file")
    assert home.removed() == [run.id]
    assert (precious / "file").read_text() == "x"


def test_a_trash_that_is_a_link_is_not_used(home: Home) -> None:
    run = old_run(home.store)
    (home.root / "elsewhere").mkdir()
    (home.store.runs / ".trash").symlink_to(home.root / "elsewhere")
    report = home.gc()
    assert [item.id for item in report.failed] == [run.id]
    assert run.path.exists()
    assert list((home.root / "elsewhere").iterdir()) == []


def test_a_folder_without_permissions_is_removed_all_the_same(home: Home) -> None:
    run = old_run(home.store)
    run.logs.chmod(0o500)
    run.path.chmod(0o500)
    assert home.removed() == [run.id]
    assert not run.path.exists()


def test_the_oldest_runs_go_until_the_state_directory_is_small_enough(home: Home) -> None:
    runs = [old_run(home.store, days) for days in (1, 2, 3)]
    for run in runs:
        (run.logs / "1.out").write_bytes(b"x" * 1_000_000)
    assert home.removed("runs", max_size=2_500_000) == [runs[2].id]
    assert home.removed("runs", max_size=2_500_000) == []
    assert home.removed("runs", keep_runs=1) == [runs[1].id]


def test_a_file_with_several_names_is_counted_once_and_only_when_its_last_name_goes(home: Home) -> None:
    one, two, new = old_run(home.store), old_run(home.store), old_run(home.store, 1)
    big = home.root / "big"
    big.write_bytes(b"x" * 1_000_000)
    os.link(big, one.logs / "2.out")
    os.link(big, two.logs / "2.out")
    assert home.gc(dry_run=True).bytes < 500_000  # the name outside keeps the blocks
    big.unlink()
    assert 1_000_000 < home.gc(dry_run=True).bytes < 1_500_000
    os.link(one.logs / "2.out", new.logs / "2.out")
    assert home.gc().bytes < 500_000


# -- artifacts --------------------------------------------------------------------------------------------------------------------------


def artifact_run(home: Home, days: float, retention: float | None, state: str = "succeeded") -> Any:
    data = {"name": "out", "path": "deep/a.txt", "size": 1, "sha256": "0" * 64, "retention": retention}
    run = old_run(home.store, days, state, between=[("artifact.collected", data)])
    (run.artifacts / "out/deep").mkdir(parents=True)
    (run.artifacts / "out/deep/a.txt").write_text("x")
    return run


def test_an_artifact_goes_when_its_own_time_is_over(home: Home) -> None:
    over, lasting, ever = artifact_run(home, 2, DAY), artifact_run(home, 2, 3 * DAY), artifact_run(home, 2, None)
    waiting = artifact_run(home, 2, DAY, "waiting")
    report = home.gc()
    assert [(item.kind, item.id) for item in report.removed] == [("artifact", f"{over.id}:out/deep/a.txt")]
    assert not (over.artifacts / "out").exists()
    for run in (lasting, ever, waiting):
        assert (run.artifacts / "out/deep/a.txt").exists()
    assert {item.id for item in report.kept if item.kind == "artifact"} == {f"{r.id}:out/deep/a.txt" for r in (lasting, waiting)}


def test_a_link_does_not_lead_the_removal_of_an_artifact_astray(home: Home) -> None:
    run = artifact_run(home, 2, DAY)
    elsewhere = (run.artifacts / "out/deep").rename(home.root / "deep")
    (run.artifacts / "out/deep").symlink_to(elsewhere)
    report = home.gc("artifacts")
    assert "leads out of the run's folder" in report.failed[0].reason
    assert (elsewhere / "a.txt").exists()


# -- working copies ---------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def project(home: Home) -> Path:
    return repository(home.root / "project")


def test_a_working_copy_goes_before_its_run_and_the_run_takes_its_refs_along(home: Home, project: Path) -> None:
    recent, recent_copy = run_with_copy(home.store, home.environ, project, days=15)
    old, old_path = run_with_copy(home.store, home.environ, project, days=31)
    assert refs(project) == sorted(f"refs/ropeway/{run.id}/0" for run in (recent, old))
    report = home.gc()
    assert sorted((item.kind, item.id) for item in report.removed) == sorted(
        [("workspace", recent.id), ("workspace", old.id), ("run", old.id)]
    )
    assert not recent_copy.exists()
    assert not old_path.exists()
    assert recent.path.exists()
    assert refs(project) == [f"refs/ropeway/{recent.id}/0"]
    assert git(project, "worktree", "list", "--porcelain").count("worktree ") == 1
    assert git(project, "status", "--porcelain") == ""


def test_a_working_copy_with_changes_that_are_saved_nowhere_is_named_and_stays_with_its_run(home: Home, project: Path) -> None:
    run, path = run_with_copy(home.store, home.environ, project)
    (path / "a.txt").write_text("edited\n")
    (path / "new.txt").write_text("new\n")
    report = home.gc()
    assert report.removed == []
    assert {(item.kind, item.reason) for item in report.kept} == {
        ("workspace", "2 changes in it are saved nowhere else (--force removes it)"),
        ("run", "its working copy is still there"),
    }
    assert (path / "new.txt").exists()
    assert home.removed(force=True) == [run.id, run.id]
    assert not path.exists()


def test_what_the_last_snapshot_has_is_saved_whatever_git_says(home: Home, project: Path) -> None:
    (project / ".gitattributes").write_text("*.txt eol=crlf\n")
    (project / ".gitignore").write_text("dist/\n")
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message=second")
    run, path = run_with_copy(home.store, home.environ, project)
    raw = git(path, "hash-object", "-w", "--no-filters", "a.txt")
    tree = [line for line in git(path, "ls-tree", "HEAD").splitlines() if not line.endswith("a.txt")]
    made = subprocess.run(
        ["git", "mktree"],
        cwd=path,
        input="\n".join([*tree, f"100644 blob {raw}\ta.txt"]) + "\n",
        check=True,
        capture_output=True,
        text=True,
    )
    commit = git(path, "commit-tree", "-m", "raw", made.stdout.strip())
    events = [(e.event, dict(e.data)) for e in run.events()]
    events[2][1]["snapshot"] = {"number": 0, "commit": commit, "tree": made.stdout.strip()}
    write(run, events, 40)
    (path / "dist").mkdir()
    (path / "dist/ignored").write_text("x")
    assert home.removed(dry_run=True) == [run.id, run.id]
    (path / "a.txt").write_bytes(b"one\r\n\n")  # neither the snapshot nor the commit nor the person's folder has that
    assert "1 change in it" in home.why_kept(run.id, "workspaces")


def test_a_repository_inside_of_a_working_copy_counts_as_saved_nowhere(home: Home, project: Path) -> None:
    run, path = run_with_copy(home.store, home.environ, project)
    repository(path / "nested")
    assert "saved nowhere else" in home.why_kept(run.id, "workspaces")


@pytest.mark.parametrize("state", ["waiting", None])
def test_the_working_copy_of_an_unfinished_run_stays(home: Home, project: Path, state: str | None) -> None:
    run, path = run_with_copy(home.store, home.environ, project, days=400, state=state)
    assert home.removed(older_than=0.0, force=True) == []
    assert "needs it" in home.why_kept(run.id, "workspaces", older_than=0.0)
    assert path.exists()


def test_a_working_copy_that_an_unfinished_run_used_before_stays(home: Home, project: Path) -> None:
    last, path = run_with_copy(home.store, home.environ, project, days=400)
    waits = old_run(home.store, 500, "waiting", between=[created_event(project, path, "other")])
    assert home.why_kept(last.id, "workspaces") == f"run {waits.id}, which is waiting, needs it"


@pytest.mark.parametrize("more", [{"keep": True}, {"keep_policy": True}])
def test_a_working_copy_that_is_to_be_kept_stays(home: Home, project: Path, more: dict[str, bool]) -> None:
    run = old_run(home.store, 400, keep=True) if "keep" in more else None
    if run is None:
        run = home.store.create({"template": {"policy": {"workspace": {"keep": "always"}}}})
    path = old_copy(home.environ, project, run)
    options = {"keep": "keep" in more}
    event = created_event(project, path, run.id)
    write(run, [("run.created", {"format": 1, "options": options}), event, ("run.finished", {"state": "succeeded"})], 400)
    assert home.removed(force=True) == []
    assert home.why_kept(run.id, "workspaces") == "to be kept, as asked"
    git(project, "worktree", "remove", "--force", str(path))
    assert home.removed() == [run.id]  # the mark was on its files


def test_a_working_copy_in_use_stays(home: Home, project: Path) -> None:
    run, path = run_with_copy(home.store, home.environ, project)
    lock = places.lock_workspace(home.environ, str(project), run.id, "run abc (process 1)")
    for dry_run in (True, False):
        assert home.why_kept(run.id, "workspaces", dry_run=dry_run) == "in use by run abc (process 1)"
    os.close(lock)
    assert path.exists()


def test_a_working_copy_that_is_used_between_the_look_and_the_removal_stays(
    home: Home, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, path = run_with_copy(home.store, home.environ, project)
    usage = collecting.copies.unsaved

    def meanwhile(found: Any) -> str:
        said = usage(found)
        note(path, 0, status="running")
        return said

    monkeypatch.setattr(collecting.copies, "unsaved", meanwhile)
    report = home.gc()
    assert {item.kind: item.reason for item in report.kept} == {
        "workspace": "somebody has used it meanwhile",
        "run": f"its working copy {path} is still there",
    }
    assert report.failed == []


def test_a_copy_whose_repository_is_not_there_goes_only_when_somebody_insists(home: Home, project: Path) -> None:
    run, path = run_with_copy(home.store, home.environ, project)
    (path / "mine").write_text("x")
    project.rename(project.with_name("moved"))
    assert home.removed() == []
    why = f"nothing tells whether its files are saved elsewhere: its repository {project} is not there (--force removes it)"
    assert home.why_kept(run.id, "workspaces") == why
    assert home.removed(force=True) == [run.id, run.id]
    assert not path.exists()


def test_a_copy_whose_git_directory_is_not_there_goes_only_when_somebody_insists(home: Home, project: Path) -> None:
    run, path = run_with_copy(home.store, home.environ, project)
    (project / ".git").rename(home.root / "aside")
    assert home.removed() == []
    assert f"the git directory of {project} is not there" in home.why_kept(run.id, "workspaces")
    assert path.exists()


def test_hand_edits_are_seen_where_a_link_leads_to_the_workspaces_root(home: Home, project: Path) -> None:
    (home.root / "disk").mkdir()
    (home.root / "link").symlink_to(home.root / "disk")
    home.environ["AI_WORKSPACES_ROOT"] = str(home.root / "link")
    run, path = run_with_copy(home.store, home.environ, project)
    events = [(e.event, dict(e.data)) for e in run.events()]
    events[2][1]["path"] = str(path)  # as the runner tells it, with the link
    write(run, events, 40)
    (path / "mine").write_text("x")
    assert home.why_kept(run.id, "workspaces") == "1 change in it is saved nowhere else (--force removes it)"
    (path / "mine").unlink()
    assert home.removed("workspaces") == [run.id]


def test_what_is_written_between_the_look_and_the_removal_stays(home: Home, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, path = run_with_copy(home.store, home.environ, project)
    look = collecting.copies.unsaved

    def meanwhile(found: Any) -> str:
        said = look(found)
        (path / "mine").write_text("x")
        return said

    monkeypatch.setattr(collecting.copies, "unsaved", meanwhile)
    assert home.why_kept(run.id, "workspaces") == "1 change in it is saved nowhere else (--force removes it)"
    assert (path / "mine").exists()


def test_a_copy_in_which_somebody_stands_stays(home: Home, project: Path) -> None:
    run, path = run_with_copy(home.store, home.environ, project)
    shell = subprocess.Popen(["sh", "-c", "echo; read line"], cwd=path, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert shell.stdout is not None
    shell.stdout.readline()
    for dry_run in (True, False):
        assert home.why_kept(run.id, "workspaces", dry_run=dry_run, force=True) == f"in use by sh (process {shell.pid})"
    shell.communicate()
    assert home.removed("workspaces") == [run.id]


def test_locks_go_with_the_copies_that_they_were_of(home: Home, project: Path) -> None:
    run, path = run_with_copy(home.store, home.environ, project)
    kept = old_copy(home.environ, project, None, id="kept", days=1)
    root = str(project)
    with places.making(home.environ, root, "gone"):
        pass
    with places.repository_lock(home.environ, root):
        pass
    for name in (run.id, "kept", "gone"):
        os.close(places.lock_workspace(home.environ, root, name, "me"))
    held = places.lock_workspace(home.environ, root, "held", "me")
    home.gc()
    locks = Path(places.workspaces_root(home.environ), ".locks")
    assert not path.exists()
    assert sorted(p.name for p in (locks / kept.parent.name).iterdir()) == ["held.lock", "kept.lock"]
    os.close(held)
    git(project, "worktree", "remove", "--force", str(kept))
    home.gc()
    assert list(locks.iterdir()) == []


def test_a_worktree_that_is_locked_in_git_stays(home: Home, project: Path) -> None:
    run, path = run_with_copy(home.store, home.environ, project)
    git(project, "worktree", "lock", str(path))
    report = home.gc()
    assert [(item.kind, item.id) for item in report.failed] == [("workspace", run.id)]
    assert "is locked" in report.failed[0].reason
    assert run.path.exists()


def test_nothing_outside_of_the_workspaces_root_is_removed(home: Home, project: Path) -> None:
    _, path = run_with_copy(home.store, home.environ, project)
    outside = home.root / "outside"
    shutil.move(path, outside)
    path.symlink_to(outside)
    namespace = Path(places.namespace_path(home.environ, "/elsewhere"))
    namespace.symlink_to(outside.parent)
    strange = Path(places.workspaces_root(home.environ), "other-0123456789", "id")
    shutil.copytree(outside, strange)
    before = everything(outside)
    report = home.gc(older_than=0.0, force=True)
    assert everything(outside) == before
    assert [item.id for item in report.removed if item.kind == "workspace"] == []
    assert {item.id: item.reason for item in report.kept}["id"] == "its metadata is that of another place"
    assert strange.exists()


def test_a_copy_of_no_run_goes_only_when_git_has_all_of_it(home: Home, project: Path) -> None:
    clean, edited, ahead = (old_copy(home.environ, project, None, id=name) for name in ("clean", "edited", "ahead"))
    (edited / "new.txt").write_text("x")
    git(ahead, "commit", "--quiet", "--allow-empty", "--message=mine")
    running = old_copy(home.environ, project, None, id="running")
    note(running, 40, status="running")
    fresh = old_copy(home.environ, project, None, id="fresh", days=1)
    assert home.removed("workspaces") == ["clean"]
    assert "status is running" in home.why_kept("running", "workspaces")
    assert not clean.exists()
    assert all(path.exists() for path in (edited, ahead, running, fresh))
    assert home.removed("workspaces", force=True) == ["ahead", "edited"]


def test_a_plain_copy_of_no_run_goes_only_when_the_folder_has_the_same(home: Home) -> None:
    folder = home.root / "plain"
    folder.mkdir()
    (folder / "a.txt").write_text("one\n")
    for name in ("same", "edited"):
        path = Path(places.workspace_path(home.environ, str(folder), name))
        shutil.copytree(folder, path)
        noted = {"workspace_id": name, "repo_root": str(folder), "workspace_path": str(path), "status": "done", "backend": "plain"}
        metadata.write(str(path), noted)
        note(path, 40)
    (path / "a.txt").write_text("two\n")
    assert home.removed("workspaces") == ["same"]
    assert home.why_kept("edited", "workspaces") == "1 change in it is saved nowhere else (--force removes it)"


def test_a_working_copy_whose_changes_have_landed_goes_at_once(home: Home, project: Path) -> None:
    landed, landed_copy = run_with_copy(home.store, home.environ, project, days=1)
    again, again_copy = run_with_copy(home.store, home.environ, project, days=1)
    for run, more in ((landed, []), (again, [("run.started", {"pid": 1}), ("run.finished", {"state": "succeeded"})])):
        events = [(e.event, dict(e.data)) for e in run.events()]
        write(run, [*events, ("workspace.landed", {"kind": "branch"}), *more], 1)
    report = home.gc()
    assert [(item.kind, item.id, item.reason) for item in report.removed] == [("workspace", landed.id, "its changes have landed")]
    assert not landed_copy.exists()
    assert again_copy.exists()
    assert landed.path.exists()


def test_what_an_ephemeral_step_left_goes_once_its_run_has_ended(home: Home, project: Path) -> None:
    run = old_run(home.store, 1)
    going = old_run(home.store, 1, None)
    for owner in (run, going):
        left = old_copy(home.environ, project, owner, id=f"{owner.id}.step.1", days=1)
        note(left, 1, ephemeral=True)
        (left / "dropped").write_text("x")
    assert home.removed() == [f"{run.id}.step.1"]


def test_a_copy_that_was_never_finished_goes(home: Home, project: Path) -> None:
    half = Path(places.workspace_path(home.environ, str(project), "half"))
    foreign = half.with_name("foreign")
    foreign.mkdir(parents=True)

    def make() -> None:
        with places.making(home.environ, str(project), "half"):
            half.mkdir()
            assert home.removed(older_than=0.0) == []  # somebody is at it
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make()
    assert home.removed() == ["half"]
    assert not half.exists()
    assert foreign.exists()
    assert not places.unfinished(home.environ, str(project), "half")


# -- refs and trash ---------------------------------------------------------------------------------------------------------------------


def test_refs_of_a_run_that_is_not_ours_stay(home: Home, project: Path) -> None:
    git(project, "update-ref", "refs/ropeway/someoneelse/0", "HEAD")
    run, _ = run_with_copy(home.store, home.environ, project)
    assert home.removed() == [run.id, run.id]
    assert refs(project) == ["refs/ropeway/someoneelse/0"]


def test_a_removal_that_was_cut_off_is_ended_by_the_next(home: Home, project: Path) -> None:
    run, path = run_with_copy(home.store, home.environ, project)
    git(project, "worktree", "remove", "--force", str(path))
    trash = home.store.runs / ".trash"
    trash.mkdir()
    entry = run.path.rename(trash / f"{run.id}.abc")
    report = home.gc("refs")
    assert [(item.kind, item.id) for item in report.removed] == [("refs", run.id)]
    assert refs(project) == []
    assert entry.exists()
    assert home.removed("trash") == [run.id]
    assert not entry.exists()


def test_refs_that_can_not_be_deleted_now_are_tried_again(home: Home, project: Path) -> None:
    run, path = run_with_copy(home.store, home.environ, project)
    git(project, "worktree", "remove", "--force", str(path))
    config = project / ".git/config"
    good = config.read_text()
    config.write_text("[broken\n")
    report = home.gc("runs")
    assert [item.id for item in report.failed] == [run.id]
    assert home.store.ids() == []
    (left,) = (home.store.runs / ".trash").iterdir()
    assert [inner.name for inner in left.iterdir()] == ["journal"]
    config.write_text(good)
    assert home.removed() == [run.id]
    assert refs(project) == []
    assert list((home.store.runs / ".trash").iterdir()) == []


def test_every_trash_is_emptied(home: Home) -> None:
    for top in (home.cache, Path(places.workspaces_root(home.environ))):
        (top / ".trash/abc/deep").mkdir(parents=True)
        (top / ".trash/abc/deep").chmod(0o500)
    assert home.removed() == ["abc", "abc"]
    assert not (home.cache / ".trash/abc").exists()


# -- caches and tools -------------------------------------------------------------------------------------------------------------------


def aged(path: Path, days: float) -> None:
    os.utime(path, (time.time() - days * DAY,) * 2)


def test_copies_of_tools_go_when_no_working_copy_uses_them(home: Home, project: Path) -> None:
    for name, days in (("unused", 31), ("used", 400), ("recent", 2)):
        sealed = home.cache / "tools" / name / "seal"
        sealed.mkdir(parents=True)
        (sealed / "script").write_text("x")
        sealed.chmod(0o555)
        aged(sealed.parent, days)
    copy = old_copy(home.environ, project, None, days=1)
    note(copy, 1, tools_version="used")
    assert home.removed() == ["unused"]
    assert sorted(p.name for p in (home.cache / "tools").iterdir()) == ["recent", "used"]
    assert home.why_kept("used", "tools") == "working copy lone uses it"


def test_copies_of_tools_shrink_to_their_bound_the_longest_unused_first(home: Home, project: Path) -> None:
    for name, days in (("a", 1), ("b", 3), ("c", 2), ("used", 9)):
        (home.cache / "tools" / name).mkdir(parents=True)
        (home.cache / "tools" / name / "script").write_bytes(b"x" * 100_000)
        aged(home.cache / "tools" / name, days)
    copy = old_copy(home.environ, project, None, days=1)
    note(copy, 1, tools_version="used")
    assert home.removed("tools") == []
    home.environ["ROPEWAY_KEEP_TOOLS_SIZE"] = "350000"
    assert home.removed("tools") == ["b"]
    assert home.removed("tools", max_size=1) == ["a", "c"]


def test_working_copies_shrink_to_their_bound_the_oldest_first_but_for_those_with_changes(home: Home, project: Path) -> None:
    (project / "big").write_bytes(b"x" * 1_000_000)
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message=big")
    names = ("oldest", "older", "old", "new")
    paths = {name: old_copy(home.environ, project, None, id=name, days=9 - number) for number, name in enumerate(names)}
    (paths["oldest"] / "mine").write_text("x")
    assert home.removed("workspaces") == []
    home.environ["ROPEWAY_KEEP_WORKSPACES_SIZE"] = "2500000"
    report = home.gc("workspaces")
    assert [(item.id, item.reason) for item in report.removed] == [
        ("older", "working copies are to take at most 2,500,000 bytes"),
        ("old", "working copies are to take at most 2,500,000 bytes"),
    ]
    assert "1 change in it" in next(item.reason for item in report.kept if item.id == "oldest")
    assert home.removed("workspaces", max_size=1, force=True) == ["new", "oldest"]


def test_caches_shrink_to_their_bound_the_longest_unused_first(home: Home) -> None:
    for name, days in (("a", 1), ("b", 3), ("c", 2)):
        path = home.cache / "downloads" / name
        path.mkdir(parents=True)
        (path / "data").write_bytes(b"x" * 100_000)
        aged(path, days)
    assert home.removed() == []
    assert home.removed(max_size=250_000) == ["downloads/b"]
    assert home.removed("caches", older_than=1.5 * DAY) == ["downloads/c"]


@pytest.mark.parametrize("shared", ["XDG_STATE_HOME", "XDG_CONFIG_HOME", "AI_WORKSPACES_ROOT"])
def test_what_is_not_a_cache_is_not_taken_for_one(home: Home, shared: str) -> None:
    """Somebody may point all of the folders at the same place."""
    home.environ[shared] = str(home.cache / "inside") if shared == "AI_WORKSPACES_ROOT" else str(home.cache.parent)
    for name in ("inside/repo-0123456789/id", "runs/abc/logs", "downloads/a", "test-tools/jj"):
        (home.cache / name).mkdir(parents=True)
        aged(home.cache / name, 400)
    (home.cache / "config.toml").write_text("")
    aged(home.cache / "config.toml", 400)
    home.gc(older_than=DAY, max_size=1)
    assert (home.cache / "inside/repo-0123456789/id").exists()
    assert (home.cache / "test-tools/jj").exists()
    if shared != "AI_WORKSPACES_ROOT":
        assert (home.cache / "config.toml").exists()
        assert (home.cache / "runs/abc/logs").exists()
    else:
        assert not (home.cache / "downloads/a").exists()


def test_a_link_in_the_cache_is_not_followed(home: Home) -> None:
    outside = home.root / "outside"
    (outside / "x").mkdir(parents=True)
    aged(outside / "x", 400)
    home.cache.mkdir(parents=True)
    (home.cache / "linked").symlink_to(outside)
    (home.cache / "tools").symlink_to(outside)
    report = home.gc(older_than=0.0)
    assert report.removed == []
    assert (outside / "x").exists()


# -- at the same time -------------------------------------------------------------------------------------------------------------------


def test_many_collections_at_once_remove_each_thing_once(home: Home, project: Path) -> None:
    runs = [old_run(home.store) for _ in range(20)]
    with_copies = [run_with_copy(home.store, home.environ, project)[0] for _ in range(3)]
    workflow = str(Path(sys.executable).parent / "workflow")
    started = [
        subprocess.Popen([workflow, "gc", "--json"], env=home.environ, cwd=home.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(4)
    ]
    said = [process.communicate(timeout=60) for process in started]
    assert [(process.returncode, err) for process, (_, err) in zip(started, said, strict=True)] == [(0, b"")] * 4
    removed = [item["id"] for out, _ in said for item in json.loads(out)["removed"] if item["kind"] == "run"]
    assert sorted(removed) == sorted(run.id for run in (*runs, *with_copies))
    assert home.store.ids() == []
    assert refs(project) == []


def test_runs_that_start_meanwhile_are_not_harmed(home: Home) -> None:
    (home.root / "workflow.toml").write_text('id = "w"\n[steps.a]\nrun = "echo hello"\n')
    workflow = str(Path(sys.executable).parent / "workflow")

    def start(*args: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [workflow, *args], env=home.environ, cwd=home.root, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

    started = []
    for _ in range(8):
        old_run(home.store)
        started += [start("run", "--plain"), start("gc")]
    ended = [(process.communicate(timeout=60)[0], process.returncode) for process in started]
    assert [status for _, status in ended] == [0] * 16, ended
    home.gc()
    assert len(home.store.ids()) == 8
    assert {row["state"] for row in Index(home.store).rows(Filter())} == {"succeeded"}


def test_what_an_interrupted_run_left_running_is_ended(home: Home) -> None:
    run = old_run(home.store, 1, None)
    left = subprocess.Popen(["sleep", "300"], env={**home.environ, "ROPEWAY_RUN": run.id})
    try:
        home.gc(dry_run=True)
        assert left.poll() is None
        home.gc()
        assert left.wait(timeout=10) == -9
    finally:
        left.kill()
        left.wait()


# -- what runs really leave -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind", [pytest.param("git", marks=pytest.mark.needs("git")), pytest.param("jj", marks=pytest.mark.needs("jj", "git"))]
)
def test_what_a_run_left_in_a_repository_goes_without_a_trace(tmp_path: Path, kind: str) -> None:
    project = RepositoryProject(tmp_path, kind)
    ran = project.run('[steps.a]\nrun = "echo two > a.txt; echo new > new.txt"\n')
    assert (ran.status, ran.folder is not None) == (0, True), ran.err
    assert ran.folder is not None
    copy = project.copy
    before = project.files()
    (copy / "later.txt").write_text("the person's\n")
    said = project.call("gc", "--older-than", "0s", "--json")
    found = json.loads(said.out)
    assert {item["kind"]: item["reason"] for item in found["kept"]} == {
        "workspace": "1 change in it is saved nowhere else (--force removes it)",
        "run": "its working copy is still there",
    }, said
    (copy / "later.txt").unlink()
    dry = json.loads(project.call("gc", "--older-than", "0s", "--json", "--dry-run").out)
    did = json.loads(project.call("gc", "--older-than", "0s", "--json").out)
    assert [(i["kind"], i["id"]) for i in dry["removed"]] == [(i["kind"], i["id"]) for i in did["removed"]]
    assert [i["kind"] for i in did["removed"]][:2] == ["workspace", "run"]
    assert not copy.exists()
    assert not ran.folder.path.exists()
    assert project.files() == before
    git_dir = project.cwd / ".git" if kind == "git" else project.cwd / ".jj/repo/store/git"
    assert git(git_dir, "for-each-ref", "refs/ropeway") == ""
    listed = project.vcs("git", "worktree", "list") if kind == "git" else project.vcs("jj", "workspace", "list")
    assert len(listed.splitlines()) == 1
