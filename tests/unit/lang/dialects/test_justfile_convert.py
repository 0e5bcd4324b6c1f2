"""What recipes become: scripts, values, orders, and what is left out and why."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from ropeway.app.importing import convert_justfile
from ropeway.lang.dialects.justfile.convert import convert
from ropeway.lang.dialects.justfile.parser import parse
from ropeway.lang.source import read_document

FILES = Path(__file__).parent / "justfiles"


def made(text, *recipes):
    return convert(parse(dedent(text), "justfile"), workflow_id="x", recipes=recipes)


def document(text, *recipes):
    found = made(text, *recipes)
    assert found.skipped == ()
    return read_document(found.text.encode(), "workflow.toml")[0].data


def script(body, head="a:", **more):
    """Return the script that one recipe becomes."""
    lines = "".join(f"    {line}\n" for line in dedent(body).strip("\n").split("\n"))
    return document(f"{more.get('before', '')}\n{head}\n{lines}")["steps"]["a"]["run"]


def left_out(text, *recipes):
    return [(problem.recipe, problem.place.line, problem.reason) for problem in made(text, *recipes).skipped]


# Lines


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("echo one", "echo one"),
        ("@echo one", "echo one"),
        ("a | b > c 2>&1", "a | b > c 2>&1"),
        ("FOO=1 make", "FOO=1 make"),
        ('echo "a && b; c"', 'echo "a && b; c"'),
        ("echo $(date)", "echo $(date)"),
        ("-make", "make || true"),
        ("-echo $X", "(echo $X) || true"),
        ("cd src && make", "(cd src && make)"),
        ("a || b", "(a || b)"),
        ("-a && b", "(a && b) || true"),
        ("a; b", "(set +e; a; b)"),
        ("echo $(a; b)", "(set +e; echo $(a; b))"),
        ("if a; then b; fi", "(set +e; if a; then b; fi)"),
        ("(a; b)", "(set +e; (a; b))"),
        ("! a", "(set +e; ! a)"),
        ("x=1", "(x=1)"),
        ("export A=1", "(export A=1)"),
        ("exit 0", "(exit 0)"),
        ("# only a comment", "# only a comment"),
        ("echo a # why", "echo a # why"),
        ("-echo a # why", "(\necho a # why\n) || true\n"),
        ("cd x # why", "(\ncd x # why\n)\n"),
        ("a &", "( set +e\na &\n)\n"),
    ],
)
def test_a_line_does_in_a_script_what_it_did_in_its_own_shell(line, expected):
    assert script(line) == expected


@pytest.mark.parametrize(
    ("words", "shell", "head"),
    [
        ("'sh', '-cu'", "sh", ""),
        ("'sh', '-c'", "sh", "set +u\n"),
        ("'bash', '-c'", "bash", "set +u +o pipefail\n"),
        ("'bash', '-uc'", "bash", "set +o pipefail\n"),
        ("'/usr/bin/env', 'bash', '-euo', 'pipefail', '-c'", "bash", ""),
        ("'bash', '-xeuo', 'pipefail', '-c'", "bash", "set -x\n"),
    ],
)
def test_a_shell_keeps_its_options(words, shell, head):
    step = document(f"set shell := [{words}]\na:\n    one\n    two\n")["steps"]["a"]
    assert (step["shell"], step["run"]) == (shell, f"{head}one\ntwo\n")


def test_a_shell_that_we_can_not_write_for_is_called_for_each_line():
    assert script("ls | where size > 1kb\n-it's", before="set shell := ['nu', '-c']") == (
        "nu -c 'ls | where size > 1kb'\nnu -c 'it'\\''s' || true\n"
    )
    assert left_out("set shell := ['nu', '-c']\na x:\n    echo {{ x }}\n") == [
        ("a", 3, "a value can not become a part of a program in this language")
    ]


@pytest.mark.parametrize(
    ("shebang", "shell", "head"),
    [
        ("#!/bin/sh -eu", "sh", ""),
        ("#!/usr/bin/env bash", "bash", "set +eu +o pipefail\n"),
        ("#!/bin/bash -e", "bash", "set +u +o pipefail\n"),
        ("#!/usr/bin/env python3", "python", ""),
        ("#!/usr/bin/env node", "node", ""),
        ("#!/usr/bin/perl -w", ["/usr/bin/perl", "-w"], ""),
        ("#!/usr/bin/env -S uv run --script", ["uv", "run", "--script"], ""),
    ],
)
def test_a_shebang_line_becomes_the_shell(shebang, shell, head):
    step = document(f"a:\n    {shebang}\n    one\n    two\n")["steps"]["a"]
    assert (step["shell"], step["run"]) == (shell, f"{head}one\ntwo\n")


def test_a_script_that_sets_its_options_itself_keeps_them():
    assert script("#!/bin/bash\nset -euo pipefail\nx") == "set -euo pipefail\nx\n"
    assert script("#!/bin/bash\n# why\nset -e\nx").startswith("set +u +o pipefail\n# why\nset -e\n")


# Values


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("echo {{ x }}", "echo ${{ params.x }}"),
        ('echo "a {{ x }} b"', 'echo "a ${{ params.x }} b"'),
        ("echo '{{ x }}'", "echo ${{ params.x }}"),
        ("echo 'a {{ x }} b'", "echo 'a '${{ params.x }}' b'"),
        ("echo '{{ x }}{{ x }}'", "echo ${{ params.x }}${{ params.x }}"),
        ("echo {{ quote(x) }}", "echo ${{ params.x }}"),
        ("echo --a={{ x }}", "echo --a=${{ params.x }}"),
        ('echo "$(cat {{ x }})"', 'echo "$(cat ${{ params.x }})"'),
        ("echo {{ uppercase(x) }}", "echo ${{ upper(params.x) }}"),
        ("echo {{ 'v' + x + '!' }}", "echo ${{ 'v' + params.x + '!' }}"),
        ("echo {{ x / 'b' }}", "echo ${{ params.x + '/b' }}"),
        ("echo {{ if x == 'a' { 'b' } else { 'c' } }}", "echo ${{ (params.x == 'a' ? 'b' : 'c') }}"),
        ("echo {{ if x =~ '^a' { x } else { 'c' } }}", "echo ${{ (matches(params.x, '^a') ? params.x : 'c') }}"),
        ("echo {{ 'a' + \"b\" }} '$${{{{'", "echo ab '$$${{'"),
    ],
)
def test_a_value_is_handed_over_where_it_was_pasted(line, expected):
    assert script(line, head="a x:") == expected


def test_a_value_that_may_be_none_or_several_words_is_split_as_before():
    assert script("ls {{ x }} '{{ x }}' --y={{ x }}", head="a x='':") == "x=${{ params.x }}\nls $x ${{ params.x }} --y=${{ params.x }}\n"
    assert script("ls {{ x }}{{ x }}", head="a x='':") == "x=${{ params.x }}\nls $x$x\n"
    assert script("ls {{ x }}_y", head="a x='b c':") == "x=${{ params.x }}\nls ${x}_y\n"
    assert script("ls {{ x }} $x", head="a *x:") == "x_2=${{ join(params.x, ' ') }}\nls $x_2 $x\n"


def test_variables_are_parameters_when_they_are_one_word_and_pasted_when_they_are_not():
    text = "one := 'word'\nmany := 'two words'\nhome := \"$HOME/x\"\n_own := 'y'\na:\n    cp {{ one }} {{ many }} {{ home }} {{ _own }}\n"
    found = document(text)
    assert found["parameters"] == {"one": {"default": "word"}}
    assert found["steps"]["a"]["run"] == "cp ${{ params.one }} two words $HOME/x y"


def test_a_variable_is_pasted_where_a_value_would_be_refused():
    found = document("tool := './run'\nn := '3'\na x:\n    {{ tool }} {{ quote(x) }}\nb:\n    echo $(( {{ n }} + 1 ))\n")
    assert [found["steps"][name]["run"] for name in ("a", "b")] == ["./run ${{ params.a_x }}", "echo $(( 3 + 1 ))"]
    assert "tool" not in found["parameters"]


def test_a_parameter_that_is_calculated_with_becomes_an_integer():
    found = document("a n='3':\n    echo $(( {{ n }} + 1 )) \"{{ n + 'x' }}\"\n")
    assert found["parameters"]["n"] == {"type": "integer", "default": 3}
    assert found["steps"]["a"]["run"] == "echo $(( ${{ params.n }} + 1 )) \"${{ join([params.n], '') + 'x' }}\""


def test_what_only_a_shell_can_tell_is_an_output_of_the_first_step():
    found = document("sha := `git rev-parse HEAD`\ntag := 'v-' + sha\na:\n    echo \"{{ tag }}\" {{ sha }}.tgz\n")
    variables, step = found["steps"]["variables"], found["steps"]["a"]
    assert variables["run"].splitlines()[0] == "just_sha=$(git rev-parse HEAD)"
    assert step["needs"] == ["variables"]
    assert step["run"] == "sha=${{ steps.variables.outputs.sha }}\necho \"${{ 'v-' + steps.variables.outputs.sha }}\" $sha.tgz\n"


def test_a_value_in_python_leaves_its_quotes():
    assert script("#!/usr/bin/env python3\nprint('{{ x }}', f\"a {{ x }} b\", 'plain')", head="a x:") == (
        'print(${{ params.x }}, (f"a " + ${{ params.x }} + f" b"), \'plain\')'
    )


def test_positional_arguments_are_set_when_they_are_used():
    found = document('set positional-arguments\na x *rest:\n    echo "$1" "$@"\nb y:\n    echo {{ y }}\n')
    assert found["steps"]["a"]["run"].startswith("set -- ${{ params.a_x }}\n[ ${{ size(params.a_rest) }} -eq 0 ] || while")
    assert "set --" not in found["steps"]["b"]["run"]


# What is refused


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('eval "{{ x }}"', "'eval' evaluates its arguments"),
        ("sh -c 'echo {{ x }}'", "'sh' reads this as text in a language of its own"),
        ("echo `cat {{ x }}`", "the shell reads the text in `…` twice"),
        ("echo ${{ x }}", "the '$' in front of it would change what it means"),
        ('echo "{{ quote(x) }}"', "quote() is converted only for a word by itself"),
        ("echo {{ nothing }}", "'nothing' is no variable and no parameter"),
        ("echo {{ style('error') }}", "the function style() is not converted"),
        ("echo {{ replace(x, 'a', 'b') }}", "replace() of something that is not known is not converted"),
        ("echo {{ [x] }}", "a list is not converted"),
        ("echo 'open {{ x }}", "the line can not be read: a single quote is not closed"),
    ],
)
def test_what_would_change_is_left_out_with_a_reason(line, reason):
    found = made(f"a x:\n    {line}\n")
    assert (found.text, [p.recipe for p in found.skipped]) == ("", ["a"])
    assert found.skipped[0].reason.startswith(reason)
    assert found.skipped[0].hint
    assert found.skipped[0].place.line == 2


@pytest.mark.parametrize("line", ["ls {{ x }}", 'ls "{{ x }}"', "ls {{ x }}/y"])
def test_a_default_that_is_program_text_is_never_a_value(line):
    assert left_out(f"a x='$HOME/x':\n    {line}\n")[0][2] == "just pastes '$HOME/x' here as program text, and a value never becomes that"
    assert left_out("a x='~/x':\n    ls {{ x }}\n")[0][:2] == ("a", 2)
    assert left_out(f"a x='a; b':\n    {line}\n".replace('"', "")) != []


def test_what_needs_a_recipe_that_is_left_out_is_left_out_too():
    assert left_out("a: b\n    x\nb:\n    {{ style('x') }}\nc: d::e\n    y\nf:\n    z\n") == [
        ("b", 4, "the function style() is not converted"),
        ("a", 1, "it needs the recipe 'b', which was not converted"),
        ("c", 5, "'d::e' is in a module, and modules are not converted"),
    ]


def test_a_circle_is_told():
    assert left_out("a: b\n    x\nb: a\n    y\n")[0][2] == "its dependencies go in a circle: a → b → a"
    assert left_out("x := y\ny := x\na:\n    {{ x }}\n")[0][2] == "the variable 'x' is made of itself"


def test_a_chain_that_doubles_at_each_link_ends():
    text = "".join(f"r{n}: r{n + 1} && r{n + 1}\n    x\n" for n in range(60)) + "r60:\n    x\n"
    assert left_out(text, "r0")[0][2] == "it would have more than 2,000 steps"
    wide = "".join(f"r{n}: r{n + 1} (r{n + 1})\n    x\n" for n in range(60)) + "r60:\n    x\n"
    assert len(document(wide, "r0")["steps"]) == 61


# Order


def order(text, *recipes):
    return {name: step.get("needs", []) for name, step in document(text, *recipes)["steps"].items()}


def test_dependencies_come_in_their_order_and_once():
    assert order("a: b c\n    x\nb: d\n    x\nc: d\n    x\nd:\n    x\n", "a") == {"d": [], "b": ["d"], "c": ["d"], "a": ["b", "c"]}


def test_what_comes_after_runs_again_even_if_it_ran_before():
    assert order("a: b && b\n    x\nb:\n    x\n", "a") == {"b": [], "a": ["b"], "b-2": ["a"]}


def test_arguments_make_steps_of_their_own():
    found = order("a: (b 'x') (b 'y z') b\n    x\nb v='w':\n    echo {{ v }}\n", "a")
    assert found == {"b-x": [], "b-y-z": [], "b": [], "a": ["b-x", "b-y-z", "b"]}


def test_arguments_that_may_turn_out_equal_are_told():
    found = made("a v: (b v) (b 'x') (c 'x') (c 'y')\n    x\nb w:\n    y\nc w:\n    z\n", "a")
    assert [note.reason for note in found.notes] == ["where 'b' is given the same arguments twice, it runs twice, and just ran it once"]


def test_a_value_of_several_words_is_no_assignment():
    assert left_out("a x='b c':\n    Y={{ x }} && z\n")[0][2].startswith("just reads a value of several words here as an assignment")
    assert script('Y="{{ x }}" make', head="a x='b c':") == 'Y="${{ params.x }}" make'


def test_recipes_that_want_another_order_get_steps_of_their_own():
    found = document("a: b c\n    x\nd: c b\n    x\nb:\n    x\nc:\n    x\n")["steps"]
    ran = [name for name, step in found.items() if "'d'" in step.get("when", "")]
    assert ran.index("c") < ran.index("b-2") < ran.index("d")


def test_a_question_comes_before_all_that_the_recipe_needs():
    assert order("[confirm]\na: b\n    x\nb:\n    x\n", "a") == {"a-confirm": [], "b": ["a-confirm"], "a": ["b"]}


def test_what_runs_at_the_same_time_leaves_the_rest_in_order():
    found = document("[parallel]\na: b c\n    x\nb: d\n    x\nc:\n    x\nd:\n    x\ne: b c\n    x\n", "a")
    assert found["policy"]["max_parallel"] == 2
    assert {name: step.get("needs", []) for name, step in found["steps"].items()} == {"d": [], "b": ["d"], "c": [], "a": ["b", "c"]}


def test_a_recipe_without_a_body_is_only_an_order():
    assert order("all: a b\na:\n    x\nb:\n    x\n", "all") == {"a": [], "b": []}


def test_aliases_choose_their_recipe():
    found = document("alias t := test\ntest:\n    x\nother:\n    y\n")
    assert found["parameters"]["recipe"]["choices"] == ["test", "t", "other"]
    assert found["steps"]["test"]["when"] == "params.recipe in ['test', 't']"


# The collection

KNOWN = {
    "hostile": {"_unused", "awk", "evaluated", "here", "lonely", "ruby", "stamped", "uses"},
    "modules": {"", "build"},
    "imports": {"build", "build-all"},
}


@pytest.mark.parametrize("path", sorted(FILES.glob("*.just")), ids=lambda path: path.stem)
def test_a_real_justfile_becomes_a_valid_workflow(path):
    found = convert_justfile(None, path, path.name, workflow_id="x").conversion
    assert {problem.recipe for problem in found.skipped} == KNOWN.get(path.stem, set())
    data, problems = read_document(found.text.encode(), "workflow.toml")
    assert problems == []
    assert data.data["steps"]
    named = {recipe.name for recipe in parse(path.read_text(), path.name).recipes}
    told = {one.recipe for one in (*found.converted, *found.skipped, *found.notes)}
    assert named <= told  # no recipe is lost silently


def test_the_collection_is_large_enough():
    assert len(list(FILES.rglob("*just*"))) >= 25
