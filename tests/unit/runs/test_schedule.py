"""What a run that is to break at its first failure does with the steps that are left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ropeway.lang.model import Policy, Retry
from ropeway.lang.plan import Plan, PlanStep, Template
from ropeway.runs.schedule import Schedule
from ropeway.runs.scope import Outcome
from ropeway.testing.flows import Simulation

if TYPE_CHECKING:
    from collections.abc import Collection

    from ropeway.runs.scope import Unit


def step(name: str, *needs: str, when: str | None = None, **more: object) -> PlanStep:
    return PlanStep(name, "argv", argv=("true",), needs=needs, when=when, **more)


def broken(
    steps: tuple[PlanStep, ...], *, failing: Collection[str], inner: tuple[PlanStep, ...] = (), parallel: int = 4, on_failure: str = "stop"
) -> Simulation:
    """Carry a plan out where all attempts of ``failing`` fail after a second and all others need five."""

    def play(unit: Unit) -> tuple[float, Outcome]:
        failed = unit.address in failing
        return (1, Outcome("failed", 1, reason="exit")) if failed else (5, Outcome("succeeded", 0))

    policy = Policy(max_parallel=parallel, on_failure=on_failure)
    plan = Plan(Template("w", policy=policy, steps=steps), workflows={"inner": Template("inner", policy=policy, steps=inner)})
    simulation = Simulation(plan, play, parallel=parallel, break_on_failure=True)
    simulation.final = simulation.run()
    return simulation


def states(simulation: Simulation) -> dict[str, str]:
    return {s.id: s.state for s in simulation.state.steps.values()}


def test_clean_up_steps_do_not_start() -> None:
    found = broken((step("a"), step("b", "a", when="failure()"), step("c", "a", when="always()")), failing=["a"])
    assert found.final == "failed"
    assert states(found) == {"a": "failed", "b": "skipped", "c": "skipped"}


def test_what_runs_is_ended_and_what_was_never_begun_is_skipped_so_that_a_resume_runs_both() -> None:
    found = broken((step("a"), step("b"), step("c", "b")), failing=["a"])
    assert states(found) == {"a": "failed", "b": "cancelled", "c": "skipped"}
    assert found.state.steps["c"].reason in ("stopped", "upstream")


def test_the_run_breaks_where_its_policy_would_go_on() -> None:
    found = broken((step("a"), step("b"), step("c")), failing=["a"], parallel=1, on_failure="continue")
    assert (found.final, states(found)) == ("failed", {"a": "failed", "b": "skipped", "c": "skipped"})


def test_a_failure_counts_when_the_last_attempt_has_failed() -> None:
    found = broken((step("a", retry=Retry(attempts=3)), step("b", "a", when="always()")), failing=["a"])
    assert found.state.steps["a"].attempts == 3
    assert states(found)["b"] == "skipped"


def test_a_failure_that_the_step_allows_is_none() -> None:
    found = broken((step("a", on_error="continue"), step("b", "a", when="always()")), failing=["a"])
    assert (found.final, states(found)) == ("succeeded", {"a": "warning", "b": "succeeded"})


def test_the_failure_of_an_instance_ends_its_step() -> None:
    found = broken((step("a", foreach="[1, 2]"), step("b", "a", when="always()")), failing=["a[1]"])
    assert states(found) == {"a": "failed", "a[0]": "cancelled", "a[1]": "failed", "b": "skipped"}


def inside(**more: object) -> PlanStep:
    return PlanStep("in", "workflow", uses="inner", **more)


def test_a_failure_inside_of_a_sub_workflow_ends_it_and_all_around_it_as_failed() -> None:
    inner = (step("x"), step("y"), step("z", "x", when="always()"))
    found = broken((inside(), step("b"), step("c", "in", when="always()")), failing=["in/x"], inner=inner)
    assert found.final == "failed"
    assert states(found) == {
        "in": "failed",
        "in/x": "failed",
        "in/y": "cancelled",
        "in/z": "skipped",
        "b": "cancelled",
        "c": "skipped",
    }


def test_a_failure_ends_sub_workflows_elsewhere() -> None:
    found = broken((step("a"), inside()), failing=["a"], inner=(step("x"), step("y", "x", when="always()")))
    assert found.final == "failed"
    assert states(found) == {"a": "failed", "in": "cancelled", "in/x": "cancelled", "in/y": "skipped"}


def test_a_failure_inside_counts_only_when_the_step_around_it_is_not_tried_again() -> None:
    inner = (step("x"), step("z", "x", when="always()"))
    found = broken((inside(retry=Retry(attempts=2)),), failing=["in/x"], inner=inner)
    started = [event.step for event in found.journal.events if event.event == "step.started"]
    assert started == ["in", "in/x", "in/z", "in", "in/x"]
    assert found.final == "failed"


def test_a_failure_inside_of_a_step_that_may_fail_breaks_nothing() -> None:
    inner = (step("x"), step("z", "x", when="always()"))
    found = broken((inside(on_error="continue"), step("b", "in")), failing=["in/x"], inner=inner)
    assert found.final == "succeeded"
    assert states(found) == {"in": "warning", "in/x": "failed", "in/z": "succeeded", "b": "succeeded"}


def test_a_step_that_fails_while_the_run_is_being_cancelled_ends_no_other_clean_up() -> None:
    steps = (step("a"), step("b", "a", when="always()"), step("c", "a", when="always()"))
    simulation = Simulation(
        Plan(Template("w", steps=steps)),
        lambda unit: (1, Outcome("failed", 1, reason="exit")) if unit.address == "b" else (5, Outcome("succeeded", 0)),
        break_on_failure=True,
    )
    simulation.run(turns=1)
    simulation.flow.cancel(simulation.root)
    assert simulation.run() == "cancelled"
    assert states(simulation) == {"a": "succeeded", "b": "failed", "c": "succeeded"}


def test_a_halted_graph_admits_no_step_and_comes_to_failed() -> None:
    steps = (step("a"), step("b", "a", when="always()"))
    schedule = Schedule(steps, on_failure="stop", calls=lambda _: frozenset({"always"}))
    schedule.due()
    schedule.settle("a", "failed")
    assert schedule.verdict(steps[1]).admitted
    schedule.halt()
    assert not schedule.verdict(steps[1]).admitted
    assert schedule.outcome() == "failed"
