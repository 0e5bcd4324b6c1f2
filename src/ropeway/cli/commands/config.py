"""`workflow config`: read and change settings."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ropeway import settings
from ropeway.app.projects import find_project
from ropeway.cli.console import clean
from ropeway.cli.group import argument, option, verb_group
from ropeway.cli.text import table
from ropeway.errors import NotFound, UsageError

if TYPE_CHECKING:
    import click

    from ropeway.cli.console import Console


def _complete(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    return [key.name for key in settings.SCHEMA if key.name.startswith(incomplete)]


def _settings() -> settings.Settings:
    return settings.load(find_project(Path.cwd()), os.environ)


def _json(setting: settings.Setting) -> dict[str, Any]:
    return {"key": setting.key.name, "value": setting.value, "origin": setting.origin, "place": setting.place or None}


def _text(setting: settings.Setting) -> str:
    return clean(settings.as_text(setting.key, setting.value))


@verb_group(short_help="Read and change settings.")
def command() -> None:
    """Read and change settings.

    A value is taken from the environment, else the project's .ropeway.toml, else your config.toml, else it is the default.
    """


@command.command("list")
def list_(console: Console) -> None:
    """List every setting, its value and where it came from."""
    found = list(_settings())
    if console.json:
        for setting in found:
            console.object({**_json(setting), "description": setting.key.doc})
        return
    rows = [(s.key.name, _text(s) or '""', s.origin + (f" {s.place}" if s.place else ""), s.key.doc) for s in found]
    lines = table([("KEY", "VALUE", "FROM", "MEANING"), *rows])
    console.data(console.styled(lines[0], "dim"))
    for line in lines[1:]:
        console.data(line)


@command.command("get")
@argument("key", shell_complete=_complete)
def get(console: Console, *, key: str) -> None:
    """Print the value of KEY."""
    setting = _settings().get(key)
    if console.json:
        console.object(_json(setting))
    else:
        console.data(_text(setting))


@command.command("set")
@argument("key", shell_complete=_complete)
@argument("value", required=False)
@option("--unset", is_flag=True, help="Remove the setting from the file instead.")
@option("--project", is_flag=True, help="Write to the project's .ropeway.toml instead of your own file.")
def set_(console: Console, *, key: str, value: str | None, unset: bool, project: bool) -> None:
    """Set KEY to VALUE in your config.toml."""
    from ropeway.settings.edit import change

    if (value is None) != unset:
        hint = "`workflow config set KEY VALUE`, or `workflow config set KEY --unset`"
        raise UsageError("give a value, or --unset, not both" if unset else "there is no value", hint=hint)
    path = settings.config_dir(os.environ) / settings.USER_FILE
    if project:
        root = find_project(Path.cwd())
        if root is None:
            raise NotFound("there is no project here", hint="leave out --project, or `workflow init` first", code="no-project")
        path = root / settings.PROJECT_FILE
    change(path, key, value)
    now = _settings().get(key)
    if console.json:
        console.object(_json(now))
        return
    console.say(f"{'removed' if unset else 'set'} {now.key.name} in {path}")
    if str(path) != now.place and now.origin != "default":
        console.warning(f"{now.place} sets {now.key.name} as well, and wins: {_text(now)}")
