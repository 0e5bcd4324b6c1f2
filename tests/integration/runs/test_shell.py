"""A shell in a run has what the step's next attempt would get, and leaves no trace in the run."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.projects import PATIENCE, Project, gone, until
from support.repositories import RepositoryProject

if TYPE_CHECKING:
    from support.projects import Ran

OWN = {"ROPEWAY_RUN", "ROPEWAY_SHELL_RUN", "ROPEWAY_SHELL_STEP", "ROPEWAY_SHELL_SCRIPT", "ROPEWAY_OUTPUT", "ROPEWAY_ATTEMPT"}


def environment(data: bytes | str) -> dict[str, str]:
    """Read what ``env -0`` printed."""
    text = data.decode() if isinstance(data, bytes) else data
    return dict(pair.split("=", 1) for pair in text.split("\0") if pair)


def entered(project: Project, place: str = "", *program: str, status: int = 0, env: dict[str, str] | None = None) -> Ran:
    ran = project.call("shell", *([place] if place else []), "--", *(program or ("env", "-0")), env=env)
    assert ran.status == status, ran.err
    return ran


def same_as_the_step(project: Project, ran: Ran, address: str) -> None:
    """Compare the environment of a shell in a step with the one that the step printed."""
    had, has = environment(ran.log(address)), environment(entered(project, f":{address}").out)
    assert {name: value for name, value in had.items() if name not in OWN} == {n: v for n, v in has.items() if n not in OWN}
    assert has["ROPEWAY_SHELL_RUN"] == ran.folder.id
    assert "ROPEWAY_RUN" not in has
    assert (has["ROPEWAY_STEP"], has["ROPEWAY_ATTEMPT"]) == (address, "2")
    assert has["ROPEWAY_OUTPUT"] != had["ROPEWAY_OUTPUT"]


EVERYTHING = """
[parameters.who]
default = "you"
[actions.greeting]
inputs.name = { type = "string" }
run = ["env", "-0"]
env = { GREETS = "${{ inputs.name }}", LAYER = "action" }
[steps.makes]
run = 'echo "list=[1,2]" >> "$ROPEWAY_OUTPUT"'
outputs.list = { type = "list", items = "integer" }
[steps.plain]
needs = ["makes"]
env = { LAYER = "step", FIRST = "${{ steps.makes.outputs.list[0] }}" }
uses = "action:greeting"
inputs = { name = "${{ params.who }}" }
[steps.each]
needs = ["makes"]
foreach = "steps.makes.outputs.list"
env = { ITEM = "${{ item }}" }
run = ["env", "-0"]
[steps.polish]
repeat = { until = "1 > 2", max = 2 }
env = { ROUND = "round" }
run = ["env", "-0"]
on_error = "continue"
[steps.release]
needs = ["makes"]
uses = "workflow:./inner.toml"
inputs = { word = "${{ params.who }}-${{ steps.makes.outputs.list[1] }}" }
"""
INNER = """
[parameters.word]
required = true
[steps.before]
run = 'echo "said=${{ params.word }}" >> "$ROPEWAY_OUTPUT"'
outputs.said = { type = "string" }
[steps.build]
needs = ["before"]
env = { SAID = "${{ steps.before.outputs.said }}" }
run = ["env", "-0"]
"""


@pytest.mark.parametrize("address", ["plain", "each[1]", "polish#2", "release/build"])
def test_its_environment_is_that_of_the_step(project: Project, address: str) -> None:
    project.write(INNER, "inner.toml")
    ran = project.run(EVERYTHING, "--env", "MINE=mine", "--param", "who=me")
    assert ran.status == 0, ran.err
    same_as_the_step(project, ran, address)


COPIES = [
    pytest.param("git", marks=pytest.mark.needs("git", "direnv")),
    pytest.param("jj", marks=pytest.mark.needs("jj", "git", "direnv")),
    pytest.param("plain", marks=pytest.mark.needs("git", "direnv")),
    pytest.param("overlay", marks=pytest.mark.needs("git", "direnv")),
]


@pytest.fixture(params=COPIES)
def copied(request: pytest.FixtureRequest, tmp_path: Path) -> RepositoryProject:
    project = RepositoryProject(tmp_path, "jj" if request.param == "jj" else "git")
    project.backend = request.param
    return project


def test_in_a_working_copy_too_it_has_the_environment_and_the_folder_of_the_step(copied: RepositoryProject) -> None:
    (copied.cwd / ".envrc").write_text("export FROM_ENVRC=yes\n")
    ran = copied.run('[steps.a]\nrun = "echo changed >> a.txt"\n[steps.b]\nneeds = ["a"]\nrun = ["env", "-0"]\n')
    assert ran.status == 0, ran.err
    same_as_the_step(copied, ran, "b")
    assert environment(ran.log("b"))["FROM_ENVRC"] == "yes"
    assert entered(copied, ":b", "cat", "a.txt").out == "one\nchanged\n"
    entered(copied, ":b", "sh", "-c", "echo edited > a.txt")
    assert (copied.copy / "a.txt").read_text() == "edited\n"
    assert (copied.cwd / "a.txt").read_text() == "one\n"


def test_a_working_copy_that_is_gone_can_not_be_entered_and_the_hint_says_how_its_files_can_be_had(copied: RepositoryProject) -> None:
    ran = copied.run('[steps.a]\nrun = "true"\n')
    assert not copied.copy.exists()
    refused = copied.call("shell", ":a")
    assert refused.status == 3
    assert f"the working copy of run {ran.folder.id} is gone" in refused.err
    assert f"workflow checkout {ran.folder.id}:a DIR" in refused.err


def test_an_ephemeral_step_is_entered_in_a_copy_that_is_gone_afterwards(copied: RepositoryProject) -> None:
    ran = copied.run(
        '[steps.a]\nrun = "echo two >> a.txt"\n'
        '[steps.b]\nneeds = ["a"]\nworkspace = "ephemeral"\nrun = "pwd; echo three >> a.txt; exit 1"\n'
    )
    assert ran.status == 1
    seen = entered(copied, ":b", "sh", "-c", "pwd; cat a.txt; echo four >> a.txt")
    folder, *lines = seen.out.splitlines()
    assert lines == ["one", "two"]
    assert folder not in (str(copied.copy), ran.log("b").decode().strip())
    assert not Path(folder).exists()
    assert (copied.copy / "a.txt").read_text() == "one\ntwo\n"


def test_a_run_that_was_interrupted_is_entered_in_its_copy(copied: RepositoryProject) -> None:
    copied.write('[steps.a]\nrun = "echo two >> a.txt; echo $$ > $SIGNALS/pid; sleep 60"\n')
    run = copied.start("run")
    copied.running("a")
    step = int(until(lambda: (copied.signals / "pid").exists() and (copied.signals / "pid").read_text()))
    run.kill()
    run.communicate(timeout=PATIENCE)
    until(lambda: gone(step))
    assert entered(copied, ":a", "sh", "-c", "cat a.txt; echo three >> a.txt").out == "one\ntwo\n"
    assert entered(copied, ":a", "cat", "a.txt").out == "one\ntwo\nthree\n"


def test_it_starts_in_the_folder_of_the_step(project: Project) -> None:
    (project.cwd / "below").mkdir()
    project.run('[steps.a]\nworkspace = "below"\nrun = "exit 1"\n')
    assert entered(project, ":a", "pwd").out == f"{project.cwd}/below\n"
    (project.cwd / "below").rmdir()
    refused = project.call("shell", ":a", "--", "pwd")
    assert refused.status == 3
    assert "step a can't be entered: no such folder: below" in refused.err


FAILS = """
[parameters.word]
default = "x y"
[steps.good]
run = 'echo "n=1" >> "$ROPEWAY_OUTPUT"'
outputs.n = { type = "integer" }
[steps.bad]
needs = ["good"]
env = { N = "${{ steps.good.outputs.n }}" }
run = 'printf "%s " ${{ params.word }} $N; exit 4'
outputs.m = { type = "integer" }
[steps.after]
needs = ["bad"]
env = { M = "${{ steps.bad.outputs.m }}" }
run = "true"
[steps.clean]
needs = ["after"]
when = "always()"
env = { SAW = "${{ steps.after.state }}" }
run = ["env", "-0"]
"""


def test_without_a_step_it_is_the_one_that_failed_first(project: Project) -> None:
    ran = project.run(FAILS)
    assert environment(entered(project).out)["ROPEWAY_STEP"] == "bad"
    assert environment(entered(project, ran.folder.id[:6]).out)["N"] == "1"


@pytest.mark.parametrize(
    ("text", "step"),
    [
        ('[steps.each]\nforeach = "[1, 2]"\nrun = "test ${{ item }} = 1"\n', "each[1]"),
        ('[steps.polish]\nrepeat = { until = "1 > 2", max = 3 }\nrun = "test $ROPEWAY_STEP != polish#2"\n', "polish#2"),
        ('[steps.in]\nuses = "workflow:./inner.toml"\ninputs = { word = "w" }\n', "in/bad"),
    ],
)
def test_the_one_that_failed_is_the_innermost(project: Project, text: str, step: str) -> None:
    project.write('[parameters.word]\nrequired = true\n[steps.bad]\nrun = "exit 1"\n', "inner.toml")
    assert project.run(text).status == 1
    assert environment(entered(project).out)["ROPEWAY_SHELL_STEP"] == step


def test_without_a_failed_step_it_is_the_runs_own_environment(project: Project) -> None:
    project.run('[steps.a]\nenv = { ONLY_A = "1" }\nrun = "true"\n', "--env", "MINE=1")
    has = environment(entered(project).out)
    assert (has["MINE"], has["ROPEWAY_WORKFLOW"], has["ROPEWAY_SHELL_RUN"]) == ("1", "workflow", project.newest().id)
    assert not {"ONLY_A", "ROPEWAY_STEP", "ROPEWAY_SHELL_STEP", "ROPEWAY_RUN"} & set(has)
    assert Path(has["ROPEWAY_OUTPUT"]).name == "output"


def test_a_failed_step_that_can_not_be_entered_leaves_the_runs_own_environment_and_says_so(project: Project) -> None:
    assert project.run('[steps.a]\nenv = { X = "${{ file(\'missing\') }}" }\nrun = "true"\n').status == 1
    ran = entered(project)
    assert "step a can't be entered: file('missing')" in ran.err
    assert "ROPEWAY_STEP" not in environment(ran.out)
    assert project.call("shell", ":a", "--", "true").status == 3


def test_a_step_whose_needs_are_not_done_can_not_be_entered_and_the_error_names_them(project: Project) -> None:
    ran = project.run(FAILS)
    refused = project.call("shell", ":after")
    assert refused.status == 3
    assert "step after can't be entered yet: bad has failed" in refused.err
    assert f"`workflow shell {ran.folder.id}:bad`" in refused.err


def test_a_step_that_ran_although_its_needs_did_not_sees_them_as_it_did_then(project: Project) -> None:
    ran = project.run(FAILS)
    same_as_the_step(project, ran, "clean")


def test_nothing_of_the_run_changes_and_nothing_is_left(project: Project) -> None:
    ran = project.run(FAILS)

    def everything() -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in ran.folder.path.rglob("*") if path.is_file()}

    before = everything()
    entered(project, ":bad", "sh", "-c", 'echo "m=1" >> "$ROPEWAY_OUTPUT"; cat "$ROPEWAY_OUTPUT" "$ROPEWAY_SHELL_SCRIPT"')
    assert everything() == before
    assert not list(ran.folder.path.glob("shell-*"))


SCRIPTS = {
    "script": ('[steps.a]\nrun = \'printf "%s,%s" ${{ params.word }} "$0"; exit 4\'\n', "x y,a", 4),
    "argv": ('[steps.a]\nrun = ["sh", "-c", "echo $1; exit 5", "sh", "${{ params.word }}"]\n', "x y\n", 5),
    "python": ('[steps.a]\nshell = "python"\nrun = "import sys; print(${{ params.word }}); sys.exit(6)"\n', "x y\n", 6),
    "large": ('[steps.a]\nrun = "x=${{ params.word }}; : ' + 110_000 * "." + '; echo $x; exit 7"\n', "x y\n", 7),
    "builtin": ('[steps.a]\nuses = "builtin:assert"\ninputs = { that = "${{ params.word == \'\' }}" }\n', "", 1),
}


@pytest.mark.parametrize("kind", SCRIPTS)
def test_the_step_itself_can_be_started_by_hand(project: Project, kind: str) -> None:
    text, printed, status = SCRIPTS[kind]
    ran = project.run('[parameters.word]\ndefault = "x y"\n' + text)
    assert ran.status == 1
    by_hand = project.call("shell", "--", "sh", "-c", 'exec "$ROPEWAY_SHELL_SCRIPT"')
    assert by_hand.status == status, by_hand.err
    if kind != "builtin":
        assert by_hand.out == printed
    assert ran.states()["a"] == "failed"


def test_the_exit_status_is_that_of_what_was_started(project: Project) -> None:
    project.run('[steps.a]\nrun = "true"\n')
    assert entered(project, "", "sh", "-c", "exit 9", status=9).out == ""
    entered(project, "", "sh", "-c", "kill -KILL $$", status=128 + 9)
    missing = project.call("shell", "--", "no-such-program")
    assert missing.status == 1
    assert "command not found: no-such-program" in missing.err


def test_the_shell_is_the_persons_and_reads_what_it_is_given(project: Project) -> None:
    ran = project.run(FAILS)
    process = project.start("shell", ":bad", env={"SHELL": "/bin/sh"}, stdin=subprocess.PIPE)
    out, err = process.communicate("echo $N $0; exit 3\n", timeout=PATIENCE)
    assert (process.returncode, out) == (3, "1 /bin/sh\n")
    first, second = err.splitlines()
    assert first == f"step bad of run {ran.folder.id} (failed), in {project.cwd}; nothing is recorded, `exit` leaves"
    assert second.startswith(f"the step itself, by hand: {ran.folder.path}/shell-")


def test_words_of_the_program_are_never_taken_for_options(project: Project) -> None:
    project.run('[steps.a]\nrun = "true"\n')
    assert entered(project, "", "echo", "--json", "--help", "--", "-x").out == "--json --help -- -x\n"


ERRORS = [
    ("nowhere", 3, "the run has no step 'nowhere'"),
    ("a/x", 3, "step a has no steps inside of it"),
    ("a[0]", 3, "step a has no instances"),
    ("a#1", 3, "step a has no iteration 1"),
    ("each", 2, "step each is carried out for each of 2 items"),
    ("each[2]", 3, "step each has 2 instances"),
    ("polish#4", 3, "step polish has no iteration 4"),
    ("a[0", 3, "the run has no step 'a[0'"),
    ("none[0]", 3, "step none has no instances: there are no items"),
]


@pytest.mark.parametrize(("address", "status", "message"), ERRORS)
def test_a_place_that_is_none_is_refused(project: Project, address: str, status: int, message: str) -> None:
    project.run(
        '[steps.a]\nrun = "true"\n[steps.each]\nforeach = "[1, 2]"\nrun = "true"\n[steps.none]\nforeach = "[]"\nrun = "true"\n'
        '[steps.polish]\nrepeat = { until = "true", max = 3 }\nrun = "true"\n'
    )
    refused = project.call("shell", f":{address}", "--", "true")
    assert (refused.status, message in refused.err) == (status, True), refused.err
    assert "hint: " in refused.err or address == "none[0]"


SLOW = '[steps.a]\nrun = "touch began; echo $$ > pid; sleep 60"\n'


def test_a_running_run_can_be_entered_and_says_that_it_is_at_work(project: Project) -> None:
    project.write(SLOW)
    run = project.start("run")
    folder = project.running("a")
    ran = entered(project, ":a")
    assert f"run {folder.id} is at work in this folder" in ran.err
    assert environment(ran.out)["ROPEWAY_STEP"] == "a"
    run.send_signal(signal.SIGINT)
    run.communicate(timeout=PATIENCE)
    cancelled = entered(project, ":a")
    assert folder.state().state == "cancelled"
    assert "at work" not in cancelled.err


def test_an_interrupted_run_can_be_entered_and_whoever_goes_on_with_it_leaves_the_shell_alone(project: Project) -> None:
    project.write('[steps.a]\nrun = "test -e go || { touch began; echo $$ > pid; sleep 60; }"\n')
    run = project.start("run")
    project.running("a")
    step = project.pid("pid")
    os.kill(run.pid, signal.SIGKILL)
    run.communicate(timeout=PATIENCE)
    until(lambda: gone(step))
    shell = project.start("shell", ":a", "--", "sh", "-c", "echo $$ > shell; exec sleep 60")
    pid = project.pid("shell")
    (project.cwd / "go").touch()
    assert project.resume().status == 0
    assert not gone(pid)
    assert shell.poll() is None
    shell.terminate()
    shell.communicate(timeout=PATIENCE)
    until(lambda: gone(pid))
    assert shell.returncode == 128 + signal.SIGTERM


def test_a_waiting_run_can_be_entered(project: Project) -> None:
    ran = project.run('[steps.a]\nrun = "true"\n[steps.gate]\nneeds = ["a"]\nuses = "gate:approve"\n')
    assert ran.status == 6
    assert environment(entered(project, ":gate").out)["ROPEWAY_STEP"] == "gate"
    assert "ROPEWAY_STEP" not in environment(entered(project).out)


SECRETS = """
[parameters.token]
type = "secret"
source = "env:TOKEN"
[parameters.other]
type = "secret"
source = "env:OTHER"
[steps.makes]
run = 'echo "made=m4""de" >> "$ROPEWAY_OUTPUT"'
outputs.made = { type = "secret" }
[steps.uses]
needs = ["makes"]
env = { GIVEN = "${{ params.token }}", MADE = "${{ steps.makes.outputs.made }}" }
run = "test -e fine"
[steps.none]
run = "true"
"""


def test_it_has_the_secrets_in_the_scope_of_its_step_and_no_others(project: Project) -> None:
    env = {"TOKEN": "t0ken", "OTHER": "0ther"}
    assert project.run(SECRETS, env=env).status == 1
    ran = entered(project, ":uses", env={"TOKEN": "t0ken"})
    has = environment(ran.out)
    assert (has["GIVEN"], has["MADE"]) == ("t0ken", "m4de")
    missing = project.call("shell", ":uses", "--", "true", env={"OTHER": "0ther"})
    assert (missing.status, "the secret token has no value" in missing.err) == (3, True)
    none = entered(project, ":none")
    assert "m4de" not in none.out
    folder = project.newest().path
    assert not [path for path in folder.rglob("*") if path.is_file() and path.name != "secrets.json" and b"m4de" in path.read_bytes()]


def test_an_error_says_nothing_of_a_secret(project: Project) -> None:
    env = {"TOKEN": "t0ken", "OTHER": "0ther"}
    project.run(SECRETS + '[steps.wrong]\nenv = { X = "${{ file(params.token) }}" }\nrun = "true"\n', env=env)
    refused = project.call("shell", ":wrong", "--", "true", env=env)
    assert refused.status == 3
    assert "step wrong can't be entered: file('***')" in refused.err


def test_a_secret_that_a_step_made_is_forgotten_once_the_run_has_succeeded(project: Project) -> None:
    (project.cwd / "fine").touch()
    env = {"TOKEN": "t0ken", "OTHER": "0ther"}
    assert project.run(SECRETS, env=env).status == 0
    refused = project.call("shell", ":uses", "--", "env", env=env)
    assert refused.status == 3
    assert "step uses reads the secret output made of makes, which was kept only until the run succeeded" in refused.err


BREAKS = """
[policy]
max_parallel = 2
{policy}
[steps.bad]
retry = {{ attempts = 2, delay = "0s" }}
run = "echo >> tries; until test -e began; do sleep 0.01; done; exit 1"
[steps.slow]
run = "touch began; sleep 60"
[steps.clean]
needs = ["bad"]
when = "always()"
run = "rm tries"
"""


def test_a_run_that_breaks_ends_what_runs_starts_nothing_else_and_names_the_shell(project: Project) -> None:
    ran = project.run(BREAKS.format(policy=""), "--break-on-failure")
    assert ran.status == 1
    assert ran.states() == {"bad": "failed", "slow": "cancelled", "clean": "skipped upstream"}
    assert ran.state.state == "failed"
    assert project.lines("tries") == ["", ""]
    assert f"hint: `workflow shell {ran.folder.id}:bad` opens a shell there" in ran.err


def test_a_resume_goes_on_to_the_end_unless_it_is_to_break_again(project: Project) -> None:
    project.run(BREAKS.format(policy=""), "--break-on-failure")
    again = project.resume("--break-on-failure")
    assert again.status == 1
    assert len(project.lines("tries")) == 4
    assert "`workflow shell " in again.err
    last = project.resume()
    assert last.status == 1
    assert last.states()["clean"] == "succeeded"
    assert "`workflow shell " not in last.err


@pytest.mark.needs("git")
def test_the_working_copy_of_a_run_that_broke_is_kept_whatever_the_workflow_says(tmp_path: Path) -> None:
    project = RepositoryProject(tmp_path)
    ran = project.run(BREAKS.format(policy='workspace = { keep = "never" }'), "--break-on-failure")
    assert ran.status == 1
    assert (project.copy / "tries").exists()
    assert entered(project, "", "cat", "tries").out == "\n\n"
