from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ropeway.errors import RopewayError
from ropeway.lang.units import (
    DURATION_PATTERN,
    SIZE_PATTERN,
    BadUnit,
    format_duration,
    format_size,
    parse_duration,
    parse_size,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("250ms", 0.25),
        ("30s", 30),
        ("1.5s", 1.5),
        ("5m", 300),
        ("1h30m", 5400),
        ("24h", 86_400),
        ("30d", 2_592_000),
        ("1w2d3h4m5s6ms", 788_645.006),
        ("0s", 0),
    ],
)
def test_a_duration_is_the_sum_of_its_parts(text, seconds):
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text", ["", "5", "m", "-5m", "5 m", "30m1h", "1h1h", "5M", "1e3s", "٣s", "5m\n", ".5s", "5.s", "inf", "200000d", "9" * 70 + "s"]
)
def test_what_is_not_a_duration_is_refused_with_a_hint(text):
    with pytest.raises(BadUnit) as caught:
        parse_duration(text)
    assert caught.value.hint
    assert isinstance(caught.value, RopewayError)


def test_a_number_without_a_unit_is_told_which_units_there_are():
    with pytest.raises(BadUnit, match="'90' is not a duration") as caught:
        parse_duration("90")
    assert caught.value.hint == 'add a unit: "90s" for seconds, "90m" for minutes'


@given(st.integers(0, 50 * 365 * 86_400_000))
@example(59_999)
def test_writing_a_duration_and_reading_it_gives_the_same_milliseconds(milliseconds):
    text = format_duration(milliseconds / 1000)
    assert round(parse_duration(text) * 1000) == milliseconds


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (0.0001, "0s"), (0.25, "250ms"), (90, "1m30s"), (5400, "1h30m"), (1_209_600, "14d")]
)
def test_a_duration_is_written_the_short_way(seconds, text):
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0B", 0),
        ("512MiB", 2**29),
        ("1GiB", 2**30),
        ("1.5GiB", 3 * 2**29),
        ("1GB", 10**9),
        ("10kB", 10_000),
        ("64 KiB", 65_536),
        ("1TiB", 2**40),
    ],
)
def test_a_size_is_a_number_with_a_unit(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("1024", 'add a unit: "1024B" for bytes, "1024MiB" for mebibytes'),
        ("1gib", 'write "1GiB"'),
        ("2G", 'write "2GiB"'),
        ("10KB", 'write "10kB"'),
        ("many", 'write it like "512MiB", "1GiB" or "10MB"'),
        ("-1GiB", 'write it like "512MiB", "1GiB" or "10MB"'),
    ],
)
def test_what_is_not_a_size_is_refused_and_the_hint_says_what_to_write(text, hint):
    with pytest.raises(BadUnit) as caught:
        parse_size(text)
    assert caught.value.hint == hint


def test_a_size_that_no_machine_has_is_refused():
    with pytest.raises(BadUnit, match="more than any machine has"):
        parse_size("2000000TiB")


@given(st.integers(0, 2**50))
def test_writing_a_size_and_reading_it_gives_the_same_bytes(size):
    assert parse_size(format_size(size)) == size


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused(text):
    for parse, pattern in ((parse_duration, DURATION_PATTERN), (parse_size, SIZE_PATTERN)):
        try:
            assert parse(text) >= 0
        except BadUnit:
            continue
        assert re.fullmatch(pattern, text)
