"""Runs: what is known of each, and how one is removed with everything that is only there for it.

A run is moved into ``runs/.trash`` first, under its lock, and removed there. Its snapshots' refs, which live in somebody's repository, are deleted from there too:
whoever finds a run in the trash knows that its removal was begun, and ends it. A ref of a run that is not in this trash may be another person's, and stays.
"""

from __future__ import annotations

import json
import os
import stat
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ropeway.app.retention.deciding import DAY, UNFINISHED, Thing
from ropeway.errors import NotFound, RopewayError, StoreError
from ropeway.records import field, record
from ropeway.runs import state as states
from ropeway.runs.boundaries import boundaries
from ropeway.runs.events import FORMAT, seconds
from ropeway.runs.folder import RunFolder
from ropeway.runs.journal import read_events

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ropeway.runs.events import RunEvent
    from ropeway.runs.folder import RunStore
    from ropeway.runs.state import RunState

TRASH = ".trash"


@record
class Known:
    """A run as the collector sees it.

    ``state`` is None for one whose journal can't be read, or that never began. ``problem`` says why it has to stay whatever it is. ``copies`` are the data of its
    ``workspace.created`` events and ``commit`` its last snapshot. ``keep`` says that the person asked for it to be kept, ``keep_copy`` that the workflow
    did so for its working copy. ``seen`` is the journal's size and time: when they are other, somebody has gone on with it.
    """

    folder: RunFolder
    age: float
    state: RunState | None = None
    problem: str = ""
    over: str = ""
    copies: tuple[Mapping[str, Any], ...] = ()
    commit: str = ""
    keep: bool = False
    keep_copy: bool = False
    landed: bool = False
    seen: tuple[int, int] = (0, 0)
    events: Sequence[RunEvent] = field(default_factory=tuple)

    @property
    def unfinished(self) -> bool:
        """Whether it may be going on, or is waiting to."""
        return self.state is not None and self.state.state in UNFINISHED

    def thing(self, *, workspaces: tuple[str, ...] = (), size: int | None = None) -> Thing:
        """Return what is decided about; ``workspaces`` are its working copies that are there."""
        state = self.state
        return Thing(
            "run",
            self.folder.id,
            str(self.folder.path),
            self.age,
            size,
            state.state if state is not None else "",
            # The mark is on its files: once they are gone, the run is as any other. A run in place has only its record to keep.
            kept=self.keep and (bool(workspaces) or not self.copies),
            over=self.over,
            held=self.problem,
            linked=(state.linked or "") if state is not None else "",
            workspaces=workspaces,
        )


def known(store: RunStore, now: float) -> Iterator[Known]:
    """Yield what is known of each folder below ``runs``, in no particular order."""
    try:
        paths = [entry.path for entry in os.scandir(store.runs) if not entry.name.startswith(".")]
    except FileNotFoundError:
        return
    except OSError as error:
        raise StoreError(f"can't read {store.runs}: {error.strerror}", code="state-directory") from error
    for path in paths:
        with suppress(FileNotFoundError):  # another one removes it
            yield _look(RunFolder(Path(path)), now)


def _look(folder: RunFolder, now: float) -> Known:
    found = folder.path.lstat()
    age = now - found.st_mtime
    if not stat.S_ISDIR(found.st_mode):
        return Known(folder, age, problem="it is a link or a file, not the folder of a run")
    try:
        journal = folder.journal.stat()
    except FileNotFoundError:
        # A run is one with its first event; its folder is made a moment before that.
        return Known(folder, age, over="it never began") if age >= DAY else Known(folder, age, problem="it is being made")
    seen = (journal.st_size, journal.st_mtime_ns)
    owned = folder.owned  # asked before reading: an owner that ends in between has then written its last event
    try:
        events = list(folder.events())
        found_state = states.fold(folder.id, (), events)
    except RopewayError as error:
        return Known(folder, age, problem=f"its journal can't be read: {error.message}", seen=seen)
    if found_state.format > FORMAT:
        return Known(folder, age, problem="a newer version of ropeway wrote it", seen=seen)
    if not owned:
        states.interrupt(found_state)
    ended = found_state.finished_at if found_state.state not in UNFINISHED else None
    at = ended or found_state.started_at or found_state.created_at
    problem = "somebody is at work on it" if owned and found_state.state not in UNFINISHED else ""
    return _with_copies(Known(folder, now - seconds(at) if at else age, found_state, problem, seen=seen), events)


def _with_copies(found: Known, events: Sequence[RunEvent]) -> Known:
    """Add what its working copies need to know."""
    first = events[0].data if events else {}
    copies = tuple(event.data for event in events if event.event == "workspace.created")
    latest = boundaries(events).latest if copies else None
    return Known(
        found.folder,
        found.age,
        found.state,
        found.problem,
        copies=copies,
        commit=latest.commit if latest is not None else "",
        keep=bool(first.get("options", {}).get("keep")),
        keep_copy=bool(copies) and _policy(found.folder).get("keep") == "always",
        landed=_landed(events),
        seen=found.seen,
        events=[event for event in events if event.event.startswith("artifact.")],
    )


