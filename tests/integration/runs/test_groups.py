"""Concurrency groups between runs."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from support.projects import until

if TYPE_CHECKING:
    from support.projects import Project

TEXT = """
[parameters.wait]
type = "boolean"
default = false
[policy]
concurrency = {{ group = "release-${{{{ params.wait || true }}}}", limit = 1, on_full = "{on_full}" }}
[steps.work]
run = "echo begin >> log; if test ${{{{ params.wait }}}} = true; then until test -e go; do sleep 0.02; done; fi; echo end >> log"
"""


def test_a_second_run_waits_for_its_place(project: Project) -> None:
    project.write(TEXT.format(on_full="queue"))
    first = project.start("run", "--param", "wait=true")
    project.running("work")
    second = project.start("run")
    until(lambda: "queued" in [s.state for s in _states(project)], "the second run is queued")
    (project.cwd / "go").touch()
    assert (first.wait(20), second.wait(20)) == (0, 0)
    assert project.lines("log") == ["begin", "end", "begin", "end"]
    for process in (first, second):
        process.communicate()


def _states(project: Project) -> list:
    return [project.store.find(i).state() for i in project.store.ids()]


def test_a_queued_run_can_be_interrupted_and_resumed(project: Project) -> None:
    project.write(TEXT.format(on_full="queue"))
    first = project.start("run", "--param", "wait=true")
    project.running("work")
    second = project.start("run")
    queued = until(lambda: next((s.run for s in _states(project) if s.state == "queued" and s.pid is None and s.seq > 1), None))
    second.send_signal(signal.SIGINT)
    assert second.wait(20) == 130
    assert project.store.find(queued).state().state == "cancelled"
    (project.cwd / "go").touch()
    assert first.wait(20) == 0
    assert project.call("resume", queued).status == 0
    for process in (first, second):
        process.communicate()


def test_a_full_group_can_refuse(project: Project) -> None:
    project.write(TEXT.format(on_full="reject"))
    first = project.start("run", "--param", "wait=true")
    holder = project.running("work")
    refused = project.call("run")
    assert refused.status == 5
    assert f"the concurrency group 'release-true' is full (1 at a time; now: {holder.id})" in refused.err
    assert "resume" not in refused.out + refused.err
    assert sorted(s.state for s in _states(project)) == ["cancelled", "running"]
    assert holder.id in next(s.reason or "" for s in _states(project) if s.state == "cancelled")
    (project.cwd / "go").touch()
    assert first.wait(20) == 0
    first.communicate()
    assert project.call("run").status == 0


def test_a_newcomer_can_take_the_place_of_what_runs(project: Project) -> None:
    project.write(TEXT.format(on_full="cancel-running"))
    first = project.start("run", "--param", "wait=true")
    holder = project.running("work")
    second = project.call("run")
    assert second.status == 0
    assert first.wait(20) == 5
    first.communicate()
    assert holder.state().state == "cancelled"
    assert second.state.run in (holder.state().reason or "")
