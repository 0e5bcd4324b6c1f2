"""What goes and what stays, and why."""

from __future__ import annotations

import pytest

from ropeway.app.retention.deciding import DAY, KINDS, Policy, Thing, decide, stretch

MONTH = Policy(run_age=30 * DAY, workspace_age=14 * DAY, tools_age=30 * DAY)


def run(name: str, days: float = 40, state: str = "succeeded", **more: object) -> Thing:
    return Thing("run", name, f"/runs/{name}", days * DAY, state=state, **more)  # type: ignore[arg-type]


def copy(name: str, days: float = 20, state: str = "succeeded", **more: object) -> Thing:
    return Thing("workspace", name, f"/copies/{name}", days * DAY, state=state, **more)  # type: ignore[arg-type]


def told(things: list[Thing], policy: Policy = MONTH) -> dict[str, str]:
    """Return for each thing ``goes: why`` or ``stays: why``."""
    return {v.thing.id: f"{'goes' if v.goes else 'stays'}: {v.reason}" for v in decide(things, policy)}


def going(things: list[Thing], policy: Policy = MONTH) -> list[str]:
    return [v.thing.id for v in decide(things, policy) if v.goes]


def test_a_finished_run_goes_when_it_is_too_old() -> None:
    assert told([run("old", 31), run("new", 29), run("failed", 31, "failed")]) == {
        "old": "goes: ended 31 d ago, runs are kept for 30 d",
        "new": "stays: ended 29 d ago",
        "failed": "goes: ended 31 d ago, runs are kept for 30 d",
    }
    assert told([run("torn", 2, "", over="it never began")]) == {"torn": "goes: it never began"}


@pytest.mark.parametrize(
    ("thing", "why"),
    [
        (run("x", 400, "waiting"), "it is waiting"),
        (run("x", 400, "interrupted"), "it is interrupted"),
        (run("x", 400, kept=True), "to be kept, as asked"),
        (run("x", 400, held="somebody reads it"), "somebody reads it"),
        (copy("x", 400, "waiting"), "its run is waiting"),
        (copy("x", 400, "running"), "its run is running"),
        (copy("x", 400, kept=True), "to be kept, as asked"),
        (copy("x", 400, over="its changes have landed", kept=True), "to be kept, as asked"),
        (copy("x", 400, held="in use by run abc"), "in use by run abc"),
        (copy("x", 400, unsaved="1 file is saved nowhere else"), "1 file is saved nowhere else (--force removes it)"),
        (
            copy("x", 1, over="its changes have landed", unsaved="1,200 files are saved nowhere else"),
            "1,200 files are saved nowhere else (--force removes it)",
        ),
    ],
)
def test_what_is_protected_stays_however_old_and_large_it_is(thing: Thing, why: str) -> None:
    everything = Policy(run_age=0, runs=0, state_size=0, workspace_age=0, workspaces=0)
    assert told([thing], everything) == {"x": f"stays: {why}"}


def test_force_removes_only_what_is_unsaved_not_what_is_protected_otherwise() -> None:
    policy = Policy(workspace_age=0, force=True)
    assert going([copy("a", unsaved="3 files"), copy("b", held="in use"), copy("c", kept=True), copy("d", state="waiting")], policy) == [
        "a"
    ]


def test_a_working_copy_goes_when_it_is_too_old_or_has_landed() -> None:
    assert told([copy("old", 15), copy("new", 13), copy("landed", 0, over="its changes have landed"), copy("none", 15, "")]) == {
        "old": "goes: its run ended 15 d ago, working copies are kept for 14 d",
        "new": "stays: its run ended 13 d ago",
        "landed": "goes: its changes have landed",
        "none": "goes: last used 15 d ago, working copies are kept for 14 d",
    }


def test_only_what_can_not_be_resumed_goes_because_there_are_too_many() -> None:
    things = [copy("a", 1), copy("b", 2), copy("c", 3, "failed"), copy("d", 4), copy("e", 5, "cancelled"), copy("f", 6, "")]
    assert going(things, Policy(workspaces=2)) == ["d", "f"]


def test_a_run_stays_as_long_as_its_working_copy_does() -> None:
    things = [run("r", 40, workspaces=("/copies/r",)), copy("r", 40, unsaved="2 files")]
    assert [v.goes for v in decide(things, MONTH)] == [False, False]
    assert told([things[0]]) == {"r": "stays: its working copy is still there"}
    gone = [run("r", 40, workspaces=("/copies/w",)), copy("w", 40)]
    assert going(gone) == ["r", "w"]
    only_runs = Policy(kinds=frozenset({"run"}), run_age=0, workspace_age=0)
    assert going(gone, only_runs) == []


def test_the_newest_runs_stay_when_there_are_too_many() -> None:
    things = [run("d", 4), run("b", 2), run("a", 1, "waiting"), run("c", 3, "failed"), run("e", 5, kept=True)]
    assert told(things, Policy(runs=2)) == {
        "a": "stays: it is waiting",
        "b": "stays: ended 2 d ago",
        "c": "stays: ended 3 d ago",
        "d": "goes: 2 newer ones are kept",
        "e": "stays: to be kept, as asked",
    }


def test_the_oldest_runs_go_until_the_rest_fits() -> None:
    things = [run("a", 1, bytes=10), run("b", 2, bytes=10), run("c", 3, bytes=10), run("d", 4, bytes=10, kept=True)]
    assert going(things, Policy(state_size=40)) == []
    assert going(things, Policy(state_size=39)) == ["c"]
    assert going(things, Policy(state_size=30, extra=1)) == ["b", "c"]
    assert going(things, Policy(state_size=1)) == ["a", "b", "c"]
    assert told(things, Policy(state_size=39))["c"] == "goes: the state directory is to take at most 39 bytes"


