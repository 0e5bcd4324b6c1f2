"""Checks the expressions of one workflow, wherever they stand, and tells each problem at its place in the file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ropeway.lang.expressions import ExpressionError, parse
from ropeway.lang.expressions.check import check
from ropeway.lang.expressions.nodes import path_of, references, walk
from ropeway.lang.expressions.template import parse_condition, parse_template
from ropeway.lang.expressions.types import ANY, BOOLEAN, INTEGER, NULL, NUMBER, STRING, Type, accepts, join, list_of, record
from ropeway.lang.reads import OPENING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ropeway.lang.checks.places import Place, Scope
    from ropeway.lang.checks.steps import StepTypes
    from ropeway.lang.diagnostics import Path, Problems
    from ropeway.lang.expressions import Expression
    from ropeway.lang.expressions.template import Hole
    from ropeway.lang.model import Field, Workflow

_ELSEWHERE: Final = {
    "item": "'item' is for steps with 'foreach'",
    "inputs": "'inputs' is for the inside of actions; the workflow's own are 'params'",
    "steps": "an action is not told about steps; hand the value in as an input",
}
_SCALARS: Final = frozenset({"integer", "number", "boolean"})
_PLAIN: Final = {str: STRING, bool: BOOLEAN, int: INTEGER, float: NUMBER, type(None): NULL}


class Read(NamedTuple):
    """Where one step reads another."""

    path: Path
    offset: int
    length: int


class Checker:
    """Checks expressions of one workflow.

    ``reads`` collects, for each pair (reader, read) of steps, the first place that reads: whether the reader needs the other is asked for
    all of them together at the end.
    """

    def __init__(self, workflow: Workflow, steps: StepTypes, problems: Problems) -> None:
        self.reads: dict[tuple[str, str], Read] = {}
        self._workflow = workflow
        self._steps = steps
        self._problems = problems

    def value(self, scope: Scope, place: Place, value: Any, path: Path) -> Type:
        """Check the expressions in a plain value, at any depth, and return its type."""
        if isinstance(value, str):
            return self.template(scope, place, value, path)
        if isinstance(value, (list, tuple)):
            item: Type | None = None
            for at, one in enumerate(value):
                of = self.value(scope, place, one, (*path, at))
                item = of if item is None else join(item, of) or ANY
            return list_of(item or ANY)
        if isinstance(value, dict):
            return record({name: self.value(scope, place, one, (*path, name)) for name, one in value.items()})
        return _PLAIN.get(type(value), ANY)

    def template(self, scope: Scope, place: Place, text: str, path: Path, wanted: Type | None = None) -> Type:
        """Check a text with expressions. One whole expression keeps its type and must fit ``wanted``; all else is text."""
        if OPENING not in text:
            return STRING
        template = parse_template(text)
        whole = template.whole
        if whole is not None:
            return self.hole(scope, place, whole, path, wanted)
        for hole in template.holes:
            self.hole(scope, place, hole, path)
        return STRING

    def condition(self, scope: Scope, place: Place, text: str, path: Path, wanted: Type | None = None) -> Type:
        """Check a ``when``, ``until`` or ``foreach``: one expression, with ``${{ }}`` around it or without."""
        return self.hole(scope, place, parse_condition(text), path, wanted)

    def hole(self, scope: Scope, place: Place, hole: Hole, path: Path, wanted: Type | None = None) -> Type:
        """Check one expression of the text at ``path``; return its type, ``any`` when it has none."""
        if hole.expression is None:
            if hole.error is not None:
                self._tell(hole.error, path, hole.source_offset)
            return ANY
        return self.expression(scope, place, hole.expression, path, hole.source_offset, wanted)

    def expression(self, scope: Scope, place: Place, expression: Expression, path: Path, offset: int, wanted: Type | None = None) -> Type:
        """Check an expression that starts at ``offset`` of the text at ``path``; return its type, ``any`` when it has none."""
        names = scope.names
        paths = references(expression)
        if scope.steps != "none" and any(read[0] == "steps" for read in paths):
            names = {**names, "steps": self._step_names(scope, expression, paths, path, offset)}
        of, problems = check(expression, names, wanted=wanted, refused=place.refused)
        for problem in problems:
            hint = _better_hint(scope, expression, problem)
            if hint is None and problem.code == "RW224" and wanted is not None and accepts(wanted, STRING) and of.kind in _SCALARS:
                hint = f"make it text: join([{expression.text if len(expression.text) <= 60 else '…'}], '')"
            self._tell(problem, path, offset, hint)
        if place.exposed is not None:
            secret = next((read for read in sorted(paths) if self._is_secret(scope, read)), None)
            if secret is not None:
                message = f"the secret {'.'.join(secret)} may not stand here: {place.exposed}"
                self._at(expression, secret, path, offset, "RW515", message=message, hint=place.instead)
        return of

    def source(self, scope: Scope, place: Place, source: str, path: Path, offset: int) -> Type:
        """Check an expression that is not parsed yet."""
        try:
            expression = parse(source)
        except ExpressionError as problem:
            self._tell(problem, path, offset)
            return ANY
        return self.expression(scope, place, expression, path, offset)

    def quiet_type(self, scope: Scope, source: str) -> Type:
        """Return the type of an expression's source without telling what is wrong with it.

        One with a mistake counts as an integer, which may stand everywhere: the mistake is told once, by itself.
        """
        try:
            expression = parse(source)
        except ExpressionError:
            return INTEGER
        names = scope.names
        if scope.steps != "none" and "steps" in source:
            names = {**names, "steps": self._steps.seen_by(scope.reader, own=scope.own, settled=scope.settled)}
        found, errors = check(expression, names)
        return INTEGER if errors else found

    def reads_secret(self, scope: Scope, value: Any) -> bool:
        """Whether a plain value's expressions read a secret."""
        if isinstance(value, str):
            if OPENING not in value:
                return False
            expressions = [hole.expression for hole in parse_template(value).holes if hole.expression is not None]
            return any(self._is_secret(scope, read) for expression in expressions for read in references(expression))
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
        return any(self.reads_secret(scope, one) for one in inner)

    def _is_secret(self, scope: Scope, read: tuple[str, ...]) -> bool:
        root = read[0]
        if root == "secrets":
            return True
        if root == "params":
            return has_secret(self._workflow.parameters, read)
        if root == "inputs":
            return scope.inputs is not None and has_secret(scope.inputs, read)
        if root == "steps" and read[1:] and (len(read) == 2 or read[2] == "outputs"):
            declared = self._steps.declared(read[1])
            return declared is not None and has_secret(declared, read[2:] or ("outputs",))
        return False

    def _step_names(self, scope: Scope, expression: Expression, paths: frozenset[tuple[str, ...]], path: Path, offset: int) -> Type:
        if ("steps",) in paths:
            hint = "write steps.NAME: what a step needs is known before the run"
            self._at(expression, ("steps",), path, offset, "RW514", message="a step is read by its name", hint=hint)
            return ANY
        for name in {read[1] for read in paths if read[0] == "steps"}:
            if name not in self._workflow.steps or (name == scope.reader and scope.own):
                continue
            if name == scope.reader:
                hint = "only the 'until' of a 'repeat' asks about its own step"
                self._at(expression, ("steps", name), path, offset, "RW505", message=f"step {name!r} can't read itself", hint=hint)
            elif scope.steps == "needed" and scope.reader is not None and (scope.reader, name) not in self.reads:
                at, length = _place_of(expression, ("steps", name))
                self.reads[scope.reader, name] = Read(path, offset + at, length)
        return self._steps.seen_by(scope.reader, own=scope.own, settled=scope.settled)

    def _tell(self, problem: ExpressionError, path: Path, offset: int, hint: str | None = None) -> None:
        offset += problem.offset
        self._problems.error(problem.code, path, problem.message, hint=hint or problem.hint, offset=offset, length=problem.length)

    def _at(
        self, expression: Expression, read: tuple[str, ...], path: Path, offset: int, code: str, *, message: str, hint: str | None
    ) -> None:
        at, length = _place_of(expression, read)
        self._problems.error(code, path, message, hint=hint, offset=offset + at, length=length)


