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
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ropeway.app import time_travel
from ropeway.app.landing_target import Landing, Target, Wanted
from ropeway.errors import NotFound
from ropeway.runs.journal import Journal
from ropeway.workspaces.programs import git

if TYPE_CHECKING:
    from ropeway.app.time_travel import Saved
    from ropeway.workspaces.discovery import Repository

__all__ = ["Landing", "Target", "Wanted", "land", "owned", "record_landing", "repository"]


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
