"""What is wrong in a Pallet document is told at its place, all at once, in words that say what to write instead."""

from __future__ import annotations

from textwrap import dedent

import pytest

from ropeway.lang.codes import explain
from ropeway.lang.codes.pallet import CODES
from ropeway.lang.diagnostics import Problems
from ropeway.lang.dialects import locator_for, read_dialect
from ropeway.lang.source import read_document

HEAD = "metadata: {id: demo, name: Demo, version: 1.0.0}\n"


def problems_of(text, *, head=HEAD):
    document, found = read_document((head + dedent(text).lstrip("\n")).encode(), "demo.yaml")
    assert found == []
    problems = Problems(locator_for(document))
    workflow = read_dialect(document, problems)
    assert (workflow is None) == problems.failed
    return problems.sorted()


def marked(problem):
    """Return the part of the line that a diagnostic underlines."""
    place = problem.location
    return place.text[place.column - 1 : place.end_column - 1]


CASES = {
    "a key of the document": ("step: []\nsteps: [{id: a, skill: s}]", "RW701", "step", "a Pallet workflow has no key 'step'"),
    "a key of a step": ("steps: [{id: a, skill: s, input: {}}]", "RW701", "input", "a step has no key 'input'"),
    "a branch that is none": (
        "steps: [{id: a, step_type: conditional, condition: '{{ workflow.input.x }}', branches: {iftrue: []}}]",
        "RW701",
        "iftrue",
        "'branches' of a conditional step has no key 'iftrue'",
    ),
    "an input of execute_workflow": (
        "steps: [{id: a, skill: execute_workflow, inputs: {workflow_id: x, inputs: {}}}]",
        "RW701",
        "inputs",
        "'execute_workflow' has no input 'inputs'",
    ),
    "steps that are no list": ("steps: many", "RW702", "many", "'steps' must be a list of steps, not a string"),
    "a step that is no map": ("steps: [just text]", "RW702", "just text", "a step must be a map, not a string"),
    "inputs that are no map": ("steps: [{id: a, skill: s, inputs: [1]}]", "RW702", "[1]", "'inputs' must be a map, not a list"),
    "a timeout in words": ("steps: [{id: a, skill: s, timeout: 5m}]", "RW702", "5m", "'timeout' must be a number of seconds, not a string"),
    "a timeout of nothing": ("steps: [{id: a, skill: s, timeout: 0}]", "RW702", "0", "0 is no time to wait"),
    "a timeout that is true": (
        "steps: [{id: a, skill: s, timeout: true}]",
        "RW702",
        "true",
        "'timeout' must be a number of seconds, not a boolean",
    ),
    "an id with a dot": ("steps: [{id: a.b, skill: s}]", "RW702", "a.b", "'a.b' is not a name"),
    "a skill with a blank": ("steps: [{id: a, skill: two words}]", "RW702", "two words", "'two words' is not a skill's name"),
    "outputs that are a list": ("steps: [{id: a, skill: s, outputs: [x]}]", "RW702", "[x]", "'outputs' must be a string, not a list"),
    "a condition that is a map": (
        "steps: [{id: a, step_type: switch, condition: {x: 1}, branches: {}}]",
        "RW702",
        "{x: 1}",
        "'condition' must be one value",
    ),
    "an input that is no map": (
        "steps: [{id: a, skill: execute_workflow, inputs: {workflow_id: x, input: '{{ workflow.input.y }}'}}]",
        "RW702",
        "'{{ workflow.input.y }}'",
        "'input' must be a map",
    ),
    "no skill": ("steps: [{id: a}]", "RW703", "{id: a}", "'skill' is missing"),
    "no condition": ("steps: [{id: a, step_type: switch, branches: {}}]", "RW703", None, "a switch step needs a 'condition'"),
    "no branches": ("steps: [{id: a, step_type: parallel}]", "RW703", None, "a parallel step needs 'branches'"),
    "no steps": ("", "RW703", None, "the workflow has no 'steps'"),
    "an empty list of steps": ("steps: []", "RW703", "[]", "the workflow has no steps"),
    "a step type": ("steps: [{id: a, skill: s, step_type: paralel}]", "RW704", "paralel", "there is no step type 'paralel'"),
    "a step type that is a list": ("steps: [{id: a, skill: s, step_type: [x]}]", "RW704", "[x]", "there is no step type a list"),
    "branches of a sequential step": (
        "steps: [{id: a, skill: s, branches: {x: []}}]",
        "RW705",
        "branches",
        "a sequential step has no 'branches'",
    ),
    "the same id twice": ("steps: [{id: a, skill: s}, {id: a, skill: t}]", "RW707", "a", "there is already a step 'a'"),
    "the same id inside": (
        "steps: [{id: a, step_type: parallel, branches: {steps: [{id: a, skill: s}]}}]",
        "RW707",
        "a",
        "there is already a step 'a'",
    ),
    "another root": (
        "steps: [{id: a, skill: s, inputs: {x: 'go {{ input.y }}'}}]",
        "RW708",
        "{{ input.y }}",
        "'input' is not something a template can read",
    ),
    "a filter": (
        "steps: [{id: a, skill: s, inputs: {x: 'go {{ workflow.input.y | upper }}'}}]",
        "RW708",
        "{{ workflow.input.y | upper }}",
        "a template is a path, nothing else: no operators, filters or calls",
    ),
    "an empty template": ("steps: [{id: a, skill: s, inputs: {x: 'a {{ }} b'}}]", "RW708", "{{ }}", "the template is empty"),
    "braces left open": ("steps: [{id: a, skill: s, inputs: {x: 'a {{ b'}}]", "RW708", "{{", "these braces are never closed"),
    "a path without end": (
        f"steps: [{{id: a, skill: s, inputs: {{x: '{{{{ workflow.input{'.y' * 60} }}}}'}}}}]",
        "RW708",
        "{{ workflow.input" + ".y" * 60 + " }}",
        "the path has more than 40 parts",
    ),
    "an unknown step": (
        "steps: [{id: plan, skill: s}, {id: a, skill: s, inputs: {x: 'see {{ steps.pln.outputs.x }}'}}]",
        "RW709",
        "{{ steps.pln.outputs.x }}",
        "there is no step 'pln'",
    ),
    "a later step": (
        "steps: [{id: a, skill: s, inputs: {x: '{{ steps.b.outputs.x }}'}}, {id: b, skill: s}]",
        "RW709",
        "{{ steps.b.outputs.x }}",
        "'b' runs only after this step",
    ),
    "itself": (
        "steps: [{id: a, skill: s, inputs: {x: '{{ steps.a.outputs.x }}'}}]",
        "RW709",
        "{{ steps.a.outputs.x }}",
        "the step 'a' reads its own result",
    ),
    "a parallel sibling": (
        "steps: [{id: p, step_type: parallel, branches: {steps: [{id: a, skill: s}, {id: b, skill: s, inputs: {x: '{{ steps.a.outputs.x }}'}}]}}]",
        "RW709",
        "{{ steps.a.outputs.x }}",
        "'a' is in another branch of the same step",
    ),
    "a branching step": (
        "steps: [{id: p, step_type: parallel, branches: {steps: [{id: a, skill: s}]}}, {id: b, skill: s, inputs: {x: '{{ steps.p.outputs }}'}}]",
        "RW709",
        "{{ steps.p.outputs }}",
        "'p' has no result of its own: it only decides which steps run",
    ),
    "an output that is not there": (
        "steps: [{id: a, skill: s, outputs: r}, {id: b, skill: s, inputs: {x: '{{ steps.a.outputs.result.y }}'}}]",
        "RW709",
        "{{ steps.a.outputs.result.y }}",
        "the step 'a' has no output 'result'",
    ),
    "a step without outputs": (
        "steps: [{id: a, skill: s, inputs: {x: '{{ steps.b.result }}'}}]",
        "RW709",
        "{{ steps.b.result }}",
        "'steps.b.result' is not a step's result",
    ),
    "the workflow's name": (
        "steps: [{id: a, skill: s, inputs: {x: '{{ workflow.name }}'}}]",
        "RW709",
        "{{ workflow.name }}",
        "'workflow.name' is not something a template can read",
    ),
    "a name that depends": (
        "steps: [{id: a, skill: execute_workflow, inputs: {workflow_id: '{{ workflow.input.w }}'}}]",
        "RW711",
        "'{{ workflow.input.w }}'",
        "'execute_workflow' needs a fixed workflow_id",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_mistake_is_told_where_it_stands(case):
    text, code, under, message = CASES[case]
    found = problems_of(text)
    assert [(p.code, p.severity, p.message) for p in found] == [(code, "error", message)]
    if under is not None:
        assert marked(found[0]) == under


WARNINGS = {
    "RW706": ("steps: [{id: p, step_type: parallel, timeout: 3, branches: {steps: [{id: a, skill: s}]}}]", "timeout"),
    "RW710": ("steps: [{id: p, step_type: conditional, condition: ready, branches: {if_true: [{id: a, skill: s}]}}]", "ready"),
}


@pytest.mark.parametrize("code", WARNINGS)
def test_what_only_deserves_a_look_is_a_warning(code):
    text, under = WARNINGS[code]
    found = problems_of(text)
    assert [(p.code, p.severity, marked(p)) for p in found] == [(code, "warning", under)]


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("metadata: {}\n", ["'id' is missing", "'name' is missing", "'version' is missing"]),
        ("metadata: none\n", ["'metadata' must be a map, not a string"]),
        ("metadata: {id: Demo, name: D, version: 1.0.0}\n", ["'Demo' is not a workflow id"]),
        ("metadata: {id: d, name: D, version: 1.0}\n", ["'version' must be a string, not a number"]),
        ("metadata: {id: d, name: '', version: '1'}\n", ["'name' is empty"]),
        ("metadata: {id: d, name: D, version: '1', tags: x}\n", ["'tags' must be a list of strings, not a string"]),
        ("metadata: {id: d, name: D, version: '1', tags: [x, 2]}\n", ["a tag must be a string, not an integer"]),
        ("metadata: {id: d, name: D, version: '1', author: x}\n", ["'metadata' has no key 'author'"]),
    ],
)
def test_metadata_is_checked(head, expected):
    assert [p.message for p in problems_of("steps: [{id: a, skill: s}]", head=head)] == expected


