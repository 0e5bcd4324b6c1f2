"""What every registry has to do, as a client sees it: Debian's docker-registry, distribution 3, go-containerregistry's, and the fake that ships.

``LACKS`` says in which of its rules a real one falls short (a client has to live with them all); the fake falls short in none.
"""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest

from ropeway.bundles.manifest import EMPTY, INDEX_TYPE, MANIFEST_TYPE, Descriptor, canonical_json, digest_of, make_manifest
from ropeway.testing.registries import FakeRegistry
from support.registries import unique
from support.registry_fixtures import named, real

LACKS = {
    "docker-registry": {
        "the referrers API",
        "a look at Content-Range",
        "tags in order",
        "pages of tags",
        "a sound answer to a range past the end",  # it announces a length and sends nothing
        "400 for a digest that is none",  # 500
    },
    "distribution-registry": {"the referrers API"},
    # go-containerregistry's
    "ropeway-oras": {
        "Docker-Content-Digest for what was pushed",
        "repositories apart from each other",
        "a state of uploads",
        "a query in Location",
        "mounting",
        "ranges with an open end",
        "a look at manifests",
        "tags that go with their manifest",
        "a link to the next page",
        "OCI-Subject, and artifact types among referrers",
    },
    "fake": set(),
    "fake without referrers": {"the referrers API"},
}
"""What the registries do not do, though the specification has it."""

ABSENT = "sha256:" + "0" * 64


class Server:
    """Asks one registry, request by request."""

    def __init__(self, kind: str, host: str) -> None:
        self.kind = kind
        self.host = host

    def has(self, rule: str) -> bool:
        """Return whether the registry keeps a rule."""
        assert any(rule in lacking for lacking in LACKS.values())
        return rule not in LACKS[self.kind]

    def must_have(self, rule: str) -> None:
        """Skip the test for a registry that does not keep a rule."""
        if not self.has(rule):
            pytest.skip(f"expected: {self.kind} lacks {rule}")

    def ask(self, method: str, target: str, body: bytes = b"", **headers: str) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers in lower case and body."""
        parts = urlsplit(target)
        assert parts.netloc in ("", self.host)
        connection = http.client.HTTPConnection(self.host, timeout=10)
        try:
            path = parts.path + (f"?{parts.query}" if parts.query else "")
            connection.request(method, path, body or None, {name.replace("_", "-"): value for name, value in headers.items()})
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def upload(self, repository: str, data: bytes) -> str:
        """Push a blob in one piece and return its digest."""
        status, headers, _ = self.ask("POST", f"/v2/{repository}/blobs/uploads/")
        assert status == 202
        status, headers, _ = self.ask(
            "PUT", with_digest(headers["location"], digest_of(data)), data, Content_Type="application/octet-stream"
        )
        assert status == 201
        return digest_of(data)

    def push(self, repository: str, reference: str, layer: bytes = b"layer", **more: object) -> bytes:
        """Push an artifact with one layer and return its manifest's bytes."""
        self.upload(repository, b"{}")
        self.upload(repository, layer)
        made = make_manifest(EMPTY, (Descriptor("text/plain", digest_of(layer), len(layer)),), **more)
        status, headers, body = self.ask("PUT", f"/v2/{repository}/manifests/{reference}", made.raw, Content_Type=MANIFEST_TYPE)
        assert status == 201, body
        if self.has("Docker-Content-Digest for what was pushed"):
            assert headers["docker-content-digest"] == made.digest
        return made.raw


def with_digest(location: str, digest: str) -> str:
    return f"{location}{'&' if '?' in location else '?'}digest={digest}"


def code(body: bytes) -> str:
    return json.loads(body)["errors"][0]["code"]


@pytest.fixture(
    scope="module", params=["fake", "fake without referrers", *real("docker-registry", "distribution-registry", "ropeway-oras")]
)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with ExitStack() as stack:
        if request.param.startswith("fake"):
            host = stack.enter_context(FakeRegistry(referrers=request.param == "fake")).host
        else:
            host = stack.enter_context(named(request.param, tmp_path_factory.mktemp("registry"))).host
        yield Server(request.param, host)


def test_the_base_says_that_it_is_a_registry(server: Server) -> None:
    assert server.ask("GET", "/v2/")[0] == 200


def test_a_blob_comes_back_as_it_was_pushed(server: Server) -> None:
    repository = unique()
    digest = server.upload(repository, b"some bytes")
    status, headers, body = server.ask("GET", f"/v2/{repository}/blobs/{digest}")
    assert (status, body, headers["content-length"], headers["docker-content-digest"]) == (200, b"some bytes", "10", digest)
    status, headers, body = server.ask("HEAD", f"/v2/{repository}/blobs/{digest}")
    assert (status, body, headers["content-length"]) == (200, b"", "10")


