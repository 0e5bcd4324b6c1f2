"""Turns the body of a recipe into the script of a step."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ropeway.lang.dialects.justfile.commands import Commands
from ropeway.lang.dialects.justfile.foreign import foreign_lines, foreign_script
from ropeway.lang.dialects.justfile.ground import Body, logical_lines
from ropeway.lang.dialects.justfile.languages import Use
from ropeway.lang.dialects.justfile.shell import MARK, scan
from ropeway.lang.dialects.justfile.shells import differences
from ropeway.lang.dialects.justfile.syntax import Chunk, Line
from ropeway.lang.dialects.justfile.values import Cannot, Cel, Const, Dynamic, Local, fold, texts_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ropeway.lang.dialects.justfile.ground import Ground
    from ropeway.lang.dialects.justfile.shell import Scan, Spot
    from ropeway.lang.dialects.justfile.shells import Shell
    from ropeway.lang.dialects.justfile.syntax import Hole, Place, Recipe

__all__ = ["convert_body"]

_POSITIONAL = re.compile(r"\$(?:\{?[1-9@*#]|\{#)|\bshift\b|\bgetopts\b")
_EXPANSION = re.compile(r"[$`](?!\{\{)")
_OPENING = re.compile(r"\$\{\{")


def convert_body(recipe: Recipe, ground: Ground) -> Body:
    """Return the script of a recipe; raises ``Cannot`` where something has no faithful counterpart."""
    if ground.script is not None:
        if not ground.script.native:
            return foreign_script(recipe, ground, ground.script)
        return _Posix(ground, ground.script).script(recipe)
    if not ground.shell.native:
        return foreign_lines(recipe, ground)
    return _Posix(ground, ground.shell).lines_of(recipe)


class _Posix:
    """Writes a script for bash or sh."""

    def __init__(self, ground: Ground, shell: Shell) -> None:
        self._ground = ground
        self._shell = shell
        self._body = Body(shell.step)
        self._splits: dict[str, tuple[str, Place, frozenset[str]]] = {}
        self._commands = Commands(ground.scope, ground.file, set(), shell)

    def lines_of(self, recipe: Recipe) -> Body:
        """Write lines that ran in a shell each."""
        self._reserve(recipe.body)
        written: list[str] = []
        for line, sigils in logical_lines(recipe.body, self._ground):
            written += self._one(line, sigils)
        return self._finish(written, differences(self._shell, keep="e"))

    def script(self, recipe: Recipe) -> Body:
        """Write a recipe that was one script."""
        body = recipe.body[1:] if recipe.body and recipe.body[0].text.startswith("#!") else recipe.body
        self._reserve(body)
        parts: list[Chunk | Hole] = []
        for line in body:
            parts += [*line.parts, Chunk("\n", line.place)]
        template, values, places = self._weave(parts)
        found = scan(template)
        if found.why:
            raise Cannot(recipe.place, f"the script can not be read: {found.why}", "correct it")
        dynamic, self._commands.lines = self._commands.lines, []
        text = self._fill(template, values, found, places).rstrip("\n")
        first = next((line for line in text.split("\n") if line.strip() and not line.startswith("#")), "")
        return self._finish([*dynamic, *text.split("\n")], differences(self._shell, first))

    def _reserve(self, body: Sequence[Line]) -> None:
        """Keep away from the names of variables that the script has itself."""
        text = "\n".join(part.text for line in body for part in line.parts if isinstance(part, Chunk))
        self._commands.used |= _names(text)
        self._positional = bool(_POSITIONAL.search(text))

    def _one(self, line: Line, sigils: str) -> list[str]:
        """Return a line of a recipe as lines of the script."""
        start = len(self._commands.lines)
        template, values, places = self._weave(line.parts)
        before = self._commands.lines[start:]
        del self._commands.lines[start:]
        found = scan(template)
        if found.why:
            raise Cannot(line.place, f"the line can not be read: {found.why}", "correct it")
        text = self._fill(template, values, found, places).strip()
        if not text:
            return before
        if text.startswith("#"):
            return [*before, *text.split("\n")]
        return [*before, *self._wrapped(text, found, sigils, line.place)]

    def _wrapped(self, text: str, found: Scan, sigils: str, place: Place) -> list[str]:
        strict = "e" in self._shell.options
        tail = " || true" if "-" in sigils else ""
        if "?" in sigils:
            tail = ' || { [ "$?" -eq 1 ] && exit 0; exit 1; }'
        if tail and strict and not found.simple:
            raise Cannot(place, "what -e does in this line changes when its failure is caught", "make it a script, or one plain command")
        fatal = bool(tail) and (
            found.comment or _EXPANSION.search(text) is not None
        )  # an unset variable ends the shell, not only the command
        if found.simple and not fatal:
            return (text + tail).split("\n")
        loose = "" if strict or found.listed else "set +e; "
        if found.comment or found.operators & {"&"} or "\n" in text:
            return [f"( {loose.removesuffix(' ').removesuffix(';')}".rstrip(), *text.split("\n"), f"){tail}"]
        opening = "( " if text.startswith("(") and not loose else "("
        return [f"{opening}{loose}{text}){tail}"]

    # Interpolations

    def _weave(self, parts: Sequence[Chunk | Hole]) -> tuple[str, list[Cel | Local], list[Place]]:
        """Return a text with a mark for each interpolation that is not known, and what these are."""
        template, values, places = "", [], []
        for part in parts:
            if isinstance(part, Chunk):
                template += part.text.replace(MARK, "")
                continue
            value = fold(part.expression, self._ground.scope)
            if isinstance(value, Const):
                template += value.text.replace(MARK, "")
                continue
            if isinstance(value, Dynamic):
                value = self._computed(value)
            template += MARK
            values.append(value)
            places.append(part.place)
        return template, values, places

    def _computed(self, value: Dynamic) -> Local:
        name = self._commands.fresh("value")
        self._commands.assign(name, value.expression)
        return Local(name, texts_in(value.expression, self._ground.scope))

    def _fill(self, template: str, values: Sequence[Cel | Local], found: Scan, places: Sequence[Place]) -> str:
        chunks = template.split(MARK)
        if len(found.spots) != len(values):
            raise Cannot(places[0], "it is not clear where this stands in the script", "write the line in a simpler way")
        made = _OPENING.sub("$${{", chunks[0])
        for value, spot, place, chunk in zip(values, found.spots, places, chunks[1:], strict=True):
            reference, text = self._reference(value, spot, place), _OPENING.sub("$${{", chunk)
            if spot.kind == "single":  # it leaves the quotes, which are not written where nothing is left in them
                made = made[:-1] if made.endswith("'") else f"{made}'"
                text = text[1:] if text.startswith("'") else f"'{text}"
            if reference[:1] == "$" and reference[1:].isidentifier() and text[:1] and (text[0].isalnum() or text[0] in "_["):
                reference = f"${{{reference[1:]}}}"
            made += reference + text
        return made

    def _reference(self, value: Cel | Local, spot: Spot, place: Place) -> str:
        kind = spot.kind
        if kind == "comment":
            return "…"
        if spot.after in {"$", "\\"} and kind != "single":
            raise Cannot(place, f"the {spot.after!r} in front of it would change what it means", "write it in another way")
        if not (isinstance(value, Cel) and value.quoted):
            _check_text(value, kind, place)
        if not isinstance(value, Cel):
            return {"plain": f"${value.name}", "single": f'"${value.name}"'}.get(kind, f"${{{value.name}}}")
        if value.quoted and (kind != "plain" or (value.loose and spot.alone)):
            raise Cannot(place, "quote() is converted only for a word by itself", "write the value between double quotes, without quote()")
        if kind == "single":
            self._body.uses.setdefault(value.source, Use(place, value.names))
            return f"${{{{ {value.source} }}}}"
        if kind == "plain" and not value.quoted:
            self._body.words.setdefault(value.source, place)
            if spot.assigned and any(len(text.split()) > 1 for text in value.texts):
                reason = "just reads a value of several words here as an assignment and a command"
                raise Cannot(place, reason, "put it between double quotes", value.names)
            if value.loose and (spot.alone or value.sample != ""):
                return f"${self._split(value, place)}"
        self._body.uses.setdefault(value.source, Use(place, value.names))
        return f"${{{{ {value.source} }}}}"

    def _split(self, value: Cel, place: Place) -> str:
        """Return the variable that holds a value which the shell is to split into words."""
        if value.source not in self._splits:
            plain = min(value.names, default="value")
            self._splits[value.source] = (self._commands.fresh(plain), place, value.names)
        return self._splits[value.source][0]

    # The beginning

    def _finish(self, written: list[str], options: str) -> Body:
        body = self._body
        head = [options] if options else []
        head += [f"unset {name}" for name in self._ground.unexports]
        for source, (name, place, names) in self._splits.items():
            head.append(f"{name}=${{{{ {source} }}}}")
            body.uses.setdefault(source, Use(place, names))
        if self._positional and self._ground.arguments is not None:
            head += self._arguments()
        body.lines = [*head, *written]
        return body

    def _arguments(self) -> list[str]:
        """Return the commands that set ``$1``, ``$2`` and so on."""
        words, lists = [], []
        for value in self._ground.arguments or ():
            if isinstance(value, Cel) and value.items:
                lists.append(value)
            elif isinstance(value, Const | Cel):
                words.append(self._commands.word(value))
        made = [f"set -- {' '.join(words)}".rstrip()]
        for value in lists:
            name = self._commands.fresh("argument")
            made += [
                f'[ ${{{{ size({value.items}) }}}} -eq 0 ] || while IFS= read -r {name}; do set -- "$@" "${name}"; done <<ARGUMENTS',
                f"${{{{ join({value.items}, '\\n') }}}}",
                "ARGUMENTS",
            ]
        return made


_PROGRAM = {
    "plain": frozenset("\\'\"`$;|&<>(){}#~\n"),
    "single": frozenset("'"),
    "document": frozenset("$`\\"),
    "double": frozenset('$`"\\'),
}
"""Characters that a shell reads as program text, by where they stand."""


def _check_text(value: Cel | Local, kind: str, place: Place) -> None:
    """Raise ``Cannot`` when the author's own text in a value is program text for a shell: it would not be one any more."""
    for text in value.texts:
        found = sorted(set(text) & _PROGRAM.get(kind, _PROGRAM["double"]))
        if found or (kind == "plain" and text.startswith("! ")):
            names = value.names if isinstance(value, Cel) else frozenset[str]()
            reason = f"just pastes {text!r} here as program text, and a value never becomes that"
            raise Cannot(place, reason, "write this part into the recipe itself, and leave the rest to the parameter", names)


def _names(text: str) -> set[str]:
    return {
        name for pair in re.findall(r"\$\{?[#!]?([A-Za-z_][A-Za-z0-9_]*)|([A-Za-z_][A-Za-z0-9_]*)(?=\+?=)", text) for name in pair if name
    }
