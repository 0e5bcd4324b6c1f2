"""Turns the body of a recipe into the script of a step."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ropeway.lang.dialects.justfile.commands import Commands, single_quoted
from ropeway.lang.dialects.justfile.languages import Use, literals
from ropeway.lang.dialects.justfile.shell import MARK, scan
from ropeway.lang.dialects.justfile.shells import differences
from ropeway.lang.dialects.justfile.syntax import Chunk, Line
from ropeway.lang.dialects.justfile.values import Cannot, Cel, Const, Dynamic, Local, fold, texts_in
from ropeway.records import field, record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ropeway.lang.dialects.justfile.shell import Scan, Spot
    from ropeway.lang.dialects.justfile.shells import Shell
    from ropeway.lang.dialects.justfile.syntax import Hole, Place, Recipe
    from ropeway.lang.dialects.justfile.values import Value

__all__ = ["Body", "Ground", "convert_body"]

_POSITIONAL = re.compile(r"\$(?:\{?[1-9@*#]|\{#)|\bshift\b|\bgetopts\b")
_OPENING = re.compile(r"\$\{\{")


@record
class Ground:
    """What a body stands on: its names, its file, the shell of its lines, parameters as arguments, and the settings that matter.

    ``arguments`` are None unless the script gets them as ``$1``, ``$2``, …
    """

    scope: Mapping[str, Value]
    file: str
    shell: Shell
    script: Shell | None = None
    arguments: tuple[Value, ...] | None = None
    guards: bool = False
    ignore_comments: bool = False
    unexports: tuple[str, ...] = ()


@record(frozen=False)
class Body:
    """A script. ``uses`` are its expressions, by their text."""

    shell: str | tuple[str, ...]
    lines: list[str] = field(default_factory=list)
    uses: dict[str, Use] = field(default_factory=dict)
    words: dict[str, Place] = field(default_factory=dict)
    """Parameters that stand outside quotes, where just would have made program text of them."""

    @property
    def text(self) -> str:
        """The script; one line has no end."""
        return self.lines[0] if len(self.lines) == 1 else "\n".join(self.lines) + "\n"


def convert_body(recipe: Recipe, ground: Ground) -> Body:
    """Return the script of a recipe; raises ``Cannot`` where something has no faithful counterpart."""
    if ground.script is not None:
        if not ground.script.native:
            return _foreign(recipe, ground, ground.script)
        return _Posix(ground, ground.script).script(recipe)
    if not ground.shell.native:
        return _calls(recipe, ground)
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
        for line, sigils in _logical(recipe.body, self._ground):
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
        if found.simple and not (tail and found.comment):
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
    "plain": frozenset("\\'\"`$;|&<>(){}!#~\n"),
    "single": frozenset("'"),
    "document": frozenset("$`\\"),
    "double": frozenset('$`"\\'),
}
"""Characters that a shell reads as program text, by where they stand."""


def _check_text(value: Cel | Local, kind: str, place: Place) -> None:
    """Raise ``Cannot`` when the author's own text in a value is program text for a shell: it would not be one any more."""
    for text in value.texts:
        found = sorted(set(text) & _PROGRAM.get(kind, _PROGRAM["double"]))
        if found:
            names = value.names if isinstance(value, Cel) else frozenset[str]()
            reason = f"just pastes {text!r} here as program text, and a value never becomes that"
            raise Cannot(place, reason, "write this part into the recipe itself, and leave the rest to the parameter", names)


def _names(text: str) -> set[str]:
    return {
        name for pair in re.findall(r"\$\{?[#!]?([A-Za-z_][A-Za-z0-9_]*)|([A-Za-z_][A-Za-z0-9_]*)(?=\+?=)", text) for name in pair if name
    }


def _logical(body: Sequence[Line], ground: Ground) -> list[tuple[Line, str]]:
    """Return the lines of a body with those joined that end with a backslash, and what stands in front of each: ``@``, ``-``, ``?``."""
    made: list[tuple[Line, str]] = []
    rest = list(body)
    allowed = "@-?" if ground.guards else "@-"
    while rest:
        line = rest.pop(0)
        if not line.parts or (ground.ignore_comments and line.text.startswith("#")):
            continue
        size = 0
        while size < len(line.text) and line.text[size] in allowed and line.text[size] not in line.text[:size]:
            size += 1
        sigils = line.text[:size]
        parts = list(line.parts)
        if size:
            first = parts[0]
            assert isinstance(first, Chunk)
            parts[:1] = [Chunk(first.text[size:], first.place)] if first.text[size:] else []
        while rest and Line(tuple(parts), line.place).continues:
            parts = _continued(parts, rest.pop(0))
        if parts:
            made.append((Line(tuple(parts), line.place), sigils))
    return made


def _continued(parts: list[Chunk | Hole], following: Line) -> list[Chunk | Hole]:
    """Return a line with the next one behind it: as the shell's own continuation where the break is between words."""
    last = parts[-1]
    assert isinstance(last, Chunk)
    text = "".join(part.text if isinstance(part, Chunk) else MARK for part in parts)[:-1]
    more = list(following.parts)
    if more and isinstance(more[0], Chunk):
        more[0] = Chunk(more[0].text.lstrip(), more[0].place)
    open_ = bool(scan(text).why) or scan(text).comment
    between = "" if open_ or not more else "\\\n    "
    return [*parts[:-1], Chunk(last.text[:-1] + between, last.place), *more]


# Other languages


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


def _foreign(recipe: Recipe, ground: Ground, shell: Shell) -> Body:
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


def _calls(recipe: Recipe, ground: Ground) -> Body:
    """Write a script that hands each line to the shell that the justfile names."""
    body = Body("sh")
    call = " ".join(single_quoted(word) for word in ground.shell.words)
    for line, sigils in _logical(recipe.body, ground):
        text = _constant(line, ground, "export the parameter with $ and read it from the environment").replace("\\\n    ", "")
        if "?" in sigils:
            raise Cannot(line.place, "a guard is not converted for this shell", "write an if")
        if text.strip() and not (text.startswith("#") and ground.ignore_comments):
            body.lines.append(f"{call} {single_quoted(text)}{' || true' if '-' in sigils else ''}")
    return body
