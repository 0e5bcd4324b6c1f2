"""Where a workflow stands in a folder or a repository: the index that lists it, or the places where it is looked for without one. Pure.

An index is ``index.yaml`` or ``index.json`` at the root::

    workflows:
      build: {path: workflows/build.toml, description: Builds and tests}
      acme/deploy: {path: deploy/workflow.yaml}

Other keys are left alone: other programs keep an ``index.yaml`` as well.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from ropeway.bundles.problems import InvalidBundle
from ropeway.errors import NotFound
from ropeway.lang.hints import did_you_mean, noun, shown
from ropeway.lang.source import Document, read_document
from ropeway.records import record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ropeway.lang.diagnostics import Location
    from ropeway.lang.diagnostics import Path as Place

__all__ = ["ENDINGS", "INDEX_NAMES", "Index", "discovered", "matches", "no_such_workflow", "places", "read_index"]

INDEX_NAMES: Final = ("index.yaml", "index.json")
"""What an index may be called, the one that counts first."""
ENDINGS: Final = (".toml", ".yaml", ".yml")
_SHAPE: Final = "an index is a table of tables, workflows: {NAME: {path: workflows/NAME.toml, description: …}}"
_MANY: Final = 12
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]*(?:/[a-z0-9][a-z0-9._-]*)?")
"""What a reference can name."""


@record
class Index:
    """An index as read. Its entries are checked one by one, when they are asked for: a slip in one does not hide the others."""

    document: Document
    entries: dict[str, Any]
    found: bool = True
    """Whether the file has ``workflows`` at all."""

    def __contains__(self, name: str) -> bool:
        return name in self.entries

    def path(self, name: str) -> str:
        """Return the definition's path in the folder, with slashes and nothing to normalise.

        Raises:
            InvalidBundle: The entry is no table, or its path is missing, absolute, leads out of the folder, or names no workflow file.
        """
        entry = self.entries[name]
        here: Place = ("workflows", name)
        if not isinstance(entry, dict):
            raise self._wrong(here, f"the entry of {shown(name)} is {noun(entry)}", _SHAPE)
        if "path" not in entry:
            raise self._wrong(
                here, f"the entry of {shown(name)} has no path", f"add path: workflows/{name.rpartition('/')[2]}.toml", key=True
            )
        path = entry["path"]
        here = (*here, "path")
        if not isinstance(path, str) or not path.strip():
            said = "empty" if isinstance(path, str) else noun(path)
            raise self._wrong(here, f"the path of {shown(name)} is {said}", "name a file, from the index's folder on")
        if path.startswith(("/", "~")):
            raise self._wrong(here, f"the path of {shown(name)} is absolute: {shown(path)}", "write it from the index's folder on")
        parts = [part for part in path.split("/") if part not in {"", "."}]
        if ".." in parts:
            raise self._wrong(
                here, f"the path of {shown(name)} leads upwards: {shown(path)}", "a workflow stands in the index's folder or below it"
            )
        if not path.endswith(ENDINGS):
            raise self._wrong(here, f"the path of {shown(name)} is not a workflow file: {shown(path)}", "it ends in .toml, .yaml or .yml")
        return "/".join(parts)

    def description(self, name: str) -> str | None:
        """Return what the index says about a workflow; None when it says nothing that is text."""
        entry = self.entries[name]
        said = entry.get("description") if isinstance(entry, dict) else None
        return said if isinstance(said, str) else None

    def place(self, name: str) -> str:
        """Return ``file:line:column`` of a workflow's path, for messages about what it names."""
        return _place(self.document.locate(("workflows", name, "path")))

    def _wrong(self, path: Place, message: str, hint: str, *, key: bool = False) -> InvalidBundle:
        return InvalidBundle(f"{_place(self.document.locate(path, key=key))}: {message}", hint=hint, code="invalid-index")


