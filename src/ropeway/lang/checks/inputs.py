"""Checks what is handed in: the inputs of an action, a builtin, a gate or a sub-workflow against their declarations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ropeway.lang.builtins import Builtin, builtin, gate
from ropeway.lang.checks.places import DECLARED, PLAIN, SHOWN
from ropeway.lang.checks.types import read_type
from ropeway.lang.expressions.template import parse_template
from ropeway.lang.expressions.types import accepts
from ropeway.lang.fields import check_fields
from ropeway.lang.hints import did_you_mean, shown
from ropeway.lang.reads import OPENING, templates_in
from ropeway.lang.units import BadUnit, parse_duration
from ropeway.lang.values import ValueProblem, check_value
from ropeway.lang.wording import a

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ropeway.lang.checks.expressions import Checker
    from ropeway.lang.checks.places import Place, Scope
    from ropeway.lang.diagnostics import Path, Problems
    from ropeway.lang.model import Field
    from ropeway.lang.uses import Call, Uses
    from ropeway.lang.values import ParameterTypes

_FORM: Final = "form"


class InputChecker:
    """Checks inputs; expressions in them go to the checker of expressions."""

    def __init__(self, checker: Checker, problems: Problems, types: ParameterTypes | None) -> None:
        self._checker = checker
        self._problems = problems
        self._types = types

    def undeclared(self, scope: Scope, call: Call) -> None:
        """Check inputs that nobody declared here: a plugin's, a skill's, a sub-workflow's that is not loaded."""
        for name, value in call.inputs.items():
            self._checker.value(scope, PLAIN, value, (*call.path, name))

    def declared(
        self,
        scope: Scope,
        call: Call,
        fields: Mapping[str, Field],
        what: str,
        *,
        hides: frozenset[str] = frozenset(),
        others: Place = DECLARED,
    ) -> None:
        """Check inputs against declarations.

        Args:
            scope: What the inputs' expressions see.
            call: The inputs and where they stand.
            fields: The declarations.
            what: What takes them, for messages.
            hides: Inputs that a secret may go to although they are not declared as one.
            others: What holds for the others.
        """
        for name, value in call.inputs.items():
            path = (*call.path, name)
            field = fields.get(name)
            if field is None:
                known = ", ".join(fields)
                hint = did_you_mean(name, fields) or (f"its inputs are {known}" if fields else "it takes none")
                self._problems.error("RW508", path, f"{what} has no input {shown(name)}", hint=hint, key=True)
                self._checker.value(scope, PLAIN, value, path)
            else:
                hidden = field.type == "secret" or name in hides
                self._one(scope, PLAIN if hidden else others, field, value, path)
        self._missing(call, fields, what)

    def for_uses(self, scope: Scope, call: Call, uses: Uses) -> None:
        """Check the inputs of ``builtin:`` or ``gate:``."""
        known = builtin(uses.name) if uses.kind == "builtin" else gate(uses.name)
        if known is None:
            return  # that there is none has been told
        if uses.kind == "builtin":
            self.declared(scope, call, known.inputs, f"builtin:{uses.name}", hides=known.hides, others=SHOWN)
        else:
            self._gate(scope, call, known, uses.name)

    def _gate(self, scope: Scope, call: Call, known: Builtin, name: str) -> None:
        what = f"gate:{name}"
        for key, value in call.inputs.items():
            field = known.inputs.get(key)
            if field is None:
                hint = did_you_mean(key, known.inputs) or f"its inputs are {', '.join(known.inputs)}"
                self._problems.error("RW508", (*call.path, key), f"{what} has no input {shown(key)}", hint=hint, key=True)
            elif field.type == _FORM:
                self._form(value, (*call.path, key))
            else:
                self._one(scope, SHOWN, field, value, (*call.path, key))
        self._missing(call, known.inputs, what)
        self._check_deadline(call)
        if name == "choose":
            self._check_choice(call)

    def _form(self, value: Any, path: Path) -> None:
        from ropeway.lang.build import build_fields

        fields = build_fields(value, path, self._problems)
        check_fields(self._problems, fields, path, self._types)
        for name, field in fields.items():
            if field.type == "secret":
                hint = "answers are written down with the run; ask for the name of a stored secret"
                self._problems.error("RW515", (*path, name), "a form can't ask for a secret", hint=hint, key=True)

    def _check_deadline(self, call: Call) -> None:
        deadline = call.inputs.get("deadline")
        if isinstance(deadline, str) and OPENING not in deadline:
            try:
                parse_duration(deadline)
            except BadUnit as problem:
                self._problems.error("RW510", (*call.path, "deadline"), problem.message, hint=problem.hint)

    def _check_choice(self, call: Call) -> None:
        choices, default = call.inputs.get("choices"), call.inputs.get("default")
        if not isinstance(choices, list) or default is None or any(templates_in([choices, default])) or default in choices:
            return
        near = did_you_mean(default, [choice for choice in choices if isinstance(choice, str)]) if isinstance(default, str) else None
        self._problems.error("RW510", (*call.path, "default"), "the default is not one of the choices", hint=near)

    def _one(self, scope: Scope, place: Place, field: Field, value: Any, path: Path) -> None:
        if next(templates_in(value), None) is None:
            try:
                check_value(field, value, self._types)
            except ValueProblem as problem:
                self._problems.error("RW510", path, problem.message, hint=problem.hint)
            return
        wanted = read_type(field, self._types)
        if isinstance(value, str):
            given = self._checker.template(scope, place, value, path, wanted)
            whole_was_checked = parse_template(value).whole is not None
        else:
            given = self._checker.value(scope, place, value, path)
            whole_was_checked = False
        if not whole_was_checked and not accepts(wanted, given):
            hint = "write one expression with nothing around it, so that it keeps its type" if isinstance(value, str) else None
            self._problems.error("RW510", path, f"{shown(field.name)} must be {a(str(wanted))}, not {a(str(given))}", hint=hint)

    def _missing(self, call: Call, fields: Mapping[str, Field], what: str) -> None:
        missing = [name for name, field in fields.items() if field.required and name not in call.inputs and field.type != "secret"]
        if missing:
            names = ", ".join(map(shown, missing))
            message = f"{what} needs the input{'s' if len(missing) > 1 else ''} {names}"
            example = ", ".join(f"{name} = …" for name in missing[:3])
            self._problems.error("RW509", (*call.path[:-1], "uses"), message, hint=f"add {call.path[-1]} = {{ {example} }}")
