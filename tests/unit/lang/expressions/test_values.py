"""The evaluator: a gallery of expressions and their values, and the whole of what it says when there is none."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pytest

from ropeway.errors import NotFound
from ropeway.lang.expressions import EvaluationError, Status, evaluate, parse
from ropeway.lang.expressions.errors import KindError

NAMES = {
    "params": {"since": "HEAD~20", "empty": "", "count": 7, "ratio": 0.5, "flag": True, "list": ["a", "b"], "none": None},
    "steps": {"a": {"exit_code": 0, "outputs": {"files": "x,y"}}, "skipped": {"exit_code": None, "outputs": None}},
    "item": "one",
    "env": {"HOME": "/root"},
}

VALUES = {
    "params.since != ''": True,
    "params['since']": "HEAD~20",
    "params.list[1]": "b",
    "1 + 2 * 3": 7,
    "7 / 2": 3,
    "-7 / 2": -3,
    "7 / -2": -3,
    "-7 % 3": -1,
    "7 % -3": 1,
    "7.0 / 2": 3.5,
    "params.count * 1.5": 10.5,
    "params.ratio * 2": 1.0,
    "1 < 1.5": True,
    "1 == 1.0": True,
    "9007199254740993 == 9007199254740992.0": False,
    "9223372036854775806 + 1": 9223372036854775807,
    "-9223372036854775807 - 1": -9223372036854775808,
    "'a' + 'b'": "ab",
    "[1] + [2, 3]": [1, 2, 3],
    "'a' < 'b' && 'Z' < 'a'": True,
    "true == 1": False,
    "[true] == [1]": False,
    "{'a': 1} == {'a': 1.0}": True,
    "{'a': 1} != {'b': 1}": True,
    "[1, [2, {'a': null}]] == [1, [2, {'a': null}]]": True,
    "null == null": True,
    "params.none == null": True,
    "params.since == null": False,
    "1 == 'a'": False,
    "'a' in ['a', 'b']": True,
    "1 in [true]": False,
    "'since' in params": True,
    "1 in params": False,
    "!true || !false": True,
    "params.flag ? 'yes' : 'no'": "yes",
    "false ? 1 / 0 : 2": 2,
    "1 / 0 == 1 || true": True,
    "true || 1 / 0 == 1": True,
    "1 / 0 == 1 && false": False,
    "has(params.since)": True,
    "has(params.nothing)": False,
    "has(params.none)": True,
    "has(steps.skipped.outputs.x)": False,
    "default(params.none, 'd')": "d",
    "default(params.since, 'd')": "HEAD~20",
    "default(params.nothing, 'd')": "d",
    "default(steps.skipped.outputs.score, 0)": 0,
    "default(params.list[5], 'd')": "d",
    "default(nowhere, 'd')": "d",
    "default(params.empty, 'd')": "",
    "default(params.since, 1 / 0)": "HEAD~20",
    "size('añ😀')": 3,
    "size([1, 2]) + {'a': 1}.size()": 3,
    "'abc'.contains('b') && contains('abc', 'c')": True,
    "'abc'.startsWith('ab') && endsWith('abc', 'bc')": True,
    "params.since.matches(r'^HEAD~\\d+$')": True,
    "matches('abc', 'x')": False,
    "'ÄB'.lower() + upper('ä')": "äbÄ",
    "join(['a', 1, 1.5, 2.0, true, null, [1], {'k': 'v'}], ',')": 'a,1,1.5,2,true,,[1],{"k":"v"}',
    "['a', 'b'].join()": "ab",
    "split('a,b,,c', ',')": ["a", "b", "", "c"],
    "''.split(',')": [],
    "'a'.split(',')": ["a"],
    "'añ'.split('')": ["a", "ñ"],
    "json('{\"a\": [1, 2.5, null, true]}').a": [1, 2.5, None, True],
    "json('\"x\"')": "x",
    "success() && !failure() && always()": True,
    "file('log.txt')": "hellö",
    "hash_files('src/**')": "sha256:src/**",
    "{'a': [params.count]}.a[0]": 7,
    "[]": [],
    "{}": {},
}


def value_of(text, names=NAMES, **kwargs):
    doors = {
        "files": lambda path: "hellö".encode() if path == "log.txt" else _raise(FileNotFoundError(2, "No such file or directory")),
        "hashes": lambda pattern: f"sha256:{pattern}",
        "status": Status(success=True, failure=False),
    }
    return evaluate(parse(text), names, **{**doors, **kwargs})


def _raise(error):
    raise error


@pytest.mark.parametrize("text", VALUES)
def test_the_expression_has_this_value(text):
    value = value_of(text)
    assert value == VALUES[text]
    assert type(value) is type(VALUES[text])


# Each text with the message, the offset and the hint.
WITHOUT = {
    "1 / 0": ("division by zero", 0, None),
    "1 + 2 % 0": ("division by zero", 4, None),
    "1.0 / 0": ("division by zero", 0, None),
    "9223372036854775807 + 1": ("the result does not fit into an integer of 64 bits", 0, None),
    "-(-9223372036854775807 - 1)": ("the result does not fit into an integer of 64 bits", 0, None),
    "(-9223372036854775807 - 1) / -1": ("the result does not fit into an integer of 64 bits", 1, None),
    "1e308 * 10": ("the result is too large for a number", 0, None),
    "1 + params.since": ("'+' can not take integer and string", 0, None),
    "1 + params.none": ("'+' can not take integer and null", 0, "default(value, other) gives another value for null"),
    "true + 1": ("'+' can not take boolean and integer", 0, None),
    "1.5 % 1.0": ("'%' can not take number and number", 0, None),
    "'a' < 1": ("'<' can not take string and integer", 0, None),
    "'a' in 'abc'": ("'in' can not look into string", 0, "contains(text, part) looks inside text"),
    "!params.since": ("'!' asks for a boolean, not string", 0, None),
    "true && params.count": ("'&&' asks for a boolean, not integer", 8, None),
    "params.count ? 1 : 2": ("'?' asks for a boolean, not integer", 0, None),
    "-params.since": ("'-' can not take string", 0, None),
    "nowhere": ("there is no 'nowhere' here", 0, None),
    "parms.since": ("there is no 'parms' here", 0, "did you mean 'params'?"),
    "params.sinse": ("'params' has no 'sinse'", 0, "did you mean 'since'?"),
    "env.NO_SUCH": ("the environment variable NO_SUCH is not set", 0, "set it, or write default(env.NO_SUCH, '')"),
    "env['NO-SUCH']": ("the environment variable NO-SUCH is not set", 0, "set it, or write default(env['NO-SUCH'], '')"),
    "1 + params.list[2]": ("'params.list' has 2 items, none at 2", 4, "the first is at 0"),
    "params.list[-1]": ("'params.list' has 2 items, none at -1", 0, "the first is at 0"),
    "params.list['a']": ("the items of 'params.list' are counted by integers, not string", 0, None),
    "params[1]": ("the keys of 'params' are strings, not integer", 0, None),
    "params.since.x": ("'params.since' is string and has no parts", 0, None),
    "steps.skipped.outputs.x": (
        "'steps.skipped.outputs' is null and has no parts",
        0,
        "default(value, other) gives another value for null",
    ),
    "has(params.since.x)": ("'params.since' is string and has no parts", 4, None),
    "size(1)": ("size() takes string or list or map, not integer", 0, None),
    "lower(params.none)": ("lower() takes string, not null", 0, "default(value, other) gives another value for null"),
    "sise('a')": ("there is no function sise()", 0, "did you mean 'size'?"),
    "size()": ("size() can not take 0 arguments", 0, None),
    "matches('a', '(')": ("the pattern of matches() is malformed: '(' is not closed", 0, None),
    "{1: 2}": ("a map's keys are strings, not integer", 1, None),
    "{'a': 1, 'a': 2}": ("the key 'a' is there twice", 9, None),
    "json('{')": (
        "json() was given text that is not JSON: Expecting property name enclosed in double quotes (line 1, column 2)",
        0,
        None,
    ),
    "true ? json('x') : 1": ("json() was given text that is not JSON: Expecting value (line 1, column 1)", 7, None),
    "json('NaN')": ("json(): NaN is not JSON", 0, None),
    "json('1e999')": ("json(): 1e999 is too large for a number", 0, None),
    "json('9223372036854775808')": ("json(): 9223372036854775808 does not fit into an integer of 64 bits", 0, None),
    "file('missing')": ("file() can not read 'missing': No such file or directory", 0, None),
}


@pytest.mark.parametrize("text", WITHOUT)
def test_without_a_value_it_says_why_and_where(text):
    with pytest.raises(EvaluationError) as info:
        value_of(text)
    assert (info.value.message, info.value.offset, info.value.hint) == WITHOUT[text]


def test_a_wrong_kind_is_told_apart_from_a_wrong_value():
    with pytest.raises(KindError, match="can not take") as info:
        value_of("1 + 'a'")
    assert info.value.code == "RW252"


def test_functions_without_their_door_say_so():
    for text, message in {
        "file('x')": "file() can not be used here: there are no files yet",
        "hash_files('x')": "hash_files() can not be used here: there are no files yet",
        "success()": "success() has an answer only in 'when'",
        "failure()": "failure() has an answer only in 'when'",
    }.items():
        with pytest.raises(EvaluationError) as info:
            evaluate(parse(text), {})
        assert info.value.message == message


def test_a_file_that_is_not_text_is_refused():
    with pytest.raises(EvaluationError, match=r"the file 'x' is not UTF-8 text \(byte 1\)"):
        value_of("file('x')", files=lambda _: b"a\xff")


def test_errors_of_ours_from_a_door_keep_their_words():
    with pytest.raises(EvaluationError) as info:
        value_of("file('x')", files=lambda _: _raise(NotFound("no such file", hint="make it")))
    assert (info.value.message, info.value.hint, info.value.offset) == ("no such file", "make it", 0)


class Lazy(Mapping):
    """A context that makes its values on demand, as a run's does."""

    def __init__(self, make):
        self.make = make
        self.asked = []

    def __getitem__(self, key):
        self.asked.append(key)
        return self.make(key)

    def __iter__(self):
        return iter(())

    def __len__(self):
        return 0


