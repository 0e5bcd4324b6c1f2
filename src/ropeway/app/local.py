"""Runs in processes of their own: how a program (``ropeway.api``, the daemon) starts one that outlives the call.

The process is ``python -m ropeway.app.local RUN``: the guardian of the run, as ``workflow run`` becomes one itself. It prints nothing; what happens is in the run's journal.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING

from ropeway import errors
from ropeway.app import history, runs
from ropeway.errors import RopewayError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ropeway.lang.plan import Plan
    from ropeway.runs.events import RunEvent
    from ropeway.runs.folder import RunFolder
    from ropeway.runs.state import RunState

POLL = 0.05
"""Seconds between looks at a journal that is being followed."""


async def carry_out(folder: RunFolder) -> RunState:
    """Carry a run out in a process of its own and wait until it ends or waits for a person.

    When the waiting task is cancelled the run goes on: it can be watched, and cancelled, by its id.

    Raises:
        RopewayError: It could not be begun, such as ``Busy``.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "ropeway.app.local",
        folder.id,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    _, problem = await process.communicate()
    if problem:
        raise _raised(problem)
    return history.status(folder)


def _raised(text: bytes) -> RopewayError:
    """Return the error that the run's process told in its last line."""
    last = text.decode("utf-8", "replace").strip().rpartition("\n")[2]
    try:
        data = json.loads(last)
        kind = getattr(errors, data["kind"], RopewayError)
        made: RopewayError = kind(data["message"], hint=data["hint"], code=data["code"])
    except (ValueError, KeyError, TypeError):
        return RopewayError(f"the run's process failed: {last}", code="internal")
    return made


async def follow(folder: RunFolder, *, after: int = 0) -> AsyncIterator[RunEvent]:
    """Yield a run's events, those to come included, until nobody carries it out."""
    while True:
        owned = folder.owned
        for event in folder.events(after=after):
            after = event.seq
            yield event
        if not owned:
            return
        await asyncio.sleep(POLL)


class Silent:
    """An observer that shows nothing, and tells a problem on standard error."""

    def begin(self, folder: RunFolder, plan: Plan) -> None:
        """Show nothing."""

    def event(self, event: RunEvent) -> None:
        """Show nothing."""

    def tick(self) -> None:
        """Show nothing."""

    def end(self, state: RunState) -> None:
        """Show nothing."""

    def problem(self, error: RopewayError) -> None:
        """Tell the waiting process."""
        tell(error)


def tell(error: RopewayError) -> None:
    """Write an error as the line that :func:`carry_out` reads."""
    data = {"kind": type(error).__name__, "code": error.code, "message": error.message, "hint": error.hint}
    sys.stderr.write(json.dumps(data) + "\n")


def main(argv: list[str]) -> int:
    """Carry out the run that the only argument names."""
    try:
        return runs.carry_out(history.find_run(argv[0]), observer=Silent())
    except RopewayError as error:
        tell(error)
        return error.exit_status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
