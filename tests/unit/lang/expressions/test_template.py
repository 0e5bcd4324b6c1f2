"""Texts with holes: where they begin and end, what they become, and what is said when they are no expressions."""

from __future__ import annotations

import pytest

from ropeway.lang.expressions import BOOLEAN, INTEGER, STRING, EvaluationError, list_of, record
from ropeway.lang.expressions.template import check_template, parse_condition, parse_template, render

NAMES = {"params": {"a": "x", "n": 3, "l": [1, "b"], "none": None, "flag": True, "r": 2.0}}
TYPES = {"params": record({"a": STRING, "n": INTEGER, "l": list_of(STRING), "flag": BOOLEAN})}

RENDERED = {
    "": "",
    "plain $ text } }} {{": "plain $ text } }} {{",
    "${{ params.n }}": 3,
    "${{params.l}}": [1, "b"],
    "${{ params.none }}": None,
    " ${{ params.n }}": " 3",
    "${{ params.a }}${{ params.n }}": "x3",
    "a ${{ params.l }} b": 'a [1,"b"] b',
    "a${{ params.none }}b": "ab",
    "${{ params.flag }}!": "true!",
    "${{ params.r }}!": "2!",
    "$${{ params.a }}": "${{ params.a }}",
    "$$${{ params.a }}": "$${{ params.a }}",
    "$${{ a }} ${{ params.a }}": "${{ a }} x",
    "${{ '}}' }}": "}}",
    "${{ '${{ x }}' }}": "${{ x }}",
    "${{ {'a': {'b': 1}}.a.b}}": 1,
    "${{ {'a': {'b': 1}}}}": {"a": {"b": 1}},
    "x${{ '''it's }}''' }}y": "xit's }}y",
    "${{\n  params.a\n}}": "x",
    "ü😀${{ params.a }}": "ü😀x",
}


@pytest.mark.parametrize("text", RENDERED)
def test_a_template_becomes_this(text):
    value = render(parse_template(text), NAMES)
    assert value == RENDERED[text]
    assert type(value) is type(RENDERED[text])


def test_holes_know_where_they_stand():
    text = "é ${{  params.a }} and ${{params.n}}"
    holes = parse_template(text).holes
    assert [text[h.offset : h.end] for h in holes] == ["${{  params.a }}", "${{params.n}}"]
    assert [text[h.source_offset :][: len(h.source)] for h in holes] == ["params.a", "params.n"]


# Each text with the code, the message and what is underlined.
WRONG = {
    "a ${{ params.a": [("RW204", "'${{' is not closed", "${{")],
    "a ${{ {'b': 1}": [("RW204", "'${{' is not closed", "${{")],
    "a ${{ }} b": [("RW201", "there is no expression in '${{ }}'", "${{ }}")],
    "a ${{ 'b }} c": [("RW202", "this text is not closed", "'")],
    "a ${{ 'b": [("RW202", "this text is not closed", "'")],
    "a ${{ 1 + }} b ${{ x y }}": [
        ("RW201", "the expression ends where a value is expected", "+"),
        ("RW201", "'y' stands where an operator is expected", "y"),
    ],
    "${{ a = b }} ${{ 1u }}": [("RW201", "'=' does not belong here", "="), ("RW203", "'1u' is not a number", "1u")],
}


@pytest.mark.parametrize("text", WRONG)
def test_a_hole_that_is_no_expression_is_told_at_its_place(text):
    template = parse_template(text)
    assert [(p.code, p.message, text[p.offset : p.offset + p.length]) for p in template.errors] == WRONG[text]
    with pytest.raises(EvaluationError):
        render(template, NAMES)


def test_checking_a_template_gives_places_in_the_template():
    text = "x ${{ params.aa }} ${{ 1 + params.a }} ${{ 1 + }}"
    of, problems = check_template(parse_template(text), TYPES)
    assert of == STRING
    assert [text[p.offset : p.offset + p.length] for p in problems] == ["params.aa", "1 + params.a", "+"]


def test_a_whole_expression_has_its_type_and_answers_to_what_is_wanted():
    assert check_template(parse_template("${{ params.n }}"), TYPES) == (INTEGER, [])
    assert check_template(parse_template("${{ params.n }}!"), TYPES, wanted=BOOLEAN) == (STRING, [])
    of, problems = check_template(parse_template("${{ params.n }}"), TYPES, wanted=BOOLEAN)
    assert (of, [p.message for p in problems]) == (INTEGER, ["the expression is an integer, a boolean is expected"])


def test_evaluation_errors_have_places_in_the_template():
    text = "a ${{ params.n / 0 }}"
    with pytest.raises(EvaluationError, match="division by zero") as info:
        render(parse_template(text), NAMES)
    assert text[info.value.offset :].startswith("params.n / 0")


def test_text_may_not_hold_nul():
    with pytest.raises(EvaluationError, match="the text holds a NUL character"):
        render(parse_template("a ${{ '\\x00' }}"), {})


@pytest.mark.parametrize(
    ("text", "source", "offset"),
    [
        ("params.a != ''", "params.a != ''", 0),
        ("  params.flag\n", "params.flag", 2),
        ("${{ params.flag }}", "params.flag", 4),
        (" ${{params.flag}} ", "params.flag", 4),
    ],
)
def test_a_condition_may_omit_the_braces(text, source, offset):
    hole = parse_condition(text)
    assert (hole.source, hole.source_offset, hole.error) == (source, offset, None)


def test_a_condition_is_one_expression():
    error = parse_condition("${{ a }} && ${{ b }}").error
    assert error is not None
    assert (error.message, error.hint) == (
        "this is more than one expression",
        "leave '${{' and '}}' away, or put them around all of it",
    )
    error = parse_condition("").error
    assert error is not None
    assert error.message == "there is no expression here"


def test_many_holes_are_found_in_time_that_grows_with_the_text():
    template = parse_template("${{ params.a }} " * 20_000)
    assert len(template.holes) == 20_000
    assert len(parse_template("${{ 'a " * 5_000).parts) >= 1
