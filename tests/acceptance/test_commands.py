"""The commands around a run: what each prints, whole."""

from __future__ import annotations

import json
import os
import signal

import pytest

from acceptance.harness import Project, Said
from support.projects import until

CI = """
    id = "acme/ci"
    version = "1.2.0"
    description = "Builds and tests"

    [parameters.level]
    type = "choice"
    choices = ["quick", "full"]
    default = "quick"
    description = "How much to test"

    [parameters.count]
    type = "integer"
    required = false

    [steps.build]
    run = "echo compiled > out.txt; echo compiled"

    [steps.test]
    needs = ["build"]
    run = "echo testing ${{ params.level }}; echo careful >&2"

    [artifacts.binary]
    path = "out.txt"
    """


@pytest.fixture
def done(project: Project) -> Project:
    """Return a project with one finished run."""
    project.file("workflow.toml", CI)
    assert project.run("run").status == 0
    return project


def test_init_starts_a_project_that_runs(project: Project) -> None:
    assert project.run("init") == Said(
        out="made workflow.toml\nmade .ropeway/workflow.schema.json\n",
        err="Next: `workflow run`\n",
    )
    assert project.run("validate").status == 0
    assert "  | Hello, world!\n" in project.run("run").out


def test_init_never_overwrites(project: Project) -> None:
    path = project.file("workflow.toml", "mine")
    assert project.run("init") == Said(
        err="""
        error: workflow.toml exists and is not overwritten
        hint: name another file: `workflow init OTHER.toml`
        """,
        status=4,
    )
    assert path.read_text() == "mine"


@pytest.mark.parametrize("template", ["minimal", "node", "parallel", "python", "release", "tasks", "working-copy"])
def test_every_template_is_valid(project: Project, template: str) -> None:
    assert project.run("init", "ci.toml", "--template", template).status == 0
    assert project.run("validate", "ci.toml", "--strict") == Said(err="ci.toml: valid\n")


def test_list_shows_the_workflows_of_the_project(project: Project) -> None:
    project.file("workflow.toml", CI)
    project.file("workflows/clean.yaml", "id: clean\nsteps: {a: {run: 'true'}}\n")
    project.file("workflows/broken.toml", "=")
    assert project.run("list") == Said(
        out="""
        ID       VERSION  FILE                   DESCRIPTION
        acme/ci  1.2.0    workflow.toml          Builds and tests
        ?        -        workflows/broken.toml
        clean    -        workflows/clean.yaml
        """
    )
    assert json.loads(project.run("list", "--json").out.splitlines()[2]) == {
        "id": "clean",
        "version": None,
        "name": None,
        "description": None,
        "path": "HERE/workflows/clean.yaml",
        "unique": True,
    }


def test_plan_shows_what_a_run_would_do(project: Project) -> None:
    project.file("workflow.toml", CI)
    assert project.run("plan", "-p", "level=full") == Said(
        out="""
        acme/ci 1.2.0: 2 steps, one at a time

        Parameters:
          level  full  param
          count  null  default

        1. build
           | echo compiled > out.txt; echo compiled
        2. test  (after build)
           | echo testing "${ROPEWAY_V1}"; echo careful >&2
           | where ROPEWAY_V1 is params.level
        """
    )


def test_the_help_of_run_lists_the_parameters_of_the_workflow(project: Project) -> None:
    project.file("workflow.toml", CI)
    help_ = project.run("run", "workflow.toml", "--help").out
    assert "Parameters of this workflow (set one with --param NAME=VALUE):\n" in help_
    assert "level  choice, one of quick, full, default quick. How much to test\n" in help_
    assert "count  integer\n" in help_


def test_graph_draws_a_tree_and_the_other_formats(project: Project) -> None:
    project.file("workflow.toml", CI)
    tree = project.run("graph").out
    assert tree.index("build") < tree.index("test")
    assert "\nflowchart " in project.run("graph", "--format", "mermaid").out
    assert project.run("graph", "--format", "dot").out.startswith("digraph")


