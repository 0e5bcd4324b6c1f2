"""TOML: what a random document says, and where, for every value and every character of every string."""

from __future__ import annotations

import tomllib

from hypothesis import given, settings
from hypothesis import strategies as st

from ropeway.lang.source import read_document
from ropeway.lang.source.strings import toml_offset

ESCAPES = {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", '"': '\\"', "\\": "\\\\"}

characters = st.characters(exclude_categories=["Cs"], exclude_characters="\0") | st.sampled_from("\"'\\\n\t #=[]{},.")
texts = st.text(characters, max_size=12)
keys = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6) | st.from_regex(
    r"[a-z0-9_-]{1,5}", fullmatch=True
)
numbers = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
scalars = texts | st.booleans() | numbers
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3), max_leaves=8)
documents = st.dictionaries(keys, values | st.lists(st.dictionaries(keys, values, max_size=2), min_size=1, max_size=3), max_size=4)


class Printer:
    """Writes data as TOML, choosing among the ways that the grammar allows."""

    def __init__(self, draw):
        self.draw = draw
        self.lines = []

    def choose(self, *ways):
        return self.draw(st.sampled_from(ways))

    def blank(self):
        return self.choose("", " ", "\t", "  ")

    def comment(self):
        return self.choose("", "", ' # [not] = a "key"\'', "#")

    def escaped(self, text, keep=""):
        return "".join(
            c if c in keep else ESCAPES.get(c) or (f"\\u{ord(c):04x}" if ord(c) < 32 or ord(c) == 127 else self.far(c)) for c in text
        )

    def far(self, character):
        return f"\\U{ord(character):08X}" if ord(character) > 0xFFFF and self.draw(st.booleans()) else character

    def key(self, name):
        ways = ['"' + self.escaped(name) + '"']
        if name and all(c.isascii() and (c.isalnum() or c in "-_") for c in name):
            ways.append(name)
        if "'" not in name and name.isprintable():
            ways.append(f"'{name}'")
        return self.choose(*ways)

    def string(self, text):
        ways = ["basic", "folded"]
        if all(c.isprintable() or c == "\t" for c in text) and "'" not in text:
            ways.append("literal")
        if "'''" not in text and all(c.isprintable() or c in "\t\n" for c in text) and not text.endswith("'"):
            ways.append("block literal")
        way = self.choose(*ways)
        if way == "basic":
            return '"' + self.escaped(text) + '"'
        if way == "literal":
            return f"'{text}'"
        first = self.choose("", "\n") if not text.startswith("\n") else "\n"
        if way == "block literal":
            return f"'''{first}{text}'''"
        body = ""
        for c in text:
            body += self.choose("", "", "\\\n", "\\ \n \n\t") if not c.isspace() else ""
            body += self.escaped(c, keep="\n\t")
        return f'"""{first}{body}"""'

    def value(self, value):
        if isinstance(value, str):
            return self.string(value)
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, list):
            gap = self.choose("", " ", "\n", " # ] comment\n ")
            items = ",".join(gap + self.value(v) + gap for v in value)
            return f"[{items}{self.choose('', ',') if value else ''}{gap}]"
        if isinstance(value, dict):
            pairs = ",".join(
                f"{self.blank()}{self.key(k)}{self.blank()}={self.blank()}{self.value(v)}{self.blank()}" for k, v in value.items()
            )
            return "{" + pairs + "}"
        return repr(value)

    def pair(self, prefix, name, value):
        """A line, or several with dotted keys."""
        dotted = [*prefix, self.key(name)]
        if isinstance(value, dict) and value and self.choose(True, False):
            for inner, v in value.items():
                self.pair(dotted, inner, v)
            return
        dot = self.choose(".", " . ")
        self.lines.append(f"{self.blank()}{dot.join(dotted)}{self.blank()}={self.blank()}{self.value(value)}{self.blank()}{self.comment()}")

    def table(self, header, data):
        """The pairs first, then what gets a header of its own."""
        later = []
        for name, value in data.items():
            tables = isinstance(value, list) and value and all(isinstance(v, dict) for v in value)
            if (isinstance(value, dict) or tables) and self.choose(True, False):
                later.append((name, value))
            else:
                self.pair([], name, value)
        for name, value in later:
            inner = [*header, self.key(name)]
            for item in value if isinstance(value, list) else [value]:
                opened, closed = ("[[", "]]") if isinstance(value, list) else ("[", "]")
                self.lines.append(f"{opened}{self.blank()}{'.'.join(inner)}{self.blank()}{closed}{self.comment()}")
                self.table(inner, item)

    def text(self, data):
        self.table([], data)
        return "\n".join(self.lines) + self.choose("", "\n")


@st.composite
def printed(draw):
    data = draw(documents)
    return data, Printer(draw).text(data)


def paths(value, path=()):
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key), inner
        yield from paths(inner, (*path, key))


@settings(max_examples=150, deadline=None)
@given(printed())
def test_reading_what_was_printed_gives_the_same_data_and_every_place_holds_its_value(case):
    data, text = case
    document, problems = read_document(text.encode(), "w.toml")
    assert problems == []
    assert document.data == data
    document.locate(())
    document.locate(("nothing",))
    for path, value in paths(data):
        key_start, key_end, start, end = document.spans[path]
        if isinstance(path[-1], str):
            assert tomllib.loads(text[key_start:key_end] + "=1") == {path[-1]: 1}
        written_out = start > key_end or (start == key_start and text[start] in "[{")  # neither a header nor part of a dotted key
        if written_out or not isinstance(value, (dict, list)):
            assert tomllib.loads("v = " + text[start:end]) == {"v": value}


@settings(max_examples=200, deadline=None)
@given(st.data(), texts)
def test_every_character_of_a_string_is_found_where_it_is_written(data, value):
    written = Printer(data.draw).string(value)
    end = len(written)
    for offset, character in enumerate(value):
        start = toml_offset(written, 0, end, offset)
        piece = written[start : toml_offset(written, 0, end, offset + 1)]
        if written.startswith("'"):
            assert piece == character
        else:
            quotes = '"""' if written.startswith('"""') else '"'
            # A string in """ ignores a newline right behind the quotes, so one is put in front.
            assert tomllib.loads("v = " + quotes + ("\n" if len(quotes) == 3 else "") + piece + quotes) == {"v": character}


@settings(max_examples=100, deadline=None)
@given(printed())
def test_windows_line_ends_change_neither_data_nor_places(case):
    _, text = case
    unix, _ = read_document(text.encode(), "w.toml")
    windows, problems = read_document(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode(), "w.toml")
    assert problems == []
    assert windows.data == unix.data
    for path, _ in paths(unix.data):
        assert windows.locate(path) == unix.locate(path)
