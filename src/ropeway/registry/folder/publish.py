"""Bundles into a registry that is a folder of this machine: the files below ``workflows/NAME``, and an entry in its index.

Nothing is replaced but what the last publish wrote: a person may keep files there, and nobody else has a copy of them.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from ropeway.errors import Refused, RopewayError, UsageError
from ropeway.lang.formats import WORKFLOW_ID, fits
from ropeway.lang.versions import parse_version
from ropeway.records import record
from ropeway.registry.cache.files import flocked, guarded, write_at_once
from ropeway.registry.folder.exchange import clear_unwritten, exchange, recover, working_folder
from ropeway.registry.folder.records import Publication, Records
from ropeway.registry.folder.writing import open_index

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ropeway.bundles.blobs import Bundle
    from ropeway.registry.folder.writing import PathIndex

__all__ = ["Placed", "place_bundle"]

_HINT: Final = "check that you may write to it"
_FEW: Final = 3


@record
class Placed:
    """Where a bundle is now: its definition's file and the digest of its folder; ``new`` is False where it was there with the same content."""

    file: Path
    digest: str
    new: bool
    replaced: str | None = None
    """The version that was there before, when it was another one."""


def place_bundle(folder: Path, name: str, bundle: Bundle) -> Placed:
    """Publish a workflow into a folder: readers see it whole, or as it was before. What a killed publish has left is brought in order first.

    Args:
        folder: The registry.
        name: What the index calls it.
        bundle: It.

    Raises:
        Refused: The same version is there with other content (code ``version-exists``); its place is taken by something that the index does not name
            (``output-exists``), holds what the last publish did not write (``folder-changed``), lies in another workflow's folder or holds one
            (``names-nest``), or leads out of the registry (``path-outside``); or comments of the index would be lost (``index-comments``).
        UsageError: It is no workflow, or the name can not be one's (code ``name-invalid``).
        InvalidBundle: The index can't be read.
        StoreError: The folder can't be written.
    """
    if bundle.kind != "workflow":
        raise UsageError(
            f"a folder holds workflows, and this is a bundle of the kind {bundle.kind}",
            hint="publish it to an OCI registry",
            code="registry-type",
        )
    if not fits(name, WORKFLOW_ID):
        raise UsageError(f"{name!r:.100} can not be the name of a workflow", hint=WORKFLOW_ID.hint, code="name-invalid")
    with guarded(folder, _HINT):
        folder.mkdir(parents=True, exist_ok=True)
        with flocked(folder) as alone:
            return _placed(folder, name, bundle, alone=alone)


def _placed(folder: Path, name: str, bundle: Bundle, *, alone: bool) -> Placed:
    from ropeway.bundles.tree import tree_digest, walk
    from ropeway.bundles.unpack import unpack

    index, records = open_index(folder), Records(folder, name)
    target = _target(folder, name)
    _check_alone(folder, name, index)

    def known(path: Path) -> bool:
        return records.find(_digest(path)) is not None

    recover(target, known, alone=alone)
    for path in (index.path, records.path) if alone else ():
        clear_unwritten(path)
    _check_entry(folder, target, name, index, known)
    working = working_folder(target)
    try:
        new = working / "new"
        file = unpack(bundle.manifest, bundle.blobs, new, kind=bundle.kind, name=name)
        files = tuple(sorted(os.fsdecode(path) for path, _ in walk(new)))
        ours = Publication(bundle.metadata.version or "", tree_digest(new), files)
        there = _digest(target)
        same = there == ours.digest
        before = records.find(there)
        if not same:
            _check_replaceable(target, name, ours.version, before, records.known)
        said = index.with_entry(name, (target / file).relative_to(folder).as_posix(), bundle.metadata.description)
        if before is None or before != ours:
            records.write(ours, None if same else before)
        if not same:
            try:
                exchange(new, target, known)
            except BaseException:
                with suppress(RopewayError, OSError):
                    recover(target, known, alone=alone)
                raise
        if said is not None:
            write_at_once(index.path, said, sync=True)
    finally:
        shutil.rmtree(working, ignore_errors=True)
    return Placed(target / file, ours.digest, new=not same, replaced=None if same or before is None else before.version)


# -- what is in the way -----------------------------------------------------------------------------------------------------------------


