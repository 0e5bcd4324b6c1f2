"""What the last snapshot held and how each of its files looked to ``lstat`` then: git's index, in memory, as plain tuples in dictionaries.

An entry is ``(inode, size, mtime_ns, ctime_ns, mode, oid, base)``. The first four are the *signature*: a file that still has it was not changed. An entry with
:data:`UNKNOWN` as its size has no signature that is believed, so its file is read the next time (git calls such an entry racily clean). ``mode`` is git's,
``oid`` the raw object id, ``base`` whether the path is in the tree that the working copy was made from.
"""

from __future__ import annotations

import marshal
import stat
import zlib
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from ropeway.workspaces.snapshots.objects import ObjectStore

Entry: TypeAlias = tuple[int, int, int, int, int, bytes, bool]
RulesFile: TypeAlias = tuple[int, int, int, int, bytes]

UNKNOWN = -1
UNSEEN: RulesFile = (0, UNKNOWN, 0, 0, b"")
FILE, PROGRAM, LINK, GITLINK = 0o100644, 0o100755, 0o120000, 0o160000
_MODES = {FILE: b"100644", PROGRAM: b"100755", LINK: b"120000", GITLINK: b"160000"}
_NOTHING = b""  # in the place of a tree's id: there is nothing to save in that folder

_TICK = 20_000_000  # ns: the kernel stamps files with a clock that goes on every 10 ms at worst
_COARSE = 2_100_000_000  # ns: some file systems keep whole seconds, or every second one


def git_mode(mode: int) -> int | None:
    """Return git's mode for an ``st_mode``; None for what git does not save (a folder, a fifo, a socket, a device)."""
    kind = stat.S_IFMT(mode)
    if kind == stat.S_IFREG:
        return PROGRAM if mode & 0o100 else FILE
    return LINK if kind == stat.S_IFLNK else None


def entry_of(st: os.stat_result, now: int, mode: int, oid: bytes, *, base: bool) -> Entry:
    """Return the entry of a file whose content was ``oid`` when it was looked at, later than ``now`` (ns since the epoch)."""
    mtime, ctime = st.st_mtime_ns, st.st_ctime_ns
    return (st.st_ino, st.st_size if believed(mtime, ctime, now) else UNKNOWN, mtime, ctime, mode, oid, base)


def believed(mtime: int, ctime: int, now: int) -> bool:
    """Whether a file that was changed last at these times, and looked at later than ``now``, gets another time should it be changed again: not within one tick."""
    limit = now - (_TICK if ctime % 1_000_000_000 else _COARSE)
    return ctime < limit and mtime < limit


class Folder:
    """A folder: its entries, its folders, and what was decided about the other names in it.

    ``tree`` is the raw id of its tree object, empty when it holds nothing to save, None when it has to be written anew (then those above are None, too).
    ``ignored`` holds the names that a rule ignores (True for a folder), ``nested`` the repositories in it and other things that git does not take.
    ``rules`` is the signature and the text (or its digest) of its ``.gitignore`` when these were decided, None without one, :data:`UNSEEN` when nobody has looked yet.
    """

    __slots__ = ("files", "folders", "ignored", "name", "nested", "parent", "rules", "tree")

    def __init__(self, name: bytes, parent: Folder | None) -> None:
        self.name = name
        self.parent = parent
        self.files: dict[bytes, Entry] = {}
        self.folders: dict[bytes, Folder] = {}
        self.ignored: dict[bytes, bool] = {}
        self.nested: set[bytes] = set()
        self.rules: RulesFile | None = UNSEEN
        self.tree: bytes | None = _NOTHING

    @property
    def path(self) -> bytes:
        """The path below the root, without a slash at its end; empty for the root."""
        names = []
        folder: Folder | None = self
        while folder is not None and folder.parent is not None:
            names.append(folder.name)
            folder = folder.parent
        return b"/".join(reversed(names))

    def dirty(self) -> None:
        """Note that its tree has to be written anew, and those above."""
        folder: Folder | None = self
        while folder is not None and folder.tree is not None:
            folder.tree = None
            folder = folder.parent

    def child(self, name: bytes) -> Folder:
        """Return a folder in it; it is made known when it is not."""
        found = self.folders.get(name)
        if found is None:
            found = self.folders[name] = Folder(name, self)
            self.ignored.pop(name, None)
            self.nested.discard(name)
        return found

    def every(self) -> Iterator[Folder]:
        """Yield it and all folders below, each before those in it."""
        waiting = [self]
        while waiting:
            folder = waiting.pop()
            yield folder
            waiting.extend(folder.folders.values())

    def saves(self) -> bool:
        """Whether there is any entry in it or below."""
        return any(folder.files for folder in self.every())


