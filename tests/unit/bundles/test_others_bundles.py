"""Bundles that ``oras`` and others pushed: their kind, their files and their definition are found without any word of ours in them."""

from __future__ import annotations

import io
import json

import pytest

from ropeway.bundles.kinds import expect_kind, kind_of, repository_for, tag_for
from ropeway.bundles.manifest import digest_of, parse_manifest
from ropeway.bundles.problems import InvalidBundle
from ropeway.bundles.unpack import unpack
from support.archives import END, artifact, entry, file_layer, folder_layer, pax

PALLET = b"metadata:\n  id: test\n  name: Test\n  version: 1.0.0\nsteps:\n  - id: a\n    skill: greet\n"
CARD = b'{"name": "plan-agent", "url": "http://localhost:8001", "version": "1.0.0", "skills": [{"id": "create_plan"}]}'
SKILL = b"---\nname: greet\ndescription: Greets people. Use it when somebody arrives.\n---\n\nSay hello.\n"

# What `oras push localhost:5000/workflows/test:v1 workflows/test.yaml:application/yaml` of oras 1.3 sends, byte for byte but for the digest.
ORAS_FILE = (
    '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","artifactType":"application/vnd.unknown.artifact.v1",'
    '"config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",'
    '"size":2,"data":"e30="},"layers":[{"mediaType":"application/yaml","digest":"%s","size":%d,'
    '"annotations":{"org.opencontainers.image.title":"workflows/test.yaml"}}],'
    '"annotations":{"org.opencontainers.image.created":"2026-01-02T03:04:05Z"}}'
)
# And `oras push localhost:5000/agents/plan:v1 plan_agent_card.json`: nobody said a type, so it is called a tar.
ORAS_UNTYPED = ORAS_FILE.replace("application/yaml", "application/vnd.oci.image.layer.v1.tar").replace(
    "workflows/test.yaml", "plan_agent_card.json"
)
# oras-py, and oras before 1.0: a config of an unknown type, no artifactType.
ORAS_OLD = (
    '{"schemaVersion":2,"config":{"mediaType":"application/vnd.unknown.config.v1+json","digest":'
    '"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},"layers":[{"mediaType":'
    '"application/vnd.oci.image.layer.v1.tar","digest":"%s","size":%d,"annotations":{"org.opencontainers.image.title":"test.yaml"}}]}'
)


def opened(**data):
    every = {digest_of(raw): raw for raw in data.values()}
    return lambda descriptor: io.BytesIO(every[descriptor.digest])


def read(text, data):
    return parse_manifest((text % (digest_of(data), len(data))).encode())


def test_a_file_titled_with_a_folder_comes_back_in_that_folder(tmp_path) -> None:
    manifest = read(ORAS_FILE, PALLET)
    assert kind_of(manifest, "workflows/test") == kind_of(manifest) == "workflow"
    assert unpack(manifest, opened(a=PALLET), tmp_path / "t", kind="workflow", name="test") == "workflows/test.yaml"
    assert (tmp_path / "t/workflows/test.yaml").read_bytes() == PALLET


def test_json_that_is_called_a_tar_is_a_file(tmp_path) -> None:
    manifest = read(ORAS_UNTYPED, CARD)
    assert kind_of(manifest, "agents/plan") == kind_of(manifest) == "agent"
    assert unpack(manifest, opened(a=CARD), tmp_path / "t") == "plan_agent_card.json"
    assert (tmp_path / "t/plan_agent_card.json").read_bytes() == CARD


def test_a_manifest_without_any_type_is_read(tmp_path) -> None:
    manifest = read(ORAS_OLD, PALLET)
    assert kind_of(manifest) == "workflow"
    assert unpack(manifest, opened(a=PALLET), tmp_path / "t") == "test.yaml"


def test_a_folder_that_oras_pushed_is_unpacked(tmp_path) -> None:
    """As Go writes it: folders without a slash, names beyond ASCII in pax, a setgid bit on a folder."""
    tar = (
        entry("flow", kind=b"5", mode=0o2775)
        + entry("flow/workflow.yaml", PALLET)
        + entry("flow/run.sh", b"#!/bin/sh\n", mode=0o755)
        + entry("flow/sub", kind=b"5", mode=0o755)
        + pax(("path", "flow/sub/été"))
        + entry("flow/sub/t", b"summer")
        + END
    )
    manifest, data = artifact(folder_layer(tar, "flow"))
    assert unpack(manifest, lambda d: io.BytesIO(data[d.digest]), tmp_path / "t") == "flow/workflow.yaml"
    assert (tmp_path / "t/flow/sub/été").read_text() == "summer"
    assert (tmp_path / "t/flow/run.sh").stat().st_mode & 0o111
    assert not (tmp_path / "t/flow").stat().st_mode & 0o7000


@pytest.mark.parametrize("title", ["deep/er/flow", "deep/er/flow/"])
@pytest.mark.parametrize("inner", ["deep/er/flow", "flow", "./deep/er/flow"])
def test_a_folder_is_put_where_its_title_says(title, inner, tmp_path) -> None:
    tar = entry(f"{inner}/", kind=b"5") + entry(f"{inner}/workflow.yaml", PALLET) + END
    manifest, data = artifact(folder_layer(tar, title))
    assert unpack(manifest, lambda d: io.BytesIO(data[d.digest]), tmp_path / "t") == "deep/er/flow/workflow.yaml"


