r"""Reads a pattern of ``matches`` into a small program: the instructions that :mod:`.pattern` steps through.

The syntax is the part of RE2's (https://github.com/google/re2/wiki/Syntax) that asks a yes-or-no question: literals, ``.``, classes
with ranges and ``[:alpha:]`` names, ``\d \w \s \D \W \S`` (ASCII), groups, ``|``, ``* + ? {n} {n,} {n,m}`` (greedy or not, the
answer is the same), ``^ $ \A \z \b \B``, and the flags ``(?i) (?s) (?m)`` at the start. Back-references and look-around are not
part of it: they can not be matched in linear time.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from typing import Literal

__all__ = ["Assertion", "Characters", "Instruction", "PatternError", "Program", "Split", "read_pattern"]

MAX_LENGTH = 4096
MAX_DEPTH = 50
MAX_REPEAT = 1000
MAX_WORK = 4000
"""The most instructions of a program, and the most steps to make it."""

Ranges = tuple[tuple[int, int], ...]
_LAST = 0x10FFFF


class PatternError(Exception):
    """The text is no pattern of this syntax."""


class Characters(NamedTuple):
    """Take one character out of ``ranges`` (code points, inclusive), or out of all others when ``negated``."""

    ranges: Ranges
    negated: bool
    goes: int

    def takes(self, character: str, *, folded: bool) -> bool:
        """Whether it takes this character; ``folded`` when upper and lower case are the same."""
        variants = (character, character.lower(), character.upper()) if folded else (character,)
        found = any(low <= ord(one) <= high for one in variants if len(one) == 1 for low, high in self.ranges)
        return found != self.negated


class Split(NamedTuple):
    """Go on at both places."""

    left: int
    right: int


class Assertion(NamedTuple):
    """Go on when it holds here: ``start`` and ``end`` of the text, ``^`` and ``$`` of a line, ``b`` and ``B`` for edges of words."""

    kind: Literal["start", "end", "^", "$", "b", "B"]
    goes: int


Instruction = Characters | Split | Assertion


class Program(NamedTuple):
    """Instruction 0 is the end: reaching it is a match."""

    instructions: tuple[Instruction | None, ...]
    start: int
    folded: bool


_DIGIT: Ranges = ((48, 57),)
_SPACE: Ranges = ((9, 10), (12, 13), (32, 32))
_WORD: Ranges = ((48, 57), (65, 90), (95, 95), (97, 122))
_CLASSES = {"d": _DIGIT, "s": _SPACE, "w": _WORD}
_NAMED: dict[str, Ranges] = {
    "alnum": ((48, 57), (65, 90), (97, 122)),
    "alpha": ((65, 90), (97, 122)),
    "ascii": ((0, 127),),
    "blank": ((9, 9), (32, 32)),
    "digit": _DIGIT,
    "lower": ((97, 122),),
    "punct": ((33, 47), (58, 64), (91, 96), (123, 126)),
    "space": ((9, 13), (32, 32)),
    "upper": ((65, 90),),
    "word": _WORD,
    "xdigit": ((48, 57), (65, 70), (97, 102)),
}
_CONTROL = {"a": 7, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11}
_FLAGS = re.compile(r"\(\?([a-zA-Z-]+)\)")
_GROUP = re.compile(r"\((?:\?(?::|P?<[A-Za-z_][A-Za-z0-9_]*>))?")
_REPEAT = re.compile(r"(?:([*+?])|\{([0-9]{1,9})(?:(,)([0-9]{0,9}))?\})\??")
_HEX = re.compile(r"x(?:([0-9a-fA-F]{2})|\{([0-9a-fA-F]{1,6})\})")

# A pattern as a tree: what is in sequence, what is a choice, what repeats.


class _Sequence(NamedTuple):
    parts: tuple[_Part, ...]


class _Choice(NamedTuple):
    parts: tuple[_Part, ...]


class _Repeat(NamedTuple):
    part: _Part
    least: int
    most: int | None


_Part = _Sequence | _Choice | _Repeat | Characters | Assertion


def read_pattern(text: str) -> Program:
    """Read a pattern.

    Raises:
        PatternError: It is malformed, uses what can not be matched in linear time, or is too large.
    """
    if len(text) > MAX_LENGTH:
        raise PatternError(f"a pattern has at most {MAX_LENGTH:,} characters")
    reader = _Reader(text)
    tree = reader.choice()
    if reader.at < len(text):
        raise PatternError("')' closes nothing")
    writer = _Writer()
    start = writer.write(tree, 0)
    return Program(tuple(writer.instructions), start, "i" in reader.flags)


class _Reader:
    """Recursive descent; a group is one level, and levels are limited."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._depth = 0
        self.at = 0
        self.flags = ""
        if match := _FLAGS.match(text):
            self.flags = match[1]
            self.at = match.end()
            if set(self.flags) - set("ims"):
                raise PatternError(f"'{match[0]}' is not among the flags (?i) (?m) (?s)")

    def choice(self) -> _Part:
        branches = [self._sequence()]
        while self._text.startswith("|", self.at):
            self.at += 1
            branches.append(self._sequence())
        return branches[0] if len(branches) == 1 else _Choice(tuple(branches))

    def _sequence(self) -> _Part:
        parts: list[_Part] = []
        while self.at < len(self._text) and self._text[self.at] not in "|)":
            repeat = _REPEAT.match(self._text, self.at)
            if repeat:
                raise PatternError(f"'{repeat[0]}' repeats nothing")
            part = self._atom()
            if repeat := _REPEAT.match(self._text, self.at):
                self.at = repeat.end()
                part = _Repeat(part, *_bounds(repeat))
            parts.append(part)
        return _Sequence(tuple(parts))

    def _atom(self) -> _Part:
        character = self._text[self.at]
        if character == "(":
            return self._group()
        if character == "[":
            return self._class()
        if character == "\\":
            return self._escape()
        self.at += 1
        if character == ".":
            return Characters(() if "s" in self.flags else ((10, 10),), negated=True, goes=0)
        if character == "^":
            return Assertion("^" if "m" in self.flags else "start", 0)
        if character == "$":
            return Assertion("$" if "m" in self.flags else "end", 0)
        return _one(ord(character))

    def _group(self) -> _Part:
        match = _GROUP.match(self._text, self.at)
        assert match is not None
        self.at = match.end()
        if match[0] == "(" and self._text.startswith("?", self.at):
            shown = self._text[self.at - 1 : self.at + 3]
            raise PatternError(f"'{shown}' is not supported: look-around and flags inside a pattern can not be matched in linear time")
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise PatternError(f"groups are nested more than {MAX_DEPTH} deep")
        part = self.choice()
        self._depth -= 1
        if not self._text.startswith(")", self.at):
            raise PatternError("'(' is not closed")
        self.at += 1
        return part

    def _escape(self) -> _Part:
        letter = self._text[self.at + 1 : self.at + 2]
        if letter.lower() in _CLASSES:
            self.at += 2
            return Characters(_CLASSES[letter.lower()], negated=letter.isupper(), goes=0)
        if letter and letter in "AzbB":
            self.at += 2
            return Assertion("start" if letter == "A" else "end" if letter == "z" else "b" if letter == "b" else "B", 0)
        return _one(self._escaped())

    def _escaped(self) -> int:
        """Return the code point of an escape that names one character."""
        letter = self._text[self.at + 1 : self.at + 2]
        if match := _HEX.match(self._text, self.at + 1):
            self.at = match.end()
            if (value := int(match[1] or match[2], 16)) <= _LAST:
                return value
            raise PatternError(f"'\\{match[0]}' is no character")
        self.at += 2
        if letter in _CONTROL:
            return _CONTROL[letter]
        if letter and letter.isascii() and letter.isprintable() and not letter.isalnum():
            return ord(letter)
        if letter.isdigit() and letter != "0":
            raise PatternError(f"'\\{letter}' is not supported: back-references can not be matched in linear time")
        raise PatternError(f"'\\{letter}' is no escape" if letter else "'\\' stands at the end")

    def _class(self) -> Characters:
        self.at += 1
        negated = self._text.startswith("^", self.at)
        self.at += negated
        ranges: list[tuple[int, int]] = []
        first = True
        while first or not self._text.startswith("]", self.at):
            if self.at >= len(self._text):
                raise PatternError("'[' is not closed")
            first = False
            ranges.extend(self._class_item())
        self.at += 1
        return Characters(tuple(ranges), negated=negated, goes=0)

    def _class_item(self) -> Ranges:
        text, at = self._text, self.at
        if text.startswith("[:", at) and (end := text.find(":]", at)) > 0:
            name = text[at + 2 : end]
            self.at = end + 2
            if name not in _NAMED:
                raise PatternError(f"'[:{name[:20]}:]' is no class")
            return _NAMED[name]
        letter = text[at + 1 : at + 2] if text[at] == "\\" else ""
        if letter and letter.lower() in _CLASSES:
            self.at += 2
            of = _CLASSES[letter.lower()]
            return _complement(of) if letter.isupper() else of
        low = self._class_character()
        if not text.startswith("-", self.at) or text.startswith("]", self.at + 1) or self.at + 1 >= len(text):
            return ((low, low),)
        self.at += 1
        high = self._class_character()
        if high < low:
            raise PatternError(f"the range '{text[at : self.at]}' runs backwards")
        return ((low, high),)

    def _class_character(self) -> int:
        if self._text[self.at] == "\\":
            return self._escaped()
        self.at += 1
        return ord(self._text[self.at - 1])


