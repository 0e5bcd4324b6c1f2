"""Whatever a justfile holds, reading and converting it gives a result, never an exception."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from ropeway.app.importing import convert_justfile
from ropeway.app.reading import read_text
from ropeway.errors import InvalidWorkflow, UsageError
from ropeway.lang.dialects.justfile.convert import convert
from ropeway.lang.dialects.justfile.parser import parse
from ropeway.lang.dialects.justfile.shell import scan
from ropeway.lang.dialects.justfile.shim import shim

FILES = sorted((Path(__file__).parents[1] / "unit/lang/dialects/justfiles").rglob("*"))
SOURCES = [path.read_text() for path in FILES if path.is_file()]
PIECES = st.sampled_from(
    [
        *("{{", "}}", '"', "'", "`", "(", ")", "\n", "    ", " ", "$", "&&", "||", ":=", ":", "[", "]", "@", "-", "\\", "#", "{{{{", "if "),
        *(" else ", "+", "/", "x", "*", "$(", "${", "<<E", "\t", "'''", "```", "a: b\n", "set shell := ['bash', '-c']\n", "b x='1':\n    "),
        *("[confirm]\n", "[linux]\n", "#!/usr/bin/env python3\n", "{{ x }}", "export ", "alias c := a\n", "import 'd'\n", "f'", "\0", "é"),
    ]
)
MADE_UP = st.lists(PIECES, max_size=40).map("".join)


@st.composite
def damaged(draw):
    """Return a real justfile with a few pieces put in or taken out."""
    text = draw(st.sampled_from(SOURCES))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(text)))
        cut = draw(st.integers(0, 12))
        text = text[:at] + draw(st.one_of(PIECES, st.just(""))) + text[at + cut :]
    return text


@given(st.one_of(MADE_UP, damaged(), st.text()))
def test_any_text_is_read_and_converted(text):
    justfile = parse(text, "justfile")
    assert all(problem.place.line >= 1 and problem.place.column >= 1 and problem.hint for problem in justfile.problems)
    made = convert(justfile, workflow_id="x")
    assert {one.recipe for one in made.converted} <= {recipe.name for recipe in justfile.recipes}
    shim(made, "workflow.toml")


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(raw):
    try:
        convert_justfile(raw, Path("/nowhere/justfile"), "justfile", workflow_id="x")
    except UsageError as refused:
        said = refused.message
    else:
        said = "UTF-8"
    assert "UTF-8" in said


@settings(max_examples=30)
@given(damaged())
def test_what_is_written_is_a_valid_workflow(text):
    try:
        made = convert_justfile(text.encode(), Path("/nowhere/justfile"), "justfile", workflow_id="x")
    except InvalidWorkflow:  # told, and nothing is written
        return
    if made.conversion.text:
        loaded = read_text(made.conversion.text.encode(), "workflow.toml", None, cwd=Path("/nowhere"))
        assert loaded.valid


@given(st.lists(st.sampled_from([*"ab \n\t'\"`$(){}[]<>&|;#\\-", "\0", "<<E\n", "\nE\n", "$(", "${"]), max_size=30).map("".join))
def test_every_interpolation_is_seen_once_or_the_text_is_refused(text):
    found = scan(text)
    assert found.why or len(found.spots) <= text.count("\0")
