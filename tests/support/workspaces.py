"""Homes to make workspaces of: a folder under git, jj or nothing, and what was made of it."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

from ropeway.testing.workspaces import FakeBackend
from ropeway.workspaces.backend import Backend, Base, Made, choose
from ropeway.workspaces.places import workspace_path

Files = dict[bytes, bytes]


def tree(folder: str | Path, *, without: tuple[str, ...] = (".git", ".jj")) -> dict[bytes, tuple[str, bytes]]:
    """Return all files and links of a folder with what they hold: ``("file", …)``, ``("program", …)`` or ``("link", …)``."""
    found: dict[bytes, tuple[str, bytes]] = {}
    for path in Path(folder).rglob("*"):
        name = path.relative_to(folder)
        mode = path.lstat().st_mode
        if name.parts[0] in without or stat.S_ISDIR(mode):
            continue
        if stat.S_ISLNK(mode):
            found[os.fsencode(name)] = ("link", os.fsencode(path.readlink()))
        elif stat.S_ISREG(mode):
            found[os.fsencode(name)] = ("program" if mode & 0o100 else "file", path.read_bytes())
    return found


def contents(folder: str | Path) -> Files:
    """Return the content of all regular files."""
    return {path: content for path, (kind, content) in tree(folder).items() if kind != "link"}


def write(folder: str | Path, files: dict[bytes, bytes | None]) -> None:
    """Write files; None deletes one."""
    for name, content in files.items():
        path = Path(folder, os.fsdecode(name))
        if content is None:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


def git(cwd: str | Path, *arguments: str, stdin: bytes = b"", env: dict[str, str] | None = None) -> bytes:
    """Run git and return what it printed."""
    environ = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", **(env or {})}  # a look at the index must not refresh it
    done = subprocess.run(["git", *arguments], cwd=cwd, env=environ, capture_output=True, check=False, input=stdin)
    assert done.returncode == 0, (arguments, done.stderr.decode(errors="replace"))
    return done.stdout


class Home:
    """A folder that workspaces are made of; the base class is one in no repository."""

    kind = "plain"

    def __init__(self, root: Path) -> None:
        self.root = root
        self.path = root / "home of\nmine"
        self.path.mkdir(parents=True)
        self.environ = {**os.environ, "AI_WORKSPACES_ROOT": str(root / "all workspaces")}
        self.start()

    def start(self) -> None:
        """Make the repository."""

    def commit(self, files: dict[bytes, bytes | None]) -> None:
        """Write files and commit everything."""
        write(self.path, files)

    @property
    def backend(self) -> Backend:
        """The one under test."""
        chosen = choose(self.kind, self.path, self.environ).backend
        assert chosen is not None
        return chosen

    def source(self) -> str:
        """Return Python that makes the backend in another process; ``environ`` is there, and what this module knows."""
        return f"choose({self.kind!r}, {str(self.path)!r}, environ).backend"

    def where(self, name: str = "one") -> str:
        """Return the folder of a workspace."""
        return workspace_path(self.environ, self.backend.root, name)

    def add(self, name: str = "one", base: str = "@") -> tuple[str, Base, Made]:
        """Make a workspace."""
        path, backend = self.where(name), self.backend
        found = backend.base(base)
        return path, found, backend.add(path, name, found)

    def left(self) -> list[str]:
        """Return every file and folder below the workspaces root, but for locks and empty folders of ours."""
        top = Path(self.environ["AI_WORKSPACES_ROOT"])
        found = [path.relative_to(top) for path in top.rglob("*")]
        return sorted(str(path) for path in found if len(path.parts) > 1 and path.parts[0] != ".locks")


class GitHome(Home):
    """A git repository."""

    kind = "git"

    def start(self) -> None:
        git(self.path, "init", "-q", "-b", "main")

    def git(self, *arguments: str, stdin: bytes = b"") -> bytes:
        """Run git at home."""
        return git(self.path, *arguments, stdin=stdin)

    def commit(self, files: dict[bytes, bytes | None]) -> None:
        super().commit(files)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "files")


class JjHome(Home):
    """A jj repository without a ``.git`` beside it."""

    kind = "jj"

    def start(self) -> None:
        config = self.root / "jj.toml"
        config.write_text('[user]\nname = "Test"\nemail = "test@example.org"\n')
        os.environ["JJ_CONFIG"] = self.environ["JJ_CONFIG"] = str(config)
        self.jj("git", "init", "--no-colocate")

    def jj(self, *arguments: str) -> bytes:
        """Run jj at home."""
        done = subprocess.run(["jj", "--quiet", *arguments], cwd=self.path, env=self.environ, capture_output=True, check=False)
        assert done.returncode == 0, (arguments, done.stderr.decode(errors="replace"))
        return done.stdout

    def commit(self, files: dict[bytes, bytes | None]) -> None:
        super().commit(files)
        self.jj("commit", "-m", "files")


class FakeHome(Home):
    """A dictionary."""

    kind = "fake"

    def start(self) -> None:
        self.committed: Files = {}

    def commit(self, files: dict[bytes, bytes | None]) -> None:
        super().commit(files)
        self.committed = contents(self.path)

    @property
    def backend(self) -> Backend:
        return FakeBackend(str(self.path), self.environ, contents(self.path), self.committed)

    def source(self) -> str:
        return f"FakeBackend({str(self.path)!r}, environ, {contents(self.path)!r}, {self.committed!r})"


HOMES: dict[str, type[Home]] = {home.kind: home for home in (Home, GitHome, JjHome, FakeHome)}
