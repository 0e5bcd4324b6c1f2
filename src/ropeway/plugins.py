"""Finding what can be plugged in: built-ins by a static table, everybody else's by entry point.

Built-ins implement the same protocols as plugins and are looked up first, in a table that the caller passes, so that a run that
uses nothing else never imports ``importlib.metadata`` (that alone costs five times a bare Python).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

from ropeway.errors import NotFound, Refused, RopewayError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from importlib.metadata import EntryPoint

GROUPS: Final = (
    "ropeway.steps",
    "ropeway.sandboxes",
    "ropeway.workspaces",
    "ropeway.resolvers",
    "ropeway.engines",
    "ropeway.signers",
    "ropeway.parameter_types",
    "ropeway.commands",
)


class PluginError(RopewayError):
    """A plugin is installed and can not be loaded."""

    default_code = "plugin"


def find(group: str, name: str, builtins: Mapping[str, str]) -> object:
    """Return the object that is registered as ``name``.

    Args:
        group: The entry-point group, one of :data:`GROUPS`.
        name: What the person wrote.
        builtins: Names to ``module:attribute``; they win, so that a plugin can not take the place of one.

    Raises:
        NotFound: Nothing has that name; the hint says what is there.
        Refused: Several installed distributions claim the name.
        PluginError: It is there and does not load.
    """
    target = builtins.get(name)
    if target is not None:
        return _load(target, name)
    found = [entry for entry in _entries(group) if entry.name == name]
    if not found:
        raise NotFound(f"no {_kind(group)} is called {name!r}", hint=_hint(group, name, builtins), code="plugin-not-found")
    if len({entry.value for entry in found}) > 1:
        owners = ", ".join(sorted(_owner(entry) for entry in found))
        raise Refused(
            f"more than one {_kind(group)} is called {name!r}: from {owners}", hint="uninstall all but one", code="plugin-ambiguous"
        )
    return _load(found[0].value, name, _owner(found[0]))


def names(group: str, builtins: Iterable[str]) -> list[str]:
    """Return every name of a group, sorted: built in and installed."""
    return sorted({*builtins, *(entry.name for entry in _entries(group))})


def _entries(group: str) -> Iterable[EntryPoint]:
    from importlib.metadata import entry_points

    return entry_points(group=group)


def _load(target: str, name: str, owner: str | None = None) -> object:
    module, _, attribute = target.partition(":")
    try:
        loaded: object = import_module(module)
        for part in attribute.split("."):
            loaded = getattr(loaded, part)
    except (ImportError, AttributeError) as error:
        origin = f"{name!r} of {owner}" if owner else repr(name)
        raise PluginError(f"{origin} can not be loaded: {error}", hint=f"python -c 'import {module}' shows why") from error
    return loaded


def _owner(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist else "an unknown distribution"


def _kind(group: str) -> str:
    return group.removeprefix("ropeway.").replace("_", " ").removesuffix("es" if group.endswith("xes") else "s")


def _hint(group: str, name: str, builtins: Mapping[str, str]) -> str:
    import difflib

    known = names(group, builtins)
    near = difflib.get_close_matches(name, known, n=1)
    if near:
        return f"did you mean {near[0]}?"
    return "there are: " + ", ".join(known) if known else f"none is installed; a distribution adds one by the entry-point group {group}"
