"""What references to git repositories mean, over ``git http-backend``."""

from __future__ import annotations

import os
import shutil

import pytest

from ropeway.errors import NotFound, RopewayError, UsageError
from ropeway.registry import Wanted
from support.git_sources import ASSET, ATTRIBUTES, commits, git


@pytest.mark.parametrize(
    ("ref", "name", "version", "moving"),
    [
        ("", "main", "main", True),
        ("#main", "main", "main", True),
        ("#feature/x", "feature/x", "feature/x", True),
        ("#heads/same", "refs/heads/same", "same", True),
        ("#refs/heads/same", "refs/heads/same", "same", True),
        ("#same", "refs/tags/same", "same", False),
        ("#tags/same", "refs/tags/same", "same", False),
        ("#v1.0.0", "v1.0.0", "v1.0.0", False),
        ("#v1.2.0", "v1.2.0", "v1.2.0", False),
        ("#1.2.0", "v1.2.0", "v1.2.0", False),
        ("#release/2024", "release/2024", "release/2024", False),
        ("#^1.0", "v1.10.0", "v1.10.0", True),
        ("#~1.2", "v1.2.0", "v1.2.0", True),
        ("#>=1,<2", "v1.10.0", "v1.10.0", True),
        ("#>=2.0.0-rc.0", "v2.0.0", "v2.0.0", True),
    ],
)
def test_a_ref_is_a_tag_before_a_branch_and_a_version_is_found_behind_a_v(sources, pinned, ref, name, version, moving):
    reference = f"lint@acme/flows{ref}"
    pin = pinned(reference)
    assert pin.digest == f"git:{commits(sources / 'acme/flows', [name])[name]}"
    assert (pin.version, pin.moving, pin.registry) == (version, moving, None)


def test_a_workflow_with_tags_of_its_own_has_their_versions(sources, pinned):
    assert pinned("build@acme/flows#9.0.0").version == "build-v9.0.0"
    assert pinned("build@acme/flows#>=1").version == "build-v9.0.0"
    assert pinned("build@acme/flows#1.2.0").version == "v1.2.0"


def test_an_abbreviated_commit_is_found_in_the_history(sources, pinned, server):
    full = commits(sources / "acme/flows", ["v1.0.0"])["v1.0.0"]
    pin = pinned(f"lint@acme/flows#{full[:9]}")
    assert (pin.digest, pin.version, pin.moving) == (f"git:{full}", None, False)
    server.protocol = False
    assert pinned(f"lint@acme/flows#{full[:7]}").digest == f"git:{full}"


def test_an_ambiguous_abbreviation_lists_the_commits(tmp_path, around, tools):
    from support.git_sources import commit, make

    (tmp_path / "o").mkdir()
    path = make(tmp_path / "o/r", b"".join(commit("main", {"a.toml": str(n)}, at=n) for n in range(800)))
    every = git(path, "rev-list", "main").split()
    prefix = next(each[:4] for each in every if sum(other.startswith(each[:4]) for other in every) > 1)
    with pytest.raises(UsageError) as caught:
        tools.resolver(around, f"file://{tmp_path}", "o", "r").pin(tools.wanted(f"a@o/r#{prefix}"))
    assert caught.value.code == "ref-ambiguous"
    assert all(each in caught.value.hint for each in every if each.startswith(prefix))


def test_a_full_commit_asks_nobody_until_it_is_fetched_and_never_again(sources, fetched, pinned, server):
    full = commits(sources / "acme/flows", ["v1.0.0"])["v1.0.0"]
    assert pinned(f"build@acme/flows#{full}").digest == f"git:{full}"
    assert server.requests == []
    first = fetched(f"build@acme/flows#{full}")
    assert "# 1.0.0" in first.path.read_text()
    asked = len(server.requests)
    assert asked > 0
    server.shutdown()
    assert fetched(f"build@acme/flows#{full}") == first
    assert len(server.requests) == asked


