"""How a run is carried out, as the person asked for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ropeway.records import record

if TYPE_CHECKING:
    from pathlib import Path


@record
class RunOptions:
    """How one run is carried out, as the person asked for it.

    ``parallel`` wins over the workflow's ``max_parallel``; the setting ``max_parallel`` bounds both. ``interactive`` says that a person sits at a
    terminal.
    """

    parallel: int | None = None
    in_place: bool = False
    no_sandbox: bool = False
    env_file: Path | None = None
    interactive: bool = False

    def recorded(self) -> dict[str, Any]:
        """Return what a resume has to know."""
        return {
            "parallel": self.parallel,
            "in_place": self.in_place,
            "no_sandbox": self.no_sandbox,
            "env_file": None if self.env_file is None else str(self.env_file),
        }
