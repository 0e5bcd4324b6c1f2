"""Where a step of a run stands, made from what is recorded: its environment, its folder and its process, without carrying it out.

An address leads from the workflow's own scope inwards. Each step on the way gets the results that are recorded beside it, so that its inputs come
to what its next attempt would get.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ropeway.errors import NotFound, RopewayError, UsageError
from ropeway.lang.expressions import EvaluationError
from ropeway.records import record
from ropeway.runs.attempt import Preparing
from ropeway.runs.flow import view
from ropeway.runs.nested import inner_scope
from ropeway.runs.process import StartProblem
from ropeway.runs.schedule import SETTLED, Verdict
from ropeway.runs.scope import Node, Outcome, Unit
from ropeway.runs.state import settled_for_good
from ropeway.runs.steps import kind
from ropeway.runs.veil import HIDDEN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ropeway.lang.plan import Plan, PlanStep
    from ropeway.runs.folder import RunFolder
    from ropeway.runs.scope import Scope
    from ropeway.runs.state import RunState, StepState
    from ropeway.runs.steps import Launch
    from ropeway.workspaces import Apart, Workspace

__all__ = ["Entered", "Entering", "secrets_on_the_way", "steps_on_the_way"]

_PART = re.compile(r"([^\[#/]+)(?:\[([0-9]{1,9})\])?(?:#([0-9]{1,9}))?")
_UNSTARTED = Verdict(success=True, failure=False, admitted=True, needs_success=False)


@record
class Entered:
    """What a step's next attempt would get. ``launch`` is its process, None when it is none or can't be started, and ``problem`` then may say why."""

    address: str
    env: dict[str, str]
    cwd: str
    launch: Launch | None = None
    interactive: bool = False
    problem: str | None = None


def steps_on_the_way(plan: Plan, address: str) -> list[PlanStep]:
    """Return the steps that an address leads through, the outermost first.

    Raises:
        NotFound: There is no such step, or it can't have instances, iterations or inner steps.
    """
    template, found = plan.template, list[Any]()
    for place, part in enumerate(address.split("/")):
        if found:
            if found[-1].kind != "workflow":
                raise NotFound(
                    f"step {found[-1].id} has no steps inside of it", hint=f"leave out what follows it in {address}", code="unknown-step"
                )
            template = plan.workflows[found[-1].uses or ""]
        match = _PART.fullmatch(part)
        step = next((s for s in template.steps if match is not None and s.id == match[1]), None)
        if match is None or step is None:
            inside = f"step {'/'.join(address.split('/')[:place])}" if place else "the run"
            names = ", ".join(s.id for s in template.steps[:20])
            raise NotFound(f"{inside} has no step {part!r}", hint=f"it has {names}", code="unknown-step")
        if match[2] is not None and step.foreach is None:
            raise NotFound(f"step {step.id} has no instances", hint=f"leave out [{match[2]}]", code="unknown-step")
        if match[3] is not None and (step.repeat is None or not 1 <= int(match[3]) <= step.repeat.max):
            hint = f"leave out #{match[3]}" if step.repeat is None else f"they are numbered from 1 to {step.repeat.max}"
            raise NotFound(f"step {step.id} has no iteration {match[3]}", hint=hint, code="unknown-step")
        found.append(step)
    return found


def secrets_on_the_way(steps: Sequence[PlanStep]) -> frozenset[str]:
    """Return the ``params.NAME`` and ``secrets.NAME`` of the caller's that are in the scope of the last of these steps.

    Parameters of a sub-workflow are handed in by the step around it, whatever they are called.
    """
    own = {name for name in steps[0].secrets if name.startswith("params.")} if steps else set[str]()
    return frozenset(own | {name for step in steps for name in step.secrets if name.startswith("secrets.")})


class Entering:
    """Makes what a step's next attempt would get."""

    def __init__(
        self,
        plan: Plan,
        recorded: RunState,
        workspace: Workspace,
        secrets: Mapping[str, str],
        own: Callable[[Unit], Apart],
        hide: Callable[[str], str],
    ) -> None:
        """Start with what is known of the run.

        Args:
            plan: The run's.
            recorded: What became of its steps so far, hidden outputs included.
            workspace: The run's, open.
            secrets: Values by ``params.NAME`` and ``secrets.NAME``: at least those on the way.
            own: Makes and opens the workspace of an ephemeral step.
            hide: Takes secrets out of what is said about an error.
        """
        self._plan = plan
        self._recorded = recorded
        self._workspace = workspace
        self._secrets = secrets
        self._own = own
        self._hide = hide

    def enter(self, root: Scope, address: str, folder: RunFolder) -> Entered:
        """Return what the step at an address would get.

        Args:
            root: The workflow's own scope, without results.
            address: A step that :func:`steps_on_the_way` knows, or an instance, iteration or inner step.
            folder: Takes the files that its process needs, in the place of the run's own folder.

        Raises:
            NotFound: It can't be had yet: what it reads is not there.
            UsageError: It has instances, and none is named.
        """
        scope, at = root, ""
        steps = steps_on_the_way(self._plan, address)
        try:
            for step, part in zip(steps[:-1], address.split("/"), strict=False):
                at = scope.prefix + part
                unit = self._unit(scope, step, part)
                scope = inner_scope(unit, self._plan, self._workspace, self._secrets)
            at = address
            return self._enter(self._unit(scope, steps[-1], address.rpartition("/")[2]), folder)
        except EvaluationError as error:
            raise self._not_yet(scope, at, self._hide(str(error))) from error
        except StartProblem as problem:
            raise NotFound(f"step {at} can't be entered: {self._hide(str(problem))}", hint=problem.hint, code="step-not-ready") from problem

    def _enter(self, unit: Unit, folder: RunFolder) -> Entered:
        step, scope = unit.step, unit.node.scope
        if step.kind == "workflow":
            inside = inner_scope(unit, self._plan, self._workspace, self._secrets)
            return Entered(unit.address, self._marked(unit, dict(inside.env), folder), inside.cwd)
        if step.kind == "gate":
            return Entered(unit.address, self._marked(unit, {**scope.env, **self._plan.env}, folder), scope.cwd)
        preparing = Preparing(folder, self._plan.env)
        prepared = preparing.evaluate(unit)
        try:
            launch = kind(step.kind).launch(prepared)
        except StartProblem as problem:
            return Entered(unit.address, prepared.env, prepared.cwd, problem=self._hide(str(problem)))
        preparing.write(launch)
        return Entered(unit.address, {**prepared.env, **launch.env}, prepared.cwd, launch, step.interactive)

    def _marked(self, unit: Unit, env: dict[str, str], folder: RunFolder) -> dict[str, str]:
        output = str(folder.outputs / "output")
        return env | {"ROPEWAY_STEP": unit.address, "ROPEWAY_ATTEMPT": str(unit.attempt), "ROPEWAY_OUTPUT": output}

    def _unit(self, scope: Scope, step: PlanStep, part: str) -> Unit:
        """Return the step, or the instance or iteration of it, that a part of an address names, with the results that it sees."""
        match = _PART.fullmatch(part)
        assert match is not None
        begun = self._attempts(scope.prefix + part) > 0
        scope.results.update(self._results(scope, all_settled=begun))
        self._check_kept(scope, step)
        node = Node(scope, step, _UNSTARTED)
        unit = Unit(node, ())
        if step.foreach is not None:
            unit = self._instance(node, match[2])
        if step.repeat is not None:
            number = int(match[3]) if match[3] else self._latest_iteration(unit.address)
            unit = Unit(node, (), unit.index, unit.item, unit.has_item, iteration=number)
        unit.attempt = self._attempts(unit.address) + 1
        if step.workspace == "ephemeral":
            unit.workspace = self._own(unit)
        return unit

    def _instance(self, node: Node, index: str | None) -> Unit:
        known = self._recorded.steps.get(node.address)
        items = known.items if known is not None else None
        if items is None:
            found = node.scope.value(node.step.foreach or "", node.scope.names())
            items = list(found) if isinstance(found, (dict, list)) else []
        names = f"{node.address}[0]" + (f" to {node.address}[{len(items) - 1}]" if len(items) > 1 else "")
        if not items:
            raise NotFound(f"step {node.address} has no instances: there are no items", code="unknown-step")
        if index is None:
            raise UsageError(
                f"step {node.address} is carried out for each of {len(items)} items", hint=f"name one: {names}", code="instance"
            )
        if int(index) >= len(items):
            raise NotFound(f"step {node.address} has {len(items)} instances", hint=f"name one: {names}", code="unknown-step")
        return Unit(node, (), index=int(index), item=items[int(index)], has_item=True)

    def _latest_iteration(self, address: str) -> int:
        begun = [name.removeprefix(f"{address}#") for name in self._recorded.steps if name.startswith(f"{address}#")]
        return max([1, *(int(number) for number in begun if number.isdecimal())])

    def _attempts(self, address: str) -> int:
        known = self._recorded.steps.get(address)
        return known.attempts if known is not None else 0

    def _results(self, scope: Scope, *, all_settled: bool) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield what a scope's steps came to. A step that was never reached reads as nothing only where that is how it began before."""
        for step in scope.template.steps:
            known = self._recorded.steps.get(scope.prefix + step.id)
            if known is not None and known.state in SETTLED and (all_settled or known.state != "skipped" or settled_for_good(known)):
                yield step.id, view(Outcome(known.state, known.exit_code, known.outputs))

    def _check_kept(self, scope: Scope, step: PlanStep) -> None:
        """Refuse to give a step the mark in the place of a secret: what steps made of that kind is forgotten once a run has succeeded."""
        for name in step.secrets:
            if not name.startswith("steps."):
                continue
            _, maker, _, output = name.split(".", 3)
            value = scope.results.get(maker, {}).get("outputs", {}).get(output)
            if value == HIDDEN or (isinstance(value, list) and HIDDEN in value):
                message = f"step {scope.prefix}{step.id} reads the secret output {output} of {scope.prefix}{maker}, which was kept only until the run succeeded"
                raise NotFound(
                    message, hint="start the run again, with --break-on-failure to look around where it fails", code="secret-forgotten"
                )

    def _not_yet(self, scope: Scope, address: str, error: str) -> RopewayError:
        part = address.rpartition("/")[2]
        match = _PART.fullmatch(part)
        step = next((s for s in scope.template.steps if match is not None and s.id == match[1]), None)
        needs = [self._recorded.step(scope.prefix + need) for need in (step.needs if step is not None else ())]
        missing = [f"{need.id} {_missing(need)}" for need in needs if not settled_for_good(need)]
        if missing:
            return NotFound(
                f"step {address} can't be entered yet: {', '.join(missing)} ({error})",
                hint=f"`workflow shell {self._recorded.run}:{needs[0].id}` enters a step before it",
                code="step-not-ready",
            )
        return NotFound(
            f"step {address} can't be entered: {error}", hint="its next attempt would end with the same error", code="step-not-ready"
        )


def _missing(step: StepState) -> str:
    words = {
        "pending": "has not started",
        "ready": "has not started",
        "skipped": "was skipped",
        "running": "is running",
        "waiting": "waits for a person",
    }
    return words.get(step.state, f"is {step.state}" if step.state in ("cancelled", "interrupted") else f"has {step.state}")
