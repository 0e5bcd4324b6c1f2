"""The checker: the types of expressions, and a gallery of what it says, whole."""

from __future__ import annotations

import pytest

from ropeway.lang.expressions import (
    ANY,
    BOOLEAN,
    INTEGER,
    NULL,
    NUMBER,
    STRING,
    accepts,
    check,
    list_of,
    map_of,
    optional,
    parse,
    record,
)

NAMES = {
    "params": record(
        {
            "since": STRING,
            "count": INTEGER,
            "ratio": NUMBER,
            "flag": BOOLEAN,
            "files": list_of(STRING),
            "options": map_of(INTEGER),
            "any": ANY,
            "note": optional(STRING),
        }
    ),
    "steps": record(
        {
            "collect": record({"outputs": record({"files": STRING, "score": INTEGER}), "exit_code": INTEGER}),
            "polish": record({"outputs": map_of(STRING), "exit_code": INTEGER}),
            "maybe": record({"outputs": record({"score": optional(INTEGER), "name": optional(STRING)}), "exit_code": optional(INTEGER)}),
            "my-step": record({"outputs": record({})}),
        }
    ),
    "env": map_of(STRING),
    "item": STRING,
}

TYPES = {
    "params.since != ''": "boolean",
    "params.count + 1": "integer",
    "params.count + 1.5": "number",
    "params.ratio * 2": "number",
    "params.count * params.ratio": "number",
    "params.ratio < params.count": "boolean",
    "params.files": "list of string",
    "params.files[0]": "string",
    "params.files + []": "list of string",
    "[]": "list",
    "[1, 'a']": "list of any",
    "[1, null]": "list of integer or null",
    "[[], ['a']]": "list of list of string",
    "params.options.x": "integer",
    "params.options['x']": "integer",
    "{'a': 1}": "map",
    "{'a': 1}.a": "integer",
    "{'a': 1, 'b': 2}[params.since]": "integer",
    "{'a': 1, 'b': 'x'}[params.since]": "any",
    "{params.since: 1}": "map of integer",
    "env.HOME": "string",
    "env['HOME'] + item": "string",
    "steps.polish.outputs.anything": "string",
    "steps['collect'].outputs.score": "integer",
    "steps.maybe.outputs.score": "integer or null",
    "steps.maybe.outputs.score == null": "boolean",
    "null != steps.maybe.outputs.name": "boolean",
    "default(steps.maybe.outputs.score, 0) > 1": "boolean",
    "default(steps.maybe.outputs.score, steps.maybe.exit_code)": "integer or null",
    "default(null, 'a')": "string",
    "default(env.CI, 'false')": "string",
    "default(params.files, [])": "list of string",
    "has(env.CI) && has(steps.maybe.outputs.score)": "boolean",
    "params.flag ? 'a' : 'b'": "string",
    "params.flag ? null : 'b'": "string or null",
    "params.flag ? [] : ['b']": "list of string",
    "params.flag ? {'a': 1} : {'b': 2}": "map of integer",
    "split(params.since, ',')": "list of string",
    "params.since.split(',').join(';').size()": "integer",
    "json(file('x')).name.first[0] + 1": "any",
    "json('1') + 'a'": "any",
    "json('1') == 1 && json('2') < 3": "boolean",
    "params.any.whatever": "any",
    "!params.any || -params.any == 1": "boolean",
    "params.any in params.files": "boolean",
    "'a' in params.options": "boolean",
    "1.5 in [1, 2]": "boolean",
    "1 in [steps.maybe.outputs.score]": "boolean",
    "success() || failure() || always()": "boolean",
    "hash_files('src/**')": "string",
    "[][0]": "nothing",
}


@pytest.mark.parametrize("text", TYPES)
def test_the_expression_has_this_type(text):
    of, problems = check(parse(text), NAMES)
    assert [p.message for p in problems] == []
    assert str(of) == TYPES[text]


