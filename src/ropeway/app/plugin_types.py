"""Parameter types and validators that plugins bring, found by entry point when a workflow names one that is not built in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ropeway import plugins
from ropeway.errors import NotFound, RopewayError
from ropeway.lang.parameter_types import ValueProblem
from ropeway.plugins import PluginError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ropeway.lang.model import Field
    from ropeway.lang.parameter_types import ParameterType

__all__ = ["PluginTypes"]

_GROUP = "ropeway.parameter_types"


class PluginTypes:
    """What the entry-point group ``ropeway.parameter_types`` offers.

    An object with ``base``, ``parse`` and ``check`` is a type (a class is called to make it); anything else that can be called is a validator.
    """

    def type(self, name: str) -> ParameterType | None:
        """Return the type of this name, or None. Raises ``PluginError`` when it is there and does not load."""
        found = _find(name)
        return found if isinstance(found, _Type) else None

    def validator(self, name: str) -> Callable[[Any], object] | None:
        """Return the check of this name, or None. Raises ``PluginError`` when it is there and does not load."""
        found = _find(name)
        return found if isinstance(found, _Validator) else None

    def type_names(self) -> Iterable[str]:
        """Return the names of all that is offered, for hints."""
        return plugins.names(_GROUP, ())


class _Type:
    """A plugin's type, with whatever it raises turned into a refusal."""

    def __init__(self, name: str, found: Any) -> None:
        self.base: str = found.base
        self._name = name
        self._found = found

    def parse(self, text: str, field: Field) -> Any:
        """Return the value that a person typed."""
        return _ask(f"the parameter type {self._name!r}", self._found.parse, text, field)

    def check(self, value: Any, field: Field) -> Any:
        """Return a value that came as data."""
        return _ask(f"the parameter type {self._name!r}", self._found.check, value, field)


class _Validator:
    """A plugin's check of values, with whatever it raises turned into a refusal."""

    def __init__(self, name: str, found: Callable[[Any], object]) -> None:
        self._name = name
        self._found = found

    def __call__(self, value: Any) -> object:
        """Ask it."""
        return _ask(f"the validator {self._name!r}", self._found, value)


def _find(name: str) -> _Type | _Validator | None:
    try:
        found: _Type | _Validator | None = _ask(f"the plugin {name!r}", _load, name)
    except NotFound:
        return None
    except ValueError as error:  # of its module, or of making it: nobody gave it a value yet
        raise PluginError(f"the plugin {name!r} can not be loaded: {error}", hint=_hint(name)) from error
    except ValueProblem as error:
        raise PluginError(error.message, hint=_hint(name)) from error
    return found


def _load(name: str) -> _Type | _Validator | None:
    found: Any = plugins.find(_GROUP, name, {})
    if isinstance(found, type):
        found = found()
    if not (hasattr(found, "parse") and hasattr(found, "check")):
        return _Validator(name, found) if callable(found) else None
    if not hasattr(found, "base"):
        hint = 'it says which built-in type its values are like: base = "string"'
        raise PluginError(f"the parameter type {name!r} has no 'base'", hint=hint)
    return _Type(name, found)


def _ask(what: str, call: Callable[..., Any], *arguments: Any) -> Any:
    """Call a plugin. A ``ValueError`` is its way to refuse a value and passes; anything else that it raises is told as its mistake."""
    try:
        return call(*arguments)
    except (RopewayError, ValueError):
        raise
    except Exception as error:  # other people's code raises what it likes, and the person is told whose mistake it is
        # Of its words only those about how it was called are shown: others may hold the value, which may be a secret.
        words = f": {error}" if isinstance(error, TypeError) else ""
        raise ValueProblem(f"{what} failed with {type(error).__name__}{words}", hint=_HINT) from error


_HINT = "this is a mistake in the plugin, whatever the value: tell its author"


def _hint(name: str) -> str:
    return f"the distribution that brings {name!r} is broken: update it, or tell its author"
