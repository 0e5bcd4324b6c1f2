"""The verbs over workflow files: find, read, check, list. Planning is in :mod:`ropeway.app.planning`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ropeway.app import library
from ropeway.app.library import blames_overrides
from ropeway.app.projects import Listed, find_project, list_workflows
from ropeway.app.reading import Loaded, read

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from ropeway.app.sources import Sources
    from ropeway.lang.diagnostics import Diagnostic

__all__ = ["Listed", "Loaded", "blames_overrides", "find_project", "list_workflows", "load", "read", "validate"]


def load(target: str | None, *, cwd: Path, overrides: Sequence[str] = (), sources: Callable[[], Sources] | None = None) -> Loaded:
    """Read a workflow and check all that it means, its sub-workflows that are at hand included; see :func:`read`."""
    found = read(target, cwd=cwd, overrides=overrides, sources=sources)
    if found.workflow is None:
        return found
    return found._replace(diagnostics=tuple(library.check(found)))


def validate(target: str | None, *, cwd: Path, overrides: Sequence[str] = ()) -> list[Diagnostic]:
    """Return everything that is wrong with a workflow file, sorted by place; see :func:`load`."""
    return list(load(target, cwd=cwd, overrides=overrides).diagnostics)
