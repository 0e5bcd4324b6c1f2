"""What is wanted of a working copy, and what every kind of it does first: learn what files there are."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ropeway.records import field, record, replace
from ropeway.workspaces.hashes import sha256

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
    plain copy, whose repository has none. ``power`` says that a snapshot has to survive a power cut. Of an ephemeral step's, ``step`` is the address and
    ``outer`` the id of the run's own.
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
    step: str = ""
    outer: str = ""

    def apart(self, address: str, attempt: int) -> Wish:
        """Return what is wanted of the copy for one attempt of an ephemeral step of the run.

        A digest tells ids apart whose readable parts are the same, because an address was cut or has signs that an id can't have.
        """
        short = re.sub(r"[^A-Za-z0-9_-]+", ".", address)[:40].strip(".")
        mark = sha256(f"{self.run}\0{self.id}\0{address}".encode()).hexdigest()[:10]
        name = f"{short}.{mark}.{attempt}"
        return replace(self, id=f"{self.id[:80]}.{name}", keep="drop", state=f"{self.state}/{name}", step=address, outer=self.id)


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
