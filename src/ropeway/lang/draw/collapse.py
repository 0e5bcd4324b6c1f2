"""Makes a picture small enough to look at, losing no step: a box then stands for several, and says for how many.

In this order, until it is small enough: sub-workflows are folded away, the largest first; steps that need the same and are needed
by the same become one box, and so do steps in a row; at last whole levels (steps with equally long ways to them) do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ropeway.lang.draw.picture import Node, Picture, closed, graph_of, size
from ropeway.lang.draw.words import counted
from ropeway.records import replace

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

__all__ = ["collapse"]


def collapse(picture: Picture, limit: int) -> Picture:
    """Return a picture of at most ``limit`` boxes (at least one)."""
    limit = max(limit, 1)
    picture = _fold(picture, limit)
    while len(picture.nodes) > limit:
        smaller = _merge(picture, _twins(picture))
        smaller = _merge(smaller, _rows(smaller, limit))
        if len(smaller.nodes) == len(picture.nodes):
            return _merge(picture, _levels(picture, limit))
        picture = smaller
    return picture


def _fold(picture: Picture, limit: int) -> Picture:
    """Fold sub-workflows away, the largest first, while there are too many boxes."""
    total = size(picture)
    if total <= limit:
        return picture
    nodes = list(picture.nodes)
    sizes = {at: size(node.inner) for at, node in enumerate(nodes) if node.inner is not None}
    for at in sorted(sizes, key=lambda at: -sizes[at]):
        if total <= limit:
            break
        nodes[at] = closed(nodes[at])
        total -= sizes[at]
    return replace(picture, nodes=tuple(nodes))


def _twins(picture: Picture) -> Mapping[str, Hashable]:
    """Group boxes that need the same and are needed by the same; no way leads from one such box to another."""
    graph = graph_of(picture)
    return {name: (frozenset(graph.needs(name)), frozenset(graph.dependents(name))) for name in graph}


def _rows(picture: Picture, limit: int) -> Mapping[str, Hashable]:
    """Group boxes that follow each other with nothing else before or after them; no more in one group than has to be."""
    graph = graph_of(picture)
    most = -(-len(picture.nodes) // limit)
    row: dict[str, tuple[str, int]] = {}
    for name in graph.order:
        needs = graph.needs(name)
        follows = len(needs) == 1 and len(graph.dependents(needs[0])) == 1
        first, at = row[needs[0]] if follows else (name, -1)
        row[name] = (first, at + 1)
    return {name: (first, at // most) for name, (first, at) in row.items()}


def _levels(picture: Picture, limit: int) -> Mapping[str, Hashable]:
    """Group boxes into at most ``limit`` groups by the longest way to them, so that needs only ever point back."""
    graph = graph_of(picture)
    level: dict[str, int] = {}
    for name in graph.order:
        level[name] = max((level[need] + 1 for need in graph.needs(name)), default=0)
    levels = max(level.values(), default=0) + 1
    groups = min(levels, limit)
    return {name: at * groups // levels for name, at in level.items()}


def _merge(picture: Picture, groups: Mapping[str, Hashable]) -> Picture:
    """Return the picture with one box per group."""
    members: dict[Hashable, list[Node]] = {}
    for node in picture.nodes:
        members.setdefault(groups.get(node.id, node.id), []).append(node)
    head = {node.id: nodes[0].id for nodes in members.values() for node in nodes}
    return replace(picture, nodes=tuple(_one(nodes, head) for nodes in members.values()))


def _one(nodes: list[Node], head: Mapping[str, str]) -> Node:
    first, last = closed(nodes[0]), closed(nodes[-1])
    needs = dict.fromkeys(head[need] for node in nodes for need in node.needs if need in head)
    needs.pop(first.id, None)
    if len(nodes) == 1:
        return replace(nodes[0], needs=tuple(needs))
    steps = tuple(address for node in nodes for address in closed(node).members)
    label = f"{first.label.split(' … ')[0]} … {last.label.split(' … ')[-1]}"
    return Node(first.id, label, "many", counted(len(steps)), tuple(needs), members=steps)
