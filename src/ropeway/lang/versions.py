"""Semantic versions (semver.org 2.0.0), their order, and ranges of them.

Ranges are those of a reference: comparisons joined by ``,``, all of which have to hold. What ``^``, ``~``, a version with parts left out and
a prerelease mean is what npm's ``semver`` says, of which people know the rules:

=====================  ============================================
written                means
=====================  ============================================
``^1.2.3`` ``^1.2``    ``>=1.2.3`` (``>=1.2.0``), below ``2.0.0``
``^0.2.3`` ``^0.0.3``  below ``0.3.0``, below ``0.0.4``
``~1.2.3`` ``~1.2``    below ``1.3.0``; ``~1`` is below ``2.0.0``
``=1.2`` ``>1.2``      any ``1.2.x``; ``1.3.0`` and up
``<=1.2`` ``<1.2``     below ``1.3.0``; below ``1.2.0``
=====================  ============================================

A prerelease fits a range only when a comparison in it has a prerelease of the same ``major.minor.patch``: who asks for ``>=1.2.3-beta.2``
wants ``1.2.3-beta.3``, and not the first attempts at ``1.3``. Build metadata (``+…``) counts for nothing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from ropeway.errors import UsageError
from ropeway.records import record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["Range", "Version", "best", "newest_first", "parse_range", "parse_version"]

_NUMBER = r"(?:0|[1-9][0-9]*)"
_PRERELEASE = r"(?:0|[1-9][0-9]*|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*)"
_FULL: Final = re.compile(
    rf"({_NUMBER})\.({_NUMBER})\.({_NUMBER})(?:-({_PRERELEASE}(?:\.{_PRERELEASE})*))?(?:\+([0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*))?"
)
_PARTIAL: Final = re.compile(rf"({_NUMBER})(?:\.({_NUMBER}))?")
_OPERATOR: Final = re.compile(r"\^|~|[<>]=?|=|")
_LONGEST: Final = 256
"""Characters that a version may have: as many as npm allows. It bounds the work that other people's tags can make."""


@record
class Version:
    """A version. They are ordered, and equal, by precedence: build metadata does not count.

    ``prerelease`` holds the identifiers behind ``-``, numbers as numbers; ``build`` what stands behind ``+``.
    """

    major: int
    minor: int
    patch: int
    prerelease: tuple[int | str, ...] = ()
    build: str = ""

    @property
    def release(self) -> tuple[int, int, int]:
        """The three numbers."""
        return self.major, self.minor, self.patch

    @property
    def precedence(self) -> tuple[object, ...]:
        """What versions are compared by (section 11): a prerelease comes before its release, numbers before words, fewer identifiers before more."""
        words = tuple((0, each, "") if isinstance(each, int) else (1, 0, each) for each in self.prerelease)
        return self.major, self.minor, self.patch, not self.prerelease, words

    def __eq__(self, other: object) -> bool:
        return self.precedence == other.precedence if isinstance(other, Version) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.precedence)

    def __lt__(self, other: Version) -> bool:
        return self.precedence < other.precedence

    def __le__(self, other: Version) -> bool:
        return self.precedence <= other.precedence

    def __gt__(self, other: Version) -> bool:
        return self.precedence > other.precedence

    def __ge__(self, other: Version) -> bool:
        return self.precedence >= other.precedence

    def __str__(self) -> str:
        shown = f"{self.major}.{self.minor}.{self.patch}"
        if self.prerelease:
            shown += "-" + ".".join(str(each) for each in self.prerelease)
        return shown + (f"+{self.build}" if self.build else "")


def parse_version(text: str) -> Version | None:
    """Read a version or the tag of one (``v1.2.3``, and ``1.2.3_build`` as OCI tags have to write ``+``); None for anything else."""
    if len(text) > _LONGEST:
        return None
    match = _FULL.fullmatch(text.removeprefix("v").replace("_", "+", 1))
    if match is None:
        return None
    words = match[4].split(".") if match[4] is not None else ()
    prerelease = tuple(int(word) if word.isdigit() else word for word in words)
    return Version(int(match[1]), int(match[2]), int(match[3]), prerelease, match[5] or "")


# -- ranges -----------------------------------------------------------------------------------------------------------------------------

_FIRST: Final = (0,)
"""The prerelease ``-0``: nothing comes before it, so ``<2.0.0-0`` leaves the prereleases of 2.0.0 out."""

