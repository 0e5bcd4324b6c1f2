"""Pictures of a plan: a tree for terminals, Mermaid and DOT for other tools, and our own SVG.

Pure functions from data to text. A :class:`~ropeway.lang.plan.Plan` becomes a :class:`Picture` (who needs whom, sub-workflows as
groups, marks for what is special about a step), a large picture is collapsed, and each format writes it down. States of a run can
be given, by step address; they are shown by colour *and* by sign.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ropeway.lang.plan import Plan

__all__ = ["FORMATS", "LIMIT", "Format", "draw"]

Format = Literal["tree", "mermaid", "dot", "svg"]
FORMATS: tuple[Format, ...] = ("tree", "mermaid", "dot", "svg")

LIMIT = 300
"""More boxes than this help nobody, and layout time grows with their square."""


def draw(plan: Plan, form: Format, *, states: Mapping[str, str] | None = None, limit: int | None = LIMIT, ascii_only: bool = False) -> str:
    """Draw a plan.

    Args:
        plan: What to draw.
        form: ``tree``, ``mermaid``, ``dot`` or ``svg``.
        states: The states of steps by address (``build``, ``each[0]``, ``release/build``); None draws the plan alone.
        limit: The most boxes to draw; what is beyond is collapsed. None draws everything (slow as SVG).
        ascii_only: For ``tree``: keep to ASCII.

    Returns:
        The document, ending in a newline.

    Raises:
        UsageError: ``svg`` was asked for and the library that lays it out is not installed.
    """
    from ropeway.lang.draw.collapse import collapse
    from ropeway.lang.draw.picture import picture_of

    picture = picture_of(plan)
    if limit is not None:
        picture = collapse(picture, limit)
    if form == "tree":
        from ropeway.lang.draw.tree import tree

        return tree(picture, states=states, ascii_only=ascii_only)
    if form == "mermaid":
        from ropeway.lang.draw.mermaid import mermaid

        return mermaid(picture, states=states)
    if form == "dot":
        from ropeway.lang.draw.dot import dot

        return dot(picture, states=states)
    from ropeway.lang.draw.svg import svg

    return svg(picture, states=states)
