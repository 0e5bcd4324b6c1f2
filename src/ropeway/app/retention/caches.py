"""Copies of tools, whatever else was cached, and what was thrown into a trash and is still there."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ropeway.app.retention.deciding import DAY, Thing
from ropeway.app.retention.space import usage
from ropeway.errors import StoreError
from ropeway.settings import cache_dir, config_dir, state_dir
from ropeway.workspaces import places
from ropeway.workspaces.files import remove_tree
from ropeway.workspaces.layers import forget, holds, layered

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TOOLS = "tools"
TRASH = ".trash"
_OWN = frozenset({TOOLS, TRASH, "test-tools", "store", "registries"})
"""Folders below the cache that are not caches of plain entries: copies of tools, the trash and what was fetched (with the links to it) have rules of
their own, and what tests use is not ours to judge."""
_MOMENT = 60.0
"""Seconds for which what was fetched is certainly in use: a run copies what it needs when it begins."""


def tools(environ: Mapping[str, str], used: Mapping[str, str], now: float) -> Iterator[Thing]:
    """Yield the copies of tools; ``used`` says for a version which working copy uses it."""
    for entry in _entries(cache_dir(environ) / TOOLS):
        if not entry.name.startswith("."):
            held = f"working copy {used[entry.name]} uses it" if entry.name in used else _link(entry)
            yield Thing("tools", entry.name, entry.path, _unused(entry, now), held=held)


def caches(environ: Mapping[str, str], now: float) -> Iterator[Thing]:
    """Yield what was cached: what copies of layers share, and each entry of a folder below the cache, unless that is also the place of something else of ours."""
    for path, used, held in layered(environ):
        yield Thing("cache", f"layers/{Path(path).name}", path, now - used, freed_by(path), held=held)
    yield from _fetched(environ, now)
    top = cache_dir(environ)
    elsewhere = [os.path.realpath(path) for path in (state_dir(environ), config_dir(environ), places.workspaces_root(environ))]
    if any(_within(os.path.realpath(top), path) for path in elsewhere):
        return
    for folder in _entries(top):
        real = os.path.realpath(folder.path)
        if folder.name in _OWN or folder.is_symlink() or any(_within(path, real) or _within(real, path) for path in elsewhere):
            continue
        for entry in _entries(Path(folder.path)) if folder.is_dir(follow_symlinks=False) else [folder]:
            if not entry.name.startswith("."):  # locks and what is being written
                name = os.path.relpath(entry.path, top)
                yield Thing("cache", name, entry.path, _unused(entry, now), freed_by(entry.path), held=_link(entry))


def _fetched(environ: Mapping[str, str], now: float) -> Iterator[Thing]:
    """Yield the trees of workflows from elsewhere. Each is noted as used whenever one is opened."""
    if not (cache_dir(environ) / "store").is_dir():
        return
    from ropeway.registry.cache.store import Store
    from ropeway.registry.cache.sweeping import trees

    for path, used in trees(Store(cache_dir(environ))):
        held = "it was used a moment ago" if now - used < _MOMENT else ""
        yield Thing("cache", f"store/{path.name[:16]}", str(path), now - used, freed_by(str(path)), held=held)


def sweep_store(environ: Mapping[str, str], now: float) -> None:
    """Remove what is left of what was fetched and is gone, or was never whole: links and pins that lead nowhere, half-written files."""
    if (cache_dir(environ) / "store").is_dir():
        from ropeway.registry.cache.store import Store
        from ropeway.registry.cache.sweeping import sweep

        sweep(Store(cache_dir(environ)), now)


def _within(path: str, folder: str) -> bool:
    """Whether a path is a folder or below it."""
    return os.path.commonpath((path, folder)) == folder


def trash(environ: Mapping[str, str], now: float) -> Iterator[Thing]:
    """Yield what is in the trash of the cache and of the workspaces root, and what a crash left half written among the copies of tools."""
    cache = cache_dir(environ)
    for folder in (cache / TRASH, Path(places.workspaces_root(environ), TRASH)):
        for entry in _entries(folder) if not folder.is_symlink() else []:
            yield Thing("trash", entry.name, entry.path, _unused(entry, now))
    for version in _entries(cache / TOOLS):
        inner = [version] if version.name.startswith(".") else _entries(Path(version.path))
        for entry in inner:
            if entry.name.startswith(".") and _unused(entry, now) >= DAY:
                yield Thing("trash", entry.name, entry.path, _unused(entry, now))


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return []


def _unused(entry: os.DirEntry[str], now: float) -> float:
    """Return how long ago something was written or, where the file system notes that, read."""
    try:
        found = entry.stat(follow_symlinks=False)
    except OSError:
        return 0.0
    return now - max(found.st_mtime, 0.0 if entry.is_dir(follow_symlinks=False) else found.st_atime)


def _link(entry: os.DirEntry[str]) -> str:
    return "it is a link" if entry.is_symlink() else ""


def freed_by(path: str) -> int:
    """Return the bytes that removing this gives back."""
    from ropeway.app.retention.space import freed

    return freed([usage(path)])


def discard(environ: Mapping[str, str], thing: Thing, now: float) -> bool:
    """Remove a copy of tools or something cached if nobody has used it since; False when it is gone already.

    Raises:
        StoreError: It was used meanwhile, or can't be removed.
    """
    path = Path(thing.path)
    top = cache_dir(environ)
    if holds(environ, thing.path):
        return forget(environ, thing.path, now - thing.age)
    if not _within(os.path.realpath(path.parent), os.path.realpath(top)):
        raise StoreError("a link leads out of the cache", code="gc-outside")
    found = next((entry for entry in _entries(path.parent) if entry.name == path.name), None)
    if found is None:
        return False
    if _unused(found, now) < thing.age - 1:
        raise StoreError("somebody has used it meanwhile", code="gc-changed")
    folder = top / TRASH
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    if folder.is_symlink():
        raise StoreError(f"{folder} is a link, so nothing is moved there", hint="remove it", code="gc-trash")
    target = folder / os.urandom(8).hex()
    try:
        if path.is_dir() and not os.access(path, os.W_OK):
            path.chmod(0o700)  # a folder that changes its parent has to be writable itself
        path.rename(target)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise StoreError(f"{path} can't be removed: {error.strerror}", hint="check who owns it", code="gc-remove") from error
    remove_tree(str(target))
    return True
