"""What is kept of git repositories, by whom it may be used, and what many or killed processes leave."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ropeway.errors import NotFound, Refused, StoreError
from ropeway.registry import Wanted
from ropeway.registry.resolvers.git import GitResolver
from ropeway.registry.resolvers.path import PathResolver
from support.git_sources import WORKFLOW, commit, commits, git, make, tag

FETCH = """
import os, sys
from pathlib import Path
from ropeway.lang.reference import parse_reference
from ropeway.registry import Wanted
from ropeway.registry.resolvers.git import GitResolver
from ropeway.registry.cache.store import Store
from ropeway.registry.http.transport import Net
base, cache, text = sys.argv[1:]
reference = parse_reference(text)
source = GitResolver(f"{base}/{reference.owner}/{reference.repo}", adhoc=(reference.owner, reference.repo), store=Store(Path(cache)), environ=os.environ, net=Net())
found = source.fetch(pin := source.pin(Wanted(text, reference.name, reference.ref)), source.evidence(pin))
print(pin.digest, found.tree, found.path.read_text().splitlines()[-1])
"""


def start(server, cache: Path, reference: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", FETCH, server.url, str(cache), reference]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_an_ad_hoc_workflow_is_linked_by_owner_repository_name_and_full_commit(sources, fetched, store):
    found = fetched("build@acme/flows#v1.2.0")
    full = commits(sources / "acme/flows", ["v1.2.0"])["v1.2.0"]
    link = store.cache / "registries/_adhoc/acme/flows/build" / full
    assert link.is_symlink()
    assert link.resolve() == found.root.resolve()
    assert found.root == store.cache / "store/trees/sha256" / found.tree.removeprefix("sha256:")


def test_branch_tag_and_commit_of_the_same_content_share_one_entry(sources, fetched, store, server):
    full = commits(sources / "acme/flows", ["main"])["main"]
    trees = {fetched(f"build@acme/flows{ref}").tree for ref in ("", "#main", f"#{full}", f"#{full[:8]}", "#release/2024")}
    assert len(trees) == 2  # release/2024 is an older one
    assert sorted(path.name for path in (store.cache / "registries/_adhoc/acme/flows/build").iterdir()) == sorted(
        commits(sources / "acme/flows", ["main", "release/2024"]).values()
    )


def test_a_configured_registry_and_an_ad_hoc_reference_are_isolated_from_each_other(sources, around, server, tools, store):
    adhoc = tools.resolver(around, server.url)
    named = tools.resolver(around, server.url, registry="acme", adhoc=None)
    wanted = tools.wanted("build@acme/flows#v1.2.0")
    by_hand = [source.fetch(pin := source.pin(wanted), source.evidence(pin)) for source in (adhoc, named, adhoc)]
    assert [found.pin.registry for found in by_hand] == [None, "acme", None]
    assert {found.root for found in by_hand} == {by_hand[0].root}
    tops = {path.relative_to(store.cache / "registries").parts[0] for path in (store.cache / "registries").rglob("*") if path.is_symlink()}
    assert tops == {"_adhoc", "acme"}
    assert (store.cache / "registries/acme/build/v1.2.0").resolve() == by_hand[0].root.resolve()


def test_registries_of_one_name_and_different_content_do_not_mix(tmp_path, around, store, tools):
    for owner in ("one", "two"):
        (tmp_path / owner).mkdir()
        make(tmp_path / owner / "r", commit("main", {"build.toml": owner}))
    found = {}
    for owner in ("one", "two"):
        source = tools.resolver(around, f"file://{tmp_path}", owner, "r")
        found[owner] = source.fetch(pin := source.pin(tools.wanted(f"build@{owner}/r")), source.evidence(pin))
    assert {owner: each.path.read_text() for owner, each in found.items()} == {"one": "one", "two": "two"}
    assert sorted(path.name for path in (store.cache / "registries/_adhoc").iterdir()) == ["one", "two"]


def test_a_path_registry_and_an_ad_hoc_reference_live_side_by_side(tmp_path, around, fetched, store):
    folder = tmp_path / "team"
    folder.mkdir()
    (folder / "index.yaml").write_text("workflows: {build: {path: build.toml}}")
    (folder / "build.toml").write_text("the team's")
    source = PathResolver(folder, registry="team", store=store)
    own = source.fetch(pin := source.pin(Wanted("build@team", "build")), source.evidence(pin))
    theirs = fetched("build@acme/flows#v1.0.0")
    assert own.path.read_text() == "the team's"
    assert "# 1.0.0" in theirs.path.read_text()


def test_a_branch_is_asked_for_each_time_and_its_content_fetched_once(tmp_path, around, tools, server, sources):
    source = tools.resolver(around, server.url)

    def fetch() -> tuple[str, int]:
        before = len(server.requests)
        pin = source.pin(tools.wanted("build@acme/moving"))
        found = source.fetch(pin, source.evidence(pin))
        return found.path.read_text(), len(server.requests) - before

    source = tools.resolver(around, server.url, repo="moving")
    path = make(sources / "acme/moving", commit("main", {"build.toml": "first"}))
    first, many = fetch()
    again, few = fetch()
    git(path, "fast-import", "--quiet", "--force", given=commit("main", {"build.toml": "second"}, at=5))
    second, _ = fetch()
    assert (first, again, second) == ("first", "first", "second")
    assert 0 < few < many


def test_a_damaged_tree_is_fetched_again(fetched):
    first = fetched("build@acme/flows#v1.0.0")
    first.path.chmod(0o600)
    first.path.write_text("something else")
    again = fetched("build@acme/flows#v1.0.0")
    assert again.tree == first.tree
    assert "# 1.0.0" in again.path.read_text()


def test_ten_processes_at_once_get_the_same_and_different_commits(sources, server, tmp_path):
    references = [
        "build@acme/flows#v1.0.0",
        "build@acme/flows#v1.0.0",
        "build@acme/flows#main",
        "lint@acme/flows",
        "test@acme/flows#^1",
    ] * 2
    running = [start(server, tmp_path / "cache/ropeway", each) for each in references]
    said = [each.communicate(timeout=60) for each in running]
    assert [error for _, error in said] == [""] * 10
    assert said[:5] == said[5:]
    assert len({output for output, _ in said}) == 4
    assert list((tmp_path / "cache/ropeway/git").iterdir()) == []
    assert list((tmp_path / "cache/ropeway/store/staging").iterdir()) == []


def test_a_killed_process_leaves_nothing_that_breaks_the_next(server, tmp_path, around, tools):
    cache = tmp_path / "cache/ropeway"
    server.stalls = True
    first = start(server, cache, "build@acme/flows#v1.0.0")
    until = time.monotonic() + 20
    while not server.requests and time.monotonic() < until:
        time.sleep(0.01)  # nothing tells when another process has come so far
    first.send_signal(signal.SIGKILL)
    first.communicate()
    assert list((cache / "git").iterdir())
    server.stalls = False
    server.stalled.set()
    output, error = start(server, cache, "build@acme/flows#v1.0.0").communicate(timeout=30)
    assert (error, output.split()[-1]) == ("", "1.0.0")
    assert list((cache / "git").iterdir()) == []


def test_interrupted_by_a_person_git_ends_too(server, tmp_path):
    server.stalls = True
    running = start(server, tmp_path / "cache/ropeway", "build@acme/flows")
    until = time.monotonic() + 20
    while not server.requests and time.monotonic() < until:
        time.sleep(0.01)  # as above
    running.send_signal(signal.SIGINT)
    _, error = running.communicate(timeout=10)
    assert "KeyboardInterrupt" in error
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert server.url not in listed
    assert list((tmp_path / "cache/ropeway/git").iterdir()) == []


def test_a_repository_with_five_thousand_tags(tmp_path, around, tools):
    (tmp_path / "o").mkdir()
    stream = commit("main", {"w.toml": WORKFLOW.format("w")}) + b"".join(tag(f"v{n // 100}.{n % 100}.0", "main") for n in range(5000))
    path = make(tmp_path / "o/r", stream)
    git(path, "pack-refs", "--all")
    source = tools.resolver(around, f"file://{tmp_path}", "o", "r")
    pin = source.pin(tools.wanted("w@o/r#^7.3"))
    assert pin.version == "v7.99.0"
    assert len(source.releases(tools.wanted("w@o/r"))) == 5000
    with pytest.raises(NotFound) as caught:
        source.pin(tools.wanted("w@o/r#v7.100.0"))
    assert "and 4992 more" in caught.value.hint


def test_a_cache_that_can_not_be_written_is_said(around, tools, sources, tmp_path):
    (tmp_path / "file").write_text("")
    store = type(around.store)(tmp_path / "file/ropeway")
    with pytest.raises(StoreError) as caught:
        tools.resolver(around, f"file://{sources}", store=store).pin(tools.wanted("build@acme/flows"))
    assert str(tmp_path / "file") in caught.value.message


def test_a_cache_that_others_may_write_to_is_not_used(around, tools, sources):
    around.store.cache.mkdir(parents=True)
    around.store.cache.chmod(0o777)
    with pytest.raises(Refused) as caught:
        tools.resolver(around, f"file://{sources}").pin(tools.wanted("build@acme/flows"))
    assert caught.value.code == "cache-not-private"


def test_a_full_disk_is_said(around, tools, sources, home, tmp_path):
    real = subprocess.run(["sh", "-c", "command -v git"], capture_output=True, text=True, check=True).stdout.strip()
    wrapper = Path(home["HOME"], "bin/git")  # a limit on the size of files is as near as one comes without a file system of one's own
    wrapper.write_text(
        f'#!/bin/sh\ncase "$*" in *" fetch "*) echo "fatal: write error: No space left on device" >&2; exit 128;; esac\nexec {real} "$@"\n'
    )
    wrapper.chmod(0o755)
    source = tools.resolver(around, f"file://{sources}")
    pin = source.pin(tools.wanted("build@acme/flows"))
    with pytest.raises(StoreError) as caught:
        source.fetch(pin, source.evidence(pin))
    assert caught.value.code == "disk-full"
    assert "XDG_CACHE_HOME" in caught.value.hint


def test_a_folder_of_this_machine_may_be_a_git_registry(sources, around):
    source = GitResolver(str(sources / "acme/flows"), registry="local", store=around.store, environ=around.environ, net=around.net)
    assert source.source == f"git+file://{sources}/acme/flows"
    pin = source.pin(Wanted("build@local", "build"))
    assert source.fetch(pin, source.evidence(pin)).pin.registry == "local"