OUTPUT_OF_POLISH = 'declare the output in steps.polish: outputs.score = { type = "integer" }'
# Each text with the code, the message, what is underlined, and the hint.
WRONG = {
    # names
    "param.since": ("RW210", "there is no 'param' here", "param", "did you mean 'params'?"),
    "yes == 'x'": (
        "RW210",
        "there is no 'yes' here",
        "yes",
        "known here: params, steps, env, item; text stands in quotes: 'yes'",
    ),
    "success && true": ("RW210", "'success' is a function", "success", "call it: success(…)"),
    "params.sinse != ''": ("RW211", "there is no parameter 'sinse'", "params.sinse", "did you mean 'since'?"),
    "params['sinse'] != ''": ("RW211", "there is no parameter 'sinse'", "params['sinse']", "did you mean 'since'?"),
    "steps.colect.outputs.files": ("RW211", "there is no step 'colect'", "steps.colect", "did you mean 'collect'?"),
    "steps.collect.outputs.file": (
        "RW211",
        "there is no output 'file' of step 'collect'",
        "steps.collect.outputs.file",
        "did you mean 'files'?",
    ),
    "steps.collect.output.files": (
        "RW211",
        "there is no part 'output' in 'steps.collect'",
        "steps.collect.output",
        "did you mean 'outputs'?",
    ),
    "steps['my-step'].outputs.x": (
        "RW211",
        "there is no output 'x' of step 'my-step'",
        "steps['my-step'].outputs.x",
        "there are no outputs",
    ),
    "steps.my-step.outputs.x == 1": (
        "RW211",
        "there is no step 'my'",
        "steps.my",
        "a name with a dash stands in brackets: steps['my-step']",
    ),
    "has(params.zzz)": (
        "RW211",
        "there is no parameter 'zzz'",
        "params.zzz",
        "known: since, count, ratio, flag, files, options, any, note",
    ),
    # functions
    "sice('a')": ("RW212", "there is no function 'sice'", "sice('a')", "did you mean 'size'?"),
    "params.since.length() > 1": (
        "RW212",
        "there is no function 'length'",
        "params.since.length()",
        "the number of characters or items is size(x)",
    ),
    "params.files.exists(x, x == 'a')": (
        "RW212",
        "there is no function 'exists'",
        "params.files.exists(x, x == 'a')",
        "there are no loops in expressions: foreach runs a step per item, and a script can do the rest",
    ),
    "int('3')": (
        "RW212",
        "there is no function 'int'",
        "int('3')",
        "declare the type where the value comes from; text is made by '${{ }}' inside a string",
    ),
    "params.since.default('x')": (
        "RW213",
        "default() is not called on a value",
        "params.since.default('x')",
        "write default(params.since, 'x')",
    ),
    "split('a')": (
        "RW213",
        "split() takes 2 arguments, here 1 are given",
        "split('a')",
        "The parts of a text between separators; empty text has none.",
    ),
    "always(1)": ("RW213", "always() takes no arguments, here 1 are given", "always(1)", "True, also after a failure or a cancel."),
    "['a'].join('', '')": (
        "RW213",
        "join() takes 1 or 2 arguments, here 3 are given",
        "['a'].join('', '')",
        "The items as text, with another text between them.",
    ),
    # operators
    "params.count + 'a'": (
        "RW220",
        "'+' can not add an integer and a string",
        "params.count + 'a'",
        "text is put together by join([…], ''), or by '${{ }}' inside a string",
    ),
    "params.files + 'a'": (
        "RW220",
        "'+' can not add a list of string and a string",
        "params.files + 'a'",
        "text is put together by join([…], ''), or by '${{ }}' inside a string",
    ),
    "params.ratio % 2": ("RW220", "'%' can not divide a number and an integer", "params.ratio % 2", None),
    "'a' - 'b'": ("RW220", "'-' can not subtract a string and a string", "'a' - 'b'", None),
    "params.flag < true": ("RW220", "'<' can not compare a boolean with a boolean", "params.flag < true", None),
    "steps.polish.outputs.score >= 8": (
        "RW220",
        "'>=' can not compare a string with an integer",
        "steps.polish.outputs.score >= 8",
        OUTPUT_OF_POLISH,
    ),
    "8 <= steps.polish.outputs['score']": (
        "RW220",
        "'<=' can not compare an integer with a string",
        "8 <= steps.polish.outputs['score']",
        OUTPUT_OF_POLISH,
    ),
    "-params.since": (
        "RW220",
        "'-' can not take a string",
        "-params.since",
        'declare the parameter: parameters.since = { type = "number" }',
    ),
    "'a' in params.since": (
        "RW220",
        "'in' looks into lists and maps, not into a string",
        "'a' in params.since",
        "write contains(params.since, 'a')",
    ),
    # null
    "params.note + '!'": (
        "RW221",
        "'params.note' may be null here",
        "params.note",
        "it is null when no value is given: default(params.note, '')",
    ),
    "steps.maybe.outputs.score > 3": (
        "RW221",
        "'steps.maybe.outputs.score' may be null here",
        "steps.maybe.outputs.score",
        "it is null when its step was skipped: default(steps.maybe.outputs.score, 0)",
    ),
    "steps.maybe.outputs.name == 'x'": (
        "RW221",
        "'steps.maybe.outputs.name' may be null here",
        "steps.maybe.outputs.name",
        "it is null when its step was skipped: default(steps.maybe.outputs.name, '')",
    ),
    "size(steps.maybe.outputs.name)": (
        "RW221",
        "'steps.maybe.outputs.name' may be null here",
        "steps.maybe.outputs.name",
        "it is null when its step was skipped: default(steps.maybe.outputs.name, '')",
    ),
    "null + 1": ("RW221", "null has no parts and can not be calculated with", "null", None),
    # arguments
    "size(params.count)": ("RW222", "size() takes a string or a list or a map, not an integer", "params.count", None),
    "params.count.contains('a')": ("RW222", "contains() takes a string, not an integer", "params.count", None),
    "default(params.since, 3)": (
        "RW222",
        "default() would give a string or an integer",
        "3",
        "the other value must be a string too",
    ),
    "default(params.ratio, 1) / 2": ("RW222", "default() would give a number or an integer", "1", "write 1.0"),
    "params.flag ? 1 : 'a'": (
        "RW222",
        "the two values are an integer and a string",
        "params.flag ? 1 : 'a'",
        "both must have the same type",
    ),
    "params.flag ? params.count : 0.5": (
        "RW222",
        "the two values are an integer and a number",
        "params.flag ? params.count : 0.5",
        "an integer becomes a number by params.count * 1.0",
    ),
    # booleans
    "!params.since": (
        "RW223",
        "'!' asks for a boolean, this is a string",
        "params.since",
        'declare the parameter: parameters.since = { type = "boolean" }',
    ),
    "true && params.count": (
        "RW223",
        "'&&' asks for a boolean, this is an integer",
        "params.count",
        "compare it, for example: params.count > 0",
    ),
    "item ? 1 : 2": ("RW223", "a condition asks for a boolean, this is a string", "item", "compare it, for example: item != ''"),
    # comparisons
    "params.count == '3'": ("RW225", "'==' compares an integer with a string: they are never equal", "params.count == '3'", None),
    "steps.polish.outputs.ok != true": (
        "RW225",
        "'!=' compares a string with a boolean: they are never equal",
        "steps.polish.outputs.ok != true",
        'declare the output in steps.polish: outputs.ok = { type = "boolean" }',
    ),
    "1 in params.files": ("RW225", "'in' looks for an integer in a list of string: it is never there", "1 in params.files", None),
    "1 in params.options": ("RW225", "the keys of a map are strings, this is an integer", "1 in params.options", None),
    # parts
    "params.files.first": ("RW226", "a list has items, not names", "params.files.first", "params.files[0] is the first"),
    "params.files['a']": ("RW226", "a list has items, not names", "params.files['a']", "params.files[0] is the first"),
    "params.files[params.since]": (
        "RW226",
        "the items of a list are counted by integers, not a string",
        "params.since",
        'declare the parameter: parameters.since = { type = "integer" }',
    ),
    "params.options[1]": ("RW226", "the keys of a map are strings, not an integer", "1", None),
    "params.since.x": ("RW226", "a string has no part 'x'", "params.since.x", None),
    "params.since[0]": ("RW226", "a string has no parts", "params.since[0]", None),
    # literals
    "{'a': 1, 'a': 2}": ("RW227", "the key 'a' is there twice", "'a'", None),
    "{1: 2}": ("RW227", "a map's keys are strings, this is an integer", "1", "put the key in quotes"),
    "params.since.matches('(a')": (
        "RW230",
        "the pattern is malformed: '(' is not closed",
        "'(a'",
        "the syntax is RE2's; r'…' keeps backslashes as they are",
    ),
}


