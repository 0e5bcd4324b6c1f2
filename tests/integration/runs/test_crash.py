"""A run that is killed at any of its writes goes on and ends as if nothing had happened."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from ropeway.runs.events import RunEvent
from support.projects import dying

if TYPE_CHECKING:
    from ropeway.runs.folder import RunFolder
    from support.projects import Project

TEN = """
[outputs]
all = "${{ steps.sum.outputs.all }}"
[steps.one]
run = "echo one >> effects; echo n=1 >> $ROPEWAY_OUTPUT"
[steps.flaky]
needs = ["one"]
run = "echo flaky >> effects; test $(grep -c flaky effects) -ge 2"
retry = { attempts = 9 }
[steps.each]
needs = ["flaky"]
foreach = "['a', 'b']"
run = "echo each-${{ item }} >> effects; echo v=${{ item }} >> $ROPEWAY_OUTPUT"
outputs.v = { type = "string" }
[steps.skipped]
needs = ["each"]
when = "1 > 2"
run = "echo skipped >> effects"
[steps.again]
needs = ["skipped"]
run = "echo again >> effects; echo n=$(grep -c again effects) >> $ROPEWAY_OUTPUT"
outputs.n = { type = "integer" }
repeat = { until = "steps.again.outputs.n >= 2", max = 9 }
[steps.call]
needs = ["again"]
uses = "workflow:./inner.toml"
[steps.warned]
needs = ["call"]
run = "echo warned >> effects; exit 1"
on_error = "continue"
[steps.sum]
needs = ["warned"]
run = "echo sum >> effects; echo all=${{ steps.one.outputs.n }}-${{ steps.each.outputs.v }} >> $ROPEWAY_OUTPUT"
[steps.built]
needs = ["sum"]
uses = "builtin:assert"
inputs = { that = true }
[steps.last]
needs = ["built"]
run = "echo last >> effects"
"""
INNER = """
[steps.inside]
run = "echo inside >> effects"
"""


def dies(project: Project, nth: int, how: str, *arguments: str) -> int:
    process = project.start(program=dying(nth, how, *arguments))
    process.communicate(timeout=60)
    return process.returncode


def finished(folder: RunFolder) -> dict[str, int]:
    """Return how often each unit has a line that says that it is done."""
    done = [e.step for e in folder.events() if e.event == "step.finished" and e.data["state"] in ("succeeded", "warning")]
    return Counter(done)


def effect_of(address: str) -> str | None:
    plain = {"each[0]": "each-a", "each[1]": "each-b", "call/inside": "inside"}
    if address in plain:
        return plain[address]
    return address if address in ("one", "warned", "sum", "last") else None


def check_end(project: Project, folder: RunFolder) -> None:
    state = folder.state()
    assert state.state == "succeeded"
    assert state.outputs == {"all": '1-["a","b"]'}
    assert {s.id: s.state for s in state.steps.values()} | {"again": "succeeded"} == {
        "one": "succeeded", "flaky": "succeeded", "each": "succeeded", "each[0]": "succeeded", "each[1]": "succeeded", "skipped": "skipped",
        "again": "succeeded", "again#1": "succeeded", "again#2": "succeeded", "call": "succeeded", "call/inside": "succeeded",
        "warned": "warning", "sum": "succeeded", "built": "succeeded", "last": "succeeded",
    } | {s: "succeeded" for s in state.steps if s.startswith("again#")}  # fmt: skip
    events = [e.seq for e in folder.events()]
    assert events == list(range(1, len(events) + 1))
    assert set(project.lines("effects")) == {"one", "flaky", "each-a", "each-b", "again", "inside", "warned", "sum", "last"}
    assert max(finished(folder).values()) == 1


def test_the_journal_of_an_undisturbed_run_has_about_two_writes_a_step(project: Project) -> None:
    project.write(INNER, "inner.toml")
    project.write(TEN)
    assert dies(project, 10_000, "after", "run") == 0
    check_end(project, project.newest())


@pytest.mark.slow
@pytest.mark.parametrize("how", ["after", "torn"])
def test_a_run_killed_at_any_write_goes_on_and_nothing_done_runs_twice(project: Project, how: str) -> None:
    project.write(INNER, "inner.toml")
    project.write(TEN)
    for nth in range(2, 100):
        (project.cwd / "effects").unlink(missing_ok=True)
        status = dies(project, nth, how, "run")
        folder = project.newest()
        if status == 0 or folder.state().state == "succeeded":  # there was no such write, or it was the last
            break
        assert status == -9
        done = finished(folder)
        before = Counter(project.lines("effects"))
        assert project.resume().status == 0, nth
        after = Counter(project.lines("effects"))
        for address in done:
            effect = effect_of(address)
            assert effect is None or after[effect] == before[effect] == 1, (nth, address)
        check_end(project, folder)
    assert nth >= 15


def test_a_run_that_dies_again_and_again_gets_done(project: Project) -> None:
    project.write(INNER, "inner.toml")
    project.write(TEN)
    status = dies(project, 4, "torn", "run")
    for _ in range(60):
        if status == 0:
            break
        status = dies(project, 3, "torn" if status % 2 else "after", "resume")
    assert status == 0
    check_end(project, project.newest())


def test_a_run_killed_before_its_first_event_is_no_run(project: Project) -> None:
    project.write('[steps.a]\nrun = "true"\n')
    assert dies(project, 1, "torn", "run") == -9
    listed = project.call("runs")
    assert listed.status == 0, listed.err
    assert project.run().status == 0


def test_a_torn_last_line_is_dropped_and_a_damaged_one_before_it_is_named(project: Project) -> None:
    folder = project.run('[steps.a]\nrun = "true"\n[steps.b]\nrun = "test -e ok"\n').folder
    whole = folder.journal.read_bytes()
    lines = whole.splitlines(keepends=True)
    folder.journal.write_bytes(whole + b'{"seq":99,"at":"2026-')
    assert folder.state().state == "failed"
    (project.cwd / "ok").touch()
    assert project.resume().status == 0
    assert [e.seq for e in folder.events()] == list(range(1, len(list(folder.events())) + 1))
    folder.journal.write_bytes(b"".join([*lines[:2], lines[2].replace(b"step", b"stop"), *lines[3:]]))
    for verb in ("resume", "status", "logs"):
        ran = project.call(verb, folder.id)
        assert ran.status == 1, verb
        assert "journal:3" in ran.err, verb
    assert folder.journal.read_bytes().count(b"\n") == len(lines)  # nothing was cut off


def test_a_run_of_a_newer_program_is_left_alone(project: Project) -> None:
    folder = project.run('[steps.a]\nrun = "false"\n').folder
    first, *rest = folder.events()
    newer = RunEvent(first.seq, first.at, first.event, {**first.data, "format": 99})
    folder.journal.write_bytes(b"".join([newer.line(), *(e.line() for e in rest)]))
    before = folder.journal.read_bytes()
    for verb in ("resume", "status", "cancel"):
        ran = project.call(verb, folder.id)
        assert ran.status == 4, (verb, ran.err)
        assert "newer" in ran.err
    assert folder.journal.read_bytes() == before
    assert project.call("runs").status == 0


def test_of_two_resumes_one_wins_and_the_other_says_so(project: Project) -> None:
    ran = project.run('[steps.a]\nrun = "touch began; until test -e ok; do test -e go || exit 1; sleep 0.02; done"\n')
    assert ran.status == 1
    (project.cwd / "go").touch()
    calls = [project.start("resume", ran.state.run) for _ in range(4)]
    ends = []
    while len(ends) < 3:
        ends = [c for c in calls if c.poll() is not None]
    (project.cwd / "ok").touch()
    for call in calls:
        call.wait(20)
    said = [call.communicate()[1] for call in calls]
    assert sorted(c.returncode for c in calls) == [0, 4, 4, 4]
    assert sum("is being carried out by " in text for text in said) == 3
    assert ran.state.steps["a"].attempts == 2
