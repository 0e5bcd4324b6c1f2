"""Writes a tree as text: ``parse(unparse(e)) == e`` for every expression."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ropeway.lang.expressions.nodes import (
    Binary,
    Call,
    Conditional,
    Expression,
    Has,
    Index,
    ListLiteral,
    Literal,
    Logic,
    MapLiteral,
    Member,
    Name,
    Unary,
)
from ropeway.lang.expressions.parser import PRECEDENCE

if TYPE_CHECKING:
    from ropeway.lang.expressions.nodes import Constant, Node

__all__ = ["quote", "unparse"]

_UNARY = 6
_POSTFIX = 7
_ESCAPES = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def unparse(expression: Expression | Node) -> str:
    """Return the expression as one line of text, with as few parentheses as its meaning needs."""
    return _write(expression.root if isinstance(expression, Expression) else expression, 0)


def quote(text: str) -> str:
    """Return a string literal for ``text``."""
    return "'" + "".join(_ESCAPES.get(c) or (c if c.isprintable() else _escape(c)) for c in text) + "'"


def _escape(character: str) -> str:
    point = ord(character)
    if 0xD800 <= point <= 0xDFFF:  # half a pair (from bytes that are no UTF-8): there is no escape for it
        return character
    return f"\\U{point:08x}" if point > 0xFFFF else f"\\u{point:04x}"


def _literal(value: Constant) -> str:
    if isinstance(value, str):
        return quote(value)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return repr(value)


def _write(node: Node, least: int) -> str:
    """Write a node where something that binds at least as tightly as ``least`` is expected."""
    text, binds = _plain(node)
    return text if binds >= least else f"({text})"


def _all(nodes: tuple[Node, ...]) -> str:
    return ", ".join(_write(node, 0) for node in nodes)


def _plain(node: Node) -> tuple[str, int]:
    """Return a node's text without parentheses around it, and how tightly that binds."""
    match node:
        case Literal():
            return _literal(node.value), _POSTFIX
        case Name():
            return node.name, _POSTFIX
        case Member():
            return f"{_write(node.target, _POSTFIX)}.{node.name}", _POSTFIX
        case Index():
            return f"{_write(node.target, _POSTFIX)}[{_write(node.key, 0)}]", _POSTFIX
        case Has():
            return f"has({_write(node.member, 0)})", _POSTFIX
        case Call(method=True):
            return f"{_write(node.args[0], _POSTFIX)}.{node.function}({_all(node.args[1:])})", _POSTFIX
        case Call():
            return f"{node.function}({_all(node.args)})", _POSTFIX
        case Unary():
            # '-1' would be read as one literal
            bare = node.op == "!" or not (isinstance(node.operand, (Literal, Member, Index, Call)) and _first_digit(node.operand))
            return node.op + (_write(node.operand, _UNARY) if bare else f"({_write(node.operand, 0)})"), _UNARY
        case Logic():
            binds = PRECEDENCE[node.op]
            return f" {node.op} ".join(_write(term, binds + 1) for term in node.terms), binds
        case Binary():
            binds = PRECEDENCE[node.op]
            return f"{_write(node.left, binds)} {node.op} {_write(node.right, binds + 1)}", binds
        case Conditional():
            condition, then = _write(node.condition, 1), _write(node.then, 1)
            return f"{condition} ? {then} : {_write(node.otherwise, 0)}", 0
        case ListLiteral():
            return f"[{_all(node.items)}]", _POSTFIX
        case MapLiteral():
            return "{" + ", ".join(f"{_write(key, 0)}: {_write(value, 0)}" for key, value in node.entries) + "}", _POSTFIX
    raise AssertionError(node)


def _first_digit(node: Node) -> bool:
    """Whether a node's text begins with the digits of a number."""
    while isinstance(node, (Member, Index)) or (isinstance(node, Call) and node.method):
        node = node.args[0] if isinstance(node, Call) else node.target
    return isinstance(node, Literal) and _literal(node.value)[0].isdigit()
