"""Loads the sub-workflows that a workflow uses, so that the language, which reads no files, can check and link them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

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
    from ropeway.lang.library import Wanted
    from ropeway.lang.link import Missing
    from ropeway.lang.plan import Plan, Value

__all__ = ["blames_overrides", "check", "link_all"]


def check(loaded: Loaded) -> list[Diagnostic]:
    """Return everything that is wrong with a workflow whose model is made, sorted by place.

    Sub-workflows on this machine are checked too; of others only the reference is.
    """
    from ropeway.lang.validate import validate

    assert loaded.workflow is not None
    problems = Problems(locator_for(loaded.source))
    problems.extend(list(loaded.diagnostics))
    library: dict[str, LinkedSource] = {}
    if not problems.failed and _uses_workflows(loaded):
        try:
            _link(loaded, library, remote=False)
        except InvalidWorkflow as found:
            problems.extend(cast("list[Diagnostic]", list(found.diagnostics)))
            return problems.sorted()
    path = str(loaded.path) if loaded.path is not None else None
    validate(loaded.workflow, locator_for(loaded.source), problems, types=PluginTypes(), library=library, path=path)
    return problems.sorted()


def link_all(loaded: Loaded, parameters: Mapping[str, Value] | None, *, env: Mapping[str, str] | None = None) -> Plan:
    """Check a workflow and make its plan; None for the parameters makes a plan without values.

    Raises:
        InvalidWorkflow: With every problem of the workflow, of what it uses and of the values.
        Refused: It uses a workflow of a registry, which this version can not reach.
    """
    if loaded.workflow is None:
        raise _invalid(loaded, loaded.diagnostics)
    if not loaded.valid:
        raise _invalid(loaded, check(loaded))
    plan = _link(loaded, {}, parameters, env=env)
    assert plan is not None
    return plan


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


def _link(
    loaded: Loaded,
    library: dict[str, LinkedSource],
    parameters: Mapping[str, Value] | None = None,
    *,
    env: Mapping[str, str] | None = None,
    remote: bool = True,
) -> Plan | None:
    """Link until nothing is missing; ``library`` is filled on the way.

    With ``remote`` false, what is in a registry stays missing, and then there is no plan.
    """
    from ropeway.lang.link import Missing, link

    source = _linked(loaded)
    while True:
        try:
            found = link(source, library, parameters, types=PluginTypes(), env=env, overrides=loaded.overrides, origins=_origins(loaded))
        except InvalidWorkflow as error:
            raise _invalid(loaded, cast("Sequence[Diagnostic]", error.diagnostics)) from None
        if not isinstance(found, Missing):
            return found
        known = len(library)
        _load_missing(loaded, found, library, remote=remote)
        if len(library) == known:
            return None


def _load_missing(loaded: Loaded, missing: Missing, library: dict[str, LinkedSource], *, remote: bool) -> None:
    problems: list[Diagnostic] = []
    for wanted in missing.references:
        try:
            found = _read_wanted(wanted)
        except (NotFound, UsageError) as error:
            problems.append(Diagnostic("RW420", "error", error.message, error.hint, wanted.location))
            continue
        except Refused:
            if remote:
                raise
            continue
        if found.workflow is None:
            problems.extend(found.diagnostics)
        elif not found.valid:
            problems.extend(check(found))
        else:
            library[wanted.key] = _linked(found)
    if problems:
        raise _invalid(loaded, problems)


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
