"""What bash and sh scripts become: a gallery of places, each with the whole text, and of refusals, with the code or the whole message."""

from __future__ import annotations

import pytest

from ropeway.lang.expressions import ANY, BOOLEAN, INTEGER, NUMBER, STRING, optional
from ropeway.lang.scripts import compile_script


def type_of(source):
    """`n` is an integer, `flag` a boolean, all others are strings."""
    return {"n": INTEGER, "flag": BOOLEAN, "maybe": optional(INTEGER), "any": ANY, "real": NUMBER}.get(source, STRING)


def compile_(text, shell="bash"):
    return compile_script(text, shell, type_of)


BASH = {
    "echo ${{ x }}": 'echo "${ROPEWAY_V1}"',
    "echo a${{ x }}b": 'echo a"${ROPEWAY_V1}"b',
    'echo "it\'s ${{ x }}"': 'echo "it\'s ${ROPEWAY_V1}"',
    "echo 'a'${{ x }}'b'": "echo 'a'\"${ROPEWAY_V1}\"'b'",
    "echo ${{ x }} # ${{ y }} is not read": 'echo "${ROPEWAY_V1}" # ${{ y }} is not read',
    "echo a#${{ x }}": 'echo a#"${ROPEWAY_V1}"',
    "# ${{ y": "# ${{ y",
    "echo '$${{ x }}' ${{ x }}": "echo '${{ x }}' \"${ROPEWAY_V1}\"",
    'echo "\\$${{ x }}" ${{ x }}': 'echo "\\${{ x }}" "${ROPEWAY_V1}"',
    "echo ${{ x }} ${{ y }} ${{x}}": 'echo "${ROPEWAY_V1}" "${ROPEWAY_V2}" "${ROPEWAY_V1}"',
    'x=${{ x }} y="${{ y }}" env': 'x="${ROPEWAY_V1}" y="${ROPEWAY_V2}" env',
    'a=(${{ x }} "b ${{ y }}" [2]=${{ x }}); a+=(${{ y }})': 'a=("${ROPEWAY_V1}" "b ${ROPEWAY_V2}" [2]="${ROPEWAY_V1}"); a+=("${ROPEWAY_V2}")',
    "a[${{ n }}]=${{ x }}": 'a[${ROPEWAY_V1}]="${ROPEWAY_V2}"',
    'echo "${a[${{ n }}]}" ${s:${{ n }}:1} $(( ${{ n }} + 1 )) $[ ${{ n }} ]': 'echo "${a[${ROPEWAY_V1}]}" ${s:${ROPEWAY_V1}:1} $(( ${ROPEWAY_V1} + 1 )) $[ ${ROPEWAY_V1} ]',
    "(( ${{ n }} > 1 )) || exit ${{ n }}": '(( ${ROPEWAY_V1} > 1 )) || exit "${ROPEWAY_V1}"',
    "for (( i = ${{ n }}; i; i-- )); do echo ${{ x }}; done": 'for (( i = ${ROPEWAY_V1}; i; i-- )); do echo "${ROPEWAY_V2}"; done',
    "[[ ${{ x }} == ${{ y }} && ( $a =~ ^${{ x }}$ || -n ${{ x }} ) ]]": '[[ "${ROPEWAY_V1}" == "${ROPEWAY_V2}" && ( $a =~ ^"${ROPEWAY_V1}"$ || -n "${ROPEWAY_V1}" ) ]]',
    "[[ ${{ n }} -gt 1 && -f ${{ x }} ]]": '[[ "${ROPEWAY_V1}" -gt 1 && -f "${ROPEWAY_V2}" ]]',
    "[[ $a == @(${{ x }}|b) ]]": '[[ $a == @("${ROPEWAY_V1}"|b) ]]',
    '[ "$a" = ${{ x }} ] && test -n ${{ x }}': '[ "$a" = "${ROPEWAY_V1}" ] && test -n "${ROPEWAY_V1}"',
    "[ ! ${{ x }} != a ]": '[ ! "${ROPEWAY_V1}" != a ]',
    'case ${{ x }} in (${{ y }}|"${{ x }}"*) echo ${{ x }} ;; *) : ;; esac; echo ${{ y }}': 'case "${ROPEWAY_V1}" in ("${ROPEWAY_V2}"|"${ROPEWAY_V1}"*) echo "${ROPEWAY_V1}" ;; *) : ;; esac; echo "${ROPEWAY_V2}"',
    'for i in ${{ x }} "${{ y }}"; do echo "$i"; done': 'for i in "${ROPEWAY_V1}" "${ROPEWAY_V2}"; do echo "$i"; done',
    "if grep -q ${{ x }} f; then echo ${{ x }} > ${{ y }} 2>&1; fi": 'if grep -q "${ROPEWAY_V1}" f; then echo "${ROPEWAY_V1}" > "${ROPEWAY_V2}" 2>&1; fi',
    'while read -r line; do echo "$line"; done < ${{ x }}': 'while read -r line; do echo "$line"; done < "${ROPEWAY_V1}"',
    'f() { echo "$1" ${{ x }}; }; f ${{ x }}': 'f() { echo "$1" "${ROPEWAY_V1}"; }; f "${ROPEWAY_V1}"',
    "{ echo ${{ x }}; } | ( cat; echo ${{ y }} )": '{ echo "${ROPEWAY_V1}"; } | ( cat; echo "${ROPEWAY_V2}" )',
    'echo "$(cat ${{ x }}; echo "${{ x }}")" $(ls "${{ x }}")': 'echo "$(cat "${ROPEWAY_V1}"; echo "${ROPEWAY_V1}")" $(ls "${ROPEWAY_V1}")',
    "cat <(echo ${{ x }}) <<< ${{ x }}": 'cat <(echo "${ROPEWAY_V1}") <<< "${ROPEWAY_V1}"',
    "cat <<E\n\"${{ x }}\" '${{ y }}' ${z:-${{ x }}} $(echo ${{ x }}) $((${{ n }}))\nE\necho ${{ y }}": 'cat <<E\n"${ROPEWAY_V1}" \'${ROPEWAY_V2}\' ${z:-${ROPEWAY_V1}} $(echo "${ROPEWAY_V1}") $((${ROPEWAY_V3}))\nE\necho "${ROPEWAY_V2}"',
    "cat <<-E > ${{ x }}\n	${{ x }}\n	E\necho ${{ x }}": 'cat <<-E > "${ROPEWAY_V1}"\n\t${ROPEWAY_V1}\n\tE\necho "${ROPEWAY_V1}"',
    "cat <<'E' && echo ${{ x }}\nit's $${{ x }}\nE\necho ${{ y }}": 'cat <<\'E\' && echo "${ROPEWAY_V1}"\nit\'s ${{ x }}\nE\necho "${ROPEWAY_V2}"',
    "cat <<A - <<B\n${{ x }}\nA\n${{ y }}\nB\necho ${{ x }}": 'cat <<A - <<B\n${ROPEWAY_V1}\nA\n${ROPEWAY_V2}\nB\necho "${ROPEWAY_V1}"',
    'echo ${a:-${{ x }}} ${a:+"${{ x }}"} "${a:-${{ x }}}" ${a#${{ x }}} ${a%%${{ x }}}': 'echo ${a:-"${ROPEWAY_V1}"} ${a:+"${ROPEWAY_V1}"} "${a:-${ROPEWAY_V1}}" ${a#"${ROPEWAY_V1}"} ${a%%"${ROPEWAY_V1}"}',
    'export X=${{ x }}; readonly Y="${{ x }}"; set -- ${{ x }}': 'export X="${ROPEWAY_V1}"; readonly Y="${ROPEWAY_V1}"; set -- "${ROPEWAY_V1}"',
    "declare -i i=${{ n }}; i=${{ n }}": 'declare -i i="${ROPEWAY_V1}"; i="${ROPEWAY_V1}"',
    "read -rp ${{ x }} q; printf -v q %s ${{ x }}": 'read -rp "${ROPEWAY_V1}" q; printf -v q %s "${ROPEWAY_V1}"',
    'local a; a=${{ x }}; eval "echo ${{ n }} ${{ flag }}"': 'local a; a="${ROPEWAY_V1}"; eval "echo ${ROPEWAY_V2} ${ROPEWAY_V3}"',
    "${{ x }} --version": '"${ROPEWAY_V1}" --version',
    "bash -c 'echo \"$1\"' _ ${{ x }} ${{ y }}": 'bash -c \'echo "$1"\' _ "${ROPEWAY_V1}" "${ROPEWAY_V2}"',
    'bash -euo pipefail -c "$code" _ ${{ x }}': 'bash -euo pipefail -c "$code" _ "${ROPEWAY_V1}"',
    "bash -- ${{ x }} ${{ y }}": 'bash -- "${ROPEWAY_V1}" "${ROPEWAY_V2}"',
    "bash ./${{ x }} ${{ y }}": 'bash ./"${ROPEWAY_V1}" "${ROPEWAY_V2}"',
    "python3 tool.py ${{ x }} <<E\n${{ y }}\nE": 'python3 tool.py "${ROPEWAY_V1}" <<E\n${ROPEWAY_V2}\nE',
    "python3 -m pytest -k ${{ x }}": 'python3 -m pytest -k "${ROPEWAY_V1}"',
    'python3 -c "import sys" ${{ x }}': 'python3 -c "import sys" "${ROPEWAY_V1}"',
    "node -e 1 -- ${{ x }}": 'node -e 1 -- "${ROPEWAY_V1}"',
    "awk -F ${{ x }} -v v=${{ y }} '{ print v }' ${{ x }}": 'awk -F "${ROPEWAY_V1}" -v v="${ROPEWAY_V2}" \'{ print v }\' "${ROPEWAY_V1}"',
    "sed -e s/a/b/ -- ${{ x }}": 'sed -e s/a/b/ -- "${ROPEWAY_V1}"',
    "sudo -u ${{ x }} ls ${{ y }}": 'sudo -u "${ROPEWAY_V1}" ls "${ROPEWAY_V2}"',
    "env A=${{ x }} ls ${{ y }}": 'env A="${ROPEWAY_V1}" ls "${ROPEWAY_V2}"',
    'ssh host "ls $(printf %q ${{ x }})"': 'ssh host "ls $(printf %q "${ROPEWAY_V1}")"',
    "timeout 5 git push origin ${{ x }}": 'timeout 5 git push origin "${ROPEWAY_V1}"',
    'echo ${{ "a\nb" }}.c; echo $LINENO': 'echo "${ROPEWAY_V1}"\\\n.c; echo $LINENO',
    'echo "${{ x\n}}."': 'echo "${ROPEWAY_V1}\\\n."',
    'echo "a" \\\n  ${{ x }}': 'echo "a" \\\n  "${ROPEWAY_V1}"',
    "time -p ls ${{ x }}; ! ls ${{ x }}": 'time -p ls "${ROPEWAY_V1}"; ! ls "${ROPEWAY_V1}"',
    'echo `date` "`date`" ${{ x }}': 'echo `date` "`date`" "${ROPEWAY_V1}"',
    "x=$( (echo ${{ x }}) )": 'x=$( (echo "${ROPEWAY_V1}") )',
    "git log ${{ x }}..HEAD --format=%H": 'git log "${ROPEWAY_V1}"..HEAD --format=%H',
    'echo ${#a} ${#a[@]} $# $$ $? "$@" ${{ x }}': 'echo ${#a} ${#a[@]} $# $$ $? "$@" "${ROPEWAY_V1}"',
    "select i in ${{ x }}; do break; done": 'select i in "${ROPEWAY_V1}"; do break; done',
    "ls ${{ x }} &\nwait; ls ${{ y }} |& cat &> ${{ x }}": 'ls "${ROPEWAY_V1}" &\nwait; ls "${ROPEWAY_V2}" |& cat &> "${ROPEWAY_V1}"',
    "psql -d ${{ x }} -f q.sql": 'psql -d "${ROPEWAY_V1}" -f q.sql',
    "docker run --rm -e A=${{ x }} image ls ${{ y }}": 'docker run --rm -e A="${ROPEWAY_V1}" image ls "${ROPEWAY_V2}"',
    "echo {a,${{ x }}} ~${{ x }} *${{ x }}*": 'echo {a,"${ROPEWAY_V1}"} ~"${ROPEWAY_V1}" *"${ROPEWAY_V1}"*',
}

