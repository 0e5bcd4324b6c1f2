"""Steps, needs, conditions, repetition and limits, through real processes."""

from __future__ import annotations

import time
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from support.projects import Project


def test_steps_run_in_the_order_of_the_file_when_one_at_a_time(project: Project) -> None:
    ran = project.run("""
[steps.z]
run = "true"
[steps.a]
run = "true"
needs = ["m"]
[steps.m]
run = "true"
""")
    assert ran.status == 0
    assert ran.order() == ["z", "m", "a"]
    assert ran.state.state == "succeeded"


STOP = """
[policy]
on_failure = "{policy}"
[steps.bad]
run = "exit 3"
[steps.next]
needs = ["bad"]
run = "true"
[steps.after_next]
needs = ["next"]
run = "true"
[steps.free]
run = "true"
[steps.handler]
needs = ["after_next"]
when = "failure()"
run = "echo ${{{{ steps.bad.exit_code }}}}"
[steps.clean]
needs = ["free"]
when = "always()"
run = "true"
[steps.late]
needs = ["bad"]
when = "success()"
run = "true"
"""


def test_after_a_failure_stop_starts_only_what_asks_for_failures(project: Project) -> None:
    ran = project.run(STOP.format(policy="stop"))
    assert ran.status == 1
    assert ran.states() == {
        "bad": "failed",
        "next": "skipped upstream",
        "after_next": "skipped upstream",
        "free": "skipped stopped",
        "handler": "succeeded",
        "clean": "succeeded",
        "late": "skipped upstream",
    }
    assert ran.state.steps["bad"].exit_code == 3
    assert ran.log("handler") == b"3\n"


def test_after_a_failure_continue_goes_on_with_what_does_not_depend_on_it(project: Project) -> None:
    ran = project.run(STOP.format(policy="continue"))
    assert ran.status == 1
    assert ran.states()["free"] == "succeeded"
    assert ran.states()["next"] == "skipped upstream"
    assert ran.state.state == "failed"


def test_an_allowed_failure_is_a_warning_and_lets_the_run_succeed(project: Project) -> None:
    ran = project.run("""
[steps.shaky]
run = "exit 1"
on_error = "continue"
[steps.each]
foreach = "[0, 1]"
run = "exit ${{ item }}"
on_error = "continue"
[steps.next]
needs = ["shaky", "each"]
run = "true"
""")
    assert ran.status == 0
    assert ran.states() == {
        "shaky": "warning", "each": "warning", "each[0]": "succeeded", "each[1]": "warning", "next": "succeeded",
    }  # fmt: skip
    assert len(ran.state.warnings) == 2


def test_a_step_skipped_by_its_own_condition_is_null_to_others_and_lets_them_run(project: Project) -> None:
    ran = project.run("""
[steps.maybe]
when = "1 > 2"
run = "echo x=1 >> $ROPEWAY_OUTPUT"
outputs.x = { type = "string" }
[steps.next]
needs = ["maybe"]
run = ["echo", "${{ default(steps.maybe.outputs.x, 'none') }}", "${{ steps.maybe.exit_code == null }}"]
""")
    assert ran.status == 0
    assert ran.states() == {"maybe": "skipped when", "next": "succeeded"}
    assert ran.log("next") == b"none true\n"


def test_a_condition_that_has_no_value_fails_its_step(project: Project) -> None:
    ran = project.run("""
[steps.a]
run = "true"
[steps.b]
needs = ["a"]
when = "steps.a.outputs.nothing == 'x'"
run = "true"
""")
    assert ran.status == 1
    assert ran.state.steps["b"].reason == "error"
    assert "nothing" in (ran.state.steps["b"].error or "")


def test_a_step_that_can_not_start_stops_those_that_were_to_start_with_it(project: Project) -> None:
    ran = project.run("""
[policy]
max_parallel = 3
[steps.missing]
run = ["no-such-program-anywhere"]
[steps.b]
run = "touch b"
[steps.c]
run = "touch c"
""")
    assert ran.status == 1
    assert ran.state.steps["missing"].exit_code == 127
    assert {ran.states()["b"], ran.states()["c"]} <= {"cancelled", "skipped stopped"}
    assert not (project.cwd / "b").exists()


def test_instances_keep_their_items_order_and_gather_lists(project: Project) -> None:
    ran = project.run("""
[policy]
max_parallel = 8
[steps.each]
foreach = "['c', 'a', 'b', 'skip']"
when = "item != 'skip'"
max_parallel = 2
run = '''
echo start >> log; sleep 0.1; echo end >> log
echo "up=${{ upper(item) }}" >> "$ROPEWAY_OUTPUT"
'''
outputs.up = { type = "string" }
[steps.show]
needs = ["each"]
run = ["echo", "all: ${{ steps.each.outputs.up }}"]
[steps.none]
foreach = "split('', ',')"
when = "item != ''"
run = "false"
[steps.empty]
foreach = "[]"
run = "false"
""")
    assert ran.status == 0, ran.err
    assert [s for s in ran.order() if s.startswith("each")] == ["each[0]", "each[1]", "each[2]"]
    assert ran.log("show") == b'all: ["C","A","B",null]\n'
    assert ran.states()["each[3]"] == "skipped when"
    assert ran.states()["empty"] == "succeeded"
    depth = most = 0
    for line in project.lines("log"):
        depth += 1 if line == "start" else -1
        most = max(most, depth)
    assert most == 2


