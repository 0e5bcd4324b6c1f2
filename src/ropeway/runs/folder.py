"""One run's folder in the state directory, drawn once, here.

::

    $XDG_STATE_HOME/ropeway/
      index.db            derived: one row per run, for history and filters
      groups/             lock files of concurrency groups
      runs/<id>/
        lock              flock: who holds it owns the run
        plan.json         what is carried out
        journal           what happened, one event a line: the truth
        logs/N.out .err .idx
        outputs/          where steps write their outputs
        files/            scripts and large values that steps read
        bundles/          files of workflows that came from elsewhere
        answers/          answers to gates that a runner has yet to take
        artifacts/NAME/   collected files
        secrets.json      outputs of type secret, mode 0600, until the run has succeeded
        shell-…/          what a person's shell was given, while it is open
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from typing import TYPE_CHECKING, Any

from ropeway.errors import Busy, NotFound, Refused, RopewayError, StoreError
from ropeway.lang.plan import plan_from_json
from ropeway.runs import state as states
from ropeway.runs.events import FORMAT
from ropeway.runs.journal import read_events

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ropeway.lang.plan import Plan
    from ropeway.runs.events import RunEvent
    from ropeway.runs.state import RunState

_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"


def file_name(address: str) -> str:
    """Return a step's address as the beginning of a file's name; one that is too long for a file system is cut and told apart by a digest."""
    name = address.replace("/", ".")
    if len(name) <= 150:
        return name
    import hashlib

    return f"{name[:100]}.{hashlib.sha256(address.encode()).hexdigest()[:20]}"


class RunFolder:
    """The folder of one run; holds no state of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.id = path.name
        self.journal = path / "journal"
        self.logs = path / "logs"
        self.outputs = path / "outputs"
        self.files = path / "files"
        self.answers = path / "answers"
        self.artifacts = path / "artifacts"

    def __repr__(self) -> str:
        return f"RunFolder({str(self.path)!r})"

    def lock(self) -> int:
        """Become the run's owner and return the lock's descriptor; the run has this owner until it is closed in every process that shares it.

        Raises:
            Busy: Another process owns the run.
            NotFound: It was removed just now.
        """
        try:
            fd = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _unusable(self.path, error) from error
        if not _locked(fd):
            os.close(fd)
            raise Busy(
                f"run {self.id} is being carried out by {self._owner() or 'another process'}",
                hint=f"watch it with `workflow logs {self.id} -f`, or end it with `workflow cancel {self.id}`",
                code="run-busy",
            )
        if not self._holds(fd):
            os.close(fd)
            raise NotFound(f"run {self.id} was removed just now", hint="`workflow runs` lists those that are there", code="run-not-found")
        return fd

    def _holds(self, fd: int) -> bool:
        """Whether a descriptor is the run's lock still: whoever removes a run moves its folder away while holding that."""
        try:
            return os.path.samestat(os.fstat(fd), os.stat(self.path / "lock"))
        except OSError:
            return False

    def _owner(self) -> str:
        """Return who carries the run out, in words for people; empty when the journal does not say, or not yet."""
        from ropeway.runs import proctable

        actor, pid, began = "", 0, ""
        try:
            for event in self.events():
                if event.event in ("run.created", "run.started"):
                    actor = event.data.get("actor") or actor
                if event.event in ("run.started", "run.queued"):
                    pid, began = event.data.get("pid", 0), event.data.get("pid_started", "")
        except StoreError:
            return ""
        entry = proctable.entry(pid) if pid else None
        return f"{actor or 'somebody'} (process {pid})" if entry is not None and entry.started == began else ""

    @property
    def owned(self) -> bool:
        """Whether some process owns the run now."""
        try:
            fd = os.open(self.path / "lock", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(fd)
        return False

    def plan(self) -> Plan:
        """Return the recorded plan.

        Raises:
            Refused: A newer program wrote it.
            StoreError: It can't be read.
        """
        try:
            data = json.loads((self.path / "plan.json").read_bytes())
        except (OSError, ValueError) as error:
            raise StoreError(f"can't read the plan of run {self.id}: {error}", code="plan-read") from error
        try:
            return plan_from_json(data)
        except Refused as error:
            raise _newer(self.id, error.message) from error

    def events(self, *, after: int = 0) -> Iterator[RunEvent]:
        """Yield the run's events; see :func:`ropeway.runs.journal.read_events`."""
        return read_events(self.journal, after=after)

    def state(self, plan: Plan | None = None) -> RunState:
        """Return the run's state as it is now: as recorded, or *interrupted* when nobody owns a run recorded as running.

        Raises:
            Refused: A newer program wrote the journal.
        """
        # Asked before reading: an owner that ends in between has then written its last event before we read.
        owned = self.owned
        step_ids = [s.id for s in (plan or self.plan()).template.steps]
        found = states.fold(self.id, step_ids, self.events())
        if found.format > FORMAT:
            raise _newer(self.id, f"the journal has format {found.format}, this program reads up to {FORMAT}")
        if not owned:
            states.interrupt(found)
        return found

    def tidy(self) -> None:
        """Make ready for being carried out: the folder for outputs is there, and what a crash left in it and in ``files`` is gone.

        Raises:
            StoreError: The state directory can't be written.
        """
        try:
            os.makedirs(self.outputs, mode=0o700, exist_ok=True)
            for folder in (self.outputs, self.files):
                if os.path.isdir(folder):
                    for name in os.listdir(folder):
                        os.unlink(f"{folder}/{name}")
        except OSError as error:
            raise _unusable(self.path, error) from error

    def write(self, folder: Path, name: str, data: bytes, *, mode: int = 0o600) -> Path:
        """Write a file below the run's folder at once (other processes see all of it or nothing) and return its path."""
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            path, part = folder / name, folder / f".{name}.{os.getpid()}"
            with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode), "wb") as file:
                file.write(data)
            os.replace(part, path)
        except OSError as error:
            raise _unusable(folder, error) from error
        return path


