"""Working copies by hand: the verbs of ``workflow workspace``.

They are about the repository that the caller stands in. Inside of a working copy that is the one that the copy was made of: ``list`` and ``clean`` say and do
the same there as at home.
"""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any

from ropeway.app.occupants import above, occupant
from ropeway.app.working_copies import direnv_policy
from ropeway.errors import Busy, NotFound, Refused, RopewayError, UsageError
from ropeway.records import record
from ropeway.workspaces import backend as backends
from ropeway.workspaces import places, whereabouts
from ropeway.workspaces.manager import Manager
from ropeway.workspaces.programs import LOCAL_VARIABLES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ropeway.workspaces import Tell
    from ropeway.workspaces.tools import ToolSync


@record
class Wanted:
    """How a command is to be carried out in a workspace: as the options of ``workflow workspace run`` say; None leaves it to what is there."""

    command: Sequence[str]
    workflow: str | None = None
    base: str | None = None
    backend: str | None = None
    direnv: bool = True
    cleanup: bool = False


# -- looking ----------------------------------------------------------------------------------------------------------------------------


def find(cwd: str, environ: Mapping[str, str], backend: str = "auto") -> Manager:
    """Return the manager of the repository that somebody stands in, or whose working copy they stand in.

    Raises:
        NotFound: They are in no repository, and no copies were made of the folder.
        Refused: The backend that was asked for can't be had here.
    """
    home = whereabouts.home_of(cwd, environ)
    choice = backends.choose(backend, home, environ)
    if choice.backend is None:
        copied = whereabouts.copied(home, environ) if backend == "auto" else None
        if copied is None:
            hint = "change to the folder of a git or jj repository; `--backend plain` copies a folder in none"
            raise NotFound(f"there are no workspaces here: {choice.note}", hint=hint, code="no-repository")
        choice = backends.choose("plain", copied, environ)
        assert choice.backend is not None
    return Manager(choice.backend, environ)


def find_workspace(id: str, cwd: str, environ: Mapping[str, str], backend: str | None = None) -> Manager:  # noqa: A002 - the word that people use
    """Return the manager that can work with one workspace: the one that made it, or the one that will.

    Raises:
        NotFound: They are in no repository.
        Refused: ``backend`` is not what the workspace was made by.
        UsageError: The id can't be one.
    """
    places.check_id(id)
    manager = find(cwd, environ, backend or "auto")
    made = whereabouts.made_by(manager.path(id))
    if made in (None, manager.backend.name):
        return manager
    if backend not in (None, "auto"):
        hint = f"leave --backend out, or take another id; `workflow workspace clean {id}` removes this one"
        raise Refused(f"the workspace {id} is there, made by {made}", hint=hint, code="workspace-backend")
    return find(cwd, environ, made)


