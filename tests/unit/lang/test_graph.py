"""The graph of needs."""

from __future__ import annotations

import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ropeway.lang.graph import Graph, arrows


def chain(length: int) -> dict[str, tuple[str, ...]]:
    return {f"s{n}": (f"s{n - 1}",) if n else () for n in range(length)}


def test_the_order_puts_needs_first_and_keeps_the_file_order_otherwise():
    graph = Graph({"deploy": ("test", "build"), "lint": (), "build": (), "test": ("build",)})
    assert graph.order == ("lint", "build", "test", "deploy")


def test_a_step_that_became_possible_early_in_the_file_goes_before_later_ones():
    graph = Graph({"b": ("c",), "c": (), "d": ()})
    assert graph.order == ("c", "b", "d")


def test_a_file_that_is_already_in_order_keeps_its_order():
    graph = Graph({"a": (), "c": ("a",), "b": ("a",), "d": ("b", "c")})
    assert graph.order == ("a", "c", "b", "d")


def test_unknown_and_repeated_needs_are_left_out():
    graph = Graph({"a": ("nobody",), "b": ("a", "a")})
    assert graph.order == ("a", "b")
    assert graph.needs("b") == ("a",)
    assert graph.dependents("a") == ("b",)


def test_a_cycle_is_shown_from_its_first_name_in_the_direction_of_the_needs():
    graph = Graph({"x": (), "a": ("b", "x"), "b": ("c",), "c": ("a",), "after": ("a",)})
    assert graph.cycles() == (("a", "b", "c", "a"),)
    assert graph.order == ("x",)


def test_a_step_that_needs_itself_is_a_cycle():
    assert Graph({"a": ("a",)}).cycles() == (("a", "a"),)


def test_every_knot_is_told_once_with_a_shortest_cycle():
    graph = Graph({"a": ("b",), "b": ("c", "a"), "c": ("a",), "d": ("e", "a"), "e": ("d",)})
    assert graph.cycles() == (("a", "b", "a"), ("d", "e", "d"))


def test_ancestors_and_descendants_are_transitive_and_leave_out_the_step_itself():
    graph = Graph({"a": (), "b": ("a",), "c": ("b",), "d": ()})
    assert graph.ancestors("c") == {"a", "b"}
    assert graph.descendants("a") == {"b", "c"}
    assert graph.ancestors("d") == frozenset()


def test_a_read_of_a_step_that_is_not_needed_is_hidden():
    graph = Graph({"a": (), "b": ("a",), "c": ("b",), "d": ()})
    reads = [("c", "b"), ("c", "a"), ("c", "d"), ("a", "c"), ("a", "a")]
    assert graph.hidden(reads) == {("c", "d"), ("a", "c"), ("a", "a")}


def test_more_reads_than_one_block_holds_are_all_answered():
    names = chain(5000)
    graph = Graph(names)
    reads = [(f"s{n}", f"s{(n + 2500) % 5000}") for n in range(5000)]
    assert graph.hidden(reads) == {(f"s{n}", f"s{n + 2500}") for n in range(2500)}


@pytest.mark.parametrize("turned", [False, True])
def test_a_chain_of_100_000_is_an_ordinary_graph(turned: bool):
    names = chain(100_000)
    if turned:
        names = dict(reversed(names.items()))
    started = time.process_time()
    graph = Graph(names)
    assert len(graph.order) == 100_000
    assert graph.cycles() == ()
    assert len(graph.ancestors("s99999")) == 99_999
    assert graph.hidden([(f"s{n}", "s0") for n in range(1, 100_000)]) == frozenset()
    assert time.process_time() - started < 5, "this takes half a second when it is linear"


def test_a_cycle_of_100_000_is_found_without_recursion():
    names = chain(100_000) | {"s0": ("s99999",)}
    (cycle,) = Graph(names).cycles()
    assert len(cycle) == 100_001
    assert cycle[:2] == ("s0", "s99999")


def test_a_long_cycle_is_shown_without_its_middle():
    assert arrows(("a", "b", "a")) == "a -> b -> a"
    shown = arrows([f"s{n}" for n in range(100)])
    assert shown.startswith("s0 -> s1 ->")
    assert "… 89 more …" in shown
    assert shown.endswith("s98 -> s99")


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, tuple[str, ...]]:
    names = [f"n{n}" for n in range(draw(st.integers(1, 8)))]
    return {name: tuple(draw(st.lists(st.sampled_from(names), max_size=3))) for name in names}


def reachable(needs: dict[str, tuple[str, ...]], start: str) -> set[str]:
    seen: set[str] = set()
    todo = list(needs[start])
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo.extend(needs[name])
    return seen


@given(graphs())
def test_the_order_and_the_cycles_together_account_for_every_name(needs: dict[str, tuple[str, ...]]):
    graph = Graph(needs)
    on_cycle = {name for name in needs if name in reachable(needs, name)}
    stuck = {name for name in needs if name in on_cycle or reachable(needs, name) & on_cycle}
    assert set(graph.order) == set(needs) - stuck
    for at, name in enumerate(graph.order):
        assert set(needs[name]) <= set(graph.order[:at])
    for cycle in graph.cycles():
        assert cycle[0] == cycle[-1]
        assert all(b in needs[a] for a, b in itertools.pairwise(cycle))
    knots = {
        frozenset(other for other in on_cycle if other in reachable(needs, name) and name in reachable(needs, other)) for name in on_cycle
    }
    assert len(graph.cycles()) == len(knots)


@given(graphs())
def test_hidden_agrees_with_ancestors(needs: dict[str, tuple[str, ...]]):
    names = list(needs)
    acyclic = {name: tuple(n for n in wanted if names.index(n) < names.index(name)) for name, wanted in needs.items()}
    graph = Graph(acyclic)
    pairs = [(a, b) for a in names for b in names]
    assert graph.hidden(pairs) == {(a, b) for a, b in pairs if b not in graph.ancestors(a)}
