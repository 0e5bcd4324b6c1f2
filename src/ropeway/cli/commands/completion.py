"""`workflow completion`: the script that completes the command line in a shell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ropeway.cli.group import argument, verb

if TYPE_CHECKING:
    from ropeway.cli.console import Console

# click's own script for bash loses words with `:` and `=` in them (bash breaks words there), which is how RUN:STEP and NAME=VALUE
# are written: this one takes the line apart at blanks and gives back only what stands behind the last break.
_BASH = r"""
_workflow_completion() {
    local IFS=$'\n' line=${COMP_LINE:0:COMP_POINT} kind value current rest
    local -a words
    IFS=$' \t' read -r -a words <<< "$line"
    [[ $line == *[[:space:]] ]] && words+=("")
    current=${words[${#words[@]}-1]}
    rest=${current%"${COMP_WORDS[COMP_CWORD]}"}
    [[ ${COMP_WORDS[COMP_CWORD]} == [:=] ]] && rest=$current
    COMPREPLY=()
    while IFS=, read -r kind value; do
        case $kind in
            dir) compopt -o dirnames 2>/dev/null ;;
            file) compopt -o default 2>/dev/null ;;
            plain) COMPREPLY+=("${value#"$rest"}"); [[ $value == *= ]] && compopt -o nospace 2>/dev/null ;;
        esac
    done < <(COMP_WORDS="$line" COMP_CWORD=$((${#words[@]} - 1)) VARIABLE=bash_complete "$1")
}
complete -o nosort -F _workflow_completion PROGRAM
"""


@verb()
@argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(console: Console, *, shell: str) -> None:
    """Print the completion script of a shell.

    \b
    bash: eval "$(workflow completion bash)"              in ~/.bashrc
    zsh:  eval "$(workflow completion zsh)"               in ~/.zshrc
    fish: workflow completion fish > ~/.config/fish/completions/workflow.fish

    It completes commands, options, workflows, parameters, runs and steps.
    """  # noqa: D301 - \b is the sign that keeps click from wrapping the lines
    from click.shell_completion import get_completion_class

    text = []
    for program in ("workflow", "ropeway"):
        variable = f"_{program.upper()}_COMPLETE"
        if shell == "bash":
            script = (
                _BASH.replace("VARIABLE", variable).replace("PROGRAM", program).replace("_workflow_completion", f"_{program}_completion")
            )
        else:
            kind = get_completion_class(shell)
            assert kind is not None
            script = kind(click.Command(program), {}, program, variable).source()
        text.append(script.strip("\n"))
    if console.json:
        console.object({"shell": shell, "script": "\n".join(text)})
    else:
        console.data("\n".join(text))
