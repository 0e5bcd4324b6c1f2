"""What a run's journal says of its files: the boundaries between steps, what a step changed, and where to go on from.

A *boundary* is the end of a step's attempt, with a snapshot of the working copy. It is *quiet* when no other step was at work there, else *mixed*, and then it
names the others. Everything here is a fold over events and does no I/O.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from ropeway.errors import NotFound
from ropeway.records import field, record
from ropeway.runs import lineage
from ropeway.runs.addresses import inside
from ropeway.workspaces import Snapshot

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from ropeway.runs.events import RunEvent

__all__ = ["Boundaries", "Boundary", "Span", "boundaries", "start_for_linked", "undo_for_resume"]

_ENDS: Final = ("step.finished", "step.retrying")


@record
class Boundary:
    """The end of a step's attempt. ``state`` is the step's, or ``retrying``; ``others`` are the addresses of the steps that were at work as well.

    An attempt that changed nothing has the snapshot, and the number, of the boundary before.
    """

    number: int
    commit: str
    tree: str
    quiet: bool
    others: tuple[str, ...]
    step: str
    attempt: int
    state: str

    @property
    def snapshot(self) -> Snapshot:
        """What there was."""
        return Snapshot(self.number, self.commit, self.tree)


@record
class Span:
    """From before a step's first start to its last end: two commits, and whose changes lie between them as well.

    ``others`` are addresses of steps, and labels such as ``found-1`` for what a person changed before a resume. ``mixed`` is whether there are any.
    """

    before: str
    after: str
    others: tuple[str, ...]

    @property
    def mixed(self) -> bool:
        """Whether anything else changed, or may have changed, files meanwhile."""
        return bool(self.others)


@record
class _Moment:
    """A point of the journal that says something of the files.

    ``kind`` is ``created started boundary found restored``. ``now`` is what there was then, ``was`` what there was just before. ``step`` is the step's address
    or the label.
    """

    kind: str
    now: Snapshot
    was: Snapshot
    step: str = ""
    others: tuple[str, ...] = ()


@record
class Boundaries:
    """All boundaries of a run in the order in which they came.

    ``created`` is the data of its ``workspace.created`` event, None for a run in place or one that has not come so far: then nothing else is there. ``origin`` is
    what there was before anything was changed: snapshot 0, of the first run of the line where this one goes on from another. ``found``
    is what each resume found before it went on, by label (``found-1`` …). ``latest`` is what there was last: that of the last boundary, snapshot 0 when there
    is none, or what the last resume found or put back when no boundary came after it.
    """

    created: Mapping[str, Any] | None = None
    origin: Snapshot | None = None
    all: tuple[Boundary, ...] = ()
    found: Mapping[str, Snapshot] = field(default_factory=dict)
    latest: Snapshot | None = None
    moments: tuple[_Moment, ...] = ()
    settled: Snapshot | None = None

    @property
    def first(self) -> Snapshot | None:
        """Snapshot 0: what the run began with."""
        return self.moments[0].now if self.moments else None

    def named(self, label: str) -> Snapshot | None:
        """Return the snapshot that ``start``, ``end``, a number or ``found-N`` names; None when there is none of that name."""
        if label in ("start", "end"):
            return self.first if label == "start" else self.latest
        if not re.fullmatch(r"[0-9]{1,9}", label):
            return self.found.get(label)
        known = (moment.now for moment in self.moments if moment.kind in ("created", "boundary"))
        return next((snapshot for snapshot in known if snapshot.number == int(label)), None)

    def span(self, address: str) -> Span | None:
        """Return what lies between before a step's first start and its last end; None when it has no boundary.

        The address may be a sub-workflow's, or of a step with instances or iterations: then all that is inside of it counts. What a resume undid does not.
        """
        units = {boundary.step for boundary in self.all if inside(boundary.step, address)}
        begin: Snapshot | None = None
        after: Snapshot | None = None
        meanwhile: list[str] = []
        others: dict[str, None] = {}
        for moment in self.moments:
            if moment.kind == "restored" and self._before(moment.now, begin):
                begin, after, meanwhile, others = None, None, [], {}
            elif moment.kind == "restored":
                meanwhile = [one for one in meanwhile if not one.startswith("found-")]
            elif moment.kind == "started" and moment.step in units and begin is None:
                begin = moment.now
            elif moment.kind == "boundary" and moment.step in units:
                begin, after = begin or moment.was, moment.now
                others |= dict.fromkeys(one for one in (*meanwhile, *moment.others) if not inside(one, address))
            elif begin is not None and (moment.kind == "boundary" or (moment.kind == "found" and moment.now.tree != moment.was.tree)):
                meanwhile.append(moment.step)
        if begin is None or after is None:
            return None
        return Span(begin.commit, after.commit, tuple(others))

    def _before(self, one: Snapshot, other: Snapshot | None) -> bool:
        """Whether a snapshot came before another one."""
        trees = [moment.now.tree for moment in self.moments]
        return other is not None and one.tree in trees and trees.index(one.tree) < trees.index(other.tree)


def boundaries(events: Iterable[RunEvent]) -> Boundaries:
    """Return what the journal says of the run's files."""
    created: Mapping[str, Any] | None = None
    origin: Snapshot | None = None
    moments: list[_Moment] = []
    ends: list[Boundary] = []
    found: dict[str, Snapshot] = {}
    latest = settled = looked = None
    for event in events:
        data, name = event.data, event.event
        if name == "workspace.start" and data.get("first") is not None:
            origin = Snapshot.from_json(data["first"])
        elif name == "workspace.created" and created is None:
            created, latest = data, Snapshot.from_json(data["snapshot"])
            settled, origin = latest, origin or latest
            moments.append(_Moment("created", latest, latest))
        elif latest is None:
            continue
        elif name == "workspace.found":
            looked = found[data["label"]] = Snapshot.from_json(data["snapshot"])
            moments.append(_Moment("found", looked, latest, data["label"]))
            latest = looked
        elif name == "workspace.restored":
            settled, looked = Snapshot.from_json(data["snapshot"]), None
            moments.append(_Moment("restored", settled, latest))
            latest = settled
        elif name.startswith(("step.", "gate.")) or name == "run.finished":
            if looked is not None:  # the run goes on with what was found, and it was nobody's then but the person's
                settled, looked = looked, None
            if name == "step.started":
                moments.append(_Moment("started", latest, latest, data["step"]))
            elif name in _ENDS and data.get("snapshot") is not None:
                end = _boundary(event)
                ends.append(end)
                moments.append(_Moment("boundary", end.snapshot, latest, end.step, end.others))
                latest = end.snapshot
                settled = latest if end.quiet else None
    return Boundaries(created, origin if created is not None else None, tuple(ends), found, latest, tuple(moments), settled)


