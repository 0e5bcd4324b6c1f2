"""A run that changes files in every way and is killed at any moment ends, after it is resumed, with the very files of one that was never killed."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sys
import time
from typing import TYPE_CHECKING

import pytest

from support.projects import dying, until
from support.repositories import RepositoryProject

if TYPE_CHECKING:
    from pathlib import Path

    from ropeway.runs.folder import RunFolder

STEPS = "abcdef"

# Changes files as the seed says, the same each time for the same files, and none of it can be done twice without a trace. In the middle it kills both of our
# processes when a mark asks for that; the mark goes first, so that the next attempt gets through.
DO = """
import os, random, signal, sys, time
step, seed = sys.argv[1:]
dice = random.Random(f"{seed} {step}")
names = sorted(n for n in os.listdir(".") if n[0] in "fn" and not os.path.isdir(n))

def change(i):
    files = [n for n in sorted(os.listdir(".")) if n[0] == "f"]
    kind = dice.choice(["edit", "edit", "create", "untracked", "delete", "chmod", "link", "rename", "folder"])
    name = dice.choice(files) if files else "f0"
    if kind == "edit" and os.path.isfile(name):
        with open(name, "a") as file:
            file.write(f"{step}{i}\\n")
    elif kind == "create":
        with open(f"f{step}{i}", "a") as file:
            file.write("new\\n")
    elif kind == "untracked":
        with open(f"u{step}{i}", "a") as file:
            file.write("untracked\\n")
    elif kind == "delete" and os.path.lexists(name):
        os.unlink(name)
    elif kind == "chmod" and os.path.isfile(name) and not os.path.islink(name):
        os.chmod(name, os.stat(name).st_mode ^ 0o111)
    elif kind == "link":
        os.symlink(f"to-{step}", f"f{step}{i}l")
    elif kind == "rename" and os.path.lexists(name):
        os.rename(name, f"f{step}{i}r")
    elif kind == "folder":
        os.mkdir(f"d{step}{i}")
        with open(f"d{step}{i}/deep", "w") as file:
            file.write("deep\\n")

for i in range(6):
    change(i)
    if i == 2:
        mark = os.path.join(os.environ["SIGNALS"], f"die-{step}")
        if os.path.exists(mark):
            os.unlink(mark)
            runner = os.getppid()
            with open(f"/proc/{runner}/stat") as file:
                guardian = int(file.read().rpartition(")")[2].split()[1])
            os.kill(guardian, signal.SIGKILL)
            os.kill(runner, signal.SIGKILL)
            time.sleep(60)
