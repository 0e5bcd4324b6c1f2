"""Workspaces as text: one with all that is known of it, or a table, and what happens to one."""

from __future__ import annotations

import shlex
import time
from typing import TYPE_CHECKING, Any

from ropeway.cli.console import clean
from ropeway.cli.text import ago, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ropeway.cli.console import Console, Style

__all__ = ["event", "one", "several"]

_COLORS: dict[str, Style] = {"running": "cyan", "done": "green", "error": "red", "unknown": "red"}

_NAMED = 8  # paths that a line names


def one(data: Mapping[str, Any], console: Console) -> Iterator[str]:
    """Yield what is noted in one workspace."""
    status = _text(data.get("status"))
    yield f"{console.styled(_text(data.get('workspace_id')), 'bold')}  {console.styled(status, _COLORS.get(status, 'dim'))}"
    facts = [
        ("folder", _text(data.get("workspace_path"))),
        ("repository", _text(data.get("repo_root"))),
        ("backend", _text(data.get("backend"))),
        ("base", _base(data)),
        ("run", _text(data.get("run"))),
        ("workflow", _text(data.get("workflow"))),
        ("command", _command(data.get("command"))),
        ("direnv", "allowed" if data.get("direnv_allowed") else ""),
        ("tools", _tools(data)),
        ("created", _when(data.get("created_at"))),
        ("updated", _when(data.get("updated_at"))),
    ]
    yield from (f"  {line}" for line in table((name, text) for name, text in facts if text))


def several(found: Sequence[Mapping[str, Any]], console: Console) -> Iterator[str]:
    """Yield a line a workspace."""
    rows = [("WORKSPACE", "STATUS", "WORKFLOW", "BASE", "UPDATED")]
    rows += [
        (
            _text(data.get("workspace_id")) or "-",
            _text(data.get("status")) or "-",
            _text(data.get("workflow")) or "-",
            _text(data.get("base_change")) or "-",
            _text(data.get("problem")) or _when(data.get("updated_at")) or "-",
        )
        for data in found
    ]
    lines = table(rows)
    yield console.styled(lines[0], "dim")
    for line, (_, status, *_) in zip(lines[1:], rows[1:], strict=True):
        before, word, after = line.partition(f"  {status}")
        yield before + console.styled(word, _COLORS.get(status, "dim")) + after


def event(name: str, data: Mapping[str, Any]) -> str:
    """Return one line for what happened to a workspace; "" for what a person need not be told."""
    match name:
        case "workspace.created":
            what = f"workspace {data['id']}: made in {data['path']} ({data['backend']}, from {data['base']})"
            return "\n".join(map(clean, (what, *(f"note: {note}" for note in data["notes"]))))
        case "workspace.reused":
            return clean(f"workspace {data['id']}: taken as it is, in {data['path']}")
        case "workspace.direnv":
            return clean(f"workspace {data['id']}: allowed direnv to load {data['file']}")
        case "workspace.tools":
            return "\n".join(clean(f"note: {why}; it is left out of the tools") for why in data["left_out"])
        case "workspace.base":
            return clean(
                f"note: workspace {data['id']} is from {data['base'] or 'another base'}, not from {data['asked']}: it was there already"
            )
        case "workspace.shell":
            return clean(f"workspace {data['id']}: a shell in {data['path']}; leave it with `exit`")
        case "workspace.unsaved":
            names = ", ".join(data["lost"][:_NAMED]) + (f" and {len(data['lost']) - _NAMED} more" if len(data["lost"]) > _NAMED else "")
            return clean(f"workspace {data['id']}: these changes go with it: {names}")
        case "workspace.cleaned":
            return clean(f"workspace {data['id']}: removed")
        case _:
            return ""


def _text(value: object) -> str:
    """Return a value of the file as text: anybody may have written it."""
    return "" if value is None else clean(str(value))


def _base(data: Mapping[str, Any]) -> str:
    label, commit = _text(data.get("base_change")), _text(data.get("base_commit"))[:12]
    return f"{label} ({commit})" if label and commit and label != commit else label or commit


def _command(value: object) -> str:
    return clean(shlex.join(map(str, value))) if isinstance(value, list) else ""


def _tools(data: Mapping[str, Any]) -> str:
    version, source = _text(data.get("tools_version"))[:12], _text(data.get("tools_source"))
    return f"{version} from {source}" if version and source else version


def _when(value: object) -> str:
    """Return how long ago a time of the file was."""
    from datetime import datetime

    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return _text(value)
    return ago(time.time() - moment.timestamp())
