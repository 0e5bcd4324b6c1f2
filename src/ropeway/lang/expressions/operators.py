"""What the operators do with values: CEL's arithmetic and comparison (https://github.com/google/cel-spec, "Language Definition").

Integers have 64 bits and overflow is an error. An integer beside a number becomes a number. Results are finite: where CEL has an
infinity or NaN, this has an error, because neither can be written into JSON or an environment variable.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ropeway.lang.expressions.errors import EvaluationError, KindError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ropeway.lang.expressions.run import Run

__all__ = ["BINARY", "MAX_INTEGER", "MIN_INTEGER", "equal", "kind_of", "negate"]

MAX_INTEGER = 2**63 - 1
MIN_INTEGER = -(2**63)
MAX_VALUE_DEPTH = 200


def kind_of(value: object) -> str:
    """Return what a value is called in messages: the word of its type."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    for kind, name in ((str, "string"), (int, "integer"), (float, "number"), ((list, tuple), "list"), (Mapping, "map")):
        if isinstance(value, kind):
            return name
    return type(value).__name__


def _refuse(op: str, a: object, b: object) -> KindError:
    left, right = kind_of(a), kind_of(b)
    hint = "default(value, other) gives another value for null" if "null" in {left, right} else None
    return KindError(f"'{op}' can not take {left} and {right}", hint=hint)


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _integer(value: int) -> int:
    if MIN_INTEGER <= value <= MAX_INTEGER:
        return value
    raise EvaluationError("the result does not fit into an integer of 64 bits")


def _finite(value: float) -> float:
    if value - value == 0:  # neither infinite nor NaN
        return value
    raise EvaluationError("the result is too large for a number")


def _real(op: str, a: Any, b: Any) -> tuple[float, float]:
    if not (_is_number(a) and _is_number(b)):
        raise _refuse(op, a, b)
    try:
        return float(a), float(b)
    except OverflowError:
        raise EvaluationError("the integer is too large to become a number") from None


def _add(run: Run, a: Any, b: Any) -> Any:
    if _is_integer(a) and _is_integer(b):
        return _integer(a + b)
    if isinstance(a, str) and isinstance(b, str):
        run.builds(len(a) + len(b))
        return a + b
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        run.builds(len(a) + len(b), "list")
        return [*a, *b]
    left, right = _real("+", a, b)
    return _finite(left + right)


def _subtract(_run: Run, a: Any, b: Any) -> Any:
    if _is_integer(a) and _is_integer(b):
        return _integer(a - b)
    left, right = _real("-", a, b)
    return _finite(left - right)


def _multiply(_run: Run, a: Any, b: Any) -> Any:
    if _is_integer(a) and _is_integer(b):
        return _integer(a * b)
    left, right = _real("*", a, b)
    return _finite(left * right)


def _divide(_run: Run, a: Any, b: Any) -> Any:
    left, right = (a, b) if _is_integer(a) and _is_integer(b) else _real("/", a, b)
    if right == 0:
        raise EvaluationError("division by zero")
    if isinstance(left, float):
        return _finite(left / right)
    quotient = abs(left) // abs(right)  # towards zero, as in CEL
    return _integer(quotient if (left < 0) == (right < 0) else -quotient)


def _remainder(_run: Run, a: Any, b: Any) -> Any:
    if not (_is_integer(a) and _is_integer(b)):
        raise _refuse("%", a, b)
    if b == 0:
        raise EvaluationError("division by zero")
    if b == -1:
        _integer(-a)  # CEL: the division overflows
    rest = abs(a) % abs(b)
    return -rest if a < 0 else rest


def negate(_run: Run, value: Any) -> Any:
    """Return ``-value``."""
    if _is_integer(value):
        return _integer(-value)
    if not isinstance(value, float):
        raise KindError(f"'-' can not take {kind_of(value)}")
    return -value


def _ordered(op: str, holds: Callable[[Any, Any], bool]) -> Callable[[Run, Any, Any], bool]:
    def compare(run: Run, a: Any, b: Any) -> bool:
        if isinstance(a, str) and isinstance(b, str):
            run.charge(min(len(a), len(b)) >> 6)
        elif not (_is_number(a) and _is_number(b)):
            raise _refuse(op, a, b)
        return holds(a, b)

    return compare


def equal(run: Run, a: Any, b: Any, depth: int = 0) -> bool:
    """Whether two values are the same: never an error for different kinds, and a boolean is no integer (as it is in Python)."""
    kind = type(a)
    if kind is type(b) and kind in _PLAIN:
        if kind is str:
            run.charge(len(a) >> 6)
        return bool(a == b)
    if isinstance(a, bool) or isinstance(b, bool):
        return isinstance(a, bool) and isinstance(b, bool) and bool(a == b)
    if _is_number(a) or (isinstance(a, str) and isinstance(b, str)):
        return not isinstance(b, bool) and bool(a == b)
    if depth > MAX_VALUE_DEPTH:
        raise EvaluationError("the values are nested too deep to compare")
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        run.charge(len(a))
        return len(a) == len(b) and all(equal(run, x, y, depth + 1) for x, y in zip(a, b, strict=True))
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        run.charge(len(a))
        return len(a) == len(b) and all(key in b and equal(run, a[key], b[key], depth + 1) for key in a)
    return a is None and b is None


_PLAIN = frozenset({str, int, float, bool, type(None)})


def _differ(run: Run, a: Any, b: Any) -> bool:
    return not equal(run, a, b)


def _in(run: Run, a: Any, b: Any) -> bool:
    if isinstance(b, (list, tuple)):
        run.charge(len(b))
        return any(equal(run, a, item) for item in b)
    if not isinstance(b, Mapping):
        hint = "contains(text, part) looks inside text" if isinstance(b, str) else None
        raise KindError(f"'in' can not look into {kind_of(b)}", hint=hint)
    return isinstance(a, str) and a in b


BINARY: dict[str, Callable[[Run, Any, Any], Any]] = {
    "+": _add,
    "-": _subtract,
    "*": _multiply,
    "/": _divide,
    "%": _remainder,
    "==": equal,
    "!=": _differ,
    "<": _ordered("<", lambda a, b: a < b),
    "<=": _ordered("<=", lambda a, b: a <= b),
    ">": _ordered(">", lambda a, b: a > b),
    ">=": _ordered(">=", lambda a, b: a >= b),
    "in": _in,
}
