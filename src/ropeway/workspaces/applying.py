"""Changing a person's files to what was merged, all of them or none, without losing what they have there."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
from typing import TYPE_CHECKING, Literal, TypeAlias

from ropeway.errors import StoreError
from ropeway.records import record
from ropeway.workspaces.merging import merge_contents
from ropeway.workspaces.snapshots.table import FILE, LINK, PROGRAM, git_mode

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Changes", "Version", "decide", "in_the_way", "look", "write"]


@record
class Version:
    """A file: git's mode, and its content (a link's target)."""

    mode: int
    data: bytes


Changes: TypeAlias = "Mapping[bytes, tuple[Version | None, Version | None]]"
"""For each path what is there and what is to be there; None is no file."""


def decide(base: Version | None, theirs: Version | None, ours: Version | None) -> tuple[bool, Version | None]:
    """Return whether a file can be merged, and what it then is; None is a file that is not there.

    Args:
        base: What the run began with.
        theirs: What the run ended with.
        ours: What the person has.
    """
    if ours == base:
        return True, theirs
    if theirs in (ours, base):
        return True, ours
    if base is None or theirs is None or ours is None:
        return False, None
    if not all(version.mode in (FILE, PROGRAM) for version in (base, theirs, ours)):
        return False, None
    mode = theirs.mode if ours.mode == base.mode else ours.mode
    if ours.data == base.data or theirs.data in (ours.data, base.data):
        return True, Version(mode, theirs.data if ours.data == base.data else ours.data)
    data = merge_contents(ours.data, base.data, theirs.data)
    return (False, None) if data is None else (True, Version(mode, data))


def look(root: bytes, path: bytes) -> Version | Literal["folder", "other"] | None:
    """Return what the person has at a path; nothing that is behind a link counts as theirs."""
    target = os.path.join(root, path)
    parts = path.split(b"/")
    for depth in range(1, len(parts)):
        try:
            above = os.lstat(os.path.join(root, *parts[:depth]))
        except FileNotFoundError:
            return None
        if not stat.S_ISDIR(above.st_mode):
            return None  # what stands there decides, see in_the_way
    try:
        found = os.lstat(target)
        if stat.S_ISDIR(found.st_mode):
            return "folder"
        mode = git_mode(found.st_mode)
        if mode is None:
            return "other"
        if mode == LINK:
            return Version(mode, os.readlink(target))
        with open(target, "rb") as file:
            return Version(mode, file.read())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"can't read {os.fsdecode(target)}: {error.strerror}", code="apply") from error


def in_the_way(root: bytes, changes: Changes) -> set[bytes]:
    """Return the files that can't be written: something stays above them that is no folder, or in the folder that they replace."""
    going = {path for path, (_, wanted) in changes.items() if wanted is None}
    found = set()
    for path, (_, wanted) in changes.items():
        if wanted is None:
            continue
        parts = path.split(b"/")
        for depth in range(1, len(parts)):
            way = b"/".join(parts[:depth])
            target = os.path.join(root, way)
            if os.path.lexists(target) and (os.path.islink(target) or not os.path.isdir(target)) and way not in going:
                found.add(path)
        target = os.path.join(root, path)
        if os.path.isdir(target) and not os.path.islink(target) and not _all_go(root, path, going):
            found.add(path)
    return found


def _all_go(root: bytes, folder: bytes, going: set[bytes]) -> bool:
    """Whether everything in a folder is going to be deleted."""
    for above, folders, files in os.walk(os.path.join(root, folder)):
        links = [name for name in folders if os.path.islink(os.path.join(above, name))]
        if any(os.path.relpath(os.path.join(above, name), root) not in going for name in (*files, *links)):
            return False
    return True


def write(root: str, changes: Changes) -> None:
    """Make every file as it is to be.

    Raises:
        StoreError: It can't be done; everything is as it was.
    """
    _Writing(os.fsencode(root), changes).run()


