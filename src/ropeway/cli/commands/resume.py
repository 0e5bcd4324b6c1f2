"""`workflow resume`: go on with a run that stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ropeway.cli.group import argument, option, verb
from ropeway.cli.options import complete_run, pairs

if TYPE_CHECKING:
    from ropeway.cli.console import Console


@verb()
@argument("run", required=False, shell_complete=complete_run)
@option(
    "--replan", is_flag=True, help="Take today's workflow file instead of the recorded plan; finished steps that did not change are kept."
)
@option("--set", "values", multiple=True, metavar="NAME=VALUE", help="Change a parameter; may be repeated.")
@option("--from", "start", metavar="STEP", help="Run STEP and all that depends on it again.")
@option("--skip", "skipped", multiple=True, metavar="STEP", help="Take STEP as done; may be repeated.")
@option("--parallel", "-j", type=click.IntRange(min=1), metavar="N", help="Run at most N steps at once.")
@option("--env-file", metavar="FILE", help="Read environment variables (and secrets) from a .env file.")
def command(
    console: Console,
    *,
    run: str | None,
    values: tuple[str, ...],
    start: str | None,
    skipped: tuple[str, ...],
    parallel: int | None,
    env_file: str | None,
    replan: bool,
) -> int:
    """Go on with a run that failed, was cancelled, was interrupted or waits.

    RUN is an id or the beginning of one; the latest run when none is given. Finished steps are not run again. With --replan, --set,
    --from or --skip a new run is started that keeps what did not change.
    """
    from ropeway.app import resuming
    from ropeway.cli.watching import carry_out, prompt, run_options

    changes = resuming.Changes(replan=replan, values=pairs(values, "set"), start=start, skip=skipped)
    asked = run_options(console, parallel=parallel, env_file=env_file) if parallel or env_file else None
    found = resuming.prepare(run, changes, options=asked, prompt=prompt(console))
    if found.note:
        console.warning(found.note)
    if found.linked_to and not console.json:
        console.say(f"run {found.folder.id} goes on from {found.linked_to}")
    return carry_out(console, found.folder, asked, ready=found.ready)
