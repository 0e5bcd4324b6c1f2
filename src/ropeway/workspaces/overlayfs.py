"""Working copies that are ready at once at any size: a git worktree whose files are layers, one that all share and one of its own (overlayfs).

::

    <workspaces root>/.layers/<namespace>/
      trees/<tree id>/files index table     what is checked out of a tree, never written to; the index and the table that go with it
      copies/<workspace id>/upper work      what one copy changed

The layers are mounted where the copy is, for the process that made it and those it starts. While they work, the others see only ``.agent-tools`` there.
A copy that is to stay is written out (:meth:`OverlayBackend.settle`) and is then a worktree as any other.

Where the kernel does not allow this, an ordinary worktree is made, and a note says why.
"""

from __future__ import annotations

import fcntl
import os
import time
from typing import TYPE_CHECKING

from ropeway.errors import StoreError
from ropeway.records import replace
from ropeway.workspaces import mounts
from ropeway.workspaces.discovery import own_git_dir
from ropeway.workspaces.files import copy_entry, copy_folder, remove_tree
from ropeway.workspaces.git import GitBackend
from ropeway.workspaces.places import check_path, discard, make_folder, namespace, workspaces_root
from ropeway.workspaces.snapshots import Snapshots

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ropeway.workspaces.backend import Base, Made
    from ropeway.workspaces.discovery import Repository

_KEPT = 3  # checked out trees of one repository that stay for later runs
_SETTLE = 0.03  # seconds after which the times of a file say whether it was changed
_TOOLS = ".agent-tools"