def test_status_shows_a_run_with_its_steps(done: Project) -> None:
    assert done.run("status", done.ids()[0][:4]) == Said(
        out="""
        acme/ci 1.2.0  run RUN  succeeded
          actor        me
          started      NOW
          took         N s
          folder       HERE
          file         HERE/workflow.toml
          param level  quick
          param count  null

        ✓  build  succeeded  N s
        ✓  test   succeeded  N s

        binary  out.txt  9 B
        """
    )


def test_status_as_json_has_the_documented_shape(done: Project) -> None:
    found = json.loads(done.raw("status", done.ids()[0], "--json").stdout)
    assert set(found) >= {
        "run", "workflow", "version", "digest", "state", "warnings", "actor", "params", "started_at", "finished_at", "workspace",
        "outputs", "artifacts", "steps",
    }  # fmt: skip
    assert set(found["steps"][0]) >= {"id", "state", "attempts", "exit_code", "outputs", "started_at", "finished_at"}
    assert [s["state"] for s in found["steps"]] == ["succeeded", "succeeded"]


def test_status_without_a_run_lists_the_active_ones(done: Project) -> None:
    assert done.run("status") == Said(err="No run is active. `workflow runs` shows those that ended.\n")
    assert done.run("status", "--json") == Said()


def test_logs_shows_each_step_under_a_heading_and_one_step_byte_for_byte(done: Project) -> None:
    assert done.run("logs") == Said(
        out="""
        ==> build <==
        compiled
        ==> test <==
        testing quick
        careful
        """
    )
    assert done.run("logs", ":test") == Said(out="testing quick\ncareful\n")
    assert done.run("logs", ":test", "--stream", "stderr") == Said(out="careful\n")
    assert done.run("logs", ":tst").status == 3


def test_logs_heads_every_attempt_of_a_step_that_had_several(project: Project) -> None:
    project.file(
        "workflow.toml", 'id = "r"\n\n[steps.f]\nrun = \'echo "try $ROPEWAY_ATTEMPT"; [ "$ROPEWAY_ATTEMPT" = 2 ]\'\nretry.attempts = 2\n'
    )
    assert project.run("run").status == 0
    both = "==> f, attempt 1 <==\ntry 1\n==> f, attempt 2 <==\ntry 2\n"
    assert project.run("logs", ":f") == Said(out=both)
    assert project.run("logs") == Said(out=both)
    assert project.run("logs", ":f", "--attempt", "2") == Said(out="try 2\n")
    assert project.run("logs", ":f", "--attempt", "3") == Said(err="Nothing was printed, or nothing that you asked for.\n")


def test_logs_follows_a_run_to_its_end(project: Project) -> None:
    project.file("workflow.toml", 'id = "s"\n\n[steps.s]\nrun = "echo one; while [ ! -e go ]; do sleep 0.02; done; echo two"\n')
    with project.start("run") as run:
        while not project.ids() or b"one" not in project.raw("logs").stdout:
            pass
        with project.start("logs", "-f", ":s") as follower:
            assert follower.stdout is not None
            assert follower.stdout.readline() == b"one\n"
            project.file("go", "")
            assert follower.stdout.read() == b"two\n"
        assert run.wait(20) == 0


def test_artifacts_are_listed_and_fetched(done: Project) -> None:
    listed = done.run("artifacts", "list").out.splitlines()
    assert listed[0] == "NAME    FILE     SIZE  SHA256"
    assert listed[1].startswith("binary  out.txt  9 B   ")
    assert done.run("artifacts", "get", "-o", "kept") == Said(out="kept/out.txt\n")
    assert (done.root / "kept/out.txt").read_text() == "compiled\n"
    again = done.run("artifacts", "get", "-o", "kept")
    assert again == Said(
        err="error: kept/out.txt exists and is not overwritten\nhint: name another folder with --output, or use --force\n", status=4
    )
    assert done.run("artifacts", "get", "-o", "kept", "--force").status == 0
    assert done.run("artifacts", "get", "--name", "binry").status == 3


