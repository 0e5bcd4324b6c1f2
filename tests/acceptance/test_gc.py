"""`workflow gc` as it is typed: what it says, to the letter."""

from __future__ import annotations

import json
import re

import pexpect
import pytest

from acceptance.harness import Project, Said
from ropeway.runs.events import RunEvent, Stamp, seconds
from ropeway.runs.folder import RunFolder

WORKFLOW = 'id = "acme/ci"\n[steps.a]\nrun = "echo one > out.txt; test ! -e fail"\n[artifacts.out]\npath = "out.txt"\nretention = "7d"\n'


def grow_older(project: Project, run: str, days: float) -> None:
    """Let a run have happened some days earlier: every time in its journal is moved back."""
    folder = RunFolder(project.state / "runs" / run)
    stamp = Stamp()
    lines = [RunEvent(e.seq, stamp(seconds(e.at) - days * 86_400), e.event, e.data).line() for e in folder.events()]
    folder.journal.write_bytes(b"".join(lines))


def gc(project: Project, *args: str) -> Said:
    """Run it and take the sizes out of what it says: they are the file system's."""
    ids = project.ids()  # those that are there before
    raw = project.raw("gc", *args)

    def steady(text: str) -> str:
        for number, run in enumerate(ids, 1):
            text = text.replace(run, f"RUN{number}")
        text = re.sub(r" +\d+(\.\d+)? (B|KiB|MiB)  ", "  SIZE  ", text)
        return re.sub(r" {2,}", "  ", re.sub(r"\d+(\.\d+)? (B|KiB|MiB)\.", "SIZE.", text))

    return Said(steady(raw.stdout.decode()), steady(raw.stderr.decode()), raw.returncode)


@pytest.fixture
def old(project: Project) -> Project:
    """A project with a run of 40 days ago, one of 10 days ago, and one that failed just now."""
    project.file("workflow.toml", WORKFLOW)
    for days in (40, 10, 0):
        if not days:
            project.file("fail", "")
        project.run("run")
        grow_older(project, project.ids()[-1], days)
    return project


def test_nothing_to_remove_is_said(project: Project) -> None:
    assert project.run("gc") == Said(err="Nothing to remove.\n")
    assert json.loads(project.run("gc", "--json").out) == {"removed": [], "kept": [], "bytes": 0, "dry_run": False}


def test_a_dry_run_says_what_would_go_and_why_and_what_stays(old: Project) -> None:
    expected = """
        KIND  ID  AGE  SIZE  REASON
        artifact  RUN2:out/out.txt  10 d  SIZE  its run ended 10 d ago, it is kept for 7 d
        run  RUN1  40 d  SIZE  ended 40 d ago, runs are kept for 30 d
        """
    assert gc(old, "--dry-run") == Said(expected, "Would remove 1 run, 1 artifact file: SIZE. Nothing was changed.\n")
    assert len(old.ids()) == 3
    shown = gc(old, "-n", "-v", "runs")
    assert re.sub(r"\d+ s", "N s", str(shown)) == str(
        Said(
            """
            KIND  ID  AGE  SIZE  REASON
            run  RUN1  40 d  SIZE  ended 40 d ago, runs are kept for 30 d

            KEPT  ID  AGE  REASON
            run  RUN2  10 d  ended 10 d ago
            run  RUN3  N s  ended N s ago
            """,
            "Would remove 1 run: SIZE. Nothing was changed.\n",
        )
    )


def test_what_went_is_gone_from_every_command(old: Project) -> None:
    first, second, third = old.ids()
    assert gc(old).status == 0
    assert old.ids() == [second, third]
    assert [json.loads(line)["run"] for line in old.raw("runs", "--json").stdout.splitlines()] == [third, second]
    assert json.loads(old.raw("artifacts", "list", second, "--json").stdout)["expired"] is True
    assert old.raw("status", first).returncode == 3
    assert old.raw("resume", first).stderr.decode() == f"error: no run '{first}'\nhint: `workflow runs` lists them\n"
    assert old.raw("resume", third).returncode == 1  # it fails again, as before


def test_json_is_one_object(old: Project) -> None:
    first, second, third = old.ids()
    said = json.loads(old.raw("gc", "--dry-run", "--json").stdout)
    assert [(item["kind"], item["id"]) for item in said["removed"]] == [("artifact", f"{second}:out/out.txt"), ("run", first)]
    assert set(said["removed"][0]) == {"kind", "id", "path", "age", "bytes", "reason"}
    assert {item["id"]: item["bytes"] for item in said["kept"]} == {second: None, third: None, f"{third}:out/out.txt": None}
    assert said["dry_run"] is True
    assert said["bytes"] == sum(item["bytes"] for item in said["removed"])


def test_options_win_over_settings(old: Project) -> None:
    _, second, third = old.ids()
    old.run("config", "set", "keep_runs_for", "5d")
    assert "2 runs" in gc(old, "--dry-run", "runs").err
    assert "1 run:" in gc(old, "--dry-run", "runs", "--older-than", "20d").err
    assert gc(old, "--older-than", "0", "-n", "runs").err.startswith("Would remove 3 runs")
    old.run("config", "set", "keep_runs_for", "0")
    assert gc(old, "-n", "runs").err == "Nothing to remove.\n"
    assert gc(old, "--keep-runs", "2", "runs").err.startswith("Removed 1 run:")
    assert old.ids() == [second, third]
    assert gc(old, "--max-size", "1KiB", "runs").err.startswith("Removed 2 runs")


def test_mistakes_are_told(project: Project) -> None:
    assert project.run("gc", "--older-than", "soon") == Said(
        err="error: --older-than: age can not be 'soon'\nhint: it has to be a duration such as 30s, 5m or 1.5h\n", status=2
    )
    assert project.run("gc", "--max-size", "4 GB") == Said(
        err="error: --max-size: size can not be '4 GB'\nhint: it has to be a size such as 512MiB or 4GiB\n", status=2
    )
    wrong = project.run("gc", "run")
    assert (wrong.status, "'run' is not one of 'workspaces', 'runs'" in wrong.err) == (2, True)
    assert project.run("gc", "--keep-runs", "0").status == 2


def test_a_project_may_not_say_what_is_kept(old: Project) -> None:
    old.file(".ropeway.toml", 'keep_runs_for = "1s"\n')
    assert old.raw("config", "get", "keep_runs_for").returncode == 4
    gc(old)
    assert len(old.ids()) == 2  # it is not asked: what is kept is the person's, whatever folder they stand in


def test_what_can_not_be_removed_is_an_error_and_stops_nothing_else(old: Project) -> None:
    first, second, _ = old.ids()
    elsewhere = old.root / "elsewhere"
    elsewhere.mkdir()
    (old.state / "runs/.trash").symlink_to(elsewhere)
    said = old.raw("gc")
    assert said.returncode == 1
    assert f"error: run {first} can't be removed: {old.state}/runs/.trash is a link" in said.stderr.decode()
    assert f"{second}:out/out.txt" in said.stdout.decode()


def test_progress_is_for_terminals_only(old: Project) -> None:
    child = pexpect.spawn(
        old.command, ["gc", "-n"], cwd=str(old.root), env={**old.environ, "TERM": "xterm"}, dimensions=(24, 100), timeout=30
    )
    child.expect(pexpect.EOF)
    assert not child.before.rstrip().endswith(b"\x1b[2K")  # what was shown is taken away before the table
    assert b"\x1b[2K" not in old.raw("gc", "-n", env={"TERM": "xterm"}).stderr
