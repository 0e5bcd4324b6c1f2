"""Reads the expressions of a justfile.

::

    expression = and ('||' and)*        and = comparison ('&&' comparison)*
    comparison = sum (('==' | '!=' | '=~' | '!~') sum)?
    sum        = '/'? value (('+' | '/') value)*
    value      = if … | name '(' … ')' | name | string | `command` | '(' expression ')'

Whatever only some versions of just know (lists, ``!``) is read as :class:`~ropeway.lang.dialects.justfile.syntax.Unsupported`, so
that the items around it can still be converted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ropeway.lang.dialects.justfile.cursor import unindent
from ropeway.lang.dialects.justfile.syntax import Backtick, Binary, Call, Choose, Name, Text, Unsupported

if TYPE_CHECKING:
    from collections.abc import Callable

    from ropeway.lang.dialects.justfile.cursor import Cursor
    from ropeway.lang.dialects.justfile.syntax import Expression, Place

__all__ = ["read_expression", "read_value"]


def read_expression(cursor: Cursor) -> Expression:
    """Read an expression; raises ``SyntaxProblem`` where there is none."""
    cursor.deeper()
    left = _chain(cursor, "||", lambda: _chain(cursor, "&&", lambda: _comparison(cursor)))
    cursor.back()
    return left


def _chain(cursor: Cursor, op: str, part: Callable[[], Expression]) -> Expression:
    left = part()
    cursor.blanks()
    while cursor.peek(op):
        place = cursor.place()
        cursor.take(op)
        left = Binary(op, left, part(), place)
        cursor.blanks()
    return left


def _comparison(cursor: Cursor) -> Expression:
    left = _sum(cursor)
    cursor.blanks()
    for op in ("==", "!=", "=~", "!~"):
        if cursor.peek(op):
            place = cursor.place()
            cursor.take(op)
            return Binary(op, left, _sum(cursor), place)
    return left


def _sum(cursor: Cursor) -> Expression:
    """Read a chain of ``+`` and ``/``. just groups it from the right, which gives the same text."""
    cursor.blanks()
    place = cursor.place()
    left: Expression | None = None
    if not cursor.peek("/"):
        left = read_value(cursor)
        cursor.blanks()
    while cursor.peek("+") or cursor.peek("/"):
        place = cursor.place()
        op = cursor.text[cursor.at]
        cursor.at += 1
        if cursor.take("+"):
            return _skipped(cursor, "the list operator '++'", place)
        left = Binary(op, left, read_value(cursor), place)
        cursor.blanks()
    if left is None:
        raise cursor.problem("a value is missing here", "correct the justfile")
    return left


def _skipped(cursor: Cursor, what: str, place: Place) -> Expression:
    _sum(cursor)
    return Unsupported(what, place)


def read_value(cursor: Cursor) -> Expression:
    """Read one value, without operators: what a parameter's default and a dependency's argument are."""
    cursor.blanks()
    start, place = cursor.at, cursor.place()
    if cursor.peek("`"):
        found = cursor.quoted()
        assert found is not None
        opener, raw, _ = found
        return Backtick(unindent(raw.removeprefix("\n")) if len(opener) == 3 else raw, place)
    for prefix in ("x", "f"):
        if cursor.peek(prefix) and cursor.text[start + 1 : start + 2] in {"'", '"'}:
            cursor.at += 1
            return _format(cursor) if prefix == "f" else _string(cursor, expand=True)
    if cursor.peek("'") or cursor.peek('"'):
        return _string(cursor)
    if cursor.take("("):
        return _grouped(cursor, ")")
    if cursor.peek("[") or cursor.peek("!"):
        return _unsupported(cursor)
    name = cursor.name()
    if name == "if":
        return _choice(cursor)
    if not name:
        raise cursor.problem("a value is missing here", "correct the justfile")
    if cursor.peek("("):
        return Call(name, _arguments(cursor), place)
    return Name(name, place)


def _string(cursor: Cursor, *, expand: bool = False) -> Text:
    found = cursor.string(expand=expand)
    assert found is not None
    return found


def _grouped(cursor: Cursor, closer: str) -> Expression:
    """Read an expression up to and with what closes it; line ends mean nothing inside."""
    cursor.inside += 1
    found = read_expression(cursor)
    cursor.want(closer, "this expression")
    cursor.inside -= 1
    return found


def _choice(cursor: Cursor) -> Expression:
    place = cursor.place()
    cursor.deeper()
    condition = read_expression(cursor)
    cursor.want("{", "'if'")
    then = _grouped(cursor, "}")
    cursor.blanks()
    other: Expression = Text("", place)
    if cursor.name() == "else":
        cursor.blanks()
        if cursor.peek("if"):
            cursor.name()
            other = _choice(cursor)
        else:
            cursor.want("{", "'else'")
            other = _grouped(cursor, "}")
    else:
        raise cursor.problem("an 'if' needs an 'else'", 'correct the justfile: else { "" }')
    cursor.back()
    return Choose(condition, then, other, place)


def _arguments(cursor: Cursor) -> tuple[Expression, ...]:
    cursor.take("(")
    cursor.inside += 1
    found: list[Expression] = []
    cursor.blanks()
    while not cursor.take(")"):
        found.append(read_expression(cursor))
        cursor.blanks()
        if not cursor.take(","):
            cursor.want(")", "this call")
            break
        cursor.blanks()
    cursor.inside -= 1
    return tuple(found)


def _format(cursor: Cursor) -> Expression:
    """Read ``f'…{{ expression }}…'`` as a sum."""
    start = cursor.at
    quote = next(q for q in ("'''", '"""', "'", '"') if cursor.peek(q))
    place = cursor.place(start)
    if len(quote) == 3:
        cursor.quoted()
        return Unsupported("a format string of several lines", place)
    cursor.at += 1
    made: Expression = Text("", place)
    text = ""
    while not cursor.take(quote):
        if cursor.at >= len(cursor.text):
            raise cursor.problem("this quotation is not closed", f"close it with {quote}", start)
        if cursor.take("{{{{"):
            text += "{{"
        elif cursor.take("{{"):
            made = Binary("+", made, Text(_cooked(cursor, text, quote, start), place), place)
            text = ""
            made = Binary("+", made, _grouped(cursor, "}}"), place)
        else:
            size = 2 if quote == '"' and cursor.peek("\\") else 1
            text += cursor.text[cursor.at : cursor.at + size]
            cursor.at += size
    return Binary("+", made, Text(_cooked(cursor, text, quote, start), place), place)


def _cooked(cursor: Cursor, text: str, quote: str, start: int) -> str:
    return cursor.unescape(text, start) if quote == '"' else text


def _unsupported(cursor: Cursor) -> Expression:
    place = cursor.place()
    cursor.deeper()
    if cursor.take("!"):
        read_value(cursor)
        cursor.back()
        return Unsupported("the operator '!'", place)
    cursor.take("[")
    cursor.inside += 1
    cursor.blanks()
    while not cursor.take("]"):
        read_expression(cursor)
        cursor.blanks()
        cursor.take(",")
        cursor.blanks()
    cursor.inside -= 1
    cursor.back()
    return Unsupported("a list", place)
