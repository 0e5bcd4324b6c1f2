"""What was published, by whoever fetches it: found, looked at, brought here; and every named attack refused by its own name."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from acceptance.harness import Project, Said
from ropeway.app.keys import open_keys
from ropeway.bundles.manifest import parse_manifest
from ropeway.testing.registries import FOREVER, FakeRegistry
from support.projects import until
from support.publishers import Publisher


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry() as made:
        yield made


@pytest.fixture
def ada(tmp_path: Path, registry: FakeRegistry, project: Project) -> Publisher:
    """A publisher; the project's person calls the registry ``team``, which is the default one."""
    project.config.mkdir(parents=True)
    (project.config / "registries.toml").write_text(
        f'default = "team"\n[registries.team]\ntype = "oci"\nsource = "oci://{registry.host}"\n'
    )
    return Publisher.at(tmp_path / "ada")


def told(project: Project, registry: FakeRegistry, *args: str, **options: Any) -> Said:
    """Run a command, and take the registry's port and key ids out of what it printed."""
    import re

    said = project.run(*args, **options)
    clean = [re.sub(r"\b[0-9a-f]{16}\b", "KEYID", text.replace(registry.host, "REGISTRY")) for text in (said.out, said.err)]
    return Said(re.sub(r"sha256:[0-9a-f]{12}\b", "sha256:SHORT", clean[0]), clean[1], said.status)


def test_a_workflow_is_published_found_looked_at_fetched_and_run(project: Project, registry: FakeRegistry, ada: Publisher) -> None:
    project.file("made/workflow.toml", (ada.folder / "workflow.toml").read_text())
    project.file("made/README.md", "# Build\n\nBuilds all things.\n")
    project.file("made/lib/word.txt", "one")
    project.run("keys", "generate", "me")
    assert told(project, registry, "publish", "made", "--tag", "latest") == Said(
        """
        oci://REGISTRY/workflows/build:1.0.0
          digest     sha256:DIGEST
          files      3 files, 218 B
          signed by  KEYID (me)
          tags       latest
        """,
        "Others run it by: workflow run oci://REGISTRY/workflows/build:1.0.0\n",
    )
    assert told(project, registry, "search", "builds") == Said(
        """
        NAME        VERSION  WHAT IT DOES
        build@team  1.0.0    Builds and tests [ci, make]
        """
    )
    assert told(project, registry, "info", "build@") == Said(
        """
        build 1.0.0
        Builds and tests

        reference  build@
        source     oci://REGISTRY/workflows/build
        digest     sha256:DIGEST
        size       2.7 KiB
        license    MIT
        tags       ci, make
        versions   1.0.0, latest
        signed     by KEYID (me)
        may touch  runs bash scripts with your rights
                   reaches any host, and every file that you can

        # Build

        Builds all things.
        """
    )
    # Nothing was agreed to by looking.
    assert told(project, registry, "fetch", "build@").err.startswith("build@ is new here:\n  from oci://REGISTRY/workflows/build\n")
    assert told(project, registry, "versions", "build@team") == Said(
        """
        VERSION  DIGEST               PUBLISHED
        1.0.0    sha256:SHORT             fetched
        latest   sha256:SHORT             fetched
        """
    )
    assert (project.root.parent / "cache/workflows/build/1.0.0/lib/word.txt").read_text() == "one"
    assert project.run("fetch", "build@#1.0.0", "--output", "copy").status == 0
    assert (project.root / "copy/lib/word.txt").read_text() == "one"
    registry.close()
    assert "hello from one" in project.run("run", "build@", "--offline").out


def test_a_dry_run_shows_what_would_be_published(project: Project, registry: FakeRegistry, ada: Publisher) -> None:
    project.file("workflow.toml", 'id = "build"\nversion = "1.0.0"\nlicense = "MIT"\n[steps.a]\nrun = "echo a"\n')
    assert told(project, registry, "publish", "--dry-run", "--unsigned", "--registry", "team") == Said(
        """
        oci://REGISTRY/workflows/build:1.0.0
          digest  sha256:DIGEST
          files:
            72 B  workflow.toml
          may touch:
            runs bash scripts with your rights
            reaches any host, and every file that you can
        """,
        """
        warning: there is no README.md: people who find it will not know what it is for
        warning: it is not signed: who fetches it can not know whom it is from
        Nothing was published.
        """,
    )
    assert registry.seen == []


