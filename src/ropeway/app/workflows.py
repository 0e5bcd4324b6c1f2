"""The verbs over workflow files: find, load, validate, plan, list.

Everything that is wrong *in* a file is a diagnostic; what keeps a file from being read at all (it is not there, it is a folder) is an
error. Nothing here writes.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ropeway.errors import InvalidWorkflow, NotFound, Refused, UsageError
from ropeway.lang.diagnostics import Problems
from ropeway.lang.hints import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ropeway.lang.diagnostics import Diagnostic, Location
    from ropeway.lang.diagnostics import Path as Place
    from ropeway.lang.model import Workflow

__all__ = [
    "Listed",
    "Loaded",
    "Source",
    "find_by_id",
    "find_project",
    "list_workflows",
    "load",
    "project_files",
    "read",
    "read_bytes",
    "read_text",
    "resolve",
    "validate",
]

FILE_NAMES = ("workflow.toml", "workflow.yaml", "workflow.yml")
FOLDER = "workflows"
_ENDINGS = (".toml", ".yaml", ".yml")
_STDIN = "-"


class Source(Protocol):
    """A document or several merged ones: data, and where each value stands."""

    @property
    def data(self) -> dict[str, Any]:
        """What was read."""
        ...

    def locate(self, path: Place, *, key: bool = False, offset: int | None = None, length: int = 1) -> Location:
        """See ``lang.diagnostics.Locator``."""
        ...


@dataclass(frozen=True, slots=True)
class Loaded:
    """A workflow file as it was read and checked.

    ``name`` is what messages call it, ``path`` its absolute path (None for standard input), ``workflow`` is None when the file has
    mistakes that keep a workflow from being made; ``diagnostics`` are sorted by place.
    """

    name: str
    path: Path | None
    source: Source
    workflow: Workflow | None
    diagnostics: tuple[Diagnostic, ...]
    overrides: tuple[str, ...] = ()

    @property
    def valid(self) -> bool:
        """Whether it can be planned: there are no errors (warnings and notes do not count)."""
        return self.workflow is not None and not any(d.severity == "error" for d in self.diagnostics)

    def checked(self) -> Workflow:
        """Return the workflow; raises ``InvalidWorkflow`` with all diagnostics when the file has errors."""
        if self.workflow is None or not self.valid:
            count = sum(d.severity == "error" for d in self.diagnostics)
            raise InvalidWorkflow(f"{self.name} has {count:,} error{'s' * (count != 1)}", diagnostics=self.diagnostics)
        return self.workflow


@dataclass(frozen=True, slots=True)
class Listed:
    """A row of ``workflow list``. ``id`` is None when the file can not be read as a workflow."""

    path: Path
    id: str | None
    version: str | None
    name: str | None
    description: str | None

    def as_json(self) -> dict[str, str | None]:
        """Return the object that ``workflow list --json`` prints."""
        return {"id": self.id, "version": self.version, "name": self.name, "description": self.description, "path": str(self.path)}


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
            if entry.is_file() and entry.suffix in _ENDINGS:
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
    return [_listed(path) for path in project_files(project)]


def _listed(path: Path) -> Listed:
    from ropeway.lang.source import read_document

    document, _ = read_document(read_bytes(path, str(path)), str(path))
    head = document.data.get("metadata", document.data)
    head = head if isinstance(head, dict) else {}

    def text(key: str) -> str | None:
        value = head.get(key)
        return value if isinstance(value, str) else None

    return Listed(path, text("id"), text("version"), text("name"), text("description"))


def read(target: str | None, *, cwd: Path, overrides: Sequence[str] = ()) -> Loaded:
    """Read the workflow that a person named and make its model; what its parts mean together is not checked yet.

    Args:
        target: A path, a workflow id of the project around ``cwd``, ``-`` for standard input, or None for ``./workflow.toml``.
        cwd: Where relative paths start.
        overrides: ``key.path=value`` or the path of an override file, in order.

    Raises:
        NotFound: There is no such file or workflow.
        UsageError: The words can not be a reference to a workflow.
        Refused: They name a registry, which this version can not reach.
    """
    if target == _STDIN:
        import sys

        return read_text(sys.stdin.buffer.read(), "<stdin>", None, cwd=cwd, overrides=overrides)
    path = resolve(target, cwd)
    shown = _shown(path, cwd)
    return read_text(read_bytes(path, shown), shown, path, cwd=cwd, overrides=overrides)


def read_text(raw: bytes, name: str, path: Path | None, *, cwd: Path, overrides: Sequence[str] = ()) -> Loaded:
    """Make the model of a workflow whose bytes are at hand; see :func:`read`."""
    from ropeway.lang.source import read_document

    document, found = read_document(raw, name)
    if any(d.severity == "error" for d in found):
        return Loaded(name, path, document, None, tuple(found), tuple(overrides))
    source: Source = document
    if overrides:
        from ropeway.lang.merge import merge

        layers = [_override(text, cwd, found) for text in overrides]
        source, more = merge(document, [layer for layer in layers if layer is not None])
        found = [*found, *more]
    workflow, problems = _model(source)
    problems.extend(found)
    return Loaded(name, path, source, workflow, tuple(problems.sorted()), tuple(overrides))


def _model(source: Source) -> tuple[Workflow | None, Problems]:
    """Make the model of a document of either dialect."""
    from ropeway.lang.dialects import is_pallet, locator_for, read_dialect

    problems = Problems(locator_for(source))
    if is_pallet(source.data):
        return read_dialect(source, problems), problems
    from ropeway.lang.build import build

    return build(source, problems), problems


def load(target: str | None, *, cwd: Path, overrides: Sequence[str] = ()) -> Loaded:
    """Read a workflow and check all that it means, its sub-workflows on this machine included; see :func:`read`."""
    found = read(target, cwd=cwd, overrides=overrides)
    if found.workflow is None:
        return found
    from ropeway.app import library

    return replace(found, diagnostics=tuple(library.check(found)))


def validate(target: str | None, *, cwd: Path, overrides: Sequence[str] = ()) -> list[Diagnostic]:
    """Return everything that is wrong with a workflow file, sorted by place; see :func:`load`."""
    return list(load(target, cwd=cwd, overrides=overrides).diagnostics)


def _override(text: str, cwd: Path, found: list[Diagnostic]) -> Any:
    """Return an override as ``merge`` takes it; what is wrong with an override file goes to ``found``."""
    if "=" in text.partition("\n")[0]:
        return text
    if not text.endswith(_ENDINGS):
        raise UsageError(f"{text!r} is no override", hint="write key.path=value, or the path of a .toml or .yaml file")
    from ropeway.lang.source import read_document

    path = _absolute(text, cwd)
    document, problems = read_document(read_bytes(path, text), text)
    found.extend(problems)
    return None if any(d.severity == "error" for d in problems) else document


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
        return did_you_mean(path.name, [entry.name for entry in path.parent.iterdir() if entry.suffix in _ENDINGS])
    except (OSError, ValueError):
        return None


def resolve(target: str | None, cwd: Path) -> Path:
    """Return the file that a person named; see :func:`read`. It need not exist."""
    if target is None:
        return _default_file(cwd)
    if target.endswith(_ENDINGS) and "@" not in target and "://" not in target:  # the common case, without the grammar
        return _absolute(target, cwd)
    from ropeway.lang import reference

    parsed = reference.parse_reference(f"{target}/" if target in {".", ".."} else target)
    if isinstance(parsed, reference.PathReference):
        path = _absolute(parsed.path, cwd)
        if path.is_dir():
            return next((path / name for name in FILE_NAMES if (path / name).is_file()), path / FILE_NAMES[0])
        return path
    if isinstance(parsed, reference.LocalReference):
        if parsed.ref is not None:
            raise UsageError(
                f"{target}: a project's own workflow has no versions", hint=f"write {parsed.name}, or {parsed.name}@#… for a registry's"
            )
        return find_by_id(parsed.name, cwd)
    raise Refused(
        f"{target} names a registry, and this version can not reach one",
        hint="fetch the file yourself and run it by its path",
        code="registry-unsupported",
    )


def _default_file(cwd: Path) -> Path:
    for name in FILE_NAMES:
        if (cwd / name).is_file():
            return cwd / name
    project = find_project(cwd)
    if project is None:
        raise NotFound("there is no workflow.toml here", hint="`workflow init` starts one", code="file-not-found")
    hint = "`workflow list` shows the project's workflows; run one by its id"
    raise NotFound("there is no workflow.toml in this folder", hint=hint, code="file-not-found")


def find_by_id(name: str, cwd: Path) -> Path:
    """Return the file of a workflow of the project around ``cwd``; raises ``NotFound``."""
    project = find_project(cwd)
    if project is None:
        hint = f"a file is named with its ending or a `./` in front: ./{name}"
        raise NotFound(f"there is no workflow {name} here", hint=hint, code="workflow-not-found")
    known = {listed.id: listed.path for listed in map(_listed, project_files(project)) if listed.id}
    if name in known:
        return known[name]
    hint = did_you_mean(name, known) or f"`workflow list` shows them; a registry's is written {name}@"
    raise NotFound(f"this project has no workflow {name}", hint=hint, code="workflow-not-found")


def _absolute(text: str, cwd: Path) -> Path:
    return Path(cwd, text).expanduser() if text.startswith("~") else Path(cwd, text)


def _shown(path: Path, cwd: Path) -> str:
    """Return a path as messages show it: relative when it is below the folder."""
    text, base = str(path), f"{cwd}/"
    return text.removeprefix(base) if text.startswith(base) else text