SH = {
    'echo ${{ x }} "${{ y }}" ${a:-${{ x }}}': 'echo "${ROPEWAY_V1}" "${ROPEWAY_V2}" ${a:-"${ROPEWAY_V1}"}',
    'case ${{ x }} in ${{ y }}) echo "$(ls ${{ x }})";; esac': 'case "${ROPEWAY_V1}" in "${ROPEWAY_V2}") echo "$(ls "${ROPEWAY_V1}")";; esac',
    "cat <<E\n${{ x }}\nE\n[ ${{ x }} = a ] && echo $((${{ n }} + 1))": 'cat <<E\n${ROPEWAY_V1}\nE\n[ "${ROPEWAY_V1}" = a ] && echo $((${ROPEWAY_V2} + 1))',
    '[ -n "$a" ] || x=${{ x }} ls': '[ -n "$a" ] || x="${ROPEWAY_V1}" ls',
}

# By code: each script is refused with it alone, at its first expression.
REFUSED = {
    "RW301": [
        "echo '${{ x }}'",
        "echo $'${{ x }}'",
        'echo $"${{ x }}"',
    ],
    "RW302": [
        "cat <<'E'\n${{ x }}\nE",
        "cat <<\\E\n${{ x }}\nE",
    ],
    "RW303": [
        "echo `ls ${{ x }}`",
        'echo "`ls ${{ x }}`"',
    ],
    "RW304": [
        "echo $(( ${{ x }} ))",
        "echo $(( 1 + $(( ${{ x }} )) ))",
        "(( ${{ x }} ))",
        "for ((i = ${{ x }}; ; )); do :; done",
        "echo $[ ${{ x }} ]",
        "echo ${a[${{ x }}]}",
        'echo "${s:${{ x }}:2}"',
        "a[${{ x }}]=1",
        "a=([${{ x }}]=1)",
        "[[ ${{ x }} -eq 1 ]]",
        "[[ 1 -lt ${{ x }} ]]",
        "[ ${{ x }} -eq 1 ]",
        "RANDOM=${{ x }}",
        "declare -i q; q=${{ x }}",
        "exit ${{ x }}",
    ],
    "RW305": [
        "[[ -v ${{ x }} ]]",
        "[ -v ${{ x }} ]",
        "test -v ${{ x }}",
        "eval ${{ x }}",
        'eval "echo ${{ x }}"',
        "\\eval ${{ x }}",
        "command eval ${{ x }}",
        "A=1 builtin eval ${{ x }}",
        "! eval ${{ x }}",
        "time -p eval ${{ x }}",
        "2>f eval ${{ x }}",
        "{fd}>f eval ${{ x }}",
        ". ${{ x }}",
        "source ${{ x }}",
        "trap ${{ x }} EXIT",
        "let ${{ x }}",
        "declare q=${{ x }}",
        "typeset ${{ x }}",
        "local q=${{ x }}",
        "export ${{ x }}",
        "export -n Q=${{ x }}",
        "readonly ${{ x }}=1",
        "unset ${{ x }}",
        "read ${{ x }}",
        "printf -v ${{ x }} %s a",
        "printf -v${{ x }} a",
        "printf ${{ x }} a",
        "printf -v q ${{ x }}",
        "wait -p ${{ x }}",
        "mapfile ${{ x }}",
        "getopts ab ${{ x }}",
        "alias l=${{ x }}",
        "compgen -W ${{ x }}",
        "set ${{ x }}",
        "echo a >&${{ x }}",
        "cat <& ${{ x }}",
    ],
    "RW306": [
        'bash -c "ls ${{ x }}"',
        "sh -euc ${{ x }}",
        "bash -o pipefail -c ${{ x }}",
        "bash -c -e ${{ x }}",
        "sudo -u me bash -c ${{ x }}",
        "env A=1 bash -c ${{ x }}",
        "docker run i sh -c ${{ x }}",
        "find . -exec sh -c ${{ x }} \\;",
        "bash <<E\nls ${{ x }}\nE",
        "bash -s <<< ${{ x }}",
        "docker exec -i c bash <<E\n${{ x }}\nE",
        "echo ${{ x }} | bash",
        "{ bash; } <<E\n${{ x }}\nE",
        "echo ${{ x }} | { sh -s; }",
        "ssh host ls ${{ x }}",
        "ssh host <<E\nls ${{ x }}\nE",
        "awk ${{ x }}",
        'awk -F, "/${{ x }}/" f',
        "sed s/a/${{ x }}/ f",
        "python3 -c ${{ x }}",
        "python3 -Bc ${{ x }}",
        "python3 -m ${{ x }}",
        "python3 - <<E\nprint(${{ x }})\nE",
        "node -e ${{ x }}",
        "perl -ne ${{ x }}",
        "ruby -e ${{ x }}",
        "ls | xargs rm ${{ x }}",
        "make X=${{ x }}",
        "psql -c ${{ x }}",
        "env -S ${{ x }}",
        "env ${{ x }}",
        "$SHELL -c ${{ x }}",
        "su -c ${{ x }} me",
    ],
    "RW307": [
        'echo "${q#${{ x }}}"',
        "echo ${q/a/${{ x }}}",
        "echo ${q:=${{ x }}}",
        'echo "${q:-"${{ x }}"}"',
    ],
    "RW308": [
        "echo \\${{ x }}",
        'echo "\\${{ x }}"',
        "cat <<E\n\\${{ x }}\nE",
    ],
    "RW309": [
        "echo ${${{ x }}}",
        'echo "a ${{ x }}',
        "echo $(ls ${{ x }}",
        "echo ${q ${{ x }}}",
        "case a in a) echo ${{ x }}",
        "cat <<E\n${{ x }}",
        "x=$((a) | b); echo ${{ x }}",
        "((a) | b); echo ${{ x }}",
        "rm !(a) ${{ x }}",
        "coproc cat; echo ${{ x }}",
        "x=$(cat <<E); echo ${{ x }}\nE",
        "shopt -s expand_aliases; alias a=b\necho ${{ x }}",
        "echo ) ${{ x }}",
        "echo ${ ls; } ${{ x }}",
        'cat <<E\n${{ "\nE\n" }}\nE',
    ],
    "RW310": [
        "${{ x }}() { :; }",
        "function ${{ x }} { :; }",
        "for ${{ x }} in a; do :; done",
    ],
    "RW311": [
        "PS4=${{ x }}",
        "export BASH_ENV=${{ x }}",
        "env ENV=${{ x }} sh s",
        "for PS4 in ${{ x }}; do :; done",
    ],
    "RW312": [
        "[ ${{ x }} ${{ x }} ]",
        "[ ${{ x }} -o ${{ x }} ]",
        "[ $a = ${{ x }} ]",
        "test ! ${{ x }} ${{ x }}",
    ],
    "RW313": [
        "bash ${{ x }}",
        "sed -i s/a/b/ ${{ x }}",
        "python3 ${{ x }}",
        "node -e 1 ${{ x }}",
        "${{ x }} ${{ x }}",
        "command ${{ x }} ${{ x }}",
    ],
}

