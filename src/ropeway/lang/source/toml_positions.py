"""Where things stand in a TOML file: a light scanner beside ``tomllib``, which keeps no positions.

It runs only when a diagnostic needs a place. It knows the whole grammar (dotted and quoted keys, tables, arrays of tables, inline
tables, the four kinds of strings) but checks nothing: on text that ``tomllib`` refuses it keeps what it found up to there. One pass,
linear in the text.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ropeway.lang.source.text import MAX_DEPTH
from ropeway.records import field, record

if TYPE_CHECKING:
    from ropeway.lang.diagnostics import Path
    from ropeway.lang.source.text import Span, Spans

_BLANK = re.compile(r"[ \t]*")
_SKIP = re.compile(r"(?:[ \t\n]++|#[^\n]*+)*")
_KEY = re.compile(r"""([A-Za-z0-9_-]+)|"([^"\\\n]*+(?:\\.[^"\\\n]*+)*)"|'([^'\n]*)'""")
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))", re.DOTALL)
_SIMPLE_ESCAPES = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", "e": "\x1b"}
# The text of a basic multi-line string ends at the first three quotes; up to two more belong to it.
_STRING = re.compile(
    r'''"""[^"\\]*+(?:(?:\\.|"(?!""))[^"\\]*+)*"""(?:"{0,2})'''
    r"""|'''[^']*+(?:'(?!'')[^']*+)*'''(?:'{0,2})"""
    r"""|"(?!"")[^"\\\n]*+(?:\\.[^"\\\n]*+)*"|'(?!'')[^'\n]*\'""",
    re.DOTALL,
)
_BARE = re.compile(r"\d{4}-\d\d-\d\d(?: \d\d:[^\s,\]}#]*)?|[^\s,\[\]{}#\"'=]+")


@record(frozen=False)
class TomlPositions:
    """What a scan found.

    ``repeats`` holds each key or table that stands a second time: its path, and the spans of the first and the second place.
    ``stopped`` is where the scan gave up (the start of a value that does not end, for instance), or None.
    """

    spans: Spans = field(default_factory=dict)
    repeats: list[tuple[Path, Span, Span]] = field(default_factory=list)
    stopped: int | None = None


class _GiveUp(Exception):
    """The text is not TOML from here on."""

    def __init__(self, offset: int) -> None:
        self.offset = offset


def scan(text: str) -> TomlPositions:
    """Find the places of all keys and values.

    Args:
        text: TOML with LF line ends; anything else is scanned as far as it goes.
    """
    scanner = _Scanner(text)
    try:
        scanner.document()
    except _GiveUp as stop:
        scanner.found.stopped = stop.offset
    except RecursionError:  # called from a deep stack; the nearest known place is good enough
        scanner.found.stopped = 0
    return scanner.found


def read_key(text: str) -> list[tuple[str, int, int]] | None:
    """Read the dotted key that ``text`` begins with: its parts, each with start and end; None when there is none."""
    try:
        return _Scanner(text).key(0)[1]
    except _GiveUp:
        return None


def unescape(text: str) -> str:
    """Return what a basic string's text means; wrong escapes are kept as they are."""
    if "\\" not in text:
        return text

    def one(match: re.Match[str]) -> str:
        digits = match[1] or match[2]
        if digits:
            code = int(digits, 16)
            return chr(code) if code < 0x110000 else match[0]
        return _SIMPLE_ESCAPES.get(match[3], match[3])

    return _ESCAPE.sub(one, text)


