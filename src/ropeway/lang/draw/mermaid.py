"""A picture as a Mermaid flow chart (https://mermaid.js.org/syntax/flowchart.html).

One bad name makes Mermaid refuse the whole chart, so boxes have ids of our own and labels are quoted, with everything but letters,
digits and a few harmless signs written as character codes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ropeway.lang.draw.states import LOOKS, States
from ropeway.lang.draw.words import shortened

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ropeway.lang.draw.picture import Node, Picture

__all__ = ["mermaid"]

_HARMLESS = frozenset(" .,_-/")
_SHAPES = {"gate": ('{{"', '"}}'), "workflow": ('[["', '"]]'), "many": ('[["', '"]]')}


def mermaid(picture: Picture, *, states: Mapping[str, str] | None = None) -> str:
    """Write a picture as a Mermaid flow chart."""
    writer = _Writer(States(states))
    writer.level(picture, "    ")
    head = ["---", f"title: {_title(picture.title)}", "---", "flowchart TD"]
    return "\n".join((*head, *writer.boxes, *writer.arrows, *writer.styles())) + "\n"


def _title(text: str) -> str:
    return f'"{"".join(c if c.isalnum() or c in _HARMLESS else " " for c in shortened(text, 80))}"'


def escaped(text: str) -> str:
    """Write a text for a quoted label: everything that could mean something becomes ``#code;``."""
    return "".join(c if c.isalnum() or c in _HARMLESS else f"#{ord(c)};" for c in shortened(text, 60))


class _Writer:
    def __init__(self, states: States) -> None:
        self.boxes: list[str] = []
        self.arrows: list[str] = []
        self._states = states
        self._ids: dict[str, str] = {}
        self._by_state: dict[str, list[str]] = {}

    def level(self, picture: Picture, indent: str) -> None:
        for node in picture.nodes:
            self._ids[node.id] = f"{'g' if node.inner is not None else 'n'}{len(self._ids)}"
        for node in picture.nodes:
            self._box(node, indent)
        for node in picture.nodes:
            self.arrows += (f"    {self._ids[need]} --> {self._ids[node.id]}" for need in node.needs if need in self._ids)

    def _box(self, node: Node, indent: str) -> None:
        name = self._ids[node.id]
        lines = (node.label, *((node.detail,) if node.detail else ()), *(mark.text for mark in node.marks))
        label = "<br/>".join(escaped(line) for line in lines)
        if node.inner is None:
            before, after = _SHAPES.get(node.kind, ('["', '"]'))
            self.boxes.append(f"{indent}{name}{before}{label}{after}")
        else:
            self.boxes.append(f'{indent}subgraph {name}["{label}"]')
            self.level(node.inner, indent + "    ")
            self.boxes.append(f"{indent}end")
        state = self._states.of(node)
        if state is not None:
            self._by_state.setdefault(state if state in LOOKS else "pending", []).append(name)

    def styles(self) -> list[str]:
        lines: list[str] = []
        for state, names in self._by_state.items():
            lines.append(f"    classDef {state} stroke:{LOOKS[state].light},stroke-width:3px")
            lines.append(f"    class {','.join(names)} {state}")
        return lines