def test_too_many_items_fail_the_step(project: Project) -> None:
    items = ",".join(["x"] * 10_001)
    ran = project.run("""
[parameters.items]
type = "string"
[steps.each]
foreach = "split(params.items, ',')"
run = "true"
""", "--param", f"items={items}")  # fmt: skip
    assert ran.status == 1
    assert "10,001 items" in (ran.state.steps["each"].error or "")
    assert list(ran.states()) == ["each"]


def test_one_failed_instance_stops_the_others_and_a_resume_keeps_what_was_done(project: Project) -> None:
    ran = project.run(
        """
[steps.list]
run = '''
echo asked >> asked
echo "all=a,b,c" >> "$ROPEWAY_OUTPUT"
'''
[steps.each]
needs = ["list"]
foreach = "split(steps.list.outputs.all, ',')"
run = '''
echo ${{ item }} >> done
test ${{ item }} != b || test -e ok
'''
""".replace("split(file('items'), ',')", "split(steps.list.outputs.all, ',')")
    )
    assert ran.status == 1
    assert ran.states() == {"list": "succeeded", "each": "failed", "each[0]": "succeeded", "each[1]": "failed"}
    (project.cwd / "ok").touch()
    ran = project.resume()
    assert ran.status == 0
    assert project.lines("done") == ["a", "b", "b", "c"]
    assert project.lines("asked") == ["asked"]


def test_items_are_evaluated_and_journaled_once(project: Project) -> None:
    (project.cwd / "items").write_text("a,b")
    text = """
[steps.each]
foreach = "split(file('items'), ',')"
run = "echo ${{ item }} >> done; test ${{ item }} = a || test -e ok"
"""
    assert project.run(text).status == 1
    (project.cwd / "items").write_text("x,y,z")
    (project.cwd / "ok").touch()
    ran = project.resume()
    assert ran.status == 0
    assert project.lines("done") == ["a", "b", "b"]
    assert [e.data.get("items") for e in ran.told("step.expanded")] == [["a", "b"], None]
    assert ran.state.steps["each"].items == ["a", "b"]


REPEAT = """
[steps.polish]
run = '''
echo x >> count
test "$(wc -l < count)" -ge {first} || exit 75
echo "score=$(wc -l < count)" >> "$ROPEWAY_OUTPUT"
'''
outputs.score = {{ type = "integer" }}
repeat = {{ until = "steps.polish.outputs.score >= {wanted}", max = 3 }}
retry = {{ attempts = 3, delay = "10ms", on = ["exit:75"] }}
[steps.next]
needs = ["polish"]
run = ["echo", "${{{{ steps.polish.outputs.score }}}}"]
"""


def test_a_step_repeats_until_its_condition_holds_and_retries_count_inside_an_iteration(project: Project) -> None:
    ran = project.run(REPEAT.format(first=2, wanted=4))
    assert ran.status == 0
    assert ran.states() == {
        "polish": "succeeded",
        "polish#1": "succeeded",
        "polish#2": "succeeded",
        "polish#3": "succeeded",
        "next": "succeeded",
    }
    assert ran.state.steps["polish#1"].attempts == 2
    assert ran.log("next") == b"4\n"


def test_a_step_that_repeats_in_vain_fails_by_name(project: Project) -> None:
    ran = project.run(REPEAT.format(first=1, wanted=99))
    assert ran.status == 1
    assert ran.state.steps["polish"].reason == "repeat-exhausted"
    assert ran.states()["next"] == "skipped upstream"


def test_a_long_repetition_is_resumed_where_it_stopped(project: Project) -> None:
    ran = project.run("""
[steps.count]
run = '''
echo x >> count; n=$(wc -l < count)
test $n != 600 || test -e ok
echo "n=$n" >> "$ROPEWAY_OUTPUT"
'''
shell = "sh"
outputs.n = { type = "integer" }
repeat = { until = "steps.count.outputs.n > 605", max = 700 }
""")
    assert ran.status == 1
    assert ran.states()["count#600"] == "failed"
    (project.cwd / "ok").touch()
    ran = project.resume()
    assert ran.status == 0, ran.err
    assert ran.states()["count#605"] == "succeeded"
    assert len(project.lines("count")) == 606