def _locked(fd: int) -> bool:
    """Take a lock. Whoever only looks at a run, or ends what a dead one left, holds it for a moment, so a failure counts when it lasts."""
    for patience in (0.0, 0.01, 0.02, 0.04, 0.08, 0.15, 0.3, 0.4, 0.0):
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(patience)
        else:
            return True
    return False


def _newer(run: str, what: str) -> Refused:
    return Refused(f"run {run} was written by a newer version of ropeway: {what}", hint="update ropeway", code="newer-format")


def _unusable(path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"can't use the state directory {path}: {error.strerror}",
        hint="make it writable or make room, or name another one with XDG_STATE_HOME",
        code="state-directory",
    )


class RunStore:
    """All runs of one state directory."""

    def __init__(self, state_dir: Path) -> None:
        self.state_dir = state_dir
        self.runs = state_dir / "runs"

    def create(self, plan: dict[str, Any] | Callable[[Path], dict[str, Any]]) -> RunFolder:
        """Make the folder of a new run with its plan; it becomes a run with its first event.

        Args:
            plan: The plan's document, or what makes it and may put what the plan needs into the folder that it is given.

        Raises:
            StoreError: The state directory can't be written.
        """
        try:
            while True:
                path = self.runs / _new_id()
                try:
                    path.mkdir(mode=0o700)
                    break
                except FileNotFoundError:
                    self.runs.mkdir(mode=0o700, parents=True, exist_ok=True)
                except FileExistsError:
                    continue
        except OSError as error:
            raise _unusable(self.runs, error) from error
        folder = RunFolder(path)
        try:
            data = json.dumps(plan if isinstance(plan, dict) else plan(path), separators=(",", ":")).encode()
        except OSError as error:  # a refusal is one, too
            import shutil

            shutil.rmtree(path, ignore_errors=True)
            if isinstance(error, RopewayError):
                raise
            raise _unusable(path, error) from error
        folder.write(path, "plan.json", data)
        return folder

    def ids(self) -> list[str]:
        """Return the ids of all runs, in no particular order."""
        try:
            return [e.name for e in os.scandir(self.runs) if not e.name.startswith(".") and os.path.exists(f"{e.path}/journal")]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StoreError(f"can't read {self.runs}: {error.strerror}", code="state-directory") from error

    def find(self, prefix: str) -> RunFolder:
        """Return the run that an id or a unique prefix names.

        Raises:
            NotFound: No run, or several, have that prefix.
        """
        if prefix and (self.runs / prefix / "journal").exists() and "/" not in prefix:
            return RunFolder(self.runs / prefix)
        found = sorted(i for i in self.ids() if i.startswith(prefix)) if prefix else []
        if len(found) == 1:
            return RunFolder(self.runs / found[0])
        if not found:
            raise NotFound(f"no run {prefix!r}", hint="`workflow runs` lists them", code="run-not-found")
        shown = ", ".join(found[:5]) + (", …" if len(found) > 5 else "")
        raise NotFound(f"{prefix!r} is the beginning of {len(found)} runs: {shown}", hint="type more of it", code="run-ambiguous")

    def latest(self) -> RunFolder:
        """Return the newest run.

        Raises:
            NotFound: There is none.
        """
        ids = self.ids()
        if not ids:
            raise NotFound("there are no runs yet", hint="start one with `workflow run`", code="run-not-found")
        return RunFolder(self.runs / max(ids, key=lambda i: _born(self.runs / i)))


def _born(path: Path) -> float:
    try:
        return (path / "plan.json").stat().st_mtime
    except OSError:
        return 0.0


def _new_id() -> str:
    """Return ten letters and digits (50 random bits), a letter first: easy to type by its first three or four."""
    number = int.from_bytes(os.urandom(8))
    letters = _ALPHABET[number % 26]
    for _ in range(9):
        number //= 32
        letters += _ALPHABET[number % 32]
    return letters
