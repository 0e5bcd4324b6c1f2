"""The JSON Schema (2020-12, https://json-schema.org/draft/2020-12) of ``workflow.toml``, made from the one table.

For editors, through the first line ``#:schema PATH`` that ``workflow init`` writes. It says what a file may look like; what its parts
mean together (names that must exist, expressions, types) only ``workflow validate`` can tell, so a file that fits the schema may still
be refused, and a file that is accepted always fits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ropeway.lang.kinds import Anything, Boolean, Choice, Command, Duration, Integer, ListOf, MapOf, Number, Size, Table, Text
from ropeway.lang.table import ROOT
from ropeway.lang.units import DURATION_PATTERN, SIZE_PATTERN, format_duration, format_size

if TYPE_CHECKING:
    from ropeway.lang.kinds import Key, Kind

__all__ = ["SCHEMA_ID", "json_schema"]

SCHEMA_ID = "urn:ropeway:schema:workflow:1"
"""Names the schema; nothing is fetched from it."""

_HOLDS = {"template": " May hold ${{ expressions }}.", "expression": " An expression, with or without ${{ }}."}


def json_schema() -> dict[str, Any]:
    """Return the schema as plain data, ready for ``json.dumps``; every table is a definition of its own."""
    definitions: dict[str, Any] = {}
    root = _table(ROOT, definitions)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        "title": "Ropeway workflow",
        **root,
        "$defs": dict(sorted(definitions.items())),
    }


def _table(table: Table, definitions: dict[str, Any]) -> dict[str, Any]:
    schema: dict[str, Any] = {
        "description": table.doc,
        "type": "object",
        "properties": {name: _key(key, definitions) for name, key in table.keys.items()},
        "additionalProperties": False,
    }
    if table.required:
        schema["required"] = list(table.required)
    if table.exactly_one:
        schema["oneOf"] = [{"required": [name]} for name in table.exactly_one]
    company = {name: [key.only_with] for name, key in table.keys.items() if key.only_with is not None}
    if company:
        schema["dependentRequired"] = company
    contradictions = [{"required": [name, other]} for name, key in table.keys.items() for other in key.excludes]
    if contradictions:
        schema["not"] = {"anyOf": contradictions}
    if table.implied:
        schema["allOf"] = [
            {
                "if": {"required": list(given), "properties": {name: {"enum": list(values)} for name, values in given.items()}},
                "then": {"required": [needed]},
            }
            for given, needed in table.implied
        ]
    return schema


def _key(key: Key, definitions: dict[str, Any]) -> dict[str, Any]:
    schema = _kind(key.kind, definitions)
    schema["description"] = f"{key.doc}.{_HOLDS.get(_holds(key.kind), '')}"
    if key.default not in (None, (), {}):
        schema["default"] = written(key.kind, key.default)
    return schema


def _holds(kind: Kind) -> str:
    match kind:
        case Text():
            return kind.holds
        case Command(text=Text(holds=holds)) | MapOf(item=Text(holds=holds)):
            return holds
        case MapOf(item=Anything(template=True)):
            return "template"
    return "literal"


def written(kind: Kind, default: Any) -> Any:
    """Return a default as it would be written."""
    if isinstance(kind, Duration):
        return format_duration(default)
    if isinstance(kind, Size):
        return format_size(default)
    return default


def _kind(kind: Kind, definitions: dict[str, Any]) -> dict[str, Any]:
    """Return a fresh schema for one kind; a table becomes a definition and a reference to it."""
    match kind:
        case Text():
            return _text(kind)
        case Integer():
            return {"type": "integer", "minimum": kind.minimum, "maximum": kind.maximum}
        case Number():
            return {"type": "number"} | ({} if kind.minimum is None else {"minimum": kind.minimum})
        case Boolean():
            return {"type": "boolean"}
        case Choice():
            return {"enum": list(kind.values)}
        case Duration():
            return {"type": "string", "pattern": DURATION_PATTERN}
        case Size():
            return {"type": "string", "pattern": SIZE_PATTERN}
        case ListOf():
            return {"type": "array", "items": _kind(kind.item, definitions)} | ({} if kind.empty else {"minItems": 1})
        case Command():
            return {"anyOf": [_kind(kind.text, definitions), _kind(kind.words, definitions)]}
        case MapOf():
            names = {"pattern": kind.names.pattern}
            schema = {"type": "object", "propertyNames": names, "additionalProperties": _kind(kind.item, definitions)}
            return schema if kind.empty else {**schema, "minProperties": 1}
        case Table():
            if kind.name not in definitions:
                definitions[kind.name] = {}  # holds the place while it is made
                definitions[kind.name] = _table(kind, definitions)
            return {"$ref": f"#/$defs/{kind.name}"}
        case Anything():
            return {}


def _text(kind: Text) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    if kind.format is not None:
        schema["pattern"] = kind.format.pattern
    elif not kind.empty:
        schema["minLength"] = 1
    return schema
