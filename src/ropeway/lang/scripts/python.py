"""Scripts for Python: an expression becomes ``__ropeway__["V1"]``, its value as it is: a list, a map, a number, a string.

Only names of values are inserted, so whatever this reader gets wrong, no value becomes code. What it must find are string literals
(the Python reference, "String and Bytes literals"): a name in one would be text, so it is refused.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ropeway.lang.scripts.draft import LITERAL, MARK, Draft

if TYPE_CHECKING:
    from collections.abc import Callable

    from ropeway.lang.expressions import Type
    from ropeway.lang.scripts.draft import Compiled

__all__ = ["compile_python"]

_NEXT = re.compile(r"#[^\n]*|\$?\$\{\{|'''|\"\"\"|'|\"")
_ENDS = {
    "'": re.compile(r"\\.|\$?\$\{\{|'|\n", re.DOTALL),
    '"': re.compile(r'\\.|\$?\$\{\{|"|\n', re.DOTALL),
    "'''": re.compile(r"\\.|\$?\$\{\{|'''", re.DOTALL),
    '"""': re.compile(r'\\.|\$?\$\{\{|"""', re.DOTALL),
}


def compile_python(text: str, type_of: Callable[[str], Type]) -> Compiled:
    """Compile a Python script. Any text gives a result."""
    draft = Draft(text, type_of, "V")
    at = 0
    while match := _NEXT.search(text, at):
        at, found = match.end(), match[0]
        if found == LITERAL:
            draft.replace(match.start(), at, MARK)
        elif found == MARK:
            use = draft.use(match.start())
            at = use.end
            # Inside brackets a line may end anywhere: the lines below keep their numbers.
            lines = "\n" * text.count("\n", use.offset, use.end)
            glue = " " if use.offset and (text[use.offset - 1].isalnum() or text[use.offset - 1] == "_") else ""
            draft.replace(use.offset, use.end, f'{glue}__ropeway__["{use.variable}"{lines}]')
        elif found in _ENDS:
            at = _string(draft, at, _ENDS[found])
    return draft.finish()


def _string(draft: Draft, at: int, end: re.Pattern[str]) -> int:
    """Read a string literal up to its end; return where that is."""
    while match := end.search(draft.text, at):
        at, found = match.end(), match[0]
        if found == LITERAL:
            draft.replace(match.start(), at, MARK)
        elif found == MARK:
            use = draft.use(match.start())
            at = use.end
            hint = "write it outside the quotes, as a value of its own: 'before ' + str(${{ … }}), or assign it to a variable first"
            draft.refuse(use, "RW320", "inside quotes Python would read it as text", hint)
        elif not found.startswith("\\"):
            return at
    return len(draft.text)
