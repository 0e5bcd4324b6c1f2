from __future__ import annotations

import time
from typing import Any

import pytest

from ropeway.lang.model import Field
from ropeway.lang.values import BUILTIN_TYPES, ValueProblem, check_value, parse_parameter, parse_text


def field(type_: str = "string", **more: Any) -> Field:
    return Field("p", type_, **more)


COLOURS = {"choices": ("red", "green")}


@pytest.mark.parametrize(
    ("declared", "text", "value"),
    [
        (field(), "a, b = {c}", "a, b = {c}"),
        (field(), "", ""),
        (field("path"), "../x y", "../x y"),
        (field("integer"), " -12 ", -12),
        (field("integer"), "+7", 7),
        (field("integer"), "0010", 10),
        (field("number"), "1.5", 1.5),
        (field("number"), "-.5", -0.5),
        (field("number"), "2", 2),
        (field("number"), "1e3", 1000.0),
        (field("boolean"), "true", True),
        (field("boolean"), "false", False),
        (field("choice", **COLOURS), "red", "red"),
        (field("list"), "", []),
        (field("list"), "a, b,c", ["a", "b", "c"]),
        (field("list"), '["a, b", "c"]', ["a, b", "c"]),
        (field("list", items="integer"), "1,2", [1, 2]),
        (field("list", items="integer"), "[1, 2]", [1, 2]),
        (field("list", items="choice", **COLOURS), "red,red", ["red", "red"]),
        (field("map"), "", {}),
        (field("map"), "a=1, b = x=y", {"a": "1", "b": "x=y"}),
        (field("map"), '{"a": "1,2"}', {"a": "1,2"}),
        (field("map", items="boolean"), "a=true", {"a": True}),
        (field("secret"), "hunter2", "hunter2"),
    ],
)
def test_text_becomes_a_value_of_the_type(declared, text, value):
    found = parse_text(declared, text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("declared", "text", "message", "hint"),
    [
        (field(), "a\0b", "'p' holds a NUL character", "no program can be given one"),
        (field("integer"), "1.0", "'p' must be a whole number, not '1.0'", None),
        (field("integer"), "1_000", "'p' must be a whole number, not '1_000'", None),
        (field("integer"), "٣", "'p' must be a whole number, not '٣'", None),
        (field("integer"), "9223372036854775808", "'p' can't be 9223372036854775808", "integers have 64 bits"),
        (field("integer"), "9" * 5000, "'p' can't be a number of 5,000 digits", "integers have 64 bits"),
        (field("number"), "nan", "'p' must be a number, not 'nan'", None),
        (field("number"), "inf", "'p' must be a number, not 'inf'", None),
        (field("number"), "1e999", "'p' can't be inf", "write a finite number"),
        (field("number"), "1_0", "'p' must be a number, not '1_0'", None),
        (field("boolean"), "yes", "'p' must be true or false, not 'yes'", None),
        (field("boolean", description="Whether to publish"), "1", "'p' must be true or false, not '1'", "Whether to publish"),
        (field("path"), "", "'p' is an empty path", "write . for the current directory"),
        (field("choice", **COLOURS), "gren", "'p' can't be 'gren'", "did you mean 'green'?"),
        (field("choice", **COLOURS), "x", "'p' can't be 'x'", "one of 'red', 'green'"),
        (field("list", items="integer"), "1,b", "element 1 of 'p' must be a whole number, not 'b'", None),
        (field("list"), "[1, 2]", "element 0 of 'p' must be a string, not an integer", None),
        (field("list"), "[1, 2", "'p' is not valid JSON", "write JSON, or a,b,c"),
        (field("list"), "[" * 100_000, "'p' is not valid JSON", "write JSON, or a,b,c"),
        (field("list", items="number"), "[NaN]", "'p' is not valid JSON", "write JSON, or a,b,c"),
        (field("map"), "a", "'p': 'a' is not key=value", 'write key=value,key=value, or JSON: {"key": "value"}'),
        (field("map"), "a=1,a=2", "'p' has the key 'a' twice", "keep one of them"),
        (field("map", items="integer"), "a=x", "the value of 'a' of 'p' must be a whole number, not 'x'", None),
    ],
)
def test_text_that_does_not_fit_is_refused_with_what_would(declared, text, message, hint):
    with pytest.raises(ValueProblem) as caught:
        parse_text(declared, text)
    assert (caught.value.message, caught.value.hint) == (message, hint)


@pytest.mark.parametrize(
    ("declared", "value"),
    [
        (field(), "x"),
        (field("integer"), -(2**63)),
        (field("number"), 3),
        (field("number"), 0.1),
        (field("boolean"), False),
        (field("list"), []),
        (field("list", items="number"), [1, 2.5]),
        (field("map", items="integer"), {"a": 1}),
        (field("integer", required=False), None),
    ],
)
def test_data_that_fits_is_returned_as_it_is(declared, value):
    assert check_value(declared, value) == value


