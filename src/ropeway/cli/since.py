"""Points in time as people write them: ``2h`` ago, a date, a date with a time."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime

from ropeway.errors import UsageError

__all__ = ["parse_since"]

_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400, "w": 604_800}
_AGO = re.compile(r"(\d{1,9})\s*(s|m|min|h|d|w)(?:\s+ago)?\Z")


def parse_since(text: str, now: float | None = None) -> float:
    """Return the time as seconds since the epoch; a date without an offset is local time.

    Raises:
        UsageError: It is neither.
    """
    found = _AGO.match(text.strip())
    if found:
        return (time.time() if now is None else now) - int(found.group(1)) * _UNITS[found.group(2)]
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise UsageError(f"{text!r} is no point in time", hint="write 30m, 2h, 3d, 2026-01-31 or 2026-01-31T12:00:00Z") from None
    return moment.timestamp() if moment.tzinfo else moment.astimezone().astimezone(UTC).timestamp()
