"""What scripts for python, node and unknown programs become: a gallery of places, and whole messages."""

from __future__ import annotations

import pytest

from ropeway.lang.expressions import STRING
from ropeway.lang.scripts import compile_script

PYTHON = {
    "print(${{ x }})": 'print(__ropeway__["V1"])',
    "print(${{ x }}, ${{ y }}, ${{x}})": 'print(__ropeway__["V1"], __ropeway__["V2"], __ropeway__["V1"])',
    "return${{ x }}[0].y": 'return __ropeway__["V1"][0].y',
    "# it's ${{ x }}\nprint(${{ y }})": '# it\'s ${{ x }}\nprint(__ropeway__["V1"])',
    'a = \'it\\\'s\' + ${{ x }} + """\'\n" """ + ${{ x }}': 'a = \'it\\\'s\' + __ropeway__["V1"] + """\'\n" """ + __ropeway__["V1"]',
    "a = '$${{ x }}'; b = ${{ y }}": "a = '${{ x }}'; b = __ropeway__[\"V1\"]",
    "a = ${{\n  x\n}}\nb": 'a = __ropeway__["V1"\n\n]\nb',
    "a = r'\\' + ' + ${{ x }}": "a = r'\\' + ' + __ropeway__[\"V1\"]",
    "a = 'unclosed\nb = ${{ x }}": 'a = \'unclosed\nb = __ropeway__["V1"]',
}
NODE = {
    "f(${{ x }})": "f(__ropeway__.V1)",
    "f(${{ x }}, ${{ y }}, ${{ x }})": "f(__ropeway__.V1, __ropeway__.V2, __ropeway__.V1)",
    "return${{ x }}in y": "return __ropeway__.V1 in y",
    "// it's ${{ x }}\n/* ${{ x }} */ f(${{ y }})": "// it's ${{ x }}\n/* ${{ x }} */ f(__ropeway__.V1)",
    "f('it\\'s', ${{ x }}, `a ${ {b: `c ${ ${{ x }} }`} } d`, ${{ y }})": "f('it\\'s', __ropeway__.V1, `a ${ {b: `c ${ __ropeway__.V1 }`} } d`, __ropeway__.V2)",
    "x = a / ${{ x }} / b": "x = a / __ropeway__.V1 / b",
    "x = /[/'\"]`/.test(${{ x }})": "x = /[/'\"]`/.test(__ropeway__.V1)",
    "f(`$${{ x }}`, '$${{ x }}', ${{ y }})": "f(`${{ x }}`, '${{ x }}', __ropeway__.V1)",
    "x = ${{\n x }}\ny": "x = __ropeway__\n.V1\ny",
    "#!/usr/bin/env node it's\nf(${{ x }})": "#!/usr/bin/env node it's\nf(__ropeway__.V1)",
}
IN_PYTHON = (
    "RW320",
    "inside quotes Python would read it as text",
    "write it outside the quotes, as a value of its own: 'before ' + str(${{ … }}), or assign it to a variable first",
)
IN_NODE = (
    "RW321",
    "inside quotes JavaScript would read it as text",
    "write it outside the quotes, as a value of its own: 'before ' + ${{ … }}, or assign it to a variable first",
)
REFUSED = {
    ("python", "a = '${{ x }}'"): IN_PYTHON,
    ("python", 'a = f"{1} ${{ x }}"'): IN_PYTHON,
    ("python", "a = '''\n'${{ x }}'''"): IN_PYTHON,
    ("python", 'a = rb"\\"${{ x }}"'): IN_PYTHON,
    ("node", "a = '${{ x }}'"): IN_NODE,
    ("node", 'a = "${{ x }}"'): IN_NODE,
    ("node", "a = `${{ x }}`"): IN_NODE,
    ("node", "a = `${ 1 } ${{ x }}`"): IN_NODE,
    ("node", "a = /${{ x }}/"): IN_NODE,
    ("ruby", "puts ${{ x }}"): (
        "RW330",
        "expressions can't stand in a script for 'ruby', whose language is not known here",
        'put it in `env`, as VALUE = "${{ x }}", and write VALUE from the environment in the script',
    ),
}


def compile_(text, shell):
    return compile_script(text, shell, lambda _: STRING)


@pytest.mark.parametrize("text", PYTHON)
def test_in_python_it_becomes(text):
    compiled = compile_(text, "python")
    assert (compiled.text, compiled.problems) == (PYTHON[text], [])
    assert set(compiled.variables.values()) <= {"x", "y"}


@pytest.mark.parametrize("text", NODE)
def test_in_node_it_becomes(text):
    compiled = compile_(text, "node")
    assert (compiled.text, compiled.problems) == (NODE[text], [])
    assert set(compiled.variables.values()) <= {"x", "y"}


@pytest.mark.parametrize(("shell", "text"), REFUSED)
def test_it_is_refused(shell, text):
    (problem,) = compile_(text, shell).problems
    assert (problem.code, problem.message, problem.hint) == REFUSED[shell, text]
    assert text[problem.offset : problem.offset + problem.length] == "${{ x }}"


def test_an_unknown_program_gets_its_script_as_it_is_but_for_the_literal_mark():
    compiled = compile_("puts '$${{ x }}' $${{", "ruby")
    assert (compiled.text, compiled.problems) == ("puts '${{ x }}' ${{", [])
