"""Where a step stands while a run is carried out: scopes, units and what their expressions can see.

A :class:`Scope` is one graph with values: the workflow itself, or a sub-workflow inside its step. A :class:`Node` is a step of a scope that is due; a
:class:`Unit` is one thing to carry out for it: the step itself, one instance of a ``foreach``, one iteration of a ``repeat``. Addresses name
units: ``build``, ``each[0]``, ``polish#2``, ``release/build``.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ropeway.errors import RopewayError
from ropeway.lang.expressions import EvaluationError, Status, calls, evaluate, parse, references
from ropeway.lang.expressions.template import parse_template, render
from ropeway.lang.values import check_value
from ropeway.records import field, record
from ropeway.runs.schedule import Schedule

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ropeway.lang.parameter_types import ParameterTypes
    from ropeway.lang.plan import PlanStep, Template
    from ropeway.runs.schedule import Verdict
    from ropeway.workspaces import Apart

MAX_FILE = 2**20
"""Bytes that ``file()`` reads at most."""


class Nulls(dict[str, Any]):
    """The outputs of a skipped step: whatever is read is null."""

    def __missing__(self, key: str) -> None:
        return None

    def __contains__(self, key: object) -> bool:
        return True

    def get(self, key: str, default: Any = None) -> Any:  # noqa: ARG002 - null is the value, not «missing»
        """Return null."""
        return None


@record(frozen=False)
class Scope:
    """One graph being carried out.

    ``prefix`` starts the addresses of its steps (empty, or ending in ``/``); ``order`` is the place of its step among all, so that the order of
    starting is stable across scopes. ``results`` are what expressions see as ``steps``. ``masked`` are secret values that must not reach a log.
    ``types`` are the parameter types that plugins bring. ``apart`` says that its files are an ephemeral workspace's, which no boundary holds. ``given`` is
    what the person's ``--env-file`` holds: it reaches workflows from elsewhere too.
    """

    template: Template
    prefix: str
    order: tuple[int, ...]
    parent: Unit | None
    params: Mapping[str, Any]
    secrets: Mapping[str, str]
    env: Mapping[str, str]
    run: Mapping[str, Any]
    cwd: str
    masked: tuple[str, ...] = ()
    types: ParameterTypes | None = None
    apart: bool = False
    given: Mapping[str, str] = field(default_factory=dict)
    results: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    schedule: Schedule = field(init=False)
    timed_out: bool = False
    parent_waits: bool = True
    running: int = 0
    """How many processes run in it, sub-workflows included."""

    def __post_init__(self) -> None:
        self.schedule = Schedule(self.template.steps, on_failure=self.template.policy.on_failure, calls=called)

    @property
    def elsewhere(self) -> bool:
        """Whether its workflow, or one that it is inside of, came from elsewhere."""
        return self.template.provenance is not None or (self.parent is not None and self.parent.node.scope.elsewhere)

    def names(self, *, inputs: Mapping[str, Any] | None = None, unit: Unit | None = None) -> dict[str, Any]:
        """Return the contexts that an expression sees."""
        names: dict[str, Any] = {
            "params": self.params,
            "env": self.env,
            "steps": self.results,
            "run": self.run,
            "secrets": self.secrets,
            "inputs": inputs or {},
        }
        if unit is not None and unit.has_item:
            names["item"] = unit.item
        return names

    def value(self, source: str, names: Mapping[str, Any], status: Status | None = None) -> Any:
        """Evaluate an expression in this scope.

        Raises:
            EvaluationError: It has no value.
        """
        return evaluate(parse(source), names, files=self.read_file, hashes=self.hash_files, status=status)

    def rendered(self, value: Any, names: Mapping[str, Any]) -> Any:
        """Evaluate the templates in a value: a string, or lists and maps of them."""
        if isinstance(value, str):
            if "${{" not in value:
                return value
            return render(parse_template(value), names, files=self.read_file, hashes=self.hash_files)
        if isinstance(value, dict):
            return {key: self.rendered(item, names) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.rendered(item, names) for item in value]
        return value

    def read_file(self, name: str) -> bytes:
        """Return a file's bytes for ``file()``: regular, inside of the working folder, at most 1 MiB.

        Raises:
            EvaluationError: It is none of that.
        """
        path = self._inside(name)
        try:
            # Opened without waiting: a FIFO must not block the run.
            fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            with open(fd, "rb") as file:
                status = os.fstat(fd)
                if not stat.S_ISREG(status.st_mode):
                    raise EvaluationError(f"file({name!r}): not a regular file")
                if status.st_size > MAX_FILE:
                    raise EvaluationError(f"file({name!r}): {status.st_size:,} bytes, at most {MAX_FILE:,} are read")
                return file.read(MAX_FILE)
        except OSError as error:
            raise EvaluationError(f"file({name!r}): {error.strerror}") from error

    def _inside(self, name: str) -> Path:
        root = Path(self.cwd).resolve()
        path = (root / name).resolve()
        if root != path and root not in path.parents:
            raise EvaluationError(f"file({name!r}): outside of the working folder")
        return path

    def hash_files(self, pattern: str) -> str:
        """Return ``sha256:`` over the names and contents of the files that match a glob, sorted; empty for no match."""
        root = Path(self.cwd).resolve()
        try:
            found = sorted(p for p in root.glob(pattern) if p.is_file() and root in p.resolve().parents)
        except (ValueError, NotImplementedError, OSError) as error:
            raise EvaluationError(f"hash_files({pattern!r}): {error}") from error
        if not found:
            return ""
        import hashlib

        digest = hashlib.sha256()
        for path in found:
            digest.update(str(path.relative_to(root)).encode("utf-8", "surrogateescape") + b"\0")
            try:
                with path.open("rb") as file:
                    digest.update(hashlib.file_digest(file, "sha256").digest())
            except OSError as error:
                raise EvaluationError(f"hash_files({pattern!r}): {path.name}: {error.strerror}") from error
        return f"sha256:{digest.hexdigest()}"


def told(error: Exception) -> str:
    """Return what is wrong and what to do about it in one line, for the journal."""
    hint = getattr(error, "hint", None)
    return f"{error} ({hint})" if hint else str(error)


def take_environment(env: dict[str, str], given: Mapping[str, str | None]) -> None:
    """Put the variables of a workspace into an environment; None takes one away."""
    for name, value in given.items():
        if value is None:
            env.pop(name, None)
        else:
            env[name] = value


def called(source: str) -> frozenset[str]:
    """Return the functions that an expression calls."""
    return calls(parse(source))


def reads_item(source: str) -> bool:
    """Whether an expression reads ``item``."""
    return any(path[0] == "item" for path in references(parse(source)))


@record
class Outcome:
    """How an attempt, an instance or a step ended: the data of ``step.finished`` (see ``runs.events``)."""

    state: str
    exit_code: int | None = None
    outputs: Mapping[str, Any] = field(default_factory=dict)
    reason: str | None = None
    error: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


@record(frozen=False)
class Node:
    """A step that is due, with its units."""

    scope: Scope
    step: PlanStep
    verdict: Verdict
    items: list[Any] | None = None
    open: int = 0
    running: int = 0
    finished: dict[int, Outcome] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """The step's address."""
        return self.scope.prefix + self.step.id

    def status(self) -> Status:
        """Return what ``success()`` and ``failure()`` are for it."""
        return Status(success=self.verdict.success, failure=self.verdict.failure)


