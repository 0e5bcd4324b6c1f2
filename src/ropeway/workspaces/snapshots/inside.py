"""Reaching files of a working copy without ever leaving it.

A step may replace a folder by a symbolic link to anywhere. So no path is handed to the system whole: every folder on the way is opened by name in the one above,
and one that is not a real folder is refused.
"""

from __future__ import annotations

import os
import stat
import time
from typing import TYPE_CHECKING

from ropeway.errors import StoreError
from ropeway.workspaces.hashes import sha256
from ropeway.workspaces.snapshots.failures import failure
from ropeway.workspaces.snapshots.names import refused
from ropeway.workspaces.snapshots.table import LINK, Entry, entry_of, git_mode, join

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from ropeway.workspaces.snapshots.objects import ObjectStore
    from ropeway.workspaces.snapshots.table import RulesFile

RULES = b".gitignore"
"""The name of a file with ignore rules."""

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_LARGE = 64 << 20  # bytes; what is larger is streamed
_CHUNK = 1 << 20
_SHORT = 256  # bytes of rules that are kept as they are
_TRIES = 4
_UNREADABLE = "make it readable (chmod u+r), remove it, or have a .gitignore name it"


class Inside:
    """The folders of a working copy, opened one in another; the last one opened stays open for the next question."""

    def __init__(self, root: bytes) -> None:
        self.root = root
        self._path: bytes | None = None
        self._fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.forget()

    def forget(self) -> None:
        """Close what is open: a folder was moved or removed."""
        if self._fd >= 0:
            os.close(self._fd)
        self._path, self._fd = None, -1

    def folder(self, path: bytes) -> int:
        """Return a descriptor of a folder, valid until the next call.

        Raises:
            OSError: It is not there, or it or one above it is no real folder.
        """
        if path == self._path:
            return self._fd
        self.forget()
        fd = os.open(self.root, FOLDER)
        for name in path.split(b"/") if path else ():
            try:
                below = os.open(name, FOLDER, dir_fd=fd)
            finally:
                os.close(fd)
            fd = below
        self._path, self._fd = path, fd
        return fd


def signature(st: os.stat_result) -> tuple[int, int, int, int]:
    """Return what changes when a file does."""
    return (st.st_ino, st.st_size, st.st_mtime_ns, st.st_ctime_ns)


def rules_in(fd: int, known: RulesFile | None) -> RulesFile | None:
    """Return what ``.gitignore`` a folder has, its text or a digest of a long one; it is read unless it looks as the ``known`` one did. None without one."""
    now = time.time_ns()
    try:
        st = os.stat(RULES, dir_fd=fd, follow_symlinks=False)
    except OSError:
        return None
    if known is not None and known[:4] == signature(st):
        return known
    try:
        file = os.open(RULES, _FILE, dir_fd=fd)
    except OSError:  # git does not follow a link either
        return (*entry_of(st, now, 0, b"", base=False)[:4], b"")
    try:
        text = os.read(file, _CHUNK)
    except OSError:
        text = b""
    finally:
        os.close(file)
    return (*entry_of(st, now, 0, b"", base=False)[:4], text if len(text) <= _SHORT else sha256(text).digest())


def read(inside: Inside, folder: bytes, name: bytes, store: ObjectStore, known: bytes, *, base: bool) -> Entry | None:
    """Save what a file holds and return its entry; None when it is gone or has become something that is not saved.

    A file that changes while it is read is read again a few times; then what was read is taken, with a signature that is not believed.

    Args:
        inside: The working copy.
        folder: The path of its folder.
        name: Its name.
        store: Where to write it.
        known: The id of an object that is known to be in the store.
        base: Goes into the entry.

    Raises:
        StoreError: It can't be read, or not be saved.
    """
    for left in reversed(range(_TRIES)):
        now = time.time_ns()
        try:
            fd = inside.folder(folder)
            st = os.stat(name, dir_fd=fd, follow_symlinks=False)
            mode = git_mode(st.st_mode)
            if mode is None or (mode == LINK and refused(name, link=True)):
                return None
            if mode == LINK:
                target = os.readlink(name, dir_fd=fd)
                if signature(os.stat(name, dir_fd=fd, follow_symlinks=False)) != signature(st) and left:
                    continue
                return entry_of(st, now, mode, store.write(b"blob", target, known), base=base)
            file = os.open(name, _FILE, dir_fd=fd)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except StoreError:
            raise
        except OSError as error:
            if left and stat.S_ISLNK(_kind(inside, folder, name)):
                continue
            raise failure("a file can't be read", join(folder, name), error, _UNREADABLE) from error
        try:
            st = os.fstat(file)
            mode = git_mode(st.st_mode)
            oid = _content(file, st, store, known, last=not left) if mode is not None else None
            same = signature(os.fstat(file)) == signature(st)
        except StoreError:
            raise
        except OSError as error:
            raise failure("a file can't be read", join(folder, name), error) from error
        finally:
            os.close(file)
        if mode is None:
            return None
        if oid is None or not (same or left == 0):
            continue
        return entry_of(st, now if same else 0, mode, oid, base=base)
    return None


def _kind(inside: Inside, folder: bytes, name: bytes) -> int:
    try:
        return os.stat(name, dir_fd=inside.folder(folder), follow_symlinks=False).st_mode
    except OSError:
        return 0


def _content(file: int, st: os.stat_result, store: ObjectStore, known: bytes, *, last: bool) -> bytes | None:
    """Write the content of an open file, as far as the size that it had; None when a large one got shorter meanwhile, and it is worth another try."""
    if st.st_size > _LARGE:
        if not last:
            return store.write_stream(file, st.st_size, known)
        import tempfile

        with tempfile.TemporaryFile(dir=store.folder) as copy:  # whatever it goes on doing
            size = 0
            while size < st.st_size and (part := os.read(file, min(_CHUNK, st.st_size - size))):
                size += copy.write(part)
            copy.seek(0)
            return store.write_stream(copy.fileno(), size, known)
    parts = []
    left = st.st_size
    while left and (part := os.read(file, left)):
        parts.append(part)
        left -= len(part)
    return store.write(b"blob", b"".join(parts), known)


def same_content(inside: Inside, folder: bytes, name: bytes, store: ObjectStore, wanted: tuple[int, bytes]) -> os.stat_result | None:
    """Return what ``lstat`` says of a file if it has the wanted mode and content, None otherwise (or when that can't be told)."""
    mode, oid = wanted
    try:
        fd = inside.folder(folder)
        st = os.stat(name, dir_fd=fd, follow_symlinks=False)
        if git_mode(st.st_mode) != mode:
            return None
        if mode == LINK:
            return st if store.hash(b"blob", os.readlink(name, dir_fd=fd)) == oid else None
        file = os.open(name, _FILE, dir_fd=fd)
    except OSError:
        return None
    try:
        same = store.hash_stream(file, st.st_size) == oid and signature(os.fstat(file)) == signature(st)
    except OSError:
        return None
    finally:
        os.close(file)
    return st if same else None