def join(folder: bytes, name: bytes) -> bytes:
    """Return the path of a name in a folder."""
    return b"%s/%s" % (folder, name) if folder else name


class Table:
    """All entries, as folders below a root.

    ``gone`` holds the paths of the base that are no entries now: should they come back, they are saved even when a rule ignores them.
    """

    def __init__(self) -> None:
        self.root = Folder(b"", None)
        self.root.tree = None
        self.gone: set[bytes] = set()

    def folder(self, path: bytes) -> Folder:
        """Return the folder of that path; it is made known when it is not."""
        folder = self.root
        for name in path.split(b"/") if path else ():
            folder = folder.child(name)
        return folder

    def get(self, path: bytes) -> Entry | None:
        """Return the entry of a path."""
        above, _, name = path.rpartition(b"/")
        folder = self.root
        for part in above.split(b"/") if above else ():
            found = folder.folders.get(part)
            if found is None:
                return None
            folder = found
        return folder.files.get(name)

    def put(self, folder: Folder, name: bytes, entry: Entry) -> None:
        """Set the entry of a file."""
        old = folder.files.get(name)
        if old is None:
            folder.ignored.pop(name, None)
            folder.nested.discard(name)
            if folder.folders.pop(name, None) is not None:
                folder.dirty()
            if self.gone:
                path = join(folder.path, name)
                if path in self.gone:
                    self.gone.discard(path)
                    entry = (*entry[:6], True)
        folder.files[name] = entry
        if old is None or old[5] != entry[5] or old[4] != entry[4]:
            folder.dirty()

    def drop(self, folder: Folder, name: bytes) -> None:
        """Forget a file that is gone."""
        if folder.files.pop(name)[6]:
            self.gone.add(join(folder.path, name))
        folder.dirty()

    def drop_folder(self, folder: Folder) -> None:
        """Forget all files in a folder that is gone. Submodules stay: whether there is a folder for one depends on what made the working copy."""
        every = list(folder.every())
        for one in reversed(every):
            for name in [name for name, entry in one.files.items() if entry[4] != GITLINK]:
                self.drop(one, name)
            one.ignored.clear()
            one.nested.clear()
            one.rules = UNSEEN
            if one.parent is not None and not one.files and not one.folders:
                del one.parent.folders[one.name]

    def entries(self) -> Iterator[tuple[bytes, Entry]]:
        """Yield all paths with their entries."""
        for folder in self.root.every():
            path = folder.path
            for name, entry in folder.files.items():
                yield join(path, name), entry

    def returns(self, path: bytes) -> bool:
        """Whether a path, or one below it, was in the base and is no entry now."""
        return bool(self.gone) and (path in self.gone or any(one.startswith(path + b"/") for one in self.gone))

    def forget_decisions(self) -> None:
        """Forget what was decided about names that are no entries: a rule has changed."""
        for folder in list(self.root.every()):
            folder.ignored.clear()
            folder.nested.clear()
        for folder in reversed(list(self.root.every())):
            if folder.parent is not None and not folder.files and not folder.folders:
                del folder.parent.folders[folder.name]

    def write(self, store: ObjectStore) -> str:
        """Write the trees of all folders on the way to a change, and return the root's id in hex."""
        changed: list[Folder] = []
        waiting = [self.root] if self.root.tree is None else []
        while waiting:
            folder = waiting.pop()
            changed.append(folder)
            waiting.extend(below for below in folder.folders.values() if below.tree is None)
        for folder in reversed(changed):
            # git sorts a folder as though its name ended with a slash.
            rows = [(name, b"%s %s\0%s" % (_MODES[entry[4]], name, entry[5])) for name, entry in folder.files.items()]
            rows += [(name + b"/", b"40000 %s\0%s" % (name, below.tree)) for name, below in folder.folders.items() if below.tree]
            rows.sort()
            folder.tree = store.write(b"tree", b"".join([row for _, row in rows])) if rows or folder is self.root else _NOTHING
        assert self.root.tree is not None
        return self.root.tree.hex()


