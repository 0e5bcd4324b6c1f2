"""The workflow model: what a checked file says, as plain frozen data.

Strings that may hold expressions are kept as they were written; ``lang.validate`` has checked them, ``lang.link`` compiles them.
Durations are seconds, sizes are bytes. The table in ``lang.table`` says which keys exist and what they mean.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from ropeway.records import field, record

if TYPE_CHECKING:
    from collections.abc import Mapping

OnFailure = Literal["stop", "continue"]
OnError = Literal["fail", "continue"]
Priority = Literal["low", "normal", "high"]
OnFull = Literal["queue", "reject", "cancel-running"]
Backoff = Literal["constant", "linear", "exponential"]


@record
class Field:
    """A typed value: a parameter, an action's or a form's input, a declared output.

    ``type`` is one of ``string integer number boolean path choice list map secret`` or a plugin's; ``default`` is meaningful only
    when ``has_default``. ``items`` is the type of a list's or map's elements (``string`` when not given).
    """

    name: str
    type: str = "string"
    required: bool = True
    has_default: bool = False
    default: Any = None
    pattern: str | None = None
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    items: str | None = None
    source: str | None = None
    description: str | None = None
    validator: str | None = None


@record
class Requirements:
    """What the machine must have, checked before a run."""

    commands: tuple[str, ...] = ()
    python: tuple[str, ...] = ()
    image: str | None = None
    nix: str | None = None


@record
class Concurrency:
    """How many runs of one group may be under way; ``group`` may hold expressions over ``params``."""

    group: str
    limit: int = 1
    on_full: OnFull = "queue"


@record
class WorkspacePolicy:
    """Where the run's files come from and how long they stay."""

    backend: str = "auto"
    base: str = "@"
    keep: str = "changed"
    tools: tuple[str, ...] = ()


@record
class SandboxPolicy:
    """What steps may touch; of the first three an empty one allows nothing, None says nothing. ``secrets`` lists the names that ``secrets.NAME`` may read."""

    level: str = "none"
    write: tuple[str, ...] | None = None
    read: tuple[str, ...] | None = None
    network: tuple[str, ...] | None = None
    secrets: tuple[str, ...] = ()


@record
class Policy:
    """How a workflow runs. ``workspace`` and ``sandbox`` are None when the file does not ask for one."""

    max_parallel: int = 1
    priority: Priority = "normal"
    concurrency: Concurrency | None = None
    timeout: float | None = None
    on_failure: OnFailure = "stop"
    workspace: WorkspacePolicy | None = None
    sandbox: SandboxPolicy | None = None
    durability: Literal["normal", "power"] = "normal"
    env_file: str | None = None


@record
class Retry:
    """When a failed attempt is made again. ``on`` is empty for the default: any failure but 126, 127 and bad output."""

    attempts: int = 1
    delay: float = 0.0
    backoff: Backoff = "constant"
    max_delay: float | None = None
    on: tuple[str, ...] = ()


@record
class Resources:
    """A step's lease: cores (may be a fraction) and bytes of memory."""

    cpu: float = 0.0
    memory: int = 0


@record
class Repeat:
    """Run again until an expression holds, at most ``max`` times."""

    until: str
    max: int


Run = str | tuple[str, ...]


@record
class Action:
    """A reusable step template: exactly one of ``run`` and ``uses``."""

    id: str
    inputs: Mapping[str, Field] = field(default_factory=dict)
    run: Run | None = None
    uses: str | None = None
    with_inputs: Mapping[str, Any] = field(default_factory=dict)
    shell: Run | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, Field] | None = None
    timeout: float | None = None
    description: str | None = None


@record
class Step:
    """One step: exactly one of ``run`` and ``uses``. ``outputs`` is None when none are declared (the step is open)."""

    id: str
    name: str | None = None
    description: str | None = None
    run: Run | None = None
    uses: str | None = None
    shell: Run | None = None
    needs: tuple[str, ...] = ()
    inputs: Mapping[str, Any] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    when: str | None = None
    retry: Retry | None = None
    timeout: float | None = None
    on_error: OnError = "fail"
    workspace: str = "inherit"
    resources: Resources | None = None
    pure: bool = False
    interactive: bool = False
    outputs: Mapping[str, Field] | None = None
    foreach: str | None = None
    max_parallel: int | None = None
    repeat: Repeat | None = None


@record
class Artifact:
    """Files to keep of a run: a glob below the working copy."""

    name: str
    path: str
    retention: float | None = None
    description: str | None = None


@record
class Workflow:
    """A checked workflow file. ``outputs`` maps names to text with expressions."""

    id: str
    version: str | None = None
    name: str | None = None
    description: str | None = None
    tags: tuple[str, ...] = ()
    license: str | None = None
    homepage: str | None = None
    repository: str | None = None
    authors: tuple[str, ...] = ()
    parameters: Mapping[str, Field] = field(default_factory=dict)
    requirements: Requirements = Requirements()
    policy: Policy = Policy()
    actions: Mapping[str, Action] = field(default_factory=dict)
    steps: Mapping[str, Step] = field(default_factory=dict)
    artifacts: Mapping[str, Artifact] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)
    dialect: Literal["ropeway", "pallet"] = "ropeway"
