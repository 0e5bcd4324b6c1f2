"""A publish to a folder that is killed, at each of its steps: nothing is lost, and the next one goes through and leaves nothing over."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import os, shutil, sys
from pathlib import Path
from ropeway.bundles.pack import pack
from ropeway.bundles.tree import tree_digest
from ropeway.registry.folder import exchange as path_exchange
from ropeway.registry.folder.publish import place_bundle

top, mode, first = Path(sys.argv[1]), sys.argv[2], sys.argv[3] == "first"
if mode == "renames":
    path_exchange._at_once = lambda one, other: False
shelf = top / "shelf"

def made(version):
    source, spool = top / "source" / version, top / "spool" / version
    source.mkdir(parents=True); spool.mkdir(parents=True)
    (source / "workflow.toml").write_text(f'id = "build"\\nversion = "{version}"\\ndescription = "{version}"\\n[steps.a]\\nrun = "x"\\n')
    (source / "lib").mkdir()
    (source / "lib/word.txt").write_text(version)
    return pack(source, spool=spool)

old, new, newest = made("1.0.0"), made("1.1.0"), made("1.2.0")
digest = {tree_digest(top / "source" / version): version for version in ("1.0.0", "1.1.0", "1.2.0")}
EVENTS = {"open", "os.rename", "os.mkdir", "os.rmdir", "os.remove", "os.chmod", "os.scandir", "shutil.rmtree", "ctypes.dlsym"}

def killed_at(step):
    left = [step]
    def hook(event, arguments):
        if event in EVENTS:
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), 9)
    sys.addaudithook(hook)

target = shelf / "workflows/build"
gaps = 0
for step in range(1, 2000):
    shutil.rmtree(shelf, ignore_errors=True)
    shelf.mkdir()
    if not first:
        place_bundle(shelf, "build", old)
    child = os.fork()
    if child == 0:
        try:
            killed_at(step)
            place_bundle(shelf, "build", new)
        finally:
            os._exit(0)
    status = os.waitpid(child, 0)[1]
    if os.WIFEXITED(status):
        assert digest[tree_digest(target)] == "1.1.0"
        break
    if target.exists():
        assert digest[tree_digest(target)] in ("1.0.0", "1.1.0"), step
    elif not first:
        gaps += 1
        (aside,) = (shelf / "workflows").glob(".build.*.old")
        assert digest[tree_digest(aside)] == "1.0.0", step
    bundle, version = ((new, "1.1.0"), (newest, "1.2.0"))[step % 2]
    place_bundle(shelf, "build", bundle)
    assert digest[tree_digest(target)] == version, step
    assert f"description: \\"{version}\\"" in (shelf / "index.yaml").read_text(), step
    assert [path.name for path in (shelf / "workflows").iterdir()] == ["build"], step
    left = {path.name for path in shelf.rglob("*")} - {"workflows", "build", "lib", "word.txt", "workflow.toml", "index.yaml"}
    assert left == {".ropeway", "published", "build.json"}, (step, left)
print(step, gaps)
"""


@pytest.mark.parametrize("first", ["first", "again"])
@pytest.mark.parametrize("mode", ["at-once", "renames"])
def test_a_publish_may_be_killed_at_any_moment(tmp_path: Path, mode: str, first: str) -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT, str(tmp_path), mode, first], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    steps, gaps = map(int, done.stdout.split())
    assert steps > 20
    if mode == "renames" or sys.platform == "linux":
        assert (gaps > 0) == (mode == "renames" and first == "again")
