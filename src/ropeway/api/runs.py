"""Load, validate, plan, run, resume, cancel, status, logs, artifacts, workspaces."""

from __future__ import annotations

import asyncio
import concurrent.futures
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ropeway.app import artifacts as kept
from ropeway.app import history, local, planning, reaching, resuming, runs, workflows
from ropeway.app import logs as printed
from ropeway.app.logs import Chunk
from ropeway.app.options import RunOptions
from ropeway.app.sources import Sources
from ropeway.app.workflows import Loaded
from ropeway.lang.diagnostics import Diagnostic
from ropeway.lang.plan import Plan, Value
from ropeway.runs.events import RunEvent
from ropeway.runs.index import Filter
from ropeway.runs.state import RunState, StepState

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence

    from ropeway.runs.folder import RunFolder
    from ropeway.workspaces.manager import Manager

__all__ = [
    "Chunk",
    "Diagnostic",
    "Filter",
    "Loaded",
    "Plan",
    "RunEvent",
    "RunOptions",
    "RunState",
    "Sources",
    "StepState",
    "answer",
    "artifacts",
    "cancel",
    "cancel_async",
    "events",
    "load",
    "logs",
    "plan",
    "resume",
    "resume_async",
    "run",
    "run_async",
    "runs_of",
    "status",
    "validate",
    "workspaces",
]

T = TypeVar("T")


def load(
    target: str | Path | None = None, *, cwd: Path | None = None, overrides: Sequence[str] = (), sources: Sources | None = None
) -> Loaded:
    """Read and check a workflow.

    Args:
        target: A path, the id of a workflow of the project around ``cwd``, or a reference to one elsewhere (``name@owner/repo#ref``, ``oci://…``);
            None for ``./workflow.toml``.
        cwd: Where relative paths start; the working folder when None.
        overrides: ``key.path=value`` or paths of override files, in order.
        sources: How what is elsewhere is reached: ``Sources(locked=True)``, ``Sources(offline=True)``, ``Sources(trust=["name@owner/repo"])``. Without it
            the network is asked, and a reference that the program names itself is agreed to.

    Returns:
        What was read: ``valid``, ``workflow`` and ``diagnostics``.

    Raises:
        NotFound: There is no such file, workflow, registry or version.
        Unreachable: What is elsewhere does not answer.
        Refused: It must not be used: not locked, altered, moved, not signed as it has to be.
    """
    return workflows.load(_text(target), cwd=cwd or Path.cwd(), overrides=overrides, sources=_reach(sources))


def validate(target: str | Path | None = None, *, cwd: Path | None = None, overrides: Sequence[str] = ()) -> list[Diagnostic]:
    """Return everything that is wrong with a workflow, sorted by place; empty when it is fine. See :func:`load`."""
    return list(load(target, cwd=cwd, overrides=overrides).diagnostics)


def plan(
    target: str | Path | Loaded | None = None,
    *,
    params: Mapping[str, Any] | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    overrides: Sequence[str] = (),
    sources: Sources | None = None,
) -> Plan:
    """Return what a run would carry out.

    Args:
        target: As for :func:`load`, or what it returned.
        params: Parameters: texts are read as ``--param`` reads them, other values are taken as they are.
        env: Environment variables for every step; they win over the steps' own.
        cwd: As for :func:`load`.
        overrides: As for :func:`load`.
        sources: As for :func:`load`; also for what the workflow uses.

    Raises:
        InvalidWorkflow: ``diagnostics`` holds every problem.
        NotFound, Unreachable, Refused: As for :func:`load`.
    """
    loaded = (
        target
        if isinstance(target, Loaded)
        else workflows.read(_text(target), cwd=cwd or Path.cwd(), overrides=overrides, sources=_reach(sources))
    )
    texts = {name: value for name, value in (params or {}).items() if isinstance(value, str)}
    values = {name: Value(value, "param") for name, value in (params or {}).items() if not isinstance(value, str)}
    return planning.make_plan(loaded, cwd=cwd or Path.cwd(), params=texts, values=values, env=env)


async def run_async(
    target: str | Path | Loaded | Plan | None = None,
    *,
    params: Mapping[str, Any] | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    overrides: Sequence[str] = (),
    sources: Sources | None = None,
    options: RunOptions | None = None,
    on_event: Callable[[RunEvent], object] | None = None,
) -> RunState:
    """Run a workflow and return its state at the end, or when it waits for a person.

    Args:
        target: As for :func:`plan`, or a plan.
        params: As for :func:`plan`.
        env: As for :func:`plan`.
        cwd: As for :func:`load`; also the folder that the steps run in.
        overrides: As for :func:`load`.
        sources: As for :func:`load`.
        options: How it is carried out.
        on_event: Called with every event of the run.

    Raises:
        InvalidWorkflow: It can't be planned.
        Refused: It asks for what can't be enforced on this machine.
        StoreError: The state directory can't be written.
    """
    made = target if isinstance(target, Plan) else plan(target, params=params, env=env, cwd=cwd, overrides=overrides, sources=sources)
    folder = runs.create(made, cwd=(cwd or Path.cwd()).absolute(), options=options or RunOptions())
    return await _carried_out(folder, on_event, after=0)


async def resume_async(
    run: str | None = None,
    *,
    replan: bool = False,
    set: Mapping[str, str] | None = None,  # noqa: A002 - the option's name
    start: str | None = None,
    skip: Sequence[str] = (),
    on_event: Callable[[RunEvent], object] | None = None,
) -> RunState:
    """Go on with a run, in it or (with any of the last four arguments but ``on_event``) in a new one that keeps what still holds.

    Args:
        run: An id or a unique prefix; the latest run when None.
        replan: Take today's file instead of the recorded plan.
        set: Parameters to change, as text.
        start: Run this step and what depends on it again.
        skip: Leave these steps out.
        on_event: Called with every new event.

    Raises:
        Busy: It is being carried out.
        NotFound: There is no such run.
        UsageError: It has nothing to resume, or a change does not fit.
    """
    changes = resuming.Changes(replan=replan, values=set or {}, start=start, skip=tuple(skip))
    folder = resuming.prepare(run, changes).folder
    return await _carried_out(folder, on_event, after=max((event.seq for event in folder.events()), default=0))


