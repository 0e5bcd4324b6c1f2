"""What a run is carried out in: its folder, its limits, who watches, who is asked, and the loop that its parts share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from ropeway.records import field, record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ropeway.errors import RopewayError
    from ropeway.lang.plan import Plan
    from ropeway.runs.events import RunEvent
    from ropeway.runs.flow import Flow
    from ropeway.runs.folder import RunFolder
    from ropeway.runs.gates import Asker
    from ropeway.runs.scope import Scope
    from ropeway.runs.state import RunState
    from ropeway.runs.terminal import Terminal
    from ropeway.runs.veil import Veil
    from ropeway.workspaces import Workspace


class Observer(Protocol):
    """Follows a run from inside of the runner: prints it, or passes it on."""

    def begin(self, folder: RunFolder, plan: Plan) -> None:
        """The run begins, or goes on."""
        ...

    def event(self, event: RunEvent) -> None:
        """Something happened, and is written."""
        ...

    def tick(self) -> None:
        """About ten times a second while something runs, and before a wait while nothing does."""
        ...

    def end(self, state: RunState) -> None:
        """The run ended, or waits; nothing comes after."""
        ...

    def problem(self, error: RopewayError) -> None:
        """The run can't go on; it can be resumed. Nothing comes after."""
        ...


@record
class Limits:
    """What a run may use at once: steps, cores and bytes of memory (the leases of ``resources``).

    With ``break_on_failure`` nothing starts after the first failure, clean-up steps included.
    """

    parallel: int
    cpu: float
    memory: int
    break_on_failure: bool = False


@record(frozen=False)
class Surroundings:
    """What a run is carried out in.

    ``life`` becomes readable when the guardian has died (-1: there is none). ``secrets`` are values by ``params.NAME`` and ``secrets.NAME``.
    ``environ`` is what steps inherit; ``grace`` is the time between SIGTERM and SIGKILL in seconds.
    """

    folder: RunFolder
    workspace: Workspace
    environ: Mapping[str, str]
    limits: Limits
    observer: Observer
    asker: Asker | None = None
    secrets: Mapping[str, str] = field(default_factory=dict)
    life: int = -1
    grace: float = 10.0


class Loop(Protocol):
    """The executor as its parts see it (sub-workflows, people)."""

    plan: Plan
    flow: Flow
    around: Surroundings
    root: Scope | None
    terminal: Terminal | None
    veil: Veil
    actor: str
    live: RunState
    left_out: list[str]

    def emit(self, event: str, data: dict[str, Any]) -> None:
        """Add an event to this turn's write."""
        ...

    def after(self, seconds: float, call: Callable[[], None]) -> None:
        """Call later, in the loop."""
        ...

    def watch(self, fd: int, call: Callable[[], None]) -> None:
        """Call whenever a descriptor is readable."""
        ...

    def keep_ticking(self) -> None:
        """Tick also while no process runs."""
        ...
