"""The plan's document: what is left out, what is refused, what it costs."""

from __future__ import annotations

import json
import time

import pytest

from ropeway.errors import Refused, StoreError
from ropeway.lang.model import Field, Policy, Retry
from ropeway.lang.plan import PLAN_VERSION, Frame, Plan, PlanStep, Template, Value, plan_from_json


def plan_of(*steps: PlanStep, **more: object) -> Plan:
    return Plan(Template(id="demo", steps=steps), **more)


def test_what_holds_its_default_is_left_out():
    plan = plan_of(PlanStep("build", "script", script="make", shell=("sh",)))
    assert plan.to_json() == {
        "version": 1,
        "template": {"id": "demo", "steps": [{"id": "build", "kind": "script", "script": "make", "shell": ["sh"]}]},
    }


def test_a_none_that_means_something_is_written():
    plan = plan_of(parameters={"token": Value(None, "secret")})
    assert plan.to_json()["parameters"] == {"token": {"value": None, "origin": "secret"}}
    assert plan_from_json(plan.to_json()) == plan


def test_no_declared_outputs_and_an_open_step_stay_two_things():
    plan = plan_of(PlanStep("none", "script", outputs={}), PlanStep("open", "script", outputs=None))
    again = plan_from_json(plan.to_json())
    assert [step.outputs for step in again.template.steps] == [{}, None]


@pytest.mark.parametrize("value", [True, False, 0, 1, 0.0, 1.0, None, "", [], {}])
def test_a_value_keeps_its_type(value):
    field = Field("x", default=value, has_default=True)
    plan = plan_of(PlanStep("s", "builtin", frames=(Frame({"x": value}, {"x": field}),)))
    again = plan_from_json(json.loads(json.dumps(plan.to_json())))
    frame = again.template.steps[0].frames[0]
    assert repr(frame) == repr(plan.template.steps[0].frames[0])


def test_nested_records_come_back_as_records():
    plan = Plan(Template("demo", policy=Policy(max_parallel=4), steps=(PlanStep("s", "argv", argv=("a",), retry=Retry(3)),)))
    again = plan_from_json(plan.to_json())
    assert isinstance(again.template.policy, Policy)
    assert isinstance(again.template.steps[0].retry, Retry)


def test_keys_that_this_reader_does_not_know_are_ignored():
    document = plan_of(PlanStep("s", "script")).to_json()
    document["later"] = 1
    document["template"]["steps"][0]["later"] = 1
    assert plan_from_json(document) == plan_of(PlanStep("s", "script"))


def test_a_plan_of_a_newer_program_is_refused_by_name():
    with pytest.raises(Refused, match=f"format {PLAN_VERSION + 1}, and this program reads up to {PLAN_VERSION}") as refused:
        plan_from_json({"version": PLAN_VERSION + 1})
    assert refused.value.code == "newer-format"
    assert refused.value.hint


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"version": "x"},
        {"version": 1},
        {"version": 1, "template": 5},
        {"version": 1, "template": {"id": "x", "steps": 5}},
        {"version": 1, "template": {"id": "x", "steps": ["s"]}},
        {"version": 1, "template": {"id": "x", "steps": [{"kind": "script"}]}},
    ],
)
def test_a_damaged_plan_is_refused_and_nothing_else_is_raised(document):
    with pytest.raises(StoreError, match="damaged"):
        plan_from_json(document)


def test_ten_thousand_steps_are_written_in_a_blink():
    steps = tuple(
        PlanStep(f"s{n}", "script", needs=(f"s{n - 1}",) if n else (), script="true", shell=("sh",), variables={}) for n in range(10_000)
    )
    plan = plan_of(*steps)
    best = min(_seconds(plan) for _ in range(3))
    assert best < 0.6, "0.05 s here; the bound leaves room for a busy machine"


def _seconds(plan: Plan) -> float:
    started = time.process_time()
    json.dumps(plan.to_json())
    return time.process_time() - started
