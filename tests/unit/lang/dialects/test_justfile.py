"""Reading justfiles: what each part of the language becomes, and where mistakes are."""

from __future__ import annotations

from textwrap import dedent

import pytest

from ropeway.lang.dialects.justfile.parser import parse
from ropeway.lang.dialects.justfile.syntax import Backtick, Binary, Call, Choose, Chunk, Hole, Name, Text


def read(text):
    found = parse(dedent(text), "justfile")
    assert found.problems == []
    return found


def value(text):
    return read(f"x := {text}\n").assignments[0].value


def told(text):
    return [(p.place.line, p.place.column, p.reason) for p in parse(dedent(text), "justfile").problems]


def test_a_recipe_has_parameters_dependencies_and_a_body():
    recipe = read("""
        # What it does
        [private, group('ci')]
        [doc: "More"]
        @build target="debug" $level='1' *flags: prepare (fetch "all" target) && report
            echo {{ target }} "{{flags}}"

            -@rm {{{{ x }}
        other:
        """).recipes[0]
    assert (recipe.name, recipe.doc, recipe.private) == ("build", "What it does", True)
    assert [(a.name, len(a.arguments)) for a in recipe.attributes] == [("private", 0), ("group", 1), ("doc", 1)]
    assert [(p.kind, p.name, p.export) for p in recipe.parameters] == [("", "target", False), ("", "level", True), ("*", "flags", False)]
    assert [(d.name, len(d.arguments), d.after) for d in recipe.dependencies] == [
        ("prepare", 0, False),
        ("fetch", 2, False),
        ("report", 0, True),
    ]
    first, blank, last = recipe.body
    assert [type(part) for part in first.parts] == [Chunk, Hole, Chunk, Hole, Chunk]
    assert blank.parts == ()
    assert last.text == "-@rm {{ x }}"
    assert (recipe.place.line, recipe.place.column) == (5, 2)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("'a\\n'", "a\\n"),
        ('"a\\n\\t\\"\\\\\\u{e9}"', 'a\n\t"\\é'),
        ("'''\n    two\n      lines\n'''", "two\n  lines\n"),
        ('"""\n  a\\tb\n  """', "a\tb\n"),
        ("'two\nlines'", "two\nlines"),
    ],
)
def test_a_text_is_what_just_makes_of_it(text, expected):
    found = value(text)
    assert isinstance(found, Text)
    assert found.value == expected


def test_expressions_are_read_by_their_rank():
    found = value("a / 'b' + `date` + env('HOME', \"x\")")
    assert isinstance(found, Binary)
    assert isinstance(found.right, Call)
    assert [found.op, found.left.op, found.left.left.op] == ["+", "+", "/"]
    assert isinstance(found.left.right, Backtick)
    assert isinstance(value("/ 'root'"), Binary)
    assert value("(\n  'a'\n  + # why\n  b\n)").op == "+"


def test_an_if_has_a_condition_and_two_values():
    found = value('if os() == "linux" { a } else if b =~ "^x" { "2" } else { "3" }')
    assert isinstance(found, Choose)
    assert found.condition.op == "=="
    assert isinstance(found.other, Choose)
    assert found.other.condition.op == "=~"
    assert isinstance(found.then, Name)


def test_settings_aliases_imports_and_exports_are_read():
    found = read("""
        set dotenv-load
        set quiet := false
        set shell := ["bash", "-euo", 'pipefail',
                      "-c"]
        alias b := build
        import? 'more.just'
        mod tools 'tools/mod.just'
        export LEVEL := "x" # why
        unexport PAGER
        """)
    assert [s.name for s in found.settings] == ["dotenv-load", "quiet", "shell"]
    assert [item.value for item in found.setting("shell").value] == ["bash", "-euo", "pipefail", "-c"]
    assert (found.on("dotenv-load"), found.on("quiet"), found.on("export")) == (True, False, False)
    assert [(a.name, a.target) for a in found.aliases] == [("b", "build")]
    assert [(i.path, i.optional) for i in found.imports] == [("more.just", True)]
    assert [m.name for m in found.modules] == ["tools"]
    assert found.assignments[0].export
    assert found.unexports == ["PAGER"]


def test_names_that_look_like_keywords_are_recipes():
    assert [r.name for r in read("set:\n    x\nimport file:\n    y\nmod: set\nexport a='1': import\n").recipes] == [
        "set",
        "import",
        "mod",
        "export",
    ]


def test_an_interpolation_may_go_on_over_lines():
    body = read("a:\n    echo {{ 'x' +\n      'y' }} z\n    next\n").recipes[0].body
    assert len(body) == 2
    assert isinstance(body[0].parts[2], Chunk)


def test_a_body_ends_where_the_indentation_does():
    found = read("a:\n\tone\n\n\n\t\ttwo\n# about b\nb:\n  three\n")
    assert [line.text for line in found.recipes[0].body] == ["one", "", "", "\ttwo"]
    assert found.recipes[1].doc == "about b"


def test_windows_line_ends_and_a_byte_order_mark_mean_nothing():
    found = parse("\ufeffa b='1':\r\n    echo {{ b }}\r\n", "justfile")
    assert found.problems == []
    assert found.recipes[0].body[0].parts[0].text == "echo "


def test_every_mistake_has_its_place_and_the_rest_is_read():
    text = """\
        x := "open
        """
    assert told(text) == [(1, 6, "this quotation is not closed")]
    text = """\
        a b=:
            echo
        c: (d
        e:
            echo {{ e
        f = 1
            indented
        g:
            fine
        """
    found = parse(dedent(text), "justfile")
    assert [(p.place.line, p.recipe) for p in found.problems] == [(1, "a"), (4, "c"), (5, "e"), (6, "f")]
    assert "g" in [recipe.name for recipe in found.recipes]
    assert all(p.hint for p in found.problems)


def test_a_line_that_belongs_to_nothing_is_told():
    assert told("    echo\n\na:\n    b\n") == [(1, 1, "this line is indented and belongs to no recipe")]
    assert told("a:\n    b\n  c\nd:\n")[0] == (3, 1, "this line is indented otherwise than the first of its recipe")


def test_very_deep_nesting_is_refused_and_does_not_end_the_program():
    assert told("x := " + "(" * 5000 + "'a'" + ")" * 5000 + "\ny:\n    z\n")[0][2].startswith("this expression is nested more than")
    assert told("x := " + "[" * 5000 + "\n")[0][2].startswith("this expression is nested more than")
    assert told("x := " + "!" * 5000 + "\n")[0][2].startswith("this expression is nested more than")
