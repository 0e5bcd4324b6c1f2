"""Snapshots: what a working copy holds at a boundary between steps, saved as git objects, and put back.

Doing this with git's own commands (``add -A``, ``write-tree``, ``commit-tree``, ``update-ref`` on an index of ours) costs four processes for every step, five
times a ``git status`` in a small repository. So the part of git that is needed is done here, in this process:

* :mod:`~ropeway.workspaces.snapshots.table` keeps what the last snapshot held, and how each file looked to ``lstat``: git's index, in memory;
* :mod:`~ropeway.workspaces.snapshots.index` fills it from git's index where git has just checked the files out, so that a copy begins without a look at each;
* :mod:`~ropeway.workspaces.snapshots.walk` finds what may have changed since, by ``lstat`` alone; only such files are read;
* :mod:`~ropeway.workspaces.snapshots.objects` writes loose objects and refs, as git's formats are documented (they have not changed since 2005);
* :mod:`~ropeway.workspaces.snapshots.ignore` asks git which new names a rule ignores: the one thing that git alone should decide, and the one process that a
  snapshot starts, when there are new names;
* :mod:`~ropeway.workspaces.snapshots.restore` puts a snapshot back, with git reading the objects (they may be packed by then).

File contents are saved as they are on the disk: no filter, no line-end conversion. Branch, index, stash and jj's operation log are not touched. Ignored files,
empty folders, permissions other than the x bit, and repositories inside the working copy are neither saved nor removed.
"""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING, Any

from ropeway.workspaces import Snapshot
from ropeway.workspaces.programs import ProgramFailed, git
from ropeway.workspaces.snapshots.bulk import MANY, Bulk
from ropeway.workspaces.snapshots.failures import failure
from ropeway.workspaces.snapshots.index import table_of_index
from ropeway.workspaces.snapshots.inside import Inside, read
from ropeway.workspaces.snapshots.objects import ObjectStore
from ropeway.workspaces.snapshots.reading import changed_paths, listing, table_of
from ropeway.workspaces.snapshots.restore import Restore
from ropeway.workspaces.snapshots.table import GITLINK, Entry, Folder, Table, entry_of, git_mode, ignored_paths, join, pack, root_of, unpack
from ropeway.workspaces.snapshots.touched import files_at
from ropeway.workspaces.snapshots.walk import Walk

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from ropeway.workspaces.snapshots.walk import Changed

__all__ = ["Snapshots", "changed_paths", "make_store"]

_TOOLS = ".agent-tools/"


