"""`workflow schema`: the JSON Schema of workflow files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ropeway.cli.files import write_text
from ropeway.cli.group import option, verb

if TYPE_CHECKING:
    from ropeway.cli.console import Console


@verb()
@option("--output", "-o", type=str, metavar="FILE", help="Write it to a file, such as .ropeway/workflow.schema.json.")
def command(console: Console, *, output: str | None) -> None:
    """Print the JSON Schema of workflow files.

    Editors check and complete a file whose first line is `#:schema PATH` (TOML) or `# yaml-language-server: $schema=PATH` (YAML).
    """
    from ropeway.lang.schema import json_schema

    text = json.dumps(json_schema(), indent=2)
    if output is None:
        console.data(text)
        return
    write_text(output, text + "\n")
    if console.json:
        console.object({"path": output})
    else:
        console.say(f"wrote {output}")
