"""``workflow.lock``: what every reference of a project means, exactly, until somebody says otherwise.

::

    # Written by `workflow lock` ...
    version = 1

    [[reference]]
    reference = "build@acme#^1.2"
    source = "oci://ghcr.io/acme/workflows/build"
    registry = "acme"
    name = "build"
    version = "1.4.0"
    digest = "sha256:..."
    tree = "sha256:..."
    file = "workflow.toml"
    signers = ["sha256:..."]
    kind = "workflow"

Entries are sorted by reference, keys always stand in this order, and an empty or absent one is left out, so that the same content has the
same bytes and a merge of two branches touches few lines.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, cast, get_args

from ropeway.errors import Refused, StoreError, UsageError
from ropeway.records import record
from ropeway.registry import Kind
from ropeway.registry.cache.files import flocked, guarded, write_at_once
from ropeway.registry.toml_files import decoded, loads
from ropeway.settings.toml_text import toml_string

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

__all__ = ["FILE", "Lock", "Locked"]

FILE: Final = "workflow.lock"
_FORMAT: Final = 1
_HEAD: Final = "# Written by `workflow lock` and `workflow upgrade`; keep it with the project's other files, and do not edit it.\n"
_ANEW: Final = "`workflow lock` writes it anew"


@record
class Locked:
    """What one reference means.

    ``reference`` is as the project writes it. ``source``, ``registry``, ``name``, ``version`` and ``digest`` are those of the
    :class:`~ropeway.registry.Pin`, ``tree`` and ``file`` those of what was fetched. ``signers`` are the key ids of who signed it, sorted;
    empty when nobody did.
    """

    reference: str
    source: str
    name: str
    digest: str
    tree: str
    file: str
    registry: str | None = None
    version: str | None = None
    signers: tuple[str, ...] = ()
    kind: Kind = "workflow"


@record
class Lock:
    """All that is locked, one entry for a reference and kind, sorted."""

    entries: tuple[Locked, ...] = ()

    @classmethod
    def read(cls, path: Path) -> Lock:
        """Read a lock file; one that is not there locks nothing.

        Raises:
            UsageError: It is not what ``workflow lock`` writes; the message has the line.
            Refused: A newer version of ropeway wrote it.
            StoreError: It can't be read.
        """
        try:
            raw = path.read_bytes()
        except FileNotFoundError:
            return cls()
        except OSError as error:
            raise StoreError(f"{path} can't be read: {error.strerror}", hint="check who owns it", code="lock-unreadable") from error
        return parse(raw, str(path))

    def find(self, reference: str, kind: Kind = "workflow") -> Locked | None:
        """Return what a reference is locked to, None when it is not."""
        return next((entry for entry in self.entries if (entry.reference, entry.kind) == (reference, kind)), None)

    def adding(self, entries: Iterable[Locked]) -> Lock:
        """Return a lock with these entries too, each in place of the one for the same reference and kind."""
        found = {(entry.reference, entry.kind): entry for entry in (*self.entries, *entries)}
        return Lock(tuple(found[key] for key in sorted(found)))

    def keeping(self, references: Iterable[str]) -> Lock:
        """Return a lock with the entries of these references only."""
        wanted = frozenset(references)
        return Lock(tuple(entry for entry in self.entries if entry.reference in wanted))

    def text(self) -> str:
        """Return the file's text: the same for the same entries, in whatever order they came."""
        parts = [f"{_HEAD}version = {_FORMAT}\n"]
        parts += (_entry_text(entry) for entry in sorted(self.entries, key=lambda entry: (entry.reference, entry.kind)))
        return "\n".join(parts)

    def write(self, path: Path) -> None:
        """Write the file at once, and only when it would change; for changing one that others may change too, see :func:`update`.

        Raises:
            StoreError: It can't be written.
        """
        data = self.text().encode()
        with guarded(path.parent, f"{path} can't be written; check who owns the folder"):
            try:
                if path.read_bytes() == data:
                    return
            except FileNotFoundError:
                pass
            write_at_once(path, data, sync=True)


def update(path: Path, change: Callable[[Lock], Lock]) -> Lock:
    """Read a lock file, change it and write it, while nobody else does; return what it holds now.

    Raises:
        UsageError, Refused, StoreError: As :meth:`Lock.read` and :meth:`Lock.write` do.
    """
    if path.is_symlink() and not path.resolve().is_relative_to(path.parent.resolve()):
        hint = f"it comes with the project, and would be written at {path.resolve()}: remove the link"
        raise Refused(f"{path} is a link that leads out of the project", hint=hint, code="lock-link")
    with guarded(path.parent, "check who owns the folder"), flocked(path.parent):
        changed = change(Lock.read(path))
        changed.write(path)
    return changed


def _entry_text(entry: Locked) -> str:
    lines = ["[[reference]]"]
    for name in _KEYS:
        value = getattr(entry, name)
        if isinstance(value, tuple):
            value = f"[{', '.join(toml_string(each) for each in sorted(value))}]" if value else None
        elif value is not None:
            value = toml_string(value)
        if value is not None:
            lines.append(f"{name} = {value}")
    return "".join(f"{line}\n" for line in lines)


