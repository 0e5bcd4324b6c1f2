"""YAML: what is read as what, what is refused, and where messages point."""

from __future__ import annotations

import subprocess
import sys

import pytest
import yaml

from ropeway.lang.source import read_document, yaml_reader


def read(text):
    document, problems = read_document(text.encode(), "w.yaml")
    return document.data, problems


def told(text):
    return [(p.code, p.location.text[p.location.column - 1 : p.location.end_column - 1], p.message, p.hint) for p in read(text)[1]]


@pytest.fixture(params=["libyaml", "pure"])
def loader(request, monkeypatch):
    monkeypatch.setattr(yaml_reader, "_LOADER", {"libyaml": yaml.CSafeLoader, "pure": yaml.SafeLoader}[request.param])


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("on", "on"),
        ("off", "off"),
        ("yes", "yes"),
        ("No", "No"),
        ("y", "y"),
        ("true", True),
        ("FALSE", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("nULL", "nULL"),
        ("12", 12),
        ("-12", -12),
        ("+12", 12),
        ("0o17", 15),
        ("0x1F", 31),
        ("1_000", "1_000"),
        ("0b11", "0b11"),
        ("12:30:45", "12:30:45"),
        ("1.5", 1.5),
        ("1.0", 1.0),
        ("1.", 1.0),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("-1.5E-3", -0.0015),
        (".", "."),
        ("-", [None]),
        ("+", "+"),
        ("1.2.0", "1.2.0"),
        ("2020-01-02", "2020-01-02"),
        ("'1'", "1"),
        ('"true"', "true"),
        ("'~'", "~"),
        ("=", "="),
        ("${{ params.x }}", "${{ params.x }}"),
    ],
)
@pytest.mark.usefixtures("loader")
def test_plain_words_follow_the_core_schema_of_yaml_1_2(written, value):
    data, problems = read(f"a:\n  {written}\n" if written == "-" else f"a: {written}\n")
    assert problems == []
    assert data == {"a": value}
    assert type(data["a"]) is type(value)


@pytest.mark.parametrize(("written", "value"), [("1.10", "1.1"), ("0755", "755"), ("-007", "-7"), ("2.00", "2.0")])
def test_a_number_that_loses_part_of_its_text_is_warned_about(written, value):
    data, problems = read(f"version: {written}")
    assert [p.severity for p in problems] == ["warning"]
    assert told(f"version: {written}") == [
        ("RW027", written, f"`{written}` is read as the number {value}", f'keep it as written with quotes: "{written}"')
    ]
    assert data == {"version": float(value) if "." in value else int(value)}


GALLERY = [
    ("RW011", "a: 1\na: 2", "a", "`a` is given twice", "the first one stands on line 1; keep one of them"),
    ("RW011", 'x:\n  a: 1\n  "a": 2', '"a"', "`a` is given twice", "the first one stands on line 2; keep one of them"),
    (
        "RW022",
        "<<: {a: 1}",
        "<<",
        "merge keys (`<<`) are not part of YAML 1.2 and not read",
        "write the keys out, or use an alias (`*name`) for a whole value",
    ),
    ("RW023", "a: !!str 1", "!!str", "tags are not read", "remove the tag; text that looks like a number stands in quotes"),
    ("RW023", "a: &x !y {b: 1}", "!y", "tags are not read", "remove the tag; text that looks like a number stands in quotes"),
    ("RW024", "1: a", "1", "the key `1` is not text", 'put it in quotes: "1"'),
    ("RW024", "true: a", "true", "the key `true` is not text", 'put it in quotes: "true"'),
    ("RW024", "a: {{ b }}", "{", "a map or a list can not be a key", 'an expression at the start of a value needs quotes: "{{ … }}"'),
    ("RW024", "a: {{ b }} == 1", "{", "a map or a list can not be a key", 'an expression at the start of a value needs quotes: "{{ … }}"'),
    ("RW024", "? [a]\n: b", "[", "a map or a list can not be a key", "write the key as text"),
    (
        "RW025",
        "a: 1\n---\nb: 2",
        "---",
        "a second document begins here",
        "a file holds one workflow: remove the `---`, or put what follows into a file of its own",
    ),
    ("RW026", "a: *b", "*b", "there is no anchor `&b` before this alias", "define it above, or write the value"),
    ("RW026", "a: &b [*b]", "*b", "`*b` stands inside its own anchor", "a value can not hold itself"),
    ("RW020", "- a", "- a", "the document is not a map", "a workflow file is a map: lines of `key: value`"),
    ("RW021", "a:\n\t- b", "\t", "a tab stands in the indentation", "YAML is indented with spaces only"),
    ("RW020", "a: @b", "@", "a plain value can not begin with `@`", 'put it in quotes: "…"'),
    ("RW020", 'id = "x"', 'id = "x"', "this line looks like TOML, the file is YAML", "write `key: value`, or name the file .toml"),
    (
        "RW020",
        'id = "x"\n[steps]\na = 1',
        'id = "x"',
        "this line looks like TOML, the file is YAML",
        "write `key: value`, or name the file .toml",
    ),
    ("RW020", "<<<<<<< HEAD\na: 1", "<<<<<<<", "a merge conflict is left in the file", "resolve it, then remove its marks"),
    ("RW020", 'a: "x', '"', "this text in quotes is never closed", "close it with the quote it began with"),
    ("RW020", "a: 'it's'", "s", "the text in quotes ended before this", 'a \' inside \'…\' is doubled, a " inside "…" is written \\"'),
    ("RW020", 'a: "\\d"', "\\", "this is not an escape that YAML knows", "a backslash is doubled in \"…\"; in '…' it is itself"),
    ("RW020", 'a: "\\ud800"', "d", "this is no character of its own", "a character beyond U+FFFF is written \\U with eight digits"),
    ("RW020", "a: \x01", "\x01", "the character U+0001 can not stand in YAML", 'remove it, or write it as an escape in "…"'),
    (
        "RW020",
        "a: [b\nc: d",
        "",
        "a `,` is missing before this, or a `]`",
        "a list is `[one, two]`; text with `[]{},` in it stands in quotes",
    ),
]


