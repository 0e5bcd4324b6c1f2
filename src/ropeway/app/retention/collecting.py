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
from ropeway.app.runs import store as the_store
from ropeway.errors import Busy, NotFound, RopewayError
from ropeway.records import field, record, replace
from ropeway.workspaces.files import remove_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ropeway.runs.folder import RunStore
    from ropeway.settings import Settings

    Progress = Callable[[str], None]
    """Takes what is being done now, in words for a person; called often."""


@record
class Item:
    """One thing of the report. ``age`` is seconds, ``bytes`` what its removal frees (None: not measured)."""

    kind: str
    id: str
    path: str
    age: float
    bytes: int | None
    reason: str

    def as_json(self) -> dict[str, Any]:
        """Return the object that ``--json`` prints."""
        age = round(self.age)
        return {"kind": self.kind, "id": self.id, "path": self.path, "age": age, "bytes": self.bytes, "reason": self.reason}


@record(frozen=False)
class Report:
    """What went and what stayed. ``failed`` are those of ``kept`` that were to go; ``bytes`` counts blocks that several share once."""

    dry_run: bool
    removed: list[Item] = field(default_factory=list)
    kept: list[Item] = field(default_factory=list)
    failed: list[Item] = field(default_factory=list)
    bytes: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return the object that ``--json`` prints."""
        return {
            "removed": [item.as_json() for item in self.removed],
            "kept": [item.as_json() for item in self.kept],
            "bytes": self.bytes,
            "dry_run": self.dry_run,
        }


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
        max_size: Bytes that the state directory, and the caches, may each take.
        force: Remove working copies with changes that are saved nowhere else.
    """
    return Policy(
        kinds=frozenset(deciding.KINDS[name] for name in what) or frozenset(deciding.KINDS.values()),
        run_age=settings.keep_runs_for if older_than is None else older_than,
        runs=keep_runs or settings.keep_runs,
        state_size=settings.keep_state_size if max_size is None else max_size,
        workspace_age=settings.keep_workspaces_for if older_than is None else older_than,
        workspaces=settings.keep_workspaces,
        tools_age=settings.keep_tools_for if older_than is None else older_than,
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
                self._report.kept.append(_item(verdict.thing, verdict.reason))
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
        things = [found.thing() for found in self._copies.values()]
        for known in self._runs.values():
            there = tuple(path for path, found in self._copies.items() if found.run is known and not found.noted.get("ephemeral"))
            size = space.freed([self._usage("run", str(known.folder.path))]) if bounded and "run" in kinds else None
            things.append(known.thing(workspaces=there, size=size))
            if "artifact" in kinds:
                things += self._artifacts(known)
        if "tools" in kinds:
            used = {str(found.noted["tools_version"]): found.id for found in self._copies.values() if found.noted.get("tools_version")}
            things += caches.tools(self._environ, used, self._now)
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
        verdicts = deciding.decide(things, self._policy)
        changes: dict[str, dict[str, Any]] = {}
        for verdict in verdicts:
            if verdict.goes and verdict.thing.kind == "workspace":
                changes[verdict.thing.path] = self._doubts(self._copies[verdict.thing.path])
            elif verdict.goes and verdict.thing.kind in ("run", "tools", "cache"):
                mounted = self._usage(verdict.thing.kind, verdict.thing.path).mounted
                changes[verdict.thing.path] = {"held": f"another file system is mounted at {mounted}"} if mounted else {}
        if not any(changes.values()):
            return verdicts
        return deciding.decide([replace(thing, **changes.get(thing.path, {})) for thing in things], self._policy)

    def _doubts(self, found: copies.Copy) -> dict[str, Any]:
        self._progress(f"looking for changes in working copy {found.id}")
        mounted = self._usage("workspace", found.path).mounted
        held = f"another file system is mounted at {mounted}" if mounted else copies.in_use(self._environ, found)
        unsaved = "" if held or self._policy.force else copies.unsaved(found)
        return {name: text for name, text in (("held", held), ("unsaved", unsaved)) if text}

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
        self._report.removed.append(replace(_item(thing, verdict.reason), bytes=space.freed([usage])))

    def _keep(self, thing: Thing, error: RopewayError) -> None:
        """Note why something is there still. That somebody was quicker is no failure."""
        quicker = isinstance(error, Busy) or error.code in ("gc-changed", "gc-needed")
        self._report.kept.append(_item(thing, error.message))
        if not quicker:
            self._report.failed.append(self._report.kept[-1])

    def _removed(self, thing: Thing) -> bool:
        if thing.kind == "workspace":
            return copies.discard(self._environ, self._copies[thing.path])
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
        """Forget removed runs in the index, and let go of snapshots that only they needed."""
        if any(item.kind in ("run", "trash") for item in self._report.removed):
            from ropeway.runs.index import Filter, Index

            next(iter(Index(self._store).rows(Filter(limit=1))), None)
            runs.prune_stores(self._store)


_ORDER = ("artifact", "workspace", "run", "tools", "cache", "trash", "refs")


def _place(verdict: Verdict) -> tuple[int, float, str]:
    """Return where a verdict stands in the order of work and of the report: what others wait for first, of one kind the oldest."""
    return _ORDER.index(verdict.thing.kind), -verdict.thing.age, verdict.thing.id


def _item(thing: Thing, reason: str) -> Item:
    return Item(thing.kind, thing.id, thing.path, thing.age, thing.bytes, reason)


def _born(path: Path) -> float:
    try:
        return path.lstat().st_mtime
    except OSError:
        return time.time()
