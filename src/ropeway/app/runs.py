"""The verbs over runs: create, carry out, resume, link, cancel, answer, show.

A run is created (its folder and plan are written), then carried out by a pair of processes that this call becomes (see ``runs.guardian``). Everything
that can be refused or asked for, is before the pair is made.
"""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ropeway.app import enforce
from ropeway.errors import NotFound, UsageError
from ropeway.runs import guardian
from ropeway.runs import state as states
from ropeway.runs.around import Limits
from ropeway.runs.carry import EXIT, Job, carry
from ropeway.runs.events import FORMAT
from ropeway.runs.folder import RunFolder, RunStore
from ropeway.runs.journal import Journal
from ropeway.settings import state_dir

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from ropeway.lang.plan import Plan
    from ropeway.runs.around import Observer
    from ropeway.runs.gates import Asker, GateRequest
    from ropeway.runs.index import Filter
    from ropeway.runs.state import RunState

__all__ = ["EXIT", "RunFolder", "RunOptions", "RunStore"]


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How one run is carried out, as the person asked for it.

    ``parallel`` wins over the workflow's ``max_parallel``; ``global_parallel`` caps both. ``interactive`` says that a person sits at a terminal.
    """

    parallel: int | None = None
    global_parallel: int | None = None
    in_place: bool = False
    no_sandbox: bool = False
    env_file: Path | None = None
    interactive: bool = False

    def recorded(self) -> dict[str, Any]:
        """Return what a resume has to know."""
        return {
            "parallel": self.parallel,
            "in_place": self.in_place,
            "no_sandbox": self.no_sandbox,
            "env_file": None if self.env_file is None else str(self.env_file),
        }


def actor() -> str:
    """Return the person's name on this machine."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def store(environ: Mapping[str, str] | None = None) -> RunStore:
    """Return the runs of the state directory."""
    return RunStore(state_dir(os.environ if environ is None else environ))


def check(plan: Plan, options: RunOptions, environ: Mapping[str, str] | None = None) -> None:
    """Refuse what can't be carried out as it is asked for: rules that nothing enforces here, requirements that are missing.

    Raises:
        Refused: Something can't be enforced.
        NotFound: Something required is missing; all of it is named.
    """
    enforce.check(plan, options)
    needs = [t.requirements for t in (plan.template, *plan.workflows.values()) if t.requirements.commands or t.requirements.python]
    if needs:
        from ropeway.runs import requirements

        for one in needs:
            requirements.check(one, os.environ if environ is None else environ)


def create(plan: Plan, *, cwd: Path, options: RunOptions, linked: str | None = None) -> RunFolder:
    """Make a new run of a plan; nothing of it is carried out yet.

    Raises:
        Refused, NotFound: See :func:`check`.
        StoreError: The state directory can't be written.
    """
    check(plan, options)
    folder = store().create(plan.to_json())
    data: dict[str, Any] = {
        "format": FORMAT,
        "workflow": plan.template.id,
        "version": plan.template.version,
        "digest": plan.template.digest,
        "actor": actor(),
        "host": os.uname().nodename,
        "cwd": str(cwd),
        "source": plan.template.source,
        "params": {name: value.value for name, value in plan.parameters.items()},
        "options": options.recorded(),
    }
    if linked is not None:
        data["linked"] = linked
    if plan.warnings:
        data["warnings"] = list(plan.warnings)
    journal = Journal(folder.journal)
    journal.add("run.created", data)
    journal.flush()
    journal.release()
    return folder


def carry_out(
    folder: RunFolder,
    *,
    observer: Observer,
    asker: Asker | None = None,
    options: RunOptions | None = None,
    plan: Plan | None = None,
    prompt: Callable[[str], str] | None = None,
) -> int:
    """Carry a run out, from its beginning or from where it stopped.

    The calling process becomes the guardian; the work is done, and ``observer`` is called, in a child of it.

    Args:
        folder: The run.
        observer: Follows it.
        asker: Asks the person at a gate; None makes the run wait there.
        options: As given to :func:`create`; None takes what was recorded.
        plan: The run's plan when the caller has it at hand.
        prompt: Asks for a secret without echo; None when there is nobody.

    Returns:
        The exit status: 0 done, 1 failed, 5 cancelled, 6 waiting, 130 Ctrl-C.

    Raises:
        Busy: Another process carries it out.
        NotFound: A secret has no value.
    """
    lock = folder.lock()
    try:
        plan = plan or folder.plan()
        created = _created(folder)
        options = options or _options(created)
        environ = _environ(options)
        job = Job(
            folder=folder,
            plan=plan,
            cwd=_cwd(created),
            environ=environ,
            limits=_limits(plan, options),
            observer=observer,
            actor=actor(),
            asker=asker,
            secrets=_secrets(plan, environ, prompt),
        )
        return guardian.carry_out(lambda life: carry(job, life))
    finally:
        os.close(lock)


