"""Requests to a registry and its answers, as the fakes pass them around."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ropeway.bundles.manifest import check_digest
from ropeway.bundles.problems import InvalidBundle
from ropeway.records import field, record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Answer", "Problem", "Request", "as_json", "checked_digest", "problem", "with_headers"]


@record
class Request:
    """What a client asks: the names of ``headers`` are in lower case, ``query`` holds the last value of each name."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    every: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """All values of each name in the query, for those that may stand there more than once."""


@record
class Answer:
    """What a registry says."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


def problem(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> Answer:
    """Return an error in the specification's form."""
    body = json.dumps({"errors": [{"code": code, "message": message, "detail": None}]}).encode()
    return Answer(status, {"Content-Type": "application/json", **(headers or {})}, body)


class Problem(Exception):
    """Carries an answer out of the middle of a request."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer)
        self.answer = answer


def as_json(value: object, headers: Mapping[str, str] | None = None) -> Answer:
    """Return an answer of JSON."""
    return Answer(200, {"Content-Type": "application/json", **(headers or {})}, json.dumps(value).encode())


def with_headers(answer: Answer, headers: Mapping[str, str]) -> Answer:
    """Return the same answer with more headers."""
    return Answer(answer.status, {**answer.headers, **headers}, answer.body)


def checked_digest(text: str) -> str:
    """Return a digest as it is, or stop with 400."""
    try:
        return check_digest(text)
    except InvalidBundle as error:
        raise Problem(problem(400, "DIGEST_INVALID", str(error))) from None