# What only bash reads this way makes the rest of a script for sh unsafe.
NOT_SH = [
    "[[ ${{ x }} = a ]]",
    "a=(${{ x }})",
    "echo $'a' ${{ x }}",
    "cat <<< ${{ x }}",
    "echo ${q/a/b} ${{ x }}",
    "alias a=b; echo ${{ x }}",
    "ls &> f; echo ${{ x }}",
    "((1)); echo ${{ x }}",
    "cat <(ls) ${{ x }}",
    "function f { :; }; f ${{ x }}",
    'echo "${q:-"a"}" ${{ x }}',
    "echo ${!q} ${{ x }}",
    "ls |& cat ${{ x }}",
    "eval ${{ x }} $'a'",
]

# The whole message and hint.
MESSAGES = {
    "echo '${{ x }}'": (
        "RW301",
        "nothing is expanded between '…' quotes",
        'use double quotes; if these are the text of another program, put it in `env`, as VALUE = "${{ x }}", and write "$VALUE" in the script',
    ),
    "echo $'${{ x }}'": (
        "RW301",
        "nothing is expanded between $'…' quotes",
        'use double quotes; if these are the text of another program, put it in `env`, as VALUE = "${{ x }}", and write "$VALUE" in the script',
    ),
    'echo $"${{ x }}"': (
        "RW301",
        'a text in $"…" quotes is translated before it is expanded',
        "leave the $ before the quotes away",
    ),
    "cat <<'END'\n${{ x }}\nEND": (
        "RW302",
        "nothing is expanded in a here-document whose END is quoted",
        "remove the quotes around END, and put a backslash before other '$' and '`'; or put it in `env`, as VALUE = \"${{ x }}\", and write \"$VALUE\" in the script",
    ),
    "echo `ls ${{ x }}`": (
        "RW303",
        "the shell reads the text in `…` twice, so no value is safe in it",
        "write $(…) instead of the backticks",
    ),
    "echo $(( ${{ x }} ))": (
        "RW304",
        "the shell calculates in $(( )) and would run commands in a text: only an integer or boolean can stand here, not a string",
        'declare it with type = "integer"',
    ),
    "[[ ${{ x }} -eq 1 ]]": (
        "RW304",
        "the shell calculates what stands beside -eq in '[[' and would run commands in a text: only an integer or boolean can stand here, not a string",
        'declare it with type = "integer"',
    ),
    "RANDOM=${{ maybe }}": (
        "RW304",
        "the shell calculates when it assigns to an integer variable and would run commands in a text: only an integer or boolean can stand here, not an integer or null",
        "say what it is when there is none: default(…, 0)",
    ),
    "eval ${{ x }}": (
        "RW305",
        "'eval' evaluates its arguments, so a value could run commands",
        'if it is meant to be evaluated, put it in `env`, as VALUE = "${{ x }}", and write "$VALUE" in the script',
    ),
    "f() { local q=${{ x }}; }": (
        "RW305",
        "'local' evaluates its arguments, so a value could run commands",
        "write 'local NAME', and then NAME=${{ … }} as a command of its own",
    ),
    "export ${{ x }}=1": (
        "RW305",
        "'export' would read this as a name or an option",
        "write export NAME=${{ … }}, with the name as it is and no options",
    ),
    "read ${{ x }}": (
        "RW305",
        "'read' takes names of variables, and evaluates their subscripts",
        'if it is meant to be evaluated, put it in `env`, as VALUE = "${{ x }}", and write "$VALUE" in the script',
    ),
    "printf ${{ x }}": (
        "RW305",
        "the first argument of 'printf' may be the option -v, which evaluates the next",
        "write printf '%s\\n' ${{ … }}",
    ),
    "printf -v ${{ x }} a": (
        "RW305",
        "'printf -v' evaluates the subscript of its variable",
        'if it is meant to be evaluated, put it in `env`, as VALUE = "${{ x }}", and write "$VALUE" in the script',
    ),
    "set ${{ x }}": (
        "RW305",
        "'set' would read this as an option",
        "write: set -- ${{ … }}",
    ),
    "[ -v ${{ x }} ]": (
        "RW305",
        "'[' evaluates the subscript of a name after -v",
        'if it is meant to be evaluated, put it in `env`, as VALUE = "${{ x }}", and write "$VALUE" in the script',
    ),
    "ls >&${{ x }}": (
        "RW305",
        "bash expands the word after '>&' twice",
        "write >${{ … }}, and 2>&1 behind it for errors too",
    ),
    'bash -c "ls ${{ x }}"': (
        "RW306",
        "'bash' reads this as text in a language of its own, so a value would become part of a program",
        "pass it as an argument behind the text: bash -c '… \"$1\" …' _ ${{ x }}",
    ),
    "awk ${{ x }}": (
        "RW306",
        "'awk' reads this as text in a language of its own, so a value would become part of a program",
        'put it in `env`, as VALUE = "${{ x }}", and let awk read ENVIRON["VALUE"]',
    ),
    "sed s/a/${{ x }}/": (
        "RW306",
        "'sed' reads this as text in a language of its own, so a value would become part of a program",
        'put it in `env`, as VALUE = "${{ x }}", and let awk read ENVIRON["VALUE"]',
    ),
    "python3 -c ${{ x }}": (
        "RW306",
        "'python3' reads this as text in a language of its own, so a value would become part of a program",
        'put it in `env`, as VALUE = "${{ x }}", and write os.environ["VALUE"] there',
    ),
    "ssh host ${{ x }}": (
        "RW306",
        "'ssh' reads this as text in a language of its own, so a value would become part of a program",
        'quote it for the other shell: "… $(printf %q ${{ x }})"',
    ),
    "make V=${{ x }}": (
        "RW306",
        "'make' reads this as text in a language of its own, so a value would become part of a program",
        'put it in `env`, as VALUE = "${{ x }}", and write "$$VALUE" in the recipe',
    ),
    "xargs ${{ x }}": (
        "RW306",
        "'xargs' reads this as text in a language of its own, so a value would become part of a program",
        'put it in `env`, as VALUE = "${{ x }}", and let xargs run sh -c \'… "$VALUE" …\'',
    ),
    "env ${{ x }}": (
        "RW306",
        "'env' may take this for its option -S, a whole command line",
        "write env NAME=${{ … }} COMMAND",
    ),
    "psql -c ${{ x }}": (
        "RW306",
        "'psql' reads this as text in a language of its own, so a value would become part of a program",
        'put it in `env`, as VALUE = "${{ x }}", and let psql read its environment',
    ),
    "$SHELL -c ${{ x }}": (
        "RW306",
        "'sh' reads this as text in a language of its own, so a value would become part of a program",
        "pass it as an argument behind the text: sh -c '… \"$1\" …' _ ${{ x }}",
    ),
    "echo ${q/${{ x }}/a}": (
        "RW307",
        "after '${name/' a value would be read as a pattern, or split after it was assigned",
        'assign it to a variable of its own first: value=${{ … }}, then write "$value"',
    ),
    'echo "${q:-"${{ x }}"}"': (
        "RW307",
        "the quotes around it are inside other quotes",
        "leave the inner quotes away",
    ),
    "echo \\${{ x }}": (
        "RW308",
        "the backslash before it would quote a part of what the expression becomes",
        "leave the backslash away; for a literal '${{' write '$${{'",
    ),
    'echo "a ${{ x }}': (
        "RW309",
        "from here on expressions are not safe: this quotation is not closed",
        'close it with "; or put the values in `env`, and write "$NAME" in the script',
    ),
    "cat <<END\n${{ x }}": (
        "RW309",
        "from here on expressions are not safe: this here-document does not end with END on a line of its own",
        'end it; or put the values in `env`, and write "$NAME" in the script',
    ),
    "x=$((a) | b); ls ${{ x }}": (
        "RW309",
        "from here on expressions are not safe: this may be arithmetic or commands",
        'put a blank between the two parentheses; or put the values in `env`, and write "$NAME" in the script',
    ),
    "for ${{ x }} in a; do :; done": (
        "RW310",
        "a value can't be the name of a variable",
        "write the name down; to choose between several, use case … in … esac",
    ),
    "PS4=${{ x }}": (
        "RW311",
        "a shell or a program evaluates what PS4 holds",
        "choose another variable; what this one holds is run as a part of a script",
    ),
    "[ ${{ x }} -a ${{ x }} ]": (
        "RW312",
        "a value may be read as an operator of this '['",
        "write one comparison in each test, and join them with && and ||",
    ),
    "[ $a = ${{ x }} ]": (
        "RW312",
        "another word of this '[' can become none or several, so a value may be read as an operator",
        'put double quotes around the other words, as in [ "$x" = ${{ … }} ]',
    ),
    "${{ x }} ${{ x }}": (
        "RW313",
        "the command itself comes from an expression, so any argument may be evaluated",
        "write the command's name down; to choose between several, use case … in … esac",
    ),
    "bash ${{ x }}": (
        "RW313",
        "'bash' may take the value for an option that runs a text, such as -c or -e",
        "put '--' or a fixed beginning such as './' before it, so that bash can't take it for an option",
    ),
    'echo ${{ x + "\\"" }} \'${{ x + "a" }}\'': (
        "RW301",
        "nothing is expanded between '…' quotes",
        'use double quotes; if these are the text of another program, put it in `env`, as VALUE = "${{ … }}", and write "$VALUE" in the script',
    ),
    "echo ${{ x": (
        "RW204",
        "'${{' is not closed",
        "it needs '}}'; a literal '${{' is written '$${{'",
    ),
    "echo ${{ 1 + }}": (
        "RW201",
        "the expression ends where a value is expected",
        None,
    ),
}