@pytest.mark.parametrize("name", ["v1.0.0", "feature/x", "main~1"])
def test_a_commit_comes_from_a_server_that_gives_none_by_its_name(sources, fetched, server, name):
    server.protocol = False  # version 0 gives what a branch or a tag names, and nothing else
    full = commits(sources / "acme/flows", [name])[name]
    assert fetched(f"build@acme/flows#{full}").path.read_text().startswith('id = "build"')


def test_a_commit_that_is_nowhere_is_not_found(fetched):
    with pytest.raises(NotFound, match=r"has no commit 1111111111111111111111111111111111111111$") as caught:
        fetched(f"build@acme/flows#{'1' * 40}")
    assert caught.value.code == "ref-not-found"


def test_a_tags_own_object_is_no_commit(sources, fetched):
    own = git(sources / "acme/flows", "rev-parse", "v1.2.0")
    with pytest.raises(UsageError, match="a tag's own object") as caught:
        fetched(f"build@acme/flows#{own}")
    assert commits(sources / "acme/flows", ["v1.2.0"])["v1.2.0"] in caught.value.hint


@pytest.mark.parametrize(
    ("reference", "message", "hint"),
    [
        ("lint@acme/flows#v1.2.1", "no tag, branch or commit v1.2.1", "did you mean 'v1.2.0'?"),
        ("lint@acme/flows#1.2.3", "no version 1.2.3", "v2.0.0-rc.1, v2.0.0, v1.10.0"),
        ("lint@acme/flows#^7", "no version that fits ^7", "it has 2.0.0, 2.0.0-rc.1, 1.10.0, 1.2.0, 1.0.0"),
        ("lint@acme/flows#dead", "no tag, branch or commit dead", "the branches same, main, feature/x"),
        ("lint@acme/empty", "is empty", "nothing was pushed"),
        ("lint@acme/flows#sha256:" + "0" * 64, "digests name nothing", "name a commit"),
    ],
)
def test_a_ref_that_is_not_there_is_said_with_what_is(pinned, reference, message, hint):
    with pytest.raises(RopewayError) as caught:
        pinned(reference)
    assert message in caught.value.message
    assert hint in caught.value.hint


# -- what is found, and what comes along ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "file", "some"),
    [
        ("build", "build.toml", "data/asset.bin"),
        ("deploy", "deploy.yaml", "data/go.sh"),
        ("lint", "lint.yml", "workflows/data/asset.bin"),
        ("test", "workflow.toml", "fixture.txt"),
        ("acme/build", "build.toml", "data/asset.bin"),
    ],
)
def test_a_workflow_is_found_in_each_place_and_its_folder_comes_along(fetched, name, file, some):
    found = fetched(f"{name}@acme/flows#v1.0.0")
    assert found.file == file
    assert (found.root / some).is_file()
    assert not (found.root / ".git").exists()


def test_bytes_come_as_they_were_committed_whatever_the_attributes_say(fetched):
    found = fetched("lint@acme/flows#v1.0.0")
    assert (found.root / "workflows/data/asset.bin").read_bytes() == ASSET
    assert (found.root / ".gitattributes").read_bytes() == ATTRIBUTES
    assert os.access(found.root / "workflows/data/go.sh", os.X_OK)
    assert not (found.root / "lint.yml").stat().st_mode & 0o111


def test_an_index_decides_and_what_it_leaves_out_is_looked_for(fetched):
    found = fetched("ship@acme/indexed")
    assert (found.file, sorted(path.name for path in found.root.iterdir())) == ("ship.yaml", ["a", "ship.yaml"])
    assert fetched("own@acme/indexed").file == "own.toml"


@pytest.mark.parametrize(
    ("reference", "message", "hint"),
    [
        ("biuld@acme/flows", "at [0-9a-f]{12} has no workflow 'biuld'$", "did you mean 'build'? it has build, deploy, lint, test"),
        ("other/build@acme/flows", "has no workflow 'other/build'$", "it has build, deploy, lint, test"),
        ("lost@acme/indexed", r"/acme/indexed: index.yaml:3:16: gone.toml is not there$", "correct the index"),
        ("up@acme/indexed", r"/acme/indexed: index.yaml:4:14: the path of 'up' leads upwards: '../up.toml'$", "in the index's folder"),
    ],
)
def test_a_workflow_that_is_not_there_is_said_with_those_that_are(fetched, reference, message, hint):
    with pytest.raises(RopewayError, match=message) as caught:
        fetched(reference)
    assert hint in caught.value.hint


