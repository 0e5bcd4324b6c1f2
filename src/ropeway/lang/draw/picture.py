"""What is drawn: boxes, who needs whom, and boxes within boxes for sub-workflows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ropeway.lang.draw.words import counted
from ropeway.lang.graph import Graph
from ropeway.records import record, replace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ropeway.lang.plan import Plan, PlanStep, Template

__all__ = ["Mark", "Node", "Picture", "closed", "graph_of", "picture_of", "size"]

_MOST_NODES = 20_000
"""Sub-workflows are opened while the picture has fewer boxes. Ten levels that each use the next one ten times would be 10^10."""


@record
class Mark:
    """Something special about how a step runs. ``kind`` is ``foreach``, ``repeat``, ``when``, ``retry`` or ``gate``."""

    kind: str
    text: str

    @property
    def words(self) -> str:
        """The mark in a few words, without its expression."""
        return {"foreach": "for each", "when": "when"}.get(self.kind, self.text)


@record
class Node:
    """One box.

    ``id`` is the step's address (``release/build``); ``needs`` are ids of boxes in the same picture; ``inner`` is the opened
    sub-workflow. A collapsed box stands for several steps: ``members`` are their addresses (one for an ordinary box).
    """

    id: str
    label: str
    kind: str
    detail: str | None = None
    needs: tuple[str, ...] = ()
    marks: tuple[Mark, ...] = ()
    inner: Picture | None = None
    members: tuple[str, ...] = ()


@record
class Picture:
    """Boxes in the order of the file."""

    title: str
    nodes: tuple[Node, ...]


def picture_of(plan: Plan) -> Picture:
    """Return the picture of a plan, sub-workflows opened."""
    return _Opener(plan).picture(plan.template, "", ())


def size(picture: Picture) -> int:
    """Return how many boxes a picture has, inner ones included."""
    return len(picture.nodes) + sum(size(node.inner) for node in picture.nodes if node.inner is not None)


def graph_of(picture: Picture) -> Graph:
    """Return who needs whom among the boxes of one level."""
    return Graph({node.id: node.needs for node in picture.nodes})


def closed(node: Node) -> Node:
    """Return a box with its sub-workflow folded away; the box says how many steps are in it."""
    if node.inner is None:
        return node
    steps = counted(len(list(_addresses(node.inner))))
    detail = f"{node.detail} · {steps}" if node.detail else steps
    return replace(node, detail=detail, inner=None, members=(*node.members, *_addresses(node.inner)))


def _addresses(picture: Picture) -> Iterator[str]:
    for node in picture.nodes:
        yield from node.members
        if node.inner is not None:
            yield from _addresses(node.inner)


class _Opener:
    def __init__(self, plan: Plan) -> None:
        self._workflows = plan.workflows
        self._nodes = 0

    def picture(self, template: Template, prefix: str, around: tuple[str, ...]) -> Picture:
        """Return the picture of a workflow; ``around`` are the sub-workflows it stands in, which it can not open again."""
        self._nodes += len(template.steps)
        known = {step.id for step in template.steps}
        nodes = tuple(self._node(step, prefix, known, around) for step in template.steps)
        title = template.name or template.id
        return Picture(title if template.version is None else f"{title} {template.version}", nodes)

    def _node(self, step: PlanStep, prefix: str, known: set[str], around: tuple[str, ...]) -> Node:
        address = prefix + step.id
        inner: Picture | None = None
        detail = step.name
        if step.kind == "workflow" and step.uses is not None:
            template = self._workflows.get(step.uses)
            detail = f"workflow {template.id if template else step.uses}"
            if template is not None and template.steps and step.uses not in around and self._nodes + len(template.steps) <= _MOST_NODES:
                inner = self.picture(template, f"{address}/", (*around, step.uses))
        elif detail is None and step.uses is not None and step.kind != "gate":
            detail = f"{step.kind} {step.uses}"
        needs = tuple(prefix + need for need in dict.fromkeys(step.needs) if need in known)
        return Node(address, step.id, step.kind, detail, needs, _marks(step), inner, (address,))


def _marks(step: PlanStep) -> tuple[Mark, ...]:
    marks: list[Mark] = []
    if step.kind == "gate":
        marks.append(Mark("gate", f"gate {step.uses}"))
    if step.foreach is not None:
        marks.append(Mark("foreach", f"for each in {step.foreach}"))
    if step.repeat is not None:
        marks.append(Mark("repeat", f"repeat up to {step.repeat.max} times"))
    if step.when is not None:
        marks.append(Mark("when", f"when {step.when}"))
    if step.retry is not None and step.retry.attempts > 1:
        marks.append(Mark("retry", f"{step.retry.attempts} attempts"))
    return tuple(marks)
