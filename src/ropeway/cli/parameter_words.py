"""The words of `workflow run` and `workflow plan` where they are about parameters: their part of the help, and what was meant by a wrong one."""

from __future__ import annotations

import re
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import click

from ropeway.cli.group import Verb
from ropeway.errors import RopewayError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ropeway.lang.model import Field

__all__ = ["ParameterVerb"]

_PAIR = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*=", re.ASCII)
_TRIED = 3  # words of a line that does not parse which may name the workflow


class ParameterVerb(Verb):
    """Shows the typed parameters of the workflow that the line names in its help, and knows them when they are set in another tool's way."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the words; they are kept as well, because help is asked for before the workflow's name is parsed.

        Raises:
            UsageError: A parameter is set without ``--param``.
        """
        ctx.meta["ropeway.words"] = list(args)
        if not ctx.resilient_parsing:
            self._find_bare_pair(ctx, args)
        return super().parse_args(ctx, args)

    def _find_bare_pair(self, ctx: click.Context, args: Sequence[str]) -> None:
        try:
            found, extra, _ = self.make_parser(ctx).parse_args(list(args))
        except click.NoSuchOption as error:
            meant = _meant_by_option(error.option_name, args)
            if meant is None:
                return
            raise UsageError(f"there is no option {error.option_name}", hint=f"a parameter is set with `--param {meant}`") from None
        except click.UsageError:
            return  # told when the words are parsed
        for word in (found.get("target"), *extra):
            if isinstance(word, str) and _PAIR.match(word) and not Path(word).exists():
                raise UsageError(f"{word!r} is no workflow", hint=f"a parameter is set with `--param {quote(word)}`")

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the parameters."""
        from ropeway.cli.console import clean
        from ropeway.cli.render_fields import describe

        try:
            found, _, _ = self.make_parser(ctx).parse_args(list(ctx.meta.get("ropeway.words", ())))
        except click.UsageError:
            return
        target = found.get("target")
        fields = _parameters(target if isinstance(target, str) else None)  # click has a mark of its own for "not given"
        if fields:
            with formatter.section("Parameters of this workflow (set one with --param NAME=VALUE)"):
                formatter.write_dl([(clean(name), describe(field)) for name, field in fields.items()])


def _parameters(target: str | None) -> Mapping[str, Field]:
    """Return the parameters of a workflow; none when it can not be read."""
    from ropeway.app.sources import Sources
    from ropeway.app.workflows import load

    try:
        workflow = load(target, cwd=Path.cwd(), sources=lambda: Sources(offline=True)).workflow
    except RopewayError:
        return {}
    return workflow.parameters if workflow is not None else {}


def _meant_by_option(option: str, args: Sequence[str]) -> str | None:
    """Return ``who=me`` for ``--who me`` and ``--who=me`` when the workflow has a parameter of that name, else None."""
    index = next((i for i, word in enumerate(args) if word == option or word.startswith(f"{option}=")), None)
    if index is None:
        return None
    _, equals, value = args[index].partition("=")
    others = [word for word in args if not word.startswith("-")]
    following: Any = args[index + 1] if not equals and index + 1 < len(args) and not args[index + 1].startswith("-") else None
    plain = option.lstrip("-")
    for target in (*others[:_TRIED], None):
        fields = _parameters(target)
        for name in {plain: 0, plain.replace("-", "_"): 0}:
            if name in fields:
                text = value if equals else following
                given = text if text is not None and text != target else "true" if fields[name].type == "boolean" else None
                return f"{name}=…" if given is None else quote(f"{name}={given}")
    return None
