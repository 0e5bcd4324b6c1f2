"""What an expression of a justfile becomes: text known now, an expression of ours, or something that only a shell can find out.

just has one type, text, and one time, before a recipe's line runs. Here a value is

* :class:`Const`: its text is known. It is pasted where it stands, as just does: it is the author's own text.
* :class:`Cel`: an expression over parameters and outputs, handed over as a value that can not become code.
* :class:`Dynamic`: it needs a command, a file or the environment, so a shell computes it (:mod:`.commands`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ropeway.lang.dialects.justfile.functions import BY_SHELL, CONSTANTS, HINTS, KNOWN, in_cel, of_constants
from ropeway.lang.dialects.justfile.syntax import Backtick, Binary, Call, Choose, Name, Text, Unsupported
from ropeway.records import record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ropeway.lang.dialects.justfile.syntax import Expression, Place

__all__ = ["PLAIN", "Cannot", "Cel", "Const", "Dynamic", "Local", "Value", "condition", "fold", "literal", "source", "texts_in", "texts_of"]

PLAIN = re.compile(r"[A-Za-z0-9_./:@%+=,-]+")
"""Texts that a shell reads as one word, the same with and without quotes."""


class Cannot(Exception):
    """Something has no faithful counterpart. Caught where a recipe is converted.

    ``names`` are those of the justfile that it is about: if they are variables, their text can be pasted instead. ``number``: an integer
    could stand there.
    """

    def __init__(self, place: Place, reason: str, hint: str, names: frozenset[str] = frozenset(), *, number: bool = False) -> None:
        super().__init__(reason)
        self.place = place
        self.reason = reason
        self.hint = hint
        self.names = names
        self.number = number


@record
class Const:
    """A text that is known."""

    text: str


@record
class Cel:
    """An expression in our language.

    ``sample`` is its text when nothing is given, None when that is not known; ``names`` are the justfile's names in it. ``items`` is the
    expression of the list when it stands for a variadic parameter. ``quoted``: just would have put it between quotes. ``maybe``: it may
    be null. ``computed``: a command gave it. ``texts`` are those that the author wrote and that it may hold. ``integer``: it is one.
    """

    source: str
    sample: str | None = None
    names: frozenset[str] = frozenset()
    items: str = ""
    quoted: bool = False
    maybe: bool = False
    computed: bool = False
    texts: tuple[str, ...] = ()
    integer: bool = False

    @property
    def loose(self) -> bool:
        """Whether, outside quotes, a shell may make none or several words of what it usually is."""
        return bool(self.items) or self.computed or (self.sample is not None and PLAIN.fullmatch(self.sample) is None)


@record
class Local:
    """A variable of the script at hand, which holds a variable of the justfile; see :class:`Cel` for ``texts``."""

    name: str
    texts: tuple[str, ...] = ()


@record
class Dynamic:
    """Only a shell can tell."""

    expression: Expression


Value = Const | Cel | Local | Dynamic


def literal(text: str) -> str:
    """Return a text as a literal of our expressions."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
    return "'" + re.sub(r"[\x00-\x1f\x7f]", lambda match: f"\\u{ord(match[0]):04x}", escaped) + "'"


def source(value: Const | Cel) -> str:
    """Return a value as a part of an expression."""
    if isinstance(value, Const):
        return literal(value.text)
    if value.integer:
        return f"join([{value.source}], '')"
    return f"default({value.source}, '')" if value.maybe else value.source


def texts_of(*values: Value) -> tuple[str, ...]:
    """Return the author's texts that may be in values."""
    found: list[str] = []
    for value in values:
        found += (value.text,) if isinstance(value, Const) else value.texts if isinstance(value, Cel | Local) else ()
    return tuple(found)


def texts_in(expression: Expression | None, scope: Mapping[str, Value]) -> tuple[str, ...]:
    """Return the author's texts that may be in what a shell finds out."""
    match expression:
        case Text(value=text, expand=expand):
            return () if expand else (text,)
        case Name(name=name) if name in scope:
            value = scope[name]
            return texts_in(value.expression, scope) if isinstance(value, Dynamic) else texts_of(value)
        case Binary(left=left, right=right):
            return (*texts_in(left, scope), *texts_in(right, scope))
        case Choose(then=then, other=other):
            return (*texts_in(then, scope), *texts_in(other, scope))
        case Call(name=name, arguments=arguments) if name.startswith(("env", "trim")):
            return tuple(text for argument in arguments[name.startswith("env") :] for text in texts_in(argument, scope))
    return ()


def _sample(value: Const | Cel) -> str | None:
    return value.text if isinstance(value, Const) else value.sample


def _names(*values: Const | Cel) -> frozenset[str]:
    return frozenset().union(*(value.names for value in values if isinstance(value, Cel)))


def fold(expression: Expression, scope: Mapping[str, Value]) -> Value:
    """Return what an expression becomes.

    Args:
        expression: An expression of the justfile.
        scope: What its names stand for.

    Raises:
        Cannot: It has no counterpart here.
    """
    match expression:
        case Text(value=text, expand=expand):
            return Dynamic(expression) if expand and ("$" in text or text.startswith("~")) else Const(text)
        case Name(name=name, place=place):
            if name in scope:
                return scope[name]
            if name in CONSTANTS:
                return Const(CONSTANTS[name])
            raise Cannot(place, f"{name!r} is no variable and no parameter", "define it, or correct its name")
        case Backtick():
            return Dynamic(expression)
        case Binary():
            return _joined(expression, scope)
        case Choose():
            return _chosen(expression, scope)
        case Call():
            return _called(expression, scope)
        case Unsupported(what=what, place=place):
            raise Cannot(place, f"{what} is not converted", "write it in the recipe's script")


