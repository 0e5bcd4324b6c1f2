"""The types that contexts have in expressions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ropeway.lang.expressions.types import ANY, BOOLEAN, INTEGER, NUMBER, STRING, Type, list_of, map_of, optional, record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ropeway.lang.model import Field
    from ropeway.lang.values import ParameterTypes

ENV: Final = map_of(STRING)
RUN: Final = record({"id": STRING, "workflow": STRING, "version": optional(STRING)})
"""What ``run.NAME`` may be; whoever carries out a run provides exactly these."""

_TYPES: Final = {
    "string": STRING,
    "path": STRING,
    "choice": STRING,
    "secret": STRING,
    "integer": INTEGER,
    "number": NUMBER,
    "boolean": BOOLEAN,
}


def type_of_field(field: Field, types: ParameterTypes | None = None) -> Type:
    """Return the type that a field's value has when it has one."""
    if field.type == "list":
        return list_of(_named(field.items or "string", types))
    if field.type == "map":
        return map_of(_named(field.items or "string", types))
    return _named(field.type, types)


def read_type(field: Field, types: ParameterTypes | None = None) -> Type:
    """Return the type that reading a parameter or an input gives: it may be null when it need not be given and has no default."""
    of = type_of_field(field, types)
    return of if field.required or field.has_default else optional(of)


def fields_record(fields: Mapping[str, Field], types: ParameterTypes | None = None) -> Type:
    """Return the type of ``params`` or ``inputs``."""
    return record({name: read_type(field, types) for name, field in fields.items()})


def secrets_record(names: Iterable[str]) -> Type:
    """Return the type of ``secrets``: the entries that the policy lists."""
    return record(dict.fromkeys(names, STRING))


def _named(name: str, types: ParameterTypes | None) -> Type:
    found = _TYPES.get(name)
    if found is not None:
        return found
    plugin = types.type(name) if types is not None else None
    return _TYPES.get(plugin.base, ANY) if plugin is not None else ANY