def test_contexts_may_be_lazy_and_are_asked_only_for_what_is_read():
    lazy = Lazy(lambda key: {"outputs": {"x": key}})
    assert value_of("true || steps.b.outputs.x == ''", {"steps": lazy}) is True
    assert value_of("steps.a.outputs.x", {"steps": lazy}) == "a"
    assert lazy.asked == ["a"]


def test_an_error_of_a_lazy_context_becomes_an_evaluation_error():
    with pytest.raises(EvaluationError, match="no such secret"):
        value_of("secrets.x", {"secrets": Lazy(lambda _: _raise(NotFound("no such secret")))})


@pytest.mark.parametrize(
    "text",
    [
        "join(params.big, ',') == ''",
        "params.big == params.same",
        "'x' in params.big",
        "params.big + params.big == []",
        "split(params.text, 'a')",
        "params.text.matches('(a|aa)+$')",
        "params.text + params.text",
        "upper(params.text)",
        "json(params.text)",
    ],
)
def test_what_grows_with_the_data_is_charged_to_the_budget(text):
    names = {"params": {"big": ["a"] * 20_000, "same": ["a"] * 20_000, "text": "a" * 1_000_000}}
    with pytest.raises(EvaluationError) as info:
        evaluate(parse(text), names, budget=10_000)
    assert (info.value.code, info.value.message) == ("RW251", "the expression costs more than its budget allows")


