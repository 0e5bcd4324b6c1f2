"""A place in the text of a justfile, and the reading of names, blanks and string literals from there."""

from __future__ import annotations

import re
from bisect import bisect_right

from ropeway.lang.dialects.justfile.syntax import Place, SyntaxProblem, Text

__all__ = ["NAME", "Cursor", "unindent"]

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_BLANKS = re.compile(r"(?:[ \t]|\\\n)*")
_SPACE = re.compile(r"(?:[ \t\n]|\\\n|#[^\n]*\n)*")
_ESCAPE = re.compile(r"\\(?:u\{([0-9A-Fa-f]{1,6})\}|(.)|(\n))")
_PLAIN = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}
MAX_DEPTH = 60


class Cursor:
    """Reads a text from left to right. ``at`` is the offset of the next character; ``depth`` counts what is open around it."""

    def __init__(self, text: str, file: str) -> None:
        self.text = text
        self.file = file
        self.at = 0
        self.inside = 0
        self._nested = 0
        self._starts = [0, *(found.end() for found in re.finditer("\n", text))]

    def place(self, at: int | None = None) -> Place:
        """Return line and column of an offset, of the next character when none is given."""
        at = self.at if at is None else at
        line = bisect_right(self._starts, at)
        return Place(self.file, line, at - self._starts[line - 1] + 1)

    def problem(self, reason: str, hint: str, at: int | None = None) -> SyntaxProblem:
        """Return what to raise when the text can not be read."""
        return SyntaxProblem(self.place(at), reason, hint)

    def deeper(self) -> None:
        """Note that an expression opens inside another; very deep ones are refused."""
        self._nested += 1
        if self._nested > MAX_DEPTH:
            raise self.problem(f"this expression is nested more than {MAX_DEPTH} deep", "split it into several variables")

    def back(self) -> None:
        """Note that it is closed."""
        self._nested -= 1

    def reset(self) -> None:
        """Forget what was open: an item could not be read and the next begins."""
        self._nested = self.inside = 0

    def peek(self, literal: str) -> bool:
        """Whether the text goes on with ``literal``."""
        return self.text.startswith(literal, self.at)

    def take(self, literal: str) -> bool:
        """Read ``literal`` if it is next; returns whether it was."""
        if not self.peek(literal):
            return False
        self.at += len(literal)
        return True

    def want(self, literal: str, what: str) -> None:
        """Read ``literal``, after blanks, or raise."""
        self.blanks()
        if not self.take(literal):
            raise self.problem(f"{what} needs {literal!r} here", "correct the justfile; `just --dump` shows whether just can read it")

    def blanks(self) -> None:
        """Read over blanks; inside brackets and interpolations over line ends and comments, too."""
        match = (_SPACE if self.inside else _BLANKS).match(self.text, self.at)
        self.at = match.end() if match else self.at

    def name(self) -> str:
        """Read a name; empty when there is none."""
        match = NAME.match(self.text, self.at)
        if match is None:
            return ""
        self.at = match.end()
        return match[0]

    def end_of_line(self, what: str) -> None:
        """Read blanks, a comment and the end of the line, or raise."""
        self.blanks()
        if self.peek("#"):
            self.at = self.line_end()
        if self.at < len(self.text) and not self.take("\n"):
            rest = self.text[self.at : self.line_end()].strip()
            raise self.problem(f"{what} should end before {rest[:40]!r}", "correct the justfile, or remove what stands there")

    def line_end(self) -> int:
        """Return the offset of the end of this line."""
        found = self.text.find("\n", self.at)
        return len(self.text) if found < 0 else found

    def quoted(self) -> tuple[str, str, int] | None:
        """Read a quotation: what opened it, the raw text in it, and its offset; None when none is next."""
        opener = next((q for q in ("'''", '"""', "```", "'", '"', "`") if self.peek(q)), None)
        if opener is None:
            return None
        start = self.at
        at = start + len(opener)
        while not self.text.startswith(opener, at):
            at += 2 if opener[0] == '"' and self.text.startswith("\\", at) else 1
            if at >= len(self.text):
                raise self.problem("this quotation is not closed", f"close it with {opener}", start)
        self.at = at + len(opener)
        return opener, self.text[start + len(opener) : at], start

    def string(self, *, expand: bool = False) -> Text | None:
        """Read a string literal; None when none is next. A backtick is none."""
        if self.peek("`"):
            return None
        found = self.quoted()
        if found is None:
            return None
        opener, raw, start = found
        if len(opener) == 3:
            raw = unindent(raw.removeprefix("\n"))
        return Text(self.unescape(raw, start) if opener[0] == '"' else raw, self.place(start), expand)

    def unescape(self, raw: str, start: int) -> str:
        """Return what the text of a double-quoted literal stands for."""

        def value(match: re.Match[str]) -> str:
            if match[3]:
                return ""
            if match[1]:
                code = int(match[1], 16)
                if code <= 0x10FFFF and not 0xD800 <= code < 0xE000:
                    return chr(code)
            elif match[2] in _PLAIN:
                return _PLAIN[match[2]]
            raise self.problem(f"{match[0]!r} is no escape of just", "write \\\\ for a backslash", start)

        return _ESCAPE.sub(value, raw)


def unindent(text: str) -> str:
    """Return a text without the indentation that all its lines share, as just reads ``'''`` and scripts. The last line may be blank."""
    lines = text.split("\n")
    filled = [line for line in lines if line.strip(" \t\r")]
    common = min((line[: len(line) - len(line.lstrip(" \t"))] for line in filled), key=len, default="")
    for line in filled:
        while not line.startswith(common):
            common = common[:-1]
    return "\n".join(line[len(common) :] if line.strip(" \t\r") else "" for line in lines)
