"""What ``uses`` names, and what is left of a step when its layers of ``action:`` are taken off."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ropeway.lang.diagnostics import Path
    from ropeway.lang.model import Action, Field, Run, Step

KINDS: Final = ("action", "builtin", "plugin", "skill", "agent", "workflow", "gate")


class Uses(NamedTuple):
    """``kind:name``, taken apart."""

    kind: str
    name: str


def split_uses(text: str) -> Uses | None:
    """Take ``action:lint`` apart; None when it does not start with one of :data:`KINDS` and a colon, or nothing follows."""
    kind, colon, name = text.partition(":")
    return Uses(kind, name) if colon and name and kind in KINDS else None


class Call(NamedTuple):
    """One layer handing inputs to the next: where they are written, and the values."""

    path: Path
    inputs: Mapping[str, Any]


class Body:
    """A step with its actions resolved.

    ``actions`` are the layers, outermost first; ``leaf`` is what does the work: the step itself, or the last action. ``uses`` is what the
    leaf names (never an action), None when it has a ``run``.
    """

    __slots__ = ("actions", "leaf", "step", "uses")

    def __init__(self, step: Step, actions: tuple[Action, ...], uses: Uses | None) -> None:
        self.step = step
        self.actions = actions
        self.leaf: Step | Action = actions[-1] if actions else step
        self.uses = uses

    @property
    def run(self) -> Run | None:
        """The script or argv, None when something is used."""
        return self.leaf.run

    @property
    def path(self) -> Path:
        """Where the leaf stands in the file."""
        return ("actions", self.leaf.id) if self.actions else ("steps", self.step.id)

    @property
    def kind(self) -> str:
        """The step's kind in the plan."""
        if self.uses is not None:
            return self.uses.kind
        return "script" if isinstance(self.run, str) else "argv"

    def calls(self) -> tuple[Call, ...]:
        """Return each hand-over of inputs, outermost first; the last one goes to what the leaf uses, when it uses something."""
        calls: list[Call] = []
        if self.step.uses is not None:
            calls.append(Call(("steps", self.step.id, "inputs"), self.step.inputs))
        calls.extend(Call(("actions", action.id, "with"), action.with_inputs) for action in self.actions if action.uses is not None)
        return tuple(calls)

    @property
    def outputs(self) -> Mapping[str, Field] | None:
        """The declared outputs: the step's own, else the nearest action's."""
        if self.step.outputs is not None:
            return self.step.outputs
        return next((action.outputs for action in self.actions if action.outputs is not None), None)

    @property
    def timeout(self) -> float | None:
        """Seconds: the step's own, else the nearest action's."""
        if self.step.timeout is not None:
            return self.step.timeout
        return next((action.timeout for action in self.actions if action.timeout is not None), None)


def resolve(step: Step, actions: Mapping[str, Action]) -> Body | None:
    """Take a step's layers of actions off; None when one is unknown, malformed or used by itself (``lang.validate`` tells)."""
    if step.uses is None:
        return Body(step, (), None)
    layers: list[Action] = []
    uses = split_uses(step.uses)
    while uses is not None and uses.kind == "action":
        action = actions.get(uses.name)
        if action is None or len(layers) > len(actions):
            return None
        layers.append(action)
        if action.uses is None:
            return Body(step, tuple(layers), None)
        uses = split_uses(action.uses)
    return None if uses is None else Body(step, tuple(layers), uses)
