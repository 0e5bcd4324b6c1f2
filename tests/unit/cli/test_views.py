"""The views are folds over events: given these events and these log files, exactly this is shown."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ropeway.cli.console import Console
from ropeway.cli.text import wide
from ropeway.cli.view_live import LiveView
from ropeway.cli.view_plain import JsonView, PlainView
from ropeway.errors import StoreError
from ropeway.lang.plan import Plan, PlanStep, Template
from ropeway.runs.events import RunEvent
from ropeway.runs.state import RunState, StepState, apply


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Stage:
    """A run of some steps that a test plays event by event."""

    def __init__(self, tmp_path: Path, *steps: str) -> None:
        self.plan = Plan(Template("acme/ci", version="1.0.0", steps=tuple(PlanStep(s, "script") for s in steps)))
        (tmp_path / "logs").mkdir()
        self.logs = tmp_path / "logs"
        self.seq = 0
        self.live = RunState("run1", steps={s: StepState(s) for s in steps})
        state = RunState("run1", steps={s: StepState(s) for s in steps})
        self.before: list[RunEvent] = []
        self.folder: Any = SimpleNamespace(id="run1", path=tmp_path, state=lambda plan: state, events=lambda: iter(self.before))

    def event(self, name: str, **data: Any) -> RunEvent:
        self.seq += 1
        made = RunEvent(self.seq, "2026-01-31T12:00:00.000000Z", name, data)
        apply(self.live, made)
        return made

    def printed(self, number: int, text: str | bytes, stream: str = "out") -> None:
        with (self.logs / f"{number}.{stream}").open("ab") as file:
            file.write(text if isinstance(text, bytes) else text.encode())


def plain(stage: Stage, *, sequential: bool) -> tuple[PlainView, io.StringIO, io.StringIO, Clock]:
    out, err, clock = io.StringIO(), io.StringIO(), Clock()
    view = PlainView(Console(stdout=out, stderr=err, environ={}), sequential=sequential, clock=clock)
    view.begin(stage.folder, stage.plan)
    return view, out, err, clock


def test_while_one_step_runs_its_output_flows_line_by_line(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "a")
    view, out, _, clock = plain(stage, sequential=True)
    view.event(stage.event("step.started", step="a", attempt=1, log=1))
    stage.printed(1, "one\nhal")
    view.tick()
    assert out.getvalue() == "run run1: acme/ci 1.0.0, 1 step\na: started\n  | one\n"
    stage.printed(1, "f\nno newline")
    view.tick()
    assert out.getvalue().endswith("  | half\n")
    clock.now += 2
    view.event(stage.event("step.finished", step="a", attempt=1, state="succeeded", exit_code=0))
    assert out.getvalue().endswith("  | half\n  | no newline\na: succeeded (2.0 s)\n")


def test_while_several_may_run_output_is_printed_when_a_step_ends(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "a", "b")
    view, out, _, _ = plain(stage, sequential=False)
    for number, step in enumerate("ab", 1):
        view.event(stage.event("step.started", step=step, attempt=1, log=number))
        stage.printed(number, f"from {step}\n")
    view.tick()
    assert "from" not in out.getvalue()
    view.event(stage.event("step.finished", step="b", attempt=1, state="succeeded", exit_code=0))
    assert out.getvalue().endswith("b: started\nb: output\n  | from b\nb: succeeded (0.0 s)\n")


def test_a_step_that_printed_nothing_has_no_heading(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "a")
    view, out, _, _ = plain(stage, sequential=False)
    view.event(stage.event("step.started", step="a", attempt=1, log=1))
    view.event(stage.event("step.finished", step="a", attempt=1, state="succeeded", exit_code=0, log=None))
    assert "output" not in out.getvalue()


def test_of_endless_output_the_last_part_is_shown_and_the_rest_is_counted(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "a")
    view, out, _, _ = plain(stage, sequential=False)
    view.event(stage.event("step.started", step="a", attempt=1, log=1))
    stage.printed(1, b"0123456789abcde\n" * 2**17 + b"last\n")
    view.event(stage.event("step.finished", step="a", attempt=1, state="succeeded", exit_code=0))
    assert len(out.getvalue()) < 2**20 * 1.5
    assert "  | last\n" in out.getvalue()
    assert re.search(r"a: 1,048,\d+ bytes are left out; `workflow logs run1:a` shows all\n", out.getvalue())


def test_a_line_without_end_is_cut(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "a")
    view, out, _, _ = plain(stage, sequential=True)
    view.event(stage.event("step.started", step="a", attempt=1, log=1))
    stage.printed(1, b"x" * 200_000)
    view.tick()
    assert "  | xxx" in out.getvalue()


def test_steps_that_never_started_are_counted_not_listed(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "a", "b", "c")
    view, out, err, _ = plain(stage, sequential=True)
    view.event(stage.event("step.started", step="a", attempt=1, log=None))
    view.event(stage.event("step.finished", step="a", attempt=1, state="failed", exit_code=2, error="exit status 2"))
    for step in "bc":
        view.event(stage.event("step.finished", step=step, attempt=0, state="skipped", reason="upstream"))
    finished = stage.event("run.finished", state="failed", outputs={})
    view.event(finished)
    view.end(stage.live)
    assert out.getvalue().endswith("a: failed: exit status 2 (0.0 s)\nrun run1: failed after 0.0 s (1 failed, 2 skipped)\n")
    assert err.getvalue() == (
        "error: step a failed: exit status 2\n"  # and not that its logs show what it printed: it printed nothing
        "hint: `workflow resume run1` goes on from there, once it is fixed\n"
    )


@pytest.mark.parametrize(
    ("started", "finished", "hint"),
    [
        ({}, {"reason": "error", "error": "no value"}, "goes on from there, once it is fixed; with --replan it takes the changed file"),
        ({"log": None}, {"reason": "start", "error": "command not found: x"}, "goes on from there, once it is fixed"),
        ({"log": 3}, {"exit_code": 1}, "goes on from there, once it is fixed"),
    ],
    ids=["a condition without a value", "never started", "printed nothing"],
)
def test_nobody_is_sent_to_logs_that_are_empty(tmp_path: Path, started: dict[str, Any], finished: dict[str, Any], hint: str) -> None:
    stage = Stage(tmp_path, "a")
    view, _, err, _ = plain(stage, sequential=True)
    if started:
        view.event(stage.event("step.started", step="a", attempt=1, **started))
    view.event(stage.event("step.finished", step="a", attempt=1, state="failed", **finished))
    view.event(stage.event("run.finished", state="failed", outputs={}))
    view.end(stage.live)
    assert err.getvalue().splitlines()[1:] == [f"hint: `workflow resume run1` {hint}"]


def test_a_declined_gate_is_asked_again(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "a")
    view, _, err, _ = plain(stage, sequential=True)
    view.event(stage.event("gate.opened", step="a", gate="approve", prompt="Publish?"))
    view.event(stage.event("step.finished", step="a", attempt=1, state="failed", error="declined"))
    view.event(stage.event("run.finished", state="failed", outputs={}))
    view.end(stage.live)
    assert err.getvalue() == "error: step a failed: declined\nhint: `workflow resume run1` asks again\n"


def test_the_first_cause_is_the_innermost_step_that_failed_first(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "release", "other")
    view, _, err, _ = plain(stage, sequential=False)
    stage.printed(7, "boom\n", "err")
    view.event(stage.event("step.started", step="release/build", attempt=1, log=7))
    view.event(stage.event("step.finished", step="release/build", attempt=1, state="failed", exit_code=1, error="exit status 1"))
    view.event(stage.event("step.finished", step="release", attempt=1, state="failed", error="step build failed"))
    view.event(stage.event("run.finished", state="failed", outputs={}))
    view.end(stage.live)
    assert err.getvalue().startswith("error: step release/build failed: exit status 1\n  | boom\n")


def test_a_problem_of_the_store_says_that_the_run_can_go_on(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "a")
    view, _, err, _ = plain(stage, sequential=True)
    view.problem(StoreError("the disk is full", hint="make room"))
    assert err.getvalue() == "error: the disk is full\nhint: make room\nhint: `workflow resume run1` goes on from there\n"


def test_json_is_an_event_a_line(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "a")
    out = io.StringIO()
    view = JsonView(Console(json=True, stdout=out, stderr=io.StringIO(), environ={}))
    view.begin(stage.folder, stage.plan)
    view.event(stage.event("step.started", step="a", attempt=1, log=1))
    view.tick()
    view.end(stage.live)
    assert (
        out.getvalue()
        == '{"event":"step.started","run":"run1","seq":1,"at":"2026-01-31T12:00:00.000000Z","step":"a","attempt":1,"log":1}\n'
    )


@pytest.mark.parametrize(("before", "told"), [(("run.created",), [1, 2]), (("run.created", "run.started", "run.finished"), [4])])
def test_a_stream_of_json_begins_with_what_nobody_was_told_yet(tmp_path: Path, before: tuple[str, ...], told: list[int]) -> None:
    stage = Stage(tmp_path, "a")
    stage.before = [stage.event(name, state="failed") for name in before]
    out = io.StringIO()
    view = JsonView(Console(json=True, stdout=out, stderr=io.StringIO(), environ={}))
    view.begin(stage.folder, stage.plan)
    view.event(stage.event("run.started"))
    assert [json.loads(line)["seq"] for line in out.getvalue().splitlines()] == told


def live(stage: Stage, **environ: str) -> tuple[LiveView, Terminal, Clock]:
    out, clock = Terminal(), Clock()
    console = Console(stdout=out, stderr=io.StringIO(), environ={"TERM": "xterm", "NO_COLOR": "1", **environ})
    view = LiveView(console, clock=clock)
    view.begin(stage.folder, stage.plan)
    return view, out, clock


def test_the_table_shows_state_time_and_last_line(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "build", "test", "ship")
    view, _, clock = live(stage)
    view.event(stage.event("step.started", step="build", attempt=1, log=1))
    clock.now += 1.5
    view.event(stage.event("step.finished", step="build", attempt=1, state="succeeded", exit_code=0))
    view.event(stage.event("step.started", step="test", attempt=2, log=2))
    stage.printed(2, "first\n\x1b[31m  second\tpart \x1b[0m\n\n")
    assert view.frame(80, 24) == [
        "✓ build      1.5 s",
        "● test       0.0 s  attempt 2: second part",
        "· ship",
        "queued 1.5 s: 1 succeeded, 1 running, 1 pending",
    ]


@pytest.mark.parametrize("width", [20, 40, 80, 120])
@pytest.mark.parametrize("height", [5, 12, 24])
def test_no_frame_is_wider_or_higher_than_the_terminal(tmp_path: Path, width: int, height: int) -> None:
    steps = [f"step-{'日本' if n % 3 else 'x' * 40}-{n}" for n in range(100)]
    stage = Stage(tmp_path, *steps)
    view, _, _ = live(stage)
    for number, step in enumerate(steps[:30]):
        view.event(stage.event("step.started", step=step, attempt=1, log=number))
        stage.printed(number, "日" * 300 + "\n")
    for step in steps[:10]:
        view.event(stage.event("step.finished", step=step, attempt=1, state="failed", error="e" * 300))
    frame = view.frame(width, height)
    assert len(frame) <= height - 1
    assert max(map(wide, frame)) < width


def test_a_folded_table_keeps_what_failed_and_what_runs(tmp_path: Path) -> None:
    steps = [f"s{n}" for n in range(50)]
    stage = Stage(tmp_path, *steps)
    view, _, _ = live(stage)
    for step in steps[:40]:
        view.event(stage.event("step.started", step=step, attempt=1, log=None))
        state = "failed" if step == "s3" else "succeeded"
        if step != "s20":
            view.event(stage.event("step.finished", step=step, attempt=1, state=state, exit_code=1))
    frame = view.frame(80, 12)
    assert frame[0].startswith("✗ s3 ")
    assert any(line.startswith("● s20 ") for line in frame)
    assert re.fullmatch(r"  … .*\d+ succeeded.* more", frame[-2])


def test_instances_stand_under_their_step_while_they_run(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "each", "last")
    view, _, _ = live(stage)
    view.event(stage.event("step.expanded", step="each", items=["x", "y"]))
    for n in (0, 1):
        view.event(stage.event("step.started", step=f"each[{n}]", attempt=1, log=None))
    view.event(stage.event("step.finished", step="each[0]", attempt=1, state="succeeded", exit_code=0))
    rows = [line.split("  ")[0:2] for line in view.frame(80, 24)[:-1]]
    assert [" ".join(row).split()[1] for row in rows] == ["each", "each[1]", "last"]


def test_frames_replace_each_other_and_the_last_one_stays(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "a")
    view, out, _ = live(stage)
    view.tick()
    view.tick()
    assert out.getvalue().count("\x1b[2F") == 1
    view.event(stage.event("run.finished", state="succeeded", outputs={}))
    view.end(stage.live)
    assert "succeeded after" in out.getvalue().rpartition("\x1b[2F")[2]


def test_nothing_is_drawn_while_somebody_else_owns_the_terminal(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "a", "b")
    view, out, _ = live(stage)
    view.tick()
    view.event(stage.event("step.started", step="a", attempt=1, log=None, interactive=True))
    before = out.getvalue()
    view.tick()
    assert out.getvalue() == before
    view.event(stage.event("step.finished", step="a", attempt=1, state="succeeded", exit_code=0))
    view.tick()
    assert len(out.getvalue()) > len(before)


def test_a_terminal_that_can_only_do_ascii_gets_ascii_marks(tmp_path: Path) -> None:
    class Old(Terminal):
        encoding = "ascii"

    stage = Stage(tmp_path, "a")
    view = LiveView(Console(stdout=Old(), stderr=io.StringIO(), environ={"TERM": "vt100", "NO_COLOR": "1"}), clock=Clock())
    view.begin(stage.folder, stage.plan)
    assert view.frame(80, 24)[0] == ". a"
