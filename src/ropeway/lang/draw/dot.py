"""A picture in Graphviz's language (https://graphviz.org/doc/info/lang.html), sub-workflows as clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ropeway.lang.draw.states import LOOKS, States
from ropeway.lang.draw.words import shortened

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ropeway.lang.draw.picture import Node, Picture

__all__ = ["dot"]

_HEAD = (
    '    graph [rankdir="TB", compound=true, fontname="monospace", labelloc="t"];',
    '    node [shape="box", style="rounded", fontname="monospace", fontsize=11];',
    '    edge [color="#6b7682"];',
)
_SHAPES = {"gate": 'shape="hexagon"', "many": "peripheries=2", "workflow": "peripheries=2"}


def dot(picture: Picture, *, states: Mapping[str, str] | None = None) -> str:
    """Write a picture as a directed graph in DOT."""
    writer = _Writer(States(states))
    writer.level(picture, "    ")
    title = f"    label={quoted(shortened(picture.title, 80))};"
    return "\n".join(("digraph workflow {", *_HEAD, title, *writer.boxes, *writer.arrows, "}")) + "\n"


def quoted(*lines: str) -> str:
    """Write lines as one string of DOT. Backslashes and ``&`` would otherwise mean something inside labels."""
    escaped = (line.replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"') for line in lines)
    return '"' + "\\n".join(escaped) + '"'


class _Writer:
    def __init__(self, states: States) -> None:
        self.boxes: list[str] = []
        self.arrows: list[str] = []
        self._states = states
        self._ids: dict[str, str] = {}

    def level(self, picture: Picture, indent: str) -> None:
        groups = {node.id for node in picture.nodes if node.inner is not None}
        for node in picture.nodes:
            self._ids[node.id] = f"n{len(self._ids)}"
        for node in picture.nodes:
            self._box(node, indent)
            for need in node.needs:
                if need in self._ids:
                    self._arrow(need, node.id, groups)

    def _arrow(self, need: str, name: str, groups: set[str]) -> None:
        """Draw from box to box; Graphviz knows no arrows between clusters, so they are cut at the cluster's border."""
        ends = [f'ltail="cluster_{self._ids[need]}"'] if need in groups else []
        ends += [f'lhead="cluster_{self._ids[name]}"'] if name in groups else []
        cut = f" [{', '.join(ends)}]" if ends else ""
        self.arrows.append(f"    {self._ids[need]} -> {self._ids[name]}{cut};")

    def _box(self, node: Node, indent: str) -> None:
        name = self._ids[node.id]
        lines = [node.label, *((node.detail,) if node.detail else ()), *(mark.text for mark in node.marks)]
        label = f"label={quoted(*(shortened(line, 60) for line in lines))}"
        state = self._states.of(node)
        colour = f'color="{LOOKS.get(state, LOOKS["pending"]).light}", penwidth=2' if state is not None else ""
        if node.inner is None:
            self.boxes.append(f"{indent}{name} [{', '.join(filter(None, (label, _SHAPES.get(node.kind, ''), colour)))}];")
            return
        self.boxes.append(f"{indent}subgraph cluster_{name} {{")
        frame = ", ".join(filter(None, ('label=""', 'style="rounded"', colour)))
        self.boxes.append(f"{indent}    graph [{frame}];")
        self.boxes.append(f'{indent}    {name} [{label}, shape="plaintext"];')
        self.level(node.inner, indent + "    ")
        roots = [self._ids[inner.id] for inner in node.inner.nodes if not inner.needs]
        self.boxes += (f'{indent}    {name} -> {root} [style="invis"];' for root in roots)
        self.boxes.append(f"{indent}}}")
