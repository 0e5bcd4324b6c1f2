"""A state directory that is full or read-only: a clear error, and nothing that was recorded is lost."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from support.projects import Project


@pytest.fixture
def mounted(project: Project) -> Iterator[Callable[[str], None]]:
    """Put the state directory on a small file system of its own; calling it changes the options."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("expected: only root may mount a small file system")
    place = project.state_home
    place.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", place], check=False, capture_output=True)
    if made.returncode:
        pytest.skip("expected: this machine lets nobody mount a file system")
    try:
        yield lambda options: subprocess.run(["mount", "-o", f"remount,{options}", place], check=True) and None
    finally:
        subprocess.run(["umount", place], check=True)


def filled(project: Project) -> None:
    with (project.state_home / "filler").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 1024)
        except OSError:
            pass


STEPS = """
[steps.first]
run = "echo first >> effects"
[steps.prints]
needs = ["first"]
run = "{command}"
[steps.last]
needs = ["prints"]
run = "echo last >> effects"
"""


@pytest.mark.parametrize("secret", [False, True])
def test_a_full_disk_ends_the_run_with_a_clear_error_and_a_resume_loses_nothing(
    project: Project, mounted: Callable[[str], None], secret: bool
) -> None:
    declared = '[parameters.token]\ntype = "secret"\nsource = "env:TOKEN"\n' if secret else ""
    reads = ": ${{ params.token }}; " if secret else ""
    project.write(declared + STEPS.format(command=f"{reads}head -c 400000 /dev/zero; sleep 0.3"))
    ran = project.call("run", env={"TOKEN": "correct horse"})
    assert ran.status == 1
    assert "No space left on device" in ran.err
    assert "Traceback" not in ran.err
    assert "internal error" not in ran.err
    assert project.lines("effects") == ["first"]
    mounted("size=8m")
    assert ran.states()["first"] == "succeeded"
    ran = project.call("resume", env={"TOKEN": "correct horse"})
    assert ran.status == 0, ran.err
    assert project.lines("effects") == ["first", "last"]
    assert [e.seq for e in ran.events] == list(range(1, len(ran.events) + 1))


def test_a_run_on_a_full_disk_does_not_begin(project: Project, mounted: Callable[[str], None]) -> None:
    project.write(STEPS.format(command="true"))
    filled(project)
    ran = project.call("run")
    assert ran.status == 1
    assert "No space left on device" in ran.err
    assert "internal error" not in ran.err
    assert project.lines("effects") == []
    (project.state_home / "filler").unlink()
    assert project.call("run").status == 0


def test_a_disk_that_fills_up_between_two_steps_is_told(project: Project, mounted: Callable[[str], None]) -> None:
    filler = project.state_home / "filler"
    many = "".join(f'[steps.s{i}]\nrun = "true"\n' for i in range(30))
    project.write(f'[steps.fill]\nrun = "head -c 1000000 /dev/zero > {filler} || true"\n{many}')
    ran = project.call("run")
    assert ran.status == 1
    assert "No space left on device" in ran.err
    filler.unlink()
    (project.cwd / "workflow.toml").unlink()
    mounted("size=8m")
    ran = project.resume()
    assert ran.status == 0, ran.err


def test_a_read_only_state_directory_is_said_at_once(project: Project, mounted: Callable[[str], None]) -> None:
    failed = project.run('[steps.a]\nrun = "test -e ok"\n')
    assert failed.status == 1
    mounted("ro")
    (project.cwd / "ok").touch()
    for call in (("run",), ("resume", failed.state.run)):
        ran = project.call(*call)
        assert ran.status == 1, call
        assert "Read-only file system" in ran.err
        assert "internal error" not in ran.err
        assert "hint" in ran.err
    for call in (("runs",), ("status", failed.state.run), ("logs", failed.state.run)):
        ran = project.call(*call)
        assert ran.status == 0, (call, ran.err)
    mounted("rw")
    assert project.resume().status == 0
