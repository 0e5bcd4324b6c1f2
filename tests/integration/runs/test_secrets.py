"""A secret's value is nowhere on disk and in nothing that is printed, in no form that gives it away."""

from __future__ import annotations

import base64
import stat
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from pathlib import Path

    from support.projects import Project, Ran

SECRET = 'p4ss/word+"quoted" \\ & more'
MADE = "m4de-by-a-step/+="
ENV = {"TOKEN": SECRET}
FORMS = [
    form
    for value in (SECRET, MADE)
    for form in (value, base64.b64encode(value.encode()).decode()[:-4], quote(value, safe=""), quote(value), repr(value)[1:-1])
]

EVERYWHERE = """
[parameters.token]
type = "secret"
source = "env:TOKEN"
[policy]
on_failure = "continue"
max_parallel = 2
[steps.prints]
run = '''
printf '%s\\n' ${{ params.token }} "$(printf %s ${{ params.token }} | base64)" >&2
printf '%s\\n' ${{ params.token }} | sed 's/./&/g'
python3 -c 'import sys, urllib.parse; print(urllib.parse.quote(sys.argv[1], safe=""))' "$X"
'''
env = { X = "${{ params.token }}" }
[steps.python]
run = '''
import json
print(${{ params.token }}, json.dumps(${{ params.token }}), repr(${{ params.token }}), len(${{ file('wide') }}))
'''
shell = "python"
[steps.large]
run = "printf %s ${{ params.token }} ${{ file('wide') }} | wc -c"
[steps.inherits]
run = "env"
[steps.leaks]
run = "echo leak=${{ params.token }} >> $ROPEWAY_OUTPUT"
[steps.encodes]
run = "echo leak=$(printf %s ${{ params.token }} | base64 -w0) >> $ROPEWAY_OUTPUT"
[steps.fails]
run = "echo made=never-read >> $ROPEWAY_OUTPUT; echo x=${{ params.token }} >> $ROPEWAY_OUTPUT; exit 1"
[steps.makes]
run = "echo made=$(cat made.txt) >> $ROPEWAY_OUTPUT"
outputs.made = { type = "secret" }
[steps.uses]
needs = ["makes"]
run = "echo ${{ steps.makes.outputs.made }}; printf %s ${{ steps.makes.outputs.made }} | base64"
[steps.later]
needs = ["uses"]
run = "cat made.txt"
[steps.each]
needs = ["makes"]
foreach = "['first', 'plain']"
run = "echo item ${{ item }} ${{ params.token }}"
[steps.builtin]
uses = "builtin:assert"
inputs = { that = false }
[steps.writes]
uses = "builtin:write-file"
inputs = { path = "kept.txt", text = "${{ params.token }}" }
[steps.missing]
run = ["./nothing-here"]
env = { X = "${{ params.token }}" }
[steps.sub]
uses = "workflow:./inner.toml"
inputs = { key = "${{ params.token }}", text = "x" }
"""
INNER = """
[parameters.key]
type = "secret"
[parameters.text]
type = "string"
[steps.inside]
run = "echo ${{ params.key }}; false ${{ params.key }}"
"""


def leaks(folder: Path, *texts: str) -> list[str]:
    found = [f"printed: {form}" for form in FORMS for text in texts if form in text]
    for path in folder.rglob("*"):
        if path.is_file() and path.name != "secrets.json":
            data = path.read_bytes().decode("utf-8", "surrogateescape")
            found += [f"{path.relative_to(folder)}: {form}" for form in FORMS if form in data]
        found += [f"the name {path}" for form in FORMS if form in path.name]
    return found


def check(project: Project, ran: Ran) -> None:
    assert leaks(project.state_home, ran.out, ran.err) == []


