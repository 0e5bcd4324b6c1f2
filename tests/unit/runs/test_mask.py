from __future__ import annotations

import base64
import json
import re
from urllib.parse import quote, quote_plus

import pytest

from ropeway.runs.mask import Mask


def through(values: list[str], *chunks: bytes) -> bytes:
    mask = Mask(values)
    return b"".join(map(mask.feed, chunks)) + mask.flush()


def test_a_secret_that_spans_chunks_is_hidden() -> None:
    assert through(["hunter2!"], b"pass: hun", b"ter", b"2!\n") == b"pass: ***\n"


def test_what_can_not_become_a_secret_is_let_through_at_once() -> None:
    mask = Mask(["hunter2!"])
    assert mask.feed(b"ready\n") == b"ready\n"
    assert mask.feed(b"the hunt") == b"the "
    assert mask.feed(b"ing season") == b"hunting season"


def test_overlapping_occurrences_leave_nothing_behind() -> None:
    assert through(["abab"], b"xababababx") == b"x***x"
    assert through(["abcd", "cdef"], b"-abcdef-") == b"-***-"
    assert through(["abab"], b"xab", b"ab", b"ab", b"x") == b"x***x"


def test_a_longer_secret_wins_over_one_that_it_contains() -> None:
    assert through(["token", "token-and-more"], b"token-and-m", b"ore token.") == b"*** ***."


def test_the_beginning_of_a_secret_at_the_end_of_the_stream_is_let_through() -> None:
    assert through(["hunter2!"], b"hunter") == b"hunter"


def test_each_line_of_a_key_is_hidden_whatever_ends_the_lines() -> None:
    key = "-----BEGIN KEY-----\nMIIEvQ\nIBADAN\n-----END KEY-----\n"
    assert through([key], key.replace("\n", "\r\n").encode()) == b"***\r\n***\r\n***\r\n***\r\n"
    assert through([key], b"+ echo IBADAN") == b"+ echo ***"


@pytest.mark.parametrize("before", ["", "u", "us", "usr:"])
@pytest.mark.parametrize("after", ["", "!", "!!"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_base64_is_hidden_at_every_alignment(before: str, after: str, encode) -> None:
    secret = "s3cr3t?>>~~ok"
    encoded = encode((before + secret + after).encode())
    shown = through([secret], b"Basic " + encoded)
    assert b"***" in shown
    # At most the characters that the secret shares with its neighbours are left.
    left = shown.removeprefix(b"Basic ").replace(b"***", b"").rstrip(b"=")
    assert len(left) <= len(encode(before.encode()).rstrip(b"=")) + len(encode(after.encode()).rstrip(b"=")) + 1


@pytest.mark.parametrize(
    "encode",
    [quote, quote_plus, lambda text: quote(text, safe=""), lambda text: re.sub("%..", lambda found: found[0].lower(), quote(text))],
)
def test_url_encodings_are_hidden(encode) -> None:
    assert through(["p/ss wörd"], f"https://x/?p={encode('p/ss wörd')}&q=1".encode()) == b"https://x/?p=***&q=1"


@pytest.mark.parametrize("ascii_only", [True, False])
def test_json_is_hidden(ascii_only: bool) -> None:
    secret = 'a"quoted\\ wörd'
    assert through([secret], json.dumps({"k": secret}, ensure_ascii=ascii_only).encode()) == b'{"k": "***"}'


def test_short_lines_of_a_secret_do_not_hide_half_of_the_log() -> None:
    assert through(["{\nsecret-value\n}"], b"{ } secret-value") == b"{ } ***"


def test_empty_values_hide_nothing() -> None:
    assert through(["", "\n"], b"abc") == b"abc"


def test_a_fork_has_a_stream_of_its_own() -> None:
    out = Mask(["hunter2!"])
    err = out.fork()
    assert out.feed(b"hunt") == b""
    assert err.feed(b"er2!") == b"er2!"
    assert out.feed(b"er2!") == b"***"


def test_a_text_that_is_not_utf_8_comes_through_unchanged() -> None:
    text = b"\xff key=hunter2!".decode("utf-8", "surrogateescape")
    assert Mask(["hunter2!"]).text(text) == b"\xff key=***".decode("utf-8", "surrogateescape")


def test_it_can_tell_whether_a_secret_is_in_an_output() -> None:
    mask = Mask(["hunter2!"])
    assert mask.contains(base64.b64encode(b"me:hunter2!"))
    assert not mask.contains(b"hunter2")
