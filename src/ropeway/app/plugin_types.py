"""Parameter types and validators that plugins bring, found by entry point when a workflow names one that is not built in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from ropeway import plugins
from ropeway.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ropeway.lang.parameter_types import ParameterType

__all__ = ["PluginTypes"]

_GROUP = "ropeway.parameter_types"


class PluginTypes:
    """What the entry-point group ``ropeway.parameter_types`` offers.

    An object with ``parse`` and ``check`` is a type (a class is called to make it); anything else that can be called is a validator.
    """

    def type(self, name: str) -> ParameterType | None:
        """Return the type of this name, or None."""
        found = self._find(name)
        return cast("ParameterType", found) if hasattr(found, "parse") and hasattr(found, "check") else None

    def validator(self, name: str) -> Callable[[Any], object] | None:
        """Return the check of this name, or None."""
        found = self._find(name)
        return cast("Callable[[Any], object]", found) if callable(found) and not hasattr(found, "parse") else None

    def type_names(self) -> Iterable[str]:
        """Return the names of all that is offered, for hints."""
        return plugins.names(_GROUP, ())

    def _find(self, name: str) -> Any:
        try:
            found = plugins.find(_GROUP, name, {})
        except NotFound:
            return None
        return found() if isinstance(found, type) else found
