"""What a resume, a linked run and the end of a run never lose."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path

import pytest

from support.projects import until
from support.repositories import RepositoryProject

KINDS = [
    pytest.param("git", marks=pytest.mark.needs("git")),
    pytest.param("jj", marks=pytest.mark.needs("jj", "git")),
]

# The program, which is killed with both of its processes when it begins to put files back for the nth time.
KILLED = """
import os, signal, sys
from ropeway.workspaces.snapshots import Snapshots
nth, main, restore, count = int(sys.argv[1]), os.getpid(), Snapshots.restore, 0

def killed(self, commit):
    global count
    count += 1
    if count == nth:
        os.kill(main, signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)
    return restore(self, commit)

Snapshots.restore = killed
from ropeway.cli.main import main as program
sys.argv = ["workflow", *sys.argv[2:]]
sys.exit(program())
"""


@pytest.fixture(params=KINDS)
def project(request: pytest.FixtureRequest, tmp_path: Path) -> RepositoryProject:
    return RepositoryProject(tmp_path, request.param)


def killed(project: RepositoryProject, *arguments: str) -> int:
    process = project.start(program=[sys.executable, "-c", KILLED, "1", *arguments])
    process.communicate(timeout=60)
    return process.returncode


def interrupted(project: RepositoryProject) -> None:
    """Let a run be killed in its second step."""
    project.write(
        '[steps.a]\nrun = "echo a >> a.txt; for i in 1 2 3; do echo $i > n$i; done"\n'
        '[steps.b]\nneeds = ["a"]\nrun = "touch half $SIGNALS/half; test $ROPEWAY_ATTEMPT != 1 || sleep 60; cat a.txt; ls n*; ls half"\n'
    )
    process = project.start("run")
    project.running("b")
    until((project.signals / "half").exists)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    until(lambda: project.newest().state().state == "interrupted")


def test_a_linked_run_leaves_a_named_workspace_to_the_person(project: RepositoryProject) -> None:
    project.write('[steps.a]\nrun = "echo a >> a.txt"\n[steps.b]\nneeds = ["a"]\nrun = "cat a.txt"\n')
    first = project.call("run", "--workspace-id", "mine")
    assert first.status == 0, first.err
    precious = project.copy / "precious.txt"
    precious.write_text("mine\n")
    again = project.call("resume", "--from", "b")
    assert again.status == 0, again.err
    assert again.log("b") == b"one\na\n"
    assert project.copy.name == again.folder.id
    assert precious.read_text() == "mine\n"


def test_what_a_resume_found_is_known_before_files_are_put_back(project: RepositoryProject) -> None:
    interrupted(project)
    (project.copy / "precious.txt").write_text("mine\n")
    assert killed(project, "resume") == -9
    until(lambda: project.newest().state().state == "interrupted")
    ran = project.resume()
    assert ran.status == 0, ran.err
    assert [e.data["label"] for e in ran.told("workspace.found")] == ["found-1", "found-2"]
    shown = project.call("diff", f"{ran.folder.id}:1..found-1", "--name-only")
    assert "precious.txt" in shown.out


def test_a_copy_that_was_being_filled_again_is_not_taken_for_a_whole_one(project: RepositoryProject) -> None:
    interrupted(project)
    shutil.rmtree(project.copy)
    assert killed(project, "resume") == -9
    until(lambda: project.newest().state().state == "interrupted")
    ran = project.resume()
    assert ran.status == 0, ran.err
    assert ran.log("b").decode().split() == ["one", "a", "n1", "n2", "n3", "half"]


def test_a_copy_that_can_not_be_removed_does_not_undo_the_end_of_a_run(tmp_path: Path) -> None:
    project = RepositoryProject(tmp_path)
    ran = project.run('[steps.a]\nrun = "git worktree lock ."\n')
    assert ran.status == 0, ran.err
    assert ran.state.state == "succeeded"
    assert "is locked" in ran.told("workspace.left")[0].data["why"]
    assert "stays as it is" in ran.out


def test_a_resume_does_not_pass_by_the_copy_because_it_looks_elsewhere(project: RepositoryProject, tmp_path: Path) -> None:
    ran = project.run('[steps.a]\nrun = "test -e fixed"\n')
    assert ran.status == 1
    (project.copy / "fixed").touch()
    elsewhere = project.call("resume", env={"AI_WORKSPACES_ROOT": str(tmp_path / "elsewhere")})
    assert elsewhere.status == 4
    assert "AI_WORKSPACES_ROOT" in elsewhere.err
    assert project.resume().status == 0


def test_a_resume_does_not_undo_what_another_run_did_in_a_named_workspace(project: RepositoryProject) -> None:
    project.write('[steps.a]\nrun = "touch $SIGNALS/on; test $ROPEWAY_ATTEMPT = 2 || sleep 60"\n')
    process = project.start("run", "--workspace-id", "mine")
    first = project.running("a")
    until((project.signals / "on").exists)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    until(lambda: not first.owned)
    project.write('[steps.x]\nrun = "echo other > other.txt"\n', "other.toml")
    assert project.call("run", "other.toml", "--workspace-id", "mine").status == 0
    ran = project.call("resume", first.id)
    assert ran.status == 0, ran.err
    assert "has used the working copy since" in ran.out
    assert (project.copy / "other.txt").read_text() == "other\n"


def test_what_a_process_wrote_that_outlived_its_step_is_saved(project: RepositoryProject) -> None:
    ran = project.run(
        '[steps.a]\nrun = "(until test -e $SIGNALS/go; do sleep 0.02; done; echo late > late.txt; touch $SIGNALS/done) & true"\n'
        '[steps.b]\nneeds = ["a"]\npure = true\nrun = "touch $SIGNALS/go; until test -e $SIGNALS/done; do sleep 0.02; done"\n'
    )
    assert ran.status == 0, ran.err
    assert project.copy.exists()
    assert [e.data["label"] for e in ran.told("workspace.found")] == ["rest"]
    assert "late.txt" in project.call("diff", ran.folder.id, "--name-only").out


def test_a_step_after_an_ephemeral_one_still_has_its_uncommitted_files(project: RepositoryProject) -> None:
    (project.cwd / "untracked.txt").write_text("mine\n")
    ran = project.run(
        '[steps.a]\nworkspace = "ephemeral"\nrun = "cat untracked.txt"\n[steps.b]\nneeds = ["a"]\nworkspace = "ephemeral"\nrun = "cat untracked.txt"\n'
    )
    assert ran.status == 0, ran.err
    assert ran.log("b") == b"mine\n"
