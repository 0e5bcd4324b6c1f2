"""Keeps secret values out of the journal, and keeps what was taken out where a resume finds it.

Every event passes here before it is written. A secret's text is replaced by ``***`` wherever it occurs; outputs that lost something this way are kept, whole, in
``secrets.json`` (mode 0600) beside the journal until the run has succeeded.
"""

from __future__ import annotations

import contextlib
import json
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ropeway.runs.folder import RunFolder
    from ropeway.runs.mask import Mask
    from ropeway.runs.state import RunState

HIDDEN = "***"
_TOLD = frozenset({
    "outputs", "items", "error", "prompt", "choices", "fields", "default", "value", "warnings", "leftovers", "group", "path", "params", "reason", "position",
})  # fmt: skip
"""What of an event may hold text that a step or a person made. All else (addresses, states, numbers) is ours, and a resume depends on it."""
_WORDS = frozenset({
    "when", "upstream", "user", "stopped", "exit", "signal", "timeout", "output", "start", "error", "cancelled", "declined", "steps", "instances",
    "repeat-exhausted",
})  # fmt: skip
"""Reasons that are words of ours."""
_SHORTEST = 3
"""Shorter values are not searched for inside of texts: they would hide half the alphabet. They are still hidden as a whole."""


class Veil:
    """The secrets of one run."""

    def __init__(self, folder: RunFolder, values: Iterable[str]) -> None:
        self._folder = folder
        self._path = folder.path / "secrets.json"
        self._texts: list[str] = []
        self._kept: dict[str, Any] = {}
        self.learned: list[str] = []
        self._made: Mask | None = None
        for value in values:
            self._know(value)

    def _know(self, value: str) -> None:
        if value and value not in self._texts:
            self._texts.append(value)
            self._made = None

    def learn(self, value: str) -> None:
        """Take note of a secret that a step made."""
        self._know(value)
        if value and value not in self.learned:
            self.learned.append(value)

    def restore(self, recorded: RunState) -> None:
        """Give a recorded state its hidden outputs back (to go on from, never to show)."""
        try:
            self._kept = json.loads(self._path.read_bytes())
        except (OSError, ValueError):
            return
        for value in self._kept.pop("", []):
            self.learn(value)
        for address, kept in self._kept.items():
            step = recorded.step(address)
            if "outputs" in kept:
                step.outputs = kept["outputs"]
            if "items" in kept:
                step.items = kept["items"]

    def over(self, data: dict[str, Any]) -> dict[str, Any]:
        """Return an event's data without secrets; what a resume needs of them is kept."""
        if not self._texts:
            return data
        veiled = {
            key: self._hide(value) if key in _TOLD and not (key == "reason" and value in _WORDS) else value for key, value in data.items()
        }
        lost = {key: data[key] for key in ("outputs", "items") if key in data and veiled[key] != data[key]}
        if lost:
            self._kept.setdefault(str(data.get("step", "run")), {}).update(lost)
            document = json.dumps(self._kept | {"": self.learned}).encode()
            self._folder.write(self._folder.path, self._path.name, document)
        return veiled

    def _hide(self, value: Any) -> Any:
        if isinstance(value, str):
            return HIDDEN if value in self._texts else self._mask().text(value)
        if isinstance(value, dict):
            return {self._hide(k): self._hide(v) for k, v in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._hide(v) for v in value]
        return value

    def _mask(self) -> Mask:
        if self._made is None:
            from ropeway.runs.mask import Mask

            self._made = Mask(text for text in self._texts if len(text) >= _SHORTEST)
        return self._made

    def drop(self) -> None:
        """Remove what was kept: the run has succeeded."""
        with contextlib.suppress(OSError):
            os.unlink(self._path)
