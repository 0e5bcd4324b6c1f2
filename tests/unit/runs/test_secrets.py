from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from ropeway.errors import NotFound, Refused, RopewayError, StoreError, UsageError
from ropeway.runs.secrets import Source, Store, open_store, parse_source, read_secret
from ropeway.settings.secret_store import Keyring
from ropeway.testing.keyrings import FakeKeyring


class NoStore:
    """For tests in which opening the keyring would be a mistake."""

    def __call__(self) -> Store:
        raise AssertionError("the keyring was opened")


@pytest.fixture(params=["keyring", "file"])
def keyring(request: pytest.FixtureRequest) -> Keyring | None:
    return FakeKeyring() if request.param == "keyring" else None


def test_a_secret_is_kept_listed_replaced_and_removed(tmp_path: Path, keyring: Keyring | None) -> None:
    store = Store(tmp_path, keyring)
    assert store.set("GH_TOKEN", "one") == ("keyring" if keyring else "file")
    store.set("GH_TOKEN", "two")
    store.set("AWS", "three")
    assert store.names() == ["AWS", "GH_TOKEN"]
    assert store.get("GH_TOKEN") == "two"
    store.remove("GH_TOKEN")
    assert store.get("GH_TOKEN") is None
    assert store.names() == ["AWS"]
    with pytest.raises(NotFound, match="'GH_TOKEN'"):
        store.remove("GH_TOKEN")


def test_the_file_is_for_its_owner_only_and_holds_no_value_that_a_keyring_has(tmp_path: Path) -> None:
    Store(tmp_path / "config", FakeKeyring()).set("A", "hunter2")
    file = tmp_path / "config" / "secrets.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert "hunter2" not in file.read_text()


def test_a_file_that_others_can_read_is_refused_with_the_command_that_repairs_it(tmp_path: Path) -> None:
    store = Store(tmp_path, None)
    store.set("A", "hunter2")
    (tmp_path / "secrets.json").chmod(0o640)
    with pytest.raises(Refused, match="mode 640") as caught:
        store.get("A")
    assert caught.value.hint == f"chmod 600 {tmp_path / 'secrets.json'}"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"secrets": 3}', '{"secrets": {"A": "x"}}', "\xff"])
def test_a_damaged_file_is_told_and_never_overwritten(tmp_path: Path, text: str) -> None:
    file = tmp_path / "secrets.json"
    file.write_bytes(text.encode("latin-1"))
    file.chmod(0o600)
    for use in (lambda: Store(tmp_path, None).get("A"), lambda: Store(tmp_path, None).set("A", "x")):
        with pytest.raises(StoreError, match="damaged"):
            use()
    assert file.read_bytes() == text.encode("latin-1")


def test_without_a_usable_keyring_a_value_goes_to_the_file(tmp_path: Path) -> None:
    keyring = FakeKeyring()
    keyring.locked = True
    store = Store(tmp_path, keyring)
    assert store.set("A", "hunter2") == "file"
    assert store.get("A") == "hunter2"


def test_a_value_in_a_locked_keyring_is_an_error_and_not_an_absence(tmp_path: Path) -> None:
    keyring = FakeKeyring()
    Store(tmp_path, keyring).set("A", "hunter2")
    keyring.locked = True
    for opened in (Store(tmp_path, keyring), Store(tmp_path, None)):
        with pytest.raises(StoreError, match="can not be opened"):
            opened.get("A")
        with pytest.raises(StoreError, match="can not be opened"):
            opened.remove("A")
    assert Store(tmp_path, keyring).names() == ["A"]
    assert Store(tmp_path, keyring).get("B") is None


def test_many_writers_lose_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path, None)
    writers = [threading.Thread(target=store.set, args=(f"N{n}", "x")) for n in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert store.names() == [f"N{n}" for n in range(8)]


@pytest.mark.parametrize(("name", "value"), [("", "x"), (" A", "x"), ("A\n", "x"), ("A", "")])
def test_names_that_nobody_could_type_and_empty_values_are_refused(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(UsageError):
        Store(tmp_path, None).set(name, value)


def test_a_folder_that_can_not_be_written_is_a_message(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="can not be written"):
        Store(tmp_path / "file" / "below", None).set("A", "x")


@pytest.mark.parametrize(
    ("text", "source"),
    [("keyring:gh", Source("keyring", "gh")), ("env:GH:X", Source("env", "GH:X")), ("prompt", Source("prompt"))],
)
def test_a_source_is_parsed(text: str, source: Source) -> None:
    assert parse_source(text) == source


@pytest.mark.parametrize("text", ["", "keyring", "keyring:", "env:", "prompt:", "file:/etc/passwd", "hunter2"])
def test_anything_else_is_no_source(text: str) -> None:
    with pytest.raises(UsageError, match="is not a source"):
        parse_source(text)


def test_by_default_the_keyring_wins_over_the_environment(tmp_path: Path) -> None:
    store = Store(tmp_path, None)
    environ = {"TOKEN": "from env"}
    assert read_secret(None, "TOKEN", store=lambda: store, environ=environ) == "from env"
    store.set("TOKEN", "from keyring")
    assert read_secret(None, "TOKEN", store=lambda: store, environ=environ) == "from keyring"


def test_each_source_is_asked_and_no_other() -> None:
    assert read_secret("env:OTHER", "TOKEN", store=NoStore(), environ={"OTHER": "v", "TOKEN": "no"}) == "v"
    assert read_secret("prompt", "TOKEN", store=NoStore(), environ={}, prompt=lambda name: f"typed for {name}") == "typed for TOKEN"


@pytest.mark.parametrize(
    ("source", "environ", "hint"),
    [
        (None, {}, "workflow secret set TOKEN, or set the environment variable TOKEN"),
        ("env:X", {"X": ""}, "set the environment variable X"),
        ("keyring:gh", {}, "workflow secret set gh"),
        ("prompt", {}, "there is none here"),
    ],
)
def test_a_secret_that_is_nowhere_says_how_to_give_it(tmp_path: Path, source: str | None, environ: dict[str, str], hint: str) -> None:
    with pytest.raises(NotFound) as caught:
        read_secret(source, "TOKEN", store=lambda: Store(tmp_path, None), environ=environ)
    assert hint in str(caught.value.hint)
    assert caught.value.message.startswith("the secret TOKEN has no value")


def test_a_nul_in_a_secret_is_refused_without_showing_it() -> None:
    with pytest.raises(RopewayError) as caught:
        read_secret("prompt", "TOKEN", store=NoStore(), environ={}, prompt=lambda _: "hun\0ter2")
    assert "hun" not in caught.value.message


def test_a_machine_without_a_keyring_uses_the_file_in_the_configuration_folder(tmp_path: Path) -> None:
    store = open_store({**os.environ, "XDG_CONFIG_HOME": str(tmp_path)})
    assert store.set("A", "hunter2") == "file"
    assert json.loads((tmp_path / "ropeway/secrets.json").read_text())["secrets"]["A"]["value"] == "hunter2"
