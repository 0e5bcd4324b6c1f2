"""What is wanted of a working copy, and what every kind of it does first: learn what files there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ropeway.records import field, record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ropeway.workspaces.manager import Ensured, Manager
    from ropeway.workspaces.snapshots import Snapshots


@record
class Wish:
    """What is wanted of a working copy.

    ``id`` is the workspace's, ``run`` the run's; ``state`` a folder of ours for what is known about its files. ``folder`` is where in it steps start,
    relative to its top. ``base`` and ``keep`` are as in ``policy.workspace``; ``keep`` may also be ``drop``: an ephemeral step's. ``named`` says that
    the person chose the id: such a workspace is theirs, and stays. ``tools`` are names, None for the usual ones. ``store`` is the object store of a
    plain copy, whose repository has none. ``power`` says that a snapshot has to survive a power cut.
    """

    id: str
    run: str
    state: str
    folder: str = ""
    base: str = "@"
    keep: str = "changed"
    named: bool = False
    direnv: str = "allow"
    tools: Sequence[str] | None = None
    workflow: str = ""
    command: Sequence[str] = field(default_factory=tuple)
    store: str = ""
    power: bool = False


def take_in(snapshots: Snapshots, ensured: Ensured) -> bool:
    """Learn what files there are, of a copy that was made just now nearly all without reading; returns whether all that differs from its base is known."""
    base, made = ensured.base, ensured.made
    if base is None or made is None:
        snapshots.adopt(None)
        return False
    if made.tree is None:
        snapshots.adopt(base.commit or None, believe=False)  # what was tracked stays tracked, whatever its bytes are now
        return False
    return snapshots.adopt(made.tree, made.touched, table=made.table, index=made.index)


def again(manager: Manager, commit: str) -> str:
    """Return the base to make a copy of once more: the commit itself, without what the person has on top of it now."""
    return commit if commit and manager.backend.name != "plain" else "@"


def uncommitted(ensured: Ensured) -> bool:
    """Whether what the person has not committed is in a copy."""
    base, made = ensured.base, ensured.made
    return base is not None and made is not None and base.person and (bool(made.touched) or made.tree not in (None, base.commit))
