"""Putting the files of a snapshot back.

First everything is decided (what to write, what to remove, whether something is in the way that must stay), then it is done: removals first, since a file may
have become a folder or the other way round. Content goes to a temporary file in the same folder that is renamed into place; every folder on the way is opened
by name in the one above, so no symbolic link leads out of the working copy.

Rules may differ between now and then. What is ignored now stays and counts as ignored until a ``.gitignore`` is edited again, so that the next snapshot equals
the one put back. What is to be removed, but is ignored by the rules of then and not by those of now, stays as well: it may be an ``.env`` whose line a step
deleted from ``.gitignore``, and removing it would take more away than the step has added.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
from typing import TYPE_CHECKING

from ropeway.errors import StoreError
from ropeway.workspaces.snapshots.changing import HoldsRepository, create, look, mkdir, rmdir, unlink
from ropeway.workspaces.snapshots.failures import failure, shown
from ropeway.workspaces.snapshots.ignore import Moved, Rules
from ropeway.workspaces.snapshots.inside import RULES, Inside, rules_in, same_content
from ropeway.workspaces.snapshots.reading import contents
from ropeway.workspaces.snapshots.table import GITLINK, UNKNOWN, Folder, Table, entry_of, join
from ropeway.workspaces.snapshots.walk import Walk

if TYPE_CHECKING:
    from ropeway.workspaces.snapshots.objects import ObjectStore
    from ropeway.workspaces.snapshots.reading import Listing

_HINT = "it is not ours to remove: move it away"


def _rules(paths: list[bytes]) -> list[bytes]:
    return [path for path in paths if path.rpartition(b"/")[2] == RULES]


class Restore:
    """Puts one snapshot back into a working copy and makes its table say so."""

    def __init__(self, root: bytes, store: ObjectStore, table: Table, wanted: Listing) -> None:
        self._root = root
        self._store = store
        self._table = table
        self._wanted = wanted
        self._inside = Inside(root)

    def run(self) -> list[bytes]:
        """Do it, and return the paths that were changed, sorted.

        Raises:
            StoreError: Something can't be read, written or removed, or a nested repository is in the way.
        """
        table, wanted = self._table, self._wanted
        with self._inside:
            walk = Walk(self._root, self._store.git_dir, table).run()
            differing, extra = self._compare(walk)
            removed = [path for path, _ in table.entries() if path not in wanted.files] + extra
            written = sorted(path for path in wanted.files if path in differing or self._differs(path))
            for folder, name in walk.litter:
                self._remove(join(folder.path, name))
            removed = self._change_rules(written, removed)
            for path in sorted(removed, reverse=True):
                self._remove(path)
            self._write([path for path in written if path in differing or self._differs(path)])
        for folder in table.root.every():
            folder.tree = wanted.trees.get(folder.path, b"")
        return sorted({*written, *removed})

    def _differs(self, path: bytes) -> bool:
        entry = self._table.get(path)
        return entry is None or entry[4:6] != self._wanted.files[path]

    def _compare(self, walk: Walk) -> tuple[set[bytes], list[bytes]]:
        """Return which wanted files have to be written although the table has them, and which new files are not wanted."""
        wanted = self._wanted.files
        differing: set[bytes] = set()
        extra: list[bytes] = []
        for folder, name, _ in walk.changed:
            path = join(folder.path, name)
            entry = folder.files.get(name)
            if path not in wanted:
                if entry is None:
                    extra.append(path)
                continue
            now = time.time_ns()
            st = same_content(self._inside, folder.path, name, self._store, wanted[path])
            if st is None:
                differing.add(path)
            else:
                self._table.put(folder, name, entry_of(st, now, *wanted[path], base=entry is not None and entry[6]))
        for path, known in wanted.items():  # an ignored file may be what the snapshot holds
            if self._table.get(path) is None:
                self._prepare(path)
                above, _, name = path.rpartition(b"/")
                now = time.time_ns()
                st = same_content(self._inside, above, name, self._store, known)
                if st is not None:
                    self._table.put(self._table.folder(above), name, entry_of(st, now, *known, base=False))
        return differing, extra

    def _prepare(self, path: bytes) -> None:
        """See that nothing that must stay is in the way of a file, and note what is ignored in the folders that it brings back."""
        folder = self._table.root
        names = path.split(b"/")
        for depth, name in enumerate(names, 1):
            if name in folder.nested:
                where = shown(b"/".join(names[:depth]))
                raise StoreError(f"{where} is in the way of {shown(path)}", hint=_HINT, code="in-the-way")
            if folder.ignored.get(name) and depth < len(names):
                self._open_ignored(folder.child(name))
            below = folder.folders.get(name)
            if below is None:
                return
            folder = below

    def _open_ignored(self, folder: Folder) -> None:
        """Note what is in a folder that is ignored so far, name by name: it stays ignored though the folder is known from now on."""
        with contextlib.suppress(OSError):
            fd = self._inside.folder(folder.path)
            for name in map(os.fsencode, os.listdir(fd)):
                st = look(fd, name)
                if st is not None:
                    folder.ignored[name] = stat.S_ISDIR(st.st_mode)
        if b".git" in folder.ignored:
            raise StoreError(f"{shown(folder.path)} is a repository, and in the way", hint=_HINT, code="in-the-way")

    # -- rules --------------------------------------------------------------------------------------------------------------------------

    def _change_rules(self, written: list[bytes], removed: list[bytes]) -> list[bytes]:
        """Put the rules back before anything else, and return what is still to be removed: not what is ignored only by the rules of then."""
        rules = _rules(removed)
        if not rules and not _rules(written):
            return removed
        ignored = self._ignored(removed)
        try:
            for path in rules:
                self._remove(path)
            self._write(_rules(written))
        finally:  # what was decided stands, also if the rest fails
            self._settle([*rules, *_rules(written)])
        kept = [
            path for path in self._ignored(removed) - ignored - set(rules) if not self._was_in_base(path) and not self._in_the_way(path)
        ]
        for path in kept:
            above, _, name = path.rpartition(b"/")
            folder = self._table.folder(above)
            if name in folder.files:
                self._table.drop(folder, name)
            folder.ignored[name] = False
        return [path for path in removed if path not in kept]

    def _ignored(self, paths: list[bytes]) -> set[bytes]:
        try:
            with Rules(self._root, self._store.git_dir) as rules:
                return {path for path, ignored in zip(paths, rules.ignored(paths), strict=True) if ignored}
        except Moved:  # a folder is now a link: none of these is where it was
            return set()

    def _was_in_base(self, path: bytes) -> bool:
        entry = self._table.get(path)
        return path in self._table.gone or (entry is not None and entry[6])

    def _in_the_way(self, path: bytes) -> bool:
        """Whether a wanted file or folder has to be where a file or one of its folders is."""
        names = path.split(b"/")
        return path in self._wanted.trees or any(b"/".join(names[:depth]) in self._wanted.files for depth in range(1, len(names)))

    def _settle(self, changed: list[bytes]) -> None:
        """Let what was decided stand under the rules that were put back."""
        for path in changed:
            above = path.rpartition(b"/")[0]
            with contextlib.suppress(OSError):
                self._table.folder(above).rules = rules_in(self._inside.folder(above), None)

    # -- removing -----------------------------------------------------------------------------------------------------------------------

    def _remove(self, path: bytes) -> None:
        """Remove a file, and the folders that become empty by that."""
        above, _, name = path.rpartition(b"/")
        entry = self._table.get(path)
        if entry is None or entry[4] != GITLINK:
            try:
                fd = self._inside.folder(above)
                st = look(fd, name)
                if st is not None and not stat.S_ISDIR(st.st_mode):
                    unlink(fd, name)
            except (FileNotFoundError, NotADirectoryError):
                pass
            except OSError as error:
                raise failure("a file can't be removed", path, error) from error
        if entry is not None:
            self._table.drop(self._table.folder(above), name)
        while above and above not in self._wanted.trees:
            folder = self._table.folder(above)
            above, _, name = above.rpartition(b"/")
            try:
                rmdir(self._inside.folder(above), name)
            except OSError:  # not empty, or gone already
                break
            if folder.parent is not None and not folder.saves():
                folder.parent.folders.pop(name, None)

    # -- writing ------------------------------------------------------------------------------------------------------------------------

    def _write(self, paths: list[bytes]) -> None:
        files = [(path, self._wanted.files[path][1]) for path in paths if self._wanted.files[path][0] != GITLINK]
        for path in paths:
            if self._wanted.files[path][0] == GITLINK:
                self._submodule(path)
        if not files:
            return
        with contextlib.closing(contents(self._store.git_dir, files)) as each:
            for path, size, stream in each:
                mode, oid = self._wanted.files[path]
                above, _, name = path.rpartition(b"/")
                now = time.time_ns()
                try:
                    fd = self._folder(above)
                    create(fd, name, mode, size, stream)
                    st = os.stat(name, dir_fd=fd, follow_symlinks=False)
                except HoldsRepository:
                    raise StoreError(
                        f"{shown(path)}, now a folder with a repository in it, is in the way", hint=_HINT, code="in-the-way"
                    ) from None
                except StoreError:
                    raise
                except OSError as error:
                    raise failure("a file can't be put back", path, error) from error
                old = self._table.get(path)
                self._table.put(self._table.folder(above), name, entry_of(st, now, mode, oid, base=old is not None and old[6]))

    def _folder(self, path: bytes) -> int:
        """Return a descriptor of a folder, which is made where it is missing; files and links in its way go."""
        with contextlib.suppress(OSError):
            return self._inside.folder(path)
        made = b""
        for name in path.split(b"/"):
            fd = self._inside.folder(made)
            folder = self._table.folder(made)
            made = join(made, name)
            st = look(fd, name)
            if st is not None and not stat.S_ISDIR(st.st_mode):
                unlink(fd, name)
                if name in folder.files:
                    self._table.drop(folder, name)
                st = None
            if st is None:
                mkdir(fd, name)
        return self._inside.folder(path)

    def _submodule(self, path: bytes) -> None:
        """Give a submodule its place; its files are its own matter."""
        above, _, name = path.rpartition(b"/")
        try:
            fd = self._inside.folder(above)
            st = look(fd, name)
            if st is not None and not stat.S_ISDIR(st.st_mode):
                unlink(fd, name)
                mkdir(fd, name)
        except (FileNotFoundError, NotADirectoryError):
            pass
        except OSError as error:
            raise failure("a file can't be put back", path, error) from error
        mode, oid = self._wanted.files[path]
        self._table.put(self._table.folder(above), name, (0, UNKNOWN, 0, 0, mode, oid, False))
