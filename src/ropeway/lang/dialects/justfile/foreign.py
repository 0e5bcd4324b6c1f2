"""Recipes in languages other than sh and bash: scripts with a shebang line of another, and lines for another shell."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ropeway.lang.dialects.justfile.commands import single_quoted
from ropeway.lang.dialects.justfile.ground import Body, logical_lines
from ropeway.lang.dialects.justfile.languages import literals
from ropeway.lang.dialects.justfile.syntax import Chunk
from ropeway.lang.dialects.justfile.values import Cannot, Cel, Const, fold

if TYPE_CHECKING:
    from ropeway.lang.dialects.justfile.ground import Ground
    from ropeway.lang.dialects.justfile.shells import Shell
    from ropeway.lang.dialects.justfile.syntax import Line, Recipe

__all__ = ["foreign_lines", "foreign_script"]

_OPENING = re.compile(r"\$\{\{")


def _constant(line: Line, ground: Ground, hint: str) -> str:
    """Return a line in which every interpolation is known."""
    made = ""
    for part in line.parts:
        if isinstance(part, Chunk):
            made += part.text
            continue
        value = fold(part.expression, ground.scope)
        if not isinstance(value, Const):
            names = value.names if isinstance(value, Cel) else frozenset[str]()
            raise Cannot(part.place, "a value can not become a part of a program in this language", hint, names)
        made += value.text
    return _OPENING.sub("$${{", made)


def foreign_script(recipe: Recipe, ground: Ground, shell: Shell) -> Body:
    """Write a script in another language."""
    body = Body(shell.step)
    lines = recipe.body[1:] if recipe.body and recipe.body[0].text.startswith("#!") else recipe.body
    if ground.arguments and "argv" in recipe.source:
        raise Cannot(recipe.place, "the arguments of a script in another language are not converted", "use {{ }} in the script")
    if shell.step in {"python", "node"}:
        text, body.uses = literals(lines, ground.scope, str(shell.step))
        body.lines = text.rstrip("\n").split("\n")
        return body
    hint = "export the parameter with $ and read it from the environment"
    body.lines = [_constant(line, ground, hint) for line in lines]
    return body


def foreign_lines(recipe: Recipe, ground: Ground) -> Body:
    """Write a script that hands each line to the shell that the justfile names."""
    body = Body("sh")
    call = " ".join(single_quoted(word) for word in ground.shell.words)
    for line, sigils in logical_lines(recipe.body, ground):
        text = _constant(line, ground, "export the parameter with $ and read it from the environment").replace("\\\n    ", "")
        if "?" in sigils:
            raise Cannot(line.place, "a guard is not converted for this shell", "write an if")
        if text.strip() and not (text.startswith("#") and ground.ignore_comments):
            body.lines.append(f"{call} {single_quoted(text)}{' || true' if '-' in sigils else ''}")
    return body
