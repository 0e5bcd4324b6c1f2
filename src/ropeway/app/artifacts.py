"""Fetching the artifacts of a run."""

from __future__ import annotations

import hashlib
import os
import shutil
from typing import TYPE_CHECKING, Any

from ropeway.errors import NotFound, Refused, StoreError
from ropeway.lang.hints import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ropeway.runs.folder import RunFolder
    from ropeway.runs.state import RunState

__all__ = ["get"]


def get(folder: RunFolder, state: RunState, output: Path, *, name: str | None = None, force: bool = False) -> list[dict[str, Any]]:
    """Copy the artifacts of a run into a folder, with the paths that they had.

    Args:
        folder: The run.
        state: Its state, which lists the artifacts.
        output: Where they go.
        name: Only the artifact of this name.
        force: Overwrite what exists.

    Returns:
        For each file its ``artifact.collected`` data and ``file``, the path that was written.

    Raises:
        NotFound: There is no artifact, or none of that name.
        Refused: A file exists, or what is kept is not what was recorded; nothing was written over.
        StoreError: It can not be read or written.
    """
    names = dict.fromkeys(str(a["name"]) for a in state.artifacts)
    wanted = [a for a in state.artifacts if name is None or a["name"] == name]
    if not wanted:
        hint = did_you_mean(name or "", names) or (
            f"it has {', '.join(names)}" if names else "a workflow names what to keep under [artifacts]"
        )
        what = f"no artifact {name!r}" if name is not None else "no artifacts"
        raise NotFound(f"run {state.run} has {what}", hint=hint, code="artifact-not-found")
    for entry in wanted:
        target = output / str(entry["path"])
        if target.exists() and not force:
            raise Refused(
                f"{target} exists and is not overwritten", hint="name another folder with --output, or use --force", code="exists"
            )
    return [_copy(folder, entry, output) for entry in wanted]


def _copy(folder: RunFolder, entry: Mapping[str, Any], output: Path) -> dict[str, Any]:
    source = folder.artifacts / str(entry["name"]) / str(entry["path"])
    target = output / str(entry["path"])
    try:
        with source.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != entry["sha256"]:
            raise Refused(
                f"{entry['path']} of run {folder.id} changed since it was kept", hint="its recorded digest is other", code="digest"
            )
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}.{os.getpid()}")
        shutil.copy2(source, part)
        part.replace(target)
    except OSError as error:
        if isinstance(error, Refused):
            raise
        raise StoreError(f"can't copy {entry['path']}: {error.strerror}", code="artifact") from error
    return {**entry, "file": str(target)}


def _check(source: Path, entry: Mapping[str, Any], folder: RunFolder) -> None:
    with source.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != entry["sha256"]:
        hint = f"{source} was written to; the digest that the run recorded is {entry['sha256']}"
        raise Refused(f"{entry['path']} of run {folder.id} changed since it was kept", hint=hint, code="digest")
