"""Checks what steps and actions do: scripts, arguments, environment, and what they hand to what they use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ropeway.lang.checks.inputs import InputChecker
from ropeway.lang.checks.places import ARGUMENT, PLAIN
from ropeway.lang.formats import holds_code
from ropeway.lang.library import is_reference
from ropeway.lang.reads import OPENING
from ropeway.lang.uses import Call, split_uses

if TYPE_CHECKING:
    from ropeway.lang.checks.meaning import Meaning
    from ropeway.lang.checks.places import Scope
    from ropeway.lang.diagnostics import Path
    from ropeway.lang.model import Action, Run, Step
    from ropeway.lang.scripts import Compiled

_SHELLS: Final = frozenset({"bash", "sh", "python", "node"})


def shell_of(shell: Run | None) -> str:
    """Return how a script is compiled: ``bash`` (the default), ``sh``, ``python``, ``node``, or ``other`` for any other program."""
    if shell is None:
        return "bash"
    name = shell if isinstance(shell, str) else shell[0] if len(shell) == 1 else ""
    return name if name in _SHELLS else "other"


class BodyChecker:
    """Checks bodies of one workflow. ``compiled`` keeps the scripts with expressions, by the path of their owner."""

    def __init__(self, meaning: Meaning) -> None:
        self.compiled: dict[Path, Compiled] = {}
        self._meaning = meaning
        self._checker = meaning.checker
        self._problems = meaning.problems
        self._inputs = InputChecker(meaning.checker, meaning.problems, meaning.types)

    def action(self, action: Action) -> None:
        """Check the inside of an action."""
        self._body(self._meaning.scope_of_action(action), action, ("actions", action.id), "with")

    def step(self, scope: Scope, step: Step) -> None:
        """Check what a step does."""
        self._body(scope, step, ("steps", step.id), "inputs")

    def _body(self, scope: Scope, owner: Step | Action, path: Path, inputs: str) -> None:
        run = owner.run
        if isinstance(run, str):
            if OPENING in run:
                self._script(scope, run, shell_of(owner.shell), path)
        elif run is not None:
            for at, word in enumerate(run):
                self._checker.template(scope, ARGUMENT, word, (*path, "run", at))
        for name, text in owner.env.items():
            if OPENING in text and holds_code(name):
                message = f"a shell or a program runs what {name} holds: a value must not become code"
                self._problems.error("RW311", (*path, "env", name), message, hint="give it a fixed text, or use another name")
            self._checker.template(scope, PLAIN, text, (*path, "env", name))
        if owner.uses is not None:
            handed = owner.inputs if inputs == "inputs" else owner.with_inputs  # type: ignore[union-attr]  # an action's are `with`
            self._handed(scope, owner.uses, Call((*path, inputs), handed))

    def _script(self, scope: Scope, text: str, shell: str, path: Path) -> None:
        from ropeway.lang.scripts import compile_script

        compiled = compile_script(text, shell, lambda source: self._checker.quiet_type(scope, source))
        self.compiled[path] = compiled
        told = {problem.offset for problem in compiled.problems if problem.code.startswith("RW2")}
        for problem in compiled.problems:
            self._problems.error(
                problem.code, (*path, "run"), problem.message, hint=problem.hint, offset=problem.offset, length=problem.length
            )
        for use in compiled.uses:
            if not any(use.offset <= offset < max(use.end, use.offset + 1) for offset in told):
                self._checker.source(scope, PLAIN, use.source, (*path, "run"), use.source_offset)

    def _handed(self, scope: Scope, text: str, call: Call) -> None:
        uses = split_uses(text)
        if uses is None:
            return  # told where `uses` is checked
        if uses.kind == "action":
            action = self._meaning.workflow.actions.get(uses.name)
            if action is not None:
                self._inputs.declared(scope, call, action.inputs, f"action {uses.name!r}")
        elif uses.kind in {"builtin", "gate"}:
            self._inputs.for_uses(scope, call, uses)
        elif uses.kind == "workflow":
            self._sub_workflow(scope, uses.name, call)
        else:
            self._inputs.undeclared(scope, call)

    def _sub_workflow(self, scope: Scope, reference: str, call: Call) -> None:
        source = self._meaning.sub_workflow(reference)
        if source is not None:
            fields = source.workflow.parameters
            if source.workflow.dialect == "pallet":
                # It declares nothing: what it reads is known, and anything else that is handed to it is left unread.
                self._inputs.undeclared(scope, call._replace(inputs={n: v for n, v in call.inputs.items() if n not in fields}))
                call = call._replace(inputs={n: v for n, v in call.inputs.items() if n in fields})
            self._inputs.declared(scope, call, fields, f"workflow {source.workflow.id!r}")
            return
        if is_reference(reference):
            path = (*call.path[:-1], "uses")
            hint = "`workflow plan` resolves it"
            self._problems.note("RW516", path, "this workflow is not loaded, so its inputs and outputs were not checked", hint=hint)
        self._inputs.undeclared(scope, call)
