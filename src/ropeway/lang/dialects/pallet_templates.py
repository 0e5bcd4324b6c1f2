"""The ``{{ … }}`` templates of Pallet documents, and the expressions they become.

A Pallet template is a path and nothing else: ``{{ workflow.input.user.name }}`` or ``{{ steps.plan.outputs.result }}``. This
module finds templates in a text and writes our expressions; who may read what is decided in ``pallet``.
"""

from __future__ import annotations

import re
from json import dumps
from typing import TYPE_CHECKING

from ropeway.lang.hints import shown
from ropeway.records import record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

ROOTS = ("workflow", "steps")
MAX_PATH = 40
"""Parts of a path; an expression can not be nested much deeper."""

_PATH = re.compile(r"[A-Za-z_][\w-]*(?:\.[\w-]+)*", re.ASCII)
_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,15})?")
_INDEX = re.compile(r"0|[1-9][0-9]{0,8}")
_WORDS_OF_THE_LANGUAGE = frozenset({"true", "false", "null", "in"})
_FALSE_VALUES = "[null, false, 0, '', [], {}]"


@record
class Read:
    """One template: the path it reads, and where it stands in its text (code points, braces included)."""

    path: tuple[str, ...]
    offset: int
    length: int


@record
class Fault:
    """Something between braces that is no path, or braces that never close."""

    message: str
    hint: str
    offset: int
    length: int


Part = str | Read | Fault


def scan(text: str) -> tuple[Part, ...]:
    """Split a text into what is literal, what is read and what is wrong.

    ``${{ … }}`` that reads neither ``workflow`` nor ``steps`` is literal: it is another tool's expression in a text that is only
    handed on.
    """
    parts: list[Part] = []
    done, opened = 0, _opening(text, 0)
    while opened >= 0:
        closed = text.find("}}", opened + 2)
        if closed < 0:
            if not _dollar_before(text, opened):
                parts += (text[done:opened], Fault("these braces are never closed", "close them with }}", opened, 2))
                done = opened + 2
            break
        part = _template(text, opened, closed)
        if part is not None:
            parts += (text[done:opened], part)
            done = closed + 2
        opened = _opening(text, closed + 2)
    parts.append(text[done:])
    return tuple(part for part in parts if part != "")


def _opening(text: str, start: int) -> int:
    """Find the next ``{{``: of a longer run of braces the last two, since ``{{{ x }}}`` is a template inside braces."""
    found = text.find("{{", start)
    while found >= 0 and text.startswith("{", found + 2):
        found += 1
    return found


def _dollar_before(text: str, offset: int) -> bool:
    return offset > 0 and text[offset - 1] == "$"


def _template(text: str, opened: int, closed: int) -> Read | Fault | None:
    inner = text[opened + 2 : closed].strip()
    length = closed + 2 - opened
    is_path = _PATH.fullmatch(inner) is not None
    path = tuple(inner.split("."))
    if is_path and len(path) > MAX_PATH:
        return Fault(f"the path has more than {MAX_PATH} parts", "read less deep", opened, length)
    if is_path and path[0] in ROOTS:
        return Read(path, opened, length)
    if _dollar_before(text, opened):
        return None
    if is_path:
        return Fault(f"{shown(path[0])} is not something a template can read", _READABLE, opened, length)
    message = "a template is a path, nothing else: no operators, filters or calls" if inner else "the template is empty"
    return Fault(message, _READABLE, opened, length)


_READABLE = "read {{ workflow.input.NAME }} or {{ steps.ID.outputs.NAME }}"


def quote(text: str) -> str:
    """Write a text as a literal of our expressions."""
    return dumps(text, ensure_ascii=False)


def access(base: str, names: Iterable[str]) -> str:
    """Write a path of names below an expression: ``base.name``, ``base[0]`` or ``base["odd-name"]``."""
    return base + "".join(_member(name) for name in names)


def _member(name: str) -> str:
    if _NAME.fullmatch(name) and name not in _WORDS_OF_THE_LANGUAGE:
        return f".{name}"
    return f"[{name}]" if _INDEX.fullmatch(name) else f"[{quote(name)}]"


def to_template(parts: Sequence[Part], expression: Callable[[Read], str]) -> str:
    """Write a scanned text in our own template syntax; what is literal stays literal, also where it looks like ours.

    A text that is one template becomes one whole ``${{ }}``, which keeps the type of its value.
    """
    pieces: list[str] = []
    for part in parts:
        if isinstance(part, str):
            pieces.append(_LITERAL_OPENING.sub(_escape, part))
        elif isinstance(part, Read):
            if pieces and pieces[-1].endswith("$"):
                # A dollar in front of our `${{` would turn it into its own escape, so the dollars become a value.
                bare = pieces[-1].rstrip("$")
                dollars = len(pieces[-1]) - len(bare)
                pieces[-1:] = [bare, f"${{{{ {quote('$' * dollars)} }}}}"]
            pieces.append(f"${{{{ {expression(part)} }}}}")
    return "".join(pieces)


_LITERAL_OPENING = re.compile(r"(\$+)\{\{")


def _escape(match: re.Match[str]) -> str:
    return "$${{" if match[1] == "$" else f"${{{{ {quote(match[1])} }}}}{{{{"


def to_expression(parts: Sequence[Part], expression: Callable[[Read], str]) -> str:
    """Write a scanned text as one expression: the value of its only template, else a text. Blanks around it do not count."""
    kept = [part for part in parts if not isinstance(part, Fault)]
    for edge in (-1, 0):
        if kept and isinstance(kept[edge], str) and not str(kept[edge]).strip():
            del kept[edge]
    values = [expression(part) if isinstance(part, Read) else quote(part) for part in kept]
    if len(values) == 1:
        return values[0]
    return f"join([{', '.join(values)}], '')" if values else "''"


def is_true(expression: str) -> str:
    """Write the question whether a value counts as true: it is not null, false, zero, or empty."""
    return f"!({expression} in {_FALSE_VALUES})"


def is_false(expression: str) -> str:
    """Write the opposite of :func:`is_true`."""
    return f"{expression} in {_FALSE_VALUES}"


def has_text(expression: str, cases: Sequence[str]) -> str:
    """Write the question whether a value, as text, is one of ``cases``.

    As text, an integer is its digits, a boolean ``true`` or ``false`` and null is empty. Every scalar whose text is ``123`` is
    therefore the string and the integer, and both are named. (Lists and maps have a text too, but no case is written like that.)
    """
    values = [value for case in cases for value in _values_of(case)]
    return f"{expression} == {values[0]}" if len(values) == 1 else f"{expression} in [{', '.join(values)}]"


def _values_of(case: str) -> tuple[str, ...]:
    if case == "":
        return ("''", "null")
    if case in {"true", "false"} or _NUMBER.fullmatch(case):
        return (quote(case), case)
    return (quote(case),)
