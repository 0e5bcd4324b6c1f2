"""Hostile values in every place that takes one, through the real bash, sh, python3, node and an argv: none runs, each arrives unchanged.

Each test compiles one script with many expressions in the same kind of place and gives every expression another value. What the script
prints must be those values, byte for byte, and the folder it ran in must hold what it held before.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
from pathlib import Path

import pytest

from ropeway.lang.expressions import STRING, to_text
from ropeway.lang.expressions.template import parse_template, render
from ropeway.lang.scripts import compile_script, launch, prelude

RUN = "touch PWNED"
PAYLOADS = [
    f"$({RUN})", f"`{RUN}`", f"a[$({RUN})]", f"; {RUN} ;", f"\n{RUN}\n", f"| {RUN}", f"&& {RUN}", f"& {RUN} &", f"'; {RUN}; '", f'"; {RUN}; "',
    f"${{x:-$({RUN})}}", f"$(( a[$({RUN})] ))", f"<({RUN})", f">({RUN})", f"x=($({RUN}))", f"[$({RUN})]=1", f"($({RUN}))", f"-v a[$({RUN})]",
    f"\\$({RUN})", f"\\\\`{RUN}`", f"EOF\n{RUN}\nEOF\n", f"}}; {RUN}; {{", f"fi; {RUN}; if :; then", f"*) {RUN} ;; esac", f"{RUN} #", f"eval {RUN}",
    "__import__('os').system('touch PWNED')", "'''+open('PWNED','w')+'''", "');require('fs').writeFileSync('PWNED','');('",
    "${require('fs').writeFileSync('PWNED','')}", "</script>", "{{7*7}}", "${{ params.x }}", "$${{", "%s%n%d", "%(touch PWNED)",
]  # fmt: skip
ODD = [
    "", " ", "  two  blanks  ", "\t", "\n", "\n\n", "line\n", "\r\n", "*", "?", "[a-z]*", "~", "~root", "{a,b}", "{1..9}", "!", "!!", "#", "# no comment",
    "-", "--", "-n", "-e", "-c", "--help", "-rf", "=", "==", "x=y", "(", ")", "((", "))", "[[", "]]", "<", ">", ">>", "<<EOF", "|", "&", ";", ";;", "\\",
    "\\\\", "\\n", "'", '"', "''", '""', "`", "$", "$$", "$x", "${", "$(", "${x}", "$'\\n'", "é", "日本語", "\U0001f600", "e\u0301", "\u202e", "\ufeff", "\u2028",
    "\x1b[31m", "\x07", "\x7f", "\x01", "\x01\x7f", "\u0085", "\u00a0", "true", "0", "-1", "1e999", "null", "NaN", "x" * 5000,
]  # fmt: skip
HIGH = [os.fsdecode(raw) for raw in (b"\x80", b"\xff", b"a\xc3", b"\xe2\x82", b"\xf0\x9f\x98z", b"\xc0\xaf", b"\xed\xa0\x80")]

COUNT = 60
"""Values in one script."""


def values_for(seed: object, count: int, odd: list[str]) -> list[str]:
    """Return values of which every second is one of the known, and the others are made of pieces of them; they are all different."""
    source = random.Random(str(seed))
    known = source.sample(PAYLOADS + odd, min(count // 2, len(PAYLOADS + odd)))
    found = dict.fromkeys(known)
    while len(found) < count:
        made = "".join(source.choice(PAYLOADS + odd) for _ in range(source.randint(1, 4)))
        found.setdefault(made[: source.randint(1, len(made))] if made and source.random() < 0.2 else made)
    return list(found)


# Each script prints a value (or "same") and a NUL. `{v}` is the expression.
SH_SLOTS = {
    "a word": "printf '%s\\0' {v}",
    "a part of a word": "q=$(printf '%s.' a{v}z); q=${{q#a}}; printf '%s\\0' \"${{q%z.}}\"",
    "double quotes": "printf '%s\\0' \"{v}\"",
    "double quotes among text": 'q="it\'s {v} \\" "; q=${{q#"it\'s "}}; q=${{q%\' " \'}}; printf \'%s\\0\' "$q"',
    "an assignment": "q={v}; printf '%s\\0' \"$q\"",
    "an assignment for a command": 'Q={v} sh -c \'printf "%s\\0" "$Q"\'',
    "export": "export Q={v}; printf '%s\\0' \"$Q\"",
    "a here-document": "q=$(cat <<EOF\n<{v}>\nEOF\n); q=${{q#<}}; printf '%s\\0' \"${{q%>}}\"",
    "a here-document with tabs": "q=$(cat <<-EOF\n\t<{v}>\n\tEOF\n); q=${{q#<}}; printf '%s\\0' \"${{q%>}}\"",
    "a here-document's default": "q=$(cat <<EOF\n${{unset:-{v}}}.\nEOF\n); printf '%s\\0' \"${{q%.}}\"",
    "a for list": "for q in {v}; do printf '%s\\0' \"$q\"; done",
    "a case": "case {v} in {v}) printf 'same\\0' ;; *) printf 'other\\0' ;; esac",
    "a case among patterns": "case {v} in '') printf 'same\\0' ;; (\"{v}\"|no) printf 'same\\0' ;; esac",
    "a function's argument": "f() {{ printf '%s\\0' \"$1\"; }}; f {v}",
    "a command substitution": "q=$(printf '%s.' {v}); printf '%s\\0' \"${{q%.}}\"",
    "a command substitution in quotes": 'q="$(printf \'%s.\' "{v}")"; printf \'%s\\0\' "${{q%.}}"',
    "a subshell": "(printf '%s\\0' {v})",
    "a default": "printf '%s\\0' ${{unset:-{v}}}",
    "a default in quotes": "printf '%s\\0' \"${{unset:-{v}}}\"",
    "an alternative": "q=1; printf '%s\\0' ${{q:+{v}}}",
    "a prefix to strip": "q={v}; q=x$q; q=${{q#x{v}}}; [ -z \"$q\" ] && printf 'same\\0'",
    "a test": "if [ {v} = {v} ]; then printf 'same\\0'; fi",
    "a test of length": "if [ -n {v}x ]; then printf 'same\\0'; fi",
    "set": "set -- {v}; printf '%s\\0' \"$1\"",
    "an argument of sh -c": 'sh -c \'printf "%s\\0" "$1"\' _ {v}',
    "an argument of env": 'env Q={v} sh -c \'printf "%s\\0" "$Q"\'',
    "a pipeline": "printf '%s\\0' {v} | cat",
}
BASH_SLOTS = SH_SLOTS | {
    "an array": "a=(x {v} y); printf '%s\\0' \"${{a[1]}}\"",
    "an array's item": "a[3]={v}; printf '%s\\0' \"${{a[3]}}\"",
    "an array grows": "a=(); a+=({v}); printf '%s\\0' \"${{a[@]}}\"",
    "a here-string": "IFS= read -r -d '' q <<< {v} || :; printf '%s\\0' \"${{q%?}}\"",
    "[[ == ]]": "if [[ {v} == {v} ]]; then printf 'same\\0'; fi",
    "[[ == ]] among patterns": "if [[ x{v} == ?\"{v}\" ]]; then printf 'same\\0'; fi",
    "[[ =~ ]]": "if [[ x{v} =~ ^x{v}$ ]]; then printf 'same\\0'; fi",
    "[[ -n ]]": "if [[ -n {v}x && ! -z \"x{v}\" ]]; then printf 'same\\0'; fi",
    "[[ < ]]": "if [[ {v} < {v} ]]; then printf 'other\\0'; else printf 'same\\0'; fi",
    "a process substitution": "cat <(printf '%s\\0' {v})",
    "printf -v": "printf -v q '%s' {v}; printf '%s\\0' \"$q\"",
}
SAME = b"same"
COMPARING = {"[[ == ]]", "[[ == ]] among patterns", "[[ =~ ]]", "a case", "a case among patterns", "a prefix to strip"}
"""Places whose answer depends on matching, which for bytes that are no characters is the shell's own affair."""


