"""What a person has not committed: read from ``git status``, and put on top of a copy of what they have.

Reading is pure. Writing touches nothing outside of the copy, whatever links there are in it.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Final

from ropeway.records import record
from ropeway.workspaces.files import can_not_write, copy_entry

if TYPE_CHECKING:
    from collections.abc import Iterable

STATUS: Final = (
    "--no-optional-locks",
    "status",
    "--porcelain=v2",
    "-z",
    "--branch",
    "--no-ahead-behind",
    "--untracked-files=all",
    "--ignore-submodules=dirty",
    "--no-renames",
)
"""The arguments of the git call that :func:`parse_status` reads."""

_SUBMODULE = b"160000"
_ABSENT = b"000000"
_SHOWN = 5


@record
class Entry:
    """One path in an index: ``mode`` and ``oid`` as git prints them, ``stage`` 0, or 1 to 3 of a conflict. An ``oid`` of zeros takes the path out."""

    path: bytes
    mode: bytes
    oid: bytes
    stage: int = 0


@record
class Status:
    """How a working copy differs from its commit.

    ``head`` is that commit, empty when there is none yet. ``staged`` are the index entries that differ from it; ``intended`` paths are announced to the index
    without content. ``present`` paths have other content in the folder (or in the index) than in the commit, or are untracked; ``absent`` ones are not in the
    folder. ``modules`` are submodules among them, ``nested`` untracked repositories, with a slash at the end. ``hidden`` are files that git is told not to look
    at, see :func:`ropeway.workspaces.hidden.listed`.
    """

    head: str
    staged: tuple[Entry, ...] = ()
    intended: tuple[bytes, ...] = ()
    present: tuple[bytes, ...] = ()
    absent: tuple[bytes, ...] = ()
    modules: tuple[bytes, ...] = ()
    nested: tuple[bytes, ...] = ()
    hidden: tuple[tuple[bytes, bytes], ...] = ()


def parse_status(output: bytes) -> Status:
    """Read what git prints for :data:`STATUS`. Format: git-status(1), "Porcelain Format Version 2"."""
    head = ""
    staged: list[Entry] = []
    intended: list[bytes] = []
    by_place: dict[str, list[bytes]] = {"present": [], "absent": [], "modules": [], "nested": []}
    for line in output.split(b"\0"):
        match line[:2]:
            case b"1 ":
                _, states, _, _, mode, on_disk, _, oid, path = line.split(b" ", 8)
                if states == b".A":
                    intended.append(path)
                elif states[:1] != b".":
                    staged.append(Entry(path, mode, oid))
            case b"u ":
                fields = line.split(b" ", 10)
                path, on_disk = fields[10], fields[6]
                staged.append(Entry(path, _ABSENT, b"0" * len(fields[7])))
                stages = ((fields[2 + stage], fields[6 + stage], stage) for stage in (1, 2, 3))
                staged.extend(Entry(path, mode, oid, stage) for mode, oid, stage in stages if mode != _ABSENT)
            case b"? ":
                path, on_disk = line[2:], b""
            case _:
                if line.startswith(b"# branch.oid ") and not line.endswith(b"(initial)"):
                    head = line.removeprefix(b"# branch.oid ").decode()
                continue
        by_place[_place(path, on_disk)].append(path)
    present, absent, modules, nested = map(tuple, by_place.values())
    return Status(head, tuple(staged), tuple(intended), present, absent, modules, nested)


def _place(path: bytes, on_disk: bytes) -> str:
    if path.endswith(b"/"):
        return "nested"
    return {_ABSENT: "absent", _SUBMODULE: "modules"}.get(on_disk, "present")


def parse_tree_diff(output: bytes) -> tuple[Entry, ...]:
    """Read what ``git diff-tree -r -z --raw --no-renames A B`` prints: the entries that B has otherwise."""
    parts = output.split(b"\0")
    found = []
    for facts, path in zip(parts[0::2], parts[1::2], strict=False):
        _, mode, _, oid, _ = facts.split(b" ")
        found.append(Entry(path, mode, oid))
    return tuple(found)


def moved(status: Status, since: tuple[Entry, ...]) -> Status:
    """Return the status relative to an earlier commit, given how its commit differs from that one."""
    seen = {*status.present, *status.absent, *status.modules}
    own = {entry.path for entry in status.staged}
    rest = [entry for entry in since if entry.path not in seen]
    return Status(
        status.head,
        (*(entry for entry in since if entry.path not in own), *status.staged),
        status.intended,
        (*status.present, *(entry.path for entry in rest if entry.mode not in (_ABSENT, _SUBMODULE))),
        (*status.absent, *(entry.path for entry in rest if entry.mode == _ABSENT)),
        (*status.modules, *(entry.path for entry in rest if entry.mode == _SUBMODULE)),
        status.nested,
        status.hidden,
    )


def index_info(entries: Iterable[Entry]) -> bytes:
    """Return the input of ``git update-index -z --index-info`` that makes an index hold these entries; what is taken out comes first."""
    lines = [b"%s %s %d\t%s\0" % (entry.mode, entry.oid, entry.stage, entry.path) for entry in entries if entry.mode != _ABSENT]
    gone = [b"0 %s\t%s\0" % (entry.oid, entry.path) for entry in entries if entry.mode == _ABSENT]
    return b"".join(gone + lines)


def put_on_top(home: str, copy: str, status: Status, leave: str = "") -> tuple[tuple[bytes, ...], tuple[str, ...]]:
    """Make the files of a copy of ``status.head`` those of ``home``.

    Args:
        home: The person's working copy.
        copy: Another one, with the files of the commit.
        status: How the person's differs.
        leave: A folder below ``home`` to leave out: where copies are.

    Returns:
        The paths that were written or deleted, and notes about what was left out.

    Raises:
        StoreError: The copy can't be written.
    """
    outside = os.fsencode(os.path.relpath(leave, home)) + b"/" if leave else b"../"
    tree = _Tree(os.fsencode(home), os.fsencode(copy))
    try:
        for path in status.absent:
            tree.delete(path)
        for path in status.modules:
            tree.make_folder(path)
        for path in status.present:
            if not path.startswith(outside):
                tree.replace(path)
    except OSError as error:
        raise can_not_write("your files can't be put into the workspace", error, copy) from error
    nested = [path for path in status.nested if not (path + b"/").startswith(outside)]
    notes = [*_note("not copied, they are repositories of their own", nested), *_note("not copied, they can't be read", tree.unread)]
    return tuple(tree.touched), tuple(notes)


def _note(what: str, paths: list[bytes]) -> list[str]:
    return [f"{what}: {shown(paths)}"] if paths else []


def shown(paths: Iterable[bytes]) -> str:
    """Return the first few paths for a person to read, and how many there are more."""
    every = sorted(os.fsdecode(path).encode(errors="backslashreplace").decode() for path in paths)
    return ", ".join(every[:_SHOWN]) + (f" and {len(every) - _SHOWN} more" if len(every) > _SHOWN else "")


class _Tree:
    """A folder that is made like another one, path by path (relative to both)."""

    def __init__(self, home: bytes, copy: bytes) -> None:
        self.touched: list[bytes] = []
        self.unread: list[bytes] = []
        self._home = home
        self._copy = copy
        self._folders = {b""}
        """Folders of the copy that are known to be there, and no links."""

    def delete(self, path: bytes) -> None:
        """Delete a file, and the folders that it leaves empty."""
        above = os.path.dirname(path)
        self.touched.append(path)
        if not self._inside(above):
            return
        self._clear(path)
        while above:
            try:
                os.rmdir(os.path.join(self._copy, above))
            except OSError:
                return
            self._folders.discard(above)
            above = os.path.dirname(above)

    def replace(self, path: bytes) -> None:
        """Copy a file or link over what there is."""
        self.make_folder(os.path.dirname(path))
        self._clear(path)
        self.touched.append(path)
        source, target = os.path.join(self._home, path), os.path.join(self._copy, path)
        try:
            copy_entry(source, target)
        except PermissionError:
            if os.path.lexists(target) or (stat.S_ISREG(os.lstat(source).st_mode) and os.access(source, os.R_OK)):
                raise
            self.unread.append(path)

    def make_folder(self, path: bytes) -> None:
        """Make a folder and those above it; a link or file in its place goes."""
        for folder in self._unknown(path):
            whole = os.path.join(self._copy, folder)
            try:
                os.mkdir(whole)
            except FileExistsError:
                if not stat.S_ISDIR(os.lstat(whole).st_mode):
                    os.unlink(whole)
                    os.mkdir(whole)
            self._folders.add(folder)

    def _inside(self, path: bytes) -> bool:
        """Whether a folder of the copy is there, without a link on the way to it."""
        for folder in self._unknown(path):
            try:
                found = stat.S_ISDIR(os.lstat(os.path.join(self._copy, folder)).st_mode)
            except FileNotFoundError:
                return False
            if not found:
                return False
            self._folders.add(folder)
        return True

    def _unknown(self, path: bytes) -> list[bytes]:
        """Return a folder and those above it, but for those that are known, the uppermost first."""
        unknown = []
        while path not in self._folders:
            unknown.append(path)
            path = os.path.dirname(path)
        return unknown[::-1]

    def _clear(self, path: bytes) -> None:
        """Take away what is at a path: a file, a link, an empty folder."""
        whole = os.path.join(self._copy, path)
        try:
            os.unlink(whole)
        except FileNotFoundError:
            return
        except (IsADirectoryError, PermissionError):
            os.rmdir(whole)
