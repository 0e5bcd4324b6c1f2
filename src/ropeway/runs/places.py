"""Units that wait for a place, in the order in which they may start, and the places that are taken.

A step has places (its own ``max_parallel``), and so has every sub-workflow around it (its policy's). The run's own limit, and leases of cores and memory, are the
executor's: it looks at the first unit here and takes it when there is room. Sub-workflows and gates hold a place of their step only; they wait for others.
"""

from __future__ import annotations

from collections import deque
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from ropeway.runs.scope import Unit

SLOTLESS = frozenset({"workflow", "gate"})
"""Kinds that hold no place among a ``max_parallel`` around them."""


class Places:
    """Who waits, and who holds a place."""

    def __init__(self, offer: Callable[[Unit], None]) -> None:
        """``offer`` takes a sub-workflow or gate that was put aside and has a place now."""
        self._offer = offer
        self._ready: list[Unit] = []
        self._aside: dict[str, deque[Unit]] = {}  # by what holds them back: a step's address, or a sub-workflow's prefix

    def __bool__(self) -> bool:
        """Whether a unit is first in line; those put aside wait for one that runs."""
        return bool(self._ready)

    def add(self, unit: Unit) -> None:
        """Let a unit wait."""
        heappush(self._ready, unit)

    def full(self, unit: Unit) -> bool:
        """Whether a unit's own step has no place left; it is put aside then."""
        limit = unit.step.max_parallel
        if limit is None or unit.node.running < limit:
            return False
        self._put_aside(unit.node.address, unit)
        return True

    def peek(self) -> Unit | None:
        """Return the first unit that may start, leaving it; those that something holds back are put aside."""
        while self._ready:
            unit = self._ready[0]
            held = _held_by(unit)
            if held is None:
                return unit
            heappop(self._ready)
            self._put_aside(held, unit)
            for scope in unit.enclosing:  # what it leaves free there may serve another
                if scope.prefix != held:
                    self._bring_back(scope.prefix)
        return None

    def pop(self) -> Unit:
        """Take the unit that :meth:`peek` showed."""
        unit = heappop(self._ready)
        self.occupy(unit)
        for scope in unit.enclosing:
            scope.running += 1
        return unit

    def occupy(self, unit: Unit) -> None:
        """Give a unit a place of its step."""
        unit.node.running += 1
        unit.placed = True

    def leave(self, unit: Unit) -> None:
        """Give up a unit's places; whoever was put aside for the lack of one comes back."""
        if not unit.placed:  # it waited for another attempt
            return
        unit.placed = False
        unit.node.running -= 1
        freed = [unit.node.address]
        if unit.step.kind not in SLOTLESS:
            for scope in unit.enclosing:
                scope.running -= 1
                freed.append(scope.prefix)
        for held in freed:
            self._bring_back(held)

    def drop(self, unwanted: Callable[[Unit], bool]) -> list[Unit]:
        """Take out and return the units that are not to start any more."""
        dropped = [u for u in (*self._ready, *(u for aside in self._aside.values() for u in aside)) if unwanted(u)]
        if dropped:
            gone = {id(u) for u in dropped}
            self._ready = [u for u in self._ready if id(u) not in gone]
            heapify(self._ready)
            for held, aside in self._aside.items():
                self._aside[held] = deque(u for u in aside if id(u) not in gone)
            for held in self._aside:  # a place may have been free for one that was dropped
                self._bring_back(held)
        return dropped

    def _put_aside(self, held: str, unit: Unit) -> None:
        self._aside.setdefault(held, deque()).append(unit)

    def _bring_back(self, held: str) -> None:
        """Offer the first unit again that was put aside for the lack of a place which is free now."""
        aside = self._aside.get(held)
        if aside and _held_by(aside[0]) is None:
            back = aside.popleft()
            if back.step.kind in SLOTLESS:
                self._offer(back)
            else:
                heappush(self._ready, back)


def _held_by(unit: Unit) -> str | None:
    """Return what holds a unit back: its step at its own limit, or a sub-workflow around it at its ``max_parallel`` (the run's is the executor's)."""
    limit = unit.step.max_parallel
    if limit is not None and unit.node.running >= limit:
        return unit.node.address
    return next((s.prefix for s in unit.enclosing if s.running >= s.template.policy.max_parallel), None)
