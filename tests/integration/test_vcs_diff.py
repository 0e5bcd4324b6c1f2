"""`builtin:vcs-diff` in real repositories."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from support.projects import Project

if TYPE_CHECKING:
    from pathlib import Path

DIFF = """
[parameters.base]
default = ""

[steps.diff]
uses = "builtin:vcs-diff"
inputs = { from = "${{ params.base }}" }

[outputs]
files = "${{ steps.diff.outputs.files }}"
changed = "${{ steps.diff.outputs.changed }}"
diff = "${{ steps.diff.outputs.diff }}"
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def sh(project: Project, *commands: str) -> None:
    for command in commands:
        subprocess.run(["sh", "-euc", command], cwd=project.cwd, env=project.env, check=True, capture_output=True)


def outputs(project: Project, *arguments: str) -> dict[str, Any]:
    ran = project.call("run", "--json", *arguments)
    assert ran.status == 0, ran.out + ran.err
    return dict(json.loads(ran.out.splitlines()[-1])["outputs"])


GIT = "git -c user.name=a -c user.email=a@b.c"


@pytest.mark.needs("git")
def test_git_tells_changed_and_untracked_files_against_the_last_commit(project: Project) -> None:
    sh(project, "git init -q", "echo one > kept; echo one > edited", f"git add . && {GIT} commit -qm first")
    project.write(DIFF)
    sh(project, "git add workflow.toml", f"{GIT} commit -qm second", "echo two >> edited; echo new > 'a new ä'")
    found = outputs(project)
    assert found["files"] == ["a new ä", "edited"]
    assert "+two" in found["diff"]
    assert "+new" in found["diff"]


@pytest.mark.needs("git")
def test_git_tells_nothing_in_a_clean_working_copy_and_everything_against_an_older_commit(project: Project) -> None:
    project.write(DIFF)
    sh(project, "git init -q", f"git add . && {GIT} commit -qm first", "echo x > x", f"git add . && {GIT} commit -qm second")
    assert outputs(project)["changed"] is False
    assert outputs(project, "--param", "base=HEAD~1")["files"] == ["x"]


@pytest.mark.needs("git")
def test_a_base_that_looks_like_an_option_is_no_option(project: Project) -> None:
    project.write(DIFF)
    sh(project, "git init -q", f"git add . && {GIT} commit -qm first")
    ran = project.call("run", "--param", "base=--output=stolen")
    assert ran.status == 1
    assert not (project.cwd / "stolen").exists()


@pytest.mark.needs("jj")
def test_jj_tells_what_the_working_copy_changes(project: Project) -> None:
    jj = "jj --config user.name=a --config user.email=a@b.c"
    sh(project, f"{jj} git init --no-colocate .", "echo one > edited", f"{jj} commit -m first", "echo two >> edited; echo new > added")
    project.write(DIFF)
    found = outputs(project)
    assert found["files"] == ["added", "edited", "workflow.toml"]
    assert "+two" in found["diff"]


@pytest.mark.needs("jj")
def test_jj_takes_paths_as_they_are_and_a_base_as_no_option(project: Project) -> None:
    jj = "jj --config user.name=a --config user.email=a@b.c"
    sh(project, f"{jj} git init --no-colocate .", "mkdir deep; echo 1 > deep/in; echo 1 > 'say \"hi\"'; echo 1 > other")
    project.write(DIFF.replace("inputs = {", "inputs = { paths = ['deep', 'say \"hi\"', '--tool=x'],"))
    assert outputs(project)["files"] == ["deep/in", 'say "hi"']
    assert outputs(project, "--param", "base=root()")["files"] == ["deep/in", 'say "hi"']
    ran = project.call("run", "--param", "base=--config=ui.diff-formatter=x")
    assert ran.status == 1
    assert "jj --no-pager diff --git failed: " in ran.err


def test_outside_of_a_repository_it_says_what_to_do(project: Project) -> None:
    project.write(DIFF)
    ran = project.call("run")
    assert ran.status == 1
    assert "no jj or git repository here" in ran.err
