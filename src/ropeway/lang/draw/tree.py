"""A picture as a tree of text, for terminals.

A step stands below the nearest step that every way to it passes through (its immediate dominator), so each is shown once, after
all that it needs. Steps that need only that one branch off from it. A step that joins several ways again is no branch beside them: it
comes after them, with an arrow to what it needs. What follows in a row is not indented, so that a long chain stays readable; without
an arrow it needs the step on the line above::

    collect
    ├─ lint
    └─ test
       ↓ report
    ↓ publish  (gate approve)  ← lint, report
    ↓ announce
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ropeway.lang.draw.picture import graph_of
from ropeway.lang.draw.states import LOOKS, States
from ropeway.lang.draw.words import plain, shortened
from ropeway.records import record

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ropeway.lang.draw.picture import Node, Picture

__all__ = ["tree"]

_MOST_NEEDS = 6


@record
class _Style:
    branch: str
    last: str
    line: str
    then: str
    from_: str
    inside: str
    times: str = " "


_UNICODE = _Style("├─ ", "└─ ", "│  ", "↓ ", "←", "┆ ")
_ASCII = _Style("|- ", "`- ", "|  ", "> ", "<-", ": ")


def tree(picture: Picture, *, states: Mapping[str, str] | None = None, ascii_only: bool = False) -> str:
    """Write a picture as text.

    Args:
        picture: What to write.
        states: States of steps by address; each line then begins with a sign.
        ascii_only: Keep to ASCII; other characters in names become ``?``.
    """
    style = _ASCII if ascii_only else _UNICODE
    writer = _Writer(style, States(states), ascii_only)
    lines = [plain(picture.title), *writer.lines(picture, "")]
    text = "\n".join(lines) + "\n"
    return text.replace("…", "...").encode("ascii", "replace").decode() if ascii_only else text


class _Writer:
    def __init__(self, style: _Style, states: States, ascii_only: bool) -> None:  # noqa: FBT001 - private, one call
        self._style = style
        self._states = states
        self._ascii = ascii_only

    def lines(self, picture: Picture, prefix: str) -> Iterator[str]:
        """Yield the lines of one level. An explicit stack: a chain may be as long as it likes."""
        style = self._style
        below = _dominated(picture)
        nodes = {node.id: node for node in picture.nodes}
        # A job: the box, the prefix of its own line (with its connector), that of the lines below it, and the box it hangs on.
        roots, ends = _parted("", below, nodes)
        jobs = [(name, prefix + style.then, prefix, "") for name in reversed(ends)]
        jobs += [(name, prefix, prefix, "") for name in reversed(roots)]
        while jobs:
            name, own, rest, parent = jobs.pop()
            node = nodes[name]
            yield own + self._line(node, parent)
            if node.inner is not None:
                yield from self.lines(node.inner, rest + style.inside)
            branches, joins = _parted(name, below, nodes)
            jobs += [(join, rest + style.then, rest, name) for join in reversed(joins)]
            if len(branches) == 1:
                jobs.append((branches[0], rest + style.then, rest, name))
                continue
            for at in range(len(branches) - 1, -1, -1):
                is_last = at == len(branches) - 1
                connector, indent = (style.last, "   ") if is_last else (style.branch, style.line)
                jobs.append((branches[at], rest + connector, rest + indent, name))

    def _line(self, node: Node, parent: str) -> str:
        state = self._states.of(node)
        words = [shortened(node.label, 60)]
        if state is not None:
            look = LOOKS.get(state, LOOKS["pending"])
            words.insert(0, look.ascii if self._ascii else look.sign)
        notes = [shortened(note, 60) for note in (node.detail, *(mark.text for mark in node.marks)) if note]
        text = " ".join(words) + (f"  ({', '.join(notes)})" if notes else "")
        if node.needs and node.needs != (parent,):
            local = [need.rsplit("/", 1)[-1] for need in node.needs]
            more = f" and {len(local) - _MOST_NEEDS} more" if len(local) > _MOST_NEEDS else ""
            text += f"  {self._style.from_} {', '.join(plain(need) for need in local[:_MOST_NEEDS])}{more}"
        return text


def _parted(parent: str, below: Mapping[str, list[str]], nodes: Mapping[str, Node]) -> tuple[list[str], list[str]]:
    """Return what hangs on a box in two lists: what needs it alone, and what joins several ways that begin there."""
    alone = (parent,) if parent else ()
    found = below.get(parent, [])
    return [n for n in found if nodes[n].needs == alone], [n for n in found if nodes[n].needs != alone]


def _dominated(picture: Picture) -> dict[str, list[str]]:
    """Return for each box the boxes that hang on it; those that hang on nothing are under the empty name.

    The immediate dominator of a box is where the ways to all its needs last meet: the lowest common ancestor of its needs in the
    tree built so far. Jump pointers (Myers, "An applicative random-access stack", 1983) find it in logarithmic time.
    """
    graph = graph_of(picture)
    depth = {"": 0}
    up = {"": ""}
    jump = {"": ""}
    below: dict[str, list[str]] = {}

    def meet(a: str, b: str) -> str:
        if depth[a] < depth[b]:
            a, b = b, a
        while depth[a] > depth[b]:
            a = jump[a] if depth[jump[a]] >= depth[b] else up[a]
        while a != b:
            a, b = (jump[a], jump[b]) if jump[a] != jump[b] else (up[a], up[b])
        return a

    for name in graph.order:
        needs = graph.needs(name)
        parent = needs[0] if needs else ""
        for need in needs[1:]:
            parent = meet(parent, need)
        depth[name] = depth[parent] + 1
        up[name] = parent
        over = jump[parent]
        jump[name] = jump[over] if depth[parent] - depth[over] == depth[over] - depth[jump[over]] else parent
        below.setdefault(parent, []).append(name)
    return below
