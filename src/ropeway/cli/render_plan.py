"""A plan as people read it; also what ``run --dry-run`` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ropeway.cli.console import clean
from ropeway.cli.render_steps import shown_value
from ropeway.cli.text import duration, plural, table
from ropeway.cli.view_plain import title

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ropeway.cli.console import Console
    from ropeway.lang.plan import Plan, PlanStep

__all__ = ["order", "render"]


def order(plan: Plan) -> list[PlanStep]:
    """Return the steps in the order in which a sequential run starts them."""
    from ropeway.lang.graph import Graph

    steps = {step.id: step for step in plan.template.steps}
    return [steps[name] for name in Graph({step.id: step.needs for step in plan.template.steps}).order]


def render(plan: Plan, console: Console, *, commands: bool = True) -> Iterator[str]:
    """Yield the lines that show a plan: parameters with where they came from, then every step in order.

    Args:
        plan: What to show.
        console: Whose colours are used.
        commands: Whether to show what each step runs.
    """
    template = plan.template
    bold = console.styled(title(plan), "bold")
    at_once = template.policy.max_parallel
    yield f"{bold}: {plural(len(template.steps), 'step')}, {'one at a time' if at_once == 1 else f'at most {at_once} at once'}"
    for warning in plan.warnings:
        yield console.styled(f"warning: {clean(warning)}", "yellow")
    if plan.parameters:
        yield ""
        yield "Parameters:"
        rows = [(f"  {clean(name)}", shown_value(value.value), clean(value.origin)) for name, value in plan.parameters.items()]
        yield from table(rows)
    others = {key: origin for key, origin in plan.origins.items() if not key.startswith("parameters.")}
    if others:
        yield ""
        yield "Overridden:"
        yield from table((f"  {clean(key)}", clean(origin)) for key, origin in others.items())
    if plan.env:
        yield ""
        yield "Environment:"
        yield from table((f"  {clean(name)}", clean(value)) for name, value in plan.env.items())
    yield ""
    steps = order(plan)
    digits = len(str(len(steps)))
    for number, step in enumerate(steps, 1):
        yield f"{number:>{digits}}. {console.styled(clean(step.id), 'bold')}{_facts(step)}"
        if commands:
            yield from (f"{' ' * digits}  {console.styled('|', 'dim')} {line}".rstrip() for line in _does(step, plan))


def _facts(step: PlanStep) -> str:
    facts = []
    if step.needs:
        facts.append(f"after {', '.join(step.needs)}")
    if step.when is not None:
        facts.append(f"when {step.when}")
    if step.foreach is not None:
        facts.append(f"for each of {step.foreach}")
    if step.repeat is not None:
        facts.append(f"until {step.repeat.until}, at most {step.repeat.max} times")
    if step.retry is not None:
        facts.append(f"up to {plural(step.retry.attempts, 'attempt')}")
    if step.timeout is not None:
        facts.append(f"timeout {duration(step.timeout)}")
    if step.on_error == "continue":
        facts.append("may fail")
    return clean("  (" + "; ".join(facts) + ")") if facts else ""


def _does(step: PlanStep, plan: Plan) -> Iterator[str]:
    if step.kind == "script":
        if step.shell != ("bash",):
            yield clean(f"[{' '.join(step.shell)}]")
        for line in (step.script or "").strip("\n").split("\n"):
            yield clean(line)
        for name, source in step.variables.items():
            yield clean(f"where {name} is {source}")
    elif step.kind == "argv":
        from shlex import quote

        yield clean(" ".join(word if word.startswith("${{") else quote(word) for word in step.argv))
    else:
        yield clean(_workflow(step, plan) if step.kind == "workflow" else f"{step.kind}:{step.uses}")
        for frame in step.frames[-1:]:
            for name, value in frame.inputs.items():
                yield clean(f"{name} = {shown_value(value)}")


def _workflow(step: PlanStep, plan: Plan) -> str:
    """Return the workflow that a step starts as the file names it, and what that was found to mean."""
    key = step.uses or ""
    written = next((name for name, found in plan.template.workflows.items() if found == key), key)
    pin = plan.workflows[key].provenance if key in plan.workflows else None
    if pin is None:
        return f"workflow:{written}"
    return f"workflow:{written}, which is {f'{pin.version}, ' if pin.version else ''}{pin.digest[:19]}"
