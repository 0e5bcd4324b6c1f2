"""Pallet documents become the same model as ``workflow.toml``."""

from __future__ import annotations

from textwrap import dedent

import pytest

from ropeway.lang.diagnostics import Problems
from ropeway.lang.dialects import is_pallet, locator_for, read_dialect
from ropeway.lang.expressions import evaluate, parse
from ropeway.lang.expressions.template import parse_template, render
from ropeway.lang.model import Field, Policy, Step
from ropeway.lang.source import read_document

HEAD = """\
metadata:
  id: demo
  name: Demo
  version: 1.0.0
"""


def read(text):
    document, found = read_document((HEAD + dedent(text)).encode(), "demo.yaml")
    assert found == []
    problems = Problems(locator_for(document))
    return read_dialect(document, problems), problems.sorted()


def model(text):
    workflow, problems = read(text)
    assert [p for p in problems if p.severity == "error"] == []
    assert workflow is not None
    return workflow


def needs(workflow):
    return {step.id: step.needs for step in workflow.steps.values()}


@pytest.mark.parametrize(
    ("data", "answer"),
    [
        ({"metadata": {}, "steps": []}, True),
        ({"metadata": {}}, True),
        ({"metadata": {}, "steps": {"a": {}}}, False),
        ({"id": "x", "steps": {"a": {}}}, False),
        ({}, False),
        ([], False),
        (None, False),
    ],
)
def test_a_document_is_pallet_by_its_metadata_and_its_steps_being_no_table(data, answer):
    assert is_pallet(data) is answer


def test_the_smallest_document_is_one_skill_call():
    workflow = model("steps:\n  - id: plan\n    skill: create_plan\n")
    assert (workflow.id, workflow.name, workflow.version, workflow.dialect) == ("demo", "Demo", "1.0.0", "pallet")
    assert workflow.steps == {"plan": Step("plan", uses="skill:create_plan")}
    assert workflow.parameters == {}
    assert workflow.policy == Policy(max_parallel=1, on_failure="continue")


def test_steps_run_in_the_order_of_the_list():
    workflow = model("steps: [{id: a, skill: x}, {id: b, skill: x}, {id: c, skill: x, step_type: sequential}]")
    assert needs(workflow) == {"a": (), "b": ("a",), "c": ("b",)}
    assert all(step.when is None for step in workflow.steps.values())


def test_metadata_and_timeout_are_taken_over():
    text = "metadata: {id: acme/demo, name: D, version: '2', description: Does, tags: [x, y]}\nsteps: [{id: a, skill: s, timeout: 90}]"
    document, _ = read_document(text.encode(), "x.yaml")
    workflow = read_dialect(document, Problems(locator_for(document)))
    assert workflow is not None
    assert (workflow.id, workflow.description, workflow.tags, workflow.steps["a"].timeout) == ("acme/demo", "Does", ("x", "y"), 90.0)


def test_what_templates_read_of_the_input_becomes_a_required_parameter_of_any_type():
    workflow = model("""
        steps:
          - id: a
            skill: s
            inputs:
              goal: "{{ workflow.input.goal }}"
              nested: {list: ["for {{ workflow.input.user.name }}", 3, true, null]}
        """)
    assert list(workflow.parameters) == ["goal", "user"]
    assert workflow.parameters["user"] == Field("user", "any", description="Inferred from {{ workflow.input.user.name }}")
    assert workflow.parameters["user"].required
    assert workflow.steps["a"].inputs == {
        "goal": "${{ params.goal }}",
        "nested": {"list": ["for ${{ params.user.name }}", 3, True, None]},
    }


def test_names_that_are_no_names_of_our_language_are_read_in_brackets():
    workflow = model("""
        steps:
          - {id: a-b, skill: s}
          - {id: c, skill: s, inputs: {x: "{{ steps.a-b.outputs.odd-name.0.in }}", y: "{{workflow.input.user-name}}"}}
        """)
    assert workflow.steps["c"].inputs == {
        "x": '${{ steps["a-b"].outputs["odd-name"][0]["in"] }}',
        "y": '${{ params["user-name"] }}',
    }


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{{ workflow.input.list }}", [1, 2]),
        ("{{workflow.input.list}}", [1, 2]),
        ("n={{ workflow.input.n }}, l={{ workflow.input.list }}", "n=7, l=[1,2]"),
        ("no template", "no template"),
        ("${{ github.sha }} stays", "${{ github.sha }} stays"),
        ("$${{ secrets.X }}", "$${{ secrets.X }}"),
        ("price: ${{ workflow.input.n }}", "price: $7"),
        ("$${{ workflow.input.n }}", "$$7"),
        ("{ {{ workflow.input.n }} }", "{ 7 }"),
        ("{{{ workflow.input.n }}}", "{7}"),
        ("ends with $", "ends with $"),
        ("$ {{ workflow.input.n }}$", "$ 7$"),
        ("a }} b", "a }} b"),
        ("'\"\\ {{ workflow.input.n }}", "'\"\\ 7"),
    ],
)
def test_a_translated_text_renders_to_what_pallet_would_hand_on(text, value):
    document, _ = read_document(f"{HEAD}steps:\n  - {{id: a, skill: s}}\n".encode(), "x.yaml")
    document.data["steps"][0]["inputs"] = {"x": text}
    problems = Problems(locator_for(document))
    workflow = read_dialect(document, problems)
    assert workflow is not None, problems.sorted()
    translated = workflow.steps["a"].inputs["x"]
    assert render(parse_template(translated), {"params": {"list": [1, 2], "n": 7}}) == value


