"""Publishing to real registries and to the fake: what is there afterwards, in which order, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ropeway.app import reading
from ropeway.app.fetching import fetch
from ropeway.app.library import link_all
from ropeway.app.packages import show_reference
from ropeway.app.publishing import Options, publish
from ropeway.app.sources import Sources
from ropeway.bundles.problems import InvalidBundle
from ropeway.errors import InvalidWorkflow, NotFound, Refused, Unreachable, UsageError
from ropeway.lang.reference import parse_reference
from ropeway.registry.oci.client import Client
from ropeway.registry.oci.signatures import signatures_of
from ropeway.testing.registries import FakeRegistry
from support.publishers import Publisher
from support.registries import unique


@pytest.fixture
def ada(tmp_path: Path) -> Publisher:
    return Publisher.at(tmp_path / "ada")


@pytest.fixture
def own() -> Iterator[FakeRegistry]:
    """A fake of this test alone."""
    with FakeRegistry() as made:
        yield made


def somebody(tmp_path: Path) -> Sources:
    home = str(tmp_path / "somebody")
    return Sources(environ={"HOME": home, "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"})


def test_what_is_published_is_fetched_byte_for_byte_and_known_by_its_signer(registry: str, ada: Publisher, tmp_path: Path) -> None:
    place = f"{registry}/{unique()}"
    done = ada.publish(place, tags=("latest",))
    sources = somebody(tmp_path)
    for text in (f"oci://{place}/workflows/build:1.0.0", f"oci://{place}/workflows/build", f"oci://{place}/workflows/build@{done.digest}"):
        fetched = sources.bring(parse_reference(text), by="typed", project=tmp_path)
        assert fetched.pin.digest == done.digest
        assert {path.relative_to(fetched.root).as_posix() for path in fetched.root.rglob("*") if path.is_file()} == {
            "workflow.toml",
            "README.md",
            "lib/word.txt",
        }
        assert fetched.path.read_bytes() == (ada.folder / "workflow.toml").read_bytes()
        assert sources.judge.signers(fetched) == (done.signer,)


def test_publishing_the_same_again_changes_nothing(registry: str, ada: Publisher) -> None:
    place = f"{registry}/{unique()}"
    first, again = ada.publish(place), ada.publish(place)
    assert (first.new, first.signed, again.new, again.signed) == (True, True, False, False)
    assert first.digest == again.digest


def test_a_version_never_changes(registry: str, ada: Publisher) -> None:
    place = f"{registry}/{unique()}"
    first = ada.publish(place)
    ada.write("lib/word.txt", "two")
    with pytest.raises(Refused) as caught:
        ada.publish(place)
    assert caught.value.code == "version-exists"
    assert first.digest in caught.value.message
    assert caught.value.message.count("sha256:") == 2
    with pytest.raises(Refused, match=r"has 1\.0\.0 already"):
        ada.publish(place, "1.0.0+other.build")


def test_a_version_that_was_published_unsigned_gets_its_signature_later(registry: str, ada: Publisher) -> None:
    place = f"{registry}/{unique()}"
    assert not ada.publish(place, sign=False).signed
    signed = ada.publish(place)
    assert (signed.new, signed.signed) == (False, True)


def test_a_claim_names_the_highest_lower_version(own: FakeRegistry, ada: Publisher) -> None:
    import base64
    import json

    digests = {version: ada.publish(own.host, version).digest for version in ("1.0.0", "2.0.0", "1.5.0")}
    with Client(own.host) as client:
        previous = {}
        for version, digest in digests.items():
            (raw,) = signatures_of(client, "workflows/build", digest)
            payload = json.loads(base64.b64decode(json.loads(raw)["dsseEnvelope"]["payload"]))
            previous[version] = payload["predicate"]["previous"]
    assert previous == {"1.0.0": None, "2.0.0": digests["1.0.0"], "1.5.0": digests["1.0.0"]}


def test_nobody_sees_a_version_before_its_signature_is_there(own: FakeRegistry, ada: Publisher) -> None:
    ada.publish(own.host, tags=("latest",))
    put = [seen.target for seen in own.seen if seen.method == "PUT" and "/manifests/" in seen.target]
    assert [target.rpartition("/")[2][:7] for target in put] == ["sha256:", "sha256:", "1.0.0", "latest"]


def test_a_publication_that_is_cut_off_leaves_nothing_to_be_seen(own: FakeRegistry, ada: Publisher) -> None:
    own.trick(on="PUT /v2/workflows/build/manifests/1.0.0", status=403)
    with pytest.raises(Refused):
        ada.publish(own.host)
    assert own.content.repository("workflows/build").tags == {}


def test_of_two_who_publish_a_version_at_once_the_later_one_is_told(own: FakeRegistry, ada: Publisher) -> None:
    other = own.push("workflows/build", {"workflow.toml": b"other"})

    def meanwhile(body: bytes) -> bytes:
        own.move("workflows/build", "1.0.0", other.digest)
        return body

    own.trick(on="PUT /v2/workflows/build/manifests/sha256:", body=meanwhile, times=1)
    with pytest.raises(Refused, match=r"has 1\.0\.0 already"):
        ada.publish(own.host)
    assert own.content.repository("workflows/build").tags == {"1.0.0": other.digest}


def test_without_a_key_nothing_is_published_unless_that_is_meant(own: FakeRegistry, tmp_path: Path) -> None:
    nobody = Publisher.at(tmp_path / "nobody", key=None)
    with pytest.raises(NotFound) as caught:
        nobody.publish(own.host)
    assert caught.value.hint == "make one: workflow keys generate; or publish without a signature: --unsigned"
    assert own.content.repositories == {}
    done = nobody.publish(own.host, sign=False)
    assert done.signer is None
    assert "it is not signed: who fetches it can not know whom it is from" in done.notes


def test_a_dry_run_asks_nobody_and_shows_the_same_digest(own: FakeRegistry, ada: Publisher) -> None:
    would = ada.publish(own.host, dry_run=True)
    assert own.seen == []
    assert would.digest == ada.publish(own.host).digest
    assert [file.path for file in would.files] == ["README.md", "lib/word.txt", "workflow.toml"]


def test_an_invalid_workflow_is_not_published_and_all_its_mistakes_are_told(own: FakeRegistry, ada: Publisher) -> None:
    ada.write("workflow.toml", 'id = "build"\nversion = "1.0.0"\n[steps.a]\nrun = "x"\nneeds = ["b"]\n[steps.c]\nuses = "nothing"\n')
    with pytest.raises(InvalidWorkflow) as caught:
        ada.publish(own.host)
    assert len(caught.value.diagnostics) >= 2
    assert own.seen == []


def test_a_file_without_a_version_has_the_one_that_it_was_published_as(own: FakeRegistry, ada: Publisher, tmp_path: Path) -> None:
    ada.write("workflow.toml", 'id = "build"\n[steps.a]\nrun = "echo a"\n')
    done = ada.publish(own.host, "2.0.0")
    sources = somebody(tmp_path)
    loaded = reading.read(done.reference, cwd=tmp_path, sources=lambda: sources)
    assert link_all(loaded, {}).template.version == "2.0.0"
    assert show_reference(done.reference, sources=sources).metadata.version == "2.0.0"


def test_in_a_folder_without_a_definition_nothing_deep_inside_is_complained_about(
    own: FakeRegistry, ada: Publisher, tmp_path: Path
) -> None:
    (tmp_path / "wrong/deep/inside").mkdir(parents=True)
    (tmp_path / "wrong/deep/link").symlink_to(tmp_path / "wrong/deep/inside")
    with pytest.raises(InvalidBundle) as caught:
        ada.publish(own.host, source=tmp_path / "wrong")
    assert caught.value.code == "definition-missing"


def test_who_fetches_is_told_when_a_link_could_not_be_made(own: FakeRegistry, ada: Publisher, tmp_path: Path) -> None:
    done = ada.publish(own.host, tags=("latest",))
    sources = somebody(tmp_path)
    first = fetch(done.reference.replace(":1.0.0", ":latest"), sources=sources, cwd=tmp_path)
    assert (first.version, first.path.name, first.notes) == ("1.0.0", "1.0.0", ())
    for path in sorted(sources.store.cache.parent.joinpath("workflows").rglob("*"), reverse=True):
        path.unlink() if path.is_symlink() else path.rmdir()
    sources.store.cache.parent.joinpath("workflows").rmdir()
    sources.store.cache.parent.joinpath("workflows").write_text("in the way")
    again = fetch(done.reference, sources=somebody(tmp_path), cwd=tmp_path)
    assert again.notes == (f"{sources.store.cache.parent}/workflows/build/1.0.0 can not be made: something else is in the way",)


@pytest.mark.parametrize("to_folder", [False, True])
def test_what_is_signed_and_what_the_file_says_is_one_version(own: FakeRegistry, ada: Publisher, tmp_path: Path, to_folder: bool) -> None:
    configured(ada, f'[registries.shelf]\ntype = "path"\nsource = "{tmp_path}"\n')
    how = Options(version="4.0.0")
    with pytest.raises(UsageError, match=r"source/workflow\.toml:\d: it says that it is 1\.0\.0, not 4\.0\.0") as caught:
        publish(ada.folder, "shelf" if to_folder else own.host, how, environ=ada.environ, cwd=ada.home)
    assert caught.value.code == "version-differs"
    assert own.seen == []


@pytest.mark.parametrize(
    ("version", "given", "message"),
    [
        ('version = "1.0.0"', "1.x", "'1.x' is no semantic version"),
        ('version = "1.0.0"', "v1.0.0", "'v1.0.0' is no semantic version"),
        ("", None, "source/workflow.toml:1: it has no version, and what is published needs one"),
    ],
)
def test_what_is_published_has_a_semantic_version(own: FakeRegistry, ada: Publisher, version: str, given: str | None, message: str) -> None:
    ada.write("workflow.toml", f'id = "build"\n{version}\n[steps.a]\nrun = "x"\n')
    with pytest.raises(InvalidBundle) as caught:
        ada.publish(own.host, given)
    assert caught.value.message == message
    assert own.seen == []


@pytest.mark.parametrize(
    ("uses", "message"),
    [
        ("workflow:../part.toml", "../part.toml leads out of what is published"),
        ("workflow:/etc/part.toml", None),
        ("workflow:build@", "build@ means the default registry, which is another one on every machine"),
        ("workflow:./lib/left.toml", "./lib/left.toml does not travel along"),
    ],
)
def test_what_others_do_not_have_can_not_be_used(own: FakeRegistry, ada: Publisher, uses: str, message: str | None) -> None:
    part = 'id = "part"\n[steps.one]\nrun = "echo part"\n'
    (ada.home / "part.toml").write_text(part)
    ada.write("lib/left.toml", part)
    ada.write(".ropewayignore", "left.toml\n")
    ada.write("workflow.toml", f'id = "build"\nversion = "1.0.0"\n[steps.a]\nuses = "{uses}"\n')
    with pytest.raises((Refused, InvalidWorkflow)) as caught:
        ada.publish(own.host)
    assert message is None or caught.value.message == f"source/workflow.toml:4: {message}"
    assert own.seen == []


def test_a_registry_of_ones_own_in_a_reference_is_worth_a_warning(own: FakeRegistry, ada: Publisher) -> None:
    ada.write("workflow.toml", 'id = "build"\nversion = "1.0.0"\n[steps.a]\nuses = "workflow:other@team#1.0.0"\n')
    notes = ada.publish(own.host).notes
    assert any("other@team#1.0.0 is in a registry that you call team" in note for note in notes)


def test_what_looks_like_a_secret_is_worth_a_warning(own: FakeRegistry, ada: Publisher) -> None:
    ada.write("lib/key.txt", "one\n-----BEGIN OPENSSH " + "PRIVATE KEY-----\n")
    assert any(note.startswith("lib/key.txt:2 holds what looks like a private key") for note in ada.publish(own.host).notes)


def test_a_single_file_takes_its_readme_along_and_nothing_else(own: FakeRegistry, ada: Publisher) -> None:
    done = ada.publish(own.host, source=ada.folder / "workflow.toml")
    assert [file.path for file in done.files] == ["README.md", "workflow.toml"]


def test_a_further_tag_that_moves_is_worth_a_warning_unless_it_is_latest(own: FakeRegistry, ada: Publisher) -> None:
    ada.publish(own.host, tags=("latest", "v1"))
    assert [note for note in ada.publish(own.host, tags=("latest", "v1")).notes if "before" in note] == []
    notes = [note for note in ada.publish(own.host, "1.1.0", tags=("latest", "v1")).notes if "before" in note]
    assert notes == ["v1 named other content before: who has used it under that tag is refused from now on"]


def test_a_further_tag_can_not_be_a_version(own: FakeRegistry, ada: Publisher) -> None:
    for tag in ("2.0.0", "v1.0.1", "a/b", "sha256:" + "0" * 64):
        with pytest.raises((UsageError, InvalidBundle)):
            ada.publish(own.host, tags=(tag,))
    assert own.content.repositories.get("workflows/build") is None


@pytest.mark.parametrize(
    ("status", "error", "code"), [(401, Refused, "unauthorized"), (403, Refused, "forbidden"), (500, Unreachable, "registry-error")]
)
def test_a_registry_that_says_no_is_told_with_what_to_do(
    own: FakeRegistry, ada: Publisher, status: int, error: type[Exception], code: str
) -> None:
    own.trick(status=status)
    with pytest.raises(error) as caught:
        ada.publish(own.host)
    assert caught.value.code == code
    assert caught.value.hint


def test_where_nothing_listens_it_is_said_how_to_start_a_registry(ada: Publisher) -> None:
    with FakeRegistry() as gone:
        host = gone.host
    with pytest.raises(Unreachable) as caught:
        ada.publish(host)
    assert caught.value.message == f"no registry runs at {host}"


def test_a_folder_keeps_one_version_of_each_and_its_index_sorted(ada: Publisher, tmp_path: Path) -> None:
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    (shelf / "index.yaml").write_text("# ours\nowner: team\nworkflows:\n  zebra: {path: zebra.toml}\n")
    configured(ada, f'[registries.shelf]\ntype = "path"\nsource = "{shelf}"\n')
    first = ada.publish("shelf")
    assert (first.reference, first.new) == ("build@shelf", True)
    assert (shelf / "index.yaml").read_text() == (
        "# ours\nowner: team\nworkflows:\n  build:\n    path: workflows/build/workflow.toml\n"
        '    description: "Builds and tests"\n  zebra:\n    path: zebra.toml\n'
    )
    assert not ada.publish("shelf").new
    ada.write("lib/word.txt", "two")
    with pytest.raises(Refused) as caught:
        ada.publish("shelf")
    assert caught.value.code == "version-exists"
    ada.write("workflow.toml", (ada.folder / "workflow.toml").read_text().replace("1.0.0", "1.1.0"))
    assert "1.0.0 was there before: a folder keeps one version of each" in ada.publish("shelf").notes
    assert (shelf / "workflows/build/lib/word.txt").read_text() == "two"
    assert [path.name for path in (shelf / "workflows").iterdir()] == ["build"]


@pytest.mark.parametrize("name", ["../../escape", "/tmp/escape", "a/../b", "..", "a/b/c", "A", "a//b", "", "a\n", "a/.."])
@pytest.mark.parametrize("dry_run", [False, True])
def test_a_name_is_checked_before_it_becomes_a_path_or_an_address(ada: Publisher, tmp_path: Path, name: str, dry_run: bool) -> None:
    (tmp_path / "shelves/shelf").mkdir(parents=True)
    configured(ada, f'[registries.shelf]\ntype = "path"\nsource = "{tmp_path / "shelves/shelf"}"\n')
    for registry in ("shelf", "127.0.0.1:9"):
        with pytest.raises(UsageError) as caught:
            ada.publish(registry, name=name, dry_run=dry_run)
        assert caught.value.code == "name-invalid"
    assert [path.name for path in (tmp_path / "shelves").rglob("*")] == ["shelf"]


def test_what_is_asked_for_is_checked_before_a_key_or_a_registry_is(tmp_path: Path) -> None:
    nobody = Publisher.at(tmp_path / "nobody", key=None)
    for asked, code in (({"version": "1.0"}, "version-invalid"), ({"tags": ("a b",)}, "tag-name"), ({"tags": ("2.0.0",)}, "tag-name")):
        for dry_run in (False, True):
            with pytest.raises((UsageError, InvalidBundle)) as caught:
                nobody.publish("127.0.0.1:9", dry_run=dry_run, **asked)  # type: ignore[arg-type]
            assert caught.value.code == code


def test_a_folder_takes_nothing_in_the_place_of_what_its_index_does_not_name(ada: Publisher, tmp_path: Path) -> None:
    shelf = tmp_path / "shelf"
    (shelf / "workflows/build").mkdir(parents=True)
    (shelf / "workflows/build/mine.txt").write_text("mine")
    configured(ada, f'[registries.shelf]\ntype = "path"\nsource = "{shelf}"\n')
    with pytest.raises(Refused) as caught:
        ada.publish("shelf")
    assert caught.value.code == "output-exists"
    assert (shelf / "workflows/build/mine.txt").read_text() == "mine"


def test_a_git_registry_is_published_to_by_committing(ada: Publisher) -> None:
    configured(ada, '[registries.team]\ntype = "git"\nsource = "acme/flows"\n')
    with pytest.raises(UsageError, match="is published by committing") as caught:
        ada.publish("team")
    assert "git push" in (caught.value.hint or "")


def test_a_server_of_ours_takes_nothing_unsigned_under_an_owner(own: FakeRegistry, ada: Publisher) -> None:
    configured(ada, f'[registries.ours]\ntype = "ropeway"\nsource = "http://{own.host}"\n')
    with pytest.raises(Refused) as caught:
        ada.publish("ours", name="acme/build", sign=False)
    assert caught.value.code == "signature-missing"
    assert ada.publish("ours", name="acme/build").signed
    assert not ada.publish("ours", name="scratch", sign=False).signed


def test_without_a_registry_the_default_one_is_meant(own: FakeRegistry, ada: Publisher) -> None:
    with pytest.raises(NotFound, match="default"):
        ada.publish(None)
    configured(ada, f'default = "here"\n[registries.here]\ntype = "oci"\nsource = "oci://{own.host}/team"\n')
    assert ada.publish(None).reference == f"oci://{own.host}/team/workflows/build:1.0.0"


def configured(ada: Publisher, text: str) -> None:
    folder = ada.home / "config/ropeway"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "registries.toml").write_text(text)
