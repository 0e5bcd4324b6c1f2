"""Reads a justfile. Nothing is raised for what a person wrote: what can not be read becomes a problem, and reading goes on behind it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ropeway.lang.dialects.justfile.cursor import NAME, Cursor
from ropeway.lang.dialects.justfile.expressions import read_expression, read_value
from ropeway.lang.dialects.justfile.recipes import read_attributes, read_recipe
from ropeway.lang.dialects.justfile.syntax import (
    Alias,
    Assignment,
    Attribute,
    Import,
    Justfile,
    Module,
    Problem,
    Setting,
    SyntaxProblem,
)

if TYPE_CHECKING:
    from ropeway.lang.dialects.justfile.syntax import Expression

__all__ = ["parse"]

_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*[ \t]*:=")
_FUNCTION = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*\([^\n)]*\)[ \t]*:=")
_N = "[A-Za-z_][A-Za-z0-9_-]*"
_KEYWORD = re.compile(
    rf"(?:(alias|export)(?=[ \t]+{_N}[ \t]*:=)|(import)(?=\??[ \t]*['\"])|(mod)(?=\??[ \t]+{_N}[ \t]*(?:['\"#]|$))"
    rf"|(set)(?=[ \t]+{_N}[ \t]*(?::=|#|$))|(unexport)(?=[ \t]+{_N}[ \t]*(?:#|$)))",
    re.MULTILINE,
)
_HINT = "correct the justfile; `just --dump` shows whether just can read it"


def parse(text: str, file: str) -> Justfile:
    """Read the text of a justfile.

    Args:
        text: Any text.
        file: What places call it.
    """
    cursor = Cursor(text.removeprefix("\ufeff").replace("\r\n", "\n"), file)
    return _Reader(cursor, Justfile(file)).whole()


class _Reader:
    """Reads items one after the other. ``_doc`` is the comment on the line above, ``_attributes`` what stands in brackets there."""

    def __init__(self, cursor: Cursor, found: Justfile) -> None:
        self._cursor = cursor
        self._found = found
        self._doc = ""
        self._attributes: list[Attribute] = []
        self._start = 0

    def whole(self) -> Justfile:
        """Read all of it."""
        cursor = self._cursor
        while cursor.at < len(cursor.text):
            before = cursor.at
            try:
                self._item()
            except SyntaxProblem as problem:
                match = NAME.match(cursor.text, before)
                name = match[0] if match and not _KEYWORD.match(cursor.text, before) else ""
                self._found.problems.append(Problem(name, problem.place, problem.reason, problem.hint))
                self._skip(before)
                self._doc, self._attributes = "", []
        return self._found

    def _skip(self, before: int) -> None:
        """Go to the next line that begins an item: behind the first of this one, because what is not closed may have swallowed others."""
        cursor = self._cursor
        cursor.reset()
        cursor.at = before
        cursor.at = min(cursor.line_end() + 1, len(cursor.text))
        while cursor.at < len(cursor.text) and cursor.text[cursor.at] in " \t\n":
            cursor.at = min(cursor.line_end() + 1, len(cursor.text))

    def _item(self) -> None:
        cursor = self._cursor
        if not self._attributes and not self._doc:
            self._start = cursor.at
        line = cursor.text[cursor.at : cursor.line_end()]
        if not line.strip():
            cursor.at = min(cursor.line_end() + 1, len(cursor.text))
            self._doc = ""
            self._start = cursor.at
        elif line.startswith("#"):
            if not self._attributes:
                self._start = cursor.at
            self._doc = line[1:].strip() if not line.startswith("#!") else ""
            cursor.at = min(cursor.line_end() + 1, len(cursor.text))
        elif line.startswith("["):
            self._attributes += read_attributes(cursor)
        elif line[0] in " \t":
            raise cursor.problem("this line is indented and belongs to no recipe", _HINT)
        else:
            doc, attributes = self._doc, self._attributes
            self._doc, self._attributes = "", []
            self._named(line, doc, attributes)

    def _named(self, line: str, doc: str, attributes: list[Attribute]) -> None:
        cursor, found = self._cursor, self._found
        keyword = _KEYWORD.match(line)
        if _ASSIGNMENT.match(line):
            self._assignment(doc, attributes, export=False)
        elif _FUNCTION.match(line):
            self._function()
        elif keyword:
            cursor.at += len(keyword[0])
            {
                "alias": self._alias,
                "export": lambda: self._assignment(doc, attributes, export=True),
                "import": self._import,
                "mod": self._module,
                "set": self._setting,
                "unexport": self._unexport,
            }[keyword[0]]()
        else:
            found.recipes.append(read_recipe(cursor, doc, tuple(attributes), self._start))
            self._start = cursor.at

    def _assignment(self, doc: str, attributes: list[Attribute], *, export: bool) -> None:
        cursor = self._cursor
        cursor.blanks()
        place, name = cursor.place(), cursor.name()
        cursor.want(":=", f"the variable {name!r}")
        value = read_expression(cursor)
        cursor.end_of_line(f"the variable {name!r}")
        private = name.startswith("_") or any(a.name == "private" for a in attributes)
        self._found.assignments.append(Assignment(name, value, place, export, doc, private))

    def _alias(self) -> None:
        cursor = self._cursor
        cursor.blanks()
        place, name = cursor.place(), cursor.name()
        cursor.want(":=", "an alias")
        cursor.blanks()
        target = self._path()
        cursor.end_of_line("an alias")
        self._found.aliases.append(Alias(name, target, place))

    def _function(self) -> None:
        """Read over ``name(a, b) := value``; what calls it is refused by name."""
        cursor = self._cursor
        cursor.at = cursor.text.index(":=", cursor.at) + 2
        read_expression(cursor)
        cursor.end_of_line("a function")

    def _path(self) -> str:
        parts = [self._cursor.name()]
        while self._cursor.take("::"):
            parts.append(self._cursor.name())
        return "::".join(parts)

    def _import(self) -> None:
        cursor = self._cursor
        optional = cursor.take("?")
        cursor.blanks()
        place, path = cursor.place(), cursor.string()
        if path is None:
            raise cursor.problem("'import' needs a path in quotes", _HINT)
        cursor.end_of_line("an import")
        self._found.imports.append(Import(path.value, optional, place))

    def _module(self) -> None:
        cursor = self._cursor
        cursor.take("?")
        cursor.blanks()
        place, name = cursor.place(), cursor.name()
        cursor.blanks()
        cursor.string()
        cursor.end_of_line("a module")
        self._found.modules.append(Module(name, place))

    def _unexport(self) -> None:
        self._cursor.blanks()
        self._found.unexports.append(self._cursor.name())
        self._cursor.end_of_line("'unexport'")

    def _setting(self) -> None:
        cursor = self._cursor
        cursor.blanks()
        place, name = cursor.place(), cursor.name()
        cursor.blanks()
        value: bool | Expression | tuple[Expression, ...] = True
        if cursor.take(":="):
            cursor.blanks()
            value = self._list() if cursor.take("[") else self._flag()
        cursor.end_of_line(f"the setting {name!r}")
        self._found.settings.append(Setting(name, value, place))

    def _flag(self) -> bool | Expression:
        match = re.compile(r"(true|false)\b").match(self._cursor.text, self._cursor.at)
        if match is None:
            return read_expression(self._cursor)
        self._cursor.at = match.end()
        return match[0] == "true"

    def _list(self) -> tuple[Expression, ...]:
        cursor = self._cursor
        cursor.inside += 1
        items: list[Expression] = []
        cursor.blanks()
        while not cursor.take("]"):
            items.append(read_value(cursor))
            cursor.blanks()
            if not cursor.take(","):
                cursor.want("]", "this list")
                break
            cursor.blanks()
        cursor.inside -= 1
        return tuple(items)
