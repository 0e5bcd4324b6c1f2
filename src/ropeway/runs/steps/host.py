"""The process in which builtins and Python plugins work: ``python -m ropeway.runs.steps.host KIND NAME``.

It keeps the protocol's channel for itself: what the plugin prints goes to standard error, and so to the step's log.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, cast

from ropeway.errors import NotFound, RopewayError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ropeway.runs.steps.plugin import ActionPlugin

BUILTINS: Final[Mapping[str, str]] = {
    "vcs-diff": "ropeway.runs.steps.differing:vcs_diff",
    "write-file": "ropeway.runs.steps.builtins:write_file",
    "http-get": "ropeway.runs.steps.fetching:http_get",
    "assert": "ropeway.runs.steps.builtins:check",
}


def find(kind: str, name: str) -> ActionPlugin:
    """Return the callable behind a step.

    Raises:
        NotFound: No such builtin or entry point.
    """
    if kind == "builtin":
        if name not in BUILTINS:
            raise NotFound(f"no builtin {name!r}", hint="there are " + ", ".join(sorted(BUILTINS)))
        module, _, attribute = BUILTINS[name].partition(":")
        found: Any = getattr(import_module(module), attribute)
    else:
        from ropeway import plugins

        found = plugins.find("ropeway.steps", name, {})
    return cast("ActionPlugin", found)


def main(argv: list[str]) -> int:
    """Carry out one step; returns the exit status."""
    channel = os.dup(1)
    os.dup2(2, 1)
    out = os.fdopen(channel, "w", encoding="utf-8", errors="backslashreplace", buffering=1)

    def say(message: dict[str, Any]) -> None:
        out.write(json.dumps(message) + "\n")

    kind, name = argv
    request = json.loads(sys.stdin.buffer.readline())
    try:
        outputs = find(kind, name)(request["inputs"], lambda text: say({"type": "log", "text": text}))
        if outputs:
            say({"type": "outputs", "outputs": dict(outputs)})
    except RopewayError as error:
        say({"type": "error", "message": error.message, "hint": error.hint})
        return 1
    except Exception as error:  # noqa: BLE001 - the step's boundary: whatever a plugin raises is the failure of its step
        traceback.print_exc()  # to standard error, which is the step's log
        say({"type": "error", "message": f"{type(error).__name__}: {error}" if str(error) else type(error).__name__})
        return 1
    finally:
        out.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
