"""Which files of a folder do not travel: what tools leave behind, and what ``.ropewayignore`` lists in the notation of ``.gitignore``.

Read from one file at the top only. Supported is what gitignore(5) describes: comments, ``!`` to take back, ``/`` to anchor, a final ``/`` for
folders, ``*``, ``?``, ``[…]`` and ``**``. As with git, a file can't be taken back when its folder is left out.
"""

from __future__ import annotations

import re
from typing import Final

from ropeway.records import record

__all__ = ["FILE", "Ignore", "parse_ignore"]

FILE: Final = ".ropewayignore"
"""The name of the file at the top of a folder that is packed."""

_ALWAYS: Final = """
.git
.jj
.hg
.svn
.bzr
.ropeway*
"""
_LITTER: Final = """
node_modules/
__pycache__/
.venv/
.mypy_cache/
.pytest_cache/
.ruff_cache/
.tox/
.idea/
.direnv/
.DS_Store
Thumbs.db
desktop.ini
*.pyc
*.swp
*.swo
*~
.#*
\\#*#
*.oci/
*.oci.tar
.env
.env.*
!.env.example
!.env.sample
!.env.template
"""


@record
class _Rule:
    pattern: re.Pattern[str]
    keep: bool
    folders_only: bool
    always: bool = False


@record
class Ignore:
    """The rules, in order: the last one that matches decides."""

    rules: tuple[_Rule, ...]

    def leaves_out(self, path: str, *, folder: bool) -> bool:
        """Whether a path (relative to the top, with slashes) stays behind; the folders above it were asked about before."""
        found = False
        for rule in self.rules:
            if (folder or not rule.folders_only) and rule.pattern.fullmatch(path):
                if rule.always:
                    return True
                found = not rule.keep
        return found


def parse_ignore(text: str = "") -> Ignore:
    """Return the rules of a ``.ropewayignore`` behind those that always hold. Version control folders can't be taken back."""
    rules = [_rule(line, always=True) for line in _ALWAYS.split("\n")]
    rules += [_rule(line) for line in (*_LITTER.split("\n"), *text.split("\n"))]
    return Ignore(tuple(rule for rule in rules if rule is not None))


def _rule(line: str, *, always: bool = False) -> _Rule | None:
    line = line.removesuffix("\r")
    while line.endswith(" ") and not line.endswith("\\ "):
        line = line[:-1]
    if not line or line.startswith("#"):
        return None
    keep = line.startswith("!")
    line = line[1:] if keep else line
    folders_only = line.endswith("/")
    line = line.rstrip("/")
    anchored = "/" in line
    line = line.removeprefix("/")
    if not line:
        return None
    before = "" if anchored else "(?:.*/)?"
    try:
        pattern = re.compile(before + _expression(line), re.DOTALL)
    except re.error:
        return None  # as git does with brackets that mean nothing: the line matches no file
    return _Rule(pattern, keep, folders_only, always)


def _expression(pattern: str) -> str:
    """Return a regular expression for a pattern. Runs of stars are folded, so that no name takes long to match."""
    found, at = "", 0
    while at < len(pattern):
        if pattern.startswith("**/", at) and (at == 0 or pattern[at - 1] == "/"):
            found, at = found + "(?:.*/)?", at + 3
            while pattern.startswith("**/", at):
                at += 3
            continue
        if pattern[at:] == "**" and at and pattern[at - 1] == "/":
            found, at = found + ".+", len(pattern)
            continue
        c = pattern[at]
        at += 1
        if c == "*":
            while pattern.startswith("*", at):
                at += 1
            found += "[^/]*"
        elif c == "?":
            found += "[^/]"
        elif c == "[" and (end := _bracket_end(pattern, at)):
            body = pattern[at:end].replace("\\", "\\\\").replace("[", "\\[")
            found += f"[^{body[1:]}]" if body[0] in "!^" else f"[{body}]"
            at = end + 1
        elif c == "\\" and at < len(pattern):
            found, at = found + re.escape(pattern[at]), at + 1
        else:
            found += re.escape(c)
    return found


def _bracket_end(pattern: str, at: int) -> int:
    """Return where the ``]`` stands that closes a bracket whose body starts at ``at``; 0 when there is none."""
    start = at + 1 if pattern[at : at + 1] in ("!", "^") else at
    return max(pattern.find("]", start + 1), 0)
