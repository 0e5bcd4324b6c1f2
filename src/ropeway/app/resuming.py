"""Going on with a run: as it was planned, or as a new run that keeps what still holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ropeway.app import history, linked_runs
from ropeway.errors import NotFound, Refused, UsageError
from ropeway.records import field, record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ropeway.app.options import RunOptions
    from ropeway.app.readiness import Ready
    from ropeway.lang.plan import Plan
    from ropeway.runs.folder import RunFolder
    from ropeway.runs.workspace import Files

__all__ = ["Changes", "Resumable", "prepare"]


@record
class Changes:
    """What a person wants other than before; nothing by default, and then the same run goes on. ``files`` says what becomes of the files it left."""

    replan: bool = False
    values: Mapping[str, str] = field(default_factory=dict)
    start: str | None = None
    skip: tuple[str, ...] = ()
    files: Files = "auto"

    def __bool__(self) -> bool:
        return bool(self.replan or self.values or self.start or self.skip)


@record
class Resumable:
    """What to carry out: the run itself, or a new one ``linked_to`` it. ``note`` is worth telling the person; ``ready`` is what was read for a new run."""

    folder: RunFolder
    linked_to: str | None = None
    note: str | None = None
    ready: Ready | None = None


def prepare(
    run: str | None, changes: Changes, *, options: RunOptions | None = None, prompt: Callable[[str], str] | None = None
) -> Resumable:
    """Find a run that can go on, and make the linked one when something is to change.

    Args:
        run: An id or the beginning of one; None for the latest.
        changes: What is to be other than before.
        options: How the new run is carried out; None takes what was recorded.
        prompt: Asks for a secret of the new run without echo; None when there is nobody.

    Raises:
        NotFound: There is no such run.
        Busy: It is being carried out.
        Refused: Files are to go back that were never saved.
        UsageError: It has nothing to resume, or a change does not fit.
        InvalidWorkflow: Today's file has errors.
    """
    folder = history.find_run(run, latest=run is None)
    if changes.start is not None and changes.start in changes.skip:
        raise UsageError(f"step {changes.start} can not be both run again and skipped", hint="leave out one of --from and --skip")
    if changes.files == "restore":
        _check_saved(folder)
    if not changes:
        linked_runs.check_resumable(folder, history.status(folder))
        return Resumable(folder, note=linked_runs.changed_since(folder))
    history.status(folder)  # ends what a dead run left running
    plan = _replanned(folder) if changes.replan else None
    new, ready = linked_runs.link(
        folder,
        plan=plan,
        values=changes.values,
        from_step=changes.start,
        skip=changes.skip,
        options=options,
        prompt=prompt,
        files=changes.files,
    )
    return Resumable(new, linked_to=folder.id, ready=ready)


def _check_saved(folder: RunFolder) -> None:
    first = next(iter(folder.events()), None)
    if first is not None and first.data.get("workspace", {}).get("backend", "none") == "none":
        message = f"the files of run {folder.id} can't go back: it works in place, where they are not saved"
        raise Refused(message, hint="leave out --restore; the run goes on with the files as they are", code="no-snapshots")


def _replanned(folder: RunFolder) -> Plan:
    """Return today's plan with what the person had set for the run."""
    from ropeway.app import planning, workflows

    old = folder.plan()
    if old.template.source is None:
        raise NotFound(f"run {folder.id} came from no file", hint="leave out --replan", code="file-not-found")
    source = Path(old.template.source)
    loaded = workflows.read(str(source), cwd=source.parent, overrides=old.overrides)
    kept = {name: value for name, value in old.parameters.items() if value.origin in {"param", "params-file"}}
    return planning.make_plan(loaded, values=kept, env=old.env, cwd=source.parent)
