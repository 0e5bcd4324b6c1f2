"""Values that a shell or a program would read once more: behind a substitution, a pipe, a file or an environment variable."""

from __future__ import annotations

import re

import pytest

from ropeway.lang.expressions import INTEGER, STRING
from ropeway.lang.formats import holds_code
from ropeway.lang.scripts import compile_script

V = "${{ x }}"

NUMERIC = [
    "echo $(( $(echo V) + 1 ))",
    "a[$(echo V)]=1",
    "[[ $(echo V) -eq 1 ]]",
    '[ "$(echo V)" -eq 1 ]',
    'echo "${q:$(echo V)}"',
    "echo ${a[$(echo V)]}",
    "for ((; i < $(echo V); )); do :; done",
    "(( $(echo $(cat V)) ))",
    "echo $[ $(echo V) ]",
    'echo $(( "$(echo V)" ))',
    "declare -i q; q=$(echo V)",
    "RANDOM=$(echo V)",
]
EVALUATED = [
    'declare -i "x=$(echo V)"',
    'test -v "$(echo V)"',
    'printf -v "$(echo V)" a',
    'printf "$(echo V)" a',
    'unset "$(echo V)"',
    'eval "$(echo V)"',
    'eval "$(cat <<E\nV\nE\n)"',
    'eval "$(cat)" <<< V',
    'export "$(echo V)"',
    'read "$(echo V)"',
    'set "$(echo V)"',
    "source <(echo V)",
    ". /dev/stdin <<< V",
    "echo V | source /dev/stdin",
]
PROGRAMS = [
    'bash -c "$(printf %s V)"',
    'bash -c "$(printf %q V)"',
    'ssh host "$(printf %q V)"',
    'ssh host "eval $(printf %q V)"',
    "ssh host \"ls '$(printf %q V)'\"",
    'awk "$(echo V)"',
    "cat <<X | sh\nV\nX",
    "{ echo V; } | bash",
    "( echo V ) | bash",
    "(cat; echo V) | bash",
    "if true; then echo V; fi | bash",
    "for i in V; do echo $i; done | sh",
    "for i in a; { echo V; } | sh",
    "{ echo V; for i in a; { :; }; } | sh",
    "while read l; do echo V; done | python3",
    "case a in a) echo V ;; esac | sh",
    "{ cat <<E; } | bash\nV\nE",
    "echo V |\n  bash",
    "echo V | tr a b | sudo sh",
    "echo $(echo V) | sh",
    "curl -w V http://h | sh",
    "curl V | sh",
    "f() { echo V; }; f | sh",
    "f() ( echo V ); f | sh",
    "f() { sh; }; f <<< V",
    "f() { sh; }; echo V | f",
    "echo V | { read l; bash; }",
    "echo V | ( read l; bash )",
    "while true; do sh; done < <(echo V)",
    "exec <<< V\nbash",
    "{ echo V; } > >(sh)",
    "bash <(echo V)",
    "bash < <(echo V)",
    "bash <(cat) <<< V",
    "bash /dev/stdin <<< V",
    "awk -f - <<E\nV\nE",
    "sed -f /dev/stdin <<< V",
    "tee f <<X | python3\nV\nX",
    "cat <<X | ssh host\nV\nX",
    "crontab - <<X\nV\nX",
    "flock F -c V",
    "git -c alias.x=V x",
    "git -c core.pager=V log",
    "git -calias.x=V x",
    "git -C d -c user.name=V log",
    "git config alias.x V",
    "git rebase -x V main",
    "git rebase --exec=V main",
    "git clone -c core.sshCommand=V u",
    "git submodule foreach V",
    "nix-shell --run V",
    "nix develop --command V",
    "deno eval V",
    "vim -c V",
    "vim +V",
    "tar --to-command=V -xf a",
    "tar --checkpoint-action V -xf a",
    "tar --use-compress-program=V -xf a",
    "rsync -e V a b",
    "tmux new-session V",
    "script -c V",
    "su -c V",
    "watch V",
    "ls | entr -s V",
    "parallel V",
    "parallel echo <<< V",
    "expect -c V",
    "echo V | xargs -I{} sh -c 'echo {}'",
    "echo V | xargs bash -c",
    "npx bash <<< V",
    "bash <<E\n$(echo V)\nE",
    "bash <<E\n$(true)\nV\nE",
    "bash <<E\n$(cat <<F\na\nF\n)\nV\nE",
    "deno eval -p V",
    "make -f - <<E\nV\nE",
    "cat <<E | bash\n$(true)\nV\nE",
]
CHOSEN = [
    "e=eval; $e V",
    '"$e" "$(echo V)"',
    "$(which eval) V",
    "$(echo V)",
    "sudo $e V",
    "ev{al,} V",
    "e?al V",
    "bash {-c,V}",
    "bash {-x,-c} V",
    "printf {-v,V} a",
    "bash $(echo V)",
]
NAMES = "GIT_SSH_COMMAND EDITOR VISUAL PAGER GIT_EDITOR GIT_PAGER GIT_EXTERNAL_DIFF LD_PRELOAD PERL5OPT PYTHONSTARTUP RUBYOPT NODE_OPTIONS BASH_ENV"

