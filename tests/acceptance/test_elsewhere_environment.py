"""What a workflow from elsewhere gets of the caller's environment, with the real direnv: nothing of what an ``.envrc`` exports."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from acceptance.harness import Project

pytestmark = pytest.mark.needs("direnv", "git")

SECRET = "hunter2hunter2"
ENVRC = f"export DIRENVSECRET={SECRET} ROPEWAY_TOKEN={SECRET} AGENT_WORKSPACE_TOKEN={SECRET} AGENT_WORKSPACE_ID={SECRET}\nPATH_add tools\n"
DUMP = "run = 'echo \"at $ROPEWAY_STEP\"; env'"

PARTS = {
    "env.toml": f'id = "env"\n[steps.a]\n{DUMP}\n',
    "deep.toml": f"""
id = "deep"
[steps.part]
uses = "workflow:./env.toml"
[steps.apart]
workspace = "ephemeral"
{DUMP}
[steps.within]
workspace = "ephemeral"
uses = "workflow:./env.toml"
[steps.each]
foreach = "[1]"
workspace = "ephemeral"
{DUMP}
[steps.again]
repeat = {{ until = "true", max = 2 }}
{DUMP}
[steps.plugged]
uses = "plugin:./plug"
""",
    "needy.toml": 'id = "needy"\n[requirements]\ncommands = ["spy>=1"]\n[steps.a]\nrun = "true"\n',
    "stop.toml": f'id = "stop"\n[steps.wait]\nrun = "test -e \\"$HOME/go\\""\n[steps.a]\nneeds = ["wait"]\n{DUMP}\n',
}
PLUG = '#!/bin/sh\nenv >&2\necho \'{"type": "result", "outputs": {}}\'\n'
LOCAL = """
id = "mine"
[steps.theirs]
uses = "workflow:deep@acme/tools"
[steps.apart]
workspace = "ephemeral"
uses = "workflow:env@acme/tools"
[steps.mine]
uses = "workflow:./mine.toml"
"""


def git(folder: Path, *args: str) -> None:
    subprocess.run(["git", *args], cwd=folder, check=True, capture_output=True)


def commit(folder: Path) -> None:
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "first")


@pytest.fixture
def theirs(project: Project, tmp_path: Path) -> Project:
    """Put somebody's workflows behind ``NAME@acme/tools``, and an ``.envrc`` into a repository of ours."""
    there = tmp_path / "github" / "acme" / "tools"
    (there / "workflows").mkdir(parents=True)
    for name, text in PARTS.items():
        (there / "workflows" / name).write_text(text)
    (there / "workflows" / "plug").write_text(PLUG)
    (there / "workflows" / "plug").chmod(0o755)
    commit(there)
    project.environ["ROPEWAY_GITHUB_URL"] = f"file://{tmp_path}/github"
    project.environ["XDG_DATA_HOME"] = str(tmp_path / "data")
    project.file(".envrc", ENVRC)
    commit(project.root)
    return project


def direnv(project: Project, *words: str, folder: Path | None = None) -> str:
    return subprocess.run(
        ["direnv", *words], cwd=folder or project.root, env=project.environ, check=True, capture_output=True, text=True
    ).stdout


def logs(project: Project) -> dict[str, str]:
    """Return what each step of the latest run printed, by the name of its log."""
    folder = project.state / "runs" / project.ids()[-1]
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("logs/**/*") if path.is_file()}


def nowhere(project: Project) -> None:
    """Check that the secret is in no file of any run, and that runs have left some."""
    kept = [path for path in project.state.rglob("*") if path.is_file()]
    assert kept
    assert [str(path) for path in kept if SECRET.encode() in path.read_bytes()] == []


def test_a_sub_workflow_from_elsewhere_gets_nothing_of_an_envrc_but_the_path(theirs: Project) -> None:
    theirs.file("workflow.toml", LOCAL.split("[steps.mine]", maxsplit=1)[0])
    done = theirs.raw("run", "--env", "GIVEN=1")
    assert done.returncode == 0, done.stderr.decode()
    nowhere(theirs)
    said = "\n".join(logs(theirs).values())
    for step in ("theirs/part/a", "theirs/apart", "theirs/within/a", "theirs/each[0]", "theirs/again#1", "apart/a"):
        assert f"at {step}\n" in said
    assert "DIRENV" not in said
    assert said.count("GIVEN=1\n") == 7  # the plugin, too
    tools = {line.split(":")[0] for line in said.splitlines() if line.startswith("PATH=")}
    assert len(tools) > 1  # each copy has its own
    assert all(path.endswith("/tools") for path in tools)
    places = [line.partition("=")[2] for line in said.splitlines() if line.startswith("AGENT_WORKSPACE_ID=")]
    assert len(places) == 7
    assert len(set(places)) == 5


