"""References: what is accepted comes back as it was written, and everything else is refused in one way only."""

from __future__ import annotations

import re

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ropeway.lang.reference import InvalidReference, parse_reference

BITS = [
    "@",
    "#",
    "/",
    ":",
    ".",
    "..",
    "-",
    "_",
    "~",
    "^",
    "a",
    "B",
    "org",
    "1",
    "1.2.0",
    ">=1",
    ",",
    "sha256:",
    "0" * 64,
    "://",
    "https",
    "oci",
    "file:",
    "localhost",
    "ghcr.io",
    ".toml",
    " ",
    "%41",
    "\\",
    "é",
]


@settings(max_examples=1000)
@given(st.text(max_size=30) | st.lists(st.sampled_from(BITS), max_size=10).map("".join), st.sampled_from(["workflow", "skill"]))
def test_any_text_is_a_reference_that_comes_back_or_one_clear_refusal(text, kind):
    refusal = reference = None
    try:
        reference = parse_reference(text, kind=kind)
    except InvalidReference as error:
        refusal = error
    if reference is not None:
        assert str(reference) == text
        assert parse_reference(str(reference), kind=kind) == reference
        return
    assert re.fullmatch(r"RW4\d\d", refusal.code)
    assert refusal.message
    assert refusal.hint
    assert 0 <= refusal.offset <= len(text)
    assert 1 <= refusal.length <= max(len(text) - refusal.offset, 1)


words = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,6}", fullmatch=True)
refs = st.none() | st.from_regex(r"[a-zA-Z0-9_]{1,8}(/[a-zA-Z0-9_]{1,5})?", fullmatch=True)


@given(st.lists(words, min_size=1, max_size=2).map("/".join), words, words, refs)
def test_a_well_formed_name_in_a_repository_is_read_part_by_part(name, owner, repo, ref):
    first, slash, _ = name.partition("/")
    assume(not (slash and ("." in first or first == "localhost")))  # such a first part is an OCI host by the grammar
    reference = parse_reference(f"{name}@{owner}/{repo}" + (f"#{ref}" if ref else ""))
    assert (reference.name, reference.owner, reference.repo) == (name, owner, repo)
    assert (reference.ref.text if reference.ref else None) == ref
