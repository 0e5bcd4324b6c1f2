"""Whether and when an attempt is made again."""

from __future__ import annotations

import pytest

from ropeway.lang.model import Retry
from ropeway.runs.retry import Failure, delay_before, matches


@pytest.mark.parametrize(
    ("on", "reason", "code", "again"),
    [
        ((), "exit", 1, True),
        ((), "signal", 137, True),
        ((), "timeout", 143, True),
        ((), "exit", 126, False),
        ((), "exit", 127, False),
        ((), "output", 0, False),
        ((), "start", 127, False),
        (("failure",), "exit", 127, True),
        (("failure",), "output", 0, True),
        (("timeout",), "timeout", 143, True),
        (("timeout",), "exit", 1, False),
        (("exit:75",), "exit", 75, True),
        (("exit:75",), "exit", 1, False),
        (("exit", "signal"), "signal", 139, True),
        (("exit",), "signal", 139, False),
    ],
)
def test_conditions_cover_what_they_name(on: tuple[str, ...], reason: str, code: int, again: bool) -> None:
    assert matches(Retry(attempts=2, on=on), Failure(reason, code)) is again


@pytest.mark.parametrize(
    ("backoff", "delays"),
    [("constant", [2, 2, 2, 2, None]), ("linear", [2, 4, 6, 7, None]), ("exponential", [2, 4, 7, 7, None])],
)
def test_delays_grow_up_to_their_limit(backoff: str, delays: list) -> None:
    retry = Retry(attempts=5, delay=2, backoff=backoff, max_delay=7)
    assert [delay_before(retry, Failure("exit", 1), n) for n in range(1, 6)] == delays


def test_without_a_policy_there_is_one_attempt() -> None:
    assert delay_before(None, Failure("exit", 1), 1) is None
    assert delay_before(Retry(attempts=10**9, backoff="exponential", delay=1, max_delay=60), Failure("exit", 1), 10**6) == 60
