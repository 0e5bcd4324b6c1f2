"""A person's shell in a run: what is said before it starts, and when a run opens one by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ropeway.cli.console import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ropeway.app.readiness import Ready
    from ropeway.app.shell import Shell
    from ropeway.cli.console import Console
    from ropeway.runs.folder import RunFolder

__all__ = ["look_around", "open_shell"]


def open_shell(
    console: Console,
    folder: RunFolder,
    step: str | None,
    *,
    program: Sequence[str] = (),
    prompt: Callable[[str], str] | None = None,
    ready: Ready | None = None,
) -> int:
    """Open a shell in a run, or start another program there; return its exit status. The arguments are those of :func:`ropeway.app.shell.enter`."""
    from ropeway.app import shell

    with shell.enter(folder, step, program=program, prompt=prompt, ready=ready) as prepared:
        _tell(console, prepared, asked=bool(program))
        console.flush()
        return shell.start(prepared)


def _tell(console: Console, prepared: Shell, *, asked: bool) -> None:
    """Say where the shell is; of a program that was asked for, only what may surprise."""
    if prepared.note is not None:
        console.warning(prepared.note)
    if prepared.busy:
        console.warning(f"run {prepared.run} is at work in this folder", "what you change here, its steps see")
    if asked:
        return
    where = f"step {clean(prepared.step)} of run {prepared.run}" if prepared.step is not None else f"run {prepared.run}"
    console.say(
        f"{console.styled(where, 'bold', err=True)} ({prepared.state}), in {clean(prepared.cwd)}; nothing is recorded, `exit` leaves"
    )
    if prepared.script is not None:
        console.say(f"the step itself, by hand: {clean(prepared.script)} (also $ROPEWAY_SHELL_SCRIPT)")


def look_around(console: Console, folder: RunFolder, *, prompt: Callable[[str], str] | None, ready: Ready | None = None) -> None:
    """Open a shell in the step that a run broke at, where there is a person to use it and to be asked (``prompt``); else say how to."""
    from ropeway.cli.failures import show_error
    from ropeway.errors import RopewayError

    found = folder.state()
    if found.state != "failed" or console.json:
        return
    hint = console.styled("hint", "bold", "cyan", err=True)
    if prompt is None:
        step = f":{found.cause.id}" if found.cause is not None else ""
        console.say(f"{hint}: `workflow shell {folder.id}{clean(step)}` opens a shell there")
        return
    try:
        open_shell(console, folder, None, prompt=prompt, ready=ready)
    except RopewayError as error:
        show_error(console, error)
    console.say(f"{hint}: `workflow resume {folder.id}` goes on from there, once it is fixed")
