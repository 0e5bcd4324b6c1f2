"""Working copies by copying a folder: for what is in no repository, or for those who want its ignored files too."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ropeway.errors import Refused, StoreError
from ropeway.workspaces.backend import Base, Made
from ropeway.workspaces.files import copy_folder
from ropeway.workspaces.lockfiles import make_folder
from ropeway.workspaces.places import check_path, discard, making, namespace_path, workspaces_root
from ropeway.workspaces.programs import ProgramFailed, git
from ropeway.workspaces.uncommitted import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ropeway.workspaces.discovery import Repository


class PlainBackend:
    """Copies a folder with everything in it but its ``.git`` and ``.jj``."""

    name = "plain"

    def __init__(self, repository: Repository, environ: Mapping[str, str]) -> None:
        self.root = repository.root
        self.git_dir: str | None = repository.git_dir or None
        self._kind = repository.kind
        self._environ = environ

    def base(self, wanted: str) -> Base:
        """Return what is there now; a copy can start from nothing else."""
        if wanted != "@":
            hint = 'leave the base out, or take backend "git" or "jj"'
            raise Refused(
                f"a plain copy can't start from {wanted!r}: it is made of the files that are there", hint=hint, code="base-not-here"
            )
        return Base("@", self._commit(), person=True)

    def _commit(self) -> str:
        """Return the commit that the person is on in git; of jj's the git store does not say."""
        if self._kind != "git":
            return ""
        try:
            return git("rev-parse", "-q", "--verify", "HEAD^{commit}", cwd=self.root, ok=(0, 1)).decode().strip()
        except ProgramFailed:  # a damaged repository can be copied all the same
            return ""

    def add(self, path: str, id: str, base: Base) -> Made:  # noqa: A002, ARG002 - the protocol's words
        """Copy the folder; blocks are shared where the file system can."""
        path = check_path(self._environ, self.root, path)
        self._check_root()
        with making(self._environ, self.root, id) as half:
            if half:
                self.remove(path, id)
            make_folder(os.path.dirname(path))
            try:
                unread = copy_folder(self.root, path, leave=self._leave())
            except BaseException:
                self.remove(path, id)
                raise
        return Made(notes=(f"not copied, they can't be read: {shown(unread)}",) if unread else ())

    def _check_root(self) -> None:
        """Raise where a copy would be of everything that somebody has."""
        home = os.path.realpath(self._environ.get("HOME") or os.path.expanduser("~"))
        if home == self.root or home.startswith(self.root.rstrip("/") + "/"):
            whose = "the home folder" if home == self.root else "a folder above the home folder"
            hint = "go to the folder of a project, or run in place with --here"
            raise Refused(f"{self.root} is {whose}: it is not copied", hint=hint, code="workspace-too-much")

    def _leave(self) -> tuple[str, ...]:
        own = (os.path.join(self.root, name) for name in (".git", ".jj"))
        return (*own, os.path.realpath(workspaces_root(self._environ)))

    def remove(self, path: str, id: str) -> None:  # noqa: A002, ARG002 - the protocol's words
        """Delete the copy."""
        discard(self._environ, check_path(self._environ, self.root, path))

    def head(self, path: str) -> str | None:  # noqa: ARG002 - the protocol's
        """Return None: a copy is on no commit."""
        return None

    def ids(self) -> list[str]:
        """Return the folders in the namespace that a copy could be: nobody else keeps a list."""
        folder = namespace_path(self._environ, self.root)
        try:
            with os.scandir(folder) as entries:
                return sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False) and not _is_linked(entry.path))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StoreError(f"{folder} can't be read: {error.strerror}", code="workspace-root") from error


def _is_linked(path: str) -> bool:
    """Whether a working copy is git's or jj's."""
    return any(os.path.lexists(os.path.join(path, name)) for name in (".git", ".jj"))