def _boundary(event: RunEvent) -> Boundary:
    data = event.data
    kept = data["snapshot"]
    state = "retrying" if event.event == "step.retrying" else data["state"]
    others = tuple(kept.get("others", ()))
    return Boundary(kept["number"], kept["commit"], kept["tree"], kept["quiet"], others, data["step"], data.get("attempt", 0), state)


def undo_for_resume(known: Boundaries, interrupted: bool) -> Snapshot | None:  # noqa: FBT001 - the one thing that it decides by
    """Return the snapshot to go back to before a run goes on; None to leave the files as they are found.

    "An *interrupted* step's files are undone first, where a quiet boundary allows it; a *failed* step's files stay, with the person's edits." "After a crash,
    files go back to the last quiet boundary only if no step finished since; otherwise they stay as found and the interrupted steps run again there."

    What an earlier resume found and went on with, or put back, is as good as a quiet boundary: no step was at work then. A person's edits of that
    time are kept. What was found by a resume that came to no step is not: the run died again before it could put the files back.

    Args:
        known: The run's boundaries.
        interrupted: Whether a step that changes files was under way when the run died.
    """
    return known.settled if interrupted else None


def start_for_linked(known: Boundaries, events: Iterable[RunEvent], kept: Collection[str]) -> tuple[Snapshot, frozenset[str]]:
    """Return the files that a linked run begins with, and the kept steps that have to run again whatever their digest.

    "The linked run starts from the latest quiet boundary that holds only kept steps' changes; a step whose changes that boundary lacks runs again, whatever
    its digest." A step changed nothing, lacks nothing and spoils nothing, when the files were the same at the quiet moments before and after it. One that was
    cut off, failed or was retried spoils the boundaries after its start until it has ended, unless the files were the same.

    A linked run may itself begin with changes of steps that are no longer to be kept. Then the line starts over from ``first`` of its ``workspace.start``,
    the snapshot 0 of the line's first run; ``holds`` there are the addresses whose changes it began with (all kept steps when it is not there).

    Args:
        known: The old run's boundaries.
        events: Its events.
        kept: The addresses that are kept; with a step all that belongs to it.

    Returns:
        The snapshot, and those of ``kept`` whose changes it lacks; the caller adds what depends on them.

    Raises:
        NotFound: The old run has no snapshots.
    """
    found = lineage.start_for_linked(events, kept)
    if known.created is None or found is None:
        raise NotFound("the run worked in place and has no snapshots", code="no-snapshots")
    return found