def ignored_paths(root: Folder) -> list[bytes]:
    """Return the ignored paths, sorted, topmost only; folders, also those in which everything is ignored, with a slash."""
    whole: set[Folder] = set()
    for folder in reversed(list(root.every())):
        inner = folder.folders.values()
        anything = folder.ignored or any(one in whole for one in inner)
        if anything and folder.parent is not None and not folder.files and not folder.nested and all(one in whole for one in inner):
            whole.add(folder)
    found: list[bytes] = []
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        if folder in whole:
            found.append(folder.path + b"/")
            continue
        found.extend(join(folder.path, name) + (b"/" if is_folder else b"") for name, is_folder in folder.ignored.items())
        waiting.extend(folder.folders.values())
    return sorted(found)


# -- the file that keeps it ---------------------------------------------------------------------------------------------------------------

_MAGIC = b"ropeway table 2 "
_TREE = 64  # letters: room for the id of the root's tree, filled up with blanks
_HEAD = len(_MAGIC) + 9 + _TREE + 1 + 9


def _head(tree: bytes, rest: bytes | memoryview) -> bytes:
    """Return what such a file begins with: the root's tree with its own checksum, which can be read alone, and that of what follows."""
    return b"%s%08x %s %08x\n" % (_MAGIC, zlib.crc32(tree), tree, zlib.crc32(rest))


def pack(table: Table, extra: object) -> bytes:
    """Return a table as bytes, with other plain data beside it."""
    rows = [(f.path, f.files, f.tree, f.ignored, f.nested, f.rules) for f in table.root.every()]
    plain: Any = (extra, table.gone, rows)
    rest = marshal.dumps(plain, 4)
    return _head((table.root.tree or b"").hex().encode().ljust(_TREE), rest) + rest


def root_of(file: str) -> str | None:
    """Return the id of the tree that a table in a file is of, without reading the table; None when there is none, or it was not known then."""
    try:
        with open(file, "rb", buffering=0) as opened:
            head = opened.read(_HEAD)
    except OSError:
        return None
    tree = head[len(_MAGIC) + 9 :][:_TREE]
    sound = head.startswith(b"%s%08x " % (_MAGIC, zlib.crc32(tree))) and len(head) == _HEAD
    return tree.decode().strip() or None if sound else None


def unpack(data: bytes) -> tuple[Table, object] | None:
    """Read it back; None when the bytes are damaged or of another version."""
    body = memoryview(data)[_HEAD:]
    if data[:_HEAD] != _head(data[len(_MAGIC) + 9 :][:_TREE], body):
        return None
    table = Table()
    try:
        extra, table.gone, rows = marshal.loads(body)  # noqa: S302 - a file of ours, checked against its sum
        for path, files, tree, ignored, nested, rules in rows:
            folder = table.folder(path)
            folder.files, folder.tree, folder.ignored, folder.nested, folder.rules = files, tree, ignored, nested, rules
    except (EOFError, ValueError, TypeError):
        return None
    return table, extra
