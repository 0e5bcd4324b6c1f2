"""No process of a step outlives its run, whatever it does and whoever dies."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.projects import gone, until

if TYPE_CHECKING:
    from support.projects import Project

HOSTILE = """
[steps.hostile]
run = '''
trap '' TERM INT HUP
echo $$ > main
sh -c 'trap "" TERM; echo $$ > child; while :; do sleep 1000; done' &
setsid sh -c 'trap "" TERM; echo $$ > daemon; while :; do sleep 1000; done' < /dev/null > /dev/null 2>&1 &
( ( setsid sh -c 'echo $$ > double; exec sleep 1000' & ) & )
env -i PATH="$PATH" setsid sh -c 'echo $$ > bare; exec sleep 1000' &
setsid nohup sh -c 'echo $$ > hup; sh -c "echo \\$\\$ > grandchild; exec sleep 1000"' > /dev/null 2>&1 &
wait
'''
"""
FAMILY = ["main", "child", "daemon", "double", "bare", "hup", "grandchild"]
WITHIN = 1.0
"""Seconds in which all must be gone: the promise. Measured by the clock of the machine, which may be loaded: doubled."""


def family(project: Project) -> list[int]:
    """Wait until the whole family lives and return its pids."""
    pids = [project.pid(name) for name in FAMILY]
    assert not [n for n, p in zip(FAMILY, pids, strict=True) if gone(p)]
    return pids


def all_gone(pids: list[int], patience: float = 2 * WITHIN) -> None:
    until(lambda: all(gone(p) for p in pids), f"{pids} are gone", patience)


def runner_of(guardian: int) -> int:
    return int(until(lambda: Path(f"/proc/{guardian}/task/{guardian}/children").read_text().split())[0])


def test_a_cancel_ends_the_whole_tree(project: Project) -> None:
    project.write(HOSTILE)
    process = project.start("run")
    pids = family(project)
    ran = project.call("cancel", project.newest().id)
    assert ran.status == 0
    assert all(gone(p) for p in pids)
    assert process.wait(10) == 5
    process.communicate()
    assert ran.states() == {"hostile": "cancelled"}


def test_a_timeout_ends_the_whole_tree(project: Project) -> None:
    project.write(HOSTILE + 'timeout = "1s"\n')
    process = project.start("run")
    pids = family(project)
    assert process.wait(20) == 1
    process.communicate()
    assert all(gone(p) for p in pids)


def test_who_waits_for_a_killed_runner_is_told_how_to_go_on(project: Project) -> None:
    project.write('[steps.a]\nrun = "touch started; sleep 60"\n')
    process = project.start("run")
    until((project.cwd / "started").exists)
    os.kill(runner_of(process.pid), signal.SIGKILL)
    _, err = process.communicate(timeout=20)
    run = project.newest()
    assert run is not None
    assert process.returncode == 128 + signal.SIGKILL
    assert err == (
        f"error: the process that carried out run {run.id} was killed (SIGKILL), and its steps with it\n"
        f"hint: `workflow resume {run.id}` goes on from the last finished step\n"
    )


@pytest.mark.parametrize("victim", ["guardian", "runner", "group"])
def test_when_one_of_ours_is_killed_nothing_survives(project: Project, victim: str) -> None:
    project.write(HOSTILE)
    process = project.start("run")
    pids = family(project)
    runner = runner_of(process.pid)
    if victim == "guardian":
        os.kill(process.pid, signal.SIGKILL)
    elif victim == "runner":
        os.kill(runner, signal.SIGKILL)
    else:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(10)
    process.communicate()
    all_gone([*pids, runner])
    status = project.call("status", project.newest().id, "--json")
    assert json.loads(status.out)["state"] == "interrupted"


def test_when_both_die_at_once_the_next_status_ends_what_is_left(project: Project) -> None:
    project.write(HOSTILE)
    process = project.start("run")
    pids = family(project)
    runner = runner_of(process.pid)
    for pid in (process.pid, runner):
        os.kill(pid, signal.SIGSTOP)  # so that neither can notice the other's end
    for pid in (runner, process.pid):
        os.kill(pid, signal.SIGKILL)
    process.wait(10)
    process.communicate()
    marked = [p for n, p in zip(FAMILY, pids, strict=True) if n != "bare"]
    assert any(not gone(p) for p in marked)
    assert project.call("status", project.newest().id).status == 0
    assert all(gone(p) for p in marked)
    for pid in pids:
        if not gone(pid):
            os.kill(pid, signal.SIGKILL)  # it cleaned its environment: nobody can know it


def test_a_resume_ends_what_is_left_before_it_runs_anything(project: Project) -> None:
    project.write("""
