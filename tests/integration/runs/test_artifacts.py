"""The artifacts of a run: what is kept, and for how long."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ropeway.app.artifacts import listed
from ropeway.runs.events import RunEvent

if TYPE_CHECKING:
    from ropeway.runs.folder import RunFolder
    from support.projects import Project

KEPT = """
[artifacts.short]
path = "deep/*.txt"
retention = "1h"
[artifacts.long]
path = "long.txt"
retention = "30d"
[artifacts.ever]
path = "ever.txt"
[steps.a]
run = "mkdir -p deep; echo 1 | tee deep/a.txt deep/b.txt long.txt > ever.txt; test ! -e fail"
"""


def grow_older(folder: RunFolder, hours: int) -> None:
    """Let a run have ended some hours earlier: every time in its journal is moved back."""
    from datetime import datetime, timedelta

    events = list(folder.events())
    moved = [(datetime.fromisoformat(e.at) - timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z" for e in events]
    folder.journal.write_bytes(b"".join(RunEvent(e.seq, at, e.event, e.data).line() for e, at in zip(events, moved, strict=True)))


def artifacts(project: Project) -> dict[str, bool]:
    """Return the artifacts that `status` shows, and whether each has expired."""
    folder = project.newest()
    assert folder is not None
    found = json.loads(project.call("status", folder.id, "--json").out)["artifacts"]
    return {a["path"]: a.get("expired", False) for a in found}


def files(folder: RunFolder) -> list[str]:
    return sorted(path.relative_to(folder.artifacts).as_posix() for path in folder.artifacts.rglob("*") if path.is_file())


def test_what_is_kept_for_a_time_is_removed_when_somebody_looks_after_it(project: Project) -> None:
    folder = project.run(KEPT).folder
    assert folder is not None
    assert artifacts(project) == {"deep/a.txt": False, "deep/b.txt": False, "long.txt": False, "ever.txt": False}
    grow_older(folder, 2)
    assert len(files(folder)) == 4
    assert artifacts(project) == {"deep/a.txt": True, "deep/b.txt": True, "long.txt": False, "ever.txt": False}
    assert files(folder) == ["ever/ever.txt", "long/long.txt"]
    assert not (folder.artifacts / "short").exists()
    assert artifacts(project)["deep/a.txt"]  # and says so ever after
    lines = project.call("artifacts", "list").out.splitlines()
    assert [line.split()[2] == "expired" for line in lines[1:]] == [True, True, False, False]
    assert "expired" in project.call("status", folder.id).out
    assert project.call("artifacts", "get", "-o", "got").status == 0
    assert sorted(p.name for p in (project.cwd / "got").iterdir()) == ["ever.txt", "long.txt"]
    late = project.call("artifacts", "get", "--name", "short")
    assert (late.status, "was kept for a time that is over" in late.err) == (3, True)


def test_getting_is_looking(project: Project) -> None:
    folder = project.run(KEPT).folder
    assert folder is not None
    grow_older(folder, 24 * 40)
    assert project.call("artifacts", "get", "--name", "long").status == 3
    assert files(folder) == ["ever/ever.txt"]


def test_an_unfinished_run_keeps_everything_and_one_that_goes_on_keeps_anew(project: Project) -> None:
    (project.cwd / "fail").touch()
    gate = '[steps.ask]\nuses = "gate:approve"\nneeds = ["a"]\n'
    folder = project.run(KEPT + gate).folder
    assert folder is not None
    assert folder.state().state == "failed"
    (project.cwd / "fail").unlink()
    assert project.resume().status == 6
    grow_older(folder, 24 * 40)
    assert set(artifacts(project).values()) == {False}
    assert len(files(folder)) == 4
    assert project.call("answer", f"{folder.id}:ask", "yes").status == 0
    assert set(artifacts(project).values()) == {False}
    assert len(files(folder)) == 4


def test_a_path_that_a_parameter_leads_out_is_not_kept_and_said(project: Project) -> None:
    project.write(
        '[parameters.p]\ndefault = "../project/a.txt"\n[artifacts.x]\npath = "${{ params.p }}"\n[steps.a]\nrun = "echo 1 > a.txt"\n'
    )
    ran = project.call("run")
    assert ran.status == 0
    assert "artifact x was not kept: its path ../project/a.txt leads out of the working copy" in ran.err
    assert artifacts(project) == {}
    assert project.call("run", "--param", "p=a.txt").state.artifacts[0]["path"] == "a.txt"


def test_a_file_that_changed_since_is_told_and_not_handed_out(project: Project) -> None:
    folder = project.run(KEPT).folder
    assert folder is not None
    kept = folder.artifacts / "ever/ever.txt"
    kept.write_text("2\n")
    got = project.call("artifacts", "get", "--name", "ever", "-o", "got")
    assert (got.status, "ever.txt of run" in got.err, "changed since it was kept" in got.err) == (4, True, True)
    assert not (project.cwd / "got/ever.txt").exists()
    state = folder.state()
    assert listed(folder, state, name="ever")[0]["file"] == str(kept)  # its size is the same; fetching tells
    for change in (lambda: kept.write_text("longer\n"), kept.unlink):
        change()
        (found,) = listed(folder, state, name="ever")
        assert (found["file"], found["changed"]) == (None, True)
