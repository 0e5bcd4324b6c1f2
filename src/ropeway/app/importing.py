"""Makes a workflow of a justfile: reads it with what it imports, converts it, checks the result, and writes it."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ropeway.app.reading import read_text
from ropeway.app.scaffold import suggest_id
from ropeway.errors import InvalidWorkflow, NotFound, Refused, StoreError, UsageError
from ropeway.lang.dialects.justfile.convert import Conversion, convert, merge
from ropeway.lang.dialects.justfile.parser import parse
from ropeway.lang.dialects.justfile.shim import shim
from ropeway.lang.dialects.justfile.syntax import Problem
from ropeway.lang.formats import WORKFLOW_ID, fits
from ropeway.lang.hints import did_you_mean
from ropeway.records import record, replace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ropeway.lang.dialects.justfile.syntax import Justfile

__all__ = ["Imported", "convert_justfile", "find_justfile", "make_shim", "write_text"]

_NAMES = ("justfile", ".justfile")
_MAX_BYTES = 4 * 2**20
_MAX_FILES = 200


@record
class Imported:
    """What was made: the name of the justfile as messages show it, and the conversion."""

    file: str
    conversion: Conversion


def find_justfile(cwd: Path) -> Path:
    """Return the justfile of a folder; raises :class:`NotFound` when there is none."""
    try:
        names = sorted(entry.name for entry in cwd.iterdir() if entry.name.lower() in _NAMES and entry.is_file())
    except OSError as error:
        raise StoreError(f"{cwd} can not be read: {error.strerror}") from error
    if not names:
        raise NotFound("there is no justfile here", hint="name it: `workflow import justfile FILE`", code="file-not-found")
    return cwd / min(names, key=lambda name: _NAMES.index(name.lower()))


def convert_justfile(raw: bytes | None, path: Path, shown: str, *, recipes: Sequence[str] = (), workflow_id: str | None = None) -> Imported:
    """Read a justfile and convert it.

    Args:
        raw: Its bytes; None to read them from ``path``.
        path: Where it is, for its imports and the workflow's id.
        shown: What messages call it.
        recipes: Only these, and what they depend on.
        workflow_id: The workflow's id; made from the folder's name when None.

    Raises:
        NotFound: There is no such file, or no such recipe.
        UsageError: The id can not be one, or the file is no text.
        InvalidWorkflow: Nothing could be converted.
    """
    name = workflow_id or suggest_id(path.absolute().parent.name)
    if not fits(name, WORKFLOW_ID):
        raise UsageError(f"{name!r} can not be a workflow's id", hint=f"{WORKFLOW_ID.hint}; {suggest_id(name)} will do")
    text = _text(raw if raw is not None else _bytes(path, shown), shown)
    justfile = parse(text, shown)
    _with_imports(justfile, path.parent, shown)
    known = {recipe.name for recipe in justfile.recipes} | {alias.name for alias in justfile.aliases}
    for wanted in recipes:
        if wanted not in known:
            hint = did_you_mean(wanted, sorted(known)) or f"there are {', '.join(sorted(known)) or 'none that can be read'}"
            raise NotFound(f"{shown} has no recipe {wanted!r}", hint=hint, code="recipe-not-found")
    return Imported(shown, _valid(justfile, name, recipes))


def _valid(justfile: Justfile, name: str, recipes: Sequence[str]) -> Conversion:
    """Convert, and leave out recipes whose workflow would not be valid: what is written can be run."""
    made = convert(justfile, workflow_id=name, recipes=recipes)
    if not made.text or not _errors(made.text):
        return made
    bad: list[Problem] = []
    good: list[str] = []
    for entry in made.entries:
        alone = convert(justfile, workflow_id=name, recipes=[entry.recipe.name])
        wrong = _errors(alone.text) if alone.text else []
        if wrong:
            hint = "write this step by hand"
            bad.append(Problem(entry.recipe.name, entry.recipe.place, f"what it would become is not valid: {wrong[0]}", hint))
        else:
            good.append(entry.recipe.name)
    rest = convert(justfile, workflow_id=name, recipes=good) if good else replace(made, text="", converted=(), entries=())
    if rest.text and (wrong := _errors(rest.text)):
        hint = "convert one recipe at a time with --recipe"
        raise InvalidWorkflow(f"what the recipes would become together is not valid: {wrong[0]}", hint=hint)
    told = [problem for problem in made.skipped if problem not in rest.skipped]
    return replace(rest, skipped=(*rest.skipped, *told, *bad))


def _errors(text: str) -> list[str]:
    """Return what is wrong with the text of a workflow."""
    from ropeway.app import library

    loaded = read_text(text.encode(), "workflow.toml", None, cwd=Path())
    found = loaded.diagnostics if loaded.workflow is None else library.check(loaded)
    return [one.message for one in found if one.severity == "error"]


def make_shim(imported: Imported, target: str) -> str:
    """Return a justfile whose recipes run the workflow ``target``."""
    return shim(imported.conversion, target)


# Files


def _bytes(path: Path, shown: str) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        raise NotFound(f"there is no file {shown}", code="file-not-found") from None
    except OSError as error:
        raise NotFound(f"{shown} can not be read: {error.strerror}", code="file-unreadable") from error


def _text(raw: bytes, shown: str) -> str:
    if len(raw) > _MAX_BYTES:
        raise UsageError(f"{shown} is larger than {_MAX_BYTES // 2**20} MiB", hint="is it a justfile?")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{shown} is not UTF-8 text (byte {error.start})", hint="is it a justfile?") from error


def _with_imports(justfile: Justfile, folder: Path, shown: str) -> None:
    """Read what a justfile imports, and what that imports, into it."""
    seen = {os.path.realpath(folder / Path(shown).name)}
    waiting = [(justfile, folder)]
    read: list[Justfile] = []
    while waiting:
        one, base = waiting.pop(0)
        for found in one.imports:
            path = Path(base, os.path.expanduser(found.path))  # noqa: PTH111 - a path that is no file name stays as it is
            real = os.path.realpath(path)
            if real in seen or len(seen) > _MAX_FILES:
                continue
            seen.add(real)
            name = os.path.relpath(path, folder) if not os.path.isabs(shown) else str(path)  # noqa: PTH117 - a string is at hand
            name = str(Path(Path(shown).parent, name)) if shown != "<stdin>" else name
            try:
                inner = parse(_text(_bytes(path, name), name), name)
            except (NotFound, UsageError) as problem:
                if not found.optional:
                    hint = problem.hint or "correct the path, or write import? when it may be missing"
                    justfile.problems.append(Problem("", found.place, f"{problem.message}, so what it has is missing", hint))
                continue
            read.append(inner)
            waiting.append((inner, path.parent))
    merge(justfile, read)


def write_text(path: Path, text: str, *, force: bool) -> None:
    """Write a file as a whole; one that exists only with ``force``.

    Raises:
        Refused: It exists.
        StoreError: It can not be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}.", delete=False, encoding="utf-8") as file:
            try:
                file.write(text)
                file.flush()
                os.fchmod(file.fileno(), 0o666 & ~_umask())
                if force:
                    Path(file.name).replace(path)
                else:
                    os.link(file.name, path)
            finally:
                Path(file.name).unlink(missing_ok=True)
    except FileExistsError as error:
        hint = "--force overwrites it, --output names another file, --dry-run only shows what it would hold"
        raise Refused(f"{path} exists and is not overwritten", hint=hint, code="exists") from error
    except OSError as error:
        raise StoreError(f"{path} can not be written: {error.strerror}") from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
