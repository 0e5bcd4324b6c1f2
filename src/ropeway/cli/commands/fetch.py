"""`workflow fetch`: bring something here without running it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ropeway.cli.console import clean
from ropeway.cli.group import argument, option, verb
from ropeway.cli.options import kind_option, lock_option, reach_options
from ropeway.cli.reach import interruptible, sources_for
from ropeway.cli.text import table

if TYPE_CHECKING:
    from ropeway.bundles.kinds import Kind
    from ropeway.cli.console import Console


@verb()
@argument("reference", metavar="REF")
@option("--output", "-o", metavar="DIR", type=click.Path(path_type=Path), help="Put a copy of its files into DIR.")
@option("--force", is_flag=True, help="Overwrite files that are in DIR already.")
@kind_option
@lock_option
@reach_options
def command(console: Console, *, reference: str, output: Path | None, force: bool, kind: Kind, **reach: Any) -> None:
    """Bring what REF means here, verified, without running it: then it is there without a network, too.

    REF is NAME@REGISTRY, NAME@owner/repo, oci://HOST/…, https://…; behind # a version, a range, a tag, a branch, a commit or a digest.
    """
    from ropeway.app import fetching

    sources = sources_for(console, kind=kind, **reach)
    with interruptible(console, "What has come is kept: the next try goes on with it."):
        got = fetching.fetch(reference, sources=sources, cwd=Path.cwd(), output=output, force=force)
    console.progress("")
    if console.json:
        console.object(got.as_json())
        return
    for note in got.notes:
        console.warning(note)
    pin = got.fetched.pin
    rows = [("version", got.version)] if got.version is not None else []
    rows += [("digest", pin.digest), ("file", got.fetched.file)]
    rows += [("signed by", clean(signer)) for signer in got.who]
    console.data(clean(str(got.path)))
    for line in table((f"  {label}", clean(text)) for label, text in rows):
        console.say(line)
