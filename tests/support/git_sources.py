"""Repositories that hold workflows, made by ``git fast-import``: quick, and the same each time."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

ASSET = bytes(range(256)) + b"line\r\nline\n$Format:%H$ $Id$\n"
ATTRIBUTES = b"* text=auto eol=crlf\n*.bin filter=lfs diff=lfs export-ignore\n* export-subst ident\n"
WORKFLOW = 'id = "{}"\n[steps.one]\nrun = "true"\n'


def git(folder: Path, *arguments: str, given: bytes | None = None) -> str:
    return subprocess.run(["git", "-C", str(folder), *arguments], input=given, capture_output=True, check=True).stdout.decode().strip()


def make(path: Path, script: bytes, *, sha256: bool = False) -> Path:
    """Make a bare repository from a stream for ``git fast-import``."""
    subprocess.run(
        ["git", "init", "-q", "--bare", "-b", "main", f"--object-format={'sha256' if sha256 else 'sha1'}", str(path)], check=True
    )
    git(path, "config", "uploadpack.allowFilter", "true")
    git(path, "fast-import", "--quiet", "--force", given=script)
    return path


def commit(
    branch: str, files: Mapping[str, bytes | str], *, at: int = 0, modes: Mapping[str, str] | None = None, parent: str = ""
) -> bytes:
    """Return one commit of a stream; ``modes`` are other ones than 100644."""
    stream = b"commit refs/heads/%s\ncommitter T <t@example.org> %d +0000\ndata 1\nc\n" % (branch.encode(), 1_700_000_000 + at)
    if parent:
        stream += f"from {parent}\n".encode()
    stream += b"deleteall\n"
    for path, content in files.items():
        data = content.encode() if isinstance(content, str) else content
        stream += b"M %s inline %s\ndata %d\n%s\n" % ((modes or {}).get(path, "100644").encode(), path.encode(), len(data), data)
    return stream


def tag(name: str, branch: str, *, annotated: bool = False) -> bytes:
    if annotated:
        return f"tag {name}\nfrom refs/heads/{branch}\ntagger T <t@example.org> 1700000000 +0000\ndata 1\nt\n".encode()
    return f"reset refs/tags/{name}\nfrom refs/heads/{branch}\n\n".encode()


def version(number: str) -> dict[str, bytes | str]:
    """Return the files of ``acme/flows`` as of a version."""
    return {
        "README.md": f"flows {number}\n",
        ".gitattributes": ATTRIBUTES,
        "workflows/build.toml": WORKFLOW.format("build") + f"# {number}\n",
        "workflows/deploy.yaml": "id: deploy\n",
        "workflows/data/asset.bin": ASSET,
        "workflows/data/go.sh": "#!/bin/sh\n",
        "lint.yml": "id: lint\n",
        "test/workflow.toml": WORKFLOW.format("test"),
        "test/fixture.txt": "text\n",
    }


def flows(path: Path) -> Path:
    """Make ``acme/flows``: versions 1.0.0 to 2.0.0 and a prerelease, branches with slashes, a tag and a branch of one name."""
    modes = {"workflows/data/go.sh": "100755"}
    script = b""
    for at, (number, annotated) in enumerate(
        (("1.0.0", False), ("1.2.0", True), ("1.10.0", False), ("2.0.0-rc.1", False), ("2.0.0", True))
    ):
        script += commit("main", version(number), at=at, modes=modes) + tag(f"v{number}", "main", annotated=annotated)
    script += commit("feature/x", version("feature"), at=9, modes=modes, parent="refs/heads/main")
    script += tag("same", "feature/x") + commit("same", version("branch"), at=10, modes=modes)
    script += tag("release/2024", "main") + tag("build-v9.0.0", "feature/x")
    return make(path, script + commit("main", version("tip"), at=11, modes=modes))


def commits(path: Path, names: Sequence[str]) -> dict[str, str]:
    """Return the full commits of some names."""
    return {name: git(path, "rev-parse", f"{name}^{{commit}}") for name in names}
