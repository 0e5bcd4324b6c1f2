"""The plugin protocol: an executable that reads one JSON line and answers with JSON lines.

Standard input gets one request and ends::

    {"type": "run", "protocol": 1, "run": …, "step": …, "attempt": …, "inputs": {…}, "cwd": …, "workflow_dir": …}

Standard output holds messages, one JSON object a line: ``{"type": "log", "text": …}`` (kept in the step's log), ``{"type": "outputs", "outputs": {…}}`` (may
come several times, later values win) and ``{"type": "error", "message": …, "hint": …}``. Any other line is logged as it is. Standard error is the
log's. Exit status 0 means done, unless an error message came; anything else is a failure.
"""

from __future__ import annotations

import json
from typing import Any

from ropeway.records import field, record

PROTOCOL = 1
MAX_LINE = 16 * 2**20
"""Bytes of one message; a longer line ends the step."""


@record(frozen=False)
class Messages:
    """Collects a plugin's messages from pieces of its standard output."""

    outputs: dict[str, Any] = field(default_factory=dict)
    error: str | None = None
    _rest: bytes = b""

    def feed(self, data: bytes) -> bytes:
        """Take a piece of output; returns what belongs into the log."""
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        if len(self._rest) > MAX_LINE:
            self.error = f"a message of over {MAX_LINE:,} bytes"
            self._rest = b""
        return b"".join(self._line(line) for line in lines)

    def close(self) -> bytes:
        """Take the last, unfinished line."""
        rest, self._rest = self._rest, b""
        return self._line(rest) if rest else b""

    def _line(self, line: bytes) -> bytes:
        message = _message(line)
        if message is None:
            return line + b"\n"
        match message["type"]:
            case "outputs" if isinstance(message.get("outputs"), dict):
                self.outputs.update(message["outputs"])
                return b""
            case "error":
                hint = message.get("hint")
                self.error = str(message.get("message", "failed")) + (f" ({hint})" if hint else "")
                return f"{self.error}\n".encode("utf-8", "replace")
            case "log":
                return str(message.get("text", "")).rstrip("\n").encode("utf-8", "replace") + b"\n"
            case _:
                return line + b"\n"


def _message(line: bytes) -> dict[str, Any] | None:
    if not line.startswith(b"{"):
        return None
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) and isinstance(value.get("type"), str) else None
