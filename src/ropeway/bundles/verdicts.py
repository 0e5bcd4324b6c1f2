"""What was decided about content, and the cache of it: a locked run that was judged before imports no cryptography.

A verdict is kept under what it is about and the state of all that it was made from: rules and keys (:func:`standing`). When a rule or a key changes,
every verdict is made anew. The folder is the person's alone, since who writes there decides what is trusted; what is damaged counts as absent.
"""

from __future__ import annotations

import json
import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from ropeway.errors import Refused, StoreError
from ropeway.lang.hashing import sha256
from ropeway.records import record

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["KEYS_FILE", "POLICY_FILE", "Subject", "Verdict", "Verdicts", "full_name", "standing"]

POLICY_FILE: Final = "trust.toml"
KEYS_FILE: Final = "keys.toml"
REGISTRIES_FILE: Final = "registries.toml"
"""Which hosts are servers of ours: what has an owner there is always signed."""

_FORMAT: Final = 1
_FOLDERS: Final = frozenset({"workflows", "skills", "agents"})


@record
class Subject:
    """What is judged: content, and how it was found.

    ``source``, ``name``, ``digest``, ``version``, ``moving`` and ``kind`` are as in a pin of ``ropeway.registry``; ``ref`` is what the reference
    asked for behind ``#`` (or as an OCI tag), as written, and empty when it asked for nothing.
    """

    source: str
    name: str
    digest: str
    version: str | None = None
    moving: bool = False
    kind: str = "workflow"
    ref: str = ""

    @property
    def full_name(self) -> str:
        """What rules and memory call it, by whatever form of reference it was found."""
        return full_name(self.source, self.name)

    @property
    def shown(self) -> str:
        """What messages call it."""
        return " ".join(part for part in (self.full_name or self.source, self.version) if part)


@record
class Verdict:
    """Content that may be used.

    ``signers`` are the key ids that count, sorted; ``news`` sentences that a person should see; ``ask`` says that it is seen for the first time and
    that somebody has to agree; ``stranger`` that only keys vouch for it which nobody here knows; ``rule`` is the rule that decided, in words. ``version`` and ``previous`` are what the publisher signed (else what
    was asked for, and None).
    """

    signers: tuple[str, ...] = ()
    news: tuple[str, ...] = ()
    ask: bool = False
    rule: str = ""
    version: str | None = None
    previous: str | None = None
    stranger: bool = False


def full_name(source: str, name: str) -> str:
    """Return the name of something by its source alone where that suffices.

    In an OCI registry one thing can be asked for as ``build@acme`` and as ``oci://ghcr.io/acme/workflows/build``. Both are ``acme/build``: the
    repository without the folder of its kind. A rule or a pin that holds for one form has to hold for the other.
    """
    if not source.startswith("oci://"):
        return name
    parts = source.removeprefix("oci://").split("/")[1:]
    at = next((at for at, part in enumerate(parts[:-1]) if part in _FOLDERS), None)
    return "/".join(parts if at is None else parts[:at] + parts[at + 1 :])


def standing(config: Path) -> str:
    """Return a digest of all rules, keys and registries in the person's configuration folder, as the files are now."""
    found = sha256()
    for name in (POLICY_FILE, KEYS_FILE, REGISTRIES_FILE):
        try:
            data = (config / name).read_bytes()
        except FileNotFoundError:
            data = b""
        except OSError as error:
            raise StoreError(f"{config / name} can not be read: {error.strerror}", hint="check who owns it") from error
        found.update(b"%d:" % len(data) + data)
    digest: str = "sha256:" + found.hexdigest()
    return digest


class Verdicts:
    """The cache.

    Args:
        folder: Where it is; made with mode 0700.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, subject: Subject, standing: str, signers: Iterable[str] = ()) -> Verdict | None:
        """Return the verdict about a subject under the rules and keys of ``standing``.

        None when there is none, or when it does not count all of ``signers`` (those in the lock): then it has to be judged again.

        Raises:
            Refused: Somebody else owns the folder, or could write to it.
        """
        if not self._private():
            return None
        wanted = _described(subject, standing)
        try:
            entry = json.loads(self._path(wanted).read_bytes())
        except (OSError, ValueError, RecursionError):
            return None  # not there, or damaged: it is judged again
        found = _verdict(entry, wanted)
        return found if found is not None and set(signers) <= set(found.signers) else None

    def put(self, subject: Subject, standing: str, verdict: Verdict) -> None:
        """Keep a verdict that was agreed to. A folder that can't be written to keeps nothing: that is slower, and not wrong.

        Raises:
            Refused: Somebody else owns the folder, or could write to it.
        """
        with suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self._private():
            return
        wanted = _described(subject, standing)
        kept = {"signers": list(verdict.signers), "rule": verdict.rule, "version": verdict.version, "previous": verdict.previous}
        path = self._path(wanted)
        aside = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
        try:
            handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump({**wanted, "verdict": kept}, file)
            aside.replace(path)
        except OSError:
            with suppress(OSError):
                aside.unlink()

    def _path(self, wanted: dict[str, Any]) -> Path:
        name: str = sha256(json.dumps(wanted, sort_keys=True).encode()).hexdigest()
        return self._folder / f"{name}.json"

    def _private(self) -> bool:
        """Whether the folder is there; one that others own or may write to is refused."""
        try:
            found = os.lstat(self._folder)
        except OSError:
            return False
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
            mode = f"mode {stat.S_IMODE(found.st_mode):o}" if stat.S_ISDIR(found.st_mode) else "it is no folder"
            raise Refused(
                f"what was decided about trust is kept in {self._folder}, and that is not yours alone ({mode})",
                hint=f"remove it, it is made anew: rm -r {self._folder}",
                code="verdicts-not-private",
            )
        return True


def _described(subject: Subject, standing: str) -> dict[str, Any]:
    return {
        "format": _FORMAT,
        "source": subject.source,
        "name": subject.full_name,
        "digest": subject.digest,
        "version": subject.version,
        "kind": subject.kind,
        "standing": standing,
    }


def _verdict(entry: Any, wanted: dict[str, Any]) -> Verdict | None:
    if not isinstance(entry, dict) or any(entry.get(name) != value for name, value in wanted.items()):
        return None
    kept = entry.get("verdict")
    if not isinstance(kept, dict):
        return None
    signers, rule, version, previous = (kept.get(name) for name in ("signers", "rule", "version", "previous"))
    if not isinstance(signers, list) or not all(isinstance(each, str) for each in signers) or not isinstance(rule, str):
        return None
    if not all(each is None or isinstance(each, str) for each in (version, previous)):
        return None
    return Verdict(tuple(signers), (), ask=False, rule=rule, version=version, previous=previous)
