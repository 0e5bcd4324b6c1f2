"""The only printer. Data goes to stdout, everything else to stderr.

Text that other people wrote (files, step output, server messages) passes through :func:`clean` or :func:`clean_output` before it
reaches a terminal: a control sequence in a workflow's name must not move the cursor, retitle the window or hide a line.
"""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING, Any, Literal, TextIO

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ColorChoice", "Console", "Style", "clean", "clean_output"]

ColorChoice = Literal["auto", "always", "never"]
Style = Literal["bold", "dim", "red", "green", "yellow", "blue", "magenta", "cyan"]

_CODES: dict[str, str] = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "magenta": "35",
    "cyan": "36",
}

# Patterns are compiled when they are first needed: most text is harmless.
# C0 but tab and newline, DEL, C1, and the characters that reorder or hide text (bidi controls, zero-width, line separators).
_UNSAFE = "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
_SGR = r"\x1b\[[0-9;:]{0,32}m"


def _escaped(match: re.Match[str]) -> str:
    code = ord(match.group())
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def clean(text: str, *, lines: bool = False) -> str:
    """Return other people's text with control and invisible characters written as escapes.

    A newline is kept only when ``lines`` is true; a tab is kept.
    """
    if text.isascii() and text.isprintable():
        return text
    text = re.sub(_UNSAFE, _escaped, text)
    return text if lines else text.replace("\n", "\\n")


def clean_output(text: str) -> str:
    """Return a step's output for a terminal: colours stay, every other control sequence is written as an escape.

    A carriage return is how programs redraw a line; what stands after the last one is what the person would have seen.
    """
    if text.isascii() and text.isprintable():
        return text
    if "\r" in text:
        text = "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))
    if "\x1b" not in text:
        return clean(text, lines=True)
    kept = re.findall(_SGR, text)
    parts = [clean(part, lines=True) for part in re.split(_SGR, text)]
    woven = "".join(part + code for part, code in zip(parts, [*kept, ""], strict=True))
    return woven + "\x1b[0m" if kept else woven


def _usable(stream: TextIO | None) -> TextIO:
    """Return the stream, or one that drops everything when the caller closed the descriptor; never fail on a character."""
    if stream is None:
        return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123 - lives as long as the process
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")
    return stream


