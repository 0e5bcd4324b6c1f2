"""Agreeing to what is seen for the first time: what a person is shown, and whose word counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from ropeway.bundles.keys import short
from ropeway.bundles.problems import NotTrusted
from ropeway.records import record

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ropeway.registry import Fetched

__all__ = ["By", "Question", "agree"]

By = Literal["typed", "own", "remote"]
"""Who names a reference: the person who types it, a file of their own project, or a workflow that came from elsewhere itself."""


@record
class Question:
    """What a person is asked, or told, when a source is seen for the first time. ``touches`` are sentences: what the workflow may do.

    ``who`` are the signers for people: with the names of keys that are known here.
    """

    reference: str
    source: str
    digest: str
    signers: tuple[str, ...]
    touches: tuple[str, ...]
    who: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """Return it as lines for people."""
        by = (
            f"signed with the key {', '.join(self.who or map(short, self.signers))}"
            if self.signers
            else "not signed: nobody vouches for it"
        )
        return [f"from {self.source}", f"{self.digest}, {by}", *(f"- {each}" for each in self.touches)]


def agree(
    reference: str,
    fetched: Fetched,
    signers: tuple[str, ...],
    *,
    by: By,
    trust: Sequence[str],
    ask: Callable[[Question], bool] | None,
    tell: Callable[[str], object],
    who: tuple[str, ...] = (),
    stranger: bool = False,
) -> None:
    """Have what is seen for the first time agreed to.

    A person on a terminal is asked. Elsewhere what they typed, or what stands in a file of their own project, is consent, and they are told. What only a
    workflow from elsewhere pulls in needs their word, unless a key that they know vouches for it: anybody can make a key and sign.

    Args:
        reference: As it was written.
        fetched: What it means; its files are on this machine, and nothing of them was run.
        signers: The ids of the keys that vouch for it.
        by: Who names it.
        trust: References, sources and digests that the person agreed to beforehand.
        ask: Asks the person; None when there is nobody.
        tell: Is given lines to show.
        who: The signers for people.
        stranger: Whether only keys vouch for it that nobody here knows.

    Raises:
        NotTrusted: Nobody agreed.
    """
    pin = fetched.pin
    if not {reference, pin.source, pin.digest}.isdisjoint(trust):
        return
    question = Question(reference, pin.source, pin.digest, signers, _touches(fetched), who)
    hint = f"look at it: workflow info {reference}; if you agree, say --trust {reference}"
    if ask is not None:
        if not ask(question):
            raise NotTrusted(f"{reference} is new here, and you did not agree to it", hint=hint)
        return
    if by == "remote" and (stranger or not signers):
        signed = "a key that you do not know signed it" if signers else "nobody signed it"
        raise NotTrusted(f"{reference} is new here, {signed}, and only a workflow from elsewhere uses it", hint=hint)
    tell(f"{reference} is new here:")
    for line in question.lines():
        tell(f"  {line}")


def _touches(fetched: Fetched) -> tuple[str, ...]:
    """Return what something may do with all the files it came with, read from those and not from what it says of itself."""
    from ropeway.bundles.describing import describe
    from ropeway.bundles.reachable import folder_files, reachable

    data = fetched.path.read_bytes()
    if fetched.pin.kind == "workflow":
        return tuple(reachable(fetched.file, data, folder_files(fetched.root)).lines())
    return tuple(describe(fetched.pin.kind, fetched.file, data).metadata.capabilities.lines())
