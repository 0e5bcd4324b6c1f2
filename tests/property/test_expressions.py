"""Expressions of any shape: what is written reads the same, every evaluation ends well, and CEL agrees.

The oracle is the Rust implementation of CEL (``common-expression-language`` on PyPI, imported as ``cel``), on the part of the language
that both have: no mixed arithmetic (CEL refuses it), no infinities (we refuse them), ASCII text (its ``size`` counts bytes).
"""

# ruff: noqa: PT017 -- generated text may raise or not, so what is raised can only be checked where it is caught

from __future__ import annotations

import re

import cel
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ropeway.lang.expressions import (
    BOOLEAN,
    INTEGER,
    NUMBER,
    STRING,
    EvaluationError,
    ExpressionError,
    Status,
    accepts,
    calls,
    check,
    evaluate,
    list_of,
    map_of,
    optional,
    parse,
    record,
    references,
    to_text,
    unparse,
)
from ropeway.lang.expressions.errors import KindError
from ropeway.lang.expressions.functions import FUNCTIONS
from ropeway.lang.expressions.nodes import (
    Binary,
    Call,
    Conditional,
    Has,
    Index,
    ListLiteral,
    Literal,
    Logic,
    MapLiteral,
    Member,
    Name,
    Unary,
    walk,
)
from ropeway.lang.expressions.pattern import PatternError, compile_pattern
from ropeway.lang.expressions.template import parse_condition, parse_template, render
from ropeway.lang.expressions.types import Type