@pytest.mark.parametrize(("code", "text", "marked", "message", "hint"), GALLERY)
def test_a_mistake_is_told_with_its_place_and_what_to_do(code, text, marked, message, hint):
    found = told(text)
    assert len(found) == 1
    assert (found[0][0], *found[0][2:]) == (code, message, hint)
    assert not marked or found[0][1] == marked


@pytest.mark.usefixtures("loader")
@pytest.mark.parametrize("case", GALLERY)
def test_both_parsers_find_the_same_kind_of_mistake(case):
    assert told(case[1])[0][0] == case[0]
    assert read(case[1])[0] == {}


def test_several_mistakes_are_told_at_once():
    assert [t[:2] for t in told("1: a\nb: !x c\nb: d\n<<: e\nf: 1.10\n")] == [
        ("RW024", "1"),
        ("RW023", "!x"),
        ("RW011", "b"),
        ("RW022", "<<"),
        ("RW027", "1.10"),
    ]


def test_an_alias_is_a_copy():
    data, problems = read("a: &x {b: [1]}\nc: *x\n")
    assert problems == []
    assert data == {"a": {"b": [1]}, "c": {"b": [1]}}
    assert data["a"]["b"] is not data["c"]["b"]


def test_an_alias_may_be_a_key_and_an_anchor_may_be_given_again():
    assert read("a: &k x\n*k : 1\nb: &k y\nc: *k") == ({"a": "x", "x": 1, "b": "y", "c": "y"}, [])


@pytest.mark.usefixtures("loader")
def test_a_billion_laughs_are_not_heard():
    lines = ["a0: &a0 [" + ",".join(["ha"] * 10) + "]"]
    lines += [f"a{i}: &a{i} [" + ",".join([f"*a{i - 1}"] * 10) + "]" for i in range(1, 10)]
    assert [t[:2] for t in told("\n".join(lines))] == [("RW005", "*a4")]


STRINGS = """\
plain: ab cd
quoted: 'it''s b'
double: "a\\tb\\u00e9 \\
   c"
literal: |
  first
    second

  third
folded: >-
  one
  two
   three
deep: &anchor
  - |2
      x
    y
wrapped: one
  two
spaced: "one

  two


  three"
"""


@pytest.mark.parametrize(
    ("path", "part", "line", "column"),
    [
        (("plain",), "cd", 1, 11),
        (("quoted",), "s", 2, 14),
        (("quoted",), "b", 2, 16),
        (("double",), "b", 3, 13),
        (("double",), "é", 3, 14),
        (("double",), "c", 4, 4),
        (("literal",), "first", 6, 3),
        (("literal",), "  second", 7, 3),
        (("literal",), "third", 9, 3),
        (("folded",), "two", 12, 3),
        (("folded",), "three", 13, 4),
        (("deep", 0), "x", 16, 7),
        (("deep", 0), "y", 17, 5),
        (("wrapped",), "two", 19, 3),
        (("spaced",), "two", 22, 3),
        (("spaced",), "three", 25, 3),
    ],
)
@pytest.mark.usefixtures("loader")
def test_a_part_of_a_string_is_found_in_the_file(path, part, line, column):
    document, problems = read_document(STRINGS.encode(), "w.yaml")
    assert problems == []
    value = document.data
    for key in path:
        value = value[key]
    place = document.locate(path, offset=value.index(part), length=len(part))
    assert (place.line, place.column, place.end_column) == (line, column, column + len(part))


@pytest.mark.parametrize(
    ("path", "key", "line", "marked"),
    [
        (("steps",), False, 1, "steps"),
        (("steps", "build"), False, 2, "build"),
        (("steps", "build", "needs"), True, 3, "needs"),
        (("steps", "build", "needs", 1), False, 3, "'b'"),
        (("steps", "build", "env", "A"), False, 5, '"1"'),
        (("steps", "build", "env", "B"), False, 4, "env"),
        (("list", 0, "x"), False, 7, "1"),
        (("list", 1), False, 8, "two"),
        (("again",), False, 9, "*n"),
        (("again", 0), False, 9, "again"),
    ],
)
def test_keys_and_values_are_found(path, key, line, marked):
    text = "steps:\n  build:\n    needs: &n [a, 'b']\n    env:\n      A: \"1\"\nlist:\n- x: 1\n- two\nagain: *n\n"
    document, problems = read_document(text.encode(), "w.yaml")
    assert problems == []
    place = document.locate(path, key=key)
    assert (place.line, place.text[place.column - 1 : place.end_column - 1]) == (line, marked)


def test_toml_never_imports_yaml():
    code = "import sys; from ropeway.lang.source import read_document; read_document(b'a=1', 'w.toml'); sys.exit('yaml' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
