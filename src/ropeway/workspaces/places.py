"""Where working copies are, and who may use one: folders, locks and the trash below the workspaces root.

::

    ${AI_WORKSPACES_ROOT:-${XDG_CACHE_HOME:-~/.cache}/ai-workspaces}/
    ├── <basename of the repository>-<10 hex of sha256 of its path>/     the namespace of a repository
    │   └── <workspace id>/                                              a working copy
    ├── .locks/<namespace>.lock                                          held while what all its working copies share is changed
    ├── .locks/<namespace>/<workspace id>.lock                           held by whoever uses the working copy
    ├── .locks/<namespace>/<workspace id>.making                         held by whoever makes it; not empty: it was never finished
    └── .trash/<random>                                                  what is being removed

A file below ``.locks`` says nothing by being there: the kernel gives a lock back when its holder ends, however that comes about. Who has taken a lock makes sure
that its file still has its name; so those of working copies that are gone can be removed (:mod:`ropeway.workspaces.clearing`) by who holds them.
"""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ropeway.errors import Busy, Refused, StoreError, UsageError
from ropeway.workspaces.files import remove_tree
from ropeway.workspaces.hashes import sha256
from ropeway.workspaces.lockfiles import locked, make_folder, write

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_ID = re.compile(r"[A-Za-z0-9._-]+\Z")


def workspaces_root(environ: Mapping[str, str]) -> str:
    """Return the folder that holds every working copy; it need not be there yet."""
    chosen = environ.get("AI_WORKSPACES_ROOT")
    if chosen:
        return os.path.abspath(chosen)
    cache = environ.get("XDG_CACHE_HOME") or os.path.join(environ.get("HOME") or os.path.expanduser("~"), ".cache")
    return os.path.join(os.path.abspath(cache), "ai-workspaces")


def namespace(root: str) -> str:
    """Return the name of the folder for the working copies of the repository at ``root``."""
    return f"{os.path.basename(root)}-{sha256(os.fsencode(root)).hexdigest()[:10]}"


def check_id(id: str) -> str:  # noqa: A002 - the word that people use
    """Return the id of a workspace.

    Raises:
        UsageError: It can't be the name of one.
    """
    if not _ID.match(id) or id in (".", ".."):
        hint = "use letters, digits, dots, underscores and hyphens"
        raise UsageError(f"{id!r} can't be the id of a workspace", hint=hint, code="workspace-id")
    return id


def namespace_path(environ: Mapping[str, str], root: str) -> str:
    """Return the folder for the working copies of the repository at ``root``."""
    return os.path.join(workspaces_root(environ), namespace(root))


def workspace_path(environ: Mapping[str, str], root: str, id: str) -> str:  # noqa: A002 - the word that people use
    """Return the folder of one working copy.

    Raises:
        UsageError: The id can't be one.
    """
    return os.path.join(namespace_path(environ, root), check_id(id))


def check_path(environ: Mapping[str, str], root: str, path: str) -> str:
    """Return a working copy's path with the links above it resolved, if it is one of the repository at ``root``.

    Raises:
        Refused: It is somewhere else. Nothing there is ours to remove.
    """
    above, name = os.path.split(os.path.abspath(path))
    above = os.path.realpath(above)
    if above != os.path.realpath(namespace_path(environ, root)) or not _ID.match(name):
        raise Refused(f"{path} is no workspace of {root}", hint=f"they are in {namespace_path(environ, root)}", code="workspace-elsewhere")
    return os.path.join(above, name)


def lock_workspace(environ: Mapping[str, str], root: str, id: str, holder: str) -> int:  # noqa: A002 - the word that people use
    """Take the right to use a workspace, until the returned descriptor is closed or the process ends.

    Args:
        environ: The environment, which says where workspaces are.
        root: The repository's top folder.
        id: The workspace's.
        holder: Who takes it, for the message to others: ``run abc123 (process 4711)``.

    Raises:
        Busy: Somebody else has it; the message names them.
        StoreError: The lock file can't be written.
    """
    descriptor, taken = locked(_lock_path(environ, root, check_id(id), "lock"))
    if not taken:
        owner = os.pread(descriptor, 1000, 0).decode(errors="replace").strip() or "another process"
        os.close(descriptor)
        raise Busy(f"workspace {id} is in use by {owner}", hint="wait for it to end, or take another id", code="workspace-busy")
    try:
        write(descriptor, holder)
    except StoreError:
        os.close(descriptor)
        raise
    return descriptor