def test_a_failed_attempt_is_made_again_after_a_growing_delay(project: Project) -> None:
    ran = project.run("""
[steps.flaky]
run = "echo $ROPEWAY_ATTEMPT >> seen; date +%s.%N >> at; test $ROPEWAY_ATTEMPT -ge 4"
retry = { attempts = 5, delay = "100ms", backoff = "exponential", max_delay = "200ms" }
[steps.never]
needs = ["flaky"]
run = "exit 127"
retry = { attempts = 5 }
""")
    assert project.lines("seen") == ["1", "2", "3", "4"]
    assert [e.data["delay"] for e in ran.told("step.retrying")] == [0.1, 0.2, 0.2]
    gaps = [b - a for a, b in pairwise(float(line) for line in project.lines("at"))]
    assert all(gap >= wanted for gap, wanted in zip(gaps, [0.1, 0.2, 0.2], strict=True))
    assert ran.state.steps["never"].attempts == 1  # not found does not get better


def test_a_waiting_retry_leaves_its_place_to_others(project: Project) -> None:
    ran = project.run("""
[steps.flaky]
run = "test -e other"
retry = { attempts = 20, delay = "100ms" }
[steps.other]
run = "touch other"
""")
    assert ran.status == 0
    assert ran.order()[:2] == ["flaky", "other"]


def test_a_timeout_ends_each_attempt_and_can_be_a_reason_to_retry(project: Project) -> None:
    begun = time.monotonic()
    ran = project.run("""
[steps.slow]
run = "echo $ROPEWAY_ATTEMPT >> seen; sleep 60"
timeout = "200ms"
retry = { attempts = 2, on = ["timeout"] }
[steps.clean]
needs = ["slow"]
when = "always()"
run = "true"
""")
    assert ran.status == 1
    assert ran.state.steps["slow"].reason == "timeout"
    assert "0.2 s" in (ran.state.steps["slow"].error or "")
    assert project.lines("seen") == ["1", "2"]
    assert ran.states()["clean"] == "succeeded"
    assert time.monotonic() - begun < 30


def test_a_run_that_takes_too_long_fails_and_still_cleans_up(project: Project) -> None:
    ran = project.run("""
[policy]
timeout = "300ms"
[steps.slow]
run = "sleep 60"
[steps.next]
needs = ["slow"]
run = "true"
[steps.clean]
needs = ["next"]
when = "always()"
run = "touch cleaned"
""")
    assert ran.status == 1
    assert (ran.state.state, ran.state.reason) == ("failed", "timeout")
    assert ran.states() == {"slow": "cancelled", "next": "skipped upstream", "clean": "succeeded"}


def test_leases_keep_greedy_steps_apart(project: Project) -> None:
    step = """
[steps.{0}]
run = "echo start >> log; sleep 0.15; echo end >> log"
resources = {{ cpu = 1 }}
"""
    ran = project.run("[policy]\nmax_parallel = 64\n" + "".join(step.format(f"s{i}") for i in range(6)))
    assert ran.status == 0
    import os

    depth = most = 0
    for line in project.lines("log"):
        depth += 1 if line == "start" else -1
        most = max(most, depth)
    assert most <= (os.cpu_count() or 1)


def test_the_run_starts_at_most_max_parallel_in_the_order_of_the_file(project: Project) -> None:
    step = '[steps.s{0}]\nrun = "sleep 0.05"\n'
    ran = project.run("[policy]\nmax_parallel = 3\n" + "".join(step.format(i) for i in range(9)))
    assert ran.order() == [f"s{i}" for i in range(9)]
    running = most = 0
    for event in ran.events:
        running += {"step.started": 1, "step.finished": -1}.get(event.event, 0)
        most = max(most, running)
    assert most == 3


@pytest.mark.parametrize("parallel", ["1", "2"])
def test_the_command_line_decides_how_many_run_at_once(project: Project, parallel: str) -> None:
    step = '[steps.s{0}]\nrun = "sleep 0.05"\n'
    ran = project.run("[policy]\nmax_parallel = 4\n" + "".join(step.format(i) for i in range(4)), "--parallel", parallel)
    running = most = 0
    for event in ran.events:
        running += {"step.started": 1, "step.finished": -1}.get(event.event, 0)
        most = max(most, running)
    assert most == int(parallel)


def test_the_settings_bound_what_the_steps_of_a_run_lease_together(project: Project) -> None:
    text = "[policy]\nmax_parallel = 4\n" + "".join(
        f"""
[steps.s{i}]
resources = {{ cpu = 1 }}
run = '''
mkdir "lock" && echo alone >> seen || echo beside >> seen
sleep 0.05
rmdir lock
'''
on_error = "continue"
"""
        for i in range(4)
    )
    ran = project.run(text, env={"ROPEWAY_CORES": "1"})
    assert ran.status == 0, ran.err
    assert (project.cwd / "seen").read_text().split() == ["alone"] * 4
