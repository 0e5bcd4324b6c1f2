"""A picture as SVG: no scripts, no fonts or styles from elsewhere, readable on light and dark ground, colours never alone.

The text is set in a fixed-width font, whose width is known without measuring, so a label always fits its box. For readers of
screens the picture has a title and a description in words; each box has a title with its whole name, marks and state.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from zlib import crc32

from ropeway.lang.draw.boxes import BIG, HEAD, SMALL, place
from ropeway.lang.draw.picture import size
from ropeway.lang.draw.states import LOOKS, States
from ropeway.lang.draw.svg_style import ICONS, style
from ropeway.lang.draw.words import counted, plain, shortened

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ropeway.lang.draw.boxes import Box, Placed
    from ropeway.lang.draw.layout import Point
    from ropeway.lang.draw.picture import Node, Picture

__all__ = ["svg"]

_MARGIN = 20.0
_TITLE = 30.0
_LEGEND = 30.0
_MOST_WORDS = 100


def svg(picture: Picture, *, states: Mapping[str, str] | None = None) -> str:
    """Draw a picture.

    Args:
        picture: What to draw, at most a few hundred boxes.
        states: States of steps by address: colours, signs and a legend.

    Raises:
        UsageError: The layout library is not installed.
    """
    known = States(states)
    placed = place(picture, with_states=bool(known))
    writer = _Writer(known)
    body = "".join(writer.level(placed, _MARGIN, _MARGIN + _TITLE))
    legend, legend_width = writer.legend(_MARGIN, placed.size[1] + _TITLE + 2 * _MARGIN)
    width = max(placed.size[0], legend_width, len(shortened(picture.title, 80)) * BIG) + 2 * _MARGIN
    height = placed.size[1] + _TITLE + 2 * _MARGIN + (_LEGEND if legend else 0)
    name = f"rw{crc32(body.encode()):08x}"  # several pictures may stand in one page
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="rw" role="img" aria-labelledby="{name}-t {name}-d"'
        f' viewBox="0 0 {_n(width)} {_n(height)}" width="{_n(width)}" height="{_n(height)}">'
        f'<title id="{name}-t">{escaped(plain(picture.title))}</title><desc id="{name}-d">{escaped(_described(picture, known))}</desc>'
        f"<style>{style(writer.seen)}</style>"
        f'<defs><marker id="{name}-a" class="rw-tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7"'
        ' orient="auto"><path d="M0 0.8 8 4 0 7.2z"/></marker></defs>'
        f'<rect class="rw-ground" width="{_n(width)}" height="{_n(height)}"/>'
        f'<text class="rw-head" x="{_n(_MARGIN)}" y="{_n(_MARGIN + 10)}">{escaped(shortened(picture.title, 80))}</text>'
    )
    return f"{head}{body.replace(_TIP, f'url(#{name}-a)')}{legend}</svg>\n"


_TIP = "\0"


def escaped(text: str) -> str:
    """Escape a text for XML, in content and in quoted attributes."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _described(picture: Picture, states: States) -> str:
    """Say the picture in words, for those who do not see it."""
    words = []
    for node in picture.nodes[:_MOST_WORDS]:
        state = states.of(node)
        said = shortened(node.label, 60) + (f" ({state})" if state else "")
        needs = [shortened(need.rsplit("/", 1)[-1], 60) for need in node.needs[:_MOST_WORDS]]
        words.append(f"{said} after {', '.join(needs)}" if needs else said)
    rest = len(picture.nodes) - len(words)
    return f"{counted(size(picture))}: {'; '.join(words)}{f'; and {rest} more' if rest else ''}."


