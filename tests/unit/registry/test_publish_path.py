"""The index of a folder to which something is published: whatever stood in it stands in it afterwards, and it is read back as it was meant."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ropeway.bundles.pack import pack
from ropeway.errors import Refused
from ropeway.registry.index import read_index
from ropeway.registry.publish_path import place_bundle

TEXT = st.text(st.characters(blacklist_categories=["Cs", "Cc"], blacklist_characters="\u2028\u2029\ufeff\u0085"), min_size=1, max_size=20)
VALUE = st.recursive(
    TEXT | st.booleans() | st.integers(-(2**31), 2**31),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)


def made(folder: Path, name: str = "build", text: str = "") -> Any:
    source = folder / "source"
    source.mkdir(exist_ok=True)
    (source / "workflow.toml").write_text(f'id = "{name}"\nversion = "1.0.0"\n{text}[steps.a]\nrun = "x"\n')
    spool = folder / "spool"
    spool.mkdir(exist_ok=True)
    return pack(source, spool=spool)


@pytest.mark.parametrize("kind", ["index.yaml", "index.json"])
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    others=st.dictionaries(TEXT.filter(lambda key: key != "workflows"), VALUE, max_size=3), entries=st.dictionaries(TEXT, VALUE, max_size=3)
)
def test_what_others_wrote_into_an_index_stays_as_it_is(tmp_path: Path, kind: str, others: dict[str, Any], entries: dict[str, Any]) -> None:
    shelf = tmp_path / "shelf"
    shelf.mkdir(exist_ok=True)
    entries.pop("build", None)
    bundle = made(tmp_path)
    before = {**others, "workflows": {**entries, "build": {"path": "workflows/build/workflow.toml"}}}
    (shelf / kind).write_text(json.dumps(before, ensure_ascii=False))
    (shelf / "workflows/build").mkdir(parents=True, exist_ok=True)
    (shelf / "workflows/build/workflow.toml").write_text("")
    place_bundle(shelf, "build", bundle)
    after = read_index((shelf / kind).read_bytes(), kind)
    assert after.document.data == {**before, "workflows": {**entries, "build": {"path": "workflows/build/workflow.toml"}}}
    assert list(after.entries) == sorted(after.entries)


def test_comments_at_the_top_of_an_index_stay(tmp_path: Path) -> None:
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    (shelf / "index.yaml").write_text("# ours\n\n# ask Ada\nworkflows: {}\n")
    place_bundle(shelf, "build", made(tmp_path, text='description = "Does: this #1"\n'))
    assert (shelf / "index.yaml").read_text() == (
        '# ours\n\n# ask Ada\nworkflows:\n  build:\n    path: workflows/build/workflow.toml\n    description: "Does: this #1"\n'
    )


def test_an_entry_elsewhere_is_not_taken_over(tmp_path: Path) -> None:
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    (shelf / "index.yaml").write_text("workflows:\n  build:\n    path: ci/build.toml\n")
    with pytest.raises(Refused) as caught:
        place_bundle(shelf, "build", made(tmp_path))
    assert caught.value.code == "output-exists"
    assert (shelf / "index.yaml").read_text() == "workflows:\n  build:\n    path: ci/build.toml\n"
    assert not (shelf / "workflows").exists()
