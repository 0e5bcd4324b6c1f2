"""Semantic versions and ranges, rule by rule. That npm agrees is asked of npm itself, in tests/integration."""

from __future__ import annotations

import pytest

from ropeway.errors import UsageError
from ropeway.lang.versions import Version, best, newest_first, parse_range, parse_version


def test_the_order_is_that_of_the_specification() -> None:
    order = ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0"]
    order += ["2.0.0", "2.1.0", "2.1.1", "10.0.0"]
    assert newest_first(reversed(order)) == newest_first(order) == order[::-1]


def test_build_metadata_counts_for_nothing() -> None:
    plain, built, other = (parse_version(text) for text in ("1.0.0", "1.0.0+a", "1.0.0+b"))
    assert plain == built == other
    assert len({plain, built, other}) == 1
    assert str(built) == "1.0.0+a"
    assert plain != "1.0.0"


@pytest.mark.parametrize("text", ["v1.2.3", "1.2.3", "1.2.3+b", "1.2.3_b", "v1.2.3_b"])
def test_the_tag_of_a_version_is_that_version(text: str) -> None:
    assert parse_version(text) == Version(1, 2, 3)


@pytest.mark.parametrize(
    "text", ["", "v", "1", "v1.2", "main", "01.0.0", "1.0.0-01", "1.0.0-", "vv1.0.0", "1.0.0 ", "1.0.0\n", "1.0." + "9" * 260]
)
def test_what_is_no_version_is_none(text: str) -> None:
    assert parse_version(text) is None


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("^1.2.3", "1.2.3", "1.99.0"),
        ("^0.2.3", "0.2.3", "0.2.99"),
        ("^0.0.3", "0.0.3", "0.0.3"),
        ("^0.0", "0.0.0", "0.0.99"),
        ("^0", "0.0.0", "0.99.0"),
        ("~1.2.3", "1.2.3", "1.2.99"),
        ("~1", "1.0.0", "1.99.0"),
        ("=1.2", "1.2.0", "1.2.99"),
        ("1.2.3", "1.2.3", "1.2.3"),
        (">1.2", "1.3.0", "99.0.0"),
        ("<=1.2", "0.0.0", "1.2.99"),
        ("<1.2", "0.0.0", "1.1.99"),
        (">=1,<2", "1.0.0", "1.99.0"),
    ],
)
def test_a_range_reaches_from_its_lowest_to_its_highest_version(text: str, low: str, high: str) -> None:
    steps = [
        "0.0.0",
        "0.0.2",
        "0.0.3",
        "0.0.4",
        "0.0.99",
        "0.1.0",
        "0.2.2",
        "0.2.3",
        "0.2.99",
        "0.3.0",
        "0.99.0",
        "1.0.0",
        "1.1.99",
        "1.2.0",
    ]
    steps += ["1.2.2", "1.2.3", "1.2.4", "1.2.99", "1.3.0", "1.99.0", "2.0.0", "99.0.0"]
    wanted = parse_range(text)
    fits = [step for step in steps if wanted.allows(parsed(step))]
    assert (fits[0], fits[-1]) == (low, high)
    assert fits == steps[steps.index(low) : steps.index(high) + 1]
    assert str(wanted) == text


def parsed(text: str) -> Version:
    found = parse_version(text)
    assert found is not None
    return found


def test_a_prerelease_fits_only_beside_one_that_was_asked_for() -> None:
    wanted = parse_range(">=1.2.3-beta.2,<2")
    assert wanted.allows(parsed("1.2.3-beta.10"))
    assert wanted.allows(parsed("1.3.0"))
    assert not wanted.allows(parsed("1.3.0-beta.1"))
    assert not wanted.allows(parsed("2.0.0-alpha"))
    assert not wanted.allows(parsed("1.2.3-beta.1"))


@pytest.mark.parametrize(
    "text", ["", "^", "1.x", "*", ">=1 <2", ">=1,", ",1", "^v1.2.3", "^1.2.3.4", "=>1", "^1.2-beta", "1.2.3_b", "^" + "1" * 300]
)
def test_what_is_no_range_is_refused_with_what_one_looks_like(text: str) -> None:
    with pytest.raises(UsageError, match="is not a range of versions") as caught:
        parse_range(text)
    assert caught.value.hint == "a range is ^1.2, ~1.2, or comparisons such as >=1,<2"


def test_the_best_version_is_returned_as_it_was_written() -> None:
    tags = ["latest", "v1.4.0", "1.2.0", "v2.0.0-rc.1", "main"]
    assert best(None, tags) == "v1.4.0"
    assert best(parse_range("~1.2"), tags) == "1.2.0"
    assert best(parse_range(">=2.0.0-0"), tags) == "v2.0.0-rc.1"
    assert best(parse_range("^3"), tags) is None
    assert best(None, ["v2.0.0-rc.1", "main"]) is None


def test_of_two_tags_of_one_version_the_same_is_chosen_in_any_order() -> None:
    tags = ["1.0.0", "v1.0.0", "1.0.0+b", "1.0.0+a"]
    assert best(None, tags) == best(None, reversed(tags)) == "v1.0.0"
