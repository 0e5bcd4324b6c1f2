"""Versions are in a total order, and what is chosen among them is the highest that fits."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ropeway.lang.reference.refs import read_ref
from ropeway.lang.versions import Version, best, newest_first, parse_range, parse_version

NUMBERS = st.integers(0, 3) | st.integers(0, 2**70)
WORDS = st.integers(0, 12) | st.from_regex(r"[0-9]{0,2}[a-zA-Z-][0-9a-zA-Z-]{0,3}", fullmatch=True)
BUILDS = st.from_regex(r"([0-9a-zA-Z-]{1,4}(\.[0-9a-zA-Z-]{1,3}){0,2})?", fullmatch=True)
VERSIONS = st.builds(Version, NUMBERS, NUMBERS, NUMBERS, st.lists(WORDS, max_size=3).map(tuple), BUILDS)
SMALL = st.builds(Version, *[st.integers(0, 2)] * 3, st.lists(st.integers(0, 1) | st.sampled_from("ab"), max_size=2).map(tuple))
PARTIAL = SMALL.map(str) | st.from_regex(r"[0-2](\.[0-2])?", fullmatch=True)
RANGES = st.lists(st.tuples(st.sampled_from(["^", "~", ">", ">=", "<", "<=", "="]), PARTIAL).map("".join), min_size=1, max_size=3).map(
    ",".join
)


@given(VERSIONS)
def test_a_version_is_read_as_it_is_written(version: Version) -> None:
    again = parse_version(str(version))
    assert again is not None
    assert (again, again.build, again.prerelease) == (version, version.build, version.prerelease)


@given(SMALL | VERSIONS, SMALL | VERSIONS, SMALL | VERSIONS)
def test_the_order_is_total(a: Version, b: Version, c: Version) -> None:
    assert [a < b, a == b, a > b].count(True) == 1
    assert (a < b) == (b > a)
    assert (a <= b) == (not a > b)
    assert not (a <= b <= c) or a <= c
    assert a != b or hash(a) == hash(b)


@given(RANGES, st.lists(SMALL, max_size=12))
def test_the_best_version_fits_and_none_that_fits_is_higher(text: str, versions: list[Version]) -> None:
    wanted = parse_range(text)
    fits = [version for version in versions if wanted.allows(version)]
    found = best(wanted, [str(version) for version in versions])
    assert (found is None) == (not fits)
    if found is not None:
        assert parse_version(found) == max(fits)


@given(RANGES, SMALL)
def test_every_comparison_of_a_range_holds_for_a_release_in_it(text: str, version: Version) -> None:
    release = Version(*version.release)
    assert parse_range(text).allows(release) == all(parse_range(part).allows(release) for part in text.split(","))


@given(RANGES)
def test_a_range_is_one_for_the_grammar_of_references_too(text: str) -> None:
    ref = read_ref(text, 0)
    assert ref is not None
    assert ref.kind == "range"


@given(st.text(max_size=12) | st.from_regex(r"v?[0-9.]{0,8}[-+_0-9a-z.]{0,6}", fullmatch=True))
def test_any_text_is_a_version_or_none(text: str) -> None:
    assert newest_first([text]) == ([text] if parse_version(text) is not None else [])