[steps.a]
run = '''
if test -e old; then
    case "$(cat /proc/$(cat old)/stat || echo gone)" in *") Z "* | gone) exit 0 ;; *) exit 9 ;; esac
fi
setsid sh -c 'trap "" TERM; echo $$ > old; while :; do sleep 1000; done' &
wait
'''
""")
    process = project.start("run")
    old = project.pid("old")
    runner = runner_of(process.pid)
    for pid in (process.pid, runner):
        os.kill(pid, signal.SIGSTOP)
    for pid in (runner, process.pid):
        os.kill(pid, signal.SIGKILL)
    process.wait(10)
    process.communicate()
    assert not gone(old)
    ran = project.resume()
    assert ran.status == 0
    assert ran.state.steps["a"].attempts == 2


def test_a_stopped_pair_does_not_leave_its_steps_behind(project: Project) -> None:
    project.write(HOSTILE)
    process = project.start("run")
    pids = family(project)
    runner = runner_of(process.pid)
    os.kill(runner, signal.SIGTSTP)
    until(lambda: Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T", "the guardian stops")
    os.kill(process.pid, signal.SIGKILL)
    process.wait(10)
    process.communicate()
    all_gone([*pids, runner])


def test_a_daemon_is_named_lives_until_the_run_ends_and_not_longer(project: Project) -> None:
    project.write("""
[steps.leaves]
run = '''
setsid sh -c 'echo $$ > daemon; exec sleep 1000' < /dev/null > /dev/null 2>&1 &
env -i PATH="$PATH" setsid sh -c 'echo $$ > bare; exec sleep 1000' < /dev/null > /dev/null 2>&1 &
until test -s daemon && test -s bare; do sleep 0.01; done
'''
[steps.sees]
needs = ["leaves"]
run = "kill -0 $(cat daemon) $(cat bare)"
""")
    ran = project.run()
    assert ran.status == 0
    (left,) = [e.data["leftovers"] for e in ran.told("step.finished") if e.step == "leaves"]
    assert {e["pid"] for e in left} == {project.pid("daemon"), project.pid("bare")}
    assert {e["name"] for e in left} == {"sleep"}
    assert "leftovers" not in ran.told("step.finished")[1].data
    assert gone(project.pid("daemon"))
    assert gone(project.pid("bare"))


def test_a_daemon_that_keeps_a_pipe_open_does_not_keep_the_step(project: Project) -> None:
    begun = time.monotonic()
    ran = project.run(
        """
[parameters.token]
type = "secret"
source = "env:TOKEN"
[steps.a]
run = '''
echo "before ${{ params.token }}"
sh -c 'echo $$ > daemon; exec sleep 1000' &
until test -s daemon; do sleep 0.01; done
'''
""",
        env={"TOKEN": "correct horse"},
    )
    assert ran.status == 0
    assert time.monotonic() - begun < 20
    assert ran.log("a") == b"before ***\n"
    assert gone(project.pid("daemon"))


def test_output_of_any_kind_is_kept_as_it_is(project: Project) -> None:
    ran = project.run(
        """
[parameters.token]
type = "secret"
source = "env:TOKEN"
[steps.binary]
run = ["head", "-c", "300000", "blob"]
[steps.masked]
run = '''
head -c 300000 blob
: ${{ params.token }}
'''
[steps.closes]
run = "exec >&- 2>&-; true"
[steps.reads]
run = "test -z \\"$(cat)\\""
""",
        env={"TOKEN": "correct horse"},
    )
    assert ran.status == 1  # there is no such file yet
    blob = os.urandom(300_000)
    (project.cwd / "blob").write_bytes(blob)
    ran = project.resume()
    assert ran.status == 3  # the secret has no value here: the variable was the first call's
    ran = project.call("resume", env={"TOKEN": "correct horse"})
    assert ran.status == 0, ran.err
    assert ran.log("binary") == blob
    assert ran.log("masked") == blob


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (["./missing"], 127, "no such file: ./missing"),
        (["plain-missing-program"], 127, "command not found: plain-missing-program"),
        (["./text"], 126, "not executable: ./text"),
        (["./folder"], 126, "not executable"),
        (["./badint"], 126, "/no/such/interpreter"),
        (["./noline"], 126, "neither a program nor a script"),
    ],
)
def test_what_can_not_be_executed_says_why(project: Project, argv: list[str], code: int, said: str) -> None:
    (project.cwd / "text").write_text("#!/bin/sh\n")
    (project.cwd / "folder").mkdir()
    for name, text in (("badint", "#!/no/such/interpreter\n"), ("noline", "echo hello\n")):
        (project.cwd / name).write_text(text)
        (project.cwd / name).chmod(0o755)
    ran = project.run(f"[steps.a]\nrun = {json.dumps(argv)}\n")
    step = ran.state.steps["a"]
    assert (step.exit_code, ran.status) == (code, 1)
    assert said in (step.error or "")


def test_too_much_for_one_process_is_refused_with_a_way_out(project: Project) -> None:
    (project.cwd / "big").write_text("x" * 200_000)
    (project.cwd / "wide").write_text("y" * 100_000)
    variables = "".join(f"V{i} = \"${{{{ file('wide') }}}}\"\n" for i in range(40))
    ran = project.run(f"""
