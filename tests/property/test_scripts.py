"""Scripts of any shape: compiling them never fails, changes nothing but the expressions, and no script that is accepted runs a value."""

from __future__ import annotations

import contextlib
import os
import random
import re
import signal
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ropeway.lang.expressions import INTEGER, STRING
from ropeway.lang.scripts import compile_script
from support_scripts import PIECES, VALUES, Grammar

SHELLS = ["bash", "sh", "python", "node", "ruby"]


def type_of(source):
    return INTEGER if source == "n" else STRING


def compile_(text, shell):
    return compile_script(text, shell, type_of)


# What an expression may become. Line ends inside it are kept in a form that the language does not see.
REFERENCES = {
    "bash": r'"?\$\{NAME\}"?(?:\\\n)*',
    "sh": r'"?\$\{NAME\}"?(?:\\\n)*',
    "python": r' ?__ropeway__\["NAME"\n*\]',
    "node": r" ?__ropeway__\n*\.NAME ?",
}


def between(text):
    """Return a pattern for what stands between expressions: itself, with ``$${{`` as ``${{`` (not in comments)."""
    return r"(?:[$\\]|')?\$\{\{'?".join(re.escape(part) for part in text.split("$${{"))


anything = st.one_of(
    st.text(),
    st.lists(st.sampled_from(PIECES), max_size=30).map("".join),
    st.randoms(use_true_random=False).map(lambda r: Grammar(r).commands(2)),
)


@given(anything, st.sampled_from(SHELLS))
def test_any_text_gives_a_result_whose_places_lie_inside_it(text, shell):
    compiled = compile_(text, shell)
    for problem in compiled.problems:
        assert 0 <= problem.offset <= problem.offset + problem.length <= len(text) + 1
        assert problem.message
    for use in compiled.uses:
        assert text[use.offset : use.offset + 3] == "${{"
        assert text[use.source_offset :].startswith(use.source)
        assert compiled.variables[use.variable] == use.source


@given(anything, st.sampled_from(SHELLS[:4]))
def test_an_accepted_script_changes_only_where_expressions_stand_and_keeps_its_lines(text, shell):
    compiled = compile_(text, shell)
    if compiled.problems:
        return
    assert compiled.text.count("\n") == text.count("\n")
    at, pattern = 0, ""
    for use in compiled.uses:
        pattern += between(text[at : use.offset]) + REFERENCES[shell].replace("NAME", use.variable)
        at = use.end
    assert re.fullmatch(pattern + between(text[at:]), compiled.text)


@given(st.text(), st.sampled_from(SHELLS))
def test_a_text_without_expressions_stays_as_it_is(text, shell):
    if "${{" not in text and "\0" not in text:
        assert compile_(text, shell).text == text
        assert compile_(text, shell).problems == []


def run_bounded(argv, cwd, env):
    """Run a generated script and end all that it started: a function that calls itself in a subshell would fork until memory is gone.

    Bash is held by FUNCNEST too; other shells have no such bound.
    """
    quiet = subprocess.DEVNULL
    with subprocess.Popen(argv, cwd=cwd, env=env, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True) as process:
        try:
            process.wait(timeout=10)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.parametrize("shell", ["bash", "sh"])
@pytest.mark.parametrize("seed", range(4))
def test_no_script_that_is_accepted_runs_a_value(shell, seed, tmp_path):
    """Scripts from a grammar that knows every context and every evaluating command, a fifth of them damaged, with hostile values.

    The grammar's scripts evaluate nothing of their own accord, so whatever makes the file PWNED came from a value.
    """
    source = random.Random(seed)
    path = tmp_path / "bin"
    path.mkdir()
    for program in ("touch", "bash", "sh", "cat", "true", "env"):  # and nothing that could do harm
        (path / program).symlink_to(next(p for p in (Path("/usr/bin", program), Path("/bin", program)) if p.exists()))
    ran = 0
    while ran < 60:
        text = Grammar(source, posix=shell == "sh").commands(source.choice([1, 2, 2, 3]))
        if source.random() < 0.2:
            at = source.randrange(len(text) + 1)
            text = text[:at] + source.choice(PIECES) + text[at:]
        compiled = compile_(text, shell)
        if compiled.problems or not compiled.variables or "\0" in compiled.text:
            continue
        ran += 1
        value = source.choice(VALUES)
        env = {name: "7" if of == "n" else value for name, of in compiled.variables.items()}
        work = tmp_path / str(ran)
        work.mkdir()
        argv = [str(path / shell), "-c", "--", compiled.text, "script"]
        run_bounded(argv, work, env | {"PATH": str(path), "FUNCNEST": "50"})
        assert not (work / "PWNED").exists(), (text, compiled.text, value)
