"""Scripts for bash and sh: expressions become variables, and the script gets references to them.

**What is promised.** A value never becomes text of the script. The compiler inserts only ``${ROPEWAY_V1}`` and ``"${ROPEWAY_V1}"``,
so whatever the value, the shell *parses* the same program. What is left is what a shell does with a value *after* the expansion:

1. It splits an unquoted expansion into words and matches file names. ``words.py`` puts quotes around the reference wherever quotes
   do that, and leaves them away where the text is quoted already. When it is wrong about this, a value is split or keeps a pair of
   quotes: it may arrive changed, it does not run.
2. It evaluates some expansions again: arithmetic, subscripts, and the arguments of ``eval`` and others. There an expression is
   refused unless its type is integer or boolean, whose text holds nothing to evaluate. Being wrong about *this* would be dangerous,
   so the reader never guesses. What it does not know in full, and what two shells or two versions read differently, raises
   :class:`~ropeway.lang.scripts.words.Unsure`, and every expression behind that place is refused. A text that it reads without
   doubt, it reads as the shell does, down to the end of every quotation, here-document and substitution.

3. A command prints a value where something else reads it again: ``$(…)`` in one of the places above, a pipe, a group or a function
   in front of an interpreter, ``<(…)`` as its script. A value that stands anywhere inside is treated as if it stood there itself;
   ``pipelines.py`` keeps account of which commands write to which.

So a lexer's mistake may only ever split words. **What is not promised**: the commands that are known to evaluate are a list, and a
program that is not on it may run its arguments; options that a value may be taken for are only considered where they make an
interpreter run text; ``printf %q`` is trusted in plain commands for ``ssh`` and its like, and quotes for bash. And what the script
itself evaluates later is the script's: ``x=${{ params.x }}; eval "$x"``, a function that calls ``eval "$1"``, and a file or named
pipe that one command writes and another runs, do what they are given, here as everywhere.

The grammar is that of POSIX.1-2017, XCU 2.10, and the bash manual, as far as it decides where a command begins. ``if``, ``while``
and braces need no matching for that; ``case``, ``for``, ``[[``, substitutions and here-documents do.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ropeway.lang.scripts.commands import check_command, check_condition
from ropeway.lang.scripts.draft import MARK, Compiled, Draft
from ropeway.lang.scripts.pipelines import Pipelines, Simple
from ropeway.lang.scripts.words import Unsure, Word

if TYPE_CHECKING:
    from collections.abc import Callable

    from ropeway.lang.expressions import Type

__all__ = ["PREFIX", "compile_bash"]

PREFIX = "ROPEWAY_V"

_RESERVED = frozenset({"if", "then", "elif", "else", "fi", "while", "until", "do", "done", "{", "}", "!", "time"})
_DECLARING = frozenset({"declare", "typeset", "local", "export", "readonly"})
_REDIRECTION = re.compile(r"<<<|<<-?|<&|<>|<|&>>|&>|>>|>&|>\||>")
_BASH_REDIRECTIONS = frozenset({"<<<", "&>", "&>>"})
_DESCRIPTOR = re.compile(r"[0-9]+|\{[A-Za-z_][A-Za-z0-9_]*\}")
_BLANKS = re.compile(r"(?:[ \t]+|\\\n)*")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SUBSCRIPTED = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\[")
_ESAC = re.compile(r"esac(?=[ \t\n;&|)<>]|\Z)")
_EMPTY_PARENTHESES = re.compile(r"[ \t]*\([ \t]*\)")
_PARENTHESIS = re.compile(r"[ \t]+\(")
_IN = re.compile(r"in(?=[ \t\n;&]|\\\n|\Z)")
_ALIASES = re.compile(r"expand_aliases|posix", re.IGNORECASE)


def compile_bash(text: str, type_of: Callable[[str], Type], *, posix: bool) -> Compiled:
    """Compile a script for bash, or with ``posix`` for whatever shell ``sh`` is. Any text gives a result."""
    draft = Draft(text, type_of, PREFIX)
    parser = Parser(draft, posix=posix)
    try:
        parser.whole()
    except Unsure as unsure:
        # The command that was being read has not been judged: none of its expressions can be trusted either.
        if MARK in text[min(unsure.at, parser.unjudged()) :]:
            message = f"from here on expressions are not safe: {unsure.why}"
            hint = f'{unsure.hint}; or put the values in `env`, and write "$NAME" in the script'
            draft.problem("RW309", message, hint, unsure.at)
    return draft.finish()


class Parser(Pipelines):
    """Reads commands from left to right; see the module's docstring."""

    def __init__(self, draft: Draft, *, posix: bool) -> None:
        super().__init__(draft, posix=posix)
        self._unread: list[Simple] = []
        self._open: list[int] = []

    def whole(self) -> None:
        """Read the whole script."""
        self._commands("")
        self._end_of_input()

    def unjudged(self) -> int:
        """Return where the first command begins whose arguments have not been checked yet."""
        unread = [simple.words[0].start for simple in self._unread if simple.words]
        return min([*self._open, *unread, self.limit])

    def _end_of_input(self) -> None:
        if self.documents[-1]:
            self.unsure("a here-document has no body", "end its line", self.documents[-1][0].at)
        self._judge()
        self.check_flows()

    # Blanks, comments, ends of lines

    def _blanks(self) -> None:
        match = _BLANKS.match(self.text, self.at, self.limit)
        assert match is not None
        self.at = match.end()

    def _lines(self) -> None:
        """Skip blanks, comments and ends of lines; the bodies of here-documents come after an end of line."""
        while True:
            self._blanks()
            if self.char() == "#":
                end = self.text.find("\n", self.at, self.limit)
                self.at = end if end >= 0 else self.limit
            if self.char() != "\n":
                return
            self.at += 1
            self.pipeline_ends()
            self.bodies()
            self._judge()

    # Lists of commands

    def _commands(self, end: str, opened: int = 0) -> None:
        """Read commands until ``end``: nothing (the end of the text), ``)`` (consumed), or ``esac`` (``;;`` or ``esac`` is left)."""
        while True:
            self._lines()
            c = self.char()
            if not c:
                if end:
                    self.unsure(f"the {end!r} that belongs to this is missing", "close what was opened", opened)
                return
            if c == ")":
                if end != ")":
                    self.unsure("this ')' closes nothing", "quote it")
                self.at += 1
                return
            if c == ";" and self.char(1) in {";", "&"}:
                if end != "esac":
                    self.unsure("this ends a branch of no case", "write one ';'")
                return
            if c in ";&|" and not self.peek("&>"):
                self._separator(c)
            elif c == "(":
                self._parenthesis()
            elif end == "esac" and _ESAC.match(self.text, self.at, self.limit):
                return
            else:
                self._command()

    def _separator(self, c: str) -> None:
        if self.peek("|&"):
            self.bash_only("'|&'")
        if c == "|" and self.char(1) != "|":
            self.at += 2 if self.peek("|&") else 1
            self.pipeline_goes_on()
            return
        self.at += 2 if self.char(1) == c else 1
        self.pipeline_ends()

    def _parenthesis(self) -> None:
        opened = self.at
        simple = Simple(feed=self.part_begins())
        if self.peek("(("):
            self.bash_only("'(('")
            self.at += 2
            self.arithmetic("))", opened, "in (( ))")
            return
        self.at += 1
        self.deeper(opened)
        kept = self.enter(simple)
        self._commands(")", opened)
        self.leave(kept)
        self.depth -= 1

    def substitution(self, opened: int) -> None:
        """Read the commands of ``$(…)``, ``<(…)`` or ``>(…)``."""
        state = (self._begin, self._fresh, self._bar, self._blocks, self._defining)
        self._fresh, self._bar, self._blocks, self._defining = True, False, [], False
        self.documents.append([])
        self._commands(")", opened)
        if self.documents.pop():
            self.unsure("a here-document begins inside the parentheses and ends outside", "end its line before the ')'", opened)
        self._begin, self._fresh, self._bar, self._blocks, self._defining = state

    # Commands

    def _command(self) -> None:
        """Read a simple command, a reserved word, or the head of a compound command."""
        self._open.append(self.at)
        self._arguments(Simple(start=self.at, feed=self.part_begins()))
        self._open.pop()

    def _arguments(self, simple: Simple) -> None:
        while True:
            self._blanks()
            c = self.char()
            if c == "#" or c in {"", "\n", ";", "|", ")"} or (c == "&" and not self.peek("&>")):
                break
            if c in {"<", ">", "&"} and self.text[self.at : self.at + 2] not in {"<(", ">("}:
                self._redirection(simple)
                continue
            word = self._next_word(simple)
            if self.char() in {"<", ">"} and _DESCRIPTOR.fullmatch(word.shape) and word.raw:
                continue  # the number of a descriptor, not an argument
            if not simple.words and not simple.redirected and word.raw and self._compound(word, simple):
                return
            simple.words.append(word)
            if self._parentheses_follow(simple):
                return
        self._finish(simple)

    def _next_word(self, simple: Simple) -> Word:
        """Read an argument, or an assignment where one can stand."""
        before_command = len(simple.words) == simple.assignments
        start = self.at
        if before_command or simple.name in _DECLARING:
            if match := _SUBSCRIPTED.match(self.text, start, self.limit):
                self.bash_only("'name[…]='", start)
                self.at = match.end()
                self.arithmetic("]", start, "in a subscript")
                if not self.peek("=") and not self.peek("+="):
                    self.unsure("this may be a subscript or a pattern of file names", "quote it, or assign to it", start)
            elif match := _NAME.match(self.text, start, self.limit):
                self.at = match.end()
            if self.peek("=") or self.peek("+="):
                self.at = self.text.index("=", self.at) + 1
                return self._assignment(simple, start, counted=before_command)
            self.at = start
        word = self.word()
        if word.end == word.start:
            self.unsure("this character belongs to nothing", "quote it")
        return word

    def _assignment(self, simple: Simple, start: int, *, counted: bool) -> Word:
        left = self.text[start : self.at]
        if self.char() == "(":
            self.bash_only("'name=(…)'", start)
            word = self._array()
        else:
            word = self.word()
        word.start, word.shape, word.raw = start, left + word.shape, False
        simple.assignments += counted
        self._check_target(word, left)
        return word

    def _array(self) -> Word:
        """Read ``(…)`` of an array's assignment."""
        whole, opened = Word(self.at), self.at
        self.at += 1
        while True:
            if self.documents[-1] and self.char() == "\n":
                self.unsure("a here-document begins on a line that an array goes over", "put them on lines of their own", opened)
            self._lines()
            if self.char() == ")":
                self.at += 1
                return whole
            if self.char() == "[":
                start = self.at
                self.at += 1
                self.arithmetic("]", start, "in a subscript")
            word = self.word()
            if not word.shape and word.raw and self.char() != "":
                self.unsure("this array is not closed with )", "close it", opened)
            if self.at >= self.limit:
                self.unsure("this array is not closed with )", "close it", opened)
            whole.uses += word.uses
            whole.take(word)

    def _check_target(self, word: Word, left: str) -> None:
        """Refuse values for variables whose assignment is an evaluation."""
        match = _NAME.match(left)
        name = match[0] if match else ""
        for use in word.values:
            self.judge.check_name(use, name)

    def _compound(self, word: Word, simple: Simple) -> bool:
        """Go on after a reserved word; False when it is none. ``at`` is behind it."""
        text = word.shape
        if text in _RESERVED:
            if text == "!" and self.char() == "(":
                self.unsure("'!(' is read differently with and without 'extglob'", "put a blank behind the '!'")
            if text == "time":
                self._blanks()
                if self.peek("-p") and self.char(2) in {" ", "\t"}:
                    self.at += 2
            self.reserved(text, simple)
            return True
        if text == "case":
            kept = self.enter(simple)
            self._case()
            self.leave(kept)
        elif text in {"for", "select"}:
            self.reserved(text, simple)
            self._for(word)
        elif text == "[[":
            self._condition(word.start)
        elif text == "function":
            self._function(word.start)
        elif text == "coproc":
            self.unsure("'coproc' names a process or begins a command", "start it in the background, with & at its end", word.start)
        else:
            return False
        return True

    def _parentheses_follow(self, simple: Simple) -> bool:
        """After a word: read the ``()`` of a function's definition; anything else in parentheses is a pattern or a mistake."""
        if self.char() != "(" and not (len(simple.words) == 1 and _PARENTHESIS.match(self.text, self.at, self.limit)):
            return False
        match = _EMPTY_PARENTHESES.match(self.text, self.at, self.limit)
        if match is None or len(simple.words) != 1 or simple.assignments:
            self.unsure("parentheses after a word are read differently with and without 'extglob'", "quote them")
        for use in simple.words[0].uses:
            self.judge.refuse_name(use, "the name of a function")
        self.at = match.end()
        self.define(simple.name)
        return True

    def _function(self, opened: int) -> None:
        self.bash_only("'function'", opened)
        self._blanks()
        name = self.word()
        for use in name.uses:
            self.judge.refuse_name(use, "the name of a function")
        self.define(name.shape)
        if match := _EMPTY_PARENTHESES.match(self.text, self.at, self.limit):
            self.at = match.end()

    def _for(self, keyword: Word) -> None:
        """Read the head of a loop, up to its ``do`` or ``{``."""
        if keyword.shape == "select":
            self.bash_only("'select'", keyword.start)
        self._blanks()
        opened = self.at
        if self.peek("(("):
            self.bash_only("'for (('")
            self.at += 2
            self.arithmetic("))", opened, "in for (( ))")
            return
        variable = self.word()
        for use in variable.uses:
            self.judge.refuse_name(use, "the name of a variable")
        self._lines()
        if _IN.match(self.text, self.at, self.limit) is None:
            return
        self.at += 2
        while True:
            self._blanks()
            word = self.word()
            if word.start == word.end:
                break
            for use in word.values:
                self.judge.check_name(use, variable.shape)
        if self.char() not in {";", "\n", "", "#", "&"}:
            self.unsure("this character belongs to no list of words", "quote it")

    def _case(self) -> None:
        """Read all of ``case … esac``."""
        opened = self.at
        self.deeper(opened)
        self._blanks()
        self.word()
        self._lines()
        if self.word().shape != "in":
            self.unsure("'in' is missing after the word of this case", "write: case WORD in", opened)
        while True:
            self._lines()
            if _ESAC.match(self.text, self.at, self.limit):
                self.at += 4
                self.depth -= 1
                return
            self._patterns(opened)
            self._commands("esac", opened)
            if self.peek(";;&") or (self.peek(";&")):
                self.bash_only("';&'")
            if self.char() == ";":
                self.at += 3 if self.peek(";;&") else 2

    def _patterns(self, opened: int) -> None:
        """Read the patterns of one branch, up to and including the ``)``."""
        if self.char() == "(":
            self.at += 1
        while True:
            self._blanks()
            word = self.word()
            self._blanks()
            c = self.char()
            self.at += 1
            if c == ")" and word.end > word.start:
                return
            if c != "|" or word.end == word.start:
                self.unsure("this is no pattern of a case", "end the case with esac", opened)

    def _condition(self, opened: int) -> None:
        """Read ``[[ … ]]``; ``at`` is behind the ``[[``."""
        self.bash_only("'[['", opened)
        tokens: list[Word] = []
        while True:
            if self.documents[-1] and self.char() == "\n":
                self.unsure("a here-document begins on a line that [[ goes over", "put them on lines of their own", opened)
            self._lines()
            if self.at >= self.limit:
                self.unsure("this [[ is not closed with ]]", "close it", opened)
            start, c = self.at, self.char()
            if self.peek("&&") or self.peek("||") or c in "()<>":
                self.at += 2 if c in "&|" else 1
                tokens.append(Word(start, self.at, self.text[start : self.at]))
                continue
            comparing = bool(tokens) and tokens[-1].raw and tokens[-1].shape in {"==", "=", "!=", "=~"}
            word = self.word("pattern" if comparing else "word")
            if word.start == word.end:
                self.unsure("this character belongs to no condition", "quote it", opened)
            if word.raw and word.shape == "]]":
                break
            tokens.append(word)
        check_condition(tokens, self.judge)

    # Redirections

    def _redirection(self, simple: Simple) -> None:
        match = _REDIRECTION.match(self.text, self.at, self.limit)
        assert match is not None
        operator, start = match[0], self.at
        if operator in _BASH_REDIRECTIONS:
            self.bash_only(f"'{operator}'", start)
        self.at = match.end()
        self._blanks()
        simple.redirected = True
        simple.reading |= operator in {"<", "<<", "<<-", "<<<"}
        if operator in {"<<", "<<-"}:
            simple.documents.append(self.document(start, tabs=operator == "<<-"))
            return
        word = self.word()
        if word.start == word.end:
            self.unsure(f"'{operator}' has no word after it", "name a file", start)
        if operator == "<<<":
            simple.documents.append(word)
        elif operator == "<" and word.files:
            simple.documents.append(Word(start, nested=word.files))
        elif operator in {">&", "<&"}:
            for use in word.uses:
                message = f"bash expands the word after '{operator}' twice"
                hint = "write >${{ … }}, and 2>&1 behind it for errors too" if operator == ">&" else "write <${{ … }}"
                self.draft.refuse(use, "RW305", message, hint)

    # What commands do with their arguments

    def _finish(self, simple: Simple) -> None:
        """A simple command is complete, but for the bodies of its here-documents."""
        self._unread.append(simple)
        self.finished(simple)
        if not any(self.documents):
            self._judge()
        if simple.name.rpartition("/")[2] == "alias" and (self.posix or _ALIASES.search(self.text)):
            self.unsure("an alias can change how the rest of the script is read", "define a function")

    def _judge(self) -> None:
        """Check the commands that have been read, now that their standard input is known."""
        if self.reading_bodies:
            return
        commands, self._unread = self._unread, []
        for simple in commands:
            words = simple.words[simple.assignments :]
            reads = check_command(words, simple.documents, self.fed(simple) if words else [], self.judge)
            self.judged(simple, reads=reads)