def test_runs_shows_the_history_newest_first(done: Project) -> None:
    done.file("workflow.toml", 'id = "other"\n\n[steps.a]\nrun = "exit 1"\n')
    assert done.run("run").status == 1
    rows = [line.split()[:3] for line in done.run("runs").out.splitlines()]
    assert rows == [["RUN", "WORKFLOW", "STATE"], ["RUN2", "other", "failed"], ["RUN", "acme/ci", "succeeded"]]
    assert [line.split()[0] for line in done.run("runs", "--state", "failed").out.splitlines()[1:]] == ["RUN2"]
    assert [line.split()[0] for line in done.run("runs", "--workflow", "acme/ci").out.splitlines()[1:]] == ["RUN"]
    assert len(done.run("runs", "--since", "1h", "--limit", "1").out.splitlines()) == 2
    assert done.run("runs", "--actor", "nobody") == Said(err="No such runs.\n")
    assert [json.loads(line)["state"] for line in done.run("runs", "--json").out.splitlines()] == ["failed", "succeeded"]


def test_status_lists_the_runs_that_wait_or_were_interrupted_with_what_to_type(project: Project) -> None:
    project.file("g.toml", 'id = "g"\n\n[steps.ask]\nuses = "gate:approve"\ninputs = { prompt = "Publish?" }\n')
    project.file("s.toml", 'id = "s"\n\n[steps.a]\nrun = "true"\n\n[steps.b]\nneeds = ["a"]\nrun = "touch began; sleep 30"\n')
    assert project.run("run", "g.toml").status == 6
    with project.start("run", "s.toml", start_new_session=True) as process:
        until((project.root / "began").exists)
        rows = project.run("status").out.splitlines()
        assert [row.split() for row in rows[1:]] == [
            ["RUN", "g", "waiting", "ask", "NOW", "me", "HERE"],
            ["RUN2", "s", "running", "b", "NOW", "me", "HERE"],
        ]
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(20)
    until(lambda: "running" not in project.raw("status").stdout.decode())
    said = project.run("status")
    assert [row.split()[:4] for row in said.out.splitlines()[1:]] == [["RUN", "g", "waiting", "ask"], ["RUN2", "s", "interrupted", "b"]]
    assert said.err == "Answer it: workflow answer RUN:ask yes|no\nGo on:     workflow resume RUN2\n"


def test_a_finished_run_has_nothing_to_resume_or_cancel(done: Project) -> None:
    assert done.run("resume") == Said(
        err="""
        error: run RUN has succeeded, there is nothing to resume
        hint: start it again with `workflow run`; --from STEP runs part of it again
        """,
        status=2,
    )
    assert done.run("cancel", "--latest") == Said(
        err="""
        error: run RUN has succeeded already, there is nothing to cancel
        hint: `workflow status RUN` shows it; `workflow runs` lists all
        """,
        status=2,
    )


def test_a_run_that_waits_is_cancelled_by_the_beginning_of_its_id(project: Project) -> None:
    project.file("workflow.toml", 'id = "g"\n\n[steps.ask]\nuses = "gate:approve"\ninputs = { prompt = "Publish?" }\n')
    assert project.run("run").status == 6
    run = project.ids()[0]
    other = "b" if run[0] == "a" else "a"
    assert project.run("cancel", other) == Said(err=f"error: no run '{other}'\nhint: `workflow runs` lists them\n", status=3)
    assert project.run("cancel", run[:3], "--reason", "a mistake") == Said(
        out="run RUN: cancelled\n", err="`workflow resume RUN` goes on from there\n"
    )
    assert "  a mistake\n" in project.run("status", run).out
    assert project.run("cancel", run) == Said(
        err="""
        error: run RUN was cancelled already, there is nothing to cancel
        hint: `workflow status RUN` shows it; `workflow runs` lists all
        """,
        status=2,
    )


def test_a_beginning_that_fits_several_runs_names_them(project: Project) -> None:
    project.file("workflow.toml", 'id = "a"\n\n[steps.a]\nrun = "true"\n')
    for _ in range(2):
        assert project.run("run").status == 0
    runs = project.state / "runs"
    for name, new in zip(project.ids(), ("aaaa234567", "aaab234567"), strict=True):
        (runs / name).rename(runs / new)
    for command in ("cancel", "status", "logs", "resume"):
        assert project.run(command, "aaa") == Said(
            err="error: 'aaa' is the beginning of 2 runs: RUN, RUN2\nhint: type more of it\n", status=3
        )


