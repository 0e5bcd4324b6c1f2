"""Invariants of carrying out any graph of steps, whatever fails, is skipped, repeated or interrupted."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from ropeway.lang.graph import Graph
from ropeway.lang.model import Policy, Repeat, Retry
from ropeway.lang.plan import Plan, PlanStep, Template
from ropeway.runs.schedule import SETTLED
from ropeway.runs.scope import Outcome
from ropeway.runs.state import settled_for_good
from ropeway.testing.flows import Simulation

if TYPE_CHECKING:
    from ropeway.runs.scope import Unit

WHENS = [None, "success()", "failure()", "always()", "success() || failure()", "1 < 2", "1 > 2", "always() && 1 > 2"]


@st.composite
def plans(draw: st.DrawFn, *, nested: bool = True) -> Plan:
    inner = draw(templates("inner", kinds=["argv"])) if nested else None
    outer = draw(templates("outer", kinds=["argv", "argv", "argv", "workflow"] if nested else ["argv"]))
    return Plan(outer, workflows={"inner": inner} if inner else {})


@st.composite
def templates(draw: st.DrawFn, name: str, kinds: list[str]) -> Template:
    size = draw(st.integers(1, 9))
    names = draw(st.permutations([f"s{i}" for i in range(size)]))  # the order of needs is not that of the file
    steps = {}
    for i, step in enumerate(names):
        kind = draw(st.sampled_from(kinds))
        shape = draw(st.sampled_from(["plain", "plain", "plain", "foreach", "repeat"]))
        count = draw(st.integers(0, 4))
        when = draw(st.sampled_from(WHENS))
        if shape == "foreach" and draw(st.booleans()):
            when = "item != 1"
        steps[step] = PlanStep(
            step,
            kind,
            needs=tuple(draw(st.sets(st.sampled_from(names[:i])))) if i else (),
            when=when,
            uses="inner" if kind == "workflow" else None,
            argv=("true",) if kind == "argv" else (),
            foreach=str(list(range(count))) if shape == "foreach" else None,
            max_parallel=draw(st.none() | st.integers(1, 3)) if shape == "foreach" else None,
            repeat=Repeat("steps." + step + ".exit_code == " + draw(st.sampled_from("01")), 1 + count) if shape == "repeat" else None,
            retry=Retry(attempts=draw(st.integers(1, 3)), delay=0.5) if kind == "argv" and draw(st.booleans()) else None,
            on_error=draw(st.sampled_from(["fail", "fail", "continue"])),
        )
    policy = Policy(max_parallel=draw(st.integers(1, 4)), on_failure=draw(st.sampled_from(["stop", "continue"])))
    return Template(name, policy=policy, steps=tuple(steps[s] for s in sorted(steps)))


def player(seed: int, fails: int):
    """Return how attempts go: of ten, ``fails`` fail; the same attempt always goes the same way."""

    def play(unit: Unit) -> tuple[float, Outcome]:
        number = zlib.crc32(f"{seed} {unit.address} {unit.attempt}".encode())
        failed = number % 10 < fails
        return 1 + number // 10 % 5, Outcome("failed", 1, reason="exit") if failed else Outcome("succeeded", 0, {"n": number})

    return play


def finals(simulation: Simulation) -> dict[str, str]:
    return {s.id: f"{s.state} {s.reason}" for s in simulation.state.steps.values()}


PLANS = {"plan": plans(), "seed": st.integers(0, 999), "fails": st.integers(0, 6), "parallel": st.integers(1, 4)}


@given(**PLANS)
@settings(max_examples=300)
def test_every_step_settles_once_and_none_starts_before_its_needs(plan: Plan, seed: int, fails: int, parallel: int) -> None:
    simulation = Simulation(plan, player(seed, fails), parallel=parallel)
    assert simulation.run() != "open"
    assert simulation.most <= parallel
    assert not simulation.flow.units
    assert not simulation.running
    settled: dict[str, str] = {}
    needs = {step.id: step.needs for step in plan.template.steps}
    for event in simulation.journal.events:
        top = event.step.partition("/")[0].partition("[")[0].partition("#")[0]
        if event.event == "step.started":
            assert top not in settled, "a step goes on after its end"
            assert all(need in settled for need in needs[top]), "a step starts before its needs"
        if event.event == "step.finished":
            assert event.step not in settled, "a step ends twice"
            assert event.data["state"] in SETTLED
            settled[event.step] = event.data["state"]
    assert set(needs) <= set(settled)


@given(**PLANS)
@settings(max_examples=200)
def test_what_is_below_a_failure_is_skipped_unless_it_asks_for_failures(plan: Plan, seed: int, fails: int, parallel: int) -> None:
    simulation = Simulation(plan, player(seed, fails), parallel=parallel)
    simulation.run()
    states = simulation.state.steps
    stopping = plan.template.policy.on_failure == "stop" and any(states[s.id].state == "failed" for s in plan.template.steps)
    for step in plan.template.steps:
        above = [states[need] for need in step.needs]
        passes = all(s.state in ("succeeded", "warning") or (s.state == "skipped" and s.reason in ("when", "user")) for s in above)
        own = states[step.id]
        plain = step.when is None or not any(word in step.when for word in ("success()", "failure()", "always()"))
        if plain and not passes:
            assert (own.state, own.reason) in (("skipped", "upstream"), ("skipped", "stopped"))
        if plain and passes and not stopping and (step.when is None or step.when == "1 < 2"):
            assert own.state != "skipped"
        if step.when == "always()":
            assert own.state != "skipped"
    failed = any(states[s.id].state == "failed" for s in plan.template.steps)
    assert (simulation.root.schedule.outcome() == "failed") == failed


@given(**PLANS)
@settings(max_examples=100)
def test_the_same_run_takes_the_same_course(plan: Plan, seed: int, fails: int, parallel: int) -> None:
    def course() -> list[tuple[str, str]]:
        simulation = Simulation(plan, player(seed, fails), parallel=parallel)
        simulation.run()
        return [(e.event, e.step) for e in simulation.journal.events]

    assert course() == course()


@given(**PLANS, turns=st.integers(0, 40))
@settings(max_examples=300)
def test_an_interrupted_run_goes_on_without_doing_anything_twice(plan: Plan, seed: int, fails: int, parallel: int, turns: int) -> None:
    first = Simulation(plan, player(seed, fails), parallel=parallel)
    first.run(turns=turns)
    done = {s.id for s in first.state.steps.values() if settled_for_good(s)}
    again = Simulation(plan, player(seed + 1, 0), parallel=parallel, before=first.journal.events)
    if first.ended and first.root.schedule.outcome() == "succeeded":
        return
    assert again.run() != "open"
    for event in again.journal.events[len(first.journal.events) :]:
        assert event.event != "step.started" or event.step not in done, f"{event.step} runs twice"


@given(plan=plans(), parallel=st.integers(1, 4), turns=st.integers(0, 40))
@settings(max_examples=200)
def test_an_interrupted_run_ends_as_an_undisturbed_one(plan: Plan, parallel: int, turns: int) -> None:
    whole = Simulation(plan, player(1, 0), parallel=parallel)
    if whole.run() == "failed":  # a repetition in vain: what it stops depends on the moment
        return
    first = Simulation(plan, player(1, 0), parallel=parallel)
    first.run(turns=turns)
    again = Simulation(plan, player(1, 0), parallel=parallel, before=first.journal.events)
    again.run()
    assert finals(again) == finals(whole)


@given(**PLANS, turns=st.integers(0, 20), at_once=st.booleans())
@settings(max_examples=200)
def test_a_cancelled_run_ends_and_lets_only_what_always_runs_start(
    plan: Plan, seed: int, fails: int, parallel: int, turns: int, at_once: bool
) -> None:
    simulation = Simulation(plan, player(seed, fails), parallel=parallel)
    if simulation.run(turns=turns) != "open":
        return
    seen = len(simulation.journal.events)
    simulation.flow.cancel(simulation.root, at_once=at_once)
    assert simulation.run() == "cancelled"
    always = {s.id for s in plan.template.steps if s.when and "always()" in s.when}
    for event in simulation.journal.events[seen:]:
        if event.event == "step.started":
            top = event.step.partition("/")[0].partition("[")[0].partition("#")[0]
            assert top in always or "/" in event.step
            assert not at_once


@given(**PLANS)
@settings(max_examples=300)
def test_nothing_starts_after_the_failure_that_a_run_is_to_break_at(plan: Plan, seed: int, fails: int, parallel: int) -> None:
    simulation = Simulation(plan, player(seed, fails), parallel=parallel, break_on_failure=True)
    final = simulation.run()
    assert final in ("succeeded", "failed")
    assert not simulation.flow.units
    steps = {step.id: step for step in plan.template.steps}
    broken = False
    for event in simulation.journal.events:
        assert not (broken and event.event in ("step.started", "step.retrying")), f"{event.step} goes on after the failure"
        if event.event == "step.finished" and event.data["state"] == "failed":
            top = event.step.partition("/")[0].partition("[")[0].partition("#")[0]
            broken = broken or steps[top].on_error == "fail"  # what the step in the way lets pass is no failure of the run
    assert broken == (final == "failed")
    states = [simulation.state.steps[step].state for step in steps]
    assert set(states) <= SETTLED
    assert ("failed" in states) == (final == "failed")


@given(st.integers(1, 60), st.integers(1, 8))
@settings(max_examples=30)
def test_independent_steps_start_in_the_order_of_the_file(size: int, parallel: int) -> None:
    plan = Plan(Template("wide", steps=tuple(PlanStep(f"s{i:02}", "argv", argv=("true",)) for i in range(size))))
    simulation = Simulation(plan, player(1, 0), parallel=parallel)
    simulation.run()
    assert [e.step for e in simulation.journal.events if e.event == "step.started"] == [f"s{i:02}" for i in range(size)]
    assert simulation.most == min(size, parallel)


def test_a_chain_of_ten_thousand_steps_is_no_recursion() -> None:
    steps = tuple(PlanStep(f"s{i}", "argv", argv=("true",), needs=(f"s{i - 1}",) if i else ()) for i in range(10_000))
    simulation = Simulation(Plan(Template("deep", steps=steps)), player(1, 0))
    assert simulation.run() == "succeeded"
    failing = Simulation(Plan(Template("deep", steps=steps)), lambda _unit: (1, Outcome("failed", 1, reason="exit")))
    assert failing.run() == "failed"
    assert len(Graph({s.id: s.needs for s in steps}).order) == 10_000


def test_a_repetition_of_ten_thousand_is_no_recursion_when_it_is_resumed() -> None:
    step = PlanStep("again", "argv", argv=("true",), repeat=Repeat("1 > 2", 10_000))
    plan = Plan(Template("long", steps=(step,)))
    first = Simulation(plan, lambda _unit: (1, Outcome("succeeded", 0)))
    first.run(turns=19_000)
    again = Simulation(plan, lambda _unit: (1, Outcome("succeeded", 0)), before=first.journal.events)
    assert again.run() == "failed"
    assert again.state.steps["again"].reason == "repeat-exhausted"
