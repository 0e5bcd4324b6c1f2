"""What a workflow that came from elsewhere inherits of the caller's environment: what programs need to run, and nothing that could be a secret.

What a project's ``.envrc`` sets is part of the caller's environment, wherever in a run it is loaded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ropeway.workspaces import Workspace

__all__ = ["inherited", "taken_from"]

_NAMES = frozenset({"PATH", "HOME", "LANG", "TERM", "TMPDIR"})
_PREFIX = "XDG_"

# What we tell a step of its run and its place. Names and no prefixes: a ROPEWAY_TOKEN would be the caller's.
_OURS = frozenset(
    {
        "ROPEWAY_RUN",
        "ROPEWAY_WORKFLOW",
        "ROPEWAY_WORKFLOW_DIR",
        "AGENT_WORKSPACE_ID",
        "AGENT_WORKSPACE_PATH",
        "AGENT_WORKSPACE_METADATA",
        "AGENT_WORKSPACE_REPO_ROOT",
        "AGENT_TOOL_COPY_ROOT",
        "AGENT_TOOLS_VERSION",
        "AGENT_TOOLS_SOURCE",
    }
)


def inherited(environ: Mapping[str, str], declared: Collection[str] = ()) -> dict[str, str]:
    """Return the part of an environment that a workflow from elsewhere gets; ``declared`` names what the person set for it."""
    return {name: value for name, value in environ.items() if _harmless(name) or name in _OURS or name in declared}


def taken_from(workspace: Workspace, *, elsewhere: bool) -> Mapping[str, str | None]:
    """Return what a workspace puts into an environment, for :func:`ropeway.runs.scope.take_environment`.

    Args:
        workspace: It is open.
        elsewhere: Whether it is for a workflow that came from elsewhere: of the ``.envrc`` that gets no more than of the caller's shell.
    """
    if not elsewhere:
        return workspace.environ
    return {name: value for name, value in workspace.environ.items() if value is not None and _harmless(name)} | dict(workspace.own)


def _harmless(name: str) -> bool:
    return name in _NAMES or name.startswith(_PREFIX)
