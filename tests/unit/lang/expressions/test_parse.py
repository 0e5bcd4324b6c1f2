"""The parser: what is read, and the whole of what it says about what it can't read."""

from __future__ import annotations

import sys

import pytest

from ropeway.lang.expressions import ExpressionError, calls, parse, references, unparse

READ = {
    "a": "Name('a')",
    "a.b": "Member(Name('a'), 'b')",
    "a['b-c']": "Index(Name('a'), Literal('b-c'))",
    "a[1].b": "Member(Index(Name('a'), Literal(1)), 'b')",
    "1 + 2 * 3": "Binary('+', Literal(1), Binary('*', Literal(2), Literal(3)))",
    "1 - 2 - 3": "Binary('-', Binary('-', Literal(1), Literal(2)), Literal(3))",
    "1 - (2 - 3)": "Binary('-', Literal(1), Binary('-', Literal(2), Literal(3)))",
    "a && b && c": "Logic('&&', (Name('a'), Name('b'), Name('c')))",
    "a || b && c": "Logic('||', (Name('a'), Logic('&&', (Name('b'), Name('c')))))",
    "(a || b) || c": "Logic('||', (Logic('||', (Name('a'), Name('b'))), Name('c')))",
    "a < b == c": "Binary('==', Binary('<', Name('a'), Name('b')), Name('c'))",
    "!a in b": "Binary('in', Unary('!', Name('a')), Name('b'))",
    "a ? b : c ? d : e": "Conditional(Name('a'), Name('b'), Conditional(Name('c'), Name('d'), Name('e')))",
    "-1": "Literal(-1)",
    "-(1)": "Unary('-', Literal(1))",
    "--1": "Unary('-', Literal(-1))",
    "-a.b": "Unary('-', Member(Name('a'), 'b'))",
    "-9223372036854775808": "Literal(-9223372036854775808)",
    "0x1F": "Literal(31)",
    ".5": "Literal(0.5)",
    "1e3": "Literal(1000.0)",
    "1.size()": "Call('size', (Literal(1),), True)",
    "size(a)": "Call('size', (Name('a'),), False)",
    "a.split(',').size()": "Call('size', (Call('split', (Name('a'), Literal(',')), True),), True)",
    "has(a.b)": "Has(Member(Name('a'), 'b'))",
    "success()": "Call('success', (), False)",
    "[1, 2,]": "ListLiteral((Literal(1), Literal(2)))",
    "{'a': 1, 'b': [],}": "MapLiteral(((Literal('a'), Literal(1)), (Literal('b'), ListLiteral(()))))",
    "a.in": "Member(Name('a'), 'in')",
    "a.true": "Member(Name('a'), 'true')",
    " \t\r\n a \n": "Name('a')",
    r"""'a\n\t\'\"\\\x41\u00e9\U0001F600\101\?'""": "Literal('a\\n\\t\\'\"\\\\Aé😀A?')",
    r"r'\d\n'": r"Literal('\\d\\n')",
    '"it\'s"': 'Literal("it\'s")',
    "'a\nb'": "Literal('a\\nb')",
    "'''it's '' here'''": "Literal(\"it's '' here\")",
    '"""a"b"""': "Literal('a\"b')",
    "r'''a'b\\'''": 'Literal("a\'b\\\\")',
    "'}} ${{'": "Literal('}} ${{')",
    "'ü😀'": "Literal('ü😀')",
}


@pytest.mark.parametrize("text", READ)
def test_text_becomes_this_tree(text):
    assert repr(parse(text).root) == READ[text]


@pytest.mark.parametrize("text", READ)
def test_what_was_read_is_written_so_that_it_reads_the_same(text):
    assert parse(unparse(parse(text))) == parse(text)


def test_nodes_know_where_they_stand():
    root = parse("  params.a +\n steps['x']").root
    assert [(root.offset, root.end)] + [(n.offset, n.end) for n in root.children()] == [(2, 24), (2, 10), (14, 24)]


