"""What becomes of a run's working copy at its end: it stays or goes, and its last event says what it holds that no snapshot does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ropeway.records import record
from ropeway.workspaces.backend import Attached
from ropeway.workspaces.inner import worked_in
from ropeway.workspaces.programs import git
from ropeway.workspaces.snapshots import changed_paths

if TYPE_CHECKING:
    from ropeway.workspaces import Snapshot, Tell
    from ropeway.workspaces.manager import Manager
    from ropeway.workspaces.snapshots import Snapshots
    from ropeway.workspaces.wish import Wish

SHOWN = 20
"""Ignored paths that the last event names at most."""


@record
class Ending:
    """The end of a run's work in its copy.

    ``origin`` is what its changes count from, ``nested`` the repositories that were inside of it at the beginning. ``theirs`` says that the copy is the
    person's: they named it, or it was there before.
    """

    manager: Manager
    wish: Wish
    snapshots: Snapshots
    git_dir: str
    base_commit: str
    origin: Snapshot
    nested: frozenset[str]
    theirs: bool

    def pin_commits(self) -> None:
        """Keep the commits that steps made from being collected once the copy is gone."""
        backend = self.manager.backend
        if backend.name not in ("git", "overlay"):
            return  # jj keeps its commits by itself, a plain copy has none
        head = backend.head(self.manager.path(self.wish.id))
        if head and head != self.base_commit:
            git("update-ref", f"refs/ropeway/{self.wish.run}/head", head, git_dir=self.git_dir)

    def leave(self, state: str, last: Snapshot, tell: Tell, *, look: bool) -> None:
        """Keep or remove the copy, and tell which.

        Args:
            state: How the run ended.
            last: The last snapshot.
            tell: Takes ``workspace.kept`` or ``workspace.cleaned``.
            look: Whether ignored files may have come since the last snapshot.

        Raises:
            RopewayError: It can't be done.
        """
        origin, manager, wish = self.origin, self.manager, self.wish
        top = manager.path(wish.id)
        same = origin.tree == last.tree
        left = self._left_behind(look=look)
        about = {"id": wish.id, "path": top, "changed": 0 if same else len(changed_paths(self.git_dir, origin.commit, last.commit))}
        worked = worked_in(self.snapshots, top, manager.backend.root, self.git_dir, origin.commit)
        if worked:  # in a repository inside: no snapshot has it, so no policy lets it go
            left["nested"] = sorted({*worked, *left.get("nested", ())})
        if worked or self._stays(state, changed=not same or "nested" in left):
            self.snapshots.remember()
            if isinstance(manager.backend, Attached):
                manager.backend.settle(top, wish.id)
            tell("workspace.kept", about | left)
            return
        manager.cleanup(wish.id, force=True)
        tell("workspace.cleaned", about | left)

    def _stays(self, state: str, *, changed: bool) -> bool:
        keep = self.wish.keep
        if keep == "always" or self.theirs:
            return True
        if keep == "never":
            return False
        return state != "succeeded" or (keep == "changed" and changed)

    def _left_behind(self, *, look: bool) -> dict[str, Any]:
        """Return what the copy holds and no snapshot does."""
        ignored = self.snapshots.ignored(look=look)
        left: dict[str, Any] = {"ignored": ignored[:SHOWN], "ignored_count": len(ignored)} if ignored else {}
        nested = sorted(set(self.snapshots.nested) - self.nested)
        return left | {"nested": nested} if nested else left
