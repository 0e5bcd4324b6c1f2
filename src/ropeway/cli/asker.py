"""Asks a person on the terminal what a gate wants to know."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Protocol

from ropeway.cli.console import clean
from ropeway.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ropeway.cli.console import Console
    from ropeway.lang.model import Field
    from ropeway.runs.gates import GateRequest

__all__ = ["Pausable", "TerminalAsker"]


class Pausable(Protocol):
    """A view that can leave the terminal to somebody else for a while."""

    def pause(self) -> None:
        """Take what is drawn off the screen."""
        ...

    def resume(self) -> None:
        """Draw again."""
        ...


class TerminalAsker:
    """Asks gates, one at a time, until the answer fits; end-of-file means that the person did not answer.

    Args:
        console: Where the question is shown.
        view: What to take off the screen meanwhile, None for nothing.
        read: Reads a line after showing a prompt; raises ``EOFError`` at the end.
    """

    def __init__(self, console: Console, view: Pausable | None = None, read: Callable[[str], str] | None = None) -> None:
        self._console = console
        self._view = view
        self._read = read or _read_line

    def ask(self, gate: GateRequest) -> Any:
        """Ask and return the checked answer, None when there is none."""
        if self._view is not None:
            self._view.pause()
        try:
            return self._until_it_fits(gate)
        except (EOFError, KeyboardInterrupt):
            self._console.say()
            return None
        finally:
            if self._view is not None:
                self._view.resume()

    def _until_it_fits(self, gate: GateRequest) -> Any:
        from ropeway.runs.gates import checked

        self._console.say(f"{self._console.styled('?', 'bold', 'magenta', err=True)} {clean(gate.step)}: {clean(gate.prompt, lines=True)}")
        for number, choice in enumerate(gate.choices, 1):
            self._console.say(f"  {number}. {clean(choice)}")
        while True:
            try:
                if gate.gate == "form":
                    return checked(gate, None, self._form(gate))
                return checked(gate, self._one(gate), {})
            except UsageError as error:
                self._console.error(error.message, error.hint)

    def _one(self, gate: GateRequest) -> Any:
        default = gate.default
        wanted = "yes/no" if gate.gate == "approve" else f"1-{len(gate.choices)}"
        shown = f"[{wanted}{f', default {_plain(default)}' if default is not None else ''}] "
        text = self._read(shown).strip()
        if not text and default is not None:
            return default
        if gate.gate == "choose" and text.isdecimal() and text not in gate.choices and 1 <= int(text) <= len(gate.choices):
            return gate.choices[int(text) - 1]
        return text

    def _form(self, gate: GateRequest) -> dict[str, Any]:
        """Ask for one field after the other; one that does not fit is asked for again."""
        from ropeway.runs.gates import checked_field

        found: dict[str, Any] = {}
        for name, field in gate.fields.items():
            while True:
                text = self._read(f"{clean(name)} ({_kind(field)}): ")
                if not text and (field.has_default or not field.required):
                    break
                try:
                    found[name] = checked_field(gate, field, text)
                    break
                except UsageError as error:
                    self._console.error(error.message, error.hint)
        return found


def _kind(field: Field) -> str:
    parts = [field.type if not field.choices else "|".join(field.choices)]
    if field.description:
        parts.append(field.description)
    if field.has_default:
        parts.append(f"default {_plain(field.default)}")
    return clean(", ".join(parts))


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return clean(str(value))


def _read_line(prompt: str) -> str:
    """Read a line from the terminal itself, whatever standard input and output are."""
    try:
        with open("/dev/tty", "r+b", buffering=0) as terminal:  # noqa: PTH123 - a device
            terminal.write(prompt.encode(errors="backslashreplace"))
            line = b""
            while not line.endswith(b"\n"):
                piece = terminal.read(4096)
                if not piece:
                    break
                line += piece
    except OSError:
        sys.stderr.write(prompt)
        sys.stderr.flush()
        return input()
    if not line:
        raise EOFError
    return line.decode(errors="replace").rstrip("\n")
