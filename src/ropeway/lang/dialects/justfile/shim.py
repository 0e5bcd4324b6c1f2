"""Writes a justfile whose recipes call a workflow, so that what people have in their fingers goes on working."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ropeway.lang.dialects.justfile.commands import single_quoted

if TYPE_CHECKING:
    from ropeway.lang.dialects.justfile.convert import Conversion, Entry
    from ropeway.lang.dialects.justfile.parameters import Given

__all__ = ["shim"]

_BACKSLASHES = r"""replace({0}, '\', '\\')"""
_LIST = r"""'["' + replace({0}, '"', '\"') + '"]'"""


def shim(conversion: Conversion, target: str) -> str:
    """Return the text of a justfile.

    Args:
        conversion: What was made of the old justfile.
        target: The workflow that its recipes run, as a person would name it.
    """
    names = {entry.recipe.name for entry in conversion.entries}
    parts = [f"# The recipes of before, carried out by {target}."]
    parts += [_recipe(entry, target, conversion.choice) for entry in conversion.entries]
    aliases = [f"alias {alias.name} := {alias.target}" for alias in conversion.aliases if alias.target in names]
    return "\n\n".join([*parts, *(["\n".join(aliases)] if aliases else [])]) + "\n"


def _recipe(entry: Entry, target: str, choice: str) -> str:
    recipe = entry.recipe
    lines = [f"# {recipe.doc}"] if recipe.doc else []
    lines.append(" ".join([recipe.name, *map(_parameter, entry.given)]) + ":")
    words = ["@workflow run", single_quoted(target).replace("{{", "{{{{")]
    words += [f"--param {choice}={recipe.name}"] if choice else []
    words += map(_word, entry.given)
    return "\n".join([*lines, f"    {' '.join(words)}"])


def _parameter(given: Given) -> str:
    """Return a parameter with its default, as the old recipe had it."""
    parameter = given.parameter
    name = f"{parameter.kind}{parameter.name}"
    if parameter.default is None:
        return name
    return f"{name}={_literal(given.default or '')}"


def _literal(text: str) -> str:
    if "'" not in text and "\n" not in text:
        return f"'{text}'"
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")
    return f'"{escaped}"'


def _word(given: Given) -> str:
    """Return the words that hand a parameter over. A list has one element: just has joined what was given."""
    name = given.parameter.name
    if given.parameter.kind:
        value = f"quote({_LIST.format(_BACKSLASHES.format(name))})"
        return f"--param {given.name}={{{{ if {name} == '' {{ '[]' }} else {{ {value} }} }}}}"
    if given.default is None and given.parameter.default is not None:  # left out, so that the workflow finds the default
        return f"{{{{ if {name} == '' {{ '' }} else {{ '--param {given.name}=' + quote({name}) }} }}}}"
    return f"--param {given.name}={{{{quote({name})}}}}"