@record(frozen=False)
class Unit:
    """One thing to carry out. ``attempt`` counts over all carryings-out of the run, ``failures`` only within this one.

    ``placed`` says that it holds a place among those that run at once; ``workspace`` is its own one while it is ephemeral and at work.
    """

    node: Node
    order: tuple[int, ...]
    index: int = -1
    item: Any = None
    has_item: bool = False
    iteration: int = 0
    attempt: int = 0
    failures: int = 0
    placed: bool = False
    inputs: Mapping[str, Any] = field(default_factory=dict)
    scope: Scope | None = None
    workspace: Apart | None = None
    address: str = field(init=False)

    @property
    def step(self) -> PlanStep:
        """The step in the plan."""
        return self.node.step

    def __post_init__(self) -> None:
        address = self.node.address
        if self.index >= 0:
            address += f"[{self.index}]"
        if self.iteration:
            address += f"#{self.iteration}"
        self.address = address

    @property
    def enclosing(self) -> Iterator[Scope]:
        """The sub-workflows' scopes that it is inside of, innermost first."""
        scope = self.node.scope
        while scope.parent is not None:
            yield scope
            scope = scope.parent.node.scope

    def __lt__(self, other: Unit) -> bool:
        return self.order < other.order

    def names(self) -> dict[str, Any]:
        """Return the contexts inside of its innermost frame."""
        return self.node.scope.names(inputs=self.inputs, unit=self)

    def evaluate_frames(self) -> list[dict[str, Any]]:
        """Evaluate the inputs, frame by frame, and return the contexts: outside of the first, inside of the first, and so on.

        Raises:
            EvaluationError: An input has no value, or one that does not fit its declaration.
        """
        scope = self.node.scope
        contexts = [scope.names(unit=self)]
        inputs: dict[str, Any] = {}
        for frame in self.step.frames:
            inputs = {name: scope.rendered(value, contexts[-1]) for name, value in frame.inputs.items()}
            for name, declared in frame.fields.items():
                if name not in inputs:
                    inputs[name] = declared.default
                    continue
                try:
                    inputs[name] = check_value(declared, inputs[name], scope.types)
                except RopewayError as problem:
                    raise EvaluationError(f"input {name!r}: {problem}") from problem
            contexts.append(scope.names(inputs=inputs, unit=self))
        self.inputs = inputs
        return contexts
