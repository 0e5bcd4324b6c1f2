from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ropeway import plugins
from ropeway.errors import NotFound, Refused


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Make distributions with entry points on sys.path, as pip would."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def install(distribution: str, entries: str, **modules: str) -> None:
        info = tmp_path / f"{distribution}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[ropeway.steps]\n{entries}\n")
        for name, source in modules.items():
            (tmp_path / f"{name}.py").write_text(source)

    return install


def test_a_builtin_is_found_without_looking_at_installed_distributions() -> None:
    code = "import sys; from ropeway.plugins import find; print(find('ropeway.steps', 'x', {'x': 'os:sep'}), 'importlib.metadata' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "/ False\n"


def test_an_entry_point_is_loaded_with_its_dotted_attribute(installed) -> None:
    installed("one", "shout = plugin_one:Tools.shout", plugin_one="class Tools:\n    shout = 'HEY'\n")
    assert plugins.find("ropeway.steps", "shout", {}) == "HEY"
    assert plugins.names("ropeway.steps", ["builtin"]) == ["builtin", "shout"]


def test_a_plugin_can_not_take_the_place_of_a_builtin(installed) -> None:
    installed("two", "say = plugin_two:value", plugin_two="value = 'theirs'\n")
    assert plugins.find("ropeway.steps", "say", {"say": "os:sep"}) == "/"


def test_an_unknown_name_is_answered_with_the_nearest_one(installed) -> None:
    installed("three", "shout = plugin_three:value")
    with pytest.raises(NotFound) as caught:
        plugins.find("ropeway.steps", "shuot", {})
    assert caught.value.message == "no step is called 'shuot'"
    assert caught.value.hint == "did you mean shout?"


@pytest.mark.parametrize(
    ("group", "word"),
    [
        ("ropeway.steps", "step"),
        ("ropeway.sandboxes", "sandbox"),
        ("ropeway.parameter_types", "parameter type"),
        ("ropeway.workspaces", "workspace"),
    ],
)
def test_messages_use_the_persons_word_for_a_group(group: str, word: str) -> None:
    with pytest.raises(NotFound, match=f"no {word} is called"):
        plugins.find(group, "nothing", {})


def test_two_distributions_with_one_name_are_refused_and_named(installed) -> None:
    installed("first", "same = plugin_a:value")
    installed("second", "same = plugin_b:value")
    with pytest.raises(Refused, match="from first, second"):
        plugins.find("ropeway.steps", "same", {})


@pytest.mark.parametrize("source", ["import no_such_module_anywhere", "other = 1"])
def test_a_plugin_that_does_not_load_is_named_with_its_distribution(installed, source: str) -> None:
    installed("broken", "bad = plugin_broken_x:value", plugin_broken_x=source)
    sys.modules.pop("plugin_broken_x", None)
    with pytest.raises(plugins.PluginError, match="'bad' of broken can not be loaded"):
        plugins.find("ropeway.steps", "bad", {})
