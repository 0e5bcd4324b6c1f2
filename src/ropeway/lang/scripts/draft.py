"""What the compilers of all shells share: the result, and the notes taken while a script is read.

A compiler reads a script once from left to right. At each expression it asks the :class:`Draft` for a :class:`Use` and then either
replaces it by a reference to the expression's variable or refuses it. No value is known here, so none can get into the text.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from ropeway.lang.expressions.template import read_hole
from ropeway.records import field, record

if TYPE_CHECKING:
    from collections.abc import Callable

    from ropeway.lang.expressions import Type

__all__ = ["LITERAL", "MARK", "Compiled", "Draft", "ScriptProblem", "Use", "in_env", "shown_source"]

MARK = "${{"
LITERAL = "$${{"

_NUMERIC = frozenset({"integer", "boolean"})


@record
class ScriptProblem:
    """Why an expression can not stand where it stands. ``offset`` and ``length`` are code points of the script."""

    code: str
    message: str
    hint: str | None
    offset: int
    length: int


@record
class Use:
    """One expression in a script, from ``${{`` at ``offset`` to ``end``; comments hold none.

    ``source`` is its text without braces and outer blanks, at ``source_offset``; ``variable`` is what it is compiled to.
    """

    offset: int
    end: int
    source: str
    source_offset: int
    variable: str


@record
class Compiled:
    """A script without expressions.

    ``text`` is final: it refers to ``variables`` (name to expression source) and has as many lines as the script that was written.
    With ``problems`` it must not be run. ``uses`` are the expressions in the order of the text, for those who check them.
    """

    text: str
    variables: dict[str, str] = field(default_factory=dict)
    problems: list[ScriptProblem] = field(default_factory=list)
    uses: tuple[Use, ...] = ()


class Draft:
    """A script on its way to being a :class:`Compiled`.

    Args:
        text: The script as written.
        type_of: The static type of an expression's source; asked only where it matters.
        prefix: What variables are called, before their number.
    """

    def __init__(self, text: str, type_of: Callable[[str], Type], prefix: str) -> None:
        self.text = text
        self._type_of = type_of
        self._prefix = prefix
        self._names: dict[str, str] = {}
        self._numeric: dict[str, bool] = {}
        self._uses: list[Use] = []
        self._edits: list[tuple[int, int, str]] = []
        self._problems: list[ScriptProblem] = []
        self._refused: set[int] = set()

    def use(self, at: int) -> Use:
        """Read the expression whose ``${{`` is at ``at``. One that is not well-formed is reported, and refused nowhere else."""
        hole = read_hole(self.text, at)
        if hole.error is not None:
            error = hole.error
            self._numeric[hole.source] = True
            self.problem(error.code, error.message, error.hint, hole.source_offset + error.offset, error.length)
        name = self._names.get(hole.source)
        if name is None:
            name = self._names[hole.source] = f"{self._prefix}{len(self._names) + 1}"
        use = Use(at, hole.end, hole.source, hole.source_offset, name)
        self._uses.append(use)
        return use

    def between(self, start: int, end: int) -> list[Use]:
        """Return the expressions read so far that stand in ``text[start:end]`` and are not numeric."""
        uses = self._uses
        first, last = (bisect_left(uses, at, key=lambda use: use.offset) for at in (start, end))
        return [use for use in uses[first:last] if not self.numeric(use)]

    def numeric(self, use: Use) -> bool:
        """Whether the expression is an integer or a boolean for sure, so that its text can hold nothing to evaluate."""
        known = self._numeric.get(use.source)
        if known is None:
            known = self._numeric[use.source] = self._type_of(use.source).kind in _NUMERIC
        return known

    def type_name(self, use: Use) -> str:
        """Return what people call the expression's type."""
        return str(self._type_of(use.source))

    def replace(self, start: int, end: int, new: str) -> None:
        """Note that ``text[start:end]`` becomes ``new``; calls go from left to right."""
        self._edits.append((start, end, new))

    def refuse(self, use: Use, code: str, message: str, hint: str | None) -> None:
        """Note that an expression can not stand where it stands; only the first reason is told."""
        if use.offset not in self._refused:
            self._refused.add(use.offset)
            self._problems.append(ScriptProblem(code, message, hint, use.offset, use.end - use.offset))

    def problem(self, code: str, message: str, hint: str | None, offset: int, length: int = 1) -> None:
        """Note a problem that is not about one expression."""
        self._problems.append(ScriptProblem(code, message, hint, offset, length))

    def mark_after(self, at: int) -> int:
        """Return the offset of the first ``${{`` at or after ``at`` that is not the literal ``$${{``; -1 for none."""
        while (at := self.text.find(MARK, at)) >= 0:
            if not self.text.startswith("$", at - 1) or at == 0:
                return at
            at += len(MARK)
        return -1

    def finish(self) -> Compiled:
        """Return the result."""
        parts: list[str] = []
        at = 0
        for start, end, new in self._edits:
            parts += (self.text[at:start], new)
            at = end
        parts.append(self.text[at:])
        problems = sorted(self._problems, key=lambda p: p.offset)
        return Compiled("".join(parts), {name: source for source, name in self._names.items()}, problems, tuple(self._uses))


def shown_source(use: Use) -> str:
    """Return the expression's text for a hint, or ``…`` when it is long or has quotes or lines of its own."""
    return use.source if len(use.source) <= 60 and not set(use.source) & set("\"'\n\\") else "…"


def in_env(use: Use, reference: str = '"$VALUE"') -> str:
    """Return the hint that always holds: let the step's environment carry the value."""
    return f'put it in `env`, as VALUE = "${{{{ {shown_source(use)} }}}}", and write {reference} in the script'
