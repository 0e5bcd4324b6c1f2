"""What a git repository knows of its linked worktrees: small files in ``worktrees/``, as gitrepository-layout(5) describes them."""

from __future__ import annotations

import os

from ropeway.errors import StoreError
from ropeway.workspaces.files import remove_tree


def registered(git_dir: str) -> list[tuple[str, str]]:
    """Return the worktrees of a repository: the folder of each in ``git_dir``, and where it is (or was) checked out.

    Raises:
        StoreError: The list can't be read.
    """
    above = os.path.join(git_dir, "worktrees")
    try:
        names = os.listdir(above)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StoreError(f"{above} can't be read: {error.strerror}", code="vcs-failed") from error
    folders = [os.path.join(above, name) for name in names]
    return [(folder, place) for folder in folders if (place := _place(folder)) is not None]


def registered_at(git_dir: str, path: str) -> list[str]:
    """Return the folders in ``git_dir`` for what is checked out at ``path``: one, or none."""
    likely = os.path.join(git_dir, "worktrees", os.path.basename(path))
    if _place(likely) == path:
        return [likely]
    return [folder for folder, place in registered(git_dir) if place == path]


def locked(folder: str) -> bool:
    """Whether a person has locked a worktree (``git worktree lock``); git's own lock while it adds one does not count."""
    try:
        with open(os.path.join(folder, "locked"), "rb") as file:
            return file.read().strip() != b"initializing"
    except FileNotFoundError:
        return False


def forget_stale(git_dir: str, name: str, *, half: bool = False) -> None:
    """Free a name that a worktree had whose folder is gone; else git calls the next one otherwise. One that is locked is kept.

    One that says nowhere is what was left when its removal was cut off; while git makes one, it is marked. With ``half``, such a marked one is freed as
    well: nobody else is about to make it.
    """
    folder = os.path.join(git_dir, "worktrees", name)
    place = _place(folder)
    if locked(folder):
        return
    if place is None:
        gone = half or not os.path.lexists(os.path.join(folder, "locked"))
    else:
        gone = not os.path.lexists(os.path.join(place, ".git"))
    if gone:
        remove_tree(folder)


def _place(folder: str) -> str | None:
    """Return where a registered worktree is checked out; None when its folder does not say."""
    try:
        with open(os.path.join(folder, "gitdir"), "rb") as file:
            dot_git = os.fsdecode(file.read().removesuffix(b"\n"))
    except OSError:
        return None
    above, name = os.path.split(os.path.dirname(os.path.join(folder, dot_git)))
    return os.path.join(os.path.realpath(above), name)
