"""Words, quotes and expansions of bash and sh: what an expression becomes in each of them.

The rules are those of POSIX.1-2017, XCU 2.2 to 2.7, and of the bash manual, "Shell Syntax" and "Expansion". Where two shells
or two versions read a text differently, and where bash itself guesses, :class:`Unsure` is raised: nothing after that place may hold
an expression. ``bash.py`` tells why this is safe.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, NoReturn

from ropeway.lang.scripts.draft import LITERAL, MARK, in_env
from ropeway.lang.scripts.judge import Judge
from ropeway.lang.scripts.shapes import DYNAMIC, HOLE, Unsure, Word, escapes

if TYPE_CHECKING:
    from ropeway.lang.scripts.draft import Draft, Use

__all__ = ["DYNAMIC", "HOLE", "Lexer", "Unsure", "Word"]

MAX_DEPTH = 40

_PLAIN = re.compile(r"[^ \t\n;&|<>()'\"\\$`]+")
_PLAIN_DOUBLE = re.compile(r"[^\"\\$`]+")
_PLAIN_BRACES = re.compile(r"[^}'\"\\$`]+")
_PLAIN_ARITHMETIC = re.compile(r"[^()\[\]}'\"\\$`]+")
_SINGLE = re.compile(r"'|\$?\$\{\{")
_ANSI = re.compile(r"\\.|'|\$?\$\{\{", re.DOTALL)
_BACKTICK = re.compile(r"\\.|`|\$?\$\{\{", re.DOTALL)
_PARAMETER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[0-9]+|[@*#?$!-]")
_SIMPLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[0-9@*#?$!-]")
_LENGTH = re.compile(r"\$\{#(?:(?:[A-Za-z_][A-Za-z0-9_]*|[0-9]+|[@*?$!#-])(?:\[[@*]\])?)?\}")
_DEFAULT = re.compile(r":?[-+?]")
_ASSIGN_DEFAULT = re.compile(r":?=")
_STRIP = re.compile(r"##?|%%?")
_REPLACE = re.compile(r"/[/#%]?|\^\^?|,,?|~~?")

Mode = Literal["word", "pattern"]


class Lexer:
    """Reads words. ``bash.Parser`` adds commands; the two are one machine, since a word can hold commands."""

    def __init__(self, draft: Draft, *, posix: bool) -> None:
        self.draft = draft
        self.judge = Judge(draft)
        self.text = draft.text
        self.limit = len(draft.text)
        self.at = 0
        self.posix = posix
        self.depth = 0
        self.sinks = False
        """Whether there is a ``>(…)``: what reads the output of commands before and behind it."""
        self.body = False
        """Whether this is inside the body of a here-document, where quotation marks are ordinary characters."""

    # The seam to the commands

    def substitution(self, opened: int) -> None:
        """Read commands up to and including the ``)`` that belongs to the substitution which begins at ``opened``."""
        raise NotImplementedError

    # Small things

    def peek(self, text: str) -> bool:
        """Whether ``text`` is next."""
        return self.text.startswith(text, self.at, self.limit)

    def char(self, ahead: int = 0) -> str:
        """Return the next character, or one further ahead; empty behind the end."""
        at = self.at + ahead
        return self.text[at] if at < self.limit else ""

    def unsure(self, why: str, hint: str, at: int | None = None) -> NoReturn:
        """Give up at ``at``, where nothing is given at the next character."""
        raise Unsure(self.at if at is None else at, why, hint)

    def bash_only(self, what: str, at: int | None = None) -> None:
        """In ``sh``, stop at what only bash reads this way: another shell would read on differently."""
        if self.posix:
            self.unsure(f"{what} is not the same in every shell", 'say shell = "bash"', at)

    def use(self, at: int) -> Use:
        """Read the expression at ``at``, and go on behind it."""
        use = self.draft.use(at)
        if use.end > self.limit or (self.body and "\n" in self.text[at : use.end]):
            self.unsure("an expression in a here-document goes over the end of its line", "write it on one line", at)
        self.at = use.end
        return use

    def deeper(self, opened: int) -> None:
        """Count a level of nesting; there is a limit because this reader calls itself."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self.unsure("this is nested too deeply", "move a part of it into a function or a variable", opened)

    # Words

    def word(self, mode: Mode = "word") -> Word:
        """Read one word; it is empty when a character that ends words is next."""
        word = Word(self.at)
        nested = 0
        while self.at < self.limit:
            if match := _PLAIN.match(self.text, self.at, self.limit):
                word.shape += match[0]
                word.braces |= "{" in word.shape and ("," in match[0] or ".." in match[0])
                self.at = match.end()
                continue
            c = self.char()
            if self._quoting(c, word):
                continue
            if c in "<>" and self.char(1) == "(":
                self.bash_only(f"'{c}('")
                self.sinks |= c == ">"
                word.process = True
                self.at += 2
                self._nested(word, quoted=True)
            elif mode == "pattern" and (nested or c == "(" or (c == "|" and self.char(1) != "|")):
                if c == "\n":
                    self.unsure("a line ends inside the parentheses of a pattern", "keep the pattern on one line")
                nested += (c == "(") - (c == ")")
                word.shape += c
                self.at += 1
            else:
                break
        word.end = self.at
        return word

    def _quoting(self, c: str, word: Word) -> bool:
        """Read a quotation or expansion outside quotes; False when ``c`` begins none."""
        if c not in "'\"\\$`":
            return False
        word.raw = False
        if c == "'":
            self.opaque(_SINGLE, 1, word)
        elif c == '"':
            self.double(word)
        elif c == "\\":
            self.backslash(word, "")
        elif c == "$":
            self.dollar(word, quoted=False)
        else:
            self.backticks(word)
            word.splits = True
        return True

    def opaque(self, closer: re.Pattern[str], opener: int, word: Word | None) -> None:
        """Read a quotation in which nothing is expanded, up to and including what closes it."""
        opened = self.at
        self.at += opener
        quote = self.text[opened : self.at]
        while match := closer.search(self.text, self.at, self.limit):
            start, self.at = match.span()
            if match[0] == LITERAL:
                if quote == "`":
                    self.unsure("a literal '${{' in backticks is read twice", "write $(…) instead of the backticks", start)
                self.draft.replace(start, self.at, MARK)
            elif match[0] == MARK:
                self._refuse_quoted(self.use(start), quote)
            elif not match[0].startswith("\\"):
                if word is not None:
                    word.shape += self.text[opened + 1 : start] if quote == "'" else DYNAMIC
                return
        self.unsure("this quotation is not closed", f"close it with {quote[-1]}", opened)

    def _refuse_quoted(self, use: Use, quote: str) -> None:
        if quote == "`":
            message = "the shell reads the text in `…` twice, so no value is safe in it"
            self.draft.refuse(use, "RW303", message, "write $(…) instead of the backticks")
            return
        message = f"nothing is expanded between {quote}…' quotes"
        hint = f"use double quotes; if these are the text of another program, {in_env(use)}"
        self.draft.refuse(use, "RW301", message, hint)

    def double(self, word: Word) -> None:
        """Read ``"…"``."""
        opened = self.at
        self.at += 1
        while self.at < self.limit:
            if match := _PLAIN_DOUBLE.match(self.text, self.at, self.limit):
                word.shape += match[0]
                self.at = match.end()
            elif self.char() == '"':
                self.at += 1
                return
            else:
                self.expansion(word, '$`"\\\n')
        self.unsure("this quotation is not closed", 'close it with "', opened)

    def expansion(self, word: Word, escapable: str) -> None:
        """Read the backslash, dollar sign or backtick at hand inside double quotes or a here-document."""
        c = self.char()
        if c == "\\":
            self.backslash(word, escapable)
        elif c == "$":
            self.dollar(word, quoted=True)
        else:
            self.backticks(word)

    def backslash(self, word: Word, escapable: str) -> None:
        """Read a backslash and what it quotes. Inside quotes it quotes only ``escapable`` characters."""
        at = self.at
        if self.text.startswith(LITERAL, at + 1, self.limit):
            self.draft.replace(at + 1, at + 1 + len(LITERAL), MARK)
            self.at += 1 + len(LITERAL)
            word.shape += MARK
        elif self.text.startswith(MARK, at + 1, self.limit):
            use = self.use(at + 1)
            message = "the backslash before it would quote a part of what the expression becomes"
            self.draft.refuse(use, "RW308", message, "leave the backslash away; for a literal '${{' write '$${{'")
        else:
            if self.char(1) != "\n":
                word.shape += self.char(1) if not escapable or self.char(1) in escapable else "\\" + self.char(1)
            self.at += 2
            if self.at > self.limit:
                self.unsure("the text ends with a backslash", "remove it", at)

    def backticks(self, word: Word) -> None:
        """Read an old-style command substitution as a whole: its end is the next backtick without a backslash (XCU 2.6.3)."""
        self.opaque(_BACKTICK, 1, None)
        word.shape += DYNAMIC

    # Expansions

    def dollar(self, word: Word, *, quoted: bool) -> None:
        """Read what begins with ``$``."""
        if self.peek("$$" + MARK):
            self.unsure("'$$${{' can be read in two ways", "put the value in `env`")
        c = self.char(1)
        if self.peek(LITERAL):
            self._literal(word, quoted=quoted)
        elif self.peek(MARK):
            self._hole(word, quoted=quoted)
        elif c == "(":
            word.splits |= not quoted
            if self.char(2) == "(":
                self.at += 3
                self.arithmetic("))", self.at - 3, "in $(( ))")
                word.shape += DYNAMIC
            else:
                self.at += 2
                self._nested(word, quoted=quoted)
        elif c == "{":
            self._braces(word, quoted=quoted)
        elif c in {"'", '"'} and not quoted:
            self.bash_only(f"${c}…{c}")
            self._dollar_quote(word, c)
        elif c == "[":
            self.bash_only("'$['")
            self.at += 2
            self.arithmetic("]", self.at - 2, "in $[ ]")
            word.shape += DYNAMIC
        elif match := _SIMPLE.match(self.text, self.at + 1, self.limit):
            self.at = match.end()
            word.splits |= not quoted or c == "@"
            word.shape += DYNAMIC
        else:
            self.at += 1
            word.shape += "$"

    def _literal(self, word: Word, *, quoted: bool) -> None:
        """Write ``$${{`` so that the shell takes it for the text ``${{``, and its braces for no brace expansion."""
        start = self.at
        self.at += len(LITERAL)
        self.draft.replace(start, self.at, f"\\{MARK}" if quoted else f"'{MARK}'")
        word.shape += MARK

    def _no_literal(self) -> None:
        """Stop at a ``$${{`` where no way to write it is known."""
        if self.peek(LITERAL):
            self.unsure("a literal '${{' means nothing to a shell here", "assign it to a variable first, between single quotes")

    def _dollar_quote(self, word: Word, c: str) -> None:
        if c == "'":
            self.opaque(_ANSI, 2, word)
            return
        # $"…" looks its text up in a catalogue of translations, whose text is then expanded.
        self.at += 1
        inside = Word(self.at)
        self.double(inside)
        for use in inside.uses:
            hint = "leave the $ before the quotes away"
            self.draft.refuse(use, "RW301", 'a text in $"…" quotes is translated before it is expanded', hint)
        word.take(inside)
        word.shape += DYNAMIC

    def _hole(self, word: Word, *, quoted: bool) -> None:
        use = self.use(self.at)
        reference = f"${{{use.variable}}}"
        new = reference if word.numeric or quoted else f'"{reference}"'
        # A shell drops a backslash and the line end behind it, so that the lines below keep their numbers.
        self.draft.replace(use.offset, use.end, new + "\\\n" * self.text.count("\n", use.offset, use.end))
        if self.draft.numeric(use):
            word.shape += "0"
            return
        word.shape += HOLE
        word.uses.append(use)
        if word.numeric:
            self.judge.refuse_numeric(use, word.numeric)

    def _nested(self, word: Word, *, quoted: bool) -> None:
        opened = self.at - 2
        self.deeper(opened)
        self.substitution(opened)
        self.depth -= 1
        word.shape += DYNAMIC
        word.splits |= not quoted
        inside = self.draft.between(opened, self.at)
        word.nested += inside
        if self.text[opened] == "<":
            word.files += inside
        if len(inside) == 1 and escapes(self.text[opened + 2 : inside[0].offset], self.text[inside[0].end : self.at - 1]):
            word.escaped += inside
        for use in inside if word.numeric else ():
            self.judge.refuse_numeric(use, word.numeric)

    def arithmetic(self, closer: str, opened: int, place: str) -> None:
        """Read an arithmetic expression up to and including ``closer``: ``))``, ``]`` or (left unread) ``}``."""
        self.deeper(opened)
        self._arithmetic(closer, opened, Word(self.at, numeric=place))
        self.depth -= 1

    def _arithmetic(self, closer: str, opened: int, inside: Word) -> None:
        round_, square = 0, 0
        while self.at < self.limit:
            self._no_literal()
            if match := _PLAIN_ARITHMETIC.match(self.text, self.at, self.limit):
                self.at = match.end()
                continue
            c = self.char()
            if not round_ and not square and c == closer[0]:
                if closer == "}":
                    return
                if not self.peek(closer):
                    self.unsure("this may be arithmetic or commands", "put a blank between the two parentheses", opened)
                self.at += len(closer)
                return
            if c in '"\\$`' or (c == "'" and closer == "]"):
                if c == '"':
                    self.bash_only("a quotation in arithmetic")
                self._quoting(c, inside)
            elif c == "'":
                self.unsure("a quotation in arithmetic is read differently by different shells", "leave the quotes away")
            else:
                round_ += (c == "(") - (c == ")")
                square += (c == "[") - (c == "]")
                self.at += 1
                if round_ < 0 or square < 0:
                    self.unsure("the brackets in this arithmetic do not match", "close what was opened", opened)
        self.unsure(f"this arithmetic is not closed with {closer}", "close it", opened)

    # ${…}

    def _braces(self, word: Word, *, quoted: bool) -> None:
        opened = self.at
        word.splits |= not quoted
        self.deeper(opened)
        if match := _LENGTH.match(self.text, self.at, self.limit):
            self.at = match.end()
        else:
            self._parameter(word, opened, quoted=quoted)
            if self.char() != "}":
                self.unsure("this ${…} is not closed", "close it with }", opened)
            self.at += 1
        self.depth -= 1
        word.shape += DYNAMIC

    def _parameter(self, word: Word, opened: int, *, quoted: bool) -> None:
        """Read ``${`` and all up to the ``}``."""
        self.at += 2
        if self.char() == "!" and _PARAMETER.match(self.char(1)):
            self.bash_only("'${!'")
            self.at += 1
        match = _PARAMETER.match(self.text, self.at, self.limit)
        if match is None or match[0] == "#":
            if self.peek(MARK):
                self.judge.refuse_name(self.use(self.at), "the name of a variable")
            self.unsure("this is no parameter that every shell knows", "write ${name}", opened)
        self.at = match.end()
        word.splits |= match[0] == "@"
        if self.char() == "[":
            self.bash_only("'${name['")
            word.splits |= self.char(1) == "@"
            self.at += 1
            self.arithmetic("]", opened, "in a subscript")
        if self.char() != "}":
            self._operator(word, opened, quoted=quoted)

    def _operator(self, word: Word, opened: int, *, quoted: bool) -> None:
        text, at, c = self.text, self.at, self.char()
        if match := _DEFAULT.match(text, at, self.limit):
            self.at = match.end()
            self._operand(word, quoted=quoted)
        elif match := _ASSIGN_DEFAULT.match(text, at, self.limit):
            self._refusing_operand(word, match, quoted=quoted)
        elif match := _STRIP.match(text, at, self.limit):
            if quoted:  # the value would be a pattern
                self._refusing_operand(word, match, quoted=True)
            else:
                self.at = match.end()
                self._operand(word, quoted=False)
        elif match := _REPLACE.match(text, at, self.limit):
            self.bash_only(f"'${{name{match[0]}'")
            self._refusing_operand(word, match, quoted=quoted)
        elif c == "@" and self.char(2) == "}":
            self.bash_only("'${name@'")
            self.at += 2
        elif c in {"*", "@"} and self.char(1) == "}":
            self.at += 1
        elif c == ":":
            self.bash_only("'${name:offset}'")
            self.at += 1
            self.arithmetic("}", opened, "in ${name:offset:length}")
        else:
            self.unsure("this ${…} is none that every shell knows", "write ${name}", opened)

    def _operand(self, word: Word, *, quoted: bool) -> None:
        """Read the text after an operator up to the ``}``."""
        while self.at < self.limit and self.char() != "}":
            self._no_literal()
            if match := _PLAIN_BRACES.match(self.text, self.at, self.limit):
                self.at = match.end()
            elif quoted and self.char() in {"'", '"'}:
                self._quote_in_quoted_braces(word)
            elif quoted:
                self.expansion(word, '$`"\\}\n')
            else:
                self._quoting(self.char(), word)

    def _refusing_operand(self, word: Word, operator: re.Match[str], *, quoted: bool) -> None:
        """Read an operand that takes no expression."""
        self.at = operator.end()
        inside = Word(self.at, numeric=word.numeric)
        self._operand(inside, quoted=quoted)
        word.take(inside)
        for use in inside.values if operator[0].endswith("=") else inside.uses:
            message = f"after '${{name{operator[0]}' a value would be read as a pattern, or split after it was assigned"
            self.draft.refuse(use, "RW307", message, 'assign it to a variable of its own first: value=${{ … }}, then write "$value"')

    def _quote_in_quoted_braces(self, word: Word) -> None:
        """Inside ``"${x:-…}"`` bash pairs double quotes, other shells end the string; single quotes depend on the operator."""
        if self.char() == "'" or self.posix or self.body:
            self.unsure("quotes inside a quoted ${…} are read differently by different shells", "assign the text to a variable first")
        inside = Word(self.at)
        self.double(inside)
        for use in inside.uses:
            self.draft.refuse(use, "RW307", "the quotes around it are inside other quotes", "leave the inner quotes away")
        word.take(inside)
        word.shape += DYNAMIC
