"""Cleaning up after what was removed from the store, or was never finished: for ``workflow gc``."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from ropeway.registry.cache.files import remove_tree
from ropeway.registry.cache.pins import read_back
from ropeway.registry.cache.staging import clear_staging

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ropeway.registry.cache.store import Store

__all__ = ["sweep", "trees"]

_LEFT: Final = 86_400.0
"""Seconds after which a blob that nobody went on pulling is given up, and a file that somebody began to write."""


def trees(store: Store) -> Iterator[tuple[Path, float]]:
    """Yield the trees of a store, with when each was used last (seconds since 1970)."""
    with suppress(FileNotFoundError, NotADirectoryError):
        for path in sorted((store.root / "trees/sha256").iterdir()):
            with suppress(OSError):
                yield path, path.lstat().st_mtime


def sweep(store: Store, now: float) -> None:
    """Remove what killed processes left, damaged trees, blobs that nobody went on pulling, and pins and links that lead nowhere.

    Others may fetch meanwhile: only what they do not need is touched. What can't be removed stays until the next time.
    """
    with suppress(OSError):
        clear_staging(store.root / "staging")
    for path in _files(store.root / "damaged"):
        with suppress(OSError):
            remove_tree(str(path))
    for folder in _files(store.root / "blobs"):
        for path in _files(folder):
            _give_up(path, now)
    for path in _files(store.root / "pins"):
        if path.name.startswith("."):  # somebody is writing it, or was killed meanwhile
            _give_up(path, now)
            continue
        kept = read_back(path)
        if kept is None or not store.root.joinpath("trees", *kept[1].split(":")).is_dir():
            with suppress(OSError):
                path.unlink()
    for top in (store.cache / "registries", store.cache.parent / "workflows"):
        if not top.is_symlink():
            _unlink(top, f"{store.root}/trees/")


def _give_up(path: Path, now: float) -> None:
    with suppress(OSError):
        if now - path.lstat().st_mtime >= _LEFT:
            path.unlink()


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _unlink(top: Path, ours: str) -> None:
    """Remove the links below a folder that lead to trees that are gone, and the folders that are empty then. Other people's links stay."""
    for folder, names, files in os.walk(top, topdown=False):
        for name in (*names, *files):
            path = os.path.join(folder, name)  # noqa: PTH118 - strings of os.walk
            with suppress(OSError):
                if os.readlink(path).startswith(ours) and not os.path.exists(path):  # noqa: PTH110, PTH115 - as above
                    os.unlink(path)  # noqa: PTH108 - as above
        if folder != str(top):
            with suppress(OSError):
                os.rmdir(folder)  # noqa: PTH106 - as above; fails unless it is empty
