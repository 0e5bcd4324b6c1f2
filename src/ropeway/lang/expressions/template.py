"""Text with ``${{ expression }}`` in it: what ``run``, ``env``, ``inputs`` and outputs hold.

``$${{`` stands for ``${{`` itself. The braces that close a hole are found with the expression's own tokens, so that ``'}}'`` in quotes
and ``}}}`` after a map do not confuse it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from ropeway.lang.expressions.check import check
from ropeway.lang.expressions.errors import EvaluationError, ExpressionError
from ropeway.lang.expressions.evaluate import DEFAULT_BUDGET, evaluate
from ropeway.lang.expressions.parser import parse
from ropeway.lang.expressions.run import MAX_BUILT, Status
from ropeway.lang.expressions.text import to_text
from ropeway.lang.expressions.types import STRING, Type

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from ropeway.lang.expressions.nodes import Expression

__all__ = ["Hole", "Template", "check_template", "parse_condition", "parse_template", "read_hole", "render"]

_OPENING = re.compile(r"\$?\$\{\{")


class Hole(NamedTuple):
    """One ``${{ … }}``.

    ``offset`` and ``end`` enclose it in the template, braces included. ``source`` is the expression's text, which begins at
    ``source_offset``. Either ``expression`` or ``error`` is None; the error's offset counts inside ``source``, like that of every
    problem with the expression (it is negative for braces that are not closed, and then still right after adding ``source_offset``).
    """

    offset: int
    end: int
    source: str
    source_offset: int
    expression: Expression | None
    error: ExpressionError | None


class Template(NamedTuple):
    """Literal text and holes, in order; no two literal parts are neighbours and none is empty."""

    parts: tuple[str | Hole, ...]

    @property
    def holes(self) -> tuple[Hole, ...]:
        """The holes, in order."""
        return tuple(part for part in self.parts if isinstance(part, Hole))

    @property
    def whole(self) -> Hole | None:
        """The hole, when the template is nothing else: its value keeps its type."""
        return self.parts[0] if len(self.parts) == 1 and isinstance(self.parts[0], Hole) else None

    @property
    def errors(self) -> list[ExpressionError]:
        """What is no expression, with places in the template."""
        return [hole.error.moved(hole.source_offset) for hole in self.holes if hole.error is not None]


@lru_cache(maxsize=1024)
def parse_template(text: str) -> Template:
    """Split a text at its holes and parse them. Never raises: a hole that is no expression holds the error."""
    parts: list[str | Hole] = []
    literal: list[str] = []
    at = 0
    while (match := _OPENING.search(text, at)) is not None:
        literal.append(text[at : match.start()])
        at = match.end()
        if match[0].startswith("$$"):
            literal.append("${{")
            continue
        if said := "".join(literal):
            parts.append(said)
        literal.clear()
        hole = read_hole(text, match.start())
        parts.append(hole)
        at = hole.end
    literal.append(text[at:])
    if said := "".join(literal):
        parts.append(said)
    return Template(tuple(parts))


def read_hole(text: str, offset: int) -> Hole:
    """Return the hole whose ``${{`` stands at ``offset``; for those who find holes by themselves. Never raises."""
    start = offset + 3
    problem: ExpressionError | None = None
    try:
        close = _closing(text, start)
    except ExpressionError as found:
        # What follows the mistake can't be cut into tokens; the nearest braces are the best guess.
        problem = found
        close = text.find("}}", start if found.code == "RW202" else found.offset)
    if close < 0:
        if problem is None or problem.code != "RW202":
            problem = ExpressionError(
                "RW204", "'${{' is not closed", offset, start - offset, "it needs '}}'; a literal '${{' is written '$${{'"
            )
        return Hole(offset, len(text), text[start:], start, None, problem.moved(-start))
    inside = text[start:close]
    source = inside.strip()
    source_offset = start + len(inside) - len(inside.lstrip())
    if problem is not None:
        return Hole(offset, close + 2, source, source_offset, None, problem.moved(-source_offset))
    if not source:
        empty = ExpressionError(
            "RW201", "there is no expression in '${{ }}'", offset, close + 2 - offset, "a literal '${{' is written '$${{'"
        )
        return Hole(offset, close + 2, source, start, None, empty.moved(-start))
    return Hole(offset, close + 2, source, source_offset, *_parsed(source))


def _closing(text: str, start: int) -> int:
    """Return where the braces that close the hole stand, or -1."""
    from ropeway.lang.expressions.lexer import tokens

    depth = 0
    for token in tokens(text, start):
        if token.kind == "{":
            depth += 1
        elif token.kind == "}":
            if depth == 0 and text.startswith("}}", token.offset):
                return token.offset
            depth = max(0, depth - 1)
    return -1


def _parsed(source: str) -> tuple[Expression | None, ExpressionError | None]:
    try:
        return parse(source), None
    except ExpressionError as problem:
        return None, problem


def parse_condition(text: str) -> Hole:
    """Read a text that is one expression and may omit ``${{ }}``: ``when``, ``until``, ``foreach``. Never raises."""
    source = text.strip()
    start = len(text) - len(text.lstrip())
    if source.startswith("${{"):
        template = parse_template(source)
        if (hole := template.whole) is not None:
            return hole._replace(offset=hole.offset + start, end=hole.end + start, source_offset=hole.source_offset + start)
        problem = ExpressionError(
            "RW201", "this is more than one expression", 0, 3, "leave '${{' and '}}' away, or put them around all of it"
        )
        return Hole(start, start + len(source), source, start, None, problem)
    return Hole(start, start + len(source), source, start, *_parsed(source))


def check_template(
    template: Template | Hole,
    names: Mapping[str, Type],
    *,
    wanted: Type | None = None,
    refused: Mapping[str, str] | None = None,
) -> tuple[Type, list[ExpressionError]]:
    """Check all holes; places are in the template's text. ``wanted`` and ``refused`` as for ``check``.

    Returns:
        The type of the whole expression, or string when there is more than one expression; and what is wrong.
    """
    whole = template if isinstance(template, Hole) else template.whole
    found, problems = STRING, list[ExpressionError]()
    for hole in (template,) if isinstance(template, Hole) else template.holes:
        if hole.expression is None:
            assert hole.error is not None
            problems.append(hole.error.moved(hole.source_offset))
            continue
        of, wrong = check(hole.expression, names, wanted=wanted if hole is whole else None, refused=refused)
        problems.extend(problem.moved(hole.source_offset) for problem in wrong)
        if hole is whole:
            found = of
    return found, problems


def render(
    template: Template,
    names: Mapping[str, Any],
    *,
    files: Callable[[str], bytes] | None = None,
    hashes: Callable[[str], str] | None = None,
    status: Status | None = None,
    budget: int = DEFAULT_BUDGET,
) -> Any:
    """Return the value of a whole expression, or the text with the value of each hole as text. Arguments as for ``evaluate``.

    Raises:
        EvaluationError: A hole has no value or its value no text; the offset is in the template's text.
    """
    whole = template.whole
    texts: list[str] = []
    size = 0
    for part in template.parts:
        if isinstance(part, str):
            texts.append(part)
        else:
            try:
                value = _value(part, names, files=files, hashes=hashes, status=status, budget=budget)
                if whole is not None:
                    return value
                texts.append(to_text(value))
            except EvaluationError as problem:
                problem.offset = part.source_offset + max(0, problem.offset)
                raise
        size += len(texts[-1])
        if size > MAX_BUILT:
            raise EvaluationError(f"the text would be larger than {MAX_BUILT >> 20} Mi", 0, code="RW251", final=True)
    return "".join(texts)


def _value(hole: Hole, names: Mapping[str, Any], **doors: Any) -> Any:
    if hole.expression is None:
        assert hole.error is not None
        raise EvaluationError(hole.error.message, hole.error.offset, hole.error.hint)
    return evaluate(hole.expression, names, **doors)
