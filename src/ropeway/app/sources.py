"""Workflows that are not this machine's own: from a reference to files that were verified, agreed to and kept.

One :class:`Sources` serves one command. It asks ``workflow.lock`` first, then the source; has what it finds judged before anything is unpacked; asks
the person (or tells them) what a source that was never seen may touch; and remembers. Making one is cheap: everything is loaded when a reference
first leads away from this machine.
"""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING

from ropeway.app.projects import LOCK_FILE
from ropeway.errors import RopewayError, Unreachable, UsageError
from ropeway.settings import cache_dir, load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from ropeway.app.consent import By, Question
    from ropeway.app.judging import Judge
    from ropeway.lang.reference import Reference
    from ropeway.registry import Fetched, Kind, Pin, Progress, Resolver, Wanted
    from ropeway.registry.cache.store import Store
    from ropeway.registry.config import Registries
    from ropeway.registry.dispatch import Around
    from ropeway.registry.lockfile import Locked
    from ropeway.settings import Settings

__all__ = ["Sources", "not_at_hand"]


def not_at_hand(reference: str) -> Unreachable:
    """Return the error for what only the network could give."""
    hint = "leave out --offline once, or fetch it before: workflow fetch " + reference
    return Unreachable(f"{reference} is not on this machine, and --offline keeps from asking for it", hint=hint, code="offline")


