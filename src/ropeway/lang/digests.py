"""What makes a workflow, and a step of a plan, the same as before.

``resume --replan`` keeps a finished step when its digest is unchanged: what it does, its static environment and inputs, the parameters
it reads with their values, and the digests of all that it needs. How often it is tried, how long it may take, and
texts for people are left out: they can not change what it did.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from ropeway.lang.graph import Graph
from ropeway.lang.hashing import sha256
from ropeway.lang.plan import record_to_json
from ropeway.lang.reads import reads_of_step

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ropeway.lang.plan import Plan, PlanStep, Template

_LEFT_OUT: Final = ("name", "needs", "retry", "timeout", "resources", "pure", "interactive", "max_parallel")


def workflow_digest(data: Mapping[str, Any]) -> str:
    """Return ``sha256:…`` over a workflow file's content as parsed: comments, order of keys and the choice of TOML or YAML do not count."""
    return _digest(data)


def step_digests(plan: Plan) -> dict[str, str]:
    """Return a digest for every step of a plan, by step id.

    A secret counts by its source, never by its value. What a step inherits from the caller's environment does not count, what
    ``--env`` sets does.
    """
    fingerprints = _fingerprints(plan)
    steps = {step.id: step for step in plan.template.steps}
    digests: dict[str, str] = {}
    for name in Graph({step.id: step.needs for step in plan.template.steps}).order:
        step = steps[name]
        needs = sorted(digests[need] for need in dict.fromkeys(step.needs))
        digests[name] = _digest([_action(step, fingerprints), _parameters(step, plan), plan.env, needs])
    return digests


def _action(step: PlanStep, fingerprints: Mapping[str, str]) -> dict[str, Any]:
    document = record_to_json(step)
    for key in _LEFT_OUT:
        document.pop(key, None)
    for fields in (document.get("outputs"), *(frame.get("fields") for frame in document.get("frames", ()))):
        for field in (fields or {}).values():
            field.pop("description", None)
    if step.kind == "workflow" and step.uses is not None:
        document["uses"] = fingerprints.get(step.uses, step.uses)
    return document


def _parameters(step: PlanStep, plan: Plan) -> dict[str, Any]:
    """Return the values of the parameters that the step reads; all of them when it reads one by a computed name."""
    paths = [path for path in reads_of_step(step) if path[0] == "params"]
    names = plan.parameters if ("params",) in paths else {path[1] for path in paths}
    return {name: plan.parameters[name].value for name in names if name in plan.parameters}


def _fingerprints(plan: Plan) -> dict[str, str]:
    """Return for each sub-workflow a digest that also covers the workflows that it uses itself."""
    found: dict[str, str] = {}

    def fingerprint(template: Template) -> str:
        inner = {}
        for reference, key in template.workflows.items():
            if key not in found:
                found[key] = fingerprint(plan.workflows[key])
            inner[reference] = found[key]
        return _digest([template.digest, inner])

    fingerprint(plan.template)  # not deep: linking refuses more than 16 levels
    return found


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return f"sha256:{sha256(text.encode()).hexdigest()}"