def read_index(raw: bytes, name: str) -> Index:
    """Read an index.

    Args:
        raw: The file's bytes.
        name: What people know it as; ``.json`` at its end says that it is JSON.

    Raises:
        InvalidBundle: It can't be read, or ``workflows`` is no table; the message begins with ``file:line:column``.
    """
    document = _json(raw, name) if name.endswith(".json") else _yaml(raw, name)
    data = document.data
    if "workflows" not in data:
        return Index(document, {}, found=False)
    entries = data["workflows"]
    if not isinstance(entries, dict):
        place = _place(document.locate(("workflows",)))
        raise InvalidBundle(f"{place}: workflows is {noun(entries)}", hint=_SHAPE, code="invalid-index")
    return Index(document, {str(key): value for key, value in entries.items()})


def _yaml(raw: bytes, name: str) -> Document:
    document, diagnostics = read_document(raw, name, format="yaml")
    for each in diagnostics:
        if each.severity == "error":
            raise InvalidBundle(f"{_place(each.location)}: {each.message}", hint=each.hint, code="invalid-index")
    return document


def _json(raw: bytes, name: str) -> Document:
    try:
        text = raw.decode("utf-8-sig")
        data = json.loads(text)
    except UnicodeDecodeError as error:
        raise InvalidBundle(f"{name}: it is not UTF-8: {error.reason}", hint="save it as UTF-8", code="invalid-index") from None
    except json.JSONDecodeError as error:
        raise InvalidBundle(
            f"{name}:{error.lineno}:{error.colno}: {error.msg}", hint="check the JSON there", code="invalid-index"
        ) from None
    except (ValueError, RecursionError) as error:
        raise InvalidBundle(f"{name}: {error}", hint="check the JSON", code="invalid-index") from None
    if not isinstance(data, dict):
        raise InvalidBundle(f"{name}:1:1: the index is {noun(data)}", hint=_SHAPE, code="invalid-index")
    # JSON is YAML for whoever looks for positions, but for tabs.
    return Document(name, text.replace("\t", " "), "yaml", data)


def _place(location: Location) -> str:
    return f"{location.file}:{location.line}:{location.column}"


# -- without an index -------------------------------------------------------------------------------------------------------------------


def places(name: str) -> Iterator[str]:
    """Yield the paths where a workflow is looked for when no index lists it, the first one that exists counts."""
    for stem in (f"workflows/{name}", name, f"{name}/workflow"):
        for ending in ENDINGS:
            yield stem + ending


def discovered(paths: Iterable[str]) -> list[str]:
    """Return the names that :func:`places` finds among the files of a repository, sorted."""
    names = set()
    for path in paths:
        stem = next((path.removesuffix(ending) for ending in ENDINGS if path.endswith(ending)), None)
        if stem is None or path in INDEX_NAMES:
            continue
        if stem.startswith("workflows/") and stem.count("/") <= 2:
            name = stem.removeprefix("workflows/")
        elif stem.endswith("/workflow") and stem.count("/") <= 2:
            name = stem.removesuffix("/workflow")
        elif "/" not in stem:
            name = stem
        else:
            continue
        if _NAME.fullmatch(name):
            names.add(name)
    return sorted(names)


# -- for people -------------------------------------------------------------------------------------------------------------------------


def no_such_workflow(name: str, where: str, names: Sequence[str]) -> NotFound:
    """Return the error for a name that is not there; its hint says what is."""
    if not names:
        hint = (
            "it has none: a workflow stands in workflows/NAME.toml, in NAME.toml or in NAME/workflow.toml (or .yaml), or in an index.yaml"
        )
    else:
        listed = ", ".join(names[:_MANY]) + (f" and {len(names) - _MANY} more" if len(names) > _MANY else "")
        near = did_you_mean(name, names)
        hint = f"{near} " if near else ""
        hint += f"it has {listed}"
    return NotFound(f"{where} has no workflow {shown(name)}", hint=hint, code="workflow-not-found")


def matches(query: str, *texts: str | None) -> bool:
    """Whether every word of a query is in one of the texts, upper and lower case alike."""
    held = "\n".join(text for text in texts if text).casefold()
    return all(word in held for word in query.casefold().split())