[policy]
on_failure = "continue"
[steps.argument]
run = ["echo", "${{{{ file('big') }}}}"]
[steps.variable]
run = ["true"]
env = {{ BIG = "${{{{ file('big') }}}}" }}
[steps.together]
run = ["true"]
[steps.together.env]
{variables}
[steps.script]
run = "printf %s ${{{{ file('big') }}}} | wc -c"
""")
    steps = ran.state.steps
    assert steps["argument"].exit_code == 126
    assert "200,000 bytes" in (steps["argument"].error or "")
    assert "too l" in (steps["variable"].error or "").lower()
    assert "too l" in (steps["together"].error or "").lower()
    assert ran.log("script").strip() == b"200000"


def test_a_nul_byte_never_reaches_a_process(project: Project) -> None:
    (project.cwd / "nul").write_bytes(b"a\0b")
    ran = project.run("""
[policy]
on_failure = "continue"
[steps.variable]
run = ["true"]
env = { X = "${{ file('nul') }}" }
[steps.argument]
run = ["echo", "${{ file('nul') }}"]
[steps.script]
run = "echo ${{ file('nul') }}"
[steps.output]
run = "printf 'x=a\\\\000b\\n' >> $ROPEWAY_OUTPUT"
""")
    assert ran.status == 1
    assert set(ran.states().values()) == {"failed"}
    assert all("NUL" in (s.error or "") for s in ran.state.steps.values())


def test_a_program_that_asks_on_the_terminal_fails_instead_of_waiting(project: Project) -> None:
    ran = project.run('[steps.a]\nrun = "read x < /dev/tty"\n')
    assert ran.status == 1


def test_a_killed_step_says_by_which_signal(project: Project) -> None:
    ran = project.run('[steps.a]\nrun = "kill -SEGV $$"\n')
    assert ran.state.steps["a"].exit_code == 139
    assert "SIGSEGV" in (ran.state.steps["a"].error or "")


def test_the_first_signal_cancels_and_the_second_ends_everything_at_once(project: Project) -> None:
    project.write("""
[steps.stubborn]
run = "trap '' TERM; touch began; sleep 1000 & wait; sleep 1000"
[steps.clean]
needs = ["stubborn"]
when = "always()"
run = "touch cleaned"
""")
    process = project.start("run", env={"ROPEWAY_GRACE": "60s"})
    until((project.cwd / "began").exists)
    folder = project.newest()
    process.send_signal(signal.SIGINT)
    until(lambda: any(e.event == "run.cancelling" for e in folder.events()))
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    assert process.wait(5) == 130
    process.communicate()
    assert folder.state().steps["stubborn"].state == "cancelled"
    assert folder.state().steps["clean"].state == "skipped"
    assert not (project.cwd / "cleaned").exists()


def test_one_signal_lets_what_always_runs_clean_up(project: Project) -> None:
    project.write("""
[steps.slow]
run = "touch began; sleep 1000"
[steps.next]
needs = ["slow"]
run = "touch next"
[steps.handler]
needs = ["slow"]
when = "failure()"
run = "touch handled"
[steps.clean]
needs = ["next"]
when = "always()"
run = "touch cleaned"
""")
    process = project.start("run")
    until((project.cwd / "began").exists)
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130
    process.communicate()
    assert {p.name for p in project.cwd.iterdir()} == {"workflow.toml", "began", "cleaned"}
    assert project.newest().state().reason == "Ctrl-C"


def test_a_gigabyte_does_not_pass_through_us(project: Project) -> None:
    ran = project.run('[steps.a]\nrun = ["head", "-c", "200000000", "/dev/zero"]\n')
    assert ran.status == 0
    number = ran.state.steps["a"].logs[-1]
    assert (ran.folder.logs / f"{number}.out").stat().st_size == 200_000_000
