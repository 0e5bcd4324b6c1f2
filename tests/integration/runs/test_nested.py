"""Sub-workflows: a step that carries out another workflow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from support.projects import Project

INNER = """
[parameters.name]
type = "string"
[parameters.times]
type = "integer"
default = 2
[outputs]
greeting = "${{ steps.greet.outputs.text }}"
count = "${{ params.times }}"
[steps.greet]
run = '''
echo "$ROPEWAY_STEP" >> steps
echo "text=hello ${{ params.name }}" >> "$ROPEWAY_OUTPUT"
'''
outputs.text = { type = "string" }
"""


def test_inputs_go_in_and_outputs_come_out_typed(project: Project) -> None:
    project.write(INNER, "sub/inner.toml")
    ran = project.run("""
[outputs]
said = "${{ steps.call.outputs.greeting }}"
[steps.call]
uses = "workflow:./sub/inner.toml"
inputs = { name = "you" }
[steps.show]
needs = ["call"]
run = ["echo", "${{ steps.call.outputs.count + 1 }} ${{ steps.call.outputs.greeting }}"]
""")
    assert ran.status == 0, ran.err
    assert ran.log("show") == b"3 hello you\n"
    assert ran.state.outputs == {"said": "hello you"}
    assert list(ran.states()) == ["call", "show", "call/greet"]
    assert project.lines("steps") == ["call/greet"]


def test_workflows_nest_and_addresses_show_it(project: Project) -> None:
    project.write(INNER, "inner.toml")
    project.write("""
[outputs]
greeting = "${{ steps.deep.outputs.greeting }}"
[steps.deep]
uses = "workflow:./inner.toml"
inputs = { name = "deep" }
""", "middle.toml")  # fmt: skip
    ran = project.run("""
[steps.each]
foreach = "['x', 'y', 'z']"
max_parallel = 1
uses = "workflow:./middle.toml"
[steps.show]
needs = ["each"]
run = ["echo", "${{ steps.each.outputs.greeting }}"]
""")
    assert ran.status == 0, ran.err
    assert project.lines("steps") == [f"each[{i}]/deep/greet" for i in range(3)]
    assert ran.log("show") == b'["hello deep","hello deep","hello deep"]\n'


@pytest.mark.parametrize(("limit", "most"), [(1, 1), (2, 2)])
def test_instances_of_a_sub_workflow_keep_to_their_steps_limit(project: Project, limit: int, most: int) -> None:
    project.write('[steps.a]\nrun = "sleep 0.1"\n', "inner.toml")
    ran = project.run(f"""
[policy]
max_parallel = 8
[steps.each]
foreach = "[1, 2, 3, 4]"
max_parallel = {limit}
uses = "workflow:./inner.toml"
""")
    assert ran.status == 0
    assert most_at_once(ran.events, "/a") == most


@pytest.mark.parametrize(("inner", "outer", "most"), [(1, 8, 1), (3, 8, 3), (8, 2, 2)])
def test_a_sub_workflow_runs_at_most_its_own_number_at_once(project: Project, inner: int, outer: int, most: int) -> None:
    steps = "".join(f'[steps.s{i}]\nrun = "sleep 0.1"\n' for i in range(4))
    project.write(f"[policy]\nmax_parallel = {inner}\n{steps}", "inner.toml")
    ran = project.run(f'[policy]\nmax_parallel = {outer}\n[steps.call]\nuses = "workflow:./inner.toml"\n')
    assert ran.status == 0
    assert most_at_once(ran.events, "call/") == most
    assert [s for s in ran.order() if "/" in s] == [f"call/s{i}" for i in range(4)]


def most_at_once(events: list, part: str) -> int:
    running = most = 0
    for event in events:
        if part in event.step:
            running += {"step.started": 1, "step.finished": -1}.get(event.event, 0)
            most = max(most, running)
    return most


def test_a_failure_inside_follows_the_inner_policy_and_fails_the_step(project: Project) -> None:
    project.write("""
