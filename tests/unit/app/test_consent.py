"""Whose word counts when something is seen for the first time."""

from __future__ import annotations

from pathlib import Path

import pytest

from ropeway.app.consent import agree
from ropeway.bundles.problems import NotTrusted
from ropeway.registry import Fetched, Pin

KEY = "sha256:" + "1" * 64


@pytest.fixture
def fetched(tmp_path: Path) -> Fetched:
    (tmp_path / "workflow.toml").write_text('id = "x"\n[steps.a]\nrun = "true"\n')
    return Fetched(Pin("oci://r.example/x", "x", "sha256:" + "2" * 64), "sha256:" + "3" * 64, tmp_path, "workflow.toml")


@pytest.mark.parametrize(
    ("by", "signers", "stranger", "agreed"),
    [
        ("typed", (), False, True),
        ("own", (), False, True),
        ("typed", (KEY,), True, True),
        ("remote", (), False, False),
        ("remote", (KEY,), True, False),  # anybody can make a key and sign
        ("remote", (KEY,), False, True),
    ],
)
def test_off_a_terminal_only_a_key_that_is_known_speaks_for_what_a_remote_workflow_uses(fetched, by, signers, stranger, agreed) -> None:
    told: list[str] = []

    def call(trust: tuple[str, ...] = ()) -> None:
        agree("x@r", fetched, signers, by=by, trust=trust, ask=None, tell=told.append, stranger=stranger)

    if agreed:
        call()
        assert told[0] == "x@r is new here:"
    else:
        with pytest.raises(NotTrusted, match="only a workflow from elsewhere uses it"):
            call()
        call(trust=("x@r",))
        assert told == []


def test_on_a_terminal_the_person_decides(fetched) -> None:
    agree("x@r", fetched, (), by="remote", trust=(), ask=lambda _: True, tell=print)
    with pytest.raises(NotTrusted, match="did not agree"):
        agree("x@r", fetched, (KEY,), by="typed", trust=(), ask=lambda _: False, tell=print)
