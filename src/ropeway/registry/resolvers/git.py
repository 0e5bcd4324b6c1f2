"""Git repositories: configured ones, and ``name@owner/repo`` on GitHub or a mirror of it.

A workflow is what the repository's index lists under its name; else, in this order, ``workflows/NAME``, ``NAME`` (each with ``.toml``, ``.yaml``, ``.yml``)
and ``NAME/workflow`` (the same). A name ``org/name`` that is not there is ``name`` when the repository belongs to ``org``. The definition's folder comes
along, for a definition at the root the whole repository; submodules do not.
"""

from __future__ import annotations

import posixpath
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ropeway.bundles.identity import git_source
from ropeway.errors import NotFound, UsageError
from ropeway.lang.versions import newest_first
from ropeway.records import replace
from ropeway.registry import Evidence, Fetched, Listing, Pin, Release, Silent
from ropeway.registry.cache.files import guarded
from ropeway.registry.folder.index import INDEX_NAMES, Index, discovered, matches, no_such_workflow, places, read_index
from ropeway.registry.git.credentials import GITHUB
from ropeway.registry.git.refs import Chosen, choose, no_such_ref, versions_of
from ropeway.registry.git.remote import Remote, address
from ropeway.registry.git.repository import temporary_repository
from ropeway.registry.git.tree import check_sizes, folder_of, followed, write_files
from ropeway.registry.http.transport import Net

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from ropeway.lang.reference import Ref
    from ropeway.registry import Progress, Wanted
    from ropeway.registry.cache.store import Store
    from ropeway.registry.git.refs import Refs
    from ropeway.registry.git.repository import Item, Repository

__all__ = ["GitResolver"]

_HINT = "make room or check who owns it, or set XDG_CACHE_HOME to another folder"
_LARGEST_INDEX = 4 * 2**20


