"""A backend without a repository: its files are what it is given."""

from __future__ import annotations

import os
from hashlib import sha1
from pathlib import Path
from typing import TYPE_CHECKING

from ropeway.errors import NotFound
from ropeway.workspaces.backend import Base, Made
from ropeway.workspaces.lockfiles import make_folder
from ropeway.workspaces.places import check_path, discard, making, namespace_path

if TYPE_CHECKING:
    from collections.abc import Mapping


class FakeBackend:
    """Makes folders that hold given files.

    Args:
        root: The folder that the person seems to stand in; it need not exist.
        environ: The environment, which says where workspaces are.
        files: What the base ``@`` has: paths, relative to the top, and what is in them.
        committed: What the base ``HEAD`` has; None when nothing is committed.
    """

    name = "fake"
    git_dir: str | None = None

    def __init__(
        self, root: str, environ: Mapping[str, str], files: Mapping[bytes, bytes], committed: Mapping[bytes, bytes] | None = None
    ) -> None:
        self.root = root
        self._environ = environ
        self._files = files
        self._committed = committed

    def base(self, wanted: str) -> Base:
        """Know ``@`` and ``HEAD``."""
        if wanted == "@":
            return Base("@", self._commit(), person=True)
        if wanted == "HEAD" and self._committed is not None:
            return Base("HEAD", self._commit(), person=False)
        raise NotFound(f"there is no {wanted!r}", hint="take @ or HEAD", code="base-not-found")

    def _commit(self) -> str:
        """Return an id that goes with the committed files; empty when there are none."""
        return "" if self._committed is None else sha1(repr(sorted(self._committed.items())).encode(), usedforsecurity=False).hexdigest()

    def add(self, path: str, id: str, base: Base) -> Made:  # noqa: A002 - the protocol's word
        """Write the files."""
        path = check_path(self._environ, self.root, path)
        with making(self._environ, self.root, id) as half:
            if half:
                self.remove(path, id)
            try:
                make_folder(path)
                for name, content in (self._files if base.person else self._committed or {}).items():
                    target = Path(path, os.fsdecode(name))
                    make_folder(str(target.parent))
                    target.write_bytes(content)
            except BaseException:
                self.remove(path, id)
                raise
        return Made()

    def remove(self, path: str, id: str) -> None:  # noqa: A002, ARG002 - the protocol's words
        """Delete the folder."""
        discard(self._environ, check_path(self._environ, self.root, path))

    def head(self, path: str) -> str | None:
        """Return the commit, while there is a folder."""
        return self._commit() or None if Path(path).is_dir() else None

    def ids(self) -> list[str]:
        """Return the folders in the namespace."""
        try:
            return sorted(path.name for path in Path(namespace_path(self._environ, self.root)).iterdir())
        except FileNotFoundError:
            return []
