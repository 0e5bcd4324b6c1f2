"""A project in a real repository, git's or jj's, with a clean first commit."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from support.projects import Project


class RepositoryProject(Project):
    """A project whose folder is a repository. ``kind`` is ``git`` or ``jj``."""

    def __init__(self, root: Path, kind: str = "git", name: str = "project") -> None:
        super().__init__(root)
        if name != "project":
            self.cwd = self.cwd.rename(root / name)
        self.kind = kind
        self.backend = kind
        config = root / "jj.toml"
        config.write_text('user.name = "Test"\nuser.email = "test@example.org"\n')
        self.env["JJ_CONFIG"] = str(config)
        self.signals = root / "signals"
        self.signals.mkdir()
        self.env["SIGNALS"] = str(self.signals)
        self.env.pop("AI_WORKSPACES_ROOT", None)
        (self.cwd / "a.txt").write_text("one\n")
        (self.cwd / "bin").mkdir()
        tool = self.cwd / "bin/tool"
        tool.write_text("#!/bin/sh\necho tool\n")
        tool.chmod(0o755)
        (self.cwd / ".gitignore").write_text("dist/\n*.log\n")
        if kind == "git":
            self.vcs("git", "init", "--quiet", "--initial-branch=main")
            self.vcs("git", "add", "--all")
            self.vcs("git", "commit", "--quiet", "--message=first")
        else:
            self.vcs("jj", "git", "init", "--no-colocate")
            self.vcs("jj", "commit", "--message=first")

    def write(self, text: str, name: str = "workflow.toml") -> Path:
        """Write a workflow that asks for the project's backend, when that is not the usual one."""
        if self.backend != self.kind:
            policy = f'workspace = {{ backend = "{self.backend}" }}\n'
            text = text.replace("[policy]\n", f"[policy]\n{policy}") if "[policy]" in text else f"[policy]\n{policy}{text}"
        return super().write(text, name)

    def vcs(self, *argv: str, cwd: Path | None = None, check: bool = True) -> str:
        """Run git or jj at home, as the person would, and return what it prints."""
        environ = {k: v for k, v in self.env.items() if not k.startswith("GIT_DIR")}
        done = subprocess.run(argv, cwd=cwd or self.cwd, env=environ, capture_output=True, text=True, check=False)
        assert not check or done.returncode == 0, f"{argv}: {done.stdout}{done.stderr}"
        return done.stdout

    @property
    def copy(self) -> Path:
        """The working copy of the newest run."""
        folder = self.newest()
        assert folder is not None
        copy = folder.state().copy
        assert copy is not None
        return Path(copy["path"])

    def files(self, top: Path | None = None) -> dict[str, tuple[str, bytes]]:
        """Return every file below a folder: its kind (``file``, ``exec``, ``link``) and content; nothing of the version control or of ours."""
        found: dict[str, tuple[str, bytes]] = {}
        top = top or self.cwd
        for folder, names, files in os.walk(top):
            names[:] = [n for n in names if n not in {".git", ".jj", ".agent-tools"}]
            for name in [*files, *(n for n in names if (Path(folder) / n).is_symlink())]:
                path = Path(folder) / name
                if name == ".git":
                    continue
                if path.is_symlink():
                    kind, data = "link", os.fsencode(path.readlink())
                else:
                    kind, data = ("exec" if path.stat().st_mode & 0o100 else "file"), path.read_bytes()
                found[str(path.relative_to(top))] = (kind, data)
        return found
