"""What a recipe's body stands on, what becomes of it, and its lines as just joins them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ropeway.lang.dialects.justfile.shell import MARK, scan
from ropeway.lang.dialects.justfile.syntax import Chunk, Line
from ropeway.records import field, record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ropeway.lang.dialects.justfile.languages import Use
    from ropeway.lang.dialects.justfile.shells import Shell
    from ropeway.lang.dialects.justfile.syntax import Hole, Place
    from ropeway.lang.dialects.justfile.values import Value

__all__ = ["Body", "Ground", "logical_lines"]


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


def logical_lines(body: Sequence[Line], ground: Ground) -> list[tuple[Line, str]]:
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
