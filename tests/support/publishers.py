"""Publishers for tests: people with a key of their own, who publish without starting a command."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ropeway.app.keys import open_keys
from ropeway.app.publishing import Options, Published, publish
from ropeway.bundles.keys import PublicKey
from ropeway.lang.versions import parse_version

WORKFLOW = """
id = "build"
version = "1.0.0"
description = "Builds and tests"
tags = ["ci", "make"]
license = "MIT"

[steps.greet]
run = 'echo "hello from $(cat "$ROPEWAY_WORKFLOW_DIR/lib/word.txt")"'
"""


@dataclass(frozen=True)
class Publisher:
    """Somebody with a folder to publish from; ``home`` holds their keys."""

    home: Path
    environ: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def at(cls, home: Path, *, key: str | None = "ada") -> Publisher:
        """Return a publisher with a key, and a workflow to publish."""
        environ = {"HOME": str(home), "XDG_CONFIG_HOME": str(home / "config"), "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}
        made = cls(home, environ)
        made.write("workflow.toml", WORKFLOW)
        made.write("README.md", "# Build\n\nBuilds all things.\n")
        made.write("lib/word.txt", "one")
        if key is not None:
            made.key(key)
        return made

    @property
    def folder(self) -> Path:
        """What is published."""
        return self.home / "source"

    def write(self, name: str, text: str) -> None:
        """Write a file to publish."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def key(self, name: str) -> PublicKey:
        """Make a key."""
        return open_keys(self.environ).generate(name)[0]

    def publish(self, registry: str, version: str | None = None, *, source: Path | None = None, **options: object) -> Published:
        """Publish the folder; with a version, as if its file said that one."""
        how = Options(version=version, **options)
        file = self.folder / "workflow.toml"
        said = file.read_bytes() if file.is_file() else b""
        if version is not None and source is None and parse_version(version) is not None:
            file.write_bytes(re.sub(rb'(?m)^version = ".*"$', b'version = "%s"' % version.encode(), said, count=1))
        try:
            return publish(source or self.folder, registry, how, environ=self.environ, cwd=self.home)
        finally:
            if file.is_file():
                file.write_bytes(said)
