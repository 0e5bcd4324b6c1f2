"""What is wanted of a working copy."""

from __future__ import annotations

import pytest

from ropeway.workspaces.places import check_id
from ropeway.workspaces.wish import Wish

WISH = Wish("mine", "run1", "/state", keep="always", named=True)


@pytest.mark.parametrize(
    ("one", "other"),
    [("a[0]", "a-0"), ("a[0]", "a#0"), ("a/b", "a.b"), ("x" * 60 + "1", "x" * 60 + "2")],
)
def test_copies_of_different_steps_have_different_ids_and_folders(one: str, other: str) -> None:
    first, second = WISH.apart(one, 1), WISH.apart(other, 1)
    assert first.id != second.id
    assert first.state != second.state


def test_copies_of_different_runs_and_attempts_have_different_ids() -> None:
    wishes = [
        WISH,
        Wish("mine", "run2", "/state"),
        Wish("other", "run1", "/state"),
        Wish("m" * 200 + "1", "run1", ""),
        Wish("m" * 200 + "2", "run1", ""),
    ]
    ids = {wish.apart("a", attempt).id for wish in wishes for attempt in (1, 2)}
    assert len(ids) == 2 * len(wishes)


def test_an_id_is_one_however_long_the_names_are() -> None:
    apart = Wish("m" * 200, "run1", "/state").apart("step[12345]#77/" + "inner" * 40, 123)
    assert check_id(apart.id) == apart.id
    assert len(f"{apart.id}.100.making") <= 255


def test_it_knows_whose_it_is_and_is_dropped() -> None:
    apart = WISH.apart("sub/a[0]", 2)
    assert (apart.step, apart.outer, apart.run, apart.keep) == ("sub/a[0]", "mine", "run1", "drop")
