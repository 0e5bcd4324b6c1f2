"""Step kinds: each turns a prepared step into a process to start.

Built-in kinds stand in a static table; they implement :class:`StepKind` as a plugin's would, and are loaded when the first step of their kind starts.
Sub-workflows and gates are no processes: the executor carries them itself.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, Protocol

from ropeway.records import field, record

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ropeway.lang.plan import PlanStep


@record
class Prepared:
    """One attempt of a step with everything evaluated.

    ``variables`` are a script's values by name, ``argv`` the rendered arguments, ``inputs`` the step's inputs. ``env`` is the whole environment;
    ``folder`` is where files for the step may be put (the kind names them, the executor writes them).
    """

    step: PlanStep
    address: str
    attempt: int
    inputs: Mapping[str, Any]
    variables: Mapping[str, Any]
    argv: tuple[str, ...]
    env: dict[str, str]
    cwd: str
    folder: Path
    source: Path | None


@record
class Launch:
    """A process to start.

    ``files`` are written to ``Prepared.folder`` first. ``stdin`` is None for ``/dev/null``. With ``messages`` the process speaks the plugin protocol: its
    standard output is JSON lines (see ``runs.steps.messages``), not a log.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    files: tuple[tuple[str, bytes], ...] = ()
    stdin: bytes | None = None
    messages: bool = False


class StepKind(Protocol):
    """How one kind of step is started."""

    def launch(self, prepared: Prepared) -> Launch:
        """Return the process of one attempt.

        Raises:
            StartProblem: It can't be started, and why.
        """
        ...


_KINDS: Final[dict[str, str]] = {
    "script": "ropeway.runs.steps.script:Script",
    "argv": "ropeway.runs.steps.argv:Argv",
    "builtin": "ropeway.runs.steps.plugin:Builtin",
    "plugin": "ropeway.runs.steps.plugin:Plugin",
}
_loaded: dict[str, StepKind] = {}

CARRIED: Final = frozenset({*_KINDS, "workflow", "gate"})
"""The kinds that can be carried out on this installation."""


def kind(name: str) -> StepKind:
    """Return a kind by its name in the plan."""
    found = _loaded.get(name)
    if found is None:
        module, _, attribute = _KINDS[name].partition(":")
        found = _loaded[name] = getattr(import_module(module), attribute)()
    return found
