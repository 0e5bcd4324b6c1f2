"""The graph of needs: a stable order, the cycles, and who comes before whom.

Works on names alone, so that steps, actions and sub-workflows share it. Nothing here recurses and nothing is quadratic: a chain of
100,000 is an ordinary graph. What is not asked for is not computed.
"""

from __future__ import annotations

from collections import deque
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_BLOCK: Final = 2048
"""Nodes that one pass of :meth:`Graph.hidden` follows at once: 100,000 nodes take 25 MB in the worst case, and most far less."""


class Graph:
    """Who needs whom, for names in file order.

    Needs that name nothing in the graph are left out (who checks names tells about them), and so are repeated ones.

    Args:
        needs: For each name, in file order, the names that it needs.
    """

    __slots__ = ("_down", "_index", "_names", "_order", "_up")

    def __init__(self, needs: Mapping[str, Sequence[str]]) -> None:
        self._names = tuple(needs)
        self._index = index = {name: at for at, name in enumerate(self._names)}
        self._up = [tuple(dict.fromkeys(index[n] for n in wanted if n in index)) if wanted else () for wanted in needs.values()]
        self._down: list[list[int]] | None = None
        self._order: tuple[int, ...] | None = None

    def __len__(self) -> int:
        return len(self._names)

    def __contains__(self, name: object) -> bool:
        return name in self._index

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def needs(self, name: str) -> tuple[str, ...]:
        """Return the direct needs of ``name``, as written."""
        return tuple(self._names[at] for at in self._up[self._index[name]])

    def dependents(self, name: str) -> tuple[str, ...]:
        """Return what needs ``name`` directly, in file order."""
        return tuple(self._names[at] for at in self._downward()[self._index[name]])

    @property
    def order(self) -> tuple[str, ...]:
        """Every name after all that it needs; among those that could be next, the first in the file.

        Names on a cycle, and those that need one, are left out: the order is complete when :meth:`cycles` is empty.
        """
        return tuple(self._names[at] for at in self._sorted())

    def cycles(self) -> tuple[tuple[str, ...], ...]:
        """Return one cycle for each knot of names that need each other, as ``(a, b, a)``: a needs b, b needs a.

        It is a shortest one through the knot's first name in the file.
        """
        if len(self._sorted()) == len(self._names):
            return ()
        return tuple(tuple(self._names[at] for at in self._shortest_cycle(knot)) for knot in self._knots())

    def ancestors(self, name: str) -> frozenset[str]:
        """Return all that ``name`` needs, directly or not. Costs as much as there are."""
        return self._reach(name, self._up)

    def descendants(self, name: str) -> frozenset[str]:
        """Return all that needs ``name``, directly or not. Costs as much as there are."""
        return self._reach(name, self._downward())

    def hidden(self, reads: Iterable[tuple[str, str]]) -> frozenset[tuple[str, str]]:
        """Return those pairs ``(reader, read)`` where the reader does not need the read one, not even through others.

        Many pairs are answered together: the work is a pass over the graph for every 2,048 different names that are read from afar.
        Both names must be in the graph, and the graph must have no cycles.
        """
        far: dict[int, list[int]] = {}
        for reader, read in reads:
            target, at = self._index[read], self._index[reader]
            if target not in self._up[at]:
                far.setdefault(target, []).append(at)
        if not far:
            return frozenset()
        targets = list(far)
        found: set[tuple[str, str]] = set()
        for start in range(0, len(targets), _BLOCK):
            block = targets[start : start + _BLOCK]
            seen = self._seen_from(block)
            for bit, target in enumerate(block):
                mask = 1 << bit
                found.update((self._names[at], self._names[target]) for at in far[target] if at == target or not seen[at] & mask)
        return frozenset(found)

    def _seen_from(self, targets: list[int]) -> list[int]:
        """Return for each node the set, as bits, of ``targets`` that are the node or come before it."""
        seen = [0] * len(self._names)
        for bit, target in enumerate(targets):
            seen[target] = 1 << bit
        up = self._up
        for at in self._sorted():
            mask = seen[at]
            for need in up[at]:
                mask |= seen[need]
            seen[at] = mask
        return seen

    def _reach(self, name: str, edges: Sequence[Sequence[int]]) -> frozenset[str]:
        start = self._index[name]
        seen = set(edges[start])
        todo = list(seen)
        while todo:
            for at in edges[todo.pop()]:
                if at not in seen:
                    seen.add(at)
                    todo.append(at)
        return frozenset(self._names[at] for at in seen)

    def _downward(self) -> list[list[int]]:
        if self._down is None:
            down: list[list[int]] = [[] for _ in self._names]
            for at, needs in enumerate(self._up):
                for need in needs:
                    down[need].append(at)
            self._down = down
        return self._down

    def _sorted(self) -> tuple[int, ...]:
        if self._order is None:
            self._order = self._as_written() or self._kahn()
        return self._order

    def _as_written(self) -> tuple[int, ...] | None:
        """Return the file's own order if it will do, which it mostly does: then it is also the stable order."""
        for at, needs in enumerate(self._up):
            for need in needs:
                if need >= at:
                    return None
        return tuple(range(len(self._names)))

    def _kahn(self) -> tuple[int, ...]:
        waiting = [len(needs) for needs in self._up]
        down = self._downward()
        ready = [at for at, count in enumerate(waiting) if not count]
        heapify(ready)
        order: list[int] = []
        while ready:
            at = heappop(ready)
            order.append(at)
            for dependent in down[at]:
                waiting[dependent] -= 1
                if not waiting[dependent]:
                    heappush(ready, dependent)
        return tuple(order)

    def _knots(self) -> list[list[int]]:
        """Return the strongly connected parts that hold a cycle, by first name in the file (Kosaraju's two passes)."""
        left = set(range(len(self._names))) - set(self._sorted())
        down = self._downward()
        knots: list[list[int]] = []
        for root in reversed(self._finished(left)):
            if root not in left:
                continue
            left.discard(root)
            knot = [root]
            for at in knot:  # grows while it is walked
                more = [dependent for dependent in down[at] if dependent in left]
                left.difference_update(more)
                knot.extend(more)
            if len(knot) > 1 or root in self._up[root]:
                knots.append(sorted(knot))
        return sorted(knots)

    def _finished(self, inside: set[int]) -> list[int]:
        """Return the nodes in the order in which a depth-first walk along the needs is done with them."""
        done: list[int] = []
        seen: set[int] = set()
        for root in sorted(inside):
            if root in seen:
                continue
            seen.add(root)
            path = [(root, iter(self._up[root]))]
            while path:
                at, rest = path[-1]
                step = next((need for need in rest if need in inside and need not in seen), None)
                if step is None:
                    path.pop()
                    done.append(at)
                else:
                    seen.add(step)
                    path.append((step, iter(self._up[step])))
        return done

    def _shortest_cycle(self, knot: list[int]) -> list[int]:
        """Return a shortest cycle through the first node of a knot, that node first and last."""
        first, inside = knot[0], set(knot)
        came_from: dict[int, int] = {}
        todo = deque([first])
        while todo:
            at = todo.popleft()
            for need in self._up[at]:
                if need == first:
                    cycle = [first]
                    while at != first:
                        cycle.append(at)
                        at = came_from[at]
                    return [first, *reversed(cycle[1:]), first]
                if need in inside and need not in came_from:
                    came_from[need] = at
                    todo.append(need)
        raise AssertionError("a knot holds a cycle")


def arrows(cycle: Sequence[str]) -> str:
    """Return a cycle as people read it: ``a -> b -> a``, long ones with their middle left out."""
    if len(cycle) > 12:
        cycle = [*cycle[:6], f"… {len(cycle) - 11} more …", *cycle[-5:]]
    return " -> ".join(cycle)
