"""The two ways in which an expression goes wrong: as text, and as a calculation."""

from __future__ import annotations

from typing import ClassVar

from ropeway.errors import RopewayError

__all__ = ["EvaluationError", "ExpressionError", "KindError", "MissingError"]


class ExpressionError(RopewayError):
    """The text is no expression, or its names and types do not fit.

    ``offset`` and ``length`` are code points inside the expression's text. ``check`` returns these without raising them.
    """

    exit_status: ClassVar[int] = 2
    http_status: ClassVar[int] = 422

    def __init__(self, code: str, message: str, offset: int, length: int = 1, hint: str | None = None) -> None:
        super().__init__(message, hint=hint, code=code)
        self.offset = offset
        self.length = length

    def moved(self, by: int) -> ExpressionError:
        """Return the same error, its place counted from ``by`` characters earlier (the start of a surrounding text)."""
        return ExpressionError(self.code, self.message, self.offset + by, self.length, self.hint)


class EvaluationError(RopewayError):
    """An expression has no value with these inputs: division by zero, a missing key, the budget is used up.

    ``offset`` counts code points inside the expression's text; it is -1 until the place is known. A ``final`` error (the budget) is
    not forgiven by ``||``, ``&&`` or ``default()``.
    """

    http_status: ClassVar[int] = 422
    default_code: ClassVar[str] = "RW250"

    def __init__(self, message: str, offset: int = -1, hint: str | None = None, *, code: str | None = None, final: bool = False) -> None:
        super().__init__(message, hint=hint, code=code)
        self.offset = offset
        self.final = final

    def placed(self, offset: int) -> EvaluationError:
        """Return this error with its place set, unless something further inside has set it already."""
        if self.offset < 0:
            self.offset = offset
        return self


class MissingError(EvaluationError):
    """A name, key or index that is not there, or a part of nothing: what ``default()`` forgives in its first argument."""


class KindError(EvaluationError):
    """A value of the wrong kind. In an expression that was checked, only what is ``any`` can lead here."""

    default_code: ClassVar[str] = "RW252"
