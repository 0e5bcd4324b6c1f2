"""``registries.toml`` in the person's configuration: the registries that have a name here.

::

    default = "acme"

    [registries.acme]
    type = "oci"                         # git (or github), path, oci, ropeway
    source = "oci://ghcr.io/acme"        # git: owner/repo or any URL that git takes; path: a folder; ropeway: https://host
    ca = "/etc/ssl/acme.pem"             # certificates to trust for this registry, besides those of the system
    pin = "sha256:..."                   # or a list: only a server with this certificate or public key is talked to
    update = "notify"                    # never, notify (the default), auto: see `workflow registry update`

Only the person has such a file: a project that could name registries could send others to its own.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, Literal, cast, get_args

from ropeway.bundles.identity import canonical_host
from ropeway.errors import NotFound, StoreError, UsageError
from ropeway.records import field, record
from ropeway.registry.http.hosts import check_no_login
from ropeway.registry.toml_files import decoded, loads

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = ["FILE", "GITHUB", "Registries", "Registry", "Type", "Update", "check_name", "read_registries"]

FILE: Final = "registries.toml"
GITHUB: Final = "https://github.com"
Type = Literal["git", "path", "oci", "ropeway"]
Update = Literal["never", "notify", "auto"]
_KEYS: Final = ("type", "source", "ca", "pin", "update")
_CODE: Final = "invalid-registries"


@record
class Registry:
    """One configured registry.

    ``source`` is complete: a URL that git takes, an absolute folder, ``oci://host/prefix`` or ``https://host``. ``ca`` is a file of
    certificates, ``pin`` holds digests of certificates or of public keys. ``written`` is the source as it stands in the file.
    """

    name: str
    type: Type
    source: str
    ca: Path | None = None
    pin: tuple[str, ...] = ()
    update: Update = "notify"
    written: str = ""

    @property
    def host(self) -> str:
        """The host that it is spoken to at, in its one spelling; empty for a folder, and for git over ssh or in a folder."""
        scheme, _, rest = self.source.partition("://")
        return canonical_host(rest.partition("/")[0]) if scheme in ("oci", "https", "http") else ""


@record
class Registries:
    """All registries of a person; ``default`` is the name of the one that ``name@`` means."""

    all: Mapping[str, Registry] = field(default_factory=dict)
    default: str | None = None

    @classmethod
    def read(cls, path: Path, github_url: str = GITHUB) -> Registries:
        """Read the file; when there is none, there are no registries.

        Args:
            path: ``registries.toml`` in :func:`ropeway.settings.config_dir`.
            github_url: What ``owner/repo`` is looked up at (the setting of that name).

        Raises:
            UsageError: It is not as documented; the message has the line.
            StoreError: It can't be read.
        """
        try:
            raw = path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return cls()
        except OSError as error:
            raise StoreError(f"{path} can't be read: {error.strerror}", hint="check who owns it", code="registries-unreadable") from error
        return parse(raw, str(path), github_url)

    def __iter__(self) -> Iterator[Registry]:
        """Yield the registries by name."""
        return iter(self.all[name] for name in sorted(self.all))

    def get(self, name: str | None = None) -> Registry:
        """Return a registry by its name, the default one for None.

        Raises:
            NotFound: There is none of this name, or no default one.
        """
        if name is None:
            return self._default()
        found = self.all.get(name)
        if found is None:
            from difflib import get_close_matches

            near = get_close_matches(name, self.all, n=1)
            there = (
                f"did you mean `{near[0]}`?"
                if near
                else "`workflow registry list` shows those there are."
                if self.all
                else "there are none yet."
            )
            hint = f"{there} `workflow registry add {name} SOURCE` adds it; a repository on GitHub needs no registry: name@owner/repo"
            raise NotFound(f"no registry is called `{name}`", hint=hint, code="registry-not-found")
        return found

    def at(self, host: str) -> Registry | None:
        """Return the registry whose certificates and pins hold for a host, however that is written: of several the one that says most."""
        place = canonical_host(host)
        found = [each for each in self if each.host == place]
        return max(found, key=lambda each: (bool(each.pin), each.ca is not None), default=None)

    def _default(self) -> Registry:
        if self.default is not None:
            return self.all[self.default]
        hint = "add one: workflow registry add NAME SOURCE --default. A repository on GitHub needs none: name@owner/repo"
        if self.all:
            hint = f"choose one: workflow registry set-default NAME, of {', '.join(sorted(self.all))}; or write name@REGISTRY"
        raise NotFound("no registry is the default one", hint=hint, code="no-default-registry")


def read_registries(environ: Mapping[str, str]) -> Registries:
    """Return a person's registries; raises as :meth:`Registries.read` does."""
    from ropeway.settings import config_dir, load

    return Registries.read(config_dir(environ) / FILE, load(None, environ).github_url)


