"""Where the boxes of one level go, and how the lines between them run.

Layers and the order within each layer, with few crossings, come from ``fast-sugiyama`` (Sugiyama's method in Rust). It takes all
boxes as equally large, so the places within a layer are ours: each box and each bend is pulled towards what it is connected to,
keeping order and distance, which is an isotonic regression per layer, solved exactly by pooling neighbours
(https://en.wikipedia.org/wiki/Isotonic_regression).

Coordinates here have two axes: *across* (along a layer) and *along* (from layer to layer). ``boxes`` turns them into x and y.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from ropeway.errors import UsageError
from ropeway.records import field, record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Layout", "Line", "Manner", "Point", "lay_out"]

Point = tuple[float, float]

_BEND_GAP = 12.0
_LAYER_GAP = 34.0
_MOST_LAYER_GAP = 110.0
_COMPONENT_GAP = 40.0
_SWEEPS = 12


@record
class Line:
    """A line from the edge of one box to that of another, as an even number of points.

    It runs straight from each first to each second, where it crosses a layer, and curved from there to the next.
    """

    source: int
    target: int
    points: tuple[Point, ...]


@record(frozen=False)
class Layout:
    """Places of one level. ``centres`` holds (across, along) by index; ``size`` is the extent in both."""

    centres: dict[int, Point] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    size: Point = (0.0, 0.0)


@record
class Manner:
    """How boxes are spaced.

    ``gap`` is between two in a layer, ``widest`` where a row of unconnected parts is broken; with ``flush`` the boxes of a layer
    begin together, else their middles are on one line.
    """

    gap: float
    widest: float
    flush: bool


def lay_out(sizes: Sequence[Point], edges: Sequence[tuple[int, int]], manner: Manner) -> Layout:
    """Place boxes.

    Args:
        sizes: For each box its extent (across, along).
        edges: Pairs (before, after) of indices, without repetitions and cycles.
        manner: How to space them.

    Raises:
        UsageError: The layout library is not installed.
    """
    parts = [_component(part, sizes, manner) for part in _layered(len(sizes), edges)]
    return _packed(parts, max((part.size[0] for part in parts), default=0.0), manner)


@record(frozen=False)
class _Part:
    """A connected part as the library returned it: layers of ids from first to last; ids from ``len(sizes)`` on are bends."""

    layers: list[list[int]]
    across: dict[int, float]
    edges: list[tuple[int, int]]

    def read_forward(self, count: int) -> None:
        """Mirror the part if its layers read backwards: the library does not know the order of the file."""
        pairs = [(a, b) for layer in self.layers for a, b in pairwise([at for at in layer if at < count])]
        if sum(1 if a < b else -1 for a, b in pairs) < 0:
            self.layers = [layer[::-1] for layer in self.layers]
            self.across = {at: -x for at, x in self.across.items()}

    def neighbours(self) -> tuple[dict[int, list[int]], dict[int, list[int]]]:
        """Return what each box and bend comes after, and what comes after it."""
        before: dict[int, list[int]] = {at: [] for at in self.across}
        after: dict[int, list[int]] = {at: [] for at in self.across}
        for a, b in self.edges:
            after[a].append(b)
            before[b].append(a)
        return before, after


def _layered(count: int, edges: Sequence[tuple[int, int]]) -> list[_Part]:
    connected = sorted({end for edge in edges for end in edge})
    alone = sorted(set(range(count)) - set(connected))
    parts = _ask(connected, edges, count) if edges else []
    for part in parts:
        part.read_forward(count)
    parts += [_Part([[at]], {at: 0.0}, []) for at in alone]
    # In the order of the file, whatever the library's own was.
    return sorted(parts, key=lambda part: min(at for layer in part.layers for at in layer))


def _ask(connected: Sequence[int], edges: Sequence[tuple[int, int]], count: int) -> list[_Part]:
    try:
        from fast_sugiyama import from_edges
    except ImportError:
        message = "drawing SVG needs the library fast-sugiyama, which is not installed"
        raise UsageError(message, hint="pip install fast-sugiyama, or use --format tree, mermaid or dot", code="missing-extra") from None
    # The library numbers bends after the boxes, so the boxes have to be exactly 0 … n-1; and it forgets the order of texts.
    number = {at: index for index, at in enumerate(connected)}
    found = from_edges([(number[a], number[b]) for a, b in edges], vertex_spacing=1.0, dummy_vertices=True, dummy_size=0.4)
    parts = []
    shift = 0
    for positions, _, _, routed in found:
        here = {int(at): connected[int(at)] if int(at) < len(connected) else count + shift + int(at) for at, _ in positions}
        rows: dict[float, list[tuple[float, int]]] = {}
        for at, (x, y) in positions:
            rows.setdefault(round(y), []).append((x, here[int(at)]))
        layers = [[at for _, at in sorted(rows[y])] for y in sorted(rows, reverse=True)]
        across = {here[int(at)]: float(x) for at, (x, _) in positions}
        parts.append(_Part(layers, across, [(here[int(a)], here[int(b)]) for a, b in routed or ()]))
        shift += len(connected) + len(positions) + max((int(at) for at, _ in positions), default=0)
    return parts


def _component(part: _Part, sizes: Sequence[Point], manner: Manner) -> Layout:
    """Place one connected part, its corner at the origin."""
    extent = {at: sizes[at] if at < len(sizes) else (0.0, 0.0) for layer in part.layers for at in layer}
    before, after = part.neighbours()
    across = _across(part, extent, (before, after), manner.gap)
    left = min(across[at] - extent[at][0] / 2 for at in extent)
    right = max(across[at] + extent[at][0] / 2 for at in extent)
    centres: dict[int, Point] = {}
    bands: dict[int, Point] = {}
    along = 0.0
    for depth, layer in enumerate(part.layers):
        thick = max(extent[at][1] for at in layer)
        for at in layer:
            centres[at] = (across[at] - left, along + (extent[at][1] if manner.flush else thick) / 2)
            bands[at] = (along, along + thick)
        shift = max((abs(across[b] - across[a]) for a in layer for b in after[a]), default=0.0)
        along += thick
        if depth + 1 < len(part.layers):
            along += min(_LAYER_GAP + shift * 0.05, _MOST_LAYER_GAP)
    boxes = {at: centre for at, centre in centres.items() if at < len(sizes)}
    return Layout(boxes, _lines(part, sizes, centres, bands), (right - left, along))


def _across(
    part: _Part, extent: Mapping[int, Point], around: tuple[Mapping[int, Sequence[int]], Mapping[int, Sequence[int]]], gap: float
) -> dict[int, float]:
    """Return where each box and bend of a part stands across its layer; ``around`` is what is before and what is after each."""
    before, after = around
    widest = max(width for width, _ in extent.values()) + gap
    across = {at: x * widest for at, x in part.across.items()}
    for sweep in range(_SWEEPS):
        both = sweep >= _SWEEPS - 4
        down = sweep % 2 == 0
        for layer in part.layers if down else reversed(part.layers):
            wanted, weights = [], []
            for at in layer:
                pulls = [*before[at], *after[at]] if both else before[at] if down else after[at]
                wanted.append(_middle([across[other] for other in pulls]) if pulls else across[at])
                bends = sum(not extent[other][0] for other in pulls) if not extent[at][0] else 0
                weights.append((1.0, 3.0, 8.0)[min(bends, 2)] * (len(pulls) or 0.2))
            across.update(zip(layer, _spread(wanted, weights, _distances(layer, extent, gap)), strict=True))
    return across


def _middle(values: list[float]) -> float:
    """Return the median, of an even number the mean of the two in the middle."""
    values.sort()
    half = len(values) // 2
    return values[half] if len(values) % 2 else (values[half - 1] + values[half]) / 2


def _distances(layer: Sequence[int], extent: Mapping[int, Point], gap: float) -> list[float]:
    """Return how far from the first of a layer each has to be at least."""
    distances = [0.0]
    for a, b in pairwise(layer):
        between = gap if extent[a][0] and extent[b][0] else _BEND_GAP
        distances.append(distances[-1] + (extent[a][0] + extent[b][0]) / 2 + between)
    return distances


def _spread(wanted: Sequence[float], weights: Sequence[float], offsets: Sequence[float]) -> list[float]:
    """Return the places nearest to the wanted ones (weighted least squares) that keep the order and the distances of a layer."""
    pools: list[tuple[float, float, int]] = []  # mean, weight, how many
    for want, weight, offset in zip(wanted, weights, offsets, strict=True):
        mean, total, count = want - offset, weight, 1
        while pools and pools[-1][0] > mean:
            other, other_weight, other_count = pools.pop()
            mean = (mean * total + other * other_weight) / (total + other_weight)
            total += other_weight
            count += other_count
        pools.append((mean, total, count))
    means = [mean for mean, _, count in pools for _ in range(count)]
    return [mean + offset for mean, offset in zip(means, offsets, strict=True)]


def _lines(part: _Part, sizes: Sequence[Point], centres: Mapping[int, Point], bands: Mapping[int, Point]) -> list[Line]:
    """Follow each edge from its box over its bends to the next box. ``bands`` are the layers' stretches along."""
    before, after = part.neighbours()
    leaves = _ports(sizes, centres, after)
    enters = _ports(sizes, centres, before)
    lines = []
    for source in (at for layer in part.layers for at in layer if at < len(sizes)):
        for first in after[source]:
            x, y = centres[source]
            x += leaves[source, first]
            points: list[Point] = [(x, y + sizes[source][1] / 2), (x, bands[source][1])]
            last, at = source, first
            while at >= len(sizes):
                x = centres[at][0]
                points += [(x, bands[at][0]), (x, bands[at][1])]
                last, at = at, after[at][0]
            x, y = centres[at]
            x += enters[at, last]
            points += [(x, bands[at][0]), (x, y - sizes[at][1] / 2)]
            lines.append(Line(source, at, tuple(points)))
    return lines


