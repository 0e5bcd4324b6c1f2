"""From an offset in a string's *value* to the offset in the file: undoes escapes, quotes, indentation and folded lines.

Only diagnostics that point into a string (an expression in a script, say) come here.
"""

from __future__ import annotations

import re

# In a basic string: an escape, or a backslash that swallows the end of its line, or a run of anything else.
_TOML_PIECE = re.compile(r"\\(?:u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|x[0-9A-Fa-f]{2}|([ \t]*\n[ \t\n]*)|.)|[^\\]+", re.DOTALL)
# In a double-quoted YAML scalar: the same, and folding of plain line ends.
_YAML_PIECE = re.compile(
    r"\\(?:x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|(\n[ \t]*)|.)|([ \t]*\n[ \t\n]*)|[^\\\n \t]+|[ \t]+", re.DOTALL
)


def toml_offset(text: str, start: int, end: int, offset: int) -> int:
    """Return where the character ``offset`` of the string written at ``text[start:end]`` stands.

    Anything that is not a quoted TOML string is taken as it is. Never outside ``start`` to ``end``.
    """
    quote = text[start : start + 1]
    if quote not in {'"', "'"}:
        return min(start + offset, end)
    width = 3 if end - start >= 6 and text.startswith(quote * 3, start) else 1
    begin, stop = start + width, end - width
    if width == 3 and text.startswith("\n", begin):
        begin += 1  # a newline right after the opening quotes is not part of the value
    if quote == "'":
        return min(begin + offset, stop)
    seen = 0
    for piece in _TOML_PIECE.finditer(text, begin, stop):
        escaped = text[piece.start()] == "\\"
        length = (0 if piece[1] is not None else 1) if escaped else piece.end() - piece.start()
        if offset < seen + length:
            return piece.start() + (0 if escaped else offset - seen)
        seen += length
    return stop


def yaml_offset(text: str, start: int, end: int, value: str, offset: int) -> int:
    """Return where character ``offset`` of ``value``, a YAML scalar written at ``text[start:end]``, stands.

    White space that YAML folded away or made up is answered with the nearest place.
    """
    style = text[start : start + 1]
    if style == "|":
        return _literal_offset(text, start, end, value, offset)
    if style == '"':
        return _double_quoted_offset(text, start + 1, end - 1, offset)
    begin, stop = start, end
    if style == "'":
        begin, stop = start + 1, end - 1
    elif style == ">":
        begin = text.find("\n", start, end) + 1 or end
    return _aligned_offset(text, begin, stop, value, offset, doubled_quotes=style == "'")


def _literal_offset(text: str, start: int, end: int, value: str, offset: int) -> int:
    """A ``|`` block: the value's lines are the file's lines without their indentation."""
    row = value.count("\n", 0, offset)
    line_start = text.find("\n", start, end) + 1
    for _ in range(row):
        line_start = text.find("\n", line_start, end) + 1 or end
    line_end = text.find("\n", line_start)
    line = text[line_start : line_end if line_end >= 0 else len(text)]
    value_start = value.rfind("\n", 0, offset) + 1
    value_end = value.find("\n", value_start)
    value_line = value[value_start : value_end if value_end >= 0 else len(value)]
    indent = len(line) - len(value_line)
    return min(line_start + max(indent, 0) + offset - value_start, len(text))


def _double_quoted_offset(text: str, begin: int, stop: int, offset: int) -> int:
    seen = 0
    for piece in _YAML_PIECE.finditer(text, begin, stop):
        whole = piece[0]
        if whole[0] == "\\":
            length = 0 if piece[1] is not None else 1
        elif piece[2] is not None:
            length = max(whole.count("\n") - 1, 1)  # one line end is a space, n+1 are n newlines
        else:
            length = len(whole)
        if offset < seen + length:
            plain = whole[0] != "\\" and piece[2] is None
            return piece.start() + (offset - seen if plain else 0)
        seen += length
    return stop


def _aligned_offset(text: str, begin: int, stop: int, value: str, offset: int, *, doubled_quotes: bool) -> int:
    """Plain, single-quoted and folded text: only white space differs, so the n-th visible character is the n-th visible one."""
    wanted = sum(1 for c in value[:offset] if not c.isspace())
    position = begin
    while position < stop:
        character = text[position]
        if not character.isspace():
            if wanted == 0:
                break
            wanted -= 1
            if doubled_quotes and character == "'":
                position += 1
        position += 1
        if wanted == 0 and offset < len(value) and value[offset].isspace():
            # Behind the last visible character before it: step over the white space in between that both have.
            blanks = offset - len(value[:offset].rstrip())
            return min(position + blanks, stop)
    return min(position, stop)
