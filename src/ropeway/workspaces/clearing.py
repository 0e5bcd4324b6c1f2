"""Removing the lock files of working copies that are gone."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from ropeway.errors import StoreError
from ropeway.workspaces import lockfiles
from ropeway.workspaces.places import workspaces_root

if TYPE_CHECKING:
    from collections.abc import Mapping


def clear_locks(environ: Mapping[str, str]) -> None:
    """Remove the lock files of working copies that are gone, but for those that somebody holds or may not remove."""
    root = workspaces_root(environ)
    locks = os.path.join(root, ".locks")
    for space in sorted(_names(locks), key=lambda name: name.endswith(".lock")):  # a namespace's own lock when its folder may be gone
        folder = os.path.join(locks, space)
        if space.endswith(".lock") and not os.path.isdir(folder):
            copies = os.path.join(root, space.removesuffix(".lock"))
            if not os.path.exists(folder.removesuffix(".lock")) and not _names(copies):
                lockfiles.remove(folder)
        for id in {os.path.splitext(name)[0] for name in _names(folder)}:  # noqa: A001 - the word that people use
            _clear(os.path.join(folder, id), os.path.join(root, space, id))
        with suppress(OSError):  # it holds the locks of others
            os.rmdir(folder)


def _clear(stem: str, copy: str) -> None:
    """Remove the lock files of one working copy that is gone, while holding its lock."""
    if os.path.lexists(copy):
        return
    with suppress(OSError, StoreError):
        descriptor, taken = lockfiles.locked(f"{stem}.lock", patience=0)
        try:
            if taken and not os.path.lexists(copy) and lockfiles.remove(f"{stem}.making"):
                for kind in ("new", "lock"):
                    with suppress(FileNotFoundError):
                        os.unlink(f"{stem}.{kind}")
        finally:
            os.close(descriptor)


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []
