"""Gives an expression its value.

The tree becomes closures once, at the first evaluation; after that ``params.since != ''`` costs about a microsecond. Every run of
them ends: there are no loops, what grows with the data is charged to a budget, and texts and lists have a largest size.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ropeway.errors import RopewayError
from ropeway.lang.expressions.errors import EvaluationError, KindError, MissingError
from ropeway.lang.expressions.functions import FUNCTIONS, call
from ropeway.lang.expressions.nodes import (
    Binary,
    Call,
    Conditional,
    Expression,
    Has,
    Index,
    ListLiteral,
    Literal,
    Logic,
    MapLiteral,
    Member,
    Name,
    Unary,
)
from ropeway.lang.expressions.operators import BINARY, kind_of, negate
from ropeway.lang.expressions.run import Run, Status
from ropeway.lang.hints import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from ropeway.lang.expressions.nodes import Node

    Code = Callable[[Run], Any]

__all__ = ["evaluate"]

DEFAULT_BUDGET = 1_000_000


def evaluate(
    expression: Expression,
    names: Mapping[str, Any],
    *,
    files: Callable[[str], bytes] | None = None,
    hashes: Callable[[str], str] | None = None,
    status: Status | None = None,
    budget: int = DEFAULT_BUDGET,
) -> Any:
    """Return the value of an expression.

    Args:
        expression: From ``parse``; need not have been checked.
        names: The contexts. Values are ``str int float bool None``, lists and mappings (lazy ones too); what is declared as a
            ``number`` must come as a ``float``.
        files: Reads a file of the workspace for ``file()``; raises OSError or RopewayError.
        hashes: Makes the digest for ``hash_files()``; raises the same.
        status: What ``success()`` and ``failure()`` answer.
        budget: Units of cost, see :class:`~ropeway.lang.expressions.run.Run`; the default is about a second's worth at worst.

    Raises:
        EvaluationError: There is no value. Nothing else is ever raised.
    """
    code = expression.code
    run = Run(names, budget, files, hashes, status)
    try:
        if code is None:
            code = expression.code = _compile(expression.root)
        run.charge(expression.size)
        return code(run)
    except EvaluationError as problem:
        raise problem.placed(0) from problem.__cause__
    except RopewayError as problem:
        raise EvaluationError(problem.message, 0, problem.hint) from problem
    except RecursionError:
        raise EvaluationError("the expression or its values are nested too deep", 0) from None


def _compile(node: Node) -> Code:
    return _COMPILERS[type(node)](node)


def _literal(node: Literal) -> Code:
    value = node.value
    return lambda _: value


def _name(node: Name) -> Code:
    name, offset = node.name, node.offset

    def code(run: Run) -> Any:
        try:
            return run.names[name]
        except KeyError:
            raise MissingError(f"there is no '{name}' here", offset, did_you_mean(name, run.names)) from None

    return code


def _member(node: Member) -> Code:
    target, name = _compile(node.target), node.name

    def code(run: Run) -> Any:
        value = target(run)
        try:
            if type(value) is dict or isinstance(value, Mapping):
                return value[name]
        except KeyError:
            pass
        raise _missing(node, value, name)

    return code


def _missing(node: Member | Index, value: Any, key: Any) -> EvaluationError:
    """Return the error for a selection that found nothing."""
    from ropeway.lang.expressions.unparse import unparse

    of = unparse(node.target)
    of = of if len(of) <= 60 else of[:59] + "…"
    at = node.offset
    if value is None:
        return MissingError(f"'{of}' is null and has no parts", at, "default(value, other) gives another value for null")
    if isinstance(value, Mapping):
        if not isinstance(key, str):
            return KindError(f"the keys of '{of}' are strings, not {kind_of(key)}", at)
        if isinstance(node.target, Name) and of == "env":
            hint = f"set it, or write default({unparse(node)}, '')" if len(key) <= 60 else None
            return MissingError(f"the environment variable {key[:60]} is not set", at, hint)
        known: Iterable[str] = value if len(value) <= 1000 else ()
        return MissingError(f"'{of}' has no '{key[:60]}'", at, did_you_mean(key, known))
    if not isinstance(value, (list, tuple)):
        return KindError(f"'{of}' is {kind_of(value)} and has no parts", at)
    if isinstance(key, int) and not isinstance(key, bool):
        return MissingError(f"'{of}' has {len(value)} items, none at {key}", at, "the first is at 0")
    return KindError(f"the items of '{of}' are counted by integers, not {kind_of(key)}", at)


def _index(node: Index) -> Code:
    target, key_code = _compile(node.target), _compile(node.key)

    def code(run: Run) -> Any:
        value, key = target(run), key_code(run)
        if isinstance(value, (list, tuple)):
            if isinstance(key, int) and not isinstance(key, bool) and 0 <= key < len(value):
                return value[key]
        elif isinstance(value, Mapping) and isinstance(key, str):
            try:
                return value[key]
            except KeyError:
                pass
        raise _missing(node, value, key)

    return code


def _has(node: Has) -> Code:
    target, member = _compile(node.member.target), node.member

    def code(run: Run) -> bool:
        value = target(run)
        if isinstance(value, Mapping):
            return member.name in value
        if value is None:
            return False
        raise _missing(member, value, member.name)

    return code


def _call(node: Call) -> Code:
    function = FUNCTIONS.get(node.function)
    count, offset = len(node.args), node.offset
    if function is None:
        return _failing(f"there is no function {node.function}()", offset, did_you_mean(node.function, FUNCTIONS))
    if not function.least <= count <= len(function.takes):
        return _failing(f"{node.function}() can not take {count} arguments", offset, None)
    args = [_compile(arg) for arg in node.args]
    if node.function == "default" and isinstance(node.args[0], (Name, Member, Index)):
        return _default(args[0], args[1])

    def code(run: Run) -> Any:
        values = [arg(run) for arg in args]
        try:
            return call(run, function, values)
        except EvaluationError as problem:
            raise problem.placed(offset) from problem.__cause__

    return code


def _default(first: Code, other: Code) -> Code:
    """``default(a.b, x)`` also takes ``x`` when a part of the path is not there."""

    def code(run: Run) -> Any:
        try:
            value = first(run)
        except MissingError:
            value = None
        return other(run) if value is None else value

    return code


def _failing(message: str, offset: int, hint: str | None) -> Code:
    """An unchecked expression may hold what the checker refuses: it has no value."""

    def code(_run: Run) -> Any:
        raise EvaluationError(message, offset, hint)

    return code


def _unary(node: Unary) -> Code:
    operand, offset = _compile(node.operand), node.offset

    def minus(run: Run) -> Any:
        value = operand(run)
        try:
            return negate(run, value)
        except EvaluationError as problem:
            raise problem.placed(offset) from None

    def invert(run: Run) -> bool:
        return not _truth(operand(run), "!", offset)

    return minus if node.op == "-" else invert


def _truth(value: Any, op: str, offset: int) -> bool:
    if value is True or value is False:
        return value
    raise KindError(f"'{op}' asks for a boolean, not {kind_of(value)}", offset)


def _binary(node: Binary) -> Code:
    apply, left, right, offset = BINARY[node.op], _compile(node.left), _compile(node.right), node.offset

    def code(run: Run) -> Any:
        a, b = left(run), right(run)
        try:
            return apply(run, a, b)
        except EvaluationError as problem:
            raise problem.placed(offset) from problem.__cause__

    return code


def _logic(node: Logic) -> Code:
    """As in CEL, an error in one term does not count when another term decides: ``x != 0 && 10 / x > 1`` works in either order."""
    op, decides = node.op, node.op == "||"
    terms = [(_compile(term), term.offset) for term in node.terms]

    def code(run: Run) -> bool:
        first: EvaluationError | None = None
        for term, offset in terms:
            try:
                if _truth(term(run), op, offset) is decides:
                    return decides
            except EvaluationError as problem:
                if problem.final:
                    raise
                first = first or problem
        if first is not None:
            raise first
        return not decides

    return code


def _conditional(node: Conditional) -> Code:
    condition, then, otherwise = _compile(node.condition), _compile(node.then), _compile(node.otherwise)
    offset = node.condition.offset

    def code(run: Run) -> Any:
        return then(run) if _truth(condition(run), "?", offset) else otherwise(run)

    return code


def _list(node: ListLiteral) -> Code:
    items = [_compile(item) for item in node.items]
    return lambda run: [item(run) for item in items]


def _map(node: MapLiteral) -> Code:
    entries = [(_compile(key), _compile(value), key.offset) for key, value in node.entries]

    def code(run: Run) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_code, value, offset in entries:
            key = key_code(run)
            if not isinstance(key, str):
                raise KindError(f"a map's keys are strings, not {kind_of(key)}", offset)
            if key in found:
                raise EvaluationError(f"the key '{key[:60]}' is there twice", offset)
            found[key] = value(run)
        return found

    return code


_COMPILERS: dict[type[Node], Callable[[Any], Code]] = {
    Literal: _literal,
    Name: _name,
    Member: _member,
    Index: _index,
    Has: _has,
    Call: _call,
    Unary: _unary,
    Binary: _binary,
    Logic: _logic,
    Conditional: _conditional,
    ListLiteral: _list,
    MapLiteral: _map,
}
