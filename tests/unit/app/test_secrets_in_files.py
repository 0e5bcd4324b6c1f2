"""Secrets in what is about to be published."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ropeway.app.publish_checks import secrets_in

if TYPE_CHECKING:
    from pathlib import Path

SECRETS = {
    "a private key": ["-----BEGIN PRIVATE KEY-----", "-----BEGIN RSA PRIVATE KEY-----", "-----BEGIN OPENSSH PRIVATE KEY-----"],
    "a key of AWS": [start + "A1" * 8 for start in ("AKIA", "ASIA")],
    "a token of GitHub": [*(f"gh{kind}_" + "a1" * 18 for kind in "pousr"), "github_pat_" + "a_1" * 20],
    "a token of GitLab": ["glpat-" + "a-1_" * 5],
    "a token of Slack": [f"xox{kind}-" + "a-1b" * 5 for kind in "abprs"],
    "a key of Anthropic or OpenAI": [f"sk-{who}-" + "a-1_" * 5 for who in ("ant", "proj")],
    "a token of PyPI or npm": ["pypi-AgEIcHlwaS5vcmc" + "a-1_" * 5, "npm_" + "a1" * 18],
}


@pytest.mark.parametrize(("what", "text"), [(what, text) for what, texts in SECRETS.items() for text in texts])
def test_each_kind_of_secret_is_found_with_its_line(tmp_path: Path, what: str, text: str) -> None:
    path = tmp_path / "file"
    path.write_text(f"first\nkey = {text}\n", encoding="utf-8")
    (said,) = secrets_in([("a/file", path)])
    assert said.startswith(f"a/file:2 holds what looks like {what}: ")


@pytest.mark.parametrize(
    "text", ["mask-ant-hill", "xoxo", "npm_config_cache", "AKIA", "x" + "ghp_" + "a1" * 18, "the PRIVATE KEY is kept elsewhere"]
)
def test_what_only_looks_a_little_like_one_is_not_told(tmp_path: Path, text: str) -> None:
    path = tmp_path / "file"
    path.write_text(text, encoding="utf-8")
    assert list(secrets_in([("file", path)])) == []
