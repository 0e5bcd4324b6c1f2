"""What a run takes along of workflows that came from elsewhere: their files, so that cleaning a cache never breaks a resume."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ropeway.records import replace

if TYPE_CHECKING:
    from ropeway.lang.plan import Plan, Template

__all__ = ["take_along"]

FOLDER = "bundles"


def take_along(plan: Plan, run: Path) -> Plan:
    """Copy the files of every workflow from elsewhere into a run's folder, and return the plan that names the copies.

    Raises:
        AlteredBlob: A folder of the store is not what its digest says: it was changed since it was verified.
        OSError: The disk is full, or the like.
    """
    copies: dict[str, Path] = {}
    return replace(
        plan,
        template=_moved(plan.template, run, copies),
        workflows={key: _moved(template, run, copies) for key, template in plan.workflows.items()},
    )


def _moved(template: Template, run: Path, copies: dict[str, Path]) -> Template:
    origin = template.provenance
    if origin is None or template.source is None:
        return template
    target = copies.get(origin.tree)
    if target is None:
        target = copies[origin.tree] = run / FOLDER / origin.tree.removeprefix("sha256:")[:32]
        _copy(Path(template.source.removesuffix("/" + origin.file)), target, origin.tree)
    return replace(template, source=str(target / origin.file))


def _copy(source: Path, target: Path, digest: str) -> None:
    from ropeway.bundles.problems import AlteredBlob
    from ropeway.bundles.tree import copy_tree, tree_digest

    target.parent.mkdir(exist_ok=True, mode=0o700)
    copy_tree(source, target)
    if tree_digest(target) != digest:
        raise AlteredBlob(f"{source} has changed since it was verified", hint="run it again: it will be fetched anew")
