"""Whether a failed request is sent again, and how long before. Pure, but for the chance that spreads many clients' retries."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ropeway.registry.http.net import Net

__all__ = ["is_busy", "may_retry", "pause", "retry_after"]

_PASSING: Final = frozenset({408, 429, 500, 502, 503, 504})
_LONGEST: Final = 10.0


def may_retry(status: int) -> bool:
    """Whether a status says that the same request may succeed later (RFC 9110, RFC 6585). What the client did wrong stays wrong."""
    return status in _PASSING


def is_busy(status: int) -> bool:
    """Whether a status says that the server has not even begun with the request: 429 and 503."""
    return status in (429, 503)


def retry_after(value: str | None, now: float) -> float | None:
    """Read ``Retry-After`` (RFC 9110, 10.2.3): seconds, or a date. Return seconds from ``now``, None when there is none that makes sense."""
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    if not text:
        return None
    from email.utils import parsedate_to_datetime

    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now)
    except (ValueError, OverflowError):
        return None


def pause(tried: int, after: str | None, net: Net) -> float:
    """Return the seconds to wait before retry number ``tried`` (from 0): what the server asks for, else twice as long each time, spread by chance."""
    asked = retry_after(after, time.time())
    if asked is not None:
        return asked
    import random

    return min(net.backoff * 2.0**tried, _LONGEST) * random.uniform(0.75, 1.25)  # noqa: S311 - no secret depends on it
