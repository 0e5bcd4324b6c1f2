"""What a person is asked."""

from __future__ import annotations

from pathlib import Path

from ropeway.app.consent import Question
from ropeway.app.judging import Judge
from ropeway.app.keys import open_keys
from ropeway.testing.signers import FakeSigner


def test_keys_that_are_known_here_are_asked_about_by_their_names(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path), "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}
    alice, stranger = FakeSigner("alice").public, FakeSigner("stranger").public
    open_keys(environ).trust(alice.line(), "alice")
    signers = (alice.keyid, stranger.keyid)
    who = Judge(environ).who(signers)
    assert who == (f"{alice.short} (alice)", stranger.short)
    assert f"signed with the key {alice.short} (alice), {stranger.short}" in Question("r", "s", "d", signers, (), who).lines()[1]
