"""What people see when a file, a call or the machine is not as it should be: the whole message, and the exit status."""

from __future__ import annotations

import json
import os
import random
import subprocess
from pathlib import Path

import pytest

from acceptance.harness import Project, Said

OK = 'id = "ok"\n\n[steps.a]\nrun = "true"\n'


def test_every_problem_is_shown_at_once_with_place_caret_and_hint(project: Project) -> None:
    project.file(
        "workflow.toml",
        """
        id = "acme/ci"
        desciption = "typo"

        [policy]
        max_paralell = 4

        [steps.build]
        run = "make"
        timeout = "5 parsecs"

        [steps.test]
        needs = ["bulid"]
        run = "make test"
        when = "params.level > 3"
        """,
    )
    assert project.run("validate") == Said(
        out="""
        error[RW101]: the workflow has no key 'desciption'
         --> workflow.toml:2:1
          |
        2 | desciption = "typo"
          | ^^^^^^^^^^
          = hint: did you mean 'description'?

        error[RW101]: 'policy' has no key 'max_paralell'
         --> workflow.toml:5:1
          |
        5 | max_paralell = 4
          | ^^^^^^^^^^^^
          = hint: did you mean 'max_parallel'?

        error[RW107]: '5 parsecs' is not a duration
         --> workflow.toml:9:11
          |
        9 | timeout = "5 parsecs"
          |           ^^^^^^^^^^^
          = hint: write it like "250ms", "30s", "5m", "1h30m" or "30d", the largest unit first

        error[RW501]: there is no step 'bulid'
          --> workflow.toml:12:10
           |
        12 | needs = ["bulid"]
           |          ^^^^^^^
           = hint: did you mean 'build'?

        error[RW211]: there is no parameter 'level'
          --> workflow.toml:14:9
           |
        14 | when = "params.level > 3"
           |         ^^^^^^^^^^^^
           = hint: there are no parameters

        """,
        err="""
        workflow.toml: 5 errors
        `workflow explain RW101` tells more, with an example
        """,
        status=2,
    )


def test_a_cycle_is_shown(project: Project) -> None:
    project.file(
        "workflow.toml",
        """
        id = "c"

        [steps.a]
        needs = ["c"]
        run = "true"

        [steps.b]
        needs = ["a"]
        run = "true"

        [steps.c]
        needs = ["b"]
        run = "true"
        """,
    )
    done = project.run("run")
    assert done.status == 2
    assert "a -> c -> b -> a" in done.err
    assert done.out == ""


def test_the_same_problems_as_json(project: Project) -> None:
    project.file("workflow.toml", 'id = "x"\nwhat = 1\n\n[steps.a]\nrun = "true"\n')
    done = project.run("validate", "--json")
    assert json.loads(done.out) == {
        "valid": False,
        "diagnostics": [
            {
                "code": "RW101",
                "severity": "error",
                "message": "the workflow has no key 'what'",
                "file": "workflow.toml",
                "line": 2,
                "column": 1,
                "hint": json.loads(done.out)["diagnostics"][0]["hint"],
            }
        ],
    }
    assert (done.err, done.status) == ("", 2)


def test_a_valid_file_says_so(project: Project) -> None:
    project.file("workflow.toml", OK)
    assert project.run("validate") == Said(err="workflow.toml: valid\n")
    assert json.loads(project.run("validate", "--json").out) == {"valid": True, "diagnostics": []}


def test_five_megabytes_of_garbage_are_one_short_message(project: Project) -> None:
    project.file("workflow.toml", random.Random(1).randbytes(5_000_000))
    done = project.run("validate")
    assert done.status == 2
    assert done.out.startswith("error[RW0")
    assert len(done.out) < 1500
    assert not set(done.out) & set(map(chr, range(0x20))) - {"\n"}


def test_a_bomb_of_aliases_is_refused(project: Project) -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12))
    project.file("workflow.yaml", bomb)
    done = project.run("validate", "workflow.yaml")
    assert done.status == 2
    assert "error[RW0" in done.out


def test_a_key_that_is_there_twice_is_refused_in_both_formats(project: Project) -> None:
    project.file("a.toml", 'id = "x"\nid = "y"\n')
    project.file("a.yaml", "id: x\nid: y\n")
    for name in ("a.toml", "a.yaml"):
        done = project.run("validate", name)
        assert done.status == 2
        assert f" --> {name}:2:1\n" in done.out


