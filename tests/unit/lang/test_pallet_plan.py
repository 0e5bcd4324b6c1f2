"""Pallet documents go the whole way: checked, linked with each other, planned and drawn."""

from __future__ import annotations

import pytest

from ropeway.errors import InvalidWorkflow
from ropeway.lang.diagnostics import Problems
from ropeway.lang.dialects import locator_for, read_dialect
from ropeway.lang.draw import draw
from ropeway.lang.library import LinkedSource, library_key
from ropeway.lang.link import Missing, link
from ropeway.lang.model import Field
from ropeway.lang.plan import Value, plan_from_json
from ropeway.lang.source import read_document
from ropeway.lang.validate import validate
from ropeway.lang.values import check_value, parse_text

SMALLEST = """
metadata: {id: smallest, name: Smallest, version: 1.0.0}
steps:
  - id: only
    skill: some_skill
"""
PIPELINE = """
metadata: {id: pipeline, name: Pipeline, version: 1.0.0, tags: [sequential]}
steps:
  - {id: plan, skill: create_plan, inputs: {goal: "{{ workflow.input.goal }}"}, outputs: result, timeout: 300}
  - {id: build, skill: generate, inputs: {plan: "{{ steps.plan.outputs.result }}"}, outputs: result}
  - {id: review, skill: review, inputs: {code: "{{ steps.build.outputs.result.code }}", n: "{{ steps.plan.outputs.result.0.n }}"}, outputs: result}
"""
ROUTER = """
metadata: {id: router, name: Router, version: 1.0.0}
steps:
  - {id: look, skill: look, inputs: {text: "about {{ workflow.input.goal }} in {{ workflow.input.language }}"}, outputs: kind}
  - id: route
    skill: not_called
    step_type: switch
    condition: "{{ steps.look.outputs.kind }}"
    branches:
      code: [{id: code, skill: execute_workflow, inputs: {workflow_id: pipeline, input: "{{ workflow.input }}"}}]
      "1": [{id: one, skill: plain_result}]
      default: [{id: other, skill: create_plan, inputs: {goal: "{{ workflow.input.goal }}"}, outputs: plan}]
  - id: urgent
    step_type: conditional
    condition: "{{ workflow.input.urgent }}"
    branches:
      if_true: [{id: page, skill: page, inputs: {text: "{{ steps.code.outputs.result.summary }}", all: "{{ steps.one.outputs }}"}}]
  - id: both
    step_type: parallel
    branches:
      steps:
        - {id: quality, skill: quality, outputs: quality}
        - {id: security, skill: security, inputs: {n: "{{ steps.one.outputs.deep.er }} of {{ steps.other.outputs.plan }}"}}
  - {id: sum, skill: sum, inputs: {list: ["{{ steps.quality.outputs.quality }}", "{{ steps.security.outputs.score }}"]}, outputs: report}
"""


def source(text, path="/project/workflow.yaml"):
    document, found = read_document(text.encode(), path)
    problems = Problems(locator_for(document))
    workflow = read_dialect(document, problems)
    assert workflow is not None
    assert not [p for p in (*found, *problems) if p.severity == "error"]
    return LinkedSource(workflow, f"sha256:{workflow.id}", path, locator_for(document))


PARAMETERS = {name: Value(text, "param") for name, text in {"goal": "win", "language": "en", "urgent": "false"}.items()}
LIBRARY = {library_key("pipeline", "/project/workflow.yaml"): source(PIPELINE, "/project/pipeline.yaml")}


@pytest.mark.parametrize("text", [SMALLEST, PIPELINE, ROUTER])
def test_what_was_read_is_valid(text):
    workflow = source(text)
    problems = Problems(workflow.locator)
    validate(workflow.workflow, workflow.locator, problems)
    assert [p.message for p in problems if p.severity != "note"] == []


def test_a_sub_workflow_is_asked_for_and_linked():
    missing = link(source(ROUTER), {}, PARAMETERS)
    assert isinstance(missing, Missing)
    assert [wanted.reference for wanted in missing.references] == ["pipeline"]
    assert missing.references[0].location.line == 10

    plan = link(source(ROUTER), LIBRARY, PARAMETERS)
    assert not isinstance(plan, Missing)
    assert plan_from_json(plan.to_json()) == plan
    assert [step.id for step in plan.template.steps] == ["look", "code", "one", "other", "page", "quality", "security", "sum"]
    assert {step.kind for step in plan.template.steps} == {"skill", "workflow"}


def test_a_sub_workflow_is_handed_what_it_takes_of_the_whole_input():
    plan = link(source(ROUTER), LIBRARY, PARAMETERS)
    assert not isinstance(plan, Missing)
    code = plan.template.steps[1]
    assert [dict(frame.inputs) for frame in code.frames] == [{"goal": "${{ params.goal }}"}]


def test_a_parameter_that_is_missing_is_told_where_it_is_read():
    with pytest.raises(InvalidWorkflow) as caught:
        link(source(ROUTER), LIBRARY, {})
    places = {(d.code, d.location.line, d.location.text.strip()[:12]) for d in caught.value.diagnostics if d.severity == "error"}
    assert places == {("RW601", 4, "- {id: look,"), ("RW601", 15, 'condition: "')}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("win", "win"),
        ("7", 7),
        ("false", False),
        ('["a", 1]', ["a", 1]),
        ('{"a": null}', {"a": None}),
        ('"7"', "7"),
        ("NaN", "NaN"),
        ("", ""),
    ],
)
def test_an_inferred_parameter_takes_json_and_else_the_text(text, value):
    field = Field("x", "any")
    assert parse_text(field, text) == value
    assert type(parse_text(field, text)) is type(value)
    assert check_value(field, value) == value


def test_a_pallet_plan_is_drawn_with_what_it_calls_opened():
    plan = link(source(ROUTER), LIBRARY, PARAMETERS)
    assert not isinstance(plan, Missing)
    assert draw(plan, "tree", ascii_only=True).splitlines()[:7] == [
        "Router 1.0.0",
        "look  (skill look)",
        '|- code  (workflow pipeline, when steps.look.outputs.kind == "code")',
        "|  : plan  (skill create_plan)",
        "|  : > build  (skill generate)",
        "|  : > review  (skill review)",
        '|- one  (skill plain_result, when steps.look.outputs.kind in ["1", 1])',
    ]
    for form in ("mermaid", "dot"):
        assert draw(plan, form).count("skill create_plan") == 2, "the step of the router and the one inside the pipeline"
