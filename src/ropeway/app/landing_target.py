"""What is to be landed and what came of it, for every kind of repository."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal

from ropeway.errors import Refused
from ropeway.records import record
from ropeway.workspaces.snapshots.reading import changed_paths

if TYPE_CHECKING:
    from ropeway.app.time_travel import Saved
    from ropeway.workspaces.discovery import Repository

__all__ = ["Landing", "Target", "Wanted", "exists", "identity", "nameless"]

Outcome = Literal["landed", "already", "nothing", "conflicts", "planned"]


@record
class Wanted:
    """How a person wants it: the name of the branch, the message, the commit to land on, whether a branch of that name is moved; None and "" for the usual."""

    name: str = ""
    message: str = ""
    onto: str = ""
    force: bool = False
    dry_run: bool = False


@record
class Landing:
    """What came of it.

    ``outcome`` is ``landed``, ``already`` (the very same was there), ``nothing`` (the run changed nothing that is not there), ``conflicts``, or ``planned`` by a
    dry run. ``kind`` is ``git`` or ``jj``, ``name`` the branch or bookmark, ``commit`` the new commit, ``change`` jj's change id, ``onto`` the commit below it,
    ``files`` (status letter, path) what it changes there, ``conflicts`` the paths that both sides changed.
    """

    outcome: Outcome
    kind: str
    name: str = ""
    commit: str = ""
    change: str = ""
    onto: str = ""
    files: tuple[tuple[str, str], ...] = ()
    conflicts: tuple[str, ...] = ()

    def as_json(self, run: str) -> dict[str, Any]:
        """Return the object that ``land --json`` prints."""
        out: dict[str, Any] = {"run": run, "outcome": self.outcome, "kind": self.kind, "branch": self.name or None}
        out |= {"commit": self.commit or None, "change": self.change or None, "onto": self.onto or None}
        out["files"] = [{"path": path, "status": status} for status, path in self.files]
        return out | {"conflicts": list(self.conflicts)}


@record
class Target:
    """What a backend needs to land something: the run's two trees as they are to be compared, the message, and what it is called.

    ``where`` is the person's working copy; ``git_dir`` has the objects.
    """

    saved: Saved
    where: Repository
    first: str
    last: str
    message: str
    wanted: Wanted

    @property
    def git_dir(self) -> str:
        """Where the objects are."""
        return self.where.git_dir

    @property
    def name(self) -> str:
        """The name of the branch."""
        state = self.saved.state
        return self.wanted.name or f"ropeway/{re.sub(r'[^A-Za-z0-9._/-]+', '-', state.workflow).strip('/.')}-{self.saved.run}"

    def changes(self, below: str, tree: str) -> tuple[tuple[str, str], ...]:
        """Return what differs between two trees."""
        return tuple(changed_paths(self.git_dir, below, tree))


def identity(name: str, email: str) -> dict[str, str]:
    """Return the environment that makes a person the author and committer."""
    return {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in (("NAME", name), ("EMAIL", email))}


def nameless(program: str, how: str) -> Refused:
    """Return the error for a commit that would have no author."""
    return Refused(f"{program} does not know who you are, and a commit names its author", hint=f"`{how}`", code="no-identity")


def exists(name: str, kind: str) -> Refused:
    """Return the error for a name that is taken."""
    hint = "choose another name with --branch, or move it with --force"
    return Refused(f"there is a {kind} {name} already, and it is something else", hint=hint, code="branch-exists")
