"""`workflow resume`: go on with a run that stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ropeway.cli.group import argument, option, verb
from ropeway.cli.options import complete_run, pairs, reach_options
from ropeway.cli.reach import sources_for
from ropeway.errors import UsageError

if TYPE_CHECKING:
    from ropeway.cli.console import Console
    from ropeway.runs.workspace import Files


@verb()
@argument("run", required=False, shell_complete=complete_run)
@option(
    "--replan", is_flag=True, help="Take today's workflow file instead of the recorded plan; finished steps that did not change are kept."
)
@option("--re-resolve", is_flag=True, help="Of a workflow from elsewhere: take what its reference means now, in a new run.")
@option("--set", "values", multiple=True, metavar="NAME=VALUE", help="Change a parameter; may be repeated.")
@option("--from", "start", metavar="STEP", help="Run STEP and all that depends on it again.")
@option("--skip", "skipped", multiple=True, metavar="STEP", help="Take STEP as done; may be repeated.")
@option("--restore", is_flag=True, help="Put the files back to where the last finished step left them, whatever unfinished steps changed.")
@option("--keep-files", is_flag=True, help="Go on with the files as they are, also after a crash.")
@option("--break-on-failure", is_flag=True, help="Stop at the first failure, clean-up steps included, and open a shell there.")
@option("--parallel", "-j", type=click.IntRange(min=1), metavar="N", help="Run at most N steps at once.")
@option("--env-file", metavar="FILE", help="Read environment variables (and secrets) from a .env file.")
@reach_options
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
    restore: bool,
    keep_files: bool,
    break_on_failure: bool,
    re_resolve: bool,
    **reach: Any,
) -> int:
    """Go on with a run that failed, was cancelled, was interrupted or waits.

    RUN is an id or the beginning of one, or a workflow (a path, an id, a reference), whose newest run that can go on is taken; the latest run
    when none is given. Finished steps are not run again. With --replan, --re-resolve, --set, --from or --skip a new run is started that keeps
    what did not change.

    In a working copy of its own, what a step changed that was interrupted is undone first; a failed step's files stay, with your edits.
    What is found is saved before anything else, as RUN:found-1 and so on.
    """
    from ropeway.app import resuming
    from ropeway.cli.watching import carry_out, prompt, run_options

    if restore and keep_files:
        raise UsageError("--restore and --keep-files contradict each other", hint="give one of them")
    files: Files = "restore" if restore else "keep" if keep_files else "auto"
    changes = resuming.Changes(replan=replan or re_resolve, values=pairs(values, "set"), start=start, skip=skipped, files=files)
    asked = None
    if parallel or env_file or break_on_failure:
        asked = run_options(console, parallel=parallel, env_file=env_file, break_on_failure=break_on_failure)
    found = resuming.prepare(run, changes, options=asked, prompt=prompt(console), sources=lambda: sources_for(console, **reach))
    if found.note:
        console.warning(found.note)
    if found.linked_to and not console.json:
        console.say(f"run {found.folder.id} goes on from {found.linked_to}")
    return carry_out(console, found.folder, asked, ready=found.ready, files=files)
