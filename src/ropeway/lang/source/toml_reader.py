"""TOML to plain data, with the limits that keep a hostile file from costing more than a moment.

The values are ``tomllib``'s. It recurses once per level, copies a dotted key once per part and has no limits of its own, so the cheap
counts of :func:`_refuse_bulk` come first. Dates and times become ISO text (the language has no type for them); numbers that do not fit
JSON and 64 bits are refused.
"""

from __future__ import annotations

import re
import tomllib
from datetime import date, datetime, time
from itertools import islice
from typing import TYPE_CHECKING, Any

from ropeway.lang.source.text import MAX_DEPTH, MAX_INTEGER, MAX_MISTAKES, MAX_NODES, MIN_INTEGER, Mistake

if TYPE_CHECKING:
    from ropeway.lang.diagnostics import Path
    from ropeway.lang.source.text import Spans

_QUOTED = (
    r'''"""(?:[^"\\]++|\\.|"(?!""))*"""|'''
    r"""'''(?:[^']++|'(?!''))*'''"""
    r"""|"(?:[^"\\\n]++|\\.)*"|'[^'\n]*+'|#[^\n]*+"""
)
_NUL = re.compile(r"\\(?:u0000|U00000000|x00)")  # as an escape: the character itself never gets here
_MAX_DOTS = 200_000  # tomllib works parts² for a dotted key; this many dots in lines of 100 take it about a second


def read_toml(text: str) -> tuple[dict[str, Any], list[Mistake]]:
    """Read a TOML document.

    Args:
        text: The document, decoded, with LF line ends.

    Returns:
        The data and what is wrong with the text; the data is to be used only when nothing is.
    """
    bulk = _refuse_bulk(text)
    if bulk is not None:
        return {}, [bulk]
    try:
        data = tomllib.loads(text)
    except (ValueError, RecursionError, LookupError, OverflowError) as error:
        from ropeway.lang.source.toml_mistakes import explain_failure

        return {}, explain_failure(text, error)
    if _plain(data) and _NUL.search(text) is None:
        return data, []
    return _settle(text, data)


def _refuse_bulk(text: str) -> Mistake | None:
    """Count what would make ``tomllib`` slow; on ordinary files this is a small part of the reading."""
    dotted = any(line.count(".") > MAX_DEPTH for line in text.split("\n"))
    if not dotted and text.count(".") <= _MAX_DOTS and _values(text) <= MAX_NODES:
        return None
    bare = re.sub(_QUOTED, _blank_out, text, flags=re.DOTALL)
    if _values(bare) > 2 * MAX_NODES:  # twice: a comma may be a trailing one; whoever is below is counted exactly later
        return _too_many()
    start = 0
    for line in bare.split("\n"):
        if line.count(".") > MAX_DEPTH and re.search(r"[^.]\.[^.]", line):
            return _too_deep(start, start + len(line))
        start += len(line) + 1
    in_keys = re.finditer(r"[A-Za-z_-][ \t]*\.|\.[ \t]*[A-Za-z_-]", bare)
    if sum(1 for _ in islice(in_keys, _MAX_DOTS + 1)) > _MAX_DOTS:
        return _too_many()
    return None


def _values(text: str) -> int:
    return text.count("=") + text.count(",") + text.count("[") - text.count("[[")


def _blank_out(match: re.Match[str]) -> str:
    quoted = match[0]
    if "\n" in quoted:
        return re.sub(r"[^\n]", " ", quoted)
    return '"' + " " * (len(quoted) - 1)


def _too_many() -> Mistake:
    message = f"the file holds more than {MAX_NODES:,} values"
    return Mistake("RW005", message, "split the workflow, or keep data in files that steps read", 0, 1)


def _too_deep(start: int, end: int) -> Mistake:
    return Mistake("RW004", f"tables and lists stand more than {MAX_DEPTH} deep in each other", "flatten the data", start, end)


def _plain(data: dict[str, Any]) -> bool:
    """Whether the data is within the limits and holds nothing that JSON does not know. Goes level by level, without paths: quick."""
    level: list[Any] = [data]
    nodes, depth = 1, 0
    while level:
        depth += 1
        below: list[Any] = []
        for container in level:
            values = container.values() if type(container) is dict else container
            nodes += len(values)
            for value in values:
                kind = type(value)
                if kind is str or kind is bool:
                    continue
                if kind is dict or kind is list:
                    below.append(value)
                elif kind is int:
                    if not MIN_INTEGER <= value <= MAX_INTEGER:
                        return False
                elif kind is not float or value - value != 0.0:  # infinity and NaN are not 0 from themselves
                    return False
        level = below
    return depth <= MAX_DEPTH and nodes <= MAX_NODES


def _settle(text: str, data: dict[str, Any]) -> tuple[dict[str, Any], list[Mistake]]:
    """Bring dates to text and name what is outside the limits."""
    from ropeway.lang.source.toml_positions import scan

    settling = _Settling(scan(text).spans)
    settling.container(data, ())
    return data, settling.mistakes


class _Settling:
    def __init__(self, spans: Spans) -> None:
        self.mistakes: list[Mistake] = []
        self._spans = spans
        self._nodes = 1
        self._full = False

    def container(self, container: Any, path: Path) -> None:
        if len(path) >= MAX_DEPTH:
            self._add(path, _too_deep(0, 1))
            return
        items = container.items() if isinstance(container, dict) else enumerate(container)
        self._nodes += len(container)
        if self._nodes > MAX_NODES and not self._full:
            self._full = True
            self.mistakes.append(_too_many())
        if self._full:
            return
        for key, value in items:
            here = (*path, key)
            if "\0" in str(key) or (isinstance(value, str) and "\0" in value):
                self._add(here, Mistake("RW003", "the text holds a NUL character", "remove the escape; no program takes such text", 0, 1))
            elif isinstance(value, (dict, list)):
                self.container(value, here)
            elif isinstance(value, (datetime, date, time)):
                container[key] = value.isoformat()
            elif isinstance(value, float) and value - value != 0.0:
                self._add(here, Mistake("RW006", f"`{value}` is not a number that a workflow can hold", "write a finite number", 0, 1))
            elif type(value) is int and not MIN_INTEGER <= value <= MAX_INTEGER:
                hint = "put it in quotes when it is a name rather than an amount"
                self._add(here, Mistake("RW006", "the integer does not fit into 64 bits", hint, 0, 1))

    def _add(self, path: Path, mistake: Mistake) -> None:
        if len(self.mistakes) >= MAX_MISTAKES:
            return
        while path and path not in self._spans:
            path = path[:-1]
        _, _, start, end = self._spans.get(path, (0, 1, 0, 1))
        self.mistakes.append(Mistake(mistake.code, mistake.message, mistake.hint, start, end))