def test_running_out_of_budget_is_not_forgiven():
    names = {"p": {"text": "a" * 1_000_000}}
    for text in ("p.text.matches('b') || true", "default(p[p.text + 'a'], 1) == 1", "true || p.text == ''"):
        if text.startswith("true"):
            assert evaluate(parse(text), names, budget=100) is True
            continue
        with pytest.raises(EvaluationError, match="budget"):
            evaluate(parse(text), names, budget=100)


def test_text_has_a_largest_size():
    doubling = "a" * (9 * 2**20)
    with pytest.raises(EvaluationError, match="the text would be larger than 16 Mi"):
        evaluate(parse("a + a"), {"a": doubling}, budget=10**9)
    with pytest.raises(EvaluationError, match="the text would be larger than 16 Mi"):
        evaluate(parse("join([a, a], '')"), {"a": doubling}, budget=10**9)


def test_json_that_is_nested_too_deep_is_refused():
    for depth in (102, 100_000):
        with pytest.raises(EvaluationError, match="nested more than 100 deep"):
            evaluate(parse("json(a)"), {"a": "[" * depth + "]" * depth})
    assert evaluate(parse("json(a)"), {"a": "[" * 100 + "]" * 100}) != []


def test_values_nested_beyond_measure_are_refused_and_not_a_crash():
    deep: list[object] = []
    other: list[object] = []
    for _ in range(100_000):
        deep, other = [deep], [other]
    with pytest.raises(EvaluationError, match="nested too deep to compare"):
        evaluate(parse("a == b"), {"a": deep, "b": other})
    while deep:  # taken apart level by level: Python's own tear-down would recurse
        deep, other = deep[0], other[0]


def test_a_number_stays_finite():
    assert math.isfinite(value_of("1e308 + 7e307"))
