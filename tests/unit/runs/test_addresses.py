"""What stands inside of what, told from addresses."""

from __future__ import annotations

import pytest

from ropeway.runs.addresses import depth, in_order, outer


@pytest.mark.parametrize(
    ("address", "inside"),
    [("a", ""), ("a[0]", "a"), ("a#1", "a"), ("a[0]#2", "a[0]"), ("a/b", "a"), ("a[1]/b", "a[1]"), ("a/b[0]", "a/b"), ("a#1/b", "a#1")],
)
def test_an_address_says_what_it_belongs_to(address: str, inside: str) -> None:
    assert outer(address) == inside
    assert depth(address) == (depth(inside) + 1 if inside else 0)


def test_what_belongs_to_a_step_comes_right_behind_it() -> None:
    came = ["z", "b", "a", "b[10]", "b[2]", "a/late", "a/early", "b[2]/x"]
    assert in_order(came) == ["z", "b", "b[2]", "b[2]/x", "b[10]", "a", "a/late", "a/early"]


def test_what_has_lost_the_step_around_it_stands_below_the_next() -> None:
    assert in_order(["a", "b", "a[0]/x", "c/d"]) == ["a", "a[0]/x", "b", "c/d"]
