"""Carrying a run out, from its folder to its last event: what happens in the runner process around the executor."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ropeway.errors import RopewayError
from ropeway.lang.expressions import EvaluationError, to_text
from ropeway.records import field, record
from ropeway.runs import groups, proctable
from ropeway.runs import state as states
from ropeway.runs.around import Surroundings
from ropeway.runs.control import who_cancels
from ropeway.runs.executor import Executor
from ropeway.runs.journal import Journal
from ropeway.runs.nested import ending
from ropeway.runs.root import root_scope
from ropeway.runs.scope import told
from ropeway.runs.veil import Veil
from ropeway.runs.workspace import Stopped, keep_artifacts, open_workspace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ropeway.lang.parameter_types import ParameterTypes
    from ropeway.lang.plan import Plan
    from ropeway.runs.around import Limits, Observer
    from ropeway.runs.folder import RunFolder
    from ropeway.runs.gates import Asker
    from ropeway.runs.journal import EventSink
    from ropeway.runs.scope import Scope
    from ropeway.runs.state import RunState
    from ropeway.runs.workspace import Files
    from ropeway.workspaces import Workspace

EXIT = {"succeeded": 0, "failed": 1, "cancelled": 5, "waiting": 6, "interrupted": 1}
"""Exit status by the state a run ends in; Ctrl-C makes it 130."""


@record
class Job:
    """One carrying out of a run, decided by the caller before the pair of processes is made.

    ``environ`` is what steps inherit, and ``given`` what the person's ``--env-file`` adds to it; ``secrets`` are values by ``params.NAME`` and ``secrets.NAME``; ``grace`` is in seconds; ``power`` syncs every turn.
    ``types`` are the parameter types that plugins bring. ``files`` says what a resume does with the files that it finds.
    """

    folder: RunFolder
    plan: Plan
    workspace: Workspace
    environ: Mapping[str, str]
    limits: Limits
    observer: Observer
    actor: str
    asker: Asker | None = None
    secrets: Mapping[str, str] = field(default_factory=dict)
    grace: float = 10.0
    power: bool = False
    types: ParameterTypes | None = None
    files: Files = "auto"
    given: Mapping[str, str] = field(default_factory=dict)


def carry(job: Job, life: int, sink: EventSink | None = None) -> int:
    """Carry a run out, new or resumed; the caller holds its lock.

    Args:
        job: What to carry out.
        life: A descriptor that becomes readable when the guardian dies, -1 without one.
        sink: Where events go; the run's journal when None.

    Returns:
        The exit status.
    """
    job.observer.begin(job.folder, job.plan)
    try:
        return _carry(job, life, sink)
    except RopewayError as error:
        job.observer.problem(error)
        return error.exit_status


def _carry(job: Job, life: int, sink: EventSink | None) -> int:
    recorded = _recorded(job)
    if recorded.pid is not None:
        processes = [s.process for s in recorded.steps.values() if s.process is not None]
        proctable.kill_run(job.folder.id, processes)
    job.folder.tidy()
    sink = sink or Journal(job.folder.journal, power=job.power)
    veil = Veil(job.folder, job.secrets.values())
    veil.restore(recorded)
    around = Surroundings(
        job.folder, job.workspace, job.environ, job.limits, job.observer, asker=job.asker, secrets=job.secrets, life=life, grace=job.grace
    )
    executor = Executor(job.plan, around, sink, recorded, live=_recorded(job), veil=veil, actor=job.actor)
    turned = _take_turn(job, executor)
    if turned.status is not None:
        return turned.status
    try:
        executor.emit("run.started", {"workspace": job.workspace.path, "pid": os.getpid(), "pid_started": _started(), "actor": job.actor})
        try:
            open_workspace(job.workspace, job.folder, recorded, job.files, executor)
        except Stopped as stopped:
            return _stopped(job, executor, stopped.signum)
        except RopewayError as error:
            if recorded.copy is None:
                _note_unopened(job, executor, error)
            raise
        root = _root(job)
        final = executor.run(root)
        if final == "interrupted":
            return EXIT[final]
        if final != "waiting":
            final = _finish(job, executor, root, final)
            if final == "succeeded":
                veil.drop()
        else:
            job.workspace.close(final, executor.emit)
        sink.close()
    finally:
        groups.release(turned.places)
    job.observer.end(executor.live)
    return 130 if final == "cancelled" and executor.signum == signal.SIGINT else EXIT[final]


def _recorded(job: Job) -> RunState:
    return states.fold(job.folder.id, [s.id for s in job.plan.template.steps], job.folder.events())


def _started() -> str:
    entry = proctable.entry(os.getpid())
    return entry.started if entry is not None else ""


def _root(job: Job) -> Scope:
    return root_scope(job.folder.id, job.plan, job.workspace, job.environ, job.secrets, types=job.types, given=job.given)


def _finish(job: Job, executor: Executor, root: Scope, final: str) -> str:
    """Keep the artifacts, evaluate the outputs and write the last event."""
    data: dict[str, Any] = {"state": final, "outputs": {}}
    end = ending(root)
    if final == "succeeded" and end.state == "succeeded":
        data["outputs"] = end.outputs
    elif final == "succeeded":
        data["state"] = final = "failed"
        data["error"] = end.error
    elif final == "failed" and end.error is not None:
        data["error"] = executor.reason or end.error
    if executor.reason is not None and final == "cancelled":
        data["reason"] = executor.reason
    if root.timed_out:
        data["reason"] = "timeout"
    warnings = list(executor.live.warnings)
    warned = [
        s for s in executor.live.steps.values() if s.state == "warning" and not s.id.endswith("]") and "#" not in s.id.rpartition("/")[2]
    ]
    warnings += [f"{s.id}: {s.error or 'failed, and the workflow goes on'}" for s in warned]
    warnings += executor.left_out
    warnings += keep_artifacts(executor, Path(job.workspace.path))
    data["warnings"] = warnings
    job.workspace.close(final, executor.emit)
    executor.emit("run.finished", data)
    executor.flush()
    return final


def _stopped(job: Job, executor: Executor, signum: int) -> int:
    """Write the end of a run that a signal ended before its first step."""
    by, reason = who_cancels(job.folder, signum, job.actor)
    executor.emit("run.cancelling", {"by": by, "reason": reason})
    with contextlib.suppress(RopewayError):  # that it was cancelled is what counts
        job.workspace.close("cancelled", executor.emit)
    ended = _never_started(job, executor, {"state": "cancelled", "reason": reason})
    return 130 if signum == signal.SIGINT else ended.status or 0


def _note_unopened(job: Job, executor: Executor, error: RopewayError) -> None:
    """Write the end of a run whose workspace could not be had: it is over before it began, and nobody has to look after it."""
    with contextlib.suppress(RopewayError):  # on a full disk, say: then it stays as it is
        job.workspace.close("failed", executor.emit)
        executor.emit("run.finished", {"state": "failed", "outputs": {}, "error": str(error)})
        executor.flush()


@record
class _Turned:
    """What came of waiting for a place: its descriptor, or the exit status of a run that got none."""

    places: list[int]
    status: int | None = None


def _take_turn(job: Job, executor: Executor) -> _Turned:
    """Take a place in the workflow's concurrency group; wait, refuse or make room as its policy says."""
    policy = job.plan.template.policy.concurrency
    if policy is None:
        return _Turned([])
    root = _root(job)
    try:
        group = to_text(root.rendered(policy.group, root.names()))
    except EvaluationError as error:
        return _never_started(job, executor, {"state": "failed", "error": f"policy.concurrency.group: {told(error)}"})
    places = groups.Group(job.folder.path.parent.parent / "groups", group, policy.limit)
    fd = places.enter(job.folder.id)
    if fd >= 0:
        return _Turned([fd])
    if policy.on_full == "reject":
        full = places.full()
        _never_started(job, executor, {"state": "cancelled", "reason": full.message}, told=False)
        raise full
    executor.emit("run.queued", {"group": group, "pid": os.getpid(), "pid_started": _started()})
    executor.flush()
    if policy.on_full == "cancel-running":
        places.cancel_holders(job.actor, job.folder.id)
    return _queue(job, executor, places)


def _queue(job: Job, executor: Executor, places: groups.Group) -> _Turned:
    ended: list[int] = []
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, lambda number, _frame: ended.append(number))
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    while True:
        if executor.around.life >= 0 and _readable(executor.around.life):
            return _Turned([], EXIT["interrupted"])  # the guardian died; the run can be resumed
        if ended:
            turned = _never_started(job, executor, {"state": "cancelled", "reason": "cancelled while it was queued"})
            return _Turned([], 130) if ended[0] == signal.SIGINT else turned
        fd = places.enter(job.folder.id)
        if fd >= 0:
            return _Turned([fd])
        job.observer.tick()
        time.sleep(0.1)


def _never_started(job: Job, executor: Executor, data: dict[str, Any], *, told: bool = True) -> _Turned:
    executor.emit("run.finished", {"outputs": {}, **data})
    executor.flush()
    if told:
        job.observer.end(executor.live)
    return _Turned([], EXIT[data["state"]])


def _readable(fd: int) -> bool:
    import select

    return bool(select.select([fd], [], [], 0)[0])
