"""Chooses how a run is shown: a live table, plain lines or JSON."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from ropeway.app.options import RunOptions
    from ropeway.app.readiness import Ready
    from ropeway.cli.asker import TerminalAsker
    from ropeway.cli.console import Console
    from ropeway.cli.view_live import LiveView
    from ropeway.cli.view_plain import JsonView, PlainView
    from ropeway.lang.plan import Plan
    from ropeway.runs.folder import RunFolder
    from ropeway.runs.workspace import Files

__all__ = ["carry_out", "interactive", "prompt", "run_options"]

_BY_SIGNAL = 128
"""What a shell adds to a signal's number to make an exit status of it."""
_CTRL_C = 130


def interactive(console: Console) -> bool:
    """Whether a person sits at both ends: questions can be asked, and an interactive step can own the terminal."""
    return console.out_terminal and not console.json and sys.stdin is not None and sys.stdin.isatty()


def run_options(console: Console, *, parallel: int | None = None, env_file: str | None = None, **others: Any) -> RunOptions:
    """Return how a run is to be carried out; relative paths are made absolute, for a later resume. ``others`` are fields of ``RunOptions``."""
    from ropeway.app.options import RunOptions

    path = None if env_file is None else Path(os.path.abspath(env_file))  # noqa: PTH100 - links stay as they are
    return RunOptions(parallel=parallel, env_file=path, interactive=interactive(console), **others)


def carry_out(
    console: Console,
    folder: RunFolder,
    options: RunOptions | None,
    plan: Plan | None = None,
    ready: Ready | None = None,
    files: Files = "auto",
) -> int:
    """Carry a run out and show it; return the exit status."""
    from ropeway.app import runs

    plan = plan or folder.plan()
    at_once = (options.parallel if options is not None else None) or plan.template.policy.max_parallel
    view = _view_for(console, sequential=at_once == 1)
    console.flush()
    status = runs.carry_out(
        folder,
        observer=view,
        asker=_asker_for(console, view),
        options=options,
        plan=plan,
        prompt=prompt(console),
        ready=ready,
        files=files,
    )
    if status > _BY_SIGNAL and status != _CTRL_C:
        _tell_killed(console, folder, status - _BY_SIGNAL)
    if status == runs.EXIT["failed"] and options is not None and options.break_on_failure:
        from ropeway.cli.shells import look_around

        look_around(console, folder, prompt=prompt(console), ready=ready)
    return status


def _tell_killed(console: Console, folder: RunFolder, signum: int) -> None:
    """Say what became of a run whose runner was killed: it had no chance to say it itself."""
    import signal

    from ropeway.cli.failures import show_error
    from ropeway.errors import RopewayError

    name = signal.Signals(signum).name if signum in signal.valid_signals() else f"signal {signum}"
    what = f"the process that carried out run {folder.id} was killed ({name}), and its steps with it"
    hint = f"`workflow resume {folder.id}` goes on from the last finished step"
    show_error(console, RopewayError(what, hint=hint, code="run-interrupted"))


def prompt(console: Console) -> Callable[[str], str] | None:
    """Return what asks for a secret, None when there is nobody to ask."""
    return _ask_secret if interactive(console) else None


def _ask_secret(name: str) -> str:
    from getpass import getpass

    try:
        return getpass(f"{name} (a secret, not shown): ")
    except EOFError:
        return ""


def _view_for(console: Console, *, sequential: bool) -> LiveView | PlainView | JsonView:
    """Return the view that fits where stdout leads to."""
    if console.json:
        from ropeway.cli.view_plain import JsonView

        return JsonView(console)
    if console.live:
        from ropeway.cli.view_live import LiveView

        return LiveView(console)
    from ropeway.cli.view_plain import PlainView

    return PlainView(console, sequential=sequential)


def _asker_for(console: Console, view: LiveView | PlainView | JsonView) -> TerminalAsker | None:
    """Return what asks the person, None when there is nobody to ask."""
    if not interactive(console):
        return None
    from ropeway.cli.asker import TerminalAsker

    pausable = view if hasattr(view, "pause") else None
    return TerminalAsker(console, pausable)  # type: ignore[arg-type]