def test_a_blob_of_another_repository_is_not_there(server: Server) -> None:
    server.must_have("repositories apart from each other")
    repository = unique()
    digest = server.upload(repository, b"only here")
    other = unique()
    server.upload(other, b"something else")
    assert server.ask("GET", f"/v2/{other}/blobs/{digest}")[0] == 404


def test_a_blob_that_is_not_there_is_404_with_a_code(server: Server) -> None:
    repository = unique()
    server.upload(repository, b"something")
    status, _, body = server.ask("GET", f"/v2/{repository}/blobs/{ABSENT}")
    assert (status, code(body)) == (404, "BLOB_UNKNOWN")
    assert server.ask("HEAD", f"/v2/{repository}/blobs/{ABSENT}")[0] == 404


def test_bytes_that_do_not_have_the_digest_are_refused(server: Server) -> None:
    repository = unique()
    location = server.ask("POST", f"/v2/{repository}/blobs/uploads/")[1]["location"]
    status, _, body = server.ask("PUT", with_digest(location, ABSENT), b"other bytes", Content_Type="application/octet-stream")
    assert (status, code(body)) == (400, "DIGEST_INVALID")
    assert server.ask("HEAD", f"/v2/{repository}/blobs/{ABSENT}")[0] == 404


def test_a_blob_may_come_in_chunks(server: Server) -> None:
    repository, data = unique(), bytes(range(256)) * 8
    location = server.ask("POST", f"/v2/{repository}/blobs/uploads/")[1]["location"]
    for start, end in ((0, 1000), (1000, 2000)):
        status, headers, _ = server.ask(
            "PATCH", location, data[start:end], Content_Range=f"{start}-{end - 1}", Content_Type="application/octet-stream"
        )
        assert (status, headers["range"]) == (202, f"0-{end - 1}")
        location = headers["location"]
    if server.has("a state of uploads"):
        status, headers, _ = server.ask("GET", location)
        assert (status, headers["range"]) == (204, "0-1999")
        location = headers["location"]
    # The last chunk rides in the request that closes the upload.
    status, headers, _ = server.ask("PUT", with_digest(location, digest_of(data)), data[2000:], Content_Type="application/octet-stream")
    assert status == 201
    assert server.ask("GET", f"/v2/{repository}/blobs/{digest_of(data)}")[2] == data


def test_a_chunk_out_of_order_is_refused_and_the_upload_lives_on(server: Server) -> None:
    server.must_have("a look at Content-Range")
    repository, data = unique(), b"0123456789"
    location = server.ask("POST", f"/v2/{repository}/blobs/uploads/")[1]["location"]
    headers = server.ask("PATCH", location, data[:5], Content_Range="0-4", Content_Type="application/octet-stream")[1]
    status = server.ask("PATCH", headers["location"], data[7:], Content_Range="7-9", Content_Type="application/octet-stream")[0]
    assert status == 416
    if server.has("a state of uploads"):
        headers = server.ask("GET", headers["location"])[1]
        assert headers["range"] == "0-4"
    status = server.ask("PUT", with_digest(headers["location"], digest_of(data)), data[5:], Content_Type="application/octet-stream")[0]
    assert status == 201


def test_an_upload_can_be_given_up(server: Server) -> None:
    server.must_have("a state of uploads")
    repository = unique()
    location = server.ask("POST", f"/v2/{repository}/blobs/uploads/")[1]["location"]
    assert server.ask("DELETE", location)[0] == 204
    status, _, body = server.ask("GET", location)
    assert (status, code(body)) == (404, "BLOB_UPLOAD_UNKNOWN")


def test_the_query_of_a_location_has_to_come_back(server: Server) -> None:
    server.must_have("a query in Location")
    repository = unique()
    location = server.ask("POST", f"/v2/{repository}/blobs/uploads/")[1]["location"]
    status = server.ask("PUT", with_digest(location.partition("?")[0], digest_of(b"x")), b"x", Content_Type="application/octet-stream")[0]
    assert status in (400, 404)


def test_a_blob_of_one_repository_is_mounted_into_another(server: Server) -> None:
    server.must_have("mounting")
    one, other = unique(), unique()
    digest = server.upload(one, b"to be shared")
    status, headers, _ = server.ask("POST", f"/v2/{other}/blobs/uploads/?mount={digest}&from={one}")
    assert status == 201
    assert server.ask("GET", headers["location"])[2] == b"to be shared"
    status, headers, _ = server.ask("POST", f"/v2/{other}/blobs/uploads/?mount={ABSENT}&from={one}")
    assert status == 202
    assert headers["location"]


