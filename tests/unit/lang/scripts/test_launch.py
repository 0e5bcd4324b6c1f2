"""How compiled scripts are started, and what their interpreters make of it (the real ones, without any value)."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from ropeway.lang.scripts import Compiled, Launch, launch, prelude
from ropeway.lang.scripts.launch import ARGUMENT_LIMIT

LARGE = "#" * ARGUMENT_LIMIT + "\n"


def start(text, shell, tmp_path, *, variables=(), env=None):
    """Run a script in ``tmp_path/work``; return its exit code, output and errors."""
    work, scripts = tmp_path / "work", tmp_path / "scripts"
    work.mkdir()
    scripts.mkdir()
    made = launch(Compiled(text, dict.fromkeys(variables, "x")), (shell,), "in/build", str(scripts))
    for name, content in made.files:
        (scripts / name).write_text(content)
    (work / "near.py").write_text("value = 7\n")
    (work / "near.js").write_text("module.exports = 7\n")
    (work / "near.mjs").write_text("export default 8\n")
    path = {"PATH": f"{sys.prefix}/bin:/usr/local/bin:/usr/bin:/bin"}
    done = subprocess.run(made.argv, cwd=work, env=path | (env or {}), capture_output=True, text=True, check=False)
    return done.returncode, done.stdout.replace(str(tmp_path), "TMP"), done.stderr.replace(str(tmp_path), "TMP")


def test_a_script_for_bash_is_one_argument():
    expected = ("bash", "--noprofile", "--norc", "-euo", "pipefail", "-c", "--", "ls", "in/build")
    assert launch(Compiled("ls"), ("bash",), "in/build", "/f") == Launch(expected)


def test_a_script_for_sh_is_one_argument():
    assert launch(Compiled("ls"), ("sh",), "build", "/f") == Launch(("sh", "-eu", "-c", "--", "ls", "build"))


def test_a_large_script_goes_by_file():
    assert launch(Compiled(LARGE), ("sh",), "in/build", "/f") == Launch(("sh", "-eu", "--", "/f/in.build.sh"), (("in.build.sh", LARGE),))
    assert launch(Compiled(LARGE), ("node",), "build", "/f").files == (("build.js", LARGE),)


def test_any_other_program_gets_a_file_behind_its_own_arguments():
    assert launch(Compiled("x"), ("ruby", "-w"), "build", "/f") == Launch(("ruby", "-w", "/f/build.rb"), (("build.rb", "x"),))
    assert launch(Compiled("x"), ("python", "-u"), "build", "/f") == Launch(("python", "-u", "/f/build.script"), (("build.script", "x"),))


@pytest.mark.parametrize("shell", ["bash", "sh"])
@pytest.mark.parametrize("head", ["", LARGE])
def test_a_shell_stops_at_the_first_failure_and_at_an_unknown_name(shell, head, tmp_path):
    code, out, _ = start(f"{head}echo a; false; echo b", shell, tmp_path)
    assert (code, out) == (1, "a\n")
    (tmp_path / "more").mkdir()
    code, out, err = start(f'{head}\necho "$nothing"', shell, tmp_path / "more")
    assert code != 0
    assert "nothing" in err


def test_a_script_may_begin_with_a_dash(tmp_path):
    code, _, err = start("-x", "bash", tmp_path)
    assert (code, err) == (127, "in/build: line 1: -x: command not found\n")


def test_a_python_script_is_main_and_sees_the_folder_it_runs_in(tmp_path):
    text = (
        "from __future__ import annotations\nimport os, sys, near\n"
        "print(__name__, sys.argv, sys.path[0], near.value, __file__, __annotations__)\n"
        "print(sorted(n for n in globals() if not n.startswith('_')), os.environ.get('ROPEWAY_VALUES'), __ropeway__)\n"
        "import __main__; print(__main__.near.value)\nsys.exit(3)\n"
    )
    code, out, err = start(text, "python", tmp_path, variables=["V1"], env={"ROPEWAY_VALUES": '{"V1": [1, null]}'})
    file = "TMP/scripts/in.build.py"
    expected = f"__main__ ['{file}'] TMP/work 7 {file} {{}}\n['annotations', 'near', 'os', 'sys'] None {{'V1': [1, None]}}\n7\n"
    assert (code, out, err) == (3, expected, "")


def test_a_python_traceback_shows_the_script_and_nothing_else(tmp_path):
    code, _, err = start("def f():\n    raise ValueError('no')\n\nf()\n", "python", tmp_path)
    file = "TMP/scripts/in.build.py"
    frames = f'  File "{file}", line 4, in <module>\n    f()\n  File "{file}", line 2, in f\n    raise ValueError(\'no\')\n'
    assert (code, err) == (1, f"Traceback (most recent call last):\n{frames}ValueError: no\n")


def test_a_mistake_in_a_python_script_is_shown_at_its_line(tmp_path):
    code, _, err = start("\nx = = 2\n", "python", tmp_path)
    assert (code, err) == (1, '  File "TMP/scripts/in.build.py", line 2\n    x = = 2\n        ^\nSyntaxError: invalid syntax\n')


@pytest.mark.needs("node")
@pytest.mark.parametrize("head", ["", "//" + LARGE])
def test_a_node_script_sees_the_folder_it_runs_in(head, tmp_path):
    text = f"{head}console.log(require('./near.js'), process.env.ROPEWAY_VALUES, JSON.stringify(__ropeway__)); process.exitCode = 3"
    code, out, err = start(text, "node", tmp_path, variables=["V1"], env={"ROPEWAY_VALUES": '{"V1": [1, null]}'})
    assert (code, out, err) == (3, '7 undefined {"V1":[1,null]}\n', "")


@pytest.mark.needs("node")
def test_a_mistake_in_a_node_script_is_shown_at_its_line(tmp_path):
    code, _, err = start("\nlet x = = 2", "node", tmp_path, variables=["V1"], env={"ROPEWAY_VALUES": "{}"})
    assert (code, err.splitlines()[:2]) == (1, ["[eval]:2", "let x = = 2"])


@pytest.mark.needs("node")
def test_a_node_script_without_expressions_needs_no_file():
    assert launch(Compiled("-1"), ("node",), "build", "/f") == Launch(("node", "--eval=-1"))


def test_a_prelude_is_one_line_and_keeps_the_numbers_of_the_others(tmp_path):
    (tmp_path / "a").write_text("\n\nx\n\n")
    head = prelude("bash", {"ROPEWAY_V1": str(tmp_path / "a")})
    assert "\n" not in head
    code, out, err = start(
        f"{head}echo $LINENO\nprintf '%s|' \"${{ROPEWAY_V1}}\"; env | grep -c ROPEWAY_ || true\nno-such", "bash", tmp_path
    )
    assert (code, out, err) == (127, "1\n\n\nx\n\n|0\n", "in/build: line 3: no-such: command not found\n")


@pytest.mark.parametrize("shell", ["bash", "sh"])
def test_a_prelude_whose_file_is_gone_ends_the_script(shell, tmp_path):
    code, out, _ = start(prelude(shell, {"ROPEWAY_V1": f"{tmp_path}/it's gone"}) + "echo on", shell, tmp_path)
    assert (code, out) == (1, "")


def test_python_and_node_need_no_prelude():
    assert prelude("python", {"V1": "/f"}) == prelude("node", {"V1": "/f"}) == ""


def test_the_table_of_values_is_json_in_the_environment_or_in_a_file(tmp_path):
    (tmp_path / "table").write_text(json.dumps({"V1": "é"}))
    env = {"ROPEWAY_VALUES_FILE": str(tmp_path / "table")}
    code, out, err = start(
        "import os\nprint(ascii(__ropeway__['V1']), [n for n in os.environ if 'ROPEWAY' in n])", "python", tmp_path, env=env
    )
    assert (code, out, err) == (0, "'\\xe9' []\n", "")