def check_name(name: str) -> str:
    """Return a registry's name as it is.

    Raises:
        UsageError: It could not stand behind the ``@`` of a reference; each way to get it wrong has a message of its own.
    """
    problem, hint = "", "lower-case letters, digits, `.`, `_` and `-`, beginning with a letter or a digit"
    if not name:
        problem = "a registry needs a name"
    elif "/" in name:
        problem = f"`{name}` can't be the name of a registry: behind the `@` of a reference, what holds a `/` is a repository"
        hint = "a repository on GitHub needs no registry: name@owner/repo"
    elif "@" in name:
        problem = f"`{name}` can't be the name of a registry: `@` stands between the name of a workflow and that of its registry"
    elif "#" in name:
        problem = f"`{name}` can't be the name of a registry: a version stands behind the `#` of a reference"
    elif name.startswith("_"):
        problem = (
            f"`{name}` can't be the name of a registry: names that begin with `_` are kept for what no registry names, such as `_adhoc`"
        )
    elif name != name.lower() and _NAME.fullmatch(name.lower()):
        problem, hint = f"`{name}` can't be the name of a registry: names are lower case", f"call it {name.lower()}"
    elif _NAME.fullmatch(name) is None:
        problem = f"{name!r:.100} can't be the name of a registry"
    elif len(name) > _LONGEST:
        problem, hint = f"the name of a registry has at most {_LONGEST} characters", "choose a shorter one"
    if problem:
        raise UsageError(problem, hint=hint, code="registry-name")
    return name


_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]*")
_LONGEST: Final = 100

# -- reading ----------------------------------------------------------------------------------------------------------------------------


def parse(raw: bytes, where: str, github_url: str = GITHUB) -> Registries:
    """Read the bytes of a ``registries.toml``; ``where`` is its name for messages. Errors are those of :meth:`Registries.read`."""
    syntax = 'it has to be TOML: default = "NAME", then [registries.NAME] with type and source'
    text = decoded(raw, where, syntax, _CODE)
    document = loads(text, where, syntax, _CODE)
    tables, default = document.pop("registries", {}), document.pop("default", None)
    if document or not isinstance(tables, dict):
        key = next(iter(document), "registries")
        raise _wrong(where, text, None, key, f"`{key}` does not belong here" if document else "`registries` is a table", syntax)
    found = {}
    for name, table in tables.items():
        try:
            check_name(name)
        except UsageError as error:
            raise UsageError(f"{where}:{line_of(text, name)}: {error.message}", hint=error.hint, code=error.code) from None
        found[name] = _registry(name, table, text, where, github_url)
    if default is not None and (not isinstance(default, str) or default not in found):
        hint = f"one of {', '.join(sorted(found))}" if found else "remove this line"
        raise _wrong(where, text, None, "default", f"`default` names no registry of this file: {default!r}", hint)
    return Registries(found, default)


def _registry(name: str, table: object, text: str, where: str, github_url: str) -> Registry:
    if not isinstance(table, dict):
        raise _wrong(where, text, name, "", f"`registries.{name}` is a table", f"[registries.{name}]")
    for key in table:
        if key not in _KEYS:
            raise _wrong(where, text, name, key, f"`{key}` does not belong in a registry", f"the keys are {', '.join(_KEYS)}")
    for key in ("type", "source"):
        if not isinstance(table.get(key), str) or not table[key].strip():
            problem = f"`{key}` is text" if key in table else f"`{key}` is missing"
            raise _wrong(where, text, name, key, f"{problem} in the registry `{name}`", f"{_TYPES}, with its source")
    try:
        return make(name, table, github_url)
    except UsageError as error:
        key = error.code.removeprefix("registry-")
        raise UsageError(f"{where}:{line_of(text, name, key)}: {error.message}", hint=error.hint, code=_CODE) from None


_TYPES: Final = "type is git (or github), path, oci or ropeway"


