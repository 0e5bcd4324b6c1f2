"""The small built-in actions. Their inputs and outputs are declared in :mod:`ropeway.lang.builtins`; they run in the step's folder.

A plan's inputs are already typed and complete when they arrive here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ropeway.runs.steps.files import ActionFailed, target

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def check(inputs: Mapping[str, Any], log: Callable[[str], None]) -> None:
    """``builtin:assert``: fail with ``message`` unless ``that`` is true."""
    message = str(inputs.get("message") or "the assertion does not hold")
    if inputs["that"] is not True:
        raise ActionFailed(message, code="assertion")
    log(f"holds: {message}" if inputs.get("message") else "holds")


def write_file(inputs: Mapping[str, Any], log: Callable[[str], None]) -> dict[str, Any]:
    """``builtin:write-file``: write ``text`` to ``path`` below the working folder, at once; parents are made."""
    file = target(str(inputs["path"]))
    try:
        data = str(inputs["text"]).encode()
    except UnicodeEncodeError as error:
        raise ActionFailed(f"the text for {file.name} can't be written as UTF-8: {error.reason}") from error
    file.write(data, executable=bool(inputs.get("executable")))
    log(f"wrote {len(data)} bytes to {file.name}")
    return {"path": file.below, "bytes": len(data)}