def run(shell: str, text: str, values: list[str], folder: Path, *, env: dict[str, str] | None = None, head: str = "") -> bytes:
    """Compile and start a script whose expression ``v[i]`` is ``values[i]``; return what it printed."""
    compiled = compile_script(text, shell, lambda _: STRING)
    assert compiled.problems == []
    assert not any(value in compiled.text for value in values if RUN in value)
    by_name = {name: values[int(source[2:-1])] for name, source in compiled.variables.items()}
    work, scripts = folder / "work", folder / "scripts"
    work.mkdir()
    scripts.mkdir()
    for name in ("a", "b", "ab", "z"):  # for patterns to find
        (work / name).touch()
    before = set(work.iterdir())
    made = launch(compiled, (shell,), "step", str(scripts))
    for name, content in made.files:
        (scripts / name).write_text(content, encoding="utf-8")
    if env is None:
        table = {"ROPEWAY_VALUES": json.dumps(by_name)}
        env = by_name if shell in {"bash", "sh"} else table
    argv = [part if part != compiled.text else head + part for part in made.argv]
    done = subprocess.run(
        argv,
        cwd=work,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert set(work.iterdir()) == before
    return done.stdout


def expected(values: list[str]) -> list[bytes]:
    return [os.fsencode(value) for value in values]


def check_shell(shell: str, slot: str, script: str, folder: Path) -> None:
    for batch in range(3):
        odd = ODD if slot in COMPARING else ODD + HIGH
        values = values_for((shell, slot, batch), COUNT, odd)
        text = "\n".join(script.format(v=f"${{{{ v[{i}] }}}}") for i in range(len(values)))
        place = folder / str(batch)
        place.mkdir()
        printed = run(shell, text, values, place).split(b"\0")
        assert printed.pop() == b""
        for got, wanted in zip(printed, expected(values), strict=True):
            assert got in {wanted, SAME}
        assert ("same" in script) == (SAME in printed)


@pytest.mark.parametrize("slot", BASH_SLOTS)
def test_bash_gets_every_value_unchanged_in(slot, tmp_path):
    check_shell("bash", slot, BASH_SLOTS[slot], tmp_path)


@pytest.mark.parametrize("slot", SH_SLOTS)
def test_sh_gets_every_value_unchanged_in(slot, tmp_path):
    check_shell("sh", slot, SH_SLOTS[slot], tmp_path)


PYTHON_SLOTS = {
    "a call": "out(${{ v }})",
    "a list": "for item in [${{ v }}]: out(item)",
    "an assignment": "q = ${{ v }}; out(q)",
    "an f-string's variable": "q = ${{ v }}; out(f'{q}')",
    "a function": "def f(q=${{ v }}): return q\nout(f())",
}
NODE_SLOTS = {
    "a call": "out(${{ v }})",
    "an array": "for (const item of [${{ v }}]) out(item)",
    "an assignment": "{ const q = ${{ v }}; out(q) }",
    "a template's variable": "{ const q = ${{ v }}; out(`${q}`) }",
    "an object": "out({ q: ${{ v }} }.q)",
}


@pytest.mark.parametrize("slot", PYTHON_SLOTS)
def test_python_gets_every_value_unchanged_in(slot, tmp_path):
    values = values_for(("python", slot), 400, ODD + HIGH)
    text = "import os, sys\nout = lambda text: sys.stdout.buffer.write(os.fsencode(text) + b'\\0')\n"
    text += "\n".join(PYTHON_SLOTS[slot].replace("${{ v }}", f"${{{{ v[{i}] }}}}") for i in range(len(values)))
    assert run("python", text, values, tmp_path).split(b"\0") == [*expected(values), b""]


@pytest.mark.needs("node")
@pytest.mark.parametrize("slot", NODE_SLOTS)
def test_node_gets_every_value_unchanged_in(slot, tmp_path):
    values = values_for(("node", slot), 400, ODD)
    text = "const out = (text) => process.stdout.write(text + '\\0')\n"
    text += "\n".join(NODE_SLOTS[slot].replace("${{ v }}", f"${{{{ v[{i}] }}}}") for i in range(len(values)))
    assert run("node", text, values, tmp_path).split(b"\0") == [*expected(values), b""]


def test_an_argv_gets_every_value_unchanged_as_one_argument(tmp_path):
    (tmp_path / "a").touch()
    for batch in range(10):
        values = values_for(("argv", batch), 100, ODD + HIGH)
        template = parse_template("${{ v }}")
        argv = ["/usr/bin/env", "printf", "%s\\0", *(to_text(render(template, {"v": value})) for value in values)]
        done = subprocess.run(argv, cwd=tmp_path, capture_output=True, check=True)
        assert done.stdout.split(b"\0") == [*expected(values), b""]
    assert list(tmp_path.iterdir()) == [tmp_path / "a"]


@pytest.mark.parametrize("shell", ["bash", "sh"])
def test_values_too_large_for_the_environment_arrive_by_file(shell, tmp_path):
    values = [(f"$({RUN}) é\n" * 20_000) + "\n\n", "\n", "", "x" * 200_000 + "\n", "'\\"]
    files = {}
    for i, value in enumerate(values, start=1):
        path = tmp_path / f"it's $({RUN}) {i}"
        path.write_text(value, encoding="utf-8")
        files[f"ROPEWAY_V{i}"] = str(path)
    # Larger values than a process may be given: they are not exported, also when the caller's environment has the name already.
    text = "\n".join(f"printf '%s\\0' ${{{{ v[{i}] }}}}" for i in range(len(values))) + "\nenv true"
    printed = run(shell, text, values, tmp_path, env={"ROPEWAY_V1": "from outside"}, head=prelude(shell, files))
    assert printed.split(b"\0") == [*expected(values), b""]


@pytest.mark.parametrize(
    ("shell", "text"),
    [
        ("python", "import sys; sys.stdout.write(${{ v[0] }})"),
        pytest.param("node", "process.stdout.write(${{ v[0] }})", marks=pytest.mark.needs("node")),
    ],
)
def test_a_large_table_of_values_arrives_by_file(shell, text, tmp_path):
    value = f"$({RUN}) é\n" * 20_000
    table = tmp_path / "table.json"
    table.write_text(json.dumps({"V1": value}))
    assert run(shell, text, [value], tmp_path, env={"ROPEWAY_VALUES_FILE": str(table)}).decode() == value


# Each of these runs its value when that is pasted or handed over: the shells say so here, and the compiler refuses them all.
RUNS = {
    "echo $(( $(echo {v}) + 1 ))": "a[$(touch PWNED)]",
    "[[ $(echo {v}) -eq 1 ]]": "a[$(touch PWNED)]",
    "a=(); a[$(echo {v})]=1": "a[$(touch PWNED)]",
    'declare -i "q=$(echo {v})"': "a[$(touch PWNED)]",
    'test -v "$(echo {v})"': "a[$(touch PWNED)]",
    'printf -v "$(echo {v})" a': "a[$(touch PWNED)]",
    'a=(1); unset "$(echo {v})"': "a[$(touch PWNED)]",
    "q=abc; echo ${{q:$(echo {v})}}": "a[$(touch PWNED)]",
    "for ((i = 0; i < $(echo {v}); i++)); do break; done": "a[$(touch PWNED)]",
    'eval "$(echo {v})"': RUN,
    'bash -c "$(printf %s {v})"': RUN,
    "cat <<X | sh\n{v}\nX": RUN,
    "{{ echo {v}; }} | bash": RUN,
    "(echo {v}) | bash": RUN,
    "for i in {v}; do echo $i; done | sh": "touch${IFS}PWNED",
    ". /dev/stdin <<< {v}": RUN,
    "source <(echo {v})": RUN,
    "bash <(echo {v})": RUN,
    "f() {{ echo {v}; }}; f | sh": RUN,
    "f() {{ sh; }}; f <<< {v}": RUN,
    "echo {v} | {{ read -r l <<< a; bash; }}": RUN,
    "bash <<E\n$(true)\n{v}\nE": RUN,
    "{{ echo {v}; }} > >(sh); sleep 0.2": RUN,
    "exec <<< {v}; bash": RUN,
    "e=eval; $e {v}": RUN,
    "{{eval,}} {v}": RUN,
    "bash {{-c,{v}}}": RUN,
    "bash {{-x,-c}} {v}": RUN,
    "bash $(echo {v})": "-c touch${IFS}PWNED",
    "echo {v} | xargs -I{{}} sh -c 'echo {{}}'": f"; {RUN}",
    "EDITOR={v} sh -c 'eval $EDITOR'": RUN,
}


@pytest.mark.parametrize("script", RUNS)
def test_what_a_shell_would_run_is_refused(script, tmp_path):
    given = subprocess.run(
        ["bash", "-c", script.format(v="$X" if "\n" in script else '"$X"')],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "X": RUNS[script]},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert (tmp_path / "PWNED").exists(), given.stderr
    assert compile_script(script.format(v="${{ v }}"), "bash", lambda _: STRING).problems != []


LITERALS = {
    'printf %s "a$${{ b }}"': "a${{ b }}",
    "printf %s $${{b,c}}": "${{b,c}}",
    "printf %s '$${{ b }}'": "${{ b }}",
    "cat <<E\n$${{ b }}\nE": "${{ b }}\n",
    "cat <<'E'\n$${{ b }}\nE": "${{ b }}\n",
    'printf %s "$(printf %s "$${{ b }}")" "${{ v }}"': "${{ b }}value",
}


@pytest.mark.parametrize("script", LITERALS)
@pytest.mark.parametrize("shell", ["bash", "sh"])
def test_a_literal_mark_reaches_the_program_as_it_is(shell, script):
    compiled = compile_script(script, shell, lambda _: STRING)
    env = {"PATH": os.environ["PATH"], **dict.fromkeys(compiled.variables, "value")}
    done = subprocess.run([shell, "-c", compiled.text], env=env, capture_output=True, check=True, text=True)
    assert (compiled.problems, done.stdout) == ([], LITERALS[script])


def test_the_values_tried_are_ten_thousand():
    shells = 3 * COUNT * (len(BASH_SLOTS) + len(SH_SLOTS))
    assert shells + 400 * (len(PYTHON_SLOTS) + len(NODE_SLOTS)) + 10 * 100 >= 10_000
