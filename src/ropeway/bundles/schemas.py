"""What goes into a workflow and what comes out of it, as JSON Schema (2020-12), for the metadata that registries show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ropeway.lang.expressions.types import ANY, INTEGER, NUMBER, STRING, Type

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ropeway.lang.diagnostics import Location, Path
    from ropeway.lang.model import Field, Workflow

__all__ = ["inputs_schema", "outputs_schema"]

_SCALARS: Final = {STRING.kind: "string", INTEGER.kind: "integer", NUMBER.kind: "number", "boolean": "boolean", "null": "null"}
_FIELDS: Final = {"string": "string", "integer": "integer", "number": "number", "boolean": "boolean", "path": "string", "choice": "string"}


def inputs_schema(workflow: Workflow) -> dict[str, Any]:
    """Return the schema of the parameters. A secret is a string that is only written, and has no default."""
    return _object(workflow.parameters)


def _object(fields: Mapping[str, Field]) -> dict[str, Any]:
    found: dict[str, Any] = {"type": "object", "properties": {name: _field(field) for name, field in fields.items()}}
    needed = sorted(name for name, field in fields.items() if field.required and not field.has_default)
    return found | ({"required": needed} if needed else {})


def _field(field: Field) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if field.type == "list":
        found = {"type": "array", "items": _value(field, field.items or "string")}
    elif field.type == "map":
        found = {"type": "object", "additionalProperties": _value(field, field.items or "string")}
    elif field.type == "secret":
        found = {"type": "string", "writeOnly": True}
    else:
        found = _value(field, field.type)
    if field.description:
        found["description"] = field.description
    if field.has_default and field.type != "secret":
        found["default"] = list(field.default) if isinstance(field.default, tuple) else field.default
    return found


def _value(field: Field, kind: str) -> dict[str, Any]:
    if kind == "any":
        return {}
    # a plugin's type is a string with a format of its own, as far as others can know
    found: dict[str, Any] = {"type": _FIELDS[kind]} if kind in _FIELDS else {"type": "string", "format": kind}
    if kind == "path":
        found["format"] = "path"
    if field.pattern is not None:
        found["pattern"] = f"^(?:{field.pattern})$"
    if field.choices:
        found["enum"] = list(field.choices)
    if field.minimum is not None:
        found["minimum"] = field.minimum
    if field.maximum is not None:
        found["maximum"] = field.maximum
    return found


def outputs_schema(workflow: Workflow) -> dict[str, Any]:
    """Return the schema of the workflow's outputs, with the types of their expressions; ``{}`` where anything may come out."""
    types: Mapping[str, Type] = dict.fromkeys(workflow.outputs, ANY)
    if workflow.outputs and workflow.dialect == "ropeway":
        from ropeway.lang.checks.meaning import Meaning
        from ropeway.lang.diagnostics import Problems

        types = Meaning(workflow, Problems(_Nowhere())).output_types()
    return {"type": "object", "properties": {name: _typed(kind) for name, kind in types.items()}}


def _typed(kind: Type) -> dict[str, Any]:
    if kind.kind in _SCALARS:
        return {"type": _SCALARS[kind.kind]}
    if kind.kind == "list":
        return {"type": "array"} | ({"items": _typed(kind.item)} if kind.item is not None and _typed(kind.item) else {})
    if kind.kind == "map":
        return {"type": "object"} | ({"additionalProperties": _typed(kind.item)} if kind.item is not None and _typed(kind.item) else {})
    if kind.kind == "record":
        return {"type": "object"}
    if kind.kind == "optional" and kind.item is not None and _typed(kind.item):
        return {"anyOf": [_typed(kind.item), {"type": "null"}]}
    return {}


class _Nowhere:
    """A locator for problems that were told before, or will be when the workflow is planned."""

    def locate(self, path: Path, *, key: bool = False, offset: int | None = None, length: int = 1) -> Location:
        """Return a place that means nothing."""
        from ropeway.lang.diagnostics import Location

        del path, key, offset, length
        return Location("", 1, 1, 2, "")
