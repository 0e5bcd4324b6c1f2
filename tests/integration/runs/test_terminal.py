"""A run in a shell on a terminal: Ctrl-C, Ctrl-Z, interactive steps, questions."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pexpect
import pytest

from support.projects import gone, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.projects import Project

PROMPT = "at-the-shell> "


@pytest.fixture
def shell(project: Project) -> Iterator[pexpect.spawn]:
    """An interactive bash with job control in the project's folder."""
    path = f"{Path(sys.executable).parent}:{project.env['PATH']}"
    env = {**project.env, "PATH": path, "PS1": PROMPT, "TERM": "dumb", "NO_COLOR": "1"}
    child = pexpect.spawn("bash", ["--norc", "--noprofile", "-i"], cwd=str(project.cwd), env=env, encoding="utf-8", timeout=20)
    child.setecho(False)
    child.sendline(f"PS1='{PROMPT}'; bind 'set enable-bracketed-paste off'; stty -echo")
    child.expect_exact(PROMPT)
    child.sendline("echo ready")
    child.expect("ready\r\n")
    child.expect_exact(PROMPT)
    yield child
    child.close(force=True)


def status(shell: pexpect.spawn) -> int:
    shell.expect_exact(PROMPT)
    shell.sendline("echo status=$?")
    shell.expect(r"status=(\d+)")
    found = int(shell.match.group(1))
    shell.expect_exact(PROMPT)
    return found


SLOW = """
[steps.slow]
run = "echo $$ > pid; trap '' {ignored}; while :; do echo x >> beats; sleep 0.05; done"
[steps.clean]
needs = ["slow"]
when = "always()"
run = "touch cleaned"
"""


def test_ctrl_c_once_cancels_and_cleans_up(project: Project, shell: pexpect.spawn) -> None:
    project.write(SLOW.format(ignored="HUP"))
    shell.sendline("workflow run")
    pid = project.pid("pid")
    shell.sendintr()
    assert status(shell) == 130
    assert gone(pid)
    assert (project.cwd / "cleaned").exists()
    assert project.newest().state().state == "cancelled"


def test_ctrl_c_twice_ends_at_once(project: Project, shell: pexpect.spawn) -> None:
    project.write(SLOW.format(ignored="TERM"))
    shell.sendline("export ROPEWAY_GRACE=60s; workflow run")
    pid = project.pid("pid")
    shell.sendintr()
    until(lambda: any(e.event == "run.cancelling" for e in project.newest().events()))
    shell.sendintr()
    assert status(shell) == 130
    assert gone(pid)
    assert not (project.cwd / "cleaned").exists()