_HOLDS: Final[dict[str, Callable[[Version, Version], bool]]] = {
    "<": Version.__lt__,
    "<=": Version.__le__,
    ">": Version.__gt__,
    ">=": Version.__ge__,
    "=": Version.__eq__,
}


@record
class Range:
    """A range. ``comparisons`` are pairs of an operator (``< <= > >= =``) and a version; all have to hold, and none means any release."""

    text: str
    comparisons: tuple[tuple[str, Version], ...]

    def allows(self, version: Version) -> bool:
        """Whether a version is in the range."""
        if not all(_HOLDS[operator](version, bound) for operator, bound in self.comparisons):
            return False
        return not version.prerelease or any(bound.prerelease and bound.release == version.release for _, bound in self.comparisons)

    def __str__(self) -> str:
        return self.text


def parse_range(text: str) -> Range:
    """Read a range: ``^1.2``, ``~1.2.3``, ``>=1,<2``, ``=1``; a version without an operator is ``=``.

    Raises:
        UsageError: It is no range.
    """
    comparisons: list[tuple[str, Version]] = []
    for part in text.split(","):
        operator = _OPERATOR.match(part)
        found = _comparisons(operator[0], part[operator.end() :]) if operator is not None and len(part) <= _LONGEST else None
        if found is None:
            hint = "a range is ^1.2, ~1.2, or comparisons such as >=1,<2"
            raise UsageError(f"{text!r:.100} is not a range of versions", hint=hint, code="invalid-range")
        comparisons += found
    # Every version is at least 0.0.0, and npm drops that comparison: then it does not keep out a prerelease of 0.0.0 that another one allows.
    return Range(text, tuple(each for each in comparisons if (each[0], str(each[1]).partition("+")[0]) != (">=", "0.0.0")))


def _comparisons(operator: str, text: str) -> list[tuple[str, Version]] | None:
    """Return the plain comparisons that one with a possibly partial version stands for; None when it is none."""
    version = parse_version(text) if "_" not in text and not text.startswith("v") else None
    partial = None if version is not None else _PARTIAL.fullmatch(text)
    if version is None and partial is None:
        return None
    major, minor = (version.major, version.minor) if version is not None else (0, 0)
    parts = 3
    if partial is not None:
        major, minor, parts = int(partial[1]), int(partial[2] or 0), 1 if partial[2] is None else 2
    low = version or Version(major, minor, 0)
    up_major, up_minor = Version(major + 1, 0, 0, _FIRST), Version(major, minor + 1, 0, _FIRST)
    if operator == "^":
        return [(">=", low), ("<", _caret(low, parts))]
    if operator == "~":
        return [(">=", low), ("<", up_major if parts == 1 else up_minor)]
    if version is not None:
        return [(operator or "=", version)]
    above = up_major if parts == 1 else up_minor
    if operator == ">":
        return [(">=", Version(*above.release))]
    if operator == ">=":
        return [(">=", low)]
    if operator == "<":
        return [("<", Version(major, minor, 0, _FIRST))]
    return [("<", above)] if operator == "<=" else [(">=", low), ("<", above)]


def _caret(low: Version, parts: int) -> Version:
    """Return what ``^`` stays below: the next version that changes the first number that is not 0, of those that were written."""
    if low.major or parts == 1:
        return Version(low.major + 1, 0, 0, _FIRST)
    if low.minor or parts == 2:
        return Version(0, low.minor + 1, 0, _FIRST)
    return Version(0, 0, low.patch + 1, _FIRST)


# -- choosing ---------------------------------------------------------------------------------------------------------------------------


def best(wanted: Range | None, versions: Iterable[str]) -> str | None:
    """Return the highest version in a range, as it was written; None when none fits.

    Args:
        wanted: The range; None for any release (never a prerelease).
        versions: Tags or versions, in any order; what is no version is passed over.
    """
    pattern = wanted or Range("", ())
    return next((text for version, text in _sorted(versions) if pattern.allows(version)), None)


def newest_first(versions: Iterable[str]) -> list[str]:
    """Return those of the texts that are versions, the highest first."""
    return [text for _, text in _sorted(versions)]


def _sorted(versions: Iterable[str]) -> list[tuple[Version, str]]:
    """Return versions with their text, the highest first; of the same precedence, the text decides, whatever order they came in."""
    found = [(version, text) for text in versions if (version := parse_version(text)) is not None]
    return sorted(found, key=lambda each: (each[0].precedence, each[1]), reverse=True)
