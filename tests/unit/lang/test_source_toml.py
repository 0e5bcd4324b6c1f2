"""TOML: what people get to read when they get it wrong, and where it points."""

from __future__ import annotations

import pytest

from ropeway.lang.source import read_document


def told(text):
    _, problems = read_document(text.encode(), "w.toml")
    return [(p.code, p.location.text[p.location.column - 1 : p.location.end_column - 1], p.message, p.hint) for p in problems]


ONE_LINE = "close it on the same line; text of several lines stands in \"\"\"…\"\"\" or '''…'''"
QUOTES = "text stands in quotes: \"…\", or '…' when it holds backslashes or double quotes"
INLINE = "an inline table stands on one line, without a comma at its end; for more, use a `[table]`"
LINE = "a line is `key = value` or `[table]`"
BACKSLASH = "a backslash is doubled in \"…\"; put paths and patterns in '…', where it is itself"

GALLERY = [
    ("a = foo", "foo", "`foo` is not a TOML value", 'put it in quotes: "foo"'),
    ("version = 1.2.0", "1.2.0", "`1.2.0` is not a TOML value", 'put it in quotes: "1.2.0"'),
    ("timeout = 30m # half", "30m", "`30m` is not a TOML value", 'put it in quotes: "30m"'),
    ("a = 007", "007", "`007`: a number has no leading zeros", 'write it without them, or as text: "007"'),
    ("a = .5", ".5", "`.5` is not a TOML number", "a number has digits on both sides of the point"),
    ("a = yes", "yes", "`yes` is not a TOML value", "write `true`, or quotes around text"),
    ("a = False", "False", "`False` is not a TOML value", "write `false`, or quotes around text"),
    ("a = null", "null", "`null` is not a TOML value", "TOML has no null: leave the key out"),
    ("a = \u201cx\u201d", "\u201cx\u201d", "curly quotes are not quotes to TOML", 'use straight ones: "…"'),
    ("a =\nb = 1", "", "a value is missing here", f"write it after the `=`; {QUOTES}"),
    (
        "a = 2020-13-45T00:00:00",
        "2020-13-45T00:00:00",
        "`2020-13-45T00:00:00` is not a TOML value",
        'put it in quotes: "2020-13-45T00:00:00"',
    ),
    ("a = 2020-02-31", "2020-02-31", "`2020-02-31` is not a date", 'put it in quotes when it is text: "2020-02-31"'),
    ('run "x"', '"', "`=` is missing after the key `run`", LINE),
    ("my key = 1", "my ", "this key is not a bare key", 'a key with spaces or signs stands in quotes: "my key" = …'),
    ("a..b = 1", ".", "a dotted key has an empty part", "remove the dot, or name the part"),
    ("run: make", "run: make", "this line looks like YAML, the file is TOML", "write `key = value`, or name the file .yaml"),
    ("a = 1\n- b", "- b", "this line looks like YAML, the file is TOML", "write `key = value`, or name the file .yaml"),
    ('{"id": 1}', "{", "this looks like JSON", "a workflow is TOML or YAML; JSON is read as YAML when the file's name ends in .yaml"),
    ("<<<<<<< HEAD\na = 1", "<<<<<<<", "a merge conflict is left in the file", "resolve it, then remove its marks"),
    ("a = 1\n=======\nb = 1", "=======", "a merge conflict is left in the file", "resolve it, then remove its marks"),
    ('a = "x\nb = 1', '"x', "this string is not closed", ONE_LINE),
    ("a = 'x\nb = 1", "'x", "this string is not closed", ONE_LINE),
    ('a = """x\nb = 1', '"""', "this string is never closed", 'close it with """'),
    ("a = '''x\nb = 1", "'''", "this string is never closed", "close it with '''"),
    ('a = "say "hi""', 'hi""', "the string ended before this", 'a " inside "…" is written \\"; or put the text in \'…\''),
    ("a = 'it's'", "s'", "the string ended before this", "a ' can not stand in '…'; put the text in \"…\""),
    ('a = "x\x01"', "\x01", "the control character U+0001 stands here", 'write it as an escape in a "…" string, or remove it'),
    ("a = 1\rb = 2", "\r", "a carriage return stands here without a line feed", "end lines with LF or CRLF"),
    ('a = ["x" "y"]', '"y"', "a `,` is missing before this, or a `]`", "a list is `[one, two]`"),
    ("a = [1,\nb = 2", "b = 2", "the list before this is not closed", "close it with `]`"),
    ("a = [1", "[", "this list is never closed", "close it with `]`"),
    ("a = { b = 1, }", "}", "a key is missing here", INLINE),
    ("a = {\n  b = 1\n}", "", "a key is missing here", INLINE),
    (
        "a = { b = 1\n",
        "",
        "this inline table is not closed on its line",
        "an inline table stands on one line: close it with `}`, or use a `[table]`",
    ),
    ("a = { b = 1 c = 2 }", "c", "a `,` is missing before this, or a `}`", "an inline table is `{ a = 1, b = 2 }`"),
    (
        "[a b]",
        "b",
        "the table's header is not closed here",
        "a header is `[table]` or `[[list of tables]]`; a name with spaces or signs stands in quotes",
    ),
    ("[a.]", "]", "a table's header needs a name here", "write `[table]` or `[table.inner]`; odd names in quotes"),
    ("[a] b = 1", "b = 1", "nothing may follow a table's header on its line", "start a new line here"),
    ("a = 'x' b = 1", "b = 1", "a new line is missing before this", "every `key = value` has a line of its own"),
    ("}", "}", "`}` closes nothing", "remove it, or look for what should have opened it above"),
    ("= 1", "=", "a line can not begin with `=`", "a line is `key = value`, `[table]` or `# comment`"),
]


