from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from ropeway.errors import NotFound, UsageError
from ropeway.lang.model import Requirements
from ropeway.runs.requirements import Clause, check, missing, parse_requirement


@pytest.fixture
def machine(tmp_path: Path):
    """A PATH with programs of our own; each is the shell text that it runs."""

    def make(**programs: str) -> dict[str, str]:
        for name, text in programs.items():
            program = tmp_path / name
            program.write_text(f"#!/bin/sh\n{text}\n")
            program.chmod(0o755)
        return {"PATH": f"{tmp_path}{os.pathsep}/usr/bin{os.pathsep}/bin"}

    return make


def test_everything_that_is_missing_is_named_at_once(machine) -> None:
    environ = machine(git="echo git version 2.30.1.windows.2")
    wanted = Requirements(commands=("no-such-tool-1", "git>=2.39", "no-such-tool-2>=3"))
    with pytest.raises(NotFound) as caught:
        check(wanted, environ)
    assert caught.value.message == ("this machine lacks no-such-tool-1: not found, git >=2.39: found 2.30.1, no-such-tool-2 >=3: not found")
    assert "install no-such-tool-1, or put it on your PATH" in str(caught.value.hint)


@pytest.mark.parametrize(
    "says",
    [
        "echo tool 3.2.1",
        "echo v3.2.1-rc1+build7",
        "echo 'tool3 (x86_64) version 3.2.1, 2026-01-02'",
        "echo tool 3.2.1 >&2",
        '[ "$1" = version ] && echo tool version go3.2.1 tool-3.2.1 && echo 3.2.1',
    ],
)
def test_a_version_is_found_in_what_programs_really_print(machine, says: str) -> None:
    environ = machine(tool=says)
    assert missing(Requirements(commands=("tool>=3.2,<3.3",)), environ) == []


@pytest.mark.parametrize("says", ["exit 1", "echo hello", "kill -9 $$"])
def test_a_program_that_tells_no_version_does_not_pass(machine, says: str) -> None:
    (found,) = missing(Requirements(commands=("tool>=1",)), machine(tool=says))
    assert "does not tell" in str(found)


def test_a_program_without_bounds_is_not_even_started(machine, tmp_path: Path) -> None:
    assert missing(Requirements(commands=("tool",)), machine(tool=f"touch {tmp_path}/started")) == []
    assert not (tmp_path / "started").exists()


@pytest.mark.parametrize(
    ("bounds", "version", "holds"),
    [
        (">=2.39", (2, 39), True),
        (">=2.39", (2, 9), False),
        (">2.39", (2, 39, 0), False),
        ("==2", (2, 0, 0), True),
        ("==2.*", (2, 7), True),
        ("!=2.*", (2, 7), False),
        ("~=2.2", (2, 9), True),
        ("~=2.2", (3, 0), False),
        ("~=2.2.1", (2, 3), False),
        ("<3", (2, 99), True),
        ("<=2.1", (2, 1, 1), False),
    ],
)
def test_versions_are_compared_by_their_numbers(bounds: str, version: tuple[int, ...], holds: bool) -> None:
    (clause,) = parse_requirement("x" + bounds).clauses
    assert clause.holds(version) is holds


def test_a_requirement_is_a_name_with_bounds() -> None:
    parsed = parse_requirement(" requests[socks] >= 2.1 , <3 ")
    assert parsed.name == "requests"
    assert parsed.clauses == (Clause(">=", (2, 1)), Clause("<", (3,)))


@pytest.mark.parametrize("text", ["", "git>=", "git 2.39", "git=2", "git>=two", "git>=2;python_version<'3'", "a b"])
def test_what_can_not_be_read_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not a requirement"):
        parse_requirement(text)


def test_python_packages_are_looked_up_in_the_steps_own_interpreter() -> None:
    environ = dict(os.environ)
    wanted = Requirements(python=("pytest>=1", "click<0.1", "no-such-distribution-anywhere"))
    found = missing(wanted, environ, python=sys.executable)
    assert [(each.what, each.found is None, each.wanted) for each in found] == [
        ("Python package click", False, "<0.1"),
        ("Python package no-such-distribution-anywhere", True, ""),
    ]
    assert f"{sys.executable} -m pip install" in found[1].hint


def test_a_missing_interpreter_is_one_thing_missing() -> None:
    (found,) = missing(Requirements(python=("a", "b")), {"PATH": "/nowhere"})
    assert str(found) == "python3: not found"
