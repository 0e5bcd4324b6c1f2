"""Which signer a person means."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ropeway.app import keys
from ropeway.errors import NotFound


def test_a_signer_is_a_key_of_ones_own_or_what_a_plugin_brings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    made, _ = keys.generate(os.environ, "release", "", None)
    for text in (None, "release", made.keyid, made.short, "key:release", "key:"):
        assert keys.signer(os.environ, text).keyid == made.keyid
    assert keys.public_keys(os.environ) == {made.keyid: made}
    with pytest.raises(NotFound, match="no signer is called 'kms'"):
        keys.signer(os.environ, "kms:projects/1")
    with pytest.raises(NotFound, match="there is no key 'other'"):
        keys.signer(os.environ, "other")


def test_a_private_key_replaces_no_file(tmp_path: Path) -> None:
    from ropeway.errors import Refused

    keys.write_export(str(tmp_path / "key"), "one", private=True)
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    with pytest.raises(Refused):
        keys.write_export(str(tmp_path / "key"), "two", private=True)
    assert (tmp_path / "key").read_text() == "one"