def _target(folder: Path, name: str) -> Path:
    """Return the folder of a workflow, after making sure that no link leads out of the registry on the way there."""
    target = folder / "workflows" / name
    top, real = os.path.realpath(folder), os.path.realpath(target)
    if os.path.commonpath([top, real]) != top:
        raise Refused(f"{target} leads out of the registry, to {real}", hint="put a folder in the place of the link", code="path-outside")
    return target


def _check_alone(folder: Path, name: str, index: PathIndex) -> None:
    """Refuse names that nest: all that lies in a workflow's folder travels with it, and goes with it."""
    own = ("workflows", *name.split("/"))
    for other, parts in index.others(name):
        above = parts[:-1]
        path = folder.joinpath(*parts)
        if parts[: len(own)] == own:
            said = f"{path}, which is {other}, lies in its folder"
        elif len(above) > 1 and own[: len(above)] == above:
            said = f"its folder would lie in that of {other}, which is {path}"
        else:
            continue
        raise Refused(
            f"{name} can not be published into {folder}: {said}",
            hint="give one of them another name: what lies in a workflow's folder travels with it",
            code="names-nest",
        )


def _check_entry(folder: Path, target: Path, name: str, index: PathIndex, known: Callable[[Path], bool]) -> None:
    """Refuse to take over what the index has elsewhere, or does not name."""
    path = index.place(name)
    if path is not None:
        if (folder / path).parent == target:
            return
        what = f"{index.path} says that it is {path}"
    elif name in index.entries:
        what = f"{index.path} has an entry of it without a path"
    elif not os.path.lexists(target) or known(target):
        return
    else:
        what = f"{target} is there, and {index.path} does not name it"
    raise Refused(
        f"{name} can not be published into {folder}: {what}",
        hint=f"move it to workflows/{name}/ with an entry in the index, or remove it",
        code="output-exists",
    )


def _check_replaceable(target: Path, name: str, version: str, before: Publication | None, known: tuple[Publication, ...]) -> None:
    """Refuse to replace the same version, and what the last publish did not write."""
    if not os.path.lexists(target):
        return
    found, there = (None, before.version) if before is not None else _definition(target)
    if there is not None and parse_version(there) is not None and parse_version(there) == parse_version(version):
        raise Refused(
            f"{target} holds {name} {there} already, with other content",
            hint="a version never changes: give this one a higher version",
            code="version-exists",
        )
    if before is not None:
        return
    if target.is_symlink() or not target.is_dir():
        said = f"{target} is not a folder that was published"
    elif known:
        written = {path for each in known for path in each.files}
        more = [path for path in _files(target) if path not in written]
        shown = ", ".join(more[:_FEW]) + (f" and {len(more) - _FEW} more" if len(more) > _FEW else "")
        said = (
            f"{target} holds {shown}, which no publish wrote" if more else f"the files in {target} were changed since they were published"
        )
    elif found is not None and found != name:
        said = f"{target} holds the workflow {found}, which was not published there"
    elif there is None:
        said = f"{target} holds files that were not published, and no version of {name}"
    else:
        said = f"{target} holds {name} {there}, which was not published there"
    raise Refused(
        f"{said}: replacing it would lose that", hint="move that folder out of the registry, then publish again", code="folder-changed"
    )


def _digest(path: Path) -> str | None:
    """Return the digest of a folder's files; None when it is none, or holds what no publish writes."""
    from ropeway.bundles.problems import InvalidBundle
    from ropeway.bundles.tree import tree_digest

    if path.is_symlink() or not path.is_dir():
        return None
    with suppress(InvalidBundle):
        return tree_digest(path)
    return None


def _files(target: Path) -> list[str]:
    """Return the paths of everything in a folder but folders, sorted."""
    found: list[str] = []
    for top, names, files in os.walk(target):
        links = [each for each in names if os.path.islink(os.path.join(top, each))]  # noqa: PTH114, PTH118 - strings
        found += [os.path.relpath(os.path.join(top, each), target) for each in (*files, *links)]  # noqa: PTH118 - as above
    return sorted(found)


def _definition(target: Path) -> tuple[str | None, str | None]:
    """Return the id and the version of the workflow in a folder, None for what can't be told."""
    from ropeway.bundles.definitions import find_definition
    from ropeway.bundles.describing import read_workflow

    with suppress(RopewayError, OSError):
        _, file = find_definition(
            "workflow", [path.name for path in target.iterdir() if path.is_file()], lambda path: (target / path).read_bytes()
        )
        workflow = read_workflow((target / file).read_bytes(), file)
        return workflow.id or None, workflow.version
    return None, None
