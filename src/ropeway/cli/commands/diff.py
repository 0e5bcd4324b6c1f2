"""`workflow diff`: what a run or a step of it changed."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import click

from ropeway.cli.console import clean, clean_output
from ropeway.cli.group import Verb, argument, option, verb
from ropeway.cli.options import complete_run_step
from ropeway.errors import StoreError, UsageError

if TYPE_CHECKING:
    from ropeway.app.time_travel import Range, Saved
    from ropeway.cli.console import Console

_PATHS = "ropeway.diff.paths"


class _Diff(Verb):
    """Takes what stands behind ``--`` as paths, also when no run is named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if "--" in args:
            place = args.index("--")
            ctx.meta[_PATHS] = tuple(args[place + 1 :])
            args = args[:place]
        return super().parse_args(ctx, args)


@verb(_Diff)
@argument("place", metavar="[RUN[:STEP]] [-- PATH...]", required=False, shell_complete=complete_run_step)
@option("--stat", is_flag=True, help="Only how many lines changed in each file.")
@option("--name-only", is_flag=True, help="Only the names of the changed files.")
def command(console: Console, *, place: str | None, stat: bool, name_only: bool) -> None:
    """Show what a run, or a step of it, changed in the files.

    RUN is an id or the beginning of one, the latest run when it is left out. STEP is one of its steps; without one the whole run is meant. RUN:A..B is from one
    boundary to another: a step (its end), a number, found-1 (what the first resume found), start or end. It works for runs that are under way, have failed
    or were cleaned up as well.
    """
    from ropeway.app import differences, time_travel

    if stat and name_only:
        raise UsageError("--stat and --name-only are two ways to show it", hint="leave one out")
    paths: tuple[str, ...] = click.get_current_context().meta.get(_PATHS, ())
    run, what = time_travel.split(place)
    saved = time_travel.saved(run)
    wanted = saved.range(what)
    saved.check(wanted.before, wanted.after)
    if console.json:
        console.object(
            {
                "run": saved.run,
                "from": wanted.before.commit,
                "to": wanted.after.commit,
                "mixed": bool(wanted.others),
                "others": list(wanted.others),
                "files": differences.files(saved, wanted, paths) if wanted.changed else [],
            }
        )
        return
    if wanted.others:
        console.warning(mixed(what if what in saved.state.steps else None, wanted.others))
    if not wanted.changed:
        console.say(clean(_nothing(saved, wanted)))
        return
    _print(console, saved, wanted, ["--stat"] * stat + ["--name-only"] * name_only, paths)


def mixed(step: str | None, others: tuple[str, ...]) -> str:
    """Return a sentence that says whose changes can't be told apart from those of ``step`` (None: of whatever was asked for)."""
    steps = [one for one in others if not one.startswith("found-")]
    parts = [f"{', '.join(steps)} {'was' if len(steps) == 1 else 'were'} at work at the same time"] if steps else []
    found = [one for one in others if one.startswith("found-")]
    parts += [f"files were changed before the run went on ({', '.join(found)})"] if found else []
    head = f"not all of this is step {step}'s" if step is not None else "some of this may be half done"
    return f"{head}: {', and '.join(parts)}"


def _nothing(saved: Saved, wanted: Range) -> str:
    if not wanted.what:
        return f"Run {saved.run} changed nothing."
    return f"Step {wanted.what} changed nothing." if wanted.what in saved.state.steps else f"Nothing differs ({wanted.what})."


def _print(console: Console, saved: Saved, wanted: Range, options: list[str], paths: tuple[str, ...]) -> None:
    from ropeway.app import differences

    if console.color != "auto" or not console.out_color:
        options = [f"--color={'always' if console.out_color else 'never'}", *options]
    if console.out_terminal and console.plain:  # no pager to hold back what would move the cursor
        console.data(clean_output(differences.text(saved, wanted, options, paths)).rstrip("\n"))
        return
    console.flush()
    status = differences.shown(saved, wanted, options, paths, pager=console.out_terminal)
    if status == -signal.SIGPIPE:
        raise BrokenPipeError
    if status:
        raise StoreError(f"git diff failed with exit status {status}", code="vcs-failed")
