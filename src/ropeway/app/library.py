"""Loads the sub-workflows that a workflow uses, so that the language, which reads no files, can check and link them.

What is elsewhere is brought here when a plan is made. Checking a file asks no network: it takes what is locked and was fetched before.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar, cast

from ropeway.app import reading
from ropeway.app.plugin_types import PluginTypes
from ropeway.app.projects import LOCK_FILE, bundled, find_project, read_bytes
from ropeway.errors import InvalidWorkflow, NotFound, Refused, RopewayError, Unreachable, UsageError
from ropeway.lang.diagnostics import Diagnostic, Problems
from ropeway.lang.dialects import locator_for
from ropeway.lang.library import LinkedSource
from ropeway.lang.parameters import ABOUT_VALUES
from ropeway.records import replace

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ropeway.app.consent import By
    from ropeway.app.reading import Loaded
    from ropeway.app.sources import Sources
    from ropeway.lang.diagnostics import Locator
    from ropeway.lang.library import Wanted
    from ropeway.lang.plan import Plan, Value
    from ropeway.lang.reference import Reference
    from ropeway.registry import Fetched

__all__ = ["blames_overrides", "check", "link_all"]

_Error = TypeVar("_Error", bound=RopewayError)


def check(loaded: Loaded) -> list[Diagnostic]:
    """Return everything that is wrong with a workflow whose model is made, sorted by place.

    Sub-workflows on this machine are checked too, and those of registries that are locked and at hand; of others only the reference is.
    """
    from ropeway.lang.validate import validate

    assert loaded.workflow is not None
    main = _linked(loaded)
    problems = Problems(locator_for(loaded.source))
    problems.extend(list(loaded.diagnostics))
    found = _Found(_Reader(loaded), {}, {}, [], set())
    if _uses_workflows(loaded):
        found.load(main)
        problems.extend(found.diagnostics)
    for source in (main, *found.every.values()):
        own = Problems(source.locator)
        validate(source.workflow, source.locator, own, types=PluginTypes(), library=found.sound, path=source.path)
        problems.extend([each for each in own if not found.explains(each)])
    return problems.sorted()


class _Found(NamedTuple):
    """The sub-workflows at hand that a workflow uses, directly or not, by library key.

    ``every`` has all that there is a model of; ``sound`` those whose model is whole, so that inputs and outputs can be checked against it;
    ``diagnostics`` what is wrong with the files, and with references to none; ``broken`` the references that this is about, as written.
    """

    reader: _Reader
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
            read = self.reader.at_hand(wanted)
        except (NotFound, UsageError, Refused) as error:
            self.diagnostics.append(Diagnostic("RW420", "error", error.message, error.hint, wanted.location))
            self.broken.add(f"workflow:{wanted.reference}")
            return
        if read is None:  # elsewhere: only the reference is checked
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
        NotFound, Unreachable, Refused: It uses a workflow that is elsewhere and can not be had, or must not be used.
    """
    if loaded.workflow is None:
        raise _invalid(loaded, loaded.diagnostics)
    if not loaded.valid:
        raise _invalid(loaded, check(loaded))
    from ropeway.lang.link import Missing, link

    source, library, origins, reader = _linked(loaded), dict[str, LinkedSource](), _origins(loaded), _Reader(loaded)
    while True:
        try:
            found = link(source, library, parameters, types=PluginTypes(), env=env, overrides=loaded.overrides, origins=origins, file=file)
        except InvalidWorkflow as error:
            raise _invalid(loaded, cast("Sequence[Diagnostic]", error.diagnostics)) from None
        if not isinstance(found, Missing):
            return found
        if not all(_loaded(wanted, library, reader) for wanted in found.references):
            raise _invalid(loaded, _everything(loaded, parameters, file))


def _loaded(wanted: Wanted, library: dict[str, LinkedSource], reader: _Reader) -> bool:
    """Put a sub-workflow into the library; False when that can not be, which :func:`check` tells in detail."""
    try:
        read = reader.bring(wanted)
    except (NotFound, UsageError) as error:
        if reader.is_elsewhere(wanted):
            raise _where(error, wanted) from None
        return False
    except (Refused, Unreachable) as error:
        raise _where(error, wanted) from None
    if read.valid:
        library[wanted.key] = _linked(read)
    return read.valid


def _where(error: _Error, wanted: Wanted) -> _Error:
    """Return an error that says which line asked for what could not be had."""
    error.message = f"{wanted.location.file}:{wanted.location.line}: {error.message}"
    return error


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


