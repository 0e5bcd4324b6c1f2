"""`workflow land`: bring what a run changed back to where one works."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ropeway.cli.console import clean
from ropeway.cli.group import argument, option, verb
from ropeway.cli.options import complete_run
from ropeway.cli.text import plural
from ropeway.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ropeway.app.applying import Applied
    from ropeway.app.landing_target import Landing
    from ropeway.app.time_travel import Saved
    from ropeway.cli.console import Console

_SHOWN = 20


@verb()
@argument("run", required=False, shell_complete=complete_run)
@option("--branch", metavar="NAME", help="The branch (in jj: the bookmark) to make. Without it: ropeway/WORKFLOW-RUN.")
@option("--message", "-m", metavar="TEXT", help="The commit's message; what names the run is added.")
@option("--onto", metavar="REV", help="Put the commit on top of this one. Without it: on top of where you are.")
@option("--force", is_flag=True, help="Move the branch when there is one of that name.")
@option("--apply", "apply_", is_flag=True, help="Change the files that you work on instead; no commit is made.")
@option("--dry-run", is_flag=True, help="Only say what would happen.")
def command(
    console: Console,
    *,
    run: str | None,
    branch: str | None,
    message: str | None,
    onto: str | None,
    force: bool,
    apply_: bool,
    dry_run: bool,
) -> int:
    """Bring what RUN changed back as a branch, or in a jj repository as a change, with one commit.

    RUN is an id or the beginning of one; the latest run when it is left out. The commit holds what the run changed and nothing else, merged onto the commit
    that you are on now. Your branch, index and files stay as they are, unless --apply asks for the files. Where you and the run changed the same place, the
    paths are listed, nothing is made, and the exit status is 1.
    """
    from ropeway.app import applying, landing

    if apply_:
        given = [name for name, value in (("--branch", branch), ("--message", message), ("--onto", onto), ("--force", force)) if value]
        if given:
            raise UsageError(f"{given[0]} is about a commit, and --apply makes none", hint="leave one out")
        saved, applied = applying.apply(run or "", dry_run=dry_run)
        _warn(console, saved)
        return _applied(console, saved, applied)
    wanted = landing.Wanted(branch or "", message or "", onto or "", force, dry_run)
    saved, done = landing.land(run or "", wanted)
    _warn(console, saved)
    return _landed(console, saved, done)


def _warn(console: Console, saved: Saved) -> None:
    state = saved.state.state
    if state != "succeeded":
        became = {"failed": "has failed", "cancelled": "was cancelled"}.get(state, f"is {state}")
        console.warning(f"run {saved.run} {became}: this is what it had changed by then")


def _landed(console: Console, saved: Saved, done: Landing) -> int:
    if console.json:
        console.object(done.as_json(saved.run))
        return 1 if done.conflicts else 0
    if done.conflicts:
        return _conflicts(console, saved, done.conflicts, jj=done.kind == "jj")
    kind = "branch" if done.kind == "git" else "bookmark"
    if done.outcome == "nothing":
        console.say(_nothing(saved))
    elif done.outcome == "planned":
        console.say(f"Would make the {kind} {clean(done.name)} with one commit on top of {done.onto[:12] or 'nothing'}:")
        _list(console, done.files)
    else:
        console.data(clean(done.name))
        again = "has landed already" if done.outcome == "already" else f"has landed: {plural(len(done.files), 'file')}"
        called = f"change {done.change[:12]}" if done.change else f"commit {done.commit[:12]}"
        console.say(f"Run {saved.run} {again}, {called}.")
        console.say(_next(done))
    return 0


def _next(done: Landing) -> str:
    from shlex import quote

    if done.kind == "jj":
        return (
            f"`jj new {done.change[:12]}` goes there, `jj squash --from {done.change[:12]} --into @` takes it in, `jj undo` takes it back"
        )
    return f"`git merge {quote(done.name)}` takes it in, `git branch -D {quote(done.name)}` takes it back"


def _applied(console: Console, saved: Saved, applied: Applied) -> int:
    if console.json:
        body: dict[str, Any] = {"run": saved.run, "outcome": applied.outcome, "kind": "files", "folder": applied.folder}
        body |= {"files": [{"path": path, "status": status} for status, path in applied.files], "conflicts": list(applied.conflicts)}
        console.object(body)
        return 1 if applied.conflicts else 0
    if applied.conflicts:
        return _conflicts(console, saved, applied.conflicts, jj=False)
    if applied.modules:
        console.say(f"Submodules stay on the commits that they are on, the run has others: {', '.join(map(clean, applied.modules))}.")
    if applied.outcome == "nothing":
        console.say(_nothing(saved))
        return 0
    if applied.outcome == "planned":
        console.say(f"Would change {plural(len(applied.files), 'file')} in {clean(applied.folder)}:")
    _list(console, applied.files)
    if applied.outcome == "applied":
        console.say(f"Changed {plural(len(applied.files), 'file')} in {clean(applied.folder)}.")
    return 0


def _nothing(saved: Saved) -> str:
    if saved.first.tree == saved.latest.tree:
        return f"Run {saved.run} changed nothing."
    return f"There is nothing to do: all that run {saved.run} changed is there already."


def _list(console: Console, files: Sequence[tuple[str, str]]) -> None:
    for status, path in files:
        console.data(f"{status} {clean(path)}")


def _conflicts(console: Console, saved: Saved, conflicts: Sequence[str], *, jj: bool) -> int:
    """Tell of conflicts; nothing was made."""
    run = saved.run
    for path in conflicts[:_SHOWN]:
        console.data(clean(path))
    if len(conflicts) > _SHOWN:
        console.data(f"… and {len(conflicts) - _SHOWN:,} more")
    base = str((saved.known.created or {}).get("base_commit") or "")[:12]
    ways = (
        [
            f"`workflow land {run} --onto {base}` lands on what the run started from, for {'`jj rebase`' if jj else '`git merge`'} to show them"
        ]
        if base
        else []
    )
    ways += [f"`workflow checkout {run}` writes its files into a folder", f"`workflow diff {run}` shows what it changed"]
    what = "this file, or it was" if len(conflicts) == 1 else f"these {len(conflicts):,} files, or they were"
    console.error(f"nothing was made: both you and run {run} changed {what} not committed when it began", "; ".join(ways))
    return 1
