"""What a registry answers: the distribution-spec 1.1 over dictionaries, without a socket. ``ropeway.testing.registries`` serves it."""

from __future__ import annotations

import json
import re
import secrets
from typing import Any, Final
from urllib.parse import quote, urlencode

from ropeway.bundles.manifest import INDEX_TYPE, MAX_MANIFEST, digest_of
from ropeway.testing.registry_wire import Answer, Problem, Request, as_json, checked_digest, problem, with_headers

__all__ = ["Content", "Repository"]

_NAME: Final = re.compile(r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*")
_TAG: Final = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")
_ROUTES: Final = tuple(
    (re.compile(pattern), name)
    for pattern, name in (
        (r"/v2/?", "base"),
        (r"/v2/_catalog", "catalog"),
        (r"/v2/(?P<name>.+)/blobs/uploads/(?P<upload>[^/]*)", "upload"),
        (r"/v2/(?P<name>.+)/blobs/(?P<digest>[^/]+)", "blob"),
        (r"/v2/(?P<name>.+)/manifests/(?P<reference>[^/]+)", "manifest"),
        (r"/v2/(?P<name>.+)/tags/list", "tags"),
        (r"/v2/(?P<name>.+)/referrers/(?P<digest>[^/]+)", "referrers"),
    )
)


class Repository:
    """One repository: ``blobs`` by digest, ``manifests`` by digest with their media types, ``tags`` with the digests that they name."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[str, tuple[bytes, str]] = {}
        self.tags: dict[str, str] = {}
        self.uploads: dict[str, bytearray] = {}


class Content:
    """An honest registry, and what registries may choose.

    ``referrers``: whether it has the referrers API. ``deletes``: whether anything can be deleted. ``page``: the most entries in one answer of
    a list. ``relative``: ``Location`` is a path instead of a whole address. ``chunk_minimum``: asks for chunks of at least so many bytes
    (``OCI-Chunk-Min-Length``). ``body_limit``: refuses more bytes of a blob in one request with 413.
    """

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.referrers = True
        self.deletes = True
        self.page = 1000
        self.relative = False
        self.chunk_minimum: int | None = None
        self.body_limit: int | None = None

    def repository(self, name: str) -> Repository:
        """Return a repository, made when it is new."""
        return self.repositories.setdefault(name, Repository())

    def answer(self, request: Request) -> Answer:
        """Do what a client asks and return the answer; HEAD is answered as GET."""
        try:
            return self._answer(request)
        except Problem as stop:
            return stop.answer

    def _answer(self, request: Request) -> Answer:
        found = [(match, route) for pattern, route in _ROUTES if (match := pattern.fullmatch(request.path))]
        if not found:
            return problem(404, "UNSUPPORTED", "there is nothing at this path")
        match, route = found[0]
        known = match.groupdict()
        if "name" in known and not _NAME.fullmatch(known["name"]):
            return problem(400, "NAME_INVALID", "invalid repository name")
        if "digest" in known:
            checked_digest(known["digest"])
        method = "get" if request.method == "HEAD" else request.method.lower()
        do = getattr(self, f"_{method}_{route}", None)
        if do is None or (method == "delete" and route != "upload" and not self.deletes):
            return problem(405, "UNSUPPORTED", "the operation is unsupported")
        answer: Answer = do(request, **known)
        return answer

    def _there(self, name: str) -> Repository:
        found = self.repositories.get(name)
        if found is None:
            raise Problem(problem(404, "NAME_UNKNOWN", "repository name not known to registry"))
        return found

    def _location(self, request: Request, path: str) -> str:
        return path if self.relative else f"{request.headers.get(':scheme', 'http')}://{request.headers.get('host', '')}{path}"

    # -- lists ----------------------------------------------------------------------------------------------------------------------------

    def _get_base(self, _request: Request) -> Answer:
        return as_json({})

    def _get_catalog(self, request: Request) -> Answer:
        names = [name for name, held in self.repositories.items() if held.manifests]
        shown, more = self._part(request, names)
        return as_json({"repositories": shown}, more)

    def _get_tags(self, request: Request, name: str) -> Answer:
        shown, more = self._part(request, list(self._there(name).tags))
        return as_json({"name": name, "tags": shown}, more)

    def _part(self, request: Request, names: list[str]) -> tuple[list[str], dict[str, str]]:
        names = sorted(one for one in names if one > request.query.get("last", ""))
        asked = request.query.get("n", "")
        count = min(int(asked) if asked.isdecimal() else self.page, self.page)
        shown = names[:count]
        if not shown or len(names) == len(shown):
            return shown, {}
        following = urlencode({"n": count, "last": shown[-1]})
        return shown, {"Link": f'<{request.path}?{following}>; rel="next"'}

    def _get_referrers(self, request: Request, name: str, digest: str) -> Answer:
        if not self.referrers:
            return problem(404, "UNSUPPORTED", "there is nothing at this path")
        found = [_referrer(raw, media_type) for raw, media_type in self.repository(name).manifests.values() if _subject(raw) == digest]
        headers = {"Content-Type": INDEX_TYPE}
        if wanted := request.query.get("artifactType"):
            found = [one for one in found if one["artifactType"] == wanted]
            headers["OCI-Filters-Applied"] = "artifactType"
        start = int(request.query.get("start", "0"))
        if len(found) > start + self.page:
            following = urlencode({**request.query, "start": start + self.page})
            headers["Link"] = f'<{request.path}?{following}>; rel="next"'
        return as_json({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": found[start : start + self.page]}, headers)

    # -- blobs ----------------------------------------------------------------------------------------------------------------------------

    def _get_blob(self, request: Request, name: str, digest: str) -> Answer:
        data = self._there(name).blobs.get(digest)
        if data is None:
            return problem(404, "BLOB_UNKNOWN", "blob unknown to registry")
        headers = {"Content-Type": "application/octet-stream", "Docker-Content-Digest": digest, "Accept-Ranges": "bytes"}
        wanted = re.fullmatch(r"bytes=(\d*)-(\d*)", request.headers.get("range", ""))
        if wanted is None or wanted[0] == "bytes=-":
            return Answer(200, headers, data)
        if wanted[1]:
            first, last = int(wanted[1]), min(int(wanted[2] or len(data)), len(data) - 1)
        else:
            first, last = max(len(data) - int(wanted[2]), 0), len(data) - 1
        if first > last:
            return problem(416, "RANGE_INVALID", "invalid range", {"Content-Range": f"bytes */{len(data)}"})
        return Answer(206, {**headers, "Content-Range": f"bytes {first}-{last}/{len(data)}"}, data[first : last + 1])

    def _delete_blob(self, _request: Request, name: str, digest: str) -> Answer:
        if self._there(name).blobs.pop(digest, None) is None:
            return problem(404, "BLOB_UNKNOWN", "blob unknown to registry")
        return Answer(202)

    def _post_upload(self, request: Request, name: str, upload: str) -> Answer:
        if upload:
            return problem(405, "UNSUPPORTED", "the operation is unsupported")
        repository = self.repository(name)
        digest = request.query.get("mount")
        other = self.repositories.get(request.query.get("from", ""))
        if digest is not None and other is not None and checked_digest(digest) in other.blobs:
            repository.blobs[digest] = other.blobs[digest]
            return self._stored(request, name, digest)
        if "digest" in request.query:
            return self._store(request, name, bytearray(request.body))
        upload = secrets.token_hex(8)
        repository.uploads[upload] = bytearray()
        answer = self._progress(request, name, upload, 202)
        return answer if self.chunk_minimum is None else with_headers(answer, {"OCI-Chunk-Min-Length": str(self.chunk_minimum)})

    def _uploaded(self, request: Request, name: str, upload: str) -> bytearray:
        """Return an upload's bytes so far, for those who kept the address that they were given, with its query."""
        found = self._there(name).uploads.get(upload)
        if found is None:
            raise Problem(problem(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry"))
        if request.query.get("_state") != _state(upload):
            raise Problem(problem(400, "BLOB_UPLOAD_INVALID", "the query of Location is missing"))
        if self.body_limit is not None and len(request.body) > self.body_limit:
            raise Problem(problem(413, "SIZE_INVALID", f"at most {self.body_limit} bytes in one request"))
        return found

    def _progress(self, request: Request, name: str, upload: str, status: int) -> Answer:
        size = len(self.repository(name).uploads[upload])
        path = f"/v2/{quote(name)}/blobs/uploads/{upload}?{urlencode({'_state': _state(upload)})}"
        return Answer(status, {"Location": self._location(request, path), "Range": f"0-{max(size - 1, 0)}", "Docker-Upload-UUID": upload})

    def _get_upload(self, request: Request, name: str, upload: str) -> Answer:
        self._uploaded(request, name, upload)
        return self._progress(request, name, upload, 204)

    def _delete_upload(self, request: Request, name: str, upload: str) -> Answer:
        self._uploaded(request, name, upload)
        del self.repository(name).uploads[upload]
        return Answer(204)

    def _patch_upload(self, request: Request, name: str, upload: str) -> Answer:
        data = self._uploaded(request, name, upload)
        if not _fits(request, data):
            return self._progress(request, name, upload, 416)
        data += request.body
        return self._progress(request, name, upload, 202)

    def _put_upload(self, request: Request, name: str, upload: str) -> Answer:
        data = self._uploaded(request, name, upload)
        if not _fits(request, data):
            return self._progress(request, name, upload, 416)
        answer = self._store(request, name, data + request.body)
        if answer.status == 201:
            del self.repository(name).uploads[upload]
        return answer

    def _store(self, request: Request, name: str, data: bytearray) -> Answer:
        digest = checked_digest(request.query.get("digest", ""))
        if digest_of(bytes(data), digest.partition(":")[0]) != digest:
            return problem(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
        self.repository(name).blobs[digest] = bytes(data)
        return self._stored(request, name, digest)

    def _stored(self, request: Request, name: str, digest: str) -> Answer:
        return Answer(201, {"Location": self._location(request, f"/v2/{quote(name)}/blobs/{digest}"), "Docker-Content-Digest": digest})

    # -- manifests ------------------------------------------------------------------------------------------------------------------------

    def _get_manifest(self, _request: Request, name: str, reference: str) -> Answer:
        repository = self._there(name)
        digest = checked_digest(reference) if ":" in reference else repository.tags.get(reference, "")
        if digest not in repository.manifests:
            return problem(404, "MANIFEST_UNKNOWN", "manifest unknown")
        raw, media_type = repository.manifests[digest]
        return Answer(200, {"Content-Type": media_type, "Docker-Content-Digest": digest}, raw)

    def _put_manifest(self, request: Request, name: str, reference: str) -> Answer:
        document = _document(request.body)
        by_digest = ":" in reference
        digest = checked_digest(reference) if by_digest else digest_of(request.body)
        tags = tuple(request.every.get("tag", ())) if by_digest else (reference,)
        if digest_of(request.body, digest.partition(":")[0]) != digest:
            return problem(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
        if not all(_TAG.fullmatch(tag) for tag in tags):
            return problem(400, "TAG_INVALID", "invalid tag")
        repository = self.repository(name)
        for part in _parts(document):
            if part not in repository.blobs and part not in repository.manifests:
                return problem(400, "MANIFEST_BLOB_UNKNOWN", f"blob unknown to registry: {part}")
        media_type = request.headers.get("content-type") or str(document.get("mediaType", ""))
        repository.manifests[digest] = (request.body, media_type)
        repository.tags.update(dict.fromkeys(tags, digest))
        headers = {"Location": self._location(request, f"/v2/{quote(name)}/manifests/{digest}"), "Docker-Content-Digest": digest}
        if self.referrers and (subject := _subject(request.body)) is not None:
            headers["OCI-Subject"] = subject
        if by_digest and tags:
            headers["OCI-Tag"] = ", ".join(tags)
        return Answer(201, headers)

    def _delete_manifest(self, _request: Request, name: str, reference: str) -> Answer:
        repository = self._there(name)
        if ":" not in reference:
            return problem(404, "MANIFEST_UNKNOWN", "manifest unknown") if repository.tags.pop(reference, None) is None else Answer(202)
        if repository.manifests.pop(checked_digest(reference), None) is None:
            return problem(404, "MANIFEST_UNKNOWN", "manifest unknown")
        repository.tags = {tag: digest for tag, digest in repository.tags.items() if digest != reference}
        return Answer(202)


def _state(upload: str) -> str:
    return f"{upload}="  # a query that has to be quoted, as real ones are


def _fits(request: Request, data: bytearray) -> bool:
    said = re.fullmatch(r"(\d+)-(\d+)", request.headers.get("content-range", ""))
    if said is None:
        return "content-range" not in request.headers
    return int(said[1]) == len(data) and int(said[2]) == len(data) + len(request.body) - 1


def _document(raw: bytes) -> dict[str, Any]:
    if len(raw) > MAX_MANIFEST:
        raise Problem(problem(413, "SIZE_INVALID", "the manifest is too large"))
    try:
        document = json.loads(raw)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise Problem(problem(400, "MANIFEST_INVALID", "manifest invalid"))
    return document


def _parts(document: dict[str, Any]) -> list[str]:
    """Return the digests of everything that has to be there before a manifest may."""
    listed = [document.get("config"), *document.get("layers", []), *document.get("manifests", [])]
    return [str(one["digest"]) for one in listed if one is not None and "nondistributable" not in one.get("mediaType", "")]


def _subject(raw: bytes) -> str | None:
    subject = json.loads(raw).get("subject")
    return None if subject is None else str(subject["digest"])


def _referrer(raw: bytes, media_type: str) -> dict[str, Any]:
    document = json.loads(raw)
    found: dict[str, Any] = {"mediaType": media_type, "digest": digest_of(raw), "size": len(raw)}
    found["artifactType"] = document.get("artifactType") or document.get("config", {}).get("mediaType")
    if document.get("annotations"):
        found["annotations"] = document["annotations"]
    return found
