"""States of steps in a picture: what each looks like, and one state for a box that stands for many steps."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ropeway.lang.draw.words import plain
from ropeway.records import record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ropeway.lang.draw.picture import Node

__all__ = ["LOOKS", "Look", "States"]


@record
class Look:
    """How a state is shown: a sign for terminals (and one in ASCII), its colour on light and on dark ground."""

    sign: str
    ascii: str
    light: str
    dark: str


LOOKS: Mapping[str, Look] = {
    "failed": Look("✗", "x", "#c62828", "#ff8a80"),
    "interrupted": Look("↯", "%", "#a0410d", "#ffab70"),
    "waiting": Look("‖", "?", "#6a3fb5", "#c9a9ff"),
    "running": Look("▶", ">", "#0b62c4", "#7cb7ff"),
    "cancelled": Look("■", "#", "#7a4f01", "#e0b060"),
    "ready": Look("◔", "o", "#4a5560", "#aeb9c4"),
    "pending": Look("○", ".", "#6b7682", "#8f9aa6"),
    "warning": Look("!", "!", "#8a6100", "#f2c744"),
    "succeeded": Look("✓", "+", "#1e7a34", "#6fd58a"),
    "skipped": Look("–", "-", "#6b7682", "#8f9aa6"),  # noqa: RUF001 - a dash as wide as the other signs
}
"""By how much a state matters among several: the first one present is shown."""

_INSTANCE = re.compile(r"(?:\[\d+\]|#\d+)+(?=/|$)")


class States:
    """Looks up the state of a box."""

    def __init__(self, states: Mapping[str, str] | None) -> None:
        self._given = states
        self._instances: dict[str, set[str]] = {}
        for address, state in (states or {}).items():
            if address[-1:] in "]0123456789" or "]" in address or "#" in address:
                plain = _INSTANCE.sub("", address)
                if plain != address:
                    self._instances.setdefault(plain, set()).add(state)

    def __bool__(self) -> bool:
        return self._given is not None

    def of(self, node: Node) -> str | None:
        """Return the state to show for a box; None without states, ``pending`` for steps that nothing is known of.

        A step with a state of its own shows that, whatever its instances and inner steps are in.
        """
        if self._given is None:
            return None
        own = None if node.kind == "many" else self._given.get(node.id)
        return plain(own or _together({state for member in node.members for state in self._of(member)}))

    def _of(self, address: str) -> Iterable[str]:
        assert self._given is not None
        state = self._given.get(address)
        return (state,) if state is not None else self._instances.get(address, ("pending",))


def _together(states: set[str]) -> str:
    """Return the state that matters most; steps that are done beside steps to come are a box that runs."""
    shown = next((state for state in LOOKS if state in states), min(states, default="pending"))
    if shown in {"ready", "pending"} and states & {"succeeded", "warning"}:
        return "running"
    return shown
