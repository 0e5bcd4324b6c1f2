"""Overrides: what they change, what they leave alone, and where diagnostics about them point."""

from __future__ import annotations

import pytest

from ropeway.lang.merge import merge
from ropeway.lang.source import read_document

BASE = """\
id = "x"
[policy]
max_parallel = 1
timeout = "5m"
[steps.a]
needs = ["b", "c"]
run = "make"
"""


def base():
    return read_document(BASE.encode(), "workflow.toml")[0]


def file(text, name="over.toml"):
    document, problems = read_document(text.encode(), name)
    assert problems == []
    return document


def merged(*overrides):
    result, problems = merge(base(), overrides)
    assert problems == []
    return result


def test_without_overrides_nothing_changes():
    result = merged()
    assert result.data == base().data
    assert (result.name, result.origins) == ("workflow.toml", {})
    assert result.locate(("policy", "timeout")).line == 4


def test_tables_are_merged_and_everything_else_is_replaced():
    result = merged(file('[policy]\nmax_parallel = 4\n[steps.a]\nneeds = ["d"]\n[steps.b]\nrun = "true"'))
    assert result.data["policy"] == {"max_parallel": 4, "timeout": "5m"}
    assert result.data["steps"] == {"a": {"needs": ["d"], "run": "make"}, "b": {"run": "true"}}


def test_the_documents_themselves_stay_as_they_are():
    document, over = base(), file("[policy.sandbox]\nwrite = []")
    result, _ = merge(document, [over, "policy.sandbox.write=['x']", "policy.sandbox.level='kernel'"])
    assert result.data["policy"]["sandbox"] == {"write": ["x"], "level": "kernel"}
    assert document.data == base().data
    assert over.data == {"policy": {"sandbox": {"write": []}}}


def test_later_overrides_win():
    assert merged("policy.max_parallel=2", file("policy.max_parallel = 3"), "policy.max_parallel=4").data["policy"]["max_parallel"] == 4


def test_yaml_may_be_laid_over_toml():
    result = merged(file("policy:\n  timeout: 1h\n", "over.yaml"))
    assert result.data["policy"] == {"max_parallel": 1, "timeout": "1h"}
    place = result.locate(("policy", "timeout"))
    assert (place.file, place.line, place.text) == ("over.yaml", 2, "  timeout: 1h")


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("k=4", 4),
        ("k = 4", 4),
        ("k=true", True),
        ('k="4"', "4"),
        ("k=hello world", "hello world"),
        ("k=", ""),
        ("k=1.2.0", "1.2.0"),
        ("k=5m", "5m"),
        ("k=a=b", "a=b"),
        ("k=[1, 'x']", [1, "x"]),
        ("k={a = 1}", {"a": 1}),
        ("k=[1", "[1"),
        ("k=1 # one", "1 # one"),
        ("k=1\nother=2", "1\nother=2"),
        ("k=x\n[steps.evil]\nrun='y'", "x\n[steps.evil]\nrun='y'"),
        ("k=2020-01-02", "2020-01-02"),
        ("k=C:\\Users", "C:\\Users"),
    ],
)
def test_a_setting_holds_a_toml_value_or_else_plain_text(setting, value):
    assert merged(setting).data == {**base().data, "k": value}


def test_a_setting_names_its_key_as_toml_does():
    data = merged('steps."odd name".env.A=1', "steps.a.run=ls -l").data
    assert data["steps"] == {"a": {"needs": ["b", "c"], "run": "ls -l"}, "odd name": {"env": {"A": 1}}}


@pytest.mark.parametrize("setting", ["", "=1", "word", "a b=1", "a.=1", ".a=1", "[steps]", "a[0]=1"])
def test_what_sets_no_key_is_refused_and_changes_nothing(setting):
    result, problems = merge(base(), [setting])
    assert [(p.code, p.hint) for p in problems] == [("RW030", "write KEY.PATH=VALUE, for example policy.max_parallel=4")]
    assert result.data == base().data


@pytest.mark.parametrize("setting", ["a=\udc80", "a=\0"])
def test_what_is_not_text_is_refused(setting):
    assert [p.code for p in merge(base(), [setting])[1]] == ["RW030"]


def test_a_value_is_located_in_the_document_it_came_from():
    result = merged(file("[policy]\nmax_parallel = 4\n"), "steps.a.run=echo ${{ nope }}")
    assert result.locate(("policy", "max_parallel")).file == "over.toml"
    assert result.locate(("policy", "timeout")).file == "workflow.toml"
    place = result.locate(("steps", "a", "run"), offset=9, length=4)
    assert (place.file, place.line, place.column, place.end_column) == ("<override>", 1, 22, 26)
    assert place.text == "steps.a.run=echo ${{ nope }}"
    assert result.locate(("steps", "a", "run"), key=True).column == 9
    assert result.origin(("steps", "a", "run")).name == "<override>"
    assert result.origin(("steps", "a", "needs", 0)).name == "workflow.toml"


def test_a_value_inside_what_an_override_set_is_located_there():
    result = merged("steps.b={run = 'x', needs = ['a']}")
    place = result.locate(("steps", "b", "needs", 0))
    assert place.text[place.column - 1 : place.end_column - 1] == "'a'"


def test_a_replaced_value_forgets_where_its_parts_came_from():
    result = merged("steps.b.run=1", "steps.b=2", file("[steps.b]\nrun = 'x'"))
    assert result.data["steps"]["b"] == {"run": "x"}
    assert result.locate(("steps", "b", "run")).file == "over.toml"
