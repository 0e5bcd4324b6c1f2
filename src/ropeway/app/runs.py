"""The verbs over runs: create, carry out, resume, link, cancel, answer, show.

A run is created (its folder and plan are written), then carried out by a pair of processes that this call becomes (see ``runs.guardian``). Everything
that can be refused or asked for, is before the pair is made.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ropeway.app import enforce, working_copies
from ropeway.app.options import RunOptions
from ropeway.app.plugin_types import PluginTypes
from ropeway.app.readiness import Ready, prepare, read
from ropeway.errors import NotFound, RopewayError
from ropeway.lang.plan import record_to_json
from ropeway.records import replace
from ropeway.runs import guardian
from ropeway.runs.around import Limits
from ropeway.runs.carry import EXIT, Job, carry
from ropeway.runs.events import FORMAT
from ropeway.runs.folder import RunFolder, RunStore
from ropeway.runs.journal import Journal
from ropeway.settings import load, state_dir

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ropeway.lang.plan import Plan
    from ropeway.runs.around import Observer
    from ropeway.runs.gates import Asker
    from ropeway.runs.workspace import Files
    from ropeway.settings import Settings

__all__ = ["EXIT", "Ready", "RunFolder", "RunOptions", "RunStore", "prepare"]


def actor() -> str:
    """Return the person's name, as their settings say."""
    return load(None, os.environ).actor


def store(environ: Mapping[str, str] | None = None) -> RunStore:
    """Return the runs of the state directory."""
    return RunStore(state_dir(os.environ if environ is None else environ))


def create(plan: Plan, *, cwd: Path, options: RunOptions, linked: str | None = None, ready: Ready | None = None) -> RunFolder:
    """Make a new run of a plan; nothing of it is carried out yet.

    Args:
        plan: What is to be carried out.
        cwd: The run's folder, absolute.
        options: As the person asked for it.
        linked: The run that it goes on from.
        ready: What :func:`prepare` returned; None lets it be done here, with nobody to ask for a secret.

    Raises:
        Refused, NotFound, UsageError: See :func:`prepare`; nothing was made.
        StoreError: The state directory can't be written.
    """
    ready = ready or prepare(plan, cwd=cwd, options=options)
    folder = store().create(lambda path: _along(plan, path).to_json())
    data: dict[str, Any] = {
        "format": FORMAT,
        "workflow": plan.template.id,
        "version": plan.template.version,
        "digest": plan.template.digest,
        "actor": ready.settings.actor,
        "host": os.uname().nodename,
        "cwd": str(cwd),
        "source": plan.template.source,
        "params": {name: value.value for name, value in plan.parameters.items()},
        "options": options.recorded(),
        "workspace": (ready.isolation or working_copies.choose(plan, options, cwd)).recorded(),
    }
    if linked is not None:
        data["linked"] = linked
    if plan.warnings:
        data["warnings"] = list(plan.warnings)
    if plan.template.provenance is not None:
        data["provenance"] = record_to_json(plan.template.provenance)
    journal = Journal(folder.journal)
    journal.add("run.created", data)
    journal.flush()
    journal.release()
    return folder


def _along(plan: Plan, run: Path) -> Plan:
    """Return a plan that needs nothing outside of the run's folder but files of this machine."""
    if not _elsewhere(plan):
        return plan
    from ropeway.app.bringing import take_along

    return take_along(plan, run)


def _elsewhere(plan: Plan) -> bool:
    """Whether any part of a plan is not this machine's own."""
    return plan.template.provenance is not None or any(template.provenance is not None for template in plan.workflows.values())


