"""`workflow shell` and `--break-on-failure`: what they say, and a person at a terminal in them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pexpect
import pytest

from acceptance.harness import Said

if TYPE_CHECKING:
    from collections.abc import Iterator

    from acceptance.harness import Project

PROMPT = "at-the-shell> "
INSIDE = "inside> "

FAILS = """
id = "release"
[steps.test]
run = "touch tested"
[steps.build]
needs = ["test"]
env = { TARGET = "all" }
run = "test -e fixed"
[steps.clean]
needs = ["build"]
when = "always()"
run = "rm tested"
"""


def steady(project: Project, text: str) -> str:
    return re.sub(r"shell-\w+", "shell-…", project.steady(text))


def test_a_run_without_a_terminal_breaks_and_names_the_shell(project: Project) -> None:
    project.file("workflow.toml", FAILS)
    assert project.run("run", "--break-on-failure") == Said(
        out="""
        run RUN: release, 3 steps, in place (not in a repository)
        test: started
        test: succeeded (N s)
        build: started
        build: failed: exit status 1 (N s)
        run RUN: failed after N s (1 succeeded, 1 failed, 1 skipped)
        """,
        err="""
        error: step build failed: exit status 1
        hint: `workflow resume RUN` goes on from there, once it is fixed
        hint: `workflow shell RUN:build` opens a shell there
        """,
        status=1,
    )
    assert (project.root / "tested").exists()


def test_a_shell_says_where_it_is_and_how_the_step_is_started_by_hand(project: Project) -> None:
    project.file("workflow.toml", FAILS)
    project.run("run", "--break-on-failure")
    said = project.run("shell", stdin='echo "$TARGET $ROPEWAY_STEP"\nexit 4\n', env={"SHELL": "/bin/sh"})
    assert Said(said.out, steady(project, said.err), said.status) == Said(
        out="all build\n",
        err="""
        step build of run RUN (failed), in HERE; nothing is recorded, `exit` leaves
        the step itself, by hand: STATE/runs/RUN/shell-…/build (also $ROPEWAY_SHELL_SCRIPT)
        """,
        status=4,
    )
    assert project.run("shell", "--", "pwd") == Said(out="HERE\n")


def test_what_can_not_be_entered_is_said_with_what_to_do(project: Project) -> None:
    project.file("workflow.toml", FAILS.replace("rm tested", "rm ${{ steps.build.exit_code }}").replace('when = "always()"\n', ""))
    assert project.run("shell") == Said(err="error: there are no runs yet\nhint: start one with `workflow run`\n", status=3)
    project.run("run")
    assert project.run("shell", ":bild") == Said(
        err="error: the run has no step 'bild'\nhint: it has test, build, clean\n",
        status=3,
    )
    assert project.run("shell", ":bild", "--json") == Said(
        out='{"error":{"code":"unknown-step","message":"the run has no step \'bild\'","hint":"it has test, build, clean"}}\n',
        status=3,
    )


def test_the_places_of_shells_are_completed(project: Project) -> None:
    project.file("workflow.toml", FAILS)
    project.run("run")
    run = project.ids()[0]
    words = {"_WORKFLOW_COMPLETE": "bash_complete", "COMP_WORDS": f"workflow shell {run}:b", "COMP_CWORD": "2"}
    assert f"{run}:build" in project.raw(env=words).stdout.decode()


@pytest.fixture
def terminal(project: Project) -> Iterator[pexpect.spawn]:
    """An interactive bash with job control in the project's folder, whose child shells are bash too."""
    rc = project.file("rc", f"PS1='{INSIDE}'\nbind 'set enable-bracketed-paste off'\nstty -echo\n")
    shell = project.file("sh", f'#!/bin/sh\nexec bash --rcfile {rc} -i "$@"\n')
    shell.chmod(0o755)
    env = {**project.environ, "PS1": PROMPT, "TERM": "dumb", "NO_COLOR": "1", "SHELL": str(shell)}
    child = pexpect.spawn("bash", ["--norc", "--noprofile", "-i"], cwd=str(project.root), env=env, encoding="utf-8", timeout=20)
    child.setecho(False)
    child.sendline(f"PS1='{PROMPT}'; bind 'set enable-bracketed-paste off'; stty -echo")
    child.expect_exact(PROMPT)
    child.sendline("echo ready")
    child.expect("ready\r\n")
    child.expect_exact(PROMPT)
    yield child
    child.close(force=True)


def status(terminal: pexpect.spawn) -> int:
    terminal.expect_exact(PROMPT)
    terminal.sendline("echo status=$?")
    terminal.expect(r"status=(\d+)")
    found = int(terminal.match.group(1))
    terminal.expect_exact(PROMPT)
    return found


