"""What a workflow means: finds everything that is wrong with it at once, and runs nothing.

The model has been checked key by key (``lang.build``); here is what keys mean together: names that must exist, cycles, who may read whom,
types inside expressions and of what is handed in, text that would become code, secrets that would be seen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ropeway.lang.checks.bodies import BodyChecker
from ropeway.lang.checks.meaning import Meaning
from ropeway.lang.checks.names import check_needs, check_uses
from ropeway.lang.checks.places import GROUP, PATH, PLAIN, WHEN
from ropeway.lang.checks.policy import check_policy
from ropeway.lang.expressions.types import BOOLEAN
from ropeway.lang.fields import check_fields
from ropeway.lang.hints import shown
from ropeway.lang.reads import OPENING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ropeway.lang.diagnostics import Locator, Path, Problems
    from ropeway.lang.graph import Graph
    from ropeway.lang.library import LinkedSource
    from ropeway.lang.model import Step, Workflow
    from ropeway.lang.scripts import Compiled
    from ropeway.lang.values import ParameterTypes

__all__ = ["Examined", "examine", "validate"]


class Examined:
    """A workflow that was checked: what linking goes on with. ``compiled`` holds scripts by the path of their step or action."""

    __slots__ = ("compiled", "graph", "meaning")

    def __init__(self, meaning: Meaning, graph: Graph, compiled: Mapping[Path, Compiled]) -> None:
        self.meaning = meaning
        self.graph = graph
        self.compiled = compiled


def validate(
    workflow: Workflow,
    locator: Locator,
    problems: Problems,
    *,
    types: ParameterTypes | None = None,
    library: Mapping[str, LinkedSource] | None = None,
    path: str | None = None,
) -> None:
    """Tell everything that is wrong with a workflow.

    Args:
        workflow: What ``lang.build`` or a dialect made; parts that were wrong may be missing from it.
        locator: Finds places in what the person wrote; ``problems`` has it already, so it is here for callers' symmetry only.
        problems: Takes what is found: codes RW2xx to RW5xx, and RW1xx for types that only plugins know.
        types: Parameter types and validators that plugins bring.
        library: Sub-workflows that are loaded, by ``lang.library.library_key``; others are noted and not checked.
        path: The absolute path of the file, for references that are relative to it.
    """
    del locator
    examine(workflow, problems, types=types, library=library, path=path)


def examine(
    workflow: Workflow,
    problems: Problems,
    *,
    types: ParameterTypes | None = None,
    library: Mapping[str, LinkedSource] | None = None,
    path: str | None = None,
) -> Examined:
    """Do what :func:`validate` does, and return what was found out on the way."""
    _check_declarations(workflow, problems, types)
    graph = check_needs(workflow, problems)
    check_uses(workflow, problems)
    meaning = Meaning(workflow, problems, path=path, library=library, types=types)
    bodies = BodyChecker(meaning)
    for action in workflow.actions.values():
        bodies.action(action)
    for step in workflow.steps.values():
        _check_step(meaning, bodies, step)
    _check_ends(meaning)
    _check_hidden(meaning, graph)
    return Examined(meaning, graph, bodies.compiled)


def _check_declarations(workflow: Workflow, problems: Problems, types: ParameterTypes | None) -> None:
    if workflow.dialect != "ropeway":
        return  # nothing is declared there; the fields are what the dialect inferred
    check_fields(problems, workflow.parameters, ("parameters",), types)
    for action in workflow.actions.values():
        check_fields(problems, action.inputs, ("actions", action.id, "inputs"), types)
        if action.outputs:
            check_fields(problems, action.outputs, ("actions", action.id, "outputs"), types)
    for step in workflow.steps.values():
        if step.outputs:
            check_fields(problems, step.outputs, ("steps", step.id, "outputs"), types)


def _check_step(meaning: Meaning, bodies: BodyChecker, step: Step) -> None:
    body = meaning.bodies[step.id]
    if body is not None:
        check_policy(meaning.workflow, step, body, meaning.problems)
    if _is_plain(step):
        return
    checker, path = meaning.checker, ("steps", step.id)
    scope = meaning.scope_of_step(step, meaning.item_type(step))
    if step.when is not None:
        checker.condition(scope, WHEN, step.when, (*path, "when"), wanted=BOOLEAN)
    bodies.step(scope, step)
    if step.repeat is not None:
        asked = scope._replace(own=True)
        checker.condition(asked, PLAIN, step.repeat.until, (*path, "repeat", "until"), wanted=BOOLEAN)
    checker.template(scope, PATH, step.workspace, (*path, "workspace"))


def _is_plain(step: Step) -> bool:
    """Whether no expression stands in a step, which is told without making the contexts that expressions see."""
    return (
        isinstance(step.run, str)
        and OPENING not in step.run
        and step.when is None
        and step.foreach is None
        and step.repeat is None
        and not step.env
        and OPENING not in step.workspace
    )


def _check_ends(meaning: Meaning) -> None:
    """Check the expressions that belong to the whole run."""
    workflow, checker = meaning.workflow, meaning.checker
    concurrency = workflow.policy.concurrency
    if concurrency is not None:
        checker.template(meaning.scope_of_run(ended=False), GROUP, concurrency.group, ("policy", "concurrency", "group"))
    for artifact in workflow.artifacts.values():
        checker.template(meaning.scope_of_run(ended=True), PATH, artifact.path, ("artifacts", artifact.name, "path"))
    meaning.output_types()


def _check_hidden(meaning: Meaning, graph: Graph) -> None:
    """Tell about steps that read a step which they do not need: its outputs might not be there yet."""
    reads = meaning.checker.reads
    if not reads or graph.cycles():
        return
    for reader, read in graph.hidden(reads):
        place = reads[reader, read]
        needs = ", ".join(f'"{need}"' for need in (*meaning.workflow.steps[reader].needs, read))
        hint = f"add it: needs = [{needs}]" if len(needs) < 100 else f"add {shown(read)} to its needs"
        message = f"step {shown(reader)} reads step {shown(read)} and does not need it"
        meaning.problems.error("RW505", place.path, message, hint=hint, offset=place.offset, length=place.length)