class Sources:
    """What references of one command lead to.

    Args:
        locked: Nothing outside of ``workflow.lock`` may be used.
        offline: The network is not asked: what is locked or was fetched before has to do.
        lock: References that the person types are written into the project's ``workflow.lock``, too.
        trust: References and sources that the person agrees to beforehand.
        ask: Asks a person on a terminal; None when there is nobody, and what they typed themselves is consent.
        tell: Is given sentences worth telling.
        progress: Shows long work.
        environ: The caller's environment.
        kind: What references lead to.
        notice: Says what is newer in a registry that was asked anyway; nobody does by default.
    """

    def __init__(
        self,
        *,
        locked: bool = False,
        offline: bool = False,
        lock: bool = False,
        trust: Sequence[str] = (),
        ask: Callable[[Question], bool] | None = None,
        tell: Callable[[str], object] | None = None,
        progress: Progress | None = None,
        environ: Mapping[str, str] | None = None,
        notice: Callable[[str, Sources], Iterable[str]] = lambda _registry, _sources: (),
        kind: Kind = "workflow",
    ) -> None:
        self.locked = locked
        self.offline = offline
        self.lock = lock
        self.trust = tuple(trust)
        self.ask = ask
        self.tell: Callable[[str], object] = tell or (lambda _: None)
        self.environ: Mapping[str, str] = os.environ if environ is None else environ
        self.progress = progress
        self._notice = notice
        self.kind: Kind = kind
        self._brought: dict[tuple[str, Kind, str], Fetched] = {}

    def bring(self, reference: Reference, *, by: By, project: Path, record: bool = False) -> Fetched:
        """Return what a reference means, with its files in the store.

        A ``workflow.lock`` that a workflow from elsewhere brought along is not looked at: who runs it decides what its references mean, and locks that.

        Args:
            reference: Any form but a path or a local name.
            by: Who names it.
            project: The folder whose ``workflow.lock`` counts.
            record: Whether what is found is to be written there.

        Raises:
            Refused: A named error of ``bundles.problems``: not locked, not trusted, altered, moved, not signed as it has to be.
            NotFound: There is no such thing, registry or version.
            Unreachable: The source does not answer, or may not be asked.
            StoreError: The store or the lockfile can't be written.
        """
        from ropeway.app import locking

        text = str(reference)
        entry = self._entry(text, by, project)
        bound = entry is not None and (by != "typed" or self.locked or self.offline)
        key = (text, self.kind, str(project) if bound else "")
        if key in self._brought:
            return self._brought[key]
        if bound and entry is not None:
            fetched = self._from_lock(reference, entry)
        elif self.locked:
            raise locking.not_locked(text, project)
        else:
            fetched = self._found_now(reference, by, before=entry)
            if record:
                locking.write(project, locking.entry_of(text, fetched, self.judge.signers(fetched)))
                self.tell(f"locked {text}: {fetched.pin.version or fetched.pin.digest} in {project / LOCK_FILE}")
            ref = getattr(reference, "ref", None)
            if fetched.pin.registry is not None and not self.offline and not (ref is not None and ref.pinned):
                for sentence in self._notice(fetched.pin.registry, self):
                    self.tell(sentence)
        self._brought[key] = fetched
        return fetched

    def _entry(self, text: str, by: By, project: Path) -> Locked | None:
        from ropeway.app import locking

        try:
            return locking.lock_of(project).find(text, self.kind)
        except UsageError:
            if by != "typed" or self.locked or self.offline or self.lock:
                raise
            return None  # what is typed needs no lockfile, and a damaged one is no reason to refuse it

    def look(self, reference: Reference, *, before: Locked) -> Fetched:
        """Return what a locked reference means now, judged and in the store; nothing is agreed to or remembered yet. Raises as :meth:`bring` does."""
        resolver, wanted = self.resolver(reference)
        pin = self._pin(resolver, wanted)
        evidence = resolver.evidence(pin)
        self.judge.first(pin, evidence, wanted, before)
        return resolver.fetch(pin, evidence)

    def locked_files(self, reference: Reference, entry: Locked) -> Fetched | None:
        """Return what is locked, from the store or its source; None when it can't be had any more."""
        try:
            return self._from_lock(reference, entry)
        except RopewayError:
            return None

    def at_hand(self, reference: Reference, *, project: Path) -> Fetched | None:
        """Return what a reference means when that is locked and in the store, else None. The network is not asked and nothing is written."""
        from ropeway.app import locking

        text = str(reference)
        key = (text, self.kind, str(project))
        entry = locking.lock_of(project).find(text, self.kind)
        if entry is not None:
            self.check_entry(reference, entry)
        if entry is None or (key not in self._brought and self.store.find(entry.source, entry.digest, entry.name) is None):
            return self._brought.get((text, self.kind, ""))
        if key not in self._brought:
            self._brought[key] = self._from_lock(reference, entry)
        return self._brought[key]

    def within(self, path: str | None) -> Fetched | None:
        """Return what was brought that a file belongs to, None for a file of this machine."""
        if path is None:
            return None
        return next((each for each in self._brought.values() if path.startswith(f"{each.root}/")), None)

    def pin(self, reference: Reference) -> Pin:
        """Return the content that a reference means now, without fetching it; see :meth:`bring` for what it raises."""
        resolver, wanted = self.resolver(reference)
        return resolver.pin(wanted)

    def resolver(self, reference: Reference) -> tuple[Resolver, Wanted]:
        """Return who knows a reference, and what to ask for; raises ``NotFound`` for a registry that is not configured."""
        from ropeway.registry.dispatch import resolver_for

        return resolver_for(reference, self.around, self.kind)

    @property
    def around(self) -> Around:
        """What the resolvers of this command share."""
        from ropeway.registry.dispatch import Around

        return Around(self.registries, self.settings.github_url, self.store, self.environ, self.progress, offline=self.offline)

    @cached_property
    def store(self) -> Store:
        """What was fetched before."""
        from ropeway.registry.cache.store import Store

        return Store(cache_dir(self.environ), links=False)  # names that people know lead only to what they agreed to

    @cached_property
    def registries(self) -> Registries:
        """The person's registries."""
        from ropeway.registry.config import read_registries

        return read_registries(self.environ)

    @cached_property
    def settings(self) -> Settings:
        """The person's settings; a project can't change where references lead."""
        return load(None, self.environ)

    @cached_property
    def judge(self) -> Judge:
        """Decides whether what was found may be used."""
        from ropeway.app.judging import Judge
        from ropeway.registry.identity import servers

        return Judge(self.environ, lambda: servers(self.registries))

    def _from_lock(self, reference: Reference, entry: Locked) -> Fetched:
        """Return what is locked: from the store, else from its source by digest."""
        from ropeway.app import locking

        self.check_entry(reference, entry)
        found = self.store.find(entry.source, entry.digest, entry.name)
        if found is not None:
            self.judge.locked(found.pin, found.evidence, entry)
        else:
            if self.offline:
                raise not_at_hand(str(reference))
            resolver, _ = self.resolver(reference)
            pin = locking.pin_of(entry)
            evidence = resolver.evidence(pin)
            self.judge.locked(pin, evidence, entry)
            found = resolver.fetch(pin, evidence)
            self.store.show(found)
        if found.tree != entry.tree:
            from ropeway.bundles.problems import AlteredBlob

            message = f"the files of {reference} are not those that {LOCK_FILE} names: {found.tree} instead of {entry.tree}"
            raise AlteredBlob(message, hint="`workflow upgrade` shows what has changed, and locks it when you agree")
        return found

    def check_entry(self, reference: Reference, entry: Locked) -> None:
        """Refuse an entry that can't be what its reference means: who may edit a lockfile must not choose where code comes from.

        Raises:
            LockMismatch: It is from another source, or another version than asked for.
        """
        from ropeway.registry.identity import misfit, place_of

        why = misfit(entry, place_of(reference, self.registries, self.settings.github_url, entry.kind))
        if why is not None:
            from ropeway.bundles.problems import LockMismatch

            message = f"{LOCK_FILE} holds something else for {reference}: {why}"
            raise LockMismatch(
                message, hint=f"somebody edited it, or the registry has another source now; `workflow lock {reference}` locks it anew"
            )

    def _found_now(self, reference: Reference, by: By, *, before: Locked | None) -> Fetched:
        """Ask the source (without a network: what was seen before), judge, fetch, have it agreed to, and remember."""
        text = str(reference)
        resolver, wanted = self.resolver(reference)
        if by == "remote":
            from ropeway.registry.reach import check_remote

            check_remote(reference, self.registries, self.trust)
        pin = self._pin(resolver, wanted)
        found = self.store.find(pin.source, pin.digest, pin.name)
        if found is not None and (self.offline or (wanted.ref is not None and wanted.ref.pinned)):
            evidence = found.evidence
        elif self.offline:
            raise not_at_hand(text)
        else:
            evidence = resolver.evidence(pin)
        verdict = self.judge.first(pin, evidence, wanted, before)
        fetched = resolver.fetch(pin, evidence)
        for sentence in verdict.news:
            self.tell(sentence)
        if verdict.ask:
            from ropeway.app.consent import agree

            who = self.judge.who(verdict.signers)
            agree(text, fetched, verdict.signers, by=by, trust=self.trust, ask=self.ask, tell=self.tell, who=who, stranger=verdict.stranger)
        self.judge.remember(pin, wanted, verdict)
        self.store.show(fetched)
        return fetched

    def _pin(self, resolver: Resolver, wanted: Wanted) -> Pin:
        if not self.offline or (wanted.ref is not None and wanted.ref.pinned):
            return resolver.pin(wanted)
        seen = self.judge.last_seen(resolver.source, wanted)
        if seen is None:
            raise not_at_hand(wanted.reference)
        self.tell(f"{wanted.reference}: without a network, this is what was seen last")
        return seen
