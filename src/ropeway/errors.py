"""Every error that Ropeway raises on purpose, in one tree.

::

    RopewayError                      exit 1
    ├── UsageError                    exit 2   the call's words are off
    ├── InvalidWorkflow (ValueError)  exit 2   diagnostics say where
    ├── NotFound (LookupError)        exit 3   no such workflow, run, step, artifact
    ├── Unreachable (ConnectionError) exit 3   a registry or host did not answer
    ├── Refused (PermissionError)     exit 4   signature, trust, policy, or something not enforceable here
    │   └── Busy                      exit 4   another process owns it
    ├── Cancelled                     exit 5
    ├── Waiting                       exit 6   a person has to answer
    └── StoreError (OSError)          exit 1   the state directory can't be read or written

The place that raises knows why, so it passes the hint: one sentence that says what to do. ``code`` is stable and meant for
programs; ``message`` is for people and may change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "Busy",
    "Cancelled",
    "InvalidWorkflow",
    "NotFound",
    "Refused",
    "RopewayError",
    "StoreError",
    "Unreachable",
    "UsageError",
    "Waiting",
]


class RopewayError(Exception):
    """Something that could not be done, said in a person's words.

    Args:
        message: What is wrong, without a trailing full stop.
        hint: What to do about it, or None.
        code: A stable word for programs, such as ``run-not-found``.
    """

    exit_status: ClassVar[int] = 1
    http_status: ClassVar[int] = 500
    default_code: ClassVar[str] = "error"

    def __init__(self, message: str, *, hint: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code or self.default_code

    def __str__(self) -> str:
        return self.message


class UsageError(RopewayError):
    """The words of a call do not fit: an unknown option, a parameter that does not exist."""

    exit_status = 2
    http_status = 400
    default_code = "usage"


class InvalidWorkflow(RopewayError, ValueError):
    """A workflow that can not be planned; ``diagnostics`` holds every problem found, as ``Diagnostic`` objects of ``lang``."""

    exit_status = 2
    http_status = 422
    default_code = "invalid-workflow"

    def __init__(self, message: str, *, diagnostics: Sequence[object] = (), hint: str | None = None, code: str | None = None) -> None:
        super().__init__(message, hint=hint, code=code)
        self.diagnostics = tuple(diagnostics)


class NotFound(RopewayError, LookupError):
    """No such thing: a workflow, a run, a step, an artifact, a secret."""

    exit_status = 3
    http_status = 404
    default_code = "not-found"


class Unreachable(RopewayError, ConnectionError):
    """A registry or another host did not answer."""

    exit_status = 3
    http_status = 502
    default_code = "unreachable"


class Refused(RopewayError, PermissionError):
    """Not done on purpose: a rule forbids it, or it can not be enforced on this machine."""

    exit_status = 4
    http_status = 403
    default_code = "refused"


class Busy(Refused):
    """Another process owns the thing right now."""

    http_status = 409
    default_code = "busy"


class Cancelled(RopewayError):
    """Ended by ``workflow cancel``, by the daemon or by a queue rule."""

    exit_status = 5
    http_status = 409
    default_code = "cancelled"


class Waiting(RopewayError):
    """The run waits for a person's answer."""

    exit_status = 6
    http_status = 409
    default_code = "waiting"


class StoreError(RopewayError, OSError):
    """The state directory can't be read or written: full, read-only, damaged."""

    default_code = "store"