@pytest.mark.parametrize(("text", "marked", "message", "hint"), GALLERY)
def test_a_mistake_is_told_with_its_place_and_what_to_do(text, marked, message, hint):
    code, found, said, advice = told(text)[0]
    assert (code, said, advice) == ("RW010", message, hint)
    assert found == marked


@pytest.mark.parametrize(
    ("text", "marked", "message", "hint"),
    [
        ('a = "C:\\Users"', "\\U", "`\\U` is not an escape that TOML knows", BACKSLASH),
        ('a = "\\d+"', "\\d", "`\\d` is not an escape that TOML knows", BACKSLASH),
        ('a = "\\ud800"', "\\ud800", "`\\ud800` is no character of its own", "a character beyond U+FFFF is written \\U with eight digits"),
    ],
)
def test_a_backslash_that_is_no_escape_gets_its_own_code(text, marked, message, hint):
    assert told(text) == [("RW012", marked, message, hint)]


@pytest.mark.parametrize(
    ("text", "name", "line"),
    [
        ("a = 1\na = 2", "a", 1),
        ("[t]\nb = 1\nb = 2", "t.b", 2),
        ("[t]\n[u]\n[t]", "t", 1),
        ("a = { x = 1, x = 2 }", "a.x", 1),
        ("a.b = 1\n[a]", "a", 1),
        ("[a.b]\n[a]\nb.c = 1", "a.b", 1),
        ("a = 1\na.b = 2", "a", 1),
        ("[[a]]\n[a]", "a", 1),
        ("a = []\n[[a]]", "a", 1),
        ("\"a\" = 1\n'a' = 2", "a", 1),
        ("[[s]]\nx = 1\n[[s]]\nx = 1\nx = 2", "s.1.x", 4),
    ],
)
def test_what_is_given_twice_names_both_places(text, name, line):
    code, _, message, hint = told(text)[0]
    assert (code, message, hint) == ("RW011", f"`{name}` is given twice", f"the first one stands on line {line}; keep one of them")


