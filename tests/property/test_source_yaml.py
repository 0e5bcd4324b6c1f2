"""YAML: data and places of random documents in many styles."""

from __future__ import annotations

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ropeway.lang.source import read_document

characters = st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"], exclude_characters="\ufeff\ufffe\uffff") | st.sampled_from(
    "\"'\\\n :#-{}[]%@"
)
texts = st.text(characters.filter(lambda c: ord(c) < 0x10000 or ord(c) & 0xFFFF < 0xFFFE), max_size=20)
scalars = texts | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.none()
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=8)
documents = st.dictionaries(texts, values, max_size=4)
styles = st.fixed_dictionaries(
    {
        "default_style": st.sampled_from(['"', "'", "|", ">"]),
        "default_flow_style": st.sampled_from([True, False, None]),
        "width": st.sampled_from([5, 40, 10_000]),
        "allow_unicode": st.booleans(),
        "indent": st.sampled_from([2, 4]),
    }
)


class Dumper(yaml.CSafeDumper):
    """Writes strings in the style asked for and all others plainly, without the tags that PyYAML adds to quoted numbers.

    libyaml's emitter: the pure one folds some double-quoted text into something else."""

    def ignore_aliases(self, data):
        return True


def plain(tag):
    def represent(dumper, value):
        text = "null" if value is None else str(value).lower()
        node = dumper.represent_scalar(tag, text)
        node.style = None
        return node

    return represent


Dumper.add_representer(bool, plain("tag:yaml.org,2002:bool"))
Dumper.add_representer(int, plain("tag:yaml.org,2002:int"))
Dumper.add_representer(type(None), plain("tag:yaml.org,2002:null"))


def paths(value, path=()):
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key), inner
        yield from paths(inner, (*path, key))


@settings(max_examples=200, deadline=None)
@given(documents, styles)
def test_reading_what_was_dumped_gives_the_same_data_and_places(data, style):
    text = yaml.dump(data, Dumper=Dumper, sort_keys=False, **style)
    document, problems = read_document(text.encode(), "w.yaml")
    assert problems == []
    assert document.data == data
    document.locate(("nothing",))
    for path, value in paths(data):
        _, _, start, end = document.spans[path]
        if isinstance(value, (bool, int, type(None))) or (isinstance(value, str) and text[start] in "\"'"):
            assert yaml.safe_load(text[start:end]) == value


@settings(max_examples=200, deadline=None)
@given(texts, styles)
def test_every_visible_character_of_a_string_is_found_where_it_is_written(value, style):
    text = yaml.dump({"a": [value]}, Dumper=Dumper, **style)
    document, problems = read_document(text.encode(), "w.yaml")
    assert problems == []
    for offset, character in enumerate(value):
        if not character.isspace():
            found = document.locate(("a", 0), offset=offset)
            assert found.text[found.column - 1] in {character, "\\"}
