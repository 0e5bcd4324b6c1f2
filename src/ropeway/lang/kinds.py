"""The kinds of value that a key of a workflow file may have: the words that ``lang.table`` is written in.

Plain data. ``lang.reader`` checks a value by its kind, ``lang.schema`` turns a kind into JSON Schema; neither knows any key by name.
These are named tuples and not dataclasses because they are made at every start of the program, and a dataclass costs six times as
much to define.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "Anything",
    "Boolean",
    "Choice",
    "Command",
    "Duration",
    "Format",
    "Integer",
    "Key",
    "Kind",
    "ListOf",
    "MapOf",
    "Number",
    "Size",
    "Table",
    "Text",
]

Holds = Literal["literal", "prose", "template", "expression"]
"""What a string may hold: only itself (``${{`` is a mistake), text for people (``${{`` means nothing), text with ``${{ … }}``, or one
expression that may omit ``${{ }}``."""


class Format(NamedTuple):
    """A rule for a string: a pattern (Python and ECMA-262, anchored), how it is called in messages, and what to write."""

    name: str
    pattern: str
    says: str
    hint: str
    code: str = "RW104"


class Text(NamedTuple):
    """A string; empty only when ``empty``."""

    holds: Holds = "literal"
    format: Format | None = None
    empty: bool = False


class Integer(NamedTuple):
    """A whole number within bounds."""

    minimum: int
    maximum: int


class Number(NamedTuple):
    """A finite number that is at least ``minimum``, when there is one."""

    minimum: float | None = None


class Boolean(NamedTuple):
    """``true`` or ``false``."""


class Choice(NamedTuple):
    """One of a few words."""

    values: tuple[str, ...]


class Duration(NamedTuple):
    """A duration, see ``lang.units``; zero only when ``zero``."""

    zero: bool = False


class Size(NamedTuple):
    """A size in bytes, see ``lang.units``."""


class Anything(NamedTuple):
    """Any value; strings inside are templates when ``template``."""

    template: bool = False


class ListOf(NamedTuple):
    """A list; empty only when ``empty``. Becomes a tuple."""

    item: Any
    empty: bool = True


class Command(NamedTuple):
    """A string, or a list of words that is an argv."""

    text: Text | Choice
    words: ListOf


class MapOf(NamedTuple):
    """Names that the author chooses, each with a value of one kind; none at all only when ``empty``."""

    item: Any
    names: Format
    what: str
    """What one entry is, for messages: ``step``, ``parameter``."""
    empty: bool = True


class Key(NamedTuple):
    """One key of a table.

    ``default`` is what holds when the key is left out (None: nothing does). ``only_with`` names a key without which this one means
    nothing, ``excludes`` keys that contradict it; both are refused, because a key that is accepted is enforced.
    """

    kind: Any
    doc: str
    default: Any = None
    only_with: str | None = None
    excludes: tuple[str, ...] = ()


class Table(NamedTuple):
    """A table with known keys.

    ``required`` names the keys that must be there, ``exactly_one`` names keys of which one must be there. ``implied`` holds pairs: when the keys of the first have one of
    these values, the key that is second must be there. ``habits`` maps words that people know from other tools to what we call it;
    ``example`` is the shortest one that works, in one line.
    """

    name: str
    doc: str
    keys: Mapping[str, Key]
    required: tuple[str, ...] = ()
    exactly_one: tuple[str, ...] = ()
    habits: Mapping[str, str] = {}
    example: str = ""
    implied: tuple[tuple[Mapping[str, tuple[str, ...]], str], ...] = ()


Kind = Text | Integer | Number | Boolean | Choice | Duration | Size | Anything | ListOf | Command | MapOf | Table
