"""Joins a run with the working copy that its policy and its caller want."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ropeway.errors import NotFound, Refused, StoreError, UsageError
from ropeway.records import record
from ropeway.workspaces import InPlace, Snapshot

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import ExitStack

    from ropeway.app.options import RunOptions
    from ropeway.lang.model import WorkspacePolicy
    from ropeway.lang.plan import Plan
    from ropeway.runs.folder import RunFolder
    from ropeway.runs.state import RunState
    from ropeway.workspaces import Workspace
    from ropeway.workspaces.backend import Backend
    from ropeway.workspaces.copy import WorkingCopy

NO_REPOSITORY = "not in a repository"


@record
class Isolation:
    """Where a run's files will live, decided before the run exists. ``backend`` is None for a run in place, and ``note`` then says why."""

    backend: Backend | None
    note: str
    base: str = "@"

    def recorded(self) -> dict[str, Any]:
        """Return what ``run.created`` carries."""
        if self.backend is None:
            return {"backend": "none", "note": self.note}
        return {"backend": self.backend.name, "base": self.base}


def choose(plan: Plan, options: RunOptions, cwd: Path) -> Isolation:
    """Decide where a run's files will live.

    Raises:
        Refused, NotFound: What is asked for can't be had here, or the base names nothing.
        UsageError: The workspace's id can't be one, or options contradict each other.
    """
    policy = plan.template.policy.workspace
    wanted = "none" if options.in_place else options.backend or (policy.backend if policy is not None else "auto")
    if wanted == "none":
        _check_unneeded(options)
        return Isolation(None, "as asked" if options.in_place or options.backend else "as the workflow says")
    if wanted == "auto":
        from ropeway.workspaces.discovery import bare, discover  # light: most runs outside of repositories end here

        if discover(str(cwd)) is None:
            _check_unneeded(options)
            store = bare(str(cwd))
            return Isolation(None, NO_REPOSITORY if store is None else f"{store} is a bare repository")
    from ropeway.workspaces import backend, places

    if options.workspace_id is not None:
        places.check_id(options.workspace_id)
    choice = backend.choose(wanted, str(cwd), os.environ)
    if choice.backend is None:
        _check_unneeded(options)
        return Isolation(None, choice.note)
    base = options.base or (policy.base if policy is not None else "@")
    if base != "@":
        choice.backend.base(base)
    return Isolation(choice.backend, choice.note, base)


def _check_unneeded(options: RunOptions) -> None:
    for given, flag in ((options.base, "--base"), (options.workspace_id, "--workspace-id")):
        if given is not None:
            hint = "leave it out, or run inside a git or jj repository without --here"
            raise UsageError(f"{flag} is for a run with a working copy of its own, and this one works in place", hint=hint)


def chosen(recorded: Mapping[str, Any], cwd: str) -> Isolation:
    """Return what was decided when the run was created, for a resume."""
    was = recorded.get("workspace", {"backend": "none"})
    if was["backend"] == "none":
        return Isolation(None, was.get("note", ""))
    from ropeway.workspaces import backend

    try:
        choice = backend.choose(was["backend"], cwd, os.environ)
    except Refused as error:
        hint = "put it back where it was, or start the workflow again"
        raise NotFound(f"the repository that the run works with is gone: {error}", hint=hint, code="repository-gone") from error
    return Isolation(choice.backend, choice.note, was.get("base", "@"))


def workspace_of(
    folder: RunFolder, plan: Plan, options: RunOptions, cwd: str, isolation: Isolation, *, power: bool = False
) -> tuple[Workspace, int]:
    """Return a run's workspace, not yet opened, and the descriptor that locks it (-1 for a run in place); with ``power`` snapshots survive a power cut.

    Raises:
        Busy: Another run, or a command, is at work in that workspace.
    """
    backend = isolation.backend
    if backend is None:
        return InPlace(cwd), -1
    from ropeway.workspaces import places

    name = options.workspace_id or folder.id
    lock = places.lock_workspace(os.environ, backend.root, name, f"run {folder.id} (process {os.getpid()})")
    return _copy(folder, plan, options, cwd, isolation, backend, power=power), lock


