"""Regular expressions that people write into a file: checked when the file is read, matched without surprises."""

from __future__ import annotations

import re
from functools import lru_cache

from ropeway.errors import UsageError

__all__ = ["BadPattern", "check_pattern", "fully_matches"]


class BadPattern(UsageError):
    """A regular expression that can not be used.

    ``offset`` is where in the pattern, or None; ``dangerous`` tells one that is well formed and may take too long.
    """

    default_code = "bad-pattern"

    def __init__(self, message: str, *, hint: str, offset: int | None = None, dangerous: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.offset = offset
        self.dangerous = dangerous


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as problem:
        raise BadPattern(
            f"the pattern is not a regular expression: {problem.msg}",
            hint="see https://docs.python.org/3/library/re.html",
            offset=problem.pos,
        ) from None
    except (RecursionError, OverflowError):
        raise BadPattern("the pattern is too deeply nested or too large", hint="simplify it") from None


def check_pattern(pattern: str) -> None:
    """Check a pattern.

    Raises:
        BadPattern: It does not compile, or may take too long.
    """
    _compiled(pattern)


def fully_matches(pattern: str, text: str) -> bool:
    """Whether the whole text matches."""
    return _compiled(pattern).fullmatch(text) is not None
