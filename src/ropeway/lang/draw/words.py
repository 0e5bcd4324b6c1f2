"""Text for pictures: names and expressions come from people, so nothing in them may act on a terminal or break a line."""

from __future__ import annotations

from unicodedata import combining, east_asian_width

__all__ = ["columns", "counted", "plain", "shortened"]


def plain(text: str) -> str:
    """Return a text on one line, with what does not print (control, format and private characters) shown as a blank."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def columns(text: str) -> int:
    """Return how many columns of a fixed-width font a plain text takes: wide East Asian characters take two."""
    if text.isascii():
        return len(text)
    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)


def shortened(text: str, limit: int) -> str:
    """Return a plain text of at most ``limit`` columns; what is too much is taken from the middle, since ends tell names apart."""
    text = plain(text)
    if columns(text) <= limit:
        return text
    tail = limit // 3
    return f"{_head(text, limit - tail - 1)}…{_head(text[::-1], tail)[::-1]}"


def _head(text: str, limit: int) -> str:
    used = 0
    for at, character in enumerate(text):
        used += columns(character)
        if used > limit:
            return text[:at]
    return text


def counted(count: int, word: str = "step") -> str:
    """Return ``1 step``, ``2 steps``."""
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"
