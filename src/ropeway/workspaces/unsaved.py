"""What would be lost if a working copy went now."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Final

from ropeway.errors import NotFound, Refused
from ropeway.workspaces import metadata
from ropeway.workspaces.programs import git, jj
from ropeway.workspaces.snapshots.objects import ObjectStore

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_STATUS: Final = ("status", "-z", "--porcelain=v1", "--untracked-files=all", "--no-renames", "--ignore-submodules=none")
_CHUNK: Final = 1 << 20
_NAMED: Final = 3  # paths that a message names


def check_saved(id: str, path: str, home: str, git_dir: str | None, why: str = "") -> None:  # noqa: A002 - the word that people use
    """Make sure that nothing is lost when a working copy goes.

    Raises:
        Refused: Something would be; the message begins with ``why``.
        ProgramFailed: git or jj can't say.
    """
    try:
        known = metadata.read(path)
    except NotFound:
        known = {}
    lost = unsaved(path, home, git_dir, known)
    if lost:
        more = f" and {len(lost) - _NAMED} more" if len(lost) > _NAMED else ""
        named = f"{why}the workspace {id} holds what is saved nowhere else: {', '.join(lost[:_NAMED])}{more}"
        hint = f"it is in {path}; `workflow workspace clean {id} --force` removes it all the same"
        raise Refused(named, hint=hint, code="workspace-unsaved")


def unsaved(path: str, home: str, git_dir: str | None, known: Mapping[str, object]) -> list[str]:
    """Return what a working copy holds that is nowhere else: changed paths, and the commit it is on.

    A path counts as saved when the person's own folder has the same there (a copy begins with their uncommitted files), or the latest snapshot of its run.
    Ignored files do not count.

    Args:
        path: The working copy.
        home: The person's own folder.
        git_dir: The object store of snapshots.
        known: The metadata of the working copy, as far as there is any.

    Raises:
        ProgramFailed: git or jj can't say.
    """
    if os.path.lexists(os.path.join(path, ".jj")):
        changed = jj("diff", "--name-only", cwd=path).split(b"\n")
        commits: list[str] = []  # jj keeps them and shows them in its log
    elif os.path.lexists(os.path.join(path, ".git")):
        changed = [entry[3:] for entry in git(*_STATUS, cwd=path).split(b"\0")]
        commits = _loose_commit(path, home, str(known.get("base_commit") or ""))
    else:
        changed, commits = list(_files(os.fsencode(path))), []
    copy, other = os.fsencode(path), os.fsencode(home)
    lost = [name for name in changed if name and not name.startswith(b".agent-tools/") and not _same(copy, other, name)]
    if lost and git_dir and known.get("run"):
        lost = _not_in_snapshot(copy, lost, git_dir, str(known["run"]))
    return commits + [name.decode("utf-8", "backslashreplace") for name in sorted(lost)]


def _loose_commit(path: str, home: str, base: str) -> list[str]:
    """Return the commit that a worktree is on, if only the worktree keeps it from being collected."""
    head = git("rev-parse", "-q", "--verify", "HEAD^{commit}", cwd=path, ok=(0, 1)).decode().strip()
    if not head or head == base:
        return []
    here = git("rev-parse", "-q", "--verify", "HEAD^{commit}", cwd=home, ok=(0, 1)).decode().strip()
    if head == here or git("for-each-ref", "--count=1", f"--contains={head}", cwd=path).strip():
        return []
    return [f"commit {head[:12]}, which is on no branch"]


def _files(top: bytes) -> Iterator[bytes]:
    """Yield the files and links below a folder."""
    pending = [top]
    while pending:
        with os.scandir(pending.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    pending.append(entry.path)
                else:
                    yield os.path.relpath(entry.path, top)


def _same(copy: bytes, home: bytes, name: bytes) -> bool:
    """Whether both folders have the same at a path: content, what may be executed, or nothing at all."""
    one, two = _look(os.path.join(copy, name)), _look(os.path.join(home, name))
    if one is None or two is None:
        return one is two
    if stat.S_IFMT(one.st_mode) != stat.S_IFMT(two.st_mode) or bool(one.st_mode & 0o100) != bool(two.st_mode & 0o100):
        return False
    if stat.S_ISLNK(one.st_mode):
        return os.readlink(os.path.join(copy, name)) == os.readlink(os.path.join(home, name))
    return stat.S_ISREG(one.st_mode) and one.st_size == two.st_size and _same_content(os.path.join(copy, name), os.path.join(home, name))


def _look(path: bytes) -> os.stat_result | None:
    try:
        return os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _same_content(one: bytes, two: bytes) -> bool:
    try:
        with open(one, "rb") as first, open(two, "rb") as second:
            while chunk := first.read(_CHUNK):
                if chunk != second.read(_CHUNK):
                    return False
    except OSError:
        return False
    return True


def _not_in_snapshot(copy: bytes, names: list[bytes], git_dir: str, run: str) -> list[bytes]:
    """Return those paths that the run's latest snapshot has otherwise, or not at all."""
    prefix = f"refs/ropeway/{run}/"
    labels = [ref.removeprefix(prefix) for ref in git("for-each-ref", "--format=%(refname)", prefix, git_dir=git_dir).decode().split()]
    numbers = sorted(int(label) for label in labels if label.isdecimal())
    if not numbers:
        return names
    saved: dict[bytes, tuple[int, bytes]] = {}
    for row in git("ls-tree", "-r", "-z", "--full-tree", f"{prefix}{numbers[-1]}", git_dir=git_dir).split(b"\0")[:-1]:
        head, _, path = row.partition(b"\t")
        mode, _, oid = head.split(b" ")
        saved[path] = (int(mode, 8), bytes.fromhex(oid.decode()))
    with ObjectStore(git_dir) as store:
        return [name for name in names if saved.get(name) != _as_saved(os.path.join(copy, name), store)]


def _as_saved(path: bytes, store: ObjectStore) -> tuple[int, bytes] | None:
    """Return mode and id of what is at a path, as a snapshot would have them."""
    found = _look(path)
    if found is None:
        return None
    if stat.S_ISLNK(found.st_mode):
        return stat.S_IFLNK, store.hash(b"blob", os.readlink(path))
    if not stat.S_ISREG(found.st_mode):
        return -1, b""
    with open(path, "rb") as file:
        return stat.S_IFREG | (0o755 if found.st_mode & 0o100 else 0o644), store.hash(b"blob", file.read())