@pytest.mark.parametrize("text", WRONG)
def test_what_does_not_fit_is_told_once_at_its_place(text):
    _, problems = check(parse(text), NAMES)
    found = [(p.code, p.message, text[p.offset : p.offset + p.length], p.hint) for p in problems]
    assert found == [WRONG[text]]


def test_all_mistakes_are_told_in_the_order_of_the_text():
    _, problems = check(parse("params.x == 1 && foo() && (1 + 'a' > 2) && {'k': item.y} == {}"), NAMES)
    assert [p.code for p in problems] == ["RW211", "RW212", "RW220", "RW226"]


def test_a_mistake_inside_is_not_told_again_outside():
    _, problems = check(parse("!(size(split(params.x, 1 / nowhere)[0] + 'z') > -params.y)"), NAMES)
    assert [p.message for p in problems] == ["there is no parameter 'x'", "there is no 'nowhere' here", "there is no parameter 'y'"]


WANTED = [
    (
        "params.since",
        BOOLEAN,
        "the expression is a string, a boolean is expected",
        'declare the parameter: parameters.since = { type = "boolean" }',
    ),
    ("item", BOOLEAN, "the expression is a string, a boolean is expected", "compare it, for example: item != ''"),
    ("item", list_of(STRING), "the expression is a string, a list of string is expected", None),
    (
        "steps.maybe.exit_code",
        INTEGER,
        "the expression is an integer or null, an integer is expected",
        "it is null when its step was skipped: default(steps.maybe.exit_code, 0)",
    ),
]


