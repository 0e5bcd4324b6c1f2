"""Working copies for tests of snapshots: made by plain system calls on bytes, and looked at without any of our code."""

# ruff: noqa: PTH101, PTH103, PTH104, PTH108, PTH112, PTH113, PTH114, PTH115, PTH123, PTH211 -- names are bytes here, which Path does not take

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from pathlib import Path

from ropeway.workspaces.snapshots import Snapshots


class Tree:
    """A git repository with one commit, and its working copy. Paths are bytes relative to its top."""

    def __init__(self, top: Path, files: dict[bytes, bytes] | None = None, *, kind: str = "sha1") -> None:
        self.top = os.fsencode(top)
        self.git_dir = str(top / ".git")
        self.state = str(top.parent / f"{top.name}-state")
        top.mkdir(parents=True)
        self.git("init", "--quiet", "--initial-branch=main", f"--object-format={kind}")
        for path, data in (files or {}).items():
            self.write(path, data)
        self.git("add", "--all", "--force")
        self.git("commit", "--quiet", "--allow-empty", "--message=base")
        self.base = self.git("rev-parse", "HEAD").decode().strip()

    def git(self, *args: str, env: dict[str, str] | None = None, stdin: bytes = b"") -> bytes:
        """Run git there and return what it prints."""
        done = subprocess.run(["git", *args], cwd=self.top, env=os.environ | (env or {}), input=stdin, capture_output=True, check=False)
        assert done.returncode == 0, (args, done.stdout, done.stderr)
        return done.stdout

    def snapshots(self, *, adopt: bool = True) -> Snapshots:
        """Return the snapshots of a run."""
        made = Snapshots(os.fsdecode(self.top), self.git_dir, run="run1", state=self.state)
        if adopt:
            made.adopt(self.base)
        return made

    def at(self, path: bytes) -> bytes:
        """Return the absolute path."""
        return self.top + b"/" + path

    # -- what a step may do -------------------------------------------------------------------------------------------------------------

    def make_way(self, path: bytes) -> None:
        """Let all folders above a path be folders, and nothing be there."""
        names = path.split(b"/")
        for depth in range(1, len(names)):
            above = self.at(b"/".join(names[:depth]))
            if os.path.lexists(above) and not stat.S_ISDIR(os.lstat(above).st_mode):
                os.unlink(above)
            os.makedirs(above, exist_ok=True)
        self.delete(path)

    def write(self, path: bytes, data: bytes) -> None:
        """Write a file, whatever was in its place."""
        if not os.path.isfile(self.at(path)) or os.path.islink(self.at(path)):
            self.make_way(path)
        with open(self.at(path), "wb") as file:
            file.write(data)

    def link(self, path: bytes, target: bytes) -> None:
        """Make a symbolic link."""
        self.make_way(path)
        os.symlink(target, self.at(path))

    def delete(self, path: bytes) -> None:
        """Remove a file or folder, if it is there and inside."""
        if not self.inside(path):
            return
        full = self.at(path)
        if os.path.isdir(full) and not os.path.islink(full):
            shutil.rmtree(full)
        elif os.path.lexists(full):
            os.unlink(full)

    def chmod(self, path: bytes, *, program: bool) -> None:
        """Set or clear the x bit of a file."""
        if self.inside(path) and os.path.isfile(self.at(path)) and not os.path.islink(self.at(path)):
            os.chmod(self.at(path), 0o755 if program else 0o644)

    def rename(self, old: bytes, new: bytes) -> None:
        """Move a file or folder."""
        if (
            not self.inside(old)
            or not os.path.lexists(self.at(old))
            or (new + b"/").startswith(old + b"/")
            or (old + b"/").startswith(new + b"/")
        ):
            return
        self.make_way(new)
        if os.path.lexists(self.at(old)):
            os.rename(self.at(old), self.at(new))

    def inside(self, path: bytes) -> bool:
        """Whether all folders above a path are real folders."""
        names = path.split(b"/")
        return all(stat.S_ISDIR(_mode(self.at(b"/".join(names[:depth])))) for depth in range(1, len(names)))

    # -- looking ------------------------------------------------------------------------------------------------------------------------

    def files(self) -> dict[bytes, tuple[str, bytes]]:
        """Return every file: its kind (``file``, ``exec``, ``link``) and content; without ``.git``."""
        found: dict[bytes, tuple[str, bytes]] = {}
        for folder, names, files in os.walk(self.top):
            if b".git" in names:
                names.remove(b".git")
            for name in [*files, *names]:
                full = folder + b"/" + name
                path = full[len(self.top) + 1 :]
                if os.path.islink(full):
                    found[path] = ("link", os.readlink(full))
                elif os.path.isfile(full):
                    with open(full, "rb") as file:
                        found[path] = ("exec" if os.lstat(full).st_mode & 0o100 else "file", file.read())
        return found

    def held(self, commit: str) -> dict[bytes, tuple[str, bytes]]:
        """Return what a commit holds, in the form of :meth:`files`."""
        rows = [row.partition(b"\t") for row in self.git("ls-tree", "-r", "-z", commit).split(b"\0")[:-1]]
        kinds = {b"100644": "file", b"100755": "exec", b"120000": "link"}
        blobs = [(path, *head.split(b" ")) for head, _, path in rows]
        out = self.git("cat-file", "--batch", stdin=b"".join(oid + b"\n" for _, _, _, oid in blobs))
        found: dict[bytes, tuple[str, bytes]] = {}
        for path, mode, _, _ in blobs:
            head, _, out = out.partition(b"\n")
            size = int(head.split()[2])
            found[path] = (kinds[mode], out[:size])
            out = out[size + 1 :]
        return found

    def ignored(self, paths: list[bytes]) -> set[bytes]:
        """Return which of these paths a rule ignores, as git says."""
        if not paths:
            return set()
        asked = b"".join(b"./" + path + b"\0" for path in paths)
        argv = ["git", "check-ignore", "--no-index", "-z", "--stdin"]
        out = subprocess.run(argv, cwd=self.top, input=asked, capture_output=True, check=False).stdout
        return {path[2:] for path in out.split(b"\0")[:-1]}

    def sound(self) -> None:
        """Fail unless git finds nothing wrong with any object."""
        done = subprocess.run(["git", "fsck", "--strict", "--no-dangling"], cwd=self.top, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), done


def _mode(path: bytes) -> int:
    try:
        return os.lstat(path).st_mode
    except OSError:
        return 0
