"""The types of expressions.

They are CEL's, called by the words that workflow files use. ``number`` is CEL's double; an integer may stand wherever a number is
wanted. ``any`` fits everything and is checked when the expression is evaluated (the result of ``json()``, values of mixed lists).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ropeway import records

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "ANY",
    "BOOLEAN",
    "INTEGER",
    "NOTHING",
    "NULL",
    "NUMBER",
    "STRING",
    "Type",
    "accepts",
    "comparable",
    "item_of",
    "join",
    "list_of",
    "map_of",
    "optional",
    "record",
]


@records.record
class Type:
    """One type. ``str()`` is what people read.

    ``kind`` is ``string integer number boolean null any list map record optional``, or ``nothing`` for the items of ``[]``.
    ``item`` belongs to list, map and optional; ``fields`` to a record and may be any mapping, also one that makes its values on demand.
    """

    kind: str
    item: Type | None = None
    fields: Mapping[str, Type] | None = None

    def __hash__(self) -> int:
        return hash((self.kind, self.item))  # a mapping has no hash

    def __str__(self) -> str:
        if self.kind == "record":
            return "map"
        if self.item is None or self.item.kind == "nothing":
            return self.kind
        return f"{self.item} or null" if self.kind == "optional" else f"{self.kind} of {self.item}"


STRING = Type("string")
INTEGER = Type("integer")
NUMBER = Type("number")
BOOLEAN = Type("boolean")
NULL = Type("null")
ANY = Type("any")
NOTHING = Type("nothing")

_NUMERIC = frozenset({"integer", "number"})
_LOOSE = frozenset({"any", "nothing"})


def list_of(item: Type) -> Type:
    """Return the type of lists with such items."""
    return Type("list", item)


def map_of(item: Type) -> Type:
    """Return the type of maps from strings to such values; any key may be asked for."""
    return Type("map", item)


def record(fields: Mapping[str, Type]) -> Type:
    """Return the type of maps with exactly these keys; asking for another is an error when the expression is checked."""
    return Type("record", None, fields)


def optional(item: Type) -> Type:
    """Return the type of such values or null. What can be null already stays as it is."""
    return item if item.kind in {"optional", "null", "any", "nothing"} else Type("optional", item)


def item_of(of: Type) -> Type:
    """Return the type of the items of a list or the values of a map or record; ``any`` where they differ."""
    if of.item is not None:
        return of.item
    if of.kind == "record" and of.fields is not None:
        found = NOTHING
        for one in of.fields.values():
            found = join(found, one) or ANY
        return found
    return ANY


def join(a: Type, b: Type) -> Type | None:
    """Return the narrowest type that holds the values of both, or None when there is none but ``any``.

    An integer and a number have none: an integer that is only *called* a number would still divide like an integer.
    """
    if a == b or b.kind == "nothing":
        return a
    if a.kind == "nothing":
        return b
    if "any" in {a.kind, b.kind}:
        return ANY
    if "null" in {a.kind, b.kind}:
        return optional(b if a.kind == "null" else a)
    if "optional" in {a.kind, b.kind}:
        inner = join(_required(a), _required(b))
        return None if inner is None else optional(inner)
    if a.kind == b.kind == "list":
        return list_of(join(item_of(a), item_of(b)) or ANY)
    if {a.kind, b.kind} <= {"map", "record"}:
        return map_of(join(item_of(a), item_of(b)) or ANY)
    return None


def _required(of: Type) -> Type:
    return of.item if of.kind == "optional" and of.item is not None else of


def accepts(wanted: Type, given: Type) -> bool:
    """Whether a value of type ``given`` may stand where ``wanted`` is asked for; an integer may where a number is."""
    if wanted == given or wanted.kind in _LOOSE or given.kind in _LOOSE:
        return True
    if wanted.kind == "optional":
        return given.kind == "null" or accepts(_required(wanted), _required(given))
    if wanted.kind == "number":
        return given.kind == "integer"
    if wanted.kind == given.kind == "list":
        return accepts(item_of(wanted), item_of(given))
    if wanted.kind == "map" and given.kind in {"map", "record"}:
        return accepts(item_of(wanted), item_of(given))
    if wanted.kind == "record" and given.kind == "record":
        theirs = given.fields or {}
        return all(name in theirs and accepts(of, theirs[name]) for name, of in (wanted.fields or {}).items())
    return False


def comparable(a: Type, b: Type) -> bool:
    """Whether ``==`` between the two can ever be true, or asks whether one is null."""
    if a.kind in _LOOSE or b.kind in _LOOSE or "null" in {a.kind, b.kind}:
        return True
    if a.kind in _NUMERIC and b.kind in _NUMERIC:
        return True
    if "optional" in {a.kind, b.kind}:
        return False
    if {a.kind, b.kind} <= {"map", "record"}:
        return True
    if a.kind == b.kind == "list":
        return comparable(_required(item_of(a)), _required(item_of(b)))
    return a.kind == b.kind
