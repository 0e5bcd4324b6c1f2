"""What the fake registry does beyond the specification: the index of a server of ours, tokens, TLS, and its tricks."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from ropeway.testing.registries import FOREVER, FakeRegistry
from support.registries import LOGIN, Authority

LISTINGS = [
    {"id": "acme/build", "description": "Builds it", "tags": ["ci"], "versions": [{"version": "1.1.0"}, {"version": "1.0.0"}]},
    {"id": "acme/test", "description": "Tests it", "tags": ["ci"], "versions": [{"version": "0.1.0"}]},
    {"id": "other/deploy", "description": "Deploys it", "tags": [], "versions": []},
]


def get(url: str, context: ssl.SSLContext | None = None, **headers: str) -> dict:
    request = urllib.request.Request(url, headers=headers)
    with urllib.request.urlopen(request, timeout=5, context=context) as answer:
        return json.load(answer)


def test_the_index_is_searched_by_words_and_by_the_page() -> None:
    with FakeRegistry() as registry:
        registry.listings = LISTINGS
        first = get(f"{registry.url}/v1/workflows?q=it&limit=2")
        assert [one["id"] for one in first["items"]] == ["acme/build", "acme/test"]
        assert "versions" not in first["items"][0]
        second = get(f"{registry.url}/v1/workflows?q=it&limit=2&cursor={first['next']}")
        assert ([one["id"] for one in second["items"]], second["next"]) == (["other/deploy"], None)
        assert [one["id"] for one in get(f"{registry.url}/v1/workflows?q=CI+tests")["items"]] == ["acme/test"]
        for target in ("acme/build", "acme%2Fbuild"):
            assert get(f"{registry.url}/v1/workflows/{target}") == LISTINGS[0]
        with pytest.raises(urllib.error.HTTPError, match="404"):
            get(f"{registry.url}/v1/workflows/acme/none")


def test_tokens_are_for_what_they_were_asked_for_and_until_they_expire() -> None:
    with FakeRegistry(login=LOGIN, flow="bearer") as registry:
        registry.push("acme/build", {"file": b"x"}, tag="1")
        now = [0.0]
        registry.door.now = lambda: now[0]
        tags = f"{registry.url}/v2/acme/build/tags/list"
        with pytest.raises(urllib.error.HTTPError) as caught:
            get(tags)
        assert f'realm="{registry.url}/token"' in caught.value.headers["WWW-Authenticate"]
        assert 'scope="repository:acme/build:pull"' in caught.value.headers["WWW-Authenticate"]
        caught.value.close()
        basic = {"Authorization": "Basic " + base64.b64encode(":".join(LOGIN).encode()).decode()}
        for scope, works in (("repository:acme/build:pull", True), ("repository:acme/other:pull", False), ("", False)):
            token = get(f"{registry.url}/token?service=x&scope={scope}&offline_token=true", **basic)
            bearer = {"Authorization": f"Bearer {token['token']}"}
            if works:
                assert get(tags, **bearer)["tags"] == ["1"]
            now[0] += 0 if not works else 301
            with pytest.raises(urllib.error.HTTPError) as caught:
                get(tags, **bearer)
            caught.value.close()
        assert token["refresh_token"] == registry.door.refresh_token
        form = f"grant_type=refresh_token&refresh_token={registry.door.refresh_token}&service=x&scope=repository:acme/build:pull"
        with urllib.request.urlopen(f"{registry.url}/token", form.encode()) as answer:
            bearer = {"Authorization": f"Bearer {json.load(answer)['access_token']}"}
        assert get(tags, **bearer)["tags"] == ["1"]
        assert [asked.grant for asked in registry.door.asked] == ["password"] * 3 + ["refresh_token"]


def test_tls_is_spoken_with_the_certificate_given(tmp_path: Path) -> None:
    certificate = Authority(tmp_path).certificate("localhost")
    with FakeRegistry(tls=(certificate.chain, certificate.key)) as registry:
        registry.push("acme/build", {"file": b"x"}, tag="1")
        assert get(f"{registry.url}/v2/acme/build/tags/list", ssl.create_default_context(cafile=certificate.ca))["tags"] == ["1"]
        with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
            get(f"{registry.url}/v2/", ssl.create_default_context())


def test_a_trick_happens_as_often_as_it_is_asked_for_and_the_last_one_first() -> None:
    with FakeRegistry() as registry:
        registry.trick("GET /v2/$", status=500, times=2)
        registry.trick("GET /v2/$", status=503, times=1, after=1)
        said = []
        for _ in range(5):
            connection = http.client.HTTPConnection(registry.host, timeout=5)
            connection.request("GET", "/v2/")
            said.append(connection.getresponse().status)
            connection.close()
        assert said == [500, 503, 500, 200, 200]
        assert [seen.status for seen in registry.seen] == said


def test_closing_cuts_off_those_who_still_wait() -> None:
    registry = FakeRegistry()
    registry.trick(delay=FOREVER)
    connection = http.client.HTTPConnection(registry.host, timeout=20)
    connection.request("GET", "/v2/")
    begun = time.monotonic()
    registry.close()
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        connection.getresponse()
    connection.close()
    assert time.monotonic() - begun < 10


def test_a_body_comes_slowly_when_asked_for() -> None:
    with FakeRegistry() as registry:
        made = registry.push("acme/build", {"file": b"0123456789"})
        registry.trick("blobs", slow=0.02, piece=2)
        begun = time.monotonic()
        with urllib.request.urlopen(f"{registry.url}/v2/acme/build/blobs/{made.layers[0].digest}") as answer:
            assert answer.read() == b"0123456789"
        assert time.monotonic() - begun >= 0.08


def test_a_mistake_in_the_fake_is_raised_when_it_is_closed() -> None:
    registry = FakeRegistry()
    registry.trick(body=lambda _right: 1 / 0)
    with pytest.raises((OSError, http.client.HTTPException)):
        urllib.request.urlopen(f"{registry.url}/v2/")
    with pytest.raises(ZeroDivisionError):
        registry.close()
