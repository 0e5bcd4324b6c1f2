"""The client side of registries: where a reference leads, what is there, and how it comes here and is kept.

Each kind of source (a folder, a git repository, a file on the web, an OCI registry, our own server) is a :class:`Resolver`. Whoever wants a
workflow goes through the same four steps with every one of them: :meth:`~Resolver.pin` says which content a reference means now,
:meth:`~Resolver.evidence` who vouches for it, then it is judged (``ropeway.bundles.trust``), and only then :meth:`~Resolver.fetch` brings
its files into the store. ``ropeway.app.sources`` joins them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

from ropeway.records import field, record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from ropeway.lang.reference import Ref

__all__ = ["Evidence", "Fetched", "Kind", "Listing", "Pin", "Progress", "Release", "Resolver", "Silent", "Wanted"]

Kind = Literal["workflow", "skill", "agent"]


@record
class Wanted:
    """What is looked for in one source.

    ``reference`` is as written, for messages; ``name`` what it is called in that source (empty where the source is one file); ``ref`` what
    stood behind ``#`` (or the tag or digest of an OCI reference), None for the default.
    """

    reference: str
    name: str
    ref: Ref | None = None
    kind: Kind = "workflow"


@record
class Pin:
    """Content that never changes again, and what it was found by.

    ``source`` identifies the source everywhere, and is what rules in trust.toml match: ``oci://host/repository``, ``git+https://host/owner/repo``
    (any URL that git takes behind ``git+``), ``https://host/path``, ``path:/absolute/folder``. ``name`` is as in :class:`Wanted`. ``version`` is
    what was chosen: a version, a tag, a branch; None when a commit or digest was named. ``digest`` names the content as the source does:
    ``sha256:…`` of a manifest or file, ``git:<full commit>``. ``moving`` says that it was found by something that is meant to move (a branch, the
    default branch, ``latest``, a range, nothing at all): content that changes there is news, under a version or a tag it is an error.
    ``registry`` is the name of the configured registry, None for the others.
    """

    source: str
    name: str
    digest: str
    version: str | None = None
    moving: bool = False
    registry: str | None = None
    kind: Kind = "workflow"
    size: int | None = None


@record
class Evidence:
    """Who vouches for a pin: its manifest's exact bytes (None for a source without manifests) and every signature found, as Sigstore bundles."""

    manifest: bytes | None = None
    signatures: tuple[bytes, ...] = ()


@record
class Fetched:
    """A pin whose files are in the store: ``tree`` is the digest of the folder ``root``, ``file`` the definition's path in it, with slashes."""

    pin: Pin
    tree: str
    root: Path
    file: str
    evidence: Evidence = Evidence()

    @property
    def path(self) -> Path:
        """The definition's file."""
        return self.root / self.file


@record
class Release:
    """One version that a source has, as ``workflow versions`` shows it; ``digest`` is None where only fetching would tell."""

    version: str
    digest: str | None = None
    published: str | None = None
    deprecated: bool = False
    yanked: bool = False


@record
class Listing:
    """One thing that a source has, as ``workflow search`` shows it. Empty fields are not known without fetching it."""

    name: str
    registry: str | None = None
    version: str | None = None
    title: str | None = None
    description: str | None = None
    tags: tuple[str, ...] = ()
    extra: dict[str, object] = field(default_factory=dict)


class Progress(Protocol):
    """Is told of long work. Called from several threads; must be quick."""

    def begin(self, what: str, total: int | None) -> None:
        """Something begins: ``what`` is for people (``pulling acme/build 1.2.0``), ``total`` is in bytes."""
        ...

    def advance(self, done: int) -> None:
        """So many more bytes have passed."""
        ...

    def end(self) -> None:
        """What began last is over, well or not."""
        ...


class Silent:
    """Shows nothing."""

    def begin(self, what: str, total: int | None) -> None:
        """Show nothing."""

    def advance(self, done: int) -> None:
        """Show nothing."""

    def end(self) -> None:
        """Show nothing."""


class Resolver(Protocol):
    """One source. Every method may raise ``Unreachable`` (no network, no answer), ``NotFound`` (with what *is* there in the hint) and ``Refused``."""

    @property
    def source(self) -> str:
        """The source's identity; see :class:`Pin`."""
        ...

    def pin(self, wanted: Wanted) -> Pin:
        """Return the content that a reference means now. Asks the network unless the reference is a full commit or a digest."""
        ...

    def evidence(self, pin: Pin) -> Evidence:
        """Return who vouches for a pin, and the verified bytes of its manifest; nothing is unpacked."""
        ...

    def fetch(self, pin: Pin, evidence: Evidence) -> Fetched:
        """Bring the files into the store, each verified before it is written, and return them. What the store holds is not fetched again."""
        ...

    def releases(self, wanted: Wanted) -> Iterable[Release]:
        """Return the versions there are, newest first."""
        ...

    def search(self, query: str) -> Iterator[Listing]:
        """Yield what there is whose name, title, description or tags contain every word of the query; everything for an empty one."""
        ...
