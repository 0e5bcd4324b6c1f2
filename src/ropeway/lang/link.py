"""From checked workflows to a plan: what is used is put in its place, and everything a run needs is in one document.

Pure: sub-workflows come from a library that the caller fills. What is not in it yet is returned as :class:`Missing`; the caller loads it
and links again, until nothing is missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ropeway.errors import InvalidWorkflow
from ropeway.lang.diagnostics import Problems
from ropeway.lang.hints import shown
from ropeway.lang.library import MAX_DEPTH, LinkedSource, Wanted, is_reference, library_key
from ropeway.lang.parameters import parameter_values
from ropeway.lang.plan import Plan
from ropeway.lang.templates import make_template
from ropeway.lang.uses import resolve
from ropeway.lang.validate import examine

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ropeway.lang.diagnostics import Diagnostic, Locator, Path
    from ropeway.lang.plan import Value
    from ropeway.lang.values import ParameterTypes

__all__ = ["LinkedSource", "Missing", "Wanted", "library_key", "link", "wanted"]


class Missing(NamedTuple):
    """Sub-workflows that the library has to hold before linking can go on."""

    references: tuple[Wanted, ...]


def link(
    source: LinkedSource,
    library: Mapping[str, LinkedSource],
    parameters: Mapping[str, Value] | None = None,
    *,
    types: ParameterTypes | None = None,
    env: Mapping[str, str] | None = None,
    overrides: Sequence[str] = (),
    origins: Mapping[str, str] | None = None,
    file: Locator | None = None,
) -> Plan | Missing:
    """Check a workflow and all that it uses, and make the plan.

    Args:
        source: The workflow.
        library: Loaded sub-workflows by :func:`library_key`.
        parameters: The values that were given, with their origins: text for the origin ``param``, data for all others. None makes the
            template, which is a plan without values.
        types: Parameter types and validators that plugins bring.
        env: The caller's ``--env`` settings.
        overrides: The overrides as typed, for people.
        origins: Where overridden keys came from, see ``lang.merge.named_origins``.
        file: Finds places in the parameters file, when there is one.

    Returns:
        The plan, or what is missing from the library.

    Raises:
        InvalidWorkflow: With every problem that was found, in the workflow, in what it uses and in the parameters.
    """
    found = _Collector(library)
    found.collect(source)
    if found.wanted and not any(problem.severity == "error" for problem in found.diagnostics):
        return Missing(tuple(found.wanted.values()))
    diagnostics = list(found.diagnostics)
    examined = []
    for one in (source, *found.sources.values()):
        problems = Problems(one.locator)
        examined.append(examine(one.workflow, problems, types=types, library=library, path=one.path))
        diagnostics += problems.sorted()
    problems = Problems(source.locator)
    values = {} if parameters is None else parameter_values(source.workflow, parameters, problems, types, origins, file)
    diagnostics += problems.sorted()
    _refuse(source, diagnostics)
    keys = _plan_keys(found.sources)
    templates = [
        make_template(one, made, {reference: keys[key] for reference, key in found.links(one).items()})
        for one, made in zip((source, *found.sources.values()), examined, strict=True)
    ]
    return Plan(
        template=templates[0],
        parameters=values,
        env=dict(env or {}),
        workflows=dict(zip(keys.values(), templates[1:], strict=True)),
        overrides=tuple(overrides),
        warnings=tuple(_said(problem) for problem in diagnostics if problem.severity == "warning"),
        origins=dict(origins or {}),
    )


def wanted(source: LinkedSource, library: Mapping[str, LinkedSource]) -> tuple[tuple[Wanted, ...], list[Diagnostic]]:
    """Return what a workflow uses, directly or not, that the library does not hold; and what is wrong with how they use each other."""
    found = _Collector(library)
    found.collect(source)
    return tuple(found.wanted.values()), found.diagnostics


class _Collector:
    """Finds everything that a workflow uses, directly or not: ``sources`` and ``wanted`` by library key, in order of discovery."""

    def __init__(self, library: Mapping[str, LinkedSource]) -> None:
        self.sources: dict[str, LinkedSource] = {}
        self.wanted: dict[str, Wanted] = {}
        self.diagnostics: list[Diagnostic] = []
        self._library = library
        self._heights: dict[str, int] = {}

    def collect(self, source: LinkedSource) -> None:
        """Follow all references of the main workflow."""
        self._height(source, (source.path,) if source.path is not None else ())

    def links(self, source: LinkedSource) -> dict[str, str]:
        """Return the library key of each sub-workflow that a workflow uses, by reference as written."""
        return {reference: library_key(reference, source.path) for reference in _references(source)}

    def _height(self, source: LinkedSource, chain: tuple[str, ...]) -> int:
        """Return how many levels there are below a workflow. Not deep itself: it stops where the limit is passed."""
        deepest = 0
        for reference, path in _references(source).items():
            key = library_key(reference, source.path)
            if key in chain:
                self._tell(
                    source, path, "RW517", "this workflow uses itself: " + _chain((*chain[chain.index(key) :], key)), "break the circle"
                )
                continue
            if len(chain) > MAX_DEPTH or len(chain) + self._heights.get(key, 0) > MAX_DEPTH:
                message = f"sub-workflows are nested more than {MAX_DEPTH} deep"
                self._tell(source, path, "RW518", message, "put some of the levels into one file")
                continue
            if key not in self._heights:
                inner = self._library.get(key)
                if inner is None:
                    where = source.locator.locate(path)
                    self.wanted.setdefault(key, Wanted(key, reference, source.path, where))
                    continue
                self.sources[key] = inner
                self._heights[key] = self._height(inner, (*chain, key))
            deepest = max(deepest, 1 + self._heights[key])
        return deepest

    def _tell(self, source: LinkedSource, path: Path, code: str, message: str, hint: str) -> None:
        problems = Problems(source.locator)
        problems.error(code, path, message, hint=hint)
        self.diagnostics.extend(problems)


def _references(source: LinkedSource) -> dict[str, Path]:
    """Return the well-formed ``workflow:`` references of a workflow's steps, with the first place that says each."""
    found: dict[str, Path] = {}
    for step in source.workflow.steps.values():
        body = resolve(step, source.workflow.actions) if step.uses is not None else None
        if body is None or body.uses is None or body.uses.kind != "workflow" or body.uses.name in found:
            continue
        if is_reference(body.uses.name):  # what is none is told by validate
            found[body.uses.name] = (*body.path, "uses")
    return found


def _plan_keys(sources: Mapping[str, LinkedSource]) -> dict[str, str]:
    """Return for each library key the key in the plan: the digest, numbered when equal files stand in different folders."""
    keys: dict[str, str] = {}
    taken: set[str] = set()
    for library, source in sources.items():
        key, number = source.digest, 2
        while key in taken:
            key, number = f"{source.digest}.{number}", number + 1
        taken.add(key)
        keys[library] = key
    return keys


def _refuse(source: LinkedSource, diagnostics: list[Diagnostic]) -> None:
    errors = sum(problem.severity == "error" for problem in diagnostics)
    if errors:
        name = source.path or source.workflow.id
        raise InvalidWorkflow(f"{name} has {errors:,} {'problem' if errors == 1 else 'problems'}", diagnostics=diagnostics)


def _chain(keys: tuple[str, ...]) -> str:
    from ropeway.lang.graph import arrows

    return arrows([shown(key) for key in keys])


def _said(problem: Diagnostic) -> str:
    return f"{problem.location.file}:{problem.location.line}: {problem.message}"