"""


def workflow() -> str:
    lines = []
    for i, step in enumerate(STEPS):
        needs = f'needs = ["{STEPS[i - 1]}"]\n' if i else ""
        lines.append(f'[steps.{step}]\n{needs}run = ["{sys.executable}", "-S", "do.py", "{step}", "${{{{ params.seed }}}}"]\n')
    return '[parameters.seed]\ntype = "integer"\n' + "".join(lines)


def made(root: Path, kind: str) -> RepositoryProject:
    project = RepositoryProject(root, kind)
    (project.cwd / "do.py").write_text(DO)
    for i in range(4):
        (project.cwd / f"f{i}").write_text(f"{i}\n")
    project.write(workflow())
    return project


def tree(folder: RunFolder) -> str:
    """Return the hash of the files at the end of a run."""
    ends = [e.data["snapshot"]["tree"] for e in folder.events() if e.event == "step.finished"]
    return ends[-1]


def killed(project: RepositoryProject, dice: random.Random, run: str) -> None:
    """Resume a run, which dies in its next step at the latest; maybe before, at a write of its journal or at any moment."""
    how = dice.choice(["step", "step", "write", "time"])
    if how == "write":
        program = dying(dice.randint(2, 5), dice.choice(["after", "torn"]), "resume", run)
        project.start(program=program).communicate(timeout=60)
        return
    process = project.start("resume", run)
    if how == "time":
        time.sleep(dice.uniform(0.05, 0.3))  # any moment will do
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)


def gets_done(project: RepositoryProject) -> RunFolder:
    """Resume the newest run to its end."""
    folder = project.newest()
    assert folder is not None
    until(lambda: folder.state().state != "running", "the killed run counts as interrupted")
    if folder.state().state != "succeeded":
        ran = project.resume()
        assert ran.status == 0, ran.out + ran.err
    return folder


KINDS = [pytest.param("git", marks=pytest.mark.needs("git")), pytest.param("jj", marks=pytest.mark.needs("jj", "git"))]


SEEDS = {"git": 200, "jj": 40}
PARTS = 10


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("part", range(PARTS))
def test_a_run_killed_in_every_step_and_at_boundaries_ends_with_the_files_of_one_that_was_not(tmp_path: Path, kind: str, part: int) -> None:
    for seed in range(part, SEEDS[kind], PARTS):
        (tmp_path / str(seed)).mkdir()
        kill_and_compare(made(tmp_path / str(seed), kind), seed)


def kill_and_compare(project: RepositoryProject, seed: int) -> None:
    """Run to the end once undisturbed, once killed in the middle of every step and at boundaries, and compare the files."""
    whole = project.call("run", "--param", f"seed={seed}")
    assert whole.status == 0, whole.err
    expected = project.files(project.copy)
    dice = random.Random(f"{project.kind} {seed}")
    for step in STEPS:
        (project.signals / f"die-{step}").touch()
    project.call("run", "--param", f"seed={seed}")
    folder = project.newest()
    assert folder.id != whole.folder.id
    while any(project.signals.glob("die-*")):
        until(lambda: not folder.owned)
        killed(project, dice, folder.id)
    assert tree(gets_done(project)) == tree(whole.folder), seed
    assert project.files(project.copy) == expected, seed


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_run_killed_at_every_write_ends_with_the_files_of_one_that_was_not(tmp_path: Path, kind: str) -> None:
    project = made(tmp_path, kind)
    whole = project.call("run", "--param", "seed=7")
    assert whole.status == 0, whole.err
    for nth in range(2, 60):
        process = project.start(program=dying(nth, "after" if nth % 2 else "torn", "run", "--param", "seed=7"))
        process.communicate(timeout=60)
        folder = project.newest()
        if process.returncode == 0:
            break
        assert tree(gets_done(project)) == tree(whole.folder), nth
    assert nth >= len(STEPS)
    assert folder.state().state == "succeeded"


@pytest.mark.needs("git")
def test_a_run_whose_processes_are_gone_is_interrupted_at_once(tmp_path: Path) -> None:
    project = RepositoryProject(tmp_path)
    project.write('[steps.a]\nrun = "sleep 60"\n')
    process = project.start("run")
    folder = project.running("a")
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    until(lambda: not folder.owned)
    assert project.call("status", folder.id).out.count("interrupted") >= 1


PARALLEL = """
[policy]
max_parallel = 3
[steps.one]
run = "echo one > one.txt; touch $SIGNALS/one; until test -e $SIGNALS/go; do sleep 0.02; done; echo done >> one.txt"
[steps.two]
run = "echo two > two.txt; until test -e $SIGNALS/one; do sleep 0.02; done"
[steps.three]
needs = ["two"]
run = "cat two.txt; echo three > three.txt; touch $SIGNALS/three; until test -e $SIGNALS/go; do sleep 0.02; done"
"""


@pytest.mark.parametrize("kind", KINDS)
def test_with_steps_at_once_what_is_done_is_kept_and_the_others_run_again_where_they_were(tmp_path: Path, kind: str) -> None:
    project = RepositoryProject(tmp_path, kind)
    project.write(PARALLEL)
    process = project.start("run")
    until((project.signals / "three").exists)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    folder = project.newest()
    until(lambda: not folder.owned)
    (project.signals / "go").touch()
    ran = project.resume()
    assert ran.status == 0, ran.err
    # `two` had ended while `one` was at work: no quiet boundary holds its file without theirs, so all files stay as found.
    assert not ran.told("workspace.restored")
    assert [e.step for e in ran.told("step.finished")].count("two") == 1
    files = project.files(project.copy)
    assert files["one.txt"][1] == b"one\ndone\n"
    assert files["two.txt"][1] == b"two\n"
    assert files["three.txt"][1] == b"three\n"
