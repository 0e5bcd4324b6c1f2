"""What is handed in: to actions, builtins, gates, plugins and sub-workflows."""

from __future__ import annotations

import pytest

from reading import hints, source, told

LINT = """
[actions.lint]
inputs.path = { type = "path" }
inputs.count = { type = "integer", default = 1 }
inputs.mode = { type = "choice", choices = ["fast", "slow"], default = "fast" }
run = "ruff check ${{ inputs.path }}"
[parameters.text]
[parameters.number]
type = "integer"
[parameters.maybe]
type = "integer"
required = false
[steps.a]
uses = "action:lint"
"""


def lint(inputs: str) -> list[str]:
    return told(LINT + f"inputs = {{ {inputs} }}\n")


@pytest.mark.parametrize(
    "inputs",
    [
        'path = "src"',
        'path = "${{ params.text }}", count = 2, mode = "slow"',
        'path = "a/${{ params.number }}", count = "${{ params.number + 1 }}", mode = "${{ params.text }}"',
        'path = "src", count = "${{ default(params.maybe, 3) }}"',
    ],
)
def test_inputs_that_fit_are_taken(inputs: str):
    assert lint(inputs) == []


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ('path = "src", cont = 1', "RW508 «cont» action 'lint' has no input 'cont'"),
        ("path = 5", "RW510 «5» 'path' must be a string, not an integer"),
        ('path = "src", mode = "medium"', "RW510 «\"medium\"» 'mode' can't be 'medium'"),
        ('path = "src", count = "${{ params.text }}"', "RW224 «params.text» the expression is a string, an integer is expected"),
        (
            'path = "src", count = "${{ params.maybe }}"',
            "RW224 «params.maybe» the expression is an integer or null, an integer is expected",
        ),
        ('path = "src", count = "1${{ params.number }}"', "RW510 «\"1${{ params.number }}\"» 'count' must be an integer, not a string"),
        ('path = ["${{ params.text }}"]', "RW510 «[\"${{ params.text }}\"]» 'path' must be a string, not a list of string"),
    ],
)
def test_an_input_that_does_not_fit_is_told_at_its_value(inputs: str, said: str):
    assert lint(inputs) == [said]


def test_a_number_for_a_text_gets_the_expression_that_makes_it_text():
    text = LINT + 'inputs = { path = "${{ params.number + 1 }}" }\n'
    assert told(text) == ["RW224 «params.number + 1» the expression is an integer, a string is expected"]
    assert hints(text) == ["make it text: join([params.number + 1], '')"]
    assert told(text.replace("params.number + 1", "join([params.number + 1], '')")) == []


def test_all_missing_inputs_are_named_at_once():
    text = '[steps.a]\nuses = "builtin:write-file"\n'
    assert told(text) == ["RW509 «\"builtin:write-file\"» builtin:write-file needs the inputs 'path', 'text'"]
    assert hints(text) == ["add inputs = { path = …, text = … }"]


def test_the_inside_of_an_action_sees_its_inputs_with_their_types():
    text = """
        [actions.x]
        inputs.n = { type = "integer" }
        run = "head -n $(( ${{ inputs.n }} ))"
        env.BAD = "${{ inputs.m }}"
        [steps.a]
        uses = "action:x"
        inputs = { n = 1 }
    """
    assert told(text) == ["RW211 «inputs.m» there is no input 'm'"]


def test_an_action_that_uses_another_is_checked_where_it_hands_over():
    text = """
        [actions.inner]
        inputs.n = { type = "integer" }
        run = "true"
        [actions.outer]
        inputs.s = {}
        uses = "action:inner"
        with = { n = "${{ inputs.s }}" }
        [steps.a]
        uses = "action:outer"
        inputs = { s = "x" }
    """
    assert told(text) == ["RW224 «inputs.s» the expression is a string, an integer is expected"]


