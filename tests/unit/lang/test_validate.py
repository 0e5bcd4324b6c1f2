"""What a workflow means: names, cycles, who may read whom, types in expressions."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from reading import diagnose, hints, told
from ropeway import lang
from ropeway.lang.codes.graph import CODES


@pytest.mark.parametrize("code", [code for code, one in CODES.items() if one.wrong])
def test_the_example_of_a_code_is_answered_with_it_and_its_repair_is_not(code: str):
    assert code in {one.code for one in diagnose(CODES[code].wrong)}
    repaired = diagnose(CODES[code].right)
    assert [one for one in repaired if one.severity == "error"] == []
    assert code not in {one.code for one in repaired}


def test_every_code_that_the_checks_tell_is_explained():
    files = Path(lang.__file__).parent.rglob("*.py")
    said = {code for file in files if file.parent.name != "codes" for code in re.findall(r'"(RW5\d\d)"', file.read_text())}
    assert said == set(CODES)


def test_an_unknown_need_is_told_at_its_place_with_the_nearest_name():
    text = """
        [steps.build]
        run = "make"
        [steps.test]
        needs = ["build", "biuld"]
        run = "make test"
    """
    assert told(text) == ["RW501 «\"biuld\"» there is no step 'biuld'"]
    assert hints(text) == ["did you mean 'build'?"]


def test_a_cycle_is_shown():
    text = """
        [steps.a]
        needs = ["b"]
        run = "true"
        [steps.b]
        needs = ["c"]
        run = "true"
        [steps.c]
        needs = ["a"]
        run = "true"
    """
    assert told(text) == ['RW503 «"b"» these steps need each other: a -> b -> c -> a']


def test_actions_that_use_each_other_are_shown_and_do_not_hang():
    text = """
        [actions.p]
        uses = "action:q"
        [actions.q]
        uses = "action:p"
        [steps.x]
        uses = "action:p"
    """
    assert told(text) == ['RW504 «"action:q"» these actions use each other: p -> q -> p']


def test_the_name_behind_a_kind_is_marked_alone():
    text = """
        [actions.lint]
        run = "ruff check"
        [steps.a]
        uses = "action:lnt"
        [steps.b]
        uses = "builtin:vcsdiff"
        [steps.c]
        uses = "gate:aprove"
        [steps.d]
        uses = "acton:lint"
        [steps.e]
        uses = "lint"
        [steps.f]
        uses = "workflow:a@b@c"
    """
    assert told(text) == [
        "RW502 «lnt» there is no action 'lnt'",
        "RW507 «vcsdiff» there is no builtin 'vcsdiff'",
        "RW507 «aprove» there is no gate 'aprove'",
        "RW506 «\"acton:lint\"» 'acton:lint' does not say what kind of thing it is",
        "RW506 «\"lint\"» 'lint' does not say what kind of thing it is",
        "RW403 «@» more than one `@`",
    ]
    assert hints(text)[:5] == [
        "did you mean 'lint'?",
        "did you mean 'vcs-diff'?",
        "did you mean 'approve'?",
        "did you mean 'action'?",
        'write "action:lint"',
    ]


def test_a_step_may_read_what_it_needs_through_others_and_nothing_else():
    text = """
        [steps.a]
        run = "true"
        [steps.b]
        needs = ["a"]
        run = "true"
        [steps.c]
        needs = ["b"]
        run = "echo ${{ steps.a.outputs.x }} ${{ steps.d.outputs.x }}"
        [steps.d]
        run = "true"
    """
    assert told(text) == ["RW505 «steps.d» step 'c' reads step 'd' and does not need it"]
    assert hints(text) == ['add it: needs = ["b", "d"]']


@pytest.mark.parametrize(
    "place",
    [
        'run = "echo ${{ steps.d.outputs.x }}"',
        'run = ["echo", "${{ steps.d.outputs.x }}"]',
        'run = "true"\nenv.X = "${{ steps.d.outputs.x }}"',
        'run = "true"\nwhen = "steps.d.outputs.x != \'\'"',
        'run = "true"\nforeach = "split(steps.d.outputs.x, \',\')"',
        'run = "true"\nworkspace = "${{ steps.d.outputs.x }}"',
        'run = "true"\nrepeat = { until = "steps.d.outputs.x != \'\'", max = 2 }',
        'uses = "plugin:x"\ninputs = { deep = [{ x = "${{ steps.d.outputs.x }}" }] }',
    ],
)
def test_a_hidden_read_is_found_in_every_place(place: str):
    (problem,) = diagnose(f'[steps.d]\nrun = "true"\n[steps.c]\n{place}\n')
    assert problem.code == "RW505"
    assert problem.location.text[problem.location.column - 1 :].startswith("steps.d")


def test_only_until_reads_its_own_step():
    text = """
        [steps.polish]
        run = "./polish"
        outputs.score = { type = "integer" }
        repeat = { until = "steps.polish.outputs.score >= 8", max = 5 }
        [steps.bad]
        run = "true"
        when = "steps.bad.state == 'failed'"
    """
    assert told(text) == ["RW505 «steps.bad» step 'bad' can't read itself"]


def test_the_end_of_the_run_may_read_every_step_and_an_action_none():
    text = """
        [actions.x]
        run = "echo ${{ steps.a.state }}"
        [steps.a]
        run = "true"
        [steps.b]
        uses = "action:x"
        [artifacts.log]
        path = "${{ steps.b.outputs.dir }}/log"
        [outputs]
        state = "${{ steps.a.state }}"
    """
    assert told(text) == ["RW210 «steps» there is no 'steps' here"]
    assert hints(text) == ["an action is not told about steps; hand the value in as an input"]


def test_a_number_from_an_open_step_needs_a_declaration_and_the_hint_writes_it():
    text = """
        [steps.a]
        run = "true"
        [steps.b]
        needs = ["a"]
        run = "true"
        when = "steps.a.outputs.score >= 8"
    """
    assert told(text) == ["RW220 «steps.a.outputs.score >= 8» '>=' can not compare a string with an integer"]
    assert hints(text) == ['declare the output in steps.a: outputs.score = { type = "integer" }']


def test_a_step_that_declares_outputs_has_exactly_those():
    text = """
        [steps.a]
        run = "true"
        outputs.files = { type = "list" }
        [steps.b]
        needs = ["a"]
        run = "echo ${{ steps.a.outputs.file }}"
    """
    assert told(text) == ["RW211 «steps.a.outputs.file» there is no output 'file' of step 'a'"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("when", "params.since"),
        ("foreach", "params.since"),
        ("repeat.max = 2\nrepeat.until", "params.since"),
    ],
)
def test_conditions_are_booleans_and_foreach_is_a_list(key: str, value: str):
    (problem,) = diagnose(f'[parameters.since]\n[steps.a]\nrun = "true"\n{key} = "{value}"\n')
    assert problem.code == "RW224"


def test_the_item_of_a_foreach_has_the_type_of_the_lists_elements():
    text = """
        [parameters.numbers]
        type = "list"
        items = "integer"
        [steps.a]
        foreach = "params.numbers"
        when = "item > 3"
        run = "true"
        [steps.b]
        foreach = "params.numbers"
        when = "item == 'x'"
        run = "true"
        [steps.c]
        run = "echo ${{ item }}"
    """
    assert [line[:5] for line in told(text)] == ["RW225", "RW210"]
    assert hints(text)[1] == "'item' is for steps with 'foreach'"


def test_the_outputs_of_a_foreach_are_lists():
    text = """
        [steps.a]
        foreach = "[1, 2]"
        run = "true"
        outputs.n = { type = "integer" }
        [steps.b]
        needs = ["a"]
        run = "true"
        when = "size(steps.a.outputs.n) == 2 && steps.a.outputs.n[0] > 1"
        [steps.c]
        needs = ["a"]
        run = "true"
        when = "steps.a.outputs.n > 1"
    """
    assert [line[:5] for line in told(text)] == ["RW220"]


def test_what_a_skipped_step_gives_may_be_null_and_default_answers_that():
    text = """
        [parameters.go]
        type = "boolean"
        [steps.a]
        run = "true"
        when = "params.go"
        outputs.n = { type = "integer" }
        [steps.b]
        needs = ["a"]
        run = "echo ${{ steps.a.outputs.n }}"
        when = "default(steps.a.outputs.n, 0) > 3"
        [steps.c]
        needs = ["a"]
        run = "true"
        when = "steps.a.outputs.n > 3"
    """
    assert told(text) == ["RW221 «steps.a.outputs.n» 'steps.a.outputs.n' may be null here"]


def test_a_step_that_runs_after_failures_may_find_nothing():
    text = """
        [steps.a]
        run = "true"
        [steps.b]
        needs = ["a"]
        run = "echo ${{ steps.a.exit_code }}"
        when = "failure() && steps.a.exit_code > 2"
        [steps.c]
        needs = ["a"]
        run = "true"
        when = "steps.a.exit_code == 0"
    """
    assert told(text) == ["RW221 «steps.a.exit_code» 'steps.a.exit_code' may be null here"]


def test_how_the_steps_before_went_is_asked_only_by_when():
    text = """
        [steps.a]
        run = ["echo", "${{ failure() }}"]
        [steps.b]
        needs = ["a"]
        run = "true"
        when = "failure() || always() || success()"
    """
    assert [line[:17] for line in told(text)] == ["RW214 «failure()»"]


def test_a_concurrency_group_knows_parameters_and_no_steps_files_or_secrets():
    text = """
        [parameters.key]
        type = "secret"
        [policy.concurrency]
        group = "${{ run.workflow }} ${{ params.key }} ${{ file('x') }} ${{ steps.a.state }}"
        [steps.a]
        run = "true"
    """
    assert [line.partition("» ")[0] for line in told(text)] == [
        "RW515 «params.key",
        "RW214 «file('x')",
        "RW210 «steps",
    ]


def test_places_inside_a_multi_line_script_are_exact():
    text = '''
        [steps.a]
        run = """
        echo one
        echo "two ${{ params.x }}"
        """
    '''
    (problem,) = diagnose(text)
    assert (problem.location.line, problem.location.column) == (5, 15)
    assert problem.location.text == 'echo "two ${{ params.x }}"'


def test_problems_of_the_script_and_of_its_expressions_are_told_once_each():
    text = """
        [parameters.x]
        [steps.a]
        run = "echo '${{ params.x }}' ${{ params.y }} ${{ 1 + }}"
    """
    codes = [line[:5] for line in told(text)]
    assert codes[:2] == ["RW301", "RW211"]
    assert len(codes) == 3
    assert codes[2].startswith("RW20")


def test_a_comment_in_a_script_is_left_alone():
    assert told('[steps.a]\nrun = """\n# ${{ nonsense( }}\ntrue\n"""\n') == []


def test_everything_is_told_at_once():
    text = """
        [steps.a]
        uses = "action:x"
        needs = ["nobody"]
        when = "1 +"
        env.X = "${{ params.y }}"
        [outputs]
        o = "${{ steps.zzz.state }}"
    """
    assert [line[:5] for line in told(text)] == ["RW502", "RW501", "RW201", "RW211", "RW211"]


def test_ten_thousand_steps_on_one_line_of_needs_are_checked_without_recursion():
    steps = "".join(f'[steps.s{n}]\nrun = "true"\n' + (f'needs = ["s{n - 1}"]\n' if n else "") for n in range(10_000))
    last = '[steps.last]\nneeds = ["s9999"]\nrun = "echo ${{ steps.s0.outputs.x }}"\n'
    assert told(steps + last) == []