def standing(
    folder: RunFolder, plan: Plan, options: RunOptions, first: Mapping[str, Any], found: RunState, *, step: str | None, held: ExitStack
) -> Workspace:
    """Return a run's files as they are, to look around in: nothing is made or recorded.

    Args:
        folder: The run.
        plan: Its plan.
        options: As recorded.
        first: The data of its first event.
        found: Its state.
        step: Where it is to be looked around in, if that is known; for the hint.
        held: Gives back at its end what a copy needs that only one process at a time can see.

    Raises:
        NotFound: It has no working copy yet, or none any more.
        Busy: Only the processes of whoever is at work in it can see it, and we can't be one of them.
    """
    isolation = chosen(first, first["cwd"])
    if isolation.backend is None:
        return InPlace(first["cwd"])
    made = found.copy
    if made is None:
        raise NotFound(
            f"run {folder.id} has no working copy: it was not begun", hint=f"`workflow resume {folder.id}` begins it", code="no-copy"
        )
    if not Path(made["path"]).is_dir():
        hint = f"`workflow checkout {folder.id}:{step or 'STEP'} DIR` puts the files of a step elsewhere"
        raise NotFound(f"the working copy of run {folder.id} is gone", hint=hint, code="copy-gone")
    from ropeway.runs.boundaries import boundaries

    latest = boundaries(folder.events()).latest or Snapshot.from_json(made["snapshot"])
    if found.kept is None:
        _attach(isolation.backend, made, folder.id, found.pid if folder.owned else None, held)
    copy = _copy(folder, plan, options, first["cwd"], isolation, isolation.backend)
    copy.enter(made, latest)
    return copy


def _attach(backend: Backend, made: Mapping[str, Any], run: str, runner: int | None, held: ExitStack) -> None:
    """Make a copy of a run that has not ended usable here, where it is one that only its own processes can see; ``runner`` is at work in it."""
    from ropeway.workspaces import places
    from ropeway.workspaces.backend import Attached

    if not isinstance(backend, Attached):
        return
    if runner is not None:
        with suppress(StoreError):  # it has ended just now, or is another person's
            backend.join(made["path"], made["id"], runner)
            return
    lock = places.lock_workspace(os.environ, backend.root, made["id"], f"`workflow shell {run}` (process {os.getpid()})")
    held.callback(os.close, lock)
    backend.attach(made["path"], made["id"])
    held.callback(backend.settle, made["path"], made["id"])


def _copy(
    folder: RunFolder, plan: Plan, options: RunOptions, cwd: str, isolation: Isolation, backend: Backend, *, power: bool = False
) -> WorkingCopy:
    from ropeway.workspaces.copy import WorkingCopy
    from ropeway.workspaces.manager import Manager
    from ropeway.workspaces.wish import Wish

    policy = plan.template.policy.workspace
    below = os.path.relpath(os.path.realpath(cwd), backend.root)
    wish = Wish(
        id=options.workspace_id or folder.id,
        run=folder.id,
        state=str(folder.path / "workspace"),
        folder="" if below == "." else below,
        base=isolation.base,
        keep=_keep(policy, options),
        named=options.workspace_id is not None,
        direnv=_direnv(plan, options, backend),
        tools=policy.tools or None if policy is not None else None,
        workflow=plan.template.id,
        command=("workflow", "run", plan.template.source or plan.template.id),
        store="" if backend.git_dir is not None else _store(folder, backend.root),
        power=power,
    )
    return WorkingCopy(Manager(backend, os.environ), wish)


def _keep(policy: WorkspacePolicy | None, options: RunOptions) -> str:
    if options.keep:
        return "always"
    keep = policy.keep if policy is not None else "changed"
    return "on-failure" if options.break_on_failure and keep == "never" else keep  # it breaks to be looked at


def _direnv(plan: Plan, options: RunOptions, backend: Backend) -> str:
    """Return the policy for ``.envrc``: for a workflow from elsewhere only what the person has allowed already is loaded.

    Where its files lie does not matter: the folders of the cache and of the runs are in a repository where HOME is one.
    """
    source = plan.template.source
    inside = source is not None and plan.template.provenance is None and os.path.realpath(source).startswith(backend.root.rstrip("/") + "/")
    return direnv_policy(wanted=options.direnv, ours=inside)


def direnv_policy(*, wanted: bool, ours: bool = True) -> str:
    """Return what to do with the ``.envrc`` of a copy, as the person's settings bound it; ``ours`` is False for what came from elsewhere."""
    if not wanted:
        return "never"
    policy = "allow" if ours else "allowed"
    from ropeway.settings import load

    return min(load(None, os.environ).direnv, policy, key=("never", "allowed", "allow").index)


def _store(folder: RunFolder, root: str) -> str:
    """Return the object store for plain copies of a folder that is in no repository, made on first use.

    One store serves all runs of a folder: a linked run then finds the files of the run that it goes on from.
    """
    from ropeway.workspaces import places
    from ropeway.workspaces.snapshots import make_store

    path = folder.path.parent.parent / "stores" / f"{places.namespace(root)}.git"
    if not (path / "HEAD").exists():
        make_store(str(path))
    return str(path)
