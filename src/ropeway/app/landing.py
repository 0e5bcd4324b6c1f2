"""Bringing a run's result back: as a branch (git) or a change (jj), with one commit that holds what the run changed and nothing else.

What a run changed is what lies between its snapshot 0 and its last one. It is merged onto the commit that the person is on now, so that what they did meanwhile is
kept, and what they had not committed when the run began is not in it. Commits that steps made in the working copy are in the result as files; it is one
commit all the same. Nothing else moves: not the branch that is checked out, not the index, not a file. ``--apply`` is :mod:`ropeway.app.applying`.

The message names the run and the workflow in trailers::

    Ropeway-Run: k3v7qa2m5x
    Ropeway-Workflow: acme/ci@1.2.0 sha256:…
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ropeway.app import time_travel
from ropeway.errors import NotFound, Refused
from ropeway.records import record
from ropeway.runs.journal import Journal
from ropeway.workspaces.programs import git
from ropeway.workspaces.snapshots.reading import changed_paths

if TYPE_CHECKING:
    from ropeway.app.time_travel import Saved
    from ropeway.workspaces.discovery import Repository

__all__ = ["Landing", "Target", "Wanted", "land", "owned", "record_landing", "repository"]

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


def land(run: str, wanted: Wanted) -> tuple[Saved, Landing]:
    """Land a run's result on the person's repository.

    Args:
        run: An id or the beginning of one; empty for the latest.
        wanted: How.

    Returns:
        The run, and what came of it. With conflicts nothing was made.

    Raises:
        NotFound: No such run, no snapshots, or no repository.
        Busy: The run is under way.
        Refused: The branch exists, or nobody says who the author is.
    """
    saved = time_travel.saved(run)
    saved.check()
    with owned(saved):
        where = repository(saved)
        _bring_objects(saved, where)
        target = _target(saved, where, wanted)
        if saved.first.tree == saved.latest.tree:
            return saved, Landing("nothing", where.kind)
        if where.kind == "jj":
            from ropeway.app.landing_jj import land_change as make
        else:
            from ropeway.app.landing_git import land_branch as make
        done = make(target)
        if done.outcome == "landed":
            data = {"kind": done.kind, "branch": done.name, "commit": done.commit, "onto": done.onto or None}
            record_landing(saved, data | ({"change": done.change} if done.change else {}))
    return saved, done


class owned:  # noqa: N801 - reads as a verb: `with owned(run)`
    """Holds a run's lock: nobody goes on with it meanwhile."""

    def __init__(self, saved: Saved) -> None:
        self._saved = saved
        self._fd = -1

    def __enter__(self) -> None:
        self._fd = self._saved.folder.lock()

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)


def record_landing(saved: Saved, data: dict[str, Any]) -> None:
    """Note in the run's journal that its result has landed: its working copy may go. The caller holds the run's lock."""
    journal = Journal(saved.folder.journal)
    journal.add("workspace.landed", data)
    journal.close()


def repository(saved: Saved) -> Repository:
    """Return the person's working copy: where they stand, if that belongs to the run's repository, else where the run was started.

    Raises:
        NotFound: There is none.
    """
    from ropeway.workspaces.discovery import discover

    here = discover(str(Path.cwd()))
    if here is not None and here.git_dir == saved.git_dir:
        return here
    there = discover(saved.root) if Path(saved.root).is_dir() else None
    if there is None:
        raise NotFound(
            f"{saved.root}, where run {saved.run} was started, is in no repository",
            hint=f"`workflow land {saved.run} --apply` changes the files there, `workflow checkout {saved.run}` writes them into a folder",
            code="no-repository",
        )
    return there


def _bring_objects(saved: Saved, where: Repository) -> None:
    """Have the run's snapshots in the person's repository: those of a plain copy are in a store of their own."""
    if where.git_dir != saved.git_dir:
        named = ("for-each-ref", "--count=1", "--format=%(refname)", f"--points-at={saved.latest.commit}", f"refs/ropeway/{saved.run}")
        options = ("--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance")
        git("fetch", *options, saved.git_dir, git(*named, git_dir=saved.git_dir).decode().strip(), git_dir=where.git_dir)


def _target(saved: Saved, where: Repository, wanted: Wanted) -> Target:
    first, last = saved.first.tree, saved.latest.tree
    if where.kind == "git" and first != last:
        from ropeway.workspaces.merging import as_committed

        first, last = as_committed(where.root, where.git_dir, os.environ, first, last)
    return Target(saved, where, first, last, _message(saved, wanted), wanted)


def _message(saved: Saved, wanted: Wanted) -> str:
    """Return the commit's message, with the trailers."""
    state = saved.state
    version = f"@{state.version}" if state.version else ""
    text = wanted.message.strip() or f"Apply the result of {state.workflow}"
    trailers = (f"Ropeway-Run: {saved.run}", f"Ropeway-Workflow: {state.workflow}{version} {state.digest}".rstrip())
    words = [word for trailer in trailers for word in ("--trailer", trailer)]
    return git("interpret-trailers", "--no-divider", "--if-exists", "addIfDifferent", *words, stdin=f"{text}\n".encode(), cwd="/").decode()


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
