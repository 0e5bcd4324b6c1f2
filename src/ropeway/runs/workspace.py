"""What the executor does with workspaces: opens the run's before the first step, saves it at boundaries, and gives ephemeral steps one of their own."""

from __future__ import annotations

import signal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from ropeway.errors import Refused, RopewayError
from ropeway.lang.expressions import EvaluationError, to_text
from ropeway.records import record, replace
from ropeway.runs.addresses import outer, outers
from ropeway.runs.process import StartProblem
from ropeway.runs.scope import told
from ropeway.workspaces import InPlace, Past, Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from ropeway.runs.around import Loop
    from ropeway.runs.events import RunEvent
    from ropeway.runs.folder import RunFolder
    from ropeway.runs.scope import Outcome, Unit
    from ropeway.runs.state import RunState
    from ropeway.workspaces import Apart, Workspace

Files = Literal["auto", "restore", "keep"]
"""What a resume does with the files it finds: what was agreed (``auto``), back to the last boundary that is sure, or as they are."""

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Journaling(Protocol):
    """Writes events."""

    def emit(self, event: str, data: dict[str, Any]) -> None:
        """Add an event to the next write."""
        ...

    def flush(self) -> None:
        """Write."""
        ...


class Stopped(Exception):
    """A signal came while a workspace was being opened."""

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.signum = signum


def open_workspace(workspace: Workspace, folder: RunFolder, recorded: RunState, files: Files, journal: Journaling) -> None:
    """Make the run's workspace ready. Signals end this at once: a large copy takes its time.

    Raises:
        Stopped: A signal asked the run to end.
        RopewayError: It can't be made or found again.
    """
    if isinstance(workspace, InPlace):
        return
    journal.flush()  # that it runs, and where: making a large copy takes its time
    past = _past(folder, recorded, files)

    def tell(event: str, data: dict[str, Any]) -> None:
        journal.emit(event, data)
        journal.flush()  # before anything else is done to the files: a crash must not make us forget what we saved

    def stop(signum: int, _frame: object) -> None:
        for one in _ENDING:
            signal.signal(one, lambda _signum, _frame: None)  # what is half made goes first, however often somebody presses Ctrl-C
        raise Stopped(signum)

    previous = {one: signal.signal(one, stop) for one in _ENDING}
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
    try:
        workspace.open(past, tell)
    finally:
        signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)  # until the loop's own handlers stand
        for one, handler in previous.items():
            signal.signal(one, handler)


def _past(folder: RunFolder, recorded: RunState, files: Files) -> Past:
    """Return what the journal says of the run's files, and which of them go back."""
    from ropeway.runs.boundaries import boundaries, undo_for_resume

    events = list(folder.events())
    known = boundaries(events)
    start = next((event.data for event in events if event.event == "workspace.start"), None)
    if known.created is None:
        return Past(start=start)
    restore = None
    if files == "restore":
        restore = _sure(events, recorded)
    elif files == "auto":
        restore = undo_for_resume(known, _cut_off(events, recorded))
    first = Snapshot.from_json(known.created["snapshot"])
    number = max([first.number, *(boundary.number for boundary in known.all)])
    return Past(known.created, known.latest or first, number, len(known.found), restore, start)


def _cut_off(events: Collection[RunEvent], recorded: RunState) -> bool:
    """Whether a process was under way that may have changed files here.

    A step that only holds others (a sub-workflow, a ``foreach``) changes nothing itself; a pure one says so, and an ephemeral one, with all that is inside of
    it, had a place of its own.
    """
    started = [event for event in events if event.event == "step.started"]
    apart = {event.step for event in started if "workspace" in event.data}
    none = {event.step for event in started if "pure" in event.data} | {outer(address) for address in recorded.steps}
    under_way = [step.id for step in recorded.steps.values() if step.state in ("running", "interrupted") and step.id not in none]
    return any(apart.isdisjoint((address, *outers(address))) for address in under_way)


def _sure(events: Collection[RunEvent], recorded: RunState) -> Snapshot:
    """Return the last boundary that holds only the changes of steps that are done.

    Raises:
        Refused: A step that is done would lose its changes.
    """
    from ropeway.runs.boundaries import boundaries, start_for_linked
    from ropeway.runs.state import settled_for_good

    done = {step.id for step in recorded.steps.values() if settled_for_good(step)}
    snapshot, lacking = start_for_linked(boundaries(events), events, done)
    if lacking:
        names = ", ".join(sorted(lacking)[:5])
        message = f"the files can't go back: no boundary holds what {names} changed without what unfinished steps changed"
        raise Refused(
            message,
            hint="--keep-files goes on with the files as they are; --from STEP starts over from an earlier step",
            code="no-boundary",
        )
    return snapshot


