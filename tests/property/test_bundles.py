"""What holds for every tree that can be packed: it comes back as it was, under a digest that depends on nothing else."""

from __future__ import annotations

import os
import random
import tempfile
import unicodedata
from pathlib import Path

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ropeway.bundles.layout import read_layout, write_layout
from ropeway.bundles.limits import Limits
from ropeway.bundles.pack import pack
from ropeway.bundles.paths import Places, fault_of
from ropeway.bundles.tree import copy_tree, tree_digest
from ropeway.bundles.unpack import unpack

PART = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cf", "Zl", "Zp", "Cn"], exclude_characters="/\\:"),
    min_size=1,
    max_size=40,
)
PATH = st.lists(PART | st.sampled_from(["a", "b", "long" * 20, "é"]), min_size=1, max_size=4).map("/".join)
FILES = st.dictionaries(PATH, st.tuples(st.binary(max_size=2000), st.booleans()), max_size=8)
DEFINITION = b'id = "a"\nversion = "1.0.0"\n[steps.a]\nrun = "true"\n'


def packable(paths) -> bool:
    """Whether such names can stand in one bundle, and are none that is left out or taken for a definition."""
    places = Places()
    reserved = ("workflow.", "SKILL.md", "agent", ".env", ".ropeway", "#", ".#", "readme")
    return not places.add_file("workflow.toml") and all(
        fault_of(path, Limits()) is None
        and places.add_file(path) is None
        and not path.endswith(("~", ".pyc", ".swp", ".swo", ".toml", ".json", ".py", ".md", ".yml", ".yaml"))
        and not any(part.lower().startswith(reserved) for part in path.split("/"))
        and unicodedata.normalize("NFC", path) == path
        and all(len(part.encode()) < 200 for part in path.split("/"))
        for path in paths
    )


def write(root: Path, files, *, seed: int) -> Path:
    """Write files in some order, under some umask, with some times."""
    chance = random.Random(seed)
    names = list(files)
    chance.shuffle(names)
    before = os.umask(chance.choice([0o022, 0o077, 0o002, 0o000]))
    try:
        for name in names:
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            data, executable = files[name]
            path.write_bytes(data)
            path.chmod((path.stat().st_mode & ~0o111) | (0o100 if executable else 0))
            os.utime(path, (chance.random() * 1e9, chance.random() * 1e9))
    finally:
        os.umask(before)
    return root


@settings(max_examples=60, deadline=None)
@given(FILES, st.integers())
def test_what_is_packed_comes_back_and_has_one_digest(files, seed) -> None:
    assume(packable(files))
    files = {**files, "workflow.toml": (DEFINITION, False)}
    with tempfile.TemporaryDirectory() as name:
        here = Path(name)
        one, other = write(here / "one", files, seed=seed), write(here / "other", files, seed=seed + 1)
        (other / "empty").mkdir(exist_ok=True)
        for spool in ("s1", "s2"):
            (here / spool).mkdir()
        bundle, again = pack(one, spool=here / "s1"), pack(other, spool=here / "s2")
        assert bundle.manifest.raw == again.manifest.raw
        assert unpack(bundle.manifest, bundle.blobs, here / "back") == "workflow.toml"
        assert tree_digest(here / "back") == tree_digest(one) == tree_digest(other)
        write_layout(bundle, here / "a.tar")
        write_layout(again, here / "b.tar")
        write_layout(again, here / "folder")
        assert (here / "a.tar").read_bytes() == (here / "b.tar").read_bytes()
        for place in ("a.tar", "folder"):
            read = read_layout(here / place)
            assert (read.manifest, read.metadata, read.kind) == (bundle.manifest, bundle.metadata, "workflow")
        unpack(read_layout(here / "a.tar").manifest, read_layout(here / "a.tar").blobs, here / "from-tar")
        assert tree_digest(here / "from-tar") == tree_digest(one)


@settings(max_examples=40, deadline=None)
@given(FILES, st.data())
def test_a_tree_has_another_digest_when_anything_of_it_differs(files, data) -> None:
    assume(files and packable(files))
    with tempfile.TemporaryDirectory() as name:
        here = Path(name)
        one = write(here / "one", files, seed=1)
        copy_tree(one, here / "copy")
        assert tree_digest(here / "copy") == tree_digest(one)
        path = here / "copy" / data.draw(st.sampled_from(sorted(files)))
        change = data.draw(st.sampled_from(["content", "mode", "name", "gone"]))
        if change == "content":
            path.write_bytes(path.read_bytes() + b"\0")
        elif change == "mode":
            path.chmod(path.stat().st_mode ^ 0o100)
        elif change == "name":
            path.rename(path.with_name("renamed"))
            assume("renamed" not in files)
        else:
            path.unlink()
        assert tree_digest(here / "copy") != tree_digest(one)
