"""How a value becomes text: where an expression stands inside other text, in ``join()`` and in environment variables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ropeway.lang.expressions.errors import EvaluationError
from ropeway.lang.expressions.operators import kind_of

if TYPE_CHECKING:
    from typing import Any

__all__ = ["to_text"]

_MAX_DEPTH = 200
_EXACT = 2.0**53


def to_text(value: Any) -> str:
    """Return a value as text.

    A string as it is, an integer in decimal, a boolean as ``true`` or ``false``, null as nothing, a list or map as compact JSON. A
    number is written as briefly as reads back the same, a whole one without a fraction (``2`` and not ``2.0``).

    Raises:
        EvaluationError: The text would hold a NUL, which no program can be handed; or the value has no text.
    """
    if isinstance(value, str):
        text = value
    elif value is None:
        return ""
    elif isinstance(value, bool):
        return "true" if value else "false"
    elif isinstance(value, (int, float)):
        return str(_plain(value, 0))
    else:
        import json

        return json.dumps(_plain(value, 0), ensure_ascii=False, separators=(",", ":"))
    if "\0" in text:
        raise EvaluationError("the text holds a NUL character", hint="no program can take one in an argument or a variable")
    return text


def _plain(value: Any, depth: int) -> Any:
    """Return what ``json.dumps`` writes as we want it: plain containers, whole numbers as integers."""
    if value is None or isinstance(value, (str, int)):
        return value
    if depth > _MAX_DEPTH:
        raise EvaluationError("the value is nested too deep to become text")
    if isinstance(value, float):
        if value - value != 0:
            raise EvaluationError("an infinite number has no text")
        return int(value) if value.is_integer() and abs(value) <= _EXACT else value
    if isinstance(value, (list, tuple)):
        return [_plain(item, depth + 1) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(item, depth + 1) for key, item in value.items()}
    raise EvaluationError(f"a value of the kind {kind_of(value)} has no text")
