"""Keys that are right by themselves and contradict each other: what a step asks for has to be possible."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ropeway.lang.reads import OPENING

if TYPE_CHECKING:
    from ropeway.lang.diagnostics import Path, Problems
    from ropeway.lang.model import Action, Step, Workflow
    from ropeway.lang.uses import Body

_NOT_FOR_GATES: Final = {
    "retry": "a question is asked once; give it more time with inputs.deadline",
    "timeout": "write inputs.deadline: how long to wait for the answer",
    "foreach": "ask once, with gate:form and one field for each thing to decide",
    "repeat": "ask once; a run that was turned down is started again",
    "env": "a gate starts no program",
    "workspace": "a gate touches no files",
    "resources": "a gate needs no resources",
    "interactive": "a gate asks by itself",
    "pure": "a gate touches no files",
}
_NO_PROGRAM: Final = {
    "env": "only programs have an environment; hand values in as inputs",
    "interactive": "only a program can own the terminal",
}
_DEFAULTS: Final = {"workspace": "inherit", "interactive": False, "pure": False, "env": {}}


def check_policy(workflow: Workflow, step: Step, body: Body, problems: Problems) -> None:
    """Tell where the keys of one step, or of a step and the policy, contradict each other."""
    kind = body.kind
    if kind == "gate":
        _refuse(step, _NOT_FOR_GATES, "a gate", problems)
    elif kind == "builtin":
        _refuse(step, _NO_PROGRAM, "a builtin", problems)
    elif kind == "workflow":
        _refuse(step, _NO_PROGRAM, "a sub-workflow", problems)
    if step.interactive and step.foreach is not None:
        at_once = workflow.policy.max_parallel if step.max_parallel is None else step.max_parallel
        if at_once > 1:
            message = "an interactive step owns the terminal, so its instances can't run at once"
            problems.error("RW511", ("steps", step.id, "interactive"), message, hint="add max_parallel = 1", key=True)
    if kind in {"builtin", "gate", "workflow"}:
        _check_layers(step, body, problems)
    if step.pure and step.workspace == "ephemeral":
        message = "'pure' says that no file changes, and 'ephemeral' drops the files that change"
        problems.error("RW511", ("steps", step.id, "pure"), message, hint="keep one of them", key=True)
    _check_workspace(step, problems)


def _check_layers(step: Step, body: Body, problems: Problems) -> None:
    """Tell about keys of a step or its actions that mean nothing because what does the work is no program."""
    layers: list[tuple[Path, Step | Action]] = [(("steps", step.id), step)]
    layers += [(("actions", action.id), action) for action in body.actions]
    brings = f"{body.leaf.uses!r} brings its own outputs"
    for path, layer in layers:
        if layer.outputs is not None:
            problems.error("RW512", (*path, "outputs"), brings, hint="remove 'outputs'", key=True)
    for path, layer in layers[1:]:
        if layer.env:
            problems.error("RW511", (*path, "env"), f"'env' means nothing for {body.leaf.uses!r}", hint=_NO_PROGRAM["env"], key=True)
        if layer.timeout is not None and body.kind == "gate":
            message = f"'timeout' means nothing for {body.leaf.uses!r}"
            problems.error("RW511", (*path, "timeout"), message, hint=_NOT_FOR_GATES["timeout"], key=True)


def _check_workspace(step: Step, problems: Problems) -> None:
    where = step.workspace
    if where in {"inherit", "ephemeral"} or OPENING in where:
        return
    if where.lower() in {"inherit", "ephemeral"}:
        problems.error("RW511", ("steps", step.id, "workspace"), f"{where!r} would be a folder", hint=f"write {where.lower()!r}")


def _refuse(step: Step, keys: dict[str, str], what: str, problems: Problems) -> None:
    for key, hint in keys.items():
        value = getattr(step, key)
        if value is not None and value != _DEFAULTS.get(key):
            problems.error("RW511", ("steps", step.id, key), f"{key!r} means nothing for {what}", hint=hint, key=True)
