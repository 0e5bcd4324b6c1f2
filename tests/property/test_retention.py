"""Whatever there is and whatever the policy: what is protected stays, bounds hold, and a second look finds nothing more to do."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ropeway.app.retention.deciding import KINDS, UNFINISHED, Policy, Thing, decide
from ropeway.records import replace

STATES = ["succeeded", "failed", "cancelled", *sorted(UNFINISHED)]
AGES = st.floats(0, 100)
SIZES = st.integers(0, 50)


@st.composite
def worlds(draw: st.DrawFn) -> list[Thing]:
    """Runs, each linked to an earlier one or none, some with a working copy that is still there; and all else."""
    things: list[Thing] = []
    for number in range(draw(st.integers(0, 8))):
        state = draw(st.sampled_from(STATES))
        age = draw(AGES)
        kept, held = draw(st.booleans()), draw(st.sampled_from(["", "", "", "locked"]))
        linked = draw(st.sampled_from(["", "", *(f"r{n}" for n in range(number))]))
        path = f"/w/{number}"
        there = draw(st.booleans())
        things.append(
            Thing("run", f"r{number}", f"/r/{number}", age, draw(SIZES), state, kept, held=held, linked=linked, workspaces=(path,) * there)
        )
        if there:
            over, unsaved = draw(st.sampled_from(["", "landed"])), draw(st.sampled_from(["", "", "3 files"]))
            things.append(Thing("workspace", f"w{number}", path, age, draw(SIZES), state, kept, over, held, unsaved))
        if draw(st.booleans()):
            things.append(Thing("artifact", f"a{number}", "/a", age, 1, state, run=f"r{number}", lasts=draw(AGES)))
    for kind in ("tools", "cache", "trash", "refs"):
        for number in range(draw(st.integers(0, 3))):
            held = draw(st.sampled_from(["", "", "in use"]))
            things.append(Thing(kind, f"{kind}{number}", f"/{kind}/{number}", draw(AGES) * 3600, draw(SIZES), held=held))
    return draw(st.permutations(things))


BOUNDS = st.none() | st.integers(0, 60)
POLICIES = st.builds(
    Policy,
    kinds=st.just(frozenset(KINDS.values())) | st.frozensets(st.sampled_from(sorted(KINDS.values()))),
    run_age=st.none() | AGES,
    runs=BOUNDS,
    state_size=st.none() | st.integers(0, 300),
    workspace_age=st.none() | AGES,
    workspaces=BOUNDS,
    workspaces_size=BOUNDS,
    tools_age=st.none() | AGES,
    tools_size=BOUNDS,
    cache_age=st.none() | AGES,
    cache_size=BOUNDS,
    force=st.booleans(),
    extra=SIZES,
)


def gone(things: list[Thing], policy: Policy) -> list[Thing]:
    return [verdict.thing for verdict in decide(things, policy) if verdict.goes]


@given(worlds(), POLICIES)
def test_every_thing_has_one_verdict_and_a_reason(things: list[Thing], policy: Policy) -> None:
    verdicts = decide(things, policy)
    going = {v.thing.id for v in verdicts if v.goes and v.thing.kind == "run"}
    assert [v.thing for v in verdicts] == [t for t in things if t.kind in policy.kinds and not (t.kind == "artifact" and t.run in going)]
    assert all(v.reason for v in verdicts)


@given(worlds(), POLICIES)
def test_what_is_protected_stays(things: list[Thing], policy: Policy) -> None:
    for thing in gone(things, policy):
        assert not thing.held
        assert thing.state not in UNFINISHED
        if thing.kind in ("run", "workspace"):
            assert not thing.kept
        assert policy.force or not thing.unsaved
        if thing.kind == "workspace" and thing.state in ("failed", "cancelled") and not thing.over:
            assert policy.workspace_age is not None
            assert thing.age >= policy.workspace_age


@given(worlds(), POLICIES)
def test_what_stays_has_what_it_needs(things: list[Thing], policy: Policy) -> None:
    removed = gone(things, policy)
    runs = {t.id for t in removed if t.kind == "run"}
    paths = {t.path for t in removed if t.kind == "workspace"}
    for thing in things:
        if thing.kind == "run" and thing.id not in runs and thing.state != "succeeded":
            assert thing.linked not in runs
        if thing.kind == "run" and thing.id in runs:
            assert set(thing.workspaces) <= paths


@given(worlds(), POLICIES)
def test_a_second_look_finds_nothing_more_to_do(things: list[Thing], policy: Policy) -> None:
    removed = gone(things, policy)
    paths = {t.path for t in removed if t.kind == "workspace"}
    runs = {t.id for t in removed if t.kind == "run"}
    left = [
        replace(t, workspaces=tuple(p for p in t.workspaces if p not in paths))
        for t in things
        if t not in removed and not (t.kind == "artifact" and t.run in runs)
    ]
    assert gone(left, policy) == []


@given(worlds(), POLICIES)
def test_bounds_hold_or_only_what_has_to_stay_is_left(things: list[Thing], policy: Policy) -> None:
    verdicts = [v for v in decide(things, policy) if v.thing.kind == "run"]
    left = [v for v in verdicts if not v.goes]
    free = [v for v in left if v.reason.startswith("ended ")]
    if policy.state_size is not None and policy.extra + sum(v.thing.bytes or 0 for v in left) > policy.state_size:
        assert free == []
    if policy.runs is not None and free:
        finished = sorted(v.thing.age for v in verdicts if v.thing.state not in UNFINISHED)
        assert all(sum(age < v.thing.age for age in finished) < policy.runs for v in free)
    if policy.run_age is not None:
        assert all(v.thing.age < policy.run_age for v in free)


@given(worlds(), POLICIES)
def test_working_copies_fit_or_only_what_has_to_stay_is_left(things: list[Thing], policy: Policy) -> None:
    left = [v for v in decide(things, policy) if v.thing.kind == "workspace" and not v.goes]
    if policy.workspaces_size is not None and sum(v.thing.bytes or 0 for v in left) > policy.workspaces_size:
        assert not any(v.reason.startswith(("its run ended", "last used")) for v in left)


@given(worlds(), POLICIES, AGES)
def test_keeping_longer_removes_no_more(things: list[Thing], policy: Policy, longer: float) -> None:
    policy = replace(policy, state_size=None, cache_size=None, workspaces_size=None, tools_size=None)
    patient = replace(
        policy,
        run_age=None if policy.run_age is None else policy.run_age + longer,
        workspace_age=None if policy.workspace_age is None else policy.workspace_age + longer,
        tools_age=None if policy.tools_age is None else policy.tools_age + longer,
    )
    before = [t for t in gone(things, policy) if t.kind != "artifact"]
    assert all(thing in before for thing in gone(things, patient) if thing.kind != "artifact")


@given(worlds(), POLICIES)
def test_no_cached_thing_goes_for_space_before_one_that_was_unused_longer(things: list[Thing], policy: Policy) -> None:
    verdicts = [v for v in decide(things, replace(policy, cache_age=None)) if v.thing.kind == "cache" and not v.thing.held]
    youngest_gone = min((v.thing.age for v in verdicts if v.goes), default=None)
    if youngest_gone is not None:
        assert all(v.goes or v.thing.age <= youngest_gone for v in verdicts)
