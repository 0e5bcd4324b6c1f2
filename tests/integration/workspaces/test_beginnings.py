"""A run whose working copy can't be made, is refused, or is stopped while it is being made, leaves nothing behind and says why."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from ropeway.workspaces.places import namespace_path
from support.projects import until
from support.repositories import RepositoryProject

KINDS = [
    pytest.param("git", marks=pytest.mark.needs("git")),
    pytest.param("jj", marks=pytest.mark.needs("jj", "git")),
    pytest.param("overlay", marks=pytest.mark.needs("git")),
    pytest.param("plain", marks=pytest.mark.needs("git")),
]

STOPPED = """
import os, signal, sys
from ropeway.workspaces import places
from ropeway.workspaces.snapshots import Snapshots
trash = places.trash

def stopped(*args, **others):
    os.kill(os.getpid(), signal.SIGTERM)
    raise AssertionError("it went on")

def impatient(*args):
    os.kill(os.getpid(), signal.SIGTERM)
    return trash(*args)

setattr(Snapshots, sys.argv[1], stopped)
places.trash = impatient
from ropeway.cli.main import main as program
sys.argv = ["workflow", *sys.argv[2:]]
sys.exit(program())
"""
"""The program, which gets SIGTERM when a copy is there and no event tells of it yet, and another one while it removes that."""


@pytest.fixture(params=KINDS)
def project(request: pytest.FixtureRequest, tmp_path: Path) -> RepositoryProject:
    kind = request.param
    project = RepositoryProject(tmp_path, "jj" if kind == "jj" else "git")
    project.backend = kind
    return project


def left(project: RepositoryProject) -> list[str]:
    """Return what there is of working copies: folders, registrations, refs and trash."""
    root = Path(namespace_path(project.env, os.path.realpath(project.cwd)))
    found = [str(path) for path in (*root.glob("*"), *root.parent.glob(".trash/*"), *root.parent.glob(".layers/*/copies/*"))]
    if project.kind == "git":
        found += project.vcs("git", "worktree", "list").splitlines()[1:]
        found += project.vcs("git", "for-each-ref", "refs/ropeway").splitlines()
    else:
        found += project.vcs("jj", "workspace", "list").splitlines()[1:]
        found += project.vcs("git", "--git-dir=.jj/repo/store/git", "for-each-ref", "refs/ropeway").splitlines()
    return found


@pytest.mark.parametrize("moment", ["adopt", "take"])
def test_a_signal_before_anything_tells_of_the_copy_leaves_nothing_of_it(project: RepositoryProject, moment: str) -> None:
    project.write('[steps.a]\nrun = "cat a.txt"\n')
    process = project.start(program=[sys.executable, "-c", STOPPED, moment, "run"])
    out, err = process.communicate(timeout=60)
    assert process.returncode == 5, err
    assert "being cancelled (SIGTERM)" in out
    folder = project.newest()
    assert folder is not None
    assert folder.state().state == "cancelled"
    assert left(project) == []
    ran = project.resume()
    assert ran.status == 0, ran.err
    assert ran.log("a") == b"one\n"


@pytest.mark.needs("git")
def test_a_copy_that_the_person_named_stays_when_a_second_run_in_it_is_stopped(tmp_path: Path) -> None:
    project = RepositoryProject(tmp_path)
    assert project.run('[steps.a]\nrun = "echo x >> notes"\n', "--workspace-id", "mine").status == 0
    process = project.start(program=[sys.executable, "-c", STOPPED, "take", "run", "--workspace-id", "mine"])
    process.communicate(timeout=60)
    assert process.returncode == 5
    assert (Path(namespace_path(project.env, os.path.realpath(project.cwd))) / "mine/notes").read_text() == "x\n"


def test_a_workspaces_root_that_can_not_be_written_is_told_and_the_run_is_over(project: RepositoryProject) -> None:
    project.write('[steps.a]\nrun = "true"\n')
    (project.root / "file").touch()
    ran = project.call("run", env={"AI_WORKSPACES_ROOT": str(project.root / "file")})
    assert ran.status == 1
    assert "Not a directory" in ran.err
    assert "hint: set AI_WORKSPACES_ROOT to a folder that you can write to" in ran.err
    assert ran.state.state == "failed"
    assert "Not a directory" in (ran.state.error or "")
    assert left(project) == []
    assert project.resume().status == 0


@pytest.mark.needs("git")
def test_a_damaged_repository_is_told_with_what_to_do_and_the_run_is_over(tmp_path: Path) -> None:
    project = RepositoryProject(tmp_path)
    project.write('[steps.a]\nrun = "true"\n')
    (project.cwd / ".git/HEAD").write_text("nonsense\n")
    ran = project.call("run")
    assert ran.status == 1
    assert "not a git repository" in ran.err
    assert "or run in place with --here" in ran.err
    assert ran.state.state == "failed"
    assert "No run is active" in project.call("status").err


@pytest.mark.needs("git")
def test_a_run_that_a_busy_workspace_refuses_is_over(tmp_path: Path) -> None:
    project = RepositoryProject(tmp_path)
    project.write('[steps.a]\nrun = "sleep 60"\n')
    process = project.start("run", "--workspace-id", "mine")
    first = project.running("a")
    second = project.call("run", "--workspace-id", "mine")
    assert second.status == 4
    assert second.state.state == "failed"
    assert first.id in (second.state.error or "")
    process.terminate()
    process.communicate()


@pytest.mark.needs("git")
def test_a_missing_tool_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    project = RepositoryProject(tmp_path)
    ran = project.run('[policy]\nworkspace = { tools = ["none"] }\n[steps.a]\nrun = "true"\n')
    assert ran.status == 3
    assert ran.state.state == "failed"
    assert left(project) == []


@pytest.mark.needs("git", "direnv")
def test_a_copy_whose_envrc_is_refused_is_there_to_be_looked_at(tmp_path: Path) -> None:
    project = RepositoryProject(tmp_path)
    (project.cwd / ".envrc").write_text("export FLAVOUR=vanilla\n")
    elsewhere = tmp_path / "elsewhere.toml"
    elsewhere.write_text('id = "elsewhere"\n[steps.a]\nrun = "echo $FLAVOUR"\n')
    ran = project.call("run", str(elsewhere))
    assert ran.status == 4
    assert "you have not allowed it" in ran.err
    assert ran.state.state == "failed"
    assert (project.copy / ".envrc").exists()
    assert ran.told("workspace.kept")
    project.vcs("direnv", "allow", ".")
    ran = project.resume()
    assert ran.status == 0, ran.err
    assert ran.log("a") == b"vanilla\n"
    assert ran.told("workspace.direnv")[0].data["allowed"]


@pytest.mark.needs("git")
def test_a_run_in_a_bare_repository_works_in_place_and_says_why(tmp_path: Path) -> None:
    project = RepositoryProject(tmp_path)
    bare = tmp_path / "bare.git"
    project.vcs("git", "clone", "--quiet", "--bare", ".", str(bare))
    (bare / "workflow.toml").write_text('id = "w"\n[steps.a]\nrun = "true"\n')
    out, _ = project.start("run", cwd=bare).communicate(timeout=30)
    assert f"in place ({bare} is a bare repository)" in out


@pytest.mark.needs("jj", "git")
def test_a_step_after_the_persons_undo_finds_its_workspace_in_jj(tmp_path: Path) -> None:
    project = RepositoryProject(tmp_path, "jj")
    project.vcs("jj", "describe", "--message=mine")
    project.write(
        '[steps.a]\nrun = "until test -e $SIGNALS/undone; do sleep 0.02; done; echo a > new"\n'
        '[steps.b]\nneeds = ["a"]\nrun = "jj log --no-graph --revisions @ --template change_id"\n'
    )
    process = project.start("run")
    folder = project.running("a")
    until(lambda: folder.id in project.vcs("jj", "workspace", "list", "--ignore-working-copy"))
    project.vcs("jj", "undo")
    assert folder.id not in project.vcs("jj", "workspace", "list", "--ignore-working-copy")
    (project.signals / "undone").touch()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert folder.id in project.vcs("jj", "workspace", "list", "--ignore-working-copy")
