"""The built-in actions. Their inputs and outputs are declared in :mod:`ropeway.lang.builtins`; they run in the step's folder.

A plan's inputs are already typed and complete when they arrive here.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ropeway.errors import RopewayError, Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class ActionFailed(RopewayError):
    """A built-in action that looked, and found that it can't or must not succeed."""

    default_code = "action-failed"


def check(inputs: Mapping[str, Any], log: Callable[[str], None]) -> None:
    """``builtin:assert``: fail with ``message`` unless ``that`` is true."""
    message = str(inputs.get("message") or "the assertion does not hold")
    if inputs["that"] is not True:
        raise ActionFailed(message, code="assertion")
    log(f"holds: {message}" if inputs.get("message") else "holds")


def write_file(inputs: Mapping[str, Any], log: Callable[[str], None]) -> dict[str, Any]:
    """``builtin:write-file``: write ``text`` to ``path`` below the working folder, at once; parents are made."""
    root = Path.cwd().resolve()
    path = (root / inputs["path"]).resolve()
    if path != root and root not in path.parents:
        raise ActionFailed(f"{inputs['path']} is outside of the working folder", hint="give a path below it")
    data = str(inputs["text"]).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(data)
        if inputs.get("executable"):
            part.chmod(0o755)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise ActionFailed(f"can't write {inputs['path']}: {error.strerror}") from error
    log(f"wrote {len(data)} bytes to {inputs['path']}")
    return {"path": os.path.relpath(path, root), "bytes": len(data)}


def http_get(inputs: Mapping[str, Any], log: Callable[[str], None]) -> dict[str, Any]:
    """``builtin:http-get``: fetch ``url`` with ``headers``; the body becomes an output, or the file ``to``."""
    import http.client
    import urllib.error
    import urllib.request

    url = str(inputs["url"])
    if not url.startswith(("http://", "https://")):
        raise ActionFailed(f"not an http(s) address: {url}", hint="only http:// and https:// are fetched")
    wanted = inputs.get("status") or [200]
    limit = int(inputs.get("max_bytes") or 16 * 2**20)
    request = urllib.request.Request(url, headers={str(k): str(v) for k, v in (inputs.get("headers") or {}).items()})  # noqa: S310 - checked above
    try:
        response = urllib.request.build_opener(_redirects()).open(request, timeout=60)
    except urllib.error.HTTPError as error:
        response = error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Unreachable(f"can't reach {url}: {getattr(error, 'reason', error)}", hint="`retry` on the step tries again") from error
    with response:
        if response.status not in wanted:
            raise ActionFailed(f"{url} answered {response.status} {response.reason}", hint="list the statuses you accept in `status`")
        headers = {name.lower(): value for name, value in response.headers.items()}
        data = response.read(limit + 1)
    if len(data) > limit:
        raise ActionFailed(f"{url} is larger than max_bytes ({limit:,})", hint="raise `max_bytes`")
    log(f"GET {url}: {response.status}, {len(data)} bytes")
    if inputs.get("to"):
        write_bytes = Path(inputs["to"])
        write_bytes.parent.mkdir(parents=True, exist_ok=True)
        write_bytes.write_bytes(data)
        return {"status": response.status, "body": "", "headers": headers}
    try:
        return {"status": response.status, "body": data.decode(), "headers": headers}
    except UnicodeDecodeError as error:
        raise ActionFailed(f"the answer of {url} is not UTF-8 text", hint="save it with `to`") from error


def _redirects() -> Any:
    import urllib.parse
    import urllib.request

    class SameHost(urllib.request.HTTPRedirectHandler):
        """Follows redirects, and hands credentials on to the same host only (RFC 9110, 15.4)."""

        def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
            made = super().redirect_request(req, fp, code, msg, headers, newurl)
            if made is not None and urllib.parse.urlsplit(newurl).netloc != urllib.parse.urlsplit(req.full_url).netloc:
                for name in ("Authorization", "Cookie"):
                    made.remove_header(name)
            return made

    return SameHost()


def vcs_diff(inputs: Mapping[str, Any], log: Callable[[str], None]) -> dict[str, Any]:
    """``builtin:vcs-diff``: what differs from ``from`` (default: the last commit) in this jj or git working copy, untracked files included."""
    base, paths = str(inputs.get("from") or ""), [str(p) for p in inputs.get("paths") or []]
    if _above(".jj") and not _above(".git"):
        diff, names = _jj_diff(base or "@-", paths)
    elif _above(".git"):
        diff, names = _git_diff(base or "HEAD", paths)
    else:
        raise ActionFailed("no jj or git repository here", hint="run the workflow in a repository")
    log(f"{len(names)} files differ from {base or 'the last commit'}")
    return {"diff": diff, "files": names, "changed": bool(names)}


def _above(name: str) -> bool:
    here = Path.cwd()
    return any((folder / name).exists() for folder in (here, *here.parents))


def _jj_diff(base: str, paths: list[str]) -> tuple[str, list[str]]:
    where = ["--from", base, "--to", "@", *[f"file:{p}" for p in paths]]
    return _output(["jj", "--no-pager", "diff", "--git", *where]), _output(["jj", "--no-pager", "diff", "--name-only", *where]).splitlines()


def _git_diff(base: str, paths: list[str]) -> tuple[str, list[str]]:
    untracked = _output(["git", "ls-files", "--others", "--exclude-standard", "-z", "--", *paths]).split("\0")[:-1]
    git = ["git", "-c", "core.quotePath=false", "diff", "--no-ext-diff", "--no-color"]
    diff = _output([*git, base, "--", *paths])
    names = _output([*git, "--name-only", "-z", base, "--", *paths]).split("\0")[:-1]
    for name in untracked:
        diff += _output([*git, "--no-index", "--", os.devnull, name], good=(0, 1))
    return diff, sorted({*names, *untracked})


def _output(argv: list[str], good: tuple[int, ...] = (0,)) -> str:
    import subprocess

    try:
        done = subprocess.run(argv, capture_output=True, check=False, stdin=subprocess.DEVNULL)
    except FileNotFoundError as error:
        raise ActionFailed(f"{argv[0]} is not installed", hint=f"install {argv[0]}") from error
    if done.returncode not in good:
        raise ActionFailed(f"{' '.join(argv[:4])} failed: {done.stderr.decode('utf-8', 'replace').strip()}")
    return done.stdout.decode("utf-8", "replace")