def test_no_form_of_a_secret_is_kept_or_printed(project: Project) -> None:
    (project.cwd / "wide").write_text("w" * 150_000)
    project.write(INNER, "inner.toml")
    (project.cwd / "made.txt").write_text(MADE + "\n")
    project.write(EVERYWHERE)
    ran = project.call("run", env=ENV)
    assert ran.folder is not None, ran.err
    states = ran.states()
    assert ran.status == 1
    check(project, ran)
    assert (project.cwd / "kept.txt").read_text() == SECRET  # the person's own file
    for step in ("leaks", "encodes"):
        assert states[step] == "failed"
        assert "holds a secret" in (ran.state.steps[step].error or "")
    assert ran.log("uses") == b"***\n***=\n"  # padding says nothing
    assert ran.log("later") == b"***\n"
    assert ran.log("each[0]") == b"item first ***\n"
    assert ran.log("each[1]") == b"item plain ***\n"
    assert b"TOKEN=***" in ran.log("inherits")
    assert ran.log("large").strip() == str(150_000 + len(SECRET)).encode()
    kept = ran.folder.path / "secrets.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    for verb in (
        ("status", ran.state.run),
        ("status", ran.state.run, "--json"),
        ("logs", ran.state.run),
        ("runs", "--json"),
        ("plan",),
        ("plan", "--json"),
    ):
        check(project, project.call(*verb, env=ENV))


def test_what_a_resume_needs_of_a_secret_is_kept_until_the_run_has_succeeded(project: Project) -> None:
    (project.cwd / "made.txt").write_text(MADE + "\n")
    project.write("""
[steps.makes]
run = "echo made=$(cat made.txt) >> $ROPEWAY_OUTPUT; echo x >> made"
outputs.made = { type = "secret" }
[steps.uses]
needs = ["makes"]
run = "test ${{ steps.makes.outputs.made }} = \\"$(cat made.txt)\\"; test -e ok"
""")
    ran = project.call("run")
    assert ran.status == 1, ran.err
    check(project, ran)
    assert ran.state.steps["makes"].outputs == {"made": "***"}
    kept = ran.folder.path / "secrets.json"
    assert MADE in kept.read_text()
    (project.cwd / "ok").touch()
    ran = project.resume()
    assert ran.status == 0, ran.err
    assert project.lines("made") == ["x"]
    assert not kept.exists()
    check(project, ran)


def test_a_gate_asks_without_secrets(project: Project) -> None:
    project.write("""
[parameters.token]
type = "secret"
source = "env:TOKEN"
[steps.gate]
uses = "gate:approve"
inputs = { prompt = "Send ${{ params.token }}?" }
""")
    ran = project.call("run", env=ENV)
    assert ran.status in (2, 6)
    check(project, ran)


def test_a_secret_that_is_a_word_of_ours_breaks_nothing(project: Project) -> None:
    project.write("""
[parameters.token]
type = "secret"
source = "env:TOKEN"
[steps.build]
run = "echo ${{ params.token }}; test -e ok || { touch ok; exit 1; }"
[steps.maybe]
needs = ["build"]
when = "1 > 2"
run = "true"
[steps.succeeded]
needs = ["maybe"]
run = "echo name=value >> $ROPEWAY_OUTPUT"
""")
    for word in ("build", "succeeded", "when", "step", "failed"):
        (project.cwd / "ok").unlink(missing_ok=True)
        assert project.call("run", env={"TOKEN": word}).status == 1
        ran = project.call("resume", env={"TOKEN": word})
        assert ran.status == 0, ran.err
        assert ran.states() == {"build": "succeeded", "maybe": "skipped when", "succeeded": "succeeded"}


def test_a_crash_leaves_no_secret_behind_once_the_run_goes_on(project: Project) -> None:
    (project.cwd / "wide").write_text("w" * 150_000)
    project.write("""
[parameters.token]
type = "secret"
source = "env:TOKEN"
[steps.a]
run = '''
import os, time, pathlib
text = ${{ params.token }} + ${{ file('wide') }}
with open(os.environ["ROPEWAY_OUTPUT"], "a") as file:
    file.write("made=" + text[:20])
    file.flush()
    pathlib.Path("began").touch()
    while not os.path.exists("ok"):
        time.sleep(0.01)
'''
shell = "python"
outputs.made = { type = "secret" }
""")
    process = project.start("run", env=ENV)
    folder = project.running("a")
    from support.projects import until

    until((project.cwd / "began").exists)
    process.kill()
    process.wait()
    process.communicate()
    until(lambda: not folder.owned)
    (project.cwd / "ok").touch()
    ran = project.call("resume", env=ENV)
    assert ran.status == 0, ran.err
    check(project, ran)
    assert list(folder.files.iterdir()) == list(folder.outputs.iterdir()) == []