def _ports(sizes: Sequence[Point], centres: Mapping[int, Point], others: Mapping[int, Sequence[int]]) -> dict[tuple[int, int], float]:
    """Spread the ends of the lines of each box along its side, in the order of where they come from or go to."""
    ports: dict[tuple[int, int], float] = {}
    for at in centres:
        if at >= len(sizes):
            continue
        ordered = sorted(others[at], key=lambda other: centres[other][0])
        room = min(sizes[at][0] * 0.5, 9.0 * (len(ordered) - 1))
        for index, other in enumerate(ordered):
            ports[at, other] = room * (index / (len(ordered) - 1) - 0.5) if len(ordered) > 1 else 0.0
    return ports


def _packed(parts: Sequence[Layout], broadest: float, manner: Manner) -> Layout:
    """Put the parts in rows, in order; boxes that stand alone as in a table."""
    whole = Layout()
    widest = max(broadest, manner.widest)
    cell = max((part.size[0] for part in parts if not part.lines), default=0.0)
    across = along = thick = full = 0.0
    for part in parts:
        width, gap = (part.size[0], _COMPONENT_GAP) if part.lines else (cell, manner.gap)
        if across and across + width > widest:
            across, along, thick = 0.0, along + thick + gap, 0.0
        for at, (x, y) in part.centres.items():
            whole.centres[at] = (x + across, y + along)
        for line in part.lines:
            whole.lines.append(Line(line.source, line.target, tuple((x + across, y + along) for x, y in line.points)))
        full = max(full, across + width)
        across += width + gap
        thick = max(thick, part.size[1])
    whole.size = (full, along + thick)
    return whole