async def _carried_out(folder: RunFolder, on_event: Callable[[RunEvent], object] | None, *, after: int) -> RunState:
    work = asyncio.create_task(local.carry_out(folder))
    while on_event is not None:
        done, _ = await asyncio.wait({work}, timeout=local.POLL)
        for event in folder.events(after=after):
            after = event.seq
            on_event(event)
        if done:
            break
    return await work


async def cancel_async(run: str, *, reason: str = "asked for by a program") -> RunState:
    """Cancel a run and return its state when it has ended.

    Raises:
        NotFound: There is no such run.
        UsageError: It has ended already.
    """
    return await asyncio.to_thread(reaching.cancel, history.find_run(run), reason=reason)


async def events(run: str) -> AsyncIterator[RunEvent]:
    """Yield a run's events from its beginning, and those to come until nobody carries it out."""
    async for event in local.follow(history.find_run(run)):
        yield event


def run(
    target: str | Path | Loaded | Plan | None = None,
    *,
    params: Mapping[str, Any] | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    overrides: Sequence[str] = (),
    sources: Sources | None = None,
    options: RunOptions | None = None,
    on_event: Callable[[RunEvent], object] | None = None,
) -> RunState:
    """Run a workflow; see :func:`run_async`."""
    return _now(
        run_async(target, params=params, env=env, cwd=cwd, overrides=overrides, sources=sources, options=options, on_event=on_event)
    )


def resume(
    run: str | None = None,
    *,
    replan: bool = False,
    set: Mapping[str, str] | None = None,  # noqa: A002 - the option's name
    start: str | None = None,
    skip: Sequence[str] = (),
    on_event: Callable[[RunEvent], object] | None = None,
) -> RunState:
    """Go on with a run; see :func:`resume_async`."""
    return _now(resume_async(run, replan=replan, set=set, start=start, skip=skip, on_event=on_event))


def cancel(run: str, *, reason: str = "asked for by a program") -> RunState:
    """Cancel a run; see :func:`cancel_async`."""
    return reaching.cancel(history.find_run(run), reason=reason)


def answer(run: str, step: str | None = None, value: Any = None, *, fields: Mapping[str, Any] | None = None) -> bool:
    """Answer a step that waits for a person.

    Args:
        run: An id or a unique prefix.
        step: The gate's address; the only open one when None.
        value: The answer to ``approve`` and ``choose``.
        fields: The answers to ``form``.

    Returns:
        Whether somebody carries the run out now and takes the answer; else :func:`resume` does.

    Raises:
        NotFound: No such run or open gate.
        UsageError: The answer does not fit.
    """
    return reaching.answer(history.find_run(run), step, value, fields or {})


def status(run: str | None = None) -> RunState:
    """Return a run's state; the latest run's when None. Raises ``NotFound``."""
    return history.status(history.find_run(run, latest=run is None))


def runs_of(wanted: Filter | None = None) -> Iterator[dict[str, Any]]:
    """Yield past and present runs, newest first, as ``workflow runs --json`` prints them."""
    yield from history.rows(wanted or Filter())


def logs(run: str | None = None, *, step: str | None = None, attempt: int | None = None) -> Iterator[Chunk]:
    """Yield what a run's steps printed, attempt after attempt.

    Raises:
        NotFound: There is no such run or step.
    """
    for piece in printed.read(history.find_run(run, latest=run is None), step=step, attempt=attempt):
        if isinstance(piece, Chunk):
            yield piece


def artifacts(run: str | None = None, *, output: Path | None = None, name: str | None = None, force: bool = False) -> list[dict[str, Any]]:
    """Return a run's artifacts; with ``output``, copy them into that folder first. ``file`` is the path of the kept file, or of the copy.

    Raises:
        NotFound: There is no such run or artifact.
        Refused: A file exists, and ``force`` is not set.
    """
    state = history.status(folder := history.find_run(run, latest=run is None))
    return kept.listed(folder, state, name=name) if output is None else kept.get(folder, state, output, name=name, force=force)


def workspaces(cwd: Path | None = None, *, backend: str = "auto") -> Manager:
    """Return what manages the workspaces of a repository.

    It has ``ensure_workspace(id, base_change, direnv_policy)``, ``update_status(id, status, workflow, command)``,
    ``sync_tools(id)``, ``cleanup(id)``, ``list()``, ``read(id)`` and ``environ_for(id)``.

    Args:
        cwd: A folder in the repository; the working folder when None.
        backend: ``auto``, ``jj``, ``git``, ``plain``, or a plugin's.

    Raises:
        NotFound: There is no repository.
        Refused: That backend can't work there.
    """
    import os

    from ropeway.app import workspaces as kept_apart

    return kept_apart.find(str(cwd or Path.cwd()), os.environ, backend)


def _reach(sources: Sources | None) -> Callable[[], Sources] | None:
    return None if sources is None else lambda: sources


def _text(target: str | Path | None) -> str | None:
    return str(target) if isinstance(target, Path) else target


def _now(work: Coroutine[Any, Any, T]) -> T:
    """Wait for a coroutine, in a loop of its own; in a thread of its own when this one's loop is running."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with concurrent.futures.ThreadPoolExecutor(1, "ropeway") as thread:
        return thread.submit(asyncio.run, work).result()
