"""The words of the reader's messages: how a place is called, what should stand there, and what to write instead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ropeway.lang.hints import did_you_mean, shown
from ropeway.lang.kinds import Anything, Boolean, Choice, Command, Duration, Integer, ListOf, MapOf, Number, Size, Table, Text

if TYPE_CHECKING:
    from ropeway.lang.diagnostics import Path
    from ropeway.lang.kinds import Kind

__all__ = ["a", "entry", "hint_for_key", "hint_for_type", "label", "says"]


def a(word: str) -> str:
    """Return the word with its article."""
    return f"{'an' if word[:1] in 'aeiou' else 'a'} {word}"


def label(path: Path) -> str:
    """Return how a message calls the value at ``path``: ``'timeout'``, ``'needs[0]'``."""
    last = path[-1]
    if isinstance(last, int) and len(path) > 1:
        return f"'{str(path[-2])[:60]}[{last}]'"
    return shown(last if isinstance(last, str) else str(last))


def entry(kind: Table, path: Path) -> str:
    """Return how a message calls the table at ``path``: ``step 'build'``, ``'retry'``, ``the workflow``."""
    if not path:
        return f"the {kind.name}"
    if path[-1] == kind.name:
        return repr(kind.name)
    return f"{kind.name} {shown(path[-1] if isinstance(path[-1], str) else str(path[-1]))}"


def says(kind: Kind) -> str:
    """Return what a value of this kind is, with its article."""
    match kind:
        case Text():
            return kind.format.says if kind.format else "a string"
        case Integer():
            return "a whole number"
        case Number():
            return "a number"
        case Boolean():
            return "true or false"
        case Choice():
            return " or ".join(map(repr, kind.values))
        case Duration():
            return 'a duration such as "30m"'
        case Size():
            return 'a size such as "1GiB"'
        case ListOf():
            return "a list"
        case Command():
            return f"{says(kind.text)}, or a list of strings" if isinstance(kind.text, Choice) else "a string or a list of strings"
        case MapOf():
            return f"a table of {kind.what}s by name"
        case Table():
            return f"a table such as {kind.example}" if kind.example else "a table"
        case Anything():
            return "a value"


def hint_for_key(kind: Table, name: str) -> str:
    """Return what to write instead of a key that does not exist."""
    habit = kind.habits.get(name.lower().replace("-", "_"))
    if habit is not None:
        return f"here it is called {habit!r}" if habit in kind.keys else f"that is {habit}"
    near = did_you_mean(name, kind.keys)
    return near if near is not None else f"the keys here are {', '.join(kind.keys)}"


def hint_for_type(kind: Kind, value: Any, path: Path) -> str | None:
    """Return what to write instead of a value of the wrong type, or None when there is nothing better to say than the type."""
    if value is None:
        return "give it a value, or remove the key"
    name = path[-1] if path and isinstance(path[-1], str) and len(path[-1]) <= 40 else "key"
    match kind:
        case Duration() if type(value) is int and 0 < value < 10**6:
            return f'add a unit: {name} = "{value}s" for seconds, "{value}m" for minutes'
        case Size() if type(value) is int and 0 < value < 10**15:
            return f'add a unit: {name} = "{value}B" for bytes, "{value}MiB" for mebibytes'
        case Integer() | Number() if isinstance(value, str) and _is_number(value):
            return f"write it without quotes: {name} = {value.strip()}"
        case Boolean() if isinstance(value, str) and value.lower() in ("true", "yes", "on"):
            return f"write it without quotes: {name} = true"
        case Boolean() if isinstance(value, str) and value.lower() in ("false", "no", "off"):
            return f"write it without quotes: {name} = false"
        case Text() | Choice() if type(value) in (bool, int, float):
            return f'put it in quotes: "{shown(value)}"'
        case ListOf() if isinstance(value, str) and len(value) <= 40:
            return f'write a list: {name} = ["{value}"]'
        case MapOf() if isinstance(value, list) and isinstance(kind.item, Table):
            return f"give each {kind.what} a name and write it as a table: [{name}.NAME]"
        case Table() if kind.example and path:
            return f"write {name} = {kind.example}"
    return None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return len(text) <= 20
