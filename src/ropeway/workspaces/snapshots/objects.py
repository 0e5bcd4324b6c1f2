"""Writing git's objects and refs: loose objects, as git's own documentation of the format describes them (gitformat-loose, gitrepository-layout).

An object appears under its name complete or not at all: it is written to a temporary file beside it (named as git names them, so that ``git gc`` clears away
what a crash leaves) and renamed. One that is there already is *freshened*: its time is set to now, so that a ``git gc`` in the same repository does not take it
for garbage before a ref points to it.
"""

from __future__ import annotations

import contextlib
import os
import time
import zlib
from typing import TYPE_CHECKING, Any

from ropeway.errors import StoreError
from ropeway.workspaces import hashes
from ropeway.workspaces.programs import git
from ropeway.workspaces.snapshots.failures import failure

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType
    from typing import Self

_CHUNK = 1 << 20  # bytes read at once from a file that is too large to be read whole
_LITTLE = 256 * 1024  # bytes that are hashed without OpenSSL
_LOCK_PATIENCE = 5.0  # seconds; git holds the lock of a ref for milliseconds, so what is older was left by a crash
_TRIES = 20  # to make a folder that a `git gc` or `git pack-refs` removes again because it is empty


def _settings(git_dir: str) -> dict[str, str]:
    """Return the ``extensions`` section of a repository's configuration, keys and values in lower case."""
    found: dict[str, str] = {}
    try:
        with open(os.path.join(git_dir, "config"), encoding="utf-8", errors="replace") as file:
            text = file.read()
    except FileNotFoundError:
        return found
    except OSError as error:
        raise failure("the repository's configuration can't be read", os.path.join(git_dir, "config"), error) from error
    section = ""
    for line in text.splitlines():
        words = line.strip()
        if words.startswith("["):
            section, _, words = words[1:].partition("]")
        key, _, value = words.partition("=")
        if section.strip().lower() == "extensions":
            found[key.strip().lower()] = value.strip().strip('"').lower()
    return found


