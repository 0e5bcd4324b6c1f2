"""Copying and deleting files so that nothing outside of a folder is ever written or deleted, and quickly."""

from __future__ import annotations

import errno
import os
import stat
import time
from fcntl import ioctl

from ropeway.errors import StoreError

_FICLONE = 0x40049409  # <linux/fs.h>: share the blocks of another file
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_CHUNK = 1 << 30
_PATIENCE = 10.0  # seconds that a process may go on writing into what is deleted
_DEEP = 100  # folders below each other that are held open at once
_CAN_NOT_CLONE = (errno.EOPNOTSUPP, errno.EXDEV, errno.EINVAL, errno.ENOTTY, errno.ENOSYS, errno.EPERM, errno.ETXTBSY)
_CAN_NOT_RANGE = (*_CAN_NOT_CLONE, errno.EBADF, errno.EIO)
_LARGE = 64 * 1024  # below this, one read and one write are quicker than asking the file system to share blocks

_no_clones: set[tuple[int, int]] = set()
"""Pairs of devices between which blocks can't be shared."""


# -- deleting ---------------------------------------------------------------------------------------------------------------------------


def remove_tree(path: str) -> None:
    """Delete a folder, file or link with all that is in it; links are not followed. Fine when it is gone, or goes meanwhile.

    Folders that may not be written are made writable first.

    Raises:
        StoreError: Something can't be deleted.
    """
    try:
        try:
            os.unlink(path)
        except (IsADirectoryError, PermissionError):
            _remove_folder(path, None)
    except FileNotFoundError:
        return
    except OSError as error:
        raise StoreError(
            f"{path} can't be removed: {error.strerror}", hint="check who owns what is in it", code="workspace-remove"
        ) from error


def _remove_folder(name: str, parent: int | None) -> None:
    """Delete a folder; ``name`` is relative to the open folder ``parent``, so that nobody can put a link in its way."""
    top = _open_folder(name, parent)
    try:
        removal = _Removal(top)
        while not (removal.empty(top, 0) and removal.remove(name, parent)):
            pass
    finally:
        os.close(top)


class _Removal:
    """Deletes what is in an open folder, in rounds: one is not enough where it goes very deep, or where a process still writes."""

    def __init__(self, top: int) -> None:
        self._top = top
        self._until = time.monotonic() + _PATIENCE

    def empty(self, folder: int, depth: int) -> bool:
        """Delete what is in a folder; False when it needs another round."""
        with os.scandir(folder) as entries:
            found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
        done = True
        for name, is_folder in found:
            try:
                done = self._delete(name, folder, depth, is_folder=is_folder) and done
            except FileNotFoundError:
                continue
            except PermissionError:
                os.fchmod(folder, 0o700)
                done = self._delete(name, folder, depth, is_folder=is_folder) and done
        return done

    def _delete(self, name: str, folder: int, depth: int, *, is_folder: bool) -> bool:
        if not is_folder:
            os.unlink(name, dir_fd=folder)
            return True
        if depth == _DEEP:  # neither our stack nor our descriptors go on for ever
            os.rename(name, os.urandom(8).hex(), src_dir_fd=folder, dst_dir_fd=self._top)
            return False
        inner = _open_folder(name, folder)
        try:
            done = self.empty(inner, depth + 1)
        finally:
            os.close(inner)
        return self.remove(name, folder) and done

    def remove(self, name: str, parent: int | None) -> bool:
        """Delete an empty folder; False when something was put into it meanwhile."""
        try:
            os.rmdir(name, dir_fd=parent)
        except FileNotFoundError:
            return True
        except OSError as error:
            if error.errno != errno.ENOTEMPTY or time.monotonic() > self._until:
                raise
            return False
        return True


def _open_folder(name: str, parent: int | None) -> int:
    try:
        return os.open(name, _FOLDER, dir_fd=parent)
    except PermissionError:
        mode = os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode
        if not stat.S_ISDIR(mode):
            raise
        os.chmod(name, 0o700, dir_fd=parent)
        return os.open(name, _FOLDER, dir_fd=parent)


# -- copying ----------------------------------------------------------------------------------------------------------------------------


def copy_entry(source: bytes, target: bytes, *, times: bool = False) -> bool:
    """Copy a regular file or a symbolic link to a path that does not exist, with its permissions; with ``times``, with its times.

    The blocks of a file are shared where the file system can.

    Returns:
        Whether there is a copy: not of a socket, a pipe or a device, and not of what went meanwhile.

    Raises:
        OSError: It can't be read or written.
    """
    try:
        found = os.lstat(source)
        if stat.S_ISLNK(found.st_mode):
            os.symlink(os.readlink(source), target)
        elif stat.S_ISREG(found.st_mode):
            _copy_file(source, target, times=times)
            return True
        else:
            return False
    except FileNotFoundError:
        if os.path.lexists(source):
            raise
        return False
    if times:
        os.utime(target, ns=(found.st_atime_ns, found.st_mtime_ns), follow_symlinks=False)
    return True


