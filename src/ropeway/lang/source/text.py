"""What both readers share: limits, offsets into a text, and mistakes that are told by offset.

Readers work on one ``str`` with LF line ends and name places by code-point offsets; only :class:`Lines` turns those into lines and
columns, and only for a mistake that is shown.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from ropeway.lang.diagnostics import Location
from ropeway.records import record

if TYPE_CHECKING:
    from ropeway.lang.diagnostics import Path, Severity

MAX_BYTES = 32 * 2**20
"""The longest file that is read."""
MAX_DEPTH = 100
"""How deep tables and lists may stand in each other; the whole document is depth 1."""
MAX_NODES = 1_000_000
"""How many values a document may have: itself, its tables, lists and what they hold; a YAML alias counts all that it repeats."""
MIN_INTEGER, MAX_INTEGER = -(2**63), 2**63 - 1
"""Integers are 64-bit, as TOML asks for and the expression language assumes."""
MAX_MISTAKES = 100
"""How many mistakes of one file are told; who has more starts with these."""

Span = tuple[int, int, int, int]
"""Offsets of a value: start and end of its key, start and end of the value itself; ends are exclusive."""
Spans = dict["Path", Span]


@record
class Mistake:
    """A problem found while reading, by offsets; ``end`` is exclusive."""

    code: str
    message: str
    hint: str | None
    start: int
    end: int
    severity: Severity = "error"


class Lines:
    """Turns offsets of a text into locations.

    Args:
        name: The file's name as people see it.
        text: The text, lines ended by LF.
    """

    __slots__ = ("_name", "_starts", "_text")

    def __init__(self, name: str, text: str) -> None:
        self._name = name
        self._text = text
        self._starts: list[int] | None = None

    def _line_starts(self) -> list[int]:
        if self._starts is None:
            starts = [0]
            position = self._text.find("\n")
            while position >= 0:
                starts.append(position + 1)
                position = self._text.find("\n", position + 1)
            self._starts = starts
        return self._starts

    def number(self, offset: int) -> int:
        """Return the line, from 1, that ``offset`` stands on."""
        return bisect_right(self._line_starts(), max(offset, 0))

    def location(self, start: int, end: int) -> Location:
        """Return the stretch from ``start`` to ``end``, cut at the end of its first line and at least one column wide.

        Offsets outside the text are moved to the nearest place in it; the end of the text is shown on its last line that says something.
        """
        text = self._text
        if start >= len(text):
            start = len(text.rstrip())
        starts = self._line_starts()
        number = bisect_right(starts, max(start, 0))
        begin = starts[number - 1]
        stop = starts[number] - 1 if number < len(starts) else len(text)
        column = min(max(start, begin), stop) - begin
        width = max(min(end, stop) - begin - column, 1)
        return Location(self._name, number, column + 1, column + 1 + width, text[begin:stop])
