"""Here-documents: their end marks, and their bodies, which come after the line (XCU 2.7.4)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ropeway.lang.scripts.draft import LITERAL, MARK, in_env
from ropeway.lang.scripts.words import Lexer, Unsure, Word
from ropeway.records import record

if TYPE_CHECKING:
    from ropeway.lang.scripts.draft import Draft

__all__ = ["Document", "Documents"]

_DELIMITER = re.compile(
    r"""(?P<quote>['"]?)(?P<word>[A-Za-z0-9_.,:/%@+=^!-]+)(?P=quote)(?=[ \t\n;&|<>()]|\Z)|\\(?P<bare>[A-Za-z0-9_]+)(?=[ \t\n;&|<>()]|\Z)"""
)
_PLAIN_BODY = re.compile(r"[^\\$`]+")
_MARKS = re.compile(r"\$?\$\{\{")


@record(frozen=False)
class Document:
    """A here-document whose body comes after the line."""

    delimiter: str
    quoted: bool
    tabs: bool
    word: Word
    at: int


class Documents(Lexer):
    """Reads here-documents. ``documents`` holds those without a body yet: a list for the script and one for each open substitution."""

    def __init__(self, draft: Draft, *, posix: bool) -> None:
        super().__init__(draft, posix=posix)
        self.documents: list[list[Document]] = [[]]
        self.reading_bodies = 0
        """How many lines have been read whose bodies have not: until then nothing is known about what the commands on them read."""

    def document(self, start: int, *, tabs: bool) -> Word:
        """Read the end mark behind ``<<``; return the word that will hold the body's expressions."""
        match = _DELIMITER.match(self.text, self.at, self.limit)
        if match is None:
            if self.peek(MARK):
                self.judge.refuse_name(self.use(self.at), "the end mark of a here-document")
            self.unsure("the end mark of this here-document is no plain word", "write <<END or <<'END'", start)
        self.at = match.end()
        word = Word(start)
        quoted = bool(match["quote"] or match["bare"])
        self.documents[-1].append(Document(match["word"] or match["bare"], quoted, tabs, word, start))
        return word

    def bodies(self) -> None:
        """Read the bodies of the here-documents that were begun on the line that has just ended."""
        if any(self.documents[:-1]):
            waiting = next(d for level in self.documents for d in level)
            self.unsure("a here-document begins on a line that a $(…) goes over", "put them on lines of their own", waiting.at)
        waiting_here, self.documents[-1] = self.documents[-1], []
        self.reading_bodies += 1
        for document in waiting_here:
            self._body(document)
        self.reading_bodies -= 1

    def _body(self, document: Document) -> None:
        end, after = self._find_end(document)
        limit, body = self.limit, self.body
        self.limit, self.body = end, True
        while self.at < end:
            if document.quoted:
                self._next_mark(document)
            elif match := _PLAIN_BODY.match(self.text, self.at, end):
                document.word.shape += match[0]
                self.at = match.end()
            else:
                self.expansion(document.word, "$`\\\n")
        self.limit, self.body = limit, body
        self.at = after

    def _next_mark(self, document: Document) -> None:
        """Go to the next expression or literal ``$${{`` of a body in which nothing is expanded."""
        match = _MARKS.search(self.text, self.at, self.limit)
        if match is None:
            self.at = self.limit
        elif match[0] == LITERAL:
            self.at = match.end()
            self.draft.replace(match.start(), self.at, MARK)
        else:
            use = self.use(match.start())
            hint = f"remove the quotes around {document.delimiter}, and put a backslash before other '$' and '`'; or {in_env(use)}"
            self.draft.refuse(use, "RW302", f"nothing is expanded in a here-document whose {document.delimiter} is quoted", hint)

    def _find_end(self, document: Document) -> tuple[int, int]:
        """Return where the body ends, and where the line after its end mark begins."""
        at, joined = self.at, False
        while at < self.limit:
            stop = self.text.find("\n", at, self.limit)
            stop = self.limit if stop < 0 else stop
            line = self.text[at:stop]
            if (line.lstrip("\t") if document.tabs else line) == document.delimiter:
                if joined:
                    self.unsure("the line before this end mark goes on with a backslash", "remove the backslash", at)
                return at, min(stop + 1, self.limit)
            joined = not document.quoted and (len(line) - len(line.rstrip("\\"))) % 2 == 1
            at = stop + 1
        raise Unsure(document.at, f"this here-document does not end with {document.delimiter} on a line of its own", "end it")
