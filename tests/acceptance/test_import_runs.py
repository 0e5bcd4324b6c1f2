"""A justfile that became a workflow does what it did before: the same output, from real shells."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from acceptance.harness import Project
from support.justfile_runs import CASES, Case

FILES = Path(__file__).parents[1] / "unit/lang/dialects/justfiles"
HEADING = re.compile(rb"^==> (\S+)(?: \(.*\))? <==\n", re.MULTILINE)


def prepared(root: Path, name: str) -> None:
    """Put a justfile of the collection into a folder, with the files that its recipes read."""
    for path in (FILES / name).iterdir() if (FILES / name).is_dir() else [FILES / f"{name}.just"]:
        shutil.copy(path, root / (path.name if path.parent != FILES else "justfile"))
    (root / "VERSION").write_text("1.2.3\n")
    (root / ".env").write_text("DATABASE_USER=ann\n")
    (root / "work/deep").mkdir(parents=True)


def printed(project: Project) -> str:
    """Return what the steps that were recipes printed, in the order in which they ran."""
    parts = HEADING.split(project.raw("logs", "--stream", "stdout").stdout)
    texts = [parts[0], *(text for step, text in zip(parts[1::2], parts[2::2], strict=True) if not step.endswith((b"-check", b"-confirm")))]
    return b"".join(texts).decode()


def in_order(case: Case, text: str) -> list[str]:
    """Return the lines of a text; sorted where recipes run at the same time."""
    return sorted(text.splitlines()) if case.file == "checks" else text.splitlines()


@pytest.mark.slow
@pytest.mark.needs("bash", "node")
@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join([case.file, *case.arguments]))
def test_a_recipe_does_the_same_as_a_workflow(case: Case, project: Project) -> None:
    prepared(project.root, case.file)
    assert project.raw("import", "justfile").returncode == 0
    words = [word for pair in case.params for word in ("--param", pair)]
    done = project.raw("run", *words)
    if done.returncode == 6:
        done = project.raw("answer", f":{case.arguments[0]}-confirm", "yes")
    assert done.returncode == case.status, done.stderr.decode()
    assert in_order(case, printed(project)) == in_order(case, case.said)


@pytest.mark.slow
def test_the_expectations_are_what_just_does(tmp_path: Path) -> None:
    just = shutil.which("just")
    if just is None:
        pytest.skip("expected: just is not installed, and nothing but this comparison needs it")
    for number, case in enumerate(CASES):
        (tmp_path / str(number)).mkdir()
        project = Project(tmp_path / str(number))
        prepared(project.root, case.file)
        environ = {**project.environ, "JUST_UNSTABLE": "1"}
        argv = [just, "--yes", *case.arguments]
        done = subprocess.run(argv, cwd=project.root, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        found = in_order(case, done.stdout)
        assert (min(done.returncode, 1), found) == (case.status, in_order(case, case.said)), (case, done.stderr)