def test_outputs_names_the_whole_result():
    workflow = model("""
        steps:
          - {id: a, skill: s, outputs: plan}
          - {id: b, skill: s, inputs: {p: "{{ steps.a.outputs.plan.title }}"}}
        """)
    assert workflow.steps["a"].outputs == {"plan": Field("plan", "any", source="result")}
    assert workflow.steps["b"].inputs == {"p": "${{ steps.a.outputs.plan.title }}"}
    assert workflow.steps["b"].outputs is None


def test_the_result_of_the_last_step_is_the_result_of_the_workflow():
    assert model("steps: [{id: a, skill: s, outputs: r}]").outputs == {"r": "${{ steps.a.outputs.r }}"}
    assert model("steps: [{id: a, skill: s, outputs: r}, {id: b, skill: s}]").outputs == {}


def test_parallel_steps_start_together_and_are_all_awaited():
    workflow = model("""
        steps:
          - {id: first, skill: s}
          - id: both
            skill: not_called
            step_type: parallel
            branches:
              steps:
                - {id: x, skill: s, outputs: r}
                - {id: y, skill: s}
                - {id: z, skill: s}
          - {id: last, skill: s, inputs: {x: "{{ steps.x.outputs.r }}"}}
        """)
    assert needs(workflow) == {"first": (), "x": ("first",), "y": ("first",), "z": ("first",), "last": ("x", "y", "z")}
    assert workflow.policy.max_parallel == 3
    assert workflow.policy.on_failure == "continue", "the others are awaited when one fails"
    assert workflow.steps["last"].inputs == {"x": "${{ steps.x.outputs.r }}"}


CONDITIONAL = """
steps:
  - {id: check, skill: s, outputs: r}
  - id: choose
    step_type: conditional
    condition: "{{ steps.check.outputs.r }}"
    branches:
      if_true: [{id: fix, skill: s}, {id: verify, skill: s, inputs: {x: "{{ steps.fix.outputs.a.b }}"}}]
      if_false: [{id: tidy, skill: s}]
  - {id: last, skill: s, inputs: {x: "{{ steps.tidy.outputs.a.b }}", y: "{{ steps.tidy.outputs.a }}"}}
"""


def test_a_conditional_runs_one_of_two_lists():
    workflow = model(CONDITIONAL)
    assert needs(workflow) == {"check": (), "fix": ("check",), "verify": ("fix",), "tidy": ("check",), "last": ("verify", "tidy")}
    assert workflow.steps["fix"].when == workflow.steps["verify"].when
    assert workflow.steps["last"].when is None
    assert workflow.policy.max_parallel == 1


def test_what_may_have_been_skipped_is_read_with_care_outside_its_branch_only():
    workflow = model(CONDITIONAL)
    assert workflow.steps["verify"].inputs == {"x": "${{ steps.fix.outputs.a.b }}"}
    assert workflow.steps["last"].inputs == {"x": "${{ default(steps.tidy.outputs.a.b, null) }}", "y": "${{ steps.tidy.outputs.a }}"}


@pytest.mark.parametrize(
    ("value", "truth"),
    [
        *((value, False) for value in (None, False, 0, 0.0, "", [], {})),
        *((value, True) for value in (True, 1, -1, 0.5, "false", "0", " ", [0], [[]], {"a": None})),
    ],
)
def test_a_condition_holds_by_the_truth_of_its_value(value, truth):
    workflow = model(CONDITIONAL)
    names = {"steps": {"check": {"outputs": {"r": value}}}}
    assert evaluate(parse(workflow.steps["fix"].when), names) is truth
    assert evaluate(parse(workflow.steps["tidy"].when), names) is not truth


