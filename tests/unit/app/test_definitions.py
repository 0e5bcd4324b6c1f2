"""What a program reads of a workflow document that it does not run."""

from __future__ import annotations

from pathlib import Path

import pytest

from ropeway.app.definitions import load_workflow_from_yaml
from ropeway.errors import InvalidWorkflow, NotFound

SEED = """\
metadata:
  id: test-workflow
  name: Test
  version: 1.0.0
steps:
  - id: step1
    skill: test_skill
"""

NESTED = """\
metadata:
  id: smart-router
  name: Smart router
  version: "1.2.0"
  description: Routes requests
  tags: [routing, demo]
steps:
  - id: plan
    skill: create_plan
    inputs: {requirements: "{{ workflow.input.requirements }}"}
    outputs: plan
    timeout: 300
  - id: both
    step_type: parallel
    branches:
      steps:
        - {id: left, skill: look}
        - {id: right, skill: listen}
  - id: choose
    step_type: conditional
    condition: "{{ steps.left.outputs.ok }}"
    branches:
      if_true: [{id: good, skill: cheer}]
      if_false: [{id: bad, skill: mourn}]
  - id: route
    step_type: switch
    condition: "{{ workflow.input.kind }}"
    branches:
      bug: [{id: fix, skill: execute_workflow, inputs: {workflow_id: code-generation}}]
      default: [{id: answer, skill: reply}]
"""

OWN = """\
id = "acme/build"
version = "0.3.0"
tags = ["ci"]

[steps.lint]
run = "ruff check ."

[steps.build]
run = "make"
needs = ["lint"]
timeout = "5m"
"""


def file(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_the_documents_example_loads(tmp_path: Path) -> None:
    found = load_workflow_from_yaml(file(tmp_path, "test.yaml", SEED))
    assert (found.metadata.id, found.metadata.name, found.metadata.version) == ("test-workflow", "Test", "1.0.0")
    assert (found.metadata.description, found.metadata.tags) == (None, ())
    assert [(step.id, step.skill, step.step_type) for step in found.steps] == [("step1", "test_skill", "sequential")]


def test_steps_are_nested_and_counted_as_in_the_document(tmp_path: Path) -> None:
    found = load_workflow_from_yaml(str(file(tmp_path, "smart-router.yml", NESTED)))
    assert found.metadata.tags == ("routing", "demo")
    assert [(step.id, step.step_type) for step in found.steps] == [
        ("plan", "sequential"),
        ("both", "parallel"),
        ("choose", "conditional"),
        ("route", "switch"),
    ]
    plan, both, choose, route = found.steps
    assert (dict(plan.inputs), plan.outputs, plan.timeout) == ({"requirements": "{{ workflow.input.requirements }}"}, "plan", 300)
    assert {case: [step.id for step in steps] for case, steps in both.branches.items()} == {"steps": ["left", "right"]}
    assert choose.condition == "{{ steps.left.outputs.ok }}"
    assert {case: [step.id for step in steps] for case, steps in choose.branches.items()} == {"if_true": ["good"], "if_false": ["bad"]}
    assert {case: [step.id for step in steps] for case, steps in route.branches.items()} == {"bug": ["fix"], "default": ["answer"]}
    assert list(found.workflow.steps) == ["plan", "left", "right", "good", "bad", "fix", "answer"]


def test_a_document_in_our_own_language_loads_too(tmp_path: Path) -> None:
    found = load_workflow_from_yaml(file(tmp_path, "build.toml", OWN))
    assert (found.metadata.id, found.metadata.name, found.metadata.version) == ("acme/build", "acme/build", "0.3.0")
    assert [(step.id, step.skill, step.timeout) for step in found.steps] == [("lint", None, None), ("build", None, 300)]


def test_a_workflow_that_is_called_need_not_be_there(tmp_path: Path) -> None:
    """It is looked for when a plan is made."""
    load_workflow_from_yaml(file(tmp_path, "smart-router.yaml", NESTED))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("metadata: [", "RW"),
        ("steps:\n  - id: x\n    skill: y\nmetadata:\n  id: a\n", "RW703"),
        (SEED.replace("test_skill", "'{{ steps.later.outputs.x }}'"), "RW702"),
        ('id = "x"\n[steps.a]\nrun = "echo ${{ steps.none.outputs.x }}"\n', "RW"),
        ("", "RW"),
    ],
)
def test_what_is_no_workflow_is_told_with_every_problem(text: str, code: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidWorkflow) as caught:
        load_workflow_from_yaml(file(tmp_path, "x.yaml" if "=" not in text else "x.toml", text))
    assert caught.value.diagnostics
    assert any(d.code.startswith(code) for d in caught.value.diagnostics)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"there is no file .*missing\.yaml"):
        load_workflow_from_yaml(tmp_path / "missing.yaml")