def _environ(options: RunOptions) -> Mapping[str, str]:
    if options.env_file is None:
        return dict(os.environ)
    from ropeway.runs.env_file import with_env_file

    return with_env_file(os.environ, options.env_file)


def _created(folder: RunFolder) -> Mapping[str, Any]:
    for event in folder.events():
        return event.data
    raise NotFound(f"run {folder.id} has no events", code="run-not-found")


def _options(created: Mapping[str, Any]) -> RunOptions:
    recorded = dict(created.get("options", {}))
    env_file = recorded.pop("env_file", None)
    return RunOptions(**recorded, env_file=Path(env_file) if env_file else None)


def _cwd(created: Mapping[str, Any]) -> str:
    cwd = str(created["cwd"])
    if not Path(cwd).is_dir():
        raise NotFound(f"the run's folder {cwd} is gone", hint="put it back, or start the workflow again elsewhere", code="cwd-gone")
    return cwd


def _limits(plan: Plan, options: RunOptions) -> Limits:
    parallel = options.parallel or plan.template.policy.max_parallel
    if options.global_parallel is not None:
        parallel = min(parallel, options.global_parallel)
    return Limits(parallel, float(os.cpu_count() or 1), enforce.total_memory())


def _secrets(plan: Plan, environ: Mapping[str, str], prompt: Callable[[str], str] | None) -> dict[str, str]:
    """Read every secret the plan names: parameters by their source, policy entries by their name."""
    wanted: dict[str, str | None] = {}
    for name, field in plan.template.parameters.items():
        value = plan.parameters.get(name)
        if field.type == "secret" and value is not None and (field.required or value.value is not None):
            wanted[f"params.{name}"] = value.value
    for template in (plan.template, *plan.workflows.values()):
        for name in template.policy.sandbox.secrets if template.policy.sandbox is not None else ():
            wanted.setdefault(f"secrets.{name}", None)
    if not wanted:
        return {}
    from ropeway.runs.secrets import open_store, read_secret

    return {
        key: read_secret(source, key.partition(".")[2], store=lambda: open_store(os.environ), environ=environ, prompt=prompt)
        for key, source in wanted.items()
    }


# -- finding and showing ----------------------------------------------------------------------------------------------------------


def find_run(prefix: str | None, *, latest: bool = False) -> RunFolder:
    """Return the run that an id or unique prefix names; the latest one when none is named and ``latest`` allows it.

    Raises:
        NotFound: There is none, or the prefix fits several.
        UsageError: None was named.
    """
    if prefix is not None:
        return store().find(prefix)
    if latest:
        return store().latest()
    raise UsageError("name the run", hint="`workflow runs` lists them; --latest takes the newest", code="run-unnamed")


def status(folder: RunFolder) -> RunState:
    """Return a run's state; what a run whose processes all died left running is ended first."""
    found = folder.state()
    if found.state == "interrupted":
        sweep(folder, found)
    return found


def sweep(folder: RunFolder, found: RunState) -> None:
    """End what an interrupted run left running, unless somebody begins to own it at this moment."""
    from ropeway.errors import Busy, StoreError
    from ropeway.runs import proctable

    try:
        lock = folder.lock()
    except (Busy, StoreError):
        return
    try:
        proctable.kill_run(folder.id, [s.process for s in found.steps.values() if s.process is not None])
    finally:
        os.close(lock)


def history(wanted: Filter) -> Iterator[dict[str, Any]]:
    """Yield runs as ``status`` objects without steps, newest first."""
    from ropeway.runs.index import Index

    yield from Index(store()).rows(wanted)


def active() -> list[RunState]:
    """Return the unfinished runs with their steps, oldest first."""
    from ropeway.runs.index import Filter

    rows = list(history(Filter(states=tuple(states.UNFINISHED))))
    return [status(RunFolder(store().runs / row["run"])) for row in reversed(rows)]