class _Reader:
    """Reads what references in files name; ``main`` is the workflow that all begins with."""

    def __init__(self, main: Loaded) -> None:
        self._main = main
        self._sources = main.sources() if main.provenance is not None and main.sources is not None else None

    @property
    def sources(self) -> Sources:
        """Where references of registries lead."""
        if self._sources is None:
            from ropeway.app.sources import Sources

            self._sources = self._main.sources() if self._main.sources is not None else Sources()
        return self._sources

    def is_elsewhere(self, wanted: Wanted) -> bool:
        """Whether a reference leads away from this machine."""
        from ropeway.lang.reference import LocalReference, PathReference, parse_reference

        return not isinstance(parse_reference(wanted.reference), PathReference | LocalReference)

    def bring(self, wanted: Wanted) -> Loaded:
        """Read what a reference in a file names, from wherever it is.

        Raises:
            NotFound: It is not there.
            UsageError: The file that names it is nowhere, so that a relative reference means nothing.
            Refused: It leads out of the bundle that names it, or see :meth:`ropeway.app.sources.Sources.bring`.
        """
        if not self.is_elsewhere(wanted):
            return self._beside(wanted)
        inside = self.sources.within(wanted.base)
        reference = self._registry_reference(wanted, inside)
        by: By = "own" if inside is None else "remote"
        record = self._main.provenance is None or self.sources.lock
        fetched = self.sources.bring(reference, by=by, project=self._project(), record=record)
        return reading.read_fetched(fetched, str(reference), sources=self.sources, cwd=fetched.root)

    def at_hand(self, wanted: Wanted) -> Loaded | None:
        """Read what a reference in a file names without asking the network, None when it is elsewhere and not at hand; raises as :meth:`bring`."""
        if not self.is_elsewhere(wanted):
            return self._beside(wanted)
        if self._sources is None and not (self._project() / LOCK_FILE).exists():
            return None
        reference = self._registry_reference(wanted, self.sources.within(wanted.base))
        fetched = self.sources.at_hand(reference, project=self._project())
        return None if fetched is None else reading.read_fetched(fetched, str(reference), sources=self.sources, cwd=fetched.root)

    def _beside(self, wanted: Wanted) -> Loaded:
        """Read a file of this machine, or of the bundle that names it."""
        if wanted.base is None:
            raise UsageError(f"{wanted.reference} is relative to a file, and this workflow came from none", hint="save it to a file first")
        folder = Path(wanted.base).parent
        inside = self._sources.within(wanted.base) if self._sources is not None else None
        if inside is None:
            path = reading.resolve(wanted.reference, folder)
            return reading.read_text(read_bytes(path, wanted.reference), str(path), path, cwd=folder)
        path = bundled(wanted.reference, folder, inside.root)
        file = path.relative_to(inside.root).as_posix()
        part = replace(inside, file=file)
        return reading.read_fetched(part, f"{inside.pin.name or inside.pin.source}/{file}", sources=self.sources, cwd=folder)

    def _registry_reference(self, wanted: Wanted, inside: Fetched | None) -> Reference:
        from ropeway.lang.reference import RegistryReference, parse_reference

        reference = parse_reference(wanted.reference)
        if inside is not None and isinstance(reference, RegistryReference) and reference.registry is None:
            message = f"{wanted.reference} means the default registry, which is another one on every machine"
            raise Refused(message, hint="a published workflow names the registry: oci://…, name@owner/repo", code="default-registry-remote")
        return reference

    def _project(self) -> Path:
        """Return the folder whose lockfile counts: the main file's project, and for one that came from elsewhere the person's."""
        path = self._main.path
        start = Path.cwd() if path is None or self._main.provenance is not None else path.absolute().parent
        return find_project(start) or start


def _origins(loaded: Loaded) -> dict[str, str]:
    if not loaded.overrides:
        return {}
    from ropeway.lang.merge import Merged, named_origins

    return named_origins(loaded.source) if isinstance(loaded.source, Merged) else {}


def _linked(loaded: Loaded) -> LinkedSource:
    from ropeway.lang.digests import workflow_digest

    assert loaded.workflow is not None
    path = str(loaded.path) if loaded.path is not None else None
    return LinkedSource(loaded.workflow, workflow_digest(loaded.source.data), path, locator_for(loaded.source), loaded.provenance)
