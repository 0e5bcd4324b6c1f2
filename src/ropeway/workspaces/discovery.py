"""Finding the repository that somebody stands in: by looking at a few files, without a process."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal

from ropeway.records import record

if TYPE_CHECKING:
    from collections.abc import Iterator


@record
class Repository:
    """A repository and the working copy of it that somebody stands in.

    ``root`` is the top folder of that working copy, with symbolic links resolved. ``git_dir`` is the absolute path of the git directory whose objects and refs
    are used: of a linked git worktree, the one that all share; of a jj repository, its git store. The kind ``none`` stands for a folder outside of any
    repository; its ``git_dir`` is empty, and :func:`discover` never returns it.
    """

    kind: Literal["jj", "git", "none"]
    root: str
    git_dir: str


def discover(cwd: str | os.PathLike[str]) -> Repository | None:
    """Return the nearest repository above ``cwd``, itself included; None in no repository and in a bare one.

    Where one folder is a jj workspace and a git working copy, jj wins if there is a jj program. A damaged repository counts: git says best what is wrong.
    """
    for folder in _upwards(cwd):
        if _is_git_dir(folder):
            return None
        git_dir = _git_dir(folder)
        store = _jj_store(folder)
        if store is not None and (git_dir is None or installed("jj")):
            return Repository("jj", folder, store)
        if git_dir is not None:
            return None if _says_bare(folder) else Repository("git", folder, git_dir)
    return None


def git_view(repository: Repository) -> Repository | None:
    """Return the same working copy as git sees it; None when git has no working copy there."""
    git_dir = _git_dir(repository.root)
    return None if git_dir is None else Repository("git", repository.root, git_dir)


def bare(cwd: str | os.PathLike[str]) -> str | None:
    """Return the bare repository (or git directory) that ``cwd`` is in; None when it is in none, or in a working copy."""
    for folder in _upwards(cwd):
        if _is_git_dir(folder):
            return folder
        if _git_dir(folder) is not None:
            return os.path.join(folder, ".git") if _says_bare(folder) else None
    return None


def installed(program: str) -> bool:
    """Whether a program is on the PATH."""
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return any(os.access(os.path.join(folder or ".", program), os.X_OK) for folder in folders)


def own_git_dir(top: str) -> str | None:
    """Return the git directory that belongs to a working copy alone; of a linked worktree, its folder in ``worktrees/``. None when there is none."""
    dot_git = os.path.join(top, ".git")
    if os.path.isdir(dot_git):
        return dot_git if any(os.path.exists(os.path.join(dot_git, name)) for name in ("HEAD", "objects")) else None
    text = _line(dot_git)
    if text is None or not text.startswith("gitdir: "):
        return None
    return os.path.normpath(os.path.join(top, text.removeprefix("gitdir: ")))


def _upwards(cwd: str | os.PathLike[str]) -> Iterator[str]:
    folder = os.path.realpath(cwd)
    while True:
        yield folder
        above = os.path.dirname(folder)
        if above == folder:
            return
        folder = above


def _git_dir(folder: str) -> str | None:
    """Return the git directory that the working copies of a repository share, given the top folder of one."""
    own = own_git_dir(folder)
    if own is None:
        return None
    common = _line(os.path.join(own, "commondir"))
    return os.path.realpath(own if common is None else os.path.join(own, common))


def _jj_store(folder: str) -> str | None:
    """Return the git store of a jj workspace (its ``.jj/repo`` is a folder, or a file that names the main workspace's)."""
    repo = os.path.join(folder, ".jj", "repo")
    if not os.path.isdir(repo):
        named = _line(repo)
        if named is None:
            return None
        repo = os.path.join(folder, ".jj", named)
    store = os.path.join(repo, "store")
    target = _line(os.path.join(store, "git_target"))
    if target is None:
        return None
    found = os.path.realpath(os.path.join(store, target))
    return found if _is_git_dir(found) else _git_dir(os.path.dirname(found))


def _is_git_dir(folder: str) -> bool:
    return all(os.path.exists(os.path.join(folder, name)) for name in ("HEAD", "objects", "refs"))


def _says_bare(folder: str) -> bool:
    """Whether the ``.git`` of a folder is there for linked worktrees alone: its configuration says bare, so nothing is checked out beside it."""
    try:
        with open(os.path.join(folder, ".git", "config"), "rb") as file:
            text = file.read(64 * 1024)
    except OSError:  # `.git` is a file: what is checked out here is a worktree or a submodule
        return False
    return any(line.replace(b" ", b"").strip().lower() == b"bare=true" for line in text.splitlines())


def _line(path: str) -> str | None:
    """Return what a small file of one line holds; None when it can't be read."""
    try:
        with open(path, "rb") as file:
            return os.fsdecode(file.read(16 * 1024)).rstrip("\r\n") or None
    except OSError:
        return None
