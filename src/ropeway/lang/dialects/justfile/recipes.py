"""Reads recipes: attributes, the line with name, parameters and dependencies, and the body."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ropeway.lang.dialects.justfile.expressions import read_expression, read_value
from ropeway.lang.dialects.justfile.syntax import Attribute, Chunk, Dependency, Hole, Line, Parameter, Recipe

if TYPE_CHECKING:
    from ropeway.lang.dialects.justfile.cursor import Cursor
    from ropeway.lang.dialects.justfile.syntax import Expression, Place

__all__ = ["read_attributes", "read_recipe"]

_HINT = "correct the justfile; `just --dump` shows whether just can read it"
_BLANK = re.compile(r"[ \t]*(?:\n|\Z)")
_INDENT = re.compile(r"[ \t]*")
_OPTION = re.compile(r"([A-Za-z_][A-Za-z0-9_-]*)[ \t]*(=(?!=)|(?=[ \t]*[,)]))")


def read_attributes(cursor: Cursor) -> list[Attribute]:
    """Read ``[a, b: 'x', c('y', z='w')]`` and the end of its line."""
    found: list[Attribute] = []
    cursor.take("[")
    cursor.inside += 1
    while True:
        cursor.blanks()
        place, name = cursor.place(), cursor.name()
        if not name:
            raise cursor.problem("the name of an attribute is missing here", _HINT)
        arguments: tuple[Expression, ...] = ()
        options: dict[str, Expression | None] = {}
        cursor.blanks()
        if cursor.take(":"):
            arguments = (read_expression(cursor),)
        elif cursor.take("("):
            arguments, options = _attribute_arguments(cursor)
        found.append(Attribute(name, arguments, options, place))
        cursor.blanks()
        if not cursor.take(","):
            break
    cursor.inside -= 1
    cursor.want("]", "an attribute")
    cursor.end_of_line("an attribute")
    return found


def _attribute_arguments(cursor: Cursor) -> tuple[tuple[Expression, ...], dict[str, Expression | None]]:
    arguments: list[Expression] = []
    options: dict[str, Expression | None] = {}
    cursor.blanks()
    while not cursor.take(")"):
        option = _OPTION.match(cursor.text, cursor.at)
        if option and (option[2] or arguments):
            cursor.at = option.end()
            options[option[1]] = read_expression(cursor) if option[2] else None
        else:
            arguments.append(read_expression(cursor))
        cursor.blanks()
        if not cursor.take(","):
            cursor.want(")", "an attribute")
            break
        cursor.blanks()
    return tuple(arguments), options


def read_recipe(cursor: Cursor, doc: str, attributes: tuple[Attribute, ...], start: int) -> Recipe:
    """Read a recipe whose first line is next; ``start`` is where its comment and attributes begin."""
    cursor.take("@")
    place, name = cursor.place(), cursor.name()
    if not name:
        raise cursor.problem("this is nothing that a justfile may hold", _HINT)
    parameters: list[Parameter] = []
    cursor.blanks()
    while not cursor.peek(":"):
        parameters.append(_parameter(cursor, name))
        cursor.blanks()
    cursor.take(":")
    if cursor.peek("="):
        raise cursor.problem("':=' is for variables", _HINT)
    dependencies = _dependencies(cursor, name)
    cursor.end_of_line(f"the recipe {name!r}")
    body = _body(cursor)
    source = cursor.text[start : cursor.at].rstrip()
    return Recipe(name, place, tuple(parameters), dependencies, attributes, body, doc, source)


def _parameter(cursor: Cursor, recipe: str) -> Parameter:
    place = cursor.place()
    kind = next((k for k in "*+" if cursor.take(k)), "")
    export = cursor.take("$")
    name = cursor.name()
    if not name:
        raise cursor.problem(f"the recipe {recipe!r} needs a ':' or a parameter here", _HINT)
    cursor.blanks()
    default = None
    if cursor.peek("=") and not cursor.peek("=="):
        cursor.take("=")
        default = read_value(cursor)
    return Parameter(name, place, kind, export, default)


def _dependencies(cursor: Cursor, recipe: str) -> tuple[Dependency, ...]:
    found: list[Dependency] = []
    after = False
    while True:
        cursor.blanks()
        if cursor.take("&&"):
            after = True
            continue
        place = cursor.place()
        if cursor.take("("):
            cursor.inside += 1
            cursor.blanks()
            name = _path(cursor)
            arguments: list[Expression] = []
            cursor.blanks()
            while not cursor.take(")"):
                arguments.append(read_expression(cursor))
                cursor.blanks()
                if cursor.at >= len(cursor.text):
                    raise cursor.problem("this dependency is not closed", _HINT)
            cursor.inside -= 1
            found.append(Dependency(name, tuple(arguments), after, place))
            continue
        name = _path(cursor)
        if not name:
            if cursor.at < len(cursor.text) and cursor.text[cursor.at] not in "\n#":
                raise cursor.problem(f"the recipe {recipe!r} has something here that is no dependency", _HINT)
            return tuple(found)
        found.append(Dependency(name, (), after, place))


def _path(cursor: Cursor) -> str:
    name = cursor.name()
    while name and cursor.take("::"):
        name += "::" + cursor.name()
    return name


# The body


def _body(cursor: Cursor) -> tuple[Line, ...]:
    """Read indented lines; those that are blank belong to the body when more of it follows."""
    text = cursor.text
    indent: str | None = None
    lines: list[Line] = []
    blank: list[Line] = []
    while cursor.at < len(text):
        if _BLANK.match(text, cursor.at):
            blank.append(Line((), cursor.place()))
            end = cursor.line_end()
            if end == len(text):
                cursor.at = end
                break
            cursor.at = end + 1
            continue
        found = _INDENT.match(text, cursor.at)
        space = found[0] if found else ""
        if not space:
            break
        if indent is None:
            indent = space
            blank = []
        if not space.startswith(indent):
            raise cursor.problem("this line is indented otherwise than the first of its recipe", "indent both the same way")
        cursor.at += len(indent)
        lines += [*blank, _line(cursor)]
        blank = []
    return tuple(lines)


def _line(cursor: Cursor) -> Line:
    """Read a line and its end. An interpolation may go on over several lines."""
    text, place = cursor.text, cursor.place()
    parts: list[Chunk | Hole] = []
    chunk, start = "", cursor.place()
    while cursor.at < len(text) and not cursor.take("\n"):
        if cursor.take("{{{{"):
            chunk += "{{"
        elif cursor.peek("{{"):
            if chunk:
                parts.append(Chunk(chunk, start))
            parts.append(_hole(cursor))
            chunk, start = "", cursor.place()
        else:
            chunk += text[cursor.at]
            cursor.at += 1
    if chunk:
        parts.append(Chunk(chunk, start))
    return Line(tuple(parts), place)


def _hole(cursor: Cursor) -> Hole:
    place: Place = cursor.place()
    opened = cursor.at
    cursor.take("{{")
    cursor.inside += 1
    expression = read_expression(cursor)
    cursor.blanks()
    cursor.inside -= 1
    if not cursor.take("}}"):
        raise cursor.problem("this interpolation is not closed", "close it with }}", opened)
    return Hole(expression, place)
