"""RW2: expressions."""

from __future__ import annotations

from ropeway.lang.codes import Explanation

_HEAD = 'id = "example"\n\n[parameters.since]\ntype = "string"\ndefault = "HEAD"\n\n[parameters.count]\ntype = "integer"\ndefault = 3\n\n'


def _when(condition: str) -> str:
    return f'{_HEAD}[steps.hello]\nrun = "echo hello"\nwhen = """{condition}"""\n'


CODES: dict[str, Explanation] = {
    "RW201": Explanation(
        "The text is not an expression",
        "An expression is one value: a name, a literal, or operators and functions over them. The place shown is where the text stops being "
        "one. Words such as 'and' are written as operators ('&&'), comparison is '==', and text stands in quotes.",
        _when("params.since = ''"),
        _when("params.since == ''"),
    ),
    "RW202": Explanation(
        "Text in an expression is malformed",
        "Text stands between two single or two double quotes, or three of them on each side. A backslash begins an escape (\\n \\t \\\\ \\' "
        "\\x41 \\u00e9 \\U0001f600 \\101); r'…' keeps backslashes as they are.",
        f"{_HEAD}[steps.hello]\nrun = \"echo hello\"\nwhen = '''params.since != \"main'''\n",
        f"{_HEAD}[steps.hello]\nrun = \"echo hello\"\nwhen = '''params.since != \"main\"'''\n",
    ),
    "RW203": Explanation(
        "A number in an expression is malformed",
        "Integers are written in decimal or as 0x1f and have 64 bits; numbers have a fraction or an exponent (1.5, 1e3) and are 64-bit "
        "floating point. There are no unsigned integers.",
        _when("params.count > 9223372036854775808"),
        _when("params.count > 9223372036854775807"),
    ),
    "RW204": Explanation(
        "'${{' is not closed",
        "Every '${{' needs its '}}'. Braces inside quotes do not count. A '${{' that is meant literally is written '$${{'.",
        f'{_HEAD}[steps.hello]\nrun = ["echo", "${{{{ params.since"]\n',
        f'{_HEAD}[steps.hello]\nrun = ["echo", "${{{{ params.since }}}}"]\n',
    ),
    "RW205": Explanation(
        "The expression is too large",
        "An expression has at most 65,536 characters and is at most 100 levels deep: parentheses, choices inside choices, and chains of one "
        "operator such as '+' all count ('&&' and '||' chains do not). join([…], '') puts many pieces of text together; a step can compute what "
        "is larger.",
        _when("+".join(["1"] * 102) + " > 0"),
        _when("+".join(["1"] * 10) + " > 0"),
    ),
    "RW210": Explanation(
        "The name is not known here",
        "An expression reads contexts: params, env, inputs, steps, run, item, secrets. Not every place has all of them: 'item' exists only in a "
        "step with 'foreach', 'inputs' only in an action. Text that is meant literally stands in quotes.",
        _when("parameters.since != ''"),
        _when("params.since != ''"),
    ),
    "RW211": Explanation(
        "There is no such parameter, step or output",
        "The context exists and has no part of this name. A step that declares outputs has exactly those; a name that holds a dash stands in "
        "brackets: steps['my-step'].",
        _when("params.sinse != ''"),
        _when("params.since != ''"),
    ),
    "RW212": Explanation(
        "There is no such function",
        "The functions are size, contains, startsWith, endsWith, matches, lower, upper, join, split, has, default, file, json, hash_files, "
        "success, failure and always. There are no loops: 'foreach' runs a step per item, and a script can do the rest.",
        _when("params.since.trim() != ''"),
        _when("params.since.lower() != ''"),
    ),
    "RW213": Explanation(
        "The function is called in another way",
        "The number of arguments does not fit, or the function is called on a value and is none that can be. The functions over text and lists "
        "work either way: x.contains('a') and contains(x, 'a'). has() asks for one part of something: has(params.name).",
        _when("params.since.startsWith('v', '1')"),
        _when("params.since.startsWith('v')"),
    ),
    "RW214": Explanation(
        "The function has no meaning here",
        "success(), failure() and always() ask about other steps and belong into 'when'. file() and hash_files() read the workspace and can "
        "stand only where a step is about to start.",
        f'{_HEAD}[steps.hello]\nrun = ["echo", "${{{{ success() }}}}"]\n',
        _when("success()"),
    ),
    "RW220": Explanation(
        "The operator can not take these types",
        "Arithmetic takes integers and numbers (an integer beside a number becomes one), '+' also two texts or two lists; '<' and its like take "
        "two numbers or two texts; 'in' looks into lists and maps. A step that declares no outputs gives text: declare the output with its type "
        "to calculate with it.",
        _when("params.since > 3"),
        _when("params.count > 3"),
    ),
    "RW221": Explanation(
        "The value may be null",
        "Outputs and exit codes of a step that was skipped are null. default(value, other) says what holds then; '== null' asks for it.",
        f'{_HEAD}[steps.a]\nrun = "true"\nwhen = "params.count > 1"\noutputs.score = {{ type = "integer" }}\n\n'
        '[steps.b]\nneeds = ["a"]\nrun = "true"\nwhen = "steps.a.outputs.score > 3"\n',
        f'{_HEAD}[steps.a]\nrun = "true"\nwhen = "params.count > 1"\noutputs.score = {{ type = "integer" }}\n\n'
        '[steps.b]\nneeds = ["a"]\nrun = "true"\nwhen = "default(steps.a.outputs.score, 0) > 3"\n',
    ),
    "RW222": Explanation(
        "The values do not have the type that is needed",
        "A function takes other types, or the two values of a choice or of default() have types that can not stand for one another. There an "
        "integer does not become a number by itself, because it would go on dividing like an integer: write 1.0, or x * 1.0.",
        _when("size(params.count) > 0"),
        _when("size(params.since) > 0"),
    ),
    "RW223": Explanation(
        "A boolean is needed",
        "'&&', '||', '!' and '? :' ask for true or false. There is no truth of text or numbers: say what you compare with.",
        _when("!params.since"),
        _when("params.since == ''"),
    ),
    "RW224": Explanation(
        "The whole expression has another type",
        "The place asks for a type: 'when' and 'until' for a boolean, 'foreach' for a list, a typed input for its type.",
        _when("params.since"),
        _when("params.since != ''"),
    ),
    "RW225": Explanation(
        "The comparison can never be true",
        "'==', '!=' and 'in' compare values of one type; an integer and a number may be equal, and anything may be compared with null.",
        _when("params.count == '3'"),
        _when("params.count == 3"),
    ),
    "RW226": Explanation(
        "The value has no parts, or not of this kind",
        "Maps have parts by name (x.name, x['name']), lists have items by integer from 0 (x[0]); text and numbers have no parts.",
        _when("params.since.name == ''"),
        _when("params.since == ''"),
    ),
    "RW227": Explanation(
        "A map's key is not right",
        "The keys of a map are strings, each there once.",
        _when("'a' in {'a': 1, 'a': 2}"),
        _when("'a' in {'a': 1, 'b': 2}"),
    ),
    "RW230": Explanation(
        "The pattern of matches() is malformed",
        "Patterns have the syntax of RE2 (https://github.com/google/re2/wiki/Syntax) without Unicode classes: no back-references and no "
        "look-around, because a condition must come to an end whatever text it meets. r'…' keeps backslashes as they are.",
        _when("params.since.matches('(v1')"),
        _when("params.since.matches('(v1)')"),
    ),
    "RW250": Explanation(
        "The expression has no value",
        "The types are right and the values of this run are not: division by zero, an integer beyond 64 bits, a key or index that is not there, a "
        "file that can not be read, text that is not JSON. default(x, other) takes the other value when x is null or not there; has(x.name) asks first.",
        "",
        "",
    ),
    "RW251": Explanation(
        "The expression costs too much",
        "Each evaluation has a budget, and texts and lists that it makes have a largest size of 16 Mi characters or items, so that a condition "
        "always comes to an end soon. Do large work in a script: it gets the values in variables.",
        "",
        "",
    ),
    "RW252": Explanation(
        "The value is of another kind than its use",
        "What json() reads and the items of lists with mixed values have no type before the run, so they are checked when they are used. Look "
        "at the value, or declare its type where it comes from.",
        "",
        "",
    ),
}