@record
class Boundary:
    """The end of a step, seen from the files: what is there now, and which other steps were at work in the same place."""

    snapshot: Snapshot
    others: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return what ``step.finished`` carries."""
        return {**self.snapshot.as_json(), "quiet": not self.others, "others": list(self.others)}


def changes_files(unit: Unit) -> bool:
    """Whether a unit may change files of the run's workspace."""
    return not unit.step.pure and unit.workspace is None and not unit.node.scope.apart


def boundary(workspace: Workspace, unit: Unit, running: Iterator[Unit]) -> Boundary | None:
    """Save the workspace at a unit's end; None when it is none of the unit's business, or saves nothing."""
    if not changes_files(unit):
        return None
    snapshot = workspace.save()
    if snapshot is None:
        return None
    return Boundary(snapshot, tuple(sorted(other.address for other in running if changes_files(other))))


def unsaved(outcome: Outcome, error: RopewayError) -> Outcome:
    """Return the end of a step whose files can't be saved: it counts as done only with them."""
    why = f"its files can't be saved: {told(error)}"
    if outcome.state != "succeeded":
        return replace(outcome, error=f"{outcome.error}; {why}" if outcome.error else why)
    return replace(outcome, state="failed", reason="snapshot", error=why, outputs={})


def enter_own(loop: Loop, unit: Unit) -> None:
    """Give an ephemeral unit a workspace of its own, made from the latest boundary.

    Raises:
        StartProblem: None can be made.
    """
    own = _branch(loop, unit)
    try:
        own.open(Past(), _untold)
    except RopewayError as error:
        raise StartProblem(f"no working copy could be made: {error}", 126, hint=error.hint) from error
    unit.workspace = own


def take_up_own(loop: Loop, unit: Unit) -> bool:
    """Give an ephemeral unit the workspace back that it had when the run began to wait; returns whether there is one.

    Raises:
        StartProblem: It can have none.
    """
    own = _branch(loop, unit)
    try:
        if not own.take_up(_untold):
            return False
    except RopewayError:
        return False  # it is made anew, and whatever is wrong is told then
    unit.workspace = own
    return True


def _branch(loop: Loop, unit: Unit) -> Apart:
    own = loop.around.workspace.branch(unit.address, unit.attempt)
    if own is None:
        raise StartProblem("an ephemeral working copy needs a repository, or a workspace of the kind plain", 126)
    return own


def put_aside(units: Iterable[Unit]) -> None:
    """Put the workspaces of ephemeral units aside while the run waits for a person."""
    for unit in units:
        if unit.workspace is not None:
            unit.workspace.close("waiting", _untold)


def leave_own(loop: Loop, unit: Unit, outcome: Outcome) -> list[str]:
    """Take the declared artifacts out of an ephemeral unit's workspace and drop the rest; returns what could not be kept."""
    own, unit.workspace = unit.workspace, None
    if own is None:
        return []
    problems = list(_keep_given(loop, unit, own)) if outcome.state == "succeeded" else []
    own.close("succeeded", _untold)
    return problems


def _keep_given(loop: Loop, unit: Unit, own: Apart) -> Iterator[str]:
    """Collect what an ephemeral unit made of the declared artifacts: what it has only because the run has it is left for the run's end."""
    root, outside = Path(own.path), Path(loop.around.workspace.path)

    def not_given(_artifact: str, names: list[str]) -> Collection[str]:
        return own.untouched(names) | {name for name in names if _same(root / name, outside / name)}

    yield from _keep(loop, root, not_given, {"step": unit.address})


def _same(one: Path, other: Path) -> bool:
    """Whether there are two files, with the same content."""
    from filecmp import cmp

    try:
        return cmp(one, other, shallow=False)
    except OSError:
        return False


def keep_artifacts(loop: Loop, root: Path) -> Iterator[str]:
    """Collect the declared artifacts below ``root`` at the run's end; yields a sentence for each that can't be kept.

    What an ephemeral step has given stays: the file of that path in the run's workspace is another one.
    """
    given = {(entry["name"], entry["path"]) for entry in loop.live.artifacts if "step" in entry}
    yield from _keep(loop, root, lambda artifact, names: [name for name in names if (artifact, name) in given])


def _keep(
    loop: Loop, root: Path, leave: Callable[[str, list[str]], Collection[str]], more: Mapping[str, Any] | None = None
) -> Iterator[str]:
    top = loop.root
    if top is None or not top.template.artifacts:
        return
    from ropeway.runs import artifacts  # with shutil and hashlib

    for artifact in top.template.artifacts.values():
        try:
            pattern = to_text(top.rendered(artifact.path, top.names()))
            for data in artifacts.collect(loop.around.folder, artifact, pattern, root, partial(leave, artifact.name)):
                loop.emit("artifact.collected", {**data, **(more or {})})
        except (EvaluationError, RopewayError) as error:
            yield f"artifact {artifact.name} was not kept: {told(error)}"


def _untold(_event: str, _data: dict[str, Any]) -> None:
    """Keep what happens to an ephemeral step's workspace out of the journal: the step's own events say all that lasts."""
