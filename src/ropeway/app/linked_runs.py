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
from ropeway.runs.addresses import top
from ropeway.runs.journal import Journal
from ropeway.runs.veil import Veil
from ropeway.workspaces import Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

    from ropeway.app.options import RunOptions
    from ropeway.app.readiness import Ready
    from ropeway.lang.plan import Plan
    from ropeway.runs.folder import RunFolder
    from ropeway.runs.state import RunState
    from ropeway.runs.workspace import Files


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
    if template.source is None or template.provenance is not None:  # what came from elsewhere went along with the run
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
    files: Files = "auto",
) -> tuple[RunFolder, Ready]:
    """Make a new run that keeps what still holds of an old one.

    A step is kept when it had succeeded, warned, or been skipped by its own ``when`` or the person, when its digest (action, static values, parameters it reads, its needs'
    digests) is the same in both plans, and when it is neither ``from_step`` nor depends on it. The new run's files are those of the latest quiet boundary that
    holds only kept steps' changes; a step whose changes that boundary lacks runs again.

    Args:
        old: The run to go on from; nobody may own it.
        plan: Today's plan; None takes the recorded one.
        values: Parameters to set, as text.
        from_step: Run this step and what depends on it again.
        skip: Steps to leave out; they count as done. The changes of one that was done already, and whose digest is the same, stay in the files.
        options: As for :func:`create`; None takes what was recorded.
        prompt: Asks for a secret without echo; None when there is nobody.
        files: ``keep`` begins with the files as the old run left them instead.

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
    # Not the old run's named workspace: what the person has done there since is theirs.
    cwd, options = Path(folder_of(first)), replace(options_of(first, options), workspace_id=None)
    ready = prepare(new, cwd=cwd, options=options, prompt=prompt)
    folder = create(new, cwd=cwd, options=options, linked=old.id, ready=ready)
    again = _downstream(new, [from_step]) if from_step else frozenset[str]()
    _keep((old, recorded), (folder, new), again=again, skip=frozenset(skip), files=files)
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


def _keep(was: tuple[RunFolder, Plan], now: tuple[RunFolder, Plan], *, again: frozenset[str], skip: frozenset[str], files: Files) -> None:
    """Write the kept steps' results, and the files that they left, into the new run's journal."""
    (old, before), (folder, after) = was, now
    results = old.state(before)
    hidden = Veil(old, ())
    hidden.restore(results)
    veil = Veil(folder, hidden.learned)
    holding = _holding(results, before, after, again)  # also what is left out from now on: what it did to the files is done
    start, lacking = _start(old, results, holding, files)
    kept = holding - skip - _downstream(after, lacking - skip)
    journal = Journal(folder.journal)
    if start is not None:
        journal.add("workspace.start", start)
    for step in after.template.steps:
        if step.id in skip:
            journal.add("step.finished", _kept(step.id, "skipped", None, {}, old.id) | {"reason": "user"})
        elif step.id in kept:
            found = results.steps[step.id]
            data = _kept(step.id, found.state, found.exit_code, dict(found.outputs), old.id)
            journal.add("step.finished", veil.over(data | ({"reason": found.reason} if found.reason else {})))
    journal.flush()
    journal.release()


def _holding(results: RunState, before: Plan, after: Plan, again: frozenset[str]) -> frozenset[str]:
    """Return the steps whose results still hold by their digests."""
    was, now = step_digests(before), step_digests(after)
    holding = set()
    for step in after.template.steps:
        found = results.steps.get(step.id)
        if found is not None and step.id not in again and was.get(step.id) == now[step.id] and states.settled_for_good(found):
            holding.add(step.id)
    return frozenset(holding)


def _start(old: RunFolder, results: RunState, kept: frozenset[str], files: Files) -> tuple[dict[str, Any] | None, frozenset[str]]:
    """Return the files that the new run begins with (the data of ``workspace.start``), and the kept steps whose changes they lack.

    A run in place has no files to begin with. Inner steps and instances are kept with their step.
    """
    from ropeway.runs.boundaries import boundaries, start_for_linked
    from ropeway.runs.lineage import holders

    events = list(old.events())
    known = boundaries(events)
    created = known.created
    if created is None:
        return None, frozenset()
    if files == "keep":
        snapshot, lacking = known.latest or Snapshot.from_json(created["snapshot"]), frozenset[str]()
    else:
        inner = {address for address in results.steps if top(address) in kept}
        snapshot, lacking = start_for_linked(known, events, inner)
    data = {"run": old.id, "base": created["base"], "base_commit": created["base_commit"], "snapshot": snapshot.as_json()}
    data |= {"first": (known.origin or snapshot).as_json(), "holds": sorted(holders(events, snapshot))}
    return data, frozenset(top(address) for address in lacking)


def _kept(step: str, state: str, exit_code: int | None, outputs: dict[str, Any], run: str) -> dict[str, Any]:
    return {"step": step, "attempt": 0, "state": state, "exit_code": exit_code, "outputs": outputs, "kept": run}


def _downstream(plan: Plan, start: Iterable[str]) -> frozenset[str]:
    """Return steps and everything that depends on them."""
    dependents: dict[str, list[str]] = {}
    for step in plan.template.steps:
        for need in step.needs:
            dependents.setdefault(need, []).append(step.id)
    found, queue = set(start), list(start)
    while queue:
        for dependent in dependents.get(queue.pop(), ()):
            if dependent not in found:
                found.add(dependent)
                queue.append(dependent)
    return frozenset(found)
