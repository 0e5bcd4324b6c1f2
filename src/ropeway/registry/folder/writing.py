"""Writing the index of a registry that is a folder: an entry is put into it, and all else that it says stays."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from ropeway.errors import Refused
from ropeway.registry.folder.index import INDEX_NAMES, read_index

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["PathIndex", "open_index"]

_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9._/-]*")
_RESERVED: Final = frozenset({"true", "false", "null"})


class PathIndex:
    """The index of a folder as it was read; ``raw`` is None when there is none yet."""

    def __init__(self, path: Path, raw: bytes | None) -> None:
        self.path = path
        self._raw = raw
        self._data: dict[str, Any] = {} if raw is None else dict(read_index(raw, str(path)).document.data)

    @property
    def entries(self) -> dict[str, Any]:
        """What it says of each workflow."""
        return dict(self._data.get("workflows") or {})

    def place(self, name: str) -> str | None:
        """Return the path of a workflow's definition as it is written there; None when there is none."""
        entry = self.entries.get(name)
        path = entry.get("path") if isinstance(entry, dict) else None
        return path if isinstance(path, str) else None

    def others(self, name: str) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield the other workflows, with the parts of their definitions' paths."""
        for other in self.entries:
            path = self.place(other)
            if other != name and path is not None:
                yield other, tuple(part for part in path.split("/") if part not in {"", "."})

    def with_entry(self, name: str, path: str, description: str | None) -> bytes | None:
        """Return the index with an entry, or None when it says that already. What else stands in the entry stays.

        Raises:
            Refused: Something would be lost: comments further down than its beginning (code ``index-comments``), or what can't be written as it was
                (code ``index-unwritable``).
        """
        entries = self.entries
        before = entries.get(name)
        entry = {**(before if isinstance(before, dict) else {}), "path": path}
        if description:
            entry["description"] = " ".join(description.split())
        if entry == before:
            return None
        entries[name] = entry
        data = {**self._data, "workflows": {key: entries[key] for key in sorted(entries)}}
        by_hand = f"write it yourself, and publish again: {_word(name)}: {json.dumps(entry, ensure_ascii=False)}"
        if self.path.suffix == ".json":
            raw = (json.dumps(data, indent=2, ensure_ascii=False) + "\n").encode()
        else:
            text = (self._raw or b"").decode("utf-8-sig")
            top = _top(text)
            line = _comment_below(text, len("".join(top)))
            if line is not None:
                raise Refused(
                    f"{self.path}:{line}: this comment would be lost when the entry of {name} is written",
                    hint=f"move it to the top of the file; or {by_hand}",
                    code="index-comments",
                )
            lines = [line.rstrip("\r\n") for line in top] + _yaml(data)
            raw = "".join(f"{line}\n" for line in lines).encode()
        if read_index(raw, str(self.path)).document.data != data:
            raise Refused(f"the entry of {name} can not be added to {self.path} without a loss", hint=by_hand, code="index-unwritable")
        return raw


def open_index(folder: Path) -> PathIndex:
    """Return the index that counts.

    Raises:
        InvalidBundle: It can't be read.
    """
    for name in INDEX_NAMES:
        path = folder / name
        with suppress(FileNotFoundError):
            return PathIndex(path, path.read_bytes())
    return PathIndex(folder / INDEX_NAMES[0], None)


def _top(text: str) -> list[str]:
    """Return the lines of comment that an index begins with, and the empty ones among them."""
    found: list[str] = []
    for line in text.splitlines(keepends=True):
        if not line.startswith("#") and line.strip():
            break
        found.append(line)
    return found


def _comment_below(text: str, start: int) -> int | None:
    """Return the line of the first comment behind ``start``: what is between two tokens is white space or comment."""
    if "#" not in text[start:]:
        return None
    import yaml

    at = 0
    for token in yaml.scan(text, Loader=yaml.SafeLoader):
        gap = text.find("#", max(at, start), token.start_mark.index)
        if gap >= 0:
            return text.count("\n", 0, gap) + 1
        at = token.end_mark.index
        if isinstance(token, yaml.ScalarToken) and token.style in {"|", ">"}:
            header = text[token.start_mark.index : at].partition("\n")[0]
            if "#" in header:
                return int(token.start_mark.line) + 1
    return None


def _yaml(data: dict[str, Any]) -> list[str]:
    """Return an index as lines: an entry a line; JSON is YAML, so what is not ours is written as that."""
    lines: list[str] = []
    for key, value in data.items():
        if key != "workflows":
            lines.append(f"{_word(key)}: {_word(value)}")
            continue
        lines.append("workflows:")
        for name, entry in value.items():
            if not isinstance(entry, dict) or not entry:
                lines.append(f"  {_word(name)}: {_word(entry)}")
                continue
            lines.append(f"  {_word(name)}:")
            lines += [f"    {_word(each)}: {_word(said)}" for each, said in entry.items()]
    return lines


def _word(value: Any) -> str:
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _RESERVED:
        return value
    return json.dumps(value, ensure_ascii=False)
