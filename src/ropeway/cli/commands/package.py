"""`workflow package`: make a bundle of a folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from ropeway.cli.console import clean
from ropeway.cli.group import argument, option, verb
from ropeway.cli.reach import TransferLine
from ropeway.cli.text import plural, size

if TYPE_CHECKING:
    from ropeway.bundles.kinds import Kind
    from ropeway.cli.console import Console


@verb()
@argument("source", metavar="DIR|FILE", default=".", type=click.Path(path_type=Path))
@option(
    "--output", "-o", metavar="FILE|DIR", type=click.Path(path_type=Path), help="Where to put it; a name that ends in .tar makes a tar."
)
@option("--tar", is_flag=True, help="Make a tar instead of a folder.")
@option("--kind", type=click.Choice(["workflow", "skill", "agent"]), help="What it is, when the files could be several kinds.")
def command(console: Console, *, source: Path, output: Path | None, tar: bool, kind: str | None) -> None:
    """Make a bundle of DIR: the workflow, skill or agent card at its top and all files beside it. Of a FILE: it and the README.md beside it.

    A bundle is an OCI image layout, with the same digest on every machine. `.ropewayignore` lists what stays behind, in the notation of
    .gitignore. Without --output it goes into the current folder, called like what it holds.
    """
    from ropeway.app.packages import package

    made = package(source, output=output, tar=tar, kind=cast("Kind | None", kind), progress=TransferLine(console))
    if console.json:
        console.object(made.as_json())
        return
    for note in made.notes:
        console.warning(note)
    console.data(clean(made.path))
    what = " ".join(filter(None, [made.metadata.kind, made.metadata.id, made.metadata.version]))
    console.say(f"Packed the {clean(what)}: {plural(len(made.files), 'file')}, {size(made.size)}, {made.digest}.")