ACCEPTED = [
    'x=$(cat V); echo "$(echo V)" $(ls V)',
    "echo $(( $(echo N) + 1 ))",
    '[ "$(cat V)" = a ]',
    "[[ $(cat V) == a ]]",
    'export X="$(cat V)"',
    'ssh host "ls -l $(printf %q V) && cat $(printf \'%q\' "V")"',
    "ssh host <<E\nls $(printf %q V)\nE",
    "curl -fsSL http://h/V | sh; echo V",
    "gunzip -c V | psql",
    "echo V\ncurl http://h | sh",
    "cat > f <<E\nV\nE\ncurl http://h | sh",
    "echo V | grep -q python",
    "f() { echo V; }; f | cat; echo a | sh",
    "{ echo V; } | tee f; python3 - <<E\n1\nE",
    "git switch -c V; git commit -m V; git push -u origin V; git config user.name V",
    "git -C V status",
    '"$HOME/bin/tool" V',
    '"$(dirname V)/tool" V',
    "printf '%s\\0' V | xargs -0 sh -c 'echo \"$@\"' _",
    "echo V | python3 tool.py",
    "find . -name V -exec ls {} +",
    "tar -czf V d",
    "exec > >(tee V)",
    "LD_LIBRARY_PATH=V ls",
    "e=ls; $e; echo V",
]

LITERAL = {
    'echo "$${{ x }}"': 'echo "\\${{ x }}"',
    "echo $${{ x }}": "echo '${{' x }}",
    "echo a$${{x,y}}": "echo a'${{'x,y}}",
    "cat <<E\n$${{ x }}\nE": "cat <<E\n\\${{ x }}\nE",
    "echo '$${{ x }}'": "echo '${{ x }}'",
    'echo "$(echo "$${{ y }}")" ${{ x }}': 'echo "$(echo "\\${{ y }}")" "${ROPEWAY_V1}"',
}
NO_LITERAL = ["echo `echo $${{ x }}`", "echo $(( $${{ x }} ))", "echo ${q:-$${{ x }}}", "echo $$${{ x }}", "echo 'a $${{ x }}"]


def compile_(text, shell="bash"):
    return compile_script(text, shell, lambda source: INTEGER if source == "n" else STRING)


def codes(script, shell="bash"):
    return {p.code for p in compile_(re.sub(r"\bN\b", "${{ n }}", re.sub(r"\bV\b", V, script)), shell).problems}


@pytest.mark.parametrize("script", NUMERIC)
def test_what_a_substitution_prints_is_calculated_with_only_when_it_is_numeric(script):
    assert codes(script) == {"RW304"}
    assert codes(re.sub(r"\bV\b", "N", script)) == set()


@pytest.mark.parametrize("script", EVALUATED)
def test_what_a_substitution_or_a_pipe_prints_is_not_evaluated_in(script):
    assert codes(script) == {"RW305"}


@pytest.mark.parametrize("script", PROGRAMS)
def test_no_value_gets_into_the_program_text_of(script):
    assert codes(script) == {"RW306"}


@pytest.mark.parametrize("script", CHOSEN)
def test_a_command_that_is_not_written_down_gets_no_value(script):
    assert codes(script) == {"RW313"}


@pytest.mark.parametrize("name", NAMES.split())
@pytest.mark.parametrize("form", ["{}=V ls", "export {}=V", "env {}=V ls", "{}=$(echo V)"])
def test_a_variable_whose_value_programs_run_gets_no_value(form, name):
    assert holds_code(name)
    assert codes(form.format(name)) == {"RW311"}


@pytest.mark.parametrize("script", ACCEPTED)
def test_a_value_that_stays_data_is_accepted(script):
    assert codes(script) == set()


@pytest.mark.parametrize("script", LITERAL)
def test_a_literal_mark_comes_out_as_text(script):
    compiled = compile_(script)
    assert (compiled.text, compiled.problems) == (LITERAL[script], [])


@pytest.mark.parametrize("script", NO_LITERAL)
def test_a_literal_mark_is_an_error_where_it_can_not_be_written(script):
    assert {p.code for p in compile_(script).problems} == {"RW309"}