def _joined(expression: Binary, scope: Mapping[str, Value]) -> Value:
    op, place = expression.op, expression.place
    if op not in {"+", "/", "&&", "||"}:
        raise Cannot(place, f"{op!r} is converted only as the condition of an 'if'", "write an 'if' around it, or use a script")
    left = fold(expression.left, scope) if expression.left is not None else Const("")
    right = fold(expression.right, scope)
    if not isinstance(left, Const | Cel) or not isinstance(right, Const | Cel):
        return Dynamic(expression)
    if op in {"&&", "||"}:
        return _either(op, left, right)
    between = "/" if op == "/" else ""
    if isinstance(left, Const) and isinstance(right, Const):
        return Const(left.text + between + right.text)
    parts = _merged(left, between, right)
    samples = [_sample(left), between, _sample(right)]
    sample = None if None in samples else "".join(s for s in samples if s is not None)
    quoted, computed = (any(isinstance(v, Cel) and getattr(v, flag) for v in (left, right)) for flag in ("quoted", "computed"))
    return Cel(" + ".join(parts), sample, _names(left, right), quoted=quoted, computed=computed and not quoted, texts=texts_of(left, right))


def _merged(left: Const | Cel, between: str, right: Const | Cel) -> list[str]:
    """Return the terms of a sum, with texts that are known put together."""
    if isinstance(left, Const):
        head = [literal(left.text + between)] if left.text + between else []
        return [*head, source(right)]
    tail = right.text if isinstance(right, Const) else ""
    parts = [source(left)]
    if between + tail:
        parts.append(literal(between + tail))
    return parts if isinstance(right, Const) else [*parts, source(right)]


def _either(op: str, left: Const | Cel, right: Const | Cel) -> Value:
    if isinstance(left, Const):
        return right if bool(left.text) == (op == "&&") else left
    a, b = source(left), source(right)
    chosen = f"({a} == '' ? '' : {b})" if op == "&&" else f"({a} == '' ? {b} : {a})"
    return Cel(chosen, None, _names(left, right), texts=texts_of(left, right))


def _chosen(expression: Choose, scope: Mapping[str, Value]) -> Value:
    holds = condition(expression.condition, scope)
    if isinstance(holds, bool):
        return fold(expression.then if holds else expression.other, scope)
    then, other = fold(expression.then, scope), fold(expression.other, scope)
    if holds is None or not isinstance(then, Const | Cel) or not isinstance(other, Const | Cel):
        return Dynamic(expression)
    names = _names(then, other) | holds.names
    loose = [s for s in (_sample(then), _sample(other)) if s is not None and PLAIN.fullmatch(s) is None]
    return Cel(f"({holds.source} ? {source(then)} : {source(other)})", loose[0] if loose else None, names, texts=texts_of(then, other))


def condition(expression: Expression, scope: Mapping[str, Value]) -> Cel | bool | None:
    """Return a condition as a boolean expression, as a boolean when it is known, as None when only a shell can tell.

    Raises:
        Cannot: It has no counterpart.
    """
    if not isinstance(expression, Binary) or expression.op in {"+", "/"} or expression.left is None:
        raise Cannot(expression.place, "a condition without a comparison is not converted", "compare it: == 'true'")
    op = expression.op
    if op in {"&&", "||"}:
        return _both(op, condition(expression.left, scope), condition(expression.right, scope))
    left, right = fold(expression.left, scope), fold(expression.right, scope)
    if not isinstance(left, Const | Cel) or not isinstance(right, Const | Cel):
        return None
    if op in {"==", "!="}:
        if isinstance(left, Const) and isinstance(right, Const):
            return (left.text == right.text) == (op == "==")
        return Cel(f"{source(left)} {op} {source(right)}", None, _names(left, right))
    if not isinstance(right, Const):
        raise Cannot(expression.place, "a pattern that is not known is not converted", "write the pattern down")
    found = f"matches({source(left)}, {literal(right.text)})"
    return Cel(found if op == "=~" else f"!{found}", None, _names(left, right))


def _both(op: str, left: Cel | bool | None, right: Cel | bool | None) -> Cel | bool | None:  # noqa: FBT001 - what a condition is
    if isinstance(left, bool):
        return right if left == (op == "&&") else left
    if left is None or right is None:
        return None
    if isinstance(right, bool):
        return left if right == (op == "&&") else right
    return Cel(f"({left.source} {op} {right.source})", None, left.names | right.names)


def _called(call: Call, scope: Mapping[str, Value]) -> Value:
    name = call.name.removesuffix("_dir") + "_directory" if call.name.endswith("_dir") else call.name
    if name not in KNOWN:
        hint = HINTS.get(name, "compute it in the recipe's script")
        raise Cannot(call.place, f"the function {call.name}() is not converted", hint)
    values = [fold(argument, scope) for argument in call.arguments]
    constants = [value.text for value in values if isinstance(value, Const)]
    if len(constants) == len(values):
        known = of_constants(name, constants)
        if known is not None:
            return Const(known)
    if len(values) == 1 and isinstance(values[0], Cel):
        found = values[0].source if name == "quote" else in_cel(name, source(values[0]))
        if found is not None:
            only = values[0]
            sample = "word" if name == "quote" else only.sample
            quoted = name == "quote"
            return Cel(found, sample, only.names, quoted=only.quoted or quoted, maybe=only.maybe and quoted, texts=only.texts)
    if name == "quote":
        raise Cannot(call.place, "quote() of something that a command gives is not converted", "use the value itself between double quotes")
    if name not in BY_SHELL:
        used = _names(*(value for value in values if isinstance(value, Cel)))
        raise Cannot(call.place, f"{call.name}() of something that is not known is not converted", "compute it in the script", used)
    return Dynamic(call)
