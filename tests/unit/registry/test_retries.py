"""What is tried again, and after how long."""

from __future__ import annotations

from email.utils import formatdate

import pytest

from ropeway.errors import NotFound, Refused, Unreachable
from ropeway.registry.http.errors import clean, failed_answer, problems_in
from ropeway.registry.http.retries import is_busy, may_retry, pause, retry_after
from ropeway.registry.http.transport import Net

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("7", 7.0),
        (" 7 ", 7.0),
        (formatdate(NOW + 90, usegmt=True), 90.0),
        (formatdate(NOW - 90, usegmt=True), 0.0),
        ("-1", None),
        ("soon", None),
        ("", None),
        (None, None),
        ("1.5", None),
        ("Wed, 99 Foo 2026 00:00:00 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str | None, seconds: float | None) -> None:
    assert retry_after(value, NOW) == seconds


def test_what_the_server_asks_for_is_waited_else_twice_as_long_each_time() -> None:
    net = Net(backoff=0.25)
    assert pause(0, "3", net) == 3.0
    for tried, middle in enumerate((0.25, 0.5, 1.0, 2.0)):
        assert 0.75 * middle <= pause(tried, None, net) <= 1.25 * middle
    assert pause(30, None, net) <= 12.5


def test_only_what_may_pass_is_tried_again() -> None:
    assert [status for status in range(100, 600) if may_retry(status)] == [408, 429, 500, 502, 503, 504]
    assert [status for status in range(100, 600) if is_busy(status)] == [429, 503]


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (401, Refused, "unauthorized"),
        (403, Refused, "forbidden"),
        (404, NotFound, "not-found"),
        (405, Refused, "not-offered"),
        (413, Refused, "upload-refused"),
        (400, Refused, "upload-refused"),
        (429, Unreachable, "rate-limited"),
        (500, Unreachable, "registry-error"),
        (503, Unreachable, "registry-error"),
        (302, Unreachable, "registry-error"),
        (418, Unreachable, "registry-error"),
    ],
)
def test_an_answer_that_nobody_wanted_has_a_name_and_says_what_to_do(status: int, kind: type[Exception], code: str) -> None:
    body = b'{"errors": [{"code": "DENIED", "message": "quota\\u001b[31m used up", "detail": {}}]}'
    error = failed_answer("the manifest a/b:v1", "r.example", status, {"retry-after": "90"}, body)
    assert (type(error), error.code) == (kind, code)
    assert "r.example" in str(error)
    assert str(error).endswith("quota [31m used up (DENIED)")
    assert error.hint


def test_who_is_not_let_in_is_told_how_to_log_in() -> None:
    assert failed_answer("x", "r.example:5000", 401, {}, b"").hint == "workflow registry login r.example:5000"


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"errors": 3}', b'{"errors": [3]}', b"[" * 100_000, b"\xff"])
def test_a_body_that_is_no_error_document_says_nothing(body: bytes) -> None:
    assert problems_in(body) == ()


def test_what_a_server_says_is_one_short_line_without_control_characters() -> None:
    assert clean("a\x1b[2Jb\r\nc\u202e\u0000d") == "a [2Jb c d"
    assert len(clean("x" * 10_000)) == 300
