"""Diagnostics as people read them: code, place, source line, caret, hint."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ropeway.cli.console import clean
from ropeway.cli.text import plural, wide

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ropeway.cli.console import Console, Style
    from ropeway.lang.diagnostics import Diagnostic, Location

__all__ = ["LIMIT", "render", "tally"]

LIMIT = 50
_COLORS: dict[str, Style] = {"error": "red", "warning": "yellow", "note": "cyan"}
_WINDOW = 100  # most characters of a source line that are shown; a file of garbage may be one line of megabytes


def render(diagnostics: Sequence[Diagnostic], console: Console, *, err: bool = False, limit: int = LIMIT) -> Iterator[str]:
    """Yield the lines that show the diagnostics, errors before warnings before notes when there are more than ``limit``.

    Args:
        diagnostics: In the order in which they are to be shown.
        console: Whose colours are used.
        err: Whether the lines go to stderr.
        limit: How many are shown whole; of the others only their number is told.
    """
    shown = list(diagnostics)
    if len(shown) > limit:
        rank = {"error": 0, "warning": 1, "note": 2}
        chosen = sorted(range(len(shown)), key=lambda i: (rank[shown[i].severity], i))[:limit]
        shown = [shown[i] for i in sorted(chosen)]
    for diagnostic in shown:
        yield from _one(diagnostic, console, err=err)
        yield ""
    if len(diagnostics) > len(shown):
        yield f"... and {len(diagnostics) - len(shown):,} more"
        yield ""


def tally(diagnostics: Sequence[Diagnostic]) -> str:
    """Return ``2 errors, 1 warning``; empty when there is nothing."""
    counts = {severity: sum(d.severity == severity for d in diagnostics) for severity in _COLORS}
    return ", ".join(plural(n, severity) for severity, n in counts.items() if n)


def _one(diagnostic: Diagnostic, console: Console, *, err: bool) -> Iterator[str]:
    place = diagnostic.location
    label = console.styled(f"{diagnostic.severity}[{diagnostic.code}]", "bold", _COLORS[diagnostic.severity], err=err)
    yield f"{label}: {clean(diagnostic.message, lines=True)}"
    gutter = len(str(place.line))
    bar = console.styled("|", "blue", err=err)
    arrow = console.styled("-->", "blue", err=err)
    yield f"{' ' * gutter}{arrow} {clean(place.file)}:{place.line}:{place.column}"
    if place.text.strip():
        before, marked, after = _excerpt(place, max(min(_WINDOW, console.width - gutter - 6), 30))
        yield f"{' ' * gutter} {bar}"
        yield f"{console.styled(str(place.line), 'blue', err=err)} {bar} {before}{marked}{after}".rstrip()
        carets = console.styled("^" * max(wide(marked), 1), "bold", _COLORS[diagnostic.severity], err=err)
        yield f"{' ' * gutter} {bar} {' ' * wide(before)}{carets}"
    if diagnostic.hint:
        for number, line in enumerate(clean(diagnostic.hint, lines=True).split("\n")):
            yield f"{' ' * gutter} {console.styled('=', 'blue', err=err)} hint: {line}" if not number else f"{' ' * gutter}         {line}"


def _excerpt(place: Location, most: int) -> tuple[str, str, str]:
    """Return what of the source line stands before, under and after the caret, safe to print and not too long."""
    start = min(max(place.column - 1, 0), len(place.text))
    end = min(max(place.end_column - 1, start), len(place.text))
    first, last = 0, len(place.text)
    if last > most:
        first = max(min(start - most // 4, last - most), 0)
        last = first + most
        end = min(end, last)
    before = ("…" if first else "") + _visible(place.text[first:start])
    after = _visible(place.text[end:last]) + ("…" if last < len(place.text) else "")
    return before, _visible(place.text[start:end]), after


def _visible(text: str) -> str:
    return clean(text).replace("\t", "    ")
