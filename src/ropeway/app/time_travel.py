"""The files of a run at its boundaries: which snapshots there are, what a person's words name, and where the objects are.

Nothing here needs the run's working copy: a snapshot is a commit in the repository that the run was started in (or in a store of ours, for a plain copy outside
of one), kept there by ``refs/ropeway/<run>/``.
"""

from __future__ import annotations

import os
import re
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ropeway.app import history
from ropeway.errors import NotFound, StoreError, UsageError
from ropeway.lang.hints import did_you_mean
from ropeway.records import record
from ropeway.runs.boundaries import boundaries
from ropeway.workspaces.programs import ProgramFailed, git

if TYPE_CHECKING:
    from ropeway.lang.plan import PlanStep
    from ropeway.runs.boundaries import Boundaries
    from ropeway.runs.folder import RunFolder
    from ropeway.runs.state import RunState
    from ropeway.workspaces import Snapshot

__all__ = ["Point", "Range", "Saved", "saved", "split"]

SHOWN = 20
"""Names that a hint lists at most."""


@record
class Point:
    """The files at one moment of a run. ``label`` is how people call it; ``others`` are the steps that were at work then (a mixed boundary)."""

    label: str
    commit: str
    tree: str
    others: tuple[str, ...] = ()


@record
class Range:
    """From one moment of a run to another; ``others`` may have changed something in between as well: steps, and a person before ``found-1``."""

    what: str
    before: Point
    after: Point
    others: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether any file differs."""
        return self.before.tree != self.after.tree


def split(place: str | None) -> tuple[str, str]:
    """Return run and what is named of it from ``RUN[:WHAT]``; both may be empty."""
    run, _, what = (place or "").partition(":")
    return run, what


def saved(run: str) -> Saved:
    """Return what is kept of a run's files.

    Args:
        run: An id or the beginning of one; empty for the latest run.

    Raises:
        NotFound: There is no such run, or it has no snapshots.
    """
    folder = history.find_run(run or None, latest=not run)
    found = Saved(folder)
    if found.known.created is None:
        name = folder.id
        if found.state.state in ("queued", "running", "interrupted"):
            raise NotFound(f"run {name} has no working copy yet", hint="try again once its first step runs", code="no-snapshots")
        raise NotFound(
            f"run {name} has no snapshots: it worked in place, or ended before it had a working copy",
            hint="a run in a git or jj repository has them, unless --here or its workflow says otherwise",
            code="no-snapshots",
        )
    return found


class Saved:
    """A run's snapshots, and what is known of them."""

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder
        self.events = list(folder.events())
        self.known: Boundaries = boundaries(self.events)

    @property
    def run(self) -> str:
        """The run's id."""
        return self.folder.id

    @cached_property
    def state(self) -> RunState:
        """The run's state."""
        return self.folder.state()

    @property
    def root(self) -> str:
        """The top folder of the person's working copy when the run began; it may be gone."""
        assert self.known.created is not None
        return str(self.known.created["root"])

    @property
    def first(self) -> Snapshot:
        """What there was before anything was changed: for a linked run, before the run that it goes on from."""
        assert self.known.origin is not None
        return self.known.origin

    @property
    def latest(self) -> Snapshot:
        """What there was last."""
        assert self.known.latest is not None
        return self.known.latest

    @cached_property
    def git_dir(self) -> str:
        """The git directory that has the objects: the recorded one, or, when the repository was moved, that of the one we stand in.

        Raises:
            NotFound: The repository is gone, or the objects are.
        """
        from ropeway.workspaces.discovery import discover

        assert self.known.created is not None
        recorded = str(self.known.created["git_dir"])
        if _has(recorded, self.latest.commit):
            return recorded
        here = discover(str(Path.cwd()))
        if here is not None and here.git_dir != recorded and _has(here.git_dir, self.latest.commit):
            return here.git_dir
        if not Path(recorded).is_dir():
            raise NotFound(
                f"the repository that keeps the files of run {self.run} is gone: {recorded}",
                hint="if it was moved, change into it and try again",
                code="repository-gone",
            )
        raise self._pruned("files")

    def _pruned(self, what: str) -> NotFound:
        return NotFound(
            f"the {what} of run {self.run} are no longer kept: its snapshots were removed from {self.git_dir_recorded}",
            hint="`workflow gc` removes them with the run's working copy, or somebody deleted refs/ropeway",
            code="snapshots-gone",
        )

    @property
    def git_dir_recorded(self) -> str:
        """The git directory as the run noted it."""
        assert self.known.created is not None
        return str(self.known.created["git_dir"])

    def check(self, *points: Point) -> None:
        """Raise ``NotFound`` when the objects of a point (or of both ends of the run) are gone."""
        for point in points or (self.range("").before, self.range("").after):
            if not _has(self.git_dir, point.commit):
                raise self._pruned(f"files at {point.label}")

    # -- what a person's words name -------------------------------------------------------------------------------------------

    def point(self, label: str) -> Point:
        """Return the files at the end of a step, or at a number, ``found-N``, ``start`` or ``end`` (also the empty label).

        Raises:
            NotFound: There is nothing of that name, or no files belong to it.
        """
        if label not in self.state.steps:
            named = self.known.named(label or "end")
            if named is not None:
                return self._point(label or "end", named.commit)
        span = self.known.span(label)
        if span is None:
            raise self._nothing(label)
        return self._point(label, span.after)

    def _point(self, label: str, commit: str) -> Point:
        tree = next(moment.now.tree for moment in self.known.moments if moment.now.commit == commit)
        ends = [end for end in self.known.all if end.commit == commit]
        mixed = bool(ends) and not any(end.quiet for end in ends)
        return Point(label, commit, tree, ends[-1].others if mixed else ())

    def range(self, what: str) -> Range:
        """Return what a person means by ``STEP``, ``A..B``, a number (since the boundary before), ``found-N`` (since then), or nothing: the whole run.

        Raises:
            NotFound: There is nothing of that name, or no files belong to it.
            UsageError: The words do not fit.
        """
        if ".." in what:
            left, _, right = what.partition("..")
            if ".." in right or right.startswith("."):
                raise UsageError(f"{what!r} names no two boundaries", hint="write RUN:A..B", code="bad-range")
            before, after = self.point(left or "start"), self.point(right or "end")
            return Range(what, before, after, tuple(dict.fromkeys((*before.others, *after.others))))
        if not what:
            return Range("", Point("start", self.first.commit, self.first.tree), self.point("end"))
        if what not in self.state.steps and self.known.named(what) is not None:
            after = self.point(what)
            kinds = ("found",) if what in self.known.found else ("created", "boundary")
            came = next((m for m in self.known.moments if m.kind in kinds and (m.step == what or m.now.commit == after.commit)), None)
            if came is None or what == "end":
                return Range(what, Point("start", self.first.commit, self.first.tree), after, after.others)
            return Range(what, self._point(f"before {what}", came.was.commit), after, after.others)
        span = self.known.span(what)
        if span is None:
            raise self._nothing(what)
        return Range(what, self._point(f"before {what}", span.before), self._point(what, span.after), span.others)

    def _nothing(self, label: str) -> NotFound:
        """Return the error for a step, or a word, that no files belong to: it says why, and what there is."""
        if label not in self.state.steps:
            names = [*dict.fromkeys(end.step for end in self.known.all)]
            shown = ", ".join(names[:SHOWN]) + (", …" if len(names) > SHOWN else "") if names else "no step has ended"
            labels = ", ".join(["start", *self.known.found, "end"])
            numbers = f"0 to {max([end.number for end in self.known.all], default=0)}"
            near = did_you_mean(label, [*self.state.steps, *self.known.found])
            return NotFound(
                f"run {self.run} has no step or boundary {label!r}",
                hint=f"{near}; " * bool(near) + f"steps: {shown}; boundaries: {numbers}, {labels}",
                code="unknown-step",
            )
        why, hint = self._why(label)
        return NotFound(f"no files belong to step {label} of run {self.run}: {why}", hint=hint, code="no-boundary")

    def _why(self, label: str) -> tuple[str, str | None]:
        found = self.state.steps[label]
        if found.kept:
            return f"it was taken over from run {found.kept}", f"`workflow diff {found.kept}:{label}` shows what it changed there"
        step = self._planned(label)
        if step is not None and step.pure:
            return "it is pure, and a pure step changes none", None
        if step is not None and step.kind == "gate":
            return "it asks a person and changes none", None
        if step is not None and step.workspace == "ephemeral":
            return "it worked in a copy of its own, of which only outputs and artifacts are kept", None
        if found.state == "skipped":
            return "it was skipped", None
        if found.state in ("pending", "ready"):
            return "it has not started", None
        if found.state in ("running", "waiting", "interrupted"):
            return f"it is {found.state}; they are saved when it ends", f"`workflow status {self.run}` shows how far it is"
        return "it ended before it could change any", None

    def _planned(self, address: str) -> PlanStep | None:
        """Return the step of the plan that an address belongs to."""
        plan = self.folder.plan()
        template, step = plan.template, None
        for part in address.split("/"):
            name = re.split(r"[\[#]", part, maxsplit=1)[0]
            step = next((one for one in template.steps if one.id == name), None)
            if step is None or step.uses is None or step.uses not in plan.workflows:
                return step
            template = plan.workflows[step.uses]
        return step


def _has(git_dir: str, commit: str) -> bool:
    """Whether a git directory is there and has a commit."""
    if not os.path.isdir(git_dir):  # noqa: PTH112 - a recorded path
        return False
    try:
        git("cat-file", "-e", f"{commit}^{{tree}}", git_dir=git_dir)
    except ProgramFailed as error:
        if "dubious ownership" in error.complaint:
            hint = f"`git config --global --add safe.directory {git_dir}` if you trust it"
            raise StoreError(f"git won't read {git_dir}: it belongs to somebody else", hint=hint, code="vcs-failed") from error
        return False
    return True