class _Writing:
    """Changes files such that all are as wanted in the end, or all as before.

    New contents are written beside first, and what they replace is moved aside; both in a folder of ours at the top, so that a rename is enough.
    """

    def __init__(self, root: bytes, changes: Changes) -> None:
        self._root = root
        self._changes = changes
        self._undo: list[tuple[bytes, bytes]] = []  # from, to
        self._made: list[bytes] = []

    def run(self) -> None:
        """Do it."""
        try:
            aside = os.fsencode(tempfile.mkdtemp(prefix=".ropeway-apply-", dir=os.fsdecode(self._root)))
        except OSError as error:
            raise StoreError(f"can't write to {os.fsdecode(self._root)}: {error.strerror}", code="apply") from error
        try:
            fresh = self._prepare(aside)
            self._swap(aside, fresh)
        except OSError as error:
            self._go_back(aside)
            if isinstance(error, StoreError):
                raise
            where = os.fsdecode(error.filename or self._root)
            raise StoreError(f"can't change {where}: {error.strerror}; nothing was changed", code="apply") from error
        except BaseException:
            self._go_back(aside)
            raise
        shutil.rmtree(aside, ignore_errors=True)

    def _prepare(self, aside: bytes) -> dict[bytes, bytes]:
        fresh: dict[bytes, bytes] = {}
        for number, (path, (before, wanted)) in enumerate(self._changes.items()):
            if wanted is None:
                continue
            new = fresh[path] = os.path.join(aside, b"new-%d" % number)
            if wanted.mode == LINK:
                os.symlink(wanted.data, new)
                continue
            with open(
                os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o777 if wanted.mode == PROGRAM else 0o666), "wb"
            ) as file:
                file.write(wanted.data)
            if before is not None and before.mode == wanted.mode:  # keep bits that git does not know of
                os.chmod(new, stat.S_IMODE(os.lstat(os.path.join(self._root, path)).st_mode))
        return fresh

    def _swap(self, aside: bytes, fresh: Mapping[bytes, bytes]) -> None:
        for number, (path, (before, _)) in enumerate(sorted(self._changes.items(), key=lambda one: one[1][1] is not None)):
            target, old = os.path.join(self._root, path), os.path.join(aside, b"old-%d" % number)
            if look(self._root, path) != before and not (before is None and path in fresh and os.path.isdir(target)):
                raise StoreError(f"{os.fsdecode(target)} changed at this moment; nothing was changed", hint="try again", code="apply")
            if before is not None:
                os.rename(target, old)
                self._undo.append((old, target))
            if path in fresh:
                if before is None:
                    self._clear(target)
                self._folders(os.path.dirname(target))
                os.rename(fresh[path], target)
                self._undo.append((target, fresh[path]))
            else:
                self._prune(os.path.dirname(target))

    def _clear(self, folder: bytes) -> None:
        """Remove a folder that has only empty folders in it by now."""
        if os.path.isdir(folder) and not os.path.islink(folder):
            for above, _, _ in os.walk(folder, topdown=False):
                os.rmdir(above)

    def _folders(self, folder: bytes) -> None:
        missing = []
        while not os.path.lexists(folder):
            missing.append(folder)
            folder = os.path.dirname(folder)
        for one in reversed(missing):
            os.mkdir(one)
            self._made.append(one)

    def _prune(self, folder: bytes) -> None:
        """Remove folders that a deletion left empty, as git does."""
        with contextlib.suppress(OSError):
            while folder != self._root:
                os.rmdir(folder)
                folder = os.path.dirname(folder)

    def _go_back(self, aside: bytes) -> None:
        """Have everything as it was.

        Raises:
            StoreError: A file of the person's can't be moved back to its place. It stays aside.
        """
        stuck: list[tuple[bytes, bytes, OSError]] = []
        for source, target in reversed(self._undo):
            try:
                os.makedirs(os.path.dirname(target), exist_ok=True)
                os.rename(source, target)
            except OSError as error:
                stuck.append((source, target, error))
        for folder in reversed(self._made):
            with contextlib.suppress(OSError):
                os.rmdir(folder)
        lost = [one for one in stuck if os.path.dirname(one[0]) == aside]
        if not lost:
            shutil.rmtree(aside, ignore_errors=True)
            return
        source, target, why = lost[-1]
        more = f" (and {len(lost) - 1} more)" if len(lost) > 1 else ""
        raise StoreError(
            f"{os.fsdecode(target)} could not be changed, and not be put back either: {why.strerror}",
            hint=f"it is kept as {os.fsdecode(source)}{more}: move it back yourself",
            code="apply",
        ) from why