@contextmanager
def repository_lock(environ: Mapping[str, str], root: str) -> Iterator[None]:
    """Wait for the right to change what all working copies of a repository share, and hold it for the block. Keep the block short.

    Raises:
        StoreError: The lock file can't be written.
    """
    descriptor, _ = locked(os.path.join(workspaces_root(environ), ".locks", namespace(root) + ".lock"), wait=True)
    try:
        yield
    finally:
        os.close(descriptor)


@contextmanager
def making(environ: Mapping[str, str], root: str, id: str) -> Iterator[bool]:  # noqa: A002 - the word that people use
    """Make a workspace in the block, so that others can tell when that was never finished.

    Gives whether an earlier try ended half way, so that what it left has to be removed first. The mark goes when the block ends without an error, or with one and without a folder. It stays when the process is killed; :func:`unfinished` then tells.

    Raises:
        Busy: Another process makes it right now.
        Refused: It is there.
        StoreError: The mark can't be written.
    """
    path = workspace_path(environ, root, id)
    descriptor, taken = locked(_lock_path(environ, root, id, "making"))
    try:
        if not taken:
            raise Busy(f"workspace {id} is being made by another process", hint="take another id", code="workspace-busy")
        half = os.fstat(descriptor).st_size > 0
        if not half and os.path.lexists(path):
            hint = f"remove it with: workflow workspace clean {id}"
            raise Refused(f"there is a workspace {id} already: {path}", hint=hint, code="workspace-exists")
        write(descriptor, f"process {os.getpid()}")
        done = False
        try:
            yield half
            done = True
        finally:
            if done or not os.path.lexists(path):
                os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


@contextmanager
def half_made(environ: Mapping[str, str], space: str, id: str) -> Iterator[bool]:  # noqa: A002 - the word that people use
    """Hold what was never finished for the block, in which it is removed. Gives whether it is so: nobody is at it, and nobody has finished it meanwhile.

    Args:
        environ: The environment.
        space: The namespace.
        id: The workspace's.

    Raises:
        StoreError: The mark can't be written.
    """
    descriptor, taken = locked(os.path.join(workspaces_root(environ), ".locks", space, f"{check_id(id)}.making"))
    try:
        half = taken and os.fstat(descriptor).st_size > 0
        yield half
        if half:
            os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def unfinished(environ: Mapping[str, str], root: str, id: str) -> bool:  # noqa: A002 - the word that people use
    """Whether what is in the workspace's folder, if anything, was never finished: it must be added again, not used."""
    try:
        return os.stat(_lock_path(environ, root, check_id(id), "making")).st_size > 0
    except OSError:
        return False


def trash(environ: Mapping[str, str], path: str) -> str:
    """Move a folder below the workspaces root out of the way and return where it is now, for :func:`remove_tree`; "" when it is gone already.

    Raises:
        StoreError: It can't be moved.
    """
    folder = make_folder(os.path.join(workspaces_root(environ), ".trash"))
    target = os.path.join(folder, os.urandom(8).hex())
    try:
        _rename(path, target)
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise StoreError(f"{path} can't be removed: {error.strerror}", hint="check who owns it", code="workspace-remove") from error
    return target


def discard(environ: Mapping[str, str], path: str) -> None:
    """Remove a folder below the workspaces root: out of the way at once, then for good. Fine when it is gone already.

    Raises:
        StoreError: It can't be removed.
    """
    if not os.path.lexists(path):
        return
    try:
        moved = trash(environ, path)
    except StoreError:  # on a full disk there is no room for a folder of trash
        moved = path
    if moved:
        remove_tree(moved)


def _rename(path: str, target: str) -> None:
    try:
        os.rename(path, target)
    except PermissionError:  # a folder that changes its parent has to be writable itself
        if os.path.islink(path):
            raise
        os.chmod(path, 0o700)
        os.rename(path, target)


def _lock_path(environ: Mapping[str, str], root: str, id: str, kind: str) -> str:  # noqa: A002 - the word that people use
    return os.path.join(workspaces_root(environ), ".locks", namespace(root), f"{id}.{kind}")