@pytest.mark.parametrize(
    ("declared", "value", "message"),
    [
        (field(), 3, "'p' must be a string, not an integer"),
        (field(), None, "'p' must be a string, not nothing (null)"),
        (field("integer"), True, "'p' must be a whole number, not a boolean"),
        (field("integer"), 1.0, "'p' must be a whole number, not a number"),
        (field("integer"), "1", "'p' must be a whole number, not a string"),
        (field("integer"), 2**63, "'p' can't be 9223372036854775808"),
        (field("number"), float("nan"), "'p' can't be nan"),
        (field("number"), 10**400, "'p' can't be a huge number"),
        (field("boolean"), 0, "'p' must be true or false, not an integer"),
        (field("list"), "a,b", "'p' must be a list, not a string"),
        (field("list"), ["a", 1], "element 1 of 'p' must be a string, not an integer"),
        (field("map"), {1: "a"}, "'p' must be a map with strings as keys, not a table"),
        (field("map"), {"a": ["b"]}, "the value of 'a' of 'p' must be a string, not a list"),
        (field("list", items="list"), [[1]], "element 0 of 'p' can't be a list"),
    ],
)
def test_data_that_does_not_fit_is_refused(declared, value, message):
    with pytest.raises(ValueProblem) as caught:
        check_value(declared, value)
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("low", "high", "value", "hint"),
    [
        (1, None, 0, "write a number that is at least 1"),
        (None, 9, 10, "write a number that is at most 9"),
        (1, 9, 10, "write a number that is at least 1 and at most 9"),
    ],
)
def test_a_number_outside_its_bounds_is_refused_with_the_bounds(low, high, value, hint):
    for of in (field("integer", minimum=low, maximum=high), field("list", items="integer", minimum=low, maximum=high)):
        with pytest.raises(ValueProblem) as caught:
            check_value(of, [value] if of.type == "list" else value)
        assert caught.value.hint == hint
    assert check_value(field("integer", minimum=1, maximum=9), 9) == 9
    assert check_value(field("integer", minimum=1, maximum=9), 1) == 1


@pytest.mark.parametrize(
    ("pattern", "fits", "not_"),
    [
        ("[a-z]+", "abc", "abc1"),
        ("a|b", "b", "bb"),
        ("^a$", "a", "a\n"),
        ("(?i)ready", "READY", "READY!"),
        (r"^[\w./~^-]+$", "HEAD~20", "HEAD 20"),
        ("", "", "x"),
    ],
)
def test_a_pattern_matches_the_whole_value(pattern, fits, not_):
    assert check_value(field(pattern=pattern), fits) == fits
    with pytest.raises(ValueProblem, match="does not match the pattern"):
        check_value(field(pattern=pattern), not_)


def test_a_hostile_value_does_not_keep_a_hostile_pattern_busy():
    start = time.perf_counter()
    with pytest.raises(ValueProblem):
        parse_text(field(pattern="(a+)+(a*)*b"), "a" * 100_000)
    assert time.perf_counter() - start < 5


def test_a_pattern_that_can_not_be_used_is_a_refusal_and_no_crash():
    with pytest.raises(ValueProblem, match="the pattern can't be used"):
        check_value(field(pattern="(a"), "a")


def test_a_pattern_is_not_closed_and_opened_again_by_what_we_put_around_it():
    with pytest.raises(ValueProblem, match="the pattern can't be used"):
        check_value(field(pattern="a)(b"), "ab")


@pytest.mark.parametrize(
    ("source", "hint"),
    [
        (None, "store it with `workflow secret set p`"),
        ("keyring:GH", "store it with `workflow secret set GH`"),
        ("env:GH", "set the environment variable GH"),
        ("prompt", "it is asked for when the run starts"),
    ],
)
def test_a_secret_is_refused_on_a_command_line_and_the_hint_says_where_it_belongs(source, hint):
    with pytest.raises(ValueProblem) as caught:
        parse_parameter(field("secret", source=source), "hunter2")
    assert caught.value.hint == hint
    assert "hunter2" not in str(caught.value)


def test_any_other_parameter_is_read_like_text():
    assert parse_parameter(field("integer"), "3") == 3


def test_no_refusal_shows_a_secret():
    for value in ("hunter2", "hunter2\0"):
        with pytest.raises(ValueProblem) as caught:
            check_value(field("secret", pattern="x+"), value)
        assert "hunter2" not in f"{caught.value.message} {caught.value.hint}"


class Types:
    """A plugin's type (a port, by name or number) and two validators."""

    class Port:
        base = "integer"

        def parse(self, text, field):
            return {"http": 80}.get(text) or self.check(int(text), field)

        def check(self, value, field):
            if not isinstance(value, int) or not 0 < value < 65536:
                raise ValueProblem(f"{value} is no port", hint="1 to 65535")
            return value

    def type(self, name):
        return self.Port() if name == "port" else None

    def validator(self, name):
        def even(value):
            if value % 2:
                message = f"{value} is odd"
                raise ValueError(message)

        return {"even": even}.get(name)

    def type_names(self):
        return ("port",)


def test_a_plugin_type_reads_text_and_checks_data():
    types = Types()
    assert parse_text(field("port"), "http", types) == 80
    assert parse_text(field("list", items="port"), "http,443", types) == [80, 443]
    assert check_value(field("port"), 443, types) == 443
    with pytest.raises(ValueProblem, match="70000 is no port"):
        check_value(field("port"), 70_000, types)


def test_a_value_error_of_a_plugin_is_a_refusal():
    with pytest.raises(ValueProblem, match="'p': invalid literal"):
        parse_text(field("port"), "htpt", Types())
    with pytest.raises(ValueProblem, match="'p': 3 is odd"):
        parse_text(field("integer", validator="even"), "3", Types())
    assert parse_text(field("integer", validator="even"), "4", Types()) == 4


@pytest.mark.parametrize("types", [None, Types()])
def test_a_type_that_nobody_brings_is_named(types):
    with pytest.raises(ValueProblem, match="'p' has the unknown type 'prt'"):
        parse_text(field("prt"), "x", types)
    with pytest.raises(ValueProblem, match="validator 'odd', which is not installed"):
        parse_text(field(validator="odd"), "x", types)


def test_every_built_in_type_reads_text_without_a_plugin():
    texts = {"integer": "1", "number": "1", "boolean": "true", "choice": "red", "map": "a=b"}
    for name in BUILTIN_TYPES:
        of = field(name, choices=COLOURS["choices"] if name == "choice" else ())
        value = parse_text(of, texts.get(name, "x"))
        assert check_value(of, value) == value
