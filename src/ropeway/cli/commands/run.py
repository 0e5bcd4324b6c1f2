"""`workflow run`: its options and its help; what it does is in :mod:`ropeway.cli.running`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ropeway.cli.group import Verb, argument, option, verb
from ropeway.cli.options import complete_workflow, pairs, settable_options
from ropeway.cli.running import run
from ropeway.errors import RopewayError

if TYPE_CHECKING:
    from ropeway.cli.console import Console


class RunVerb(Verb):
    """Shows the typed parameters of the workflow that the line names in its help."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keep the words: help is asked for before the workflow's name is parsed."""
        ctx.meta["ropeway.words"] = list(args)
        return super().parse_args(ctx, args)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the parameters."""
        try:
            found, _, _ = self.make_parser(ctx).parse_args(list(ctx.meta.get("ropeway.words", ())))
            target = found.get("target")
            rows = _parameter_rows(target if isinstance(target, str) else None)  # click has a mark of its own for "not given"
        except (click.UsageError, RopewayError):
            return
        if rows:
            with formatter.section("Parameters of this workflow (set one with --param NAME=VALUE)"):
                formatter.write_dl(rows)


def _parameter_rows(target: str | None) -> list[tuple[str, str]]:
    from ropeway.app.workflows import load
    from ropeway.cli.console import clean
    from ropeway.cli.render_fields import describe

    workflow = load(target, cwd=Path.cwd()).workflow
    fields = workflow.parameters if workflow is not None else {}
    return [(clean(name), describe(field)) for name, field in fields.items()]


@verb(cls=RunVerb)
@argument("target", required=False, metavar="[WORKFLOW]", shell_complete=complete_workflow)
@settable_options
@option("--env-file", metavar="FILE", help="Read environment variables (and secrets) from a .env file.")
@option("--parallel", "-j", type=click.IntRange(min=1), metavar="N", help="Run at most N steps at once. Default: what the workflow says.")
@option("--dry-run", "-n", is_flag=True, help="Show what would run and in which order, and run nothing.")
@option("--watch", is_flag=True, help="Stay and show the run until it ends; this is what happens anyway without a daemon.")
@option("--in-place", is_flag=True, help="Run in this folder instead of an isolated working copy.")
@option("--no-sandbox", is_flag=True, help="Run without the sandbox that the workflow asks for.")
def command(
    console: Console,
    *,
    target: str | None,
    overrides: tuple[str, ...],
    params: tuple[str, ...],
    params_file: str | None,
    env: tuple[str, ...],
    env_file: str | None,
    parallel: int | None,
    **flags: bool,
) -> int:
    """Run a workflow.

    WORKFLOW is a path or a workflow's id; ./workflow.toml when none is given. `workflow run WORKFLOW --help` lists its parameters.

    Exit status: 0 succeeded, 1 a step failed, 2 the workflow or the call is invalid, 4 refused, 5 cancelled, 6 a step waits for a
    person's answer, 130 Ctrl-C.
    """
    del flags["watch"]  # nothing to choose yet: whoever starts a run watches it
    return run(
        console,
        target,
        overrides=overrides,
        params=pairs(params, "param"),
        params_file=params_file,
        env=pairs(env, "env"),
        env_file=env_file,
        parallel=parallel,
        **flags,
    )
