"""Checks single values by their kind: strings, numbers, booleans, choices, durations, sizes.

Each function tells what is wrong and returns ``BAD``, or returns the value as the model wants it.
"""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any, Final

from ropeway.lang.formats import fits
from ropeway.lang.hints import did_you_mean, noun, shown
from ropeway.lang.kinds import Anything, Boolean, Choice, Duration, Integer, Number, Size, Text
from ropeway.lang.units import BadUnit, parse_duration, parse_size
from ropeway.lang.wording import hint_for_type, label, says

if TYPE_CHECKING:
    from collections.abc import Callable

    from ropeway.lang.diagnostics import Path, Problems
    from ropeway.lang.kinds import Kind

__all__ = ["BAD", "SCALARS", "wrong_type"]

BAD: Final = object()
"""Stands for a value that was wrong: it has been told, and is left out."""


def wrong_type(problems: Problems, kind: Kind, value: Any, path: Path) -> Any:
    """Tell that a value is of another kind."""
    what = label(path) if path else "the document"
    problems.error("RW102", path, f"{what} must be {says(kind)}, not {noun(value)}", hint=hint_for_type(kind, value, path))
    return BAD


def _text(problems: Problems, kind: Text, value: Any, path: Path) -> Any:
    if type(value) is not str:
        return wrong_type(problems, kind, value, path)
    holds, rule, empty = kind
    if not empty and (not value or value.isspace()):
        problems.error("RW104", path, f"{label(path)} is empty", hint="remove the key, or write something")
    elif "\0" in value:
        hint = "no program can be given one; remove it"
        problems.error("RW117", path, f"{label(path)} holds a NUL character", hint=hint, offset=value.index("\0"))
    elif holds == "literal" and "${{" in value:
        _refuse_expression(problems, value, path)
    elif rule is not None and not fits(value, rule):
        problems.error(rule.code, path, f"{shown(value)} is not {rule.says}", hint=rule.hint)
    else:
        return value
    return BAD


def _refuse_expression(problems: Problems, value: str, path: Path) -> None:
    start = value.index("${{")
    end = value.find("}}", start)
    hint = "write the value itself; expressions stand in run, env, inputs, when, foreach, until, workspace, artifact paths and outputs"
    problems.error(
        "RW115",
        path,
        f"no expression may stand in {label(path)}",
        hint=hint,
        offset=start,
        length=end + 2 - start if end > start else 3,
    )


def _choice(problems: Problems, kind: Choice, value: Any, path: Path) -> Any:
    if type(value) is not str:
        return wrong_type(problems, kind, value, path)
    if value in kind.values:
        return value
    hint = did_you_mean(value, kind.values)
    if path[-1] == "shell" and len(value) <= 40:
        hint = f'{hint + " " if hint else ""}any other program is a list of words: shell = ["{value}"]'
    problems.error("RW104", path, f"{label(path)} is {says(kind)}, not {shown(value)}", hint=hint)
    return BAD


def _integer(problems: Problems, kind: Integer, value: Any, path: Path) -> Any:
    if type(value) is not int:
        return wrong_type(problems, kind, value, path)
    if kind.minimum <= value <= kind.maximum:
        return value
    hint = f"write a number from {kind.minimum} to {kind.maximum:,}"
    problems.error("RW109", path, f"{label(path)} can't be {shown(value)}", hint=hint)
    return BAD


def _number(problems: Problems, kind: Number, value: Any, path: Path) -> Any:
    if type(value) is not int and type(value) is not float:
        return wrong_type(problems, kind, value, path)
    usable = isfinite(value) if isinstance(value, float) else value.bit_length() <= 1000
    if usable and (kind.minimum is None or value >= kind.minimum):
        return value
    hint = "write a finite number" if kind.minimum is None else f"write a number that is at least {kind.minimum:g}"
    problems.error("RW109", path, f"{label(path)} can't be {shown(value)}", hint=hint)
    return BAD


def _boolean(problems: Problems, kind: Boolean, value: Any, path: Path) -> Any:
    return value if type(value) is bool else wrong_type(problems, kind, value, path)


def _duration(problems: Problems, kind: Duration, value: Any, path: Path) -> Any:
    if type(value) is not str:
        return wrong_type(problems, kind, value, path)
    if "${{" in value:
        _refuse_expression(problems, value, path)
        return BAD
    try:
        seconds = parse_duration(value)
    except BadUnit as problem:
        problems.error("RW107", path, problem.message, hint=problem.hint)
        return BAD
    if seconds == 0 and not kind.zero:
        problems.error("RW107", path, f"{label(path)} can't be zero", hint="leave the key out when there is no limit")
        return BAD
    return seconds


def _size(problems: Problems, kind: Size, value: Any, path: Path) -> Any:
    if type(value) is not str:
        return wrong_type(problems, kind, value, path)
    try:
        return parse_size(value)
    except BadUnit as problem:
        problems.error("RW108", path, problem.message, hint=problem.hint)
        return BAD


def _anything(_problems: Problems, _kind: Anything, value: Any, _path: Path) -> Any:
    return value


SCALARS: dict[type, Callable[[Problems, Any, Any, Path], Any]] = {
    Text: _text,
    Choice: _choice,
    Integer: _integer,
    Number: _number,
    Boolean: _boolean,
    Duration: _duration,
    Size: _size,
    Anything: _anything,
}
"""What checks a value, by the type of its kind."""
