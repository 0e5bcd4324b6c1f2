"""How wide text is on a terminal, and how to make it fit; how times, sizes and places are said."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["ago", "duration", "fit", "keeper", "plural", "size", "table", "wide"]


def wide(text: str) -> int:
    """Return how many columns a terminal gives the text (East Asian wide characters take two, combining ones none)."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)


def fit(text: str, columns: int) -> str:
    """Return the text cut to ``columns``, with an ellipsis when something was left out."""
    if wide(text) <= columns:
        return text
    if columns < 1:
        return ""
    if text.isascii():
        return text[: columns - 1] + "…"
    kept: list[str] = []
    used = 0
    for char in text:
        used += wide(char)
        if used > columns - 1:
            break
        kept.append(char)
    return "".join(kept) + "…"


def pad(text: str, columns: int) -> str:
    """Return the text filled with spaces to ``columns``."""
    return text + " " * max(columns - wide(text), 0)


def table(rows: Iterable[Sequence[str]], *, gap: int = 2) -> list[str]:
    """Return rows as lines with aligned columns; the last column is not padded."""
    rows = [list(row) for row in rows]
    widths = [max((wide(row[i]) for row in rows if i < len(row)), default=0) for i in range(max(map(len, rows), default=0))]
    lines = []
    for row in rows:
        cells = [pad(cell, widths[i] + gap) for i, cell in enumerate(row[:-1])]
        lines.append(("".join(cells) + (row[-1] if row else "")).rstrip())
    return lines


def plural(count: int, noun: str, many: str | None = None) -> str:
    """Return ``1 step``, ``3 steps``, ``1,000 steps``."""
    return f"{count:,} {noun if count == 1 else many or noun + 's'}"


def duration(seconds: float) -> str:
    """Return a stretch of time: ``0.3 s``, ``12 s``, ``3 min 05 s``, ``2 h 04 min``, ``3 d 1 h``."""
    seconds = max(seconds, 0.0)
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    if whole < 86_400:
        return f"{whole // 3600} h {whole % 3600 // 60:02} min"
    return f"{whole // 86_400} d {whole % 86_400 // 3600} h"


def ago(seconds: float) -> str:
    """Return how long ago something was, in one unit: ``now``, ``12 s ago``, ``3 h ago``."""
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)):
        if seconds >= length:
            return f"{int(seconds // length)} {unit} ago"
    return "now"


def size(count: int) -> str:
    """Return a number of bytes: ``512 B``, ``1.5 KiB``, ``20 MiB``."""
    amount = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}" if unit == "B" or amount >= 9.95 else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} TiB"


def keeper(place: str) -> str:
    """Return where a secret is kept (a ``Place`` of ``settings.secret_store``), in words."""
    return "a file that only you can read" if place == "file" else "your keyring"
