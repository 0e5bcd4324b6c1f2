"""What a plan asks for and this machine can not enforce yet: refused before anything runs, never ignored."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from ropeway.errors import Refused
from ropeway.runs.steps import CARRIED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ropeway.app.options import RunOptions
    from ropeway.lang.plan import Plan, PlanStep, Template


_NAMED = 8  # steps that one sentence names


class Unmet(NamedTuple):
    """One thing that is asked for: what, how to do without it, and by which step when it is one that asks."""

    what: str
    hint: str
    step: str = ""


def check(plan: Plan, options: RunOptions, *, isolated: bool) -> None:
    """Refuse a plan that asks for what nothing here enforces; ``isolated`` says that the run gets a working copy of its own.

    Raises:
        Refused: Names everything at once, and all that can be done about it.
    """
    unmet = list(unenforceable(plan, options, isolated=isolated))
    if not unmet:
        return
    raise Refused("; ".join(_sentences(unmet)), hint=_hint(unmet), code="not-enforceable")


def _hint(unmet: list[Unmet]) -> str:
    """Return what to do about all of it: the options to give in one sentence, then the rest."""
    hints = dict.fromkeys(one.hint for one in unmet)
    flags = list(dict.fromkeys(hint.partition(" ")[0] for hint in hints if hint.startswith("--")))
    if len(flags) < 2:
        by_flag = {hint.partition(" ")[0] if hint.startswith("--") else hint: hint for hint in reversed(hints)}
        return "; ".join(reversed(by_flag.values()))
    return "; ".join((f"{_listed(flags)} run it without", *(hint for hint in hints if not hint.startswith("--"))))


def _sentences(unmet: list[Unmet]) -> Iterator[str]:
    """Yield each thing once, with the steps that ask for it."""
    steps: dict[str, dict[str, None]] = {}
    for one in unmet:
        steps.setdefault(one.what, {})[one.step] = None
    for what, asking in steps.items():
        names = [name for name in asking if name]
        yield f"step{'s' * (len(names) > 1)} {_listed(names)}: {what}" if names else what


def _listed(names: list[str]) -> str:
    if len(names) > _NAMED:
        return f"{', '.join(names[:_NAMED])} and {len(names) - _NAMED:,} more"
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def unenforceable(plan: Plan, options: RunOptions, *, isolated: bool = True) -> Iterator[Unmet]:
    """Yield what can't be enforced, sub-workflows included."""
    values = {name: one.value for name, one in plan.parameters.items() if one.origin != "secret"}
    for template in (plan.template, *plan.workflows.values()):
        yield from _policy(template, options)
        for step in template.steps:
            wanted = list(_step(step, options, isolated=isolated))
            if wanted and not (template is plan.template and _is_left_out(step, values)):
                yield from wanted
    for template in plan.workflows.values():
        if template.policy.concurrency is not None:
            what = f"the sub-workflow {template.id} has a concurrency group, which is held for whole runs only"
            yield Unmet(what, "move policy.concurrency to the workflow that is run")
        if template.policy.env_file is not None:
            what = f"the sub-workflow {template.id} wants an env file, and only the workflow that is run can have one"
            yield Unmet(what, "move policy.env_file to the workflow that is run")


def _is_left_out(step: PlanStep, values: Mapping[str, object]) -> bool:
    """Whether a step's `when` reads nothing but parameters, and is false for these: then nobody asks for what it wants."""
    if step.when is None:
        return False
    from ropeway.lang.expressions import EvaluationError, ExpressionError, evaluate, parse
    from ropeway.lang.reads import reads_of_expression

    if any(read[0] != "params" or len(read) < 2 or read[1] not in values for read in reads_of_expression(step.when)):
        return False
    try:
        return evaluate(parse(step.when), {"params": values}) is False
    except (ExpressionError, EvaluationError):
        return False


def _policy(template: Template, options: RunOptions) -> Iterator[Unmet]:
    sandbox, needs = template.policy.sandbox, template.requirements
    if sandbox is not None and sandbox.level != "none" and not options.no_sandbox:
        yield Unmet(f"the sandbox level {sandbox.level!r} can't be enforced on this machine", "--no-sandbox runs without it")
    elif (
        sandbox is not None and any(rule is not None for rule in (sandbox.write, sandbox.read, sandbox.network)) and not options.no_sandbox
    ):
        # An empty rule denies everything: ignoring it would be worse than ignoring one that names something.
        yield Unmet("the sandbox's access rules can't be enforced on this machine", "--no-sandbox runs without them")
    if needs.image is not None and not options.no_sandbox:
        yield Unmet("the workflow wants a container image, which can't be used on this machine", "--no-sandbox runs without it")
    if needs.nix is not None and not options.no_sandbox:
        yield Unmet("the workflow wants a nix shell, which can't be used on this machine", "--no-sandbox runs without it")


def _step(step: PlanStep, options: RunOptions, *, isolated: bool) -> Iterator[Unmet]:
    if step.kind not in CARRIED:
        hint = "remove such steps, or write them with `plugin:`"
        yield Unmet("this kind of step can't be carried out on this installation", hint, f"{step.id} ({step.kind})")
    if step.workspace == "ephemeral" and not isolated:
        hint = 'run it in a git or jj repository without --here, or ask for `policy.workspace.backend = "plain"`'
        yield Unmet("an ephemeral working copy needs a run that has one of its own", hint, step.id)
    if step.interactive and not options.interactive:
        yield Unmet("an interactive step needs a terminal, and there is none", "run it on a terminal", step.id)
    if step.resources is not None:
        cores, memory = os.cpu_count() or 1, total_memory()
        if step.resources.cpu > cores:
            yield Unmet(f"{step.resources.cpu:g} cores are wanted, this machine has {cores}", "lower `resources.cpu`", step.id)
        if step.resources.memory > memory:
            what = f"{step.resources.memory:,} bytes of memory are wanted, this machine has {memory:,}"
            yield Unmet(what, "lower `resources.memory`", step.id)


def total_memory() -> int:
    """Return the machine's memory in bytes."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