@pytest.mark.parametrize("text", BASH)
def test_in_bash_it_becomes(text):
    compiled = compile_(text)
    assert (compiled.text, compiled.problems) == (BASH[text], [])


@pytest.mark.parametrize("text", SH)
def test_in_sh_it_becomes(text):
    compiled = compile_(text, "sh")
    assert (compiled.text, compiled.problems) == (SH[text], [])


@pytest.mark.parametrize(("code", "text"), [(code, text) for code, texts in REFUSED.items() for text in texts])
def test_bash_does_not_get_it(code, text):
    problems = compile_(text).problems
    assert {problem.code for problem in problems} == {code}
    if code != "RW309":
        assert text[problems[0].offset : problems[0].offset + problems[0].length] == "${{ x }}"


@pytest.mark.parametrize(("code", "text"), [(code, text) for code, texts in REFUSED.items() for text in texts if code != "RW309"])
def test_what_is_dangerous_in_bash_is_refused_for_sh_too(code, text):
    assert compile_(text, "sh").problems != []


@pytest.mark.parametrize("text", [text for code in ("RW304", "RW305", "RW306") for text in REFUSED[code]])
def test_an_integer_or_a_boolean_can_not_be_code(text):
    assert compile_(text.replace("${{ x }}", "${{ n }}")).problems == []
    assert compile_(text.replace("${{ x }}", "${{ flag }}")).problems == []


