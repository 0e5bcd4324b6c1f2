"""Finds what is wrong with an expression before it is evaluated: unknown names, and types that do not fit.

A part that fails has the type ``any`` from there on, so that one mistake is told once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ropeway.lang.expressions.errors import ExpressionError
from ropeway.lang.expressions.functions import FUNCTIONS, HABITS, LOOPS, SPECIAL
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
    path_of,
)
from ropeway.lang.expressions.types import (
    ANY,
    BOOLEAN,
    INTEGER,
    NOTHING,
    NULL,
    NUMBER,
    STRING,
    Type,
    accepts,
    comparable,
    item_of,
    join,
    list_of,
    map_of,
    record,
)
from ropeway.lang.expressions.wording import MAX_SHOWN, a_value, arguments, article, as_number, comparison_for, hint_for, shown
from ropeway.lang.hints import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from ropeway.lang.expressions.nodes import Node

__all__ = ["check"]

_NUMERIC = frozenset({"integer", "number"})
_LOOSE = frozenset({"any", "nothing"})
_LITERALS = {bool: BOOLEAN, str: STRING, int: INTEGER, float: NUMBER, type(None): NULL}
_VERBS = {"+": "add", "-": "subtract", "*": "multiply", "/": "divide", "%": "divide"}
_NOUNS = {"params": "parameter", "steps": "step", "inputs": "input", "env": "variable", "secrets": "secret"}


def check(
    expression: Expression,
    names: Mapping[str, Type],
    *,
    wanted: Type | None = None,
    refused: Mapping[str, str] | None = None,
) -> tuple[Type, list[ExpressionError]]:
    """Check an expression.

    Args:
        expression: From ``parse``.
        names: The type of each context that may be read here.
        wanted: The type that the place asks for, when it asks for one.
        refused: Functions that have no meaning here, with the reason (``{"success": "only 'when' …"}``).

    Returns:
        The type of its value, and what is wrong with it, in the order of the text.
    """
    checker = _Checker(names, refused or {})
    found = checker.type_of(expression.root)
    if wanted is not None and not checker.problems and not accepts(wanted, found):
        checker.wrong_result(expression.root, wanted, found)
    return found, sorted(checker.problems, key=lambda problem: problem.offset)


class _Checker:
    """One walk over the tree; ``problems`` collects what it finds."""

    def __init__(self, names: Mapping[str, Type], refused: Mapping[str, str]) -> None:
        self._names = names
        self._refused = refused
        self._dashed = -1  # the end of what was read as a subtraction and meant as a name with a dash
        self.problems: list[ExpressionError] = []

    def type_of(self, node: Node) -> Type:
        return _RULES[type(node)](self, node)

    def _error(self, code: str, node: Node, message: str, hint: str | None = None) -> Type:
        self.problems.append(ExpressionError(code, message, node.offset, max(1, node.end - node.offset), hint))
        return ANY

    def wrong_result(self, node: Node, wanted: Type, found: Type) -> None:
        """Tell that the whole has the wrong type."""
        hint = hint_for(node, found, wanted)
        if hint is None and wanted is BOOLEAN:
            hint = comparison_for(node, found)
        self._error("RW224", node, f"the expression is {a_value(found)}, {a_value(wanted)} is expected", hint)

    # Leaves and selections

    def literal(self, node: Literal) -> Type:
        return _LITERALS[type(node.value)]

    def name(self, node: Name) -> Type:
        found = self._names.get(node.name)
        if found is not None:
            return found
        if node.name in FUNCTIONS or node.name in SPECIAL:
            return self._error("RW210", node, f"'{node.name}' is a function", f"call it: {node.name}(…)")
        hint = did_you_mean(node.name, self._names)
        if hint is None:
            hint = f"known here: {', '.join(self._names)}; text stands in quotes: '{node.name}'" if self._names else None
        return self._error("RW210", node, f"there is no '{node.name}' here", hint)

    def member(self, node: Member) -> Type:
        return self._select(node, node.target, node.name)

    def index(self, node: Index) -> Type:
        key = node.key
        if isinstance(key, Literal) and isinstance(key.value, str):
            return self._select(node, node.target, key.value)
        of, by = self.type_of(node.target), self.type_of(key)
        if of.kind in _LOOSE or not self._is_there(node.target, of):
            return ANY
        if of.kind == "list":
            if by.kind not in _LOOSE | {"integer"}:
                return self._error(
                    "RW226", key, f"the items of a list are counted by integers, not {a_value(by)}", hint_for(key, by, INTEGER)
                )
            return item_of(of)
        if of.kind in {"map", "record"}:
            if by.kind not in _LOOSE | {"string"}:
                return self._error("RW226", key, f"the keys of a map are strings, not {a_value(by)}", hint_for(key, by, STRING))
            found = item_of(of)
            return ANY if found is NOTHING else found
        return self._error("RW226", node, f"{a_value(of)} has no parts", None)

    def has(self, node: Has) -> Type:
        of = self.type_of(node.member.target)
        of = of.item if of.kind == "optional" and of.item is not None else of
        if of.kind == "record" and node.member.name not in (of.fields or {}):
            self._unknown(node.member, node.member.target, node.member.name, of)
        elif of.kind not in _LOOSE | {"record", "map", "null"}:
            self._error("RW226", node.member, f"{a_value(of)} has no parts")
        return BOOLEAN

    def _select(self, node: Node, target: Node, name: str) -> Type:
        of = self.type_of(target)
        if of.kind in _LOOSE:
            return ANY
        if of.kind == "map":
            return item_of(of)
        if of.kind == "record":
            found = (of.fields or {}).get(name)
            return found if found is not None else self._unknown(node, target, name, of)
        if not self._is_there(target, of):
            return ANY
        if of.kind == "list":
            return self._error("RW226", node, "a list has items, not names", f"{shown(target)}[0] is the first")
        return self._error("RW226", node, f"{a_value(of)} has no part '{name[:MAX_SHOWN]}'")

    def _unknown(self, node: Node, target: Node, name: str, of: Type) -> Type:
        known = of.fields or {}
        path = path_of(target)
        noun = _NOUNS.get(path[0], "part") if len(path) == 1 else "output" if path[2:] == ("outputs",) else "part"
        where = f" of step '{path[1]}'" if noun == "output" else f" in '{shown(target)}'" if noun == "part" else ""
        dashed = [key for key in known if key.startswith(name + "-")] if isinstance(node, Member) else []
        if dashed:
            self._dashed = node.end
            hint: str | None = f"a name with a dash stands in brackets: {shown(target)}['{dashed[0]}']"
        else:
            hint = did_you_mean(name, known)
        if hint is None:
            hint = f"known: {', '.join(list(known)[:10])}" if known else f"there are no {noun}s"
        return self._error("RW211", node, f"there is no {noun} '{name[:MAX_SHOWN]}'{where}", hint)

    def _is_there(self, node: Node, of: Type) -> bool:
        """Tell when a value that may be null is used; return whether it may not."""
        if of.kind not in {"optional", "null"}:
            return True
        if of.kind == "null":
            self._error("RW221", node, "null has no parts and can not be calculated with")
        else:
            self._error("RW221", node, f"'{shown(node)}' may be null here", hint_for(node, of, of.item or ANY))
        return False

    # Calls

    def call(self, node: Call) -> Type:
        given = [self.type_of(arg) for arg in node.args if node.function not in LOOPS]
        function = FUNCTIONS.get(node.function)
        if function is None:
            return self._unknown_function(node)
        if node.function in self._refused:
            return self._error("RW214", node, f"{node.function}() has no meaning here", self._refused[node.function])
        if node.method and not function.method:
            args = ", ".join(shown(arg) for arg in node.args)
            return self._error("RW213", node, f"{node.function}() is not called on a value", f"write {node.function}({args})")
        if not function.least <= len(given) <= len(function.takes):
            return self._error("RW213", node, f"{node.function}() takes {arguments(function)}, here {len(given)} are given", function.doc)
        if node.function == "default":
            return self._default(node, given)
        fits = [self._argument(node, i, of) for i, of in enumerate(given)]
        if node.function == "matches" and all(fits):
            self._pattern(node.args[1])
        return function.result

    def _unknown_function(self, node: Call) -> Type:
        hint = HABITS.get(node.function) or did_you_mean(node.function, (*FUNCTIONS, *SPECIAL))
        if hint is None:
            hint = f"there are {', '.join((*FUNCTIONS, *SPECIAL))}"
        return self._error("RW212", node, f"there is no function '{node.function[:MAX_SHOWN]}'", hint)

    def _argument(self, node: Call, position: int, given: Type) -> bool:
        arg, kinds = node.args[position], FUNCTIONS[node.function].takes[position]
        if given.kind in _LOOSE or given.kind in kinds or (given.kind == "record" and "map" in kinds):
            return True
        if given.kind == "optional":
            return self._is_there(arg, given)
        wanted = Type(kinds[0])
        message = f"{node.function}() takes {' or '.join(article(kind) for kind in kinds)}, not {a_value(given)}"
        self._error("RW222", arg, message, hint_for(arg, given, wanted))
        return False

    def _default(self, node: Call, given: list[Type]) -> Type:
        first, other = given
        inner = first.item if first.kind == "optional" and first.item is not None else NOTHING if first is NULL else first
        found = join(inner, other)
        if found is not None:
            return found
        hint = as_number(node.args[0], inner, node.args[1], other)
        return self._error(
            "RW222",
            node.args[1],
            f"default() would give {a_value(inner)} or {a_value(other)}",
            hint or f"the other value must be {a_value(inner)} too",
        )

    def _pattern(self, arg: Node) -> None:
        if isinstance(arg, Literal) and isinstance(arg.value, str):
            from ropeway.lang.expressions.pattern import PatternError, compile_pattern

            try:
                compile_pattern(arg.value)
            except PatternError as problem:
                self._error("RW230", arg, f"the pattern is malformed: {problem}", "the syntax is RE2's; r'…' keeps backslashes as they are")

    # Operators

    def unary(self, node: Unary) -> Type:
        of = self.type_of(node.operand)
        if of.kind in _LOOSE:
            return BOOLEAN if node.op == "!" else ANY
        if not self._is_there(node.operand, of):
            return BOOLEAN if node.op == "!" else ANY
        if node.op == "!":
            self._boolean(node.operand, of, "'!'")
            return BOOLEAN
        if of.kind in _NUMERIC:
            return of
        return self._error("RW220", node, f"'-' can not take {a_value(of)}", hint_for(node.operand, of, NUMBER))

    def _boolean(self, node: Node, of: Type, what: str) -> None:
        if of.kind in _LOOSE | {"boolean"} or not self._is_there(node, of):
            return
        hint = hint_for(node, of, BOOLEAN) or comparison_for(node, of)
        self._error("RW223", node, f"{what} asks for a boolean, this is {a_value(of)}", hint)

    def logic(self, node: Logic) -> Type:
        for term in node.terms:
            self._boolean(term, self.type_of(term), f"'{node.op}'")
        return BOOLEAN

    def conditional(self, node: Conditional) -> Type:
        self._boolean(node.condition, self.type_of(node.condition), "a condition")
        then, otherwise = self.type_of(node.then), self.type_of(node.otherwise)
        found = join(then, otherwise)
        if found is not None:
            return found
        hint = as_number(node.then, then, node.otherwise, otherwise)
        return self._error(
            "RW222", node, f"the two values are {a_value(then)} and {a_value(otherwise)}", hint or "both must have the same type"
        )

    def binary(self, node: Binary) -> Type:
        op, left = node.op, self.type_of(node.left)
        if op == "-" and self._dashed == node.left.end:
            self._dashed = node.end
            return ANY
        right = self.type_of(node.right)
        if op in {"==", "!="}:
            return self._equality(node, left, right)
        both = [self._is_there(node.left, left), self._is_there(node.right, right)]
        result = ANY if op in _VERBS else BOOLEAN
        if not all(both):
            return result
        if op == "in":
            return self._in(node, left, right)
        loose = left.kind in _LOOSE, right.kind in _LOOSE
        kinds = {of.kind for of in (left, right) if of.kind not in _LOOSE}
        if kinds <= _NUMERIC and not (op == "%" and "number" in kinds):
            if op not in _VERBS or any(loose):
                return result
            return NUMBER if "number" in kinds else INTEGER
        if len(kinds) == 1 and op not in {"-", "*", "/", "%"}:
            if kinds == {"string"}:
                return STRING if op == "+" and not any(loose) else result
            if kinds == {"list"} and op == "+":
                return list_of(ANY) if any(loose) else list_of(join(item_of(left), item_of(right)) or ANY)
        self._mismatch(node, left, right)
        return result

    def _mismatch(self, node: Binary, left: Type, right: Type) -> None:
        if node.op in _VERBS:
            message = f"'{node.op}' can not {_VERBS[node.op]} {a_value(left)} and {a_value(right)}"
        else:
            message = f"'{node.op}' can not compare {a_value(left)} with {a_value(right)}"
        hint = hint_for(node.left, left, right) or hint_for(node.right, right, left)
        if hint is None and node.op == "+" and "string" in {left.kind, right.kind}:
            hint = "text is put together by join([…], ''), or by '${{ }}' inside a string"
        self._error("RW220", node, message, hint)

    def _equality(self, node: Binary, left: Type, right: Type) -> Type:
        if comparable(left, right):
            return BOOLEAN
        if "optional" in {left.kind, right.kind}:
            self._is_there(node.left, left)
            self._is_there(node.right, right)
            return BOOLEAN
        hint = hint_for(node.left, left, right) or hint_for(node.right, right, left)
        self._error("RW225", node, f"'{node.op}' compares {a_value(left)} with {a_value(right)}: they are never equal", hint)
        return BOOLEAN

    def _in(self, node: Binary, left: Type, right: Type) -> Type:
        if right.kind in {"map", "record"}:
            if not accepts(STRING, left):
                self._error("RW225", node, f"the keys of a map are strings, this is {a_value(left)}", hint_for(node.left, left, STRING))
        elif right.kind == "list":
            item = item_of(right)
            if not comparable(left, item.item if item.kind == "optional" and item.item is not None else item):
                hint = hint_for(node.left, left, item)
                self._error("RW225", node, f"'in' looks for {a_value(left)} in {a_value(right)}: it is never there", hint)
        elif right.kind not in _LOOSE:
            hint = f"write contains({shown(node.right)}, {shown(node.left)})" if right.kind == left.kind == "string" else None
            self._error("RW220", node, f"'in' looks into lists and maps, not into {a_value(right)}", hint)
        return BOOLEAN

    # Literals with parts

    def list_literal(self, node: ListLiteral) -> Type:
        found = NOTHING
        for item in node.items:
            found = join(found, self.type_of(item)) or ANY
        return list_of(found)

    def map_literal(self, node: MapLiteral) -> Type:
        fields: dict[str, Type] = {}
        fixed = True
        for key, value in node.entries:
            of = self.type_of(key)
            if isinstance(key, Literal) and isinstance(key.value, str):
                if key.value in fields:
                    self._error("RW227", key, f"the key {shown(key)} is there twice")
                fields[key.value] = self.type_of(value)
                continue
            fixed = False
            fields[f"{key.offset}\0"] = self.type_of(value)
            if self._is_there(key, of) and not accepts(STRING, of):
                self._error(
                    "RW227", key, f"a map's keys are strings, this is {a_value(of)}", "put the key in quotes" if of is INTEGER else None
                )
        return record(fields) if fixed else map_of(item_of(record(fields)))


_RULES: dict[type[Node], Callable[[_Checker, Any], Type]] = {
    Literal: _Checker.literal,
    Name: _Checker.name,
    Member: _Checker.member,
    Index: _Checker.index,
    Has: _Checker.has,
    Call: _Checker.call,
    Unary: _Checker.unary,
    Binary: _Checker.binary,
    Logic: _Checker.logic,
    Conditional: _Checker.conditional,
    ListLiteral: _Checker.list_literal,
    MapLiteral: _Checker.map_literal,
}
