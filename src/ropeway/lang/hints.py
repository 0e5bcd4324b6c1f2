"""How messages name things: a value, quoted and cut to size, and the word that was probably meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["did_you_mean", "nearest", "noun", "shown"]

_MAX_WORD = 64


def shown(value: object, limit: int = 60) -> str:
    """Return a value for a message: quoted, on one line, control characters escaped, and no longer than about ``limit``."""
    if isinstance(value, str):
        return repr(value) if len(value) <= limit else repr(value[:limit])[:-1] + "…'"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and value.bit_length() > 200:
        return "a huge number"
    if isinstance(value, (int, float)):
        return str(value)
    return noun(value)


def noun(value: object) -> str:
    """Return what kind of value it is, with its article: ``a string``, ``a list``."""
    return _NOUNS.get(type(value), "something else")


_NOUNS: dict[type, str] = {
    str: "a string",
    bool: "a boolean",
    int: "an integer",
    float: "a number",
    list: "a list",
    dict: "a table",
    type(None): "nothing (null)",
}


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that a slip of the fingers turns into ``word``, or None.

    At most a third of the letters may be off (one in a short word): added, lost, changed, or two neighbours swapped. Case and the
    difference between ``-`` and ``_`` count nothing. Of equally near ones the first is taken.
    """
    if not word or len(word) > _MAX_WORD:
        return None
    plain = _fold(word)
    best, best_distance = None, max(1, len(plain) // 3) + 1
    for candidate in known:
        if abs(len(candidate) - len(plain)) >= best_distance:
            continue
        distance = _distance(plain, _fold(candidate), best_distance)
        if distance < best_distance:
            best, best_distance = candidate, distance
    return best


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """Return ``did you mean 'x'?`` for the nearest known word, or None when none is near."""
    found = nearest(word, known)
    return None if found is None else f"did you mean {found!r}?"


def _fold(word: str) -> str:
    return word.lower().replace("-", "_")


def _distance(a: str, b: str, limit: int) -> int:
    """Return the edit distance with swaps (optimal string alignment), or ``limit`` as soon as it can't be less."""
    before: list[int] = []
    above = list(range(len(b) + 1))
    for i, left in enumerate(a, 1):
        row = [i]
        for j, right in enumerate(b, 1):
            cost = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (left != right))
            if i > 1 and j > 1 and left == b[j - 2] and a[i - 2] == right:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        if min(row) >= limit:
            return limit
        before, above = above, row
    return above[-1]
