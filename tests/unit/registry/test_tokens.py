"""Tokens are shared, renewed in time, and got once."""

from __future__ import annotations

import fcntl
import json
import threading
from pathlib import Path

import pytest

from ropeway.registry.login.tokens import Token, TokenCache

KEY = ("host", "realm")


class Service:
    """Hands out tokens and counts them."""

    def __init__(self, life: float = 300.0, now: float = 1000.0) -> None:
        self.count = 0
        self.life = life
        self.now = now
        self.cache: TokenCache

    def __call__(self) -> Token:
        self.count += 1
        return Token(f"token-{self.count}", self.now, self.life)

    def get(self, refused: str | None = None, key: tuple[str, ...] = KEY) -> str:
        return self.cache.get(key, self, refused).value


@pytest.fixture
def service(tmp_path: Path) -> Service:
    made = Service()
    made.cache = TokenCache(tmp_path / "tokens", lambda: made.now)
    return made


def test_a_token_is_got_once_and_found_by_the_next_process(service: Service, tmp_path: Path) -> None:
    assert service.get() == "token-1"
    assert TokenCache(tmp_path / "tokens", lambda: service.now).get(KEY, service).value == "token-1"
    assert service.get(key=("other",)) == "token-2"


def test_a_token_is_renewed_before_it_ends(service: Service) -> None:
    assert service.get() == "token-1"
    service.now += 269
    assert service.get() == "token-1"
    service.now += 2
    assert service.get() == "token-2"


def test_a_short_token_is_used_for_three_quarters_of_its_life(service: Service) -> None:
    service.life = 8
    assert service.get() == "token-1"
    service.now += 5.9
    assert service.get() == "token-1"
    service.now += 0.2
    assert service.get() == "token-2"


def test_a_token_of_the_future_is_not_used(service: Service) -> None:
    """The clock was set back: when it ends is not known any more."""
    assert service.get() == "token-1"
    service.now -= 60
    assert service.get() == "token-2"


def test_a_token_that_was_refused_is_not_given_again(service: Service) -> None:
    assert service.get() == "token-1"
    assert service.get(refused="token-1") == "token-2"
    assert service.get(refused="token-1") == "token-2"


def test_files_are_for_their_owner_alone(service: Service, tmp_path: Path) -> None:
    (tmp_path / "tokens").mkdir(mode=0o755)
    service.get()
    assert (tmp_path / "tokens").stat().st_mode & 0o777 == 0o700
    assert [path.stat().st_mode & 0o777 for path in (tmp_path / "tokens").iterdir()] == [0o600]


def test_a_file_that_others_can_read_is_not_used(service: Service, tmp_path: Path) -> None:
    service.get()
    (path,) = (tmp_path / "tokens").iterdir()
    path.chmod(0o644)
    assert service.get() == "token-2"
    assert "token-1" in path.read_text()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"token": "x"}', '{"token": "x", "got": "soon", "life": []}', "[" * 50_000])
def test_a_damaged_file_costs_one_token(service: Service, tmp_path: Path, text: str) -> None:
    service.get()
    (path,) = (tmp_path / "tokens").iterdir()
    path.write_text(text)
    assert service.get() == "token-2"
    assert json.loads(path.read_text())["token"] == "token-2"


def test_a_file_can_not_say_that_a_token_lasts_for_ever(service: Service, tmp_path: Path) -> None:
    service.life = 1e12
    service.get()
    service.now += 86_400
    assert service.get() == "token-2"


def test_a_link_in_the_folder_is_not_followed(service: Service, tmp_path: Path) -> None:
    service.get()
    (path,) = (tmp_path / "tokens").iterdir()
    path.unlink()
    (tmp_path / "target").write_text("")
    (tmp_path / "target").chmod(0o600)
    path.symlink_to(tmp_path / "target")
    assert service.get() == "token-2"
    assert (tmp_path / "target").read_text() == ""


def test_without_a_folder_each_has_its_own(service: Service, tmp_path: Path) -> None:
    service.cache = TokenCache(None)
    assert (service.get(), service.get()) == ("token-1", "token-2")
    (tmp_path / "file").write_text("")
    service.cache = TokenCache(tmp_path / "file" / "tokens")
    assert service.get() == "token-3"


def test_after_a_logout_nothing_is_left(service: Service, tmp_path: Path) -> None:
    service.get()
    service.cache.clear()
    assert list((tmp_path / "tokens").iterdir()) == []
    TokenCache(tmp_path / "nowhere").clear()


def test_many_that_need_the_same_token_get_it_once(tmp_path: Path) -> None:
    service = Service()
    found: list[str] = []
    begin = threading.Barrier(8)

    def one() -> None:
        cache = TokenCache(tmp_path, lambda: service.now)
        begin.wait()
        found.append(cache.get(KEY, service).value)

    threads = [threading.Thread(target=one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["token-1"] * 8


def test_a_service_that_fails_leaves_no_lock_behind(service: Service, tmp_path: Path) -> None:
    def fails() -> Token:
        raise OSError("no answer")

    with pytest.raises(OSError, match="no answer"):
        service.cache.get(KEY, fails)
    (path,) = (tmp_path / "tokens").iterdir()
    with path.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert service.get() == "token-1"