def test_resume_can_change_a_parameter_skip_a_step_or_start_at_one(project: Project) -> None:
    project.file(
        "workflow.toml",
        """
        id = "r"

        [parameters.ok]
        type = "boolean"
        default = false

        [steps.a]
        run = "echo a"

        [steps.b]
        needs = ["a"]
        run = "${{ params.ok }}"

        [steps.c]
        needs = ["b"]
        run = "echo c"
        """.replace('"${{ params.ok }}"', '["${{ params.ok }}"]'),
    )
    assert project.run("run").status == 1
    changed = project.run("resume", "--set", "ok=true")
    assert changed.status == 0
    assert "a: started" not in changed.out
    assert "c: started" in changed.out
    skipped = project.run("resume", project.ids()[0], "--skip", "b")
    assert skipped.status == 0
    again = project.run("resume", project.ids()[1], "--from", "a")
    assert again.out.count(": started") == 3


def test_a_setting_is_changed_and_shown_with_its_origin(project: Project) -> None:
    assert project.run("config", "get", "max_parallel") == Said(out="0\n")
    assert project.run("config", "set", "max_parallel", "3") == Said(err="set max_parallel in CONFIG/config.toml\n")
    assert project.run("config", "get", "max_parallel") == Said(out="3\n")
    assert json.loads(project.run("config", "get", "max_parallel", "--json").out) == {
        "key": "max_parallel",
        "value": 3,
        "origin": "user",
        "place": "CONFIG/config.toml",
    }
    assert project.run("config", "set", "max_parallel", "many").status == 2
    assert project.run("config", "set", "max_parallel").status == 2
    assert "max_parallel" in project.run("config", "list").out


def test_a_secret_is_kept_listed_and_removed_and_never_shown(project: Project) -> None:
    assert project.run("secret", "list") == Said(err="No secrets are kept. `workflow secret set NAME` keeps one.\n")
    assert project.run("secret", "set", "TOKEN", stdin="hunter2\n").status == 0
    assert project.run("secret", "list") == Said(out="TOKEN\n")
    assert project.run("secret", "remove", "TOKEN").status == 0
    assert project.run("secret", "remove", "TOKEN").status == 3
    assert project.run("secret", "set", "EMPTY", stdin="").status == 2
    refused = project.run("secret", "set", "TOKEN=hunter2")
    assert refused == Said(
        err="""
        error: a secret's value is no argument: every process could see it
        hint: `workflow secret set TOKEN` asks for it, or reads it from standard input
        """,
        status=2,
    )


def test_explain_shows_what_is_wrong_and_what_is_right(project: Project) -> None:
    found = project.run("explain", "rw101")
    assert found.status == 0
    assert found.out.startswith("RW101: ")
    assert project.run("explain", "101") == found
    assert "\nWrong:\n" in found.out
    assert "\nRight:\n" in found.out
    assert "RW101  " in project.run("explain").out
    assert json.loads(project.run("explain", "RW101", "--json").out)["code"] == "RW101"


def test_schema_prints_the_json_schema(project: Project) -> None:
    assert json.loads(project.run("schema").out)["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert project.run("schema", "-o", "x/schema.json") == Said(err="wrote x/schema.json\n")
    assert (project.root / "x/schema.json").exists()


def test_the_version_and_the_overview(project: Project) -> None:
    assert project.run("--version").out.startswith("ropeway ")
    overview = project.run("--help").out
    assert project.run("help").out == overview
    assert project.run().out == overview
    assert "  run         Run a workflow.\n" in overview


def test_help_may_stand_before_the_command(project: Project) -> None:
    assert project.run("help", "config", "set") == project.run("config", "set", "--help")


def test_every_command_has_help_and_takes_json(project: Project) -> None:
    from ropeway.cli.table import COMMANDS

    for entry in COMMANDS:
        done = project.run(entry.name, "--help")
        assert done.status == 0, entry.name
        assert done.out.startswith(f"Usage: workflow {entry.name}"), entry.name
        assert "Commands:" in done.out or "--json" in done.out, entry.name
