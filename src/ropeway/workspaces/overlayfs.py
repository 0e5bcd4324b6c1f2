"""Working copies that are ready at once at any size: a git worktree whose files are layers, one that all share and one of its own (overlayfs).

::

    <workspaces root>/.layers/<namespace>/
      trees/                       what is checked out, never written to: see ropeway.workspaces.layers
      copies/<workspace id>/
        tree                       a link to the one of them that is the lower layer
        upper work                 what the copy changed, and a folder that overlayfs needs
        whole                      all of it, while it is written out
        stub                       where the file system can't exchange two folders: the folder below the mount, while ``whole`` takes its place

The layers are mounted where the copy is, for the process that made it and those it starts. The folder below the mount, which the others see, is a *stub*: it
has ``.agent-tools``, which shows through, a ``.git`` so that git does not take the worktree for deleted, and a file that says where the files are.

A copy that is to stay is written out (:meth:`OverlayBackend.settle`) and is then a worktree as any other. Until the moment at which it takes the place of the
stub, the layers are what counts; from that moment on they are not needed. Whether the folder is a stub tells, so nothing is lost whenever that is cut off.

Where the kernel does not allow this, an ordinary worktree is made, and a note says why.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from ropeway.errors import RopewayError, StoreError
from ropeway.records import replace
from ropeway.workspaces import mounts
from ropeway.workspaces.conversions import traits
from ropeway.workspaces.discovery import own_git_dir
from ropeway.workspaces.files import can_not_write, copy_entry, remove_tree
from ropeway.workspaces.git import POINTERS, GitBackend, Meanwhile
from ropeway.workspaces.layers import SharedTrees
from ropeway.workspaces.places import check_path, discard, namespace, trash, unfinished, workspaces_root
from ropeway.workspaces.settling import swap, write_out

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ropeway.workspaces.backend import Base, Made
    from ropeway.workspaces.discovery import Repository

_TOOLS: Final = ".agent-tools"
_MARK: Final = ".layers"
_KEPT: Final = "its layers are kept: `workflow resume` goes on with them, `workflow shell` shows them"


class OverlayBackend(GitBackend):
    """Makes git worktrees out of layers."""

    name = "overlay"

    def __init__(self, repository: Repository, environ: Mapping[str, str]) -> None:
        super().__init__(repository, environ)
        self._above = os.path.join(os.path.realpath(workspaces_root(environ)), ".layers", namespace(self.root))
        self._trees = SharedTrees(self._above, environ, self._common, self._check_out_tree)
        self._why_not: str | None = None
        self._source: Meanwhile[tuple[str, str]] | None = None
        self._used = ""

    # -- making -------------------------------------------------------------------------------------------------------------------

    def add(self, path: str, id: str, base: Base) -> Made:  # noqa: A002 - the protocol's word
        """Make a copy and mount it in this process."""
        self._put_stub_back(path, self._layers(id))
        self._why_not, self._source, self._used = None, None, ""
        try:
            mounts.own_namespace()
        except OSError as error:
            self._why_not = str(error.strerror)
        else:
            self._source = Meanwhile(lambda: self._tree_of(base.commit))
        try:
            made = super().add(path, id, base)
        finally:
            if self._source is not None:
                self._source.wait()
        if self._why_not is not None:
            note = f"this system mounts no overlay ({self._why_not}): the files were checked out"
            return replace(made, notes=(*made.notes, note))
        table = os.path.join(self._used, "table") if made.tree is not None else None
        return replace(made, table=table)

    def _tree_of(self, commit: str) -> tuple[str, str]:
        """Return the tree of a commit, and the digest of what else decides the bytes of its files."""
        tree = self._git("rev-parse", "--verify", f"{commit}^{{tree}}").decode().strip()
        return tree, traits(self._git, self._common, self._environ)

    def _check_out(self, path: str) -> list[str]:
        if self._source is None:
            return super()._check_out(path)
        tree, how = self._source.result()
        layers = self._layers(os.path.basename(path))
        upper = os.path.join(layers, "upper")
        discard(self._environ, layers)  # of a copy that is gone
        try:
            for name in ("upper", "work"):
                os.makedirs(os.path.join(layers, name))
            used = self._trees.use(tree, how, layers)
            os.rename(os.path.join(path, ".git"), os.path.join(upper, ".git"))
            copy_entry(os.fsencode(os.path.join(used, "index")), os.fsencode(os.path.join(own_git_dir(upper) or "", "index")))
            self._mount(path, layers)
        except StoreError:
            raise
        except OSError as error:
            self._why_not = str(error.strerror)
            if os.path.lexists(os.path.join(upper, ".git")):
                os.replace(os.path.join(upper, ".git"), os.path.join(path, ".git"))
            with suppress(FileNotFoundError):
                os.unlink(os.path.join(path, _MARK))
            remove_tree(layers)
            return super()._check_out(path)
        self._used = used
        return [POINTERS] if os.path.lexists(os.path.join(used, "pointers")) else []

    def _check_out_tree(self, tree: str, files: str, index: str) -> bool:
        env = {"GIT_INDEX_FILE": index, "GIT_WORK_TREE": files, "GIT_DIR": self._common}
        words = ("-c", "checkout.workers=2", "-c", "core.sparseCheckout=false", "-c", "core.bare=false")
        return self._with_lfs_or_without(*words, "read-tree", "--reset", "-u", "--no-recurse-submodules", tree, env=env, cwd=files)[1]

    def _mount(self, path: str, layers: str) -> None:
        """Mount the layers at ``path``, with the folder of our own files below showing through: others read it meanwhile."""
        tools, lower = os.path.join(path, _TOOLS), os.path.join(os.path.realpath(os.path.join(layers, "tree")), "files")
        os.makedirs(tools, exist_ok=True)
        for name, text in _stub(layers).items():
            with open(os.path.join(path, name), "wb") as file:
                file.write(text)
        below = os.open(tools, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            mounts.mount_overlay(lower, os.path.join(layers, "upper"), os.path.join(layers, "work"), path)
            try:
                os.makedirs(tools, exist_ok=True)
                mounts.bind(f"/proc/self/fd/{below}", tools)
            except OSError:
                mounts.unmount(path)
                raise
        finally:
            os.close(below)

    def _layers(self, id: str) -> str:  # noqa: A002 - the protocol's word
        return os.path.join(self._above, "copies", id)

    # -- going on -----------------------------------------------------------------------------------------------------------------

    def attach(self, path: str, id: str) -> None:  # noqa: A002 - the protocol's word
        """Mount a copy again that another process made; does nothing for one that is written out, or mounted here."""
        layers = self._layers(id)
        if unfinished(self._environ, self.root, id) or os.path.ismount(path):
            return
        self._put_stub_back(path, layers)
        if not _is_stub(path, layers):
            if os.path.isdir(path) and any(_is_stub(os.path.join(layers, name), layers) for name in ("whole", "stub")):
                self._let_go(layers)  # it was written out, and its end was cut off
            return
        if not os.path.isdir(os.path.join(layers, "upper")):
            if not set(os.listdir(path)) - {*_stub(layers), _TOOLS}:
                super().remove(path, id)  # nothing is left of it: it is to be made again
            return
        try:
            self._trees.again(os.path.realpath(os.path.join(layers, "tree")))
            mounts.own_namespace()
            self._mount(path, layers)
        except StoreError:
            raise
        except OSError as error:
            hint = "`workflow checkout` takes its files out of the last snapshot"
            raise StoreError(
                f"the working copy {path} can't be mounted again: {error.strerror}", hint=hint, code="workspace-layers"
            ) from error

    def join(self, path: str, id: str, process: int) -> None:  # noqa: A002, ARG002 - the protocol's words
        """See what the run that is at work in a copy sees; nothing for one that is written out."""
        try:
            mounts.join(process)
        except OSError as error:
            raise StoreError(f"the mounts of process {process} can't be seen: {error.strerror}", code="workspace-layers") from error

    # -- staying ------------------------------------------------------------------------------------------------------------------

    def settle(self, path: str, id: str) -> None:  # noqa: A002 - the protocol's word
        """Write a copy out, for everybody to see.

        Raises:
            StoreError: Something in it can't be read, or there is no room. It is made of layers still, and mounted.
        """
        layers = self._layers(id)
        if not os.path.isdir(layers):
            return
        self.attach(path, id)
        if not os.path.ismount(path):
            return
        whole = os.path.join(layers, "whole")
        try:
            remove_tree(whole)
            write_out(os.path.realpath(path), whole)
        except BaseException as error:
            with suppress(RopewayError):
                remove_tree(whole)
            if isinstance(error, OSError) and not isinstance(error, StoreError):
                error = can_not_write(f"the working copy {path} can't be written out", error, whole)
            if isinstance(error, StoreError):
                error.hint = f"{error.hint}; {_KEPT}" if error.hint else _KEPT
            raise error from None
        try:
            while os.path.ismount(path):
                mounts.unmount(path)
            swap(path, whole, os.path.join(layers, "stub"))
        except OSError as error:
            raise StoreError(
                f"the working copy {path} can't be put in its place: {error.strerror}", hint=_KEPT, code="workspace-layers"
            ) from error
        self._let_go(layers)

    def _let_go(self, layers: str) -> None:
        """Delete the layers of a copy that is written out. As long as they are there they are whole: else they would be mounted half deleted."""
        with suppress(StoreError):  # there is a next time, and `workflow gc`
            remove_tree(trash(self._environ, layers) or layers)

    def _put_stub_back(self, path: str, layers: str) -> None:
        """Undo half an exchange: its second half was cut off."""
        if not os.path.lexists(path) and os.path.isdir(os.path.join(layers, "stub")):
            with suppress(FileNotFoundError):
                os.rename(os.path.join(layers, "stub"), path)

    # -- going --------------------------------------------------------------------------------------------------------------------

    def remove(self, path: str, id: str) -> None:  # noqa: A002 - the protocol's word
        """Delete a copy, its layers included."""
        place = check_path(self._environ, self.root, path)
        try:
            while os.path.ismount(place):
                mounts.unmount(place)
        except OSError as error:
            raise StoreError(f"{path} can't be removed: {error.strerror}", code="workspace-remove") from error
        self._put_stub_back(place, self._layers(id))
        super().remove(path, id)  # before the layers: without the folder nobody mounts them
        discard(self._environ, self._layers(id))


# -- the folder below the mount -----------------------------------------------------------------------------------------------------------


def _stub(layers: str) -> dict[str, bytes]:
    """Return the files of a stub. Its ``.git`` names no repository, so that nobody's git takes the files for deleted."""
    text = "The files of this working copy are layers, which only the run that works in it can see:\n"
    return {_MARK: os.fsencode(f"{text}{layers}\n"), ".git": os.fsencode(f"gitdir: {os.path.join(layers, 'mounted')}\n")}


def _is_stub(folder: str, layers: str) -> bool:
    """Whether a folder, not mounted on, is the one that these layers belong on."""
    for name, text in _stub(layers).items():
        try:
            with open(os.open(os.path.join(folder, name), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
                if file.read(len(text) + 1) == text:
                    return True
        except OSError:
            continue
    return False
