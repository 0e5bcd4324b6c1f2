"""The parameters of a workflow that come from a justfile, and what those of a recipe stand for in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ropeway.lang.dialects.justfile.names import Computed, Scope, index
from ropeway.lang.dialects.justfile.syntax import Text
from ropeway.lang.dialects.justfile.values import Cannot, Cel, Const, Dynamic, fold, source, texts_of
from ropeway.lang.patterns import BadPattern, check_pattern
from ropeway.records import record, replace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ropeway.lang.dialects.justfile.names import Names
    from ropeway.lang.dialects.justfile.syntax import Parameter, Recipe
    from ropeway.lang.dialects.justfile.values import Value

__all__ = ["Given", "bind_arguments", "bind_parameters"]


@record
class Given:
    """A parameter of the workflow.

    ``default`` is a text, or None; ``required``: a run needs it; ``asked``: the recipe needs it, which is checked when it is chosen.
    """

    name: str
    parameter: Parameter
    default: str | None
    required: bool
    asked: bool
    description: str = ""
    pattern: str = ""
    integer: bool = False


def bind_parameters(
    recipe: Recipe, names: Names, prefix: str, chosen: str, integers: frozenset[tuple[str, str]]
) -> tuple[list[Given], dict[str, Value]]:
    """Return the workflow's parameters for a recipe that people run, and what the recipe's own stand for.

    Args:
        recipe: The recipe.
        names: The variables of the justfile.
        prefix: What stands in front of each name; empty when there is only one recipe.
        chosen: An expression that tells whether this recipe is run; empty when it always is.
        integers: Recipes and parameters that have to be integers.
    """
    made: list[Given] = []
    own: dict[str, Value] = {}
    for parameter in recipe.parameters:
        given, value = _bind(recipe, parameter, names, own, prefix, chosen)
        if (recipe.name, parameter.name) in integers and isinstance(value, Cel):
            given, value = replace(given, integer=True), replace(value, integer=True)
        made.append(given)
        own[parameter.name] = value
    return made, own


def _bind(recipe: Recipe, parameter: Parameter, names: Names, own: dict[str, Value], prefix: str, chosen: str) -> tuple[Given, Value]:
    name = prefix + parameter.name
    where = index("params", name)
    description, pattern = _described(recipe, parameter)
    several = bool(prefix)
    known = fold(parameter.default, Scope(names, own)) if parameter.default is not None else None
    if parameter.kind:
        text = known.text if isinstance(known, Const) else None
        if known is not None and text is None:
            raise Cannot(parameter.place, "a default that is not known is not converted for a list", "write it down")
        missing = known is None and parameter.kind == "+"
        default = "" if text is None and (several or not missing) else text
        given = Given(name, parameter, default, default is None, missing, description, pattern)
        return given, Cel(f"join({where}, ' ')", text or "", frozenset({parameter.name}), items=where, texts=(text or "",))
    used = frozenset({parameter.name})
    if known is None:
        return Given(name, parameter, None, not several, True, description, pattern), Cel(where, None, used, maybe=several)
    if isinstance(known, Const):
        return Given(name, parameter, known.text, False, False, description, pattern), Cel(where, known.text, used, texts=(known.text,))
    given = Given(name, parameter, None, False, False, description, pattern)
    if isinstance(known, Dynamic):
        assert parameter.default is not None
        needed = " && ".join(part for part in (chosen, f"{where} == null") if part)
        inside = Scope(names, own, inside=True)
        known = names.compute(Computed(f"default_{name}", parameter.default, inside, needed), parameter.name)
    assert isinstance(known, Cel)
    return given, Cel(f"default({where}, {source(known)})", known.sample, used, computed=known.computed, texts=known.texts)


def _described(recipe: Recipe, parameter: Parameter) -> tuple[str, str]:
    """Return the help and the pattern that ``[arg]`` gives a parameter."""
    for attribute in recipe.attributes:
        first = attribute.arguments[0] if attribute.arguments else None
        if attribute.name == "arg" and isinstance(first, Text) and first.value == parameter.name:
            help_, pattern = attribute.options.get("help"), attribute.options.get("pattern")
            text = pattern.value if isinstance(pattern, Text) else ""
            try:
                check_pattern(text)
            except BadPattern as problem:
                raise Cannot(attribute.place, f"this pattern is not converted: {problem.message}", "write another pattern") from None
            if pattern is not None and not text:
                raise Cannot(attribute.place, "a pattern that is not known is not converted", "write it down")
            return help_.value if isinstance(help_, Text) else "", text
    return "", ""


def bind_arguments(recipe: Recipe, arguments: Sequence[Value], names: Names) -> dict[str, Value]:
    """Return what the parameters of a recipe stand for when another calls it."""
    own: dict[str, Value] = {}
    rest = list(arguments)
    for parameter in recipe.parameters:
        if parameter.kind and rest:
            own[parameter.name] = _all(rest)
            rest = []
        elif rest:
            own[parameter.name] = rest.pop(0)
        elif parameter.default is not None:
            own[parameter.name] = _plain(fold(parameter.default, Scope(names, own)), parameter, names, own)
        elif parameter.kind == "*":
            own[parameter.name] = Const("")
        else:
            raise Cannot(parameter.place, f"the recipe {recipe.name!r} is used without its argument {parameter.name!r}", "give it")
    return own


def _plain(value: Value, parameter: Parameter, names: Names, own: dict[str, Value]) -> Value:
    """Have a default computed that only a shell can tell."""
    if not isinstance(value, Dynamic):
        return value
    assert parameter.default is not None
    return names.compute(Computed(f"default_{parameter.name}", parameter.default, Scope(names, own, inside=True)), parameter.name)


def _all(values: Sequence[Value]) -> Value:
    """Return the arguments of a variadic parameter as one text."""
    if len(values) == 1:
        return values[0]
    if all(isinstance(value, Const) for value in values):
        return Const(" ".join(value.text for value in values if isinstance(value, Const)))
    parts = [source(value) for value in values if isinstance(value, Const | Cel)]
    names = frozenset[str]().union(*(value.names for value in values if isinstance(value, Cel)))
    return Cel(" + ' ' + ".join(parts), "a b", names, texts=texts_of(*values))