def test_several_mistakes_are_told_at_once():
    text = 'id = hello\n\n[steps.a]\nrun = "x"\nrun = "y"\n\n[steps.b]\ntimeout = 5m\n'
    _, problems = read_document(text.encode(), "w.toml")
    assert [(p.code, p.location.line) for p in problems] == [("RW010", 1), ("RW011", 5), ("RW010", 8)]


@pytest.mark.parametrize(
    "text",
    ["a = [\n1\n2\n3\n", "a = [1,\nb = 2\nc = 3\nd = 4\n", "[a\nx = 1\n[b]\nx = 1\n", "[t]\nx = 1\n[t]\nx = 2\n", 'a = """\nb = "c"\nd\n'],
)
def test_one_mistake_makes_no_echoes(text):
    assert len(told(text)) == 1


def test_dates_and_times_are_read_as_text():
    document, problems = read_document(b"a = 2020-01-02\nb = [2020-01-02T03:04:05Z]\nc.d = 07:30:00", "w.toml")
    assert problems == []
    assert document.data == {"a": "2020-01-02", "b": ["2020-01-02T03:04:05+00:00"], "c": {"d": "07:30:00"}}


STRINGS = '''\
plain = "ab"
escaped = "a\\tb\\u00e9\\U0001F600c"
literal = 'a\\b'
block = """
first \\
    second
third\\n"x"
"""
raw = \'\'\'
one
two\'\'\'
'''


@pytest.mark.parametrize(
    ("path", "part", "line", "column"),
    [
        ("plain", "b", 1, 11),
        ("escaped", "b", 2, 15),
        ("escaped", "é", 2, 16),
        ("escaped", "c", 2, 32),
        ("literal", "b", 3, 14),
        ("block", "first", 5, 1),
        ("block", "second", 6, 5),
        ("block", "third", 7, 1),
        ("block", '"x"', 7, 8),
        ("raw", "one", 10, 1),
        ("raw", "two", 11, 1),
    ],
)
def test_a_part_of_a_string_is_found_in_the_file(path, part, line, column):
    document, _ = read_document(STRINGS.encode(), "w.toml")
    place = document.locate((path,), offset=document.data[path].index(part), length=len(part))
    assert (place.line, place.column) == (line, column)


@pytest.mark.parametrize("written", ['"""x"""', '"""x""""', '"""x"""""', "'''x'''", "'''x''''", "'''x'''''", '"""\\""""', '""""""', "''"])
def test_quotes_at_the_end_of_a_string_belong_to_it(written):
    document, problems = read_document(f"a = {written}\nb = 1".encode(), "w.toml")
    assert problems == []
    document.locate(())
    assert document.spans[("a",)][2:] == (4, 4 + len(written))
    assert document.locate(("b",)).line == 2


TABLES = """\
[steps.build]
needs = ["a", 'b']   # ["c"]
env = { "A B" = 1, c.d = [ { e = 2 } ] }

[[list]]
x = 1
[[list]]
x = 2
[list.y]
z = 3
"""


@pytest.mark.parametrize(
    ("path", "key", "line", "marked"),
    [
        (("steps",), True, 1, "steps"),
        (("steps", "build"), True, 1, "build"),
        (("steps", "build"), False, 1, "[steps.build]"),
        (("steps", "build", "needs"), True, 2, "needs"),
        (("steps", "build", "needs", 1), False, 2, "'b'"),
        (("steps", "build", "needs", 7), False, 2, "needs"),
        (("steps", "build", "env", "A B"), True, 3, '"A B"'),
        (("steps", "build", "env", "c", "d", 0, "e"), False, 3, "2"),
        (("list", 0), False, 5, "[[list]]"),
        (("list", 1, "x"), False, 8, "2"),
        (("list", 1, "y", "z"), True, 10, "z"),
    ],
)
def test_keys_and_values_are_found(path, key, line, marked):
    document, _ = read_document(TABLES.encode(), "w.toml")
    place = document.locate(path, key=key)
    assert (place.line, place.text[place.column - 1 : place.end_column - 1]) == (line, marked)
