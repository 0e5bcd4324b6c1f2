"""What one evaluation has at hand, and the limits that make it end."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ropeway.lang.expressions.errors import EvaluationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

__all__ = ["MAX_BUILT", "Run", "Status"]

MAX_BUILT = 16 * 2**20
"""The most characters, or items, that a text or list made by an expression may have."""

_CHARACTERS_PER_UNIT = 64


class Status(NamedTuple):
    """What ``success()`` and ``failure()`` answer."""

    success: bool
    failure: bool


class Run:
    """One evaluation: the contexts, the doors to files, and what is left of the budget.

    A unit of the budget is a node of the expression, an item that is looked at or 64 characters that are copied.
    """

    __slots__ = ("files", "hashes", "left", "names", "status")

    def __init__(
        self,
        names: Mapping[str, Any],
        left: int,
        files: Callable[[str], bytes] | None = None,
        hashes: Callable[[str], str] | None = None,
        status: Status | None = None,
    ) -> None:
        self.names = names
        self.left = left
        self.files = files
        self.hashes = hashes
        self.status = status

    def charge(self, units: int) -> None:
        """Take units from the budget.

        Raises:
            EvaluationError: None are left.
        """
        self.left -= units
        if self.left < 0:
            raise EvaluationError(
                "the expression costs more than its budget allows",
                hint="do this in a script: it gets the values in variables",
                code="RW251",
                final=True,
            )

    def builds(self, size: int, what: str = "text") -> None:
        """Account for a text or list of ``size`` that is about to be made.

        Raises:
            EvaluationError: It would be too large, or the budget is used up.
        """
        if size > MAX_BUILT:
            raise EvaluationError(f"the {what} would be larger than {MAX_BUILT >> 20} Mi", code="RW251", final=True)
        self.charge(size // _CHARACTERS_PER_UNIT if what == "text" else size)
