"""The artifacts of a run: fetching them, and letting go of those whose time is over."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from typing import TYPE_CHECKING, Any

from ropeway.errors import Busy, NotFound, Refused, StoreError
from ropeway.lang.hints import did_you_mean
from ropeway.runs.events import seconds
from ropeway.runs.state import UNFINISHED

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ropeway.runs.folder import RunFolder
    from ropeway.runs.state import RunState

__all__ = ["expire", "get", "listed", "remove", "with_retention"]


def expire(folder: RunFolder, state: RunState) -> None:
    """Remove the kept files of artifacts whose ``retention`` has passed since the run ended, and mark them ``expired`` in its state.

    Nothing watches the clock: whoever looks at a run does this first. An unfinished run keeps everything, and so does one that is being carried out again.
    """
    if state.state in UNFINISHED or state.finished_at is None:
        return
    age = time.time() - seconds(state.finished_at)
    over = [a for a in state.artifacts if a.get("retention") is not None and age >= a["retention"]]
    try:
        if files := [path for path in (_kept(folder, a) for a in over) if path.exists()]:
            _remove(folder, files)
    except Busy:
        return
    except StoreError:  # it can only be read: what is over is not handed out, though it stays
        pass
    state.artifacts = [{**a, "expired": True} if a in over else a for a in state.artifacts]


def with_retention(folder: RunFolder, state: RunState) -> list[tuple[Mapping[str, Any], Path]]:
    """Return the kept files that stay for a time only and are still there: the data of ``artifact.collected`` and the path."""
    lasting = [(entry, _kept(folder, entry)) for entry in state.artifacts if entry.get("retention") is not None]
    return [(entry, path) for entry, path in lasting if path.exists()]


def remove(folder: RunFolder, path: Path) -> bool:
    """Remove one kept file; False when it is gone already.

    Raises:
        Busy: Somebody carries the run out at this moment.
        StoreError: It can't be removed.
    """
    return _remove(folder, [path]) > 0


def _remove(folder: RunFolder, files: list[Path]) -> int:
    """Remove files and the folders that get empty, and return how many there were."""
    lock = folder.lock()
    count = 0
    try:
        for path in files:
            if folder.artifacts.resolve() not in path.parent.resolve().parents:  # not where it was kept: a link was put in its way
                raise StoreError(f"{path} leads out of the run's folder", hint="look who put a link there", code="artifact-elsewhere")
            try:
                path.unlink()
                count += 1
            except FileNotFoundError:
                continue
            except OSError as error:
                raise StoreError(f"{path} can't be removed: {error.strerror}", hint="check who owns it", code="artifact") from error
            _remove_empty(path, folder.artifacts)
    finally:
        os.close(lock)
    return count


def _remove_empty(path: Path, top: Path) -> None:
    for parent in path.parents:
        if parent == top:
            break
        try:
            parent.rmdir()
        except OSError:
            break


def _kept(folder: RunFolder, entry: Mapping[str, Any]) -> Path:
    return folder.artifacts / str(entry["name"]) / str(entry["path"])


def listed(folder: RunFolder, state: RunState, *, name: str | None = None) -> list[dict[str, Any]]:
    """Return for each kept file (only those of the artifact ``name``) its ``artifact.collected`` data and ``file``, where it is; None when expired.

    A file that is gone or whose size is not the recorded one has ``changed`` and no ``file``. Its digest is computed when it is fetched, not here.

    Raises:
        NotFound: There is no artifact of that name.
    """
    wanted = state.artifacts if name is None else _wanted(state, name)
    return [_located(folder, entry) for entry in wanted]


def _located(folder: RunFolder, entry: Mapping[str, Any]) -> dict[str, Any]:
    path = _kept(folder, entry)
    if entry.get("expired"):
        return {**entry, "file": None}
    try:
        same = path.stat().st_size == entry["size"]
    except OSError:
        same = False
    return {**entry, "file": str(path)} if same else {**entry, "file": None, "changed": True}


def _wanted(state: RunState, name: str | None) -> list[Mapping[str, Any]]:
    names = dict.fromkeys(str(a["name"]) for a in state.artifacts)
    wanted = [a for a in state.artifacts if name is None or a["name"] == name]
    if not wanted:
        hint = did_you_mean(name or "", names) or (
            f"it has {', '.join(names)}" if names else "a workflow names what to keep under [artifacts]"
        )
        what = f"no artifact {name!r}" if name is not None else "no artifacts"
        raise NotFound(f"run {state.run} has {what}", hint=hint, code="artifact-not-found")
    return wanted


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
        NotFound: There is no artifact, none of that name, or none is left of those that were kept for a time.
        Refused: A file exists, or what is kept is not what was recorded; nothing was written over.
        StoreError: It can not be read or written.
    """
    wanted = _wanted(state, name)
    wanted = [a for a in wanted if not a.get("expired")]
    if not wanted:
        what = f"the artifact {name!r}" if name is not None else "everything"
        raise NotFound(
            f"{what} of run {state.run} was kept for a time that is over", hint="`retention` says how long", code="artifact-expired"
        )
    for entry in wanted:
        target = output / str(entry["path"])
        if target.exists() and not force:
            raise Refused(
                f"{target} exists and is not overwritten", hint="name another folder with --output, or use --force", code="exists"
            )
    return [_copy(folder, entry, output) for entry in wanted]


def _copy(folder: RunFolder, entry: Mapping[str, Any], output: Path) -> dict[str, Any]:
    source = _kept(folder, entry)
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
