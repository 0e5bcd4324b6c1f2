"""Going on with a run in a new one that keeps what still holds of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ropeway.app.readiness import prepare
from ropeway.app.runs import create, created, folder_of, options_of
from ropeway.errors import RopewayError, UsageError
from ropeway.lang.digests import step_digests, workflow_digest
from ropeway.lang.plan import Value
from ropeway.lang.values import parse_parameter
from ropeway.records import replace
from ropeway.runs import state as states
from ropeway.runs.journal import Journal
from ropeway.runs.veil import Veil

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from ropeway.app.options import RunOptions
    from ropeway.app.readiness import Ready
    from ropeway.lang.plan import Plan
    from ropeway.runs.folder import RunFolder
    from ropeway.runs.state import RunState


def check_resumable(folder: RunFolder, found: RunState) -> None:
    """Refuse to resume what is done or under way.

    Raises:
        Busy: It is being carried out.
        UsageError: It has succeeded.
    """
    if found.state in states.RESUMABLE:
        return
    if found.state == "succeeded":
        hint = "start it again with `workflow run`; --from STEP runs part of it again"
        raise UsageError(f"run {folder.id} has succeeded, there is nothing to resume", hint=hint, code="not-resumable")
    os.close(folder.lock())  # says that it is busy


def changed_since(folder: RunFolder) -> str | None:
    """Return a sentence when the workflow's file is not what the run's plan was made from, else None."""
    from ropeway.app import workflows

    template = folder.plan().template
    if template.source is None:
        return None
    try:
        loaded = workflows.load(template.source, cwd=Path("/"), overrides=folder.plan().overrides)
    except RopewayError:
        return f"{template.source} is gone since; the run goes on from its recorded plan"
    if workflow_digest(loaded.source.data) == template.digest:
        return None
    return f"{template.source} has changed since; the run goes on from its recorded plan (--replan takes today's file)"


def link(
    old: RunFolder,
    *,
    plan: Plan | None = None,
    values: Mapping[str, str] | None = None,
    from_step: str | None = None,
    skip: Sequence[str] = (),
    options: RunOptions | None = None,
    prompt: Callable[[str], str] | None = None,
) -> tuple[RunFolder, Ready]:
    """Make a new run that keeps what still holds of an old one.

    A step is kept when it had succeeded, warned, or been skipped by its own ``when`` or the person, when its digest (action, static values, parameters it reads, its needs'
    digests) is the same in both plans, and when it is neither ``from_step`` nor depends on it.

    Args:
        old: The run to go on from; nobody may own it.
        plan: Today's plan; None takes the recorded one.
        values: Parameters to set, as text.
        from_step: Run this step and what depends on it again.
        skip: Steps to leave out; they count as done.
        options: As for :func:`create`; None takes what was recorded.
        prompt: Asks for a secret without echo; None when there is nobody.

    Returns:
        The new run, and what it is to be carried out with.

    Raises:
        Busy: The old run is being carried out.
        UsageError: No such step or parameter, or a value that does not fit.
    """
    os.close(old.lock())
    recorded = old.plan()
    new = _with_values(plan or recorded, values or {})
    ids = {s.id for s in new.template.steps}
    for name in (*skip, *([from_step] if from_step else [])):
        if name not in ids:
            raise UsageError(f"the workflow has no step {name!r}", hint="it has " + ", ".join(sorted(ids)[:20]), code="unknown-step")
    first = created(old)
    cwd, options = Path(folder_of(first)), options or options_of(first)
    ready = prepare(new, cwd=cwd, options=options, prompt=prompt)
    folder = create(new, cwd=cwd, options=options, linked=old.id, ready=ready)
    _keep(old, recorded, folder, new, from_step, frozenset(skip))
    return folder, ready


def _with_values(plan: Plan, values: Mapping[str, str]) -> Plan:
    if not values:
        return plan

    parameters = dict(plan.parameters)
    for name, text in values.items():
        field = plan.template.parameters.get(name)
        if field is None:
            known = ", ".join(plan.template.parameters) or "none"
            raise UsageError(f"the workflow has no parameter {name!r}", hint=f"it has {known}", code="unknown-parameter")
        if field.type == "secret":
            raise UsageError(f"{name} is a secret: its value can't be given here", hint="see `workflow secret set`", code="secret-param")
        parameters[name] = Value(parse_parameter(field, text), "param")
    return replace(plan, parameters=parameters)


def _keep(old: RunFolder, before: Plan, folder: RunFolder, after: Plan, from_step: str | None, skip: frozenset[str]) -> None:
    """Write the kept steps' results into the new run's journal."""
    results = old.state(before)
    hidden = Veil(old, ())
    hidden.restore(results)
    veil = Veil(folder, hidden.learned)
    was, now = step_digests(before), step_digests(after)
    again = _downstream(after, from_step) if from_step else frozenset()
    journal = Journal(folder.journal)
    for step in after.template.steps:
        if step.id in skip:
            journal.add("step.finished", _kept(step.id, "skipped", None, {}, old.id) | {"reason": "user"})
            continue
        found = results.steps.get(step.id)
        same = step.id not in again and was.get(step.id) == now[step.id]
        if found is not None and same and states.settled_for_good(found):
            data = _kept(step.id, found.state, found.exit_code, dict(found.outputs), old.id)
            journal.add("step.finished", veil.over(data | ({"reason": found.reason} if found.reason else {})))
    journal.flush()
    journal.release()


def _kept(step: str, state: str, exit_code: int | None, outputs: dict[str, Any], run: str) -> dict[str, Any]:
    return {"step": step, "attempt": 0, "state": state, "exit_code": exit_code, "outputs": outputs, "kept": run}


def _downstream(plan: Plan, start: str) -> frozenset[str]:
    """Return a step and everything that depends on it."""
    dependents: dict[str, list[str]] = {}
    for step in plan.template.steps:
        for need in step.needs:
            dependents.setdefault(need, []).append(step.id)
    found, queue = {start}, [start]
    while queue:
        for dependent in dependents.get(queue.pop(), ()):
            if dependent not in found:
                found.add(dependent)
                queue.append(dependent)
    return frozenset(found)
