"""How an error is shown: message and hint for people, an object for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from ropeway.errors import InvalidWorkflow, RopewayError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import click

    from ropeway.cli.console import Console
    from ropeway.lang.diagnostics import Diagnostic

__all__ = ["INTERRUPTED", "show_click_error", "show_error"]

INTERRUPTED = 130
"""The exit status after Ctrl-C."""


def show_error(console: Console, error: RopewayError) -> int:
    """Print an error as the console asks for (text on stderr, or the JSON object as the last line of stdout); return its status."""
    diagnostics = cast("Sequence[Diagnostic]", error.diagnostics if isinstance(error, InvalidWorkflow) else ())
    if console.json:
        body: dict[str, Any] = {"code": error.code, "message": error.message, "hint": error.hint}
        if diagnostics:
            body["diagnostics"] = [d.as_json() for d in diagnostics]
        console.object({"error": body})
        return error.exit_status
    if diagnostics:
        from ropeway.cli.render_diagnostics import render

        for line in render(diagnostics, console, err=True):
            console.say(line)
    console.error(error.message, error.hint)
    return error.exit_status


def show_click_error(console: Console, error: click.ClickException) -> int:
    """Print what click found wrong with the words of the call."""
    from click import NoSuchOption

    if isinstance(error, NoSuchOption):
        from difflib import get_close_matches

        near = get_close_matches(error.option_name, error.possibilities or (), n=1, cutoff=0.7)
        hint = f"did you mean {near[0]}?" if near else _how(error)
        return show_error(console, UsageError(f"there is no option {error.option_name}", hint=hint))
    message = " ".join(error.format_message().split()).removesuffix(".")
    message = message[:1].lower() + message[1:]
    return show_error(console, UsageError(message, hint=_how(error)))


def _how(error: click.ClickException) -> str | None:
    ctx = getattr(error, "ctx", None)
    return f"`{ctx.command_path} --help` shows how it is used" if ctx is not None else None
