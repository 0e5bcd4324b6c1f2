"""Whatever bytes come in, reading answers, and every place that it names is in the text."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from ropeway.lang.source import read_document

TOML_BITS = [
    "[",
    "]",
    "[[",
    "]]",
    "{",
    "}",
    "=",
    ",",
    ".",
    '"',
    '"""',
    "'",
    "'''",
    "\\",
    "\\u12",
    "#",
    "\n",
    "\r\n",
    "\t",
    " ",
    "a",
    "b",
    "1",
    "1.",
    "-",
    "true",
    "2020-01-01",
    "07:00:00",
    "é",
    "inf",
    "\x00",
    "\r",
]
YAML_BITS = [
    "[",
    "]",
    "{",
    "}",
    ":",
    ": ",
    ",",
    "- ",
    "? ",
    '"',
    "'",
    "|",
    ">",
    "|2-\n",
    "&a ",
    "*a",
    "!x ",
    "<<",
    "#",
    " #",
    "\n",
    "\n ",
    "\n  ",
    "\t",
    " ",
    "a",
    "b",
    "1",
    "1.10",
    "~",
    "true",
    "---\n",
    "...\n",
    "%YAML 1.2\n",
    "é",
    "\x85",
    "\u2028",
    "\x00",
    "\\",
]


def check(raw, name):
    document, problems = read_document(raw, name)
    lines = document.text.split("\n")
    for problem in problems:
        place = problem.location
        assert problem.code.startswith("RW0")
        assert problem.message
        assert lines[place.line - 1] == place.text
        assert 1 <= place.column <= len(place.text) + 1
        assert place.column < place.end_column <= max(len(place.text), place.column) + 1
    if any(p.severity == "error" for p in problems):
        assert document.data == {}
    for path in [(), ("a",), ("a", 0, "b"), ("a", "b")]:
        for offset in (None, 0, 5):
            place = document.locate(path, offset=offset, length=3)
            assert lines[place.line - 1] == place.text
    return document


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200), st.sampled_from(["w.toml", "w.yaml"]))
@example(b"", "w.toml")
@example(b"\xef\xbb\xbf", "w.yaml")
@example(b"\xff\xfe\x00", "w.toml")
@example(b"a='\\ud800'", "w.toml")
@example(b'a="\\ud800"', "w.yaml")
@example(b'a="\\', "w.toml")
def test_any_bytes_are_answered(raw, name):
    check(raw, name)


@settings(max_examples=500, deadline=None)
@given(st.lists(st.sampled_from(TOML_BITS), max_size=30).map("".join))
def test_any_heap_of_toml_tokens_is_answered(text):
    check(text.encode(), "w.toml")


@settings(max_examples=500, deadline=None)
@given(st.lists(st.sampled_from(YAML_BITS), max_size=30).map("".join))
def test_any_heap_of_yaml_tokens_is_answered(text):
    check(text.encode(), "w.yaml")


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=100), st.sampled_from(["w.toml", "w.yaml"]))
def test_any_text_is_answered(text, name):
    check(text.encode(errors="surrogatepass"), name)
