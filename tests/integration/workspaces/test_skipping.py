"""What a step that is left out has done to the files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.repositories import RepositoryProject

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.needs("git")

FLOW = """
[steps.a]
run = "echo a > a.made"

[steps.b]
needs = ["a"]
run = "echo b > b.made; test ! -e $SIGNALS/broken"

[steps.c]
needs = ["b"]
run = "ls; test -e $SIGNALS/fixed"
"""


@pytest.fixture
def project(tmp_path: Path) -> RepositoryProject:
    return RepositoryProject(tmp_path)


def test_the_files_of_a_step_that_had_succeeded_stay_when_it_is_skipped(project: RepositoryProject) -> None:
    assert project.run(FLOW).status == 1
    second = project.call("resume", "--skip", "b")
    assert second.order() == ["c"], "the files of the others are those that c began with"
    assert {"a.made", "b.made"} <= set(project.files(project.copy))
    (project.signals / "fixed").touch()
    third = project.call("resume", "--from", "c")
    assert third.status == 0, third.err
    assert third.order() == ["c"]
    assert {"a.made", "b.made"} <= set(project.files(project.copy)), "and it is so for the next run of the line"


def test_what_a_failed_step_left_goes_when_it_is_skipped(project: RepositoryProject) -> None:
    (project.signals / "broken").touch()
    (project.signals / "fixed").touch()
    assert project.run(FLOW).status == 1
    ran = project.call("resume", "--skip", "b")
    assert ran.status == 0, ran.err
    assert "a.made" in project.files(project.copy)
    assert "b.made" not in project.files(project.copy)


def test_the_files_of_a_skipped_step_go_with_those_of_the_step_that_it_needs(project: RepositoryProject) -> None:
    (project.signals / "fixed").touch()
    assert project.run(FLOW).status == 0
    ran = project.call("resume", "--from", "a", "--skip", "b")
    assert ran.status == 0, ran.err
    assert ran.order() == ["a", "c"]
    assert "b.made" not in project.files(project.copy)
