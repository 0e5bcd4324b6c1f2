"""What is wrong with a text that is not YAML, in words and with a hint."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ropeway.lang.source.text import Mistake

if TYPE_CHECKING:
    import yaml

_UNREADABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufeff\uff00-\ufffd\U00010000-\U0010ffff]")
_TOML_LINE = re.compile(r"""\s*(?:[\w.\-"']+[ \t]*=[ \t]*\S|\[\[?[\w.\-"' ]+\]\]?[ \t]*(?:#.*)?$)""")
_CONFLICT = re.compile(r"<{7}|={7}|>{7}|\|{7}")

_QUOTE = 'put the whole value in quotes: "…"'
_INDENT = "lines of one map begin in the same column, and list items `- …` do too"
# What libyaml says, what we say, and what to do about it; the first match counts.
_TEXTS: tuple[tuple[str, str, str], ...] = (
    ("mapping values are not allowed", "a second `: ` stands in a value, or the indentation is off", f"{_QUOTE}; {_INDENT}"),
    ("could not find expected ':'", "a `:` is missing behind a key", "a line is `key: value`; text of several lines begins with `key: |`"),
    ("did not find expected key", "a key is missing here, or the indentation is off", _INDENT),
    ("did not find expected '-'", "a list item `- …` is missing here, or the indentation is off", _INDENT),
    (
        "did not find expected ',' or ']'",
        "a `,` is missing before this, or a `]`",
        "a list is `[one, two]`; text with `[]{},` in it stands in quotes",
    ),
    ("did not find expected ',' or '}'", "a `,` is missing before this, or a `}`", 'an expression needs quotes: "{{ … }}"'),
    ("did not find expected node", "a value is missing here", _QUOTE),
    ("found unexpected end of stream", "this text in quotes is never closed", "close it with the quote it began with"),
    ("block sequence entries are not allowed", "a list item can not begin here", "begin `- …` on a line of its own"),
    ("block mapping", "a map can not begin here", _INDENT),
    ("unknown escape", "this is not an escape that YAML knows", "a backslash is doubled in \"…\"; in '…' it is itself"),
    ("hexdecimal", "this escape is not complete", "\\x has two hexadecimal digits, \\u four, \\U eight"),
    ("invalid Unicode", "this is no character of its own", "a character beyond U+FFFF is written \\U with eight digits"),
    ("document start", "a new document begins here, or text stands where a map ended", _INDENT),
    ("document indicator", "a document mark stands inside of text in quotes", "close the quotes before it"),
    ("undefined tag", "tags are not read", "remove the `!…`"),
    ("%YAML", "this `%YAML` line is not understood", "remove it"),
    ("incompatible YAML", "this `%YAML` line is not understood", "remove it"),
)


def explain_failure(text: str, error: yaml.YAMLError) -> Mistake:
    """Return the mistake behind what the parser raised."""
    problem = str(getattr(error, "problem", None) or getattr(error, "reason", None) or error)
    unreadable = _UNREADABLE.search(text)
    if unreadable is not None and not hasattr(error, "problem_mark"):
        message = f"the character U+{ord(unreadable[0]):04X} can not stand in YAML"
        return Mistake("RW020", message, 'remove it, or write it as an escape in "…"', unreadable.start(), unreadable.end())
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    at = min(mark.index, len(text)) if mark is not None else 0
    begin = text.rfind("\n", 0, at) + 1
    stop = text.find("\n", at)
    line = text[begin : stop if stop >= 0 else len(text)]
    special = _special(text, line, begin, at, problem)
    if special is not None:
        return special
    context_mark = getattr(error, "context_mark", None)
    if "end of stream" in problem and context_mark is not None:
        at = context_mark.index
    for said, message, hint in _TEXTS:
        if said in problem:
            return Mistake("RW020", message, hint, at, at + 1)
    return Mistake("RW020", f"this is not YAML: {problem}", None, at, at + 1)


def explain_root(text: str, start: int, end: int) -> Mistake:
    """Return the mistake of a document that is a list or a single value."""
    stop = text.find("\n", start)
    first_line = text[start : stop if stop >= 0 else len(text)]
    special = _special(text, first_line, start, start)
    if special is not None:
        return special
    return Mistake("RW020", "the document is not a map", "a workflow file is a map: lines of `key: value`", start, end)


def _special(text: str, line: str, begin: int, at: int, problem: str = "") -> Mistake | None:
    """The mistakes that everybody makes once."""
    found = text[at : at + 1]
    indent = line[: len(line) - len(line.lstrip())]
    if "\t" in indent:
        tab = begin + indent.index("\t")
        return Mistake("RW021", "a tab stands in the indentation", "YAML is indented with spaces only", tab, begin + len(indent))
    before = text[:begin].rstrip().rpartition("\n")[2]
    for candidate in (line, before):
        if _CONFLICT.match(candidate):
            start = text.rfind(candidate, 0, begin + len(line))
            return Mistake("RW020", "a merge conflict is left in the file", "resolve it, then remove its marks", start, start + 7)
        if _TOML_LINE.match(candidate) and ": " not in candidate:
            start = text.rfind(candidate, 0, begin + len(line))
            hint = "write `key: value`, or name the file .toml"
            return Mistake("RW020", "this line looks like TOML, the file is YAML", hint, start, start + len(candidate))
    written = text[begin:at].rstrip()
    ended = ("find expected" in problem or "but found" in problem) and written.endswith(("'", '"'))
    if ended and ": " in written and text.find(written[-1], at, begin + len(line)) >= 0:
        hint = 'a \' inside \'…\' is doubled, a " inside "…" is written \\"'
        return Mistake("RW020", "the text in quotes ended before this", hint, at, at + 1)
    if found in {"@", "`"} or (found == "%" and at > begin):
        return Mistake("RW020", f"a plain value can not begin with `{found}`", 'put it in quotes: "…"', at, at + 1)
    if found == "\t":
        return Mistake("RW021", "a tab stands where YAML wants spaces", "replace it with spaces", at, at + 1)
    return None
