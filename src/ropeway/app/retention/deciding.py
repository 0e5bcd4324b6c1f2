"""What goes and what stays: decided over plain records, without looking at anything.

A thing goes when it is too old, when there are too many, or when too much space is taken (the oldest first), and only when nothing protects it. What protects it
comes first in the order of reasons, so that ``workflow gc -v`` says what matters most.
"""

from __future__ import annotations

from collections import Counter
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

from ropeway.app.retention.things import DAY, HOUR, KINDS, RESUMABLE, UNFINISHED, Policy, Thing, Verdict, stretch

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["DAY", "HOUR", "KINDS", "UNFINISHED", "Policy", "Thing", "Verdict", "decide", "stretch"]


def decide(things: Sequence[Thing], policy: Policy) -> list[Verdict]:
    """Return what goes and what stays, in the order of ``things``. Kinds that the policy does not name have no verdict, nor has an artifact whose run goes."""
    found: dict[int, Verdict] = {}
    by_kind: dict[str, list[tuple[int, Thing]]] = {}
    for number, thing in enumerate(things):
        by_kind.setdefault(thing.kind, []).append((number, thing))
    gone = _workspaces(by_kind.get("workspace", ()), policy, found) if "workspace" in policy.kinds else frozenset[str]()
    going = _runs(by_kind.get("run", ()), policy, gone, found) if "run" in policy.kinds else frozenset[str]()
    for number, thing in by_kind.get("artifact", ()):
        if thing.run not in going:
            found[number] = _artifact(thing)
    _unused(by_kind.get("tools", ()), policy.tools_age, policy.tools_size, ("copies of tools are kept", "copies of tools are"), found)
    _unused(by_kind.get("cache", ()), policy.cache_age, policy.cache_size, ("what is cached is kept", "caches are"), found)
    for kind, reason in (("trash", "its removal was begun"), ("refs", "their run was removed")):
        for number, thing in by_kind.get(kind, ()):
            found[number] = Verdict(thing, not thing.held, thing.held or reason)
    return [found[number] for number in sorted(found) if found[number].thing.kind in policy.kinds]


# -- working copies ---------------------------------------------------------------------------------------------------------------------


def _workspaces(things: Iterable[tuple[int, Thing]], policy: Policy, found: dict[int, Verdict]) -> frozenset[str]:
    """Decide about working copies and return the paths of those that go."""
    for rank, (number, thing) in enumerate(sorted(things, key=lambda each: each[1].age)):
        found[number] = _workspace(thing, rank, policy)
    if policy.workspaces_size is not None:
        _fit(policy.workspaces_size, policy, found)
    return frozenset(verdict.thing.path for verdict in found.values() if verdict.goes)


def _fit(size: int, policy: Policy, found: dict[int, Verdict]) -> None:
    """Let the oldest working copies go until the rest fits: first those of runs that can't be resumed."""
    staying = [(number, verdict.thing) for number, verdict in found.items() if not verdict.goes]
    total = sum(thing.bytes or 0 for _, thing in staying)
    free = [(number, thing) for number, thing in staying if not _protected(thing, "its run")]
    reason = f"working copies are to take at most {size:,} bytes"
    for number, thing in sorted(free, key=lambda each: (each[1].state in RESUMABLE, -each[1].age)):
        if total <= size:
            break
        if thing.unsaved and not policy.force:
            found[number] = Verdict(thing, goes=False, reason=f"{thing.unsaved} (--force removes it)")
            continue
        found[number] = Verdict(thing, goes=True, reason=reason)
        total -= thing.bytes or 0


def _workspace(thing: Thing, rank: int, policy: Policy) -> Verdict:
    protected = _protected(thing, "its run")
    why = "" if protected else _reason_to_go(thing, rank, policy)
    if not why:
        ended = "its run ended" if thing.state else "last used"
        return Verdict(thing, goes=False, reason=protected or f"{ended} {stretch(thing.age)} ago")
    if thing.unsaved and not policy.force:
        return Verdict(thing, goes=False, reason=f"{thing.unsaved} (--force removes it)")
    return Verdict(thing, goes=True, reason=why)


def _reason_to_go(thing: Thing, rank: int, policy: Policy) -> str:
    if thing.over:
        return thing.over
    if policy.workspace_age is not None and thing.age >= policy.workspace_age:
        ended = "its run ended" if thing.state else "last used"
        return f"{ended} {stretch(thing.age)} ago, working copies are kept for {stretch(policy.workspace_age)}"
    # What can still be resumed has its files until it is too old for that, however many there are.
    if policy.workspaces is not None and rank >= policy.workspaces and thing.state not in RESUMABLE:
        return f"{policy.workspaces:,} newer ones are kept"
    return ""


def _protected(thing: Thing, whose: str) -> str:
    """Return why a run or a working copy has to stay whatever the policy says; empty when nothing says so."""
    if thing.held:
        return thing.held
    if thing.state in UNFINISHED:
        return f"{whose} is {thing.state}"
    return "to be kept, as asked" if thing.kept else ""


# -- runs -------------------------------------------------------------------------------------------------------------------------------


