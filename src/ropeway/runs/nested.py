"""Sub-workflows: a step that carries out another workflow in a scope of its own, in the same run."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ropeway.errors import RopewayError
from ropeway.lang.expressions import EvaluationError, to_text
from ropeway.lang.values import check_value
from ropeway.runs.inheritance import inherited as inheritance
from ropeway.runs.inheritance import taken_from
from ropeway.runs.process import StartProblem
from ropeway.runs.scope import Outcome, Scope, take_environment, told
from ropeway.runs.workspace import enter_own, leave_own, take_up_own

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ropeway.lang.parameter_types import ParameterTypes
    from ropeway.lang.plan import Plan, Template
    from ropeway.runs.around import Loop
    from ropeway.runs.scope import Unit
    from ropeway.workspaces import Workspace


class Nested:
    """Opens and closes sub-workflows."""

    def __init__(self, loop: Loop, secrets: Mapping[str, str]) -> None:
        self._loop = loop
        self._secrets = secrets

    def enter(self, unit: Unit) -> None:
        """Begin with a unit's sub-workflow, or go on with it."""
        flow = self._loop.flow
        if unit.attempt and unit.failures:
            flow.forget(f"{unit.address}/")
        before = flow.recorded(unit.address)
        resumed = before is not None and unit.failures == 0
        unit.attempt = max(unit.attempt, 1) if resumed else unit.attempt + 1
        data: dict[str, Any] = {"step": unit.address, "attempt": unit.attempt, "log": None}
        try:
            if unit.step.workspace == "ephemeral":
                data |= self._apart(unit, resumed=resumed)
            scope = inner_scope(unit, self._loop.plan, self._loop.around.workspace, self._secrets)
        except (EvaluationError, StartProblem) as error:
            self._loop.emit("step.started", data | {"attempt": unit.attempt})
            self._over(unit, Outcome("failed", None, reason="error", error=told(error)))
            return
        self._loop.emit("step.started", data)
        unit.scope = scope
        self._loop.flow.open(scope)
        for limit in (unit.step.timeout, scope.template.policy.timeout):
            if limit is not None:
                self._loop.after(limit, lambda: self._too_long(unit, scope))

    def _apart(self, unit: Unit, *, resumed: bool) -> dict[str, Any]:
        """Give an ephemeral unit its workspace; returns what is to be noted of it.

        It is taken up again after the run has waited for a person. Otherwise what was recorded of the inner steps is void: their files are gone.

        Raises:
            StartProblem: None can be made.
        """
        void = False
        if not (resumed and take_up_own(self._loop, unit)):
            void = self._loop.flow.forget(f"{unit.address}/")
            unit.attempt += resumed
            enter_own(self._loop, unit)
        assert unit.workspace is not None
        return {"attempt": unit.attempt, "workspace": unit.workspace.path, **({"anew": True} if void else {})}

    def _over(self, unit: Unit, outcome: Outcome) -> None:
        self._loop.left_out += leave_own(self._loop, unit, outcome)
        self._loop.flow.finished(unit, outcome)

    def _too_long(self, unit: Unit, scope: Scope) -> None:
        if unit.scope is scope and self._loop.flow.units.get(unit.address) is unit:
            scope.timed_out = True
            self._loop.flow.cancel(scope)

    def leave(self, scope: Scope) -> None:
        """Close a scope that is done: its outputs become its step's."""
        unit = scope.parent
        assert unit is not None
        unit.scope = None
        self._over(unit, ending(scope))


