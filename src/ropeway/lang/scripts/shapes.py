"""What the readers of shell scripts tell each other: words with the expressions in them, and that a text can not be read for sure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ropeway.records import field, record

if TYPE_CHECKING:
    from ropeway.lang.scripts.draft import Use

__all__ = ["DYNAMIC", "HOLE", "Unsure", "Word", "escapes"]

HOLE = "\0"
"""Stands for an expression in :attr:`Word.shape`."""
DYNAMIC = "\1"
"""Stands for anything else that is known only when the script runs."""

_ESCAPES = re.compile(r"[ \t]*printf[ \t]+(['\"]?)%q\1[ \t]+\"?")


def escapes(before: str, after: str) -> bool:
    """Whether ``before`` and ``after`` make what stands between them the only argument of ``printf %q``."""
    return _ESCAPES.fullmatch(before) is not None and after.strip() == ('"' if before.endswith('"') else "")


class Unsure(Exception):
    """From ``at`` on the text can be read in more than one way, or not at all."""

    def __init__(self, at: int, why: str, hint: str) -> None:
        super().__init__(why)
        self.at = at
        self.why = why
        self.hint = hint


@record(frozen=False)
class Word:
    """One word of a command.

    ``shape`` is its text after quote removal with :data:`HOLE` and :data:`DYNAMIC` for what is not known. ``uses`` are the expressions
    in it that are not numeric, without those inside command substitutions (those have commands of their own, see ``nested``). ``splits``: it can
    become no word or several. ``numeric`` names the place when only integers and booleans may stand in it.
    """

    start: int
    end: int = 0
    shape: str = ""
    uses: list[Use] = field(default_factory=list)
    splits: bool = False
    numeric: str = ""
    raw: bool = True
    """Nothing in it is quoted or expanded, so it can be a reserved word."""
    nested: list[Use] = field(default_factory=list)
    """The expressions inside its substitutions: what these print may hold their values."""
    escaped: list[Use] = field(default_factory=list)
    """Those of ``nested`` that stand in ``$(printf %q …)``."""
    files: list[Use] = field(default_factory=list)
    """Those of ``nested`` that stand in ``<(…)``: in a file, so to speak."""
    process: bool = False
    """There is a ``<(…)`` in it."""
    braces: bool = False
    """It may become several words by brace expansion."""

    @property
    def begins_with_value(self) -> bool:
        """Whether its first character may come from an expression: an expansion before that may be empty."""
        return self.shape.lstrip(DYNAMIC).startswith(HOLE) or bool(self.nested and not self.process and self.shape.startswith(DYNAMIC))

    @property
    def values(self) -> list[Use]:
        """All expressions whose values may be in its text."""
        return self.uses + self.nested

    def take(self, other: Word) -> None:
        """Add what stands inside ``other``, a part of this word, in substitutions."""
        self.nested += other.nested
        self.files += other.files