def carry_out(
    folder: RunFolder,
    *,
    observer: Observer,
    asker: Asker | None = None,
    options: RunOptions | None = None,
    plan: Plan | None = None,
    prompt: Callable[[str], str] | None = None,
    ready: Ready | None = None,
    files: Files = "auto",
) -> int:
    """Carry a run out, from its beginning or from where it stopped.

    The calling process becomes the guardian; the work is done, and ``observer`` is called, in a child of it.

    Args:
        folder: The run.
        observer: Follows it.
        asker: Asks the person at a gate; None makes the run wait there.
        options: As given to :func:`create`, or what a resume wants other than before; None takes what was recorded.
        plan: The run's plan when the caller has it at hand.
        prompt: Asks for a secret without echo; None when there is nobody.
        ready: What :func:`prepare` returned when the run was made just now; None reads it again.
        files: What to do with the files of an earlier try: as agreed (an interrupted step's are undone), ``restore`` or ``keep``.

    Returns:
        The exit status: 0 done, 1 failed, 5 cancelled, 6 waiting, 130 Ctrl-C.

    Raises:
        Busy: Another process carries it out, or works in its workspace.
        NotFound: A secret has no value.
    """
    locks = [folder.lock()]
    try:
        if plan is None or _elsewhere(plan):  # the recorded one names the files that the run took along
            plan = folder.plan()
        first = created(folder)
        options = options_of(first, options)
        cwd = folder_of(first)
        ready = ready or read(plan, cwd=Path(cwd), options=options, prompt=prompt)
        settings = ready.settings
        isolation = ready.isolation or working_copies.chosen(first, cwd)
        power = "power" in (settings.durability, plan.template.policy.durability)
        try:
            workspace, locked = working_copies.workspace_of(folder, plan, options, cwd, isolation, power=power)
        except RopewayError as error:
            _note_refused(folder, error)
            raise
        locks += [locked] if locked >= 0 else []
        job = Job(
            folder=folder,
            plan=plan,
            workspace=workspace,
            environ=ready.environ,
            limits=_limits(plan, options, settings),
            observer=observer,
            types=PluginTypes(),
            actor=settings.actor,
            grace=settings.grace,
            power=power,
            asker=asker,
            secrets=ready.secrets,
            files=files,
            given=ready.given,
        )
        return guardian.carry_out(lambda life: carry(job, life))
    finally:
        for lock in locks:
            os.close(lock)


def _note_refused(folder: RunFolder, error: RopewayError) -> None:
    """Write the end of a new run that can't be begun; one that was begun before stays as it was."""
    if any(event.event == "run.started" for event in folder.events()):
        return
    journal = Journal(folder.journal)
    journal.add("run.finished", {"state": "failed", "outputs": {}, "error": str(error)})
    journal.release()


def created(folder: RunFolder) -> Mapping[str, Any]:
    for event in folder.events():
        return event.data
    raise NotFound(f"run {folder.id} has no events", code="run-not-found")


def options_of(created: Mapping[str, Any], asked: RunOptions | None = None) -> RunOptions:
    """Return the recorded options, with those that are asked for now in their place: a resume may change how many steps run, and what they read.

    Where to break is asked for each time anew: whoever went on after looking at a failure wants the clean-up steps, too.
    """
    recorded = dict(created.get("options", {}))
    env_file = recorded.pop("env_file", None)
    found = RunOptions(**recorded, env_file=Path(env_file) if env_file else None)
    if asked is None:
        return replace(found, break_on_failure=False)
    return replace(
        found,
        parallel=asked.parallel or found.parallel,
        env_file=asked.env_file or found.env_file,
        interactive=asked.interactive,
        break_on_failure=asked.break_on_failure,
    )


def folder_of(created: Mapping[str, Any]) -> str:
    cwd = str(created["cwd"])
    if not Path(cwd).is_dir():
        raise NotFound(f"the run's folder {cwd} is gone", hint="put it back, or start the workflow again elsewhere", code="cwd-gone")
    return cwd


def _limits(plan: Plan, options: RunOptions, settings: Settings) -> Limits:
    parallel = options.parallel or plan.template.policy.max_parallel
    if settings.max_parallel is not None:
        parallel = min(parallel, settings.max_parallel)
    cores, memory = float(settings.cores or os.cpu_count() or 1), settings.memory or enforce.total_memory()
    return Limits(parallel, cores, memory, break_on_failure=options.break_on_failure)
