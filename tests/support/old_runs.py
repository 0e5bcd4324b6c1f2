"""Runs that ended long ago, and working copies of them, made without carrying anything out."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ropeway.runs.events import RunEvent, Stamp
from ropeway.workspaces import metadata, places

if TYPE_CHECKING:
    from ropeway.runs.folder import RunFolder, RunStore

DAY = 86_400.0


def plan(**policy: object) -> dict[str, Any]:
    """Return the smallest plan, with a policy for workspaces."""
    more = {"policy": {"workspace": policy}} if policy else {}
    return {"version": 1, "template": {"id": "t", "steps": [{"id": "a", "kind": "argv", "argv": ["true"]}], **more}}


def write(folder: RunFolder, events: list[tuple[str, dict[str, Any]]], days: float) -> None:
    """Write a run's journal with events of so many days ago."""
    at = Stamp()(time.time() - days * DAY)
    lines = [RunEvent(number, at, event, data).line() for number, (event, data) in enumerate(events, 1)]
    folder.journal.write_bytes(b"".join(lines))


def old_run(
    store: RunStore,
    days: float = 40,
    state: str | None = "succeeded",
    *,
    linked: str | None = None,
    keep: bool = False,
    between: list[tuple[str, dict[str, Any]]] | None = None,
    **policy: object,
) -> RunFolder:
    """Make a run that ended so many days ago; one without a state never ended."""
    folder = store.create(plan(**policy))
    created: dict[str, Any] = {"format": 1, "workflow": "t", "actor": "me", "cwd": "/", "options": {"keep": keep}}
    events: list[tuple[str, dict[str, Any]]] = [("run.created", created | ({"linked": linked} if linked else {}))]
    events += [("run.started", {"workspace": "/", "pid": 1}), *(between or [])]
    if state == "waiting":
        events.append(("run.waiting", {"gates": ["a"]}))
    elif state is not None:
        events.append(("run.finished", {"state": state, "outputs": {}}))
    write(folder, events, days)
    folder.logs.mkdir()
    (folder.logs / "1.out").write_text("out" * 1000)
    (folder.path / "lock").touch()
    return folder


def git(cwd: Path | str, *args: str) -> str:
    """Run git in a folder and return what it prints."""
    return subprocess.run(["git", *args], cwd=cwd, check=True, capture_output=True, text=True).stdout.strip()


def repository(path: Path) -> Path:
    """Make a git repository with one commit."""
    path.mkdir(parents=True)
    git(path, "init", "--quiet", "--initial-branch=main")
    (path / "a.txt").write_text("one\n")
    git(path, "add", "--all")
    git(path, "commit", "--quiet", "--message=first")
    return path


def old_copy(environ: dict[str, str], root: Path, run: RunFolder | None, *, id: str | None = None, days: float = 40) -> Path:  # noqa: A002
    """Make a worktree below the workspaces root as a run (or nobody) left it so many days ago, and note it in its metadata."""
    name = id or (run.id if run is not None else "lone")
    path = Path(places.workspace_path(environ, str(root), name))
    path.parent.mkdir(parents=True, exist_ok=True)
    git(root, "worktree", "add", "--quiet", "--detach", str(path), "HEAD")
    noted = {"workspace_id": name, "repo_root": str(root), "workspace_path": str(path), "status": "done", "backend": "git"}
    metadata.write(str(path), noted | ({"run": run.id} if run is not None else {}))
    note(path, days)
    return path


def note(path: Path, days: float, **changes: object) -> None:
    """Change a working copy's metadata, last updated so many days ago."""
    file = Path(metadata.path_of(str(path)))
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(time.time() - days * DAY))
    file.write_text(json.dumps({**json.loads(file.read_text()), "updated_at": stamp, **changes}, indent=2) + "\n")


def created_event(root: Path, path: Path, run: str) -> tuple[str, dict[str, Any]]:
    """Save what a working copy holds under a run's refs and return the event that says so."""
    commit = git(path, "stash", "create") or git(path, "rev-parse", "HEAD")
    tree = git(path, "rev-parse", f"{commit}^{{tree}}")
    git(root, "update-ref", f"refs/ropeway/{run}/0", commit)
    snapshot = {"number": 0, "commit": commit, "tree": tree}
    data = {"id": path.name, "path": os.path.realpath(path), "root": str(root), "backend": "git", "git_dir": str(root / ".git")}
    return "workspace.created", {**data, "base": "@", "base_commit": commit, "folder": "", "person": False, "snapshot": snapshot}


def run_with_copy(
    store: RunStore, environ: dict[str, str], root: Path, *, days: float = 40, state: str | None = "succeeded", **more: Any
) -> tuple[RunFolder, Path]:
    """Make an old run with its working copy, all of which is saved."""
    folder = old_run(store, days, state, **more)
    path = old_copy(environ, root, folder, days=days)
    event = created_event(root, path, folder.id)
    events = [(e.event, dict(e.data)) for e in folder.events()]
    write(folder, [*events[:2], event, *events[2:]], days)
    return folder, path


def refs(root: Path) -> list[str]:
    """Return our refs in a repository."""
    return git(root, "for-each-ref", "--format=%(refname)", "refs/ropeway").split()
