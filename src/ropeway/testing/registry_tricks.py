"""What a fake registry does wrong on request, and what may go wrong on the way to any registry."""

from __future__ import annotations

import gzip
import math
import re
from typing import TYPE_CHECKING

from ropeway.records import field, record
from ropeway.testing.registry_wire import Answer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["FOREVER", "Trick"]

FOREVER = math.inf


@record(frozen=False)
class Trick:
    """Something that happens to requests whose ``METHOD /path?query`` the pattern ``on`` is found in, so many ``times`` (None: always).

    ======================  ======================================================================================================
    ``status``              answers so instead, with ``headers`` and ``body``, and does not do what was asked
    ``headers``             more headers of the answer, or other ones; None leaves one out
    ``body``                other bytes than the right ones, or what a function makes of the right ones
    ``redirect``            sends the client to the same path and query at this address, with 307 (or ``status``)
    ``delay``               seconds before anything is said; ``FOREVER``: until the registry is closed
    ``drop``                closes the connection without an answer
    ``reset``               the same with a reset
    ``truncate``            closes the connection after so many bytes of the body, whose length was announced in full
    ``stall``               sends so many bytes of the body, and then no more and no end
    ``slow``                waits so many seconds after every ``piece`` bytes of the body
    ``endless``             sends the body over and over without announcing a length (at most 256 MiB)
    ``zipped``              sends the body with ``Content-Encoding: gzip``
    ``whole``               does as if the request had no ``Range``
    ``late``                does what was asked, and then closes the connection without an answer
    ======================  ======================================================================================================
    """

    on: str = ""
    times: int | None = None
    after: int = 0
    """Leaves so many such requests alone first."""
    status: int | None = None
    headers: Mapping[str, str | None] = field(default_factory=dict)
    body: bytes | Callable[[bytes], bytes] | None = None
    redirect: str | None = None
    delay: float = 0.0
    drop: bool = False
    reset: bool = False
    truncate: int | None = None
    stall: int | None = None
    slow: float = 0.0
    piece: int = 65536
    endless: bool = False
    zipped: bool = False
    whole: bool = False
    late: bool = False
    used: int = 0
    """How often it happened."""

    def takes(self, line: str) -> bool:
        """Return whether it happens to this request, and count."""
        if (self.times is not None and self.used >= self.times) or not re.search(self.on, line):
            return False
        if self.after > 0:
            self.after -= 1
            return False
        self.used += 1
        return True

    def instead(self, target: str) -> Answer | None:
        """Return the answer that stands for the right one, when there is one."""
        if self.redirect is not None:
            return Answer(self.status or 307, {"Location": self.redirect.rstrip("/") + target})
        if self.status is not None:
            return Answer(self.status, {"Content-Type": "application/json"}, self.body if isinstance(self.body, bytes) else b"")
        return None

    def changed(self, answer: Answer) -> Answer:
        """Return an answer with other headers and another body."""
        body = answer.body
        if self.body is not None:
            body = self.body if isinstance(self.body, bytes) else self.body(body)
        headers = dict(answer.headers)
        if self.zipped:
            body = gzip.compress(body, mtime=0)
            headers["Content-Encoding"] = "gzip"
        for name, value in self.headers.items():
            for same in [known for known in headers if known.lower() == name.lower()]:
                del headers[same]
            if value is not None:
                headers[name] = value
        return Answer(answer.status, headers, body)
