"""RW1: keys, types and values."""

from __future__ import annotations

from ropeway.lang.codes import Explanation

_HEAD = 'id = "demo"\n\n'
_STEP = '[steps.hello]\nrun = "echo hello"\n'
_PARAMETER = "\n[parameters.level]\n"

CODES: dict[str, Explanation] = {
    "RW101": Explanation(
        "Unknown key",
        "Every key of a workflow file is known, and one that is not is refused instead of ignored: a misspelled `timeout` would"
        " otherwise be no timeout at all. The hint names the nearest key, or what another tool's word is called here. `workflow schema`"
        " prints all keys with their meaning.",
        _HEAD + _STEP + 'time_out = "5m"\n',
        _HEAD + _STEP + 'timeout = "5m"\n',
    ),
    "RW102": Explanation(
        "Wrong type",
        "The key is known, and its value has another type: a string where a list is wanted, a number in quotes. Types are never"
        ' converted silently, because `needs = "a, b"` could mean one step or two.',
        _HEAD + _STEP + 'pure = "yes"\n',
        _HEAD + _STEP + "pure = true\n",
    ),
    "RW103": Explanation(
        "Missing key",
        "A key that is always needed is not there: `id` and `steps` of a workflow, `attempts` of `retry`, `until` and `max` of `repeat`,"
        " `group` of `concurrency`, `path` of an artifact, `choices` of a choice.",
        _STEP,
        _HEAD + _STEP,
    ),
    "RW104": Explanation(
        "Value that is not allowed",
        "The value has the right type and is none of those that the key may have, or it is empty where something has to be said.",
        _HEAD + _STEP + 'on_error = "ignore"\n',
        _HEAD + _STEP + 'on_error = "continue"\n',
    ),
    "RW105": Explanation(
        "Name that is not allowed",
        "Names of steps, parameters, inputs, outputs and actions are letters, digits, `_` and `-`, with a letter or `_` first: they appear"
        " in expressions (`steps.hello`), in file names and in addresses such as `each[0]`. In an expression, a name with `-` is written"
        ' in brackets: `steps["my-step"]`. A workflow\'s id is `name` or `org/name` in lower case.',
        _HEAD + '[steps."say hello"]\nrun = "echo hello"\n',
        _HEAD + '[steps.say-hello]\nrun = "echo hello"\n',
    ),
    "RW106": Explanation(
        "Not a semantic version",
        "A version has three numbers and may have a pre-release and a build part: `1.2.0`, `1.2.0-rc.1` (https://semver.org). Ranges such as"
        " `^1.2` are for references, not for a workflow's own version.",
        'id = "demo"\nversion = "1.2"\n\n' + _STEP,
        'id = "demo"\nversion = "1.2.0"\n\n' + _STEP,
    ),
    "RW107": Explanation(
        "Not a duration",
        "A duration is a number with a unit, or several of them, the largest first: `250ms`, `30s`, `5m`, `1h30m`, `30d`. A bare number is"
        " refused, because half of its readers take it for minutes.",
        _HEAD + _STEP + 'timeout = "5 minutes"\n',
        _HEAD + _STEP + 'timeout = "5m"\n',
    ),
    "RW108": Explanation(
        "Not a size",
        "A size is a number with a unit: `512MiB` and `1GiB` count in 1024, `512MB` and `1GB` in 1000.",
        _HEAD + _STEP + 'resources = { memory = "1 gig" }\n',
        _HEAD + _STEP + 'resources = { memory = "1GiB" }\n',
    ),
    "RW109": Explanation(
        "Number out of range",
        "Counts start at 1 and end at 10,000; cores are not negative; every number is finite.",
        _HEAD + _STEP + "retry = { attempts = 0 }\n",
        _HEAD + _STEP + "retry = { attempts = 3 }\n",
    ),
    "RW110": Explanation(
        "Pattern that can not be used",
        "A `pattern` is a regular expression in RE2 syntax (https://github.com/google/re2/wiki/Syntax), the same as for `matches()`. It has to"
        " match the whole value. Back-references and look-around are not part of it: with them, a value could keep the check busy for"
        " hours.",
        _HEAD + _STEP + _PARAMETER + "pattern = '(a+)\\1'\n",
        _HEAD + _STEP + _PARAMETER + "pattern = '[a-z]+'\n",
    ),
    "RW112": Explanation(
        "Nothing to do",
        "A step and an action have exactly one of `run` (a script, or a list of words to execute) and `uses` (an action, a built-in, a"
        " plugin, a skill, an agent, a workflow or a gate).",
        _HEAD + "[steps.hello]\npure = true\n",
        _HEAD + _STEP + "pure = true\n",
    ),
    "RW113": Explanation(
        "Two things to do",
        "A step and an action have exactly one of `run` and `uses`. Two things to do are two steps.",
        _HEAD + _STEP + 'uses = "builtin:vcs-diff"\n',
        _HEAD + _STEP + '\n[steps.diff]\nuses = "builtin:vcs-diff"\n',
    ),
    "RW114": Explanation(
        "Keys that contradict each other",
        "Each key is fine by itself, and together they can not be meant: a `shell` for a list of words that no shell sees, `inputs` for a"
        " script, `max_parallel` without `foreach`, a `minimum` for a string, a default for a required parameter. A key that is"
        " accepted does something, so these are refused.",
        _HEAD + '[steps.hello]\nrun = ["echo", "hello"]\nshell = "sh"\n',
        _HEAD + '[steps.hello]\nrun = ["echo", "hello"]\n',
    ),
    "RW115": Explanation(
        "Expression where none may stand",
        "Expressions stand in `run`, `env`, `inputs`, `when`, `until`, `foreach`, `workspace`, `concurrency.group`, artifact paths and"
        " outputs. What a step is and when it ends must be known before anything runs, so `uses`, `needs`, `shell`, `timeout` and `retry`"
        " are literal.",
        _HEAD + _STEP + 'timeout = "${{ params.limit }}"\n',
        _HEAD + _STEP + 'timeout = "5m"\nenv = { LIMIT = "${{ run.id }}" }\n',
    ),
    "RW116": Explanation(
        "Default that does not fit",
        "A default has the type of its parameter and keeps its `pattern`, `choices`, `minimum` and `maximum`, as every value does.",
        _HEAD + _STEP + _PARAMETER + 'type = "integer"\ndefault = "3"\n',
        _HEAD + _STEP + _PARAMETER + 'type = "integer"\ndefault = 3\n',
    ),
    "RW117": Explanation(
        "NUL character in a value",
        "Arguments and environment variables end at the character U+0000, so a text that holds one can not be given to any program.",
        _HEAD + '[steps.hello]\nrun = "echo \\u0000"\n',
        _HEAD + _STEP,
    ),
    "RW119": Explanation(
        "Unknown type or validator",
        "The types are string, integer, number, boolean, path, choice, list, map and secret. Plugins bring more, and validators, through"
        " the entry-point group `ropeway.parameter_types`; the plugin has to be installed where the workflow is checked.",
        _HEAD + _STEP + _PARAMETER + 'type = "strng"\n',
        _HEAD + _STEP + _PARAMETER + 'type = "string"\n',
    ),
}