# -- going on -------------------------------------------------------------------------------------------------------------------


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
    from ropeway.errors import RopewayError
    from ropeway.lang.digests import workflow_digest

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
) -> RunFolder:
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
    created = _created(old)
    folder = create(new, cwd=Path(_cwd(created)), options=options or _options(created), linked=old.id)
    _keep(old, recorded, folder, new, from_step, frozenset(skip))
    return folder


def _with_values(plan: Plan, values: Mapping[str, str]) -> Plan:
    if not values:
        return plan
    from ropeway.lang.plan import Value
    from ropeway.lang.values import parse_parameter

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
    from ropeway.lang.digests import step_digests
    from ropeway.runs.veil import Veil

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


# -- reaching a run -------------------------------------------------------------------------------------------------------------


def cancel(folder: RunFolder, *, reason: str = "asked for by `workflow cancel`", patience: float = 30.0) -> RunState:
    """Cancel a run: ask its owner, or note it when nobody owns it. Waits until it has ended.

    Raises:
        UsageError: It has ended already.
        Busy: Its owner did not end it in time; it was asked to.
    """
    from ropeway.errors import Busy
    from ropeway.runs import control

    who = actor()
    if control.ask_to_cancel(folder, by=who, reason=reason):
        if not control.wait_until_free(folder, patience):
            raise Busy(f"run {folder.id} was asked to end and is still ending", hint=f"`workflow status {folder.id}`", code="run-busy")
        return folder.state()
    found = folder.state()
    if found.state not in states.UNFINISHED:
        raise UsageError(f"run {folder.id} has {found.state} already", code="run-ended")
    sweep(folder, found)
    lock = folder.lock()
    try:
        journal = Journal(folder.journal)
        journal.add("run.cancelling", {"by": who, "reason": reason})
        for step in found.steps.values():
            if step.state in ("running", "waiting", "interrupted", "ready"):
                data = {"step": step.id, "attempt": step.attempts, "state": "cancelled", "exit_code": None, "outputs": {}}
                journal.add("step.finished", data | {"reason": "cancelled"})
        journal.add("run.finished", {"state": "cancelled", "outputs": {}, "reason": reason})
        journal.close()
    finally:
        os.close(lock)
    return folder.state()


def gate_of(folder: RunFolder, step: str | None) -> GateRequest:
    """Return the open gate that a person means: the named one, or the only one.

    Raises:
        NotFound: It is not open.
        UsageError: Several are open and none is named.
    """
    from ropeway.runs.gates import recorded_request

    found = folder.state()
    gates = {s.id: s for s in found.open_gates}
    if step is None and len(gates) == 1:
        step = next(iter(gates))
    if step is None and gates:
        raise UsageError(f"run {folder.id} has {len(gates)} open gates", hint="name one: " + ", ".join(gates), code="gate-unnamed")
    if step is None or step not in gates:
        what = f"gate {step!r}" if step else "gate"
        hint = "open: " + ", ".join(gates) if gates else f"the run is {found.state}"
        raise NotFound(f"run {folder.id} has no open {what}", hint=hint, code="gate-not-open")
    return recorded_request(step, gates[step].gate or {})


def answer(folder: RunFolder, step: str | None, value: Any, fields: Mapping[str, Any]) -> bool:
    """Answer an open gate.

    Returns:
        Whether somebody carries the run out now, and takes the answer; else :func:`carry_out` takes it.

    Raises:
        NotFound, UsageError: No such open gate, or the answer does not fit it; nothing is changed then.
    """
    from ropeway.runs import control
    from ropeway.runs.gates import checked

    gate = gate_of(folder, step)
    checked(gate, value, fields)
    control.leave_answer(folder, gate.step, value, fields, by=actor())
    return folder.owned


def artifacts(folder: RunFolder, names: Iterable[str] = ()) -> list[tuple[Mapping[str, Any], Path]]:
    """Return a run's kept files as ``(artifact, path)``; all of them when no names are given.

    Raises:
        NotFound: The run has none of that name.
    """
    found = folder.state().artifacts
    wanted = list(names)
    for name in wanted:
        if not any(a["name"] == name for a in found):
            known = ", ".join(sorted({a["name"] for a in found})) or "none"
            raise NotFound(f"run {folder.id} has no artifact {name!r}", hint=f"it has {known}", code="artifact-not-found")
    return [(a, folder.artifacts / a["name"] / a["path"]) for a in found if not wanted or a["name"] in wanted]
