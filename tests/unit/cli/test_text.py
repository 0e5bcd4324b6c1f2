from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ropeway.cli.text import ago, duration, fit, pad, plural, size, table, wide


@pytest.mark.parametrize(("text", "columns"), [("abc", 3), ("größe", 5), ("日本", 4), ("é", 1), ("", 0)])
def test_width_is_what_a_terminal_gives(text: str, columns: int) -> None:
    assert wide(text) == columns


@given(st.text(), st.integers(0, 40))
def test_fitted_text_is_never_wider_than_asked(text: str, columns: int) -> None:
    assert wide(fit(text, columns)) <= columns


@given(st.text(max_size=20))
def test_text_that_fits_is_left_alone(text: str) -> None:
    assert fit(text, 40) == text
    assert wide(pad(text, 40)) == 40


def test_columns_line_up_whatever_the_script() -> None:
    assert table([("a", "日本", "x"), ("bbb", "c", "y")]) == ["a    日本  x", "bbb  c     y"]


def test_no_line_ends_in_spaces() -> None:
    assert table([("a", ""), ("b", "c")]) == ["a", "b  c"]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-1, "0.0 s"),
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.6, "1 min 00 s"),
        (125, "2 min 05 s"),
        (7440, "2 h 04 min"),
        (262_800, "3 d 1 h"),
    ],
)
def test_durations_are_said_in_two_units_at_most(seconds: float, said: str) -> None:
    assert duration(seconds) == said


@pytest.mark.parametrize(("seconds", "said"), [(0.5, "now"), (12, "12 s ago"), (119, "1 min ago"), (7200, "2 h ago"), (90_000, "1 d ago")])
def test_the_past_is_said_in_one_unit(seconds: float, said: str) -> None:
    assert ago(seconds) == said


@pytest.mark.parametrize(("count", "said"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (20 * 2**20, "20 MiB"), (2**41, "2.0 TiB")])
def test_sizes_are_binary(count: int, said: str) -> None:
    assert size(count) == said


def test_numbers_and_nouns_agree() -> None:
    assert [plural(n, "step") for n in (0, 1, 1000)] == ["0 steps", "1 step", "1,000 steps"]
    assert plural(2, "process", "processes") == "2 processes"
