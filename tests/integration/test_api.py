"""What a Python program can do through ``ropeway.api``: in a process of its own each time, as any program would."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ropeway import api
from support.projects import Project

GREET = """
[parameters.who]
default = "you"

[parameters.times]
type = "integer"
default = 1

[steps.greet]
run = '''
echo "hello "${{ params.who }}
echo "said="${{ params.who }} >> "$ROPEWAY_OUTPUT"
'''
outputs.said = { type = "string" }

[outputs]
said = "${{ steps.greet.outputs.said }}"
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def program(project: Project, text: str) -> str:
    """Run a Python program in the project's folder and return what it printed."""
    head = "import asyncio\nfrom pathlib import Path\nfrom ropeway import api\nfrom ropeway.errors import *\n"
    done = subprocess.run(
        [sys.executable, "-c", head + text], cwd=project.cwd, env=project.env, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_run_returns_its_state_and_outputs(project: Project) -> None:
    project.write(GREET)
    out = program(project, "s = api.run(params={'who': 'Ada', 'times': 3}); print(s.state, dict(s.outputs), s.params['times'])")
    assert out == "succeeded {'said': 'Ada'} 3\n"


def test_a_failed_run_is_a_state_and_no_error(project: Project) -> None:
    project.write('[steps.a]\nrun = "exit 3"\n')
    out = program(project, "s = api.run(); print(s.state, s.steps['a'].exit_code)")
    assert out == "failed 3\n"


def test_events_come_in_order_while_the_run_goes_on(project: Project) -> None:
    project.write(GREET)
    out = program(project, "api.run(on_event=lambda e: print(e.seq, e.event, e.step))")
    assert [line.split()[1] for line in out.splitlines()] == [
        "run.created",
        "run.started",
        "step.started",
        "step.finished",
        "run.finished",
    ]


def test_the_plain_verbs_work_inside_a_running_event_loop(project: Project) -> None:
    project.write(GREET)
    out = program(
        project,
        """
async def main():
    first = api.run()
    second, third = await asyncio.gather(api.run_async(), api.run_async())
    print(first.state, second.state, third.state, len({first.run, second.run, third.run}))
    print([e.event async for e in api.events(first.run)][-1])
asyncio.run(main())
""",
    )
    assert out == "succeeded succeeded succeeded 3\nrun.finished\n"


def test_a_failed_run_is_resumed_from_the_step_that_failed(project: Project) -> None:
    project.write('[steps.a]\nrun = "echo a >> ran"\n[steps.b]\nneeds = ["a"]\nrun = "echo b >> ran; test -e fixed"\n')
    out = program(
        project,
        """
s = api.run(); print(s.state)
Path("fixed").touch()
r = api.resume(s.run); print(r.state, r.run == s.run)
print(Path("ran").read_text().split())
""",
    )
    assert out == "failed\nsucceeded True\n['a', 'b', 'b']\n"


def test_a_linked_run_keeps_what_still_holds(project: Project) -> None:
    project.write(
        '[parameters.p]\ndefault = "1"\n[steps.a]\nrun = "echo a >> ran"\n[steps.b]\nneeds = ["a"]\nrun = "echo b${{ params.p }} >> ran"\n'
    )
    out = program(
        project,
        """
s = api.run()
r = api.resume(s.run, set={"p": "2"})
print(r.state, r.linked == s.run, r.steps["a"].kept == s.run, Path("ran").read_text().split())
""",
    )
    assert out == "succeeded True True ['a', 'b1', 'b2']\n"


def test_a_gate_waits_is_answered_and_goes_on(project: Project) -> None:
    project.write('[steps.ask]\nuses = "gate:choose"\ninputs = { prompt = "Where?", choices = ["here", "there"] }\n')
    out = program(
        project,
        """
s = api.run(); print(s.state, s.open_gates[0].id)
try: api.answer(s.run, value="nowhere")
except UsageError as error: print(error.hint)
print(api.answer(s.run, value="there"))
print(api.resume(s.run).steps["ask"].outputs)
""",
    )
    assert out == "waiting ask\nchoose one of here, there\nFalse\n{'choice': 'there'}\n"


def test_a_run_can_be_cancelled_by_its_id(project: Project) -> None:
    project.write('[steps.a]\nrun = "touch started; sleep 60"\n')
    out = program(
        project,
        """
async def main():
    run = asyncio.create_task(api.run_async())
    while not Path("started").exists(): await asyncio.sleep(0.02)
    state = await api.cancel_async(api.status().run, reason="enough")
    print(state.state, state.reason, (await run).state)
asyncio.run(main())
""",
    )
    assert out == "cancelled enough cancelled\n"


def test_a_file_with_mistakes_gives_all_its_diagnostics(project: Project) -> None:
    project.write('[steps.a]\nrun = "${{ params.x }}"\nneeds = ["b"]\n')
    out = program(
        project,
        """
print([d.code for d in api.validate()], api.load().valid)
try: api.run()
except InvalidWorkflow as error: print([d.code for d in error.diagnostics])
""",
    )
    assert out == "['RW211', 'RW501'] False\n['RW211', 'RW501']\n"


def test_what_can_not_be_enforced_is_refused_before_a_run_exists(project: Project) -> None:
    project.write('[policy]\nsandbox = { level = "kernel" }\n[steps.a]\nrun = "true"\n')
    out = program(
        project,
        """
try: api.run()
except Refused as error: print(error.code, error.hint)
print(list(api.runs_of()), api.run(options=api.RunOptions(no_sandbox=True)).state)
""",
    )
    assert out == "not-enforceable --no-sandbox runs without it\n[] succeeded\n"


def test_logs_and_artifacts_are_read_back(project: Project) -> None:
    project.write(GREET + '[artifacts.note]\npath = "note.txt"\n[steps.write]\nrun = "echo kept > note.txt"\n')
    out = program(
        project,
        """
s = api.run()
print([(c.step, c.data) for c in api.logs(s.run)])
(a,) = api.artifacts(s.run)
print(a["name"], a["path"], a["size"], Path(a["file"]).read_text().strip(), Path("got").exists(), api.artifacts(s.run, name="note") == [a])
(a,) = api.artifacts(s.run, output=Path("got")); print(a["file"]); print(Path("got/note.txt").read_text())
""",
    )
    assert out == "[('greet', b'hello you\\n')]\nnote note.txt 5 kept False True\ngot/note.txt\nkept\n\n"


def test_workspaces_are_made_noted_down_and_removed_by_a_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AI_WORKSPACES_ROOT", str(tmp_path / "workspaces"))
    home = tmp_path / "home"
    home.mkdir()
    for words in (["init", "--quiet"], ["commit", "--quiet", "--allow-empty", "--message=first"]):
        subprocess.run(["git", *words], cwd=home, check=True)
    (home / "agents.just").write_text("default:\n")
    manager = api.workspaces(home)
    made = manager.ensure_workspace("one", "HEAD", "never")
    manager.update_status("one", "running", "fix", ["just", "fix"])
    found = manager.read("one")
    assert (made.created, found["status"], found["workflow"], found["command"]) == (True, "running", "fix", ["just", "fix"])
    assert not manager.sync_tools("one").left_out
    assert (Path(made.path) / ".agent-tools/agents.just").read_text() == "default:\n"
    manager.cleanup("one", force=True)
    assert manager.list() == []