def _copy_file(source: bytes, target: bytes, *, times: bool) -> None:
    # Non-blocking: a pipe that took the file's place would make us wait for ever.
    reading = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        found = os.fstat(reading)
        writing = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            _copy_bytes(reading, writing, found)
            os.fchmod(writing, stat.S_IMODE(found.st_mode) & 0o777)
            if times:
                os.utime(writing, ns=(found.st_atime_ns, found.st_mtime_ns))
        except OSError as error:
            error.filename = error.filename or target
            raise
        finally:
            os.close(writing)
    finally:
        os.close(reading)


def _copy_bytes(reading: int, writing: int, found: os.stat_result) -> None:
    if found.st_size <= _LARGE:
        _through_memory(reading, writing, _LARGE)
        return
    devices = (found.st_dev, os.fstat(writing).st_dev)
    if devices not in _no_clones:
        try:
            ioctl(writing, _FICLONE, reading)
        except OSError as error:
            if error.errno not in _CAN_NOT_CLONE:
                raise
            _no_clones.add(devices)
        else:
            return
    try:
        while os.copy_file_range(reading, writing, _CHUNK):
            pass
    except OSError as error:
        if error.errno not in _CAN_NOT_RANGE:
            raise
        _through_memory(reading, writing, 1 << 20)


def _through_memory(reading: int, writing: int, size: int) -> None:
    while data := os.read(reading, size):
        while data:
            data = data[os.write(writing, data) :]


def copy_folder(source: str, target: str, *, leave: tuple[str, ...] = ()) -> list[bytes]:
    """Copy a folder with its permissions and times; links stay links, and sockets, pipes and devices are left out, as is what goes meanwhile.

    Args:
        source: What to copy, an absolute path without links.
        target: The folder to make.
        leave: Absolute paths to leave out with all that is in them.

    Returns:
        What can't be read, relative to ``source``; it was left out.

    Raises:
        StoreError: The copy can't be written.
    """
    copying = _Copying(os.fsencode(source), {os.fsencode(path) for path in leave})
    try:
        copying.folder(os.fsencode(source), os.fsencode(target))
    except OSError as error:
        raise can_not_write(f"{source} can't be copied", error, target) from error
    return copying.unread


def can_not_write(what: str, error: OSError, target: str) -> StoreError:
    """Return the error for a copy that can't be written: ``what`` could not be done below ``target``."""
    name = f": {os.fsdecode(error.filename)}" if error.filename else ""
    hint = no_room(target) if error.errno in (errno.ENOSPC, errno.EDQUOT) else None
    return StoreError(f"{what}{name}: {error.strerror}", hint=hint, code="workspace-files")


def no_room(folder: str) -> str:
    """Return what to do when a disk seems full."""
    return f"see whether the disk of {folder} is full; AI_WORKSPACES_ROOT can name a folder on another one"


class _Copying:
    """One copy of a folder."""

    def __init__(self, source: bytes, leave: set[bytes]) -> None:
        self.unread: list[bytes] = []
        self._start = len(source.rstrip(b"/")) + 1
        self._leave = leave

    def folder(self, source: bytes, target: bytes) -> None:
        """Copy a folder with all that is in it."""
        todo = [(source, target)]
        made = []
        while todo:
            folder = todo.pop()
            found = self._look(folder[0])
            if found is None:
                continue
            os.mkdir(folder[1], 0o700)
            made.append(folder)
            for name, is_folder in found:
                inner = os.path.join(folder[0], name), os.path.join(folder[1], name)
                if inner[0] in self._leave:
                    continue
                if is_folder:
                    todo.append(inner)
                else:
                    self._file(*inner)
        for folder in reversed(made):  # inner ones first: to write in a folder changes its time
            self._finish(*folder)

    def _look(self, folder: bytes) -> list[tuple[bytes, bool]] | None:
        try:
            with os.scandir(folder) as entries:
                return [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
        except FileNotFoundError:
            return None
        except PermissionError:
            self.unread.append(folder[self._start :] + b"/")
            return None

    def _file(self, source: bytes, target: bytes) -> None:
        try:
            copy_entry(source, target, times=True)
        except PermissionError:
            if os.access(source, os.R_OK):
                raise
            self.unread.append(source[self._start :])

    def _finish(self, source: bytes, target: bytes) -> None:
        try:
            found = os.stat(source, follow_symlinks=False)
        except FileNotFoundError:
            return
        os.chmod(target, stat.S_IMODE(found.st_mode) & 0o777 | 0o700)
        os.utime(target, ns=(found.st_atime_ns, found.st_mtime_ns))
