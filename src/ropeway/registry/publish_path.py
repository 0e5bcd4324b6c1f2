"""Bundles into a registry that is a folder of this machine: the files below ``workflows/NAME``, and an entry in its index."""

from __future__ import annotations

import json
import os
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from ropeway.errors import Refused, UsageError
from ropeway.lang.versions import parse_version
from ropeway.records import record
from ropeway.registry.files import flocked, guarded, write_at_once
from ropeway.registry.index import INDEX_NAMES, read_index

if TYPE_CHECKING:
    from pathlib import Path

    from ropeway.bundles.blobs import Bundle

__all__ = ["Placed", "place_bundle"]

_HINT: Final = "check that you may write to it"


@record
class Placed:
    """Where a bundle is now: its definition's file and the digest of its folder; ``new`` is False where it was there with the same content."""

    file: Path
    digest: str
    new: bool
    replaced: str | None = None
    """The version that was there before, when it was another one."""


def place_bundle(folder: Path, name: str, bundle: Bundle) -> Placed:
    """Publish a workflow into a folder: readers see it whole, or as it was before.

    Args:
        folder: The registry.
        name: What the index calls it.
        bundle: It.

    Raises:
        Refused: The same version is there with other content, or its place is taken by something that the index does not name.
        UsageError: It is no workflow.
        InvalidBundle: The index can't be read.
        StoreError: The folder can't be written.
    """
    from ropeway.bundles.tree import tree_digest
    from ropeway.bundles.unpack import unpack

    if bundle.kind != "workflow":
        raise UsageError(
            f"a folder holds workflows, and this is a bundle of the kind {bundle.kind}",
            hint="publish it to an OCI registry",
            code="registry-type",
        )
    with guarded(folder, _HINT):
        folder.mkdir(parents=True, exist_ok=True)
        with flocked(folder):
            index, data = _index(folder)
            target, listed = _target(folder, name, data, index)
            aside = target.parent / f".{target.name}.{os.getpid()}.{os.urandom(4).hex()}"
            try:
                file = unpack(bundle.manifest, bundle.blobs, aside, kind=bundle.kind, name=name)
                digest = tree_digest(aside)
                before = _before(target, digest, bundle, name) if listed else None
                if before == digest:
                    return Placed(target / file, digest, new=False)
                _exchange(aside, target)
            finally:
                shutil.rmtree(aside, ignore_errors=True)
            entry = {"path": (target / file).relative_to(folder).as_posix()}
            if bundle.metadata.description:
                entry["description"] = " ".join(bundle.metadata.description.split())
            _write(index, data, name, entry)
            return Placed(target / file, digest, new=True, replaced=before)


def _index(folder: Path) -> tuple[Path, dict[str, Any]]:
    """Return the index that counts, and what is in it."""
    for name in INDEX_NAMES:
        path = folder / name
        with suppress(FileNotFoundError):
            return path, dict(read_index(path.read_bytes(), str(path)).document.data)
    return folder / INDEX_NAMES[0], {}


def _target(folder: Path, name: str, data: dict[str, Any], index: Path) -> tuple[Path, bool]:
    """Return the folder of a workflow, and whether the index names it."""
    target = folder / "workflows" / name
    entry = (data.get("workflows") or {}).get(name)
    path = entry.get("path") if isinstance(entry, dict) else None
    if path is None and not os.path.lexists(target):
        return target, False
    if isinstance(path, str) and (folder / path).parent == target:
        return target, True
    what = f"{index} says that it is {path}" if path is not None else f"{target} is there, and {index} does not name it"
    raise Refused(
        f"{name} can not be published into {folder}: {what}",
        hint=f"move it to workflows/{name}/ with an entry in the index, or remove it",
        code="output-exists",
    )


def _before(target: Path, digest: str, bundle: Bundle, name: str) -> str | None:
    """Return the digest of what is there when it is the same, else its version."""
    from ropeway.bundles.problems import InvalidBundle
    from ropeway.bundles.tree import tree_digest

    with suppress(InvalidBundle):
        if tree_digest(target) == digest:
            return digest
    there = _version(target)
    ours = parse_version(bundle.metadata.version or "")
    if there is not None and ours is not None and parse_version(there) == ours:
        raise Refused(
            f"{target} holds {name} {there} already, with other content",
            hint="a version never changes: give this one a higher version",
            code="version-exists",
        )
    return there


def _version(target: Path) -> str | None:
    """Return the version of the workflow in a folder, None when that can't be told."""
    from ropeway.bundles.definitions import find_definition
    from ropeway.bundles.describing import read_workflow
    from ropeway.errors import RopewayError

    with suppress(RopewayError, OSError):
        _, file = find_definition(
            "workflow", [path.name for path in target.iterdir() if path.is_file()], lambda path: (target / path).read_bytes()
        )
        return read_workflow((target / file).read_bytes(), file).version
    return None


def _exchange(aside: Path, target: Path) -> None:
    """Put a folder in the place of another one. Only between the two renames nothing is there."""
    old = target.with_name(f"{aside.name}.old")
    with suppress(FileNotFoundError):
        target.rename(old)
    try:
        aside.rename(target)
    except OSError:
        with suppress(FileNotFoundError):
            old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _write(index: Path, data: dict[str, Any], name: str, entry: dict[str, Any]) -> None:
    workflows = {**(data.get("workflows") or {}), name: entry}
    data = {**data, "workflows": {key: workflows[key] for key in sorted(workflows)}}
    if index.suffix == ".json":
        text = json.dumps(data, indent=2, ensure_ascii=False) + "\n"
    else:
        text = "".join(f"{line}\n" for line in [*_comments(index), *_yaml(data)])
    write_at_once(index, text.encode(), sync=True)


def _comments(index: Path) -> list[str]:
    """Return the lines of comment that an index begins with; those further down are not kept."""
    found: list[str] = []
    with suppress(FileNotFoundError):
        for line in index.read_text("utf-8-sig").splitlines():
            if not line.startswith("#") and line.strip():
                break
            found.append(line)
    return found


def _yaml(data: dict[str, Any]) -> list[str]:
    """Return an index as lines: an entry a line; JSON is YAML, so what is not ours is written as that."""
    lines: list[str] = []
    for key, value in data.items():
        if key != "workflows":
            lines.append(f"{_word(key)}: {_word(value)}")
            continue
        lines.append("workflows:")
        for name, entry in value.items():
            if not isinstance(entry, dict) or not entry:
                lines.append(f"  {_word(name)}: {_word(entry)}")
                continue
            lines.append(f"  {_word(name)}:")
            lines += [f"    {_word(each)}: {_word(said)}" for each, said in entry.items()]
    return lines


def _word(value: Any) -> str:
    import re

    if isinstance(value, str) and re.fullmatch(r"[A-Za-z][A-Za-z0-9._/-]*", value) and value.lower() not in {"true", "false", "null"}:
        return value
    return json.dumps(value, ensure_ascii=False)
