"""What `workflow run` does, once its words are understood. Knows nothing of click: a line without options is understood without it."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ropeway.app.sources import Sources
    from ropeway.cli.console import Console
    from ropeway.lang.plan import Plan

__all__ = ["plain_line", "run"]

_FLAGS = ("--locked", "--offline")


def plain_line(args: Sequence[str], environ: Mapping[str, str]) -> tuple[str | None, bool, bool] | None:
    """Return the target of a command line and whether ``--locked`` and ``--offline`` stand there; None when it holds anything else than ``run`` and these.

    Such a line needs no parser, and to load one takes a fifth of a short run. (A word with ``=`` may be meant as a parameter: the parser knows.)
    """
    if not args or args[0] != "run" or "_WORKFLOW_COMPLETE" in environ or "_ROPEWAY_COMPLETE" in environ:
        return None
    words = [word for word in args[1:] if word not in _FLAGS]
    if len(words) > 1 or any(word.startswith("-") or "=" in word for word in words):
        return None
    return (words[0] if words else None), _FLAGS[0] in args, _FLAGS[1] in args


def run(
    console: Console,
    target: str | None,
    *,
    overrides: Sequence[str] = (),
    params: Mapping[str, str] | None = None,
    params_file: str | None = None,
    env: Mapping[str, str] | None = None,
    env_file: str | None = None,
    parallel: int | None = None,
    dry_run: bool = False,
    locked: bool = False,
    offline: bool = False,
    trust: tuple[str, ...] = (),
    lock: bool = False,
    **others: Any,
) -> int:
    """Plan a workflow, carry it out, show it and return the exit status; the arguments are the command's options.

    ``others`` are fields of :class:`ropeway.app.options.RunOptions`.
    """
    from ropeway.app import planning, reading

    cwd = Path(os.getcwd())  # noqa: PTH109 - the same, quicker

    @cache
    def sources() -> Sources:  # made when something leads away from this machine: most runs pay nothing
        from ropeway.cli.reach import sources_for

        return sources_for(console, locked=locked, offline=offline, trust=trust, lock=lock)

    loaded = reading.read(target, cwd=cwd, overrides=overrides, sources=sources)
    plan = planning.make_plan(loaded, params=params, params_file=params_file, env=env, cwd=cwd)
    for text in plan.warnings:
        console.warning(text)
    if dry_run:
        return _dry_run(console, plan)
    from ropeway.app import runs
    from ropeway.cli.watching import carry_out, prompt, run_options

    asked = run_options(console, parallel=parallel, env_file=env_file, **others)
    ready = runs.prepare(plan, cwd=cwd, options=asked, prompt=prompt(console))
    return carry_out(console, runs.create(plan, cwd=cwd, options=asked, ready=ready), asked, plan, ready)


def _dry_run(console: Console, plan: Plan) -> int:
    """Show the plan and what the machine lacks; 0 when it could run."""
    from ropeway.cli.render_plan import render
    from ropeway.runs.requirements import missing

    lacks = missing(plan.template.requirements, os.environ)
    if console.json:
        body: dict[str, Any] = {"plan": plan.to_json(), "missing": [str(m) for m in lacks]}
        console.object(body)
        return 0
    for line in render(plan, console):
        console.data(line)
    for each in lacks:
        console.warning(f"{each}", "a run would refuse to start")
    console.say("Nothing was run.")
    return 0
