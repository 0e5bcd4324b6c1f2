"""RW3: scripts, in which text never becomes code."""

from __future__ import annotations

from ropeway.lang.codes import Explanation

_RULE = (
    "An expression in a script becomes a variable, and the script gets a reference to it, so that no value is ever read as a part of the "
    "program. "
)


def _example(script: str, shell: str = "", *, more: str = "") -> str:
    """Return a workflow whose step ``show`` has this script."""
    head = 'id = "show"\n\n[parameters.text]\ntype = "string"\n\n[parameters.count]\ntype = "integer"\n\n[steps.show]\n'
    return f"{head}{shell}{more}run = '''\n{script}\n'''\n"


_ENV = 'env = { VALUE = "${{ params.text }}" }\n'

CODES: dict[str, Explanation] = {
    "RW301": Explanation(
        "The shell expands nothing inside these quotes",
        _RULE
        + "Between single quotes, in `$'…'` and in `$\"…\"` a reference would stay as it is or be translated. Use double quotes, or close the "
        "quotes around the expression. When the quotes hold the text of another program, put the value in `env` and let that program read "
        "its environment.",
        _example("echo 'The text is ${{ params.text }}'"),
        _example('echo "The text is ${{ params.text }}"'),
    ),
    "RW302": Explanation(
        "The shell expands nothing in this here-document",
        _RULE
        + "When the end mark of a here-document is quoted, as in `<<'END'`, its body is taken as it stands. Leave the quotes away, and put "
        "a backslash before every other `$` and backtick.",
        _example("cat <<'END'\nThe text is ${{ params.text }}\nEND"),
        _example("cat <<END\nThe text is ${{ params.text }}\nEND"),
    ),
    "RW303": Explanation(
        "An expression can not stand in backticks",
        _RULE
        + "What stands in backticks is read twice, with backslashes meaning different things each time. `$(…)` does the same and is read once.",
        _example("files=`ls -- ${{ params.text }}`"),
        _example("files=$(ls -- ${{ params.text }})"),
    ),
    "RW304": Explanation(
        "A shell calculates only with integers and booleans",
        "Where bash calculates, it evaluates the text of a value once more, and runs commands that it finds in it: with the value "
        "`a[$(reboot)]`, `$(( ))` would reboot. That holds for `$(( ))`, `(( ))`, subscripts, `${name:offset}`, `-eq` and its like in `[[ ]]`, "
        "and assignments to integer variables such as RANDOM. There an expression must be an integer or a boolean for certain. Declare "
        'the parameter or output with type = "integer"; for a value that may be null use default().',
        _example("echo $(( ${{ params.text }} + 1 ))"),
        _example("echo $(( ${{ params.count }} + 1 ))"),
    ),
    "RW305": Explanation(
        "This command evaluates its arguments again",
        "`eval`, `source`, `trap`, `let`, `declare`, `local`, `unset`, `read`, `printf -v`, `[ -v ]`, `wait`, `mapfile` and some others read their "
        "arguments as commands, or as names whose subscripts they evaluate; a word after `>&` is expanded twice. A value there would be "
        "run, and so would what `$(…)` prints there when a value stands in it. For `declare` and `local` the fix is a line of its own for the assignment.",
        _example('note() { local text=${{ params.text }}; echo "$text"; }\nnote'),
        _example('note() { local text; text=${{ params.text }}; echo "$text"; }\nnote'),
    ),
    "RW306": Explanation(
        "The value would become a part of another program's text",
        "`bash -c`, `awk`, `sed`, `python -c`, `node -e`, `ssh`, `xargs`, `make` and their like read this argument (or this here-document) as "
        "text in a language of their own, and so does an interpreter at the end of a pipeline with all that is printed into it. `git -c`, "
        "`tar --to-command` and other options take commands too. Pass the value beside the program: as an argument behind its text, or in `env`.",
        _example("awk '{ print \"'${{ params.text }}'\", $1 }' list.txt"),
        _example("awk '{ print ENVIRON[\"VALUE\"], $1 }' list.txt", more=_ENV),
    ),
    "RW307": Explanation(
        "This part of ${…} takes no expression",
        "In `${name/…}`, in `${name:=…}` and, inside double quotes, in `${name#…}` a value would be read as a pattern or be split into words. "
        "Assign it to a variable of its own and quote that.",
        _example('name=readme.txt\necho "${name%${{ params.text }}}"'),
        _example('name=readme.txt\nending=${{ params.text }}\necho "${name%"$ending"}"'),
    ),
    "RW308": Explanation(
        "A backslash stands before the expression",
        "The backslash would quote a part of the reference that the expression becomes, and the rest would mean something else. Leave it away. "
        "A literal `${{` is written `$${{`.",
        _example("echo \\${{ params.text }}"),
        _example("echo ${{ params.text }}"),
    ),
    "RW309": Explanation(
        "The script can be read in more than one way",
        "To pass a value safely it must be certain how the shell reads the place where it stands. From here on it is not: something is not "
        "closed, or different shells or versions read it differently, such as bash's `[[` in a script for `sh`. Expressions before this place "
        "are fine; for those behind it write the script more plainly, name the shell, or put the values in `env`.",
        _example("[[ -n $HOME ]]\necho ${{ params.text }}", 'shell = "sh"\n'),
        _example("[[ -n $HOME ]]\necho ${{ params.text }}", 'shell = "bash"\n'),
    ),
    "RW310": Explanation(
        "A value can not be a name here",
        "The names of variables and functions and the end mark of a here-document are part of the program, so they must stand in the script. "
        "To choose between several, use `case`.",
        _example("for ${{ params.text }} in a b; do :; done"),
        _example("for name in a b; do echo ${{ params.text }}; done"),
    ),
    "RW311": Explanation(
        "A shell or a program evaluates what this variable holds",
        "PS4, BASH_ENV, ENV, PROMPT_COMMAND and the other prompts are expanded like a piece of script whenever a shell uses them. Many programs "
        "run what GIT_SSH_COMMAND, EDITOR, PAGER, LD_PRELOAD, NODE_OPTIONS, PERL5OPT and their like hold.",
        _example("PS4=${{ params.text }}\nset -x\ntrue"),
        _example("echo ${{ params.text }}\nset -x\ntrue"),
    ),
    "RW312": Explanation(
        "A value might be read as an operator of a test",
        "With more than one comparison, or with other words that can become none or several, `[` and `test` decide by the values which word is "
        "an operator. Write one comparison in each test, put double quotes around variables, and join tests with `&&` and `||`.",
        _example('[ ${{ params.text }} = a -o -n "$HOME" ] && echo yes'),
        _example('[ ${{ params.text }} = a ] || [ -n "$HOME" ] && echo yes'),
    ),
    "RW313": Explanation(
        "A value might choose what is run with another value",
        "A command that is a value, a variable or the output of another may be `eval`, and braces can put an option such as `-c` in front of a "
        "value. One that stands before the name of an interpreter's script may be an option "
        "such as `-c`. Write the command down, or put `--` or a fixed beginning such as `./` before the value.",
        _example("python3 ${{ params.text }}"),
        _example("python3 -- ${{ params.text }}"),
    ),
    "RW320": Explanation(
        "An expression stands inside a Python string",
        "In a Python script an expression is a value: a string, a list, a number. Inside quotes its name would be plain text. Write it outside "
        "of them, or assign it to a variable and use that in an f-string.",
        _example('print("The text is ${{ params.text }}")', 'shell = "python"\n'),
        _example('print("The text is", ${{ params.text }})', 'shell = "python"\n'),
    ),
    "RW321": Explanation(
        "An expression stands inside a JavaScript literal",
        "In a script for Node.js an expression is a value: a string, an array, a number. Inside quotes, backticks or a regular expression its "
        "name would be plain text. Write it outside of them, or assign it to a variable first.",
        _example('console.log("The text is ${{ params.text }}")', 'shell = "node"\n'),
        _example('console.log("The text is", ${{ params.text }})', 'shell = "node"\n'),
    ),
    "RW330": Explanation(
        "Scripts for this program take no expressions",
        "Expressions are understood in scripts for bash, sh, python and node. Any other program gets its script as a file, and values through "
        "`env`.",
        _example("puts '${{ params.text }}'", 'shell = ["ruby"]\n'),
        _example("puts ENV['VALUE']", 'shell = ["ruby"]\n', more=_ENV),
    ),
}
