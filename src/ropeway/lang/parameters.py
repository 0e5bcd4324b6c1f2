"""The values that a run is given, against the workflow's declarations: all that is wrong with them at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ropeway.lang.diagnostics import Diagnostic, Problems
from ropeway.lang.hints import did_you_mean, shown
from ropeway.lang.plan import Value
from ropeway.lang.values import ValueProblem, check_value, parse_parameter
from ropeway.records import replace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ropeway.lang.diagnostics import Locator
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
    file: Locator | None = None,
) -> dict[str, Value]:
    """Return a value for every parameter, in the order of the declarations.

    Args:
        workflow: Has the declarations.
        given: What the caller has: text for the origin ``param``, data for all others.
        problems: Takes missing, unknown and badly typed ones, each placed where it stands in the parameters file, else at its declaration.
        types: What plugins bring.
        origins: Where overridden keys of the file came from, see ``lang.merge.named_origins``.
        file: Finds places in the parameters file; the values of the origin ``params-file`` are its entries.
    """
    in_file = Problems(file) if file is not None else None
    for name, value in given.items():
        if name not in workflow.parameters:
            known = ", ".join(workflow.parameters)
            hint = did_you_mean(name, workflow.parameters) or (f"it has {known}" if known else "it has none")
            message = f"the workflow has no parameter {shown(name)}"
            if in_file is not None and value.origin == "params-file":
                in_file.error("RW602", (name,), message, hint=hint, key=True)
            else:
                problems.error("RW602", ("parameters",), message, hint=hint, key=True)
    values: dict[str, Value] = {}
    for name, field in workflow.parameters.items():
        made = _given(field, given[name], problems, types, file) if name in given else _left_out(field, problems, origins or {})
        if made is not None:
            values[name] = made
    problems.extend(list(in_file or ()))
    return values


def _left_out(field: Field, problems: Problems, origins: Mapping[str, str]) -> Value | None:
    if field.type == "secret":
        return Value(field.source, "secret")
    if field.has_default:
        return Value(field.default, _origin(field.name, origins))
    if field.required:
        hint = f"give it: --param {field.name}=…" + (f" ({field.description})" if field.description else "")
        problems.error("RW601", ("parameters", field.name), f"the parameter {field.name!r} has no value", hint=hint, key=True)
        return None
    return Value(None)


def _given(field: Field, given: Value, problems: Problems, types: ParameterTypes | None, file: Locator | None) -> Value | None:
    from_file = given.origin == "params-file"
    try:
        if field.type == "secret" or (given.origin == "param" and isinstance(given.value, str)):
            where = "in a parameters file" if from_file else "on a command line"
            return Value(parse_parameter(field, str(given.value), types, where=where), given.origin)
        return Value(check_value(field, given.value, types), given.origin)
    except ValueProblem as problem:
        code = "RW604" if field.type == "secret" else "RW603"
        if not from_file or file is None:
            problems.error(code, ("parameters", field.name), problem.message, hint=problem.hint, key=True)
            return None
        secret = field.type == "secret"
        place = file.locate((field.name,), key=secret)
        if secret:  # the line holds it, and what is shown of it ends up on screens and in logs
            key = place.text[place.column - 1 : place.end_column - 1]
            place = replace(place, text=f"{' ' * (place.column - 1)}{key} …")
        problems.extend([Diagnostic(code, "error", problem.message, problem.hint, place)])
        return None


def _origin(name: str, origins: Mapping[str, str]) -> str:
    """Return where a parameter's default came from; of a map one entry may be overridden, and then it is no longer the file's."""
    if not origins:
        return "default"
    from ropeway.lang.merge import dotted

    key = dotted(("parameters", name, "default"))
    return next((origin for path, origin in origins.items() if path == key or path.startswith(f"{key}.")), "default")