def listed(cwd: str, environ: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the metadata of every workspace of the repository, sorted by id.

    Raises:
        NotFound: They are in no repository.
    """
    return find(cwd, environ).list()


def about(id: str, cwd: str, environ: Mapping[str, str]) -> dict[str, Any]:  # noqa: A002 - the word that people use
    """Return the metadata of one workspace.

    Raises:
        NotFound: There is none, or it has none.
        StoreError: It is damaged.
    """
    return find(cwd, environ).read(id)


def ids(cwd: str, environ: Mapping[str, str]) -> list[str]:
    """Return the ids of the repository's workspaces; none outside of one."""
    try:
        return [str(one["workspace_id"]) for one in listed(cwd, environ) if "workspace_id" in one]
    except RopewayError:
        return []


# -- using ------------------------------------------------------------------------------------------------------------------------------


def run(id: str, wanted: Wanted, cwd: str, environ: Mapping[str, str], tell: Tell) -> int:  # noqa: A002 - the word that people use
    """Carry out a command in a workspace, made when it is not there, and return its exit status; 128 + n when signal n ended it.

    ``tell`` gets the manager's events, ``workspace.base`` (id base asked) when the workspace started from something else than was asked for, and
    ``workspace.unsaved`` (id lost) before a clean-up that takes changes with it.

    Raises:
        Busy: Somebody is at work in it.
        UsageError: There is no command.
        RopewayError: The workspace can't be made or used, or the command can't be started.
    """
    if not wanted.command:
        raise UsageError(
            "there is no command", hint=f"write it behind two hyphens: workflow workspace run {id} -- make test", code="no-command"
        )
    manager = find_workspace(id, cwd, environ, wanted.backend)
    policy = direnv_policy(wanted=wanted.direnv, ours=not _from_elsewhere(manager, id, environ))
    with _locked(manager, id, "workflow workspace run", environ), _attached(manager, id):
        ensured = manager.ensure_workspace(id, wanted.base or "@", policy, tell=tell)
        has = ensured.metadata.get("base_change")
        if wanted.base is not None and not ensured.created and has != wanted.base:
            tell("workspace.base", {"id": id, "base": has, "asked": wanted.base})
        manager.update_status(id, "running", wanted.workflow, wanted.command)
        status = _carried_out(manager, id, policy, wanted.command, environ, tell)
        if wanted.cleanup and status == 0:
            _say_what_goes(manager, id, tell)
            manager.cleanup(id, force=True, tell=tell)
        return status


def _say_what_goes(manager: Manager, id: str, tell: Tell) -> None:  # noqa: A002 - the word that people use
    """Name the changes that a clean-up takes with it, if they are nowhere else."""
    from ropeway.workspaces.unsaved import unsaved

    backend = manager.backend
    lost = unsaved(manager.path(id), backend.root, backend.git_dir, manager.read(id))
    if lost:
        tell("workspace.unsaved", {"id": id, "lost": lost})


def _carried_out(
    manager: Manager,
    id: str,  # noqa: A002 - the word that people use
    policy: str,
    command: Sequence[str],
    environ: Mapping[str, str],
    tell: Tell,
) -> int:
    status = 1
    try:
        status = _start(manager, id, policy, command, environ)
    finally:
        try:
            manager.update_status(id, "done" if status == 0 else "error")
        except RopewayError as error:  # the command damaged the file; its own exit status is worth more
            tell("workspace.problem", {"id": id, "message": error.message, "hint": error.hint})
    return status


def _start(manager: Manager, id: str, policy: str, command: Sequence[str], environ: Mapping[str, str]) -> int:  # noqa: A002
    from ropeway.app.foreground import run_in_foreground
    from ropeway.runs.process import find_executable

    path = manager.path(id)
    env = {name: value for name, value in environ.items() if name not in LOCAL_VARIABLES} | manager.environ_for(id)
    words = manager.wrapped(id, policy, command)
    find_executable(words[0], env.get("PATH", os.defpath), path)
    return run_in_foreground(words, env, path)


def shell(id: str, cwd: str, environ: Mapping[str, str], tell: Tell, *, direnv: bool = True) -> int:  # noqa: A002 - the word that people use
    """Open the person's shell in a workspace that is there, also while somebody is at work in it, and return its exit status.

    ``tell`` gets the manager's events, and ``workspace.shell`` (id path) when the shell is about to start.

    Raises:
        NotFound: There is no such workspace.
        RopewayError: The shell can't be started, or direnv refuses.
    """
    manager = find_workspace(id, cwd, environ)
    manager.read(id)
    program = environ.get("SHELL") or "/bin/sh"
    policy = direnv_policy(wanted=direnv, ours=not _from_elsewhere(manager, id, environ))
    with ExitStack() as held:
        if isinstance(manager.backend, backends.Attached):  # nobody else can be in such a copy
            held.enter_context(_locked(manager, id, "workflow workspace shell", environ))
        held.enter_context(_attached(manager, id))
        manager.wrapped(id, policy, [], tell=tell)  # what direnv has to say comes first
        tell("workspace.shell", {"id": id, "path": manager.path(id)})
        return _start(manager, id, policy, [program], environ)


def _from_elsewhere(manager: Manager, id: str, environ: Mapping[str, str]) -> bool:  # noqa: A002 - the word that people use
    """Whether a workspace was made for, or last used by, a run of a workflow from elsewhere, which may have chosen the base, and so the ``.envrc``.

    An unnamed workspace has the id of its run, an ephemeral step's begins with it: what steps wrote into its metadata does not hide that.
    """
    from ropeway.app.runs import created, store

    names = {id, id.partition(".")[0]}
    with suppress(RopewayError):
        names.add(str(manager.read(id).get("run")))
    runs = store(environ)
    for name in names:
        with suppress(RopewayError):
            run = runs.find(name)
            if run.id == name and "provenance" in created(run):
                return True
    return False


def sync_tools(id: str, cwd: str, environ: Mapping[str, str]) -> ToolSync:  # noqa: A002 - the word that people use
    """Bring the tools of a workspace up to date, even where they have the right version.

    Raises:
        NotFound: There is no such workspace.
        Busy: Somebody is at work in it.
    """
    manager = find_workspace(id, cwd, environ)
    manager.read(id)
    with _locked(manager, id, "workflow workspace sync-tools", environ):
        return manager.sync_tools(id, force=True)


def clean(id: str, cwd: str, environ: Mapping[str, str], *, force: bool = False) -> str:  # noqa: A002 - the word that people use
    """Remove a workspace and return where it was.

    Raises:
        NotFound: There is no such workspace.
        Busy: Somebody is at work in it.
        Refused: It holds unsaved work, and ``force`` does not say to remove it all the same.
    """
    manager = find_workspace(id, cwd, environ)
    if not manager.exists(id) and id not in manager.backend.ids():
        manager.read(id)  # says that there is none
    with _locked(manager, id, "workflow workspace clean", environ, always=not force):
        if not force:
            _attach(manager, id)  # what it holds has to be seen
        manager.cleanup(id, force=force)
    return manager.path(id)


# -- who is at work ---------------------------------------------------------------------------------------------------------------------


@contextmanager
def _locked(manager: Manager, id: str, holder: str, environ: Mapping[str, str], *, always: bool = False) -> Iterator[None]:  # noqa: A002
    """Hold a workspace's lock. The shell tool takes none: what it runs is looked for where the status says so, or ``always``.

    Raises:
        Busy: Somebody else is at work in it; the message names them.
    """
    lock = places.lock_workspace(environ, manager.backend.root, id, f"`{holder}` (process {os.getpid()})")
    try:
        if always or whereabouts.says_running(manager.path(id)):
            _check_nobody_in(manager.path(id), id)
        yield
    finally:
        os.close(lock)


@contextmanager
def _attached(manager: Manager, id: str) -> Iterator[None]:  # noqa: A002 - the word that people use
    """Make a copy usable that is there only for the process that works in it, and leave it there for everybody."""
    _attach(manager, id)
    try:
        yield
    finally:
        if isinstance(manager.backend, backends.Attached) and manager.exists(id):
            manager.backend.settle(manager.path(id), id)


def _attach(manager: Manager, id: str) -> None:  # noqa: A002 - the word that people use
    if isinstance(manager.backend, backends.Attached) and manager.exists(id):
        manager.backend.attach(manager.path(id), id)


def _check_nobody_in(path: str, id: str) -> None:  # noqa: A002 - the word that people use
    """Make sure that no process has its folder in a workspace, but for those that started us; where there is no /proc nobody can tell."""
    who = occupant(path, above())
    if who:
        raise Busy(f"workspace {id} is in use by {who}", hint="wait for it to end, or leave the folder", code="workspace-busy")
