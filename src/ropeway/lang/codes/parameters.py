"""RW6: parameters and the plan. What is wrong here was typed with the command, so no file can show it."""

from __future__ import annotations

from ropeway.lang.codes import Explanation

CODES: dict[str, Explanation] = {
    "RW601": Explanation(
        "Missing parameter",
        "A parameter without a default has to be given: `--param name=value`, or an entry in the file of `--params-file`. Write"
        " `required = false` where having no value is fine; expressions then read null.",
        "",
        "",
    ),
    "RW602": Explanation(
        "Unknown parameter",
        "The workflow declares no parameter of this name. `workflow run FILE --help` lists those that it has.",
        "",
        "",
    ),
    "RW603": Explanation(
        "Parameter value that does not fit",
        "The value does not have the parameter's type, or does not keep its `pattern`, `choices`, `minimum` or `maximum`. On a command line"
        " a list is `a,b,c` or JSON, a map is `key=value,key=value` or JSON, a boolean is `true` or `false`.",
        "",
        "",
    ),
    "RW604": Explanation(
        "Secret on a command line",
        "Command lines are seen by every program on the machine and kept in the shell's history. A secret comes from where its `source` says:"
        " the keyring (`workflow secret set NAME`), an environment variable, or a prompt.",
        "",
        "",
    ),
}
