"""RW0: reading the source."""

from __future__ import annotations

from ropeway.lang.codes import Explanation

_STEP = '\n[steps.hello]\nrun = "echo hello"\n'

CODES: dict[str, Explanation] = {
    "RW001": Explanation(
        "The file is too large",
        "A workflow file is read whole, up to 32 MiB. A file beyond that is data, not a workflow: keep the data in files of its own "
        "and let steps read them.",
        "",
        "",
    ),
    "RW002": Explanation(
        "The file is not UTF-8",
        "Workflow files are UTF-8, with or without a byte order mark. Save the file as UTF-8; the place shown is the first byte that can "
        "not be read.",
        "",
        "",
    ),
    "RW003": Explanation(
        "The file holds a NUL character",
        "Neither TOML nor YAML knows the character U+0000; most often a file that holds it is not text at all. As an escape (`\\u0000`) it is "
        "refused too: no program takes an argument or a variable with a NUL in it.",
        'id = "a\0b"\n' + _STEP,
        'id = "ab"\n' + _STEP,
    ),
    "RW004": Explanation(
        "The data is nested too deeply",
        "Tables and lists may stand up to 100 deep in each other, parts of a dotted key included. YAML aliases count where they are used.",
        'id = "deep"\nx = ' + "[" * 101 + "]" * 101 + "\n" + _STEP,
        'id = "deep"\n' + _STEP,
    ),
    "RW005": Explanation(
        "The file holds too many values",
        "A document may hold a million values: tables, lists and everything in them. In YAML an alias counts as often as it is used, so a "
        "few lines of aliases to aliases can pass the limit.",
        "",
        "",
    ),
    "RW006": Explanation(
        "The number can not be held",
        "Integers are 64-bit, and there is no infinity and no NaN: plans, outputs and the registry are JSON, which knows none of them. What is a "
        "name rather than an amount (a hash, a serial number) stands in quotes.",
        'id = "big"\n[parameters.limit]\ntype = "number"\ndefault = inf\n' + _STEP,
        'id = "big"\n[parameters.limit]\ntype = "number"\ndefault = 1e300\n' + _STEP,
    ),
    "RW010": Explanation(
        "The file is not TOML",
        "The text breaks TOML's grammar at the place shown. The usual reasons: text without quotes, a missing `=`, a quote or bracket that is "
        'never closed, an inline table over several lines. Text of several lines stands in """…""".',
        "id = hello\n" + _STEP,
        'id = "hello"\n' + _STEP,
    ),
    "RW011": Explanation(
        "A key is given twice",
        "A key, and a table's header, stand once. Which of two was meant can not be known, so neither is taken. In TOML a key with dots "
        "(`a.b = 1`) makes the table `a`, which then has no header of its own.",
        'id = "hello"\nid = "hallo"\n' + _STEP,
        'id = "hello"\n' + _STEP,
    ),
    "RW012": Explanation(
        "A backslash is no escape",
        'In a string in "…" a backslash begins an escape: \\n, \\t, \\", \\\\, \\u00e9. A Windows path or a pattern stands in \'…\', where a '
        "backslash is itself, or has its backslashes doubled.",
        'id = "hello"\ndescription = "C:\\Users\\me"\n' + _STEP,
        "id = \"hello\"\ndescription = 'C:\\Users\\me'\n" + _STEP,
    ),
    "RW020": Explanation(
        "The file is not YAML",
        "The text breaks YAML's grammar, or is no map. The usual reasons: indentation that does not line up, a second `: ` in a value without "
        "quotes, text that begins with `{`, `[`, `@`, `%` or a backtick without quotes.",
        "",
        "",
    ),
    "RW021": Explanation(
        "A tab stands where YAML wants spaces",
        "YAML is indented with spaces only. Most editors can turn the tabs of a file into spaces.",
        "",
        "",
    ),
    "RW022": Explanation(
        "Merge keys are not read",
        "The key `<<` comes from YAML 1.1 and is not part of YAML 1.2. Write the keys out; an alias (`*name`) for a whole value works.",
        "",
        "",
    ),
    "RW023": Explanation(
        "Tags are not read",
        "A workflow holds text, numbers, true, false, null, lists and maps; a tag (`!!str`, `!Ref`) can add nothing to them. Text that looks "
        "like a number stands in quotes.",
        "",
        "",
    ),
    "RW024": Explanation(
        "A key is not text",
        "Keys are text. A number, true, false or null as a key stands in quotes. `{{ … }}` at the start of a value without quotes is a "
        "map in a map to YAML: put the value in quotes.",
        "",
        "",
    ),
    "RW025": Explanation(
        "The file holds a second document",
        "A workflow file is one YAML document. Remove the `---` in the middle, or put what follows it into a file of its own.",
        "",
        "",
    ),
    "RW026": Explanation(
        "An alias does not lead to a value",
        "`*name` repeats the value that `&name` marked further up. The mark is missing, or the alias stands inside the very value it repeats.",
        "",
        "",
    ),
    "RW027": Explanation(
        "A number loses part of its text",
        "Without quotes `1.10` is the number 1.1 and `0755` the number 755. When the text matters (a version, a file mode), put it in quotes. "
        "This is a warning.",
        "",
        "",
    ),
    "RW030": Explanation(
        "An override can not be read",
        "`--override` takes the name of a TOML or YAML file, or KEY.PATH=VALUE: a key as it is written in TOML, and a value as in TOML or plain text "
        "(`policy.max_parallel=4`, `steps.test.env.LANG=C`).",
        "",
        "",
    ),
}
