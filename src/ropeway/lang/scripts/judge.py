"""Refuses expressions where a shell would evaluate them: what the readers of words and of commands share."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ropeway.lang.formats import holds_code
from ropeway.lang.wording import a

if TYPE_CHECKING:
    from ropeway.lang.scripts.draft import Draft, Use

__all__ = ["Judge"]

_NUMBER_NAMES = frozenset({"BASHPID", "EPOCHREALTIME", "EPOCHSECONDS", "HISTCMD", "LINENO", "OPTIND", "RANDOM", "SECONDS", "SRANDOM"})
"""Variables that calculate what is assigned to them."""

_DECLARING = re.compile(r"\b(?:declare|typeset|local|readonly|export)\b")
_INTEGER = re.compile(r"[ \t'\"][-+][A-Za-z]*i")


class Judge:
    """Decides about single expressions of one script."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self._integers = _declares_integers(draft.text)

    def refuse_numeric(self, use: Use, place: str) -> None:
        """Refuse an expression that is not numeric where a shell would calculate with it."""
        found = self.draft.type_name(use)
        message = (
            f"the shell calculates {place} and would run commands in a text: only an integer or boolean can stand here, not {a(found)}"
        )
        hint = "say what it is when there is none: default(…, 0)" if found.endswith(" or null") else 'declare it with type = "integer"'
        self.draft.refuse(use, "RW304", message, hint)

    def refuse_name(self, use: Use, what: str) -> None:
        """Refuse an expression where a shell wants a fixed name."""
        hint = "write the name down; to choose between several, use case … in … esac"
        self.draft.refuse(use, "RW310", f"a value can't be {what}", hint)

    def check_name(self, use: Use, name: str) -> None:
        """Refuse to assign a value to a variable that a shell evaluates, at once or when it is used; ``name`` is empty for any."""
        if holds_code(name):
            hint = "choose another variable; what this one holds is run as a part of a script"
            self.draft.refuse(use, "RW311", f"a shell or a program evaluates what {name} holds", hint)
        elif self._integers or name in _NUMBER_NAMES:
            self.refuse_numeric(use, "when it assigns to an integer variable")


def _declares_integers(text: str) -> bool:
    """Whether some variable may have the integer attribute: it then evaluates whatever is assigned to it."""
    for line in text.replace("\\\n", " ").split("\n"):
        match = _DECLARING.search(line)
        if match is not None and _INTEGER.search(line, match.end()) is not None:
            return True
    return False
