"""Working copies by ``jj workspace add``: they share the repository's commits and operation log.

**Base ``@``.** The workspace's working-copy commit is a sibling of the person's: the same parents, files and description, and a change id of its own. It is no
child, which would be rewritten by each of the person's edits. It is rewritten when they rewrite a commit that both are on: jj then calls the workspace stale. Its
files stay as they are; :meth:`JjBackend.mend` makes its commit hold them again, on the rewritten parents.

**The person's log.** To make a workspace and to remove one adds two operations each, such that ``jj undo`` goes past them (:mod:`ropeway.workspaces.jj_operations`
says how). An undo takes workspaces that were made after what it restores off jj's list: their files stay, ``jj status`` in them says "No working copy", and
:meth:`JjBackend.mend` puts them back. With a jj before 0.41, a workspace adds up to four plain operations, and the first ``jj undo`` undoes the last of them.

**What removal leaves.** The working-copy commit of the workspace is abandoned, whatever jj last saw in it: its files were the run's, and what a run wants to keep
is in its snapshots. It stays when it became something else: somebody described it, put a bookmark or a tag on it, built on it or works on it. Commits that were
made in the workspace (``jj commit``, ``jj new``) always stay and are seen in ``jj log``. A workspace of ours without a folder, which an undo brought back, is
forgotten when the next one is removed.

**Snapshots** are refs below ``refs/ropeway/`` in the git store: jj imports branches, tags and remote branches alone, and git keeps what they reach.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Final

from ropeway.errors import NotFound, Refused
from ropeway.records import record, replace
from ropeway.workspaces.backend import Base, Made
from ropeway.workspaces.jj_operations import OURS, as_one, heads, last_operation, repository_folder
from ropeway.workspaces.jj_reading import ROOT, Listed, commits, keeps_bytes, of_workspace, one_commit, untracked, workspaces
from ropeway.workspaces.lockfiles import make_folder
from ropeway.workspaces.places import check_path, discard, making, namespace, namespace_path, repository_lock, workspaces_root
from ropeway.workspaces.programs import ProgramFailed, git, jj
from ropeway.workspaces.uncommitted import put_on_top

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ropeway.workspaces.discovery import Repository
    from ropeway.workspaces.jj_operations import Jj
    from ropeway.workspaces.jj_reading import Commit

_ROOT_CHANGE: Final = "z" * 32  # of the root commit, which is in every repository


@record
class _Start:
    """How a workspace begins: its commit's parents (revsets) and description, and the commit whose files it gets (None: its parents')."""

    parents: tuple[str, ...]
    description: str
    files: str | None


@record
class _Sound:
    """When a workspace was seen to be as it should: the repository's newest operations, the workspace's own last one, and its commit ("" when not looked up)."""

    heads: tuple[str, ...]
    operation: str | None
    commit: str = ""


class JjBackend:
    """Makes workspaces of the repository that a person stands in."""

    name = "jj"

    def __init__(self, repository: Repository, environ: Mapping[str, str]) -> None:
        self.root = repository.root
        self.git_dir: str | None = repository.git_dir
        self._store = repository.git_dir
        self._environ = environ
        self._repository = repository_folder(repository.root)
        self._seen: dict[str, Commit] = {}
        """The person's working-copy commits, by the first parent that :meth:`base` returned."""
        self._sound: dict[str, _Sound] = {}

    # -- what to start from -------------------------------------------------------------------------------------------------------

    def base(self, wanted: str) -> Base:
        """Find a commit. ``@`` is the one that the person's working copy is on top of, ``HEAD`` the same without their changes, and anything else a revset."""
        if wanted in ("@", "HEAD"):
            here = one_commit("@", self.root, look=False)
            below = here.parents[0]
            commit = one_commit(below, self.root)
            base = Base(wanted, self._git_commit(commit), person=wanted == "@", change=commit.change)
            self._seen[base.commit] = here
            return base
        try:
            commit = one_commit(wanted, self.root, look=False)
        except NotFound:
            if wanted != self._nothing():
                raise
            commit = one_commit(ROOT, self.root)
        return Base(wanted, self._git_commit(commit), person=False, change=commit.change)

    def _git_commit(self, commit: Commit) -> str:
        """Return the id of a commit that git knows: jj's root commit is none."""
        return commit.id if commit.parents else self._nothing(make=True)

    def _nothing(self, *, make: bool = False) -> str:
        """Return the id of an empty commit that stands for jj's root commit."""
        write = ("-t", "tree", "--stdin") + (("-w",) if make else ())
        tree = git("hash-object", *write, git_dir=self._store).decode().strip()
        text = f"tree {tree}\nauthor ropeway <ropeway@localhost> 0 +0000\ncommitter ropeway <ropeway@localhost> 0 +0000\n\nno commit yet\n"
        write = ("-t", "commit", "--stdin") + (("-w",) if make else ())
        return git("hash-object", *write, git_dir=self._store, stdin=text.encode()).decode().strip()

    # -- making -------------------------------------------------------------------------------------------------------------------

    def add(self, path: str, id: str, base: Base) -> Made:  # noqa: A002 - the protocol's word
        """Make a workspace whose commit is on top of ``base``, or beside the person's when ``base`` says so."""
        path = check_path(self._environ, self.root, path)
        self._check_free(path, id)
        with making(self._environ, self.root, id) as half:
            if half:
                self.remove(path, id)
            if os.path.lexists(path) and not (os.path.isdir(path) and not os.listdir(path)):
                raise Refused(f"there is a workspace {id} already", hint="take another id", code="workspace-exists")
            make_folder(os.path.dirname(path))
            try:
                return self._made(path, id, base)
            except BaseException:
                self.remove(path, id)
                raise

    def _check_free(self, path: str, id: str) -> None:  # noqa: A002 - the protocol's word
        """Make sure that jj has no workspace of that name: one of ours whose folder is gone is forgotten."""
        for workspace in workspaces(self.root):
            if workspace.name != id:
                continue
            if not self._ours(workspace, path):
                where = f" at {workspace.root}" if workspace.root else ""
                raise Refused(f"jj has a workspace {id} already{where}", hint="take another id", code="workspace-exists")
            if not os.path.lexists(path):
                self._forget([workspace])

    def _made(self, path: str, id: str, base: Base) -> Made:  # noqa: A002 - the protocol's word
        start, files = self._start(base)
        try:
            with repository_lock(self._environ, self._repository):
                as_one(self._repository, self.root, lambda run: self._create(run, path, id, start))
                made = heads(self._repository)
            jj(*OURS, "workspace", "update-stale", cwd=path)
            self._sound[id] = _Sound(made, last_operation(path))
        except ProgramFailed:  # a jj that can't do that; if it is anything else, it comes about again
            self.remove(path, id)
            with repository_lock(self._environ, self._repository):
                self._create_plainly(path, id, start)
        notes = list(self._left_out(path))
        touched: tuple[bytes, ...] = ()
        if base.person:
            touched, more = put_on_top(
                self.root,
                path,
                untracked(self.root, self._repository, self._store, files.id),
                os.path.realpath(workspaces_root(self._environ)),
            )
            notes += more
        faithful = not files.conflict and keeps_bytes(self.root)
        return Made((files.id if files.parents else base.commit) if faithful else None, touched, tuple(notes))

    def _start(self, base: Base) -> tuple[_Start, Commit]:
        """Return how the workspace begins, and the commit whose files it has then."""
        if base.person:
            here = self._seen.get(base.commit) or one_commit("@", self.root, look=False)
            return _Start(here.parents, here.description, here.id), here
        commit = one_commit(ROOT if base.change == _ROOT_CHANGE else base.commit, self.root)
        if not commit.hidden:
            return _Start((commit.id,), "", None), commit
        # It was rewritten or abandoned since. A child would put it back into everybody's `jj log`.
        return _Start(tuple(c.id for c in commits(f"heads(::{commit.id} & ::visible_heads())", self.root)), "", commit.id), commit

    def _create(self, run: Jj, path: str, id: str, start: _Start) -> None:  # noqa: A002 - the protocol's word
        text = [f"--message={start.description}"] if start.description else []
        parents = [f"--revision={parent}" for parent in start.parents]
        run("workspace", "add", f"--name={id}", "--sparse-patterns=full", *parents, *text, path)
        if start.files is not None:
            run("restore", "--ignore-immutable", f"--from={start.files}", f"--into={of_workspace(id)}")
        link = os.path.join(path, ".jj", "repo")
        with open(link, "wb") as file:
            file.write(os.fsencode(os.path.relpath(self._repository, os.path.dirname(link))))

    def _create_plainly(self, path: str, id: str, start: _Start) -> None:  # noqa: A002 - the protocol's word
        parents = [f"--revision={parent}" for parent in start.parents]
        jj("workspace", "add", f"--name={id}", "--sparse-patterns=full", *parents, path, cwd=self.root)
        if start.files is not None:
            jj("restore", "--ignore-immutable", f"--from={start.files}", "--into=@", cwd=path)
        if start.description:
            jj("describe", f"--message={start.description}", cwd=path)

    def _left_out(self, path: str) -> list[str]:
        notes = []
        if jj("sparse", "list", cwd=self.root, look=True) != b".\n":
            notes.append("your sparse patterns do not hold here: every file is there")
        if os.path.lexists(os.path.join(path, ".gitmodules")):
            notes.append("submodules are left out: jj has none")
        return notes

    # -- removing -----------------------------------------------------------------------------------------------------------------

    def remove(self, path: str, id: str) -> None:  # noqa: A002 - the protocol's word
        """Forget a workspace and delete its folder; forget those whose folder is gone, too."""
        path = check_path(self._environ, self.root, path)
        above = os.path.dirname(path)
        gone = []
        for workspace in workspaces(self.root):
            place = os.path.join(above, workspace.name)
            if self._ours(workspace, place) and (workspace.name == id or not os.path.lexists(place)):
                gone.append(workspace)
        if gone:
            self._forget(gone)
        discard(self._environ, path)

    def _forget(self, gone: list[Listed]) -> None:
        ours = [workspace.commit for workspace in gone if workspace.commit and not self._became_work(workspace)]
        names = [workspace.name for workspace in gone]

        def work(run: Jj) -> None:
            if ours:
                run("abandon", "--ignore-immutable", *ours)
            run("workspace", "forget", *names)

        with repository_lock(self._environ, self._repository):
            try:
                as_one(self._repository, self.root, work)
            except ProgramFailed:  # as in _made
                work(lambda *args: jj(*args, cwd=self.root, look=True).decode(errors="replace"))

    def _became_work(self, workspace: Listed) -> bool:
        """Whether a workspace's commit is more than the state of its files: described since, or something else rests on it."""
        commit = workspace.commit
        if any(other.commit == commit and other.name != workspace.name for other in workspaces(self.root)):
            return True
        free = f"{commit} & visible_heads() ~ bookmarks() ~ remote_bookmarks() ~ tags() ~ root()"
        if not commits(free, self.root):
            return True
        texts = jj("evolog", "--no-graph", f"--revisions={commit}", '--template=commit.description() ++ "\\0"', cwd=self.root, look=True)
        return len(set(texts.split(b"\0")[:-1])) > 1

    def _ours(self, workspace: Listed, place: str) -> bool:
        """Whether jj's workspace is the one that we have, or had, at ``place``."""
        if workspace.root:
            return os.path.realpath(workspace.root) == place
        mark = os.path.join(workspaces_root(self._environ), ".locks", namespace(self.root), f"{workspace.name}.making")
        return os.path.lexists(os.path.join(place, ".jj")) or os.path.exists(mark)

    # -- looking and mending ------------------------------------------------------------------------------------------------------

    def head(self, path: str) -> str | None:
        """Return the commit that a workspace is on top of (``@-``) now, or was last when jj does not list it any more."""
        found = self._working_copy(path) or self._working_copy(path, at=last_operation(path))
        if found is None or not found.parents:
            return None
        above = commits(found.parents[0], self.root)
        return self._git_commit(above[0]) if above else None

    def ids(self) -> list[str]:
        """Return the ids of the workspaces below the repository's namespace."""
        above = os.path.realpath(namespace_path(self._environ, self.root))
        return sorted(w.name for w in workspaces(self.root) if self._ours(w, os.path.join(above, w.name)))

    def mend(self, path: str) -> bool:
        """Put a workspace back onto jj's list, or make its commit hold its files again, where the person's work took it off or rewrote it.

        No file is touched. It costs nothing when nothing happened in the repository since the last call.

        Returns:
            Whether there was anything to mend.
        """
        name = os.path.basename(path)
        known, seen = self._sound.get(name), heads(self._repository)
        if known is not None and known.heads == seen:
            return False
        operation, now = last_operation(path), self._working_copy(path)
        if known is not None and now is not None and (known.operation, known.commit) == (operation, now.id):
            self._sound[name] = replace(known, heads=seen)  # what happened was about something else
            return False
        last = self._working_copy(path, at=operation)
        mended = last is not None and (now is None or (now.id != last.id and self._tree(now) != self._tree(last)))
        if mended and last is not None:
            change = ("edit", last.id) if now is None else ("restore", f"--from={last.id}", "--into=@")
            self._change(path, *change, "--ignore-immutable")
            self._sound[name] = _Sound(heads(self._repository), last_operation(path))
        else:
            self._sound[name] = _Sound(seen, operation, now.id if now is not None else "")
        return mended

    def _change(self, path: str, *words: str) -> None:
        until = time.monotonic() + 3
        while True:
            try:
                with repository_lock(self._environ, self._repository):
                    as_one(self._repository, path, lambda run: run(*words))
            except ProgramFailed as error:
                if "already exists" not in error.complaint or time.monotonic() > until:
                    raise
            else:
                return
            time.sleep(0.2)  # git notes whole seconds: the same content twice within one is the same commit, which jj refuses

    def _working_copy(self, path: str, at: str | None = None) -> Commit | None:
        """Return a workspace's commit, now or at an operation."""
        if not os.path.isdir(os.path.join(path, ".jj")):
            return None
        try:
            found = commits("@", path, at=at)
        except ProgramFailed:
            return None
        return found[0] if found else None

    def _tree(self, commit: Commit) -> str:
        return git("rev-parse", f"{commit.id}^{{tree}}", git_dir=self._store).decode().strip()
