"""What the end of a run keeps, counts and says, also when the ground was taken from under it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from support.repositories import RepositoryProject

if TYPE_CHECKING:
    from pathlib import Path

KINDS = [
    pytest.param("git", marks=pytest.mark.needs("git")),
    pytest.param("jj", marks=pytest.mark.needs("jj", "git")),
    pytest.param("overlay", marks=pytest.mark.needs("git")),
    pytest.param("plain", marks=pytest.mark.needs("git")),
]


@pytest.fixture(params=KINDS)
def project(request: pytest.FixtureRequest, tmp_path: Path) -> RepositoryProject:
    kind = request.param
    project = RepositoryProject(tmp_path, "jj" if kind == "jj" else "git")
    project.backend = kind
    return project


def test_a_repository_that_a_step_made_keeps_the_copy_and_is_named(project: RepositoryProject) -> None:
    ran = project.run('[steps.a]\nrun = "git init --quiet made; echo x > made/x"\n')
    assert ran.status == 0, ran.err
    assert "no snapshot holds these, the working copy does: made" in ran.err
    assert (project.copy / "made/x").exists()
    assert ran.told("workspace.kept")[0].data["nested"] == ["made"]


def test_a_linked_run_counts_what_its_line_changed(project: RepositoryProject) -> None:
    first = project.run(
        '[steps.a]\nrun = "echo a >> a.txt"\n[steps.b]\nneeds = ["a"]\nrun = "test -e $SIGNALS/fixed"\n[steps.c]\nneeds = ["b"]\nrun = "true"\n'
    )
    assert first.status == 1
    (project.signals / "fixed").touch()
    second = project.call("resume", "--from", "b")
    assert second.status == 0, second.err
    assert second.order() == ["b", "c"]
    assert "1 file changed in" in second.err
    assert f"workflow land {second.folder.id}" in second.err  # type: ignore[union-attr]
    assert project.copy.exists()


def test_the_end_of_a_run_whose_copy_goes_says_what_changed_and_how_to_have_it(project: RepositoryProject) -> None:
    policy = f'[policy]\nworkspace = {{ keep = "never", backend = "{project.backend}" }}\n'
    (project.cwd / "workflow.toml").write_text(f'id = "workflow"\n{policy}[steps.a]\nrun = "echo a >> a.txt"\n')
    ran = project.call("run")
    assert ran.status == 0, ran.err
    assert not project.copy.exists()
    assert "1 file changed, the working copy is removed" in ran.err
    assert f"workflow land {ran.folder.id}" in ran.err  # type: ignore[union-attr]
    assert "+a" in project.call("diff").out


@pytest.mark.needs("git")
def test_a_run_from_an_ignored_folder_says_that_it_is_empty_in_the_copy(tmp_path: Path) -> None:
    project = RepositoryProject(tmp_path)
    project.write('[steps.a]\nrun = "ls -A; pwd"\n', "dist/workflow.toml")
    process = project.start("run", cwd=project.cwd / "dist")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "steps start in an empty dist: what is in yours is ignored, or not in the base" in err
    assert out.splitlines()[-3].endswith("/dist")
    assert "went with" not in err


@pytest.mark.parametrize("project", [kind for kind in KINDS if kind.values != ("overlay",)], indirect=True)  # others can't get at its files
def test_a_copy_that_is_deleted_under_a_step_fails_the_step_and_a_resume_makes_it_again(project: RepositoryProject) -> None:
    project.write(
        '[steps.a]\nrun = "echo a >> a.txt"\n[steps.b]\nneeds = ["a"]\nrun = "test $ROPEWAY_ATTEMPT = 2 || until test -e $SIGNALS/go; do sleep 0.02; done"\n'
        '[steps.c]\nneeds = ["b"]\nrun = "cat a.txt"\n'
    )
    process = project.start("run")
    folder = project.running("b")
    shutil.rmtree(project.copy)
    (project.signals / "go").touch()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "step b failed: its files can't be saved" in err
    assert folder.state().state == "failed"
    ran = project.resume()
    assert ran.status == 0, ran.err
    assert "was gone; it is made again from the last snapshot" in ran.out
    assert ran.log("c") == b"one\na\n"
    assert ran.told("workspace.recreated")


@pytest.mark.needs("git")
def test_a_resume_says_when_the_repository_is_gone(tmp_path: Path) -> None:
    project = RepositoryProject(tmp_path)
    ran = project.run('[steps.a]\nrun = "false"\n')
    assert ran.status == 1
    (project.cwd / ".git").rename(tmp_path / "away")
    ran = project.resume()
    assert ran.status == 3
    assert "the repository that the run works with is gone" in ran.err
    assert "hint: put it back where it was, or start the workflow again" in ran.err
    (tmp_path / "away").rename(project.cwd / ".git")
    assert project.resume().status == 1


@pytest.mark.needs("git")
def test_a_named_workspace_that_was_there_says_what_it_is_from_when_another_base_is_asked_for(tmp_path: Path) -> None:
    project = RepositoryProject(tmp_path)
    assert project.run('[steps.a]\nrun = "cat a.txt"\n', "--workspace-id", "mine").status == 0
    ran = project.call("run", "--workspace-id", "mine", "--base", "main")
    assert ran.status == 0, ran.err
    assert "warning: workspace mine is from @, not from main: it was there already" in ran.err
    assert ran.told("workspace.created")[0].data["base"] == "@"