class GitResolver:
    """One repository.

    Args:
        url: Any address that git takes: https, ssh, ``user@host:path``, file, a folder.
        registry: The configured registry's name; None for an ad hoc reference.
        adhoc: Owner and repository of an ad hoc reference.
        store: Where what is fetched is kept.
        environ: The person's environment.
        net: How long to wait, how often to try again, which certificates to trust.
        progress: Is told of fetches.
        github: The origin that tokens for GitHub are for; nothing but tests says another one.

    Raises:
        UsageError: ``url`` is no address.
    """

    def __init__(
        self,
        url: str,
        *,
        store: Store,
        environ: Mapping[str, str],
        registry: str | None = None,
        adhoc: tuple[str, str] | None = None,
        net: Net | None = None,
        progress: Progress | None = None,
        github: str = GITHUB,
    ) -> None:
        self._url = address(url)
        self._registry = registry
        self._owner = adhoc[0] if adhoc else self._url.rstrip("/").replace(":", "/").split("/")[-2]
        self._store = store
        self._remote = Remote(self._url, environ=environ, net=net or Net(), progress=progress or Silent(), github=github)
        self._shown = self._remote.shown

    @property
    def source(self) -> str:
        """See :class:`Resolver`."""
        return git_source(self._url)

    # -- the four steps -------------------------------------------------------------------------------------------------------------

    def pin(self, wanted: Wanted) -> Pin:
        """See :class:`Resolver`. A full commit is taken at its word until it is fetched.

        Raises:
            UsageError: A digest stands behind ``#``, or what is wanted is no workflow.
            NotFound: There is no such repository, tag, branch or commit; the hint says what there is.
            Refused: The repository can't be read with the credentials that there are.
        """
        self._check(wanted)
        ref = wanted.ref
        if ref is not None and ref.kind == "commit":
            chosen = Chosen(ref.text)
        else:
            with self._repository() as repository:
                chosen = self._chosen(repository, ref, wanted.name)
        digest = f"git:{chosen.commit}"
        return Pin(self.source, wanted.name, digest, chosen.version, chosen.moving, self._registry, wanted.kind)

    def evidence(self, pin: Pin) -> Evidence:  # noqa: ARG002 - the protocol's
        """Return nothing: a commit's name is all that vouches for it."""
        return Evidence()

    def fetch(self, pin: Pin, evidence: Evidence) -> Fetched:
        """See :class:`Resolver`. What was fetched once is taken from the store without asking anybody.

        Raises:
            NotFound: The commit, or the workflow in it, does not exist.
            HostileArchive: The folder holds names or links that could leave it, or is too large.
        """
        found = self._store.find(self.source, pin.digest, pin.name)
        if found is not None:
            return found if found.pin == pin else self._store.keep(pin, found.tree, found.file, evidence)
        commit = pin.digest.removeprefix("git:")
        with self._repository(sha256=len(commit) == 64) as repository:
            self._bring(repository, commit)
            listing = repository.listing(commit)
            definition = self._definition(repository, listing, pin.name, commit)
            folder, file = posixpath.split(definition)
            files = self._folder(repository, listing, folder, commit)
            if file not in files:  # a link to a folder
                raise NotFound(
                    f"{definition} in {self._shown} is not a file", hint="ask who keeps the repository", code="workflow-file-missing"
                )
            tree, _, _ = self._store.add_tree(lambda target: write_files(repository, files, target))
        return self._store.keep(pin, tree, file, evidence)

    # -- looking around -------------------------------------------------------------------------------------------------------------

    def releases(self, wanted: Wanted) -> list[Release]:
        """See :class:`Resolver`: the tags that are versions, of the workflow itself where it has such."""
        self._check(replace(wanted, ref=None))
        with self._repository() as repository:
            refs = self._remote.refs(repository, everything=False)
        versions = versions_of(refs, wanted.name)
        return [Release(versions[text], f"git:{refs.tags[versions[text]]}") for text in newest_first(versions)]

    def search(self, query: str) -> Iterator[Listing]:
        """See :class:`Resolver`: what is there on the default branch; descriptions are the index's."""
        with self._repository() as repository:
            commit = self._chosen(repository, None, "").commit
        with self._repository(sha256=len(commit) == 64) as repository:
            self._bring(repository, commit)
            listing = repository.listing(commit)
            index = self._index(repository, listing, commit)
        for name in _names(index, listing):
            description = index.description(name) if index is not None and name in index else None
            if matches(query, name, description):
                yield Listing(name, self._registry, description=description)

    # -- parts ----------------------------------------------------------------------------------------------------------------------

    def _check(self, wanted: Wanted) -> None:
        if wanted.ref is not None and wanted.ref.kind == "digest":
            hint = "name a commit: #<its 40 digits>"
            raise UsageError(f"{self._shown} is a git repository, where digests name nothing", hint=hint, code="git-digest")
        if wanted.kind != "workflow":
            hint = "publish it to an OCI registry, or copy it into the project"
            raise UsageError(
                f"a git repository holds workflows, and {wanted.reference} is wanted as a kind of {wanted.kind}", hint=hint, code="git-kind"
            )

    @contextmanager
    def _repository(self, *, sha256: bool = False) -> Iterator[Repository]:
        cache: Path = self._store.cache
        with guarded(cache, _HINT), temporary_repository(cache, self._remote.environ, sha256=sha256) as repository:
            yield repository

    def _chosen(self, repository: Repository, ref: Ref | None, name: str) -> Chosen:
        refs = self._remote.refs(repository, everything=ref is None or ref.text.startswith("refs/"))
        found = choose(refs, ref, name)
        if found is None and ref is not None and ref.kind == "name" and _may_be_commit(ref.text):
            found = self._abbreviated(refs, ref)
        if found is None:
            raise no_such_ref(refs, ref, name, self._shown)
        return found

    def _abbreviated(self, refs: Refs, ref: Ref) -> Chosen | None:
        known = [*refs.tags.values(), *refs.branches.values()]
        if not known:
            return None
        with self._repository(sha256=len(known[0]) == 64) as repository:
            self._remote.bring_history(repository)
            commits = repository.commits(ref.text)
        if len(commits) > 1:
            hint = f"write more of it: {', '.join(commits[:8])}"
            raise UsageError(f"{ref.text} may be any of {len(commits)} commits of {self._shown}", hint=hint, code="ref-ambiguous")
        return Chosen(commits[0]) if commits else None

    def _bring(self, repository: Repository, commit: str) -> None:
        if not self._remote.bring(repository, commit):
            hint = "check it; a commit that no branch and no tag leads to may be gone"
            raise NotFound(f"{self._shown} has no commit {commit}", hint=hint, code="ref-not-found")
        full = repository.commit(commit)
        if full != commit:
            hint = f"the commit is {full}"
            raise UsageError(f"{commit} is no commit of {self._shown}, but a tag's own object", hint=hint, code="ref-not-commit")

    def _index(self, repository: Repository, listing: Mapping[str, Item], commit: str) -> Index | None:
        for name in INDEX_NAMES:
            item = listing.get(name)
            if item is not None and not item.is_link:
                size = self._present(repository, [item.oid], commit)[item.oid] or 0
                raw = repository.content(item.oid) if size <= _LARGEST_INDEX else b""
                index = read_index(raw, f"{self._shown}: {name}")
                if index.found:
                    return index
        return None

    def _definition(self, repository: Repository, listing: Mapping[str, Item], name: str, commit: str) -> str:
        """Return the path of a workflow's definition."""
        index = self._index(repository, listing, commit)
        org, _, last = name.rpartition("/")
        for each in (name, last) if org and org.lower() == self._owner.lower() else (name,):
            if index is not None and each in index:
                path = index.path(each)
                if path not in listing:
                    hint = "ask who keeps the repository to correct the index"
                    raise NotFound(f"{index.place(each)}: {path} is not there", hint=hint, code="workflow-file-missing")
                return path
            for path in places(each):
                if path in listing:
                    return path
        raise no_such_workflow(name, f"{self._shown} at {commit[:12]}", _names(index, listing))

    def _folder(self, repository: Repository, listing: Mapping[str, Item], folder: str, commit: str) -> dict[str, Item]:
        files = folder_of(listing, folder)
        sizes = self._present(repository, [item.oid for item in files.values()], commit)
        check_sizes(folder, files, sizes)
        whole = followed(files, lambda oid: repository.content(oid).decode(errors="surrogateescape"))
        check_sizes(folder, whole, sizes)
        return whole

    def _present(self, repository: Repository, oids: list[str], commit: str) -> dict[str, int | None]:
        """Fetch those of some contents that are not here yet, and return the size of each."""
        sizes = repository.sizes(oids)
        missing = [oid for oid, size in sizes.items() if size is None]
        if missing:
            self._remote.bring_contents(repository, missing, commit)
            sizes = repository.sizes(oids)
        return sizes


def _may_be_commit(text: str) -> bool:
    return 4 <= len(text) < 64 and all(each in "0123456789abcdefABCDEF" for each in text)


def _names(index: Index | None, listing: Mapping[str, Item]) -> list[str]:
    return sorted({*(index.entries if index is not None else ()), *discovered(listing)})
