"""Searches text for a pattern in time that grows with the text and no faster, whatever the pattern.

Python's ``re`` backtracks: ``(a+)+$`` against thirty letters keeps it busy for minutes. A workflow's condition must always come to an
end, so ``matches`` has its own matcher: Thompson's simulation of all alternatives at once, with the sets of places remembered as it
goes (a lazy DFA, https://swtch.com/~rsc/regexp/regexp1.html), a table look-up per character once it is warm.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from ropeway.lang.expressions.pattern_syntax import Assertion, Characters, PatternError, Program, Split, read_pattern

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Pattern", "PatternError", "compile_pattern"]

_MAX_MOVES = 10_000
"""Remembered moves before all are forgotten: bounds the memory of a pattern that meets every letter of every script."""

_Side = Literal["edge", "line", "word", "other"]
"""What stands beside a place in the text: its start or end, a line end, a letter of a word, anything else."""


def _free(_units: int) -> None:
    """Charge nothing."""


class _State:
    """A set of places in the program, and what stands before them."""

    __slots__ = ("before", "moves", "places")

    def __init__(self, places: frozenset[int], before: _Side) -> None:
        self.places = places
        self.before = before
        self.moves: dict[str, _State] = {}


class Pattern:
    """A pattern that is ready to search with. Remembers what it has met, so use one object for many texts."""

    __slots__ = ("_found", "_moves", "_program", "_states")

    def __init__(self, program: Program) -> None:
        self._program = program
        self._found = _State(frozenset(), "edge")
        self._states: dict[tuple[frozenset[int], _Side], _State] = {}
        self._moves = 0

    def search(self, text: str, charge: Callable[[int], None] = _free) -> bool:
        """Whether the pattern is found anywhere in ``text``; ``charge`` is told the cost, in units of about a microsecond.

        Raises:
            EvaluationError: From ``charge``, when it has had enough.
        """
        charge(len(text) >> 4)
        state = self._state(frozenset((self._program.start,)), "edge")
        for character in text:
            following = state.moves.get(character)
            if following is None:
                following = self._move(state, character, charge)
            if following is self._found:
                return True
            state = following
        return self._closure(state, "edge", charge) is None

    def _state(self, places: frozenset[int], before: _Side) -> _State:
        key = (places, before)
        state = self._states.get(key)
        if state is None:
            state = self._states[key] = _State(places, before)
        return state

    def _move(self, state: _State, character: str, charge: Callable[[int], None]) -> _State:
        """Return the state after ``character``, and remember it."""
        side = _side(character)
        takers = self._closure(state, side, charge)
        if takers is None:
            following = self._found
        else:
            folded = self._program.folded
            places = {taker.goes for taker in takers if taker.takes(character, folded=folded)}
            places.add(self._program.start)  # a match may begin anywhere
            following = self._state(frozenset(places), side)
        self._moves += 1
        if self._moves > _MAX_MOVES:
            self._moves = 0
            self._states.clear()
            state.moves.clear()
            following = following if following is self._found else _State(following.places, following.before)
        state.moves[character] = following
        return following

    def _closure(self, state: _State, after: _Side, charge: Callable[[int], None]) -> list[Characters] | None:
        """Return what may take the next character from here, or None when the end of the program is reached: a match."""
        takers: list[Characters] = []
        seen = set(state.places)
        stack = list(state.places)
        while stack:
            instruction = self._program.instructions[stack.pop()]
            goes: tuple[int, ...]
            if instruction is None:
                return None
            if isinstance(instruction, Characters):
                takers.append(instruction)
                continue
            if isinstance(instruction, Split):
                goes = (instruction.left, instruction.right)
            else:
                goes = (instruction.goes,) if _holds(instruction, state.before, after) else ()
            for place in goes:
                if place not in seen:
                    seen.add(place)
                    stack.append(place)
        charge(1 + (len(seen) >> 1))
        return takers


def _side(character: str) -> _Side:
    if character == "\n":
        return "line"
    return "word" if character == "_" or (character.isascii() and character.isalnum()) else "other"


def _holds(assertion: Assertion, before: _Side, after: _Side) -> bool:
    kind = assertion.kind
    if kind == "start":
        return before == "edge"
    if kind == "end":
        return after == "edge"
    if kind == "^":
        return before in {"edge", "line"}
    if kind == "$":
        return after in {"edge", "line"}
    at_edge = (before == "word") != (after == "word")
    return at_edge if kind == "b" else not at_edge


@lru_cache(maxsize=64)
def compile_pattern(text: str) -> Pattern:
    """Read a pattern; see :mod:`.pattern_syntax` for what it may hold.

    Raises:
        PatternError: It is no pattern of this syntax.
    """
    return Pattern(read_pattern(text))
