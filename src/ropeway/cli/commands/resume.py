"""`workflow resume`: go on with a run that stopped."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ropeway.cli.group import argument, option, verb
from ropeway.cli.options import complete_run, pairs
from ropeway.errors import UsageError

if TYPE_CHECKING:
    from ropeway.cli.console import Console


@verb()
@argument("run", required=False, shell_complete=complete_run)
@option(
    "--replan", is_flag=True, help="Take today's workflow file instead of the recorded plan; finished steps that did not change are kept."
)
@option("--set", "changes", multiple=True, metavar="NAME=VALUE", help="Change a parameter; may be repeated.")
@option("--from", "start", metavar="STEP", help="Run STEP and all that depends on it again.")
@option("--skip", "skipped", multiple=True, metavar="STEP", help="Take STEP as done; may be repeated.")
@option("--parallel", "-j", type=click.IntRange(min=1), metavar="N", help="Run at most N steps at once.")
@option("--env-file", metavar="FILE", help="Read environment variables (and secrets) from a .env file.")
def command(
    console: Console,
    *,
    run: str | None,
    changes: tuple[str, ...],
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
    from ropeway.app import runs
    from ropeway.cli.watching import asker_for, interactive, view_for

    if start is not None and start in skipped:
        raise UsageError(f"step {start} can not be both run again and skipped", hint="leave out one of --from and --skip")
    folder = runs.find_run(run, latest=run is None)
    options = runs.RunOptions(
        parallel=parallel, env_file=Path(env_file) if env_file is not None else None, interactive=interactive(console)
    )
    sequential = (parallel or folder.plan().template.policy.max_parallel) == 1
    view = view_for(console, sequential=sequential)
    console.flush()
    return runs.resume(
        folder,
        replan=replan,
        changes=pairs(changes, "set"),
        start=start,
        skip=skipped,
        options=options,
        observer=view,
        asker=asker_for(console, view),
    )