def test_everything_is_told_at_once_and_in_order():
    found = problems_of(
        """
        steps:
          - id: a
            skil: create
            inputs:
              x: "{{ steps.b.outputs.x }} and {{ nothing }}"
          - id: a
            step_type: swich
        """
    )
    assert [(p.code, p.location.line, marked(p)) for p in found] == [
        ("RW703", 3, "id: a"),
        ("RW701", 4, "skil"),
        ("RW709", 6, "{{ steps.b.outputs.x }}"),
        ("RW708", 6, "{{ nothing }}"),
        ("RW704", 8, "swich"),
    ]
    assert found[1].hint == "did you mean 'skill'?"


def test_places_count_through_escapes_and_folded_lines():
    found = problems_of(
        """
        steps:
          - id: a
            skill: s
            inputs:
              x: "tab\\tand {{ a.b }}"
              y: >-
                first line
                second {{ c.d }}
        """
    )
    assert [(p.location.line, marked(p)) for p in found] == [(6, "{{ a.b }}"), (9, "{{ c.d }}")]


@pytest.mark.parametrize("code", CODES)
def test_an_explanation_shows_what_is_wrong_and_what_is_right(code):
    explanation = explain(code)
    assert explanation is not None
    assert code in {p.code for p in problems_of(explanation.wrong, head="")}
    assert problems_of(explanation.right, head="") == []


