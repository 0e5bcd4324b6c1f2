"""Repositories inside a working copy: submodules that are checked out, and others. No snapshot holds what was done in them.

They are asked by git itself: what a repository holds beyond its remotes, and which files differ, depends on refs, rules and filters of its own.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ropeway.workspaces.alike import same_entry
from ropeway.workspaces.programs import ProgramFailed, git
from ropeway.workspaces.refs import checked_out

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ropeway.workspaces.snapshots import Snapshots

_STATUS = ("status", "-z", "--porcelain=v1", "--untracked-files=all", "--no-renames", "--ignore-submodules=none")


def worked_in(snapshots: Snapshots, copy: str, home: str, git_dir: str, origin: str) -> list[str]:
    """Return the repositories inside a working copy that hold what is nowhere else: commits on no remote, or files that are not committed.

    Args:
        snapshots: Those of the working copy: they know which repositories there are.
        copy: The working copy.
        home: The person's own; what is in the repository at the same place there is not lost.
        git_dir: Where the snapshots are.
        origin: The snapshot that the run began with: which commits submodules were to be on.
    """
    modules = [name for name in snapshots.modules if os.path.lexists(os.path.join(copy, name, ".git"))]
    known = [git("rev-parse", "-q", "--verify", f"{origin}:{name}", git_dir=git_dir, ok=(0, 1, 128)).decode().strip() for name in modules]
    commits = [commit for commit in known if commit]
    names = (*snapshots.nested, *modules)
    return sorted(name for name in names if _has_work(os.path.join(copy, name), os.path.join(home, name), commits))


def _has_work(path: str, home: str, known: list[str]) -> bool:
    if not os.path.lexists(os.path.join(path, ".git")):
        return os.path.isdir(os.path.join(path, ".jj")) and not os.path.isdir(os.path.join(home, ".jj"))
    try:
        return _has_commits(path, home, known) or _has_files(path, home)
    except ProgramFailed:  # damaged, or the copy of a submodule whose repository is elsewhere
        return any(not same_entry(here, os.path.join(os.fsencode(home), os.path.relpath(here, os.fsencode(path)))) for here in _files(path))


def _files(path: str) -> Iterator[bytes]:
    """Yield every file and link below a folder."""
    for above, folders, files in os.walk(os.fsencode(path)):
        yield from (os.path.join(above, name) for name in files)
        yield from (one for one in (os.path.join(above, name) for name in folders) if os.path.islink(one))


def _has_commits(path: str, home: str, known: list[str]) -> bool:
    """Whether a branch, a tag, the stash or HEAD has a commit that no remote has, nor the repository at home."""
    elsewhere = list(known)
    if os.path.lexists(os.path.join(home, ".git")):
        elsewhere += git("for-each-ref", "--format=%(objectname)", cwd=home).decode().split()
        elsewhere += filter(None, [checked_out(home)])
    head = checked_out(path)
    asked = (
        "rev-list",
        "--max-count=1",
        "--ignore-missing",
        "--stdin",
        "--all",
        "--reflog",
        *([head] if head else []),
        "--not",
        "--remotes",
    )
    return bool(git(*asked, cwd=path, stdin="".join(f"^{commit}\n" for commit in elsewhere).encode()).strip())


def _has_files(path: str, home: str) -> bool:
    """Whether a file differs from what is committed, and from the one at home."""
    changed = [entry[3:] for entry in git(*_STATUS, cwd=path).split(b"\0") if entry]
    return any(not same_entry(os.path.join(os.fsencode(path), name), os.path.join(os.fsencode(home), name)) for name in changed)
