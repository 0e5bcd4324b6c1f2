"""Every example is valid without a remark, and does what it says."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
BIN = Path(sys.executable).parent
FILES = sorted(path for path in EXAMPLES.rglob("*") if path.suffix in {".toml", ".yaml"})


def workflow(folder: Path, *words: str, status: int | None = 0) -> str:
    """Run the installed command in a folder and check its exit status, if one is given; returns its standard output."""
    environ = {**os.environ, "XDG_STATE_HOME": str(folder.parent / "state")}
    argv = [str(BIN / "workflow"), *words]
    done = subprocess.run(argv, cwd=folder, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False)
    assert status in (None, done.returncode), f"{words}\n{done.stdout}{done.stderr}"
    return done.stdout


def last(folder: Path) -> dict:
    """Return the state of the latest run."""
    run = json.loads(workflow(folder, "runs", "--limit", "1", "--json"))["run"]
    return json.loads(workflow(folder, "status", run, "--json"))


def states(folder: Path) -> dict[str, str]:
    return {step["id"]: step["state"] for step in last(folder)["steps"]}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A git repository with one commit."""
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "README.md").write_text("A project.\n")
    for words in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message", "Begin"]):
        subprocess.run(["git", *words], cwd=folder, check=True)
    return folder


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(EXAMPLES)))
def test_an_example_is_valid_without_a_remark(path: Path, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    assert json.loads(workflow(tmp_path / "here", "validate", "--strict", "--json", str(path))) == {"valid": True, "diagnostics": []}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(EXAMPLES)))
def test_every_example_is_run_by_a_test_here(path: Path) -> None:
    run_by_demo = path.relative_to(EXAMPLES).parts[0] == "demo"
    used_by_another = path.name == "measure.toml"
    assert run_by_demo or used_by_another or f'"{path.parent.name}/{path.name}"' in Path(__file__).read_text()


@pytest.mark.needs("git", "bash", "node")
def test_five_languages_agree(repository: Path) -> None:
    shown = workflow(repository, "run", str(EXAMPLES / "languages/workflow.toml"), "--param", 'name=a\'b "c" $(touch PWNED)\n d')
    assert 'argv: a\'b "c" $(touch PWNED)' in shown
    assert last(repository)["outputs"] == {"total": 12, "squares": [9, 16, 25]}
    assert not (repository / "PWNED").exists()


@pytest.mark.needs("git", "bash")
def test_the_languages_do_without_node(repository: Path) -> None:
    workflow(repository, "run", str(EXAMPLES / "languages/workflow.toml"), "--param", "node=false", "--param", "numbers=[1, 2]")
    assert last(repository)["outputs"] == {"total": 3, "squares": [1, 4]}
    assert states(repository)["node"] == "skipped"


@pytest.mark.needs("git", "bash")
def test_a_sub_workflow_is_used_twice_with_other_inputs(repository: Path) -> None:
    shown = workflow(repository, "run", str(EXAMPLES / "subworkflow/workflow.toml"))
    assert "first: 3 words" in shown
    assert last(repository)["outputs"] == {"words": 3, "lines": 1}
    assert {"first/count", "second/count"} <= states(repository).keys()


@pytest.mark.needs("git", "bash")
def test_foreach_and_repeat_give_lists_and_stop_in_time(repository: Path) -> None:
    workflow(repository, "run", str(EXAMPLES / "foreach/workflow.toml"), "--param", "wanted=2")
    assert last(repository)["outputs"] == {"lengths": [9, 8, 23], "longest": 23, "score": 2}
    found = states(repository)
    assert "polish#2" in found
    assert "polish#3" not in found


@pytest.mark.needs("git", "bash")
def test_a_program_is_a_step(repository: Path) -> None:
    shown = workflow(repository, "run", str(EXAMPLES / "plugin/workflow.toml"))
    assert "attempt 1 of count: 9 words" in shown
    assert "9 words, most of all the and quick" in shown


