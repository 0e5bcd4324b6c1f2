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
    terminal. ``in_place`` works in the caller's folder; else ``backend``, ``workspace_id``, ``base``, ``keep`` and ``direnv`` say what working copy the
    run gets, and None leaves it to the workflow. ``break_on_failure`` lets nothing start after the first failure, clean-up steps included.
    """

    parallel: int | None = None
    in_place: bool = False
    no_sandbox: bool = False
    env_file: Path | None = None
    interactive: bool = False
    backend: str | None = None
    workspace_id: str | None = None
    base: str | None = None
    keep: bool = False
    direnv: bool = True
    break_on_failure: bool = False

    def recorded(self) -> dict[str, Any]:
        """Return what a resume has to know."""
        return {
            "parallel": self.parallel,
            "in_place": self.in_place,
            "no_sandbox": self.no_sandbox,
            "env_file": None if self.env_file is None else str(self.env_file),
            "backend": self.backend,
            "workspace_id": self.workspace_id,
            "base": self.base,
            "keep": self.keep,
            "direnv": self.direnv,
            "break_on_failure": self.break_on_failure,
        }
