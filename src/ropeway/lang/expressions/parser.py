"""Reads the text of an expression: precedence climbing over CEL's grammar.

The grammar, loosest first (https://github.com/google/cel-spec, "Syntax")::

    expression  = or [ "?" or ":" expression ]
    or          = and { "||" and }              and  = relation { "&&" relation }
    relation    = sum { ("==" | "!=" | "<" | "<=" | ">" | ">=" | "in") sum }
    sum         = product { ("+" | "-") product }
    product     = unary { ("*" | "/" | "%") unary }
    unary       = ("!" | "-") unary | primary { "." NAME [ arguments ] | "[" expression "]" }
    primary     = literal | NAME [ arguments ] | "(" expression ")" | "[" … "]" | "{" … "}"

Text of any kind gives an expression or an :class:`ExpressionError`. Depth is limited, of the text and of the tree, so that neither
this parser nor anything that walks the tree can exhaust Python's stack.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

from ropeway.lang.expressions.errors import ExpressionError
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
    Node,
    Unary,
)
from ropeway.lang.expressions.operators import MAX_INTEGER

if TYPE_CHECKING:
    from collections.abc import Callable

    from ropeway.lang.expressions.lexer import Token

T = TypeVar("T")

__all__ = ["MAX_DEPTH", "MAX_LENGTH", "PRECEDENCE", "parse"]

MAX_LENGTH = 65_536
MAX_DEPTH = 100

PRECEDENCE = {
    "||": 1,
    "&&": 2,
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">=", "in"), 3),
    **dict.fromkeys("+-", 4),
    **dict.fromkeys("*/%", 5),
}
_CONSTANTS: dict[str, bool | None] = {"true": True, "false": False, "null": None}
_WORDS = {
    "and": "'and' is written '&&'",
    "or": "'or' is written '||'",
    "not": "'not' is written '!'",
    "is": "compare with '=='",
    "if": "a choice is written: condition ? value : other",
    "else": "a choice is written: condition ? value : other",
}


@lru_cache(maxsize=2048)
def parse(text: str) -> Expression:
    """Parse an expression (without ``${{ }}``). The result is shared between callers; it is never changed.

    Raises:
        ExpressionError: With the place and length of what does not fit.
    """
    if len(text) > MAX_LENGTH:
        raise ExpressionError("RW205", f"an expression has at most {MAX_LENGTH:,} characters, this one {len(text):,}", 0, 1)
    parser = _Parser(text)
    try:
        return Expression(text, parser.whole(), parser.size)
    except RecursionError:  # the caller had used up most of Python's stack already
        raise ExpressionError("RW205", "the expression is nested too deep to be read here", 0) from None


class _Parser:
    """One pass over the tokens. ``height`` is that of the node that was returned last, ``size`` counts all nodes."""

    def __init__(self, text: str) -> None:
        # Not loaded before there is an expression: to compile its patterns takes as long as to read a small workflow.
        from ropeway.lang.expressions.lexer import tokens

        self._text = text
        self._tokens = tokens(text)
        self._token = next(self._tokens)
        self._before = 0
        self._depth = 0
        self.height = 0
        self.size = 0

    def whole(self) -> Node:
        if self._token.kind == "end":
            raise ExpressionError("RW201", "there is no expression here", 0, max(1, len(self._text)))
        node = self._expression()
        if self._token.kind != "end":
            raise self._unexpected("an operator")
        return node

    # Tokens

    def _next(self) -> Token:
        token = self._token
        self._before = token.end
        self._token = next(self._tokens)
        return token

    def _take(self, kind: str) -> bool:
        if self._token.kind != kind:
            return False
        self._next()
        return True

    def _expect(self, kind: str, opened: Token) -> None:
        if not self._take(kind):
            raise self._unexpected(f"'{kind}'", f"'{opened.kind}' was opened and not closed" if self._token.kind == "end" else None)

    def _unexpected(self, wanted: str, hint: str | None = None) -> ExpressionError:
        token = self._token
        if token.kind == "end":
            return ExpressionError("RW201", f"the expression ends where {wanted} is expected", max(0, self._before - 1), 1, hint)
        shown = self._text[token.offset : token.end]
        shown = shown if len(shown) <= 40 else shown[:39] + "…"
        if token.kind == "name":
            hint = _WORDS.get(shown, hint)
        return ExpressionError("RW201", f"'{shown}' stands where {wanted} is expected", token.offset, token.end - token.offset, hint)

    # Depth

    def _enter(self) -> None:
        self._depth += 1
        self._limit(self._depth)

    def _limit(self, depth: int) -> None:
        if depth > MAX_DEPTH:
            hint = "join([…], '') puts many pieces of text together"
            raise ExpressionError("RW205", f"the expression is nested more than {MAX_DEPTH} deep", self._token.offset, 1, hint)

    def _made(self, node: Node, height: int) -> Node:
        """Count a node whose highest child has ``height``."""
        self._limit(height + 1)
        self.height = height + 1
        self.size += 1
        return node

    # Grammar

    def _expression(self, least: int = 0) -> Node:
        """Parse operators that bind at least as tightly as ``least``; 0 takes ``? :`` too."""
        self._enter()
        node = self._unary()
        height = self.height
        while (binds := self._binds()) >= max(least, 1):
            op = self._next().value
            terms = [node]
            while True:
                terms.append(self._expression(binds + 1))
                height = max(height, self.height)
                if binds > 2 or self._token.kind != op:
                    break
                self._next()
            if binds <= 2:
                node = self._made(Logic(str(op), tuple(terms), node.offset, self._before), height)
            else:
                node = self._made(Binary(str(op), node, terms[1], node.offset, self._before), height)
            height = self.height
        if least == 0 and self._token.kind == "?":
            node = self._conditional(node, height)
        self._depth -= 1
        return node

    def _binds(self) -> int:
        token = self._token
        if token.kind == "name":
            return PRECEDENCE["in"] if token.value == "in" else 0
        return PRECEDENCE.get(token.kind, 0)

    def _conditional(self, condition: Node, height: int) -> Node:
        self._next()
        then = self._expression(1)
        height = max(height, self.height)
        if self._token.kind == "?":
            raise self._unexpected("':'", "put a choice inside a choice in parentheses")
        if not self._take(":"):
            raise self._unexpected("':'", "a choice is written: condition ? value : other")
        otherwise = self._expression()
        height = max(height, self.height)
        return self._made(Conditional(condition, then, otherwise, condition.offset, self._before), height)

    def _unary(self) -> Node:
        token = self._token
        if token.kind not in {"!", "-"}:
            return self._postfix(self._primary())
        self._next()
        following = self._token
        if token.kind == "-" and following.kind == "literal" and not isinstance(following.value, str):
            # CEL's grammar makes the sign part of the literal, so that the smallest integer can be written.
            self._next()
            return self._postfix(self._made(Literal(-following.value, token.offset, following.end), 0))
        self._enter()
        operand = self._unary()
        self._depth -= 1
        return self._made(Unary(token.kind, operand, token.offset, self._before), self.height)

    def _postfix(self, node: Node) -> Node:
        while True:
            token = self._token
            height = self.height
            if token.kind == ".":
                self._next()
                if self._token.kind != "name":
                    raise self._unexpected("a name", "other names stand in brackets: steps['my-step']")
                name = str(self._next().value)
                if self._token.kind == "(":
                    args = (node, *self._arguments())
                    call = Call(name, args, method=True, offset=node.offset, end=self._before)
                    node = self._made(call, max(height, self.height))
                else:
                    node = self._made(Member(node, name, node.offset, self._before), height)
            elif token.kind == "[":
                self._next()
                key = self._expression()
                height = max(height, self.height)
                self._expect("]", token)
                node = self._made(Index(node, key, node.offset, self._before), height)
            else:
                return node

    def _primary(self) -> Node:
        token = self._token
        if token.kind == "literal":
            self._next()
            if isinstance(token.value, int) and token.value > MAX_INTEGER:
                raise ExpressionError("RW203", f"{token.value} is too large: integers have 64 bits", token.offset, token.end - token.offset)
            return self._made(Literal(token.value, token.offset, token.end), 0)
        if token.kind == "name":
            return self._named()
        if token.kind == "(":
            self._next()
            node = self._expression()
            self._expect(")", token)
            return node
        if token.kind == "[":
            self._next()
            items = self._sequence("]", token, self._expression)
            return self._made(ListLiteral(items, token.offset, self._before), self.height)
        if token.kind == "{":
            self._next()
            entries = self._sequence("}", token, self._entry)
            return self._made(MapLiteral(entries, token.offset, self._before), self.height)
        raise self._unexpected("a value")

    def _named(self) -> Node:
        token = self._token
        name = str(token.value)
        if name == "in":
            raise self._unexpected("a value")
        self._next()
        if name in _CONSTANTS:
            return self._made(Literal(_CONSTANTS[name], token.offset, token.end), 0)
        if self._token.kind == "literal" and isinstance(self._token.value, str):
            raise ExpressionError("RW202", f"text can not have the prefix '{name[:40]}'", token.offset, token.end - token.offset)
        if self._token.kind != "(":
            return self._made(Name(name, token.offset, token.end), 0)
        args = self._arguments()
        height = self.height
        if name != "has":
            return self._made(Call(name, args, offset=token.offset, end=self._before), height)
        if len(args) != 1 or not isinstance(args[0], Member):
            length = self._before - token.offset
            raise ExpressionError("RW213", "has() asks for one part of something", token.offset, length, "write it like has(params.name)")
        return self._made(Has(args[0], token.offset, self._before), height)

    def _arguments(self) -> tuple[Node, ...]:
        opened = self._next()
        return self._sequence(")", opened, self._expression)

    def _entry(self) -> tuple[Node, Node]:
        key = self._expression()
        height = self.height
        if not self._take(":"):
            raise self._unexpected("':'", "a map is written: {'key': value}")
        value = self._expression()
        self.height = max(height, self.height)
        return key, value

    def _sequence(self, closing: str, opened: Token, item: Callable[[], T]) -> tuple[T, ...]:
        """Parse items up to ``closing``, with commas between them; one after the last is allowed except in a call."""
        found: list[T] = []
        height = 0
        while self._token.kind != closing:
            found.append(item())
            height = max(height, self.height)
            if not self._take(","):
                break
            if closing == ")" and self._token.kind == ")":
                raise self._unexpected("a value")
        self._expect(closing, opened)
        self.height = height
        return tuple(found)
