"""Looking at a working copy: which files may have changed, which are gone, which are new.

Known files are compared by signature, in one loop that makes no object per file. Only names that are not known cost more: they are asked about, topmost first, so
an ignored folder is asked about once and never entered. What was decided is remembered in the table until a ``.gitignore`` changes. Of a submodule, the commit that
is checked out is noted.
"""

from __future__ import annotations

import os
import stat
from errno import EACCES, ELOOP, ENOENT, ENOTDIR, EPERM
from typing import TYPE_CHECKING

from ropeway.errors import NotFound
from ropeway.workspaces.refs import checked_out
from ropeway.workspaces.snapshots.changing import LITTER
from ropeway.workspaces.snapshots.failures import failure
from ropeway.workspaces.snapshots.ignore import Moved, Rules
from ropeway.workspaces.snapshots.inside import FOLDER, RULES, rules_in
from ropeway.workspaces.snapshots.names import refused
from ropeway.workspaces.snapshots.table import GITLINK, UNSEEN, Folder, Table, git_mode, join

if TYPE_CHECKING:
    from typing import TypeAlias

    from ropeway.workspaces.snapshots.table import Entry, RulesFile

    Changed: TypeAlias = list[tuple[Folder, bytes, os.stat_result]]

TOOLS = b".agent-tools"
"""What the manager keeps in the top folder of a working copy, with rules of its own that ignore all of it."""

_ROOT = (b".git", b".jj")
_PATIENCE = 5  # looks at a working copy whose rules or folders change meanwhile
_UNREADABLE = "make it readable (chmod u+rx), remove it, or have a .gitignore name it"


class Walk:
    """One look at a working copy.

    After :meth:`run`, ``changed`` lists the files to read: (folder, name, what lstat said), known or new; the table no longer holds files that are gone.
    """

    def __init__(self, root: bytes, git_dir: str, table: Table) -> None:
        self.changed: Changed = []
        self._root = root
        self._git_dir = git_dir
        self._table = table
        self._strange: list[tuple[Folder, bytes]] = []
        self._ruled = False
        self.litter: list[tuple[Folder, bytes]] = []

    def run(self) -> Walk:
        """Look.

        Raises:
            StoreError: A known folder can't be read, or git can't say what is ignored.
            NotFound: The working copy is gone.
        """
        for left in reversed(range(_PATIENCE)):
            self.changed, self.litter, self._strange, self._ruled = [], [], [], False
            try:
                with Rules(self._root, self._git_dir) as rules:
                    self._known([(self._table.root, self._root)])
                    if self._ruled and left:
                        self._table.forget_decisions()
                        continue
                    while self._strange:
                        self._decide(rules)
            except Moved:
                if not left:
                    raise failure(
                        "the working copy changes all the time", self._root, OSError("a folder was replaced"), "stop what changes it"
                    ) from None
                continue
            break
        return self

    # -- what is known ------------------------------------------------------------------------------------------------------------------

    def _known(self, waiting: list[tuple[Folder, bytes]]) -> None:
        """Look at these folders and all known ones below."""
        while waiting:
            folder, path = waiting.pop()
            fd = self._open(folder, path)
            if fd < 0:
                continue
            try:
                self._look(folder, fd, path, waiting)
            except OSError as error:
                self._lost_folder(folder, path, error)
            finally:
                os.close(fd)

    def _look(self, folder: Folder, fd: int, path: bytes, waiting: list[tuple[Folder, bytes]]) -> None:
        """Compare the files of one folder with their signatures, and add the known folders in it to those that wait."""
        lstat, names, get, folders = os.stat, os.listdir(path), folder.files.get, folder.folders
        seen = inner = 0
        lost: list[bytes] = []
        for name in names:
            known = get(name)
            if known is None:
                if name in folders:
                    inner += 1
                    waiting.append((folders[name], b"%s/%s" % (path, name)))
                elif not _decided(folder, fd, name):
                    self._strange.append((folder, name))
                continue
            try:
                st = lstat(name, dir_fd=fd, follow_symlinks=False)
            except FileNotFoundError:
                lost.append(name)
                continue
            if st.st_mtime_ns == known[2] and st.st_ctime_ns == known[3] and st.st_size == known[1] and st.st_ino == known[0]:
                seen += 1
            elif git_mode(st.st_mode) is not None:
                seen += 1
                self.changed.append((folder, name, st))
            elif known[4] == GITLINK and stat.S_ISDIR(st.st_mode):
                seen += 1
                self._follow(folder, name, known, path)
            else:
                lost.append(name)
                self._strange.append((folder, name))
        if RULES in names or folder.rules is not None:
            self._look_at_rules(folder, fd)
        if seen != len(folder.files) or inner != len(folders) or folder.ignored or folder.nested:
            self._forget(folder, names, lost)

    def _follow(self, folder: Folder, name: bytes, known: Entry, path: bytes) -> None:
        """Let the entry of a submodule name the commit that is checked out there; in most working copies none is."""
        head = checked_out(os.fsdecode(b"%s/%s" % (path, name)))
        oid = bytes.fromhex(head or "")
        if oid != known[5] and len(oid) == len(known[5]):
            self._table.put(folder, name, (*known[:5], oid, known[6]))

    def _open(self, folder: Folder, path: bytes) -> int:
        """Open a folder, or note what became of it and return -1."""
        try:
            return os.open(path, FOLDER)
        except OSError as error:
            self._lost_folder(folder, path, error)
            return -1

    def _lost_folder(self, folder: Folder, path: bytes, error: OSError) -> None:
        """Forget a folder that is none any more; leave one alone that can't be read and holds nothing known."""
        above = folder.parent
        if above is None:
            if error.errno in (ENOENT, ENOTDIR, ELOOP):
                raise NotFound(f"the working copy {os.fsdecode(path)} is gone", code="folder-gone") from error
            raise failure("the working copy can't be read", path, error, _UNREADABLE) from error
        if error.errno in (EACCES, EPERM) and not folder.saves():
            above.folders.pop(folder.name, None)
            above.nested.add(folder.name)
            return
        if error.errno not in (ENOENT, ENOTDIR, ELOOP):
            raise failure("a folder can't be read", folder.path, error, _UNREADABLE) from error
        self._table.drop_folder(folder)
        if error.errno != ENOENT:
            self._strange.append((above, folder.name))

    def _forget(self, folder: Folder, names: list[bytes], lost: list[bytes]) -> None:
        """Forget what is no longer there."""
        there = set(names)
        table = self._table
        for name in [name for name in folder.files if name not in there]:
            if folder.files[name][4] != GITLINK:
                table.drop(folder, name)
        for name in lost:
            table.drop(folder, name)
        for name in [name for name in folder.folders if name not in there]:
            table.drop_folder(folder.folders[name])
        for name in [name for name in folder.ignored if name not in there]:
            del folder.ignored[name]
        folder.nested &= there

    def _look_at_rules(self, folder: Folder, fd: int) -> None:
        """Note whether the ``.gitignore`` of a folder has changed."""
        rules = rules_in(fd, folder.rules)
        if folder.rules != UNSEEN and _text(rules) != _text(folder.rules):
            self._ruled = True
        folder.rules = rules

    # -- what is not known --------------------------------------------------------------------------------------------------------------

    def _decide(self, rules: Rules) -> None:
        """Decide about the names found so far; those in folders that are not ignored are found next."""
        found, asked = self._strange, []
        self._strange = []
        for folder, name in found:
            if name == b".git" or (folder.parent is None and name in _ROOT):
                continue
            if name.startswith(LITTER):
                self.litter.append((folder, name))
                continue
            path = join(folder.path, name)
            try:
                st = os.lstat(join(self._root, path))
            except OSError:
                continue
            is_folder = stat.S_ISDIR(st.st_mode)
            if is_folder and name == b".jj":
                continue
            if is_folder and path == TOOLS:
                folder.ignored[name] = True
                continue
            if is_folder or git_mode(st.st_mode) is not None:
                asked.append((folder, name, path, st))
        deeper = []
        answers = rules.ignored([path for _, _, path, _ in asked])
        for (folder, name, path, st), ignored in zip(asked, answers, strict=True):
            is_folder = stat.S_ISDIR(st.st_mode)
            if ignored and not self._table.returns(path):
                folder.ignored[name] = is_folder
            elif refused(name, link=stat.S_ISLNK(st.st_mode)) or (is_folder and _is_repository(join(self._root, path))):
                folder.nested.add(name)
            elif is_folder:
                deeper.append((folder.child(name), join(self._root, path)))
            else:
                self.changed.append((folder, name, st))
        self._known(deeper)


