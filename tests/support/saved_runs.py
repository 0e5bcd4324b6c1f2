"""A repository and a run with snapshots in it, written by hand: what a run leaves, without carrying one out."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from ropeway.runs.folder import RunFolder, RunStore
from ropeway.runs.journal import Journal

Files = dict[str, "str | bytes | Exec | Link"]


class Exec(bytes):
    """The content of a file that may be executed."""


class Link(bytes):
    """The target of a symbolic link."""


class SavedRun:
    """A run whose journal and snapshots are what the tests say.

    Its plan has the steps that are named; ``a`` and ``b`` are ordinary ones.
    """

    def __init__(self, store: RunStore, root: Path, *, steps: list[dict] | None = None, git_dir: Path | None = None) -> None:
        plain = [{"id": name, "kind": "argv", "argv": ["true"]} for name in ("a", "b", "c")]
        template = {"id": "acme/ci", "version": "1.2.0", "digest": "sha256:" + "d" * 64, "steps": steps or plain}
        self.folder: RunFolder = store.create({"version": 1, "template": template})
        self.root = root
        self.git_dir = git_dir or root / ".git"
        self.number = 0
        self.tree = ""
        self.commit = ""
        head = self.git("rev-parse", "--verify", "--quiet", "HEAD", check=False).strip() if git_dir is None else ""
        self.base = head
        digest = template["digest"]
        data = {"format": 1, "workflow": "acme/ci", "version": "1.2.0", "digest": digest, "actor": "ann", "cwd": str(root), "options": {}}
        self.add("run.created", **data)
        self.add("run.started", workspace=str(root), pid=1)

    @property
    def id(self) -> str:
        return self.folder.id

    def git(self, *args: str, stdin: bytes = b"", check: bool = True, env: dict[str, str] | None = None) -> str:
        environ = {**os.environ, "GIT_AUTHOR_DATE": "1700000000 +0000", "GIT_COMMITTER_DATE": "1700000000 +0000", **(env or {})}
        done = subprocess.run(["git", f"--git-dir={self.git_dir}", *args], input=stdin, env=environ, capture_output=True, check=False)
        assert not check or done.returncode == 0, done.stderr
        return done.stdout.decode()

    def add(self, event: str, **data: object) -> SavedRun:
        journal = Journal(self.folder.journal)
        journal.add(event, data)
        journal.close()
        return self

    def snapshot(self, files: Files, label: str | None = None) -> dict:
        """Save files, and return what the event carries."""
        rows = []
        for path, content in files.items():
            data = content.encode() if isinstance(content, str) else bytes(content)
            mode = "100755" if isinstance(content, Exec) else "120000" if isinstance(content, Link) else "100644"
            blob = self.git("hash-object", "-w", "--stdin", stdin=data).strip()
            rows.append(f"{mode} {blob}\t{path}\0")
        index = self.folder.path / "index"
        env = {"GIT_INDEX_FILE": str(index)}
        self.git("update-index", "-z", "--index-info", stdin="".join(rows).encode(), env=env)
        tree = self.git("write-tree", env=env).strip()
        index.unlink(missing_ok=True)
        if tree != self.tree or label is not None:
            self.number += self.commit != "" and label is None
            self.tree = tree
            above = self.commit or self.base
            self.commit = self.git("commit-tree", "-m", "snapshot", tree, *(["-p", above] if above else [])).strip()
            self.git("update-ref", f"refs/ropeway/{self.id}/{label or self.number}", self.commit)
        return {"number": self.number, "commit": self.commit, "tree": tree}

    def begin(self, files: Files) -> SavedRun:
        created = {"id": self.id, "path": "/gone", "root": str(self.root), "backend": "git", "git_dir": str(self.git_dir)}
        created |= {"base": "@", "base_commit": self.base, "folder": "", "person": True, "notes": []}
        return self.add("workspace.created", **created, snapshot=self.snapshot(files))

    def start(self, *steps: str) -> SavedRun:
        for step in steps:
            self.add("step.started", step=step, attempt=1, log=None)
        return self

    def end(self, step: str, files: Files, *others: str, state: str = "succeeded") -> SavedRun:
        snapshot = {**self.snapshot(files), "quiet": not others, "others": list(others)}
        return self.add("step.finished", step=step, attempt=1, state=state, exit_code=0, outputs={}, snapshot=snapshot)

    def did(self, step: str, files: Files) -> SavedRun:
        return self.start(step).end(step, files)

    def found(self, files: Files, number: int = 1) -> SavedRun:
        label = f"found-{number}"
        return self.add("workspace.found", label=label, snapshot=self.snapshot(files, label))

    def finish(self, state: str = "succeeded") -> SavedRun:
        return self.add("run.finished", state=state, outputs={}, warnings=[])


def git(root: Path, *args: str, check: bool = True) -> str:
    """Call git in a repository."""
    done = subprocess.run(["git", *args], cwd=root, capture_output=True, check=False)
    assert not check or done.returncode == 0, done.stderr
    return done.stdout.decode()


def put(root: Path, files: Files) -> None:
    """Write files into a folder."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        if isinstance(content, Link):
            path.symlink_to(os.fsdecode(bytes(content)))
            continue
        path.write_bytes(content.encode() if isinstance(content, str) else bytes(content))
        if isinstance(content, Exec):
            path.chmod(0o755)


def seen(root: Path) -> Files:
    """Return the files of a folder, those of a repository left out."""
    found: Files = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if name.startswith((".git/", ".jj/")) or name in (".git", ".jj"):
            continue
        if path.is_symlink():
            found[name] = Link(os.fsencode(path.readlink()))
        elif path.is_file():
            data = path.read_bytes()
            found[name] = Exec(data) if path.stat().st_mode & 0o100 else data
    return found


def repository(root: Path, files: Files) -> Path:
    """Make a git repository with one commit."""
    root.mkdir(parents=True, exist_ok=True)
    git(root, "init", "--quiet", "--initial-branch=main")
    put(root, files)
    git(root, "add", "--all", "--force")
    git(root, "commit", "--quiet", "--allow-empty", "--message=first")
    return root
