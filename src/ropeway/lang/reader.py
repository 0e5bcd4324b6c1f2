"""Checks a tree of plain values against a table of kinds, and tells everything that is wrong with it.

Knows kinds, not keys: which keys there are is ``lang.table``'s, what becomes of a table is its maker's (``lang.build``). A value that
is wrong is told and left out; nothing here raises, whatever the tree holds.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from ropeway.lang.formats import fits
from ropeway.lang.hints import noun, shown
from ropeway.lang.kinds import Command, ListOf, MapOf, Table
from ropeway.lang.scalars import BAD, SCALARS, wrong_type
from ropeway.lang.wording import a, entry, hint_for_key, label

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ropeway.lang.diagnostics import Path, Problems
    from ropeway.lang.kinds import Key, Kind

__all__ = ["BAD", "Reader"]

_MANY = 20
"""So many unknown keys of one table are told one by one: a file of another kind should not answer with ten thousand lines."""


class Reader:
    """Reads values by kind.

    Args:
        problems: Where to tell what is wrong.
        makers: For each table's name, what makes a model object of its values; without one the values themselves are the result. A
            maker gets the good values, the path (its last part is the entry's name) and the table as written, and may return ``BAD``.
    """

    __slots__ = ("_makers", "_problems", "_read")

    def __init__(self, problems: Problems, makers: Mapping[str, Callable[[dict[str, Any], Path, dict[str, Any]], Any]]) -> None:
        self._problems = problems
        self._makers = makers
        self._read: dict[type, Callable[[Any, Any, Path], Any]] = {kind: partial(check, problems) for kind, check in SCALARS.items()}
        self._read |= {Table: self.table, MapOf: self._map, ListOf: self._list, Command: self._command}

    def read(self, kind: Kind, value: Any, path: Path) -> Any:
        """Return ``value`` as the model wants it, or ``BAD`` after telling why not."""
        return self._read[type(kind)](kind, value, path)

    def table(self, kind: Table, value: Any, path: Path) -> Any:
        """Read a table with known keys and hand it to its maker."""
        if type(value) is not dict:
            return wrong_type(self._problems, kind, value, path)
        keys, read = kind.keys, self._read
        values: dict[str, Any] = {}
        unknown = False
        for name, raw in value.items():
            key = keys.get(name)
            if key is None:
                unknown = True
                continue
            of = key.kind
            result = read[type(of)](of, raw, (*path, name))
            if result is not BAD:
                values[name] = result
            if (key.only_with is not None and key.only_with not in value) or key.excludes:
                self._check_company(name, key, value, path)
        if unknown:
            self._unknown(kind, [name for name in value if name not in keys], path)
        self._check_presence(kind, value, path)
        maker = self._makers.get(kind.name)
        return values if maker is None else maker(values, path, value)

    def _check_presence(self, kind: Table, value: dict[str, Any], path: Path) -> None:
        for name in kind.required:
            if name not in value:
                hint = f"add it: {name} = … ({kind.keys[name].doc[:1].lower()}{kind.keys[name].doc[1:]})"
                self._problems.error("RW103", path, f"{entry(kind, path)} has no {name!r}", hint=hint, key=True)
        if not kind.exactly_one:
            return
        there = [name for name in kind.exactly_one if name in value]
        if not there:
            words = " nor ".join(repr(name) for name in kind.exactly_one)
            hint = 'say what it does: run = "…" for a script, or uses = "…" for something that exists'
            self._problems.error("RW112", path, f"{entry(kind, path)} has neither {words}", hint=hint, key=True)
        elif len(there) > 1:
            words = " and ".join(repr(name) for name in there)
            hint = "keep one of them; two things to do are two steps"
            self._problems.error("RW113", (*path, there[-1]), f"{entry(kind, path)} has both {words}", hint=hint, key=True)

    def _check_company(self, name: str, key: Key, value: dict[str, Any], path: Path) -> None:
        if key.only_with is not None and key.only_with not in value:
            hint = f"add {key.only_with!r}, or remove it"
            self._problems.error("RW114", (*path, name), f"{name!r} means nothing without {key.only_with!r}", hint=hint, key=True)
        for other in key.excludes:
            if other in value:
                message = f"{name!r} and {other!r} contradict each other"
                self._problems.error("RW114", (*path, other), message, hint="keep one of them", key=True)

    def _unknown(self, kind: Table, names: list[Any], path: Path) -> None:
        for name in names[:_MANY]:
            if not isinstance(name, str):
                self._strange_key(name, path)
                continue
            message = f"{entry(kind, path)} has no key {shown(name)}"
            self._problems.error("RW101", (*path, name), message, hint=hint_for_key(kind, name), key=True)
        if len(names) > _MANY:
            hint = f"the keys here are {', '.join(kind.keys)}"
            self._problems.error("RW101", path, f"… and {len(names) - _MANY:,} more unknown keys", hint=hint, key=True)

    def _strange_key(self, name: Any, path: Path) -> None:
        message = f"the key {shown(name)} is {noun(name)}, not a string"
        self._problems.error("RW102", path, message, hint="put it in quotes", key=True)

    def _bad_name(self, kind: MapOf, name: str, path: Path) -> None:
        rule = kind.names
        what = f"a name for {a(kind.what)}" if rule.says == "a name" else rule.says
        self._problems.error(rule.code, path, f"{shown(name)} is not {what}", hint=rule.hint, key=True)

    def _map(self, kind: MapOf, value: Any, path: Path) -> Any:
        if type(value) is not dict:
            return wrong_type(self._problems, kind, value, path)
        item, names = kind.item, kind.names
        read = self._read[type(item)]
        result: dict[str, Any] = {}
        bad = 0
        for name, raw in value.items():
            if type(name) is not str:
                self._strange_key(name, path)
                continue
            if not fits(name, names):
                bad += 1
                if bad <= _MANY:
                    self._bad_name(kind, name, (*path, name))
            made = read(item, raw, (*path, name))
            if made is not BAD:
                result[name] = made
        if bad > _MANY:
            self._problems.error(names.code, path, f"… and {bad - _MANY:,} more names that are not allowed", hint=names.hint, key=True)
        return result

    def _list(self, kind: ListOf, value: Any, path: Path) -> Any:
        if type(value) is not list:
            return wrong_type(self._problems, kind, value, path)
        if not value and not kind.empty:
            self._problems.error("RW104", path, f"{label(path)} is empty", hint="remove the key, or add something")
            return BAD
        read = self._read[type(kind.item)]
        items = [read(kind.item, raw, (*path, at)) for at, raw in enumerate(value)]
        return tuple(item for item in items if item is not BAD)

    def _command(self, kind: Command, value: Any, path: Path) -> Any:
        if type(value) is str:
            return self.read(kind.text, value, path)
        if type(value) is not list:
            return wrong_type(self._problems, kind, value, path)
        words = self._list(kind.words, value, path)
        if words is BAD or len(words) != len(value):
            return BAD  # an argv with a word missing would be another command
        return words
