"""What the build says about a file that is wrong: code, place, message, hint, and what is left."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import Any

import pytest

from ropeway.lang.build import build
from ropeway.lang.diagnostics import Location, Problems
from ropeway.lang.fields import check_fields
from ropeway.lang.model import Step, Workflow
from ropeway.lang.source import read_document
from ropeway.lang.values import ValueProblem


@dataclass
class Document:
    data: Any

    def locate(self, path, *, key=False, offset=None, length=1) -> Location:
        place = ".".join(map(str, path)) + ("!" if key else "") + (f"+{offset}:{length}" if offset is not None else "")
        return Location("test", 1, 1, 2, place)


def build_data(data: Any) -> tuple[Workflow | None, list[tuple[str, str, str, str | None]]]:
    document = Document(data)
    problems = Problems(document)
    workflow = build(document, problems)
    return workflow, [(p.code, p.location.text, p.message, p.hint) for p in problems]


def told(text: str) -> list[tuple[str, str, str, str | None]]:
    return build_data(tomllib.loads(text))[1]


STEP = 'id = "demo"\n[steps.a]\nrun = "true"\n'


@pytest.mark.parametrize(
    ("toml", "place", "message", "hint"),
    [
        ('time_out = "5m"', "steps.a.time_out!", "step 'a' has no key 'time_out'", "did you mean 'timeout'?"),
        ('depends_on = ["b"]', "steps.a.depends_on!", "step 'a' has no key 'depends_on'", "here it is called 'needs'"),
        (
            "continue-on-error = true",
            "steps.a.continue-on-error!",
            "step 'a' has no key 'continue-on-error'",
            "here it is called 'on_error'",
        ),
        ('if = "x"', "steps.a.if!", "step 'a' has no key 'if'", "here it is called 'when'"),
        ("retry = { attempts = 2, dely = '1s' }", "steps.a.retry.dely!", "'retry' has no key 'dely'", "did you mean 'delay'?"),
        (
            "outputs.x = { type = 'string', enum = [] }",
            "steps.a.outputs.x.enum!",
            "output 'x' has no key 'enum'",
            "here it is called 'choices'",
        ),
        ("[jobs]", "jobs!", "the workflow has no key 'jobs'", "here it is called 'steps'"),
        ("resources = { gpus = 1 }", "steps.a.resources.gpus!", "'resources' has no key 'gpus'", "the keys here are cpu, memory"),
        (
            "repeat = { until = 'true', max = 2, banana = 1 }",
            "steps.a.repeat.banana!",
            "'repeat' has no key 'banana'",
            "the keys here are until, max",
        ),
    ],
)
def test_an_unknown_key_is_told_at_the_key_with_what_was_meant(toml, place, message, hint):
    [(code, where, what, why)] = told(STEP + toml)
    assert (code, where) == ("RW101", place)
    assert what == message
    assert why == hint


@pytest.mark.parametrize(
    ("toml", "place", "message", "hint"),
    [
        ('needs = "b"', "steps.a.needs", "'needs' must be a list, not a string", 'write a list: needs = ["b"]'),
        ("needs = [1]", "steps.a.needs.0", "'needs[0]' must be a string, not an integer", 'put it in quotes: "1"'),
        (
            "timeout = 30",
            "steps.a.timeout",
            "'timeout' must be a duration such as \"30m\", not an integer",
            'add a unit: timeout = "30s" for seconds, "30m" for minutes',
        ),
        (
            "resources = { memory = 512 }",
            "steps.a.resources.memory",
            "'memory' must be a size such as \"1GiB\", not an integer",
            'add a unit: memory = "512B" for bytes, "512MiB" for mebibytes',
        ),
        (
            'retry = { attempts = "3" }',
            "steps.a.retry.attempts",
            "'attempts' must be a whole number, not a string",
            "write it without quotes: attempts = 3",
        ),
        (
            "retry = 3",
            "steps.a.retry",
            "'retry' must be a table such as { attempts = 3, delay = \"2s\" }, not an integer",
            'write retry = { attempts = 3, delay = "2s" }',
        ),
        ('pure = "yes"', "steps.a.pure", "'pure' must be true or false, not a string", "write it without quotes: pure = true"),
        ("pure = 1", "steps.a.pure", "'pure' must be true or false, not an integer", None),
        ("when = true", "steps.a.when", "'when' must be a string, not a boolean", 'put it in quotes: "true"'),
        ("env = { PORT = 80 }", "steps.a.env.PORT", "'PORT' must be a string, not an integer", 'put it in quotes: "80"'),
        (
            'outputs.x = "string"',
            "steps.a.outputs.x",
            "'x' must be a table such as { type = \"string\" }, not a string",
            'write x = { type = "string" }',
        ),
        (
            "outputs = []",
            "steps.a.outputs",
            "'outputs' must be a table of outputs by name, not a list",
            "give each output a name and write it as a table: [outputs.NAME]",
        ),
        ("shell = 3", "steps.a.shell", "'shell' must be 'bash' or 'sh' or 'python' or 'node', or a list of strings, not an integer", None),
    ],
)
def test_a_wrong_type_is_told_at_the_value_with_what_to_write(toml, place, message, hint):
    assert told(STEP + toml) == [("RW102", place, message, hint)]


@pytest.mark.parametrize(
    ("toml", "expected"),
    [
        ('on_error = "contine"', ("RW104", "steps.a.on_error", "'on_error' is 'fail' or 'continue', not 'contine'", "did you mean 'continue'?")),
        ('shell = "zsh"', ("RW104", "steps.a.shell", "'shell' is 'bash' or 'sh' or 'python' or 'node', not 'zsh'", "did you mean 'sh'? any other program is a list of words: shell = [\"zsh\"]")),
        ('when = " "', ("RW104", "steps.a.when", "'when' is empty", "remove the key, or write something")),
        ("shell = []", ("RW104", "steps.a.shell", "'shell' is empty", "remove the key, or add something")),
        ('timeout = "5 min"', ("RW107", "steps.a.timeout", "'5 min' is not a duration", 'write it like "250ms", "30s", "5m", "1h30m" or "30d", the largest unit first')),
        ('timeout = "0s"', ("RW107", "steps.a.timeout", "'timeout' can't be zero", "leave the key out when there is no limit")),
        ('resources = { memory = "1 gib" }', ("RW108", "steps.a.resources.memory", "'1 gib' is not a size", 'write "1GiB"')),
        ("resources = { cpu = -1 }", ("RW109", "steps.a.resources.cpu", "'cpu' can't be -1", "write a number that is at least 0")),
        ("resources = { cpu = nan }", ("RW109", "steps.a.resources.cpu", "'cpu' can't be nan", "write a number that is at least 0")),
        ("retry = { attempts = 0 }", ("RW109", "steps.a.retry.attempts", "'attempts' can't be 0", "write a number from 1 to 10,000")),
        ('retry = { attempts = 2, on = ["exit:256"] }', ("RW104", "steps.a.retry.on.0", "'exit:256' is not a reason to retry", 'use "failure" (any), "timeout", "signal", "output", "exit" or "exit:75"')),
        ('env = { "A-B" = "x" }', ("RW105", "steps.a.env.A-B!", "'A-B' is not the name of an environment variable", "use letters, digits and `_`, no digit first")),
        ('outputs."1st" = {}', ("RW105", "steps.a.outputs.1st!", "'1st' is not a name for an output", "use letters, digits, `_` and `-`, a letter or `_` first, at most 100 of them")),
        ('needs = ["a\\u0000b"]', ("RW117", "steps.a.needs.0+1:1", "'needs[0]' holds a NUL character", "no program can be given one; remove it")),
    ],
)  # fmt: skip
def test_a_bad_value_is_told_at_the_value(toml, expected):
    assert told(STEP + toml) == [expected]


@pytest.mark.parametrize(
    ("key", "code"),
    [
        ('id = "Release Notes"', "RW105"),
        ('id = "a/b/c"', "RW105"),
        ('id = "../x"', "RW105"),
        ('id = "demo"\nversion = "1.2"', "RW106"),
        ('id = "demo"\nversion = "v1.2.3"', "RW106"),
        ('id = "demo"\nversion = "01.2.3"', "RW106"),
        ('id = "demo"\nhomepage = "example.org"', "RW104"),
        ('id = "demo"\ntags = ["two words"]', "RW104"),
        ('id = "demo"\nrequirements.commands = ["git >> 2"]', "RW104"),
        ('id = "demo"\nrequirements.python = ["a b"]', "RW104"),
        ('id = "demo"\npolicy.max_parallel = 100000', "RW109"),
        ('id = "demo"\npolicy.sandbox.secrets = ["A B"]', "RW105"),
        ('id = "demo"\nartifacts.x.path = "/etc/passwd"', "RW104"),
        ('id = "demo"\nartifacts.x.path = "a/../../b"', "RW104"),
    ],
)
def test_what_the_workflow_says_about_itself_is_checked(key, code):
    assert [found[0] for found in told(f'{key}\n[steps.a]\nrun = "true"')] == [code]


@pytest.mark.parametrize("place", ['uses = "action:${{ params.x }}"', 'timeout = "${{ params.x }}"', 'needs = ["${{ params.x }}"]'])
def test_an_expression_in_a_literal_place_is_marked_from_brace_to_brace(place):
    toml = place if place.startswith("uses") else f'run = "true"\n{place}'
    [(code, where, _, _)] = told(f'id = "demo"\n[steps.a]\n{toml}')
    offset = 7 if place.startswith("uses") else 0
    assert code == "RW115"
    assert where.endswith(f"+{offset}:15")


@pytest.mark.parametrize(
    ("toml", "place", "message"),
    [
        ('run = ["true"]\nshell = "sh"', "steps.a.shell!", "'shell' means nothing for a 'run' that is a list of words"),
        ('uses = "builtin:x"\nshell = "sh"', "steps.a.shell!", "'shell' means nothing without 'run'"),
        ('run = "true"\ninputs = { x = 1 }', "steps.a.inputs!", "'inputs' means nothing without 'uses'"),
        ('run = "true"\nmax_parallel = 2', "steps.a.max_parallel!", "'max_parallel' means nothing without 'foreach'"),
        (
            'run = "true"\nforeach = "[1]"\nrepeat = { until = "true", max = 2 }',
            "steps.a.repeat!",
            "'foreach' and 'repeat' contradict each other",
        ),
        ('run = "true"\nretry = { attempts = 2, backoff = "linear" }', "steps.a.retry.backoff!", "'backoff' means nothing without 'delay'"),
        (
            'run = "true"\nretry = { attempts = 2, delay = "5s", max_delay = "1s" }',
            "steps.a.retry.max_delay",
            "'max_delay' is shorter than 'delay'",
        ),
    ],
)
def test_keys_that_contradict_each_other_are_told(toml, place, message):
    assert [found[:3] for found in told('id = "demo"\n[steps.a]\n' + toml)] == [("RW114", place, message)]


@pytest.mark.parametrize(
    ("toml", "code", "place", "message"),
    [
        ("minimum = 1", "RW114", "minimum!", "'minimum' means nothing for a string"),
        ('type = "integer"\npattern = "x"', "RW114", "pattern!", "'pattern' means nothing for an integer"),
        ('choices = ["a"]', "RW114", "choices!", "'choices' means nothing for a string"),
        ('items = "string"', "RW114", "items!", "'items' means nothing for a string"),
        ('source = "prompt"', "RW114", "source!", "'source' means nothing for a string"),
        ('type = "list"\nmaximum = 3', "RW114", "maximum!", "'maximum' means nothing for the elements of a list, which are strings"),
        ('type = "secret"\ndefault = "hunter2"', "RW114", "default!", "a secret can't have a default"),
        ('required = true\ndefault = "x"', "RW114", "required!", "a value with a default is never required"),
        ('type = "integer"\nminimum = 5\nmaximum = 3', "RW114", "maximum", "'minimum' 5 is more than 'maximum' 3"),
        ('type = "choice"', "RW103", "!", "'p' is a choice and has no 'choices'"),
        ('type = "choice"\nchoices = ["a", "b", "a"]', "RW104", "choices.2", "'a' is there twice"),
        ('type = "list"\nitems = "map"', "RW104", "items", "the elements of a list can't be maps"),
        ('pattern = "(a"', "RW110", "pattern", "the pattern can't be used: '(' is not closed"),
        ("pattern = '(?=a)b'", "RW110", "pattern", "the pattern can't be used: '(?=a' is not supported: look-around and flags inside a pattern can not be matched in linear time"),
        ('default = 3', "RW116", "default", "the default does not fit: 'p' must be a string, not an integer"),
        ('default = "b"\npattern = "a+"', "RW116", "default", "the default does not fit: 'p': 'b' does not match the pattern a+"),
        ('type = "choice"\nchoices = ["red", "green"]\ndefault = "gren"', "RW116", "default", "the default does not fit: 'p' can't be 'gren'"),
        ('type = "list"\nitems = "integer"\ndefault = [1, "2"]', "RW116", "default", "the default does not fit: element 1 of 'p' must be a whole number, not a string"),
        ('source = "vault:x"\ntype = "secret"', "RW104", "source", "'vault:x' is not the source of a secret"),
        ('default = "${{ params.q }}"', "RW115", "default", "the default is taken as it stands, expressions in it mean nothing"),
    ],
)  # fmt: skip
def test_what_a_parameter_says_about_itself_has_to_fit_together(toml, code, place, message):
    where = f"parameters.p.{place}" if place != "!" else "parameters.p!"
    assert [found[:3] for found in told(f'id = "demo"\nsteps.a.run = "true"\n[parameters.p]\n{toml}')] == [(code, where, message)]


def test_no_message_shows_the_default_of_a_secret():
    found = told('id = "demo"\nsteps.a.run = "true"\n[parameters.p]\ntype = "secret"\ndefault = "hunter2"')
    assert "hunter2" not in repr(found)


def test_all_problems_of_a_file_are_told_at_once():
    found = told("""
        id = "Not Lower"
        version = "one"
        [parameters.p]
        type = "integer"
        default = "x"
        [steps.a]
        rnu = "true"
        timeout = 5
        [steps."b c"]
        run = 3
        needs = "a"
        [nonsense]
    """)
    assert [(code, where) for code, where, _, _ in found] == [
        ("RW105", "id"),
        ("RW106", "version"),
        ("RW116", "parameters.p.default"),
        ("RW102", "steps.a.timeout"),
        ("RW101", "steps.a.rnu!"),
        ("RW112", "steps.a!"),
        ("RW105", "steps.b c!"),
        ("RW102", "steps.b c.run"),
        ("RW102", "steps.b c.needs"),
        ("RW101", "nonsense!"),
    ]


def test_what_is_right_stays_when_other_parts_are_wrong():
    workflow, found = build_data(
        {
            "id": "demo",
            "version": 1,
            "steps": {"a": {"run": 3, "needs": ["b"]}, "b": {"run": "true", "timeout": "x"}},
            "artifacts": {"c": {}},
        }
    )
    assert len(found) == 4
    assert workflow == Workflow(id="demo", steps={"a": Step("a", needs=("b",)), "b": Step("b", run="true")})


def test_an_argv_with_a_wrong_word_is_left_out_whole():
    workflow, found = build_data({"id": "demo", "steps": {"a": {"run": ["rm", 1, "x"]}}})
    assert found[0][:2] == ("RW102", "steps.a.run.1")
    assert workflow is not None
    assert workflow.steps["a"].run is None


@pytest.mark.parametrize("data", [{}, {"hello": 1}, [], None, 3, "x"])
def test_what_is_no_workflow_at_all_gives_none_and_says_so(data):
    workflow, found = build_data(data)
    assert workflow is None
    assert len(found) == 1


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"id": "x"}, ("RW103", "!", "the workflow has no 'steps'")),
        ({"id": "x", "steps": {}}, ("RW103", "steps!", "the workflow has no steps")),
        ({"steps": {"a": {"run": "x"}}}, ("RW103", "!", "the workflow has no 'id'")),
        ({"id": "x", "steps": {"a": {}}}, ("RW112", "steps.a!", "step 'a' has neither 'run' nor 'uses'")),
        ({"id": "x", "steps": {"a": {"run": "x", "uses": "y"}}}, ("RW113", "steps.a.uses!", "step 'a' has both 'run' and 'uses'")),
        ({"id": "x", "steps": [{"run": "x"}]}, ("RW102", "steps", "'steps' must be a table of steps by name, not a list")),
        ({"id": "x", "steps": {"a": None}}, ("RW102", "steps.a", "'a' must be a table such as { run = \"make\" }, not nothing (null)")),
        ({"id": "x", "steps": {"a": {"run": "x", 3: 4}}}, ("RW102", "steps.a!", "the key 3 is an integer, not a string")),
        (
            {"id": "x", "steps": {"a": {"run": "x"}, None: {}}},
            ("RW102", "steps!", "the key nothing (null) is nothing (null), not a string"),
        ),
        ({"id": "x", "steps": {"a": {"run": "x", "repeat": {"max": 2}}}}, ("RW103", "steps.a.repeat!", "'repeat' has no 'until'")),
    ],
)
def test_missing_and_misshapen_parts_are_told(data, expected):
    assert [found[:3] for found in build_data(data)[1]] == [expected]


def test_many_unknown_keys_are_told_in_a_few_lines():
    _, found = build_data({"id": "x", "steps": {"a": {"run": "x"}}, **{f"k{at}": 1 for at in range(1000)}})
    assert len(found) == 21
    assert found[-1][2] == "… and 980 more unknown keys"


def test_no_message_grows_with_what_was_written():
    long = "x" * 100_000
    parameter = {"type": "integer", "default": long, "pattern": long, long: 1}
    _, found = build_data(
        {"id": long, "parameters": {long: parameter}, "steps": {long: {"run": "x", "needs": long, "shell": long, long: long}}, long: 1}
    )
    assert len(found) == 10
    assert max(len(message) + len(hint or "") for _, _, message, hint in found) < 600


def test_places_are_the_key_for_an_unknown_key_and_the_value_for_a_wrong_one():
    text = b'id = "demo"\n\n[steps.a]\nrun = "true"\ntimeuot = 1\ntimeout = "soon"\n'
    document, diagnostics = read_document(text, "workflow.toml")
    assert diagnostics == []
    problems = Problems(document)
    build(document, problems)
    places = [(p.code, p.location.line, p.location.column, p.location.text) for p in problems.sorted()]
    assert places == [("RW101", 5, 1, "timeuot = 1"), ("RW107", 6, 11, 'timeout = "soon"')]


class Types:
    """One plugin type and one validator."""

    class Even:
        base = "integer"

        def parse(self, text, field):
            return self.check(int(text), field)

        def check(self, value, field):
            if value % 2:
                message = "odd"
                raise ValueProblem(message, hint="take the next")
            return value

    def type(self, name):
        return self.Even() if name == "even" else None

    def validator(self, name):
        return {"short": lambda value: None}.get(name)

    def type_names(self):
        return ("even",)


@pytest.mark.parametrize(
    ("toml", "types", "expected"),
    [
        ('type = "even"\ndefault = 4', Types(), []),
        ('type = "even"\ndefault = 3', Types(), [("RW116", "parameters.p.default", "take the next")]),
        ('type = "eben"', Types(), [("RW119", "parameters.p.type", "did you mean 'even'?")]),
        ('type = "strng"', None, [("RW119", "parameters.p.type", "did you mean 'string'?")]),
        ('type = "list"\nitems = "even"\ndefault = [2, 4]', Types(), []),
        ('validator = "short"\ndefault = "x"', Types(), []),
        ('validator = "long"', Types(), [("RW119", "parameters.p.validator", "install the plugin that brings it")]),
    ],
)
def test_types_and_validators_of_plugins_are_asked_when_they_are_handed_in(toml, types, expected):
    document = Document(tomllib.loads(f'id = "demo"\nsteps.a.run = "true"\n[parameters.p]\n{toml}'))
    problems = Problems(document)
    workflow = build(document, problems)
    assert workflow is not None
    assert len(problems) == 0
    check_fields(problems, workflow.parameters, ("parameters",), types)
    assert [(p.code, p.location.text, p.hint) for p in problems] == expected
