"""What a whole bundle may touch: its definition, and every workflow file of it that this starts, directly or through others.

A reference of a bundle's file by a path, or by a name without a registry, means a file of the same bundle; the rules are those of
``ropeway.app.projects.bundled``, which finds the file when it is used. What leaves the bundle is described by its reference only: it is looked at, and
agreed to, when it is fetched. A file that can't be looked into is told (``unread``), for nobody knows what it would do.
"""

from __future__ import annotations

import os
import posixpath
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Final

from ropeway.bundles.capabilities import Capabilities, capabilities_of, union
from ropeway.bundles.definitions import USUAL
from ropeway.bundles.describing import MAX_DEFINITION, Described, describe, read_model
from ropeway.bundles.metadata import dependencies_of
from ropeway.lang.library import MAX_DEPTH
from ropeway.records import record, replace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from ropeway.bundles.kinds import Kind

    Read = Callable[[str], bytes | None]

__all__ = ["MAX_FILES", "Files", "describe_bundle", "folder_files", "reachable"]

MAX_FILES: Final = 1000
"""Workflow files of one bundle that are looked into."""

_FOLDER: Final = "workflows/"
_ENDINGS: Final = (".toml", ".yaml", ".yml")


@record
class Files:
    """The files of a bundle.

    ``listed`` are their paths, with slashes, taken once and only when one is looked for; ``read`` returns what is in one, None when it can't be read
    or is too large to be a workflow.
    """

    listed: Iterable[str]
    read: Read


def folder_files(root: Path) -> Files:
    """Return the files of a folder. Links are not followed: a bundle holds none."""

    def listed() -> Iterator[str]:
        from ropeway.bundles.tree import walk

        yield from (os.fsdecode(path) for path, _ in walk(root))

    def read(path: str) -> bytes | None:
        try:
            number = os.open(root / path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            with open(number, "rb") as file:  # noqa: PTH123 - an open descriptor
                data = file.read(MAX_DEFINITION + 1)
        except OSError:
            return None
        return data if len(data) <= MAX_DEFINITION else None

    return Files(listed(), read)


def describe_bundle(kind: Kind, path: str, data: bytes, files: Files, *, shown: str | None = None, folder: str | None = None) -> Described:
    """Return what a definition says of itself, and what all of its bundle may touch.

    Args:
        kind: What it is.
        path: The definition's path in the bundle.
        data: The definition's bytes.
        files: The bundle's.
        shown: What messages call the definition.
        folder: See :func:`~ropeway.bundles.describing.describe`.

    Raises:
        InvalidWorkflow, InvalidBundle: See :func:`~ropeway.bundles.describing.describe`; mistakes in other files are told in the notes.
    """
    found = describe(kind, path, data, shown=shown, folder=folder)
    if kind != "workflow":
        return found
    used = reachable(path, data, files)
    notes = tuple(f"what it may touch is not known as a whole: {each}" for each in used.unread)
    return Described(replace(found.metadata, capabilities=used, dependencies=dependencies_of(used)), (*found.notes, *notes))


def reachable(path: str, data: bytes, files: Files) -> Capabilities:
    """Return what a workflow may touch with all the files of its bundle that it starts. Nothing is raised for mistakes in them.

    Args:
        path: The definition's path in the bundle.
        data: The definition's bytes.
        files: The bundle's.
    """
    return _Walk(files).all_of(path, data)


class _Walk:
    """Goes from file to file, the nearest first; each is read once, so circles end."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._parts: list[Capabilities] = []
        self._unread: set[str] = set()

    def all_of(self, path: str, data: bytes) -> Capabilities:
        """Return what a file may touch, and what those do that it starts."""
        met = {path}
        waiting = self._one(path, data)
        for _ in range(MAX_DEPTH):
            new = sorted(waiting - met)[: MAX_FILES - len(met)]
            met.update(new)
            left, waiting = waiting - met, set()
            for each in new:
                inner = self._files.read(each)
                if inner is None:
                    self._unread.add(f"./{each} can not be read")
                else:
                    waiting |= self._one(each, inner)
            if left:
                self._unread.add(f"it uses more than {MAX_FILES:,} files of its own")
                break
        else:
            if waiting - met:
                self._unread.add(f"its files use each other more than {MAX_DEPTH} deep")
        found = union(self._parts)
        workflows = {*found.workflows, *(f"./{each}" for each in met - {path})}
        return replace(found, workflows=tuple(sorted(workflows)), unread=tuple(sorted(self._unread)))

    def _one(self, path: str, data: bytes) -> set[str]:
        """Note what one file does, and return the files of the bundle that it starts."""
        workflow, problems = read_model(data, path)
        if workflow is None or any(each.severity == "error" for each in problems):
            self._unread.add(f"./{path} has errors")
        used = Capabilities() if workflow is None else capabilities_of(workflow)
        folder = posixpath.dirname(path)
        inside, outside = set(), []
        for reference in used.workflows:
            found = self._file(reference, folder)
            if found is None:
                outside.append(reference)
            else:
                inside.add(found)
        plugins = sorted({_from_top(each, folder) for each in used.plugins})
        self._parts.append(replace(used, workflows=tuple(outside), plugins=tuple(plugins)))
        return inside

    def _file(self, reference: str, folder: str) -> str | None:
        """Return the file of the bundle that a reference means, None when it leads elsewhere or nowhere."""
        from ropeway.lang.reference import InvalidReference, LocalReference, PathReference, parse_reference

        try:
            parsed = parse_reference(reference)
        except InvalidReference:
            return None  # an error of the file
        if isinstance(parsed, LocalReference):
            found = self._ids.get(parsed.name)
        elif isinstance(parsed, PathReference):
            path = posixpath.normpath(posixpath.join(folder, parsed.path))
            if path.startswith(("/", "../", "~")) or path == "..":
                return None  # it is refused when it is used
            within = "" if path == "." else f"{path}/"
            found = next((each for each in (path, *(within + name for name in USUAL["workflow"])) if each in self._known), None)
        else:
            return None
        if found is None:
            self._unread.add(f"{reference} is not among its files")
        return found

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(self._files.listed)

    @cached_property
    def _ids(self) -> dict[str, str]:
        """Workflows that can be named by their id: the file at the top, then those under ``workflows``, as in a project; the first one counts."""
        from ropeway.lang.source import read_document

        found: dict[str, str] = {}
        for path in islice(self._named(), MAX_FILES):
            document = read_document(self._files.read(path) or b"", path)[0].data
            head = document.get("metadata", document)
            name = head.get("id") if isinstance(head, dict) else None
            if isinstance(name, str):
                found.setdefault(name, path)
        return found

    def _named(self) -> Iterator[str]:
        usual = USUAL["workflow"]
        yield from (name for name in usual if name in self._known)
        for name in sorted({path.split("/")[1] for path in self._known if path.startswith(_FOLDER)}):
            if _FOLDER + name in self._known:
                yield from ([_FOLDER + name] if posixpath.splitext(name)[1] in _ENDINGS else [])
            else:
                yield from (f"{_FOLDER}{name}/{each}" for each in usual if f"{_FOLDER}{name}/{each}" in self._known)


def _from_top(plugin: str, folder: str) -> str:
    """Return a plugin's program as it is named from the bundle's top; one without a slash is no file of the bundle."""
    if "/" not in plugin:
        return plugin
    path = posixpath.normpath(posixpath.join(folder, plugin))
    return path if path.startswith(("/", "../")) else f"./{path}"
