"""`workflow shell`: look around where a step of a run works."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ropeway.cli.group import Verb, argument, verb
from ropeway.cli.options import complete_run_step

if TYPE_CHECKING:
    import click

    from ropeway.cli.console import Console


class ShellVerb(Verb):
    """Takes what follows ``--`` as a program and its arguments, whatever they look like."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the words before ``--``; those behind it are the parameter ``program``."""
        at = args.index("--") if "--" in args else len(args)
        rest = super().parse_args(ctx, args[:at])
        ctx.params["program"] = tuple(args[at + 1 :])
        return rest


@verb(cls=ShellVerb)
@argument("place", metavar="[RUN[:STEP]] [-- COMMAND...]", required=False, shell_complete=complete_run_step)
def command(console: Console, *, place: str | None, program: tuple[str, ...]) -> int:
    """Open a shell where a step of a run works.

    It has the folder and the environment that the step's next attempt would get: variables, inputs, secrets in its scope. Nothing that
    you do there is recorded. RUN is an id or the beginning of one, the latest run when it is left out; STEP is one of its steps
    (`build`, `each[0]`, `polish#2`, `release/build`), the one that failed when it is left out. With a COMMAND that is run instead of
    your $SHELL.

    Exit status: that of the shell, or of COMMAND.
    """
    from ropeway.app import history
    from ropeway.cli.shells import open_shell
    from ropeway.cli.watching import prompt

    name, _, step = (place or "").partition(":")
    folder = history.find_run(name or None, latest=not name)
    return open_shell(console, folder, step or None, program=program, prompt=prompt(console))
