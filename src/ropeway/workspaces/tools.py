"""The tools in a working copy: ``.agent-tools/`` with ``agents.just``, ``rules`` and ``scripts``, as they were when its commands started.

What stands there are links to a read-only set in the store (:mod:`ropeway.workspaces.toolbox`), or real copies: where there can be no store, and where the shell
tool put them. A set whose ``.version`` is the wanted one is left alone.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from ropeway.errors import StoreError
from ropeway.records import record
from ropeway.workspaces import metadata
from ropeway.workspaces.files import remove_tree
from ropeway.workspaces.toolbox import USUAL, copy, find, shared, store_path

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ropeway.workspaces.toolbox import Tools


@record
class ToolSync:
    """What bringing tools up to date came to.

    ``version`` and ``source`` are as in the metadata; ``copied`` says whether anything had to be done. ``names`` are the tools that are there, and
    ``left_out`` says why others are not.
    """

    version: str
    source: str
    copied: bool
    names: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


def source_of(environ: Mapping[str, str], root: str) -> str:
    """Return the folder that tools come from: ``$AGENT_TOOLS_SOURCE``, or the repository's root."""
    chosen = environ.get("AGENT_TOOLS_SOURCE")
    return os.path.abspath(chosen) if chosen else root


def version_of(workspace: str) -> str:
    """Return the version of the tools in a working copy; "" when there are none."""
    try:
        with open(os.path.join(metadata.folder_of(workspace), ".version"), encoding="utf-8", errors="replace") as file:
            return file.read(1000).strip()
    except OSError:
        return ""


def sync(workspace: str, source: str, names: Sequence[str] | None, environ: Mapping[str, str], *, force: bool = False) -> ToolSync:
    """Make the tools in a working copy those of their source. Metadata, and what else stands beside them, stays.

    Args:
        workspace: The working copy's folder.
        source: Where the tools come from.
        names: Which, all of which must be there; None for the usual ones, those that are.
        environ: Says where the store is.
        force: Whether real copies of the right version are replaced, too.

    Raises:
        NotFound, Refused, UsageError, StoreError: See :func:`ropeway.workspaces.toolbox.find`; nothing was changed then.
    """
    tools = find(source, names)
    folder = metadata.make_folder(workspace)
    same = version_of(workspace) == tools.version and not force
    if same and _real(folder, tools):
        return ToolSync(tools.version, source, copied=False, names=tools.names, left_out=tools.left_out)
    store = shared(tools, environ) if tools.names else None
    if same and store is not None and all(_leads_to(os.path.join(folder, name), os.path.join(store, name)) for name in _tops(tools)):
        return ToolSync(tools.version, source, copied=False, names=tools.names, left_out=tools.left_out)
    try:
        _replace(folder, tools, store, environ)
    except OSError as error:
        if isinstance(error, StoreError):
            raise
        hint = "free some space, or remove the workspace"
        raise StoreError(f"the tools in {folder} can't be written: {error.strerror}", hint=hint, code="tools-unwritable") from error
    return ToolSync(tools.version, source, copied=True, names=tools.names, left_out=tools.left_out)


def _tops(tools: Tools) -> list[str]:
    """Return the names that get a link: not those below another one."""
    return [name for name in tools.names if not any(name.startswith(f"{other}/") for other in tools.names)]


def _real(folder: str, tools: Tools) -> bool:
    """Whether every tool stands there as a copy of its own."""
    paths = [os.path.join(folder, name) for name in tools.names]
    return all(os.path.exists(path) and not os.path.islink(path) for path in paths)


def _leads_to(link: str, target: str) -> bool:
    try:
        return os.readlink(link) == target
    except OSError:
        return False


def _replace(folder: str, tools: Tools, store: str | None, environ: Mapping[str, str]) -> None:
    """Put a set in the place of what is there. ``.version`` is gone meanwhile, so that whoever comes after a crash begins again."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(os.path.join(folder, ".version"))
    for name in _former(folder, tools, store_path(environ)):
        remove_tree(os.path.join(folder, name))
    if store is None:
        copy(tools, folder, shared=False)
    else:
        for name in _tops(tools):
            link = os.path.join(folder, name)
            os.makedirs(os.path.dirname(link), exist_ok=True)
            os.symlink(os.path.join(store, name), link)
    metadata.put(os.path.join(folder, ".gitignore"), metadata.IGNORE.encode())
    metadata.put(os.path.join(folder, ".version"), f"{tools.version}\n".encode())


def _former(folder: str, tools: Tools, store: str) -> list[str]:
    """Return the entries that were tools, or stand in their way."""
    wanted = {*USUAL, *(name.split("/")[0] for name in tools.names)}
    return [
        each.name
        for each in os.scandir(folder)
        if each.name in wanted or (each.is_symlink() and os.readlink(each.path).startswith(store.rstrip("/") + "/"))
    ]
