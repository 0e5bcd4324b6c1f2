"""The values that a run is given, against the workflow's declarations: all that is wrong with them at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ropeway.lang.hints import did_you_mean, shown
from ropeway.lang.plan import Value
from ropeway.lang.values import ValueProblem, check_value, parse_parameter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ropeway.lang.diagnostics import Problems
    from ropeway.lang.model import Field, Workflow
    from ropeway.lang.values import ParameterTypes


ABOUT_VALUES = frozenset({"RW601", "RW602", "RW603", "RW604"})
"""The codes that are about the values of one run, not about the file."""


def parameter_values(
    workflow: Workflow,
    given: Mapping[str, Value],
    problems: Problems,
    types: ParameterTypes | None = None,
    origins: Mapping[str, str] | None = None,
) -> dict[str, Value]:
    """Return a value for every parameter, in the order of the declarations.

    Args:
        workflow: Has the declarations.
        given: What the caller has: text for the origin ``param``, data for all others.
        problems: Takes missing, unknown and badly typed ones, each placed at its declaration (the values stand in no file).
        types: What plugins bring.
        origins: Where overridden keys of the file came from, see ``lang.merge.named_origins``.
    """
    for name in given:
        if name not in workflow.parameters:
            known = ", ".join(workflow.parameters)
            hint = did_you_mean(name, workflow.parameters) or (f"it has {known}" if known else "it has none")
            problems.error("RW602", ("parameters",), f"the workflow has no parameter {shown(name)}", hint=hint, key=True)
    values: dict[str, Value] = {}
    for name, field in workflow.parameters.items():
        value = _value(field, given.get(name), problems, types, origins or {})
        if value is not None:
            values[name] = value
    return values


def _value(field: Field, given: Value | None, problems: Problems, types: ParameterTypes | None, origins: Mapping[str, str]) -> Value | None:
    path = ("parameters", field.name)
    if given is None:
        if field.type == "secret":
            return Value(field.source, "secret")
        if field.has_default:
            return Value(field.default, _origin(field.name, origins))
        if field.required:
            hint = f"give it: --param {field.name}=…" + (f" ({field.description})" if field.description else "")
            problems.error("RW601", path, f"the parameter {field.name!r} has no value", hint=hint, key=True)
            return None
        return Value(None)
    try:
        if field.type == "secret" or (given.origin == "param" and isinstance(given.value, str)):
            return Value(parse_parameter(field, str(given.value), types), given.origin)
        return Value(check_value(field, given.value, types), given.origin)
    except ValueProblem as problem:
        code = "RW604" if field.type == "secret" else "RW603"
        problems.error(code, path, problem.message, hint=problem.hint, key=True)
        return None


def _origin(name: str, origins: Mapping[str, str]) -> str:
    """Return where a parameter's default came from; of a map one entry may be overridden, and then it is no longer the file's."""
    if not origins:
        return "default"
    from ropeway.lang.merge import dotted

    key = dotted(("parameters", name, "default"))
    return next((origin for path, origin in origins.items() if path == key or path.startswith(f"{key}.")), "default")
