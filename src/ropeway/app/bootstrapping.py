"""Fills a registry from a project: agent cards first, then workflows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ropeway.app import bulk
from ropeway.app.oci import connect, place_of
from ropeway.app.pallet import FIRST_VERSION
from ropeway.records import record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from ropeway.app.bulk import Done, Report

__all__ = ["Bootstrapped", "bootstrap"]


@record
class Bootstrapped:
    """What became of both folders; None for one that is not there. A report without entries stands for a folder without files of that kind."""

    place: str
    cards: Report | None
    workflows: Report | None

    @property
    def failed(self) -> int:
        """How many files failed."""
        return sum(report.failed for report in (self.cards, self.workflows) if report is not None)


def bootstrap(
    registry: str | None,
    cards: Path,
    workflows: Path,
    environ: Mapping[str, str],
    begin: Callable[[str, Path], object],
    tell: Callable[[Done], object],
) -> Bootstrapped:
    """Push a project's agent cards, then its workflows.

    Args:
        registry: As :func:`ropeway.app.oci.place_of` takes it.
        cards: The folder of the cards; it need not be there.
        workflows: The folder of the workflows; it need not be there.
        environ: The caller's environment.
        begin: Is told of ``agents`` and ``workflows``, each with its folder, before the first of them is pushed.
        tell: Is told of every file when it is done.

    Raises:
        Unreachable: No registry answers; the hint says how to start one.
    """
    place = place_of(registry, environ)
    with connect(place.host, environ) as client:
        client.ping()
    begin("agents", cards)
    pushed = bulk.push_cards(cards, registry, environ, tell, tag=FIRST_VERSION) if cards.is_dir() else None
    begin("workflows", workflows)
    published = bulk.publish_all(workflows, registry, environ, tell) if workflows.is_dir() else None
    return Bootstrapped(str(place), pushed, published)
