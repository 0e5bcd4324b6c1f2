"""Whose changes a boundary holds: what a run that goes on from another one may begin with.

A fold over a run's events. Between two quiet moments at which the files are the same nobody changed anything; otherwise every step that was at work in
between counts as having done so. It does no I/O.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ropeway.records import field, record
from ropeway.runs.addresses import outers
from ropeway.workspaces import Snapshot

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from ropeway.runs.events import RunEvent

__all__ = ["holders", "start_for_linked"]


@record
class _Held:
    """A quiet moment: what there was, whose changes are in it, and which of those are not whole (the step was retried, cut off, or never came to an end)."""

    snapshot: Snapshot
    changers: frozenset[str]
    partial: frozenset[str]


@record(frozen=False)
class _Lineage:
    """The state of the fold: what was so up to now."""

    quiet: list[_Held] = field(default_factory=list)
    ever: set[str] = field(default_factory=set)
    first: Snapshot | None = None
    now: Snapshot | None = None
    changers: frozenset[str] = frozenset()
    busy: set[str] = field(default_factory=set)
    changed: bool = False
    done: set[str] = field(default_factory=set)
    saved: set[str] = field(default_factory=set)
    running: set[str] = field(default_factory=set)
    kept: set[str] = field(default_factory=set)
    apart: set[str] = field(default_factory=set)
    start: dict[str, Any] | None = None
    looked: Snapshot | None = None

    # -- one event after another ----------------------------------------------------------------------------------------------

    def take(self, event: RunEvent) -> None:
        """Apply an event."""
        name, data = event.event, event.data
        if name == "workspace.start":
            self.start = dict(data)
        elif name == "workspace.created" and self.now is None:
            self._begin(Snapshot.from_json(data["snapshot"]))
        elif name == "workspace.found" and self.now is not None:
            self.looked = Snapshot.from_json(data["snapshot"])
        elif name == "workspace.restored" and self.now is not None:
            self._go_back(Snapshot.from_json(data["snapshot"]))
        elif name.startswith(("step.", "gate.")) or name == "run.finished":
            if self.looked is not None:
                self._go_on_with(self.looked)
            self._step(name, data)

    def _step(self, name: str, data: Any) -> None:
        step = data.get("step", "")
        if name == "step.started" and "workspace" in data:  # an ephemeral step has files of its own, and so has all that is inside of it
            self.apart.add(step)
        elif name == "step.started" and self.apart.isdisjoint(outers(step)):
            self.running -= set(outers(step))
            self.running.add(step)
            self.done.discard(step)
        elif name == "gate.opened":
            self.running.discard(step)
        elif name in ("step.finished", "step.retrying"):
            self.running.discard(step)
            ended = name == "step.finished"
            if ended and data.get("kept") is not None:
                self.kept.add(step)
            elif data.get("snapshot") is not None:
                self._end(step, data["snapshot"], ended=ended)
            elif ended and step not in self.saved and data["state"] in ("succeeded", "warning"):
                self.changers -= {step}  # it never changes files: a pure step, or one that others carry out
                self.ever.discard(step)

    def _begin(self, first: Snapshot) -> None:
        start = self.start or {}
        holds = start.get("holds")
        self.changers = frozenset() if self.start is None else frozenset(self.kept if holds is None else holds)
        self.done |= self.changers
        self.ever |= self.changers
        self.first = Snapshot.from_json(start["first"]) if start.get("first") is not None else None
        self.now = first
        self._settle(first)

    def _end(self, step: str, data: Any, *, ended: bool) -> None:
        """Note an attempt's end."""
        self.saved.add(step)
        if ended:
            self.done.add(step)
        snapshot = Snapshot.from_json(data)
        self._move(snapshot, {step, *data.get("others", ())})
        if data["quiet"]:
            self._settle(snapshot)

    def _move(self, snapshot: Snapshot, at_work: Iterable[str]) -> None:
        self.busy |= set(at_work)
        self.changed = self.changed or (self.now is not None and snapshot.tree != self.now.tree)
        self.now = snapshot
        if self.changed:
            self.ever |= self.busy

    def _settle(self, snapshot: Snapshot) -> None:
        """Note a quiet moment."""
        if self.changed:
            self.changers |= self.busy
        self.busy, self.changed = set(), False
        self.quiet.append(_Held(snapshot, self.changers, self.changers - self.done))

    def _go_on_with(self, found: Snapshot) -> None:
        """A resume went on with what it found: what was cut off may have left something there, and the person as well."""
        self.looked = None
        self._move(found, self.running)
        self.running.clear()
        self._settle(found)

    def _go_back(self, snapshot: Snapshot) -> None:
        """A resume put files back: what came after that moment is no more."""
        self.looked = None
        same = [held for held in self.quiet if held.snapshot.tree == snapshot.tree]
        self.changers = same[-1].changers if same else frozenset(self.ever)
        self.running.clear()
        self.busy, self.changed, self.now = set(), False, snapshot
        self._settle(snapshot)


def _lineage(events: Iterable[RunEvent]) -> _Lineage:
    lineage = _Lineage()
    for event in events:
        lineage.take(event)
    return lineage


def start_for_linked(events: Iterable[RunEvent], kept: Collection[str]) -> tuple[Snapshot, frozenset[str]] | None:
    """Return the latest quiet moment with only kept steps' changes, and the kept steps whose changes it lacks; None for a run without snapshots.

    See :func:`ropeway.runs.boundaries.start_for_linked`.
    """
    lineage = _lineage(events)
    if not lineage.quiet:
        return None
    good = [held for held in lineage.quiet if not held.partial and all(_cover(one, kept) for one in held.changers)]
    # With none, this run began with changes of a step that is not kept: only before the first run of the line there were none.
    chosen = good[-1] if good else _Held(lineage.first or lineage.quiet[0].snapshot, frozenset(), frozenset())
    lacking = {_cover(one, kept) for one in lineage.ever - chosen.changers}
    return chosen.snapshot, frozenset(one for one in lacking if one)


def _cover(address: str, kept: Collection[str]) -> str:
    """Return the outermost of ``kept`` that the address is, or belongs to; empty when there is none."""
    return next((one for one in (*list(outers(address))[::-1], address) if one in kept), "")


def holders(events: Iterable[RunEvent], snapshot: Snapshot) -> frozenset[str]:
    """Return the steps whose changes a snapshot holds: one of the run's, or that of the beginning of its line.

    When it was not taken at a quiet moment, all that ever changed something count.
    """
    lineage = _lineage(events)
    if lineage.first is not None and lineage.first.tree == snapshot.tree:
        return frozenset()
    same = [held for held in lineage.quiet if held.snapshot.tree == snapshot.tree]
    return same[-1].changers if same else frozenset(lineage.ever)
