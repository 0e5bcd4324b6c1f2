"""The copies of ephemeral steps: whose they are, what is in them, what leaves them, and what becomes of them when the run waits or dies."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from support.projects import Ran, until
from support.repositories import RepositoryProject

KINDS = [
    pytest.param("git", marks=pytest.mark.needs("git")),
    pytest.param("jj", marks=pytest.mark.needs("jj", "git")),
    pytest.param("overlay", marks=pytest.mark.needs("git")),
    pytest.param("plain", marks=pytest.mark.needs("git")),
]

OUTER = """
[steps.sub]
workspace = "ephemeral"
uses = "workflow:./inner.toml"
[steps.after]
needs = ["sub"]
run = "ls; cat a.txt"
"""

ASKING = """
[steps.make]
run = "echo made > made.txt; echo more >> a.txt; echo x >> $SIGNALS/made"
[steps.ask]
needs = ["make"]
uses = "gate:approve"
[steps.use]
needs = ["ask"]
run = "cat made.txt a.txt"
"""


@pytest.fixture(params=KINDS)
def project(request: pytest.FixtureRequest, tmp_path: Path) -> RepositoryProject:
    return of_kind(request.param, tmp_path)


@pytest.fixture
def in_git(tmp_path: Path) -> RepositoryProject:
    return of_kind("git", tmp_path)


def of_kind(kind: str, root: Path) -> RepositoryProject:
    project = RepositoryProject(root, "jj" if kind == "jj" else "git")
    project.backend = kind
    return project


def inner(project: RepositoryProject, text: str) -> None:
    """Write the sub-workflow; which backend is used is for the outer one to say."""
    (project.cwd / "inner.toml").write_text(f'id = "inner"\n{text}')


def own(project: RepositoryProject) -> list[Path]:
    """Return the copies of ephemeral steps that are there."""
    noted = (project.root / "cache/ai-workspaces").glob("*/*/.agent-tools/.agent-workflow.json")
    return [file.parent.parent for file in noted if json.loads(file.read_text()).get("ephemeral")]


def die(project: RepositoryProject, process: subprocess.Popen[str], sign: str) -> None:
    """Kill a run as soon as a step has given a sign."""
    until((project.signals / sign).exists)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    folder = project.newest()
    assert folder is not None
    until(lambda: folder.state().state == "interrupted")


def answered(project: RepositoryProject, step: str) -> Ran:
    """Say yes at a gate; the run goes on at once."""
    folder = project.newest()
    assert folder is not None
    return project.call("answer", f"{folder.id}:{step}", "yes")


# -- whose they are ---------------------------------------------------------------------------------------------------------------------


def test_steps_with_long_names_that_begin_alike_have_copies_of_their_own(in_git: RepositoryProject) -> None:
    name = "a-name-that-is-so-long-that-it-has-to-be-cut-for-the-id-of-a-copy"
    steps = "".join(
        f'[steps.{name}-{n}]\nworkspace = "ephemeral"\n'
        f'run = "echo {n} > mine; pwd; touch $SIGNALS/{n}; until test -e $SIGNALS/{3 - n}; do sleep 0.02; done; cat mine"\n'
        for n in (1, 2)
    )
    ran = in_git.run(f"[policy]\nmax_parallel = 2\n{steps}")
    assert ran.status == 0, ran.err
    printed = [ran.log(f"{name}-{n}").decode().split() for n in (1, 2)]
    assert [last for _, last in printed] == ["1", "2"]
    assert printed[0][0] != printed[1][0]
    assert own(in_git) == []


def test_addresses_that_read_alike_as_ids_have_copies_of_their_own(in_git: RepositoryProject) -> None:
    ran = in_git.run(
        '[steps.a]\nworkspace = "ephemeral"\nforeach = "[1, 2]"\nrun = "pwd"\n[steps.a-0]\nworkspace = "ephemeral"\nrun = "pwd"\n'
    )
    assert ran.status == 0, ran.err
    assert len({ran.log(step) for step in ("a[0]", "a[1]", "a-0")}) == 3


def test_a_workspace_of_the_persons_at_the_place_of_an_ephemeral_one_stays(in_git: RepositoryProject) -> None:
    step = '[steps.b]\nworkspace = "ephemeral"\nrun = "pwd; echo b > work.txt"\n'
    in_git.write(step)
    first = in_git.call("run", "--workspace-id", "x")
    name = Path(first.log("b").decode().strip()).name
    in_git.write('[steps.keep]\nrun = "echo mine > work.txt"\n', "other.toml")

    def mark() -> str:  # an ephemeral copy's id holds the run's: the next one's has to be known before
        from ropeway.workspaces.wish import Wish

        folder = in_git.newest()
        assert folder is not None
        return Wish("x", folder.id, "").apart("b", 1).id

    assert mark() == name
    in_git.write(
        '[steps.wait]\nrun = "touch $SIGNALS/begun; until test -e $SIGNALS/go; do sleep 0.02; done"\n'
        + step.replace("[steps.b]\n", '[steps.b]\nneeds = ["wait"]\n')
    )
    process = in_git.start("run", "--workspace-id", "x")
    until((in_git.signals / "begun").exists)
    taken = mark()
    other = in_git.call("run", "other.toml", "--workspace-id", taken)
    assert other.status == 0, other.err
    (in_git.signals / "go").touch()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    place = in_git.root / "cache/ai-workspaces"
    (theirs,) = place.glob(f"*/{taken}")
    assert (theirs / "work.txt").read_text() == "mine\n"
    assert f"/{taken}.2\n" in out
    assert own(in_git) == []


def test_what_a_crash_left_of_the_same_attempt_is_made_anew(in_git: RepositoryProject) -> None:
    from ropeway.runs.folder import RunFolder

    in_git.write('[steps.b]\nworkspace = "ephemeral"\nrun = "ls; touch left; touch $SIGNALS/half; test -e $SIGNALS/go || sleep 60"\n')
    process = in_git.start("run")
    die(in_git, process, "half")
    (left,) = own(in_git)
    (in_git.signals / "go").touch()
    # Let the journal have lost the start: then it is the same attempt again.
    folder = in_git.newest()
    assert isinstance(folder, RunFolder)
    lines = folder.journal.read_bytes().splitlines(keepends=True)
    folder.journal.write_bytes(b"".join(line for line in lines if b'"step.' not in line))
    ran = in_git.resume()
    assert ran.status == 0, ran.err
    assert b"left" not in ran.log("b")
    assert not left.exists()


def test_a_copy_that_somebody_is_at_work_in_is_left_alone(in_git: RepositoryProject) -> None:
    from ropeway.workspaces.backend import choose
    from ropeway.workspaces.manager import Manager

    in_git.write('[steps.b]\nworkspace = "ephemeral"\nrun = "pwd; touch $SIGNALS/half; test -e $SIGNALS/go || sleep 60"\n')
    die(in_git, in_git.start("run"), "half")
    (left,) = own(in_git)
    (left / "mine").touch()
    (in_git.signals / "go").touch()
    folder = in_git.newest()
    assert folder is not None
    lines = folder.journal.read_bytes().splitlines(keepends=True)
    folder.journal.write_bytes(b"".join(line for line in lines if b'"step.' not in line))
    backend = choose("git", str(in_git.cwd), in_git.env).backend
    assert backend is not None
    lock = Manager(backend, in_git.env).lock(left.name, "a test")
    try:
        ran = in_git.resume()
    finally:
        os.close(lock)
    assert ran.status == 0, ran.err
    assert ran.log("b").decode().strip() == f"{left}.2"
    assert (left / "mine").exists()


# -- sub-workflows ----------------------------------------------------------------------------------------------------------------------


def test_a_gate_inside_waits_with_the_files_and_goes_on_with_them(project: RepositoryProject) -> None:
    inner(project, ASKING)
    ran = project.run(OUTER)
    assert ran.status == 6, ran.err
    assert len(own(project)) == 1
    ran = project.resume()  # nobody has answered
    assert ran.status == 6, ran.err
    (copy,) = own(project)
    ran = answered(project, "sub/ask")
    assert ran.state.state == "succeeded", ran.err
    assert ran.log("sub/use") == b"made\none\nmore\n"
    assert (project.signals / "made").read_text() == "x\n"
    assert b"made.txt" not in ran.log("after")
    assert ran.log("after").endswith(b"one\n")
    assert ran.state.steps["sub"].attempts == 1
    assert not copy.exists()


def test_when_the_files_are_gone_meanwhile_it_starts_over(in_git: RepositoryProject) -> None:
    inner(in_git, ASKING)
    assert in_git.run(OUTER).status == 6
    (copy,) = own(in_git)
    cleaned = in_git.call("workspace", "clean", copy.name, "--force")
    assert cleaned.status == 0, cleaned.err
    ran = answered(in_git, "sub/ask")
    assert ran.state.state == "succeeded", ran.err
    assert ran.log("sub/use") == b"made\none\nmore\n"
    assert (in_git.signals / "made").read_text() == "x\nx\n"
    assert ran.state.steps["sub"].attempts == 2


def test_a_sub_workflow_that_was_killed_starts_over(project: RepositoryProject) -> None:
    inner(
        project,
        '[steps.one]\nrun = "echo x >> one.txt"\n[steps.two]\nneeds = ["one"]\n'
        'run = "cat one.txt; touch $SIGNALS/half; test -e $SIGNALS/go || sleep 60"\n',
    )
    project.write(OUTER)
    die(project, project.start("run"), "half")
    (project.signals / "go").touch()
    ran = project.resume()
    assert ran.status == 0, ran.err
    assert ran.log("sub/two") == b"x\n"
    assert ran.order() == ["sub", "sub/one", "sub/two", "sub", "sub/one", "sub/two", "after"]
    assert ran.state.steps["sub"].attempts == 2


@pytest.mark.parametrize("how", [(), ("--set", "p=2")])
def test_a_sub_workflow_that_failed_starts_over_in_a_resume(in_git: RepositoryProject, how: tuple[str, ...]) -> None:
    inner(
        in_git,
        '[parameters.p]\n[steps.one]\nrun = "echo x >> one.txt"\n[steps.two]\nneeds = ["one"]\n'
        'run = "cat one.txt; echo ${{ params.p }}; test -e $SIGNALS/go"\n',
    )
    steps = OUTER.replace('inner.toml"\n', 'inner.toml"\ninputs = { p = "${{ params.p }}" }\n')
    assert in_git.run(f'[parameters.p]\ndefault = "1"\n{steps}').status == 1
    assert own(in_git) == []
    (in_git.signals / "go").touch()
    ran = in_git.resume(*how)
    assert ran.status == 0, ran.err
    assert ran.log("sub/two") == (b"x\n2\n" if how else b"x\n1\n")


def test_one_that_was_killed_after_the_answer_starts_over_and_asks_again(in_git: RepositoryProject) -> None:
    inner(in_git, ASKING.replace('"cat made.txt', '"touch $SIGNALS/half; test -e $SIGNALS/go || sleep 60; cat made.txt'))
    waiting = in_git.run(OUTER)
    assert waiting.status == 6
    die(in_git, in_git.start("answer", f"{waiting.state.run}:sub/ask", "yes"), "half")
    (in_git.signals / "go").touch()
    ran = in_git.resume()
    assert ran.status == 6, ran.err
    ran = answered(in_git, "sub/ask")
    assert ran.state.state == "succeeded", ran.err
    assert ran.log("sub/use") == b"made\none\nmore\n"
    assert (in_git.signals / "made").read_text() == "x\nx\n"


def test_what_is_recorded_of_an_earlier_try_does_not_count_after_it(in_git: RepositoryProject) -> None:
    inner(
        in_git,
        '[steps.one]\nwhen = "env.FIRST == \'1\'"\nrun = "echo x > one.txt"\n[steps.two]\nneeds = ["one"]\n'
        'run = "touch $SIGNALS/half; test -e $SIGNALS/go || sleep 60"\n[steps.ask]\nneeds = ["two"]\nuses = "gate:approve"\n',
    )
    in_git.write(OUTER)
    die(in_git, in_git.start("run", env={"FIRST": "1"}), "half")
    folder = in_git.newest()
    assert folder is not None
    assert folder.state().steps["sub/one"].state == "succeeded"
    (in_git.signals / "go").touch()
    ran = in_git.call("resume", env={"FIRST": "0"})
    assert ran.status == 6, ran.err
    assert ran.states()["sub/one"] == "skipped when"


def test_the_persons_edits_survive_a_kill_inside_of_an_ephemeral_sub_workflow(project: RepositoryProject) -> None:
    if project.backend == "overlay":
        return  # nobody else sees its files while it works
    inner(project, '[steps.one]\nforeach = "[1]"\nrun = "touch $SIGNALS/half; test -e $SIGNALS/go || sleep 60"\n')
    project.write('[steps.first]\nrun = "echo f >> a.txt"\n' + OUTER.replace("[steps.sub]\n", '[steps.sub]\nneeds = ["first"]\n'))
    die(project, project.start("run"), "half")
    (project.copy / "a.txt").write_text("mine\n")
    (project.signals / "go").touch()
    ran = project.resume()
    assert ran.status == 0, ran.err
    assert not ran.told("workspace.restored")
    assert ran.log("after").endswith(b"mine\n")


def test_a_sub_workflow_that_can_not_begin_leaves_no_copy(in_git: RepositoryProject) -> None:
    inner(in_git, '[parameters.n]\n[steps.one]\nrun = "true"\n')
    ran = in_git.run('[steps.sub]\nworkspace = "ephemeral"\nuses = "workflow:./inner.toml"\ninputs = { n = "${{ file(\'none.txt\') }}" }\n')
    assert ran.status == 1, ran.err
    assert ran.states()["sub"] == "failed"
    assert own(in_git) == []


def test_the_folder_of_an_inner_workflow_is_the_one_in_the_copy(in_git: RepositoryProject) -> None:
    inner(in_git, '[steps.one]\nrun = "pwd; echo $ROPEWAY_WORKFLOW_DIR"\n')
    ran = in_git.run(OUTER)
    assert ran.status == 0, ran.err
    at, there = ran.log("sub/one").decode().split()
    assert at == there


# -- artifacts --------------------------------------------------------------------------------------------------------------------------


def kept(ran: Ran, name: str = "report") -> bytes:
    assert ran.folder is not None
    return (ran.folder.artifacts / name / "report.txt").read_bytes()


def test_what_an_ephemeral_step_gave_is_not_replaced_by_the_bases(project: RepositoryProject) -> None:
    (project.cwd / "report.txt").write_text("old\n")
    ran = project.run(
        '[artifacts.report]\npath = "*.txt"\n[steps.b]\nworkspace = "ephemeral"\nrun = "echo new > report.txt"\n'
        '[steps.c]\nneeds = ["b"]\nrun = "echo c >> a.txt"\n'
    )
    assert ran.status == 0, ran.err
    assert kept(ran) == b"new\n"
    assert ran.folder is not None
    assert (ran.folder.artifacts / "report/a.txt").read_bytes() == b"one\nc\n"
    given = {a["path"]: a.get("step") for a in ran.state.artifacts}
    assert given == {"report.txt": "b", "a.txt": None}


def test_what_an_ephemeral_step_did_not_touch_is_the_runs(project: RepositoryProject) -> None:
    (project.cwd / "report.txt").write_text("old\n")
    ran = project.run(
        "[policy]\nmax_parallel = 2\n"
        '[artifacts.report]\npath = "report.txt"\n'
        '[steps.b]\nworkspace = "ephemeral"\nrun = "touch $SIGNALS/begun; until test -e $SIGNALS/written; do sleep 0.02; done"\n'
        '[steps.c]\nrun = "until test -e $SIGNALS/begun; do sleep 0.02; done; echo new > report.txt; touch $SIGNALS/written"\n'
    )
    assert ran.status == 0, ran.err
    assert kept(ran) == b"new\n"
    assert "step" not in ran.state.artifacts[0]


def test_a_step_tells_what_it_gave_also_below_a_folder(in_git: RepositoryProject) -> None:
    below = in_git.cwd / "bin"
    (below / "report.txt").write_text("old\n")
    in_git.write('[artifacts.report]\npath = "report.txt"\n[steps.b]\nworkspace = "ephemeral"\nrun = "touch x"\n', "bin/workflow.toml")
    process = in_git.start("run", cwd=below)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    folder = in_git.newest()
    assert folder is not None
    (artifact,) = folder.state().artifacts
    assert "step" not in artifact


def test_an_artifact_of_a_sub_workflow_that_can_not_be_kept_is_said(in_git: RepositoryProject) -> None:
    inner(in_git, '[steps.one]\nrun = "mkdir out; echo r > out/x"\n')
    ran = in_git.run(
        '[artifacts.report]\npath = "out"\n[steps.first]\nworkspace = "ephemeral"\nrun = "mkdir -p out/x; echo r > out/x/y"\n'
        '[steps.sub]\nneeds = ["first"]\nworkspace = "ephemeral"\nuses = "workflow:./inner.toml"\n'
    )
    assert ran.status == 0, ran.err
    assert ran.err.count("artifact report was not kept: can't keep artifact report: out/x") == 1


# -- the environment --------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def with_envrc(in_git: RepositoryProject) -> RepositoryProject:
    in_git.env["XDG_DATA_HOME"] = str(in_git.root / "data")
    (in_git.cwd / ".envrc").write_text('export HERE="$PWD"\nPATH_add tools\n')
    return in_git


@pytest.mark.needs("direnv")
def test_an_ephemeral_step_has_the_values_of_its_own_envrc(with_envrc: RepositoryProject) -> None:
    inner(with_envrc, "[steps.one]\nrun = \"pwd; echo $HERE; echo $PATH | tr : '\\n' | grep tools$\"\n")
    ran = with_envrc.run('[steps.b]\nworkspace = "ephemeral"\nrun = "pwd; echo $HERE; echo ${PATH%%:*}"\n' + OUTER)
    assert ran.status == 0, ran.err
    for step in ("b", "sub/one"):
        at, here, tools, *_ = ran.log(step).decode().split()
        assert at != str(with_envrc.copy)
        assert (here, tools) == (at, f"{at}/tools")


@pytest.mark.needs("direnv")
def test_an_envrc_that_a_step_changed_is_not_carried_out(with_envrc: RepositoryProject) -> None:
    ran = with_envrc.run(
        '[steps.a]\nrun = "echo \'touch $SIGNALS/ran\' >> .envrc"\n[steps.b]\nneeds = ["a"]\nworkspace = "ephemeral"\nrun = "true"\n'
    )
    assert ran.status == 1
    assert not (with_envrc.signals / "ran").exists()
    copy = with_envrc.copy
    assert f"the .envrc in {copy} has changed since it was allowed" in (ran.state.steps["b"].error or "")
    subprocess.run(["direnv", "allow", str(copy)], env=with_envrc.env, check=True)
    assert with_envrc.resume().status == 0
    assert (with_envrc.signals / "ran").exists()


@pytest.mark.needs("direnv")
def test_what_goes_on_after_an_answer_has_its_envrc_as_well(with_envrc: RepositoryProject) -> None:
    inner(with_envrc, ASKING.replace("cat made.txt a.txt", "pwd; echo $HERE"))
    assert with_envrc.run(OUTER).status == 6
    ran = answered(with_envrc, "sub/ask")
    assert ran.state.state == "succeeded", ran.err
    at, here = ran.log("sub/use").decode().split()
    assert at == here
