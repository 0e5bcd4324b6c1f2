"""`workflow logs`: what the steps of a run printed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import click

from ropeway.cli.console import clean, clean_output
from ropeway.cli.group import argument, option, verb
from ropeway.cli.options import complete_run_step
from ropeway.cli.since import parse_since

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ropeway.app.logs import Chunk
    from ropeway.cli.console import Console
    from ropeway.runs.events import RunEvent
    from ropeway.runs.folder import RunFolder


@verb()
@argument("place", metavar="[RUN[:STEP]]", required=False, shell_complete=complete_run_step)
@option("--follow", "-f", is_flag=True, help="Go on until the run ends. With --json: its events too, one a line.")
@option("--since", metavar="TIME", help="Only what was printed since then: 10m, 2h, or 2026-01-31T12:00:00Z.")
@option("--attempt", type=click.IntRange(min=1), metavar="N", help="Only the Nth attempt of each step.")
@option("--stream", type=click.Choice(["stdout", "stderr"]), help="Only one of the two streams.")
def command(
    console: Console,
    *,
    place: str | None,
    since: str | None,
    attempt: int | None,
    stream: Literal["stdout", "stderr"] | None,
    follow: bool,
) -> None:
    """Show what the steps of a run printed.

    RUN is an id or the beginning of one, the latest run when it is left out; STEP is one of its steps. To a pipe the output goes byte
    for byte; when there are several steps, or several attempts of one, a line `==> STEP <==` stands before each.
    """
    from ropeway.app import history, logs

    name, _, step = (place or "").partition(":")
    folder = history.find_run(name or None, latest=not name)
    start = parse_since(since) if since is not None else None
    parts = logs.read(folder, step=step or None, attempt=attempt, since=start, follow=follow)
    wanted = (p for p in parts if not isinstance(p, logs.Chunk) or stream in (None, p.stream))
    if console.json:
        _json(console, wanted, folder)
    else:
        several = frozenset(s.id for s in folder.state().steps.values() if s.attempts > 1 and attempt is None)
        _text(console, wanted, (step, attempt or 1) if step and step not in several else None, several)


def _json(console: Console, parts: Iterable[Chunk | RunEvent], folder: RunFolder) -> None:
    from ropeway.app.logs import Chunk
    from ropeway.runs.events import Stamp

    stamp = Stamp()
    for part in parts:
        if not isinstance(part, Chunk):
            console.object(part.as_json(folder.id))
            console.flush()
            continue
        text = part.data.decode(errors="replace")
        body = {"event": "log", "run": folder.id, "seq": part.seq, "at": stamp(part.at), "step": part.step}
        console.object({**body, "attempt": part.attempt, "stream": part.stream, "text": text})
        console.flush()


def _text(console: Console, parts: Iterable[Chunk | RunEvent], before: tuple[str, int] | None, several: frozenset[str]) -> None:
    """Print output, a heading wherever it is another attempt's than ``before``; those of ``several`` say which attempt it is."""
    from ropeway.app.logs import Chunk

    ended = True  # with a newline
    silent = True
    for part in parts:
        if not isinstance(part, Chunk) or not part.data:
            continue
        silent = False
        if before != (part.step, part.attempt):
            if not ended:
                console.data()
            again = f", attempt {part.attempt}" if part.attempt > 1 or part.step in several else ""
            console.data(console.styled(f"==> {clean(part.step)}{again} <==", "bold"))
            before = part.step, part.attempt
        if console.out_terminal:
            console.raw(clean_output(part.data.decode(errors="replace")).encode())
        else:
            console.raw(part.data)
        ended = part.data.endswith(b"\n")
    if silent:
        console.say("Nothing was printed, or nothing that you asked for.")