def test_a_run_that_breaks_opens_a_shell_in_the_failed_step_and_ends_with_its_own_status(project: Project, terminal: pexpect.spawn) -> None:
    project.file("workflow.toml", FAILS)
    terminal.sendline("workflow run --break-on-failure --plain")
    terminal.expect_exact("step build of run")
    terminal.expect_exact(INSIDE)
    terminal.sendline("echo $ROPEWAY_SHELL_STEP $TARGET; ls tested; sleep 0.1 & wait; jobs; touch fixed; exit 7")
    terminal.expect_exact("build all\r\ntested\r\n")
    terminal.expect_exact("hint: `workflow resume ")
    assert status(terminal) == 1
    terminal.sendline("workflow resume")
    assert status(terminal) == 0
    assert not (project.root / "tested").exists()


def test_a_resume_breaks_too_when_it_is_asked_to(project: Project, terminal: pexpect.spawn) -> None:
    project.file("workflow.toml", FAILS)
    project.run("run", "--break-on-failure")
    terminal.sendline("workflow resume --break-on-failure --plain")
    terminal.expect_exact("step build of run")
    terminal.expect_exact(INSIDE)
    terminal.sendline("echo attempt $ROPEWAY_ATTEMPT; exit")
    terminal.expect_exact("attempt 3")
    assert status(terminal) == 1


def test_a_live_table_makes_room_for_the_shell(project: Project, terminal: pexpect.spawn) -> None:
    project.file("workflow.toml", FAILS)
    terminal.sendline("TERM=xterm workflow run --break-on-failure")
    terminal.expect_exact("step build of run")
    terminal.expect_exact(INSIDE)
    terminal.sendline("read -r x && echo got-$x")
    terminal.sendline("it")
    terminal.expect_exact("got-it")
    terminal.sendline("exit")
    assert status(terminal) == 1


def test_the_shell_has_the_terminal_with_its_signals_and_its_jobs(project: Project, terminal: pexpect.spawn) -> None:
    project.file("workflow.toml", FAILS)
    project.run("run")
    terminal.sendline("workflow shell")
    terminal.expect_exact(INSIDE)
    for key in "cz":
        terminal.sendline("sh -c 'echo began; exec sleep 60'")
        terminal.expect_exact("began")
        terminal.sendcontrol(key)
        if key == "c":
            terminal.expect_exact(INSIDE)
    terminal.expect("Stopped")
    terminal.expect_exact(INSIDE)
    terminal.sendline("kill -KILL %1; while jobs %1 > /dev/null 2>&1; do sleep 0.05; done; exit 5")
    assert status(terminal) == 5
    terminal.sendline("read -r x && echo got-$x")
    terminal.sendline("it")
    terminal.expect_exact("got-it")


def test_a_shell_that_is_killed_or_suspended_gives_the_terminal_back(project: Project, terminal: pexpect.spawn) -> None:
    project.file("workflow.toml", FAILS)
    project.run("run")
    terminal.sendline("workflow shell")
    terminal.expect_exact(INSIDE)
    terminal.sendline("suspend")
    terminal.expect("Stopped")
    terminal.expect_exact(PROMPT)
    terminal.sendline("fg")
    terminal.expect_exact("workflow shell")
    terminal.sendline("echo in-$ROPEWAY_STEP")
    terminal.expect_exact("in-build")
    terminal.expect_exact(INSIDE)
    terminal.sendline("kill -KILL $$")
    assert status(terminal) == 137
    terminal.sendline("read -r x && echo got-$x")
    terminal.sendline("it")
    terminal.expect_exact("got-it")


def test_a_program_in_the_place_of_the_shell_is_stopped_and_ended_from_the_terminal(project: Project, terminal: pexpect.spawn) -> None:
    project.file("workflow.toml", FAILS)
    project.run("run")
    terminal.sendline("workflow shell -- sh -c 'echo began; read -r x; echo got-$x; exec sleep 60'")
    terminal.expect_exact("began")
    terminal.sendcontrol("z")
    terminal.expect("Stopped")
    terminal.expect_exact(PROMPT)
    terminal.sendline("fg")
    terminal.expect_exact("workflow shell")
    terminal.sendline("it")
    terminal.expect_exact("got-it")
    terminal.sendintr()
    assert status(terminal) == 130


def test_a_secret_that_is_prompted_for_is_asked_for_again_but_not_by_the_run_that_has_it(project: Project, terminal: pexpect.spawn) -> None:
    project.file(
        "workflow.toml",
        """
        id = "secret"
        [parameters.pin]
        type = "secret"
        source = "prompt"
        [steps.a]
        env = { PIN = "${{ params.pin }}" }
        run = "exit 1"
        """,
    )
    terminal.sendline("workflow run --break-on-failure --plain")
    terminal.expect_exact("pin (a secret, not shown)")
    terminal.sendline("h4rd")
    terminal.expect_exact(INSIDE)
    terminal.sendline("test $PIN = h4rd && echo same; exit")
    terminal.expect_exact("same")
    assert status(terminal) == 1
    terminal.sendline("workflow shell")
    terminal.expect_exact("pin (a secret, not shown)")
    terminal.sendline("0ther")
    terminal.expect_exact(INSIDE)
    terminal.sendline("echo ${#PIN}; exit")
    terminal.expect_exact("5\r\n")
    assert status(terminal) == 0