def test_a_workflow_of_ones_own_has_all_of_the_envrc_beside_one_from_elsewhere(theirs: Project) -> None:
    theirs.file("mine.toml", f'id = "own"\n[steps.a]\n{DUMP}\n[steps.b]\nuses = "workflow:env@acme/tools"\n')
    theirs.file("workflow.toml", 'id = "mine"\n' + LOCAL[LOCAL.index("[steps.mine]") :])
    assert theirs.raw("run").returncode == 0
    holding = [text for text in logs(theirs).values() if SECRET in text]
    assert len(holding) == 1
    assert "at mine/a\n" in holding[0]


def test_a_workflow_from_elsewhere_gets_nothing_of_an_envrc_that_is_allowed(theirs: Project) -> None:
    direnv(theirs, "allow")
    done = theirs.raw("run", "deep@acme/tools")
    assert done.returncode == 0, done.stderr.decode()
    assert b"/tools:" in done.stdout
    assert b"DIRENV" not in done.stdout
    nowhere(theirs)


def test_after_a_resume_and_in_a_shell_it_still_gets_nothing_of_it(theirs: Project) -> None:
    direnv(theirs, "allow")
    theirs.file("given", "FROM_FILE=1\n")
    theirs.file("mine.toml", 'id = "mine"\n[steps.s]\nuses = "workflow:stop@acme/tools"\n')
    for workflow, step in (("stop@acme/tools", "wait"), ("mine.toml", "s/wait")):
        (theirs.root.parent / "go").unlink(missing_ok=True)
        assert theirs.raw("run", workflow, "--env-file", "given", env={"TOKEN": SECRET}).returncode == 1
        run = theirs.ids()[-1]
        shell = theirs.raw("shell", f"{run}:{step}", "--", "env", env={"TOKEN": SECRET})
        (theirs.root.parent / "go").touch()
        done = theirs.raw("resume", run, env={"TOKEN": SECRET})
        assert (shell.returncode, done.returncode) == (0, 0), (shell.stderr, done.stderr)
        for said in (shell.stdout, done.stdout):
            assert b"FROM_FILE=1\n" in said
            assert SECRET.encode() not in said
            assert b"DIRENV" not in said
        nowhere(theirs)


def test_programs_are_asked_for_their_version_without_what_a_workflow_from_elsewhere_does_not_get(theirs: Project) -> None:
    spy = theirs.file("bin/spy", f"#!/bin/sh\nenv > {theirs.root}/asked\necho 1.2\n")
    spy.chmod(0o755)
    theirs.file("workflow.toml", 'id = "mine"\n[steps.s]\nuses = "workflow:needy@acme/tools"\n')
    for words in (("needy@acme/tools",), ()):
        seen = theirs.raw("run", "--here", *words, env={"TOKEN": SECRET, "PATH": f"{spy.parent}:{theirs.environ['PATH']}"})
        assert seen.returncode == 0, seen.stderr.decode()
        said = (theirs.root / "asked").read_text()
        (theirs.root / "asked").unlink()
        assert "PATH=" in said
        assert SECRET not in said


@pytest.fixture
def at_home(theirs: Project, tmp_path: Path) -> Path:
    """Make the person's HOME a repository, with an ``.envrc`` that they never allowed, around the cache and the runs."""
    (tmp_path / ".envrc").write_text(ENVRC + f"touch {tmp_path}/loaded\n")
    (tmp_path / ".gitignore").write_text("*\n!.envrc\n")
    (theirs.root / ".envrc").unlink()
    subprocess.run(["rm", "-r", str(theirs.root / ".git")], check=True)
    commit(tmp_path)
    return tmp_path


def test_a_home_that_is_a_repository_makes_a_workflow_from_elsewhere_no_workflow_of_ones_own(theirs: Project, at_home: Path) -> None:
    refused = theirs.run("run", "env@acme/tools")
    assert refused.status == 4, refused
    assert "would be loaded for a workflow from elsewhere, and you have not allowed it" in refused.err
    run = theirs.ids()[-1]
    assert theirs.raw("shell", run, "--", "true").returncode != 0
    for words in (("run", run, "--", "true"), ("shell", run)):
        done = theirs.run("workspace", *words)
        assert done.status == 4, done
        assert "you have not allowed it" in done.err
    assert theirs.run("run", "env@acme/tools", "--workspace-id", "box").status == 4
    assert theirs.run("workspace", "shell", "box").status == 4
    assert not (at_home / "loaded").exists()
    assert not list(at_home.glob("data/direnv/allow/*"))
    assert theirs.raw("workspace", "run", run, "--no-direnv", "--", "true").returncode == 0
    done = theirs.raw("run", "env@acme/tools", "--no-direnv")
    assert done.returncode == 0, done.stderr.decode()
    assert SECRET.encode() not in done.stdout


def test_metadata_that_a_step_changed_does_not_hide_where_a_run_came_from(theirs: Project, at_home: Path) -> None:
    theirs.run("run", "env@acme/tools")
    run = theirs.ids()[-1]
    noted = next((at_home / "cache" / "ai-workspaces").glob(f"*/{run}/.agent-tools/.agent-workflow.json"))
    noted.write_text(json.dumps(json.loads(noted.read_text()) | {"run": "other"}))
    assert theirs.run("workspace", "shell", run).status == 4
    assert not (at_home / "loaded").exists()
