"""Changing one line of a settings file, with everything else in it left as the person wrote it."""

from __future__ import annotations

import os
import tomllib
from typing import TYPE_CHECKING, Any

from ropeway.errors import Refused, StoreError
from ropeway.settings import PROJECT_FILE, TRUE, from_text, key_named, read_file
from ropeway.settings.toml_text import toml_string

if TYPE_CHECKING:
    from pathlib import Path

    from ropeway.settings import Key


def change(path: Path, name: str, text: str | None) -> None:
    """Set (or with None remove) one setting in a file, leaving comments and order of the others as they are.

    Raises:
        UsageError: No such setting, or the value does not fit.
        Refused: ``path`` is a project's file and the setting is the person's.
        StoreError: The file can not be written, or is laid out so that a person has to edit it.
    """
    key = key_named(name)
    if path.name == PROJECT_FILE and not key.project_may_set and text is not None:
        raise Refused(f"{key.name} is yours to set, not a project's", hint="set it in your own configuration", code="project-setting")
    wanted = read_file(path)
    wanted.pop(key.name, None)
    line = None
    if text is not None:
        from_text(key, text, "the new value")
        line = f"{key.name} = {_as_toml(key, text)}"
        wanted.update(tomllib.loads(line))
    try:
        _write(path, _changed(path, key.name, line, wanted))
    except OSError as error:
        if isinstance(error, StoreError):
            raise
        raise StoreError(f"{path} can not be written: {error.strerror}") from error


def _changed(path: Path, name: str, line: str | None, wanted: dict[str, Any]) -> str:
    """Return the file's new text, which has to mean exactly ``wanted``: a line-wise edit may not damage an unusual file."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    top = next((at for at, each in enumerate(lines) if each.lstrip().startswith("[")), len(lines))
    at = next((at for at in range(top) if lines[at].partition("=")[0].strip().strip("\"'") == name), None)
    if at is not None:
        lines[at : at + 1] = [] if line is None else [line]
    elif line is not None:
        lines.insert(top, line)
    text = "".join(f"{each}\n" for each in lines)
    try:
        meant = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        meant = None
    if meant != wanted:
        raise StoreError(f"{path} is laid out in a way that only you can edit", hint=f"write there: {line or f'no line for {name}'}")
    return text


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    aside.write_text(text, encoding="utf-8")
    aside.replace(path)


def _as_toml(key: Key, text: str) -> str:
    if key.kind == "integer":
        return str(int(text))
    if key.kind == "boolean":
        return "true" if text.lower() in TRUE else "false"
    return toml_string(text)
