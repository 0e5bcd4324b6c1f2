"""Loads the sub-workflows that a workflow uses, so that the language, which reads no files, can check and link them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

from ropeway.app import reading
from ropeway.app.plugin_types import PluginTypes
from ropeway.app.projects import read_bytes
from ropeway.errors import InvalidWorkflow, NotFound, Refused, UsageError
from ropeway.lang.diagnostics import Diagnostic, Problems
from ropeway.lang.dialects import locator_for
from ropeway.lang.library import LinkedSource
from ropeway.lang.parameters import ABOUT_VALUES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ropeway.app.reading import Loaded
    from ropeway.lang.diagnostics import Locator
    from ropeway.lang.library import Wanted
    from ropeway.lang.plan import Plan, Value

__all__ = ["blames_overrides", "check", "link_all"]


def check(loaded: Loaded) -> list[Diagnostic]:
    """Return everything that is wrong with a workflow whose model is made, sorted by place.

    Sub-workflows on this machine are checked too; of others only the reference is.
    """
    from ropeway.lang.validate import validate

    assert loaded.workflow is not None
    main = _linked(loaded)
    problems = Problems(locator_for(loaded.source))
    problems.extend(list(loaded.diagnostics))
    found = _Found({}, {}, [], set())
    if _uses_workflows(loaded):
        found.load(main)
        problems.extend(found.diagnostics)
    for source in (main, *found.every.values()):
        own = Problems(source.locator)
        validate(source.workflow, source.locator, own, types=PluginTypes(), library=found.sound, path=source.path)
        problems.extend([each for each in own if not found.explains(each)])
    return problems.sorted()


class _Found(NamedTuple):
    """The sub-workflows on this machine that a workflow uses, directly or not, by library key.

    ``every`` has all that there is a model of; ``sound`` those whose model is whole, so that inputs and outputs can be checked against it;
    ``diagnostics`` what is wrong with the files, and with references to none; ``broken`` the references that this is about, as written.
    """

    every: dict[str, LinkedSource]
    sound: dict[str, LinkedSource]
    diagnostics: list[Diagnostic]
    broken: set[str]

    def explains(self, note: Diagnostic) -> bool:
        """Whether a note says of a reference that its file is not loaded, and why has been told."""
        place = note.location
        return note.code == "RW516" and place.text[place.column - 1 : place.end_column - 1].strip("\"'") in self.broken

    def load(self, main: LinkedSource) -> None:
        """Read until nothing more is named; what can not be read is told once and left out."""
        from ropeway.lang.link import wanted

        tried: set[str] = set()
        while True:
            names, circles = wanted(main, self.every)
            new = [each for each in names if each.key not in tried]
            if not new:
                self.diagnostics.extend(circles)
                return
            for each in new:
                tried.add(each.key)
                self._load(each)

    def _load(self, wanted: Wanted) -> None:
        try:
            read = _read_wanted(wanted)
        except (NotFound, UsageError) as error:
            self.diagnostics.append(Diagnostic("RW420", "error", error.message, error.hint, wanted.location))
            self.broken.add(f"workflow:{wanted.reference}")
            return
        except Refused:  # in a registry: only the reference is checked
            return
        self.diagnostics.extend(read.diagnostics)
        if read.workflow is not None:
            self.every[wanted.key] = _linked(read)
            if read.valid:
                self.sound[wanted.key] = self.every[wanted.key]
                return
        self.broken.add(f"workflow:{wanted.reference}")


def link_all(
    loaded: Loaded, parameters: Mapping[str, Value] | None, *, env: Mapping[str, str] | None = None, file: Locator | None = None
) -> Plan:
    """Check a workflow and make its plan; None for the parameters makes a plan without values. ``file`` finds places in a parameters file.

    Raises:
        InvalidWorkflow: With every problem of the workflow, of what it uses and of the values.
        Refused: It uses a workflow of a registry, which this version can not reach.
    """
    if loaded.workflow is None:
        raise _invalid(loaded, loaded.diagnostics)
    if not loaded.valid:
        raise _invalid(loaded, check(loaded))
    from ropeway.lang.link import Missing, link

    source, library, origins = _linked(loaded), dict[str, LinkedSource](), _origins(loaded)
    while True:
        try:
            found = link(source, library, parameters, types=PluginTypes(), env=env, overrides=loaded.overrides, origins=origins, file=file)
        except InvalidWorkflow as error:
            raise _invalid(loaded, cast("Sequence[Diagnostic]", error.diagnostics)) from None
        if not isinstance(found, Missing):
            return found
        if not all(_loaded(wanted, library) for wanted in found.references):
            raise _invalid(loaded, _everything(loaded, parameters, file))


def _loaded(wanted: Wanted, library: dict[str, LinkedSource]) -> bool:
    """Put a sub-workflow into the library; False when that can not be, which :func:`check` tells in detail."""
    try:
        read = _read_wanted(wanted)
    except (NotFound, UsageError):
        return False
    if read.valid:
        library[wanted.key] = _linked(read)
    return read.valid


def _everything(loaded: Loaded, parameters: Mapping[str, Value] | None, file: Locator | None) -> list[Diagnostic]:
    """Return what is wrong with a workflow, with what it uses, and with the values of the call."""
    from ropeway.lang.parameters import parameter_values

    assert loaded.workflow is not None
    problems = Problems(locator_for(loaded.source))
    if parameters is not None:
        parameter_values(loaded.workflow, parameters, problems, PluginTypes(), file=file)
    return [*check(loaded), *problems.sorted()]


def blames_overrides(loaded: Loaded) -> bool:
    """Whether a workflow with errors has none when its overrides are left out; False when that can not be found out."""
    if not loaded.overrides or loaded.path is None:
        return False
    try:
        bare = reading.read_text(read_bytes(loaded.path, loaded.name), loaded.name, loaded.path, cwd=loaded.path.parent)
    except NotFound:
        return False
    return bare.workflow is not None and not any(d.severity == "error" for d in check(bare))


def _invalid(loaded: Loaded, diagnostics: Sequence[Diagnostic]) -> InvalidWorkflow:
    """Return the error that sums up: what is wrong with the file, with what was laid over it, and with the values of the call."""
    errors = [d.code for d in diagnostics if d.severity == "error"]
    values = sum(code in ABOUT_VALUES for code in errors)
    rest = len(errors) - values
    misfits = f"{values:,} parameter{'s do' if values != 1 else ' does'} not fit"
    count = f"{rest:,} error{'s' * (rest != 1)}"
    if not rest:
        return InvalidWorkflow(misfits, diagnostics=diagnostics, code="invalid-parameters")
    if blames_overrides(loaded):
        message, hint = f"--override makes {loaded.name} invalid: {count}", f"{loaded.name} itself is valid"
    else:
        message, hint = f"{loaded.name} has {count}", None
    return InvalidWorkflow(f"{message}, and {misfits}" if values else message, diagnostics=diagnostics, hint=hint)


def _uses_workflows(loaded: Loaded) -> bool:
    assert loaded.workflow is not None
    used = [step.uses for step in loaded.workflow.steps.values()] + [action.uses for action in loaded.workflow.actions.values()]
    return any(name is not None and name.startswith("workflow:") for name in used)


def _read_wanted(wanted: Wanted) -> Loaded:
    """Read the file that a reference in another file names.

    Raises:
        NotFound: It is not there.
        UsageError: The file that names it is nowhere, so that a relative reference means nothing.
        Refused: It is in a registry.
    """
    from ropeway.lang.reference import LocalReference, PathReference, parse_reference

    if not isinstance(parse_reference(wanted.reference), PathReference | LocalReference):
        raise Refused(
            f"{wanted.reference} names a registry, and this version can not reach one",
            hint="fetch the file yourself and use it by its path",
            code="registry-unsupported",
        )
    if wanted.base is None:
        raise UsageError(f"{wanted.reference} is relative to a file, and this workflow came from none", hint="save it to a file first")
    folder = Path(wanted.base).parent
    path = reading.resolve(wanted.reference, folder)
    return reading.read_text(read_bytes(path, wanted.reference), str(path), path, cwd=folder)


def _origins(loaded: Loaded) -> dict[str, str]:
    if not loaded.overrides:
        return {}
    from ropeway.lang.merge import Merged, named_origins

    return named_origins(loaded.source) if isinstance(loaded.source, Merged) else {}


def _linked(loaded: Loaded) -> LinkedSource:
    from ropeway.lang.digests import workflow_digest

    assert loaded.workflow is not None
    path = str(loaded.path) if loaded.path is not None else None
    return LinkedSource(loaded.workflow, workflow_digest(loaded.source.data), path, locator_for(loaded.source))
