"""What both formats share: bytes, encodings, limits, places."""

from __future__ import annotations

import time

import pytest

from ropeway.lang.source import MAX_BYTES, MAX_NODES, read_document, toml_reader, yaml_reader

TOML, YAML = "w.toml", "w.yaml"


def told(raw, name):
    """Read and return ``CODE line:column message | hint`` for each problem."""
    if isinstance(raw, str):
        raw = raw.encode()
    _, problems = read_document(raw, name)
    return [f"{p.code} {p.location.line}:{p.location.column} {p.message} | {p.hint}" for p in problems]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("w.toml", "toml"), ("w", "toml"), ("<stdin>", "toml"), ("w.yaml", "yaml"), ("W.YML", "yaml"), ("w.yaml.txt", "toml")],
)
def test_the_ending_decides_about_the_format(name, expected):
    assert read_document(b"", name)[0].format == expected


def test_a_format_that_is_given_wins_over_the_ending():
    document, problems = read_document(b"a: 1", "w.toml", format="yaml")
    assert (document.data, problems) == ({"a": 1}, [])


@pytest.mark.parametrize("name", [TOML, YAML])
def test_an_empty_file_is_an_empty_document(name):
    assert read_document(b"", name)[0].data == {}
    assert told("# nothing\n", name) == []


@pytest.mark.parametrize(("name", "text"), [(TOML, 'a = "é"\r\nb = 1\r\n'), (YAML, "a: é\r\nb: 1\r\n")])
def test_a_byte_order_mark_and_windows_line_ends_are_the_editors_business(name, text):
    document, problems = read_document(b"\xef\xbb\xbf" + text.encode(), name)
    assert (document.data, problems) == ({"a": "é", "b": 1}, [])
    place = document.locate(("b",), key=True)
    assert (place.line, place.column, place.end_column, place.text) == (2, 1, 2, text.splitlines()[1])


@pytest.mark.parametrize("name", [TOML, YAML])
def test_bytes_that_are_not_utf8_are_named_with_their_place(name):
    assert told(b"a = 1\nb\xc3\xa9 = \xff", name) == [
        "RW002 2:6 the file is not UTF-8: byte 0xff does not belong here | save the file as UTF-8"
    ]
    assert told("id".encode("utf-16"), name)[0].endswith("| the file is UTF-16; save it as UTF-8")


@pytest.mark.parametrize("name", [TOML, YAML])
def test_lone_surrogates_are_no_text(name):
    assert told(b"a = '\xed\xa0\x80'", name)[0].startswith("RW002 1:6 ")


@pytest.mark.parametrize("name", [TOML, YAML])
def test_a_nul_is_refused(name):
    assert told("a\n b\0c", name) == ["RW003 2:3 the file holds a NUL character | this looks like a binary file"]


@pytest.mark.parametrize(("name", "text"), [(TOML, 'a = ["\\u0000"]'), (YAML, 'a: ["\\0"]'), (TOML, '"\\u0000" = 1'), (YAML, '"\\x00": 1')])
def test_a_nul_as_an_escape_is_refused(name, text):
    assert [t[:5] for t in told(text, name)] == ["RW003"]
    assert told(r"a = '\u0000'" if name == TOML else r"a: '\0'", name) == []


@pytest.mark.parametrize("name", [TOML, YAML])
def test_more_than_32_mib_are_not_read(name):
    assert told(b"#" * MAX_BYTES, name) == []
    assert [t[:5] for t in told(b"#" * (MAX_BYTES + 1), name)] == ["RW001"]


@pytest.mark.parametrize(
    ("name", "of_depth"),
    [
        (TOML, lambda n: "a = " + "[" * (n - 1) + "]" * (n - 1)),
        (TOML, lambda n: "a = " + "{b = " * (n - 1) + "1" + "}" * (n - 1)),
        (TOML, lambda n: ".".join("a" * n) + " = 1"),
        (TOML, lambda n: "[" + ".".join("a" * (n - 1)) + "]"),
        (YAML, lambda n: "a: " + "[" * (n - 1) + "]" * (n - 1)),
        (YAML, lambda n: "\n".join(" " * i + "a:" for i in range(n))),
        (YAML, lambda n: "b: &b " + "[" * 50 + "]" * 50 + "\nc: " + "[" * (n - 51) + "*b" + "]" * (n - 51)),
    ],
)
def test_nesting_ends_at_a_hundred(name, of_depth):
    assert told(of_depth(100), name) == []
    assert [t[:5] for t in told(of_depth(101), name)] == ["RW004"]
    assert [t[:5] for t in told(of_depth(5000), name)] == ["RW004"]


