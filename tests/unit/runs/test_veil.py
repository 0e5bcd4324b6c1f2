"""Secrets in events, and what a resume needs of them."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from ropeway.runs.folder import RunFolder
from ropeway.runs.state import fold
from ropeway.runs.veil import Veil

if TYPE_CHECKING:
    from pathlib import Path


def test_text_is_hidden_wherever_people_put_it_and_what_is_ours_stays(tmp_path: Path) -> None:
    veil = Veil(RunFolder(tmp_path), ["hunter2", "failed", "build"])
    data = {
        "step": "build", "state": "failed", "reason": "exit", "error": "hunter2 failed: aHVudGVyMg==", "prompt": "use hunter2?",
        "outputs": {"a": ["x hunter2 y", 3], "b": {"hunter2": None}}, "exit_code": 1, "leftovers": [{"pid": 3, "name": "hunter2"}],
    }  # fmt: skip
    assert veil.over(data) == {
        "step": "build", "state": "failed", "reason": "exit", "error": "*** ***: ***==", "prompt": "use ***?",
        "outputs": {"a": ["x *** y", 3], "b": {"***": None}}, "exit_code": 1, "leftovers": [{"pid": 3, "name": "***"}],
    }  # fmt: skip


def test_hidden_outputs_and_items_come_back_for_a_resume_until_they_are_dropped(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    veil = Veil(folder, [])
    veil.learn("made-secret")
    veil.over({"step": "a", "outputs": {"t": "made-secret", "n": 1}})
    veil.over({"step": "b", "items": ["made-secret", "x"]})
    kept = tmp_path / "secrets.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    state = fold("r", ["a", "b"], [])
    again = Veil(folder, [])
    again.restore(state)
    assert state.steps["a"].outputs == {"t": "made-secret", "n": 1}
    assert state.steps["b"].items == ["made-secret", "x"]
    assert again.learned == ["made-secret"]
    assert again.over({"error": "made-secret"}) == {"error": "***"}
    again.drop()
    again.drop()
    assert not kept.exists()


def test_short_values_are_hidden_only_as_a_whole(tmp_path: Path) -> None:
    veil = Veil(RunFolder(tmp_path), ["ab"])
    assert veil.over({"error": "abc", "value": "ab"}) == {"error": "abc", "value": "***"}


def test_without_secrets_an_event_passes_as_it_is(tmp_path: Path) -> None:
    data = {"error": "x"}
    assert Veil(RunFolder(tmp_path), []).over(data) is data
