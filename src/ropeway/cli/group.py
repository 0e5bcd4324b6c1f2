"""The click group: loads the one command that was asked for, and gives every command the same output options."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from shlex import quote
from typing import TYPE_CHECKING, Any, cast

import click

from ropeway.cli import table
from ropeway.cli.console import Console
from ropeway.cli.failures import INTERRUPTED, show_click_error
from ropeway.errors import RopewayError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Commands", "Verb", "VerbGroup", "argument", "option", "run_group", "verb", "verb_group"]

_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 120}

argument = click.argument
option = click.option


class Verb(click.Command):
    """A command with ``--json``, ``--plain`` and ``--color``; its function takes the :class:`Console` first.

    What the function returns is the exit status (None: 0).
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("context_settings", _CONTEXT)
        super().__init__(*args, **kwargs)
        self.params += [
            click.Option(["--json", "as_json"], is_flag=True, help="Print JSON on stdout, for programs."),
            click.Option(["--plain"], is_flag=True, help="No live tables and no colour."),
            click.Option(
                ["--color"], type=click.Choice(["auto", "always", "never"]), default="auto", help="When to use colour.", show_default=True
            ),
        ]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the words; an error knows which command it is about."""
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            error.ctx = error.ctx or ctx
            raise

    def invoke(self, ctx: click.Context) -> Any:
        """Set the console as the options say, then run."""
        console = ctx.find_object(Console)
        assert console is not None
        console.configure(json=ctx.params.pop("as_json"), plain=ctx.params.pop("plain"), color=ctx.params.pop("color"))
        assert self.callback is not None
        return ctx.invoke(self.callback, console, **ctx.params)


class VerbGroup(click.Group):
    """A command with sub-commands (``workflow config get``)."""

    command_class = Verb

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("context_settings", _CONTEXT)
        super().__init__(*args, **kwargs)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the sub-command; raises ``UsageError`` with the nearest name when there is none."""
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            raise self.unknown(ctx, args[0])
        return super().resolve_command(ctx, args)

    def unknown(self, ctx: click.Context, name: str) -> UsageError:
        """Return the error for a name that is no sub-command."""
        return _unknown(f"{ctx.command_path} {name}", name, self.list_commands(ctx), ctx.command_path)


class Commands(VerbGroup):
    """``workflow`` itself: the table's commands, then those that plugins bring (group ``ropeway.commands``)."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; ``workflow help run`` is ``workflow run --help``."""
        if len(args) > 1 and args[0] == "help":
            args = [*args[1:], "--help"]
        return super().resolve_command(ctx, args)

    def unknown(self, ctx: click.Context, name: str) -> UsageError:
        """Return the error for a name that is no command; somebody who names a workflow wants to run it."""
        error = super().unknown(ctx, name)
        if _is_workflow(name):
            error.hint = f"did you mean `{ctx.command_path} run {quote(name)}`?"
        return error

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names in the table's order."""
        return [entry.name for entry in table.COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import the module of a command and return the command."""
        entry = table.find(cmd_name)
        if entry is None:
            return _from_plugin(cmd_name)
        return cast("click.Command", import_module(f"ropeway.cli.commands.{entry.module}").command)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """Write the same text that ``workflow --help`` gets without click."""
        from ropeway.cli.overview import overview

        formatter.write(overview())


def _is_workflow(name: str) -> bool:
    from pathlib import Path

    from ropeway.app import projects

    try:
        return name.endswith(projects.ENDINGS) or any(found.id == name for found in projects.list_workflows(Path.cwd()))
    except RopewayError:
        return False


def _from_plugin(name: str) -> click.Command | None:
    from ropeway import plugins
    from ropeway.errors import NotFound

    try:
        found = plugins.find("ropeway.commands", name, {})
    except NotFound:
        return None
    if not isinstance(found, click.Command):
        raise UsageError(
            f"the plugin's command {name} is not a click command", hint="tell its author: the entry point has to name a click.Command"
        )
    return found


def _unknown(full: str, name: str, known: Sequence[str], parent: str) -> UsageError:
    from difflib import get_close_matches

    near = get_close_matches(name, known, n=1)
    hint = f"did you mean `{parent} {near[0]}`?" if near else f"`{parent} --help` lists the commands"
    return UsageError(f"there is no command `{full}`", hint=hint, code="unknown-command")


def verb(cls: type[Verb] = Verb) -> Callable[[Callable[..., int | None]], Verb]:
    """Return a decorator that makes a function a command; the table names it."""

    def wrap(function: Callable[..., int | None]) -> Verb:
        return click.command(cls=cls)(function)

    return wrap


def verb_group(**attributes: Any) -> Callable[[Callable[[], None]], VerbGroup]:
    """Return a decorator that makes a function a command with sub-commands."""

    def wrap(function: Callable[[], None]) -> VerbGroup:
        return click.group(cls=VerbGroup, **attributes)(function)

    return wrap


def _complete(group: click.Group, program: str, variable: str) -> int:
    from click.shell_completion import shell_complete

    return shell_complete(group, {}, program, variable, os.environ[variable])


def run_group(args: Sequence[str], console: Console) -> int:
    """Parse the words, run the command and return its exit status; errors of ours pass through."""
    program = os.path.basename(sys.argv[0]) if sys.argv and sys.argv[0] else "workflow"  # noqa: PTH119 - pathlib costs the start
    program = program if program in {"workflow", "ropeway"} else "workflow"
    group = Commands(name=program, context_settings=_CONTEXT)
    try:
        variable = f"_{program.upper()}_COMPLETE"
        if variable in os.environ:
            return _complete(group, program, variable)
        with group.make_context(program, list(args), obj=console) as ctx:
            status = group.invoke(ctx)
    except click.exceptions.Exit as leave:
        return leave.exit_code
    except click.exceptions.NoArgsIsHelpError as shown:
        console.say(shown.format_message())
        return 2
    except click.ClickException as error:
        return show_click_error(console, error)
    except click.Abort:
        return INTERRUPTED
    return int(status or 0)
