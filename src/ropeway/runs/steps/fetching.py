"""``builtin:http-get``."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.parse
import urllib.request
from typing import TYPE_CHECKING, Any

from ropeway.errors import Unreachable
from ropeway.lang.builtins import MAX_BODY
from ropeway.runs.steps.files import ActionFailed, target

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_SCHEMES = ("http", "https")
_PATIENCE = 60.0  # seconds without an answer


def http_get(inputs: Mapping[str, Any], log: Callable[[str], None]) -> dict[str, Any]:
    """``builtin:http-get``: fetch ``url`` with ``headers``; the body becomes an output, or the file ``to`` below the working folder."""
    url = str(inputs["url"])
    _check_scheme(url)
    file = target(str(inputs["to"])) if inputs.get("to") else None  # said before anything is fetched
    limit = int(inputs.get("max_bytes", MAX_BODY))
    response = _answer(url, inputs.get("headers") or {})
    with response:
        if response.status not in (inputs.get("status") or [200]):
            raise ActionFailed(f"{url} answered {response.status} {response.reason}", hint="list the statuses you accept in `status`")
        headers = {name.lower(): value for name, value in response.headers.items()}
        try:
            data = response.read(limit + 1)
        except (OSError, http.client.HTTPException) as error:
            raise _unreachable(f"{url} broke off in its answer", error) from error
    if len(data) <= limit and getattr(response, "length", None):  # what is still to come; such an end raises nothing
        raise _unreachable(f"{url} broke off in its answer", ConnectionError(f"{response.length:,} bytes are missing"))
    if len(data) > limit:
        raise ActionFailed(f"{url} is larger than max_bytes ({limit:,})", hint="raise `max_bytes`")
    log(f"GET {url}: {response.status}, {len(data)} bytes")
    if file is not None:
        file.write(data)
        return {"status": response.status, "body": "", "headers": headers}
    try:
        return {"status": response.status, "body": data.decode(), "headers": headers}
    except UnicodeDecodeError as error:
        raise ActionFailed(f"the answer of {url} is not UTF-8 text", hint="save it with `to`") from error


def _answer(url: str, headers: Mapping[str, Any]) -> Any:
    """Return the response, whatever its status."""
    try:
        request = urllib.request.Request(url, headers={str(k): str(v) for k, v in headers.items()})  # noqa: S310 - the scheme was checked
        return urllib.request.build_opener(_Redirects()).open(request, timeout=_PATIENCE)
    except urllib.error.HTTPError as error:
        if error.msg.startswith(urllib.request.HTTPRedirectHandler.inf_msg):
            raise ActionFailed(
                f"{url} leads from one redirect to the next without an end", hint="fetch the address that it should lead to"
            ) from error
        return error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _unreachable(f"can't reach {url}", error) from error


def _unreachable(what: str, error: Exception) -> Unreachable:
    return Unreachable(f"{what}: {getattr(error, 'reason', error)}", hint="`retry` on the step tries again")


def _check_scheme(url: str) -> None:
    if url.partition("://")[0].lower() not in _SCHEMES:
        raise ActionFailed(f"not an http(s) address: {url}", hint="only http:// and https:// are fetched")


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects over http and https, and hands credentials on to the same host only (RFC 9110, 15.4)."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        _check_scheme(newurl)
        made = super().redirect_request(req, fp, code, msg, headers, newurl)
        before, after = urllib.parse.urlsplit(req.full_url), urllib.parse.urlsplit(newurl)
        if made is not None and (after.netloc != before.netloc or (before.scheme, after.scheme) == ("https", "http")):
            for name in ("Authorization", "Cookie"):
                made.remove_header(name)
        return made