@pytest.mark.parametrize("source", ["x", "maybe", "any", "real"])
def test_only_what_is_an_integer_or_boolean_for_certain_is_calculated_with(source):
    assert [problem.code for problem in compile_(f"echo $(( ${{{{ {source} }}}} ))").problems] == ["RW304"]


@pytest.mark.parametrize("text", NOT_SH)
def test_sh_is_not_bash(text):
    assert [problem.code for problem in compile_(text, "sh").problems] == ["RW309"]
    assert "RW309" not in {problem.code for problem in compile_(text).problems} or text.startswith("((")


@pytest.mark.parametrize("text", MESSAGES)
def test_the_message_is(text):
    problem = compile_(text).problems[0]
    assert (problem.code, problem.message, problem.hint) == MESSAGES[text]


def test_a_script_without_expressions_is_never_refused():
    for text in ('echo "unclosed', "((", "case", "cat <<E", "", "# it's", "$'", "\\"):
        assert compile_(text).problems == []
        assert compile_(text).text == text


def test_what_comes_after_the_last_expression_does_not_matter():
    assert compile_("echo ${{ x }}\necho 'unclosed").problems == []


def test_expressions_in_the_command_that_can_not_be_read_are_refused_too():
    assert [problem.code for problem in compile_('eval ${{ x }} "unclosed').problems] == ["RW309"]
    assert [problem.code for problem in compile_("python3 - <<E | cat $(ls\n${{ x }}\nE\n)").problems] == ["RW309"]


def test_equal_expressions_share_a_variable_and_each_use_is_told_with_its_place():
    compiled = compile_("a ${{ x }} ${{  x }} # ${{ no }}\nb ${{ n }}")
    assert compiled.variables == {"ROPEWAY_V1": "x", "ROPEWAY_V2": "n"}
    assert [(use.offset, use.end, use.source, use.source_offset, use.variable) for use in compiled.uses] == [
        (2, 10, "x", 6, "ROPEWAY_V1"),
        (11, 20, "x", 16, "ROPEWAY_V1"),
        (35, 43, "n", 39, "ROPEWAY_V2"),
    ]


def test_nul_is_refused():
    assert [problem.code for problem in compile_("echo a\0").problems] == ["RW309"]


@pytest.mark.parametrize(
    "nest", ["echo $(|)", "( |)", "echo ${a:-|}", 'echo "$(|)"', "case a in a) | esac", "echo $((|))", "echo $(( a[|] ))", "echo <(|)"]
)
def test_deep_nesting_is_refused_and_not_a_crash(nest):
    opening, closing = nest.split("|")
    text = f"{opening * 3000} echo ${{{{ x }}}} {closing * 3000}"
    assert [problem.code for problem in compile_(text).problems] == ["RW309"]
