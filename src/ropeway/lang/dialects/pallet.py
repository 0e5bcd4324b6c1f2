"""Reads Pallet workflow documents: ``metadata:`` and a list of steps, run in list order.

Pallet nests: a ``parallel``, ``conditional`` or ``switch`` step holds lists of steps. Our model does not, so they are flattened:
inner steps become ordinary steps that need what stood before the branching step, with a ``when`` that says which branch they are
in, and the step after it needs where every branch ends. The branching step itself disappears. A step skipped by its own ``when``
counts as done, so one branch of a ``conditional`` is enough to go on. The whole list is one line of needs, so running is bounded
by it: ``max_parallel`` is the widest ``parallel``, and ``on_failure = "continue"`` lets its other steps finish, after which
nothing else can start.

Pallet declares no inputs. The parameters are what templates read: ``{{ workflow.input.user.name }}`` makes ``user`` one, of type
``any``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from ropeway.lang.dialects.pallet_names import Names, Scope
from ropeway.lang.dialects.pallet_reads import Values
from ropeway.lang.dialects.pallet_shape import Call, Conditional, Parallel, read_shape
from ropeway.lang.dialects.pallet_templates import access, has_text, is_false, is_true
from ropeway.lang.hints import shown
from ropeway.lang.model import Field, Policy, Step, Workflow
from ropeway.records import replace

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ropeway.lang.diagnostics import Location, Path, Problems
    from ropeway.lang.dialects.pallet_shape import Metadata, PalletStep, Switch

__all__ = ["RESULT", "Readable", "read_pallet"]

RESULT = "result"
"""The ``Field.source`` of an output that is the step's whole result, not one key of it (``outputs: NAME``)."""

_SUB_WORKFLOW = "execute_workflow"


class Readable(Protocol):
    """A document as ``read_document`` returns it."""

    @property
    def data(self) -> Mapping[str, Any]:
        """The parsed document."""
        ...

    def locate(self, path: Path, *, key: bool = False, offset: int | None = None, length: int = 1) -> Location:
        """See ``lang.diagnostics.Locator``."""
        ...


def read_pallet(document: Readable, problems: Problems) -> Workflow | None:
    """Read a Pallet document into the model.

    Args:
        document: What ``read_document`` returned.
        problems: Takes everything that is wrong, each at its place.

    Returns:
        The workflow, its ``dialect`` being ``pallet``; None when something is wrong. Never raises, whatever the document holds.
    """
    known = len(problems)
    shape = read_shape(document.data, problems)
    everything: dict[str, PalletStep] = {}
    _index(shape.steps, everything, problems)
    reader = _Reader(problems, everything)
    reader.steps_of(shape.steps, (), (), Scope())
    if any(problem.severity == "error" for problem in list(problems)[known:]):
        return None
    return _workflow(shape.metadata, shape.steps, reader)


def _workflow(metadata: Metadata, steps: Sequence[PalletStep], reader: _Reader) -> Workflow:
    last = steps[-1] if steps else None
    outputs = {}
    if isinstance(last, Call) and last.output is not None:
        outputs[last.output] = f"${{{{ {access('steps', (last.id, 'outputs', last.output))} }}}}"
    return Workflow(
        id=metadata.id,
        version=metadata.version,
        name=metadata.name,
        description=metadata.description,
        tags=metadata.tags,
        parameters=reader.parameters,
        policy=Policy(max_parallel=max(_width(steps), 1), on_failure="continue"),
        steps=reader.steps,
        outputs=outputs,
        dialect="pallet",
    )


def _branches(step: PalletStep) -> tuple[Sequence[PalletStep], ...]:
    """Return a step's lists of inner steps, in the order in which they are written down in the model."""
    if isinstance(step, Call):
        return ()
    if isinstance(step, Parallel):
        return tuple((inner,) for inner in step.steps)
    if isinstance(step, Conditional):
        return (step.if_true, step.if_false)
    return (*step.cases.values(), step.default)


def _index(steps: Sequence[PalletStep], everything: dict[str, PalletStep], problems: Problems) -> None:
    """Collect every step by id, inner ones too; they share one name space because results are read by id alone."""
    for step in steps:
        if step.id in everything:
            hint = "ids are unique in the whole document, inner steps included"
            problems.error("RW707", (*step.path, "id"), f"there is already a step {shown(step.id)}", hint=hint)
        elif step.id:
            everything[step.id] = step
        for branch in _branches(step):
            _index(branch, everything, problems)


def _width(steps: Sequence[PalletStep]) -> int:
    """Return how many steps can be under way at once."""
    widths = [1]
    for step in steps:
        inner = [_width(branch) for branch in _branches(step) if branch]
        widths.append(sum(inner) if isinstance(step, Parallel) else max(inner, default=1))
    return max(widths)


