"""Options that several commands share, and what completes them in a shell."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from click import Choice

from ropeway.cli.group import option
from ropeway.errors import RopewayError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import click
    from click.shell_completion import CompletionItem

__all__ = [
    "complete_param",
    "complete_registry",
    "complete_run",
    "complete_run_step",
    "complete_workflow",
    "env_option",
    "kind_option",
    "lock_option",
    "overrides_option",
    "pairs",
    "param_option",
    "params_file_option",
    "reach_options",
    "settable_options",
]


def pairs(words: Sequence[str], name: str) -> dict[str, str]:
    """Return ``key=value`` words as a mapping, the last of a key winning.

    Raises:
        UsageError: A word has no ``=`` or no key.
    """
    found: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise UsageError(f"--{name} {word!r} has no {'name' if equals else 'value'}", hint=f"write --{name} NAME=VALUE")
        found[key] = value
    return found


def complete_workflow(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete a workflow's id, or a path."""
    from click.shell_completion import CompletionItem

    from ropeway.app.workflows import list_workflows

    try:
        known = [CompletionItem(w.id, help=w.description) for w in list_workflows(Path.cwd()) if w.id and w.id.startswith(incomplete)]
    except RopewayError:
        known = []
    return [*known, CompletionItem(incomplete, type="file")]


def complete_param(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the name of a parameter of the workflow on the command line, and the values that are known."""
    from click.shell_completion import CompletionItem

    from ropeway.app.sources import Sources
    from ropeway.app.workflows import load

    try:
        workflow = load(ctx.params.get("target"), cwd=Path.cwd(), sources=lambda: Sources(offline=True)).workflow
    except RopewayError:
        return []
    fields = workflow.parameters if workflow is not None else {}
    name, equals, typed = incomplete.partition("=")
    if not equals:
        return [
            CompletionItem(f"{n}=", help=f.description or f.type) for n, f in fields.items() if n.startswith(name) and f.type != "secret"
        ]
    field = fields.get(name)
    values = () if field is None else ("true", "false") if field.type == "boolean" else field.choices
    return [CompletionItem(f"{name}={v}") for v in values if v.startswith(typed)]


def complete_registry(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Complete the name of a registry."""
    import os

    from ropeway.app import registries

    try:
        return [each["name"] for each in registries.listed(os.environ) if each["name"].startswith(incomplete)]
    except RopewayError:
        return []


def complete_run(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the id of a run, the newest first."""
    return _items((row["run"], f"{row['workflow']} {row['state']}") for row in _recent() if row["run"].startswith(incomplete))


def complete_run_step(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete ``RUN:STEP``."""
    run, colon, typed = incomplete.partition(":")
    if not colon:
        return complete_run(ctx, param, incomplete)
    from ropeway.app import history

    try:
        folder = history.find_run(run)
        steps = history.status(folder).steps.values()
    except RopewayError:
        return []
    return _items((f"{run}:{s.id}", s.state) for s in steps if s.id.startswith(typed))


def _recent() -> list[dict[str, Any]]:
    from ropeway.app import history
    from ropeway.runs.index import Filter

    try:
        return list(history.rows(Filter(limit=50)))
    except RopewayError:
        return []


def _items(found: Iterable[tuple[str, str]]) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    return [CompletionItem(value, help=text) for value, text in found]


param_option = option(
    "--param", "-p", "params", multiple=True, metavar="NAME=VALUE", shell_complete=complete_param, help="Set a parameter; may be repeated."
)
params_file_option = option("--params-file", metavar="FILE", help="Read parameters from a TOML, YAML or JSON file.")
env_option = option(
    "--env", "-e", "env", multiple=True, metavar="NAME=VALUE", help="Set an environment variable of every step; may be repeated."
)
overrides_option = option(
    "--override",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE|FILE",
    help="Change the workflow for this once: steps.build.timeout=5m, or a file with the same keys; may be repeated.",
)


def settable_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add what a person can set about a run: overrides, parameters and environment."""
    for decorate in (env_option, params_file_option, param_option, overrides_option):
        function = decorate(function)
    return function


_REACH = (
    option("--locked", is_flag=True, help="Use nothing from elsewhere that workflow.lock does not hold."),
    option("--offline", is_flag=True, help="Ask no network: what is locked or was fetched before has to do."),
    option(
        "--trust", "trust", multiple=True, metavar="REF|SOURCE", help="Agree to a source that is seen for the first time; may be repeated."
    ),
)


def reach_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--locked``, ``--offline`` and ``--trust``."""
    for decorate in reversed(_REACH):
        function = decorate(function)
    return function


lock_option = option("--lock", is_flag=True, help="Write what WORKFLOW means now into this project's workflow.lock.")
kind_option = option(
    "--kind",
    type=Choice(["workflow", "skill", "agent"]),
    default="workflow",
    show_default=True,
    help="What REF is: registries keep workflows, skills and agent cards apart.",
)
