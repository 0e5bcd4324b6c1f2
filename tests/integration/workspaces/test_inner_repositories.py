"""Submodules and other repositories inside a run's working copy: no snapshot holds what steps do in them, and nothing of it is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.repositories import RepositoryProject

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.needs("git")

CHECK_OUT = "git -c protocol.file.allow=always submodule --quiet update --init"
COMMIT = "git -C sub -c user.name=x -c user.email=x@y commit --quiet --allow-empty --message=more"
NEVER = '[policy]\nworkspace = { keep = "never" }\n'


@pytest.fixture
def project(tmp_path: Path) -> RepositoryProject:
    """A project with a submodule ``sub``, and its second commit that nobody uses yet."""
    project = RepositoryProject(tmp_path)
    upstream = tmp_path / "upstream"
    upstream.mkdir()
    project.vcs("git", "init", "--quiet", "--initial-branch=main", cwd=upstream)
    for text in ("first", "second"):
        (upstream / "file").write_text(text)
        project.vcs("git", "add", "file", cwd=upstream)
        project.vcs("git", "commit", "--quiet", f"--message={text}", cwd=upstream)
    project.vcs("git", "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(upstream), "sub")
    project.vcs("git", "checkout", "--quiet", "HEAD~1", cwd=project.cwd / "sub")
    project.vcs("git", "add", "sub")
    project.vcs("git", "commit", "--quiet", "--message=sub")
    return project


def flow(project: RepositoryProject, *lines: str, policy: str = NEVER) -> str:
    script = "\n".join(lines)
    (project.cwd / "workflow.toml").write_text(f'id = "workflow"\n{policy}[steps.a]\nrun = """\n{script}\n"""\n')
    ran = project.call("run")
    assert ran.status == 0, ran.err
    return ran.err


@pytest.mark.parametrize(
    "work",
    [
        COMMIT,
        f"{COMMIT}; git -C sub checkout --quiet HEAD~1",
        f"git -C sub checkout --quiet -b mine; {COMMIT}; git -C sub checkout --quiet -",
        "echo edited > sub/file",
        "echo new > sub/new",
        "cd sub; echo edited > file; git -c user.name=x -c user.email=x@y stash --quiet",
    ],
    ids=["a commit", "a commit that HEAD left", "a branch", "an edit", "a new file", "a stash"],
)
def test_work_in_a_submodule_keeps_the_copy_and_is_named(project: RepositoryProject, work: str) -> None:
    said = flow(project, CHECK_OUT, work)
    assert "no snapshot holds these, the working copy does: sub" in said
    assert (project.copy / "sub/file").exists()


def test_a_submodule_that_is_only_checked_out_keeps_nothing(project: RepositoryProject) -> None:
    said = flow(project, CHECK_OUT, policy="")
    assert "no snapshot holds" not in said
    assert not project.copy.exists()


def test_another_commit_of_a_submodule_is_a_change_that_lands(project: RepositoryProject) -> None:
    second = project.vcs("git", "rev-parse", "main", cwd=project.cwd / "sub").strip()
    said = flow(project, CHECK_OUT, f"git -C sub checkout --quiet {second}")
    assert "1 file changed, the working copy is removed" in said
    assert f"+Subproject commit {second}" in project.call("diff").out
    landed = project.call("land")
    assert landed.status == 0, landed.err
    assert second in project.vcs("git", "ls-tree", landed.out.strip(), "sub")


def test_a_bump_that_a_step_commits_is_a_change(project: RepositoryProject) -> None:
    second = project.vcs("git", "rev-parse", "main", cwd=project.cwd / "sub").strip()
    bump = f"git -C sub checkout --quiet {second}; git -c user.name=x -c user.email=x@y commit --quiet --all --message=bump"
    said = flow(project, CHECK_OUT, bump)
    assert "1 file changed" in said
    assert f"+Subproject commit {second}" in project.call("diff").out


@pytest.mark.parametrize(
    ("work", "kept"),
    [
        ("true", False),
        ("echo new > made/new", True),
        (COMMIT.replace("sub", "made"), True),
        ("rm -rf made; git init --quiet made", False),
        ("rm -rf made; git init --quiet made; echo x > made/x", True),
    ],
    ids=["cloned", "a new file", "a commit", "empty", "begun"],
)
def test_a_repository_that_a_step_made_is_kept_for_the_work_in_it(project: RepositoryProject, work: str, kept: bool) -> None:
    said = flow(project, f"git clone --quiet '{project.cwd.parent}/upstream' made", work)
    assert project.copy.exists() == kept
    assert ("the working copy does: made" in said) == kept


def test_a_repository_that_was_copied_with_the_folder_keeps_the_copy_only_when_it_changed(project: RepositoryProject) -> None:
    policy = '[policy]\nworkspace = { backend = "plain", keep = "never" }\n'
    project.vcs("git", "init", "--quiet", "inner")
    (project.cwd / "inner/mine").write_text("mine")
    flow(project, "true", policy=policy)
    assert not project.copy.exists()
    said = flow(project, "echo more >> inner/mine", policy=policy)
    assert "no snapshot holds these, the working copy does: inner" in said
    assert (project.copy / "inner/mine").read_text() == "minemore\n"


def test_apply_leaves_submodules_alone_and_says_so(project: RepositoryProject) -> None:
    second = project.vcs("git", "rev-parse", "main", cwd=project.cwd / "sub").strip()
    flow(project, CHECK_OUT, f"git -C sub checkout --quiet {second}; echo more >> a.txt")
    applied = project.call("land", "--apply")
    assert applied.status == 0
    assert "Submodules stay on the commits that they are on, the run has others: sub.\n" in applied.err
    assert "Changed 1 file" in applied.err
