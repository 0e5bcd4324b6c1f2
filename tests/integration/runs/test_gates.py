"""Gates without a terminal: the run waits, `workflow answer` carries it on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from support.projects import until

if TYPE_CHECKING:
    from support.projects import Project

GATE = """
[policy]
max_parallel = 2
timeout = "1h"
[steps.before]
run = "echo x >> before"
timeout = "1h"
[steps.gate]
needs = ["before"]
uses = "gate:approve"
inputs = {{ prompt = "Publish?"{more} }}
[steps.after]
needs = ["gate"]
run = ["echo", "${{{{ steps.gate.outputs.approved }}}}"]
[steps.free]
run = "sleep 0.2"
"""


def test_a_gate_that_nobody_is_there_for_makes_the_run_wait(project: Project) -> None:
    ran = project.run(GATE.format(more=""))
    assert ran.status == 6
    assert ran.state.state == "waiting"
    assert ran.states() == {"before": "succeeded", "gate": "waiting", "after": "pending", "free": "succeeded"}
    assert f"workflow answer {ran.state.run}:gate" in ran.err + ran.out
    ran = project.resume()  # nobody answered: it waits again, and asks once
    assert ran.status == 6
    assert len(ran.told("gate.opened")) == 1


def test_an_answer_carries_the_run_on(project: Project) -> None:
    run = project.run(GATE.format(more="")).state.run
    ran = project.call("answer", f"{run}:gate", "yes")
    assert ran.status == 0, ran.err
    assert ran.state.state == "succeeded"
    assert ran.log("after") == b"true\n"
    assert project.lines("before") == ["x"]
    assert ran.state.steps["gate"].answer is not None


def test_a_declined_gate_fails_and_a_resume_asks_again(project: Project) -> None:
    run = project.run(GATE.format(more="")).state.run
    ran = project.call("answer", f"{run}:gate", "no")
    assert ran.status == 1
    assert ran.states()["gate"] == "failed"
    assert ran.state.steps["gate"].reason == "declined"
    ran = project.resume()
    assert ran.status == 6
    assert ran.states()["gate"] == "waiting"
    assert project.call("answer", f"{run}:gate", "yes").status == 0


def test_a_wrong_answer_changes_nothing(project: Project) -> None:
    run = project.run(GATE.format(more="")).state.run
    ran = project.call("answer", f"{run}:gate", "perhaps")
    assert ran.status == 2
    assert "yes or no" in ran.err
    assert ran.state.state == "waiting"


def test_an_answer_reaches_a_run_that_goes_on_meanwhile(project: Project) -> None:
    project.write(GATE.format(more="").replace("sleep 0.2", "until test -e go; do sleep 0.05; done"))
    process = project.start("run")
    until(lambda: (f := project.newest()) is not None and f.state().open_gates, "the gate opens")
    assert project.call("answer", f"{project.newest().id}:gate", "yes").status in (0, 6)
    until(lambda: project.newest().state().steps["after"].state == "succeeded")
    (project.cwd / "go").touch()
    assert process.wait(20) == 0
    process.communicate()


@pytest.mark.parametrize(
    ("default", "status", "state"), [(', default = "yes"', 0, "succeeded"), (', default = "no"', 1, "failed"), ("", 1, "failed")]
)
def test_a_deadline_that_passes_while_the_run_goes_on_answers_with_the_default(
    project: Project, default: str, status: int, state: str
) -> None:
    text = GATE.format(more=f', deadline = "200ms"{default}').replace("sleep 0.2", "sleep 1")
    ran = project.run(text)
    assert (ran.status, ran.states()["gate"]) == (status, state)
    answered = ran.told("gate.answered")
    assert [e.data["by"] for e in answered] == (["deadline"] if default else [])


def test_a_deadline_that_passed_while_the_run_waited_counts_when_it_goes_on(project: Project) -> None:
    ran = project.run(GATE.format(more=', deadline = "300ms", default = "yes"').replace("sleep 0.2", "true"))
    assert ran.status == 6
    until(lambda: project.resume().status == 0, "the default answers")


def test_a_choice_and_a_form_give_typed_outputs(project: Project) -> None:
    ran = project.run("""
[steps.which]
uses = "gate:choose"
inputs = { prompt = "Which?", choices = ["small", "large"] }
[steps.more]
needs = ["which"]
uses = "gate:form"
inputs = { prompt = "More", fields = { n = { type = "integer" }, note = { type = "string", default = "-" } } }
[steps.show]
needs = ["more"]
run = ["echo", "${{ steps.which.outputs.choice }} ${{ steps.more.outputs.n + 1 }} ${{ steps.more.outputs.note }}"]
""")
    assert ran.status == 6, ran.err
    run = ran.state.run
    assert project.call("answer", f"{run}:which", "large").status == 6
    assert project.call("answer", f"{run}:more", "--field", "n=x").status == 2
    ran = project.call("answer", f"{run}:more", "--field", "n=4")
    assert ran.status == 0, ran.err
    assert ran.log("show") == b"large 5 -\n"


def test_cancelling_a_waiting_run_closes_its_gate(project: Project) -> None:
    run = project.run(GATE.format(more="")).state.run
    assert project.call("cancel", run).status == 0
    ran = project.call("status", run, "--json")
    assert json.loads(ran.out)["state"] == "cancelled"
    assert ran.states()["gate"] == "cancelled"
    assert project.resume().status == 6  # and a resume opens it anew