WORDS = st.sampled_from(["params", "steps", "a", "b", "if", "in_", "x1", "_"])
INTEGERS = st.one_of(st.integers(-3, 12), st.sampled_from([2**63 - 1, -(2**63), 2**62]), st.integers(-(2**63), 2**63 - 1))
NUMBERS = st.one_of(st.sampled_from([0.0, 0.5, -1.5, 2.0, 1e300]), st.floats(allow_nan=False, allow_infinity=False))
CONSTANTS = st.one_of(st.text(max_size=8), INTEGERS, NUMBERS, st.booleans(), st.none()).map(Literal)
OPERATORS = st.sampled_from(["+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "in"])


def _larger(node):
    """Nodes over nodes: any tree, whether it makes sense or not."""
    few = st.lists(node, max_size=3).map(tuple)
    member = st.builds(Member, node, WORDS)
    return st.one_of(
        member,
        st.builds(Index, node, node),
        st.builds(Has, member),
        st.builds(Call, st.sampled_from([*FUNCTIONS, "nothing"]), few),
        st.builds(lambda name, first, rest: Call(name, (first, *rest), method=True), st.sampled_from(sorted(FUNCTIONS)), node, few),
        st.builds(Unary, st.sampled_from("!-"), node),
        st.builds(Binary, OPERATORS, node, node),
        st.builds(Logic, st.sampled_from(["&&", "||"]), st.lists(node, min_size=2, max_size=4).map(tuple)),
        st.builds(Conditional, node, node, node),
        st.builds(ListLiteral, few),
        st.builds(MapLiteral, st.lists(st.tuples(node, node), max_size=3).map(tuple)),
    )


TREES = st.recursive(st.one_of(CONSTANTS, WORDS.map(Name)), _larger, max_leaves=25)

# What people type, and what they should not have typed.
PIECES = ["params", "steps", ".", "a", "[", "]", "(", ")", "{", "}", "'", '"', "'''", "\\", "+", "-", "!", "&&", "||", "==", "=", "in", "?"]
PIECES += [
    ":",
    ",",
    "1",
    "0x",
    "1.5",
    "1e9",
    "9223372036854775808",
    "r'",
    "${{",
    "}}",
    "$${{",
    " ",
    "\n",
    "has(",
    "size(",
    "\0",
    "é",
    "true",
    "null",
]
SCRAPS = st.one_of(
    st.text(max_size=60),
    st.lists(st.sampled_from(PIECES), max_size=40).map("".join),
    st.binary(max_size=60).map(lambda raw: raw.decode("utf-8", "surrogateescape")),
)

NAMES = {
    "s": "a.b,ab",
    "t": "",
    "i": 3,
    "big": 2**63 - 1,
    "n": 1.5,
    "y": True,
    "ls": ["a", "b", "", "ab"],
    "li": [1, 2, 3],
    "m": {"a": 1, "b": -1},
    "r": {"s": "x", "i": 0},
}
TYPES = {
    "s": STRING,
    "t": STRING,
    "i": INTEGER,
    "big": INTEGER,
    "n": NUMBER,
    "y": BOOLEAN,
    "ls": list_of(STRING),
    "li": list_of(INTEGER),
    "m": map_of(INTEGER),
    "r": record({"s": STRING, "i": INTEGER}),
}
OURS = {**NAMES, "os": None, "oi": 4, "args": {"a": "x"}}
OUR_TYPES = {**TYPES, "os": optional(STRING), "oi": optional(INTEGER), "args": map_of(STRING)}


@given(TREES)
@settings(max_examples=300)
def test_what_is_written_reads_the_same(tree):
    text = unparse(tree)
    assert repr(parse(text).root) == repr(tree)


@given(SCRAPS)
@settings(max_examples=400)
@example("'" + "\\" * 1001)
@example("\ud800")
def test_any_text_is_an_expression_or_an_expression_error(text):
    try:
        expression = parse(text)
    except ExpressionError as problem:
        assert problem.code.startswith("RW2")
        assert 0 <= problem.offset <= len(text)
        assert problem.length >= 1
    else:
        assert parse(unparse(expression)) == expression
        check(expression, OUR_TYPES)
        references(expression)
        calls(expression)


@given(SCRAPS)
@settings(max_examples=300)
def test_any_text_is_a_template(text):
    template = parse_template(text)
    at = 0
    for hole in template.holes:
        assert at <= hole.offset < hole.end <= len(text)
        assert text[hole.source_offset :].startswith(hole.source)
        assert (hole.expression is None) != (hole.error is None)
        at = hole.end
    assert all(0 <= problem.offset <= len(text) for problem in template.errors)
    if "${{" not in text:
        assert render(template, {}) == text
    parse_condition(text)


@given(st.text(max_size=40).filter(lambda text: "\0" not in text))
def test_escaped_text_renders_as_itself(text):
    assert render(parse_template(re.sub(r"\$(?=\{\{)", "$$", re.sub(r"\$+(?=\$\{\{)", "", text))), {}) == re.sub(r"\$+(?=\$\{\{)", "", text)


@given(TREES, st.integers(0, 3000))
@settings(max_examples=300)
def test_evaluating_anything_gives_a_value_or_an_evaluation_error(tree, budget):
    expression = parse(unparse(tree))
    names = {"params": {"a": "x", "b": [1, {"x1": None}]}, "steps": {"a": {"a": 1.5}}, "a": None, "b": ["a"], "x1": -1}
    try:
        value = evaluate(expression, names, files=lambda _: b"\xff", status=Status(success=True, failure=False), budget=budget)
    except EvaluationError as problem:
        assert 0 <= problem.offset <= len(expression.text)
    else:
        assert value is None or isinstance(value, (str, int, float, list, dict))


# Expressions that make sense, by type


def _strings(deep, optionals):
    text = st.sampled_from(["'a'", "''", "'ab,'", "'a.b'", "s", "t", "r.s", "r['s']"])
    if not deep:
        return text
    string, integer, boolean = _strings(deep - 1, optionals), _integers(deep - 1, optionals), _booleans(deep - 1, optionals)
    options = [
        text,
        st.builds("({} + {})".format, string, string),
        st.builds("({} ? {} : {})".format, boolean, string, string),
        st.builds("ls[{}]".format, integer),
        st.builds("[{}, {}][{}]".format, string, string, integer),
        st.builds("{{'k': {}}}.k".format, string),
    ]
    if optionals:
        options += [
            st.builds("default(os, {})".format, string),
            st.builds("default(args[{}], {})".format, string, string),
            st.builds("{}.upper().lower()".format, string),
            st.builds("split({}, {}).join({})".format, string, string, string),
        ]
    return st.one_of(options)


def _integers(deep, optionals):
    number = st.one_of(INTEGERS.map(str), st.sampled_from(["i", "big", "m.a", "r.i", "li[0]"]))
    if not deep:
        return number
    string, integer, boolean = _strings(deep - 1, optionals), _integers(deep - 1, optionals), _booleans(deep - 1, optionals)
    options = [
        number,
        st.builds("({} {} {})".format, integer, st.sampled_from("+-*/%"), integer),
        st.builds("-({} % 97)".format, integer),  # the oracle lets the negation of the smallest integer wrap around
        st.builds("size({})".format, st.one_of(string, st.sampled_from(["ls", "li", "m", "[1, 2] + li"]))),
        st.builds("{}.size()".format, string),
        st.builds("m[{}]".format, string),
        st.builds("li[{}]".format, integer),
        st.builds("({} ? {} : {})".format, boolean, integer, integer),
    ]
    if optionals:
        options += [st.builds("default(oi, {})".format, integer), st.builds("default(m[{}], {})".format, string, integer)]
    return st.one_of(options)


def _numbers(deep):
    """Finite whatever happens: an infinity is an error here and none in CEL."""
    number = st.one_of(st.floats(-1e6, 1e6).map(lambda f: f"({f!r})"), st.just("n"))
    if not deep:
        return number
    inner = _numbers(deep - 1)
    return st.one_of(
        number,
        st.builds("({} {} {})".format, inner, st.sampled_from("+-*"), inner),
        st.builds("({} / {})".format, inner, st.sampled_from(["0.5", "-3.0"])),
        st.builds("-({})".format, inner),
    )


def _booleans(deep, optionals):
    truth = st.sampled_from(["true", "false", "y"])
    if not deep:
        return truth
    string, integer, boolean = _strings(deep - 1, optionals), _integers(deep - 1, optionals), _booleans(deep - 1, optionals)
    number = _numbers(deep - 1)
    order = st.sampled_from(["<", "<=", ">", ">=", "==", "!="])
    return st.one_of(
        truth,
        st.builds("!{}".format, boolean.map("({})".format)),
        st.builds("({} {} {})".format, boolean, st.sampled_from(["&&", "||", "==", "!="]), boolean),
        st.builds("({} {} {})".format, integer, order, integer),
        st.builds("({} {} {})".format, number, order, integer),
        st.builds("({} {} {})".format, string, order, string),
        st.builds("{}.{}({})".format, string, st.sampled_from(["contains", "startsWith", "endsWith"]), string),
        st.builds("({} in {})".format, string, st.sampled_from(["ls", "m", "r", "ls + ['z']"])),
        st.builds("({} in [{}, {}])".format, integer, integer, integer),
        st.builds("([{}, {}] == li)".format, integer, integer),
        st.builds("has(m.{})".format, st.sampled_from("abc")),
        st.builds("({{'a': {}}} == m)".format, integer),
        st.builds("({} == null)".format, string),
    )


def _sensible(optionals):
    return st.one_of(_strings(3, optionals), _integers(3, optionals), _numbers(3), _booleans(3, optionals))


def _ours(text):
    try:
        return evaluate(parse(text), NAMES)
    except EvaluationError as problem:
        assert not isinstance(problem, KindError), problem
        return EvaluationError


def _theirs(text):
    try:
        return cel.evaluate(text, NAMES)
    except (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError):
        return EvaluationError


@given(_sensible(optionals=False))
@settings(max_examples=800)
def test_cel_gives_the_same_value(text):
    ours, theirs = _ours(text), _theirs(text)
    assert type(ours) is type(theirs)
    assert ours == theirs


@given(_sensible(optionals=True))
@settings(max_examples=500)
def test_what_was_checked_never_fails_for_a_type(text):
    expression = parse(text)
    of, problems = check(expression, OUR_TYPES)
    assert problems == []
    try:
        value = evaluate(expression, OURS)
    except KindError as problem:
        raise AssertionError(problem.message) from problem
    except EvaluationError as problem:
        assert "is null" not in problem.message
    else:
        assert accepts(of, _type_of(value))
        assert isinstance(to_text(value), str)


@given(TREES)
@settings(max_examples=400)
def test_of_any_tree_that_passes_the_checker_none_fails_for_a_type(tree):
    names = {"params": {"a": "x", "b": 2, "if": True}, "a": "a", "b": 1, "x1": 1.5, "_": [1, 2]}
    types = {
        "params": record({"a": STRING, "b": INTEGER, "if": BOOLEAN}),
        "a": STRING,
        "b": INTEGER,
        "x1": NUMBER,
        "_": list_of(INTEGER),
    }
    expression = parse(unparse(tree))
    of, problems = check(expression, types)
    if problems or "json" in calls(expression):
        return
    try:
        value = evaluate(expression, names, status=Status(success=True, failure=False))
    except KindError:
        assert _has_list_or_map(tree)
    except EvaluationError:
        pass
    else:
        assert accepts(of, _type_of(value))


def _has_list_or_map(tree):
    """Whether there are lists or maps in it, whose values may be ``any`` because they are mixed."""
    return any(isinstance(node, (ListLiteral, MapLiteral)) for node in walk(tree))


def _type_of(value):
    if isinstance(value, list):
        return list_of(_type_of(value[0])) if value else list_of(Type("nothing"))
    if isinstance(value, dict):
        return record({key: _type_of(item) for key, item in value.items()})
    return Type({str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}[type(value)])


# Patterns


def _larger_pattern(part):
    return st.one_of(
        st.lists(part, min_size=1, max_size=3).map("".join),
        st.lists(part, min_size=1, max_size=3).map(lambda parts: f"({'|'.join(parts)})"),
        st.builds("(?:{}){}".format, part, st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "{0,}", "*?", "+?", "??"])),
    )


