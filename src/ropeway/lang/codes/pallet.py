"""RW7xx: what can be wrong in a Pallet document. The examples are YAML."""

from __future__ import annotations

from ropeway.lang.codes import Explanation

_HEAD = """metadata:
  id: review
  name: Review
  version: 1.0.0
"""

CODES: dict[str, Explanation] = {
    "RW701": Explanation(
        "Unknown key in a Pallet document",
        "A Pallet workflow has `metadata` and `steps`; a step has `id`, `skill`, `inputs`, `outputs`, `timeout`, `step_type`,"
        " `condition` and `branches`. A key that nothing acts on is refused rather than ignored.",
        _HEAD + "steps:\n  - id: plan\n    skil: create_plan\n    skill: create_plan\n",
        _HEAD + "steps:\n  - id: plan\n    skill: create_plan\n",
    ),
    "RW702": Explanation(
        "Value of the wrong kind in a Pallet document",
        "The value has another type than its key asks for, or is out of range. YAML reads `version: 1.0` as a number: put it in"
        " quotes, or write all three parts.",
        "metadata:\n  id: review\n  name: Review\n  version: 1.0\nsteps:\n  - id: plan\n    skill: create_plan\n",
        'metadata:\n  id: review\n  name: Review\n  version: "1.0"\nsteps:\n  - id: plan\n    skill: create_plan\n',
    ),
    "RW703": Explanation(
        "Missing key in a Pallet document",
        "`metadata` needs `id`, `name` and `version`; a step needs an `id` and, unless it branches, a `skill`; a branching step needs"
        " `branches`, and a `condition` unless it is parallel.",
        _HEAD + "steps:\n  - id: plan\n",
        _HEAD + "steps:\n  - id: plan\n    skill: create_plan\n",
    ),
    "RW704": Explanation(
        "Unknown step type",
        "`step_type` is `sequential` (the default), `parallel`, `conditional` or `switch`.",
        _HEAD + "steps:\n  - id: plan\n    skill: create_plan\n    step_type: paralel\n",
        _HEAD + "steps:\n  - id: plan\n    skill: create_plan\n    step_type: sequential\n",
    ),
    "RW705": Explanation(
        "Branches on a sequential step",
        "A sequential step calls its skill, whatever `condition` and `branches` say. Name the kind of branching with `step_type`.",
        _HEAD + "steps:\n  - id: both\n    skill: x\n    branches:\n      steps:\n        - id: plan\n          skill: create_plan\n",
        _HEAD
        + "steps:\n  - id: both\n    step_type: parallel\n    branches:\n      steps:\n        - id: plan\n          skill: create_plan\n",
    ),
    "RW706": Explanation(
        "Key without effect on a branching step",
        "A parallel, conditional or switch step calls no skill, so `inputs`, `outputs` and `timeout` do nothing there: give them to"
        " the steps inside. (`skill` is accepted without a word, because many documents carry one.)",
        _HEAD
        + "steps:\n  - id: both\n    step_type: parallel\n    timeout: 60\n    branches:\n      steps:\n        - id: plan\n          skill: create_plan\n",
        _HEAD
        + "steps:\n  - id: both\n    step_type: parallel\n    branches:\n      steps:\n        - id: plan\n          skill: create_plan\n          timeout: 60\n",
    ),
    "RW707": Explanation(
        "Two steps with the same id",
        "Results are read by id alone, so an id may stand only once in a document, inner steps included.",
        _HEAD + "steps:\n  - id: plan\n    skill: create_plan\n  - id: plan\n    skill: review_plan\n",
        _HEAD + "steps:\n  - id: plan\n    skill: create_plan\n  - id: review\n    skill: review_plan\n",
    ),
    "RW708": Explanation(
        "Template that can not be read",
        "Between `{{` and `}}` stands a path: `workflow.input.NAME` or `steps.ID.outputs.NAME`. Operators, filters and calls do not"
        " exist in Pallet. Braces of another tool can be kept with a dollar in front: `${{ github.sha }}` is handed on as it is.",
        _HEAD + 'steps:\n  - id: plan\n    skill: create_plan\n    inputs:\n      goal: "{{ input.goal }}"\n',
        _HEAD + 'steps:\n  - id: plan\n    skill: create_plan\n    inputs:\n      goal: "{{ workflow.input.goal }}"\n',
    ),
    "RW709": Explanation(
        "Template that reads what is not there",
        "A template reads the workflow's input and the results of steps that have surely run before: earlier in its own list or in a"
        " list around it. With `outputs: NAME` the result is `steps.ID.outputs.NAME`, and nothing else is there.",
        _HEAD + 'steps:\n  - id: plan\n    skill: create_plan\n    inputs:\n      code: "{{ steps.build.outputs.code }}"\n',
        _HEAD
        + "steps:\n  - id: build\n    skill: build\n    outputs: code\n"
        + '  - id: plan\n    skill: create_plan\n    inputs:\n      code: "{{ steps.build.outputs.code }}"\n',
    ),
    "RW710": Explanation(
        "Condition without a template",
        "Nothing is read, so the same branch is taken every time. `condition: ready` is the text *ready*, which counts as true.",
        _HEAD
        + "steps:\n  - id: choose\n    step_type: conditional\n    condition: ready\n"
        + "    branches:\n      if_true:\n        - id: plan\n          skill: create_plan\n",
        _HEAD
        + 'steps:\n  - id: choose\n    step_type: conditional\n    condition: "{{ workflow.input.ready }}"\n'
        + "    branches:\n      if_true:\n        - id: plan\n          skill: create_plan\n",
    ),
    "RW711": Explanation(
        "Sub-workflow without a fixed name",
        "What a run will execute has to be known before it starts. `workflow_id` is therefore a plain text; a switch chooses between"
        " several.",
        _HEAD + 'steps:\n  - id: sub\n    skill: execute_workflow\n    inputs:\n      workflow_id: "{{ workflow.input.which }}"\n',
        _HEAD + "steps:\n  - id: sub\n    skill: execute_workflow\n    inputs:\n      workflow_id: code-generation\n",
    ),
    "RW712": Explanation(
        "The whole input is what is read by name",
        "Pallet declares no inputs, so the parameters of a workflow are those that its templates read by name. `{{ workflow.input }}`"
        " hands on these. An input that only the next workflow or skill knows has to be read here too:"
        ' `input: {goal: "{{ workflow.input.goal }}"}`.',
        _HEAD
        + 'steps:\n  - id: sub\n    skill: execute_workflow\n    inputs:\n      workflow_id: plan\n      input: "{{ workflow.input }}"\n',
        _HEAD
        + "steps:\n  - id: sub\n    skill: execute_workflow\n    inputs:\n      workflow_id: plan\n"
        + '      input:\n        goal: "{{ workflow.input.goal }}"\n',
    ),
}
