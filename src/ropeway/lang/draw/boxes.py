"""How large each box is and where it goes, sub-workflows inside out: an opened one is a box around its own layout.

A picture runs down or to the right, whichever fits a page better: a chain runs down, a wide fan to the right.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ropeway.lang.draw.layout import Manner, lay_out
from ropeway.lang.draw.words import columns, shortened
from ropeway.records import record

if TYPE_CHECKING:
    from ropeway.lang.draw.layout import Point
    from ropeway.lang.draw.picture import Node, Picture

__all__ = ["BIG", "HEAD", "SMALL", "Box", "Placed", "place"]

BIG = 7.7
"""Width of a column of the labels: 12.5 px of a fixed-width font, which are 0.60 em wide or less."""
SMALL = 6.4
"""The same for details, 10.5 px."""
HEAD = 50.0
"""Height of the words at the top of an opened sub-workflow."""

_PADDING = 12.0
_INNER_PADDING = 16.0
_SIGN = 18.0
_MOST_LABEL = 34
_MOST_DETAIL = 44
_PAGE = (1100.0, 1400.0)
_DOWN = Manner(gap=26.0, widest=_PAGE[0], flush=False)
_RIGHT = Manner(gap=14.0, widest=_PAGE[1], flush=True)


@record
class Box:
    """A placed box. ``x`` and ``y`` are its corner in its level; ``indent`` is where its words begin."""

    node: Node
    label: str
    detail: str
    indent: float
    x: float
    y: float
    width: float
    height: float
    inner: Placed | None = None


@record
class Placed:
    """A level: its boxes, the points of its lines (see ``layout.Line``) and its extent."""

    boxes: tuple[Box, ...]
    lines: tuple[tuple[Point, ...], ...]
    size: Point
    down: bool


def place(picture: Picture, *, with_states: bool) -> Placed:
    """Place all boxes of a picture; ``with_states`` leaves room for signs."""
    both = [_place(picture, down=down, with_states=with_states) for down in (True, False)]
    return min(both, key=lambda placed: max(placed.size[0] / _PAGE[0], placed.size[1] / _PAGE[1]))


def _place(picture: Picture, *, down: bool, with_states: bool) -> Placed:
    boxes = [_sized(node, down=down, with_states=with_states) for node in picture.nodes]
    index = {node.id: at for at, node in enumerate(picture.nodes)}
    edges = [(index[need], at) for at, node in enumerate(picture.nodes) for need in node.needs if need in index]
    sizes = [(box.width, box.height) if down else (box.height, box.width) for box in boxes]
    layout = lay_out(sizes, edges, _DOWN if down else _RIGHT)
    turn = (lambda point: point) if down else (lambda point: (point[1], point[0]))
    placed = tuple(_at(box, turn(layout.centres[at])) for at, box in enumerate(boxes))
    lines = tuple(tuple(turn(point) for point in line.points) for line in layout.lines)
    return Placed(placed, lines, turn(layout.size), down)


def _at(box: Box, centre: Point) -> Box:
    x, y = centre[0] - box.width / 2, centre[1] - box.height / 2
    return Box(box.node, box.label, box.detail, box.indent, x, y, box.width, box.height, box.inner)


def _sized(node: Node, *, down: bool, with_states: bool) -> Box:
    label = shortened(node.label, _MOST_LABEL)
    detail = shortened(" · ".join(part for part in (node.detail, *(mark.words for mark in node.marks)) if part), _MOST_DETAIL)
    indent = _PADDING + (6 if node.kind == "gate" else 0)
    width = max(columns(label) * BIG, columns(detail) * SMALL) + 2 * indent + (_SIGN if with_states else 0)
    height = 46.0 if detail else 32.0
    inner = None if node.inner is None else _place(node.inner, down=down, with_states=with_states)
    if inner is not None:
        width = max(width, inner.size[0] + 2 * _INNER_PADDING)
        height = HEAD + inner.size[1] + _INNER_PADDING
    return Box(node, label, detail, indent, 0.0, 0.0, width, height, inner)