@pytest.mark.parametrize(
    ("asked", "status", "body", "said"),
    [
        ("bytes=2-4", 206, b"234", "bytes 2-4/10"),
        ("bytes=7-", 206, b"789", "bytes 7-9/10"),
        ("bytes=-2", 206, b"89", "bytes 8-9/10"),
        ("bytes=5-500", 206, b"56789", "bytes 5-9/10"),
        ("bytes=10-", 416, None, "bytes */10"),
    ],
)
def test_a_part_of_a_blob_can_be_had(server: Server, asked: str, status: int, body: bytes | None, said: str) -> None:
    if asked != "bytes=2-4":
        server.must_have("ranges with an open end")
    if status == 416:
        server.must_have("a sound answer to a range past the end")
    repository = unique()
    digest = server.upload(repository, b"0123456789")
    got = server.ask("GET", f"/v2/{repository}/blobs/{digest}", Range=asked)
    assert got[0] == status
    if body is not None:
        assert (got[2], got[1]["content-length"]) == (body, str(len(body)))
    assert got[1]["content-range"] == said


def test_a_manifest_comes_back_as_it_was_pushed_by_tag_and_by_digest(server: Server) -> None:
    repository = unique()
    raw = server.push(repository, "1.0.0", annotations={"order": "is kept"})
    for reference in ("1.0.0", digest_of(raw)):
        status, headers, body = server.ask("GET", f"/v2/{repository}/manifests/{reference}", Accept=MANIFEST_TYPE)
        assert (status, headers["content-type"], headers["docker-content-digest"], body) == (200, MANIFEST_TYPE, digest_of(raw), raw)
        status, headers, body = server.ask("HEAD", f"/v2/{repository}/manifests/{reference}", Accept=MANIFEST_TYPE)
        assert (status, headers["content-length"], headers["docker-content-digest"], body) == (200, str(len(raw)), digest_of(raw), b"")


def test_a_tag_may_name_other_content_later(server: Server) -> None:
    repository = unique()
    first = server.push(repository, "latest", b"one")
    second = server.push(repository, "latest", b"two")
    assert server.ask("GET", f"/v2/{repository}/manifests/latest", Accept=MANIFEST_TYPE)[2] == second
    assert server.ask("GET", f"/v2/{repository}/manifests/{digest_of(first)}", Accept=MANIFEST_TYPE)[2] == first


def test_a_manifest_that_is_not_there_is_404_with_a_code(server: Server) -> None:
    repository = unique()
    server.push(repository, "1.0.0")
    for reference in ("2.0.0", ABSENT):
        status, _, body = server.ask("GET", f"/v2/{repository}/manifests/{reference}", Accept=MANIFEST_TYPE)
        assert (status, code(body)) == (404, "MANIFEST_UNKNOWN")


def test_a_manifest_under_a_wrong_digest_is_refused(server: Server) -> None:
    server.must_have("a look at manifests")
    repository = unique()
    raw = server.push(repository, "1.0.0")
    status, _, body = server.ask("PUT", f"/v2/{repository}/manifests/{ABSENT}", raw, Content_Type=MANIFEST_TYPE)
    assert (status, code(body)) == (400, "DIGEST_INVALID")


def test_a_manifest_whose_parts_are_missing_is_refused(server: Server) -> None:
    server.must_have("a look at manifests")
    repository = unique()
    server.upload(repository, b"{}")
    raw = make_manifest(EMPTY, (Descriptor("text/plain", ABSENT, 5),)).raw
    status, _, body = server.ask("PUT", f"/v2/{repository}/manifests/1.0.0", raw, Content_Type=MANIFEST_TYPE)
    assert 400 <= status < 500
    assert code(body) in ("MANIFEST_BLOB_UNKNOWN", "BLOB_UNKNOWN")


