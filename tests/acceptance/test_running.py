"""What `workflow run` prints on a pipe: the whole output, for each way in which a run can go."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from acceptance.harness import Project, Said
from support.projects import until

HELLO = """
    id = "hello"

    [parameters.who]
    default = "world"

    [steps.hello]
    run = "echo Hello, ${{ params.who }}!"
    """


def test_a_run_shows_each_step_with_its_output(project: Project) -> None:
    project.file("workflow.toml", HELLO)
    assert project.run("run") == Said(
        out="""
        run RUN: hello, 1 step, in place (not in a repository)
        hello: started
          | Hello, world!
        hello: succeeded (N s)
        run RUN: succeeded after N s (1 succeeded)
        """
    )


def test_a_value_is_never_code(project: Project) -> None:
    project.file("workflow.toml", HELLO)
    hostile = "$(touch PWNED) `touch PWNED` ; touch PWNED # \" '"
    assert f"  | Hello, {hostile}!\n" in project.run("run", "--param", f"who={hostile}").out
    assert not (project.root / "PWNED").exists()


def test_a_failed_step_is_the_last_thing_that_is_said_with_what_to_type_next(project: Project) -> None:
    project.file(
        "workflow.toml",
        """
        id = "ci"

        [steps.build]
        run = "echo compiled"

        [steps.test]
        needs = ["build"]
        run = '''
        echo running
        echo "assertion failed: 1 == 2" >&2
        exit 3
        '''

        [steps.ship]
        needs = ["test"]
        run = "echo shipped"
        """,
    )
    assert project.run("run") == Said(
        out="""
        run RUN: ci, 3 steps, in place (not in a repository)
        build: started
          | compiled
        build: succeeded (N s)
        test: started
          | running
          | assertion failed: 1 == 2
        test: failed: exit status 3 (N s)
        run RUN: failed after N s (1 succeeded, 1 failed, 1 skipped)
        """,
        err="""
        error: step test failed: exit status 3
          | assertion failed: 1 == 2
        hint: `workflow logs RUN:test` shows all that it printed
        hint: `workflow resume RUN` goes on from there, once it is fixed
        """,
        status=1,
    )


def test_a_resumed_run_goes_on_behind_the_finished_steps(project: Project) -> None:
    project.file(
        "workflow.toml",
        """
        id = "ci"

        [steps.build]
        run = "echo compiled"

        [steps.test]
        needs = ["build"]
        run = "test -e fixed"
        """,
    )
    assert project.run("run").status == 1
    project.file("fixed", "")
    assert project.run("resume") == Said(
        out="""
        run RUN: ci, 2 steps, in place (not in a repository)
        test: started, attempt 2
        test: succeeded (N s)
        run RUN: succeeded after N s (2 succeeded)
        """
    )


def test_a_step_that_may_fail_is_a_warning(project: Project) -> None:
    project.file(
        "workflow.toml",
        """
        id = "w"

        [steps.spelling]
        run = "exit 1"
        on_error = "continue"

        [steps.next]
        needs = ["spelling"]
        run = "echo went on"
        """,
    )
    assert project.run("run") == Said(
        out="""
        run RUN: w, 2 steps, in place (not in a repository)
        spelling: started
        spelling: failed (allowed): exit status 1 (N s)
        next: started
          | went on
        next: succeeded (N s)
        run RUN: succeeded after N s (1 succeeded, 1 warning)
        """,
        err="warning: spelling: exit status 1\n",
    )


def test_the_output_of_steps_that_run_at_once_is_kept_together(project: Project) -> None:
    step = 'run = "for i in 1 2 3; do echo {0} $i; sleep 0.05; done; touch {0}; while [ ! -e {1} ]; do sleep 0.01; done"'
    project.file(
        "workflow.toml",
        f"""
        id = "both"
        policy.max_parallel = 2

        [steps.a]
        {step.format("a", "b")}

        [steps.b]
        {step.format("b", "a")}
        """,
    )
    out = project.run("run").out
    assert "a: output\n  | a 1\n  | a 2\n  | a 3\na: succeeded" in out
    assert "b: output\n  | b 1\n  | b 2\n  | b 3\nb: succeeded" in out


def test_a_retry_is_announced(project: Project) -> None:
    project.file(
        "workflow.toml",
        """
        id = "r"

        [steps.flaky]
        run = 'echo "try $ROPEWAY_ATTEMPT"; [ "$ROPEWAY_ATTEMPT" = 2 ]'
        retry = { attempts = 3, delay = "20ms" }
        """,
    )
    assert project.run("run") == Said(
        out="""
        run RUN: r, 1 step, in place (not in a repository)
        flaky: started
          | try 1
        flaky: attempt 1 failed (exit status 1), again in N s
        flaky: started, attempt 2
          | try 2
        flaky: succeeded (N s)
        run RUN: succeeded after N s (1 succeeded)
        """
    )


def test_a_skipped_step_says_why_and_outputs_are_printed(project: Project) -> None:
    project.file(
        "workflow.toml",
        """
        id = "o"

        [parameters.deploy]
        type = "boolean"
        default = false

        [steps.count]
        run = 'echo "n=3" >> "$ROPEWAY_OUTPUT"'
        outputs.n = { type = "integer" }

        [steps.deploy]
        when = "params.deploy"
        run = "true"

        [outputs]
        count = "${{ steps.count.outputs.n }}"
        """,
    )
    assert project.run("run") == Said(
        out="""
        run RUN: o, 2 steps, in place (not in a repository)
        deploy: skipped: its condition is false
        count: started
        count: succeeded (N s)
        run RUN: succeeded after N s (1 succeeded, 1 skipped)
        count = 3
        """
    )


def test_every_item_of_a_foreach_is_a_step_of_its_own(project: Project) -> None:
    project.file("workflow.toml", 'id = "f"\n\n[steps.each]\nforeach = "[\'x\', \'y\']"\nrun = "echo ${{ item }}"\n')
    assert project.run("run") == Said(
        out="""
        run RUN: f, 1 step, in place (not in a repository)
        each: 2 items
        each[0]: started
          | x
        each[0]: succeeded (N s)
        each[1]: started
          | y
        each[1]: succeeded (N s)
        each: succeeded (N s)
        run RUN: succeeded after N s (1 succeeded)
        """
    )


def test_with_json_every_line_is_an_event(project: Project) -> None:
    project.file("workflow.toml", HELLO)
    done = project.raw("run", "--json")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [e["event"] for e in events] == ["run.created", "run.started", "step.started", "step.finished", "run.finished"]
    assert {e["run"] for e in events} == {project.ids()[0]}
    assert [e["seq"] for e in events] == [1, 2, 3, 4, 5]
    assert events[0]["params"] == {"who": "world"}
    assert {k: events[3][k] for k in ("step", "attempt", "state", "exit_code", "outputs")} == {
        "step": "hello",
        "attempt": 1,
        "state": "succeeded",
        "exit_code": 0,
        "outputs": {},
    }
    assert events[4]["state"] == "succeeded"
    assert done.stderr == b""


@pytest.mark.parametrize("more", [(), ("--from", "r")])
def test_files_that_were_not_saved_can_not_be_put_back(project: Project, more: tuple[str, ...]) -> None:
    project.file("workflow.toml", 'id = "r"\n\n[steps.r]\nrun = "echo mine >> file; false"\n')
    assert project.run("run").status == 1
    assert project.run("resume", "--restore", *more) == Said(
        err="""
        error: the files of run RUN can't go back: it works in place, where they are not saved
        hint: leave out --restore; the run goes on with the files as they are
        """,
        status=4,
    )
    assert (project.root / "file").read_text() == "mine\n"


def test_with_json_a_resumed_run_begins_with_its_new_events_and_a_linked_one_with_all(project: Project) -> None:
    project.file("workflow.toml", 'id = "r"\n\n[steps.a]\nrun = "true"\n\n[steps.b]\nneeds = ["a"]\nrun = "test -e ok"\n')
    first = [json.loads(line) for line in project.raw("run", "--json").stdout.splitlines()]
    again = [json.loads(line) for line in project.raw("resume", "--json").stdout.splitlines()]
    assert again[0]["seq"] == first[-1]["seq"] + 1
    assert [(e["event"], e.get("step")) for e in again][:2] == [("run.started", None), ("step.started", "b")]
    project.file("ok", "")
    linked = [json.loads(line) for line in project.raw("resume", "--from", "b", "--json").stdout.splitlines()]
    assert [(e["seq"], e["event"], e.get("step")) for e in linked][:3] == [
        (1, "run.created", None),
        (2, "step.finished", "a"),
        (3, "run.started", None),
    ]


def test_binary_output_reaches_a_pipe_as_it_is(project: Project) -> None:
    project.file("workflow.toml", 'id = "b"\n\n[steps.b]\nrun = ["printf", "a\\\\0\\\\377\\\\033[2Jb"]\n')
    done = project.raw("run")
    assert b"  | a\0\xff\x1b[2Jb\n" in done.stdout
    assert project.raw("logs", ":b").stdout == b"a\0\xff\x1b[2Jb"


def test_a_step_may_close_its_output(project: Project) -> None:
    project.file("workflow.toml", 'id = "c"\n\n[steps.c]\nrun = "echo before; exec >&- 2>&-; exit 0"\n')
    assert project.run("run") == Said(
        out="""
        run RUN: c, 1 step, in place (not in a repository)
        c: started
          | before
        c: succeeded (N s)
        run RUN: succeeded after N s (1 succeeded)
        """
    )


def test_a_reader_that_goes_away_does_not_end_the_run(project: Project) -> None:
    project.file("workflow.toml", 'id = "p"\n\n[steps.p]\nrun = "sleep 0.3; for i in $(seq 100); do echo $i; done; touch done"\n')
    with project.start("run") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.wait(20) == 0
        assert process.stderr.read() == b""
    assert (project.root / "done").exists()


def test_a_run_whose_output_can_not_be_written_goes_on(project: Project) -> None:
    project.file("workflow.toml", HELLO)
    with Path("/dev/full").open("wb") as full, project.start("run", stdout=full) as process:
        assert process.wait(20) == 0


def test_ctrl_c_cancels_the_run_and_says_how_it_goes_on(project: Project) -> None:
    project.file("workflow.toml", 'id = "s"\n\n[steps.s]\nrun = "echo here; touch started; sleep 30"\n')
    with project.start("run", start_new_session=True) as process:
        until((project.root / "started").exists)
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert project.steady(out.decode()).endswith("s: cancelled (N s)\nrun RUN: cancelled after N s (1 cancelled)\n")
    assert project.steady(err.decode()) == "Cancelled. `workflow resume RUN` goes on from here.\n"


def test_a_gate_without_a_terminal_makes_the_run_wait_until_it_is_answered(project: Project) -> None:
    project.file(
        "workflow.toml",
        """
        id = "g"

        [steps.ask]
        uses = "gate:approve"
        inputs = { prompt = "Publish?" }

        [steps.publish]
        needs = ["ask"]
        run = "echo published"
        """,
    )
    assert project.run("run") == Said(
        out="""
        run RUN: g, 2 steps, in place (not in a repository)
        ask: waits for an answer: Publish?
        run RUN: waiting after N s (1 waiting, 1 pending)
        """,
        err="""
        ask waits for an answer: Publish?
        hint: `workflow answer RUN:ask yes|no`
        """,
        status=6,
    )
    assert project.run("answer", f"{project.ids()[0]}:ask", "perhaps") == Said(
        err="""
        error: 'perhaps' is no answer to ask
        hint: answer yes or no
        """,
        status=2,
    )
    assert project.run("answer", f"{project.ids()[0]}:ask", "yes").out.endswith(
        "publish: started\n  | published\npublish: succeeded (N s)\nrun RUN: succeeded after N s (2 succeeded)\n"
    )


def test_a_declined_gate_is_asked_again_by_a_resume(project: Project) -> None:
    project.file("workflow.toml", 'id = "g"\n\n[steps.ask]\nuses = "gate:approve"\ninputs = { prompt = "Publish?" }\n')
    assert project.run("run").status == 6
    assert project.run("answer", ":ask", "no") == Said(
        out="""
        run RUN: g, 1 step, in place (not in a repository)
        ask: answered by me
        ask: failed: declined
        run RUN: failed after N s (1 failed)
        """,
        err="""
        error: step ask failed: declined
        hint: `workflow resume RUN` asks again
        """,
        status=1,
    )
    assert project.run("answer", ":ask", "yes") == Said(
        err="error: run RUN has no open gate 'ask'\nhint: its state is failed; `workflow status RUN` shows its steps\n", status=3
    )


def test_a_condition_that_reads_an_unset_variable_says_how_to_write_it(project: Project) -> None:
    project.file("workflow.toml", 'id = "e"\n\n[steps.a]\nwhen = "env.NO_SUCH == \'x\'"\nrun = "true"\n')
    assert project.run("run") == Said(
        out="""
        run RUN: e, 1 step, in place (not in a repository)
        a: failed: the environment variable NO_SUCH is not set (set it, or write default(env.NO_SUCH, ''))
        run RUN: failed after N s (1 failed)
        """,
        err="""
        error: step a failed: the environment variable NO_SUCH is not set (set it, or write default(env.NO_SUCH, ''))
        hint: `workflow resume RUN` goes on from there, once it is fixed; with --replan it takes the changed file
        """,
        status=1,
    )


def test_a_dry_run_shows_what_would_happen_and_does_nothing(project: Project) -> None:
    project.file("workflow.toml", HELLO)
    assert project.run("run", "--dry-run", "-p", "who=you", "--env", "MODE=fast") == Said(
        out="""
        hello: 1 step, one at a time

        Parameters:
          who  you  param

        Environment:
          MODE  fast

        1. hello
           | echo Hello, "${ROPEWAY_V1}"!
           | where ROPEWAY_V1 is params.who
        """,
        err="Nothing was run.\n",
    )
    assert project.ids() == []


def test_a_workflow_is_run_by_its_id_from_anywhere_in_the_project(project: Project) -> None:
    project.file("workflows/hello.toml", HELLO)
    project.file("src/.keep", "")
    assert project.run("run", "hello", cwd="src").status == 0
    assert project.run("run", "helo", cwd="src") == Said(
        err="""
        error: this project has no workflow helo
        hint: did you mean 'hello'?
        """,
        status=3,
    )


def test_a_form_is_answered_field_by_field(project: Project) -> None:
    project.file(
        "workflow.toml",
        """
        id = "f"

        [steps.fill]
        uses = "gate:form"
        inputs = { prompt = "Release", fields = { name = { type = "string" }, count = { type = "integer", default = 3 } } }

        [steps.show]
        needs = ["fill"]
        run = "echo ${{ steps.fill.outputs.name }} ${{ steps.fill.outputs.count }}"
        """,
    )
    waiting = project.run("run")
    assert waiting.status == 6
    assert waiting.err == "fill waits for an answer: Release\nhint: `workflow answer RUN:fill --field name=… --field count=…`\n"
    assert project.run("answer", ":fill", "--field", "name=x", "--field", "count=many").status == 2
    assert "  | x 3\n" in project.run("answer", ":fill", "--field", "name=x").out