def test_places_of_the_model_are_found_in_the_document():
    text = HEAD + dedent(
        """
        steps:
          - {id: first, skill: s, timeout: 5}
          - id: fork
            step_type: switch
            condition: "{{ workflow.input.kind }}"
            branches:
              a:
                - id: two
                  step_type: parallel
                  branches:
                    steps:
                      - {id: inner, skill: execute_workflow, inputs: {workflow_id: other, input: {x: "{{ workflow.input.deep }}"}}}
        """
    )
    document, _ = read_document(text.encode(), "demo.yaml")
    locator = locator_for(document)

    def at(*path):
        place = locator.locate(path, offset=3)
        return place.text[place.column - 1 : place.end_column - 1]

    assert at("steps", "first", "uses") == "s"
    assert at("steps", "first", "timeout") == "5"
    assert at("steps", "first", "needs", 0) == "first"
    assert at("steps", "inner", "uses") == "other"
    assert at("steps", "inner", "inputs", "x") == '"{{ workflow.input.deep }}"'
    assert at("steps", "inner", "when") == '"{{ workflow.input.kind }}"'
    assert at("parameters", "deep", "type") == '"{{ workflow.input.deep }}"'
    assert at("parameters", "kind") == '"{{ workflow.input.kind }}"'
    assert at("version") == "1.0.0"
    assert locator.locate(("steps", "gone")).line == 3
    assert locator.locate(("policy", "max_parallel")).line == 1
