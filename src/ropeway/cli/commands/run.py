"""`workflow run`: its options and its help; what it does is in :mod:`ropeway.cli.running`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ropeway.cli.group import argument, option, verb
from ropeway.cli.options import complete_workflow, lock_option, pairs, reach_options, settable_options
from ropeway.cli.parameter_words import ParameterVerb
from ropeway.cli.running import run

if TYPE_CHECKING:
    from ropeway.cli.console import Console


@verb(cls=ParameterVerb)
@argument("target", required=False, metavar="[WORKFLOW]", shell_complete=complete_workflow)
@settable_options
@option("--env-file", metavar="FILE", help="Read environment variables (and secrets) from a .env file.")
@option("--parallel", "-j", type=click.IntRange(min=1), metavar="N", help="Run at most N steps at once. Default: what the workflow says.")
@option("--dry-run", "-n", is_flag=True, help="Show what would run and in which order, and run nothing.")
@option("--watch", is_flag=True, help="Stay and show the run until it ends; this is what happens anyway without a daemon.")
@option("--here", "--in-place", "in_place", is_flag=True, help="Run in this folder instead of a working copy of its own.")
@option(
    "--base", "--base-change", "base", metavar="CHANGE", help="Start from this commit, branch or change. Default: what you see here (@)."
)
@option("--backend", metavar="NAME", help="How the working copy is made: auto, jj, git, plain, overlay, or none.")
@option("--workspace-id", metavar="ID", help="Use the workspace of this name; made when there is none, and kept.")
@option("--keep", is_flag=True, help="Keep the working copy, whatever the workflow says.")
@option("--no-direnv", "direnv", is_flag=True, flag_value=False, default=True, help="Leave the .envrc alone.")
@option("--break-on-failure", is_flag=True, help="Stop at the first failure, clean-up steps included, and open a shell there.")
@option("--no-sandbox", is_flag=True, help="Run without the sandbox that the workflow asks for.")
@reach_options
@lock_option
def command(
    console: Console,
    *,
    target: str | None,
    overrides: tuple[str, ...],
    params: tuple[str, ...],
    params_file: str | None,
    env: tuple[str, ...],
    env_file: str | None,
    parallel: int | None,
    **others: Any,
) -> int:
    """Run a workflow.

    WORKFLOW is a path, a workflow's id, or one from elsewhere: name@registry, name@owner/repo#ref, oci://host/repository:tag,
    https://…; ./workflow.toml when none is given. `workflow run WORKFLOW --help` lists its parameters.

    Exit status: 0 succeeded, 1 a step failed, 2 the workflow or the call is invalid, 4 refused, 5 cancelled, 6 a step waits for a
    person's answer, 130 Ctrl-C.
    """
    del others["watch"]  # nothing to choose yet: whoever starts a run watches it
    return run(
        console,
        target,
        overrides=overrides,
        params=pairs(params, "param"),
        params_file=params_file,
        env=pairs(env, "env"),
        env_file=env_file,
        parallel=parallel,
        **others,
    )
