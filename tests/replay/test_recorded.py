"""Runs that earlier versions recorded still fold and go on.

Each folder holds a run as a released version left it: ``plan.json`` and ``journal``, with neutral names and paths, and ``expected.json``: what it folds to, and what a resume
comes to. Every release adds some with ``python tests/replay/record.py``; none is ever changed.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ropeway.lang.plan import plan_from_json
from ropeway.runs.events import RunEvent
from ropeway.runs.journal import read_events
from ropeway.runs.state import fold
from support.projects import Project

RECORDED = sorted(path.parent for path in Path(__file__).parent.glob("*/*/journal"))


def test_there_are_recordings() -> None:
    assert len(RECORDED) >= 2


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_a_recorded_run_folds_to_the_same_state(recorded: Path) -> None:
    plan = plan_from_json(json.loads((recorded / "plan.json").read_bytes()))
    state = fold("recorded", [s.id for s in plan.template.steps], read_events(recorded / "journal"))
    assert json.loads(json.dumps(state.as_json())) == json.loads((recorded / "expected.json").read_bytes())["state"]


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_a_recorded_run_goes_on(recorded: Path, tmp_path: Path) -> None:
    project = Project(tmp_path)
    folder = project.store.runs / "recorded"
    folder.mkdir(parents=True)
    (folder / "plan.json").write_bytes((recorded / "plan.json").read_bytes())
    with (folder / "journal").open("wb") as file:
        for event in read_events(recorded / "journal"):
            here = {key: str(project.cwd) if value == "/recorded" else value for key, value in event.data.items()}
            file.write(RunEvent(event.seq, event.at, event.event, here).line())
    expected = json.loads((recorded / "expected.json").read_bytes())["resumed"]
    (project.cwd / "ok").touch()
    ran = project.call("answer", f"recorded:{expected['answer'][0]}", expected["answer"][1]) if "answer" in expected else project.resume()
    assert ran.status == expected["status"], ran.err
    assert ran.states() == expected["states"]
    assert sorted(project.lines("effects")) == expected["effects"]
