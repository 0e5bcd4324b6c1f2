"""What is decided about, by what, and to what end: plain records."""

from __future__ import annotations

from typing import Final

from ropeway.records import record

KINDS: Final = {
    "workspaces": "workspace",
    "runs": "run",
    "artifacts": "artifact",
    "caches": "cache",
    "tools": "tools",
    "trash": "trash",
    "refs": "refs",
}
"""What a person may name, and the kind of thing that each is."""

UNFINISHED: Final = frozenset({"queued", "running", "waiting", "interrupted"})
RESUMABLE: Final = frozenset({"failed", "cancelled"})
HOUR: Final = 3600.0
DAY: Final = 86_400.0


@record
class Thing:
    """Something that may go.

    ``age`` is seconds since its run ended or since it was last used. ``bytes`` is what its removal frees, None when nobody measured it. ``state`` is a run's state,
    for a workspace that of its run, empty when it has none. ``kept`` says that the person wants it kept. ``over`` is a reason from who looked why it may go at
    once, ``held`` one why it has to stay, ``unsaved`` one why a workspace's removal would lose something. For a run, ``linked`` is the run that it
    goes on from, and ``workspaces`` are the paths of its working copies that are still there. For an artifact, ``run`` is its run and ``lasts`` its retention.
    """

    kind: str
    id: str
    path: str
    age: float
    bytes: int | None = None
    state: str = ""
    kept: bool = False
    over: str = ""
    held: str = ""
    unsaved: str = ""
    linked: str = ""
    workspaces: tuple[str, ...] = ()
    run: str = ""
    lasts: float = 0.0


@record
class Policy:
    """How long, how many and how much. Ages are seconds, sizes bytes; None sets no bound. ``extra`` are bytes of the state directory that belong to no run."""

    kinds: frozenset[str] = frozenset(KINDS.values())
    run_age: float | None = None
    runs: int | None = None
    state_size: int | None = None
    workspace_age: float | None = None
    workspaces: int | None = None
    workspaces_size: int | None = None
    tools_age: float | None = None
    tools_size: int | None = None
    cache_age: float | None = None
    cache_size: int | None = None
    force: bool = False
    extra: int = 0


@record
class Verdict:
    """Whether a thing goes, and why, or why not."""

    thing: Thing
    goes: bool
    reason: str


def stretch(seconds: float) -> str:
    """Return a stretch of time in its largest whole unit: ``30 d``, ``12 h``, ``5 min``, ``3 s``."""
    for unit, length in (("d", DAY), ("h", HOUR), ("min", 60.0)):
        if seconds >= length:
            return f"{int(seconds // length)} {unit}"
    return f"{int(max(seconds, 0))} s"
