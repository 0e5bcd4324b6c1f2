"""The grammar of references; the table in the package's docstring says what it accepts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from ropeway.lang.reference.forms import (
    AdHocReference,
    HttpsReference,
    LocalReference,
    OciReference,
    PathReference,
    RegistryReference,
)
from ropeway.lang.reference.refs import InvalidReference, read_digest, read_ref

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ropeway.lang.reference.forms import Reference

_FILE_ENDINGS = (".toml", ".yaml", ".yml")
_PATH_STARTS = ("./", "../", "/", "~/", "file:")


def parse_reference(text: str, *, kind: Literal["workflow", "skill"] = "workflow") -> Reference:
    """Read a reference.

    Args:
        text: What the person wrote, without ``workflow:`` or ``skill:`` in front.
        kind: A skill's name may have three parts, ``org/team/name``; a workflow's at most two.

    Raises:
        InvalidReference: With a message, a hint and a place of its own for each way to get it wrong.
    """
    if not text.strip():
        raise InvalidReference("RW400", "the reference is empty", "name a file (./build.toml), a workflow (build) or name@registry")
    if text.startswith(_PATH_STARTS):
        return _path(text)
    body, mark, ref_text = text.partition("#")
    if body.endswith(_FILE_ENDINGS) and "@" not in body and "://" not in body:
        if mark:
            hint = "leave the #… out; a path that holds a # begins with ./"
            raise InvalidReference("RW411", "a file has no version", hint, offset=len(body), length=len(text) - len(body))
        return _path(text)
    _refuse_characters(text)
    if text.count("#") > 1:
        raise InvalidReference("RW404", "more than one `#`", "keep one: name@registry#version", offset=text.index("#", len(body) + 1))
    if mark and not ref_text:
        raise InvalidReference(
            "RW404", "nothing stands behind the `#`", "write a version, a tag or a branch behind it, or remove it", offset=len(body)
        )
    if "://" in body:
        return _address(body, ref_text if mark else None)
    if _is_bare_oci(body):
        return _oci(body, 0, ref_text if mark else None, bare=True)
    return _named(body, ref_text if mark else None, 3 if kind == "skill" else 2)


# --- paths ---


def _path(text: str) -> PathReference:
    if "\0" in text:
        raise InvalidReference("RW401", "a path holds no NUL character", "remove it", offset=text.index("\0"))
    reference = PathReference(text)
    if text.startswith("file:"):
        rest = text.removeprefix("file:")
        if rest.startswith("//") and not rest.startswith(("///", "//localhost/")):
            hint = "write file:///path for a file of this machine, https://… for one of another"
            host = rest[2:].partition("/")[0]
            raise InvalidReference("RW411", "a file: address names no host", hint, offset=7, length=max(len(host), 1))
        if not reference.path or "\0" in reference.path:
            raise InvalidReference("RW411", "this file: address holds no path", "write file:///path or ./path", length=len(text))
    return reference


# --- addresses ---


def _address(body: str, ref: str | None) -> Reference:
    scheme = body.partition("://")[0]
    if scheme == "https":
        return _https(body, ref)
    if scheme == "oci":
        return _oci(body, len("oci://"), ref, bare=False)
    hints = {
        "http": "use https://; over http anybody on the way could change the workflow",
        "git": "a repository is name@owner/repo, or add it as a registry",
    }
    hint = hints.get(scheme, hints["git"] if "git" in scheme or scheme == "ssh" else "https://, oci:// and file: are read")
    raise InvalidReference("RW407", f"`{scheme}://` is not read here", hint, length=len(scheme) + 3)


def _https(url: str, ref: str | None) -> HttpsReference:
    start = len("https://")
    authority = url[start:].partition("/")[0]
    if "@" in authority:
        hint = "remove it; credentials stand in the registry's configuration, never in a reference"
        raise InvalidReference("RW408", "the address holds a user name or a password", hint, offset=start, length=authority.index("@") + 1)
    _check_host(authority, start, "RW408")
    path = url[start + len(authority) :]
    if not path.endswith(_FILE_ENDINGS):
        parts = [p for p in path.split("/") if p]
        hint = "the address ends in .toml, .yaml or .yml"
        if authority == "github.com" and len(parts) >= 2:
            hint = f"a workflow in that repository is NAME@{parts[0]}/{parts[1]}"
        message = "the address is not one of a workflow file"
        raise InvalidReference("RW408", message, hint, offset=start + len(authority), length=max(len(path), 1))
    if ref is None:
        return HttpsReference(url)
    if not ref.startswith("sha256:"):
        hint = "pin the file by its digest: #sha256:…"
        raise InvalidReference("RW408", "a file on the web has no versions", hint, offset=len(url) + 1, length=len(ref))
    return HttpsReference(url, read_digest(ref, len(url) + 1))


def _is_bare_oci(body: str) -> bool:
    if "@sha256:" in body and "@" not in body[body.rindex("@sha256:") + 1 :]:
        return True
    first, slash, _ = body.partition("/")
    if not slash or "@" in first or body.endswith(_FILE_ENDINGS):
        return False
    return "." in first.strip(".") or ":" in first or first == "localhost"


_REPOSITORY = re.compile(r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")


def _oci(body: str, start: int, ref: str | None, *, bare: bool) -> OciReference:
    if ref is not None:
        hint = "choose a tag with `:` or a digest with `@sha256:…`"
        raise InvalidReference("RW409", "an OCI reference has no `#`", hint, offset=len(body), length=len(ref) + 1)
    authority, more, _ = body[start:].partition("/")
    if more and "@" in authority:
        hint = "remove it, and log in: workflow registry login HOST"
        raise InvalidReference("RW409", "the address holds a user name or a password", hint, offset=start, length=authority.index("@") + 1)
    rest, at, digest = body[start:].partition("@")
    if at and not digest.startswith("sha256:"):
        hint = "behind the @ of an OCI reference stands sha256:… only; name@owner/repo is the form for a repository"
        raise InvalidReference("RW409", "this is no digest", hint, offset=start + len(rest) + 1, length=max(len(digest), 1))
    if at:
        read_digest(digest, start + len(rest) + 1)
    host, slash, path = rest.partition("/")
    if not slash and not bare:
        hint = "write oci://HOST/REPOSITORY"
        raise InvalidReference("RW409", "the OCI reference names no repository", hint, offset=start, length=max(len(rest), 1))
    if not slash:
        hint = "write oci://HOST/name@sha256:…, or name@registry#sha256:…"
        raise InvalidReference("RW409", "the OCI reference names no host", hint, offset=start, length=max(len(rest), 1))
    _check_host(host, start, "RW409")
    repository, colon, tag = path.partition(":")
    if _REPOSITORY.fullmatch(repository) is None:
        hint = "lower-case letters and digits, joined by single . _ - or /"
        message = f"`{repository}` is not an OCI repository" if repository else "the OCI reference names no repository"
        raise InvalidReference("RW409", message, hint, offset=start + len(host) + 1, length=max(len(repository), 1))
    if colon and _TAG.fullmatch(tag) is None:
        hint = "a tag has letters, digits, `.`, `_` and `-`, at most 128"
        message = f"`{tag}` is not an OCI tag" if tag else "nothing stands behind the `:`"
        offset = start + len(host) + 1 + len(repository)
        raise InvalidReference("RW409", message, hint, offset=offset + bool(tag), length=max(len(tag), 1))
    return OciReference(host, repository, tag if colon else None, digest if at else None, bare)


_HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?")


def _check_host(host: str, offset: int, code: str) -> None:
    match = _HOST.fullmatch(host)
    if match is None or ".." in host or (match[1] and not 0 < int(match[1]) < 2**16):
        message = f"`{host}` is not a host" if host else "the address names no host"
        raise InvalidReference(
            code, message, "a host is a name or an address, with :PORT when needed", offset=offset, length=max(len(host), 1)
        )


# --- names ---


def _named(body: str, ref_text: str | None, parts: int) -> Reference:
    name, at, place = body.partition("@")
    if "@" in place:
        hint = "one @ stands between the name and its registry; a version stands behind #"
        raise InvalidReference("RW403", "more than one `@`", hint, offset=body.index("@", len(name) + 1))
    if ref_text is not None and "@" in ref_text:
        offset = len(body) + 1 + ref_text.index("@")
        message = "more than one `@`" if at else "the `@` stands behind the `#`"
        raise InvalidReference("RW403", message, "write name@registry#version", offset=offset)
    _check_name(name, parts, placed=bool(at))
    if "/" in place:
        owner, repo = _repository(place, len(name) + 1)
        return AdHocReference(name, owner, repo, read_ref(ref_text, len(body) + 1))
    if at and place and not _is_word(place):
        hint = "lower-case letters, digits, . _ and -; a repository is name@owner/repo"
        raise InvalidReference("RW406", f"`{place}` is not the name of a registry", hint, offset=len(name) + 1, length=len(place))
    ref = read_ref(ref_text, len(body) + 1)
    return RegistryReference(name, place or None, ref) if at else LocalReference(name, ref)


def _repository(place: str, offset: int) -> tuple[str, str]:
    owner, _, repo = place.partition("/")

    def refuse(message: str, hint: str = "write name@owner/repo") -> InvalidReference:
        return InvalidReference("RW405", message, hint, offset=offset, length=len(place))

    if ":" in owner:
        raise refuse("this looks like an address of git", "write name@owner/repo, or add the address as a registry")
    if not owner or not repo:
        raise refuse("the repository has no owner" if not owner else "the owner has no repository")
    if "/" in repo:
        raise refuse("a repository is owner/repo, two parts", "the workflow's name in it stands in front of the @")
    for part in (owner, repo):
        if part in {".", ".."}:
            raise refuse(f"`{part}` is not a part of a repository's name")
        if re.fullmatch(r"[A-Za-z0-9_.][A-Za-z0-9._-]*", part) is None:
            raise refuse(f"`{part}` can not be part of a repository's name", "letters, digits, . _ and -")
    return owner, repo


def _is_word(text: str) -> bool:
    return re.fullmatch(r"[a-z0-9][a-z0-9._-]*", text) is not None


def _check_name(name: str, parts: int, *, placed: bool) -> None:
    def refuse(message: str, hint: str, offset: int = 0, length: int = 1) -> InvalidReference:
        return InvalidReference("RW402", message, hint, offset=offset, length=max(length, 1))

    if not name:
        raise refuse("no name stands in front of the `@`", "write name@registry")
    if not placed and name in {".", "..", "~"}:
        raise refuse(f"`{name}` is a folder, not a workflow", f"name the file in it: {name}/workflow.toml", 0, len(name))
    pieces = name.split("/")
    if not pieces[-1]:
        raise refuse("the name ends in a slash", "a folder's file is named by its path: ./folder/workflow.toml", len(name) - 1)
    if len(pieces) > parts:
        shape = "org/team/name" if parts == 3 else "org/name"
        raise refuse(f"a name has at most {parts} parts, {shape}", f"a path begins with ./: ./{name}", 0, len(name))
    offset = 0
    for piece in pieces:
        if not _is_word(piece):
            hint = "lower-case letters, digits, . _ and -, beginning with a letter or a digit"
            if _is_word(piece.lower()):
                hint = f"names are lower case: {name.lower()}"
            elif ":" in piece:
                hint = "a version stands behind #: name#1.2.0"
            raise refuse(f"`{piece}` is not a name" if piece else "the name has an empty part", hint, offset, len(piece))
        offset += len(piece) + 1


def _refuse_characters(text: str) -> None:
    """Refuse what stands in no form but a path."""
    bad: Iterable[tuple[int, str]] = ((i, c) for i, c in enumerate(text) if c <= " " or c == "\\" or not (c.isascii() and c.isprintable()))
    for offset, character in bad:
        hint = "a path begins with ./, and so may hold it"
        if character == "\\":
            raise InvalidReference("RW401", "a reference holds no backslash", "write paths with /: ./folder/build.toml", offset=offset)
        if character.isspace():
            raise InvalidReference("RW401", "a reference holds no white space", hint, offset=offset)
        shown = character if character.isprintable() else f"U+{ord(character):04X}"
        raise InvalidReference("RW401", f"`{shown}` can not stand in a reference", hint, offset=offset)
