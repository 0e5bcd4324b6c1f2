"""What all checks of one workflow share: its steps with their actions taken off, their types, and the checker of its expressions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ropeway.lang.checks.expressions import Checker
from ropeway.lang.checks.places import FOREACH, OUTPUT, Scope
from ropeway.lang.checks.steps import StepTypes
from ropeway.lang.checks.types import ENV, RUN, fields_record, secrets_record
from ropeway.lang.diagnostics import Location, Problems
from ropeway.lang.expressions import calls
from ropeway.lang.expressions.template import parse_condition
from ropeway.lang.expressions.types import ANY, Type, item_of, list_of
from ropeway.lang.library import library_key
from ropeway.lang.uses import resolve

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ropeway.lang.diagnostics import Path
    from ropeway.lang.library import LinkedSource
    from ropeway.lang.model import Action, Field, Step, Workflow
    from ropeway.lang.uses import Body
    from ropeway.lang.values import ParameterTypes


class Meaning:
    """One workflow, ready to be asked about.

    Args:
        workflow: The workflow.
        problems: Where to tell what is wrong with its expressions.
        path: The absolute path of its file, for references that are relative to it.
        library: Sub-workflows by key, as far as they are loaded.
        types: What plugins bring.
    """

    def __init__(
        self,
        workflow: Workflow,
        problems: Problems,
        *,
        path: str | None = None,
        library: Mapping[str, LinkedSource] | None = None,
        types: ParameterTypes | None = None,
    ) -> None:
        self.workflow = workflow
        self.problems = problems
        self.types = types
        self._path = path
        self._library = library or {}
        self.bodies = {step.id: resolve(step, workflow.actions) for step in workflow.steps.values()}
        self.steps = StepTypes(workflow, self.bodies, form_fields, self._sub_outputs, types)
        self.checker = Checker(workflow, self.steps, problems)
        sandbox = workflow.policy.sandbox
        self._names: dict[str, Type] = {
            "params": fields_record(workflow.parameters, types),
            "env": ENV,
            "run": RUN,
            "secrets": secrets_record(sandbox.secrets if sandbox is not None else ()),
        }
        self._under_way: set[str] = set()

    def sub_workflow(self, reference: str) -> LinkedSource | None:
        """Return the sub-workflow that a reference names, None when it is not loaded."""
        return self._library.get(library_key(reference, self._path))

    def scope_of_run(self, *, ended: bool) -> Scope:
        """Return what the workflow's own expressions see: all steps once the run has ended, none before it starts."""
        return Scope(self._names, "all" if ended else "none")

    def scope_of_action(self, action: Action) -> Scope:
        """Return what the inside of an action sees."""
        return Scope({**self._names, "inputs": fields_record(action.inputs, self.types)}, inputs=action.inputs)

    def scope_of_step(self, step: Step, item: Type | None) -> Scope:
        """Return what a step's own expressions see; ``item`` is the type of an instance's item."""
        names = self._names if item is None else {**self._names, "item": item}
        return Scope(names, "needed", step.id, settled=_settled(step))

    def item_type(self, step: Step) -> Type | None:
        """Check ``foreach`` and return the type of ``item``; None without it."""
        if step.foreach is None:
            return None
        path: Path = ("steps", step.id, "foreach")
        of = self.checker.condition(self.scope_of_step(step, None), FOREACH, step.foreach, path, wanted=list_of(ANY))
        return item_of(of) if of.kind == "list" else ANY

    def output_types(self) -> Mapping[str, Type]:
        """Check the workflow's outputs and return their types."""
        scope = self.scope_of_run(ended=True)
        return {name: self.checker.value(scope, OUTPUT, value, ("outputs", name)) for name, value in self.workflow.outputs.items()}

    def _sub_outputs(self, reference: str) -> Mapping[str, Type] | None:
        """Return the types of a sub-workflow's outputs, None when it is not loaded or uses itself. Its own problems are told elsewhere."""
        key = library_key(reference, self._path)
        source = self._library.get(key)
        if source is None or key in self._under_way or len(self._under_way) > 16:
            return None
        meaning = Meaning(source.workflow, Problems(_Nowhere()), path=source.path, library=self._library, types=self.types)
        meaning._under_way = {*self._under_way, key}
        return meaning.output_types()


class _Nowhere:
    """A locator for problems that nobody will read."""

    def locate(self, path: Path, *, key: bool = False, offset: int | None = None, length: int = 1) -> Location:
        """Return a place that means nothing."""
        del path, key, offset, length
        return Location("", 1, 1, 2, "")


def form_fields(body: Body) -> Mapping[str, Field]:
    """Return what a ``gate:form`` asks for."""
    from ropeway.lang.build import build_fields

    handed = body.calls()
    fields: Any = handed[-1].inputs.get("fields", {}) if handed else {}
    return build_fields(fields, (), Problems(_Nowhere()))


def _settled(step: Step) -> bool:
    """Whether a step also runs after failures, when what it reads may not be there."""
    if step.when is None or "(" not in step.when:
        return False
    expression = parse_condition(step.when).expression
    return expression is not None and not calls(expression).isdisjoint({"failure", "always"})