class _Reader:
    """Flattens the steps of one document, in list order."""

    def __init__(self, problems: Problems, everything: Mapping[str, PalletStep]) -> None:
        self._steps: dict[str, Step] = {}
        self._problems = problems
        self._names = Names(everything)
        self._values = Values(problems, self._names)
        self._hands_on: set[str] = set()

    @property
    def parameters(self) -> Mapping[str, Field]:
        """What templates read of the workflow's input, in the order in which they read it."""
        return self._values.parameters

    @property
    def steps(self) -> Mapping[str, Step]:
        """The flattened steps. Ask when all were read: a step that hands on the whole input gets every parameter."""
        everything = {name: f"${{{{ {access('params', (name,))} }}}}" for name in self.parameters}
        return {name: replace(step, inputs=everything) if name in self._hands_on else step for name, step in self._steps.items()}

    def steps_of(self, steps: Sequence[PalletStep], needs: tuple[str, ...], guards: tuple[str, ...], scope: Scope) -> tuple[str, ...]:
        """Flatten a list whose first step needs ``needs``; return what the step after the list needs."""
        for step in steps:
            needs = self._call(step, needs, guards, scope) if isinstance(step, Call) else self._branching(step, needs, guards, scope)
        scope.open = False
        return needs

    def _branching(
        self, step: Parallel | Conditional | Switch, needs: tuple[str, ...], guards: tuple[str, ...], scope: Scope
    ) -> tuple[str, ...]:
        choice = not isinstance(step, Parallel)
        questions = self._questions(step)
        ends: list[str] = []
        scopes: list[Scope] = []
        for branch, question in zip(_branches(step), questions, strict=True):
            inner = Scope(scope, choice)
            scopes.append(inner)
            if branch:
                ends += self.steps_of(branch, needs, (*guards, question) if question else guards, inner)
            inner.open = False
        for inner in scopes:
            inner.joined = True
        return tuple(dict.fromkeys(ends)) or needs

    def _questions(self, step: Parallel | Conditional | Switch) -> tuple[str, ...]:
        """Return for each branch the expression that decides whether it runs; empty for always."""
        if isinstance(step, Parallel):
            return ("",) * len(step.steps)
        value = self._values.condition(step.condition, step.id, (*step.path, "condition"))
        if isinstance(step, Conditional):
            return (is_true(value), is_false(value))
        cases = tuple(step.cases)
        return (*(has_text(value, (case,)) for case in cases), f"!({has_text(value, cases)})" if cases else "")

    def _call(self, step: Call, needs: tuple[str, ...], guards: tuple[str, ...], scope: Scope) -> tuple[str, ...]:
        uses, raw, path = f"skill:{step.skill}", step.inputs, (*step.path, "inputs")
        if step.skill == _SUB_WORKFLOW:
            uses, raw, path = self._sub_workflow(step, path)
        inputs = {str(key): self._values.value(value, step.id, (*path, key)) for key, value in raw.items()}
        self._names.add(step, scope)
        self._steps[step.id] = Step(
            id=step.id,
            uses=uses,
            needs=needs,
            inputs=inputs,
            when=" && ".join(guards) or None,
            timeout=step.timeout,
            outputs=None if step.output is None else {step.output: Field(step.output, "any", source=RESULT)},
        )
        return (step.id,)

    def _sub_workflow(self, step: Call, path: Path) -> tuple[str, Mapping[str, Any], Path]:
        """Return what ``execute_workflow`` starts, the inputs that it hands on, and where those stand."""
        for key in step.inputs:
            if key not in {"workflow_id", "input"}:
                hint = "it takes workflow_id and input"
                self._problems.error("RW701", (*path, key), f"'{_SUB_WORKFLOW}' has no input {shown(str(key))}", hint=hint, key=True)
        target = step.inputs.get("workflow_id")
        if not isinstance(target, str) or not target.strip() or "{{" in target:
            place = (*path, "workflow_id") if "workflow_id" in step.inputs else step.path
            hint = "name one workflow; to choose between several, use a switch with one such step per case"
            self._problems.error("RW711", place, f"'{_SUB_WORKFLOW}' needs a fixed workflow_id", hint=hint)
            target = ""
        path = (*path, "input")
        value = step.inputs.get("input", {})
        if isinstance(value, str) and self._values.is_whole_input(value, path):
            self._hands_on.add(step.id)
            value = {}
        elif not isinstance(value, dict):
            hint = "give each input its own key, or hand on everything: {{ workflow.input }}"
            self._problems.error("RW702", path, "'input' must be a map", hint=hint)
            value = {}
        return f"workflow:{target.strip()}", value, path
