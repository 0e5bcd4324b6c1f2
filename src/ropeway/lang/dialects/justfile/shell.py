"""Looks at the text of shell commands: where values stand in it, and whether a line can stand in a script with others.

just runs each line of a recipe in a shell of its own, without ``-e``. Here they become one script that runs with ``-e``. A *simple*
line, one command or pipeline that leaves nothing behind in its shell, does the same in both. A *list*, joined by ``&&`` and ``||``,
does when it stands in a subshell. Any other line does in a subshell without ``-e``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ropeway.records import field, record

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MARK", "Scan", "Spot", "scan"]

MARK = "\0"
"""Stands for an interpolation in the text that is scanned."""

_RESERVED = frozenset(
    {"if", "then", "else", "elif", "fi", "for", "while", "until", "do", "done", "case", "esac", "select", "function", "time"}
    | {"{", "}", "!", "[["}
)
_STATEFUL = frozenset(
    {"cd", "pushd", "popd", "export", "set", "unset", "exit", "return", "shift", "exec", "trap", ".", ":", "source", "eval", "read"}
    | {"umask", "ulimit", "alias", "unalias", "declare", "typeset", "local", "readonly", "hash", "wait", "let", "getopts"}
    | {"mapfile", "readarray", "shopt", "break", "continue", "enable", "disown", "fg", "bg"}
)
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\+?=")
_ENDS = " \t\n;&|()<>"
_HEREDOC = re.compile(r"<<(-?)[ \t]*(?:'([^'\n]*)'|\"([^\"\n]*)\"|\\?([^\s;&|()<>'\"]+))")


@record
class Spot:
    """Where an interpolation stands: ``plain single double braces arithmetic backtick document quoted-document comment``.

    ``alone``: it is a word by itself, or with other interpolations. ``after`` is the character in front of it. ``assigned``: it stands in ``NAME=…``.
    """

    kind: str
    alone: bool
    after: str
    assigned: bool = False


@record(frozen=False)
class Scan:
    """What was seen in a text. ``words`` are the first words of its commands; ``why`` says what does not match, if anything."""

    spots: list[Spot] = field(default_factory=list)
    operators: set[str] = field(default_factory=set)
    words: list[str] = field(default_factory=list)
    nested: bool = False
    comment: bool = False
    why: str = ""

    @property
    def simple(self) -> bool:
        """Whether the line does the same among others, as it is."""
        return not self.nested and self.operators <= {"|"} and not any(word in _RESERVED | _STATEFUL for word in self.words)

    @property
    def listed(self) -> bool:
        """Whether the line does the same in a subshell."""
        return not self.nested and self.operators <= {"|", "&&", "||"} and not any(word in _RESERVED for word in self.words)


def scan(text: str) -> Scan:
    """Look at commands in which :data:`MARK` stands for each interpolation."""
    scanner = _Scanner(text)
    scanner.commands("")
    return scanner.found


class _Scanner:
    """Reads a text once. ``_level`` counts the substitutions around."""

    def __init__(self, text: str) -> None:
        self.found = Scan()
        self._text = text
        self._at = 0
        self._level = 0
        self._documents: list[tuple[str, bool, bool]] = []
        self._command: list[str] = []
        self._word = ""

    def _peek(self, literal: str) -> bool:
        return self._text.startswith(literal, self._at)

    def commands(self, closer: str) -> None:
        """Read commands up to ``closer``."""
        text = self._text
        depth = 0
        while self._at < len(text):
            c = text[self._at]
            if closer and c == closer and not depth:
                self._ended()
                self._at += 1
                return
            if c in " \t":
                self._ended_word()
                self._at += 1
            elif c == "#" and not self._word:
                self._comment()
            elif c in "\n;&|()<>":
                depth += (c == "(") - (c == ")" and depth > 0)
                self._operator(c)
            else:
                self._part(c)
        self._ended()
        if closer:
            self.found.why = f"a substitution is not closed with {closer}"

    def _part(self, c: str) -> None:
        """Read one character, quotation or expansion of a word."""
        readers: dict[str, Callable[[], None]] = {"'": self._single, '"': self._double, "`": self._backtick, "$": self._dollar}
        if c == MARK:
            self._spot("plain")
            self._word += "x"
        elif c == "\\":
            self._word += "" if self._peek("\\\n") else "\\"
            self._at += 2
        elif c in readers:
            self._word += "$"
            readers[c]()
        else:
            self._word += c
            self._at += 1

    def _spot(self, kind: str) -> None:
        before = self._text[self._at - 1] if self._at else ""
        left, right = self._text[: self._at].rstrip(MARK)[-1:], self._text[self._at :].lstrip(MARK)[:1]
        alone = (not left or left in _ENDS) and (not right or right in _ENDS)
        self.found.spots.append(Spot(kind, alone, before, _ASSIGNMENT.match(self._word) is not None))
        self._at += 1

    def _comment(self) -> None:
        if not self._level:
            self.found.comment = True
        while self._at < len(self._text) and not self._peek("\n"):
            if self._peek(MARK):
                self._spot("comment")
            else:
                self._at += 1

    def _operator(self, c: str) -> None:
        if c in "<>":
            self._redirection()
            return
        if c == "&" and self._peek("&>"):
            self._ended_word()
            self._at += 2
            return
        op = next((op for op in ("&&", "||", "|&", ";;") if self._peek(op)), c)
        self._ended()
        self._at += len(op)
        if self._level:
            self.found.nested |= op != "|"
        elif op != "\n" or self._text[self._at :].strip():
            self.found.operators.add(op)
        if c == "\n" and self._documents:
            self._bodies()

    def _redirection(self) -> None:
        match = _HEREDOC.match(self._text, self._at)
        if match and not self._peek("<<<"):
            quoted = match[4] is None or "\\" in match[0]
            self._documents.append((next(g for g in match.groups()[1:] if g is not None), quoted, bool(match[1])))
            self._at = match.end()
            return
        if self._peek("<(") or self._peek(">("):
            self._at += 2
            self._substitution(")")
            return
        if self._word.isdigit():
            self._word = ""
        self._ended_word()
        while self._at < len(self._text) and self._text[self._at] in "<>&|":
            self._at += 1
        while self._peek(" ") or self._peek("\t"):
            self._at += 1
        if self._text[self._at : self._at + 1] not in {"", "\n"}:
            self._word = ">"  # what follows is a file, not a command

    def _bodies(self) -> None:
        """Read the here-documents that were announced on the line before."""
        for mark, quoted, dedented in self._documents:
            while self._at < len(self._text):
                end = self._text.find("\n", self._at)
                end = len(self._text) if end < 0 else end
                line = self._text[self._at : end]
                while self._at < end:
                    if self._peek(MARK):
                        self._spot("quoted-document" if quoted else "document")
                    else:
                        self._at += 1
                self._at = min(end + 1, len(self._text))
                if (line.lstrip("\t") if dedented else line) == mark:
                    break
        self._documents = []

    def _ended_word(self) -> None:
        if self._word and not self._word.startswith(">"):
            self._command.append(self._word)
        self._word = ""

    def _ended(self) -> None:
        """Note the first word of the command that ends here."""
        self._ended_word()
        words = [word for word in self._command if not _ASSIGNMENT.match(word)]
        if not self._level and self._command:
            self.found.words.append(words[0] if words else "export")  # an assignment alone changes the shell, as export does
        self._command = []

    # Quotations and expansions

    def _single(self) -> None:
        self._at += 1
        while self._at < len(self._text):
            if self._peek("'"):
                self._at += 1
                return
            if self._peek(MARK):
                self._spot("single")
            else:
                self._at += 1
        self.found.why = "a single quote is not closed"

    def _double(self) -> None:
        self._at += 1
        while self._at < len(self._text):
            c = self._text[self._at]
            if c == '"':
                self._at += 1
                return
            if c == MARK:
                self._spot("double")
            elif c == "\\":
                self._at += 2
            elif c == "$":
                self._dollar(kind="double")
            elif c == "`":
                self._backtick()
            else:
                self._at += 1
        self.found.why = "a double quote is not closed"

    def _backtick(self) -> None:
        self._at += 1
        while self._at < len(self._text):
            c = self._text[self._at]
            if c == "`":
                self._at += 1
                return
            if c == MARK:
                self._spot("backtick")
            else:
                self.found.nested |= c in ";&\n"
                self._at += 2 if c == "\\" else 1
        self.found.why = "a backtick is not closed"

    def _dollar(self, kind: str = "plain") -> None:
        if self._peek("$(("):
            self._at += 3
            self._until("))", "arithmetic")
        elif self._peek("$("):
            self._at += 2
            self._substitution(")")
        elif self._peek("${"):
            self._at += 2
            self._until("}", "braces" if kind == "double" else "plain-braces")
        elif self._peek("$'") and kind == "plain":
            self._at += 1
            self._single()
        else:
            self._at += 1

    def _substitution(self, closer: str) -> None:
        command, word = self._command, self._word
        self._command, self._word = [], ""
        self._level += 1
        self.commands(closer)
        self._level -= 1
        self._command, self._word = command, word + "$"

    def _until(self, closer: str, kind: str) -> None:
        """Read an expansion up to what closes it; nested braces and quotations are read over."""
        opened = 0
        while self._at < len(self._text):
            c = self._text[self._at]
            if not opened and self._peek(closer):
                self._at += len(closer)
                return
            if c == MARK:
                self._spot(kind)
                continue
            if c == "$" and self._peek("$("):
                self._at += 2
                self._substitution(")")
                continue
            opened += (c in "{(") - (c in "})")
            self._at += 2 if c == "\\" else 1
        self.found.why = f"an expansion is not closed with {closer}"