def state_of(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_ctrl_z_stops_the_steps_and_fg_lets_them_go_on(project: Project, shell: pexpect.spawn) -> None:
    project.write(SLOW.format(ignored="HUP"))
    shell.sendline("workflow run")
    pid = project.pid("pid")
    shell.sendcontrol("z")
    shell.expect("Stopped")
    shell.expect_exact(PROMPT)
    until(lambda: state_of(pid) == "T", "the step is stopped")
    beats = len(project.lines("beats"))
    shell.sendline("fg")
    until(lambda: len(project.lines("beats")) > beats, "the step goes on")
    shell.sendintr()
    assert status(shell) == 130
    assert gone(pid)


def test_bg_lets_a_stopped_run_go_on_in_the_background(project: Project, shell: pexpect.spawn) -> None:
    project.write('[steps.a]\nrun = "echo $$ > pid; until test -e go; do sleep 0.02; done"\n')
    shell.sendline("workflow run")
    pid = project.pid("pid")
    shell.sendcontrol("z")
    shell.expect("Stopped")
    shell.expect_exact(PROMPT)
    until(lambda: state_of(pid) == "T")
    shell.sendline("bg")
    shell.expect_exact(PROMPT)
    (project.cwd / "go").touch()
    until(lambda: project.newest().state().state == "succeeded", "the run ends")


INTERACTIVE = """
[steps.ask]
interactive = true
run = '''
stty -echo
printf 'your name: '
read -r name
echo "hello $name" > said
'''
[steps.next]
needs = ["ask"]
run = "touch next"
"""


@pytest.mark.parametrize("tostop", [False, True])
def test_an_interactive_step_owns_the_terminal_and_gives_it_back(project: Project, shell: pexpect.spawn, tostop: bool) -> None:
    project.write(INTERACTIVE)
    if tostop:
        shell.sendline("stty tostop")
        shell.expect_exact(PROMPT)
    shell.sendline("workflow run")
    shell.expect("your name: ")
    shell.sendline("you")
    assert status(shell) == 0
    assert project.lines("said") == ["hello you"]
    shell.sendline("read -r x && echo got-$x")  # the shell's own reading works as before
    shell.sendline("it")
    shell.expect("got-it")


def test_ctrl_z_at_an_interactive_step_gives_the_shell_back_and_fg_the_step(project: Project, shell: pexpect.spawn) -> None:
    project.write(INTERACTIVE)
    shell.sendline("workflow run")
    shell.expect("your name: ")
    shell.sendcontrol("z")
    shell.expect("Stopped")
    shell.expect_exact(PROMPT)
    shell.sendline("echo still here")
    shell.expect("still here")
    shell.expect_exact(PROMPT)
    shell.sendline("fg")
    shell.expect("workflow run")
    shell.sendline("you")
    assert status(shell) == 0
    assert project.lines("said") == ["hello you"]


def test_a_background_run_waits_with_its_interactive_step_until_it_is_brought_back(project: Project, shell: pexpect.spawn) -> None:
    project.write(INTERACTIVE)
    shell.sendline("workflow run &")
    shell.expect_exact(PROMPT)
    until(lambda: project.newest() is not None)
    shell.sendline("echo mine")  # what is typed goes to the shell, not to the step
    shell.expect("mine")
    until(lambda: (shell.sendline("jobs"), shell.expect(["Stopped", "Running"]))[1] == 0, "the job is stopped")
    shell.sendline("fg")
    shell.expect("your name: ")
    shell.sendline("you")
    assert status(shell) == 0
    assert project.lines("said") == ["hello you"]


GATE = """
[policy]
max_parallel = 2
[steps.gate]
uses = "gate:approve"
inputs = { prompt = "Publish it?" }
[steps.after]
needs = ["gate"]
run = "touch after"
[steps.slow]
run = "touch began; until test -e after; do sleep 0.02; done"
"""


@pytest.mark.parametrize("tostop", [False, True])
def test_a_gate_is_asked_on_the_terminal(project: Project, shell: pexpect.spawn, tostop: bool) -> None:
    project.write(GATE)
    if tostop:
        shell.sendline("stty tostop")
        shell.expect_exact(PROMPT)
    shell.sendline("workflow run")
    shell.expect("Publish it")
    until((project.cwd / "began").exists)
    shell.sendline("yes")
    assert status(shell) == 0
    assert (project.cwd / "after").exists()


def test_ctrl_c_at_a_question_cancels(project: Project, shell: pexpect.spawn) -> None:
    project.write(GATE)
    shell.sendline("workflow run")
    shell.expect("Publish it")
    until((project.cwd / "began").exists)
    shell.sendintr()
    assert status(shell) == 130
    assert project.newest().state().state == "cancelled"


def test_ctrl_z_at_a_question_and_fg_ask_on(project: Project, shell: pexpect.spawn) -> None:
    project.write(GATE)
    shell.sendline("workflow run")
    shell.expect("Publish it")
    until((project.cwd / "began").exists)
    shell.sendcontrol("z")
    shell.expect("Stopped")
    shell.expect_exact(PROMPT)
    shell.sendline("fg")
    shell.expect("workflow run")
    shell.sendline("yes")
    assert status(shell) == 0


def test_end_of_file_at_a_question_lets_the_run_wait(project: Project, shell: pexpect.spawn) -> None:
    project.write(GATE.replace("until test -e after; do sleep 0.02; done", "true"))
    shell.sendline("workflow run")
    shell.expect("Publish it")
    until((project.cwd / "began").exists)
    shell.sendcontrol("d")
    assert status(shell) == 6
    assert project.newest().state().state == "waiting"


def test_a_terminal_that_is_closed_cancels_the_run(project: Project, shell: pexpect.spawn) -> None:
    project.write(SLOW.format(ignored="USR1"))
    shell.sendline("workflow run")
    pid = project.pid("pid")
    folder = project.newest()
    shell.close()
    until(lambda: folder.state().state == "cancelled" and not folder.owned, "the run is cancelled")
    assert gone(pid)
    assert (project.cwd / "cleaned").exists()
