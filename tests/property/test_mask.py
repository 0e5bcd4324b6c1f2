"""The mask against the plainest thing that could be right: mark every covered byte, then replace each stretch."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ropeway.runs.mask import MASKED, Mask, forms

# Few letters, so that secrets overlap themselves, each other and the borders of chunks.
small = st.text("ab", min_size=1, max_size=6)
any_text = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12)
secrets = st.lists(small | any_text, min_size=1, max_size=3)


def plainly(values: list[str], data: bytes) -> bytes:
    covered = [False] * len(data)
    for needle in {form for value in values for form in forms(value)}:
        for at in range(len(data)):
            if data.startswith(needle, at):
                covered[at : at + len(needle)] = [True] * len(needle)
    out = b""
    for at, hidden in enumerate(covered):
        if not hidden:
            out += data[at : at + 1]
        elif at == 0 or not covered[at - 1]:
            out += MASKED
    return out


@st.composite
def streams(draw: st.DrawFn) -> tuple[list[str], bytes, list[int]]:
    values = draw(secrets)
    known = [form for value in values for form in forms(value)]
    pieces = (
        st.sampled_from(known)
        | st.sampled_from(known).map(lambda form: form[: len(form) // 2 + 1])
        | small.map(str.encode)
        | st.binary(max_size=4)
    )
    data = b"".join(draw(st.lists(pieces, max_size=12)))
    return values, data, draw(st.lists(st.integers(0, len(data)), max_size=12))


@given(streams())
def test_what_is_hidden_does_not_depend_on_where_chunks_end(stream: tuple[list[str], bytes, list[int]]) -> None:
    values, data, cuts = stream
    mask = Mask(values)
    borders = [0, *sorted(cuts), len(data)]
    seen = b"".join(mask.feed(data[start:stop]) for start, stop in pairwise(borders)) + mask.flush()
    assert seen == plainly(values, data)


@given(any_text, st.binary(max_size=30), st.binary(max_size=30))
def test_no_form_of_a_secret_is_left_when_it_stood_there(secret: str, before: bytes, after: bytes) -> None:
    for form in forms(secret):
        mask = Mask([secret])
        seen = mask.feed(before + form + after) + mask.flush()
        for stretch in seen.split(MASKED):
            assert not mask.contains(stretch)
