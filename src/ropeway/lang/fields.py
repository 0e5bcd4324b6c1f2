"""Declarations of typed values (parameters, inputs, outputs, form fields): what their keys mean together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ropeway.lang.hints import did_you_mean, shown
from ropeway.lang.model import Field
from ropeway.lang.patterns import BadPattern, check_pattern
from ropeway.lang.values import BUILTIN_TYPES, SCALAR_TYPES, ValueProblem, check_value
from ropeway.lang.wording import a, label

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ropeway.lang.diagnostics import Path, Problems
    from ropeway.lang.values import ParameterTypes

__all__ = ["check_fields", "make_field"]

_MEANT_FOR: dict[str, tuple[str, ...]] = {
    "pattern": ("string", "path", "secret"),
    "choices": ("choice",),
    "minimum": ("integer", "number"),
    "maximum": ("integer", "number"),
}
"""Which built-in types, or elements of a list or map, a constraint works on. A plugin's type gets them all."""


def make_field(problems: Problems, values: dict[str, Any], path: Path, raw: dict[str, Any]) -> Field:
    """Make a field of checked values and tell where they contradict each other. A constraint that is wrong is left out."""
    name, type_ = str(path[-1]), values.get("type", "string")
    element = values.get("items", "string") if type_ in ("list", "map") else type_
    _check_meaning(problems, values, path, type_, element)
    _check_choices(problems, values, path, element, given="choices" in raw)
    low, high = values.get("minimum"), values.get("maximum")
    if low is not None and high is not None and low > high:
        message = f"'minimum' {low} is more than 'maximum' {high}"
        problems.error("RW114", (*path, "maximum"), message, hint="no value could ever fit; swap them")
    if values.get("required") and "default" in values:
        hint = "remove 'required' to make the default work, or the default to make people choose"
        problems.error("RW114", (*path, "required"), "a value with a default is never required", hint=hint, key=True)
    if "pattern" in values and not _pattern_holds(problems, values["pattern"], (*path, "pattern")):
        del values["pattern"]
    field = Field(
        name=name,
        required=values.pop("required", "default" not in values),
        has_default="default" in values,
        **values,
    )
    if field.has_default and type_ in BUILTIN_TYPES and element in BUILTIN_TYPES and field.validator is None:
        _check_default(problems, field, path, None)
    return field


def check_fields(problems: Problems, fields: Mapping[str, Field], path: Path, types: ParameterTypes | None) -> None:
    """Check what needs the plugins: that types and validators exist, and defaults that only a plugin can judge.

    Args:
        problems: Where to tell.
        fields: Parameters, inputs, outputs or form fields.
        path: Where they stand, such as ``("parameters",)``.
        types: What plugins bring; None when there are none.
    """
    for name, field in fields.items():
        place = (*path, name)
        unknown = False
        for key, used in (("type", field.type), ("items", field.items)):
            if used is None or used in BUILTIN_TYPES or (types is not None and types.type(used) is not None):
                continue
            unknown = True
            known = (*BUILTIN_TYPES, *(types.type_names() if types is not None else ()))
            hint = did_you_mean(used, known) or f"the types are {', '.join(known)}; a plugin may bring more"
            problems.error("RW119", (*place, key), f"there is no type {shown(used)}", hint=hint)
        if field.validator is not None and (types is None or types.validator(field.validator) is None):
            unknown = True
            hint = "install the plugin that brings it"
            problems.error("RW119", (*place, "validator"), f"there is no validator {shown(field.validator)}", hint=hint)
        by_plugin = field.validator is not None or field.type not in BUILTIN_TYPES or (field.items or "string") not in BUILTIN_TYPES
        if field.has_default and by_plugin and not unknown:
            _check_default(problems, field, place, types)


def _check_meaning(problems: Problems, values: dict[str, Any], path: Path, type_: str, element: str) -> None:
    """Tell about keys that mean nothing for the type, and leave them out."""
    if type_ not in BUILTIN_TYPES:
        return
    for key, meant in _MEANT_FOR.items():
        if key in values and element in BUILTIN_TYPES and element not in meant:
            of = a(element) if element == type_ else f"the elements of {a(type_)}, which are {element}s"
            _pointless(problems, values, (*path, key), of, f"{key!r} works on {' and '.join(meant)}")
    if "items" in values:
        if type_ not in ("list", "map"):
            _pointless(problems, values, (*path, "items"), a(type_), "'items' works on list and map")
        elif element in BUILTIN_TYPES and element not in SCALAR_TYPES:
            hint = f"use one of {', '.join(SCALAR_TYPES)}"
            problems.error("RW104", (*path, "items"), f"the elements of {a(type_)} can't be {element}s", hint=hint)
            del values["items"]
    if "source" in values and type_ != "secret":
        _pointless(problems, values, (*path, "source"), a(type_), 'write type = "secret", or remove it')
    if "default" in values and type_ == "secret":
        hint = 'a file is no place for a secret; name where it comes from: source = "keyring:NAME"'
        problems.error("RW114", (*path, "default"), "a secret can't have a default", hint=hint, key=True)
        del values["default"]


def _pointless(problems: Problems, values: dict[str, Any], path: Path, of: str, hint: str) -> None:
    problems.error("RW114", path, f"{path[-1]!r} means nothing for {of}", hint=hint, key=True)
    del values[str(path[-1])]


def _check_choices(problems: Problems, values: dict[str, Any], path: Path, element: str, *, given: bool) -> None:
    if element == "choice" and not given:
        hint = 'add them: choices = ["a", "b"]'
        problems.error("RW103", path, f"{label(path)} is a choice and has no 'choices'", hint=hint, key=True)
    choices = values.get("choices", ())
    if len(set(choices)) < len(choices):
        twice = next(at for at, choice in enumerate(choices) if choice in choices[:at])
        problems.error("RW104", (*path, "choices", twice), f"{shown(choices[twice])} is there twice", hint="remove one of them")
        values["choices"] = tuple(dict.fromkeys(choices))


def _pattern_holds(problems: Problems, pattern: str, path: Path) -> bool:
    try:
        check_pattern(pattern)
    except BadPattern as problem:
        problems.error("RW110", path, problem.message, hint=problem.hint)
        return False
    return True


def _check_default(problems: Problems, field: Field, path: Path, types: ParameterTypes | None) -> None:
    place = (*path, "default")
    if field.default is None:
        hint = "remove it; required = false is enough to have no value"
        problems.error("RW116", place, "null is no default", hint=hint)
        return
    if isinstance(field.default, str) and "${{" in field.default:
        problems.warning("RW115", place, "the default is taken as it stands, expressions in it mean nothing", hint="write the value itself")
    if field.type == "choice" and not field.choices:
        return  # that there are none has been told
    try:
        check_value(field, field.default, types)
    except ValueProblem as problem:
        problems.error("RW116", place, f"the default does not fit: {problem.message}", hint=problem.hint)
