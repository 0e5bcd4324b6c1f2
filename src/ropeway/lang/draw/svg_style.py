"""The looks of the SVG: one style sheet with a part for dark ground, and a sign per state drawn in a box of 12 by 12."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ropeway.lang.draw.states import LOOKS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["ICONS", "style"]

ICONS: Mapping[str, str] = {
    "succeeded": "M2 6.5 5 9.5 10.5 2.5",
    "failed": "M2.5 2.5 9.5 9.5M9.5 2.5 2.5 9.5",
    "interrupted": "M7 1 3 7H9L5 11",
    "waiting": "M4 2V10M8 2V10",
    "running": "M3 2 10 6 3 10z",
    "cancelled": "M2.5 2.5H9.5V9.5H2.5z",
    "ready": "M6 1.5A4.5 4.5 0 1 1 5.9 1.5zM6 3.5V6H8",
    "pending": "M6 1.5A4.5 4.5 0 1 1 5.9 1.5z",
    "warning": "M6 1.5V7M6 9.5V10.2",
    "skipped": "M2 6H10",
}

_FONT = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace"


def style(states: Iterable[str]) -> str:
    """Return the style sheet, with rules for the states that occur. All names begin with ``rw``: it may stand in a page."""
    seen = tuple(states)
    dark = _ground("#14181d", "#e6eaee", "#a3adb8", "#1f262e", "#6d7884") + "".join(_state(s, LOOKS[s].dark) for s in seen)
    return (
        f".rw text{{font:12.5px {_FONT}}}.rw .rw-detail{{font-size:10.5px}}.rw .rw-head{{font-size:14px;font-weight:600}}"
        ".rw-lines path{fill:none;stroke-width:1.2}.rw-frame,.rw-behind{stroke-width:1.2}"
        ".rw-maybe>.rw-frame{stroke-dasharray:5 3}.rw-group>.rw-frame{fill-opacity:.35}"
        ".rw-sign{fill:none;stroke-width:1.8;stroke-linecap:round;stroke-linejoin:round}"
        + _ground("#ffffff", "#1c2328", "#59636e", "#f6f8fa", "#868f99")
        + "".join(_state(s, LOOKS[s].light) for s in seen)
        + f"@media (prefers-color-scheme:dark){{{dark}}}"
    )


def _ground(ground: str, text: str, muted: str, box: str, line: str) -> str:
    return (
        f".rw-ground{{fill:{ground}}}.rw text{{fill:{text}}}.rw .rw-detail{{fill:{muted}}}"
        f".rw-frame,.rw-behind{{fill:{box};stroke:{line}}}.rw-lines path{{stroke:{line}}}.rw-tip path{{fill:{line}}}"
    )


def _state(state: str, colour: str) -> str:
    return f".rw-{state}>.rw-frame,.rw-{state}>.rw-behind{{stroke:{colour};stroke-width:1.8}}.rw-{state}>.rw-sign{{stroke:{colour}}}"