@pytest.mark.needs("git", "bash")
def test_a_program_says_in_its_own_words_why_it_failed(repository: Path) -> None:
    workflow(repository, "run", str(EXAMPLES / "plugin/workflow.toml"), "--param", "text= ", status=1)
    assert [step["error"] for step in last(repository)["steps"] if step["id"] == "count"] == [
        "there are no words (give a text that is not empty)"
    ]


@pytest.mark.needs("git", "bash")
def test_a_release_waits_for_two_answers_and_makes_the_tag(repository: Path) -> None:
    file = str(EXAMPLES / "release/workflow.toml")
    shown = workflow(repository, "run", file, "--param", "current=1.2.3", status=6)
    assert "kind: waits for an answer: 1 changes since 1.2.3" in shown
    workflow(repository, "answer", ":kind", "minor", status=6)
    workflow(repository, "answer", ":approve", "yes")
    assert last(repository)["outputs"] == {"version": "1.3.0"}
    tags = subprocess.run(["git", "tag", "-n9"], cwd=repository, capture_output=True, text=True, check=True).stdout
    assert tags.startswith("v1.3.0")
    assert "* Begin" in tags


@pytest.mark.needs("git", "bash")
def test_a_release_that_is_declined_makes_no_tag(repository: Path) -> None:
    workflow(repository, "run", str(EXAMPLES / "release/workflow.toml"), "--param", "current=1.2.3", status=6)
    workflow(repository, "answer", ":kind", "major", status=6)
    workflow(repository, "answer", ":approve", "no", status=1)
    assert states(repository)["tag"] == "skipped"
    assert subprocess.run(["git", "tag"], cwd=repository, capture_output=True, check=True).stdout == b""


def test_a_pallet_document_is_planned_and_drawn_and_says_why_it_can_not_run_here(tmp_path: Path) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    file, ticket = str(EXAMPLES / "pallet/support.yaml"), ("--param", 'ticket={"body": "b", "customer": "c", "subject": "s"}')
    plan = json.loads(workflow(folder, "plan", file, *ticket, "--json"))
    assert json.dumps(plan).count("search_manual") == 1
    drawn = workflow(folder, "graph", file)
    assert [line.split("  ")[0].strip("├└─↓ ") for line in drawn.splitlines()[1:]] == ["classify", "history", "manual", "report", "answer"]
    refused = json.loads(workflow(folder, "run", file, *ticket, "--json", status=4))
    assert refused["error"]["code"] == "not-enforceable"


