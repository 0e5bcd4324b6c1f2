"""Reading workflow files: from what a person named to the model.

Everything that is wrong *in* a file is a diagnostic; what keeps a file from being read at all (it is not there, it is a folder) is an
error. Nothing here writes.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from ropeway.app.projects import ENDINGS, FILE_NAMES, find_by_id, find_project, read_bytes
from ropeway.errors import InvalidWorkflow, NotFound, UsageError
from ropeway.lang.diagnostics import Problems

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ropeway.app.sources import Sources
    from ropeway.lang.diagnostics import Diagnostic, Location
    from ropeway.lang.diagnostics import Path as Place
    from ropeway.lang.model import Workflow
    from ropeway.lang.plan import Provenance
    from ropeway.lang.reference import Reference
    from ropeway.registry import Fetched

__all__ = ["Loaded", "Source", "locate", "read", "read_fetched", "read_text", "resolve"]

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


class Loaded(NamedTuple):
    """A workflow file as it was read and checked.

    ``name`` is what messages call it, ``path`` its absolute path (None for standard input), ``workflow`` is None when the file has
    mistakes that keep a workflow from being made; ``diagnostics`` are sorted by place. ``provenance`` is None for a file of this machine; ``sources``
    gives where references lead that leave this machine, None when the caller does not care.
    """

    name: str
    path: Path | None
    source: Source
    workflow: Workflow | None
    diagnostics: tuple[Diagnostic, ...]
    overrides: tuple[str, ...] = ()
    provenance: Provenance | None = None
    sources: Callable[[], Sources] | None = None

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


def read(target: str | None, *, cwd: Path, overrides: Sequence[str] = (), sources: Callable[[], Sources] | None = None) -> Loaded:
    """Read the workflow that a person named and make its model; what its parts mean together is not checked yet.

    Args:
        target: A path, a workflow id of the project around ``cwd``, a reference to what is elsewhere, ``-`` for standard input, or None for
            ``./workflow.toml``.
        cwd: Where relative paths start.
        overrides: ``key.path=value`` or the path of an override file, in order.
        sources: Gives where references lead, the same each time; None makes one that asks nobody. Only called when one leaves this machine.

    Raises:
        NotFound: There is no such file or workflow.
        UsageError: The words can not be a reference to a workflow.
        Unreachable, Refused: It is elsewhere, and can not be had or must not be used; see :meth:`ropeway.app.sources.Sources.bring`.
    """
    if target == _STDIN:
        import sys

        return read_text(sys.stdin.buffer.read(), "<stdin>", None, cwd=cwd, overrides=overrides)._replace(sources=sources)
    place = locate(target, cwd)
    if isinstance(place, Path):
        shown = _shown(place, cwd)
        return read_text(read_bytes(place, shown), shown, place, cwd=cwd, overrides=overrides)._replace(sources=sources)
    from ropeway.app.sources import Sources

    reach = sources() if sources is not None else Sources()
    fetched = reach.bring(place, by="typed", project=find_project(cwd) or cwd, record=reach.lock)
    return read_fetched(fetched, str(place), sources=reach, cwd=cwd, overrides=overrides)


def read_fetched(fetched: Fetched, reference: str, *, sources: Sources, cwd: Path, overrides: Sequence[str] = ()) -> Loaded:
    """Make the model of a workflow that was brought here; ``reference`` is what messages call it."""
    from ropeway.lang.plan import Provenance

    pin = fetched.pin
    provenance = Provenance(
        reference, pin.source, pin.name, pin.digest, fetched.tree, fetched.file, pin.version, sources.judge.signers(fetched)
    )
    raw = read_bytes(fetched.path, reference)
    return read_text(raw, reference, fetched.path, cwd=cwd, overrides=overrides)._replace(provenance=provenance, sources=lambda: sources)


def read_text(raw: bytes, name: str, path: Path | None, *, cwd: Path, overrides: Sequence[str] = ()) -> Loaded:
    """Make the model of a workflow whose bytes are at hand; see :func:`read`."""
    from ropeway.lang.source import format_of, read_document

    document, found = read_document(raw, name, format=None if path is None else format_of(path.name))  # a reference has no ending
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


def _override(text: str, cwd: Path, found: list[Diagnostic]) -> Any:
    """Return an override as ``merge`` takes it; what is wrong with an override file goes to ``found``."""
    if "=" in text.partition("\n")[0]:
        return text
    if not text.endswith(ENDINGS):
        raise UsageError(f"{text!r} is no override", hint="write key.path=value, or the path of a .toml or .yaml file")
    from ropeway.lang.source import read_document

    path = _absolute(text, cwd)
    document, problems = read_document(read_bytes(path, text), text)
    found.extend(problems)
    return None if any(d.severity == "error" for d in problems) else document


def locate(target: str | None, cwd: Path) -> Path | Reference:
    """Return the file that a person named (it need not exist), or the reference when that leads away from this machine; see :func:`read`."""
    if target is None:
        return _default_file(cwd)
    if (
        target.endswith(ENDINGS) and "@" not in target and "://" not in target and not target.startswith("file:")
    ):  # the common case, without the grammar
        return _absolute(target, cwd)
    from ropeway.lang import reference

    parsed = reference.parse_reference(f"{target}/" if target in {".", ".."} else target)
    if isinstance(parsed, reference.PathReference):
        path = _absolute(parsed.path, cwd)
        if path.is_dir():
            return next((path / name for name in FILE_NAMES if (path / name).is_file()), path / FILE_NAMES[0])
        return path
    if not isinstance(parsed, reference.LocalReference):
        return parsed
    if find_project(cwd) is None and _has_default_registry():
        return reference.RegistryReference(parsed.name, None, parsed.ref)
    if parsed.ref is not None:
        hint = f"write {parsed.name}, or {parsed.name}@#{parsed.ref} for the default registry's"
        raise UsageError(f"{target}: a project's own workflow has no versions", hint=hint)
    return find_by_id(parsed.name, cwd)


def resolve(target: str, cwd: Path) -> Path:
    """Return the file that a path or a local name means; the caller knows that it is one."""
    place = locate(target, cwd)
    assert isinstance(place, Path)
    return place


def _has_default_registry() -> bool:
    import os

    from ropeway.registry.config import read_registries

    return read_registries(os.environ).default is not None


def _default_file(cwd: Path) -> Path:
    for name in FILE_NAMES:
        if (cwd / name).is_file():
            return cwd / name
    project = find_project(cwd)
    if project is None:
        raise NotFound("there is no workflow.toml here", hint="`workflow init` starts one", code="file-not-found")
    hint = "`workflow list` shows the project's workflows; run one by its id"
    raise NotFound("there is no workflow.toml in this folder", hint=hint, code="file-not-found")


def _absolute(text: str, cwd: Path) -> Path:
    return Path(text).expanduser() if text.startswith("~/") else Path(cwd, text)


def _shown(path: Path, cwd: Path) -> str:
    """Return a path as messages show it: relative when it is below the folder."""
    text, base = str(path), f"{cwd}/"
    return text.removeprefix(base) if text.startswith(base) else text
