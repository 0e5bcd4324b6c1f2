"""Chooses how a run is shown: a live table, plain lines or JSON."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ropeway.cli.asker import TerminalAsker
    from ropeway.cli.console import Console
    from ropeway.cli.view_live import LiveView
    from ropeway.cli.view_plain import JsonView, PlainView

__all__ = ["asker_for", "interactive", "view_for"]


def interactive(console: Console) -> bool:
    """Whether a person sits at both ends: questions can be asked, and an interactive step can own the terminal."""
    return console.out_terminal and not console.json and sys.stdin is not None and sys.stdin.isatty()


def view_for(console: Console, *, sequential: bool) -> LiveView | PlainView | JsonView:
    """Return the view that fits where stdout leads to."""
    if console.json:
        from ropeway.cli.view_plain import JsonView

        return JsonView(console)
    if console.live:
        from ropeway.cli.view_live import LiveView

        return LiveView(console)
    from ropeway.cli.view_plain import PlainView

    return PlainView(console, sequential=sequential)


def asker_for(console: Console, view: LiveView | PlainView | JsonView) -> TerminalAsker | None:
    """Return what asks the person, None when there is nobody to ask."""
    if not interactive(console):
        return None
    from ropeway.cli.asker import TerminalAsker

    pausable = view if hasattr(view, "pause") else None
    return TerminalAsker(console, pausable)  # type: ignore[arg-type]