def test_the_builtins_have_typed_inputs_and_outputs():
    text = """
        [steps.diff]
        uses = "builtin:vcs-diff"
        inputs = { paths = ["src"] }
        [steps.get]
        uses = "builtin:http-get"
        inputs = { url = "https://example.com", headers = { Accept = "text/plain" }, status = [200, 404], max_bytes = 100 }
        [steps.check]
        needs = ["diff", "get"]
        uses = "builtin:assert"
        inputs = { that = "${{ steps.diff.outputs.changed && steps.get.outputs.status == 200 }}", message = "no" }
        [steps.file]
        needs = ["diff"]
        uses = "builtin:write-file"
        inputs = { path = "a", text = "${{ join(steps.diff.outputs.files, ' ') }}", executable = true }
        [steps.bad]
        needs = ["file"]
        uses = "builtin:assert"
        inputs = { that = "${{ steps.file.outputs.bytes }}", message = "${{ steps.file.outputs.size }}" }
    """
    assert told(text) == [
        "RW224 «steps.file.outputs.bytes» the expression is an integer, a boolean is expected",
        "RW211 «steps.file.outputs.size» there is no output 'size' of step 'file'",
    ]


def test_gates_have_typed_inputs():
    text = """
        [steps.a]
        uses = "gate:approve"
        inputs = { promt = "x", deadline = "soon", default = "maybe" }
        [steps.b]
        uses = "gate:choose"
        inputs = { prompt = "x", choices = ["a", "b"], default = "c" }
        [steps.c]
        uses = "gate:choose"
    """
    assert told(text) == [
        "RW508 «promt» gate:approve has no input 'promt'",
        "RW510 «\"soon\"» 'soon' is not a duration",
        "RW510 «\"maybe\"» 'default' can't be 'maybe'",
        'RW510 «"c"» the default is not one of the choices',
        "RW509 «\"gate:choose\"» gate:choose needs the input 'choices'",
    ]


def test_a_form_gives_what_its_fields_declare():
    text = """
        [steps.ask]
        uses = "gate:form"
        inputs = { prompt = "x", fields = { who = {}, n = { type = "integer" }, bad = { type = "strng" } } }
        [steps.use]
        needs = ["ask"]
        run = "echo ${{ steps.ask.outputs.who }} ${{ steps.ask.outputs.when }}"
        when = "steps.ask.outputs.n > 3"
    """
    assert told(text) == [
        "RW119 «\"strng\"» there is no type 'strng'",
        "RW211 «steps.ask.outputs.when» there is no output 'when' of step 'ask'",
    ]


def test_a_plugin_takes_any_input_and_gives_any_output():
    text = """
        [steps.a]
        uses = "plugin:deploy"
        inputs = { anything = { deep = [1, "${{ params.nope }}"] } }
        [steps.b]
        needs = ["a"]
        run = "true"
        when = "steps.a.outputs.whatever.size > 3"
    """
    assert told(text) == ["RW211 «params.nope» there is no parameter 'nope'"]


SUB = """
id = "release"
[parameters.tag]
[parameters.dry]
type = "boolean"
default = false
[parameters.token]
type = "secret"
[steps.x]
run = "true"
outputs.n = { type = "integer" }
[outputs]
count = "${{ steps.x.outputs.n }}"
text = "n ${{ steps.x.outputs.n }}"
"""


def test_a_sub_workflow_that_is_loaded_is_typed_both_ways():
    text = """
        [steps.a]
        uses = "workflow:./sub/release.toml"
        inputs = { tagg = "x", dry = "yes" }
        [steps.b]
        needs = ["a"]
        run = "echo ${{ steps.a.outputs.counts }}"
        when = "steps.a.outputs.count > 3 && steps.a.outputs.text > 3"
    """
    library = {"/project/sub/release.toml": source(SUB, "/project/sub/release.toml")}
    assert told(text, library) == [
        "RW509 «\"workflow:./sub/release.toml\"» workflow 'release' needs the input 'tag'",
        "RW508 «tagg» workflow 'release' has no input 'tagg'",
        "RW510 «\"yes\"» 'dry' must be true or false, not a string",
        "RW211 «steps.a.outputs.counts» there is no output 'counts' of step 'a'",
        "RW220 «steps.a.outputs.text > 3» '>' can not compare a string with an integer",
    ]


def test_a_sub_workflow_that_is_not_loaded_is_a_note_and_untyped():
    text = """
        [steps.a]
        uses = "workflow:release@acme#^1"
        inputs = { anything = true }
        [steps.b]
        needs = ["a"]
        run = "echo ${{ steps.a.outputs.whatever }}"
    """
    assert told(text) == ['RW516 «"workflow:release@acme#^1"» this workflow is not loaded, so its inputs and outputs were not checked']
