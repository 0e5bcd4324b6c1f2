"""What people see when a file, a call or the machine is not as it should be: the whole message, and the exit status."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
from pathlib import Path

import pytest

from acceptance.harness import Project, Said
from support.projects import until

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
        (
            ["run", "."],
            Said(
                out="run RUN: ok, 1 step, in place (not in a repository)\na: started\na: succeeded (N s)\nrun RUN: succeeded after N s (1 succeeded)\n"
            ),
        ),
        (
            ["run", "build@acme"],
            Said(
                err="error: no registry is called `acme`\nhint: there are none yet. `workflow registry add acme SOURCE` adds it; "
                "a repository on GitHub needs no registry: name@owner/repo\n",
                status=3,
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
    assert project.run("run", "-p", "count=many", "-p", "nam=x") == Said(
        err="""
        error[RW602]: the workflow has no parameter 'nam'
         --> workflow.toml:3:2
          |
        3 | [parameters.count]
          |  ^^^^^^^^^^
          = hint: did you mean 'name'?

        error[RW603]: 'count' must be a whole number, not 'many'
         --> workflow.toml:3:13
          |
        3 | [parameters.count]
          |             ^^^^^

        error[RW601]: the parameter 'name' has no value
         --> workflow.toml:6:13
          |
        6 | [parameters.name]
          |             ^^^^
          = hint: give it: --param name=… (What to call it)

        error: 3 parameters do not fit
        """,
        status=2,
    )
    assert project.ids() == []
    one = json.loads(project.run("run", "-p", "count=many", "-p", "name=x", "--json").out)["error"]
    assert (one["code"], one["message"]) == ("invalid-parameters", "1 parameter does not fit")


@pytest.mark.parametrize(
    ("args", "error", "hint"),
    [
        (["run", "who=me"], "'who=me' is no workflow", "a parameter is set with `--param who=me`"),
        (["run", "workflow.toml", "who=a b"], "'who=a b' is no workflow", "a parameter is set with `--param 'who=a b'`"),
        (["run", "--who", "me"], "there is no option --who", "a parameter is set with `--param who=me`"),
        (["run", "--who=me"], "there is no option --who", "a parameter is set with `--param who=me`"),
        (["plan", "ok", "--who", "me"], "there is no option --who", "a parameter is set with `--param who=me`"),
        (["run", "--who"], "there is no option --who", "a parameter is set with `--param who=…`"),
        (["run", "--dry-all"], "there is no option --dry-all", "a parameter is set with `--param dry_all=true`"),
        (["run", "--whom", "me"], "there is no option --whom", "`workflow run --help` shows how it is used"),
        (["run", "--parm", "who=me"], "there is no option --parm", "did you mean --param?"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_parameter_that_is_set_as_in_another_tool_is_understood(project: Project, args: list[str], error: str, hint: str) -> None:
    project.file(
        "workflow.toml", 'id = "ok"\n[parameters.who]\ndefault = "x"\n[parameters.dry_all]\ntype = "boolean"\n[steps.a]\nrun = "true"\n'
    )
    assert project.run(*args) == Said(err=f"error: {error}\nhint: {hint}\n", status=2)


def test_a_file_whose_name_looks_like_a_parameter_is_a_file(project: Project) -> None:
    project.file("who=me.toml", OK)
    assert project.run("run", "who=me.toml").status == 0


def test_a_file_that_only_an_override_makes_invalid_is_not_blamed(project: Project) -> None:
    project.file("workflow.toml", OK)
    override = ("--override", "steps.a.timeout=soon")
    shown = """
        error[RW107]: 'soon' is not a duration
         --> <override>:1:17
          |
        1 | steps.a.timeout=soon
          |                 ^^^^
          = hint: write it like "250ms", "30s", "5m", "1h30m" or "30d", the largest unit first

        """
    told = "error: --override makes workflow.toml invalid: 1 error\nhint: workflow.toml itself is valid\n"
    for command in ("run", "plan", "graph"):
        assert project.run(command, *override) == Said(err=Said(shown).out + told, status=2)
    assert project.run("validate", *override) == Said(
        out=shown,
        err="""
        workflow.toml: 1 error, made by --override; it is valid without
        `workflow explain RW107` tells more, with an example
        """,
        status=2,
    )
    project.file("workflow.toml", OK + "what = 1\n")
    assert project.run("run", *override).err.endswith("error: workflow.toml has 2 errors\n")


def test_a_workflow_in_place_of_a_command_is_understood(project: Project) -> None:
    project.file("workflow.toml", OK)
    for word in ("ok", "workflow.toml"):
        assert project.run(word) == Said(
            err=f"error: there is no command `workflow {word}`\nhint: did you mean `workflow run {word}`?\n", status=2
        )


def test_a_folder_that_is_gone_is_said_as_what_it_is(project: Project) -> None:
    project.file("workflow.toml", OK)
    for args in ("run", "validate", "list", "init", "run --param a=b"):
        command = f"mkdir gone && cd gone && rmdir ../gone && exec {project.command} {args}"
        done = subprocess.run(["sh", "-c", command], cwd=project.root, env=project.environ, check=False, timeout=20, capture_output=True)
        assert (done.returncode, done.stderr) == (1, b"error: the folder that you are in is gone\nhint: change to one that is there\n"), (
            args
        )


@pytest.mark.parametrize("args", [["graph", "-o", "x/y"], ["schema", "-o", "x/y"]], ids=lambda args: args[0])
def test_a_file_that_can_not_be_written_is_named(project: Project, args: list[str]) -> None:
    project.file("workflow.toml", OK)
    project.file("x", "a file")
    done = project.run(*args)
    assert done.status == 1
    assert done.err in {f"error: x/y can not be written: {why}\n" for why in ("File exists", "Not a directory")}


def test_steps_that_can_not_be_carried_out_are_named_in_one_sentence(project: Project) -> None:
    steps = "".join(f'\n[steps.{name}]\nuses = "{kind}:x"\n' for name, kind in (("a", "skill"), ("b", "agent"), ("c", "skill")))
    project.file("workflow.toml", f'id = "s"\n{steps}')
    assert project.run("run") == Said(
        err="""
        error: steps a (skill), b (agent) and c (skill): this kind of step can't be carried out on this installation
        hint: remove such steps, or write them with `plugin:`
        """,
        status=4,
    )


def test_ten_thousand_steps_are_checked(project: Project) -> None:
    steps = "".join(f'\n[steps.s{n}]\nneeds = [{f"{chr(34)}s{n - 1}{chr(34)}" if n else ""}]\nrun = "true"\n' for n in range(10_000))
    project.file("workflow.toml", f'id = "many"\n{steps}')
    assert project.run("validate") == Said(err="workflow.toml: valid\n")
    project.file("workflow.toml", f'id = "many"\n{steps}\n[steps.last]\nneeds = ["s10000"]\nrun = "true"\n')
    done = project.run("validate")
    assert done.status == 2
    assert done.out.startswith("error[RW501]: there is no step 's10000'\n --> workflow.toml:40004:10\n".replace("\n -", "\n     -"))


@pytest.mark.parametrize("what", ["journal", "plan"])
def test_a_run_that_a_newer_version_wrote_is_left_as_it_is(project: Project, what: str) -> None:
    project.file("workflow.toml", 'id = "n"\n\n[steps.a]\nrun = "test -e ok"\n')
    assert project.run("run").status == 1
    run = project.state / "runs" / project.ids()[0]
    if what == "journal":
        from ropeway.runs.events import RunEvent
        from ropeway.runs.journal import read_events

        first, *rest = read_events(run / "journal")
        newer = RunEvent(first.seq, first.at, first.event, {**first.data, "format": 99})
        (run / "journal").write_bytes(b"".join(event.line() for event in (newer, *rest)))
    else:
        (run / "plan.json").write_text(json.dumps({**json.loads((run / "plan.json").read_text()), "version": 99}))
    project.file("ok", "")
    before = {path.name: path.read_bytes() for path in run.iterdir() if path.is_file()}
    for args in (["resume"], ["status", run.name], ["cancel", run.name], ["resume", "--from", "a"]):
        done = project.run(*args)
        assert done.status == 4, args
        assert done.err.startswith("error: run RUN was written by a newer version of ropeway: "), args
        assert done.err.endswith("\nhint: update ropeway\n"), args
    assert {path.name: path.read_bytes() for path in run.iterdir() if path.is_file()} == before
    assert project.run("runs").status == 0
    assert project.run("status").status == 0
    assert project.run("run").status == 0


def test_of_two_resumes_the_second_says_who_carries_the_run_out(project: Project) -> None:
    project.file(
        "workflow.toml", 'id = "t"\n\n[steps.a]\nrun = "test -e go || exit 1; touch began; until test -e ok; do sleep 0.02; done"\n'
    )
    assert project.run("run").status == 1
    project.file("go", "")
    with project.start("resume") as first:
        until((project.root / "began").exists)
        second = project.run("resume")
        project.file("ok", "")
        assert first.wait(20) == 0
    assert re.sub(r"process \d+", "process PID", second.err) == (
        "error: run RUN is being carried out by me (process PID)\n"
        "hint: watch it with `workflow logs RUN -f`, or end it with `workflow cancel RUN`\n"
    )
    assert (second.status, second.out) == (4, "")


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
