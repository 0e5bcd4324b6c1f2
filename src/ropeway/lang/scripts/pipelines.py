"""Which expressions may reach the standard input of which command: through pipes, groups, functions and redirections.

Only interpreters that read their program there matter, so this follows places in the text and not what commands do: everything that
stands in an earlier part of a pipeline is taken to be printed, except what certainly only chooses a file or an address to read. A
script may pass text on in ways that are not followed: through a file, a named pipe, or a variable of its own. Those are its doing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ropeway.lang.scripts.documents import Documents
from ropeway.lang.scripts.programs import refuse_program
from ropeway.records import field, record

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ropeway.lang.scripts.draft import Draft, Use
    from ropeway.lang.scripts.words import Word

__all__ = ["Block", "Feed", "Pipelines", "Simple"]

_CLOSES = {"}": {"{"}, "fi": {"if"}, "done": {"for", "select", "while", "until"}}
_OPENS = frozenset().union(*_CLOSES.values())
_GOES_ON = frozenset({"!", "time"})
_UNPACKING = frozenset({"gunzip", "gzip", "zcat", "xzcat", "bzcat", "zstdcat", "unzip"})
_FETCHING = frozenset({"curl", "wget"})
_WRITES_OUT = re.compile(r"-[A-Za-z]*w.*|--w.*", re.DOTALL)


@record
class Block:
    """A compound command that is open: its first word, where its pipeline began, and whether it is the body of a function."""

    kind: str
    begin: int
    function: bool


@record
class Feed:
    """The part of the text that writes into a pipe."""

    begin: int
    end: int


@record(frozen=False)
class Simple:
    """A simple command while it is read. ``documents`` holds what redirections put on its standard input."""

    words: list[Word] = field(default_factory=list)
    assignments: int = 0
    redirected: bool = False
    reading: bool = False
    documents: list[Word] = field(default_factory=list)
    feed: Feed | None = None
    start: int = 0

    @property
    def name(self) -> str:
        """The command word's text, empty while there is none."""
        return self.words[self.assignments].shape if len(self.words) > self.assignments else ""


class Pipelines(Documents):
    """Keeps account of pipelines while commands are read."""

    def __init__(self, draft: Draft, *, posix: bool) -> None:
        super().__init__(draft, posix=posix)
        self._begin = 0
        self._fresh = True
        self._bar = False
        self._blocks: list[Block] = []
        self._defining = False
        self._functions: set[str] = set()
        self._bodies: list[Feed] = []
        self._calls: list[tuple[int, str]] = []
        self._texts: list[tuple[int, Word]] = []
        self._harmless: set[int] = set()
        self._groups: list[tuple[str, list[Use]]] = []
        self._programs: list[Feed] = []
        self._reads = False

    # Where pipelines begin and end

    def pipeline_ends(self) -> None:
        """``;``, ``&``, ``&&``, ``||`` or the end of a line has been read."""
        self._fresh |= not self._bar

    def pipeline_goes_on(self) -> None:
        """``|`` has been read."""
        self._bar, self._fresh = True, False

    def part_begins(self) -> Feed | None:
        """A command begins here; return what writes into its standard input."""
        if self._fresh:
            self._begin, self._fresh = self.at, False
        feed = Feed(self._begin, self.at) if self._bar else None
        self._bar = False
        return feed

    def reserved(self, word: str, simple: Simple) -> None:
        """A reserved word has been read."""
        if word in _OPENS:
            self._piped_group(simple)
            self._blocks.append(Block(word, self._begin, self._defining))
            self._defining = False
            self._fresh = True
        elif word in _CLOSES:
            begin = 0
            while self._blocks:
                block = self._blocks.pop()
                begin = block.begin
                if block.function:
                    self._bodies.append(Feed(begin, self.at))
                if block.kind in _CLOSES[word]:
                    break
            else:
                begin = 0
            self._begin, self._fresh = begin, False
        elif word not in _GOES_ON:
            self._fresh = True
        else:
            self._bar = simple.feed is not None

    def _piped_group(self, simple: Simple) -> None:
        if simple.feed is not None:
            self._groups.append(("", self._fed(simple.feed)))

    def enter(self, simple: Simple) -> tuple[int, list[Block], bool]:
        """Parentheses or a ``case`` begin; return what :meth:`leave` needs."""
        self._piped_group(simple)
        kept = (self._begin, self._blocks, self._defining)
        self._blocks, self._defining, self._fresh, self._bar = [], False, True, False
        return kept

    def leave(self, kept: tuple[int, list[Block], bool]) -> None:
        """They are closed."""
        self._begin, self._blocks, function = kept
        self._fresh = self._bar = False
        if function:
            self._bodies.append(Feed(self._begin, self.at))

    def define(self, name: str) -> None:
        """A function's name has been read; its body is the next command."""
        self._functions.add(name)
        self._defining = True

    # What reaches a command

    def finished(self, simple: Simple) -> None:
        """Take note of a simple command."""
        self._texts += [(simple.start, word) for word in simple.documents]
        name = simple.name.rpartition("/")[2]
        self._calls.append((simple.start, name))
        words = simple.words[simple.assignments + 1 :]
        fetching = name in _FETCHING and not any(w.begins_with_value or w.splits or _WRITES_OUT.match(w.shape) for w in words)
        if name in _UNPACKING or fetching:
            self._harmless |= {use.offset for w in words for use in w.uses}

    def _fed(self, feed: Feed) -> list[Use]:
        uses = [use for use in self.draft.between(feed.begin, feed.end) if use.offset not in self._harmless]
        return uses + [use for at, word in self._texts if feed.begin <= at < feed.end for use in word.values]

    def fed(self, simple: Simple) -> list[Use]:
        """Return the expressions that may be printed into a command's pipe; the bodies of here-documents must have been read."""
        return self._fed(simple.feed) if simple.feed is not None else []

    def judged(self, simple: Simple, *, reads: bool) -> None:
        """Take note of whether a command reads a program from its standard input."""
        if reads:
            self._reads |= not simple.reading
            if simple.feed is not None:
                self._programs.append(simple.feed)
            return
        count = len(simple.words) - simple.assignments
        if count == 0 or simple.name == "exec":
            self._groups.append(("", [use for word in simple.documents for use in word.values]))
        elif simple.documents or simple.feed is not None:
            uses = [use for word in simple.documents for use in word.values]
            self._groups.append((simple.name, uses + self.fed(simple)))

    def check_flows(self) -> None:
        """The whole script is known: refuse what groups and functions pass on to an interpreter."""
        if self._reads:
            # `{ bash; } <<END`: which command reads what stands on a group's standard input is not followed up.
            for name, uses in self._groups:
                self._refuse(uses if not name or name in self._functions else ())
        if self.sinks and (self._reads or self._programs):
            self._refuse(self.draft.between(0, len(self.text)))
        for feed in self._programs:
            if any(feed.begin <= at < feed.end and name in self._functions for at, name in self._calls):
                for body in self._bodies:
                    self._refuse(self._fed(body))

    def _refuse(self, uses: Iterable[Use]) -> None:
        refuse_program(uses, "sh", self.draft)
