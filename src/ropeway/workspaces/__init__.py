"""Where a run's files live.

A :class:`Workspace` is all that the executor knows of it: a folder, and what there was in it at a boundary between steps. :class:`InPlace` is the
person's own folder: nothing is copied and nothing is saved. A working copy of its own is :class:`ropeway.workspaces.copy.WorkingCopy`.

This module imports nothing that costs time: a run in place pays for no working copy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from ropeway.records import field, record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Tell = Callable[[str, dict[str, Any]], None]
    """Takes the name and the data of a lifecycle event (``workspace.created`` and the like, see :mod:`ropeway.runs.events`)."""


@record
class Snapshot:
    """What a working copy held at one moment.

    ``number`` counts the snapshots of a run from 0, its beginning; ``commit`` and ``tree`` are full object ids in the object store that the event
    ``workspace.created`` names. Two boundaries between which nothing changed have the same snapshot.
    """

    number: int
    commit: str
    tree: str

    def as_json(self) -> dict[str, Any]:
        """Return the object that events carry."""
        return {"number": self.number, "commit": self.commit, "tree": self.tree}

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Snapshot:
        """Read it back."""
        return Snapshot(data["number"], data["commit"], data["tree"])


@record
class Past:
    """What was before, for a workspace that is opened; all empty for a new run.

    ``created`` is the data of the run's ``workspace.created`` event, ``latest`` the snapshot of its last boundary and ``number`` the highest number
    that was given to one. ``found`` counts the times that the files were looked at before going on (``found-1`` and so on). ``restore`` is the snapshot
    whose files are to be put back, None to leave them as they are. ``start`` is the data of ``workspace.start``: a new run begins with these files.
    """

    created: Mapping[str, Any] | None = None
    latest: Snapshot | None = None
    number: int = 0
    found: int = 0
    restore: Snapshot | None = None
    start: Mapping[str, Any] | None = None


class Workspace(Protocol):
    """The files of one run, or of one ephemeral step."""

    @property
    def path(self) -> str:
        """The folder that steps start in, absolute; known before :meth:`open`."""
        ...

    @property
    def environ(self) -> Mapping[str, str | None]:
        """What steps get in their environment because of it, after :meth:`open`; None takes a variable away."""
        ...

    @property
    def own(self) -> Mapping[str, str | None]:
        """The part of :attr:`environ` that says where they are, without what an ``.envrc`` sets."""
        ...

    def open(self, past: Past, tell: Tell) -> None:
        """Make it, or make it ready again, before the first step.

        Raises:
            RopewayError: It can't be made; nothing half made stays in the way of the next try.
        """
        ...

    def inside(self, path: str) -> str:
        """Return where a file or folder of the person's is in here; the path itself when it has no counterpart."""
        ...

    def save(self) -> Snapshot | None:
        """Save what there is now; None when this kind of workspace saves nothing.

        Raises:
            StoreError: It can't be saved (the disk is full).
        """
        ...

    def touched(self) -> None:
        """Take note that files may change of which no :meth:`save` follows: a process was left running, or a pure step began."""
        ...

    def branch(self, address: str, attempt: int) -> Apart | None:
        """Return a new workspace, not yet opened, that will start from the latest boundary; None when this kind can make none."""
        ...

    def close(self, state: str, tell: Tell) -> None:
        """Keep or remove it, as its policy says, once the run has ended with ``state``."""
        ...


class Apart(Workspace, Protocol):
    """The files of one attempt of an ephemeral step."""

    def take_up(self, tell: Tell) -> bool:
        """Go on, in place of :meth:`open`, with what was closed as ``waiting``; returns whether there was anything to go on with."""
        ...

    def untouched(self, paths: Sequence[str]) -> frozenset[str]:
        """Return those of some files (relative to ``path``) that are what they were when the copy was made.

        Raises:
            StoreError: That can't be told.
        """
        ...


@record
class InPlace:
    """The person's own folder."""

    path: str
    environ: Mapping[str, str | None] = field(default_factory=dict)
    own: Mapping[str, str | None] = field(default_factory=dict)

    def open(self, past: Past, tell: Tell) -> None:
        """Find it there already."""

    def inside(self, path: str) -> str:
        """Return the path itself."""
        return path

    def save(self) -> Snapshot | None:
        """Save nothing."""
        return None

    def touched(self) -> None:
        """Take no note."""

    def branch(self, address: str, attempt: int) -> Apart | None:  # noqa: ARG002 - the protocol's
        """Make none: there is no boundary to start from."""
        return None

    def close(self, state: str, tell: Tell) -> None:
        """Leave it as it is."""
