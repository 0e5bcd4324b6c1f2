"""Names that must exist: what steps need and use, and no step or action that comes before itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ropeway.lang.builtins import BUILTIN_NAMES, GATE_NAMES
from ropeway.lang.graph import Graph, arrows
from ropeway.lang.hints import did_you_mean, shown
from ropeway.lang.uses import KINDS, split_uses

if TYPE_CHECKING:
    from ropeway.lang.diagnostics import Path, Problems
    from ropeway.lang.model import Workflow
    from ropeway.lang.uses import Uses


def check_needs(workflow: Workflow, problems: Problems) -> Graph:
    """Check ``needs`` and return the graph of steps."""
    steps = workflow.steps
    for step in steps.values():
        for at, need in enumerate(step.needs):
            if need not in steps:
                hint = did_you_mean(need, steps)
                problems.error("RW501", ("steps", step.id, "needs", at), f"there is no step {shown(need)}", hint=hint)
            elif need in step.needs[:at]:
                path = ("steps", step.id, "needs", at)
                problems.warning("RW513", path, f"{shown(need)} is needed twice", hint="remove one of them")
    graph = Graph({step.id: step.needs for step in steps.values()})
    for cycle in graph.cycles():
        at = steps[cycle[0]].needs.index(cycle[1])
        message = f"these steps need each other: {arrows(cycle)}" if len(cycle) > 2 else f"the step {shown(cycle[0])} needs itself"
        problems.error("RW503", ("steps", cycle[0], "needs", at), message, hint="remove one of these needs")
    return graph


def check_uses(workflow: Workflow, problems: Problems) -> None:
    """Check what ``uses`` names: its kind, actions, builtins, gates, the grammar of references; and that no action uses itself."""
    between: dict[str, tuple[str, ...]] = {}
    for action in workflow.actions.values():
        between[action.id] = ()
        if action.uses is not None:
            uses = _check_one(workflow, problems, action.uses, ("actions", action.id, "uses"))
            if uses is not None and uses.kind == "action":
                between[action.id] = (uses.name,)
    for cycle in Graph(between).cycles():
        message = f"these actions use each other: {arrows(cycle)}" if len(cycle) > 2 else f"the action {shown(cycle[0])} uses itself"
        problems.error("RW504", ("actions", cycle[0], "uses"), message, hint="one of them has to do the work itself, with 'run'")
    for step in workflow.steps.values():
        if step.uses is not None:
            _check_one(workflow, problems, step.uses, ("steps", step.id, "uses"))


def _check_one(workflow: Workflow, problems: Problems, text: str, path: Path) -> Uses | None:
    uses = split_uses(text)
    if uses is None:
        kind, colon, _ = text.partition(":")
        if colon and kind in KINDS:
            problems.error("RW506", path, f"{shown(text)} names nothing", hint=f"write {kind}:NAME")
            return None
        near = did_you_mean(kind, KINDS) if colon else None
        hint = near or (
            f'write "action:{text}"' if text in workflow.actions else f"write one of {', '.join(f'{k}:' for k in KINDS)} and a name"
        )
        problems.error("RW506", path, f"{shown(text)} does not say what kind of thing it is", hint=hint)
        return None
    if uses.kind == "action" and uses.name not in workflow.actions:
        hint = did_you_mean(uses.name, workflow.actions) or f"declare it: [actions.{uses.name}]"
        _unknown(problems, path, "RW502", uses, hint)
        return None
    if uses.kind == "builtin" and uses.name not in BUILTIN_NAMES:
        _unknown(problems, path, "RW507", uses, did_you_mean(uses.name, BUILTIN_NAMES) or f"there are {', '.join(BUILTIN_NAMES)}")
        return None
    if uses.kind == "gate" and uses.name not in GATE_NAMES:
        _unknown(problems, path, "RW507", uses, did_you_mean(uses.name, GATE_NAMES) or f"there are {', '.join(GATE_NAMES)}")
        return None
    if uses.kind in {"workflow", "skill", "agent"}:
        return uses if _check_reference(problems, uses, path) else None
    return uses


def _unknown(problems: Problems, path: Path, code: str, uses: Uses, hint: str) -> None:
    message = f"there is no {uses.kind} {shown(uses.name)}"
    problems.error(code, path, message, hint=hint, offset=len(uses.kind) + 1, length=len(uses.name))


def _check_reference(problems: Problems, uses: Uses, path: Path) -> bool:
    from ropeway.lang.reference import InvalidReference, parse_reference

    try:
        parse_reference(uses.name, kind="skill" if uses.kind == "skill" else "workflow")
    except InvalidReference as problem:
        offset = len(uses.kind) + 1 + problem.offset
        problems.error(problem.code, path, problem.message, hint=problem.hint, offset=offset, length=problem.length)
        return False
    return True