class Console:
    """Prints. One a process, made at the boundary and handed to the commands.

    Args:
        json: Whether stdout holds JSON only.
        plain: No live tables and no colour, even on a terminal.
        color: ``auto`` means on a terminal, unless ``NO_COLOR`` is set.
        environ: Where ``NO_COLOR``, ``TERM`` and ``COLUMNS`` are read.
        stdout: Where data goes; ``sys.stdout`` when None.
        stderr: Where all else goes; ``sys.stderr`` when None.
    """

    def __init__(
        self,
        *,
        json: bool = False,
        plain: bool = False,
        color: ColorChoice = "auto",
        environ: Mapping[str, str] | None = None,
        stdout: TextIO | None = None,
        stderr: TextIO | None = None,
    ) -> None:
        self._environ = os.environ if environ is None else environ
        self._out = _usable(stdout or sys.stdout)
        self._err = _usable(stderr or sys.stderr)
        self._gone: set[int] = set()
        self._shown = ""
        self.survive_lost_reader = False
        """When true, a reader that went away (``| head``) or a full disk is ignored instead of ending the process: a run goes on."""
        self.configure(json=json, plain=plain, color=color)

    def configure(self, *, json: bool, plain: bool, color: ColorChoice) -> None:
        """Set what the command's options say."""
        self.json = json
        self.plain = plain
        self.color = color
        self.out_terminal = self._out.isatty()
        self.err_terminal = self._err.isatty()
        self.out_color = self._colored(self.out_terminal)
        self.err_color = self._colored(self.err_terminal)

    def _colored(self, terminal: bool) -> bool:  # noqa: FBT001 - private
        if self.color != "auto":
            return self.color == "always"
        if self.plain or self.json or self._environ.get("NO_COLOR"):
            return False
        return terminal and self._environ.get("TERM", "") not in {"dumb", ""}

    @property
    def live(self) -> bool:
        """Whether a table may redraw itself: stdout is a terminal that can, and nobody asked for plain lines or JSON."""
        return self.out_terminal and not self.plain and not self.json and self._environ.get("TERM", "dumb") != "dumb"

    @property
    def unicode(self) -> bool:
        """Whether stdout can show marks beyond ASCII."""
        return (getattr(self._out, "encoding", "") or "").lower().replace("-", "") == "utf8"

    @property
    def width(self) -> int:
        """Columns of the terminal; 100 when the output is not one."""
        return self.size()[0]

    def size(self) -> tuple[int, int]:
        """Return columns and lines of the terminal; (100, 40) when there is none. ``COLUMNS`` and ``LINES`` win."""
        columns, lines = 100, 40
        for stream in (self._out, self._err):
            if stream.isatty():
                try:
                    columns, lines = os.get_terminal_size(stream.fileno())
                except (OSError, ValueError):
                    continue
                break
        asked = self._environ.get("COLUMNS", ""), self._environ.get("LINES", "")
        columns = int(asked[0]) if asked[0].isdecimal() else columns
        lines = int(asked[1]) if asked[1].isdecimal() else lines
        return max(columns, 20) if columns else 80, max(lines, 5) if lines else 24

    def styled(self, text: str, *styles: Style, err: bool = False) -> str:
        """Return ``text`` in a style when that stream shows colours."""
        if not text or not styles or not (self.err_color if err else self.out_color):
            return text
        return f"\x1b[{';'.join(_CODES[s] for s in styles)}m{text}\x1b[0m"

    def data(self, text: str = "") -> None:
        """Print a line of what the command is for."""
        self._write(self._out, text + "\n")

    def raw(self, data: bytes) -> None:
        """Write bytes to stdout as they are (a step's output to a pipe, an artifact)."""
        self.flush()
        buffer = getattr(self._out, "buffer", None)
        if buffer is None:
            self._write(self._out, data.decode(errors="backslashreplace"))
        else:
            self._guarded(self._out, lambda: buffer.write(data) and buffer.flush())

    def object(self, value: Any) -> None:
        """Print one JSON value on one line of stdout."""
        from json import dumps

        self._write(self._out, dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n")

    def say(self, text: str = "") -> None:
        """Print a line for the person, which is not data."""
        self._guarded(self._out, self._out.flush)
        self._write(self._err, text + "\n")

    def progress(self, text: str) -> None:
        """Show how far something long has come, on one line of a terminal that redraws itself; an empty text takes it away."""
        if self.err_terminal and not self.plain and not self.json and self._environ.get("TERM", "dumb") != "dumb" and text != self._shown:
            self._shown = text
            self._write(self._err, f"\r\x1b[2K{text}")
            self._guarded(self._err, self._err.flush)

    def error(self, message: str, hint: str | None = None) -> None:
        """Print an error and what to do about it."""
        self._labelled("error", "red", message, hint)

    def warning(self, message: str, hint: str | None = None) -> None:
        """Print something that deserves a look."""
        self._labelled("warning", "yellow", message, hint)

    def _labelled(self, label: str, color: Style, message: str, hint: str | None) -> None:
        self.say(f"{self.styled(label, 'bold', color, err=True)}: {clean(message, lines=True)}")
        if hint:
            self.say(f"{self.styled('hint', 'bold', 'cyan', err=True)}: {clean(hint, lines=True)}")

    def flush(self) -> None:
        """Hand everything to the operating system; raises what the stream raises (a full disk, a closed pipe)."""
        self._guarded(self._out, self._out.flush)
        self._guarded(self._err, self._err.flush)

    def _write(self, stream: TextIO, text: str) -> None:
        self._guarded(stream, lambda: stream.write(text))

    def _guarded(self, stream: TextIO, action: Any) -> None:
        if id(stream) in self._gone:
            return
        try:
            action()
        except OSError:
            if not self.survive_lost_reader:
                raise
            self._gone.add(id(stream))

    def abandon(self) -> None:
        """Point stdout at nothing, so that the interpreter's last flush does not complain about a reader that went away."""
        try:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self._out.fileno())
        except (OSError, ValueError):
            return
