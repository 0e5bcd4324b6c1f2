"""A run's state: a fold over its events, and nothing else.

``fold`` starts from the plan's steps, all pending, and applies one event after another; the executor, ``status``, ``runs``, resume and the live
view all see a run through it. It does no I/O.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ropeway.records import field, record
from ropeway.runs.addresses import in_order, outer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ropeway.runs.events import RunEvent

ACTIVE: Final = frozenset({"queued", "running", "waiting"})
RESUMABLE: Final = frozenset({"waiting", "interrupted", "failed", "cancelled"})
UNFINISHED: Final = ACTIVE | {"interrupted"}
KEPT: Final = frozenset({"succeeded", "warning"})
"""Step states that a resume keeps (skipped ones depend on the reason, see :func:`settled_for_good`)."""


@record(frozen=False)
class StepState:
    """What is known of one step, foreach instance (``each[0]``), iteration (``polish#2``) or inner step (``release/build``).

    ``state`` is one of ``pending ready running waiting interrupted succeeded warning failed skipped cancelled``; ``attempts`` counts started
    ones; ``logs`` holds each attempt's log number (None when it had none of its own).
    """

    id: str
    state: str = "pending"
    attempts: int = 0
    exit_code: int | None = None
    outputs: Mapping[str, Any] = field(default_factory=dict)
    reason: str | None = None
    error: str | None = None
    started_at: str | None = None
    finished_at: str | None = None
    logs: list[int | None] = field(default_factory=list)
    items: list[Any] | None = None
    gate: Mapping[str, Any] | None = None
    answer: Mapping[str, Any] | None = None
    process: tuple[int, str] | None = None
    kept: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the object in ``status RUN --json``; only fields that say something are added to the core."""
        names = ("id", "state", "attempts", "exit_code", "outputs", "started_at", "finished_at")
        core: dict[str, Any] = {name: getattr(self, name) for name in names}
        core["outputs"] = dict(self.outputs)
        for name in ("reason", "error", "kept"):
            if getattr(self, name) is not None:
                core[name] = getattr(self, name)
        if self.state == "waiting" and self.gate is not None:
            core["gate"] = dict(self.gate)
        return core


@record(frozen=False)
class RunState:
    """What is known of one run. ``state`` is as recorded; who holds the lock decides whether ``running`` means *interrupted*.

    ``copy`` is the data of ``workspace.created`` (None for a run in place), ``kept`` that of ``workspace.kept`` or ``workspace.cleaned`` at its end.
    """

    run: str
    workflow: str = ""
    version: str | None = None
    digest: str = ""
    state: str = "queued"
    warnings: list[str] = field(default_factory=list)
    actor: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    started_at: str | None = None
    finished_at: str | None = None
    workspace: str | None = None
    copy: Mapping[str, Any] | None = None
    kept: Mapping[str, Any] | None = None
    outputs: Mapping[str, Any] = field(default_factory=dict)
    artifacts: list[Mapping[str, Any]] = field(default_factory=list)
    steps: dict[str, StepState] = field(default_factory=dict)
    created_at: str | None = None
    reason: str | None = None
    error: str | None = None
    source: str | None = None
    linked: str | None = None
    provenance: Mapping[str, Any] | None = None
    format: int = 0
    pid: int | None = None
    seq: int = 0

    def as_json(self, *, steps: bool = True) -> dict[str, Any]:
        """Return the object of ``status RUN --json``; without ``steps`` that of ``runs --json``."""
        out: dict[str, Any] = {
            "run": self.run,
            "workflow": self.workflow,
            "version": self.version,
            "digest": self.digest,
            "state": self.state,
            "warnings": list(self.warnings),
            "actor": self.actor,
            "params": dict(self.params),
            "started_at": self.started_at,
            "finished_at": self.finished_at,
            "workspace": self.workspace,
            "outputs": dict(self.outputs),
            "artifacts": [dict(a) for a in self.artifacts],
        }
        for name in ("created_at", "reason", "error", "source", "linked"):
            out[name] = getattr(self, name)
        if self.provenance is not None:
            out["provenance"] = dict(self.provenance)
        if self.copy is not None:
            out["working_copy"] = _shown(self.copy, self.kept)
        if steps:
            out["steps"] = [s.as_json() for s in self.ordered()]
        return out

    def step(self, address: str) -> StepState:
        """Return the state of a step, added as pending when it was not seen before."""
        found = self.steps.get(address)
        if found is None:
            found = self.steps[address] = StepState(address)
        return found

    def ordered(self) -> list[StepState]:
        """Return the steps as people read them: what belongs to one (instances, iterations, inner steps) right behind it."""
        return [self.steps[address] for address in in_order(self.steps)]

    @property
    def open_gates(self) -> list[StepState]:
        """The gates that wait for an answer."""
        return [s for s in self.steps.values() if s.state == "waiting"]

    @property
    def cause(self) -> StepState | None:
        """The step that made the run fail: the first that failed, the innermost of those."""
        failed = [s for s in self.steps.values() if s.state == "failed"]
        return min(failed, key=lambda s: (s.finished_at or "~", -len(s.id)), default=None)

    @property
    def current(self) -> str | None:
        """The address of the step that runs or waits now, the innermost last started one."""
        running = [s.id for s in self.steps.values() if s.state in ("running", "waiting")]
        return running[-1] if running else None


def settled_for_good(step: StepState) -> bool:
    """Whether a resume keeps this step's result: done, or skipped for a reason that another try does not change."""
    return step.state in KEPT or (step.state == "skipped" and step.reason in ("when", "user"))


def fold(run: str, step_ids: Iterable[str], events: Iterable[RunEvent]) -> RunState:
    """Return the state that ``events`` lead to.

    Args:
        run: The run's id.
        step_ids: The plan's own steps in file order; they are pending until an event says otherwise.
        events: The journal.
    """
    state = RunState(run, steps={i: StepState(i) for i in step_ids})
    for event in events:
        apply(state, event)
    return state


def interrupt(state: RunState) -> None:
    """Mark a run whose last recorded state is queued or running, and that nobody owns."""
    if state.state in ("running", "queued"):
        state.state = "interrupted"
        for step in state.steps.values():
            if step.state in ("running", "ready"):
                step.state = "interrupted"


def apply(state: RunState, event: RunEvent) -> None:
    """Apply one event; unknown ones (a newer program's) change nothing."""
    state.seq = event.seq
    handler = _HANDLERS.get(event.event)
    if handler is not None:
        handler(state, event)


def _run_created(state: RunState, event: RunEvent) -> None:
    data = event.data
    state.created_at = event.at
    state.format = data.get("format", 0)
    state.workflow = data.get("workflow", "")
    state.version = data.get("version")
    state.digest = data.get("digest", "")
    state.actor = data.get("actor", "")
    state.params = data.get("params", {})
    state.source = data.get("source")
    state.linked = data.get("linked")
    state.provenance = data.get("provenance")
    state.warnings = list(data.get("warnings", []))


def _run_started(state: RunState, event: RunEvent) -> None:
    state.started_at = state.started_at or event.at
    state.finished_at = state.reason = state.error = None
    state.kept = None
    state.state = "running"
    state.workspace = event.data.get("workspace", state.workspace)
    state.pid = event.data.get("pid")
    for step in state.steps.values():
        if step.state in ("running", "ready"):
            step.state = "interrupted"


def _run_finished(state: RunState, event: RunEvent) -> None:
    state.state = event.data["state"]
    state.finished_at = event.at
    state.outputs = event.data.get("outputs", {})
    state.reason = event.data.get("reason")
    state.error = event.data.get("error")
    state.warnings = list(event.data.get("warnings", state.warnings))


def _copy(state: RunState, event: RunEvent) -> None:
    state.copy = event.data


def _copy_ended(state: RunState, event: RunEvent) -> None:
    state.kept = {**event.data, "cleaned": event.event == "workspace.cleaned"}


def _copy_moved(state: RunState, event: RunEvent) -> None:
    if state.copy is not None:
        state.copy = {**state.copy, "path": event.data["path"]}


def _shown(copy: Mapping[str, Any], kept: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what people and programs want to know of a working copy."""
    shown = {name: copy.get(name) for name in ("id", "path", "root", "backend", "base", "base_commit")}
    if kept is not None:
        shown |= {"changed": kept.get("changed"), "cleaned": kept["cleaned"]}
    return shown


def _run_stands(state: RunState, event: RunEvent) -> None:
    state.state = event.event.removeprefix("run.")


def _step_started(state: RunState, event: RunEvent) -> None:
    _begin_outer(state, event)
    step = state.step(event.data["step"])
    if "anew" in event.data:
        _forget_inside(state, step)
    step.state = "running"
    step.attempts = event.data["attempt"]
    step.started_at = event.at
    step.finished_at = step.exit_code = step.reason = step.error = step.process = None
    step.logs.append(event.data.get("log"))


def _begin_outer(state: RunState, event: RunEvent) -> None:
    """Let a step begin with the first of its iterations: nothing else in the journal says so."""
    address: str = event.data["step"]
    if "#" in address.rpartition("/")[2]:
        step = state.step(outer(address))
        step.state = "running"
        step.started_at = step.started_at or event.at


def _step_process(state: RunState, event: RunEvent) -> None:
    state.step(event.data["step"]).process = (event.data["pid"], event.data["started"])


def _step_retrying(state: RunState, event: RunEvent) -> None:
    step = state.step(event.data["step"])
    step.state = "ready"
    step.reason = event.data.get("reason")
    if step.logs and step.logs[-1] is None:  # maybe a sub-workflow: it begins anew, and a resume must not keep what it had done
        _forget_inside(state, step)
    _note_log(step, event.data)


def _forget_inside(state: RunState, step: StepState) -> None:
    for address in [a for a in state.steps if a.startswith(f"{step.id}/")]:
        del state.steps[address]


def _step_expanded(state: RunState, event: RunEvent) -> None:
    step = state.step(event.data["step"])
    step.items = event.data.get("items", step.items)
    step.state = "running"
    step.started_at = step.started_at or event.at


def _step_finished(state: RunState, event: RunEvent) -> None:
    data = event.data
    step = state.step(data["step"])
    step.state = data["state"]
    step.finished_at = event.at
    step.exit_code = data.get("exit_code")
    step.outputs = data.get("outputs") or {}
    step.reason = data.get("reason")
    step.error = data.get("error")
    step.kept = data.get("kept")
    step.process = None
    _note_log(step, data)


def _note_log(step: StepState, data: Mapping[str, Any]) -> None:
    """Take back a log's number when nothing was printed: the pair of files serves another attempt."""
    if "log" in data and step.logs:
        step.logs[-1] = data["log"]


def _gate_opened(state: RunState, event: RunEvent) -> None:
    step = state.step(event.data["step"])
    step.state = "waiting"
    step.attempts = max(step.attempts, 1)
    step.started_at = step.started_at or event.at
    step.gate = {k: v for k, v in event.data.items() if k != "step"} | {"opened_at": event.at}


def _gate_answered(state: RunState, event: RunEvent) -> None:
    state.step(event.data["step"]).answer = {k: v for k, v in event.data.items() if k != "step"}


def _artifact(state: RunState, event: RunEvent) -> None:
    entry = dict(event.data)
    state.artifacts = [a for a in state.artifacts if (a["name"], a["path"]) != (entry["name"], entry["path"])] + [entry]


_HANDLERS: Final = {
    "run.created": _run_created,
    "run.queued": _run_stands,
    "run.started": _run_started,
    "run.waiting": _run_stands,
    "run.finished": _run_finished,
    "step.started": _step_started,
    "step.process": _step_process,
    "step.retrying": _step_retrying,
    "step.expanded": _step_expanded,
    "step.finished": _step_finished,
    "gate.opened": _gate_opened,
    "gate.answered": _gate_answered,
    "artifact.collected": _artifact,
    "workspace.created": _copy,
    "workspace.recreated": _copy_moved,
    "workspace.left": _copy_ended,
    "workspace.kept": _copy_ended,
    "workspace.cleaned": _copy_ended,
}
