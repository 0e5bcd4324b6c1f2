"""One frozen class per form of reference. ``str()`` gives back what was written."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ropeway.records import record

if TYPE_CHECKING:
    from ropeway.lang.reference.refs import Ref


@record
class PathReference:
    """A file or a folder on this machine, ``text`` as written."""

    text: str

    @property
    def path(self) -> str:
        """The path: without ``file:``, percent-escapes of a ``file:`` address undone. A leading ``~/`` is left to the caller."""
        if not self.text.startswith("file:"):
            return self.text
        path = self.text.removeprefix("file:")
        for authority in ("//localhost/", "///"):
            if path.startswith(authority):
                path = "/" + path.removeprefix(authority)
                break
        return _percent_decoded(path)

    def __str__(self) -> str:
        return self.text


@record
class HttpsReference:
    """One file on the web. ``digest`` (``sha256:…``) pins it."""

    url: str
    digest: str | None = None

    @property
    def host(self) -> str:
        """The host, with its port when one is given."""
        return self.url.removeprefix("https://").partition("/")[0]

    def __str__(self) -> str:
        return self.url if self.digest is None else f"{self.url}#{self.digest}"


@record
class OciReference:
    """A bundle in an OCI registry. ``host`` has its port when one is given; ``bare`` says that ``oci://`` was left out."""

    host: str
    repository: str
    tag: str | None = None
    digest: str | None = None
    bare: bool = False

    def __str__(self) -> str:
        tag = "" if self.tag is None else f":{self.tag}"
        digest = "" if self.digest is None else f"@{self.digest}"
        return f"{'' if self.bare else 'oci://'}{self.host}/{self.repository}{tag}{digest}"


@record
class AdHocReference:
    """A name in a repository on GitHub (or the mirror that a setting names): nothing has to be configured."""

    name: str
    owner: str
    repo: str
    ref: Ref | None = None

    def __str__(self) -> str:
        return f"{self.name}@{self.owner}/{self.repo}{_suffix(self.ref)}"


@record
class RegistryReference:
    """A name in a configured registry; ``registry`` is None for the default one."""

    name: str
    registry: str | None = None
    ref: Ref | None = None

    def __str__(self) -> str:
        return f"{self.name}@{self.registry or ''}{_suffix(self.ref)}"


@record
class LocalReference:
    """A bare name: in a project its own workflow of that id, outside one a name in the default registry. Only ``app`` knows where it is."""

    name: str
    ref: Ref | None = None

    def __str__(self) -> str:
        return f"{self.name}{_suffix(self.ref)}"


Reference = PathReference | HttpsReference | OciReference | AdHocReference | RegistryReference | LocalReference


def _suffix(ref: Ref | None) -> str:
    return "" if ref is None else f"#{ref.text}"


def _percent_decoded(path: str) -> str:
    if "%" not in path:
        return path
    raw = re.sub(rb"%([0-9A-Fa-f]{2})", lambda m: bytes([int(m[1], 16)]), path.encode(errors="surrogateescape"))
    return raw.decode(errors="surrogateescape")