def test_a_repository_of_sha256_objects_is_fetched_by_its_full_commit(sources, fetched, pinned):
    full = git(sources / "acme/sha256", "rev-parse", "main")
    assert len(full) == 64
    assert pinned("one@acme/sha256").digest == f"git:{full}"
    assert fetched(f"one@acme/sha256#{full}").file == "one.toml"
    assert pinned(f"one@acme/sha256#{full[:10]}").digest == f"git:{full}"


def test_a_repository_of_sha256_objects_can_be_searched(around, server, tools):
    assert [each.name for each in tools.resolver(around, server.url, repo="sha256").search("")] == ["one"]


def test_a_server_that_only_hands_out_files_will_do(sources, fetched, server):
    git(sources / "acme/flows", "update-server-info")
    server.dumb = True
    assert fetched("build@acme/flows#v1.2.0").file == "build.toml"


@pytest.mark.parametrize("protocol", [True, False])
def test_a_server_that_can_leave_nothing_out_will_do(sources, around, server, tools, protocol):
    plain = sources / f"acme/plain-{protocol}"
    shutil.copytree(sources / "acme/flows", plain)
    git(plain, "config", "uploadpack.allowFilter", "false")
    server.protocol = protocol
    old = commits(plain, ["v1.0.0~0"])["v1.0.0~0"]
    source = tools.resolver(around, server.url, repo=plain.name)
    for ref in ("", "#^1.0", f"#{old}", f"#{old[:8]}"):
        pin = source.pin(tools.wanted(f"deploy@acme/flows{ref}"))
        assert source.fetch(pin, source.evidence(pin)).file == "deploy.yaml"


def test_versions_are_listed_newest_first_with_their_commits(sources, around, server, tools):
    found = tools.resolver(around, server.url).releases(Wanted("lint", "lint"))
    assert [each.version for each in found] == ["v2.0.0", "v2.0.0-rc.1", "v1.10.0", "v1.2.0", "v1.0.0"]
    assert found[3].digest == f"git:{commits(sources / 'acme/flows', ['v1.2.0'])['v1.2.0']}"


def test_searching_shows_the_index_and_what_stands_beside_it(around, server, tools):
    found = list(tools.resolver(around, server.url, repo="indexed", registry="team").search(""))
    assert [(each.name, each.registry, each.description) for each in found] == [
        ("lost", "team", None),
        ("own", "team", None),
        ("ship", "team", "Ships it"),
        ("up", "team", None),
    ]
    assert [each.name for each in tools.resolver(around, server.url, repo="indexed").search("SHIPS ship")] == ["ship"]


def test_of_a_large_repository_only_the_folder_is_transferred(tmp_path, around, tools):
    from support.git_http import serving
    from support.git_sources import commit, make

    (tmp_path / "o").mkdir()
    noise = {f"other/{n}.bin": os.urandom(400_000) for n in range(10)}
    make(tmp_path / "o/r", commit("main", {"mine/workflow.toml": "id = 'mine'", "mine/a": "a", **noise}))
    counted = _Counted()
    with serving(tmp_path) as server:
        made = tools.resolver(around, server.url, "o", "r", progress=counted)
        pin = made.pin(tools.wanted("mine@o/r"))
        assert sorted(path.name for path in made.fetch(pin, made.evidence(pin)).root.iterdir()) == ["a", "workflow.toml"]
    assert counted.bytes < 100_000
    assert counted.open == 0
    assert counted.said[0].startswith("fetching ")


class _Counted:
    def __init__(self) -> None:
        self.bytes = self.open = 0
        self.said: list[str] = []

    def begin(self, what: str, total: int | None) -> None:
        self.said.append(what)
        self.open += 1

    def advance(self, done: int) -> None:
        self.bytes += done

    def end(self) -> None:
        self.open -= 1