[policy]
on_failure = "continue"
[steps.bad]
run = "exit 4"
[steps.free]
run = "true"
""", "inner.toml")  # fmt: skip
    ran = project.run("""
[steps.call]
uses = "workflow:./inner.toml"
on_error = "continue"
[steps.next]
needs = ["call"]
run = "true"
""")
    assert ran.status == 0
    assert ran.states() == {"call": "warning", "next": "succeeded", "call/bad": "failed", "call/free": "succeeded"}
    assert "call/bad failed" in (ran.state.steps["call"].error or "")


def test_an_outer_failure_cancels_what_runs_inside_but_lets_it_clean_up(project: Project) -> None:
    project.write("""
[steps.slow]
run = "touch began; sleep 60"
[steps.clean]
needs = ["slow"]
when = "always()"
run = "touch cleaned"
""", "inner.toml")  # fmt: skip
    ran = project.run("""
[policy]
max_parallel = 2
[steps.call]
uses = "workflow:./inner.toml"
[steps.bad]
run = "until test -e began; do sleep 0.01; done; exit 1"
""")
    assert ran.status == 1
    assert ran.states() == {"call": "cancelled", "bad": "failed", "call/slow": "cancelled", "call/clean": "succeeded"}
    assert (project.cwd / "cleaned").exists()


@pytest.mark.parametrize("where", ["step", "policy"])
def test_a_sub_workflow_that_takes_too_long_fails(project: Project, where: str) -> None:
    limit = 'timeout = "300ms"\n'
    project.write(f'{"[policy]" + chr(10) + limit if where == "policy" else ""}[steps.slow]\nrun = "sleep 60"\n', "inner.toml")
    ran = project.run(f'[steps.call]\nuses = "workflow:./inner.toml"\n{limit if where == "step" else ""}')
    assert ran.status == 1
    assert ran.state.steps["call"].reason == "timeout"
    assert ran.states()["call/slow"] == "cancelled"


def test_a_retried_sub_workflow_begins_anew(project: Project) -> None:
    project.write("""
[steps.first]
run = "echo x >> firsts"
[steps.second]
needs = ["first"]
run = "test $(wc -l < firsts) -ge 2"
""", "inner.toml")  # fmt: skip
    ran = project.run('[steps.call]\nuses = "workflow:./inner.toml"\nretry = { attempts = 3 }\n')
    assert ran.status == 0
    assert project.lines("firsts") == ["x", "x"]
    assert ran.state.steps["call"].attempts == 2


def test_a_resume_goes_on_inside_of_a_sub_workflow(project: Project) -> None:
    project.write("""
[steps.first]
run = "echo x >> firsts"
[steps.second]
needs = ["first"]
run = "test -e ok"
""", "inner.toml")  # fmt: skip
    assert project.run('[steps.call]\nuses = "workflow:./inner.toml"\n').status == 1
    (project.cwd / "ok").touch()
    ran = project.resume()
    assert ran.status == 0
    assert project.lines("firsts") == ["x"]
    assert ran.states() == {"call": "succeeded", "call/first": "succeeded", "call/second": "succeeded"}


def test_a_bad_input_fails_the_step_and_says_which(project: Project) -> None:
    project.write(INNER, "inner.toml")
    ran = project.run("""
[steps.a]
run = "echo n=nan >> $ROPEWAY_OUTPUT"
[steps.call]
needs = ["a"]
uses = "workflow:./inner.toml"
inputs = { name = "x", times = "${{ json(steps.a.outputs.n) }}" }
""")
    assert ran.status == 1
    assert ran.state.steps["call"].state == "failed"


def test_a_group_that_nothing_would_hold_is_refused(project: Project) -> None:
    project.write('[policy]\nconcurrency = { group = "one" }\n[steps.a]\nrun = "true"\n', "inner.toml")
    ran = project.run('[steps.call]\nuses = "workflow:./inner.toml"\n')
    assert ran.status == 4
    assert "concurrency group" in ran.err
