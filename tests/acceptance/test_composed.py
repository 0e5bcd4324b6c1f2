"""What `status` and `logs` say of steps that are made of others: instances, iterations, sub-workflows, and of gates."""

from __future__ import annotations

import json
from typing import Any

from acceptance.harness import Project

FLOW = """
    id = "made"

    [steps.each]
    foreach = "['a', 'b']"
    run = "exit 3"
    on_error = "continue"

    [steps.polish]
    run = "true"
    repeat = { until = "steps.polish.exit_code == 0", max = 2 }

    [steps.sub]
    uses = "workflow:./sub.toml"

    [steps.agree]
    uses = "gate:approve"
    inputs = { prompt = "sure?" }
    """


def made(project: Project) -> dict[str, Any]:
    project.file("workflow.toml", FLOW)
    project.file("sub.toml", 'id = "sub"\n[steps.one]\nrun = "echo from inside"\n')
    assert project.run("run").status == 6
    found: dict[str, Any] = json.loads(project.raw("status", project.ids()[-1], "--json").stdout)
    return found


def test_what_belongs_to_a_step_stands_right_behind_it(project: Project) -> None:
    steps = [step["id"] for step in made(project)["steps"]]
    assert steps == ["each", "each[0]", "each[1]", "polish", "polish#1", "sub", "sub/one", "agree"]
    table = [line.split()[1] for line in project.run("status", project.ids()[-1]).out.split("\n\n")[1].splitlines()]
    assert table == steps


def test_a_step_made_of_others_starts_with_the_first_of_them_and_ends_with_a_status(project: Project) -> None:
    steps = {step["id"]: step for step in made(project)["steps"]}
    assert all(step["started_at"] for step in steps.values())
    assert steps["polish"]["started_at"] == steps["polish#1"]["started_at"]
    assert {name: steps[name]["exit_code"] for name in ("each", "each[0]", "polish", "sub", "agree")} == {
        "each": 3,
        "each[0]": 3,
        "polish": 0,
        "sub": 0,
        "agree": None,
    }
    assert steps["agree"]["attempts"] == 1


def test_a_run_is_at_the_iteration_that_runs_and_not_at_the_step_around_it(project: Project) -> None:
    project.file(
        "workflow.toml",
        """
        id = "rounds"
        [steps.round]
        uses = "workflow:./ask.toml"
        repeat = { until = "true", max = 2 }
        """,
    )
    project.file("ask.toml", 'id = "ask"\n[steps.ask]\nuses = "gate:approve"\ninputs = { prompt = "again?" }\n')
    assert project.run("run").status == 6
    found = json.loads(project.raw("status", project.ids()[-1], "--json").stdout)
    assert [(s["id"], s["state"]) for s in found["steps"]] == [
        ("round", "running"),
        ("round#1", "running"),
        ("round#1/ask", "waiting"),
    ]
    assert project.run("answer", project.ids()[-1], "yes").status == 0


def test_every_line_of_logs_says_where_in_the_run_it_belongs(project: Project) -> None:
    made(project)
    for args in (["logs", "-f", "--json"], ["logs", "--json"]):
        lines = [json.loads(line) for line in project.raw(*args).stdout.splitlines()]
        assert lines
        assert all({"event", "run", "seq", "at"} <= set(line) for line in lines)
        order = [line["seq"] for line in lines]
        assert order == sorted(order)
        (said,) = [line for line in lines if line["event"] == "log"]
        assert (said["step"], said["text"]) == ("sub/one", "from inside\n")
    started = {
        line["step"]: line["seq"]
        for line in map(json.loads, project.raw("logs", "-f", "--json").stdout.splitlines())
        if line["event"] == "step.started"
    }
    assert said["seq"] >= started["sub/one"]
