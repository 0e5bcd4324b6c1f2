"""What a step wrote to the file named in ``$ROPEWAY_OUTPUT``, read into typed values.

Three forms may be mixed, one after the other:

* ``key=value``: the rest of the line, as it is;
* ``key<<MARK``, lines, ``MARK``: a text of several lines, without the last newline;
* ``{"key": value, …}``: a JSON object on one line, values keep their types.

A key that is written twice has its last value. Declared outputs are checked against their types; when any are declared, others are errors.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from ropeway.errors import RopewayError
from ropeway.lang.values import check_value, parse_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ropeway.lang.model import Field
    from ropeway.lang.parameter_types import ParameterTypes

MAX_BYTES = 16 * 2**20
"""Outputs are values, not files: larger results belong into an artifact."""

_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


class OutputProblem(Exception):
    """An output file that can't be read, or values that do not fit what the step declares."""


def read_outputs(data: bytes, declared: Mapping[str, Field] | None, types: ParameterTypes | None = None) -> dict[str, Any]:
    """Return the outputs a step wrote.

    Args:
        data: The file's bytes; empty when the step wrote nothing.
        declared: The step's ``outputs``; None when it declares none (then every output is a string).
        types: Parameter types that plugins bring.

    Raises:
        OutputProblem: Says which line or which output, and why.
    """
    if len(data) > MAX_BYTES:
        raise OutputProblem(f"the outputs have {len(data):,} bytes, at most {MAX_BYTES:,} are read; write large results to a file")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise OutputProblem(f"the outputs are not UTF-8 at byte {error.start}") from error
    if "\0" in text:
        raise OutputProblem(f"the outputs hold a NUL character at offset {text.index(chr(0))}")
    return typed_outputs(_entries(text), declared, types)


def typed_outputs(raw: Mapping[str, Any], declared: Mapping[str, Field] | None, types: ParameterTypes | None = None) -> dict[str, Any]:
    """Check values against the declarations; see :func:`read_outputs`."""
    if declared is None:
        return {key: value if isinstance(value, str) else _compact(value) for key, value in raw.items()}
    unknown = [key for key in raw if key not in declared]
    if unknown:
        names = ", ".join(sorted(declared)) or "none"
        raise OutputProblem(f"output {unknown[0]!r} is not declared (declared: {names})")
    out: dict[str, Any] = {}
    for name, field in declared.items():
        if name not in raw:
            if field.has_default:
                out[name] = field.default
                continue
            if not field.required:
                out[name] = None
                continue
            raise OutputProblem(f'output {name!r} is declared and was not written; add `echo "{name}=…" >> "$ROPEWAY_OUTPUT"`')
        value = raw[name]
        try:
            out[name] = parse_text(field, value, types) if isinstance(value, str) else check_value(field, value, types)
        except RopewayError as problem:
            raise OutputProblem(f"output {name!r}: {problem}") from problem
    return out


def _compact(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _entries(text: str) -> dict[str, Any]:
    out: dict[str, Any] = {}
    lines = iter(enumerate(text.split("\n"), 1))
    for number, line in lines:
        if not line.strip():
            continue
        if line.startswith("{"):
            out.update(_object(number, line))
            continue
        match = _KEY.match(line)
        rest = line[match.end() :] if match else ""
        if match and rest.startswith("="):
            out[match.group()] = rest[1:].removesuffix("\r")
        elif match and rest.startswith("<<") and rest[2:].strip():
            out[match.group()] = _block(number, rest[2:].strip(), lines)
        else:
            raise OutputProblem(f"line {number} of the outputs is none of key=value, key<<MARK and a JSON object: {line[:80]!r}")
    return out


def _block(number: int, mark: str, lines: Any) -> str:
    body: list[str] = []
    for _, line in lines:
        if line.removesuffix("\r") == mark:
            return "\n".join(body)
        body.append(line)
    raise OutputProblem(f"line {number} of the outputs opens a block that is not closed by a line {mark!r}")


def _object(number: int, line: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise OutputProblem(f"line {number} of the outputs starts like a JSON object and is not one: {error}") from error
    if not isinstance(value, dict):
        raise OutputProblem(f"line {number} of the outputs is not a JSON object")
    return value