def _text(rules: RulesFile | None) -> bytes:
    return rules[4] if rules is not None else b""


def _decided(folder: Folder, fd: int, name: bytes) -> bool:
    """Whether a name that is no entry was decided about, and what was decided still holds: rules tell folders from files."""
    if name in folder.ignored:
        try:
            if stat.S_ISDIR(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode) == folder.ignored[name]:
                return True
        except FileNotFoundError:
            pass
        del folder.ignored[name]
    elif name in folder.nested:
        if _is_nested(fd, name):
            return True
        folder.nested.discard(name)
    return False


def _is_nested(fd: int, name: bytes) -> bool:
    """Whether a name that was left alone is still to be: a repository in a folder, an unreadable folder, a name that git does not take."""
    try:
        st = os.stat(name, dir_fd=fd, follow_symlinks=False)
        if refused(name, link=stat.S_ISLNK(st.st_mode)):
            return True
        if not stat.S_ISDIR(st.st_mode):
            return False
        below = os.open(name, FOLDER, dir_fd=fd)
    except PermissionError:
        return True
    except OSError:
        return False
    try:
        return any(_there(mark, below) for mark in _ROOT)
    finally:
        os.close(below)


def _there(name: bytes, fd: int) -> bool:
    try:
        st = os.stat(name, dir_fd=fd, follow_symlinks=False)
    except OSError:
        return False
    return name == b".git" or stat.S_ISDIR(st.st_mode)


def _is_repository(path: bytes) -> bool:
    """Whether a folder holds a repository of its own."""
    try:
        fd = os.open(path, FOLDER)
    except OSError:
        return False
    try:
        return any(_there(mark, fd) for mark in _ROOT)
    finally:
        os.close(fd)