def inner_scope(unit: Unit, plan: Plan, workspace: Workspace, secrets: Mapping[str, str]) -> Scope:
    """Return the scope inside of a unit whose step is a sub-workflow; no step of it has a result yet.

    Args:
        unit: The step, instance or iteration; it has its own workspace already when it is ephemeral.
        plan: Holds the sub-workflow.
        workspace: The run's.
        secrets: Values by ``params.NAME`` and ``secrets.NAME``.

    Raises:
        EvaluationError: An input has no value, or does not fit, or its folder is not there.
    """
    outer, step = unit.node.scope, unit.step
    contexts = unit.evaluate_frames()
    template = plan.workflows[step.uses or ""]
    own, env = unit.workspace, dict(outer.env)
    elsewhere = outer.elsewhere or template.provenance is not None
    if elsewhere and not outer.elsewhere:
        env = {**outer.given, **inheritance(env, plan.env)}
        take_environment(env, _around(unit, workspace).own)
    if own is not None:
        take_environment(env, taken_from(own, elsewhere=elsewhere))
    for frame, name, text in step.env:
        env[name] = to_text(outer.rendered(text, contexts[frame]))
    if template.source:
        folder = template.source.rpartition("/")[0]
        # What came from elsewhere went along with the run: a working copy has no files of it, whatever lies at that place there.
        env["ROPEWAY_WORKFLOW_DIR"] = folder if elsewhere else (own or workspace).inside(folder)
    env["ROPEWAY_WORKFLOW"] = template.id
    params = arguments(template, unit.inputs, outer.types)
    hidden = [str(params[name]) for name, field in template.parameters.items() if field.type == "secret" and params[name] is not None]
    inherited = [secrets[name] for name in step.secrets if name in secrets]
    policy = template.policy.sandbox
    return Scope(
        template=template,
        prefix=f"{unit.address}/",
        order=unit.order,
        parent=unit,
        params=params,
        secrets={n: secrets[f"secrets.{n}"] for n in (policy.secrets if policy else ()) if f"secrets.{n}" in secrets},
        env=env,
        run=outer.run,
        cwd=_folder(unit, outer, contexts[0]),
        masked=(*outer.masked, *hidden, *inherited),
        types=outer.types,
        apart=outer.apart or own is not None,
        given=outer.given,
    )


def _around(unit: Unit, workspace: Workspace) -> Workspace:
    """Return the workspace that a unit is in, its own one left aside: that of the innermost ephemeral step around it, else the run's."""
    around = (scope.parent.workspace for scope in unit.enclosing if scope.parent is not None)
    return next((own for own in around if own is not None), workspace)


def _folder(unit: Unit, outer: Scope, names: Mapping[str, Any]) -> str:
    """Return the folder that a sub-workflow works in: its step's own copy, a folder that it names, or the one outside.

    Raises:
        EvaluationError: There is no such folder.
    """
    if unit.workspace is not None:
        return unit.workspace.path
    if unit.step.workspace in ("inherit", "", "ephemeral"):
        return outer.cwd
    wanted = to_text(outer.rendered(unit.step.workspace, names))
    folder = os.path.join(outer.cwd, wanted)
    if not os.path.isdir(folder):
        raise EvaluationError(f"no such folder: {wanted}")
    return folder


def ending(scope: Scope) -> Outcome:
    """Return what a finished scope comes to, outputs evaluated."""
    if scope.timed_out:
        return Outcome("failed", None, reason="timeout", error="timed out")
    state = scope.schedule.outcome()
    if state == "succeeded":
        try:
            return Outcome("succeeded", 0, outputs_of(scope))
        except EvaluationError as error:
            return Outcome("failed", None, reason="output", error=told(error))
    failed = [f"{scope.prefix}{i}" for i, r in scope.results.items() if r["state"] == "failed"]
    why = f"{failed[0]} failed" if failed else None
    return Outcome(state, 1 if state == "failed" else None, reason="steps" if failed else "cancelled", error=why)


def outputs_of(scope: Scope) -> dict[str, Any]:
    """Evaluate a workflow's ``[outputs]``."""
    names = scope.names()
    return {name: scope.rendered(value, names) for name, value in scope.template.outputs.items()}


def arguments(template: Template, inputs: Mapping[str, Any], types: ParameterTypes | None = None) -> dict[str, Any]:
    """Return a sub-workflow's parameters from its step's inputs.

    Raises:
        EvaluationError: One is missing, or does not fit.
    """
    params: dict[str, Any] = {}
    for name, field in template.parameters.items():
        if inputs.get(name) is None and (name not in inputs or field.has_default):
            if field.required and not field.has_default:
                raise EvaluationError(f"the sub-workflow {template.id} needs the input {name!r}")
            params[name] = field.default
            continue
        try:
            params[name] = inputs[name] if field.type == "secret" else check_value(field, inputs[name], types)
        except RopewayError as problem:
            raise EvaluationError(f"input {name!r} of {template.id}: {problem}") from problem
    return params
