"""Working copies: what is known of each, whether anything in one is saved nowhere else, and how one is removed.

Only real folders two levels below the workspaces root are looked at, and only those with metadata that say the same as their place does: a link, or a folder that
somebody moved there, is left alone.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ropeway.app.occupants import occupant
from ropeway.app.retention.deciding import Thing
from ropeway.errors import NotFound, RopewayError, StoreError
from ropeway.records import field, record
from ropeway.workspaces import metadata, places
from ropeway.workspaces.discovery import discover
from ropeway.workspaces.unsaved import unsaved as nowhere_else

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ropeway.app.retention.runs import Known

_NOT_TOLD = "nothing tells whether its files are saved elsewhere"


@record
class Copy:
    """A working copy as the collector sees it. ``run`` is the one that used it last, ``others`` are those that used it before; ``noted`` is its metadata."""

    path: str
    namespace: str
    id: str
    age: float
    noted: Mapping[str, Any] = field(default_factory=dict)
    problem: str = ""
    over: str = ""
    run: Known | None = None
    others: tuple[Known, ...] = ()

    @property
    def root(self) -> str:
        """The repository that it is a copy of."""
        return str(self.noted.get("repo_root", ""))

    def thing(self, *, size: int | None = None, unsaved: str = "") -> Thing:
        """Return what is decided about."""
        users = [known for known in (self.run, *self.others) if known is not None]
        waiting = next((known for known in users if known.unfinished and known.state is not None), None)
        held = self.problem or next((known.problem for known in users if known.problem), "")
        if waiting is not None and waiting.state is not None:
            held = held or f"run {waiting.folder.id}, which is {waiting.state.state}, needs it"
        state = self.run.state.state if self.run is not None and self.run.state is not None else ""
        kept = any(known.keep for known in users) or (self.run is not None and self.run.keep_copy)
        over = self.over or ("its changes have landed" if self.run is not None and self.run.landed else "")
        ages = [self.age, *(known.age for known in users)]
        return Thing("workspace", self.id, self.path, min(ages), size, state, kept and not self.over, over, held, unsaved)


def copies(environ: Mapping[str, str], runs: Mapping[str, Known], now: float) -> Iterator[Copy]:
    """Yield the working copies below the workspaces root, in no particular order."""
    users: dict[str, list[Known]] = {}
    for known in runs.values():
        for data in known.copies:
            users.setdefault(os.path.realpath(str(data.get("path"))), []).append(known)
    for namespace in _folders(os.path.realpath(places.workspaces_root(environ))):
        for folder in _folders(namespace.path):
            with suppress(FileNotFoundError):  # another one removes it
                found = _look(environ, folder, namespace.name, now)
                run = runs.get(str(found.noted.get("run")))
                others = (known for known in users.get(found.path, ()) if known is not run)
                yield _ephemeral(found, run) if found.noted.get("ephemeral") else _used(found, run, tuple(others))


def _folders(path: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(path) as entries:
            return [entry for entry in entries if not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False)]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StoreError(f"can't read {path}: {error.strerror}", code="workspace-root") from error


def _look(environ: Mapping[str, str], folder: os.DirEntry[str], namespace: str, now: float) -> Copy:
    age = now - folder.stat(follow_symlinks=False).st_mtime
    plain = Copy(folder.path, namespace, folder.name, age)
    try:
        noted = metadata.read(folder.path)
    except NotFound:
        if _half_made(environ, namespace, folder.name):
            return Copy(folder.path, namespace, folder.name, age, over="it was never finished")
        return Copy(folder.path, namespace, folder.name, age, problem="it is no working copy that Ropeway knows of")
    except RopewayError as error:
        return Copy(folder.path, namespace, folder.name, age, problem=error.message)
    root = str(noted.get("repo_root", ""))
    if noted.get("workspace_id") != plain.id or places.namespace(root) != namespace:
        return Copy(folder.path, namespace, folder.name, age, noted, problem="its metadata is that of another place")
    with suppress(ValueError, TypeError):
        age = now - datetime.fromisoformat(noted["updated_at"]).timestamp()
    return Copy(folder.path, namespace, folder.name, age, noted)


def _half_made(environ: Mapping[str, str], namespace: str, name: str) -> bool:
    """Whether somebody began to make it and is not at it any more."""
    mark = Path(places.workspaces_root(environ), ".locks", namespace, f"{name}.making")
    try:
        with mark.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return bool(file.read(1))
    except OSError:  # there is no mark, or somebody holds it
        return False


def _ephemeral(found: Copy, run: Known | None) -> Copy:
    """Return the copy of an ephemeral step: its files are dropped at its end, so it is over with its run."""
    busy = run is not None and run.unfinished
    over = "" if busy or run is None else "a crash left it"
    return Copy(found.path, found.namespace, found.id, found.age, found.noted, found.problem, over, run)


def _used(found: Copy, run: Known | None, others: tuple[Known, ...]) -> Copy:
    problem = found.problem
    if run is None and not problem and found.noted.get("status") == "running":
        problem = f"its status is running (`workflow workspace clean {found.id}` removes it)"
    return Copy(found.path, found.namespace, found.id, found.age, found.noted, problem, found.over, run, others)


# -- what is saved nowhere else ---------------------------------------------------------------------------------------------------------


def unsaved(found: Copy) -> str:
    """Return why the removal of a working copy would lose something, empty when everything in it is saved elsewhere.

    It is compared with the last snapshot of the run that used it last, with the commits that it was made from and is on, and with the person's own folder. Files that
    are ignored are not asked about: nothing ever saves them. Where its repository is not to be found (moved, or on a disk that is not there), nobody can tell.
    """
    if found.over or found.noted.get("ephemeral"):
        return ""
    run = found.run
    try:
        if not Path(found.root).is_dir():
            return f"{_NOT_TOLD}: its repository {found.root} is not there"
        git_dir = _git_dir(found)
        if git_dir is None and ((run is not None and run.commit) or _linked(found)):
            return f"{_NOT_TOLD}: the git directory of {found.root} is not there"
        lost = nowhere_else(found.path, found.root, git_dir, found.noted, snapshot=run.commit if run is not None else "")
    except (RopewayError, OSError) as error:
        return f"{_NOT_TOLD}: {error}"
    return _changed(len(lost))


def _linked(found: Copy) -> bool:
    """Whether a working copy is one of a repository, so that there are commits to compare it with."""
    return found.noted.get("backend") != "plain" and any(os.path.lexists(Path(found.path, name)) for name in (".git", ".jj"))


def _git_dir(found: Copy) -> str | None:
    """Return the git directory that has the snapshots and commits of a working copy; None when it is not to be found."""
    used = reversed(found.run.copies if found.run is not None else ())
    told = (str(data.get("git_dir") or "") for data in used if os.path.realpath(str(data.get("path"))) == found.path)
    repository = discover(found.root)
    for path in (*told, repository.git_dir if repository is not None and repository.root == found.root else ""):
        if Path(path).is_absolute() and Path(path, "HEAD").exists():
            return path
    return None


def _changed(count: int) -> str:
    if not count:
        return ""
    return "1 change in it is saved nowhere else" if count == 1 else f"{count:,} changes in it are saved nowhere else"


# -- removing ---------------------------------------------------------------------------------------------------------------------------


def in_use(environ: Mapping[str, str], found: Copy) -> str:
    """Return who uses a working copy now, in words; empty when nobody does. It only looks."""
    lock = Path(places.workspaces_root(environ), ".locks", found.namespace, f"{found.id}.lock")
    try:
        with lock.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return f"in use by {file.read(1000).decode(errors='replace').strip() or 'another process'}"
    except OSError:
        pass
    who = occupant(found.path)
    return f"in use by {who}" if who else ""


def discard(environ: Mapping[str, str], found: Copy, *, force: bool = False) -> bool:
    """Remove a working copy that is still as it was seen; False when another one has done so.

    Args:
        environ: Where everything is.
        found: The working copy.
        force: Remove it even if something in it is saved nowhere else.

    Raises:
        Busy: Somebody uses it.
        RopewayError: It was used meanwhile, or can't be removed.
    """
    if not found.noted:
        return _discard_half_made(environ, found)
    holder = f"workflow gc (process {os.getpid()})"
    with closing(os.fdopen(places.lock_workspace(environ, found.root, found.id, holder))):
        if not Path(found.path).is_dir():
            return False
        if metadata.read(found.path) != found.noted:
            raise StoreError("somebody has used it meanwhile", code="gc-changed")
        who = occupant(found.path)
        # It was asked long before, as far as a person is concerned who works in it.
        why = f"in use by {who}" if who else "" if force else unsaved(found)
        if why:
            raise StoreError(why if who else f"{why} (--force removes it)", code="gc-changed")
        path = places.check_path(environ, found.root, found.path)
        backend = _backend(found)
        if backend is None:
            places.discard(environ, path)
        else:
            from ropeway.workspaces.backend import choose

            made = choose(backend, found.root, environ).backend
            assert made is not None
            made.remove(path, found.id)
    return True


def _discard_half_made(environ: Mapping[str, str], found: Copy) -> bool:
    with places.half_made(environ, found.namespace, found.id) as half:
        if not half:
            raise StoreError("somebody makes it, or has made it meanwhile", code="gc-changed")
        places.discard(environ, found.path)
    return True


def _backend(found: Copy) -> str | None:
    """Return what made it, None when its repository is gone: then there is nothing but the folder."""
    repository = discover(found.root) if Path(found.root).is_dir() else None
    if repository is None or repository.root != found.root:
        return None
    named = found.noted.get("backend")
    if isinstance(named, str) and named:
        return named
    if Path(found.path, ".jj").exists():
        return "jj"
    return "git" if Path(found.path, ".git").exists() else "plain"
