"""The working copies of one repository: made, found again, noted down, given tools, and removed.

Whoever uses a workspace holds its lock (:func:`ropeway.workspaces.places.lock_workspace`) while calling what changes it here.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any

from ropeway.errors import NotFound, Refused, RopewayError
from ropeway.records import field, record, replace
from ropeway.workspaces import direnv, lockfiles, metadata, places, tools
from ropeway.workspaces.backend import Mending

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ropeway.workspaces import Tell
    from ropeway.workspaces.backend import Backend, Base, Made
    from ropeway.workspaces.tools import ToolSync


def _silent(_event: str, _data: dict[str, Any]) -> None:
    """Take note of nothing."""


@record
class Ensured:
    """A workspace that is there. ``base`` and ``made`` are None for one that was there before (``created`` false)."""

    path: str
    created: bool
    base: Base | None = None
    made: Made | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


class Manager:
    """Keeps the workspaces of the repository that a backend works for.

    Args:
        backend: Makes and removes them.
        environ: The caller's environment: says where workspaces and tools are, and is what direnv starts from.
        tell: Takes lifecycle events: ``workspace.created`` (id path root backend git_dir base base_commit person notes), ``workspace.reused`` (id path),
            ``workspace.tools`` (id version source copied left_out), ``workspace.direnv`` (id allowed file), ``workspace.cleaned`` (id path).
    """

    def __init__(self, backend: Backend, environ: Mapping[str, str], *, tell: Tell = _silent) -> None:
        self.backend = backend
        self._environ = environ
        self._tell = tell
        self._noted: dict[str, dict[str, Any]] = {}
        self._synced: dict[str, tuple[Sequence[str] | None, ToolSync]] = {}
        self._loadable: set[str] = set()

    # -- looking --------------------------------------------------------------------------------------------------------------------

    def path(self, id: str) -> str:  # noqa: A002 - the word that people use
        """Return the folder of a workspace, whether it is there or not.

        Raises:
            UsageError: The id can't be one.
        """
        return places.workspace_path(self._environ, self.backend.root, id)

    def exists(self, id: str) -> bool:  # noqa: A002 - the word that people use
        """Whether there is something at the place of a workspace."""
        return os.path.lexists(self.path(id))

    def read(self, id: str) -> dict[str, Any]:  # noqa: A002 - the word that people use
        """Return the metadata of a workspace.

        Raises:
            NotFound: There is no such workspace, or it has none.
            StoreError: The file is damaged.
        """
        path = self.path(id)
        if not os.path.lexists(path):
            raise NotFound(f"there is no workspace {id}", hint="`workflow workspace list` shows them", code="workspace-not-found")
        return metadata.read(path)

    def unfinished(self, id: str) -> bool:  # noqa: A002 - the word that people use
        """Whether what is at the place of a workspace, if anything, was never finished: nothing has been done in it."""
        return os.path.lexists(self._mark(id)) or places.unfinished(self._environ, self.backend.root, id)

    def lock(self, id: str, holder: str) -> int:  # noqa: A002 - the word that people use
        """Take the right to use a workspace; see :func:`ropeway.workspaces.places.lock_workspace`."""
        return places.lock_workspace(self._environ, self.backend.root, id, holder)

    # -- making ---------------------------------------------------------------------------------------------------------------------

    def ensure_workspace(
        self,
        id: str,  # noqa: A002 - the word that people use
        base_change: str = "@",
        direnv_policy: str = "allow",
        *,
        extra: Mapping[str, Any] | None = None,
        tools: Sequence[str] | None = None,
        tell: Tell | None = None,
    ) -> Ensured:
        """Make a workspace, or take the one that is there; bring its tools up to date and let direnv load its ``.envrc``, as the policy says.

        Args:
            id: Its name.
            base_change: What a new one starts from.
            direnv_policy: One of :data:`ropeway.workspaces.direnv.POLICIES`.
            extra: Keys for its metadata, beside the known ones.
            tools: Which tools; None for the usual ones.
            tell: Takes the events in place of the manager's own.

        Raises:
            NotFound: The base, a tool or direnv is not there.
            Refused: Something else is at its place, or the ``.envrc`` is not allowed.
            StoreError: It can't be made; or its metadata is damaged, and nothing was touched.
        """
        told = tell or self._tell
        path = self.path(id)
        if self._usable(id, path):
            self._noted[id] = metadata.update(path, extra or {})
            told("workspace.reused", {"id": id, "path": path})
            ensured = Ensured(path, created=False)
        else:
            ensured = self._made(id, path, base_change, extra or {}, told)
        self.sync_tools(id, tools, tell=told)
        self._let_direnv(id, direnv_policy, told)
        return replace(ensured, metadata=self._noted[id])

    def _made(self, id: str, path: str, base_change: str, extra: Mapping[str, Any], tell: Tell) -> Ensured:  # noqa: A002
        backend = self.backend
        base = backend.base(base_change)
        mark = self._mark(id)
        metadata.put(mark, b"")  # until its metadata is there, nothing has been done in it
        try:
            made = backend.add(path, id, base)
            self._noted[id] = self._first(id, path) | {"base_change": base.label, "base_commit": base.commit, **extra}
            metadata.write(path, self._noted[id])
        except BaseException:
            with contextlib.suppress(RopewayError):  # the first error is the one to tell
                backend.remove(path, id)
            raise
        finally:
            with contextlib.suppress(OSError):
                os.unlink(mark)
        about = {"id": id, "path": path, "root": backend.root, "backend": backend.name, "git_dir": backend.git_dir}
        start = {"base": base.label, "base_commit": base.commit, "person": base.person, "notes": list(made.notes)}
        tell("workspace.created", about | start)
        return Ensured(path, created=True, base=base, made=made)

    def _mark(self, id: str) -> str:  # noqa: A002 - the word that people use
        folder = os.path.join(places.workspaces_root(self._environ), ".locks", places.namespace(self.backend.root))
        return os.path.join(lockfiles.make_folder(folder), f"{id}.new")

    def _first(self, id: str, path: str) -> dict[str, Any]:  # noqa: A002 - the word that people use
        """Return what is known of a workspace that nothing has been done in."""
        moment = metadata.now()
        known = {"workspace_id": id, "repo_root": self.backend.root, "workspace_path": path, "status": "idle", "direnv_allowed": False}
        known |= {"command": [], "created_at": moment, "updated_at": moment, "backend": self.backend.name}
        envrc = direnv.digest(path)
        return known if envrc is None else {**known, "envrc": envrc}

    def _usable(self, id: str, path: str) -> bool:  # noqa: A002 - the word that people use
        """Whether a workspace is there to be used. One that was never finished is removed, if nothing is lost by it."""
        if not os.path.lexists(path):
            return False
        if os.path.islink(path) or not os.path.isdir(path):
            raise Refused(f"{path} is no folder", hint="move it away, or take another id", code="workspace-elsewhere")
        if self.unfinished(id):
            self.backend.remove(path, id)
            return False
        self._mend(path)
        ours = id in self.backend.ids()
        try:
            metadata.read(path)
        except NotFound:
            self._check_saved(id, path, ours=ours, why="it has no metadata, and ")
            self.backend.remove(path, id)
            return False
        if not ours:
            hint = f"move what you need out of it, then remove it with `workflow workspace clean {id} --force`"
            raise Refused(f"the repository no longer knows the workspace {id} in {path}", hint=hint, code="workspace-forgotten")
        return True

    def _mend(self, path: str) -> None:
        """Let a backend put right what the person's work in the repository did to a workspace."""
        if isinstance(self.backend, Mending):
            self.backend.mend(path)

    def _check_saved(self, id: str, path: str, *, ours: bool, why: str = "") -> None:  # noqa: A002 - the word that people use
        if not ours:
            raise Refused(
                f"{path} is no workspace of {self.backend.root}", hint="move it away, or take another id", code="workspace-elsewhere"
            )
        from ropeway.workspaces.unsaved import check_saved  # what it needs is needed for nothing else here

        check_saved(id, path, self.backend.root, self.backend.git_dir, why)

    # -- keeping --------------------------------------------------------------------------------------------------------------------

    def update_status(self, id: str, status: str, workflow: str | None = None, command: Sequence[str] | None = None) -> None:  # noqa: A002
        """Note what goes on in a workspace: ``running``, ``done``, ``error`` or ``idle``; what is None stays as it was.

        Raises:
            StoreError: The file is damaged, and is left as it is; or it can't be written.
        """
        changes: dict[str, Any] = {"status": status}
        if workflow is not None:
            changes["workflow"] = workflow
        if command is not None:
            changes["command"] = list(command)
        self._note(id, changes)

    def _note(self, id: str, changes: Mapping[str, Any]) -> None:  # noqa: A002 - the word that people use
        """Change metadata. A command may have deleted the file (``git clean -dfx``): it is made again of what is known."""
        path = self.path(id)
        try:
            self._noted[id] = metadata.update(path, changes)
        except NotFound:
            if not os.path.isdir(path) or os.path.islink(path):
                return
            self._noted[id] = (self._noted.get(id) or self._first(id, path)) | dict(changes) | {"updated_at": metadata.now()}
            metadata.write(path, self._noted[id])

    def sync_tools(self, id: str, tools: Sequence[str] | None = None, *, force: bool = False, tell: Tell | None = None) -> ToolSync:  # noqa: A002
        """Bring the tools of a workspace up to date; once for the same ones, unless ``force`` says otherwise.

        Raises:
            NotFound: Named tools are missing.
            Refused, UsageError, StoreError: See :func:`ropeway.workspaces.toolbox.find`.
        """
        if not force and id in self._synced and self._synced[id][0] == tools:
            return self._synced[id][1]
        done = _sync(self.path(id), tools, self._environ, self.backend.root, force=force)
        self._synced[id] = (tools, done)
        noted = {"tools_source": done.source, "tools_copy": metadata.folder_of(self.path(id)), "tools_version": done.version}
        before = self._noted.get(id, {})
        if any(before.get(key) != value for key, value in noted.items()):
            self._note(id, noted)
        told = {"id": id, "version": done.version, "source": done.source, "copied": done.copied, "left_out": list(done.left_out)}
        (tell or self._tell)("workspace.tools", told)
        return done

    def cleanup(self, id: str, *, force: bool = False, tell: Tell | None = None) -> None:  # noqa: A002 - the word that people use
        """Remove a workspace and what the repository knows of it; with ``force``, also one that is gone already or holds unsaved changes.

        Raises:
            NotFound: There is none.
            Refused: It holds what is saved nowhere else, or it is none of ours.
            StoreError: It can't be removed.
        """
        path = places.check_path(self._environ, self.backend.root, self.path(id))
        there = os.path.lexists(path)
        if not force:
            ours = id in self.backend.ids()
            if not there and not ours:
                raise NotFound(f"there is no workspace {id}", hint="`workflow workspace list` shows them", code="workspace-not-found")
            if there and not places.unfinished(self._environ, self.backend.root, id):
                self._mend(path)
                self._check_saved(id, path, ours=ours)
        self.backend.remove(path, id)
        self._noted.pop(id, None)
        self._synced.pop(id, None)
        self._loadable.discard(id)
        (tell or self._tell)("workspace.cleaned", {"id": id, "path": self.path(id)})

    # -- using ----------------------------------------------------------------------------------------------------------------------

    def environ_for(self, id: str) -> dict[str, str]:  # noqa: A002 - the word that people use
        """Return the variables that commands in a workspace see."""
        path = self.path(id)
        return {
            "AGENT_WORKSPACE_ID": id,
            "AGENT_WORKSPACE_PATH": path,
            "AGENT_WORKSPACE_METADATA": metadata.path_of(path),
            "AGENT_WORKSPACE_REPO_ROOT": self.backend.root,
            "AGENT_TOOL_COPY_ROOT": metadata.folder_of(path),
            "AGENT_TOOLS_VERSION": tools.version_of(path),
            "AGENT_TOOLS_SOURCE": tools.source_of(self._environ, self.backend.root),
        }

    def direnv_environment(self, id: str, policy: str, *, like: str = "", tell: Tell | None = None) -> dict[str, str | None]:  # noqa: A002
        """Return what the ``.envrc`` of a workspace sets, and with None what it takes away; nothing when there is none or the policy leaves it alone.

        Where ``like`` names another workspace, what is allowed there is allowed here, and nothing else.

        Raises:
            NotFound: direnv is not installed.
            Refused: It is not allowed.
            RopewayError: It failed.
        """
        if not self._let_direnv(id, policy, tell or self._tell, like):
            return {}
        return direnv.environment(self.path(id), self._environ)

    def wrapped(self, id: str, policy: str, argv: Sequence[str], *, tell: Tell | None = None) -> list[str]:  # noqa: A002
        """Return the words that start a command in a workspace: by way of direnv where there is an ``.envrc`` and the policy wants it.

        Raises:
            NotFound, Refused, RopewayError: As for :meth:`direnv_environment`.
        """
        if not self._let_direnv(id, policy, tell or self._tell):
            return list(argv)
        return direnv.wrap(self.path(id), argv)

    def _let_direnv(self, id: str, policy: str, tell: Tell, like: str = "") -> bool:  # noqa: A002 - the word that people use
        """Let direnv load the ``.envrc``; False when there is none, or the policy leaves it alone."""
        path = self.path(id)
        if not direnv.wanted(path, policy):
            return False
        if id in self._loadable:
            return True
        known = self._noted.get(id) or self.read(id)
        before = bool(known.get("direnv_allowed"))
        home, policy = (self.path(like), "allowed") if like else (self.backend.root, policy)
        if direnv.ready(path, policy, self._environ, home=home, before=before, made=known.get("envrc")):
            tell("workspace.direnv", {"id": id, "allowed": True, "file": os.path.join(path, direnv.NAME)})
        if not before:
            self._note(id, {"direnv_allowed": True})
        self._loadable.add(id)
        return True

    def list(self) -> list[dict[str, Any]]:
        """Return the metadata of every workspace, sorted by id; one that can't be read has the status ``unknown`` and a ``problem``."""
        folder = places.namespace_path(self._environ, self.backend.root)
        try:
            with os.scandir(folder) as entries:
                names = sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
        except OSError:
            return []
        found = []
        for name in names:
            path = os.path.join(folder, name)
            try:
                found.append(metadata.read(path))
            except RopewayError as error:
                about = {"workspace_id": name, "repo_root": self.backend.root, "workspace_path": path}
                found.append({**about, "status": "unknown", "problem": error.message})
        return found


def _sync(path: str, names: Sequence[str] | None, environ: Mapping[str, str], root: str, *, force: bool) -> ToolSync:
    return tools.sync(path, tools.source_of(environ, root), names, environ, force=force)
