"""What stands behind ``#``, and the error of all references."""

from __future__ import annotations

import re
from typing import Literal

from ropeway.errors import UsageError
from ropeway.records import record

RefKind = Literal["version", "range", "commit", "digest", "name"]

_HEX = frozenset("0123456789abcdef")


class InvalidReference(UsageError):
    """A reference that no form fits.

    ``code`` is a diagnostic's (``RW4…``); ``offset`` and ``length`` name the part of the text that is wrong.
    """

    def __init__(self, code: str, message: str, hint: str, *, offset: int = 0, length: int = 1) -> None:
        super().__init__(message, hint=hint, code=code)
        self.offset = offset
        self.length = length


@record
class Ref:
    """The choice behind ``#``.

    ``kind`` is what the text alone can tell: ``version`` is a full semantic version, ``range`` has an operator, ``commit`` is a full
    SHA-1 or SHA-256 object name, ``digest`` is ``sha256:…``. Everything else is a ``name``: a tag, a branch or an abbreviated commit;
    only the repository or the registry knows which.
    """

    text: str
    kind: RefKind

    @property
    def pinned(self) -> bool:
        """Whether it always means the same bytes."""
        return self.kind in {"commit", "digest"}

    def __str__(self) -> str:
        return self.text


_NUMBERS = r"(?:0|[1-9]\d*)"
_PRERELEASE = r"(?:-(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*)?"
_BUILD = r"(?:\+[0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*)?"
_VERSION = rf"{_NUMBERS}\.{_NUMBERS}\.{_NUMBERS}{_PRERELEASE}{_BUILD}"
_COMPARATOR = rf"(?:[\^~]|[<>]=?|=)(?:{_VERSION}|{_NUMBERS}(?:\.{_NUMBERS})?)"
_OPERATORS = ("^", "~", ">", "<", "=")


def read_ref(text: str | None, offset: int) -> Ref | None:
    """Classify what stands behind ``#``; semantic versions as in semver.org 2.0.0, names as ``git check-ref-format`` allows them."""
    if text is None:
        return None
    if text.startswith("sha256:"):
        return Ref(read_digest(text, offset), "digest")
    if len(text) in {40, 64} and _HEX.issuperset(text):
        return Ref(text, "commit")
    if re.fullmatch(_VERSION, text):
        return Ref(text, "version")
    if text.startswith(_OPERATORS) or re.search(r",[\^~<>=]", text):
        if re.fullmatch(f"{_COMPARATOR}(?:,{_COMPARATOR})*", text):
            return Ref(text, "range")
        hint = "a range is ^1.2, ~1.2, or comparisons such as >=1,<2"
        raise InvalidReference("RW404", f"`{text}` is not a range of versions", hint, offset=offset, length=len(text))
    problem = _bad_git_name(text)
    if problem:
        raise InvalidReference(
            "RW404", f"`{text}` can not be a tag or a branch: {problem}", "check its spelling", offset=offset, length=len(text)
        )
    return Ref(text, "name")


def _bad_git_name(text: str) -> str | None:
    for character in "~^:?*[\\":
        if character in text:
            return f"it holds `{character}`"
    if ".." in text or "//" in text or text == "@" or "@{" in text:
        return "it holds `..`, `//` or `@{`"
    if text.startswith(("-", "/")) or text.endswith(("/", ".")):
        return f"it begins or ends with `{text[0] if text.startswith(('-', '/')) else text[-1]}`"
    if any(part.startswith(".") or part.endswith(".lock") for part in text.split("/")):
        return "a part of it begins with `.` or ends in `.lock`"
    return None


def read_digest(text: str, offset: int) -> str:
    """Return a ``sha256:`` digest as it is.

    Raises:
        InvalidReference: It has other digits than 64 lower-case hexadecimal ones; ``offset`` is where it stands in the whole text.
    """
    digits = text.removeprefix("sha256:")
    if len(digits) != 64 or not _HEX.issuperset(digits):
        wrong = "has 64 digits" if _HEX.issuperset(digits) else "has the digits 0-9 and a-f"
        raise InvalidReference("RW410", "this is not a sha256 digest", f"it {wrong}, in lower case", offset=offset, length=len(text))
    return text
