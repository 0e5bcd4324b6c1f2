"""Whether and when a failed attempt is made again: pure arithmetic over the step's ``retry``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ropeway.records import record

if TYPE_CHECKING:
    from ropeway.lang.model import Retry

NEVER_BY_DEFAULT = frozenset({126, 127})
"""Exit codes of «found but can't be executed» and «not found» (POSIX shell, 2.8.2): trying again does not help."""


@record
class Failure:
    """How an attempt failed.

    ``reason`` is ``exit``, ``signal``, ``timeout``, ``output`` (bad or missing outputs), ``start`` (could not be started) or ``error``.
    """

    reason: str
    exit_code: int | None = None


def matches(retry: Retry, failure: Failure) -> bool:
    """Whether ``retry.on`` covers this failure. Words: ``failure`` (any), ``timeout``, ``signal``, ``output``, ``exit`` and ``exit:N``."""
    if not retry.on:
        return failure.reason not in ("output", "start") and failure.exit_code not in NEVER_BY_DEFAULT
    wanted = set(retry.on)
    return "failure" in wanted or failure.reason in wanted or f"exit:{failure.exit_code}" in wanted


def delay_before(retry: Retry | None, failure: Failure, failures: int) -> float | None:
    """Return the seconds to wait before the next attempt, or None when there is none.

    Args:
        retry: The step's policy; None means a single attempt.
        failure: How the last attempt failed.
        failures: How many attempts have failed so far, this one included.
    """
    if retry is None or failures >= retry.attempts or not matches(retry, failure):
        return None
    factor = {"constant": 1.0, "linear": float(failures), "exponential": 2.0 ** min(failures - 1, 60)}[retry.backoff]
    delay = retry.delay * factor
    return min(delay, retry.max_delay) if retry.max_delay is not None else delay