def _one(point: int) -> Characters:
    return Characters(((point, point),), negated=False, goes=0)


def _complement(ranges: Ranges) -> Ranges:
    found, low = [], 0
    for start, end in ranges:
        found.append((low, start - 1))
        low = end + 1
    return (*(r for r in found if r[0] <= r[1]), (low, _LAST))


def _bounds(repeat: re.Match[str]) -> tuple[int, int | None]:
    if repeat[1]:
        return {"*": (0, None), "+": (1, None), "?": (0, 1)}[repeat[1]]
    least = int(repeat[2])
    most = least if not repeat[3] else int(repeat[4]) if repeat[4] else None
    if max(least, most or 0) > MAX_REPEAT:
        raise PatternError(f"'{repeat[0]}': at most {MAX_REPEAT:,} repetitions are allowed")
    if most is not None and most < least:
        raise PatternError(f"'{repeat[0]}': the range runs backwards")
    return least, most


class _Writer:
    """Turns the tree into instructions from its end to its start, so that each knows where it goes."""

    def __init__(self) -> None:
        self.instructions: list[Instruction | None] = [None]
        self._work = 0

    def write(self, part: _Part, goes: int) -> int:
        """Write a part that goes on at ``goes``; return where it starts."""
        self._work += 1
        if self._work > MAX_WORK:
            raise PatternError("the pattern is too large: its repetitions multiply")
        if isinstance(part, (Characters, Assertion)):
            return self._add(part._replace(goes=goes))
        if isinstance(part, _Sequence):
            for one in reversed(part.parts):
                goes = self.write(one, goes)
            return goes
        if isinstance(part, _Choice):
            start = self.write(part.parts[-1], goes)
            for one in reversed(part.parts[:-1]):
                start = self._add(Split(self.write(one, goes), start))
            return start
        return self._repeat(part, goes)

    def _repeat(self, part: _Repeat, goes: int) -> int:
        start = goes
        if part.most is None:
            start = self._add(None)
            self.instructions[start] = Split(self.write(part.part, start), goes)
        else:
            for _ in range(part.most - part.least):
                start = self._add(Split(self.write(part.part, start), goes))
        for _ in range(part.least):
            start = self.write(part.part, start)
        return start

    def _add(self, instruction: Instruction | None) -> int:
        self.instructions.append(instruction)
        return len(self.instructions) - 1
