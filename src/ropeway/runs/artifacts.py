"""Artifacts: files of a run that are kept when it ends, with checksums and how long they stay."""

from __future__ import annotations

import hashlib
import os
import shutil
from typing import TYPE_CHECKING, Any

from ropeway.errors import Refused, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

    from ropeway.lang.model import Artifact
    from ropeway.runs.folder import RunFolder

    Leave = Callable[[list[str]], Collection[str]]


def collect(folder: RunFolder, artifact: Artifact, pattern: str, root: Path, leave: Leave | None = None) -> Iterator[dict[str, Any]]:
    """Copy the files that match ``pattern`` below ``root`` into the run's folder and yield the data of ``artifact.collected`` for each.

    A pattern that names a folder takes everything in it. Links that lead outside of ``root`` are left out, and so is what ``leave`` returns of the names
    of all that matches. A file that was kept before is replaced.

    Raises:
        Refused: The pattern leads out of ``root`` (an expression may have made it).
        StoreError: The state directory can't take them.
    """
    if os.path.isabs(pattern) or ".." in pattern.split("/"):
        raise Refused(f"its path {pattern} leads out of the working copy", hint="write a relative path without ..", code="artifact-path")
    root = root.resolve()
    found = {path.relative_to(root).as_posix(): path for path in sorted(_matches(root, pattern))}
    left = leave(list(found)) if leave is not None and found else ()
    for name, path in found.items():
        if name in left:
            continue
        target = folder.artifacts / artifact.name / name
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            digest, size = _keep(path, target, folder.artifacts / ".new")
        except OSError as error:
            raise StoreError(f"can't keep artifact {artifact.name}: {name}: {error.strerror}", code="artifact") from error
        yield {"name": artifact.name, "path": name, "size": size, "sha256": digest, "retention": artifact.retention}


def _keep(path: Path, target: Path, beside: Path) -> tuple[str, int]:
    """Put a copy of a file at ``target``, which may be there and may be read-only; returns its SHA-256 and its size."""
    beside.unlink(missing_ok=True)
    shutil.copy2(path, beside)
    with beside.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    size = beside.stat().st_size
    beside.replace(target)
    return digest, size


def _matches(root: Path, pattern: str) -> Iterator[Path]:
    try:
        found = list(root.glob(pattern.removeprefix("./")))
    except (ValueError, NotImplementedError):
        return
    for path in found:
        inside = path.rglob("*") if path.is_dir() else (path,)
        for file in inside:
            if file.is_file() and root in file.resolve().parents:
                yield file