def test_files_that_are_there_are_not_overwritten(project: Project, registry: FakeRegistry, ada: Publisher) -> None:
    ada.publish(registry.host)
    project.file("out/README.md", "mine")
    refused = project.run("fetch", "build@", "-o", "out")
    assert (refused.status, refused.err) == (
        4,
        "error: out exists and is not empty\nhint: name another folder with --output, or overwrite what is there with --force\n",
    )
    assert [path.name for path in (project.root / "out").iterdir()] == ["README.md"]
    assert project.run("fetch", "build@", "-o", "out", "--force").status == 0
    assert (project.root / "out/README.md").read_text() == "# Build\n\nBuilds all things.\n"


def test_a_registry_that_fails_does_not_hide_what_the_others_have(project: Project, registry: FakeRegistry, ada: Publisher) -> None:
    ada.publish(registry.host)
    with (project.config / "registries.toml").open("a") as file:
        file.write('[registries.gone]\ntype = "path"\nsource = "/nowhere/at/all"\n')
    said = project.run("search", "--json")
    assert [json.loads(line)["reference"] for line in said.out.splitlines()] == ["build@team"]
    assert said.err.startswith("warning: gone was not searched: the registry gone (/nowhere/at/all) is not there\n")
    assert project.run("search", "--registry", "gone").status == 3


@pytest.mark.parametrize("on", ["POST .*/blobs/uploads/", "PUT .*/manifests/sha256:", "PUT .*/manifests/1.0.0"])
def test_ctrl_c_leaves_nothing_that_others_could_see(project: Project, registry: FakeRegistry, ada: Publisher, on: str) -> None:
    trick = registry.trick(on=on, delay=FOREVER)
    process = project.start("publish", str(ada.folder), "--unsigned")
    until(lambda: trick.used > 0)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=10)
    assert process.returncode == 130
    assert registry.content.repository("workflows/build").tags == {}


def test_a_skill_of_a_team_is_published_found_and_fetched(project: Project, registry: FakeRegistry, ada: Publisher) -> None:
    ada.write("pdf/SKILL.md", "---\nname: pdf\ndescription: Reads PDF files\n---\nText\n")
    ada.publish(registry.host, "1.0.0", source=ada.folder / "pdf", name="acme/docs/pdf")
    assert told(project, registry, "search", "--kind", "skill", "pdf").out.splitlines()[1:] == [
        "acme/docs/pdf@team  1.0.0    Reads PDF files"
    ]
    done = json.loads(project.raw("fetch", "--kind", "skill", "acme/docs/pdf@team", "--json").stdout)
    assert (done["kind"], done["file"].rpartition("/")[2], done["version"]) == ("skill", "SKILL.md", "1.0.0")
    assert json.loads(project.raw("info", "--kind", "skill", "acme/docs/pdf@", "--json").stdout)["description"] == "Reads PDF files"
    assert json.loads(project.raw("versions", "--kind", "skill", "acme/docs/pdf@", "--json").stdout)["version"] == "1.0.0"


def test_what_a_project_calls_its_own_is_not_looked_for_elsewhere(project: Project, registry: FakeRegistry, ada: Publisher) -> None:
    ada.publish(registry.host)
    project.file("workflow.toml", 'id = "build"\n[steps.a]\nrun = "true"\n')
    said = project.run("fetch", "build")
    assert (said.status, said.err) == (
        2,
        "error: build is on this machine: HERE/workflow.toml\nhint: write build@ for the one in the default registry\n",
    )


def test_what_is_published_runs_locked_and_is_upgraded(project: Project, registry: FakeRegistry, ada: Publisher) -> None:
    ada.publish(registry.host)
    project.file("workflow.toml", 'id = "mine"\n[steps.a]\nuses = "workflow:build@team#^1"\n')
    assert project.run("lock").status == 0
    ada.write("lib/word.txt", "two")
    ada.publish(registry.host, "1.1.0")
    assert "hello from one" in project.run("run", "--locked").out
    assert "1.0.0 (" in project.run("upgrade", "--yes").out
    assert "hello from two" in project.run("run", "--locked").out


# -- attacks --------------------------------------------------------------------------------------------------------------------------------


