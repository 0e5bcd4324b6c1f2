"""The words of the checker's messages, and hints that follow from where a value comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ropeway.lang.expressions.nodes import Literal, path_of
from ropeway.lang.expressions.types import ANY
from ropeway.lang.expressions.unparse import unparse

if TYPE_CHECKING:
    from ropeway.lang.expressions.functions import Function
    from ropeway.lang.expressions.nodes import Node
    from ropeway.lang.expressions.types import Type

__all__ = ["MAX_SHOWN", "a_value", "arguments", "article", "as_number", "comparison_for", "hint_for", "shown"]

MAX_SHOWN = 60
_DECLARABLE = frozenset({"integer", "number", "boolean", "list", "map"})
_EMPTY = {"string": "''", "integer": "0", "number": "0.0", "boolean": "false", "list": "[]", "map": "{}", "record": "{}"}
_EXAMPLES = {"string": "!= ''", "integer": "> 0", "number": "> 0", "list": "!= []", "map": "!= {}", "record": "!= {}"}


def shown(node: Node) -> str:
    """Return a part of the expression as text, cut when it is long."""
    text = unparse(node)
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"


def article(kind: str) -> str:
    """Return ``an integer`` for ``integer``."""
    return kind if kind in {"null", "any"} else f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"


def a_value(of: Type) -> str:
    """Return what a value of a type is called in a sentence."""
    if of.kind == "any":
        return "any value"
    return article(str(of))


def arguments(function: Function) -> str:
    """Return how many arguments a function takes."""
    most = len(function.takes)
    if most == 0:
        return "no arguments"
    text = str(most) if most == function.least else f"{function.least} or {most}"
    return f"{text} argument" if text == "1" else f"{text} arguments"


def as_number(first: Node, a: Type, second: Node, b: Type) -> str | None:
    """Return how to make a number of the integer, when one is an integer and the other a number."""
    if {a.kind, b.kind} != {"integer", "number"}:
        return None
    node = first if a.kind == "integer" else second
    return f"write {node.value}.0" if isinstance(node, Literal) else f"an integer becomes a number by {shown(node)} * 1.0"


def hint_for(node: Node, given: Type, wanted: Type) -> str | None:
    """Return what to do when a value is of the wrong type because of where it comes from."""
    if given.kind == "optional":
        inner = given.item or ANY
        example = _EMPTY.get(inner.kind, "…")
        when = "its step was skipped" if shown(node).startswith("steps.") else "no value is given"
        return f"it is null when {when}: default({shown(node)}, {example})"
    path = path_of(node)
    if given.kind == "string" and wanted.kind in _DECLARABLE and len(path) == 4 and (path[0], path[2]) == ("steps", "outputs"):
        return f'declare the output in steps.{path[1]}: outputs.{path[3]} = {{ type = "{wanted.kind}" }}'
    if given.kind == "string" and wanted.kind in _DECLARABLE and path[:1] == ("params",) and len(path) == 2:
        return f'declare the parameter: parameters.{path[1]} = {{ type = "{wanted.kind}" }}'
    return None


def comparison_for(node: Node, of: Type) -> str:
    """Return how to ask a yes-or-no question of a value that is no boolean."""
    return f"compare it, for example: {shown(node)} {_EXAMPLES.get(of.kind, '== …')}"