@pytest.mark.parametrize(("name", "mark"), [(TOML, "a = ["), (YAML, "a: [")])
@pytest.mark.parametrize("limit", [1000, pytest.param(MAX_NODES, marks=pytest.mark.slow)])
def test_a_million_values_are_read_and_one_more_is_not(name, mark, limit, monkeypatch):
    for reader in (toml_reader, yaml_reader):
        monkeypatch.setattr(reader, "MAX_NODES", limit)
    assert told(mark + "1," * (limit - 3) + "1]", name) == []  # the numbers, their list, and the document
    assert [t[:5] for t in told(mark + "1," * (limit - 2) + "1]", name)] == ["RW005"]


MEGABYTES = 5_000_000


@pytest.mark.parametrize("name", [TOML, YAML])
@pytest.mark.parametrize(
    "unit",
    ["[", "{", "a", "a.", '"', "'", "x = 1 ", "a: ", "- ", "[]", "a,", "&a ", "*a ", "\\", "[a]\n", "= ", "#\n?", "!", "\t", "1,", "é"],
)
def test_five_megabytes_of_garbage_fail_at_once(name, unit):
    raw = (unit * (MEGABYTES // len(unit))).encode()
    start = time.process_time()
    _, problems = read_document(raw, name)
    spent = time.process_time() - start
    assert problems or unit == "\t"
    assert spent < 2.0, f"{spent:.1f} s of processor time"


@pytest.mark.parametrize(
    ("name", "text"),
    [(TOML, 'a = 9223372036854775808\nb = "x"'), (YAML, "a: 9223372036854775808"), (TOML, "a = " + "9" * 5000), (YAML, "a: " + "9" * 5000)],
)
def test_integers_are_64_bit(name, text):
    assert told(text, name)[0].startswith("RW006 1:")
    smallest = "a = -9223372036854775808" if name == TOML else "a: -9223372036854775808"
    assert told(smallest, name) == []


@pytest.mark.parametrize(("name", "text"), [(TOML, "a = nan\nb = [-inf]"), (YAML, "a: .nan\nb: [-.inf]")])
def test_numbers_are_finite(name, text):
    assert [t[:9] for t in told(text, name)] == ["RW006 1:4" if name == YAML else "RW006 1:5", "RW006 2:5" if name == YAML else "RW006 2:6"]


def test_what_is_not_there_is_located_at_the_nearest_table_around_it():
    document, _ = read_document(b'id = "x"\n\n[steps.build]\nrun = "x"\n', TOML)
    assert document.locate(("steps", "build", "uses")).column == 8
    assert document.locate(("steps", "build", "uses")).text == "[steps.build]"
    assert document.locate(("policy", "timeout")).line == 1
    document, _ = read_document(b"id: x\nsteps:\n  build:\n    run: x\n", YAML)
    assert document.locate(("steps", "build", "uses"), offset=3).text == "  build:"


def test_a_span_ends_with_its_line():
    document, _ = read_document(b'a = """x\nlong line\n"""', TOML)
    assert document.locate(("a",)) == document.locate(("a",), length=99)
    assert (document.locate(("a",)).column, document.locate(("a",)).end_column) == (5, 9)
    place = document.locate(("a",), offset=3, length=99)
    assert (place.line, place.column, place.end_column) == (2, 2, 10)


def test_reading_looks_for_no_places():
    document, _ = read_document(b"a = 1", TOML)
    assert document.spans is None
    document.locate(("a",))
    assert document.spans == {("a",): (0, 1, 4, 5)}


@pytest.mark.parametrize("name", [TOML, YAML])
def test_a_document_with_an_error_holds_no_data(name):
    text = "a = 1\nb = ?" if name == TOML else "a: 1\nb: @"
    assert read_document(text.encode(), name)[0].data == {}