class Victim:
    """Somebody who uses ``build@``, and what is left on their machine."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.cache = project.root.parent / "cache/ropeway"

    def fetch(self, reference: str = "build@#1.0.0") -> Any:
        """Fetch, which has to go well."""
        done = self.project.raw("fetch", reference, "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    def refused(self, code: str, reference: str = "build@#1.0.0") -> str:
        """Fetch, which has to be refused with this code and to leave nothing behind; return the message."""
        before = self.kept()
        done = self.project.raw("fetch", reference, "--json")
        error = json.loads(done.stdout)["error"]
        assert (error["code"], done.returncode) == (code, 4), error
        assert error["hint"]
        assert self.kept() == before
        return str(error["message"])

    def kept(self) -> set[str]:
        """Return everything in the store that is a file of something fetched."""
        return {
            str(path)
            for name in ("trees", "blobs", "pins", "staging")
            for path in (self.cache / "store" / name).rglob("*")
            if path.is_file()
        }


@pytest.fixture
def victim(project: Project, ada: Publisher) -> Victim:
    return Victim(project)


def test_an_altered_blob_is_refused(registry: FakeRegistry, ada: Publisher, victim: Victim) -> None:
    manifest = manifest_of(registry, ada.publish(registry.host).digest)
    for layer in manifest.layers:
        held = registry.content.repository("workflows/build").blobs
        before = held[layer.digest]
        registry.alter("workflows/build", layer.digest, before[:-1] + b"!")
        victim.refused("blob-altered")
        registry.alter("workflows/build", layer.digest, before)
    victim.fetch()


def test_an_altered_manifest_is_refused(registry: FakeRegistry, ada: Publisher, victim: Victim) -> None:
    done = ada.publish(registry.host)
    raw = manifest_of(registry, done.digest).raw
    registry.alter("workflows/build", done.digest, raw.replace(b"1.0.0", b"1.0.1"))
    victim.refused("manifest-altered", f"build@#{done.digest}")
    victim.refused("manifest-altered")


def test_a_moved_tag_is_refused(registry: FakeRegistry, ada: Publisher, victim: Victim) -> None:
    ada.publish(registry.host)
    victim.fetch()
    ada.write("lib/word.txt", "evil")
    other = ada.publish(registry.host, "2.0.0")
    registry.move("workflows/build", "1.0.0", other.digest)
    victim.refused("tag-moved", f"oci://{registry.host}/workflows/build:1.0.0")
    assert "has moved" in victim.refused("tag-moved")


def test_a_signature_for_another_version_is_refused(registry: FakeRegistry, ada: Publisher, victim: Victim) -> None:
    other = ada.publish(registry.host, "2.0.0")
    registry.move("workflows/build", "1.0.0", other.digest)
    assert "it is for version 2.0.0" in victim.refused("signature-invalid")


def test_a_signature_for_another_name_is_refused(registry: FakeRegistry, ada: Publisher, victim: Victim) -> None:
    done = ada.publish(registry.host, name="other")
    held = registry.content.repositories
    held["workflows/build"] = held["workflows/other"]
    registry.move("workflows/build", "1.0.0", done.digest)
    victim.refused("signature-invalid")


def test_a_stripped_signature_is_refused(registry: FakeRegistry, ada: Publisher, victim: Victim) -> None:
    ada.publish(registry.host)
    victim.fetch()
    registry.strip("workflows/build")  # noqa: B005 - not that of a text
    victim.refused("signature-stripped")
    ada.publish(registry.host, "1.1.0", sign=False)
    victim.refused("signature-stripped", "build@#1.1.0")


def test_a_wrong_signer_is_refused(registry: FakeRegistry, ada: Publisher, victim: Victim, tmp_path: Path) -> None:
    ada.publish(registry.host)
    victim.fetch()
    registry.strip("workflows/build")  # noqa: B005 - not that of a text
    mallory = Publisher.at(tmp_path / "mallory", key="mallory")
    mallory.publish(registry.host)
    victim.refused("signer-refused")
    mallory.publish(registry.host, "1.1.0")
    victim.refused("signer-refused", "build@#1.1.0")


def test_where_the_rules_ask_for_a_signature_there_has_to_be_one(registry: FakeRegistry, ada: Publisher, victim: Victim) -> None:
    ada.publish(registry.host, sign=False)
    (victim.project.config / "trust.toml").write_text('[[rule]]\nsource = "oci://*"\nrequire = "publisher"\n')
    victim.refused("signature-missing")


@pytest.mark.parametrize("state", ["revoked", "expired"])
def test_a_key_that_is_no_longer_good_is_refused(registry: FakeRegistry, ada: Publisher, victim: Victim, state: str) -> None:
    ada.publish(registry.host)
    (key,) = open_keys(ada.environ).list()
    keys = open_keys({**victim.project.environ})
    past = datetime(2026, 1, 1, tzinfo=UTC)
    keys.trust((replace_expiry(key, past) if state == "expired" else key).line(), "ada")
    if state == "revoked":
        keys.revoke("ada", "lost with a laptop")
    assert "ada" in victim.refused(f"key-{state}")


def replace_expiry(key: Any, when: datetime) -> Any:
    from ropeway.records import replace as changed

    return changed(key, expires=when)


def test_a_version_older_than_the_locked_one_is_refused(registry: FakeRegistry, ada: Publisher, victim: Victim) -> None:
    ada.publish(registry.host)
    newer = ada.publish(registry.host, "1.1.0")
    victim.project.file("workflow.toml", 'id = "mine"\n[steps.a]\nuses = "workflow:build@team#^1"\n')
    assert victim.project.run("lock").status == 0
    del registry.content.repository("workflows/build").tags["1.1.0"]
    assert "was seen before" in victim.refused("version-rolled-back", "build@team#^1")
    (victim.project.state / "known.toml").unlink()  # on another machine only the project's lock knows
    assert "1.1.0 is locked" in victim.refused("version-rolled-back", "build@team#^1")
    assert newer.digest in (victim.project.root / "workflow.lock").read_text()


def test_files_that_would_be_written_elsewhere_are_refused(registry: FakeRegistry, victim: Victim) -> None:
    registry.push("workflows/build", {"workflow.toml": b'id = "build"\n[steps.a]\nrun = "x"\n', "../evil": b"x"}, tag="1.0.0")
    victim.refused("archive-refused")


def manifest_of(registry: FakeRegistry, digest: str) -> Any:
    return parse_manifest(registry.content.repository("workflows/build").manifests[digest][0])


# -- bad input ------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        ("fetch build@nowhere", 3, "no registry is called `nowhere`"),
        ("fetch ./build", 2, "./build is on this machine: HERE/build"),
        ("fetch nothing@", 3, "the registry team (oci://REGISTRY) has no workflow 'nothing'"),
        ("fetch build@#9.9.9", 3, "REGISTRY/workflows/build has no version 9.9.9"),
        ("fetch build@#^9", 3, "REGISTRY/workflows/build has no version in ^9"),
        ("fetch build@team#a..b", 2, "`a..b` can not be a tag or a branch: it holds `..`, `//` or `@{`"),
        ("fetch build@@team", 2, None),
        ("fetch build@ --kind agent", 3, "the registry team (oci://REGISTRY) has no agent 'build'"),
        (
            "fetch oci://REGISTRY/workflows/build:1.0.0 --kind agent",
            2,
            "REGISTRY/workflows/build is a workflow, and an agent card is wanted",
        ),
        ("fetch oci://no-such-host.invalid/workflows/build:1.0.0", 3, None),
        ("fetch build@ --offline", 3, "build@ is not on this machine, and --offline keeps from asking for it"),
        ("fetch build@ --locked", 4, "build@ is not locked: HERE has no workflow.lock"),
        ("search --registry nowhere", 3, "no registry is called `nowhere`"),
        ("search --limit 0", 2, None),
        ("versions nothing@", 3, "the registry team (oci://REGISTRY) has no workflow 'nothing'"),
        ("info nothing@", 3, "the registry team (oci://REGISTRY) has no workflow 'nothing'"),
        ("publish nowhere", 3, "nowhere does not exist"),
        ("publish --registry nowhere", 3, "no registry is called `nowhere`"),
        ("publish --registry acme/flows", 2, "acme/flows is a repository on GitHub, and what is in it is published by committing"),
        ("publish --all --unsigned", 2, "--unsigned does not go with --all"),
        ("publish", 2, None),
    ],
)
def test_what_is_wrong_is_said_with_what_to_do(
    project: Project, registry: FakeRegistry, ada: Publisher, words: str, status: int, message: str | None
) -> None:
    if "build" in words:
        ada.publish(registry.host, sign=False)
    said = told(project, registry, *(word.replace("REGISTRY", registry.host) for word in words.split()))
    lines = said.err.splitlines()
    assert (said.status, said.out) == (status, ""), said
    assert lines[0] == f"error: {message}" if message else lines[0].startswith("error: ")
    assert lines[-1].startswith("hint: ")


def test_without_any_registry_it_is_said_how_to_have_one(project: Project) -> None:
    for words in (("search",), ("publish",), ("fetch", "build@")):
        said = project.run(*words)
        assert said.status in {2, 3}
        assert "hint: " in said.err
