"""Whole folders, published: ``workflow publish --all`` and ``workflow registry bootstrap``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ropeway.cli.console import clean
from ropeway.cli.group import option, verb
from ropeway.cli.render_bulk import ending, ok_mark, teller

if TYPE_CHECKING:
    from ropeway.app.bulk import Report
    from ropeway.cli.console import Console

__all__ = ["bootstrap", "publish_all"]


def publish_all(console: Console, folder: str, registry: str | None, version: str | None = None) -> int:
    """Publish every YAML file of a folder as a single file, named by its id; return the exit status."""
    from ropeway.app import bulk

    report = bulk.publish_all(Path(folder), registry, os.environ, teller(console, "push"), version=version or "v1")
    return _workflows(console, report, folder)


def _workflows(console: Console, report: Report, folder: str) -> int:
    return ending(console, report, "push", "workflow", f"there are no workflow files in {folder}: NAME.yaml, NAME.yml")


@verb()
@option("--registry", metavar="HOST[:PORT]", help="Where to push. Default: the setting oci_registry, localhost:5000.")
@option("--cards", metavar="DIR", default="src/agent_cards", show_default=True, help="Folder of agent cards: X_agent_card.json.")
@option("--workflows", metavar="DIR", default="workflows", show_default=True, help="Folder of workflows: NAME.yaml, NAME.yml.")
def bootstrap(console: Console, *, registry: str | None, cards: str, workflows: str) -> int:
    """Fill an OCI registry from this project: agent cards first, then workflows, all at v1.

    A folder that is not there, or holds none, is left out with a warning.

    Exit status: 1 when some files could not be pushed; 3 when no registry answers.
    """
    from ropeway.app import bootstrapping

    def begin(kind: str, folder: Path) -> None:
        if not console.json:
            console.say(f"Pushing {'agent cards' if kind == 'agents' else 'workflows'} from {clean(str(folder))}")

    done = bootstrapping.bootstrap(registry, Path(cards), Path(workflows), os.environ, begin, teller(console, "push"))
    for report, what, folder in ((done.cards, "agent card", cards), (done.workflows, "workflow", workflows)):
        if report is None or not report.done:
            if not console.json:
                console.warning(f"there are no {what}s in {folder}: skipped")
            continue
        ending(console, report, "push", what, "")
    if console.json:
        return 1 if done.failed else 0
    if not done.failed:
        console.say(f"{ok_mark(console)} {clean(done.place)} is filled.")
    return 1 if done.failed else 0