@pytest.mark.parametrize(("text", "wanted", "message", "hint"), WANTED)
def test_the_whole_must_have_the_type_that_is_wanted(text, wanted, message, hint):
    _, problems = check(parse(text), NAMES, wanted=wanted)
    assert [(p.code, p.message, p.hint, p.offset, p.length) for p in problems] == [("RW224", message, hint, 0, len(text))]


def test_an_integer_may_stand_where_a_number_is_wanted():
    assert check(parse("params.count"), NAMES, wanted=NUMBER) == (INTEGER, [])
    assert check(parse("[1, 2]"), NAMES, wanted=list_of(NUMBER))[1] == []
    assert check(parse("params.ratio"), NAMES, wanted=INTEGER)[1] != []


def test_functions_can_be_refused_with_a_reason():
    _, problems = check(parse("success() && file('x') == ''"), NAMES, refused={"success": "only 'when' asks that"})
    assert [(p.code, p.message, p.hint) for p in problems] == [("RW214", "success() has no meaning here", "only 'when' asks that")]


def test_without_any_contexts_there_is_still_an_answer():
    _, problems = check(parse("x"), {})
    assert [(p.message, p.hint) for p in problems] == [("there is no 'x' here", None)]


@pytest.mark.parametrize(
    ("wanted", "given", "fits"),
    [
        (NUMBER, INTEGER, True),
        (INTEGER, NUMBER, False),
        (STRING, ANY, True),
        (ANY, STRING, True),
        (STRING, optional(STRING), False),
        (optional(STRING), STRING, True),
        (optional(STRING), NULL, True),
        (optional(NUMBER), optional(INTEGER), True),
        (list_of(NUMBER), list_of(INTEGER), True),
        (list_of(STRING), list_of(INTEGER), False),
        (map_of(INTEGER), record({"a": INTEGER}), True),
        (map_of(INTEGER), record({"a": STRING}), False),
        (record({"a": INTEGER}), record({"a": INTEGER, "b": STRING}), True),
        (record({"a": INTEGER}), record({"b": INTEGER}), False),
        (record({"a": INTEGER}), map_of(INTEGER), False),
    ],
)
def test_types_accept_what_can_stand_for_them(wanted, given, fits):
    assert accepts(wanted, given) is fits


def test_optional_is_not_stacked():
    assert optional(optional(STRING)) == optional(STRING)
    assert optional(ANY) == ANY
    assert optional(NULL) == NULL