def make(name: str, table: Mapping[str, Any], github_url: str = GITHUB) -> Registry:
    """Return a registry of the keys of its table.

    Raises:
        UsageError: A value does not fit; the code is ``registry-`` and the key.
    """
    check_no_login(table["source"])
    kind = {"github": "git"}.get(table["type"], table["type"])
    if kind not in get_args(Type):
        raise UsageError(f"`{table['type']}` is no type of registry", hint=_TYPES, code="registry-type")
    ca, update = table.get("ca"), table.get("update", "notify")
    pins = table.get("pin", [])
    pins = [pins] if isinstance(pins, str) else pins
    if not isinstance(pins, list) or not all(isinstance(each, str) and _PIN.fullmatch(each) for each in pins):
        hint = "it is the SHA-256 of the server's certificate or of its public key (DER)"
        raise UsageError("`pin` is sha256: with 64 hexadecimal digits in lower case, or a list of those", hint=hint, code="registry-pin")
    if update not in get_args(Update):
        raise UsageError(
            f"`update` is {', '.join(get_args(Update))}, not {update!r}", hint="`notify` is the default", code="registry-update"
        )
    if ca is not None and (not isinstance(ca, str) or not ca.startswith(("/", "~/"))):
        raise UsageError("`ca` is the absolute path of a file of certificates", hint="in PEM", code="registry-ca")
    source = _source(cast("Type", kind), table["source"], github_url)
    return Registry(name, cast("Type", kind), source, None if ca is None else _path(ca), tuple(pins), update, table["source"])


_PIN: Final = re.compile(r"sha256:[0-9a-f]{64}")
_REPOSITORY: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*/[A-Za-z0-9_.][A-Za-z0-9._-]*")


def _source(kind: Type, text: str, github_url: str) -> str:
    """Return a source in full."""
    scheme, slashes, rest = text.partition("://")
    problem, hint = "", ""
    if kind == "git":
        if not _REPOSITORY.fullmatch(text):
            if not slashes and not text.startswith(("/", "~/")) and ":" not in text:
                problem, hint = f"git can't be asked for `{text}`", "owner/repo, an absolute folder, or any URL that git takes"
            return _told(problem, hint) or (str(_path(text)) if text.startswith("~/") else text.rstrip("/"))
        return f"{github_url.rstrip('/')}/{text}"
    if kind == "path":
        if not text.startswith(("/", "~/")):
            problem, hint = f"`{text}` is not an absolute path", "a folder of this machine: /srv/workflows or ~/workflows"
        return _told(problem, hint) or str(_path(text))
    wanted = ("oci",) if kind == "oci" else ("https", "http")
    if scheme not in wanted or not rest.strip("/"):
        example = "oci://ghcr.io/acme" if kind == "oci" else "https://workflows.example.org"
        problem, hint = f"`{text}` is no address of this type of registry", f"such as {example}"
    elif "#" in rest or "?" in rest:
        problem, hint = "the address holds a `#` or a `?`", "leave out what stands behind it"
    return _told(problem, hint) or text.rstrip("/")


def _told(problem: str, hint: str) -> str:
    if problem:
        raise UsageError(problem, hint=hint, code="registry-source")
    return ""


def _path(text: str) -> Path:
    from pathlib import Path

    return Path(text).expanduser()


def _wrong(where: str, text: str, name: str | None, key: str, problem: str, hint: str) -> UsageError:
    return UsageError(f"{where}:{line_of(text, name, key)}: {problem}", hint=hint, code=_CODE)


def line_of(text: str, name: str | None, key: str = "") -> int:
    """Return the line of a registry's table, or of a key in it; of a key at the top when the name is None. 1 when it is not found."""
    lines = text.split("\n")
    quoted = rf"""["']?{re.escape(name or "")}["']?"""
    head = re.compile(rf"""\s*\[\s*["']?registries["']?\s*\.\s*{quoted}\s*\]""")
    loose = re.compile(rf"""\s*(?:["']?registries["']?\s*\.\s*)?{quoted}\s*[.=]""")
    start = 0
    if name is not None:
        start = next((at for at, line in enumerate(lines) if head.match(line)), -1)
        if start < 0:  # written without a header of its own
            return next((at + 1 for at, line in enumerate(lines) if loose.match(line)), 1)
    if not key:
        return start + 1
    entry = re.compile(rf"""\s*["']?{re.escape(key)}["']?\s*[=.]|\s*\[\s*{re.escape(key)}\b""")
    for at in range(start + (name is not None), len(lines)):
        if entry.match(lines[at]):
            return at + 1
        if name is not None and lines[at].lstrip().startswith("["):
            break
    return start + 1
