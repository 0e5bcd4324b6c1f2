"""Workflow documents as plain values: what a program reads of one that it does not run (yet).

A definition of the Pallet kind (``metadata:`` and a list of steps) keeps its nesting: a ``parallel`` step holds its branches. In the model that
is planned and run they are flattened; :attr:`WorkflowDefinition.workflow` has that.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ropeway.app.plugin_types import PluginTypes
from ropeway.app.projects import read_bytes
from ropeway.app.reading import read_text
from ropeway.lang.diagnostics import Problems
from ropeway.lang.dialects import is_pallet, locator_for
from ropeway.lang.validate import validate
from ropeway.records import field, record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ropeway.app.reading import Loaded
    from ropeway.lang.dialects.pallet_shape import PalletStep
    from ropeway.lang.model import Step, Workflow

__all__ = ["WorkflowDefinition", "WorkflowMetadata", "WorkflowStep", "load_workflow_from_yaml"]


@record
class WorkflowMetadata:
    """Who a workflow is. In our own language only the id has to be there, and ``name`` is the id when the file has none."""

    id: str
    name: str
    version: str | None = None
    description: str | None = None
    tags: tuple[str, ...] = ()


@record
class WorkflowStep:
    """One step. ``skill`` is None where none is called, ``timeout`` is in seconds.

    ``step_type`` is ``sequential``, ``parallel``, ``conditional`` or ``switch``; ``branches`` holds the inner steps of the last three under
    ``steps``, under ``if_true`` and ``if_false``, or under each case and ``default``.
    """

    id: str
    skill: str | None = None
    inputs: Mapping[str, Any] = field(default_factory=dict)
    outputs: str | None = None
    timeout: float | None = None
    step_type: str = "sequential"
    condition: Any = None
    branches: Mapping[str, tuple[WorkflowStep, ...]] = field(default_factory=dict)


@record
class WorkflowDefinition:
    """A workflow document without errors: who it is, its steps in the order of the file, and the model made of it."""

    metadata: WorkflowMetadata
    steps: tuple[WorkflowStep, ...]
    workflow: Workflow
    path: Path


def load_workflow_from_yaml(path: str | Path) -> WorkflowDefinition:
    """Read a workflow document of either kind, YAML or TOML.

    Workflows that it calls are not looked for: those are found when it is planned.

    Raises:
        NotFound: There is no such file.
        InvalidWorkflow: It is no YAML, or no workflow; ``diagnostics`` holds every problem with its place.
    """
    path = Path(path)
    loaded = read_text(read_bytes(path, str(path)), str(path), path.absolute(), cwd=Path.cwd())
    problems = Problems(locator_for(loaded.source))
    problems.extend(list(loaded.diagnostics))
    if loaded.workflow is not None:
        validate(loaded.workflow, locator_for(loaded.source), problems, types=PluginTypes(), path=str(path.absolute()))
    checked = loaded._replace(diagnostics=tuple(problems.sorted()))
    return _definition(checked, checked.checked(), path.absolute())


def _definition(loaded: Loaded, workflow: Workflow, path: Path) -> WorkflowDefinition:
    metadata = WorkflowMetadata(workflow.id, workflow.name or workflow.id, workflow.version, workflow.description, workflow.tags)
    if not is_pallet(loaded.source.data):
        return WorkflowDefinition(metadata, tuple(map(_own, workflow.steps.values())), workflow, path)
    from ropeway.lang.dialects.pallet_shape import read_shape

    shape = read_shape(loaded.source.data, Problems(locator_for(loaded.source)))
    return WorkflowDefinition(metadata, _nested(shape.steps), workflow, path)


def _own(step: Step) -> WorkflowStep:
    """Return a step of our own language; a condition of its own stands in ``workflow``."""
    kind, _, skill = (step.uses or "").partition(":")
    return WorkflowStep(step.id, skill if kind == "skill" else None, step.inputs, None, step.timeout)


def _nested(steps: Sequence[PalletStep]) -> tuple[WorkflowStep, ...]:
    return tuple(map(_pallet, steps))


def _pallet(step: PalletStep) -> WorkflowStep:
    from ropeway.lang.dialects.pallet_shape import DEFAULT_CASE, Call, Conditional, Parallel

    if isinstance(step, Call):
        return WorkflowStep(step.id, step.skill, step.inputs, step.output, step.timeout)
    if isinstance(step, Parallel):
        return WorkflowStep(step.id, step_type="parallel", branches={"steps": _nested(step.steps)})
    if isinstance(step, Conditional):
        branches = {"if_true": _nested(step.if_true), "if_false": _nested(step.if_false)}
        return WorkflowStep(step.id, step_type="conditional", condition=step.condition, branches=branches)
    cases = {name: _nested(inner) for name, inner in step.cases.items()} | {DEFAULT_CASE: _nested(step.default)}
    return WorkflowStep(step.id, step_type="switch", condition=step.condition, branches=cases)
