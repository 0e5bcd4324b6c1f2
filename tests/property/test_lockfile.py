"""Whatever stands in a lock is read back as it was written, and any change of a file is read or refused with a line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from ropeway.errors import Refused, RopewayError, UsageError
from ropeway.registry.config import parse as parse_registries
from ropeway.registry.lockfile import Lock, Locked, parse

if TYPE_CHECKING:
    from collections.abc import Callable

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
HEX = st.text("0123456789abcdef", min_size=64, max_size=64)
DIGESTS = HEX.map("sha256:{}".format) | HEX.map(lambda text: f"git:{text[:40]}")
PARTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), min_size=1, max_size=5).filter(
    lambda part: part not in {".", ".."}
)
FILES = st.lists(PARTS, min_size=1, max_size=3).map("/".join)
SIGNERS = st.lists(TEXTS, max_size=2, unique=True).map(lambda each: tuple(sorted(each)))
KINDS = st.sampled_from(["workflow", "skill", "agent"])
ENTRIES = st.builds(
    Locked,
    TEXTS,
    TEXTS,
    st.text(max_size=3),
    DIGESTS,
    HEX.map("sha256:{}".format),
    FILES,
    st.none() | TEXTS,
    st.none() | TEXTS,
    SIGNERS,
    KINDS,
)


@given(st.lists(ENTRIES, max_size=4))
def test_a_lock_is_read_back_as_it_was_written(entries: list[Locked]) -> None:
    lock = Lock().adding(entries)
    text = lock.text()
    assert parse(text.encode(), "L") == lock
    assert Lock(lock.entries[::-1]).text() == text


@given(st.data())
def test_a_damaged_file_is_read_or_refused_with_its_line(data: st.DataObject) -> None:
    raw = Lock().adding(data.draw(st.lists(ENTRIES, min_size=1, max_size=2))).text().encode()
    start = data.draw(st.integers(0, len(raw)))
    end = data.draw(st.integers(start, min(len(raw), start + 20)))
    junk = data.draw(st.binary(max_size=6) | st.sampled_from([b"\n=======\n", b"\n[", b'"', b"version = 2", b"[[reference]]\n"]))
    damaged = raw[:start] + junk + raw[end:]
    for read in (parse, parse_registries):
        error = _refusal(read, damaged)
        if isinstance(error, Refused):
            assert error.code == "newer-format"
        elif error is not None:
            assert re.match(r"L:[1-9]\d*: ", error.message), error.message
            assert error.hint


def _refusal(read: Callable[..., object], raw: bytes) -> RopewayError | None:
    try:
        read(raw, "L")
    except (UsageError, Refused) as error:
        return error
    return None
