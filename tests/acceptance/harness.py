"""Runs the installed command in a project of its own and says what it printed, with what differs from run to run taken out.

``RUN``, ``RUN2`` … stand for the ids of runs in the order in which they were made, ``N s`` for durations, ``HERE`` for the project's
folder, ``STATE`` and ``CONFIG`` for those folders, ``NOW`` for points in time and ``ME`` for the person.
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent


@dataclass(frozen=True)
class Said:
    """What a command printed, and its exit status. Texts are dedented; a first empty line is dropped."""

    out: str = ""
    err: str = ""
    status: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "out", dedent(self.out.removeprefix("\n")))
        object.__setattr__(self, "err", dedent(self.err.removeprefix("\n")))

    def __str__(self) -> str:
        return f"{self.out}--- stderr\n{self.err}--- exit {self.status}\n"


class Project:
    """A folder with files in it, and the command line in it, with XDG folders of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root / "project"
        self.root.mkdir()
        self.state = root / "state" / "ropeway"
        self.config = root / "config" / "ropeway"
        command = shutil.which("workflow")
        assert command is not None, "the package is not installed: `make env`"
        self.command = command
        self.environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(root),
            "LANG": "C.UTF-8",
            "TERM": "dumb",
            "USER": "me",
            "XDG_STATE_HOME": str(root / "state"),
            "XDG_CONFIG_HOME": str(root / "config"),
            "XDG_CACHE_HOME": str(root / "cache"),
            "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
            "ROPEWAY_ACTOR": "me",
        }

    def file(self, name: str, text: str | bytes) -> Path:
        """Write a file below the project's folder; text is dedented."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else dedent(text.removeprefix("\n")).encode())
        return path

    def start(self, *args: str, cwd: str = ".", **options: object) -> subprocess.Popen[bytes]:
        """Start the command."""
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        return subprocess.Popen([self.command, *args], cwd=self.root / cwd, env=self.environ, **options)

    def raw(self, *args: str, stdin: bytes = b"", cwd: str = ".", env: dict[str, str] | None = None) -> subprocess.CompletedProcess[bytes]:
        """Run the command and return what it printed, byte for byte."""
        environ = {**self.environ, **(env or {})}
        return subprocess.run(
            [self.command, *args], cwd=self.root / cwd, env=environ, input=stdin, capture_output=True, check=False, timeout=30
        )

    def run(self, *args: str, stdin: str = "", cwd: str = ".", env: dict[str, str] | None = None) -> Said:
        """Run the command and return what it printed, without what differs from run to run."""
        done = self.raw(*args, stdin=stdin.encode(), cwd=cwd, env=env)
        return Said(self.steady(done.stdout.decode(errors="replace")), self.steady(done.stderr.decode(errors="replace")), done.returncode)

    def ids(self) -> list[str]:
        """Return the ids of the runs, the oldest first."""
        folder = self.state / "runs"
        found = [p for p in folder.iterdir() if (p / "plan.json").exists()] if folder.is_dir() else []
        return [p.name for p in sorted(found, key=lambda p: (p / "plan.json").stat().st_mtime_ns)]

    def steady(self, text: str) -> str:
        """Take out of a text what differs from run to run."""
        for number, run in enumerate(self.ids(), 1):
            text = text.replace(run, "RUN" if number == 1 else f"RUN{number}")
        for path, name in ((self.root, "HERE"), (self.state, "STATE"), (self.config, "CONFIG")):
            text = text.replace(str(path), name)
        text = re.sub(r"\b\d+(\.\d+)? s\b( ago)?", r"N s\2", text)
        text = re.sub(r"\bnow\b|\bN s ago", "NOW", text)
        text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "NOW", text)
        text = re.sub(r'"pid":\d+', '"pid":PID', text)
        text = re.sub(r'"pid_started":"[^"]*"', '"pid_started":"NOW"', text)
        text = re.sub(r"sha256:[0-9a-f]{64}", "sha256:DIGEST", text)
        return text.replace(pwd.getpwuid(os.getuid()).pw_name if os.getuid() else "\0", "ME")
