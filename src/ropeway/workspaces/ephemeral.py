"""The working copy of one attempt of an ephemeral step."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ropeway.errors import RopewayError
from ropeway.workspaces.snapshots import Snapshots
from ropeway.workspaces.wish import again, take_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ropeway.workspaces import Past, Snapshot, Tell
    from ropeway.workspaces.manager import Manager
    from ropeway.workspaces.wish import Wish


class Ephemeral:
    """The working copy of one attempt of an ephemeral step: made from a boundary, dropped at the end."""

    def __init__(
        self, manager: Manager, wish: Wish, start: Snapshot, base_commit: str, git_dir: str, environ: Mapping[str, str | None]
    ) -> None:
        self._manager = manager
        self._wish = wish
        self._start = start
        self._base_commit = base_commit
        self._git_dir = git_dir
        self._outer = environ
        self._environ: dict[str, str | None] = {}

    @property
    def path(self) -> str:
        """The folder that the step starts in."""
        top = self._manager.path(self._wish.id)
        return os.path.join(top, self._wish.folder) if self._wish.folder else top

    @property
    def environ(self) -> Mapping[str, str | None]:
        """The variables of this workspace."""
        return self._environ

    def inside(self, path: str) -> str:
        """Return the counterpart of a file or folder of the run's workspace, or the path itself."""
        return path

    def open(self, past: Past, tell: Tell) -> None:  # noqa: ARG002 - the protocol's; an ephemeral copy has no past
        """Make it anew."""
        wish, manager = self._wish, self._manager
        if manager.exists(wish.id):
            manager.cleanup(wish.id, force=True)  # what a crash left
        base = again(manager, self._base_commit)
        extra = {"run": wish.run, "ephemeral": True}
        ensured = manager.ensure_workspace(wish.id, base, "never", extra=extra, tools=wish.tools, tell=tell)
        snapshots = Snapshots(manager.path(wish.id), self._git_dir, run=wish.run, state=wish.state)
        take_in(snapshots, ensured)
        snapshots.restore(self._start.commit)
        os.makedirs(self.path, exist_ok=True)
        self._environ = {**self._outer, **manager.environ_for(wish.id)}

    def save(self) -> Snapshot | None:
        """Save nothing: its files are dropped."""
        return None

    def touched(self) -> None:
        """Take no note: its files are dropped."""

    def branch(self, address: str, attempt: int) -> None:
        """Make none: an ephemeral copy has no boundaries."""

    def close(self, state: str, tell: Tell) -> None:  # noqa: ARG002 - the protocol's
        """Drop it; what can't be removed now is removed with the run."""
        try:
            self._manager.cleanup(self._wish.id, force=True)
        except RopewayError as error:
            tell("workspace.left", {"id": self._wish.id, "why": str(error)})
