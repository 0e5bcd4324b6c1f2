"""Interpolations in Python and JavaScript: what just pasted into a string literal is taken out of it and becomes a value."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ropeway.lang.dialects.justfile.syntax import Chunk
from ropeway.lang.dialects.justfile.values import Cannot, Cel, Const, fold
from ropeway.records import record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ropeway.lang.dialects.justfile.syntax import Line, Place
    from ropeway.lang.dialects.justfile.values import Value

__all__ = ["Use", "literals"]

_MARK = "\0"
_PYTHON = re.compile(r"#[^\n]*|([A-Za-z]{0,2})('''|\"\"\"|'|\")|\0")
_NODE = re.compile(r"//[^\n]*|/\*.*?\*/|()('|\"|`)|\0", re.DOTALL)
_HINT = "write it between quotes, so that it is a text"


@record
class Use:
    """An expression in a script: its place in the justfile, and the justfile's names in it."""

    place: Place
    names: frozenset[str]


def literals(lines: Sequence[Line], scope: Mapping[str, Value], language: str) -> tuple[str, dict[str, Use]]:
    """Return a script in ``python`` or ``node`` with its interpolations as values, and these with their places.

    Raises:
        Cannot: One stands where a value would be program text.
    """
    text, values, places = "", [], []
    for line in lines:
        for part in line.parts:
            if isinstance(part, Chunk):
                text += part.text.replace(_MARK, "")
                continue
            value = fold(part.expression, scope)
            if isinstance(value, Const):
                text += value.text
            elif isinstance(value, Cel) and not value.quoted:
                text += _MARK
                values.append(value)
                places.append(part.place)
            else:
                hint = "make it a variable of the justfile: name := …"
                raise Cannot(part.place, "in this language a value has to be a parameter or a variable", hint)
        text += "\n"
    return _Taken(text, values, places, language).whole()


class _Taken:
    """One pass over the text."""

    def __init__(self, text: str, values: list[Cel], places: list[Place], language: str) -> None:
        self._text = text
        self._values = iter(zip(values, places, strict=True))
        self._next = _PYTHON if language == "python" else _NODE
        self._kept: dict[str, Use] = {}

    def whole(self) -> tuple[str, dict[str, Use]]:
        """Rewrite all of it."""
        text, made, at = self._text, "", 0
        while match := self._next.search(text, at):
            made += _plain(text[at : match.start()])
            at = match.end()
            found = match[0]
            if found == _MARK:
                value, place = next(self._values)
                if not value.integer:
                    raise Cannot(place, "here a value would be program text", _HINT, value.names, number=True)
                self._kept.setdefault(value.source, Use(place, value.names))
                made += f"${{{{ {value.source} }}}}"
                continue
            if found.startswith(("#", "//", "/*")):
                for _ in range(found.count(_MARK)):
                    next(self._values)
                made += _plain(found.replace(_MARK, "…"))
                continue
            end = self._end(at, match[2])
            made += self._literal(match[1] or "", match[2], text[at : end - len(match[2])], match.start(), end)
            at = end
        return made + _plain(text[at:]), self._kept

    def _end(self, at: int, quote: str) -> int:
        """Return the offset behind a literal that opens before ``at``."""
        text = self._text
        while at < len(text) and not text.startswith(quote, at):
            at += 2 if text[at] == "\\" else 1
        return min(at + len(quote), len(text))

    def _literal(self, prefix: str, quote: str, inside: str, start: int, end: int) -> str:
        whole = f"{prefix}{quote}{inside}{quote}"
        if _MARK not in inside:
            return _plain(whole)
        used = [next(self._values) for _ in range(inside.count(_MARK))]
        names = frozenset[str]().union(*(value.names for value, _ in used))
        before, after = self._text[:start].rstrip()[-1:], self._text[end:].lstrip()[:1]
        if "b" in prefix.lower() or before in {"'", '"'} or after in {"'", '"'} or before == "\0":
            raise Cannot(used[0][1], "this text can not be taken apart", "put it together from simple texts with +", names)
        if quote == "`" and "${" in inside:
            raise Cannot(used[0][1], "this template can not be taken apart", "put it together from simple texts with +", names)
        for value, place in used:
            if any(set(text) & {"\\", "\n", quote[0]} for text in value.texts):
                reason = f"just pastes {value.texts[0]!r} into this text, where it is read again"
                raise Cannot(place, reason, "write this part into the script itself", value.names)
            self._kept.setdefault(value.source, Use(place, value.names))
        terms = []
        for at, part in enumerate(inside.split(_MARK)):
            if part:
                terms.append(_plain(f"{prefix}{quote}{part}{quote}"))
            if at < len(used):
                terms.append(f"${{{{ {used[at][0].source} }}}}")
        return terms[0] if len(terms) == 1 else f"({' + '.join(terms)})"


def _plain(text: str) -> str:
    return text.replace("${{", "$${{")