# Each text with the code, the message, what is underlined, and the hint.
REFUSED = {
    "": ("RW201", "there is no expression here", "", None),
    "  ": ("RW201", "there is no expression here", "  ", None),
    "a b": ("RW201", "'b' stands where an operator is expected", "b", None),
    "a and b": ("RW201", "'and' stands where an operator is expected", "and", "'and' is written '&&'"),
    "not a": ("RW201", "'a' stands where an operator is expected", "a", None),
    "a = b": ("RW201", "'=' does not belong here", "=", "compare with '=='"),
    "a & b": ("RW201", "'&' does not belong here", "&", "'and' is written '&&'"),
    "a # b": ("RW201", "'#' does not belong here", "#", "there are no comments in expressions"),
    "a // b": ("RW201", "'/' stands where a value is expected", "/", None),
    "\u2018a\u2019": ("RW201", "'\u2018' does not belong here", "\u2018", "text stands in straight quotes: 'text'"),
    "a\0": ("RW201", "'U+0000' does not belong here", "\0", None),
    "(a": ("RW201", "the expression ends where ')' is expected", "a", "'(' was opened and not closed"),
    "[a, b": ("RW201", "the expression ends where ']' is expected", "b", "'[' was opened and not closed"),
    "a)": ("RW201", "')' stands where an operator is expected", ")", None),
    "a +": ("RW201", "the expression ends where a value is expected", "+", None),
    "a.": ("RW201", "the expression ends where a name is expected", ".", "other names stand in brackets: steps['my-step']"),
    "a.'b'": ("RW201", "''b'' stands where a name is expected", "'b'", "other names stand in brackets: steps['my-step']"),
    "f(a,)": ("RW201", "')' stands where a value is expected", ")", None),
    "in": ("RW201", "'in' stands where a value is expected", "in", None),
    "a ? b": ("RW201", "the expression ends where ':' is expected", "b", "a choice is written: condition ? value : other"),
    "a ? b ? c : d : e": ("RW201", "'?' stands where ':' is expected", "?", "put a choice inside a choice in parentheses"),
    "{'a' 1}": ("RW201", "'1' stands where ':' is expected", "1", "a map is written: {'key': value}"),
    "'abc": ("RW202", "this text is not closed", "'", "it needs ' at its end"),
    "a == '''b'": ("RW202", "this text is not closed", "'''", "it needs ''' at its end"),
    r"'a\q'": ("RW202", r"'\q' is no escape", r"\q", r"write '\\' for a backslash, or r'…' for text without escapes"),
    r"'\ud800'": ("RW202", r"'\ud800' is no escape", r"\ud800", r"write '\\' for a backslash, or r'…' for text without escapes"),
    "b'abc'": ("RW202", "text can not have the prefix 'b'", "b", None),
    "1u": ("RW203", "'1u' is not a number", "1u", "there are no unsigned integers here: leave the 'u' away"),
    "12px": ("RW203", "'12px' is not a number", "12px", None),
    "9223372036854775808": ("RW203", "9223372036854775808 is too large: integers have 64 bits", "9223372036854775808", None),
    "-9223372036854775809": ("RW203", "9223372036854775809 is too large: integers have 64 bits", "9223372036854775809", None),
    "1e400": ("RW203", "1e400 is too large for a number", "1e400", None),
    "has(a)": ("RW213", "has() asks for one part of something", "has(a)", "write it like has(params.name)"),
    "has(a['b'])": ("RW213", "has() asks for one part of something", "has(a['b'])", "write it like has(params.name)"),
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_no_expression_is_refused_at_its_place(text):
    with pytest.raises(ExpressionError) as info:
        parse(text)
    problem = info.value
    code, message, underlined, hint = REFUSED[text]
    assert (problem.code, problem.message, problem.hint) == (code, message, hint)
    assert text[problem.offset : problem.offset + problem.length] == underlined


@pytest.mark.parametrize(
    "text",
    [
        "(" * 101 + "1" + ")" * 101,
        "(" * 60_000,
        "[" * 60_000,
        "-" * 60_000 + "a",
        "!" * 60_000 + "a",
        "1" + "+1" * 200,
        "a" + ".b" * 30_000,
        "a" + "[0]" * 20_000,
        "a ? b : " * 8_000 + "c",
        "f(" * 30_000,
        "((((a+b+b)+b+b)+b+b)+b+b)" + "+b" * 100,
        "{'a':" * 10_000,
    ],
    ids=lambda text: text[:12],
)
def test_depth_is_limited_whatever_makes_it(text):
    with pytest.raises(ExpressionError) as info:
        parse(text)
    assert (info.value.code, info.value.message) == ("RW205", "the expression is nested more than 100 deep")


def test_a_hundred_levels_and_long_chains_of_terms_are_fine():
    parse("(" * 98 + "1" + ")" * 98)
    parse(" && ".join(["a"] * 5000))
    parse("[" + ", ".join(["1"] * 10_000) + "]")


def test_the_deepest_expression_leaves_room_on_the_stack():
    def deeper(levels):
        return deeper(levels - 1) if levels else parse("f(" * 95 + "levels" + ")" * 95)

    assert unparse(deeper(200)).startswith("f(f(")
    with pytest.raises(ExpressionError, match="nested too deep to be read here"):
        _at_the_end_of_the_stack()


def _at_the_end_of_the_stack():
    def deeper(levels):
        return deeper(levels - 1) if levels else parse("g(" * 95 + "levels" + ")" * 95)

    return deeper(sys.getrecursionlimit() - 400)


def test_length_is_limited():
    with pytest.raises(ExpressionError, match="an expression has at most 65,536 characters, this one 65,537"):
        parse("a" * 65_537)


def test_a_long_integer_is_refused_without_being_read():
    with pytest.raises(ExpressionError, match=r"^9{37}… is too large: integers have 64 bits$"):
        parse("9" * 60_000)


def test_parsing_again_gives_the_same_object():
    assert parse("params.a == 'x'") is parse("params.a == 'x'")


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("params.since", {("params", "since")}),
        ("steps.a.outputs['files']", {("steps", "a", "outputs", "files")}),
        ("steps['my-step'].outputs.x", {("steps", "my-step", "outputs", "x")}),
        ("steps.a.outputs[params.which].deep", {("steps", "a", "outputs"), ("params", "which")}),
        ("steps[item].outputs", {("steps",), ("item",)}),
        ("params.list[0].name", {("params", "list")}),
        ("has(steps.a.outputs.x) ? size(env.X) : {'k': [run.id]}.k", {("steps", "a", "outputs", "x"), ("env", "X"), ("run", "id")}),
        ("params.a.b + params.a", {("params", "a", "b"), ("params", "a")}),
        ("'steps.a'", set()),
    ],
)
def test_references_are_the_paths_that_may_be_read(text, paths):
    assert references(parse(text)) == paths


def test_calls_are_the_functions_in_it():
    assert calls(parse("success() && has(a.b) && 'x'.contains(lower('Y'))")) == {"success", "has", "contains", "lower"}