def test_a_run_that_another_may_still_go_on_from_stays() -> None:
    chain = [run("a", 50), run("b", 40, "failed", linked="a"), run("c", 1, "failed", linked="b")]
    assert told(chain)["a"] == "stays: run b goes on from it"
    assert told(chain)["b"] == "stays: run c goes on from it"
    assert going([*chain[:2], run("c", 1, linked="b")]) == ["a", "b"]
    assert going([*chain[:2], run("c", 35, "failed", linked="b")]) == ["a", "b", "c"]
    assert going([run("c", 35, "failed", linked="gone")]) == ["c"]


def test_a_run_goes_when_the_one_that_needed_it_does() -> None:
    old = run("a", 50, bytes=10)
    needs_it = run("b", 1, "failed", linked="a", bytes=10)
    newest = run("c", 0, bytes=10)
    assert going([old, needs_it, newest]) == []
    assert told([old, needs_it, newest], Policy(run_age=30 * DAY, state_size=25)) == {
        "a": "goes: ended 50 d ago, runs are kept for 30 d",
        "b": "goes: the state directory is to take at most 25 bytes",
        "c": "stays: ended 0 s ago",
    }
    assert going([old, needs_it, newest], Policy(state_size=25)) == ["b"]
    assert going([old, needs_it, newest], Policy(state_size=15)) == ["a", "b"]


def test_an_artifact_goes_by_its_own_retention_unless_its_run_goes_anyway() -> None:
    def artifact(run: str, days: float, lasts: float, state: str = "succeeded") -> Thing:
        return Thing("artifact", f"{run}:x", "/x", days * DAY, run=run, lasts=lasts * DAY, state=state)

    things = [run("a", 2), artifact("a", 2, 1), artifact("b", 2, 3), artifact("c", 9, 1, "waiting"), artifact("d", 40, 1), run("d", 40)]
    assert told(things) == {
        "a": "stays: ended 2 d ago",
        "a:x": "goes: its run ended 2 d ago, it is kept for 1 d",
        "b:x": "stays: its run ended 2 d ago, it is kept for 3 d",
        "c:x": "stays: its run is waiting",
        "d": "goes: ended 40 d ago, runs are kept for 30 d",
    }


def test_for_space_the_copies_of_runs_that_can_be_resumed_go_last() -> None:
    things = [
        copy("failed", 9, "failed", bytes=10),
        copy("old", 8, bytes=10),
        copy("edited", 7, bytes=10, unsaved="3 files"),
        copy("kept", 6, bytes=10, kept=True),
        copy("waiting", 5, "waiting", bytes=10),
        copy("new", 1, bytes=10),
    ]
    assert going(things, Policy(workspaces_size=60)) == []
    assert going(things, Policy(workspaces_size=50)) == ["old"]
    assert going(things, Policy(workspaces_size=40)) == ["old", "new"]
    assert told(things, Policy(workspaces_size=1)) == {
        "failed": "goes: working copies are to take at most 1 bytes",
        "old": "goes: working copies are to take at most 1 bytes",
        "edited": "stays: 3 files (--force removes it)",
        "kept": "stays: to be kept, as asked",
        "waiting": "stays: its run is waiting",
        "new": "goes: working copies are to take at most 1 bytes",
    }
    assert going(things, Policy(workspaces_size=1, force=True)) == ["failed", "old", "edited", "new"]


def test_copies_of_tools_go_when_nobody_uses_them() -> None:
    things = [Thing("tools", str(days), "/t", days * DAY) for days in (29, 31)]
    things.append(Thing("tools", "used", "/t", 400 * DAY, held="working copy x uses it"))
    assert told(things) == {
        "29": "stays: unused for 29 d",
        "31": "goes: unused for 31 d, copies of tools are kept for 30 d",
        "used": "stays: working copy x uses it",
    }


def test_caches_shrink_by_what_was_unused_longest_and_never_by_what_was_used_just_now() -> None:
    things = [Thing("cache", name, f"/c/{name}", age, bytes=10) for name, age in (("new", 60.0), ("old", 9 * DAY), ("older", 10 * DAY))]
    assert going(things, Policy(cache_size=30)) == []
    assert going(things, Policy(cache_size=20)) == ["older"]
    assert going(things, Policy(cache_size=1)) == ["old", "older"]
    assert going(things, Policy(cache_age=9.5 * DAY)) == ["older"]
    assert going(things, Policy(cache_age=0)) == ["new", "old", "older"]


def test_only_what_was_asked_for_is_decided_about() -> None:
    things = [Thing(kind, kind, f"/{kind}", 999 * DAY, state="succeeded") for kind in KINDS.values()]
    everything = Policy(run_age=0, workspace_age=0, tools_age=0, cache_age=0)
    for kind in KINDS.values():
        only = Policy(frozenset({kind}), run_age=0, workspace_age=0, tools_age=0, cache_age=0)
        assert [v.thing.kind for v in decide(things, only)] == [kind]
        assert going(things, only) == [kind]
    assert going(things, everything) == list(KINDS.values())
    assert going(things, Policy()) == ["artifact", "trash", "refs"]


def test_stretches_of_time_are_said_in_one_unit() -> None:
    assert [stretch(s) for s in (-1, 0, 59, 60, 3599, 3600, DAY - 1, DAY, 400 * DAY)] == [
        "0 s", "0 s", "59 s", "1 min", "59 min", "1 h", "23 h", "1 d", "400 d",
    ]  # fmt: skip