def _landed(events: Sequence[RunEvent]) -> bool:
    """Whether the result was brought back to the repository, and the run did not go on after that."""
    told = [event.event for event in events if event.event in ("run.started", "workspace.landed")]
    return bool(told) and told[-1] == "workspace.landed"


def _policy(folder: RunFolder) -> Mapping[str, Any]:
    """Return the plan's policy for workspaces as it is written; empty when it says nothing or can't be read."""
    try:
        policy: Any = json.loads((folder.path / "plan.json").read_bytes())["template"]["policy"]["workspace"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return policy if isinstance(policy, dict) else {}


# -- removing ---------------------------------------------------------------------------------------------------------------------------


def discard(found: Known, store: RunStore) -> Path | None:
    """Move a run into the trash if it is still as it was seen and nobody needs it; None when another one has done so.

    Raises:
        Busy: Somebody owns it.
        StoreError: It changed since, a new run goes on from it, or it can't be moved.
    """
    folder = found.folder
    try:
        lock = folder.lock()
    except (StoreError, NotFound):
        if not folder.path.is_dir():
            return None
        raise
    with closing(os.fdopen(lock)):
        try:
            journal = folder.journal.stat()
            seen = (journal.st_size, journal.st_mtime_ns)
        except FileNotFoundError:
            seen = (0, 0)
        if not folder.path.is_dir():
            return None
        if seen != found.seen:
            raise StoreError("somebody has gone on with it meanwhile", code="gc-changed")
        trash = _trash(store)
        target = trash / f"{folder.id}.{os.urandom(6).hex()}"
        _move(folder.path, target)
    return target


def _trash(store: RunStore) -> Path:
    """Return the folder for runs that are being removed, beside them, so that moving is one step on any disk."""
    trash = store.runs / TRASH
    with suppress(FileExistsError):
        trash.mkdir(mode=0o700)
    if trash.is_symlink():
        raise StoreError(f"{trash} is a link, so nothing is moved there", hint="remove it", code="gc-trash")
    return trash


def _move(path: Path, target: Path) -> None:
    try:
        if not os.access(path, os.W_OK):
            path.chmod(0o700)  # a folder that changes its parent has to be writable itself
        path.rename(target)
    except OSError as error:
        raise StoreError(f"{path} can't be removed: {error.strerror}", hint="check who owns it", code="gc-remove") from error


def links_to(store: RunStore, ids: frozenset[str]) -> dict[str, str]:
    """Return, for runs that are not in ``ids``, the run that each goes on from: they were made since one looked."""
    found = {}
    for run in store.ids():
        if run not in ids:
            with suppress(RopewayError):
                first = next(iter(RunFolder(store.runs / run).events()), None)
                if first is not None and first.data.get("linked"):
                    found[str(first.data["linked"])] = run
    return found


def trashed(store: RunStore) -> list[Path]:
    """Return the runs whose removal was begun."""
    try:
        return sorted(Path(entry.path) for entry in os.scandir(store.runs / TRASH) if entry.is_dir(follow_symlinks=False))
    except OSError:
        return []


def refs(entry: Path) -> dict[str, list[bytes]]:
    """Return the refs that a run in the trash left behind, by git directory.

    Raises:
        RopewayError: git can't say.
    """
    from ropeway.workspaces.programs import git

    run = entry.name.partition(".")[0]
    found = {}
    for git_dir in sorted(_git_dirs(entry)):
        listed = git("for-each-ref", "--format=%(refname)", f"refs/ropeway/{run}/", git_dir=git_dir).split()
        if listed:
            found[git_dir] = listed
    return found


def _git_dirs(entry: Path) -> set[str]:
    """Return the repositories that a run has written snapshots to and that are still there."""
    try:
        events = [event.data for event in read_events(entry / "journal") if event.event == "workspace.created"]
    except RopewayError:
        return set()
    named = {str(data.get("git_dir") or "") for data in events}
    return {path for path in named if Path(path).is_absolute() and Path(path, "HEAD").exists()}


def delete_refs(entry: Path) -> int:
    """Delete the refs that a run in the trash left behind, and return how many there were.

    Raises:
        RopewayError: git can't do it.
    """
    from ropeway.workspaces.programs import git

    count = 0
    for git_dir, names in refs(entry).items():
        git("update-ref", "--stdin", git_dir=git_dir, stdin=b"".join(b"delete %b\n" % name for name in names))
        count += len(names)
    return count


def prune_stores(store: RunStore) -> None:
    """Let go of what no snapshot needs in the stores that are ours alone (plain copies of folders in no repository).

    Raises:
        RopewayError: git can't do it.
    """
    from ropeway.workspaces.programs import git

    for path in sorted((store.state_dir / "stores").glob("*.git")):
        # A run that is being carried out writes objects before the ref that needs them.
        git("prune", "--expire=1.day.ago", git_dir=str(path))