SWITCH = """
steps:
  - {id: look, skill: s, outputs: kind}
  - id: route
    step_type: switch
    condition: " {{ steps.look.outputs.kind }}\\n"
    branches:
      code: [{id: code, skill: s}]
      "12": [{id: number, skill: s}]
      "true": [{id: truth, skill: s}]
      "": [{id: nothing, skill: s}]
      "it's \\"quoted\\"": [{id: quoted, skill: s}]
      default: [{id: other, skill: s}]
"""


@pytest.mark.parametrize(
    ("value", "taken"),
    [
        ("code", "code"),
        ("Code", "other"),
        ("12", "number"),
        (12, "number"),
        (13, "other"),
        (True, "truth"),
        ("true", "truth"),
        (1, "other"),
        (None, "nothing"),
        ("", "nothing"),
        (0, "other"),
        (False, "other"),
        ('it\'s "quoted"', "quoted"),
        ([], "other"),
        ({"code": 1}, "other"),
    ],
)
def test_a_switch_runs_the_case_that_is_the_value_as_text(value, taken):
    workflow = model(SWITCH)
    names = {"steps": {"look": {"outputs": {"kind": value}}}}
    running = [step.id for step in workflow.steps.values() if step.when is not None and evaluate(parse(step.when), names)]
    assert running == [taken]


def test_a_switch_without_a_fitting_case_and_default_runs_nothing_and_goes_on():
    workflow = model("""
        steps:
          - id: route
            step_type: switch
            condition: "{{ workflow.input.kind }}"
            branches: {a: [{id: x, skill: s}]}
          - {id: last, skill: s}
        """)
    assert workflow.steps["x"].when == 'params.kind == "a"'
    assert needs(workflow)["last"] == ("x",)


def test_a_switch_with_a_default_alone_always_takes_it():
    workflow = model("""
        steps:
          - id: route
            step_type: switch
            condition: "{{ workflow.input.kind }}"
            branches: {default: [{id: x, skill: s}]}
        """)
    assert workflow.steps["x"].when is None


def test_branches_nest_and_conditions_add_up():
    workflow = model("""
        steps:
          - id: outer
            step_type: conditional
            condition: "{{ workflow.input.deep }}"
            branches:
              if_true:
                - id: fork
                  step_type: parallel
                  branches:
                    steps:
                      - {id: a, skill: s}
                      - id: inner
                        step_type: switch
                        condition: "{{ workflow.input.kind }}"
                        branches: {x: [{id: b, skill: s}, {id: c, skill: s}]}
              if_false: []
          - {id: last, skill: s}
        """)
    assert needs(workflow) == {"a": (), "b": (), "c": ("b",), "last": ("a", "c")}
    assert workflow.steps["c"].when == f'{workflow.steps["a"].when} && params.kind == "x"'
    assert workflow.policy.max_parallel == 2


def test_empty_branches_are_stepped_over():
    workflow = model("""
        steps:
          - {id: a, skill: s}
          - {id: none, step_type: parallel, branches: {steps: []}}
          - {id: b, skill: s}
        """)
    assert needs(workflow) == {"a": (), "b": ("a",)}


def test_a_condition_may_be_text_around_a_template():
    workflow = model("""
        steps:
          - id: route
            step_type: switch
            condition: "{{ workflow.input.a }}-{{ workflow.input.b }}"
            branches: {x-y: [{id: x, skill: s}]}
        """)
    assert evaluate(parse(workflow.steps["x"].when), {"params": {"a": "x", "b": "y"}}) is True


def test_execute_workflow_is_a_sub_workflow():
    workflow = model("""
        steps:
          - id: sub
            skill: execute_workflow
            inputs: {workflow_id: code-generation, input: {goal: "{{ workflow.input.goal }}", level: 3}}
            outputs: code
        """)
    step = workflow.steps["sub"]
    assert (step.uses, step.inputs) == ("workflow:code-generation", {"goal": "${{ params.goal }}", "level": 3})


def test_a_sub_workflow_can_be_handed_all_that_is_read_anywhere_in_the_document():
    workflow, problems = read("""
        steps:
          - id: sub
            skill: execute_workflow
            inputs: {workflow_id: other, input: "{{ workflow.input }}"}
          - {id: last, skill: s, inputs: {x: "{{ workflow.input.later }}"}}
        """)
    assert workflow is not None
    assert workflow.steps["sub"].inputs == {"later": "${{ params.later }}"}
    assert [(p.code, p.severity) for p in problems] == [("RW712", "note")]


def test_one_document_may_use_every_kind_of_step_ten_thousand_times():
    steps = "\n".join(f"  - {{id: s{n}, skill: x, inputs: {{v: '{{{{ workflow.input.v }}}}'}}}}" for n in range(10_000))
    workflow = model(f"steps:\n{steps}\n")
    assert workflow.steps["s9999"].needs == ("s9998",)
    assert list(workflow.parameters) == ["v"]
