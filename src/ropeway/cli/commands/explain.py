"""`workflow explain`: what a diagnostic code means."""

from __future__ import annotations

from textwrap import fill
from typing import TYPE_CHECKING

from ropeway.cli.group import argument, verb
from ropeway.errors import NotFound

if TYPE_CHECKING:
    import click

    from ropeway.cli.console import Console
    from ropeway.lang.codes import Explanation


def _complete(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    from ropeway.lang.codes import all_codes

    return [code for code in sorted(all_codes()) if code.startswith(incomplete.upper())]


@verb()
@argument("code", required=False, shell_complete=_complete)
def command(console: Console, *, code: str | None) -> None:
    """Explain a diagnostic code, with an example of what is wrong and what is right.

    Without CODE, list them all.
    """
    from ropeway.lang import codes

    if code is None:
        for name in sorted(codes.all_codes()):
            _line(console, name, codes.explain(name))
        return
    code = f"RW{code}" if code.isdecimal() else code
    found = codes.explain(code.upper())
    if found is None:
        raise NotFound(f"there is no code {code}", hint="`workflow explain` lists them", code="code-not-found")
    if console.json:
        body = {"code": code.upper(), "title": found.title, "text": found.text, "wrong": found.wrong or None, "right": found.right or None}
        console.object(body)
        return
    _show(console, code.upper(), found)


def _line(console: Console, code: str, found: Explanation | None) -> None:
    title = found.title if found else ""
    if console.json:
        console.object({"code": code, "title": title})
    else:
        console.data(f"{console.styled(code, 'bold')}  {title}")


def _show(console: Console, code: str, found: Explanation) -> None:
    width = min(console.width, 100)
    console.data(f"{console.styled(code, 'bold')}: {found.title}")
    for paragraph in found.text.strip().split("\n\n"):
        console.data()
        console.data(fill(" ".join(paragraph.split()), width))
    for label, example in (("Wrong", found.wrong), ("Right", found.right)):
        if example:
            console.data()
            console.data(console.styled(f"{label}:", "bold"))
            console.data()
            for line in example.strip("\n").split("\n"):
                console.data(f"    {line}".rstrip())