# -- reading ----------------------------------------------------------------------------------------------------------------------------

_KEYS: Final = ("reference", "source", "registry", "name", "version", "digest", "tree", "file", "signers", "kind")
_NEEDED: Final = ("reference", "source", "name", "digest", "tree", "file")
_CONFLICT: Final = re.compile(r"^(?:<{7,}|>{7,}|\|{7,}|={7,}|%{7,}|\+{7,})(?: |$)", re.MULTILINE)
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}|git:(?:[0-9a-f]{40}|[0-9a-f]{64})")
_TREE: Final = re.compile(r"sha256:[0-9a-f]{64}")


def parse(raw: bytes, where: str) -> Lock:
    """Read the bytes of a lock file; ``where`` is its name for messages. Errors are those of :meth:`Lock.read`."""
    text = decoded(raw, where, _ANEW, "invalid-lock")
    conflict = _CONFLICT.search(text)
    if conflict is not None:
        hint = f"take one side, then `workflow lock` completes it; or remove the file: {_ANEW}"
        message = f"{where}:{_line_at(text, conflict.start())}: two changes of this file were merged and are in conflict"
        raise UsageError(message, hint=hint, code="lock-conflict")
    return _checked(loads(text, where, _ANEW, "invalid-lock"), text, where)


def _checked(document: dict[str, Any], text: str, where: str) -> Lock:
    version = document.pop("version", None)
    if isinstance(version, int) and not isinstance(version, bool) and version > _FORMAT:
        raise Refused(
            f"{where} was written by a newer version of ropeway: its format is {version}, this one reads {_FORMAT}",
            hint="update ropeway",
            code="newer-format",
        )
    entries = document.pop("reference", [])
    if version != _FORMAT or isinstance(version, bool) or document or not isinstance(entries, list):
        key, extra = "version", f"it does not begin with `version = {_FORMAT}`"
        if document:
            key = next(iter(document))
            extra = f"`{key}` does not belong here"
        elif not isinstance(entries, list):
            key, extra = "reference", "`reference` is no list of tables"
        line = _line_of(text, key, 0)
        raise UsageError(f"{where}:{line}: this is no lock file: {extra}", hint=_ANEW, code="invalid-lock")
    found: dict[tuple[str, str], Locked] = {}
    for number, entry in enumerate(entries, 1):
        key, problem = _problem(entry)
        if not problem:
            made = Locked(**{**entry, "signers": tuple(entry.get("signers", ()))})
            if (made.reference, made.kind) in found:
                key, problem = "reference", f"`{made.reference}` is locked twice"
            found[made.reference, made.kind] = made
        if problem:
            raise UsageError(f"{where}:{_line_of(text, key, number)}: {problem}", hint=_ANEW, code="invalid-lock")
    return Lock(tuple(found[key] for key in sorted(found)))


def _problem(entry: object) -> tuple[str, str]:
    """Return the key that is wrong in an entry and what is, both empty when nothing is."""
    if not isinstance(entry, dict):
        return "reference", "an entry is a table"
    for key, value in entry.items():
        if key not in _KEYS:
            return key, f"`{key}` does not belong here"
        if key == "signers":
            if not isinstance(value, list) or not all(isinstance(each, str) and each for each in value):
                return key, "`signers` is a list of key ids"
        elif not isinstance(value, str):
            return key, f"`{key}` is text"
    missing = next((key for key in _NEEDED if key not in entry), None)
    if missing is not None:
        return "", f"`{missing}` is missing"
    if not entry["reference"]:
        return "reference", "`reference` is empty"
    return _bad_value(cast("dict[str, str]", entry))


def _bad_value(entry: dict[str, str]) -> tuple[str, str]:
    if _DIGEST.fullmatch(entry["digest"]) is None:
        return "digest", "`digest` is sha256: or git: with all hexadecimal digits"
    if _TREE.fullmatch(entry["tree"]) is None:
        return "tree", "`tree` is sha256: with 64 hexadecimal digits"
    if not entry["file"] or "\0" in entry["file"] or any(part in {"", ".", ".."} for part in entry["file"].split("/")):
        return "file", "`file` is a path below the tree, without `.` and `..`"
    if entry.get("kind", "workflow") not in get_args(Kind):
        return "kind", f"`kind` is one of {', '.join(get_args(Kind))}"
    return "", ""


def _line_at(text: str, offset: int) -> int:
    return text.count("\n", 0, offset) + 1


def _line_of(text: str, key: str, number: int) -> int:
    """Return the line of a key in the ``number``-th entry (0: before all of them), that of the entry when the key is not found there."""
    lines = text.split("\n")
    heads = [at for at, line in enumerate(lines) if line.strip().startswith("[[reference]]")]
    start = heads[number - 1] if 0 < number <= len(heads) else 0
    end = heads[number] if number < len(heads) else len(lines)
    pattern = re.compile(rf"""\s*["']?{re.escape(key)}["']?\s*[=.]""")
    return next((at + 1 for at in range(start, end) if key and pattern.match(lines[at])), start + 1)
