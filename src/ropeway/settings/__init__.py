"""What a person can set once: the one documented table, and where each value comes from.

A value is taken from the environment (``ROPEWAY_MAX_PARALLEL``), else from the project's ``.ropeway.toml``, else from the person's
``$XDG_CONFIG_HOME/ropeway/config.toml``, else it is the default. A project's file travels with somebody else's code, so it may set
only what can not loosen what protects the person; for the rest it is refused, never ignored.

This module is on the path of every command: ``tomllib`` is imported only when one of the files exists.
"""

from __future__ import annotations

import os
import pwd
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ropeway.errors import Refused, StoreError, UsageError
from ropeway.records import record

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Origin = Literal["env", "project", "user", "default"]
Kind = Literal["string", "integer", "boolean", "duration", "size", "choice", "url"]

PROJECT_FILE = ".ropeway.toml"
USER_FILE = "config.toml"


@record
class Key:
    """One setting. ``default`` is already in the form that programs see; a duration is seconds."""

    name: str
    kind: Kind
    default: Any
    doc: str
    project_may_set: bool = True
    choices: tuple[str, ...] = ()
    minimum: int | None = None

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return "ROPEWAY_" + self.name.upper()


SCHEMA: tuple[Key, ...] = (
    Key("actor", "string", "", "Name that the history of runs shows for you; your login name when empty.", project_may_set=False),
    Key("cores", "integer", 0, "Cores that the `resources` of one run's steps share; 0 means all of this machine.", minimum=0),
    Key(
        "direnv",
        "choice",
        "allow",
        "What a working copy does with an `.envrc`: `allow` it once and use it, use what you have `allowed` already, or `never`. "
        "For a workflow from elsewhere, `allow` means `allowed`.",
        project_may_set=False,
        choices=("allow", "allowed", "never"),
    ),
    Key(
        "durability", "choice", "normal", "What a power loss may undo: the last 100 ms, or (`power`) nothing.", choices=("normal", "power")
    ),
    Key(
        "github_url",
        "url",
        "https://github.com",
        "Where `name@owner/repo` is looked up: any base address that git takes, for mirrors.",
        project_may_set=False,
    ),
    Key("grace", "duration", 10.0, "How long a cancelled step may take to end between SIGTERM and SIGKILL."),
    Key(
        "keep_cache_size",
        "size",
        5 * 2**30,
        "Size above which `workflow gc` removes what was cached, the longest unused first; 0 sets no bound.",
        project_may_set=False,
    ),
    Key(
        "keep_runs",
        "integer",
        1000,
        "Most finished runs that `workflow gc` leaves, the newest ones; 0 sets no bound.",
        project_may_set=False,
        minimum=0,
    ),
    Key(
        "keep_runs_for",
        "duration",
        30 * 86400.0,
        "How long `workflow gc` leaves a finished run with its logs and artifacts; 0 leaves it for ever.",
        project_may_set=False,
    ),
    Key(
        "keep_state_size",
        "size",
        0,
        "Size of the state directory above which `workflow gc` removes finished runs, the oldest first; 0 sets no bound.",
        project_may_set=False,
    ),
    Key(
        "keep_tools_for",
        "duration",
        30 * 86400.0,
        "How long `workflow gc` leaves a copy of tools that no working copy uses; 0 leaves it for ever.",
        project_may_set=False,
    ),
    Key(
        "keep_tools_size",
        "size",
        0,
        "Size above which `workflow gc` removes copies of tools that no working copy uses, the longest unused first; 0 sets no bound.",
        project_may_set=False,
    ),
    Key(
        "keep_workspaces",
        "integer",
        100,
        "Most kept working copies that `workflow gc` leaves, the newest ones; 0 sets no bound.",
        project_may_set=False,
        minimum=0,
    ),
    Key(
        "keep_workspaces_for",
        "duration",
        14 * 86400.0,
        "How long `workflow gc` leaves a kept working copy after its run ended; 0 leaves it for ever.",
        project_may_set=False,
    ),
    Key(
        "keep_workspaces_size",
        "size",
        0,
        "Size of the kept working copies above which `workflow gc` removes the oldest; 0 sets no bound.",
        project_may_set=False,
    ),
    Key("max_parallel", "integer", 0, "Most steps that any one run carries out at the same time; 0 sets no bound.", minimum=0),
    Key("memory", "size", 0, "Memory that the `resources` of one run's steps share; 0 means all of this machine."),
    Key(
        "oci_registry",
        "string",
        "localhost:5000",
        "OCI registry of workflows and agent cards that are named by an id alone, as `HOST[:PORT][/PREFIX]`.",
        project_may_set=False,
    ),
    Key("plain", "boolean", False, "Print plain lines on a terminal too, without colour or live tables."),
)

