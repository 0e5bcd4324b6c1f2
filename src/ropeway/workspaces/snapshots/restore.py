"""Putting the files of a snapshot back.

First everything is decided (what to write, what to remove, whether something is in the way that must stay), then it is done: removals first, since a file may
have become a folder or the other way round. Content goes to a temporary file in the same folder that is renamed into place; every folder on the way is opened
by name in the one above, so no symbolic link leads out of the working copy.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
import subprocess
import tempfile
import time
from typing import IO, TYPE_CHECKING

from ropeway.errors import NotFound, StoreError
from ropeway.records import record
from ropeway.workspaces.programs import ProgramFailed, git
from ropeway.workspaces.snapshots.inside import FOLDER, Inside, same_content
from ropeway.workspaces.snapshots.objects import failure, shown
from ropeway.workspaces.snapshots.table import FILE, GITLINK, LINK, PROGRAM, Table, entry_of, join
from ropeway.workspaces.snapshots.walk import LITTER, Walk

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

    from ropeway.workspaces.snapshots.objects import ObjectStore

_CHUNK = 1 << 20
_CANT = "a file can't be put back"


@record
class Listing:
    """What a tree holds: ``files`` as path → (mode, raw id), ``trees`` as path → raw id of each folder but the root."""

    files: dict[bytes, tuple[int, bytes]]
    trees: dict[bytes, bytes]


def listing(git_dir: str, tree: str) -> Listing:
    """List a tree or the tree of a commit.

    Raises:
        NotFound: There is no such object.
    """
    try:
        out = git("ls-tree", "-r", "-t", "-z", "--full-tree", tree, git_dir=git_dir)
    except ProgramFailed as error:
        hint = "its refs may have been removed by `workflow gc`"
        raise NotFound(f"there is no snapshot or commit {tree} in {git_dir}", hint=hint, code="snapshot-not-found") from error
    found = Listing({}, {})
    files, trees = found.files, found.trees
    for row in out.split(b"\0")[:-1]:
        head, _, path = row.partition(b"\t")
        mode, kind, oid = head.split(b" ")
        if kind == b"tree":
            trees[path] = bytes.fromhex(oid.decode())
        else:
            number = int(mode, 8)
            # Old trees hold other permissions; git reads them as these two.
            number = (PROGRAM if number & 0o100 else FILE) if stat.S_ISREG(number) else number
            files[path] = (number, bytes.fromhex(oid.decode()))
    return found


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
        with self._inside:
            walk = Walk(self._root, self._store.git_dir, self._table).run()
            differing, extra = self._compare(walk)
            removed = [path for path, _ in self._table.entries() if path not in self._wanted.files] + extra
            written = sorted(path for path, wanted in self._wanted.files.items() if self._differs(path, wanted) or path in differing)
            for path in written:
                self._nothing_nested_at(path)
            removed += [join(folder.path, name) for folder, name in walk.litter]
            for path in sorted(removed, reverse=True):
                self._remove(path)
            self._write(written)
        for folder in self._table.root.every():
            folder.tree = self._wanted.trees.get(folder.path, b"")
        return sorted({*written, *removed})

    def _differs(self, path: bytes, wanted: tuple[int, bytes]) -> bool:
        entry = self._table.get(path)
        return entry is None or entry[4:6] != wanted

    def _compare(self, walk: Walk) -> tuple[set[bytes], list[bytes]]:
        """Return which wanted files have to be written although the table has them, and which new files are not wanted."""
        differing: set[bytes] = set()
        extra: list[bytes] = []
        for folder, name, _ in walk.changed:
            path = join(folder.path, name)
            known = folder.files.get(name)
            wanted = self._wanted.files.get(path)
            if wanted is None:
                if known is None:
                    extra.append(path)
                continue
            now = time.time_ns()
            st = same_content(self._inside, folder.path, name, self._store, wanted)
            if st is None:
                differing.add(path)
            else:
                self._table.put(folder, name, entry_of(st, now, *wanted, base=known is not None and known[6]))
        return differing, extra

    def _nothing_nested_at(self, path: bytes) -> None:
        folder = self._table.root
        names = path.split(b"/")
        for depth, name in enumerate(names, 1):
            if name in folder.nested:
                where = shown(b"/".join(names[:depth]))
                raise StoreError(
                    f"{where} is in the way of {shown(path)}", hint="it is not ours to remove: move it away", code="in-the-way"
                )
            below = folder.folders.get(name)
            if below is None:
                return
            folder = below

    # -- removing -----------------------------------------------------------------------------------------------------------------------

    def _remove(self, path: bytes) -> None:
        """Remove a file, and the folders that become empty by that."""
        above, _, name = path.rpartition(b"/")
        entry = self._table.get(path)
        if entry is None or entry[4] != GITLINK:
            try:
                fd = self._inside.folder(above)
                _writable(fd, lambda: os.unlink(name, dir_fd=fd))
            except (FileNotFoundError, NotADirectoryError):
                pass
            except OSError as error:
                raise failure("a file can't be removed", path, error) from error
        if entry is not None:
            self._table.drop(self._table.folder(above), name)
        while above and above not in self._wanted.trees:
            above, _, name = above.rpartition(b"/")
            try:
                fd = self._inside.folder(above)
                _writable(fd, lambda fd=fd, name=name: os.rmdir(name, dir_fd=fd))  # type: ignore[misc]
            except OSError:  # not empty, or gone already
                break
            folder = self._table.folder(above)
            if name in folder.folders and not folder.folders[name].saves():
                del folder.folders[name]

    # -- writing ------------------------------------------------------------------------------------------------------------------------

    def _write(self, paths: list[bytes]) -> None:
        files = [path for path in paths if self._wanted.files[path][0] != GITLINK]
        for path in paths:
            if self._wanted.files[path][0] == GITLINK:
                self._submodule(path)
        if not files:
            return
        with contextlib.closing(self._contents(files)) as contents:
            for path, size, stream in contents:
                try:
                    self._put_back(path, size, stream)
                except StoreError:
                    raise
                except OSError as error:
                    raise failure(_CANT, path, error) from error

    def _contents(self, paths: Iterable[bytes]) -> Generator[tuple[bytes, int, IO[bytes]], None, None]:
        """Yield each path with the size of its content and a stream that stands at its beginning."""
        with tempfile.TemporaryFile() as asked:
            paths = list(paths)
            asked.write(b"".join([self._wanted.files[path][1].hex().encode() + b"\n" for path in paths]))
            asked.seek(0)
            argv = ["git", f"--git-dir={self._store.git_dir}", "cat-file", "--batch", "--buffer"]
            with subprocess.Popen(argv, stdin=asked, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
                assert process.stdout is not None
                try:
                    for path in paths:
                        words = process.stdout.readline().split()
                        if len(words) != 3 or words[1] != b"blob":
                            why = "its content is no longer in the repository"
                            raise StoreError(
                                f"{_CANT}: {shown(path)}: {why}", hint="`git fsck` shows what is missing", code="snapshot-damaged"
                            )
                        yield path, int(words[2]), process.stdout
                        process.stdout.read(1)
                finally:
                    process.kill()

    def _put_back(self, path: bytes, size: int, stream: IO[bytes]) -> None:
        above, _, name = path.rpartition(b"/")
        mode, oid = self._wanted.files[path]
        fd = self._folder(above)
        now = time.time_ns()
        temporary = LITTER + secrets.token_hex(8).encode()
        try:
            if mode == LINK:
                target = stream.read(size)
                _writable(fd, lambda: os.symlink(target, temporary, dir_fd=fd))
            else:
                _copy(fd, temporary, mode, size, stream)
            try:
                _writable(fd, lambda: os.rename(temporary, name, src_dir_fd=fd, dst_dir_fd=fd))
            except IsADirectoryError:
                self._clear(fd, name, path)
                os.rename(temporary, name, src_dir_fd=fd, dst_dir_fd=fd)
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(temporary, dir_fd=fd)
            raise
        st = os.stat(name, dir_fd=fd, follow_symlinks=False)
        old = self._table.get(path)
        self._table.put(self._table.folder(above), name, entry_of(st, now, mode, oid, base=old is not None and old[6]))

    def _folder(self, path: bytes) -> int:
        """Return a descriptor of a folder, which is made where it is missing; files and links in its way go."""
        with contextlib.suppress(OSError):
            return self._inside.folder(path)
        made = b""
        for name in path.split(b"/"):
            fd = self._inside.folder(made)
            made = join(made, name)
            st = _look(fd, name)
            if st is not None and not stat.S_ISDIR(st.st_mode):
                _writable(fd, lambda fd=fd, name=name: os.unlink(name, dir_fd=fd))  # type: ignore[misc]
                st = None
            if st is None:
                _writable(fd, lambda fd=fd, name=name: os.mkdir(name, dir_fd=fd))  # type: ignore[misc]
        return self._inside.folder(path)

    def _clear(self, fd: int, name: bytes, path: bytes) -> None:
        """Remove a folder that stands where a file has to be: what is left in it is ignored or empty."""
        below = os.open(name, FOLDER, dir_fd=fd)
        try:
            for _, inner, others, _ in os.fwalk(b".", dir_fd=below):
                if b".git" in inner or b".git" in others:
                    where = f"{shown(path)} holds a repository"
                    raise StoreError(f"{_CANT}: {where}", hint="it is not ours to remove: move it away", code="in-the-way")
            for _, inner, others, at in os.fwalk(b".", topdown=False, dir_fd=below):
                for one in others:
                    _writable(at, lambda one=one, at=at: os.unlink(one, dir_fd=at))  # type: ignore[misc]
                for one in inner:
                    st = _look(at, one)
                    if st is not None and stat.S_ISLNK(st.st_mode):
                        _writable(at, lambda one=one, at=at: os.unlink(one, dir_fd=at))  # type: ignore[misc]
                    else:
                        _writable(at, lambda one=one, at=at: os.rmdir(one, dir_fd=at))  # type: ignore[misc]
        finally:
            os.close(below)
        _writable(fd, lambda: os.rmdir(name, dir_fd=fd))
        self._inside.forget()
        above, _, last = path.rpartition(b"/")
        self._table.folder(above).folders.pop(last, None)

    def _submodule(self, path: bytes) -> None:
        """Give a submodule its place; its files are its own matter."""
        above, _, name = path.rpartition(b"/")
        st = None
        with contextlib.suppress(OSError):
            st = _look(self._inside.folder(above), name)
        if st is not None and not stat.S_ISDIR(st.st_mode):
            fd = self._folder(above)
            _writable(fd, lambda: os.unlink(name, dir_fd=fd))
            _writable(fd, lambda: os.mkdir(name, dir_fd=fd))
        mode, oid = self._wanted.files[path]
        self._table.put(self._table.folder(above), name, (0, -1, 0, 0, mode, oid, False))


def _copy(fd: int, name: bytes, mode: int, size: int, stream: IO[bytes]) -> None:
    """Write a new file in a folder from the next bytes of a stream."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    target = _writable(fd, lambda: os.open(name, flags, 0o777 if mode == PROGRAM else 0o666, dir_fd=fd))
    try:
        while size:
            data = memoryview(stream.read(min(size, _CHUNK)))
            if not data:
                raise StoreError(f"{_CANT}: git ended early", code="snapshot-damaged")
            size -= len(data)
            while data:
                data = data[os.write(target, data) :]
    finally:
        os.close(target)


def _look(fd: int, name: bytes) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=fd, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _writable(fd: int, act: Callable[[], int | None]) -> int:
    """Do something in a folder; one that its owner made read-only is made writable for that long."""
    try:
        return act() or 0
    except PermissionError:
        mode = stat.S_IMODE(os.fstat(fd).st_mode)
        if mode & 0o300 == 0o300:
            raise
    os.fchmod(fd, mode | 0o300)
    try:
        return act() or 0
    finally:
        os.fchmod(fd, mode)
