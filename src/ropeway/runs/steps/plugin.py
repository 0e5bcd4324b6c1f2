"""Builtins and plugins: steps that a Python function or an executable carries out, each in a process of its own.

Both are the same thing to the executor: a process that speaks the protocol of :mod:`ropeway.runs.steps.messages`. Builtins and Python entry points are run
by :mod:`ropeway.runs.steps.host`; so limits, cancelling, logs and sandboxes hold for them as for any other process.
"""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any, Protocol

from ropeway.runs.process import StartProblem, find_executable
from ropeway.runs.steps import Launch
from ropeway.runs.steps.messages import PROTOCOL

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from ropeway.runs.steps import Prepared


class ActionPlugin(Protocol):
    """What a Python plugin is: a callable behind an entry point of the group ``ropeway.steps``.

    It runs in a process of its own, in the step's folder and environment. It returns the outputs; it fails by raising
    :class:`ropeway.errors.RopewayError` (message and hint are shown) or by any other exception (its traceback goes to the step's log).
    """

    def __call__(self, inputs: Mapping[str, Any], log: Callable[[str], None]) -> Mapping[str, Any] | None:
        """Do the step's work with typed ``inputs``; ``log`` writes a line to the step's log."""
        ...


class Builtin:
    """``uses = "builtin:NAME"``."""

    def launch(self, prepared: Prepared) -> Launch:
        """Return the host with the builtin's name."""
        return _hosted(prepared, "builtin")


class Plugin:
    """``uses = "plugin:NAME"``: an executable (``plugin:./tool``, or ``ropeway-step-NAME`` on PATH), else a Python entry point."""

    def launch(self, prepared: Prepared) -> Launch:
        """Return the executable, or the host with the entry point's name."""
        name = prepared.step.uses or ""
        try:
            path = executable(name, prepared.source, prepared.env.get("PATH", os.defpath), prepared.cwd)
        except StartProblem:
            if "/" in name:
                raise
            return _hosted(prepared, "plugin")
        return Launch((path,), stdin=_request(prepared), messages=True)


def executable(name: str, source: str | Path | None, search: str, cwd: str) -> str:
    """Return the program behind ``plugin:name``.

    Args:
        name: A path beside the workflow's file, or the rest of ``ropeway-step-NAME``.
        source: The workflow's file; None when it came from none.
        search: The step's own PATH.
        cwd: The step's folder.

    Raises:
        StartProblem: It is not there (127; a Python entry point may still have that name), or not executable (126).
    """
    if "/" not in name:
        return find_executable(f"ropeway-step-{name}", search, cwd)
    path = os.path.normpath(os.path.join(cwd, os.path.dirname(source) if source is not None else "", name))
    if not os.path.isfile(path):
        raise StartProblem(f"no file {path}", 127)
    if not os.access(path, os.X_OK):
        raise StartProblem(f"{path} is not executable", 126, hint=f"chmod +x {path}")
    return path


def _hosted(prepared: Prepared, kind: str) -> Launch:
    argv = (sys.executable, "-P", "-m", "ropeway.runs.steps.host", kind, prepared.step.uses or "")
    return Launch(argv, stdin=_request(prepared), messages=True)


def _request(prepared: Prepared) -> bytes:
    request = {
        "type": "run",
        "protocol": PROTOCOL,
        "run": prepared.env.get("ROPEWAY_RUN", ""),
        "step": prepared.address,
        "attempt": prepared.attempt,
        "inputs": dict(prepared.inputs),
        "cwd": prepared.cwd,
        "workflow_dir": prepared.env.get("ROPEWAY_WORKFLOW_DIR", ""),
    }
    return json.dumps(request).encode() + b"\n"
