"""Plays what just would do for each recipe, and makes one order of steps in which all of them can be carried out.

just runs a recipe's dependencies in order, each combination of recipe and arguments once, then its body, then the subsequent ones,
for which nothing counts as done yet. A workflow's steps run one at a time in the order in which they stand, so the order *is* the
behaviour: where two recipes want it differently, the second gets steps of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ropeway.lang.dialects.justfile.values import Cannot, Const
from ropeway.records import field, record

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ropeway.lang.dialects.justfile.syntax import Recipe
    from ropeway.lang.dialects.justfile.values import Value

__all__ = ["Call", "Key", "Node", "Order", "may_be_equal", "play"]

MAX_STEPS = 2000

Key = tuple[str, tuple[str, ...], str, int]
"""Recipe, arguments, ``body``, ``gate`` or ``arguments``, and a number: 1, or more for another run of the same."""


@record
class Call:
    """A recipe with the values of its arguments."""

    recipe: Recipe
    arguments: tuple[Value, ...]

    def key(self, kind: str, number: int = 1) -> Key:
        """Return what its steps are known by."""
        return (self.recipe.name, tuple(map(repr, self.arguments)), kind, number)


@record(frozen=False)
class Node:
    """A step to be: whose it is, the keys of what has to be done before it (``needs``), and of what only has to come first (``after``)."""

    key: Key
    call: Call
    needs: list[Key]
    after: list[Key]
    entries: list[str] = field(default_factory=list)


class _Play:
    def __init__(self, dependencies: Callable[[Call, bool], Sequence[Call]], has_steps: Callable[[Call, str], bool]) -> None:
        self.nodes: list[Node] = []
        self._dependencies = dependencies
        self._has_steps = has_steps
        self._times: dict[Key, int] = {}

    def run(self, call: Call, ran: dict[Key, list[Key]], needs: list[Key], after: list[Key]) -> list[Key]:
        """Play one recipe; return the keys of what has to be done for it to be done."""
        known = call.key("body")
        if known in ran:
            return ran[known]
        own: list[Key] = []
        for kind in ("arguments", "gate"):
            if self._has_steps(call, kind):
                own = [self._add(call, kind, needs, after)]
                needs = after = own
        ends: list[Key] = []
        current = after
        parallel = call.recipe.attribute("parallel") is not None
        for dependency in self._dependencies(call, False):
            done = self.run(dependency, ran, needs, after if parallel else current)
            ends += [key for key in done if key not in ends]
            current = done or current
        if self._has_steps(call, "body"):
            ends = [self._add(call, "body", [*own, *ends] or needs, current)]
        ends = ends or own
        fresh: dict[Key, list[Key]] = {}
        behind, last = list(ends), list(ends)
        for dependency in self._dependencies(call, True):
            done = self.run(dependency, fresh, ends, behind if parallel else last)
            last = done or last
            behind = behind if parallel else last
            ends = [*ends, *(key for key in done if key not in ends)]
        ran[known] = ends
        return ends

    def _add(self, call: Call, kind: str, needs: list[Key], after: list[Key]) -> Key:
        if len(self.nodes) >= MAX_STEPS:
            hint = "subsequent recipes run again each time: use fewer of them"
            raise Cannot(call.recipe.place, f"it would have more than {MAX_STEPS:,} steps", hint)
        plain = call.key(kind)
        self._times[plain] = number = self._times.get(plain, 0) + 1
        key = call.key(kind, number)
        self.nodes.append(Node(key, call, list(needs), list(after)))
        return key


def play(call: Call, dependencies: Callable[[Call, bool], Sequence[Call]], has_steps: Callable[[Call, str], bool]) -> list[Node]:
    """Return the steps of a recipe in the order in which just would run them.

    Args:
        call: The recipe that is run.
        dependencies: Returns the prior (False) or subsequent (True) ones of a call.
        has_steps: Whether a call has a ``body``, a ``gate`` in front of it, or ``arguments`` to be checked.
    """
    found = _Play(dependencies, has_steps)
    found.run(call, {}, [], [])
    return found.nodes


def may_be_equal(one: Call, other: Call) -> bool:
    """Whether two calls with different arguments may turn out to have the same."""
    if len(one.arguments) != len(other.arguments) or one == other:
        return False
    pairs = list(zip(one.arguments, other.arguments, strict=True))
    return all(a == b or not (isinstance(a, Const) and isinstance(b, Const)) for a, b in pairs)


class Order:
    """The steps of all recipes, in one order."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self._places: dict[Key, int] = {}

    def add(self, entry: str, trace: Sequence[Node]) -> None:
        """Take in the steps of one more recipe."""
        renamed: dict[Key, Key] = {}
        last = -1
        for turn, node in enumerate(trace):
            at = self._find(node.key)
            key = node.key
            while 0 <= at <= last:
                key = (*key[:3], key[3] + 1)
                at = self._find(key)
            renamed[node.key] = key
            if at < 0:
                following = (self._find(later.key) for later in trace[turn + 1 :])
                at = min((place for place in following if place > last), default=len(self.nodes))
                self.nodes.insert(at, Node(key, node.call, [], []))
                self._places = {one.key: place for place, one in enumerate(self.nodes)}
            last = at
            mine = self.nodes[at]
            mine.entries.append(entry)
            mine.needs += [k for k in (renamed[need] for need in node.needs) if k not in mine.needs]
            mine.after += [k for k in (renamed[need] for need in node.after) if k not in mine.after]

    def _find(self, key: Key) -> int:
        return self._places.get(key, -1)
