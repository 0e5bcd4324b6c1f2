"""Which lines need no parser, and how the program ends."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ropeway.cli.running import plain_line


@pytest.mark.parametrize(
    ("line", "meaning"),
    [
        (["run"], (None, False, False)),
        (["run", "a.toml"], ("a.toml", False, False)),
        (["run", ""], ("", False, False)),
        (["run", "a b"], ("a b", False, False)),
        (["run", "--locked"], (None, True, False)),
        (["run", "--locked", "a@b"], ("a@b", True, False)),
        (["run", "a@b", "--offline", "--locked"], ("a@b", True, True)),
    ],
)
def test_a_run_without_other_options_is_understood_without_a_parser(line, meaning) -> None:
    assert plain_line(line, {}) == meaning


@pytest.mark.parametrize(
    "line",
    [[], ["runs"], ["plan"], ["run", "--json"], ["run", "-j2"], ["run", "-"], ["run", "--"], ["run", "a", "b"], ["run", "--locked=1"]],
)
def test_any_other_line_is_left_to_the_parser(line) -> None:
    assert plain_line(line, {}) is None


@pytest.mark.parametrize("variable", ["_WORKFLOW_COMPLETE", "_ROPEWAY_COMPLETE"])
def test_a_shell_that_completes_words_is_answered_by_the_parser(variable) -> None:
    assert plain_line(["run"], {variable: "bash_complete"}) is None


def test_the_program_ends_with_its_status_and_calls_who_asked_to_be_called_at_the_end() -> None:
    code = (
        "import atexit, sys\n"
        "atexit.register(lambda: sys.stdout.write('at the end '))\n"
        "sys.argv = ['workflow', 'explain', 'no-such-code']\n"
        "from ropeway.cli.main import main\n"
        "sys.exit(main())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (3, "at the end ")
    assert done.stderr.startswith("error: ")
