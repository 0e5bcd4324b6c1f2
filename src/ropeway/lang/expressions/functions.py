"""The functions of expressions: one table for the checker, the evaluator and the documentation.

``size contains startsWith endsWith matches`` are CEL's, ``lower upper join split`` follow CEL's string extension, the others are ours.
Those that CEL has as methods may be called either way: ``x.contains('a')`` and ``contains(x, 'a')`` are the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ropeway.errors import RopewayError
from ropeway.lang.expressions.errors import EvaluationError, KindError
from ropeway.lang.expressions.operators import MAX_INTEGER, MIN_INTEGER, kind_of
from ropeway.lang.expressions.text import to_text
from ropeway.lang.expressions.types import ANY, BOOLEAN, INTEGER, STRING, Type, list_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ropeway.lang.expressions.run import Run

__all__ = ["FUNCTIONS", "HABITS", "LOOPS", "SPECIAL", "Function", "call"]

_MAX_JSON_DEPTH = 100


class Function(NamedTuple):
    """One function. ``takes`` holds for each argument the kinds of value it accepts; the first ``least`` must be given."""

    name: str
    doc: str
    takes: tuple[tuple[str, ...], ...]
    least: int
    result: Type
    apply: Callable[..., Any]
    method: bool = False


def call(run: Run, function: Function, values: list[Any]) -> Any:
    """Apply a function to values whose number is right.

    Raises:
        EvaluationError: A value is of the wrong kind, or the function has no answer for it.
    """
    for value, kinds in zip(values, function.takes, strict=False):
        if kind_of(value) not in kinds:
            hint = "default(value, other) gives another value for null" if value is None else None
            raise KindError(f"{function.name}() takes {' or '.join(kinds)}, not {kind_of(value)}", hint=hint)
    return function.apply(run, *values)


def _size(_run: Run, value: Any) -> int:
    return len(value)


def _contains(run: Run, text: str, part: str) -> bool:
    run.charge(len(text) >> 6)
    return part in text


def _starts(_run: Run, text: str, part: str) -> bool:
    return text.startswith(part)


def _ends(_run: Run, text: str, part: str) -> bool:
    return text.endswith(part)


def _matches(run: Run, text: str, pattern: str) -> bool:
    from ropeway.lang.expressions.pattern import PatternError, compile_pattern

    try:
        compiled = compile_pattern(pattern)
    except PatternError as problem:
        raise EvaluationError(f"the pattern of matches() is malformed: {problem}") from None
    return compiled.search(text, run.charge)


def _lower(run: Run, text: str) -> str:
    made = text.lower()  # may be longer than the text: 'ß' becomes 'SS'
    run.builds(len(made))
    return made


def _upper(run: Run, text: str) -> str:
    made = text.upper()  # may be longer than the text: 'ß' becomes 'SS'
    run.builds(len(made))
    return made


def _join(run: Run, items: list[Any], between: str = "") -> str:
    run.charge(len(items))
    texts = [item if isinstance(item, str) else to_text(item) for item in items]
    run.builds(sum(map(len, texts)) + len(between) * len(texts))
    return between.join(texts)


def _split(run: Run, text: str, between: str) -> list[str]:
    parts = text.count(between) + 1 if between else len(text)
    run.builds(len(text))
    run.builds(parts, "list")
    if not text:
        return []
    return text.split(between) if between else list(text)


def _default(_run: Run, value: Any, other: Any) -> Any:
    return other if value is None else value


def _file(run: Run, path: str) -> str:
    if run.files is None:
        raise EvaluationError("file() can not be used here: there are no files yet")
    data = _ask("file", path, run.files)
    run.builds(len(data))
    try:
        return bytes(data).decode()
    except UnicodeDecodeError as problem:
        raise EvaluationError(f"the file '{path}' is not UTF-8 text (byte {problem.start})", hint="expressions hold text only") from None


def _hash_files(run: Run, pattern: str) -> str:
    if run.hashes is None:
        raise EvaluationError("hash_files() can not be used here: there are no files yet")
    return str(_ask("hash_files", pattern, run.hashes))


def _ask(name: str, argument: str, door: Callable[[str], Any]) -> Any:
    """Call what reads files for us, and tell its failures as ours."""
    try:
        return door(argument)
    except RopewayError as problem:
        raise EvaluationError(problem.message, hint=problem.hint) from problem
    except (OSError, ValueError) as problem:
        reason = (problem.strerror if isinstance(problem, OSError) else None) or str(problem)
        raise EvaluationError(f"{name}() can not read '{argument}': {reason}") from problem


def _json(run: Run, text: str) -> Any:
    import json

    run.charge(len(text) >> 3)
    try:
        value = json.loads(text, parse_int=_json_integer, parse_float=_json_number, parse_constant=_json_constant)
    except json.JSONDecodeError as problem:
        raise EvaluationError(
            f"json() was given text that is not JSON: {problem.msg} (line {problem.lineno}, column {problem.colno})"
        ) from None
    except RecursionError:
        raise _too_deep() from None
    _limit_depth(value)
    return value


def _json_integer(digits: str) -> int:
    value = int(digits) if len(digits) <= 20 else MAX_INTEGER + 1
    if not MIN_INTEGER <= value <= MAX_INTEGER:
        raise EvaluationError(f"json(): {digits[:40]} does not fit into an integer of 64 bits")
    return value


def _json_number(digits: str) -> float:
    value = float(digits)
    if value - value != 0:
        raise EvaluationError(f"json(): {digits[:40]} is too large for a number")
    return value


def _json_constant(word: str) -> float:
    raise EvaluationError(f"json(): {word} is not JSON")


def _too_deep() -> EvaluationError:
    return EvaluationError(f"json() was given JSON that is nested more than {_MAX_JSON_DEPTH} deep")


def _limit_depth(value: Any) -> None:
    level = [value]
    for _ in range(_MAX_JSON_DEPTH + 1):
        level = [
            item
            for one in level
            if isinstance(one, (list, dict))
            for item in (one.values() if isinstance(one, dict) else one)
            if isinstance(item, (list, dict))
        ]
        if not level:
            return
    raise _too_deep()


def _success(run: Run) -> bool:
    if run.status is None:
        raise EvaluationError("success() has an answer only in 'when'")
    return run.status.success


def _failure(run: Run) -> bool:
    if run.status is None:
        raise EvaluationError("failure() has an answer only in 'when'")
    return run.status.failure


def _always(_run: Run) -> bool:
    return True


_TEXT = ("string",)
_ALL = ("string", "integer", "number", "boolean", "null", "list", "map")

FUNCTIONS: dict[str, Function] = {
    function.name: function
    for function in (
        Function(
            "size",
            "The characters of a text, the items of a list, the keys of a map.",
            (("string", "list", "map"),),
            1,
            INTEGER,
            _size,
            method=True,
        ),
        Function("contains", "Whether a text holds another.", (_TEXT, _TEXT), 2, BOOLEAN, _contains, method=True),
        Function("startsWith", "Whether a text begins with another.", (_TEXT, _TEXT), 2, BOOLEAN, _starts, method=True),
        Function("endsWith", "Whether a text ends with another.", (_TEXT, _TEXT), 2, BOOLEAN, _ends, method=True),
        Function("matches", "Whether a pattern (RE2's syntax) is found in a text.", (_TEXT, _TEXT), 2, BOOLEAN, _matches, method=True),
        Function("lower", "The text in lower case.", (_TEXT,), 1, STRING, _lower, method=True),
        Function("upper", "The text in upper case.", (_TEXT,), 1, STRING, _upper, method=True),
        Function("join", "The items as text, with another text between them.", (("list",), _TEXT), 1, STRING, _join, method=True),
        Function(
            "split", "The parts of a text between separators; empty text has none.", (_TEXT, _TEXT), 2, list_of(STRING), _split, method=True
        ),
        Function("default", "The first value, or the second when the first is null or not there.", (_ALL, _ALL), 2, ANY, _default),
        Function("file", "The text of a file of the workspace, up to 1 MiB.", (_TEXT,), 1, STRING, _file),
        Function("json", "The value that a JSON text stands for.", (_TEXT,), 1, ANY, _json),
        Function("hash_files", "A digest over the files that a pattern names.", (_TEXT,), 1, STRING, _hash_files),
        Function("success", "Whether every direct need succeeded or was skipped on purpose.", (), 0, BOOLEAN, _success),
        Function("failure", "Whether a step before this one failed.", (), 0, BOOLEAN, _failure),
        Function("always", "True, also after a failure or a cancel.", (), 0, BOOLEAN, _always),
    )
}
SPECIAL = {"has": "Whether a map has a key: has(params.name)."}
"""What looks like a function and is not: its argument is not evaluated as a whole."""

LOOPS = frozenset({"all", "exists", "exists_one", "filter", "map"})
"""CEL's macros, whose arguments hold names of their own."""
_NO_LOOPS = "there are no loops in expressions: foreach runs a step per item, and a script can do the rest"
_CONVERSION = "declare the type where the value comes from; text is made by '${{ }}' inside a string"
HABITS = {
    **dict.fromkeys(sorted(LOOPS), _NO_LOOPS),
    **dict.fromkeys(
        ("bool", "bytes", "double", "dyn", "duration", "int", "string", "timestamp", "type", "uint", "str", "float"), _CONVERSION
    ),
    **dict.fromkeys(("len", "length", "count"), "the number of characters or items is size(x)"),
    "toJSON": 'a list or map inside a string becomes JSON: "${{ x }}"',
    "fromJSON": "JSON is read by json(text)",
    "env": "variables are read like env.NAME",
    "cancelled": "always() also runs after a cancel",
    "replace": "use a script: it gets the value in a variable",
    "format": 'text is put together in a string: "a ${{ x }} b"',
    "coalesce": "default(x, other) gives another value for null",
    "get": "default(x, other) gives another value for null or a missing key",
    "includes": "contains(text, part) looks inside text, 'x in list' inside a list",
    "exit_code": "a step's exit code is steps.NAME.exit_code",
}
"""Names that people bring from other languages, and what to write here."""
