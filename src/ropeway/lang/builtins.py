"""What ``builtin:`` and ``gate:`` steps take and give: declarations only, the work is done in ``ropeway.runs.steps``."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ropeway.lang.model import Field

if TYPE_CHECKING:
    from collections.abc import Mapping


class Builtin(NamedTuple):
    """The inputs and outputs of a builtin or a gate. ``hides`` names the inputs that a secret may be handed to."""

    inputs: Mapping[str, Field]
    outputs: Mapping[str, Field]
    hides: frozenset[str] = frozenset()


MAX_BODY: Final = 10 * 2**20
"""Bytes that ``builtin:http-get`` reads when ``max_bytes`` is not given."""

BUILTIN_NAMES: Final = ("assert", "http-get", "vcs-diff", "write-file")
GATE_NAMES: Final = ("approve", "choose", "form")


def _fields(*fields: Field) -> dict[str, Field]:
    return {field.name: field for field in fields}


def _input(name: str, type_: str, default: Any, **more: Any) -> Field:
    return Field(name, type_, required=False, has_default=True, default=default, **more)


@cache
def builtin(name: str) -> Builtin | None:
    """Return the declaration of ``builtin:name``, None when there is no such builtin."""
    if name == "vcs-diff":
        return Builtin(
            _fields(
                _input("from", "string", "", description="the commit to compare with (for jj a revset); the last commit when empty"),
                _input("paths", "list", [], description="only these files and folders"),
            ),
            _fields(Field("diff"), Field("files", "list"), Field("changed", "boolean")),
        )
    if name == "write-file":
        return Builtin(
            _fields(
                Field("path", "path", description="where, below the working copy"),
                Field("text", description="the file's whole content"),
                _input("executable", "boolean", default=False, description="sets the x bit"),
            ),
            _fields(Field("path", "path"), Field("bytes", "integer")),
            frozenset({"text"}),
        )
    if name == "http-get":
        return Builtin(
            _fields(
                Field("url", description="http:// or https://"),
                _input("headers", "map", {}, description="request headers"),
                Field("to", "path", required=False, description="write the body to this file below the working copy, and give no 'body'"),
                _input("status", "list", [200], items="integer", description="the statuses that count as success"),
                _input("max_bytes", "integer", MAX_BODY, minimum=1, description="a longer body is a failure"),
            ),
            _fields(Field("status", "integer"), Field("body"), Field("headers", "map")),
            frozenset({"url", "headers"}),
        )
    if name == "assert":
        return Builtin(
            _fields(
                Field("that", "boolean", description="what must hold"),
                _input("message", "string", "", description="what to say when it does not"),
            ),
            {},
        )
    return None


@cache
def gate(name: str) -> Builtin | None:
    """Return the declaration of ``gate:name``, None when there is no such gate.

    ``form`` gives what its ``fields`` declare, so its outputs are not known here.
    """
    prompt = Field("prompt", required=False, description="the question")
    deadline = Field("deadline", required=False, description='how long to wait, such as "24h"; then the default, or failure')
    if name == "approve":
        default = Field("default", "choice", required=False, choices=("yes", "no"), description="the answer at the deadline")
        return Builtin(_fields(prompt, deadline, default), _fields(Field("approved", "boolean")))
    if name == "choose":
        default = Field("default", required=False, description="the answer at the deadline")
        return Builtin(_fields(prompt, Field("choices", "list"), deadline, default), _fields(Field("choice")))
    if name == "form":
        return Builtin(_fields(prompt, Field("fields", "form", description="what to fill in"), deadline), {})
    return None