@pytest.fixture
def migrating(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A git repository with the files of one of the migration's examples."""
    folder = tmp_path / "repository"
    shutil.copytree((EXAMPLES / "migration" / request.param).parent, folder)
    for words in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message", "Begin"]):
        subprocess.run(["git", *words], cwd=folder, check=True)
    return folder


@pytest.mark.needs("git", "bash")
@pytest.mark.parametrize("migrating", ["workspace-aware/workflow.toml"], indirect=True)
def test_an_agent_works_in_a_working_copy_with_the_tools_of_the_repository(migrating: Path) -> None:
    shown = workflow(migrating, "run", "--param", 'task=it\'s $(touch PWNED) "fine"', "--workspace-id", "task-1")
    assert f"in task-1, not in {migrating}\n" in shown
    assert last(migrating)["outputs"] == {"files": ["NOTES.md"]}
    assert workflow(migrating, "workspace", "run", "task-1", "--", "cat", "NOTES.md") == '* it\'s $(touch PWNED) "fine"\n'
    assert sorted(path.name for path in migrating.iterdir()) == [".git", "README.md", "agents.just", "scripts", "workflow.toml"]


@pytest.mark.needs("git", "bash")
@pytest.mark.parametrize("migrating", ["iterative-loop/workflow.toml"], indirect=True)
def test_an_agent_tries_until_the_check_passes(migrating: Path) -> None:
    shown = workflow(migrating, "run")
    assert [line for line in shown.splitlines() if line.endswith(" left")] == ["  | 2 left", "  | 1 left", "  | 0 left"]
    assert "fourth: mended" in shown
    assert "fourth: broken" in (migrating / "work.txt").read_text()
    assert states(migrating) == {
        "refine": "succeeded",
        "refine#1": "succeeded",
        "refine#2": "succeeded",
        "refine#3": "succeeded",
        "done": "succeeded",
    }


@pytest.mark.needs("git", "bash")
@pytest.mark.parametrize("migrating", ["interactive-shell/workflow.toml"], indirect=True)
def test_a_person_looks_in_a_shell_and_decides(migrating: Path) -> None:
    assert "an interactive step needs a terminal" in json.loads(workflow(migrating, "run", "--json", status=4))["error"]["message"]
    environ = {**os.environ, "XDG_STATE_HOME": str(migrating.parent / "state"), "TERM": "dumb", "PS1": "look> "}
    terminal = pexpect.spawn(
        str(BIN / "workflow"), ["run", "--plain", "--param", "shell=bash,--norc,-i"], cwd=migrating, env=environ, timeout=60
    )
    terminal.expect_exact("look> ")
    terminal.sendline("cat made.txt; echo looked >> made.txt; exit")
    terminal.expect_exact("made by an agent")
    terminal.expect_exact("Keep it?")
    terminal.sendline("yes")
    terminal.expect_exact("kept: made by an agent looked")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0


@pytest.mark.needs("git", "bash")
@pytest.mark.parametrize("migrating", ["workspace-aware/workflow.toml"], indirect=True)
def test_old_recipes_call_the_new_workflows(migrating: Path) -> None:
    """Without just: the shim itself, made into a workflow, runs what its recipes would run."""
    (migrating / "workflows").mkdir()
    (migrating / "workflow.toml").rename(migrating / "workflows/implement.toml")
    shutil.copy(EXAMPLES / "migration/shim/justfile", migrating)
    found = json.loads(workflow(migrating, "import", "justfile", "--json"))
    assert [one["recipe"] for one in found["converted"]] == ["implement", "refine", "review", "workflow", "workspace"]
    assert found["skipped"] == []
    path = f"PATH={BIN}:{os.environ['PATH']}"
    workflow(migrating, "run", "--param", "recipe=implement", "--param", 'implement_task=it\'s "fine"', "--env", path)
    assert '+* it\'s "fine"\n' in workflow(migrating, "diff")


@pytest.mark.slow
@pytest.mark.needs("git", "bash")
def test_this_projects_own_checks_run_as_a_workflow(tmp_path: Path) -> None:
    """In a copy, because the tools leave caches; with few tests, because the others run beside this one."""
    folder = tmp_path / "ropeway"
    folder.mkdir()
    for name in ("src", "tests", "scripts", "examples", "docs"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"), symlinks=True)
    for name in ("pyproject.toml", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "zensical.toml", "Makefile"):
        shutil.copy(ROOT / name, folder)
    chosen = ["--param", f"bin={BIN}", "--param", 'tests=["tests/unit/test_plugins.py"]']
    steps = ("style", "format", "types", "imports", "tests")
    shown = workflow(folder, "run", str(EXAMPLES / "checks/workflow.toml"), *chosen, status=None)
    found = states(folder)
    assert found.keys() == {*steps, "verdict"}
    # Whether the project is clean is for `make check` to say; here the tools have run, and the verdict tells what they found.
    assert set(found.values()) <= {"succeeded", "failed"}
    assert found["tests"] == "succeeded"
    bad = [step for step in steps if found[step] == "failed"]
    assert ("not passed: " + ", ".join(bad) if bad else "all checks passed") in shown
    assert "source files" in shown


@pytest.mark.needs("git", "bash")
def test_a_check_that_fails_leaves_the_others_running(repository: Path) -> None:
    (repository / "bin").mkdir()
    for name in ("ruff", "mypy", "lint-imports", "python"):
        tool = repository / "bin" / name
        tool.write_text(f"#!/bin/sh\nexit {int(name == 'mypy')}\n")
        tool.chmod(0o755)
    shown = workflow(repository, "run", str(EXAMPLES / "checks/workflow.toml"), "--param", "bin=bin", status=1)
    assert "not passed: types" in shown
    assert states(repository) == {
        "style": "succeeded",
        "format": "succeeded",
        "types": "failed",
        "imports": "succeeded",
        "tests": "succeeded",
        "verdict": "succeeded",
    }
