"""Whose workspaces are meant by somebody who stands in a folder, and what made them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ropeway.errors import NotFound, RopewayError
from ropeway.workspaces import metadata, places

if TYPE_CHECKING:
    from collections.abc import Mapping


def home_of(cwd: str, environ: Mapping[str, str]) -> str:
    """Return the folder whose workspaces are meant: ``cwd``, or the root of the repository that it is a working copy of.

    The metadata of the working copy says which that is; else its variables do, for those who stand in it.

    Raises:
        NotFound: That repository is gone.
    """
    here, root = os.path.realpath(cwd), os.path.realpath(places.workspaces_root(environ))
    parts = os.path.relpath(here, root).split(os.sep)
    home = None
    if parts[0] not in (".", "..") and len(parts) > 1:
        home = _noted_root(os.path.join(root, *parts[:2]))
    own = environ.get("AGENT_WORKSPACE_PATH")
    if home is None and own and (here + os.sep).startswith(os.path.realpath(own) + os.sep):
        home = environ.get("AGENT_WORKSPACE_REPO_ROOT")
    if home is None:
        return cwd
    if not os.path.isdir(home):
        hint = "go to another folder; this one can be deleted"
        raise NotFound(f"the repository {home}, which this is a working copy of, is gone", hint=hint, code="repository-gone")
    return home


def _noted_root(workspace: str) -> str | None:
    try:
        root = metadata.read(workspace).get("repo_root")
    except RopewayError:
        return None
    return root if isinstance(root, str) and os.path.isabs(root) else None


def copied(folder: str, environ: Mapping[str, str]) -> str | None:
    """Return the nearest folder above, itself included, that plain copies were made of."""
    folder = os.path.realpath(folder)
    while not os.path.isdir(places.namespace_path(environ, folder)):
        above = os.path.dirname(folder)
        if above == folder:
            return None
        folder = above
    return folder


def made_by(path: str) -> str | None:
    """Return the name of the backend that made a workspace; None when there is none. The shell tool does not note it."""
    if not os.path.isdir(path):
        return None
    try:
        noted = metadata.read(path).get("backend")
    except RopewayError:
        noted = None
    if isinstance(noted, str) and noted:
        return noted
    return next((name for name in ("jj", "git") if os.path.lexists(os.path.join(path, f".{name}"))), "plain")


def says_running(path: str) -> bool:
    """Whether a workspace's metadata says that a command runs in it."""
    try:
        return metadata.read(path).get("status") == "running"
    except RopewayError:
        return False
