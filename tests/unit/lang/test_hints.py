from __future__ import annotations

import pytest

from ropeway.lang.hints import did_you_mean, nearest, shown

KEYS = ("needs", "timeout", "retry", "resources", "run", "uses", "on_error", "max_parallel")


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("need", "needs"),
        ("time_out", "timeout"),
        ("tiemout", "timeout"),
        ("TIMEOUT", "timeout"),
        ("on-error", "on_error"),
        ("rnu", "run"),
        ("resource", "resources"),
        ("maxparalel", "max_parallel"),
    ],
)
def test_a_slip_of_the_fingers_finds_its_word(word, meant):
    assert nearest(word, KEYS) == meant


@pytest.mark.parametrize("word", ["", "x", "banana", "environment", "n" * 1000])
def test_a_word_that_is_like_none_has_no_nearest(word):
    assert nearest(word, KEYS) is None
    assert did_you_mean(word, KEYS) is None


def test_the_hint_is_a_question():
    assert did_you_mean("retyr", KEYS) == "did you mean 'retry'?"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a\nb", r"'a\nb'"),
        ("x" * 100, "'" + "x" * 60 + "…'"),
        (True, "true"),
        (3, "3"),
        (10**400, "a huge number"),
        ([1], "a list"),
        (None, "nothing (null)"),
    ],
)
def test_a_value_is_shown_on_one_line_and_cut(value, text):
    assert shown(value) == text
