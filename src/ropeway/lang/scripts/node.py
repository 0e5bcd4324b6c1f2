"""Scripts for Node.js: an expression becomes ``__ropeway__.V1``, its value as it is: an array, an object, a number, a string.

Only names of values are inserted, so whatever this reader gets wrong, no value becomes code. What it must find are string, template
and regular-expression literals (ECMA-262, section 12): a name in one would be text, so it is refused. Whether a slash divides or opens
a regular expression is told by what stands before it, which is right but for some corners such as ``if (x) /re/``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ropeway.lang.scripts.draft import LITERAL, MARK, Draft

if TYPE_CHECKING:
    from collections.abc import Callable

    from ropeway.lang.expressions import Type
    from ropeway.lang.scripts.draft import Compiled

__all__ = ["compile_node"]

_NEXT = re.compile(r"//[^\n]*|/\*.*?(?:\*/|\Z)|\$?\$\{\{|[\"'`/{}]|(?:\w|\$(?!\$?\{\{))+|[^\s]", re.DOTALL)
_ENDS = {
    "'": re.compile(r"\\.|\$?\$\{\{|'|\n", re.DOTALL),
    '"': re.compile(r'\\.|\$?\$\{\{|"|\n', re.DOTALL),
    "`": re.compile(r"\\.|\$?\$\{\{|\$\{|`", re.DOTALL),
    "/": re.compile(r"\\.|\[(?:\\.|[^\]\\\n])*\]|\$?\$\{\{|/|\n", re.DOTALL),
}
_BEFORE_REGEX = frozenset(
    {"return", "typeof", "case", "in", "of", "delete", "void", "throw", "new", "do", "else", "instanceof", "yield", "await"}
)


def compile_node(text: str, type_of: Callable[[str], Type]) -> Compiled:
    """Compile a script for Node.js. Any text gives a result."""
    return _Reader(Draft(text, type_of, "V")).whole()


class _Reader:
    """One pass over the text. ``_braces`` counts the open braces, one level for each ``${`` of a template literal."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._braces = [0]
        self._before = ""

    def whole(self) -> Compiled:
        """Read all of it."""
        draft, text = self._draft, self._draft.text
        at = len(text.split("\n", 1)[0]) if text.startswith("#!") else 0
        while match := _NEXT.search(text, at):
            found = match[0]
            at = self._token(found, match.start(), match.end())
            if not found.startswith(("//", "/*")):
                self._before = found
        return draft.finish()

    def _token(self, found: str, start: int, end: int) -> int:
        """Read what begins at ``start``; return where to go on."""
        draft = self._draft
        if found == LITERAL:
            draft.replace(start, end, MARK)
        elif found == MARK:
            return self._expression(start)
        elif found in {"'", '"'} or (found == "/" and self._opens_regex()):
            return self._quoted(end, found)
        elif found == "`":
            return self._quoted(end, "`")
        elif found == "{":
            self._braces[-1] += 1
        elif found == "}":
            if self._braces[-1]:
                self._braces[-1] -= 1
            elif len(self._braces) > 1:
                self._braces.pop()
                return self._quoted(end, "`")
        return end

    def _opens_regex(self) -> bool:
        before = self._before
        ends_a_value = _joins(before[-1:]) or before[-1:] in {")", "]", "}", '"', "'", "`"}
        return before in _BEFORE_REGEX or not ends_a_value

    def _expression(self, start: int) -> int:
        text = self._draft.text
        use = self._draft.use(start)
        lines = "\n" * text.count("\n", start, use.end)
        before = " " if start and _joins(text[start - 1]) else ""
        after = " " if _joins(text[use.end : use.end + 1]) else ""
        self._draft.replace(start, use.end, f"{before}__ropeway__{lines}.{use.variable}{after}")
        return use.end

    def _quoted(self, at: int, quote: str) -> int:
        """Read a literal up to its end, or a template up to its next ``${``; return where to go on."""
        draft = self._draft
        while match := _ENDS[quote].search(draft.text, at):
            at, found = match.end(), match[0]
            if found == LITERAL:
                draft.replace(match.start(), at, MARK)
            elif found == MARK:
                use = draft.use(match.start())
                at = use.end
                hint = "write it outside the quotes, as a value of its own: 'before ' + ${{ … }}, or assign it to a variable first"
                draft.refuse(use, "RW321", "inside quotes JavaScript would read it as text", hint)
            elif found == "${":
                self._braces.append(0)
                return at
            elif not found.startswith(("\\", "[")):
                return at
        return len(draft.text)


def _joins(character: str) -> bool:
    return character.isalnum() or (bool(character) and character in "_$")
