"""A run's own working copy: what the executor gets where the person's folder is under version control.

It joins the manager (which makes, finds and removes copies) with the snapshots (which say what changed), and decides what stays at the end.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any

from ropeway.errors import NotFound, Refused, RopewayError
from ropeway.records import replace
from ropeway.workspaces import Past, Snapshot, metadata
from ropeway.workspaces.backend import Attached, Mending
from ropeway.workspaces.ending import Ending
from ropeway.workspaces.ephemeral import Ephemeral
from ropeway.workspaces.programs import LOCAL_VARIABLES, git
from ropeway.workspaces.snapshots import Snapshots
from ropeway.workspaces.wish import again, take_in, uncommitted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ropeway.workspaces import Tell
    from ropeway.workspaces.manager import Ensured, Manager
    from ropeway.workspaces.wish import Wish


class WorkingCopy:
    """A :class:`ropeway.workspaces.Workspace` outside of the person's folder, with snapshots."""

    def __init__(self, manager: Manager, wish: Wish) -> None:
        self._manager = manager
        self._wish = wish
        self._top = manager.path(wish.id)
        self._git_dir = manager.backend.git_dir or wish.store
        self._snapshots = Snapshots(self._top, self._git_dir, run=wish.run, state=wish.state, sync=wish.power)
        self._environ: dict[str, str | None] = {}
        self._own: dict[str, str | None] = {}
        self._origin: Snapshot | None = None  # what its changes count from: the first of the line of runs that it goes on with
        self._nested: frozenset[str] = frozenset()
        self._made_folder = False
        self._last: Snapshot | None = None
        self._number = 0
        self._base_commit = ""
        self._reused = False
        self._looked = False  # at a boundary, since when nothing can have changed the files

    @property
    def path(self) -> str:
        """The folder that steps start in."""
        return os.path.join(self._top, self._wish.folder) if self._wish.folder else self._top

    @property
    def environ(self) -> Mapping[str, str | None]:
        """The variables of the workspace and of its ``.envrc``; those that tie git to another repository are taken away."""
        return self._environ

    @property
    def own(self) -> Mapping[str, str | None]:
        """The same without those of its ``.envrc``."""
        return self._own

    def inside(self, path: str) -> str:
        """Return the counterpart of a file or folder of the person's, or the path itself."""
        below = os.path.relpath(os.path.realpath(path), os.path.realpath(self._manager.backend.root))
        counterpart = os.path.normpath(os.path.join(self._top, below))
        return counterpart if not below.startswith("..") and os.path.lexists(counterpart) else path

    # -- beginning ------------------------------------------------------------------------------------------------------------

    def open(self, past: Past, tell: Tell) -> None:
        """Make it, or make it ready again; see :meth:`ropeway.workspaces.Workspace.open`."""
        if past.created is not None:
            self._go_on(past, past.created, tell)
        else:
            self._begin(past, tell)
        wish = self._wish
        try:
            self._made_folder = not os.path.isdir(self.path)
            os.makedirs(self.path, exist_ok=True)
        except OSError as error:
            raise NotFound(f"the folder {wish.folder} can't be had in the working copy: {error.strerror}", code="folder-gone") from error
        self._manager.sync_tools(wish.id, wish.tools)
        self._take_environment(tell)
        self._manager.update_status(wish.id, "running", wish.workflow or None, wish.command or None)

    def enter(self, created: Mapping[str, Any], latest: Snapshot) -> None:
        """Take up a copy that is there, in the place of :meth:`open`, for somebody who looks around in it: nothing is made, saved or noted down.

        Args:
            created: The data of the run's ``workspace.created`` event.
            latest: The snapshot of the run's last boundary.

        Raises:
            RopewayError: Its ``.envrc`` can't be used.
        """
        self._base_commit = created["base_commit"]
        self._last = latest
        self._take_environment(_silent)

    def _take_environment(self, tell: Tell) -> None:
        wish, manager = self._wish, self._manager
        self._own = {**dict.fromkeys(LOCAL_VARIABLES), **manager.environ_for(wish.id)}
        self._environ = self._own | manager.direnv_environment(wish.id, wish.direnv, tell=tell)

    def _begin(self, past: Past, tell: Tell) -> None:
        """Make it, or take the one that the person named."""
        wish = self._wish
        told: dict[str, dict[str, Any]] = {}
        try:
            data = self._taken_in(past.start, told)
        except BaseException:
            with contextlib.suppress(RopewayError):  # the first error is the one to tell
                self._take_back(told)
            raise
        if self._reused:
            tell("workspace.reused", {"id": wish.id, "path": self._top})
        tell("workspace.created", data)
        for event, more in told.items():
            if event not in ("workspace.created", "workspace.reused"):
                tell(event, more)
        self._snapshots.remember()

    def _take_back(self, told: Mapping[str, Any]) -> None:
        """Remove a copy that the run's journal does not know: nobody would find it."""
        wish, manager = self._wish, self._manager
        self._origin = self._last = None
        if "workspace.created" in told or (not wish.named and manager.exists(wish.id)):
            manager.cleanup(wish.id, force=True)
        if os.path.isdir(os.path.join(self._git_dir, "refs", "ropeway", wish.run)):
            for label in ("0", "first"):
                git("update-ref", "-d", f"refs/ropeway/{wish.run}/{label}", git_dir=self._git_dir)

    def _taken_in(self, start: Mapping[str, Any] | None, told: dict[str, dict[str, Any]]) -> dict[str, Any]:
        """Have a copy, save what it begins with and return the data of ``workspace.created``; ``told`` takes the manager's events."""
        wish, manager = self._wish, self._manager
        if not wish.named and manager.exists(wish.id):
            manager.cleanup(wish.id, force=True)  # this run's own, from before its first event: nothing has run in it
        base = wish.base if start is None else again(manager, start["base_commit"])
        ensured = self._ensure(base, told.__setitem__)
        self._reused = not ensured.created
        fresh = take_in(self._snapshots, ensured) and start is None
        self._base_commit = ensured.base.commit if ensured.base is not None else str(ensured.metadata.get("base_commit") or "")
        if start is not None:
            self._snapshots.restore(start["snapshot"]["commit"])
            self._pin_first(start)
        parents = [self._base_commit] if self._base_commit else []
        first = self._last = self._snapshots.take("0", parents, self._message(0), look=not fresh)
        self._origin = _origin(start, first)
        self._nested = frozenset(self._snapshots.nested)
        label = wish.base if ensured.created or start is not None else str(ensured.metadata.get("base_change") or "")
        return {
            "id": wish.id,
            "path": self._top,
            "root": manager.backend.root,
            "backend": manager.backend.name,
            "git_dir": self._git_dir,
            "base": label,
            "base_commit": self._base_commit,
            "folder": wish.folder,
            "person": bool(ensured.base is not None and ensured.base.person),
            "uncommitted": uncommitted(ensured),
            "snapshot": first.as_json(),
            "notes": [*(ensured.made.notes if ensured.made is not None else ()), *self._notes(label)],
            "reused": self._reused,
            "nested": sorted(self._nested),
        }

    def _notes(self, base: str) -> list[str]:
        wish, notes = self._wish, []
        if base != wish.base:
            notes.append(f"workspace {wish.id} is from {base or 'another base'}, not from {wish.base}: it was there already")
        notes += [f"{name} is a repository of its own: what steps change in it is not saved" for name in sorted(self._nested)]
        if not os.path.isdir(self.path):
            notes.append(f"steps start in an empty {wish.folder}: what is in yours is ignored, or not in the base")
        return notes

    def _ensure(self, base: str, tell: Tell, extra: Mapping[str, Any] | None = None) -> Ensured:
        wish, manager = self._wish, self._manager
        if isinstance(manager.backend, Attached):
            manager.backend.attach(self._top, wish.id)
        # Its ``.envrc`` comes later: when it is refused, the copy has to be there to be looked at.
        return manager.ensure_workspace(wish.id, base, "never", extra={"run": wish.run, **(extra or {})}, tools=wish.tools, tell=tell)

    def _go_on(self, past: Past, created: Mapping[str, Any], tell: Tell) -> None:
        wish, latest = self._wish, past.latest
        assert latest is not None
        self._base_commit = created["base_commit"]
        self._origin = _origin(past.start, Snapshot.from_json(created["snapshot"]))
        self._nested = frozenset(created.get("nested", ()))
        self._number = past.number
        self._reused = bool(created.get("reused"))
        self._check_place(created)
        other = self._used_by()
        self._take_up(latest, tell)
        label = f"found-{past.found + 1}"
        found = self._snapshots.take(label, parents=[latest.commit], message=f"Files as {label} of run {wish.run}")
        data = {"label": label, "snapshot": found.as_json(), "changed": found.tree != latest.tree}
        tell("workspace.found", data | ({"used_by": other} if other else {}))
        back = None if other else past.restore  # what another run did there since is not ours to undo
        if back is not None and back.tree != found.tree:
            self._snapshots.restore(back.commit)
            tell("workspace.restored", {"snapshot": back.as_json()})
        if back is not None:
            self._last = back
        else:  # a boundary that finds nothing changed since then has the number of the last one
            self._last = latest if found.tree == latest.tree else replace(found, number=latest.number)

    def _check_place(self, created: Mapping[str, Any]) -> None:
        """Make sure that the copy is looked for where it is.

        Raises:
            Refused: It is where this call does not look: another one would be made, without what the person did in it.
        """
        there = str(created["path"])
        if os.path.realpath(there) != os.path.realpath(self._top) and os.path.isdir(there):
            hint = "set AI_WORKSPACES_ROOT (or XDG_CACHE_HOME) as it was when the run began"
            raise Refused(
                f"the working copy of run {self._wish.run} is {there}, and not looked for there now", hint=hint, code="copy-elsewhere"
            )

    def _used_by(self) -> str | None:
        """Return the run that used the copy since this one did; None when nobody did, or nobody knows."""
        with contextlib.suppress(RopewayError):
            run = self._manager.read(self._wish.id).get("run")
            return str(run) if run not in (None, self._wish.run) else None
        return None

    def _take_up(self, latest: Snapshot, tell: Tell) -> None:
        """Have the copy as it was left; where it is gone, one with the files of the last boundary."""
        wish, manager = self._wish, self._manager
        with contextlib.suppress(RopewayError):
            if manager.read(wish.id).get("refilling"):
                manager.cleanup(wish.id, force=True)  # nobody has worked in it: it was being filled when we were killed
        fresh = not manager.exists(wish.id)
        try:
            ensured = self._ensure(again(manager, self._base_commit), _silent, {"refilling": True} if fresh else {})
            if ensured.created:
                take_in(self._snapshots, ensured)
                self._snapshots.restore(latest.commit)
                metadata.update(self._top, {"refilling": False})
                tell("workspace.recreated", {"id": wish.id, "path": self._top})
            elif not self._snapshots.load():
                self._snapshots.adopt(latest.commit, believe=False, latest=latest)
        except BaseException:
            if fresh:
                with contextlib.suppress(RopewayError):  # the first error is the one to tell
                    manager.cleanup(wish.id, force=True)
            raise

    # -- boundaries -----------------------------------------------------------------------------------------------------------

    def save(self) -> Snapshot | None:
        """Save what there is now."""
        last = self._last
        assert last is not None
        self._mend()
        self._looked = True
        number = self._number + 1
        found = self._snapshots.take(str(number), parents=[last.commit], message=self._message(number))
        if found.tree == last.tree:
            return last
        self._number = number
        self._last = replace(found, number=number)
        return self._last

    def touched(self) -> None:
        """Look once more at the end: files may change without a boundary."""
        self._looked = False

    def _mend(self) -> None:
        """Let the repository know the copy again, after the person's work in it; a step that follows may need that, the files and their snapshots do not."""
        if isinstance(self._manager.backend, Mending):
            with contextlib.suppress(RopewayError):
                self._manager.backend.mend(self._top)

    def _message(self, number: int) -> str:
        return f"Files at boundary {number} of run {self._wish.run}"

    def branch(self, address: str, attempt: int) -> Ephemeral:
        """Return a copy for one attempt of an ephemeral step, to be made from the latest boundary."""
        assert self._last is not None
        wish = self._wish.apart(address, attempt)
        return Ephemeral(self._manager, wish, self._last, self._base_commit, self._git_dir, self._environ)

    # -- the end --------------------------------------------------------------------------------------------------------------

    def close(self, state: str, tell: Tell) -> None:
        """Keep or remove it, once the run has ended or waits. What goes wrong is told: the run has ended as it has ended."""
        if self._origin is None or self._last is None:
            return  # it was never opened
        try:
            self._close(state, self._origin, tell)
        except RopewayError as error:
            tell("workspace.left", {"id": self._wish.id, "path": self._top, "why": str(error)})

    def _close(self, state: str, origin: Snapshot, tell: Tell) -> None:
        manager, wish = self._manager, self._wish
        status = {"waiting": "idle", "succeeded": "done"}.get(state, "error")
        with contextlib.suppress(RopewayError):  # a step may have damaged the file
            manager.update_status(wish.id, status)
        if state == "waiting":
            self._snapshots.remember()
        elif os.path.isdir(self._top):  # somebody may have removed it meanwhile; the snapshots are there
            ending = Ending(
                manager, wish, self._snapshots, self._git_dir, self._base_commit, origin, self._nested, theirs=wish.named or self._reused
            )
            ending.pin_commits()
            if self._made_folder:
                with contextlib.suppress(OSError):  # that steps left something in
                    os.rmdir(self.path)
            last = self._save_rest(tell)
            ending.leave(state, last, tell, look=self._made_folder or not self._looked)

    def _save_rest(self, tell: Tell) -> Snapshot:
        """Save what was written after the last boundary: by a process that a step left running, or by a pure step that was none."""
        last = self._last
        assert last is not None
        if self._looked:
            return last
        rest = self.save() or last
        if rest.tree != last.tree:
            tell("workspace.found", {"label": "rest", "snapshot": rest.as_json()})
        return rest

    def _pin_first(self, start: Mapping[str, Any]) -> None:
        """Keep what the line of runs began with, also when its first run is removed: what this run changed counts from there."""
        first = start.get("first")
        if first is not None:
            git("update-ref", f"refs/ropeway/{self._wish.run}/first", first["commit"], git_dir=self._git_dir)


def _origin(start: Mapping[str, Any] | None, first: Snapshot) -> Snapshot:
    """Return what the changes of a run count from: its snapshot 0, or of a linked run that of the line's first one."""
    return first if start is None or start.get("first") is None else Snapshot.from_json(start["first"])


def _silent(_event: str, _data: dict[str, Any]) -> None:
    """Take note of nothing: the run's own events say it."""
