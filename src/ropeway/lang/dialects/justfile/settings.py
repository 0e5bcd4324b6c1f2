"""The settings of a justfile, as far as they decide what its recipes do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ropeway.lang.dialects.justfile.shells import DEFAULT, Shell, line_shell, script_shell
from ropeway.lang.dialects.justfile.syntax import Problem, Text

if TYPE_CHECKING:
    from ropeway.lang.dialects.justfile.syntax import Justfile, Setting

__all__ = ["Settings"]

_SILENT = frozenset(
    {"allow-duplicate-recipes", "allow-duplicate-variables", "default-list", "default-script", "dotenv-filename", "dotenv-load"}
    | {"dotenv-path", "dotenv-required", "export", "guards", "ignore-comments", "indentation", "lazy", "minimum-version", "no-cd"}
    | {"no-exit-message", "positional-arguments", "quiet", "script-interpreter", "shell", "tempdir", "unstable"}
    | {"windows-powershell", "windows-shell", "working-directory"}
)
_REASONS = {
    "dotenv-command": ("a command that gives variables is not converted", "write its output to a file and name it in policy.env_file"),
    "dotenv-override": ("a .env file never overrides the environment", "unset the variable before you run the workflow"),
    "fallback": ("recipes of the folders above are not looked for", "convert their justfile too"),
    "lists": ("lists are not converted", "use a script"),
}


class Settings:
    """What is set. ``problems`` are settings that are not converted, ``notes`` those that differ a little."""

    def __init__(self, justfile: Justfile) -> None:
        self.problems: list[Problem] = []
        self.notes: list[Problem] = []
        self._file = justfile
        for setting in justfile.settings:
            if setting.name not in _SILENT and setting.value is not False:
                reason, hint = _REASONS.get(setting.name, ("this setting is not known", "look whether a recipe depends on it"))
                self.problems.append(Problem("", setting.place, f"set {setting.name}: {reason}", hint))
        self.shell = self._shell("shell", DEFAULT)
        self.script = self._shell("script-interpreter", Shell("sh", ("sh", "-eu"), frozenset({"e", "u"})))
        self.export = justfile.on("export")
        self.positional = justfile.on("positional-arguments")
        self.guards = justfile.on("guards")
        self.ignore_comments = justfile.on("ignore-comments")
        self.no_cd = justfile.on("no-cd")
        self.default_script = justfile.on("default-script")
        self.folder = self._text("working-directory")
        self.env_file = self._env_file()

    def _shell(self, name: str, default: Shell) -> Shell:
        setting = self._file.setting(name)
        if setting is None:
            return default
        value = setting.value
        words = [item.value for item in value if isinstance(item, Text)] if isinstance(value, tuple) else []
        if not words or not isinstance(value, tuple) or len(words) != len(value) or not all(words):
            self.problems.append(Problem("", setting.place, f"set {name}: its words are not known", "write them down as plain texts"))
            return default
        return line_shell(words) if name == "shell" else script_shell(words)

    def _text(self, name: str) -> str:
        setting = self._file.setting(name)
        if setting is None or isinstance(setting.value, bool):
            return ""
        if isinstance(setting.value, Text):
            return setting.value.value
        self.problems.append(Problem("", setting.place, f"set {name}: its value is not known", "write it down as a plain text"))
        return ""

    def _env_file(self) -> str:
        """Return the file of variables, empty for none, and say how ours differs."""
        names = ("dotenv-path", "dotenv-filename", "dotenv-load", "dotenv-required")
        asked: Setting | None = next((self._file.setting(name) for name in names if self._file.on(name)), None)
        if asked is None:
            return ""
        if not self._file.on("dotenv-required"):
            hint = "create it, even empty, or remove policy.env_file"
            self.notes.append(
                Problem("", asked.place, "the .env file has to exist, and stands for itself: $NAME in it is not expanded", hint)
            )
        return self._text("dotenv-path") or self._text("dotenv-filename") or ".env"