def _runs(things: Iterable[tuple[int, Thing]], policy: Policy, gone: frozenset[str], found: dict[int, Verdict]) -> frozenset[str]:
    """Decide about runs, given the working copies that go, and return the ids of those that go."""
    newest_first = sorted(things, key=lambda each: each[1].age)
    runs = [thing for _, thing in newest_first]
    protected, why = _first_look(runs, policy, gone)
    needed, held_back = _hold_linked(runs, why)
    if policy.state_size is not None:
        _shrink(runs, policy, protected, why, held_back)
        needed, _ = _hold_linked(runs, why)
    for number, thing in newest_first:
        reason = why.get(thing.id) or protected.get(thing.id) or needed.get(thing.id) or f"ended {stretch(thing.age)} ago"
        found[number] = Verdict(thing, thing.id in why, reason)
    return frozenset(why)


def _first_look(runs: Sequence[Thing], policy: Policy, gone: frozenset[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return why runs have to stay, and why others go, by age and number; by id."""
    protected: dict[str, str] = {}
    why: dict[str, str] = {}
    rank = 0
    for thing in runs:
        reason = _protected(thing, "it")
        if not reason and any(path not in gone for path in thing.workspaces):
            reason = "its working copy is still there"
        if reason:
            protected[thing.id] = reason
        elif thing.over:
            why[thing.id] = thing.over
        elif policy.run_age is not None and thing.age >= policy.run_age:
            why[thing.id] = f"ended {stretch(thing.age)} ago, runs are kept for {stretch(policy.run_age)}"
        elif policy.runs is not None and rank >= policy.runs:
            why[thing.id] = f"{policy.runs:,} newer ones are kept"
        rank += thing.state not in UNFINISHED
    return protected, why


def _needs(thing: Thing) -> bool:
    """Whether a linked run may still look into the run that it goes on from: it is not done, or may be resumed."""
    return bool(thing.linked) and thing.state != "succeeded"


def _hold_linked(runs: Sequence[Thing], why: dict[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Take back from ``why`` what a run that stays, and may still go on, goes on from, and so forth.

    Returns:
        Why each of these is needed, and the reasons that were taken back.
    """
    by_id = {thing.id: thing for thing in runs}
    needed: dict[str, str] = {}
    held_back: dict[str, str] = {}
    queue = [thing for thing in runs if thing.id not in why]
    while queue:
        thing = queue.pop()
        other = by_id.get(thing.linked)
        if other is not None and _needs(thing):
            needed.setdefault(other.id, f"run {thing.id} goes on from it")
            if other.id in why:
                held_back[other.id] = why.pop(other.id)
                queue.append(other)
    return needed, held_back


def _shrink(runs: Sequence[Thing], policy: Policy, protected: Mapping[str, str], why: dict[str, str], held_back: Mapping[str, str]) -> None:
    """Let the oldest runs go until the rest fits. The run that one of them goes on from may go after it, and does when it only waited for that."""
    assert policy.state_size is not None
    by_id = {thing.id: thing for thing in runs}
    staying = [thing for thing in runs if thing.id not in why]
    needed = Counter(thing.linked for thing in staying if _needs(thing))
    free = [(-thing.age, thing.id) for thing in staying if thing.id not in protected and not needed[thing.id]]
    heapify(free)
    total = policy.extra + sum(thing.bytes or 0 for thing in staying)
    while total > policy.state_size and free:
        thing: Thing | None = by_id[heappop(free)[1]]
        reason = f"the state directory is to take at most {policy.state_size:,} bytes"
        while thing is not None:
            why[thing.id] = reason
            total -= thing.bytes or 0
            needed[thing.linked] -= _needs(thing)
            other = by_id.get(thing.linked) if _needs(thing) and not needed[thing.linked] else None
            if other is not None and (other.id in protected or other.id in why):
                other = None
            if other is not None and other.id not in held_back:
                heappush(free, (-other.age, other.id))
                other = None
            thing, reason = other, held_back[other.id] if other is not None else ""


# -- all else ---------------------------------------------------------------------------------------------------------------------------


def _artifact(thing: Thing) -> Verdict:
    if thing.held or thing.state in UNFINISHED:
        return Verdict(thing, goes=False, reason=thing.held or f"its run is {thing.state}")
    kept = f"it is kept for {stretch(thing.lasts)}"
    return Verdict(thing, thing.age >= thing.lasts, f"its run ended {stretch(thing.age)} ago, {kept}")


def _aged(thing: Thing, bound: float | None, was: str, kept: str) -> Verdict:
    goes = not thing.held and bound is not None and thing.age >= bound
    reason = f"{was} for {stretch(thing.age)}"
    return Verdict(thing, goes, f"{reason}, {kept} for {stretch(bound)}" if goes and bound is not None else thing.held or reason)


def _unused(
    things: Iterable[tuple[int, Thing]], age: float | None, size: int | None, words: tuple[str, str], found: dict[int, Verdict]
) -> None:
    """Decide about what nobody uses: too old, then the longest unused first until the rest fits. What was used within the hour may be in use."""
    oldest_first = sorted(things, key=lambda each: -each[1].age)
    total = sum(thing.bytes or 0 for _, thing in oldest_first)
    kept, they_are = words
    for number, thing in oldest_first:
        verdict = _aged(thing, age, "unused", kept)
        if not verdict.goes and not thing.held:
            if thing.age < HOUR:
                verdict = Verdict(thing, goes=False, reason=f"used {stretch(thing.age)} ago")
            elif size is not None and total > size:
                verdict = Verdict(thing, goes=True, reason=f"unused for {stretch(thing.age)}, {they_are} to take at most {size:,} bytes")
        if verdict.goes:
            total -= thing.bytes or 0
        found[number] = verdict
