"""The text of ``workflow --help``, made from the table alone."""

from __future__ import annotations

from ropeway.cli.table import COMMANDS, SECTIONS

__all__ = ["overview"]

_HEAD = """\
Ropeway: write a workflow once, sign it, run it anywhere.

Usage: workflow COMMAND [OPTIONS] [ARGS]
"""

_TAIL = """
Options of every command:
  --json        Print JSON on stdout, for programs.
  --plain       No live tables and no colour.
  --color WHEN  auto, always or never.
  -h, --help    Show the command's help.

  --version     Show the version (of `workflow` alone).

Start with `workflow init`, then `workflow run`.
"""


def overview() -> str:
    """Return the help of the command as a whole."""
    width = max(len(entry.name) for entry in COMMANDS)
    parts = [_HEAD]
    for section in SECTIONS:
        parts.append(f"\n{section}:\n")
        parts += [f"  {entry.name:<{width}}  {entry.help}\n" for entry in COMMANDS if entry.section == section]
    return "".join([*parts, _TAIL])
