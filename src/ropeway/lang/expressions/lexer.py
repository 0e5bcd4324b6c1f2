"""Cuts the text of an expression into tokens.

The literals are CEL's (https://github.com/google/cel-spec, "Syntax") without bytes and unsigned integers; a string in single quotes
may hold a raw newline, because expressions stand in multi-line strings. There are no comments.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from ropeway.lang.expressions.errors import ExpressionError
from ropeway.lang.expressions.operators import MAX_INTEGER

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Token", "tokens"]


class Token(NamedTuple):
    """A piece of text. ``kind`` is ``name``, ``literal``, ``end``, or the operator itself.

    An integer literal may be one larger than the largest integer: with a minus before it, it is the smallest.
    """

    kind: str
    value: str | int | float
    offset: int
    end: int


_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n\f\v]+)
    |(?P<text>[rR]?(?:'''|\"\"\"|'|"))
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<number>(?:[0-9]*\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+))
    |(?P<integer>0[xX][0-9a-fA-F]+|[0-9]+)
    |(?P<op>&&|\|\||[=!<>]=|[-+*/%!<>?:.,()\[\]{}])""",
    re.VERBOSE,
)
_WORD = re.compile(r"[A-Za-z0-9_]+")
_ESCAPE = re.compile(
    r"\\(?:(?P<plain>[abfnrtv\\?\"'`])|[xX](?P<x>[0-9a-fA-F]{2})|u(?P<u>[0-9a-fA-F]{4})|U(?P<U>[0-9a-fA-F]{8})|(?P<o>[0-3][0-7]{2})|)"
)
_PLAIN = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_BODIES = {
    "'": re.compile(r"[^'\\]*+(?:\\.[^'\\]*+)*'", re.DOTALL),
    '"': re.compile(r'[^"\\]*+(?:\\.[^"\\]*+)*"', re.DOTALL),
    "'''": re.compile(r"[^'\\]*+(?:(?:\\.|'(?!''))[^'\\]*+)*'''", re.DOTALL),
    '"""': re.compile(r'[^"\\]*+(?:(?:\\.|"(?!""))[^"\\]*+)*"""', re.DOTALL),
}
_STRAY = {
    "=": "compare with '=='",
    "&": "'and' is written '&&'",
    "|": "'or' is written '||'",
    "$": "inside '${{ }}', and where a whole expression is expected, names stand as they are: params.name",
    "#": "there are no comments in expressions",
    "`": "text stands in single or double quotes",
    "“": "text stands in straight quotes: 'text'",
    "”": "text stands in straight quotes: 'text'",
    "‘": "text stands in straight quotes: 'text'",  # noqa: RUF001 (the very character that people paste)
    "’": "text stands in straight quotes: 'text'",  # noqa: RUF001
    ";": "an expression is one value",
    "\\": "a backslash has a meaning only inside quotes",
}


def tokens(text: str, start: int = 0) -> Iterator[Token]:
    """Yield the tokens of ``text`` from ``start``, and at its end one of kind ``end``.

    Raises:
        ExpressionError: At a character that begins nothing, or a literal that is not one.
    """
    at, size = start, len(text)
    while at < size:
        match = _TOKEN.match(text, at)
        if match is None:
            raise ExpressionError("RW201", f"'{_shown(text[at])}' does not belong here", at, 1, _STRAY.get(text[at]))
        kind, end = match.lastgroup, match.end()
        if kind == "op":
            yield Token(match[0], match[0], at, end)
        elif kind == "name":
            yield Token("name", match[0], at, end)
        elif kind == "text":
            value, end = _string(text, at, end)
            yield Token("literal", value, at, end)
        elif kind != "space":
            yield Token("literal", _number(text, match), at, end)
        at = end
    yield Token("end", "", size, size)


def _shown(character: str) -> str:
    return character if character.isprintable() else f"U+{ord(character):04X}"


def _number(text: str, match: re.Match[str]) -> int | float:
    """Return the value of a number or integer literal."""
    at, end = match.span()
    if (word := _WORD.match(text, end)) is not None:
        hint = "there are no unsigned integers here: leave the 'u' away" if word[0] in "uU" else None
        whole = text[at : word.end()]
        raise ExpressionError("RW203", f"'{whole[:40]}' is not a number", at, len(whole), hint)
    if match.lastgroup == "number":
        real = float(match[0])
        if real * 0 != 0:
            raise ExpressionError("RW203", f"{match[0][:40]} is too large for a number", at, end - at)
        return real
    # Python refuses to read integers of more than 4,300 digits; any of more than 40 is too large here anyway.
    digits = match[0]
    value = None
    if len(digits.lstrip("0xX")) <= 40:
        value = int(digits, 16) if digits[1:2] in {"x", "X"} else int(digits)
    if value is None or value > MAX_INTEGER + 1:
        shown = digits if len(digits) <= 40 else digits[:37] + "…"
        raise ExpressionError("RW203", f"{shown} is too large: integers have 64 bits", at, end - at)
    return value


def _string(text: str, at: int, body: int) -> tuple[str, int]:
    """Return the value of the string literal that opens at ``at``, and the offset after it."""
    quote = text[at:body]
    raw = quote[0] in "rR"
    if raw:
        quote = quote[1:]
        end = text.find(quote, body)
        if end >= 0:
            return text[body:end], end + len(quote)
    else:
        match = _BODIES[quote].match(text, body)
        if match is not None:
            inside = match[0][: -len(quote)]
            return (_unescape(inside, body) if "\\" in inside else inside), match.end()
    raise ExpressionError("RW202", "this text is not closed", at, body - at, f"it needs {quote} at its end")


def _unescape(inside: str, offset: int) -> str:
    def value(match: re.Match[str]) -> str:
        kind = match.lastgroup
        if kind == "plain":
            return _PLAIN.get(match["plain"], match["plain"])
        number = int(match[kind], 8 if kind == "o" else 16) if kind else -1
        if 0 <= number < 0xD800 or 0xE000 <= number <= 0x10FFFF:
            return chr(number)
        at = offset + match.start()
        shown = inside[match.start() : max(match.end(), match.start() + 2)]
        raise ExpressionError(
            "RW202", f"'{shown}' is no escape", at, len(shown), "write '\\\\' for a backslash, or r'…' for text without escapes"
        )

    return _ESCAPE.sub(value, inside)
