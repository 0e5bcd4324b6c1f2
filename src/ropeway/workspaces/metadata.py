"""What is noted in a working copy about itself: ``.agent-tools/.agent-workflow.json``.

The file is shared with a shell tool that Ropeway takes the place of: either may write it. It is one JSON object, indented by 2, with a newline at its end.
:data:`KEYS` are those that both know, in the order in which they are written; every other key is kept. Times are local, with their offset, to the second.
"""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any, Final

from ropeway.errors import NotFound, Refused, StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER: Final = ".agent-tools"
NAME: Final = ".agent-workflow.json"
IGNORE: Final = "*\n"
"""What ``.agent-tools/.gitignore`` holds: nothing in that folder belongs to the repository."""

KEYS: Final = (
    "workspace_id",
    "repo_root",
    "workspace_path",
    "status",
    "direnv_allowed",
    "command",
    "created_at",
    "updated_at",
    "workflow",
    "base_change",
    "tools_source",
    "tools_copy",
    "tools_version",
)
STATUSES: Final = ("running", "done", "error", "idle")

_MOST = 16 * 2**20  # bytes; what is larger is none of ours


def folder_of(workspace: str) -> str:
    """Return the folder of tools and metadata in a working copy."""
    return os.path.join(workspace, FOLDER)


def path_of(workspace: str) -> str:
    """Return the metadata file of a working copy."""
    return os.path.join(workspace, FOLDER, NAME)


def now() -> str:
    """Return the local time with its offset: ``2026-01-31T12:00:00+01:00``."""
    moment = time.localtime()
    offset = time.strftime("%z", moment)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', moment)}{offset[:3]}:{offset[3:5]}"


def read(workspace: str) -> dict[str, Any]:
    """Return what is noted in a working copy.

    Raises:
        NotFound: Nothing is.
        StoreError: The file is damaged, or can't be read.
        Refused: It is a link to somewhere else.
    """
    path = path_of(workspace)
    _check_folder(workspace)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        with open(descriptor, "rb") as file:
            raw = file.read(_MOST + 1)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFound(
            f"{workspace} has no metadata", hint="`workflow workspace list` shows those that have", code="no-metadata"
        ) from error
    except OSError as error:
        if os.path.islink(path):
            raise Refused(f"{path} is a link", hint="remove the link; it is made anew", code="workspace-link") from error
        raise StoreError(f"{path} can't be read: {error.strerror}", code="workspace-metadata") from error
    return _parsed(path, raw)


def _parsed(path: str, raw: bytes) -> dict[str, Any]:
    hint = "repair the file or delete it; nothing else in the workspace was touched"
    if len(raw) > _MOST:
        raise StoreError(f"{path} is damaged: it is larger than {_MOST >> 20} MiB", hint=hint, code="workspace-metadata")
    try:
        found = json.loads(raw.decode())
    except (ValueError, RecursionError) as error:
        raise StoreError(f"{path} is damaged: {_what(error)}", hint=hint, code="workspace-metadata") from error
    if not isinstance(found, dict):
        raise StoreError(f"{path} is damaged: it holds no object", hint=hint, code="workspace-metadata")
    return found


def _what(error: ValueError | RecursionError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} in line {error.lineno}"
    return "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else "it is nested too deeply or holds a number out of bounds"


def write(workspace: str, data: Mapping[str, Any]) -> None:
    """Put the file there in one step: whoever reads sees the old one or the new one.

    Raises:
        StoreError: It can't be written.
        Refused: The folder is a link to somewhere else.
    """
    make_folder(workspace)
    put(path_of(workspace), (json.dumps(ordered(data), indent=2) + "\n").encode())


def update(workspace: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Change some keys of a file that is there, keep all others, and return the whole.

    Raises:
        NotFound, StoreError, Refused: As :func:`read` and :func:`write` say; a damaged file is left as it is.
    """
    data = {**read(workspace), **changes, "updated_at": now()}
    write(workspace, data)
    return data


def ordered(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the same keys, those that are known first."""
    return {key: data[key] for key in KEYS if key in data} | dict(data)


def make_folder(workspace: str) -> str:
    """Make the folder of tools and metadata, hidden from git and jj, and return its path.

    Raises:
        Refused: It is a link: what is written to it would land somewhere else.
        StoreError: It can't be made.
    """
    folder = _check_folder(workspace)
    try:
        os.makedirs(folder, exist_ok=True)
        if not os.path.lexists(os.path.join(folder, ".gitignore")):
            put(os.path.join(folder, ".gitignore"), IGNORE.encode())
    except OSError as error:
        if isinstance(error, StoreError):
            raise
        raise StoreError(f"{folder} can't be made: {error.strerror}", code="workspace-metadata") from error
    return folder


def _check_folder(workspace: str) -> str:
    """Return the folder of tools and metadata, unless a link leads there: a command may have put one in the place of its own folder."""
    folder = folder_of(workspace)
    if os.path.islink(workspace):
        hint = "what is in its place is not ours to write to; `workflow workspace clean --force` removes the link"
        raise Refused(f"the workspace {workspace} is a link to {os.readlink(workspace)}", hint=hint, code="workspace-link")
    if os.path.islink(folder):
        hint = "Ropeway keeps its notes there; give the link in the repository another name"
        raise Refused(f"{folder} is a link to {os.readlink(folder)}", hint=hint, code="workspace-link")
    return folder


def put(path: str, content: bytes) -> None:
    """Write a file in one step, whatever was there.

    Raises:
        StoreError: It can't be written.
    """
    beside = f"{path}.{os.getpid()}.{os.urandom(4).hex()}"
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        try:
            with open(descriptor, "wb") as file:
                file.write(content)
            os.replace(beside, path)
        except BaseException:
            os.unlink(beside)
            raise
    except OSError as error:
        raise StoreError(f"{path} can't be written: {error.strerror}", code="workspace-metadata") from error
