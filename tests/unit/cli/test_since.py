from __future__ import annotations

from datetime import datetime

import pytest

from ropeway.cli.since import parse_since
from ropeway.errors import UsageError


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("10m", 600), ("10min", 600), ("2h", 7200), ("3d", 259_200), ("1w", 604_800), ("2h ago", 7200)]
)
def test_a_stretch_of_time_counts_back_from_now(text: str, seconds: int) -> None:
    assert parse_since(text, now=1_000_000.0) == 1_000_000.0 - seconds


def test_a_time_with_an_offset_is_that_time() -> None:
    assert parse_since("1970-01-02T00:00:00Z") == 86_400.0


def test_a_date_alone_is_local() -> None:
    assert parse_since("2026-01-31") == datetime(2026, 1, 31).timestamp()  # noqa: DTZ001 - local on purpose


@pytest.mark.parametrize("text", ["", "yesterday", "2 fortnights", "-1h", "99999999999h"])
def test_anything_else_is_refused_with_examples(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_since(text)
    assert "2026-01-31" in str(caught.value.hint)