class ObjectStore:
    """The objects and refs of one git directory.

    Args:
        git_dir: Absolute path of the (common) git directory.
    """

    def __init__(self, git_dir: str, *, sync: bool = False) -> None:
        self.git_dir = git_dir
        self.sync = sync
        self.folder = os.path.join(git_dir, "objects")
        self._objects = os.fsencode(self.folder)
        settings = _settings(git_dir)
        self.format = settings.get("objectformat", "sha1")
        self._files = settings.get("refstorage", "files") == "files"
        if self.format not in ("sha1", "sha256"):
            raise StoreError(
                f"the repository {git_dir} has objects of the kind {self.format}, which is not known here", code="snapshot-failed"
            )
        self._new: Callable[..., Any] = hashes.sha256 if self.format == "sha256" else hashes.sha1
        self._left = _LITTLE
        self.size = 32 if self.format == "sha256" else 20

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Do nothing: what was written is there."""

    # -- objects ------------------------------------------------------------------------------------------------------------------------

    def hash(self, kind: bytes, data: bytes) -> bytes:
        """Return the id that an object has, as raw bytes, without writing it."""
        digest = self._digest(kind, len(data))
        digest.update(data)
        raw: bytes = digest.digest()
        return raw

    def _digest(self, kind: bytes, size: int) -> Any:
        """Begin the hash of an object. Once there is much to hash, OpenSSL's quicker way is worth being loaded."""
        if self._left >= 0:
            self._left -= size
            if self._left < 0:
                import hashlib

                self._new = hashlib.sha256 if self.format == "sha256" else hashlib.sha1
        return self._new(b"%s %d\0" % (kind, size), usedforsecurity=False)

    def hash_stream(self, source: int, size: int) -> bytes | None:
        """Return the id that a blob of ``size`` bytes from a descriptor has; None when the file ends before. OSError from reading passes through."""
        digest = self._digest(b"blob", size)
        while size:
            data = os.read(source, min(size, _CHUNK))
            if not data:
                return None
            size -= len(data)
            digest.update(data)
        raw: bytes = digest.digest()
        return raw

    def write(self, kind: bytes, data: bytes, known: bytes = b"") -> bytes:
        """Write an object unless it is there, and return its id as raw bytes; ``known`` is an id that is known to be there.

        Raises:
            StoreError: It can't be written (the disk is full, the repository read-only).
        """
        oid = self.hash(kind, data)
        if oid == known or self._freshen(oid):
            return oid
        packer = zlib.compressobj(1)
        head = packer.compress(b"%s %d\0" % (kind, len(data)))
        self._put(oid, head + packer.compress(data) + packer.flush())
        return oid

    def write_stream(self, source: int, size: int, known: bytes = b"") -> bytes | None:
        """Write a blob of ``size`` bytes from a descriptor without ever holding it whole; None when the file ends before.

        Raises:
            StoreError: It can't be written. OSError from reading passes through.
        """
        digest = self._digest(b"blob", size)
        packer = zlib.compressobj(1)
        path = b"%s/tmp_obj_%s" % (self._objects, os.urandom(8).hex().encode())
        target = self._create(path)
        try:
            self._append(target, packer.compress(b"blob %d\0" % size), path)
            left = size
            while left:
                data = os.read(source, min(left, _CHUNK))
                if not data:
                    return None
                left -= len(data)
                digest.update(data)
                self._append(target, packer.compress(data), path)
            self._append(target, packer.flush(), path)
            oid: bytes = digest.digest()
            if oid != known and not self._freshen(oid):
                self._name(path, oid)
            return oid
        finally:
            os.close(target)
            with contextlib.suppress(OSError):
                os.unlink(path)

    def commit(self, tree: str, parents: Sequence[str], message: str) -> str:
        """Write a commit object and return its id in hex."""
        who = f"ropeway <ropeway@localhost> {int(time.time())} +0000"
        lines = [
            f"tree {tree}",
            *(f"parent {parent}" for parent in parents),
            f"author {who}",
            f"committer {who}",
            "",
            message.replace("\0", ""),
        ]
        return self.write(b"commit", ("\n".join(lines).rstrip("\n") + "\n").encode("utf-8", "backslashreplace")).hex()

    def _path(self, oid: bytes) -> bytes:
        name = oid.hex().encode()
        return b"%s/%s/%s" % (self._objects, name[:2], name[2:])

    def _freshen(self, oid: bytes) -> bool:
        """Whether the object is there as a loose one; if so, it is made young."""
        try:
            os.utime(self._path(oid))
        except PermissionError:  # another person's, in a shared repository
            return os.path.exists(self._path(oid))
        except OSError:
            return False
        return True

    def _put(self, oid: bytes, data: bytes) -> None:
        path = b"%s/tmp_obj_%s" % (self._objects, os.urandom(8).hex().encode())
        target = self._create(path)
        try:
            try:
                self._append(target, data, path)
            finally:
                os.close(target)
            self._name(path, oid)
        except StoreError:
            with contextlib.suppress(OSError):
                os.unlink(path)
            raise

    def _create(self, path: bytes) -> int:
        try:
            return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o444)
        except OSError as error:
            raise failure("a snapshot can't be saved", self._objects, error) from error

    def _append(self, target: int, data: bytes, path: bytes) -> None:
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(target, view) :]
        except OSError as error:
            raise failure("a snapshot can't be saved", os.path.dirname(path), error) from error

    def _name(self, path: bytes, oid: bytes) -> None:
        """Give a complete object its name."""
        final = self._path(oid)
        for left in reversed(range(_TRIES)):
            try:
                if self.sync and left == _TRIES - 1:
                    synced(path)
                os.rename(path, final)
                if self.sync:
                    synced(os.path.dirname(final))
            except OSError as error:
                if not left or not isinstance(error, FileNotFoundError):
                    raise failure("a snapshot can't be saved", final, error) from error
                self._fan_out(os.path.dirname(final))
            else:
                return

    def _fan_out(self, folder: bytes) -> None:
        """Make a folder for objects that begin alike, as open to others as the one it is in (shared repositories)."""
        try:
            os.mkdir(folder)
            mode = os.stat(self._objects).st_mode & 0o7777
            if mode & 0o020:
                os.chmod(folder, mode)
        except FileExistsError:
            pass
        except OSError as error:
            raise failure("a snapshot can't be saved", folder, error) from error

    # -- refs ---------------------------------------------------------------------------------------------------------------------------

    def set_ref(self, name: str, commit: str) -> None:
        """Let a ref (a full name) point to a commit, whatever it pointed to.

        Raises:
            StoreError: It can't be written.
        """
        if not self._files:
            git("update-ref", "--no-deref", name, commit, git_dir=self.git_dir)
            return
        path = os.path.join(self.git_dir, name)
        lock = path + ".lock"
        try:
            target = self._lock(lock)
            try:
                os.write(target, f"{commit}\n".encode())
            except OSError:
                os.unlink(lock)
                raise
            finally:
                os.close(target)
            if os.path.isdir(path):  # an empty folder that a deleted longer name left
                with contextlib.suppress(OSError):
                    os.rmdir(path)
            if self.sync:
                synced(lock)
            os.rename(lock, path)
            if self.sync:
                synced(os.path.dirname(path))
        except OSError as error:
            with contextlib.suppress(OSError):
                os.unlink(lock)
            raise error if isinstance(error, StoreError) else failure("a snapshot's ref can't be written", path, error) from error

    def _lock(self, lock: str) -> int:
        """Create the lock file of a ref as git does; its folder may vanish meanwhile (``git pack-refs``)."""
        until = time.monotonic() + _LOCK_PATIENCE
        gone = 0
        while True:
            try:
                return os.open(lock, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
            except FileNotFoundError:
                gone += 1
                if gone > _TRIES:
                    raise
                os.makedirs(os.path.dirname(lock), exist_ok=True)
            except FileExistsError:
                if time.monotonic() > until:  # the name is ours alone, and whoever held the lock is long dead
                    with contextlib.suppress(OSError):
                        os.unlink(lock)
                    until = time.monotonic() + _LOCK_PATIENCE
                time.sleep(0.005)

    def ref(self, name: str) -> str | None:
        """Return what a ref points to, None when there is none."""
        try:
            with open(os.path.join(self.git_dir, name), encoding="ascii") as file:
                return file.read().strip()
        except OSError:
            found = git("for-each-ref", "--format=%(objectname) %(refname)", name, git_dir=self.git_dir).decode(errors="replace")
            return next((line.split(" ")[0] for line in found.splitlines() if line.split(" ")[1:] == [name]), None)


def synced(path: str | bytes) -> None:
    """Wait until a file, or the names in a folder, would survive a power cut.

    Raises:
        OSError: The disk can't say so.
    """
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
