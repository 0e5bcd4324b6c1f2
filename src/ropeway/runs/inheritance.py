"""What a workflow that came from elsewhere inherits of the caller's environment: what programs need to run, and nothing that could be a secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = ["inherited"]

_NAMES = frozenset({"PATH", "HOME", "LANG", "TERM", "TMPDIR"})
_PREFIXES = ("XDG_", "ROPEWAY_", "AGENT_WORKSPACE_")  # the latter two are ours: where a step is, and where its outputs go


def inherited(environ: Mapping[str, str], declared: Collection[str] = ()) -> dict[str, str]:
    """Return the part of an environment that a workflow from elsewhere gets; ``declared`` names what the person set for it."""
    return {name: value for name, value in environ.items() if name in _NAMES or name.startswith(_PREFIXES) or name in declared}
