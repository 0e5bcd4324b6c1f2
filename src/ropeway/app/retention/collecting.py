"""`workflow gc`: looks at everything, decides, removes, and says what it did.

What is removed is looked at once more at that moment, under the lock of whoever would use it: a run that starts meanwhile wins.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ropeway.app.retention import caches, copies, deciding, runs, space
from ropeway.app.retention.deciding import Policy, Thing, Verdict
from ropeway.app.retention.report import Item, Report, item_of
from ropeway.app.runs import store as the_store
from ropeway.errors import Busy, NotFound, RopewayError
from ropeway.records import replace
from ropeway.workspaces.clearing import clear_locks
from ropeway.workspaces.files import remove_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ropeway.runs.folder import RunStore
    from ropeway.settings import Settings

    Progress = Callable[[str], None]
    """Takes what is being done now, in words for a person; called often."""

__all__ = ["Item", "Report", "collect", "policy_of"]


def policy_of(
    settings: Settings,
    what: Iterable[str] = (),
    *,
    older_than: float | None = None,
    keep_runs: int | None = None,
    max_size: int | None = None,
    force: bool = False,
) -> Policy:
    """Return what the settings say, with what a person wants other than that this time.

    Args:
        settings: The person's.
        what: Names of :data:`deciding.KINDS`; none means all.
        older_than: Seconds: for everything that goes by age, caches included.
        keep_runs: Most finished runs.
        max_size: Bytes that the state directory, kept working copies, copies of tools, and caches may each take.
        force: Remove working copies with changes that are saved nowhere else.
    """
    return Policy(
        kinds=frozenset(deciding.KINDS[name] for name in what) or frozenset(deciding.KINDS.values()),
        run_age=settings.keep_runs_for if older_than is None else older_than,
        runs=keep_runs or settings.keep_runs,
        state_size=settings.keep_state_size if max_size is None else max_size,
        workspace_age=settings.keep_workspaces_for if older_than is None else older_than,
        workspaces=settings.keep_workspaces,
        workspaces_size=settings.keep_workspaces_size if max_size is None else max_size,
        tools_age=settings.keep_tools_for if older_than is None else older_than,
        tools_size=settings.keep_tools_size if max_size is None else max_size,
        cache_age=older_than,
        cache_size=settings.keep_cache_size if max_size is None else max_size,
        force=force,
    )


def collect(policy: Policy, *, dry_run: bool = False, environ: Mapping[str, str] | None = None, progress: Progress | None = None) -> Report:
    """Remove what the policy lets go.

    Args:
        policy: How long, how many, how much.
        dry_run: Only say what would go.
        environ: Where everything is; the process's own environment when None.
        progress: Is told what is being done.

    Raises:
        StoreError: The state directory or the workspaces root can't be read at all. What can't be removed is in the report instead.
    """
    collector = _Collector(policy, os.environ if environ is None else environ, progress or (lambda _text: None), dry_run=dry_run)
    return collector.run()


class _Collector:
    """One collection."""

    def __init__(self, policy: Policy, environ: Mapping[str, str], progress: Progress, *, dry_run: bool) -> None:
        self._policy = policy
        self._environ = environ
        self._progress = progress
        self._now = time.time()
        self._store: RunStore = the_store(environ)
        self._report = Report(dry_run)
        self._runs: dict[str, runs.Known] = {}
        self._copies: dict[str, copies.Copy] = {}
        self._usages: dict[tuple[str, str], space.Usage] = {}
        self._going: list[space.Usage] = []

    def run(self) -> Report:
        self._look()
        verdicts = self._decided()
        for number, verdict in enumerate(sorted(verdicts, key=_place)):
            if not verdict.goes:
                self._report.kept.append(item_of(verdict.thing, verdict.reason))
                continue
            self._progress(f"{'looking at' if self._report.dry_run else 'removing'} {number + 1} of {len(verdicts)}")
            self._remove(verdict)
        self._report.bytes = space.freed(self._going)
        if not self._report.dry_run:
            self._after()
        return self._report

    # -- looking --------------------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        for known in runs.known(self._store, self._now):
            self._runs[known.folder.id] = known
            self._progress(f"looking at runs: {len(self._runs)}")
            if not self._report.dry_run and known.state is not None and known.state.state == "interrupted":
                from ropeway.app.history import sweep

                sweep(known.folder, known.state)
        for found in copies.copies(self._environ, self._runs, self._now):
            self._copies[found.path] = found
            self._progress(f"looking at working copies: {len(self._copies)}")

    def _things(self) -> list[Thing]:
        """Return everything that is decided about, each measured only when its size decides."""
        kinds, bounded = self._policy.kinds, self._policy.state_size is not None
        measured = "workspace" in kinds and self._policy.workspaces_size is not None
        things = [found.thing(size=self._size("workspace", found.path) if measured else None) for found in self._copies.values()]
        for known in self._runs.values():
            there = tuple(path for path, found in self._copies.items() if found.run is known and not found.noted.get("ephemeral"))
            size = self._size("run", str(known.folder.path)) if bounded and "run" in kinds else None
            things.append(known.thing(workspaces=there, size=size))
            if "artifact" in kinds:
                things += self._artifacts(known)
        if "tools" in kinds:
            used = {str(found.noted["tools_version"]): found.id for found in self._copies.values() if found.noted.get("tools_version")}
            tools = caches.tools(self._environ, used, self._now)
            things += (
                (replace(each, bytes=self._size("tools", each.path)) for each in tools) if self._policy.tools_size is not None else tools
            )
        if "cache" in kinds:
            things += caches.caches(self._environ, self._now)
        return [*things, *self._trash()]

    def _artifacts(self, known: runs.Known) -> list[Thing]:
        from ropeway.app import artifacts

        state = known.state
        if state is None:
            return []
        return [
            Thing("artifact", f"{state.run}:{entry['name']}/{entry['path']}", str(path), known.age, state=state.state, held=known.problem,
                  run=state.run, lasts=entry["retention"])
            for entry, path in artifacts.with_retention(known.folder, state)
        ]  # fmt: skip

    def _trash(self) -> list[Thing]:
        things: list[Thing] = []
        for entry in runs.trashed(self._store):
            run = entry.name.partition(".")[0]
            age = self._now - _born(entry)
            if "trash" in self._policy.kinds:
                things.append(Thing("trash", run, str(entry), age))
            elif "refs" in self._policy.kinds:
                things.append(Thing("refs", run, str(entry), age, bytes=0))
        if "trash" in self._policy.kinds:
            things += caches.trash(self._environ, self._now)
        return things

    def _decided(self) -> list[Verdict]:
        """Decide twice: whether a working copy holds what is saved nowhere else is dear to know, so only those that would go are asked."""
        things = self._things()
        if self._policy.state_size is not None:
            whole = space.freed([space.usage(str(self._store.state_dir))])
            extra = max(whole - sum(thing.bytes or 0 for thing in things if thing.kind == "run"), 0)
            self._policy = replace(self._policy, extra=extra)
        changes: dict[str, dict[str, Any]] = {}
        while True:  # what is held back may make another one go, for the space
            doubted = [replace(thing, **changes.get(thing.path, {})) for thing in things]
            verdicts = deciding.decide(doubted, self._policy)
            asked = [verdict.thing for verdict in verdicts if verdict.goes and verdict.thing.path not in changes]
            changes |= {thing.path: self._doubts(thing) for thing in asked if thing.kind in ("workspace", "run", "tools", "cache")}
            if not any(changes[thing.path] for thing in asked if thing.path in changes):
                return verdicts

    def _doubts(self, thing: Thing) -> dict[str, Any]:
        """Return what a closer look says against the removal of something."""
        mounted = self._usage(thing.kind, thing.path).mounted
        if mounted:
            return {"held": f"another file system is mounted at {mounted}"}
        return self._copy_doubts(self._copies[thing.path]) if thing.kind == "workspace" else {}

    def _copy_doubts(self, found: copies.Copy) -> dict[str, Any]:
        self._progress(f"looking for changes in working copy {found.id}")
        held = copies.in_use(self._environ, found)
        unsaved = "" if held or self._policy.force else copies.unsaved(found)
        return {name: text for name, text in (("held", held), ("unsaved", unsaved)) if text}

    def _size(self, kind: str, path: str) -> int:
        return space.freed([self._usage(kind, path)])

    def _usage(self, kind: str, path: str) -> space.Usage:
        found = self._usages.get((kind, path))
        if found is None:
            found = self._usages[kind, path] = space.usage(path)
        return found

    # -- removing -------------------------------------------------------------------------------------------------------------

    def _remove(self, verdict: Verdict) -> None:
        thing = verdict.thing
        usage = self._usage(thing.kind, thing.path) if thing.kind != "refs" else space.Usage()
        if not self._report.dry_run:
            try:
                if not self._removed(thing):
                    return  # another one has done so, and says so
            except RopewayError as error:
                self._keep(thing, error)
                return
        self._going.append(usage)
        self._report.removed.append(replace(item_of(thing, verdict.reason), bytes=space.freed([usage])))

    def _keep(self, thing: Thing, error: RopewayError) -> None:
        """Note why something is there still. That somebody was quicker is no failure."""
        quicker = isinstance(error, Busy) or error.code in ("gc-changed", "gc-needed")
        self._report.kept.append(item_of(thing, error.message))
        if not quicker:
            self._report.failed.append(self._report.kept[-1])

    def _removed(self, thing: Thing) -> bool:
        if thing.kind == "workspace":
            return copies.discard(self._environ, self._copies[thing.path], force=self._policy.force)
        if thing.kind == "run":
            return self._remove_run(self._runs[thing.id], thing)
        if thing.kind == "artifact":
            from ropeway.app import artifacts

            known = self._runs[thing.run]
            assert known.state is not None
            return artifacts.remove(known.folder, Path(thing.path))
        if thing.kind == "refs":
            return runs.delete_refs(Path(thing.path)) > 0
        if thing.kind == "trash":
            return self._empty(Path(thing.path))
        return caches.discard(self._environ, thing, self._now)

    def _remove_run(self, known: runs.Known, thing: Thing) -> bool:
        there = [path for path in thing.workspaces if Path(path).exists()]
        if there:
            raise NotFound(f"its working copy {there[0]} is still there", code="gc-needed")
        newer = runs.links_to(self._store, frozenset(self._runs)).get(known.folder.id)
        if newer is not None:
            raise NotFound(f"run {newer} goes on from it", code="gc-needed")
        entry = runs.discard(known, self._store)
        return entry is not None and self._empty(entry)

    def _empty(self, entry: Path) -> bool:
        """Remove for good what is in a trash; a run's refs go first, since its journal says where they are."""
        if not entry.exists() and not entry.is_symlink():
            return False
        if entry.parent == self._store.runs / runs.TRASH:
            try:
                runs.delete_refs(entry)
            except RopewayError:
                for inner in entry.iterdir():
                    if inner.name != "journal":  # another try needs it; all else need not wait
                        remove_tree(str(inner))
                raise
        remove_tree(str(entry))
        return True

    def _after(self) -> None:
        """Forget removed runs in the index, let go of snapshots that only they needed, of locks of working copies that are gone, and of links to what is no longer cached."""
        if "workspace" in self._policy.kinds:
            clear_locks(self._environ)
        if "cache" in self._policy.kinds:
            caches.sweep_store(self._environ, self._now)
        if any(item.kind in ("run", "trash") for item in self._report.removed):
            from ropeway.runs.index import Filter, Index

            next(iter(Index(self._store).rows(Filter(limit=1))), None)
            runs.prune_stores(self._store)


_ORDER = ("artifact", "workspace", "run", "tools", "cache", "trash", "refs")


def _place(verdict: Verdict) -> tuple[int, float, str]:
    """Return where a verdict stands in the order of work and of the report: what others wait for first, of one kind the oldest."""
    return _ORDER.index(verdict.thing.kind), -verdict.thing.age, verdict.thing.id


def _born(path: Path) -> float:
    try:
        return path.lstat().st_mtime
    except OSError:
        return time.time()
