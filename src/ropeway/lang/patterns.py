"""The ``pattern`` of a typed value: the same syntax as ``matches`` in expressions, and like there, matched in linear time.

A pattern comes from the author and the text from anybody, so a matcher that backtracks would let a value keep a run busy for hours.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from ropeway.errors import UsageError

if TYPE_CHECKING:
    from ropeway.lang.expressions.pattern import Pattern

__all__ = ["BadPattern", "check_pattern", "fully_matches"]


class BadPattern(UsageError):
    """A regular expression that is malformed, too large, or can not be matched in linear time."""

    default_code = "bad-pattern"


def check_pattern(pattern: str) -> None:
    """Check that a pattern can be used.

    Raises:
        BadPattern: It can not; the message says why.
    """
    _whole(pattern)


def fully_matches(pattern: str, text: str) -> bool:
    """Whether the whole of ``text`` matches.

    Raises:
        BadPattern: The pattern can not be used.
    """
    return _whole(pattern).search(text)


@lru_cache(maxsize=256)
def _whole(pattern: str) -> Pattern:
    """Return a matcher for the whole text; the flags stay in front, where alone they may stand."""
    from ropeway.lang.expressions.pattern import PatternError, compile_pattern

    flags_end = pattern.find(")") + 1 if pattern.startswith("(?") else 0
    if not pattern[2 : flags_end - 1].isalpha():
        flags_end = 0
    try:
        compile_pattern(pattern)  # alone first: wrapped, `a)(b` would be well formed
        return compile_pattern(rf"{pattern[:flags_end]}\A(?:{pattern[flags_end:]})\z")
    except PatternError as problem:
        hint = "write a regular expression in RE2 syntax (https://github.com/google/re2/wiki/Syntax)"
        raise BadPattern(f"the pattern can't be used: {problem}", hint=hint) from None