def test_terminal_escapes_in_a_file_do_not_reach_the_terminal(project: Project) -> None:
    project.file("workflow.toml", 'id = "x"\ndescription = "\\u001b]0;pwned\\u0007"\n"\\u001b[2J" = 1\n\n[steps.a]\nrun = "true"\n')
    for command in ("validate", "list", "plan", "run"):
        done = project.run(command)
        assert "\x1b" not in done.out + done.err, command


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (
            ["frobnicate"],
            Said(err="error: there is no command `workflow frobnicate`\nhint: `workflow --help` lists the commands\n", status=2),
        ),
        (["rnu"], Said(err="error: there is no command `workflow rnu`\nhint: did you mean `workflow run`?\n", status=2)),
        (
            ["run", "--parallel", "0"],
            Said(
                err="error: invalid value for '--parallel' / '-j': 0 is not in the range x>=1\nhint: `workflow run --help` shows how it is used\n",
                status=2,
            ),
        ),
        (["run", "-p", "novalue"], Said(err="error: --param 'novalue' has no value\nhint: write --param NAME=VALUE\n", status=2)),
        (["run", "nope.toml"], Said(err="error: there is no file nope.toml\n", status=3)),
        (["run", "workfow.toml"], Said(err="error: there is no file workfow.toml\nhint: did you mean 'workflow.toml'?\n", status=3)),
        (["run", "."], Said(out="run RUN: ok, 1 step\na: started\na: succeeded (N s)\nrun RUN: succeeded after N s (1 succeeded)\n")),
        (
            ["run", "build@acme"],
            Said(
                err="error: build@acme names a registry, and this version can not reach one\nhint: fetch the file yourself and run it by its path\n",
                status=4,
            ),
        ),
        (["status", "zzz"], Said(err="error: no run 'zzz'\nhint: `workflow runs` lists them\n", status=3)),
        (["logs"], Said(err="error: there are no runs yet\nhint: start one with `workflow run`\n", status=3)),
        (["cancel"], Said(err="error: which run?\nhint: `workflow cancel RUN`, or `workflow cancel --latest`\n", status=2)),
        (["explain", "RW999"], Said(err="error: there is no code RW999\nhint: `workflow explain` lists them\n", status=3)),
        (
            ["runs", "--since", "lately"],
            Said(err="error: 'lately' is no point in time\nhint: write 30m, 2h, 3d, 2026-01-31 or NOW\n", status=2),
        ),
        (
            ["config", "get", "max_paralel"],
            Said(err="error: there is no setting 'max_paralel'\nhint: did you mean max_parallel?\n", status=2),
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_call_that_can_not_be_done_says_why_and_what_to_do(project: Project, args: list[str], said: Said) -> None:
    project.file("workflow.toml", OK)
    assert project.run(*args) == said


def test_with_json_the_error_is_an_object_on_the_last_line(project: Project) -> None:
    done = project.run("run", "nope.toml", "--json")
    assert json.loads(done.out) == {"error": {"code": "file-not-found", "message": "there is no file nope.toml", "hint": None}}
    assert (done.err, done.status) == ("", 3)
    assert json.loads(project.run("rnu", "--json").out)["error"]["code"] == "unknown-command"


def test_outside_of_a_project_the_way_in_is_shown(project: Project) -> None:
    assert project.run("run") == Said(err="error: there is no workflow.toml here\nhint: `workflow init` starts one\n", status=3)
    assert project.run("list") == Said(err="error: there is no workflow here\nhint: `workflow init` starts one\n", status=3)


def test_wrong_parameters_are_shown_all_at_once_where_they_are_declared(project: Project) -> None:
    project.file(
        "workflow.toml",
        """
        id = "p"

        [parameters.count]
        type = "integer"

        [parameters.name]
        description = "What to call it"

        [steps.a]
        run = "true"
        """,
    )
    done = project.run("run", "-p", "count=many", "-p", "nam=x")
    assert done.status == 2
    assert done.err.count("error[RW60") == 3
    assert "did you mean 'name'?" in done.err
    assert "give it: --param name=… (What to call it)" in done.err
    assert project.ids() == []


def test_a_missing_requirement_stops_the_run_before_it_starts(project: Project) -> None:
    project.file("workflow.toml", 'id = "m"\nrequirements.commands = ["no-such-tool", "git>=999"]\n\n[steps.a]\nrun = "true"\n')
    done = project.run("run")
    assert done.status == 3
    assert "no-such-tool" in done.err
    assert "git" in done.err
    assert project.ids() == []


def test_what_can_not_be_enforced_is_refused_by_name(project: Project) -> None:
    project.file("workflow.toml", 'id = "s"\n\n[policy]\nsandbox = { level = "kernel" }\n\n[steps.a]\nrun = "true"\n')
    done = project.run("run")
    assert done.status == 4
    assert "--no-sandbox" in done.err
    assert project.run("run", "--no-sandbox").status == 0


def test_a_read_only_state_directory_is_said_as_what_it_is(project: Project) -> None:
    project.file("workflow.toml", OK)
    project.state.parent.write_text("not a folder")
    done = project.run("run")
    assert done.status == 1
    assert "STATE" in done.err
    assert "hint: " in done.err
    assert "internal" not in done.err


def test_output_that_can_not_be_written_is_an_error_of_a_command_that_shows_something(project: Project) -> None:
    with Path("/dev/full").open("wb") as full, project.start("schema", stdout=full) as process:
        assert process.stderr is not None
        err = process.stderr.read().decode()
    assert process.returncode == 1
    assert err == "error: No space left on device\n"


@pytest.mark.parametrize("args", [["--version"], ["--help"], ["schema"], ["explain"]])
def test_a_reader_that_goes_away_is_no_error(project: Project, args: list[str]) -> None:
    read, write = os.pipe()
    os.close(read)
    with project.start(*args, stdout=write) as process:
        os.close(write)
        assert process.stderr is not None
        assert process.stderr.read() == b""
    assert process.returncode in {0, 141}


def test_closed_streams_are_no_error(project: Project) -> None:
    project.file("workflow.toml", OK)
    command = f"{project.command} run >&- 2>&- <&-"
    done = subprocess.run(["sh", "-c", command], cwd=project.root, env=project.environ, check=False, timeout=20)
    assert done.returncode == 0


def test_a_file_that_is_not_utf8_is_shown_with_its_place(project: Project) -> None:
    project.file("workflow.toml", b'id = "x"\ndescription = "\xff"\n')
    done = project.run("validate")
    assert done.status == 2
    assert " --> workflow.toml:2:16\n" in done.out


def test_a_folder_or_an_unreadable_file_is_no_workflow(project: Project) -> None:
    (project.root / "x.toml").mkdir()
    assert project.run("run", "x.toml").err.startswith("error: x.toml is a folder\n")
    path = Path(project.file("y.toml", OK))
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("expected: this user reads every file")
    assert project.run("run", "y.toml") == Said(err="error: y.toml can not be read: Permission denied\n", status=3)