class _Scanner:
    """One pass over a text. Methods take an offset and return the offset behind what they read."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.found = TomlPositions()
        self._arrays: dict[Path, int] = {}  # arrays of tables: how many tables they have so far
        self._explicit: set[Path] = set()  # stands as a key of its own or as a header
        self._dotted: set[Path] = set()  # made by a dotted key: no header may name it

    def document(self) -> None:
        text, size = self._text, len(self._text)
        table: Path = ()
        position = self._skip(0)
        while position < size:
            if text[position] == "[":
                position, table = self._header(position)
            else:
                position = self._pair(position, table)
            position = self._blank(position)
            if position < size and text[position] not in "\n#":
                raise _GiveUp(position)
            position = self._skip(position)

    def _blank(self, position: int) -> int:
        match = _BLANK.match(self._text, position)
        return match.end() if match else position

    def _skip(self, position: int) -> int:
        match = _SKIP.match(self._text, position)
        return match.end() if match else position

    def key(self, position: int) -> tuple[int, list[tuple[str, int, int]]]:
        """Read a dotted key: its parts, each with start and end."""
        parts: list[tuple[str, int, int]] = []
        while True:
            position = self._blank(position)
            match = _KEY.match(self._text, position)
            if match is None or len(parts) > MAX_DEPTH:
                raise _GiveUp(position)
            part = match[1] if match[1] is not None else match[3] if match[3] is not None else unescape(match[2])
            parts.append((part, position, match.end()))
            position = self._blank(match.end())
            if not self._text.startswith(".", position):
                return position, parts
            position += 1

    def _header(self, start: int) -> tuple[int, Path]:
        """Read ``[a.b]`` or ``[[a.b]]``; return the path of the table that the following pairs belong to."""
        array = self._text.startswith("[[", start)
        position, parts = self.key(start + 1 + array)
        close = "]]" if array else "]"
        if not self._text.startswith(close, position):
            raise _GiveUp(position)
        end = position + len(close)
        path: Path = ()
        for name, key_start, key_end in parts[:-1]:
            path = (*path, name)
            self.found.spans.setdefault(path, (key_start, key_end, start, end))
            path = self._last_of(path)
        name, key_start, key_end = parts[-1]
        path = (*path, name)
        span = (key_start, key_end, start, end)
        if array:
            return end, self._next_of(path, span)
        if path in self._explicit or path in self._dotted or path in self._arrays:
            self._repeat(path, span)
        self._explicit.add(path)
        self.found.spans[path] = span
        return end, path

    def _last_of(self, path: Path) -> Path:
        return (*path, self._arrays[path] - 1) if path in self._arrays else path

    def _next_of(self, path: Path, span: Span) -> Path:
        if path in self._explicit:
            self._repeat(path, span)
        index = self._arrays.get(path, 0)
        self._arrays[path] = index + 1
        self.found.spans.setdefault(path, span)
        table = (*path, index)
        self.found.spans[table] = span
        return table

    def _repeat(self, path: Path, span: Span) -> None:
        self.found.repeats.append((path, self.found.spans[path], span))

    def _pair(self, position: int, table: Path) -> int:
        """Read ``key = value``."""
        position, parts = self.key(position)
        if not self._text.startswith("=", position):
            raise _GiveUp(position)
        value_start = self._blank(position + 1)
        path = table
        for name, key_start, key_end in parts[:-1]:
            path = (*path, name)
            if path in self._explicit:
                self._repeat(path, (key_start, key_end, key_start, key_end))
            self._dotted.add(path)
            self.found.spans.setdefault(path, (key_start, key_end, key_start, key_end))
        name, key_start, key_end = parts[-1]
        path = (*path, name)
        first = self.found.spans.get(path)
        end = self._value(value_start, path)
        span = (key_start, key_end, value_start, end)
        if first is not None:
            self.found.repeats.append((path, first, span))
        self.found.spans[path] = span
        self._explicit.add(path)
        return end

    def _value(self, position: int, path: Path) -> int:
        """Read a value and everything inside it; its own span is the caller's to note."""
        character = self._text[position : position + 1]
        if character == "[":
            return self._list(position, path)
        if character == "{":
            return self._inline_table(position, path)
        match = (_STRING if character in {'"', "'"} else _BARE).match(self._text, position)
        if match is None:
            raise _GiveUp(position)
        return match.end()

    def _list(self, start: int, path: Path) -> int:
        if len(path) > MAX_DEPTH:
            raise _GiveUp(start)
        position = self._skip(start + 1)
        index = 0
        while not self._text.startswith("]", position):
            item = (*path, index)
            end = self._value_inside(position, item, start)
            self.found.spans[item] = (position, end, position, end)
            index += 1
            position = self._next(end, "]", start)
        return position + 1

    def _inline_table(self, start: int, path: Path) -> int:
        if len(path) > MAX_DEPTH:
            raise _GiveUp(start)
        position = self._skip(start + 1)
        while not self._text.startswith("}", position):
            if position >= len(self._text):
                raise _GiveUp(start)
            end = self._pair(position, path)
            position = self._next(end, "}", start)
        return position + 1

    def _value_inside(self, position: int, path: Path, start: int) -> int:
        if position >= len(self._text):
            raise _GiveUp(start)  # the list that began at `start` never ends
        return self._value(position, path)

    def _next(self, position: int, close: str, start: int) -> int:
        """Go past the comma behind an element, or stay on the closing bracket."""
        position = self._skip(position)
        if self._text.startswith(",", position):
            return self._skip(position + 1)
        if position >= len(self._text):
            raise _GiveUp(start)
        if not self._text.startswith(close, position):
            raise _GiveUp(position)
        return position
