"""Projects and the workflow files in them. A project is a folder with a workflow file or a ``workflows`` folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ropeway.errors import NotFound, Refused, UsageError
from ropeway.lang.hints import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "ENDINGS",
    "FILE_NAMES",
    "FOLDER",
    "LOCK_FILE",
    "Listed",
    "bundled",
    "find_by_id",
    "find_project",
    "list_workflows",
    "project_files",
    "read_bytes",
]

FILE_NAMES = ("workflow.toml", "workflow.yaml", "workflow.yml")
FOLDER = "workflows"
LOCK_FILE = "workflow.lock"
ENDINGS = (".toml", ".yaml", ".yml")


class Listed(NamedTuple):
    """A row of ``workflow list``. ``id`` is None when the file can not be read as a workflow; ``unique`` is False when another file has it too."""

    path: Path
    id: str | None
    version: str | None
    name: str | None
    description: str | None
    unique: bool = True

    def as_json(self) -> dict[str, str | bool | None]:
        """Return the object that ``workflow list --json`` prints."""
        return {
            "id": self.id,
            "version": self.version,
            "name": self.name,
            "description": self.description,
            "path": str(self.path),
            "unique": self.unique,
        }


def find_project(start: Path) -> Path | None:
    """Return the project that a folder is in: the nearest one upward with a workflow file or a ``workflows`` folder.

    The search ends at the root of a repository: what contains it is another project's.
    """
    folder = os.path.abspath(start)  # noqa: PTH100 - this is on the start-up path, and must not resolve links
    while True:
        if any(os.path.isfile(os.path.join(folder, name)) for name in FILE_NAMES) or os.path.isdir(os.path.join(folder, FOLDER)):  # noqa: PTH112, PTH113, PTH118 - same
            return Path(folder)
        parent = os.path.dirname(folder)  # noqa: PTH120 - same
        if parent == folder or any(os.path.exists(os.path.join(folder, mark)) for mark in (".git", ".jj")):  # noqa: PTH110, PTH118 - same
            return None
        folder = parent


def project_files(project: Path) -> Iterator[Path]:
    """Yield the workflow files of a project: the one at its root, then those under ``workflows``, sorted."""
    for name in FILE_NAMES:
        if (project / name).is_file():
            yield project / name
    folder = project / FOLDER
    if folder.is_dir():
        for entry in sorted(folder.iterdir()):
            if entry.is_file() and entry.suffix in ENDINGS:
                yield entry
            elif entry.is_dir():
                yield from (entry / name for name in FILE_NAMES if (entry / name).is_file())


def list_workflows(cwd: Path) -> list[Listed]:
    """Return the workflows of the project around a folder.

    Raises:
        NotFound: The folder is in no project.
    """
    project = find_project(cwd)
    if project is None:
        raise NotFound("there is no workflow here", hint="`workflow init` starts one", code="no-project")
    found = [_listed(path) for path in project_files(project)]
    ids = [each.id for each in found]
    return [each._replace(unique=each.id is None or ids.count(each.id) == 1) for each in found]


def _listed(path: Path) -> Listed:
    from ropeway.lang.source import read_document

    document, _ = read_document(read_bytes(path, str(path)), str(path))
    head = document.data.get("metadata", document.data)
    head = head if isinstance(head, dict) else {}

    def text(key: str) -> str | None:
        value = head.get(key)
        return value if isinstance(value, str) else None

    return Listed(path, text("id"), text("version"), text("name"), text("description"))


def find_by_id(name: str, cwd: Path) -> Path:
    """Return the file of a workflow of the project around ``cwd``.

    Raises:
        NotFound: The project has no such workflow.
        UsageError: More than one file has that id.
    """
    project = find_project(cwd)
    if project is None:
        hint = f"a file is named with its ending or a `./` in front: ./{name}"
        raise NotFound(f"there is no workflow {name} here", hint=hint, code="workflow-not-found")
    every = [_listed(path) for path in project_files(project)]
    paths = [listed.path for listed in every if listed.id == name]
    if len(paths) > 1:
        files = " and ".join(os.path.relpath(path, cwd) for path in paths)
        hint = "name the file, or give one of them another id"
        raise UsageError(f"{len(paths)} files have the id {name}: {files}", hint=hint, code="workflow-ambiguous")
    if paths:
        return paths[0]
    known = [listed.id for listed in every if listed.id]
    hint = did_you_mean(name, known) or f"`workflow list` shows them; a registry's is written {name}@"
    raise NotFound(f"this project has no workflow {name}", hint=hint, code="workflow-not-found")


def bundled(reference: str, folder: Path, root: Path) -> Path:
    """Return the file that a bundle's own file means by a relative path or a name; it stays in the bundle.

    Args:
        reference: A path or a local name, as written.
        folder: The folder of the file that says it.
        root: The bundle's.

    Raises:
        Refused: It leads out of the bundle.
        NotFound: The bundle has no such workflow.
    """
    from ropeway.lang.reference import LocalReference, parse_reference

    parsed = parse_reference(reference)
    if isinstance(parsed, LocalReference):
        found = [path for path in project_files(root) if _listed(path).id == parsed.name]
        if not found:
            hint = "a published workflow names what is elsewhere in full: oci://…, name@owner/repo"
            raise NotFound(f"{reference} is not in the bundle that uses it", hint=hint, code="workflow-not-found")
        return found[0]
    path = Path(os.path.normpath(folder / parsed.path)) if not parsed.path.startswith("~") else Path("/")  # type: ignore[union-attr]
    if path.is_dir():
        path = next((path / name for name in FILE_NAMES if (path / name).is_file()), path)
    if not path.is_relative_to(root):
        hint = "a published workflow uses files of its own bundle, and names what is elsewhere in full: oci://…, name@owner/repo"
        raise Refused(f"{reference} leads out of the bundle that uses it", hint=hint, code="outside-bundle")
    return path


def read_bytes(path: Path, shown: str) -> bytes:
    """Return a file's bytes, at most one more than the language's limit.

    Raises:
        NotFound: It is not there, is a folder, or can not be read.
    """
    from ropeway.lang.source import MAX_BYTES

    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except IsADirectoryError as error:
        raise NotFound(f"{shown} is a folder", hint=f"name the file in it: {shown.rstrip('/')}/workflow.toml") from error
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFound(f"there is no file {shown}", hint=_nearby(path), code="file-not-found") from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise NotFound(f"{shown} can not be read: {reason}", code="file-unreadable") from error


def _nearby(path: Path) -> str | None:
    try:
        return did_you_mean(path.name, [entry.name for entry in path.parent.iterdir() if entry.suffix in ENDINGS])
    except (OSError, ValueError):
        return None
