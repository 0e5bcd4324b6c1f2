"""Changing ``registries.toml`` with everything else in it left as the person wrote it.

The text is edited line by line, then read again: when it does not mean exactly what it should (a table written inline, a list over several
lines), nothing is written and the person is told what to write.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from ropeway.errors import NotFound, StoreError, UsageError
from ropeway.registry.cache.files import flocked, guarded, write_at_once
from ropeway.registry.config import check_name, line_of, make, parse
from ropeway.registry.toml_files import loads
from ropeway.settings.toml_text import toml_string

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from ropeway.registry.config import Registries

__all__ = ["add", "exists", "remove", "set_default"]

_ORDER: Final = ("type", "source", "ca", "pin", "update")
_HINT: Final = "check who owns it"


def add(
    path: Path, name: str, table: Mapping[str, Any], *, default: bool = False, force: bool = False, dry_run: bool = False
) -> Registries:
    """Add a registry, and return all of them.

    Args:
        path: ``registries.toml``.
        name: Its name.
        table: Its keys, as they are to stand in the file.
        default: Make it the default one.
        force: Put it in the place of one of the same name.
        dry_run: Only check.

    Raises:
        UsageError: The name or a value does not fit, or there is one of this name.
        StoreError: The file can't be written, or only a person can edit it.
    """
    check_name(name)
    make(name, table)

    def change(text: str, document: dict[str, Any]) -> str:
        tables = document.setdefault("registries", {})
        if name in tables and not force:
            raise exists(name)
        text = _replaced(text, name, table) if name in tables else _appended(text, name, table)
        tables[name] = dict(table)
        if default:
            document["default"] = name
            text = _with_default(text, name)
        return text

    return _change(path, change, f"[registries.{name}] with {' and '.join(_lines(table))}", dry_run=dry_run)


def remove(path: Path, name: str) -> Registries:
    """Remove a registry, and return those that stay. When it was the default one, there is none any more.

    Raises:
        NotFound: There is none of this name.
        StoreError: The file can't be written, or only a person can edit it.
    """

    def change(text: str, document: dict[str, Any]) -> str:
        _needed(document, name)
        del document["registries"][name]
        if not document["registries"]:
            del document["registries"]
        lines = text.split("\n")
        start, end = _section(lines, name)
        while start and not lines[start - 1].strip() and (end >= len(lines) or not lines[end].strip()):
            start -= 1  # one empty line between what stays is enough
        while not start and lines[end : end + 1] == [""]:
            end += 1
        text = "\n".join([*lines[:start], *lines[end:]])
        if document.get("default") == name:
            del document["default"]
            text = _with_default(text, None)
        return text

    return _change(path, change, f"no [registries.{name}], and no default of that name")


def set_default(path: Path, name: str) -> Registries:
    """Make a registry the default one, and return all of them; raises as :func:`remove` does."""

    def change(text: str, document: dict[str, Any]) -> str:
        _needed(document, name)
        document["default"] = name
        return _with_default(text, name)

    return _change(path, change, f"default = {toml_string(name)}")


def exists(name: str) -> UsageError:
    """Return the error for a name that is taken."""
    hint = f"choose another name, or say --force to put this one in its place; `workflow registry show {name}` shows it"
    return UsageError(f"there is a registry `{name}` already", hint=hint, code="registry-exists")


def _needed(document: dict[str, Any], name: str) -> None:
    if name not in document.get("registries", {}):
        hint = "`workflow registry list` shows those there are"
        raise NotFound(f"no registry is called `{name}`", hint=hint, code="registry-not-found")


def _change(path: Path, change: Callable[[str, dict[str, Any]], str], wanted: str, *, dry_run: bool = False) -> Registries:
    """Change the file while nobody else does. ``wanted`` is what a person has to write where this can't."""
    with guarded(path.parent, _HINT):
        if not dry_run:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if dry_run and not path.parent.exists():
            return parse(change("", {}).encode(), str(path))
        with flocked(path.parent):
            raw = path.read_bytes() if path.exists() else b""
            parse(raw, str(path))  # what is wrong already is said with its line
            document = loads(raw.decode(), str(path), _HINT, "invalid-registries")
            text = change(raw.decode().replace("\r\n", "\n"), document)
            try:
                meant = loads(text, str(path), _HINT, "invalid-registries")
            except UsageError:
                meant = None
            if meant != document:
                raise StoreError(
                    f"{path} is laid out in a way that only you can edit", hint=f"write there: {wanted}", code="registries-layout"
                )
            if not dry_run:
                write_at_once(path, text.encode(), mode=0o600, sync=True)
    return parse(text.encode(), str(path))


# -- lines ------------------------------------------------------------------------------------------------------------------------------


def _lines(table: Mapping[str, Any]) -> list[str]:
    return [f"{key} = {_value(table[key])}" for key in _ORDER if key in table]


def _value(value: Any) -> str:
    return f"[{', '.join(toml_string(each) for each in value)}]" if isinstance(value, list) else toml_string(value)


def _appended(text: str, name: str, table: Mapping[str, Any]) -> str:
    before = f"{text.rstrip()}\n\n" if text.strip() else ""
    return before + "".join(f"{line}\n" for line in (f"[registries.{name}]", *_lines(table)))


def _replaced(text: str, name: str, table: Mapping[str, Any]) -> str:
    """Return the text with other keys in a section; its comments stay."""
    lines = text.split("\n")
    start, end = _section(lines, name)
    kept = [line for line in lines[start + 1 : end] if not _KEY.match(line)]
    return "\n".join([*lines[: start + 1], *_lines(table), *kept, *lines[end:]])


_KEY: Final = re.compile(r"""\s*["']?(?:type|source|ca|pin|update)["']?\s*=""")


def _section(lines: list[str], name: str) -> tuple[int, int]:
    """Return where a registry's section begins and ends. Comments right above the next header belong to that one."""
    start = line_of("\n".join(lines), name) - 1
    end = start + 1
    while end < len(lines) and not lines[end].lstrip().startswith("["):
        end += 1
    while end < len(lines) and end > start + 1 and lines[end - 1].lstrip().startswith("#"):
        end -= 1
    while end > start + 1 and not lines[end - 1].strip():
        end -= 1
    return start, end


_DEFAULT: Final = re.compile(r"""(\s*["']?default["']?\s*=\s*)("[^"]*"|'[^']*')(.*)""")


def _with_default(text: str, name: str | None) -> str:
    """Return the text with another default at its top, or with none."""
    lines = text.split("\n")
    top = next((at for at, line in enumerate(lines) if line.lstrip().startswith("[")), len(lines))
    at = next((at for at in range(top) if _DEFAULT.fullmatch(lines[at])), None)
    if at is not None:
        found = _DEFAULT.fullmatch(lines[at])
        assert found is not None
        if name is not None:
            lines[at] = f"{found[1]}{toml_string(name)}{found[3]}"
        else:
            alone = lines[at + 1 : at + 2] == [""] and (not at or not lines[at - 1].strip())
            del lines[at : at + 1 + alone]
    elif name is not None:
        start = next((at for at, line in enumerate(lines) if not line.startswith("#")), len(lines))
        start = start + 1 if start and lines[start : start + 1] == [""] else 0  # below a comment that is about the whole file
        lines[start:start] = [f"default = {toml_string(name)}", ""]
    return "\n".join(lines)
