"""How values become text."""

from __future__ import annotations

import pytest

from ropeway.lang.expressions import EvaluationError, to_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a'b\n", "a'b\n"),
        (12, "12"),
        (-9223372036854775808, "-9223372036854775808"),
        (True, "true"),
        (False, "false"),
        (None, ""),
        (2.0, "2"),
        (-0.0, "0"),
        (0.1, "0.1"),
        (1e300, "1e+300"),
        ([], "[]"),
        (["ä", 1, 2.0, None, True], '["ä",1,2,null,true]'),
        (("a",), '["a"]'),
        ({"b": {"a": []}}, '{"b":{"a":[]}}'),
        (["\0"], '["\\u0000"]'),
    ],
)
def test_a_value_becomes_this_text(value, text):
    assert to_text(value) == text


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("a\0b", "the text holds a NUL character"),
        (float("inf"), "an infinite number has no text"),
        ([float("nan")], "an infinite number has no text"),
        (object(), "a value of the kind object has no text"),
    ],
)
def test_some_values_have_no_text(value, message):
    with pytest.raises(EvaluationError) as info:
        to_text(value)
    assert info.value.message == message
