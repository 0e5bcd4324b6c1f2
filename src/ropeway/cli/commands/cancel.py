"""`workflow cancel`: cancel a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ropeway.cli.group import argument, option, verb
from ropeway.cli.options import complete_run
from ropeway.errors import UsageError

if TYPE_CHECKING:
    from ropeway.cli.console import Console


@verb()
@argument("run", required=False, shell_complete=complete_run)
@option("--latest", is_flag=True, help="Cancel the latest run.")
@option("--reason", metavar="TEXT", help="Why; it is kept with the run.")
def command(console: Console, *, run: str | None, reason: str | None, latest: bool) -> None:
    """Cancel a run: its steps get SIGTERM and, after the grace period, SIGKILL.

    RUN is an id or the beginning of one.
    """
    from ropeway.app import history, reaching

    if (run is None) != latest:
        raise UsageError("name one run" if latest else "which run?", hint="`workflow cancel RUN`, or `workflow cancel --latest`")
    folder = history.find_run(run, latest=latest)
    state = reaching.cancel(folder) if reason is None else reaching.cancel(folder, reason=reason)
    if console.json:
        console.object(state.as_json())
    else:
        console.data(f"run {state.run}: {state.state}")
        console.say(f"`workflow resume {state.run}` goes on from there")