def test_an_archive_that_nobody_asked_to_unpack_stays_one(tmp_path) -> None:
    descriptor, packed = folder_layer(entry("x", b"y") + END, "data.tar.gz", **{"io.deis.oras.content.unpack": "True"})
    manifest, data = artifact((descriptor, packed), file_layer("test.yaml", PALLET))
    assert unpack(manifest, lambda d: io.BytesIO(data[d.digest]), tmp_path / "t") == "test.yaml"
    assert (tmp_path / "t/data.tar.gz").read_bytes() == packed


def test_a_plain_tar_is_unpacked_too(tmp_path) -> None:
    tar = entry("data/x", b"y") + END
    manifest, data = artifact(folder_layer(tar, packed=tar), file_layer("test.yaml", PALLET))
    unpack(manifest, lambda d: io.BytesIO(data[d.digest]), tmp_path / "t")
    assert (tmp_path / "t/data/x").read_bytes() == b"y"


@pytest.mark.parametrize(
    ("data", "kind", "name"), [(PALLET, "workflow", "workflow.yaml"), (CARD, "agent", "agent-card.json"), (SKILL, "skill", "SKILL.md")]
)
def test_a_single_layer_without_a_title_gets_the_usual_name(data, kind, name, tmp_path) -> None:
    manifest, blobs = artifact(file_layer(None, data), artifact_type=None)
    assert kind_of(manifest, None, lambda d: blobs[d.digest]) == kind
    assert unpack(manifest, lambda d: io.BytesIO(blobs[d.digest]), tmp_path / "t") == name


@pytest.mark.parametrize(
    ("files", "kind", "name", "expected"),
    [
        (["README.md", "a/workflow.toml", "workflow.yaml"], None, None, "workflow.yaml"),
        (["a/b.yaml", "c/d/workflow.toml"], None, None, "a/b.yaml"),
        (["build.yaml", "test.yaml"], "workflow", "acme/test", "test.yaml"),
        (["plan_agent_card.json", "exec_agent_card.json"], "agent", "exec", "exec_agent_card.json"),
        (["SKILL.md", "workflow.toml"], "skill", None, "SKILL.md"),
        (["config.json", "agent-card.json"], None, None, "agent-card.json"),
        (["README.md", "mine.yaml"], "workflow", None, "mine.yaml"),
        (["tool.py", "lib.py"], "skill", "tool", "tool.py"),
    ],
)
def test_the_definition_is_found_among_files(files, kind, name, expected, tmp_path) -> None:
    content = {".json": CARD, ".md": SKILL, ".py": b"# /// script\n# ///\n", "yaml": PALLET, "toml": b"[steps.a]\nrun='x'\n"}
    made = [file_layer(file, next(data for end, data in content.items() if file.endswith(end))) for file in files]
    manifest, data = artifact(*made)
    assert unpack(manifest, lambda d: io.BytesIO(data[d.digest]), tmp_path / "t", kind=kind, name=name) == expected


def test_a_bundle_without_a_definition_is_none(tmp_path) -> None:
    manifest, data = artifact(file_layer("a.txt", b"x"), file_layer("b.json", b"[]"))
    with pytest.raises(InvalidBundle, match="none of its files is a workflow, a skill or an agent card"):
        unpack(manifest, lambda d: io.BytesIO(data[d.digest]), tmp_path / "t")
    assert list(tmp_path.iterdir()) == []


def typed(artifact_type, config="application/vnd.oci.empty.v1+json", titles=("x",)):
    document = {
        "schemaVersion": 2,
        "artifactType": artifact_type,
        "config": {"mediaType": config, "digest": digest_of(b"{}"), "size": 2},
        "layers": [
            {"mediaType": "x/y", "digest": digest_of(b""), "size": 0, "annotations": {"org.opencontainers.image.title": title}}
            for title in titles
        ],
    }
    return parse_manifest(json.dumps(document).encode())


@pytest.mark.parametrize(
    ("manifest", "repository", "kind"),
    [
        (typed("application/vnd.ropeway.skill.v1", titles=["workflow.toml"]), "workflows/x", "skill"),
        (typed(None, "application/vnd.ropeway.agent.config.v1+json", ["workflow.toml"]), None, "agent"),
        (typed("application/vnd.unknown.artifact.v1"), "workflows/x", "workflow"),
        (typed("application/vnd.oci.empty.v1+json"), "skills/acme/team/x", "skill"),
        (typed("application/octet-stream"), "acme/mirror/agents/x", "agent"),
        (typed(None, titles=["a/b.toml"]), "skills", "workflow"),
        (typed(None, titles=["a/workflow.toml", "SKILL.md"]), "x/y", "skill"),
    ],
)
def test_the_type_the_repository_and_the_titles_decide_in_this_order(manifest, repository, kind) -> None:
    assert kind_of(manifest, repository) == kind


def test_what_is_of_no_kind_or_a_later_version_is_said() -> None:
    with pytest.raises(InvalidBundle, match=r"its type is application/vnd\.cncf\.helm\.config\.v1\+json") as found:
        kind_of(typed(None, "application/vnd.cncf.helm.config.v1+json"), "charts/x", lambda _: b"")
    assert found.value.code == "bundle-kind"
    with pytest.raises(InvalidBundle, match="does not know bundles of the type") as later:
        kind_of(typed("application/vnd.ropeway.workflow.v2"))
    assert (later.value.code, later.value.hint) == ("bundle-version", "update Ropeway")
    with pytest.raises(InvalidBundle, match="acme/x is an agent card, and a workflow is wanted"):
        expect_kind("agent", "workflow", "acme/x")
    expect_kind("agent", "agent")


def test_names_become_repositories_and_versions_tags() -> None:
    assert repository_for("agent", "plan") == "agents/plan"
    assert tag_for("1.2.0+linux.2") == "1.2.0_linux.2"