class OverlayBackend(GitBackend):
    """Makes git worktrees out of layers."""

    name = "overlay"

    def __init__(self, repository: Repository, environ: Mapping[str, str]) -> None:
        super().__init__(repository, environ)
        self._above = os.path.join(os.path.realpath(workspaces_root(environ)), ".layers", namespace(self.root))
        self._why_not: str | None = None
        self._commit_now = ""
        self._used = ""

    def add(self, path: str, id: str, base: Base) -> Made:  # noqa: A002 - the protocol's word
        """Make a copy and mount it in this process."""
        self._commit_now, self._used = base.commit, ""
        try:
            mounts.own_namespace()
            self._why_not = None
        except OSError as error:
            self._why_not = str(error.strerror)
        made = super().add(path, id, base)
        if self._why_not is not None:
            note = f"this system mounts no overlay ({self._why_not}): the files were checked out"
            return replace(made, notes=(*made.notes, note))
        table = os.path.join(self._used, "table") if made.tree is not None else None
        return replace(made, table=table)

    def _check_out(self, path: str) -> list[str]:
        if self._why_not is not None:
            return super()._check_out(path)
        tree = self._tree(self._commit_now)
        layers = self._layers(os.path.basename(path))
        try:
            for name in ("upper", "work"):
                os.makedirs(os.path.join(layers, name))
            os.rename(os.path.join(path, ".git"), os.path.join(layers, "upper", ".git"))
            own = own_git_dir(os.path.join(layers, "upper")) or ""
            copy_entry(os.fsencode(os.path.join(tree, "index")), os.fsencode(os.path.join(own, "index")))
            os.symlink(os.path.relpath(tree, layers), os.path.join(layers, "tree"))
            self._mount(path, layers)
        except OSError as error:
            self._why_not = str(error.strerror)
            if not os.path.lexists(os.path.join(path, ".git")):
                os.rename(os.path.join(layers, "upper", ".git"), os.path.join(path, ".git"))
            remove_tree(layers)
            return super()._check_out(path)
        self._used = tree
        return []

    def _mount(self, path: str, layers: str) -> None:
        """Mount the layers at ``path``, with the folder of our own files below showing through: others read it meanwhile."""
        tools = os.path.join(path, _TOOLS)
        os.makedirs(tools, exist_ok=True)
        below = os.open(tools, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            lower = os.path.realpath(os.path.join(layers, "tree"))
            _check(lower)
            mounts.mount_overlay(os.path.join(lower, "files"), os.path.join(layers, "upper"), os.path.join(layers, "work"), path)
            os.makedirs(tools, exist_ok=True)
            mounts.bind(f"/proc/self/fd/{below}", tools)
        finally:
            os.close(below)

    def _layers(self, id: str) -> str:  # noqa: A002 - the protocol's word
        return os.path.join(self._above, "copies", id)

    # -- what is checked out ------------------------------------------------------------------------------------------------------

    def _tree(self, commit: str) -> str:
        """Return the folder with a commit's files, checked out when they are not there yet."""
        tree = self._git("rev-parse", "--verify", f"{commit}^{{tree}}").decode().strip()
        above = make_folder(os.path.join(self._above, "trees"))
        folder = os.path.join(above, tree)
        with open(os.path.join(above, ".lock"), "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not os.path.isfile(os.path.join(folder, "table")):
                remove_tree(folder)
                self._make_tree(commit, folder)
                self._make_room(above, tree)
            os.utime(folder)
        return folder

    def _make_tree(self, commit: str, folder: str) -> None:
        half = f"{folder}.half"
        remove_tree(half)
        files, index = os.path.join(half, "files"), os.path.join(half, "index")
        make_folder(files)
        env = {"GIT_INDEX_FILE": index, "GIT_WORK_TREE": files, "GIT_DIR": self._common}
        try:
            words = ("-c", "checkout.workers=2", "-c", "core.sparseCheckout=false", "-c", "core.bare=false")
            self._git(*words, "read-tree", "--reset", "-u", "--no-recurse-submodules", commit, env=env, cwd=files)
            time.sleep(_SETTLE)
            known = Snapshots(files, self._common, run="", state=half)
            with open(index, "rb") as file:
                known.adopt(commit, index=file.read())
            known.remember()
            os.rename(half, folder)
        except BaseException:
            remove_tree(half)
            raise

    def _make_room(self, above: str, but: str) -> None:
        """Remove the trees that were not used for longest and that no copy is mounted on."""
        names = [name for name in os.listdir(above) if name != but and not name.startswith(".")]
        names.sort(key=lambda name: os.stat(os.path.join(above, name)).st_mtime, reverse=True)
        needed = {os.path.basename(os.path.realpath(os.path.join(self._above, "copies", one, "tree"))) for one in self._copies()}
        for name in names[_KEPT - 1 :]:
            if name not in needed:
                discard(self._environ, os.path.join(above, name))

    def _copies(self) -> list[str]:
        try:
            return os.listdir(os.path.join(self._above, "copies"))
        except FileNotFoundError:
            return []

    # -- going on, staying, going -----------------------------------------------------------------------------------------------------

    def attach(self, path: str, id: str) -> None:  # noqa: A002 - the protocol's word
        """Mount a copy again that another process made; does nothing for one that is written out, or mounted here."""
        layers = self._layers(id)
        if not os.path.isdir(os.path.join(layers, "upper")) or os.path.lexists(os.path.join(path, ".git")):
            return
        try:
            mounts.own_namespace()
            self._mount(path, layers)
        except OSError as error:
            message = f"the working copy {path} can't be mounted again: {error.strerror}"
            raise StoreError(
                message, hint="`workflow checkout` takes its files out of the last snapshot", code="workspace-layers"
            ) from error

    def settle(self, path: str, id: str) -> None:  # noqa: A002 - the protocol's word
        """Write a copy that is mounted here out, for everybody to see."""
        layers = self._layers(id)
        if not os.path.isdir(layers):
            return
        whole = os.path.join(layers, "whole")
        remove_tree(whole)
        copy_folder(path, whole, leave=(os.path.join(path, _TOOLS),))
        mounts.unmount(path)
        try:
            for name in os.listdir(whole):
                os.rename(os.path.join(whole, name), os.path.join(path, name))
        except OSError as error:
            raise StoreError(f"the working copy can't be written to {path}: {error.strerror}", code="workspace-layers") from error
        discard(self._environ, layers)

    def remove(self, path: str, id: str) -> None:  # noqa: A002 - the protocol's word
        """Delete a copy, its layers included."""
        layers = self._layers(id)
        if os.path.isdir(layers):
            if os.path.ismount(check_path(self._environ, self.root, path)):
                mounts.unmount(path)
            discard(self._environ, layers)
        super().remove(path, id)


def _check(tree: str) -> None:
    if not os.path.isdir(os.path.join(tree, "files")):
        raise StoreError(f"the files below the working copy are gone: {tree}", hint="start the run again", code="workspace-layers")