_BY_NAME = {key.name: key for key in SCHEMA}
TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")
_SIZES = {"": 1, "B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


@record
class Setting:
    """A value with the place that it came from: a variable, a file, or nothing for a default."""

    key: Key
    value: Any
    origin: Origin
    place: str


@record
class Settings:
    """All settings, for reading by name (typed) or as a list with origins."""

    all: Mapping[str, Setting]

    def get(self, name: str) -> Setting:
        """Return one setting; raises :class:`UsageError` for a name that does not exist."""
        return self.all[key_named(name).name]

    def __iter__(self) -> Iterator[Setting]:
        return iter(self.all.values())

    @property
    def actor(self) -> str:
        """Who runs: the configured name, or the login name."""
        return str(self.all["actor"].value) or _login_name()

    @property
    def cores(self) -> int | None:
        """Cores that steps share, or None for all."""
        return int(self.all["cores"].value) or None

    @property
    def direnv(self) -> Literal["allow", "allowed", "never"]:
        """What a working copy does with an ``.envrc``."""
        found: Literal["allow", "allowed", "never"] = self.all["direnv"].value
        return found

    @property
    def durability(self) -> Literal["normal", "power"]:
        """What a power loss may undo."""
        return "power" if self.all["durability"].value == "power" else "normal"

    @property
    def github_url(self) -> str:
        """Base address of ad hoc references, without a slash at its end."""
        return str(self.all["github_url"].value)

    @property
    def grace(self) -> float:
        """Seconds between SIGTERM and SIGKILL."""
        return float(self.all["grace"].value)

    @property
    def keep_cache_size(self) -> int | None:
        """Bytes that caches may take, or None."""
        return int(self.all["keep_cache_size"].value) or None

    @property
    def keep_runs(self) -> int | None:
        """Most finished runs that are left, or None."""
        return int(self.all["keep_runs"].value) or None

    @property
    def keep_runs_for(self) -> float | None:
        """Seconds that a finished run stays, or None."""
        return float(self.all["keep_runs_for"].value) or None

    @property
    def keep_state_size(self) -> int | None:
        """Bytes that the state directory may take, or None."""
        return int(self.all["keep_state_size"].value) or None

    @property
    def keep_tools_for(self) -> float | None:
        """Seconds that an unused copy of tools stays, or None."""
        return float(self.all["keep_tools_for"].value) or None

    @property
    def keep_tools_size(self) -> int | None:
        """Bytes that copies of tools may take, or None."""
        return int(self.all["keep_tools_size"].value) or None

    @property
    def keep_workspaces(self) -> int | None:
        """Most kept working copies that are left, or None."""
        return int(self.all["keep_workspaces"].value) or None

    @property
    def keep_workspaces_for(self) -> float | None:
        """Seconds that a kept working copy stays after its run ended, or None."""
        return float(self.all["keep_workspaces_for"].value) or None

    @property
    def keep_workspaces_size(self) -> int | None:
        """Bytes that kept working copies may take, or None."""
        return int(self.all["keep_workspaces_size"].value) or None

    @property
    def max_parallel(self) -> int | None:
        """Bound for the steps of any one run, or None."""
        return int(self.all["max_parallel"].value) or None

    @property
    def memory(self) -> int | None:
        """Bytes of memory that steps share, or None for all."""
        return int(self.all["memory"].value) or None

    @property
    def oci_registry(self) -> str:
        """Where ids alone are looked up, ``HOST[:PORT][/PREFIX]``."""
        return str(self.all["oci_registry"].value)

    @property
    def plain(self) -> bool:
        """Whether output is plain even on a terminal."""
        return bool(self.all["plain"].value)


def _login_name() -> str:
    """Return the account's name; the environment is not asked, since a step could have changed it."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's made-up user
        return f"uid {os.getuid()}"


def config_dir(environ: Mapping[str, str]) -> Path:
    """Return the folder of the person's configuration."""
    return _xdg(environ, "XDG_CONFIG_HOME", ".config")


def state_dir(environ: Mapping[str, str]) -> Path:
    """Return the folder of runs and their index."""
    return _xdg(environ, "XDG_STATE_HOME", ".local/state")


def cache_dir(environ: Mapping[str, str]) -> Path:
    """Return the folder of what can be fetched or computed again."""
    return _xdg(environ, "XDG_CACHE_HOME", ".cache")


def _xdg(environ: Mapping[str, str], variable: str, below_home: str) -> Path:
    # The XDG base directory specification: a relative path is invalid and ignored.
    base = environ.get(variable, "")
    if not os.path.isabs(base):  # noqa: PTH117  (a Path is dearer, and this is on the start-up path)
        base = os.path.join(environ.get("HOME") or os.path.expanduser("~"), below_home)  # noqa: PTH111, PTH118  (same)
    return Path(base, "ropeway")


def load(project: Path | None, environ: Mapping[str, str]) -> Settings:
    """Read all settings: ``project`` is the project's folder, or None outside of one.

    Raises:
        UsageError: A file can not be read as TOML, or holds an unknown key or a value that does not fit.
        Refused: The project's file sets what only the person may set.
        StoreError: A file exists and can not be read.
    """
    user_file = config_dir(environ) / USER_FILE
    project_file = project / PROJECT_FILE if project is not None else None
    user = read_file(user_file)
    ours = read_file(project_file) if project_file is not None else {}
    found: dict[str, Setting] = {}
    for name, value in user.items():
        key = _key_in_file(name, user_file)
        found[key.name] = Setting(key, check(key, value, str(user_file)), "user", str(user_file))
    for name, value in ours.items():
        key = _key_in_file(name, Path(str(project_file)))
        if not key.project_may_set:
            raise Refused(
                f"{project_file}: a project may not set {key.name}",
                hint=f"if you want it, say so yourself: workflow config set {key.name} {value}",
                code="project-setting",
            )
        found[key.name] = Setting(key, check(key, value, str(project_file)), "project", str(project_file))
    settings: dict[str, Setting] = {}
    for key in SCHEMA:
        text = environ.get(key.variable)
        if text is not None:
            settings[key.name] = Setting(key, from_text(key, text, key.variable), "env", key.variable)
        else:
            settings[key.name] = found.get(key.name) or Setting(key, key.default, "default", "")
    return Settings(settings)


def as_text(key: Key, value: Any) -> str:
    """Return a value as a person would write it: ``30d``, ``5GiB``, ``true``; a plain number of seconds below a minute."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if key.kind == "duration" and value >= 60:
        unit = next((unit for unit in ("d", "h", "m") if value % _UNITS[unit] == 0), "s")
        return f"{value / _UNITS[unit]:.10g}{unit}"
    if key.kind == "size" and value >= 1024:
        unit = next((unit for unit in ("TiB", "GiB", "MiB", "KiB") if value % _SIZES[unit] == 0), "")
        return f"{value // _SIZES[unit]}{unit}"
    return f"{value:g}" if isinstance(value, float) else str(value)


def key_named(name: str) -> Key:
    """Return the table's row for ``name``; dashes count as underscores."""
    key = _BY_NAME.get(name.replace("-", "_"))
    if key is None:
        raise UsageError(f"there is no setting {name!r}", hint=_nearest(name), code="unknown-setting")
    return key


def _key_in_file(name: str, path: Path) -> Key:
    try:
        return key_named(name)
    except UsageError as error:
        raise UsageError(f"{path}: {error.message}", hint=error.hint, code=error.code) from None


def _nearest(name: str) -> str:
    import difflib

    near = difflib.get_close_matches(name, _BY_NAME, n=1)
    return f"did you mean {near[0]}?" if near else "workflow config list shows them all"


def read_file(path: Path) -> dict[str, Any]:
    """Return what one settings file holds, empty when there is no such file."""
    try:
        raw = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise StoreError(f"{path} can not be read: {error.strerror}") from error
    import tomllib

    try:
        return tomllib.loads(raw.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"{path}: {error}", hint="it has to be TOML in UTF-8: name = value", code="settings-syntax") from None


def check(key: Key, value: Any, place: str) -> Any:
    """Return a value from a file in the form that programs see; raises :class:`UsageError` when it does not fit."""
    if key.kind == "boolean" and isinstance(value, bool):
        return value
    if key.kind == "integer" and isinstance(value, int) and not isinstance(value, bool):
        return _at_least(key, value, place)
    if key.kind == "size" and value == 0:
        return 0
    if key.kind == "duration" and isinstance(value, int | float) and not isinstance(value, bool):
        return from_text(key, str(value), place)
    if key.kind not in ("boolean", "integer") and isinstance(value, str):
        return from_text(key, value, place)
    raise _unfit(key, value, place)


def from_text(key: Key, text: str, place: str) -> Any:
    """Return the value that a variable or a person wrote as text; raises :class:`UsageError` when it does not fit."""
    if key.kind == "string":
        return text
    if key.kind == "url":
        return text.rstrip("/")
    if key.kind == "choice" and text in key.choices:
        return text
    if key.kind == "boolean" and text.lower() in (*TRUE, *_FALSE):
        return text.lower() in TRUE
    if key.kind == "duration" and (seconds := _seconds(text)) is not None:
        return seconds
    if key.kind == "size" and (size := _bytes(text)) is not None:
        return size
    if key.kind == "integer" and text.lstrip("-").isdecimal() and len(text) < 20:
        return _at_least(key, int(text), place)
    raise _unfit(key, text, place)


def _seconds(text: str) -> float | None:
    number = text.rstrip("dhms")
    unit = text[len(number) :] or "s"
    if unit not in _UNITS or not number.replace(".", "", 1).isdecimal():
        return None
    return float(number) * _UNITS[unit]


def _bytes(text: str) -> int | None:
    number = text.rstrip("BKMGTi")
    unit = text[len(number) :]
    return int(number) * _SIZES[unit] if unit in _SIZES and number.isdecimal() and len(number) < 20 else None


def _at_least(key: Key, value: int, place: str) -> int:
    if key.minimum is not None and value < key.minimum:
        raise _unfit(key, value, place)
    return value


def _unfit(key: Key, value: Any, place: str) -> UsageError:
    wanted = {
        "boolean": "true or false",
        "integer": f"a whole number from {key.minimum}" if key.minimum is not None else "a whole number",
        "duration": "a duration such as 30s, 5m or 1.5h",
        "size": "a size such as 512MiB or 4GiB",
        "choice": "one of " + ", ".join(key.choices),
    }.get(key.kind, "text")
    return UsageError(f"{place}: {key.name} can not be {value!r}", hint=f"it has to be {wanted}", code="setting-value")