def test_an_index_names_manifests(server: Server) -> None:
    repository = unique()
    raw = server.push(repository, "1.0.0")
    index = canonical_json(
        {"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [Descriptor(MANIFEST_TYPE, digest_of(raw), len(raw)).as_json()]}
    )
    assert server.ask("PUT", f"/v2/{repository}/manifests/all", index, Content_Type=INDEX_TYPE)[0] == 201
    status, headers, body = server.ask("GET", f"/v2/{repository}/manifests/all", Accept=f"{MANIFEST_TYPE}, {INDEX_TYPE}")
    assert (status, headers["content-type"], body) == (200, INDEX_TYPE, index)


def test_tags_are_listed_in_order_and_by_the_page(server: Server) -> None:
    repository = unique()
    for tag in ("b", "1.0.0", "a", "latest"):
        server.push(repository, tag)
    everything = ["1.0.0", "a", "b", "latest"]
    listed = json.loads(server.ask("GET", f"/v2/{repository}/tags/list")[2])
    assert (listed["name"], sorted(listed["tags"])) == (repository, everything)
    if server.has("tags in order"):
        assert listed["tags"] == everything
    server.must_have("pages of tags")
    found, target = [], f"/v2/{repository}/tags/list?n=3"
    for _ in range(2):
        _, headers, body = server.ask("GET", target)
        found.append(json.loads(body)["tags"])
        target = re.fullmatch(r"<(.*)>; *rel=\"?next\"?", headers.get("link", "")) and re.split("[<>]", headers["link"])[1]
        if not server.has("a link to the next page"):
            assert found == [everything[:3]]
            return
    assert (found, target) == ([everything[:3], everything[3:]], None)


def test_tags_of_nothing_are_404_with_a_code(server: Server) -> None:
    status, _, body = server.ask("GET", f"/v2/{unique()}/tags/list")
    assert (status, code(body)) == (404, "NAME_UNKNOWN")


def test_the_catalog_lists_repositories(server: Server) -> None:
    one, other = unique("catalog"), unique("catalog")
    server.push(one, "1")
    server.push(other, "1")
    found, target = [], "/v2/_catalog?n=1000"
    while target:
        _, headers, body = server.ask("GET", target)
        found += json.loads(body)["repositories"]
        target = re.split("[<>]", headers["link"])[1] if "link" in headers else ""
    assert {one, other} <= set(found)


def test_what_is_deleted_is_gone_with_its_tags(server: Server) -> None:
    repository = unique()
    raw = server.push(repository, "1.0.0")
    server.push(repository, "2.0.0", b"stays")
    assert server.ask("DELETE", f"/v2/{repository}/manifests/{digest_of(raw)}")[0] == 202
    assert server.ask("GET", f"/v2/{repository}/manifests/{digest_of(raw)}", Accept=MANIFEST_TYPE)[0] == 404
    if server.has("tags that go with their manifest"):
        assert server.ask("GET", f"/v2/{repository}/manifests/1.0.0", Accept=MANIFEST_TYPE)[0] == 404
        assert json.loads(server.ask("GET", f"/v2/{repository}/tags/list")[2])["tags"] == ["2.0.0"]
    assert server.ask("DELETE", f"/v2/{repository}/manifests/{ABSENT}")[0] == 404


def test_a_deleted_blob_is_gone(server: Server) -> None:
    repository = unique()
    digest = server.upload(repository, b"to be deleted " + repository.encode())
    assert server.ask("DELETE", f"/v2/{repository}/blobs/{digest}")[0] == 202
    assert server.ask("GET", f"/v2/{repository}/blobs/{digest}")[0] == 404


def test_what_refers_to_a_manifest_is_listed_where_there_is_the_api(server: Server) -> None:
    repository = unique()
    raw = server.push(repository, "1.0.0")
    subject = Descriptor(MANIFEST_TYPE, digest_of(raw), len(raw))
    about = make_manifest(
        EMPTY,
        (Descriptor("text/plain", server.upload(repository, b"layer"), 5),),
        artifact_type="application/x.note",
        subject=subject,
        annotations={"by": "me"},
    )
    status, headers, _ = server.ask("PUT", f"/v2/{repository}/manifests/{about.digest}", about.raw, Content_Type=MANIFEST_TYPE)
    assert status == 201
    status, found, body = server.ask("GET", f"/v2/{repository}/referrers/{digest_of(raw)}")
    if not server.has("the referrers API"):
        assert (status, headers.get("oci-subject")) == (404, None)
        return
    listed = json.loads(body)["manifests"]
    assert (status, found["content-type"]) == (200, INDEX_TYPE)
    assert [(one["mediaType"], one["digest"], one["size"]) for one in listed] == [(MANIFEST_TYPE, about.digest, len(about.raw))]
    if server.has("OCI-Subject, and artifact types among referrers"):
        assert headers["oci-subject"] == digest_of(raw)
        assert (listed[0]["artifactType"], listed[0]["annotations"]) == ("application/x.note", {"by": "me"})
        _, found, body = server.ask("GET", f"/v2/{repository}/referrers/{digest_of(raw)}?artifactType=application/y")
        assert (found["oci-filters-applied"], json.loads(body)["manifests"]) == ("artifactType", [])
    assert json.loads(server.ask("GET", f"/v2/{repository}/referrers/{ABSENT}")[2])["manifests"] == []


def test_a_manifest_may_refer_to_one_that_is_not_there(server: Server) -> None:
    repository = unique()
    server.push(repository, "1.0.0", subject=Descriptor(MANIFEST_TYPE, ABSENT, 2))
    assert server.ask("GET", f"/v2/{repository}/manifests/1.0.0", Accept=MANIFEST_TYPE)[0] == 200


def test_a_digest_that_is_none_is_refused(server: Server) -> None:
    repository = unique()
    server.push(repository, "1.0.0")
    server.must_have("400 for a digest that is none")
    assert server.ask("GET", f"/v2/{repository}/blobs/sha256:abc")[0] in (400, 404)
    assert server.ask("GET", f"/v2/{repository}/manifests/sha256:abc", Accept=MANIFEST_TYPE)[0] in (400, 404)