def has_secret(fields: Mapping[str, Field], read: tuple[str, ...]) -> bool:
    """Whether a read of ``params``, ``inputs`` or ``outputs`` gives a secret; one by a computed name may."""
    if len(read) == 1:
        return any(field.type == "secret" for field in fields.values())
    field = fields.get(read[1])
    return field is not None and field.type == "secret"


def _better_hint(scope: Scope, expression: Expression, problem: ExpressionError) -> str | None:
    """Return the hint of somebody who knows workflows, where the checker of expressions knows only names."""
    said = expression.text[problem.offset : problem.offset + problem.length]
    if problem.code == "RW210":
        return "no step has run yet" if said == "steps" and scope.inputs is None else _ELSEWHERE.get(said)
    if problem.code == "RW211" and said.startswith("secrets.") and not (problem.hint or "").startswith("did you mean"):
        return f'list it in the policy: [policy.sandbox] secrets = ["{said.removeprefix("secrets.")}"]'
    return None


def _place_of(expression: Expression, read: tuple[str, ...]) -> tuple[int, int]:
    """Return offset and length of the first part of an expression that reads ``read``."""
    for node in walk(expression.root):
        if path_of(node) == read:
            return node.offset, max(1, node.end - node.offset)
    return 0, max(1, len(expression.text))