PATTERNS = st.recursive(
    st.sampled_from(["a", "b", ".", "[ab]", "[^a]", r"\d", r"\w", r"\s", r"\b", "^", "$", r"\.", "[a-c1-3]", ""]),
    _larger_pattern,
    max_leaves=12,
)
SUBJECTS = st.text("aabbc12. _\n", max_size=12)


@given(PATTERNS, SUBJECTS)
@settings(max_examples=500)
def test_patterns_find_what_python_finds(pattern, text):
    assert compile_pattern(pattern).search(text) == bool(re.search(pattern.replace("$", r"\Z"), text, re.ASCII))


@given(PATTERNS, SUBJECTS)
@settings(max_examples=300)
def test_patterns_find_what_cel_finds(pattern, text):
    assert evaluate(parse("t.matches(p)"), {"t": text, "p": pattern}) == cel.evaluate("t.matches(p)", {"t": text, "p": pattern})


@given(st.one_of(st.text(max_size=30), st.text("()[]{}*+?|^$\\.a1,-:<>?P", max_size=30)), st.text(max_size=10))
@settings(max_examples=400)
def test_any_text_is_a_pattern_or_a_pattern_error(pattern, text):
    try:
        compiled = compile_pattern(pattern)
    except PatternError as problem:
        assert str(problem)
    else:
        assert compiled.search(text) in {True, False}
