"""What is wrong with a TOML text, in words and with a hint.

``tomllib`` says little and stops at the first mistake. From where it stopped and from the line in question this module works out what
was probably meant, then blanks the line and lets ``tomllib`` go on, so that several mistakes are told at once. Only mistakes that can not
be an echo of an earlier one are told: the search ends at the first that follows directly or stands at the end of the file.
"""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING

from ropeway.lang.source.text import MAX_DEPTH, Mistake
from ropeway.lang.source.toml_positions import TomlPositions, scan

if TYPE_CHECKING:
    from collections.abc import Callable

_MAX_ROUNDS = 10
_MAX_SIZE = 256 * 1024  # beyond this, reading again for each mistake takes too long

_PLACE = re.compile(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", re.DOTALL)
_YAML_LINE = re.compile(r"\s*(?:- |-$|[\w.\"'-]+[ \t]*:(?:\s|$)|---\s*$)")
_CONFLICT = re.compile(r"<{7}|={7}|>{7}|\|{7}")
_REPEATED = ("Cannot declare", "Cannot overwrite", "Cannot mutate", "Cannot redefine", "Duplicate inline")
_WORDS = {"true": "true", "yes": "true", "on": "true", "false": "false", "no": "false", "off": "false"}
_ONE_LINE_HINT = "close it on the same line; text of several lines stands in \"\"\"…\"\"\" or '''…'''"
_QUOTE_HINT = "text stands in quotes: \"…\", or '…' when it holds backslashes or double quotes"


def explain_failure(text: str, error: Exception) -> list[Mistake]:
    """Return what is wrong with ``text``, which made ``tomllib`` raise ``error``; at least one mistake, by offset."""
    mistakes: list[Mistake] = []
    failure: Exception | None = error
    last_line = -1
    moved = False  # a header was blanked: what follows seems to be in another table
    for _ in range(_MAX_ROUNDS):
        if failure is None:
            break
        found, position = _explain(text, failure)
        line = text.count("\n", 0, position)
        repeated = found[0].code == "RW011"
        if mistakes and (position >= len(text) or (moved if repeated else line <= last_line + 1)):
            break
        mistakes += found
        if position >= len(text) or len(text) > _MAX_SIZE or found[0].code == "RW004":
            break
        last_line = line
        start = text.rfind("\n", 0, found[0].start) + 1
        moved = moved or text[start : start + 80].lstrip().startswith("[")
        text = _without(text, min(found[0].start, position), position)
        failure = _failure(text)
    return mistakes


def _failure(text: str) -> Exception | None:
    try:
        tomllib.loads(text)
    except (ValueError, RecursionError, LookupError, OverflowError) as error:
        return error
    return None


def _without(text: str, start: int, end: int) -> str:
    """Blank the lines from ``start`` to ``end``, keeping every offset."""
    begin = text.rfind("\n", 0, start) + 1
    stop = text.find("\n", end)
    stop = len(text) if stop < 0 else stop
    return text[:begin] + re.sub(r"[^\n]", " ", text[begin:stop]) + text[stop:]


def _explain(text: str, error: Exception) -> tuple[list[Mistake], int]:
    """Return the mistakes behind one failure, and the offset where the parser stopped."""
    if isinstance(error, RecursionError):
        start = scan(text).stopped or 0
        message = f"tables and lists stand more than {MAX_DEPTH} deep in each other"
        return [Mistake("RW004", message, "flatten the data", start, start + 1)], start
    match = _PLACE.fullmatch(str(error))
    if match is None:
        return _unplaced(text)
    said = match[1]
    position = len(text)
    if match[2]:
        position = _offset_of(text, int(match[2]), int(match[3]))
    stop = text.find("\n", position)
    positions = scan(text if stop < 0 else text[:stop])  # no further than the parser came: what follows may be megabytes
    if said.startswith(_REPEATED):
        repeated = _repeats(text, positions, position)
        if repeated:
            return repeated, position
    return [_Case(text, position, positions).explain(said)], position


def _offset_of(text: str, line: int, column: int) -> int:
    start = 0
    for _ in range(line - 1):
        start = text.find("\n", start) + 1
    return start + column - 1


def _unplaced(text: str) -> tuple[list[Mistake], int]:
    """``int()`` refuses thousands of digits without saying where."""
    match = re.search(r"[0-9][0-9_]{4000,}", text)
    start, end = match.span() if match else (0, 1)
    hint = "put it in quotes when it is a name rather than an amount"
    return [Mistake("RW006", "the integer does not fit into 64 bits", hint, start, end)], end if match else len(text)


def _repeats(text: str, positions: TomlPositions, position: int) -> list[Mistake]:
    mistakes = []
    for path, first, second in positions.repeats:
        if second[0] > position:
            continue
        name = ".".join(str(part) for part in path)
        line = text.count("\n", 0, first[0]) + 1
        hint = f"the first one stands on line {line}; keep one of them"
        mistakes.append(Mistake("RW011", f"`{name}` is given twice", hint, second[0], second[1]))
    return mistakes


class _Case:
    """One place where ``tomllib`` gave up."""

    def __init__(self, text: str, position: int, positions: TomlPositions) -> None:
        self.text = text
        self.at = position
        self.opened = positions.stopped
        self.begin = text.rfind("\n", 0, position) + 1
        stop = text.find("\n", position)
        self.stop = len(text) if stop < 0 else stop
        self.line = text[self.begin : self.stop]

    def explain(self, said: str) -> Mistake:
        """Return the mistake for what ``tomllib`` said."""
        common = self._not_toml()
        if common is not None:
            return common
        cases: dict[str, Callable[[], Mistake]] = {
            "Invalid value": self._value,
            "Expected '='": self._equals,
            "Expected newline": self._rest,
            "Invalid initial": self._key,
            "Invalid statement": self._statement,
            "Unescaped": self._escape,
            "Invalid hex": self._escape,
            "Escaped character": self._surrogate,
            "Illegal character": self._character,
            "Found invalid character": self._character,
            "Unterminated": self._unclosed_string,
            'Expected "': self._unclosed_string,
            "Expected \"'": self._unclosed_string,
            "Unclosed array": self._list,
            "Unclosed inline": self._inline_table,
            "Expected ']": self._header,
            "Invalid date": self._date,
        }
        for start, case in cases.items():
            if said.startswith(start):
                return case()
        return self._mistake(f"this is not TOML: {said[:1].lower()}{said[1:]}", None)

    def _mistake(self, message: str, hint: str | None, start: int | None = None, end: int | None = None, code: str = "RW010") -> Mistake:
        start = self.at if start is None else start
        return Mistake(code, message, hint, start, start + 1 if end is None else end)

    def _not_toml(self) -> Mistake | None:
        """The line belongs to something else altogether."""
        indent = len(self.line) - len(self.line.lstrip())
        if _CONFLICT.match(self.line):
            return self._mistake("a merge conflict is left in the file", "resolve it, then remove its marks", self.begin, self.begin + 7)
        if self.text.lstrip().startswith("{") and not self.text[: self.at].strip():
            hint = "a workflow is TOML or YAML; JSON is read as YAML when the file's name ends in .yaml"
            return self._mistake("this looks like JSON", hint)
        if _YAML_LINE.match(self.line):
            hint = "write `key = value`, or name the file .yaml"
            return self._mistake("this line looks like YAML, the file is TOML", hint, self.begin + indent, self.stop)
        return None

    def _word(self) -> str:
        """What stands at the place, up to the end of its line, without a comment."""
        return self.text[self.at : self.stop].split(" #")[0].rstrip().rstrip(",]}").rstrip()

    def _value(self) -> Mistake:
        word = self._word()
        end = self.at + max(len(word), 1)
        if not word:
            return self._mistake("a value is missing here", f"write it after the `=`; {_QUOTE_HINT}")
        if re.match(r"[\w.-]+[ \t]*=", word) and not self.line[: self.at - self.begin].strip():
            return self._mistake("the list before this is not closed", "close it with `]`", end=end)
        if word.lower() in _WORDS:
            return self._mistake(f"`{word}` is not a TOML value", f"write `{_WORDS[word.lower()]}`, or quotes around text", end=end)
        if word.lower() in {"null", "none", "nil", "~"}:
            return self._mistake(f"`{word}` is not a TOML value", "TOML has no null: leave the key out", end=end)
        if word[0] in "\u201c\u201d\u201e\u2018\u2019\u00ab":
            return self._mistake("curly quotes are not quotes to TOML", 'use straight ones: "…"', end=end)
        if re.fullmatch(r"[+-]?\.\d+|[+-]?\d+\.", word):
            return self._mistake(f"`{word}` is not a TOML number", "a number has digits on both sides of the point", end=end)
        return self._mistake(f"`{_short(word)}` is not a TOML value", f'put it in quotes: "{_short(word)}"', end=end)

    def _equals(self) -> Mistake:
        before = self.line[: self.at - self.begin].strip()
        if self.line.lstrip().startswith("{") or not before:
            return self._mistake("`=` is missing after a key", "a line is `key = value` or `[table]`")
        after = self._word()
        if "=" in after and not after.startswith(('"', "'")):
            name = f"{before} {after.split('=')[0]}".strip()
            if re.fullmatch(r"[\w.\- ]+", name) is None or " " in name:
                hint = "a key with spaces or signs stands in quotes: " + f'"{_short(name)}" = …'
                return self._mistake("this key is not a bare key", hint, self.begin + len(self.line) - len(self.line.lstrip()), self.at)
        return self._mistake(
            f"`=` is missing after the key `{_short(before.rsplit(',')[-1].strip())}`", "a line is `key = value` or `[table]`"
        )

    def _rest(self) -> Mistake:
        rest = self.text[self.at] if self.text[self.at] == "\r" else self._word()
        end = self.at + max(len(rest), 1)
        if rest.startswith("\r"):
            return self._character()
        if self.line.lstrip().startswith("["):
            return self._mistake("nothing may follow a table's header on its line", "start a new line here", end=end)
        value = self.line[: self.at - self.begin].partition("=")[2].strip()
        if value and value[0] not in "\"'[{":
            whole = _short(
                value + self.text[self.begin + len(self.line[: self.at - self.begin].rstrip()) : self.stop].split(" #")[0].rstrip()
            )
            start = self.begin + self.line.index("=") + 1
            start += len(self.line[start - self.begin :]) - len(self.line[start - self.begin :].lstrip())
            if re.fullmatch(r"[+-]?0[\d_]+", whole):
                return self._mistake(
                    f"`{whole}`: a number has no leading zeros", f'write it without them, or as text: "{whole}"', start, end
                )
            return self._mistake(f"`{whole}` is not a TOML value", f'put it in quotes: "{whole}"', start, end)
        if value.startswith('"') and '"' in rest:
            hint = 'a " inside "…" is written \\"; or put the text in \'…\''
            return self._mistake("the string ended before this", hint, end=end)
        if value.startswith("'") and "'" in rest:
            return self._mistake("the string ended before this", "a ' can not stand in '…'; put the text in \"…\"", end=end)
        return self._mistake("a new line is missing before this", "every `key = value` has a line of its own", end=end)

    def _key(self) -> Mistake:
        found = self.text[self.at : self.at + 1]
        if self.line.lstrip().startswith("["):
            return self._mistake("a table's header needs a name here", "write `[table]` or `[table.inner]`; odd names in quotes")
        if found in {"\n", "}"}:
            hint = "an inline table stands on one line, without a comma at its end; for more, use a `[table]`"
            return self._mistake("a key is missing here", hint)
        if found == "." or self.text[: self.at].rstrip().endswith("."):
            return self._mistake("a dotted key has an empty part", "remove the dot, or name the part")
        return self._mistake(f"`{found}` can not begin a key", "keys are letters, digits, `_` and `-`; all others stand in quotes")

    def _statement(self) -> Mistake:
        word = self._word() or self.text[self.at : self.at + 1]
        if word[0] in ")]}":
            return self._mistake(f"`{word[0]}` closes nothing", "remove it, or look for what should have opened it above")
        return self._mistake(f"a line can not begin with `{_short(word[0])}`", "a line is `key = value`, `[table]` or `# comment`")

    def _escape(self) -> Mistake:
        slash = self.text.rfind("\\", 0, self.at)
        start = self.at - 2 if slash < 0 else slash
        hint = "a backslash is doubled in \"…\"; put paths and patterns in '…', where it is itself"
        written = self.text[start : start + 2].rstrip()
        return self._mistake(f"`{written}` is not an escape that TOML knows", hint, start, start + 2, "RW012")

    def _surrogate(self) -> Mistake:
        start = self.text.rfind("\\", 0, self.at)
        message = f"`{self.text[start : self.at]}` is no character of its own"
        return self._mistake(message, "a character beyond U+FFFF is written \\U with eight digits", start, self.at, "RW012")

    def _character(self) -> Mistake:
        found = self.text[self.at : self.at + 1]
        if found == "\n" or not found:
            start = self.opened if self.opened is not None and self.begin <= self.opened < self.at else self.at
            return self._mistake("this string is not closed", _ONE_LINE_HINT, start, self.at)
        if found == "\r":
            return self._mistake("a carriage return stands here without a line feed", "end lines with LF or CRLF")
        return self._mistake(f"the control character U+{ord(found):04X} stands here", 'write it as an escape in a "…" string, or remove it')

    def _unclosed_string(self) -> Mistake:
        start = self.at if self.opened is None else self.opened
        quote = self.text[start : start + 3]
        if quote in {'"""', "'''"}:
            return self._mistake("this string is never closed", f"close it with {quote}", start, start + 3)
        stop = self.text.find("\n", start)
        return self._mistake("this string is not closed", _ONE_LINE_HINT, start, len(self.text) if stop < 0 else stop)

    def _list(self) -> Mistake:
        if self.at >= len(self.text):
            start = self.at if self.opened is None else self.opened
            return self._mistake("this list is never closed", "close it with `]`", start)
        return self._mistake("a `,` is missing before this, or a `]`", "a list is `[one, two]`", end=self.at + max(len(self._word()), 1))

    def _inline_table(self) -> Mistake:
        if self.text[self.at : self.at + 1] in {"\n", ""}:
            hint = "an inline table stands on one line: close it with `}`, or use a `[table]`"
            return self._mistake("this inline table is not closed on its line", hint)
        return self._mistake("a `,` is missing before this, or a `}`", "an inline table is `{ a = 1, b = 2 }`")

    def _header(self) -> Mistake:
        hint = "a header is `[table]` or `[[list of tables]]`; a name with spaces or signs stands in quotes"
        return self._mistake("the table's header is not closed here", hint)

    def _date(self) -> Mistake:
        word = self._word()
        hint = f'put it in quotes when it is text: "{_short(word)}"'
        return self._mistake(f"`{_short(word)}` is not a date", hint, end=self.at + max(len(word), 1))


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"
