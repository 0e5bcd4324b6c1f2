"""What belongs to a set of tools, and the store in which identical sets are kept once, for all working copies to share.

::

    ${XDG_CACHE_HOME:-~/.cache}/ropeway/tools/<version>/<seal>/<agents.just, rules, scripts …>

The *version* is the one that the shell tool knows: sha256 over the path and the content of every file. It says nothing about what may be executed, about links
and about empty folders, so the *seal* does: sha256 over all that a set is. Whoever takes a set from the store computes its seal again; one that somebody changed
is made anew. Files in the store are read-only (0444, or 0555 when they may be executed), folders as well (0555).
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from typing import TYPE_CHECKING, Final

from ropeway.errors import NotFound, Refused, StoreError, UsageError
from ropeway.records import record
from ropeway.settings import cache_dir
from ropeway.workspaces.files import copy_entry, remove_tree
from ropeway.workspaces.hashes import sha256

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from hashlib import _Hash

USUAL: Final = ("agents.just", "rules", "scripts")
"""The tools when a policy names none; those that there are."""

_OURS = (".gitignore", ".version", ".agent-workflow.json")
_CHUNK = 1 << 20
_TRIES = 5
_READ_ONLY = 0o555
_READ_ONLY_FILE = {"f": 0o444, "x": 0o555}
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


@record
class Entry:
    """One file (``f``, or ``x`` for one that may be executed), link (``l``) or folder (``d``) of a set.

    ``content`` is the sha256 of a file's content, or where a link leads.
    """

    path: str
    kind: str
    content: str = ""


@record
class Tools:
    """A set of tools as it is at its source. ``names`` are those that are there; ``left_out`` says why others are not part of it."""

    source: str
    names: tuple[str, ...]
    version: str
    seal: str
    entries: tuple[Entry, ...]
    left_out: tuple[str, ...] = ()


# -- finding ----------------------------------------------------------------------------------------------------------------------------


def find(source: str, wanted: Sequence[str] | None) -> Tools:
    """Read a set of tools.

    Args:
        source: The folder that they are in.
        wanted: Their names, all of which must be there; None for :data:`USUAL`, those that are.

    Raises:
        NotFound: Some of those that are wanted are missing; all are named.
        Refused: One that is wanted is a link that leads out of ``source``.
        UsageError: A name leads out of ``source``.
        StoreError: A file can't be read.
    """
    names = list(dict.fromkeys(map(_checked, wanted))) if wanted is not None else list(USUAL)
    there = [name for name in names if os.path.exists(os.path.join(source, name))]
    missing = [name for name in names if name not in there]
    if wanted is not None and missing:
        hint = "policy.workspace.tools names them; AGENT_TOOLS_SOURCE says where they are"
        raise NotFound(f"no such tools in {source}: {', '.join(missing)}", hint=hint, code="tools-not-found")
    outside = {name: where for name in there if (where := _leads_out(source, name)) is not None}
    if wanted is not None and outside:
        name, where = next(iter(outside.items()))
        hint = "put a copy in its place, or set AGENT_TOOLS_SOURCE to a folder that holds the tools"
        raise Refused(f"the tool {name} is a link that leads out of {source}, to {where}", hint=hint, code="tools-outside")
    taken = tuple(name for name in there if name not in outside)
    version = sha256()
    entries: dict[str, Entry] = {}
    for name in taken:
        for entry in _read(source, name, version):
            entries[entry.path] = entry
    left_out = tuple(f"{name} is a link that leads out of {source}, to {where}" for name, where in outside.items())
    ordered = tuple(entries.values())
    return Tools(source, taken, version.hexdigest(), _seal(ordered), ordered, left_out)


def _checked(name: str) -> str:
    parts = name.rstrip("/").split("/")
    if "\0" in name or any(part in ("", ".", "..") for part in parts) or parts[0] in _OURS:
        raise UsageError(f"{name!r} can't be the name of a tool", hint="name a file or folder below the root: scripts", code="tools-name")
    return "/".join(parts)


def _leads_out(source: str, name: str) -> str | None:
    """Return where a tool really is, if that is not in the source."""
    real, top = os.path.realpath(os.path.join(source, name)), os.path.realpath(source)
    return None if os.path.commonpath((real, top)) == top else real


def _read(source: str, name: str, version: _Hash) -> Iterator[Entry]:
    """Yield what a tool consists of, and let the version take in its files in the order of the shell tool: by the parts of their paths."""
    for above in _above(name):
        yield Entry(above, "d")
    try:
        for path, found in _walk(os.path.join(source, name), name):
            yield _entry(os.path.join(source, path), path, found, version)
    except OSError as error:
        hint = "make it readable, or name the tools that are wanted in policy.workspace.tools"
        raise StoreError(
            f"the tool {error.filename or name} can't be read: {error.strerror}", hint=hint, code="tools-unreadable"
        ) from error


def _above(name: str) -> list[str]:
    parts = name.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]


def _walk(top: str, name: str) -> Iterator[tuple[str, os.stat_result]]:
    """Yield the paths below a tool, itself first; a tool that is a link itself counts as what it leads to, links below it are not followed."""
    found = os.stat(top)
    yield name, found
    if not stat.S_ISDIR(found.st_mode):
        return
    pending = [(top, name)]
    below: list[tuple[str, os.stat_result]] = []
    while pending:
        folder, path = pending.pop()
        with os.scandir(folder) as listed:
            for each in listed:
                inner = f"{path}/{each.name}"
                below.append((inner, each.stat(follow_symlinks=False)))
                if each.is_dir(follow_symlinks=False):
                    pending.append((each.path, inner))
    yield from sorted(below, key=lambda one: one[0].split("/"))


def _entry(path: str, name: str, found: os.stat_result, version: _Hash | None) -> Entry:
    """Describe one path; ``version`` takes in a file, and what a link to one leads to."""
    kind = "d" if stat.S_ISDIR(found.st_mode) else "l" if stat.S_ISLNK(found.st_mode) else ""
    if kind == "l":
        if version is not None and os.path.isfile(path):
            _content(path, name, version)
        return Entry(name, "l", os.readlink(path))
    if kind == "d":
        return Entry(name, "d")
    if not stat.S_ISREG(found.st_mode):
        return Entry(name, "")
    return Entry(name, "x" if found.st_mode & 0o111 else "f", _content(path, name, version))


def _content(path: str, name: str, version: _Hash | None) -> str:
    digest = sha256()
    if version is not None:
        version.update(os.fsencode(name) + b"\0")
    with open(path, "rb", buffering=0) as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            if version is not None:
                version.update(chunk)
    return digest.hexdigest()


def _seal(entries: Sequence[Entry]) -> str:
    digest = sha256()
    for entry in sorted(entries, key=lambda entry: entry.path):
        if entry.kind:
            digest.update(os.fsencode(f"{entry.kind} {entry.path}\0{entry.content}\0"))
    return digest.hexdigest()


# -- the store --------------------------------------------------------------------------------------------------------------------------


def store_path(environ: Mapping[str, str]) -> str:
    """Return the folder that holds every set of tools; it need not be there yet."""
    return os.path.join(cache_dir(environ), "tools")


def shared(tools: Tools, environ: Mapping[str, str]) -> str | None:
    """Return the folder of a set in the store, made or made anew as need be; None when the store can't be written to.

    Raises:
        StoreError: The disk is full, or the source goes on changing.
    """
    folder = os.path.join(store_path(environ), tools.version, tools.seal)
    if intact(folder, tools.seal):
        with contextlib.suppress(OSError):
            os.utime(os.path.dirname(folder))  # `workflow gc` goes by when a set was used last
        return folder
    try:
        os.makedirs(store_path(environ), mode=0o700, exist_ok=True)  # not for other people: the source may not be either
        os.makedirs(os.path.dirname(folder), exist_ok=True)
        return _made(tools, folder)
    except OSError as error:
        if isinstance(error, StoreError):
            raise
        if error.errno in _NO_ROOM:
            raise StoreError(f"{folder} can't be made: {error.strerror}", hint="free some space", code="tools-store") from error
        return None


def intact(folder: str, seal: str) -> bool:
    """Whether a set in the store is complete, unchanged and read-only."""
    found = []
    try:
        if os.path.islink(folder):
            return False
        for path, state in _walk(folder, ""):
            if not stat.S_ISLNK(state.st_mode) and state.st_mode & 0o222:
                return False
            if path:
                found.append(_entry(folder + path, path[1:], state, None))
    except OSError:
        return False
    return _seal(found) == seal


def _made(tools: Tools, folder: str) -> str:
    """Copy a set beside its place, check the copy, and move it there; another process may do the same."""
    beside = os.path.join(os.path.dirname(folder), f".{os.getpid()}.{os.urandom(4).hex()}")
    try:
        os.mkdir(beside, 0o700)
        copy(tools, beside, shared=True)
        os.chmod(beside, _READ_ONLY)
        if not intact(beside, tools.seal):
            hint = "try again when it no longer does"
            raise StoreError(f"the tools in {tools.source} change while they are copied", hint=hint, code="tools-changing")
        for _ in range(_TRIES):
            try:
                os.rename(beside, folder)
            except OSError as error:
                if error.errno not in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):
                    raise
            else:
                return folder
            if intact(folder, tools.seal):
                return folder
            _clear(folder)
        raise StoreError(f"{folder} can't be made: another process changes it", hint="try again", code="tools-store")
    finally:
        remove_tree(beside)


def _clear(folder: str) -> None:
    """Take a set that somebody changed out of the way."""
    away = os.path.join(os.path.dirname(folder), f".bad.{os.urandom(4).hex()}")
    try:
        os.rename(folder, away)
    except FileNotFoundError:
        return
    remove_tree(away)


def copy(tools: Tools, target: str, *, shared: bool) -> None:
    """Copy a set into a folder that has none of it; read-only when it is to be shared.

    Raises:
        OSError: It can't be read or written.
    """
    folders = []
    for entry in tools.entries:
        source, path = os.path.join(tools.source, entry.path), os.path.join(target, entry.path)
        if entry.kind == "d":
            os.makedirs(path, exist_ok=True)
            folders.append(path)
        elif entry.kind == "l":
            os.symlink(entry.content, path)
        elif entry.kind:
            copy_entry(os.fsencode(os.path.realpath(source)), os.fsencode(path))
            if shared:
                os.chmod(path, _READ_ONLY_FILE[entry.kind])
    if shared:
        for path in reversed(folders):
            os.chmod(path, _READ_ONLY)