class _Writer:
    def __init__(self, states: States) -> None:
        self.seen: dict[str, None] = {}
        self._states = states

    def level(self, placed: Placed, x: float, y: float) -> Iterator[str]:
        """Yield the lines of a level, then its boxes, which cover their ends."""
        if placed.lines:
            yield '<g class="rw-lines">'
            for points in placed.lines:
                yield f'<path d="{_path([(a + x, b + y) for a, b in points], down=placed.down)}" marker-end="{_TIP}"/>'
            yield "</g>"
        for box in placed.boxes:
            yield from self._box(box, x + box.x, y + box.y)

    def _box(self, box: Box, x: float, y: float) -> Iterator[str]:
        node = box.node
        state = self._states.of(node)
        look = state if state is None or state in LOOKS else "pending"
        classes = ["rw-box"] if box.inner is None else ["rw-box", "rw-group"]
        if look is not None:
            self.seen.setdefault(look)
            classes.append(f"rw-{look}")
        if any(mark.kind == "when" for mark in node.marks):
            classes.append("rw-maybe")
        yield f'<g class="{" ".join(classes)}"><title>{escaped(_spoken(node, state))}</title>'
        yield from _frame(box, x, y)
        left = x + box.indent
        if look is not None:
            yield f'<path class="rw-sign" transform="translate({_n(left)} {_n(y + 9)})" d="{ICONS[look]}"/>'
            left += 18
        yield f'<text x="{_n(left)}" y="{_n(y + 20)}">{escaped(box.label)}</text>'
        if box.detail:
            yield f'<text class="rw-detail" x="{_n(left)}" y="{_n(y + 36)}">{escaped(box.detail)}</text>'
        if box.inner is not None:
            yield from self.level(box.inner, x + (box.width - box.inner.size[0]) / 2, y + HEAD)
        yield "</g>"

    def legend(self, x: float, y: float) -> tuple[str, float]:
        """Return the signs that were used with their names, and how wide they are; nothing without states."""
        parts = []
        for state in (state for state in LOOKS if state in self.seen):
            sign = f'<path class="rw-sign" transform="translate({_n(x)} {_n(y - 2)})" d="{ICONS[state]}"/>'
            parts.append(f'<g class="rw-{state}">{sign}<text class="rw-detail" x="{_n(x + 17)}" y="{_n(y + 8)}">{state}</text></g>')
            x += 17 + len(state) * SMALL + 18
        return "".join(parts), x


def _spoken(node: Node, state: str | None) -> str:
    """Return a box's whole name and what is special about it."""
    words = (node.id if len(node.members) <= 1 else node.label, node.detail, *(mark.text for mark in node.marks), state)
    return ", ".join(shortened(word, 200) for word in words if word)


def _frame(box: Box, x: float, y: float) -> Iterator[str]:
    node = box.node
    many = node.kind == "many" or any(mark.kind == "foreach" for mark in node.marks) or (node.kind == "workflow" and box.inner is None)
    if many:
        yield f'<rect class="rw-behind" x="{_n(x + 4)}" y="{_n(y - 4)}" width="{_n(box.width)}" height="{_n(box.height)}" rx="6"/>'
    if node.kind == "gate":
        half, right = box.height / 2, x + box.width
        yield (
            f'<path class="rw-frame" d="M{_n(x + 12)} {_n(y)}H{_n(right - 12)}L{_n(right)} {_n(y + half)}'
            f'L{_n(right - 12)} {_n(y + box.height)}H{_n(x + 12)}L{_n(x)} {_n(y + half)}z"/>'
        )
    else:
        yield f'<rect class="rw-frame" x="{_n(x)}" y="{_n(y)}" width="{_n(box.width)}" height="{_n(box.height)}" rx="6"/>'


def _path(points: Sequence[Point], *, down: bool) -> str:
    """Draw a line: straight across layers, curved between them."""
    x, y = points[0]
    parts = [f"M{_n(x)} {_n(y)}"]
    for at, (to_x, to_y) in enumerate(points[1:], 1):
        if (x, y) == (to_x, to_y):
            continue  # a last step of no length would leave the arrow's tip without a direction
        if at % 2:
            parts.append(f"L{_n(to_x)} {_n(to_y)}")
        elif down:
            middle = _n((y + to_y) / 2)
            parts.append(f"C{_n(x)} {middle} {_n(to_x)} {middle} {_n(to_x)} {_n(to_y)}")
        else:
            middle = _n((x + to_x) / 2)
            parts.append(f"C{middle} {_n(y)} {middle} {_n(to_y)} {_n(to_x)} {_n(to_y)}")
        x, y = to_x, to_y
    return "".join(parts)
