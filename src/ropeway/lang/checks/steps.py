"""The types of ``steps.NAME``: what a step gives to those that come after it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from ropeway.lang.builtins import builtin, gate
from ropeway.lang.checks.types import read_type, type_of_field
from ropeway.lang.expressions.types import ANY, INTEGER, STRING, Type, list_of, map_of, optional, record
from ropeway.lang.reads import asks_per_item

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ropeway.lang.model import Field, Workflow
    from ropeway.lang.uses import Body
    from ropeway.lang.values import ParameterTypes

_OPEN: Final = map_of(STRING)
_UNTYPED: Final = map_of(ANY)


class StepTypes:
    """Answers for the steps of one workflow; each type is made when it is first asked for.

    Args:
        workflow: The workflow.
        bodies: Every step with its actions resolved, None where that failed.
        form_fields: What a form asks for.
        sub_outputs: The output types of the sub-workflow that a reference names, None when it is not known.
        types: What plugins bring.
    """

    def __init__(
        self,
        workflow: Workflow,
        bodies: Mapping[str, Body | None],
        form_fields: Callable[[Body], Mapping[str, Field]],
        sub_outputs: Callable[[str], Mapping[str, Type] | None],
        types: ParameterTypes | None,
    ) -> None:
        self._workflow = workflow
        self._bodies = bodies
        self._form_fields = form_fields
        self._sub_outputs = sub_outputs
        self._types = types
        self._known: dict[tuple[str, bool, bool], Type] = {}

    def of(self, name: str, *, settled: bool = False, own: bool = False) -> Type:
        """Return the type of ``steps.name``.

        ``settled``: the reader also runs after failures (``failure()``, ``always()``), so nothing may be there. ``own``: the step asks
        about its own iteration in ``until``, so everything is.
        """
        key = (name, settled, own)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._make(name, settled=settled, own=own)
        return found

    def seen_by(self, reader: str | None, *, own: bool, settled: bool) -> Type:
        """Return the type of ``steps`` as one reader sees it; see :meth:`of`."""
        return record(_Seen(self, self._workflow.steps, reader, own=own, settled=settled))

    def declared(self, name: str) -> Mapping[str, Field] | None:
        """Return the declarations of a step's outputs, None when it is open or its outputs are somebody else's business."""
        body = self._bodies.get(name)
        if body is None:
            return None
        if body.outputs is not None or body.uses is None:
            return body.outputs
        if body.uses.kind == "builtin":
            known = builtin(body.uses.name)
            return known.outputs if known is not None else None
        if body.uses == ("gate", "form"):
            return self._form_fields(body)
        if body.uses.kind == "gate":
            known = gate(body.uses.name)
            return known.outputs if known is not None else None
        return None

    def is_open(self, name: str) -> bool:
        """Whether a step is a command that declares no outputs, so that every output is a string."""
        body = self._bodies.get(name)
        return body is not None and body.uses is None and body.outputs is None

    def is_secret(self, name: str, output: str) -> bool:
        """Whether an output of a step is declared as a secret."""
        field = (self.declared(name) or {}).get(output)
        return field is not None and field.type == "secret"

    def _make(self, name: str, *, settled: bool, own: bool) -> Type:
        step, body = self._workflow.steps[name], self._bodies.get(name)
        if body is None:
            return ANY
        each = step.foreach is not None and not own
        per_item = each and asks_per_item(step.when)
        maybe = not own and (settled or step.on_error == "continue" or (step.when is not None and not per_item))
        is_process = body.uses is None and not each
        outputs = self._outputs(name, body)
        if each:
            outputs = _spread(outputs, missing=per_item)
        if maybe:
            outputs = _relax(outputs)
        exit_code = INTEGER if is_process and not maybe else optional(INTEGER)
        return record({"state": STRING, "exit_code": exit_code, "outputs": outputs})

    def _outputs(self, name: str, body: Body) -> Type:
        fields = self.declared(name)
        if fields is not None:
            read = read_type if body.uses is not None and body.uses.kind == "gate" else type_of_field
            return record({output: read(field, self._types) for output, field in fields.items()})
        if body.uses is None:
            return _OPEN
        if body.uses.kind == "workflow":
            known = self._sub_outputs(body.uses.name)
            return _UNTYPED if known is None else record(known)
        return _UNTYPED


class _Seen(Mapping[str, Type]):
    """All steps by name; a type is made when it is looked at."""

    __slots__ = ("_names", "_own", "_reader", "_settled", "_types")

    def __init__(self, types: StepTypes, names: Mapping[str, object], reader: str | None, *, own: bool, settled: bool) -> None:
        self._types = types
        self._names = names
        self._reader = reader
        self._own = own
        self._settled = settled

    def __getitem__(self, name: str) -> Type:
        if name not in self._names:
            raise KeyError(name)
        if name != self._reader:
            return self._types.of(name, settled=self._settled)
        return self._types.of(name, own=True) if self._own else ANY

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _spread(outputs: Type, *, missing: bool) -> Type:
    """Return the outputs of all instances of a ``foreach``: lists in item order, with null for instances that were skipped."""

    def all_of(of: Type) -> Type:
        return list_of(optional(of) if missing else of)

    if outputs.fields is not None:
        return record({name: all_of(of) for name, of in outputs.fields.items()})
    return map_of(all_of(outputs.item or ANY))


def _relax(outputs: Type) -> Type:
    """Return the outputs of a step that may have none: each may be null."""
    if outputs.fields is not None:
        return record({name: optional(of) for name, of in outputs.fields.items()})
    return map_of(optional(outputs.item or ANY))