class Snapshots:
    """The snapshots of one working copy, for one run.

    Args:
        worktree: The top folder of the working copy.
        git_dir: Where objects and refs are written: the (common) git directory of the repository, or what :func:`make_store` made.
        run: The run's id; snapshots are pinned by ``refs/ropeway/<run>/<label>``.
        state: A folder of ours that outlives this process, for what :meth:`remember` keeps.
        sync: Whether a snapshot has to survive a power cut from the moment on that it is taken.
    """

    def __init__(self, worktree: str, git_dir: str, *, run: str, state: str, sync: bool = False) -> None:
        self._root = os.fsencode(os.path.realpath(worktree))
        self._git_dir = os.path.abspath(git_dir)
        self._store = ObjectStore(self._git_dir, sync=sync)
        self._refs = f"refs/ropeway/{run}/"
        self._file = os.path.join(state, "table")
        self._loaded: Table | None = Table()
        self._elsewhere = ("", "")  # a file with the table, and the tree it is of, while that table is not needed
        self._latest: Snapshot | None = None
        self._numbers: dict[str, int] = {}  # of the commits that refs of this run pin
        self._pending: Changed | None = None  # files that differ from the table, when that is known without looking

    @property
    def _table(self) -> Table:
        if self._loaded is None:
            file, tree = self._elsewhere
            found = _unpacked(file)
            self._loaded = found[0] if found is not None else table_of(listing(self._git_dir, tree))
        return self._loaded

    @_table.setter
    def _table(self, table: Table) -> None:
        self._loaded = table

    def latest(self) -> Snapshot | None:
        """Return the snapshot that was taken or put back last."""
        return self._latest

    @property
    def nested(self) -> tuple[str, ...]:
        """Repositories inside the working copy, unreadable folders of others, and names that git does not take: they are never saved or removed."""
        known = self._loaded.root.every() if self._loaded is not None else ()
        return tuple(sorted(os.fsdecode(join(folder.path, name)) for folder in known for name in folder.nested))

    @property
    def modules(self) -> tuple[str, ...]:
        """The places of submodules: a snapshot has the commit that is checked out, and no file."""
        return () if self._loaded is None else tuple(os.fsdecode(path) for path, entry in self._table.entries() if entry[4] == GITLINK)

    # -- beginning ----------------------------------------------------------------------------------------------------------------------

    def adopt(
        self,
        tree: str | None,
        touched: Collection[bytes] = (),
        *,
        believe: bool = True,
        latest: Snapshot | None = None,
        table: str | None = None,
        index: bytes | None = None,
    ) -> bool:
        """Begin with a working copy that was just made from a tree (or commit).

        Args:
            tree: What it was made from. Its paths stay tracked even where a rule ignores them. None: not known, every file is read.
            touched: Paths that differ from it.
            believe: False to read every file all the same, because what is on the disk may be another form of the blob (line ends, filters).
            latest: The snapshot that ``tree`` is, when the run took it: if nothing differs from it, the next one is the same.
            table: What :meth:`remember` wrote of the same files seen elsewhere: they need not be looked at.
            index: What git wrote when it checked ``tree`` out here: it tells all that there is to know of the files that are not ``touched``.

        Returns:
            Whether all that differs from ``tree`` is known, so that the first :meth:`take` need not look for it.

        Raises:
            NotFound: There is no such tree.
            StoreError: The working copy can't be read.
        """
        now = time.time_ns()
        self._table, self._pending = Table(), None
        self._latest = latest
        if latest is not None:
            self._numbers[latest.commit] = latest.number
        if tree is None:
            return False
        known = None
        root = root_of(table) if table is not None else None
        if table is not None and root is not None:
            self._loaded, self._elsewhere, self._pending = None, (table, root), []
            if not touched:
                return True
            known = self._table
        elif index is not None and believe:
            known = table_of_index(index, self._root, self._store.size, now, touched)
        if known is not None:
            self._table = known
            self._pending = files_at(known, self._root, touched)
            return self._pending is not None
        self._table = table_of(listing(self._git_dir, tree))
        if believe:
            self._believe(set(touched))
        return False

    def _believe(self, touched: set[bytes]) -> None:
        """Take what ``lstat`` says now for the signature of what the table has."""
        now = time.time_ns()
        for folder, name, st in Walk(self._root, self._git_dir, self._table).run().changed:
            known = folder.files.get(name)
            if known is not None and known[4] == git_mode(st.st_mode) and (not touched or join(folder.path, name) not in touched):
                folder.files[name] = entry_of(st, now, *known[4:6], base=True)

    def load(self) -> bool:
        """Go on from what :meth:`remember` kept; False when there is nothing, it is damaged, or its snapshot is no longer in the repository."""
        found = _unpacked(self._file)
        if found is None:
            return False
        table, extra = found
        try:
            root, kind, latest, numbers = _checked(extra)
        except (TypeError, ValueError):
            return False
        if root != self._root or kind != self._store.format:
            return False
        if latest is not None:
            try:
                git("cat-file", "-e", f"{latest[1]}^{{tree}}", git_dir=self._git_dir)
            except ProgramFailed:
                return False
        self._table, self._numbers = table, numbers
        self._latest = Snapshot(*latest) if latest is not None else None
        return True

    def remember(self) -> None:
        """Keep what is known of the files for :meth:`load` in another process.

        Raises:
            StoreError: It can't be written.
        """
        if self._loaded is None:
            return  # nobody has looked at the files since that table was written
        latest = self._latest
        kept = None if latest is None else (latest.number, latest.commit, latest.tree)
        data = pack(self._table, (self._root, self._store.format, kept, self._numbers))
        temporary = f"{self._file}.{os.urandom(4).hex()}"
        try:
            os.makedirs(os.path.dirname(self._file), exist_ok=True)
            with open(temporary, "xb") as file:
                file.write(data)
            os.rename(temporary, self._file)
        except OSError as error:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise failure("what is known of the working copy can't be kept", self._file, error) from error

    # -- going on -----------------------------------------------------------------------------------------------------------------------

    def take(self, label: str, parents: Sequence[str] = (), message: str = "", *, look: bool = True) -> Snapshot:
        """Save what there is now.

        When nothing has changed since the last snapshot, that one is returned, and nothing is written but a ref whose label is no number.

        Args:
            label: The number of the snapshot, or a name such as ``found-1``.
            parents: Commits that it follows.
            message: Of its commit.
            look: False where nothing can have changed since :meth:`adopt` said that all is known.

        Raises:
            StoreError: A file can't be read, or something can't be written; the next call does what is left to do.
            NotFound: The working copy is gone.
        """
        changed = self._pending
        if look or changed is None:
            changed = Walk(self._root, self._git_dir, self._table).run().changed
        self._save(changed)
        self._pending = None
        tree = self._table.write(self._store) if self._loaded is not None else self._elsewhere[1]
        last = self._latest
        if last is not None and last.tree == tree and last.commit in self._numbers:
            if not label.isdecimal():
                self._store.set_ref(self._refs + label, last.commit)
            return last
        commit = self._store.commit(tree, parents, message)
        self._store.set_ref(self._refs + label, commit)
        number = int(label) if label.isdecimal() else last.number if last is not None else 0
        self._numbers[commit] = number
        self._latest = Snapshot(number, commit, tree)
        return self._latest

    def _save(self, changed: Changed) -> None:
        """Save the content of what may have changed; the table learns of it when all of it is in the repository."""
        saved: list[tuple[Folder, bytes, Entry | None]] = []
        store = Bulk(self._git_dir, sync=self._store.sync) if len(changed) > MANY else self._store
        with store, Inside(self._root) as inside:
            for folder, name, _ in changed:
                known = folder.files.get(name)
                oid, base = (known[5], known[6]) if known is not None else (b"", False)
                saved.append((folder, name, read(inside, folder.path, name, store, oid, base=base)))
        for folder, name, entry in saved:
            if entry is not None:
                self._table.put(folder, name, entry)
            elif name in folder.files:
                self._table.drop(folder, name)

    def restore(self, commit: str) -> list[bytes]:
        """Put the files of a snapshot back exactly, and return the paths that were changed.

        Files that were added since go, with the folders that become empty by that. What no snapshot saves (ignored files, repositories inside the
        working copy, empty folders) stays, unless a file has to be where it is.

        Raises:
            NotFound: There is no such snapshot.
            StoreError: Something can't be read, written or removed, or a repository is in the way.
        """
        wanted = listing(self._git_dir, commit)
        self._pending = None
        changed = Restore(self._root, self._store, self._table, wanted).run()
        tree = git("rev-parse", "--verify", f"{commit}^{{tree}}", git_dir=self._git_dir).decode().strip()
        self._table.root.tree = bytes.fromhex(tree)
        last = self._latest
        self._latest = Snapshot(self._numbers.get(commit, last.number if last is not None else 0), commit, tree)
        return changed

    def ignored(self, *, look: bool = True) -> list[str]:
        """Return the ignored paths that there are now (unless ``look``: were at the last :meth:`take`), topmost only, folders with a slash; without ``.agent-tools/``."""
        if look:
            Walk(self._root, self._git_dir, self._table).run()
        return [path for path in map(os.fsdecode, ignored_paths(self._table.root)) if path != _TOOLS]


def _unpacked(file: str) -> tuple[Table, object] | None:
    """Return what :meth:`Snapshots.remember` kept in a file; None when that can't be read."""
    try:
        with open(file, "rb") as opened:
            return unpack(opened.read())
    except OSError:
        return None


def _checked(extra: Any) -> tuple[bytes, str, Any, dict[str, int]]:
    root, kind, latest, numbers = extra
    return root, kind, latest, numbers


def make_store(path: str) -> None:
    """Make a bare repository for the snapshots of a plain copy outside any repository; fine when it is there.

    Raises:
        StoreError: It can't be made.
    """
    git("init", "--quiet", "--bare", "--template=", path)
    git("config", "gc.auto", "0", git_dir=path)
