"""Durations and sizes: how people write them, and how we write them back.

A duration is one or more numbers with a unit, largest unit first, each unit at most once: ``250ms``, ``30s``, ``1h30m``, ``30d``.
A size is a number with one unit: ``512MiB``, ``1.5GiB``, ``10MB``. A number without a unit is refused: nobody agrees on which unit
is meant. Durations are seconds (a float), sizes bytes (an int).
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from ropeway.errors import UsageError
from ropeway.lang.hints import shown

if TYPE_CHECKING:
    import re

__all__ = ["DURATION_PATTERN", "SIZE_PATTERN", "BadUnit", "format_duration", "format_size", "parse_duration", "parse_size"]

_SECONDS = {"w": 604_800.0, "d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_BYTES = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
_LONGEST = 100 * 365 * 86_400.0
"""A hundred years: beyond it a timer would overflow somewhere, and nobody means it."""
_LARGEST = 2**60
_MAX_TEXT = 64
"""No duration or size that a person writes is longer; it also bounds the work on a hostile one."""

# [0-9] and not \d, and no flags: the same text serves as the `pattern` of the JSON Schema, where \d is ASCII anyway.
DURATION_PATTERN = "^(?=[0-9])" + "".join(rf"(?:([0-9]+(?:\.[0-9]+)?){unit})?" for unit in _SECONDS) + "$"
"""A regular expression (Python and ECMA-262) with one group per unit, largest first."""
SIZE_PATTERN = rf"^([0-9]+(?:\.[0-9]+)?) ?({'|'.join(_BYTES)})$"
"""A regular expression (Python and ECMA-262): number and unit."""


class BadUnit(UsageError):
    """A duration or a size that can not be read."""

    default_code = "bad-unit"


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    import re

    return re.compile(pattern)


def parse_duration(text: str) -> float:
    """Read a duration such as ``1h30m``.

    Returns:
        Seconds, at least 0.

    Raises:
        BadUnit: It is no duration, or longer than a hundred years.
    """
    match = _compiled(DURATION_PATTERN).fullmatch(text) if len(text) <= _MAX_TEXT else None
    if match is None:
        raise BadUnit(f"{shown(text)} is not a duration", hint=_duration_hint(text))
    seconds = sum(float(number) * unit for number, unit in zip(match.groups(), _SECONDS.values(), strict=True) if number is not None)
    if seconds > _LONGEST:
        raise BadUnit(f"{shown(text)} is longer than a hundred years", hint="leave the key out when there is no limit")
    return seconds


def format_duration(seconds: float) -> str:
    """Write a duration: the inverse of :func:`parse_duration`, to the millisecond."""
    rest = round(seconds * 1000)
    if rest <= 0:
        return "0s"
    parts = []
    for unit, length in _SECONDS.items():
        if unit == "w":  # "30d" reads better than "4w2d"
            continue
        count, rest = divmod(rest, round(length * 1000))
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)


def parse_size(text: str) -> int:
    """Read a size such as ``1GiB`` (2**30) or ``1GB`` (10**9).

    Returns:
        Bytes, rounded to a whole number.

    Raises:
        BadUnit: It is no size, or larger than 2**60 bytes.
    """
    match = _compiled(SIZE_PATTERN).fullmatch(text) if len(text) <= _MAX_TEXT else None
    if match is None:
        raise BadUnit(f"{shown(text)} is not a size", hint=_size_hint(text))
    number, unit = match.groups()
    size = int(number) * _BYTES[unit] if number.isdecimal() else round(float(number) * _BYTES[unit])
    if size > _LARGEST:
        raise BadUnit(f"{shown(text)} is more than any machine has", hint='write it like "1GiB"')
    return size


def format_size(size: int) -> str:
    """Write a size in the largest binary unit that holds it exactly: the inverse of :func:`parse_size`."""
    for unit in ("TiB", "GiB", "MiB", "KiB"):
        if size and size % _BYTES[unit] == 0:
            return f"{size // _BYTES[unit]}{unit}"
    return f"{size}B"


def _duration_hint(text: str) -> str:
    plain = text.strip()
    if plain.isascii() and plain.isdigit() and len(plain) < 10:
        return f'add a unit: "{plain}s" for seconds, "{plain}m" for minutes'
    return 'write it like "250ms", "30s", "5m", "1h30m" or "30d", the largest unit first'


def _size_hint(text: str) -> str:
    plain = text.strip()
    if plain.isascii() and plain.isdigit() and len(plain) < 20:
        return f'add a unit: "{plain}B" for bytes, "{plain}MiB" for mebibytes'
    lowered = {unit.lower(): unit for unit in _BYTES} | {"k": "KiB", "m": "MiB", "g": "GiB", "t": "TiB", "b": "B"}
    number = plain.rstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ ")
    unit = lowered.get(plain[len(number) :].strip().lower())
    if unit and len(plain) < 20 and _compiled(SIZE_PATTERN).fullmatch(number + unit):
        return f'write "{number}{unit}"'
    return 'write it like "512MiB", "1GiB" or "10MB"'
