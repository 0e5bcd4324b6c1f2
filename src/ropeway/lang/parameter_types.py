"""The types of parameters: those that are built in, and the seam for those that plugins bring.

A plugin's type or validator refuses a value by raising :class:`ValueProblem`, or :class:`ValueError` when it does not want to import us.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from ropeway.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ropeway.lang.model import Field

__all__ = ["ANY_TYPE", "BUILTIN_TYPES", "SCALAR_TYPES", "ParameterType", "ParameterTypes", "ValueProblem"]

SCALAR_TYPES = ("string", "integer", "number", "boolean", "path", "choice")
"""The built-in types that an element of a list or a map may have."""
BUILTIN_TYPES = (*SCALAR_TYPES, "list", "map", "secret")
ANY_TYPE = "any"
"""The type of a field that a dialect inferred where nothing is declared. No file can ask for it: values would go unchecked."""


class ValueProblem(UsageError):
    """A value that does not fit its declaration. The value of a secret is never part of the message."""

    default_code = "bad-value"


class ParameterType(Protocol):
    """A type that a plugin brings.

    Both methods return the value as JSON-like data and raise :class:`ValueProblem` (or :class:`ValueError`) to refuse it.
    """

    @property
    def base(self) -> str:
        """The built-in type that its values have in expressions."""
        ...

    def parse(self, text: str, field: Field) -> Any:
        """Return the value that a person typed."""
        ...

    def check(self, value: Any, field: Field) -> Any:
        """Return a value that came as data: a default, an entry of a parameters file, an output."""
        ...


class ParameterTypes(Protocol):
    """What plugins add to the built-in types; ``plugins`` and ``app`` make one, tests have a fake."""

    def type(self, name: str) -> ParameterType | None:
        """Return the type of this name, or None when no plugin brings it."""
        ...

    def validator(self, name: str) -> Callable[[Any], object] | None:
        """Return a check that raises :class:`ValueProblem` or :class:`ValueError` to refuse a value, or None when there is none."""
        ...

    def type_names(self) -> Iterable[str]:
        """Return the names of all types that plugins bring, for hints."""
        ...
