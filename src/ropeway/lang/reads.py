"""What expressions read, wherever they stand in a step: dotted paths such as ``("params", "since")``.

For text that was checked: what does not parse reads nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ropeway.lang.expressions import ExpressionError, parse, references
from ropeway.lang.expressions.template import parse_template

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ropeway.lang.plan import PlanStep

OPENING: Final = "${{"

_NOTHING: Final[frozenset[tuple[str, ...]]] = frozenset()


def reads_of_expression(source: str) -> frozenset[tuple[str, ...]]:
    """Return the paths that an expression (without ``${{ }}``) may read."""
    try:
        return references(parse(source))
    except ExpressionError:
        return _NOTHING


def reads_of_template(text: str) -> frozenset[tuple[str, ...]]:
    """Return the paths that the expressions in a text may read."""
    if OPENING not in text:
        return _NOTHING
    found: set[tuple[str, ...]] = set()
    for hole in parse_template(text).holes:
        if hole.expression is not None:
            found |= references(hole.expression)
    return frozenset(found)


def reads_of_condition(text: str) -> frozenset[tuple[str, ...]]:
    """Return the paths that a ``when``, ``until`` or ``foreach`` may read, written with ``${{ }}`` or without."""
    return reads_of_template(text) if OPENING in text else reads_of_expression(text)


def asks_per_item(when: str | None) -> bool:
    """Whether a ``when`` names ``item``, so that it is asked for each instance of a ``foreach``."""
    return when is not None and "item" in when and any(path[0] == "item" for path in reads_of_condition(when))


def templates_in(value: Any) -> Iterator[str]:
    """Yield the strings of a plain value, at any depth, that hold expressions."""
    stack = [value]
    while stack:
        top = stack.pop()
        if isinstance(top, str):
            if OPENING in top:
                yield top
        elif isinstance(top, dict):
            stack.extend(top.values())
        elif isinstance(top, (list, tuple)):
            stack.extend(top)


def reads_of_step(step: PlanStep) -> frozenset[tuple[str, ...]]:
    """Return the paths that a linked step may read, in all its frames."""
    found: set[tuple[str, ...]] = set()
    until = step.repeat.until if step.repeat is not None else None
    for source in (*step.variables.values(), step.when, step.foreach, until):
        if source is not None:
            found |= reads_of_expression(source)
    for text in templates_in([step.argv, step.workspace, [entry[2] for entry in step.env], [frame.inputs for frame in step.frames]]):
        found |= reads_of_template(text)
    return frozenset(found)
