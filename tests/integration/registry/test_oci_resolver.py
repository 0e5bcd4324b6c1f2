"""What references to OCI registries mean, what is fetched for them, and what is never fetched twice; on real registries and on the fake."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from ropeway.bundles.envelope import SIGNATURE_TYPE
from ropeway.bundles.manifest import digest_of
from ropeway.bundles.problems import AlteredManifest, InvalidBundle, MovedTag, SignatureInvalid
from ropeway.errors import NotFound, Refused, RopewayError, Unreachable
from ropeway.lang.reference import OciReference, parse_reference
from ropeway.lang.reference.refs import read_ref
from ropeway.registry import Fetched, Pin, Wanted
from ropeway.registry.cache.store import Store
from ropeway.registry.config import Registries, Registry
from ropeway.registry.dispatch import Around, resolver_for
from ropeway.registry.http.transport import Net
from ropeway.registry.resolvers.oci import OciResolver
from ropeway.registry.resolvers.ropeway import RopewayResolver
from ropeway.testing.registries import FakeRegistry

T = TypeVar("T")
ONE = b'id = "build"\ndescription = "Builds things"\ntags = ["ci"]\n[steps.a]\nrun = "echo one"\n'
TWO = ONE.replace(b"one", b"two")
CARD = b'{"name": "Plan", "version": "1", "url": "https://example.org", "skills": []}'


@pytest.fixture
def own() -> Iterator[FakeRegistry]:
    """A fake of this test alone."""
    with FakeRegistry() as made:
        yield made


class Client:
    """Somebody who uses one registry, called ``team`` here."""

    def __init__(self, folder: Path, host: str) -> None:
        self.folder = folder
        self.host = host

    @property
    def store(self) -> Store:
        return Store(self.folder / "cache/ropeway")

    def resolver(self, name: str = "build", **options: object) -> OciResolver:
        return OciResolver(
            self.host,
            prefix="team",
            name=name,
            registry="team",
            store=self.store,
            net=Net(retries=0),
            environ={"HOME": str(self.folder)},
            **options,
        )

    def pin(self, ref: str | None = None, name: str = "build") -> Pin:
        wanted = Wanted(f"{name}@team", name, None if ref is None else read_ref(ref, 0))
        return self.resolver(name).pin(wanted)

    def fetch(self, ref: str | None = None) -> Fetched:
        resolver = self.resolver()
        pin = resolver.pin(Wanted("build@team", "build", None if ref is None else read_ref(ref, 0)))
        return resolver.fetch(pin, resolver.evidence(pin))

    def exactly(self, text: str, kind: str = "workflow") -> Fetched:
        around = Around(Registries({}, None), "https://github.com", self.store, {"HOME": str(self.folder)})
        reference = parse_reference(text)
        assert isinstance(reference, OciReference)
        resolver, wanted = resolver_for(reference, around, kind)
        pin = resolver.pin(wanted)
        return resolver.fetch(pin, resolver.evidence(pin))


@pytest.fixture
def client(tmp_path: Path, own: FakeRegistry) -> Client:
    return Client(tmp_path, own.host)


def fill(own: FakeRegistry, *tags: str) -> dict[str, str]:
    """Let a registry have a workflow under each tag, and return their digests."""
    return {tag: own.push("team/workflows/build", {"workflow.toml": ONE + f"# {tag}\n".encode()}, tag=tag).digest for tag in tags}


@pytest.mark.parametrize(
    ("ref", "tag", "version", "moving"),
    [
        (None, "v1.10.0", "v1.10.0", True),
        ("1.2.0", "1.2.0", "1.2.0", False),
        ("v1.2.0", None, None, None),
        ("1.10.0", "v1.10.0", "v1.10.0", False),
        ("1.3.0+linux.x86", "1.3.0_linux.x86", "1.3.0+linux.x86", False),
        ("1.3.0", "1.3.0_linux.x86", "1.3.0+linux.x86", False),
        ("^1.2", "v1.10.0", "v1.10.0", True),
        ("~1.2", "1.2.0", "1.2.0", True),
        (">=2.0.0-0", "2.0.0-rc.1", "2.0.0-rc.1", True),
        ("^3", None, None, None),
        ("9.9.9", None, None, None),
        ("latest", "latest", "latest", True),
        ("stable", "stable", "stable", False),
        ("feature/x", None, None, None),
        ("a" * 40, None, None, None),
    ],
)
def test_a_reference_means_a_tag_or_there_is_none(
    own: FakeRegistry, client: Client, ref: str | None, tag: str | None, version: str | None, moving: bool | None
) -> None:
    digests = fill(own, "1.2.0", "v1.10.0", "1.3.0_linux.x86", "2.0.0-rc.1", "latest", "stable")
    if tag is None:
        with pytest.raises(NotFound) as caught:
            client.pin(ref)
        assert caught.value.hint == "it has 2.0.0-rc.1, v1.10.0, 1.3.0+linux.x86, 1.2.0, latest, stable"
        return
    pin = client.pin(ref)
    assert pin == Pin(f"oci://{own.host}/team/workflows/build", "build", digests[tag], version, moving, "team")


def test_without_a_release_it_is_latest_and_without_that_nothing(own: FakeRegistry, client: Client) -> None:
    digests = fill(own, "1.0.0-rc.1", "nightly")
    with pytest.raises(NotFound) as caught:
        client.pin()
    assert caught.value.hint == "it has 1.0.0-rc.1, nightly"
    digests |= fill(own, "latest")
    assert client.pin().digest == digests["latest"]


def test_a_name_that_is_not_there_is_answered_with_those_that_are(own: FakeRegistry, client: Client) -> None:
    fill(own, "1.0.0")
    for ref in (None, "1.0.0", "^1"):
        with pytest.raises(NotFound) as caught:
            client.pin(ref, "biuld")
        assert caught.value.message == f"the registry team (oci://{own.host}/team) has no workflow 'biuld'"
        assert caught.value.hint == "did you mean 'build'? it has build"


def test_a_bundle_is_found_again_without_asking_anybody(own: FakeRegistry, client: Client) -> None:
    fetched = client.exactly(f"{own.host}/team/workflows/build@{fill(own, '1.0.0')['1.0.0']}")
    own.close()
    assert client.store.find(fetched.pin.source, fetched.pin.digest, fetched.pin.name) is not None
    pin = client.resolver().pin(Wanted("x", "build", read_ref(fetched.pin.digest, 0)))
    assert pin.digest == fetched.pin.digest


def test_a_fetched_version_has_a_link_that_people_know(own: FakeRegistry, client: Client, tmp_path: Path) -> None:
    own.push("workflows/acme/build", {"workflow.toml": ONE}, tag="1.0.0")
    fetched = client.exactly(f"oci://{own.host}/workflows/acme/build:1.0.0")
    assert (tmp_path / "cache/workflows/acme/build/1.0.0").resolve() == fetched.root


def test_nothing_is_left_of_the_blobs_once_they_are_files(own: FakeRegistry, client: Client) -> None:
    fill(own, "1.0.0")
    client.fetch("1.0.0")
    assert [path for path in (client.store.root / "blobs").rglob("*") if path.is_file()] == []


def test_what_was_cut_off_is_gone_on_with(own: FakeRegistry, client: Client) -> None:
    data = bytes(range(256)) * 16_384
    own.push("team/workflows/build", {"workflow.toml": ONE, "data.bin": data}, tag="1.0.0")
    trick = own.trick(on="GET .*/blobs/", truncate=3_000_000)
    with pytest.raises(Unreachable):
        client.fetch("1.0.0")
    own.tricks.remove(trick)
    assert (client.fetch("1.0.0").root / "data.bin").read_bytes() == data
    assert "range" in own.seen[-1].headers or any("range" in seen.headers for seen in own.seen[-4:])


class Interrupted(Store):
    """Somebody presses Ctrl-C when the files of a tree are written, or before."""

    early = False

    def add_tree(self, fill: Callable[[Path], T], *more: Any, **options: Any) -> tuple[str, Path, T]:
        def then_stop(folder: Path) -> T:
            if not self.early:
                fill(folder)
            raise KeyboardInterrupt

        return super().add_tree(then_stop, *more, **options)


@pytest.mark.parametrize("early", [True, False])
def test_ctrl_c_while_the_files_are_written_does_not_make_them_come_again(own: FakeRegistry, client: Client, early: bool) -> None:
    data = bytes(range(256)) * 16_384
    own.push("team/workflows/build", {"workflow.toml": ONE, "data.bin": data, "more.bin": data[::-1]}, tag="1.0.0")
    resolver = client.resolver()
    resolver._store = store = Interrupted(client.store.cache)
    store.early = early
    pin = resolver.pin(Wanted("build@team", "build"))
    with pytest.raises(KeyboardInterrupt):
        resolver.fetch(pin, resolver.evidence(pin))
    left = [path for path in (client.store.root / "blobs").rglob("*") if path.is_file()]
    assert sorted(path.name for path in left) == sorted(digest_of(each).partition(":")[2] for each in (data, data[::-1]))
    assert list((client.store.root / "staging").iterdir()) == []
    own.seen.clear()
    assert (client.fetch("1.0.0").root / "data.bin").read_bytes() == data
    asked = [seen for seen in own.seen if "/blobs/" in seen.target]
    assert [seen.target for seen in asked if digest_of(ONE) not in seen.target] == []
    assert [path for path in (client.store.root / "blobs").rglob("*") if path.is_file()] == []


def test_a_host_that_gives_something_else_is_named(own: FakeRegistry, client: Client) -> None:
    fill(own, "1.0.0")
    own.trick(on="GET .*/manifests/", status=200, body=b"<html>")
    resolver = client.resolver()
    with pytest.raises(InvalidBundle, match=rf"^{own.host}/team/workflows/build gives no bundle: the manifest is not JSON") as caught:
        resolver.evidence(resolver.pin(Wanted("build@team", "build")))
    assert "is it an OCI registry" in (caught.value.hint or "")


def test_a_tag_before_a_digest_has_to_name_it(own: FakeRegistry, client: Client) -> None:
    digests = fill(own, "1.0.0", "1.1.0")
    place = f"oci://{own.host}/team/workflows/build"
    with pytest.raises(MovedTag) as caught:
        client.exactly(f"{place}:1.1.0@{digests['1.0.0']}")
    assert digests["1.0.0"] in caught.value.message
    assert client.exactly(f"{place}:1.0.0@{digests['1.0.0']}").pin.digest == digests["1.0.0"]
    asked = len(own.seen)
    own.move("team/workflows/build", "1.0.0", digests["1.1.0"])
    around = Around(Registries({}, None), "https://github.com", client.store, {"HOME": str(client.folder)})
    resolver, wanted = resolver_for(parse_reference(f"{place}:1.0.0@{digests['1.0.0']}"), around)
    resolver.pin(wanted)
    assert len(own.seen) == asked  # what is in the store is pinned by its digest


@pytest.mark.parametrize(
    ("repository", "files", "kind", "message"),
    [
        ("agents/plan", {"plan_agent_card.json": CARD}, "workflow", "is an agent card, and a workflow is wanted"),
        ("skills/pdf", {"SKILL.md": b"---\nname: pdf\ndescription: x\n---\n"}, "workflow", "is a skill, and a workflow is wanted"),
        ("workflows/build", {"workflow.toml": ONE}, "agent", "is a workflow, and an agent card is wanted"),
        ("things/plan", {"plan_agent_card.json": CARD}, "workflow", "is an agent card, and a workflow is wanted"),
        ("things/x", {"data": b"\x00\x01"}, "workflow", "it is no workflow, skill or agent card"),
    ],
)
def test_a_bundle_of_another_kind_is_said_to_be_one(
    own: FakeRegistry, client: Client, repository: str, files: dict[str, bytes], kind: str, message: str
) -> None:
    own.push(repository, files, tag="v1")
    with pytest.raises(InvalidBundle) as caught:
        client.exactly(f"oci://{own.host}/{repository}:v1", kind)
    assert caught.value.code == "bundle-kind"
    assert message in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("title", ["workflows/test.yaml", "test.yaml"])
def test_what_oras_pushed_is_taken(own: FakeRegistry, client: Client, title: str) -> None:
    data = b"metadata: {id: test, name: Test}\nsteps:\n  - {id: a, skill: x}\n"
    own.push("workflows/test", {title: data}, tag="v1", artifact_type="application/vnd.unknown.artifact.v1", media_type="application/yaml")
    fetched = client.exactly(f"{own.host}/workflows/test:v1")
    assert (fetched.file, fetched.path.read_bytes()) == (title, data)


def test_an_index_of_several_manifests_is_no_bundle(own: FakeRegistry, client: Client) -> None:
    raw = b'{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}'
    own.put("workflows/build", raw, "application/vnd.oci.image.index.v1+json", tag="v1")
    with pytest.raises(InvalidBundle):
        client.exactly(f"{own.host}/workflows/build:v1")


def test_a_manifest_that_lies_about_itself_is_refused(own: FakeRegistry, client: Client) -> None:
    digests = fill(own, "1.0.0")
    own.alter("team/workflows/build", digests["1.0.0"], b"{}")
    with pytest.raises(AlteredManifest):
        client.exactly(f"{own.host}/team/workflows/build@{digests['1.0.0']}")


def test_only_signatures_on_this_bundle_are_evidence(own: FakeRegistry, client: Client) -> None:
    manifest = own.push("team/workflows/build", {"workflow.toml": ONE}, tag="1.0.0")
    other = own.push("team/workflows/build", {"workflow.toml": TWO})
    for number, subject in enumerate((manifest, manifest, other)):
        files = {"s": b"signature %d" % number}
        own.push("team/workflows/build", files, subject=subject, artifact_type=SIGNATURE_TYPE, media_type=SIGNATURE_TYPE)
    own.push("team/workflows/build", {"s": b"an SBOM"}, subject=manifest, artifact_type="application/spdx+json")
    resolver = client.resolver()
    evidence = resolver.evidence(resolver.pin(Wanted("build@team", "build")))
    assert evidence.manifest == manifest.raw
    assert sorted(evidence.signatures) == [b"signature 0", b"signature 1"]


@pytest.mark.parametrize("many", [True, False], ids=["too many", "too large"])
def test_signatures_without_end_are_refused(own: FakeRegistry, client: Client, many: bool) -> None:
    manifest = own.push("team/workflows/build", {"workflow.toml": ONE}, tag="1.0.0")
    for number in range(65 if many else 1):
        files = {"s": b"%d" % number if many else b"x" * (2**20 + 1)}
        own.push("team/workflows/build", files, subject=manifest, artifact_type=SIGNATURE_TYPE, media_type=SIGNATURE_TYPE)
    resolver = client.resolver()
    with pytest.raises(SignatureInvalid):
        resolver.evidence(resolver.pin(Wanted("build@team", "build")))


def test_all_that_a_registry_has_is_searched_by_what_it_says_of_itself(own: FakeRegistry, client: Client) -> None:
    fill(own, "1.0.0", "1.1.0")
    own.push("team/workflows/acme/deploy", {"workflow.toml": ONE.replace(b"Builds", b"Deploys")}, tag="latest")
    own.push("team/agents/plan", {"plan_agent_card.json": CARD}, tag="v1")
    own.push("other/workflows/elsewhere", {"workflow.toml": ONE}, tag="v1")
    found = list(client.resolver("").search(""))
    assert [(each.name, each.version, each.description, each.tags) for each in found] == [
        ("acme/deploy", "latest", "Deploys things", ("ci",)),
        ("build", "1.1.0", "Builds things", ("ci",)),
    ]
    assert [each.name for each in client.resolver("").search("CI builds")] == ["build"]
    assert list(client.resolver("").search("nothing")) == []


def test_a_registry_that_lists_nothing_says_so(own: FakeRegistry, client: Client) -> None:
    own.trick(on="GET /v2/_catalog", status=404)
    with pytest.raises(NotFound) as caught:
        list(client.resolver("").search(""))
    assert caught.value.code == "no-catalogue"


def test_releases_come_newest_first_with_their_digests(own: FakeRegistry, client: Client) -> None:
    digests = fill(own, "1.0.0", "v1.10.0", "1.9.0", "latest", "beta")
    found = list(client.resolver().releases(Wanted("build@team", "build")))
    assert [(each.version, each.digest) for each in found] == [
        (tag, digests[tag]) for tag in ("v1.10.0", "1.9.0", "1.0.0", "beta", "latest")
    ]


@pytest.mark.parametrize(
    ("trick", "error", "code"),
    [
        ({"status": 401}, Refused, "unauthorized"),
        ({"status": 403}, Refused, "forbidden"),
        ({"status": 429, "headers": {"Retry-After": "0"}}, Unreachable, "rate-limited"),
        ({"status": 500}, Unreachable, "registry-error"),
        ({"drop": True}, Unreachable, "connection-lost"),
    ],
)
def test_each_way_to_fail_has_its_own_code(
    own: FakeRegistry, client: Client, trick: dict[str, object], error: type[RopewayError], code: str
) -> None:
    fill(own, "1.0.0")
    own.trick(**trick)
    with pytest.raises(error) as caught:
        client.pin("1.0.0")
    assert caught.value.code == code
    assert caught.value.hint


@pytest.mark.parametrize(
    "source", ["oci://other.example.org/team/workflows/build", "oci://HOST/team/workflows/other", "https://HOST/build.toml"]
)
def test_a_lock_of_another_source_is_not_taken_for_this_one(own: FakeRegistry, client: Client, source: str) -> None:
    pin = Pin(source.replace("HOST", own.host), "build", "sha256:" + "0" * 64)
    with pytest.raises(Refused) as caught:
        client.resolver().evidence(pin)
    assert caught.value.code == "source-changed"
    assert own.seen == []


# -- our own server -------------------------------------------------------------------------------------------------------------------------


def ours(client: Client, name: str = "") -> RopewayResolver:
    registry = Registry("ours", "ropeway", f"http://{client.host}")
    environ = {"HOME": str(client.folder)}
    return RopewayResolver(registry.source, name=name, registry="ours", store=client.store, net=Net(retries=0), environ=environ)


def test_a_server_of_ours_searches_and_pages(own: FakeRegistry, client: Client) -> None:
    own.listings = [
        {"id": f"acme/build-{number}", "version": "1.0.0", "description": "Builds", "tags": ["ci"], "owner": "acme"}
        for number in range(120)
    ]
    found = list(ours(client).search("builds"))
    assert len(found) == 120
    assert (found[7].name, found[7].registry, found[7].version, found[7].tags) == ("acme/build-7", "ours", "1.0.0", ("ci",))
    assert found[7].extra == {"owner": "acme"}


def test_a_version_that_was_withdrawn_is_chosen_by_its_own_name_only(own: FakeRegistry, client: Client) -> None:
    digests = {tag: own.push("workflows/acme/build", {"workflow.toml": ONE + tag.encode()}, tag=tag).digest for tag in ("1.0.0", "1.1.0")}
    own.listings = [
        {"id": "acme/build", "versions": [{"version": "1.0.0"}, {"version": "1.1.0", "yanked": True, "published": "2026-11-21T00:00:00Z"}]}
    ]
    resolver = ours(client, "acme/build")
    assert resolver.pin(Wanted("acme/build@ours", "acme/build")).digest == digests["1.0.0"]
    assert resolver.pin(Wanted("acme/build@ours", "acme/build", read_ref("^1", 0))).digest == digests["1.0.0"]
    assert resolver.pin(Wanted("acme/build@ours", "acme/build", read_ref("1.1.0", 0))).digest == digests["1.1.0"]
    assert [(each.version, each.yanked) for each in resolver.releases(Wanted("acme/build@ours", "acme/build"))] == [
        ("1.1.0", True),
        ("1.0.0", False),
    ]


@pytest.mark.parametrize(
    "answer", [{"items": 5}, {"items": "ab"}, {"items": {"a": 1}}, {"items": True}, {"items": [{"id": "a", "tags": 5}]}, {"items": 0}]
)
def test_a_list_of_a_server_of_ours_that_is_none_is_its_fault(own: FakeRegistry, client: Client, answer: dict[str, object]) -> None:
    own.trick(on="GET /v1/", status=200, body=json.dumps(answer).encode())
    with pytest.raises(Unreachable, match="has no list for") as caught:
        list(ours(client).search("x"))
    assert caught.value.code == "registry-error"


def test_versions_of_a_server_of_ours_that_are_no_list_are_its_fault(own: FakeRegistry, client: Client) -> None:
    own.trick(on="GET /v1/", status=200, body=b'{"id": "a/b", "versions": 5}')
    with pytest.raises(Unreachable, match="has no list for `versions`") as caught:
        ours(client, "a/b").releases(Wanted("a/b@ours", "a/b"))
    assert caught.value.code == "registry-error"


def test_a_server_without_an_index_is_an_oci_registry(own: FakeRegistry, client: Client) -> None:
    own.push("workflows/build", {"workflow.toml": ONE}, tag="1.0.0")
    own.trick(on="GET /v1/", status=404)
    assert [each.name for each in ours(client).search("builds")] == ["build"]
    resolver = ours(client, "build")
    assert resolver.pin(Wanted("build@ours", "build")).version == "1.0.0"
    assert [each.version for each in resolver.releases(Wanted("build@ours", "build"))] == ["1.0.0"]
