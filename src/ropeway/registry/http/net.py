"""How the network is used for one registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ropeway.records import record

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Net"]


@record
class Net:
    """How the network is used for one registry.

    Attributes:
        ca: A file of certificates in PEM form that are trusted beside the system's. With it, or with pins, TLS is spoken with this machine as well.
        pins: ``sha256:…`` of the key (SubjectPublicKeyInfo) or of the whole certificate that the server has to show; none: any trusted one.
        timeout: Seconds without a single byte after which a server counts as gone.
        least_rate: Bytes a second that a server has to send while it is waited for; 0 for any.
        rate_window: Seconds of waiting over which that is looked at.
        connect_timeout: Seconds to open a connection.
        retries: How often a request is tried again.
        backoff: Seconds before the first retry; doubled with each, up to :attr:`longest_wait`.
        longest_wait: Seconds that a server may make us wait with ``Retry-After``.
        workers: Transfers at once; more than eight win nothing on one machine, five lose a tenth.
        offline: Whether nothing may be asked at all.
    """

    ca: Path | None = None
    pins: tuple[str, ...] = ()
    timeout: float = 30.0
    least_rate: float = 1024.0
    rate_window: float = 60.0
    connect_timeout: float = 10.0
    retries: int = 4
    backoff: float = 0.25
    longest_wait: float = 60.0
    workers: int = 8
    offline: bool = False
