"""`workflow publish`: make a folder or a file a version in a registry."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import click

from ropeway.cli.console import clean
from ropeway.cli.group import argument, option, verb
from ropeway.cli.text import plural, size, table
from ropeway.errors import UsageError

if TYPE_CHECKING:
    from ropeway.app.publishing import Published
    from ropeway.bundles.kinds import Kind
    from ropeway.cli.console import Console


class _Told(NamedTuple):
    """What the options say."""

    name: str | None
    version: str | None
    tags: tuple[str, ...]
    key: str | None
    unsigned: bool
    dry_run: bool
    kind: str | None


@verb()
@argument("source", metavar="[DIR|FILE]", default=".", type=click.Path(path_type=Path))
@option("--registry", "-r", metavar="NAME|URL", help="Where to: a registry's name, or HOST[:PORT][/PREFIX]. Default: the default registry.")
@option("--version", metavar="VERSION", help="Publish it as this version, when its file says none.")
@option("--name", metavar="[ORG/]NAME", help="Publish it under this name; what it calls itself stays as it is.")
@option("--tag", "tags", multiple=True, metavar="TAG", help="Let this tag mean it as well, such as latest; may be repeated.")
@option("--key", metavar="KEY", help="Sign with this key; needed when you have several.")
@option("--unsigned", is_flag=True, help="Publish without a signature.")
@option("--kind", type=click.Choice(["workflow", "skill", "agent"]), help="What it is, when the files could be several kinds.")
@option("--dry-run", "-n", is_flag=True, help="Show what would be published, and publish nothing.")
@option("--all", "every", is_flag=True, help="Publish every YAML file of DIR as a single file, its name being the id; see the docs.")
def command(console: Console, *, source: Path, registry: str | None, every: bool, **options: Any) -> int:
    """Publish a workflow, a skill or an agent card: DIR with all that is in it, or FILE with the README.md beside it.

    It needs an id and a version (semver). It is checked first, signed with your key, and never changes again: a version that is there with other content is
    refused. `.ropewayignore` lists what stays behind.
    """
    told = _Told(**options)
    if every:
        from ropeway.cli.folders import publish_all

        words = {"tags": "tag", "dry_run": "dry-run"}
        given = [f"--{words.get(name, name)}" for name, value in told._asdict().items() if value and name != "version"]
        if given:
            raise UsageError(
                f"{given[0]} does not go with --all", hint="--all pushes plain files; publish one bundle at a time for the rest"
            )
        return publish_all(console, str(source), registry, told.version)
    from ropeway.app import publishing
    from ropeway.cli.reach import TransferLine, interruptible

    how = publishing.Options(
        told.name, told.version, told.tags, told.key, sign=not told.unsigned, dry_run=told.dry_run, kind=cast("Kind | None", told.kind)
    )
    with interruptible(console, "What the registry has already is not sent again by the next try."):
        done = publishing.publish(source, registry, how, environ=os.environ, cwd=Path.cwd(), progress=TransferLine(console))
    console.progress("")
    if console.json:
        console.object(done.as_json())
    else:
        _show(console, done)
    return 0


def _show(console: Console, done: Published) -> None:
    if done.diagnostics:
        from ropeway.cli.render_diagnostics import render

        for line in render(done.diagnostics, console, err=True):
            console.say(line)
    for note in done.notes:
        console.warning(note)
    if done.dry_run:
        _would(console, done)
        return
    rows = [("digest", done.digest), ("files", f"{plural(len(done.files), 'file')}, {size(done.size)}")]
    if done.signer is not None:
        rows.append(("signed by", _signer(done)))
    if done.tags:
        rows.append(("tags", ", ".join(done.tags)))
    console.data(console.styled(clean(done.reference), "bold"))
    for line in table((f"  {label}", clean(text)) for label, text in rows):
        console.data(line)
    if not done.new:
        console.say("It was published already, with the same content" + (": the signature was added." if done.signed else "."))
    if done.kind == "workflow":
        console.say(f"Others run it by: workflow run {clean(done.reference)}")


def _signer(done: Published) -> str:
    keyid = (done.signer or "").removeprefix("sha256:")[:16]
    return f"{keyid} ({done.signer_name})" if done.signer_name else keyid


def _would(console: Console, done: Published) -> None:
    console.data(console.styled(clean(done.reference), "bold"))
    rows = [("digest", done.digest)]
    rows += [("signed by", _signer(done))] if done.signer is not None else []
    rows += [("tags", ", ".join(done.tags))] if done.tags else []
    for line in table((f"  {label}", clean(text)) for label, text in rows):
        console.data(line)
    console.data("  files:")
    for line in table((f"    {size(each.size)}", clean(each.path)) for each in done.files):
        console.data(line)
    if done.touches:
        console.data("  may touch:")
    for touch in done.touches:
        console.data(f"    {clean(touch)}")
    console.say("Nothing was published.")
