"""What is packed of a folder, under which digest, and what is not packed at all."""

from __future__ import annotations

import gzip
import io
import os
import socket
import tarfile
from pathlib import Path

import pytest

from ropeway.bundles.ignore import parse_ignore
from ropeway.bundles.kinds import ARTIFACT, CONFIG
from ropeway.bundles.metadata import metadata_from_json
from ropeway.bundles.pack import pack
from ropeway.bundles.problems import InvalidBundle
from ropeway.bundles.tree import tree_digest
from ropeway.bundles.unpack import unpack
from ropeway.errors import InvalidWorkflow, NotFound

WORKFLOW = """
id = "acme/build"
version = "1.2.0+linux"
name = "Build"
description = "Builds it"
tags = ["ci", "go"]
license = "MIT"
homepage = "https://example.org/build"
repository = "https://example.org/build.git"
authors = ["Ada <ada@example.org>", "Bob"]
parameters.level = { type = "integer", default = 3, minimum = 1, description = "How much" }
parameters.token = { type = "secret" }
[outputs]
text = "${{ steps.a.outputs.text }}"
[steps.a]
run = "make"
outputs.text = { type = "string" }
"""


@pytest.fixture
def source(tmp_path):
    root = tmp_path / "source"
    for name, text in {
        "workflow.toml": WORKFLOW,
        "README.md": "# Build\n",
        "run.sh": "#!/bin/sh\n",
        "assets/logo.svg": "<svg/>",
        "assets/deep/er/data.bin": "x" * 1000,
        f"assets/{'long' * 30}.txt": "long",
        "assets/été.txt": "accents",
    }.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (root / "run.sh").chmod(0o755)
    (root / "assets/empty").mkdir()
    return root


def spooled(tmp_path, number=[0]):  # noqa: B006 - a counter
    number[0] += 1
    spool = tmp_path / f"spool{number[0]}"
    spool.mkdir()
    return spool


def packed(source, tmp_path, **options):
    return pack(source, spool=spooled(tmp_path), **options)


def test_a_bundle_is_a_layer_per_file_and_folder_at_the_top_under_a_digest_that_never_changes(source, tmp_path) -> None:
    bundle = packed(source, tmp_path)
    manifest = bundle.manifest
    assert [(layer.title, layer.media_type) for layer in manifest.layers] == [
        ("README.md", "text/markdown"),
        ("assets", "application/vnd.oci.image.layer.v1.tar+gzip"),
        ("run.sh", "application/x-sh"),
        ("workflow.toml", "application/toml"),
    ]
    assert manifest.artifact_type == ARTIFACT["workflow"]
    assert manifest.config.media_type == CONFIG["workflow"]
    assert manifest.annotations == {
        "org.opencontainers.image.title": "acme/build",
        "org.opencontainers.image.version": "1.2.0+linux",
        "org.opencontainers.image.description": "Builds it",
        "org.opencontainers.image.licenses": "MIT",
        "org.opencontainers.image.source": "https://example.org/build.git",
        "org.opencontainers.image.url": "https://example.org/build",
        "org.opencontainers.image.authors": "Ada <ada@example.org>, Bob",
    }
    # The bytes are a promise: another version of Ropeway, of Python or of zlib must not change them.
    assert manifest.layers[1].digest == "sha256:79b1a5e2e34247598474af20db76eaa2f4719d635dda798b82faf14a3a490976"
    assert manifest.digest == "sha256:02582db185129d0751cfbf2e4a9a67630054269ece1a6ed388ed9985366ac975"
    assert bundle.notes == ()


def test_the_config_says_what_can_be_searched(source, tmp_path) -> None:
    bundle = packed(source, tmp_path)
    config = bundle.blobs[bundle.manifest.config.digest].data
    assert metadata_from_json(config, "workflow") == bundle.metadata
    assert bundle.metadata.as_json() == {
        "kind": "workflow",
        "id": "acme/build",
        "name": "Build",
        "version": "1.2.0+linux",
        "description": "Builds it",
        "tags": ["ci", "go"],
        "license": "MIT",
        "homepage": "https://example.org/build",
        "repository": "https://example.org/build.git",
        "authors": ["Ada <ada@example.org>", "Bob"],
        "inputs": {
            "type": "object",
            "properties": {
                "level": {"type": "integer", "minimum": 1, "default": 3, "description": "How much"},
                "token": {"type": "string", "writeOnly": True},
            },
            "required": ["token"],
        },
        "outputs": {"type": "object", "properties": {"text": {"type": "string"}}},
        "capabilities": {"sandbox": "none", "secrets": ["token"], "shells": ["bash"]},
        "definition": "workflow.toml",
        "readme": bundle.manifest.layers[0].digest,
    }


def test_what_is_packed_is_what_is_unpacked(source, tmp_path) -> None:
    bundle = packed(source, tmp_path)
    assert unpack(bundle.manifest, bundle.blobs, tmp_path / "target") == "workflow.toml"
    assert tree_digest(tmp_path / "target") == tree_digest(source)
    assert os.access(tmp_path / "target/run.sh", os.X_OK)
    assert not (tmp_path / "target/assets/empty").exists()


def test_the_archive_of_a_folder_is_one_that_others_read(source, tmp_path) -> None:
    bundle = packed(source, tmp_path)
    layer = bundle.manifest.layers[1]
    raw = b"".join(bundle.blobs[layer.digest].chunks())
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(raw))) as archive:
        members = {member.name: member for member in archive}
    assert list(members) == [
        "assets",
        "assets/deep",
        "assets/deep/er",
        "assets/deep/er/data.bin",
        "assets/logo.svg",
        f"assets/{'long' * 30}.txt",
        "assets/été.txt",
    ]
    assert {(m.uid, m.gid, m.uname, m.gname, m.mtime) for m in members.values()} == {(0, 0, "", "", 0)}
    assert {m.mode for m in members.values() if m.isdir()} == {0o755}


def test_identical_files_are_one_blob_and_two_layers(source, tmp_path) -> None:
    (source / "copy.md").write_text("# Build\n")
    bundle = packed(source, tmp_path)
    assert len(bundle.manifest.layers) == 5
    assert len(bundle.blobs) == 5  # with the config
    unpack(bundle.manifest, bundle.blobs, tmp_path / "target")
    assert tree_digest(tmp_path / "target") == tree_digest(source)


def test_a_single_file_takes_only_the_readme_beside_it_along(source, tmp_path) -> None:
    (source / "other.toml").write_text('id = "other"\n[steps.a]\nrun = "true"\n')
    bundle = packed(source / "other.toml", tmp_path)
    assert [layer.title for layer in bundle.manifest.layers] == ["README.md", "other.toml"]
    assert bundle.metadata.id == "other"
    assert bundle.metadata.definition == "other.toml"


def test_a_link_inside_is_packed_as_its_file(source, tmp_path) -> None:
    (source / "link.md").symlink_to("README.md")
    (source / "assets/up.md").symlink_to("../README.md")
    bundle = packed(source, tmp_path)
    unpack(bundle.manifest, bundle.blobs, tmp_path / "target")
    assert (tmp_path / "target/link.md").read_text() == (tmp_path / "target/assets/up.md").read_text() == "# Build\n"
    assert not (tmp_path / "target/link.md").is_symlink()


def test_what_tools_leave_behind_and_secrets_are_not_packed(source, tmp_path) -> None:
    before = packed(source, tmp_path).manifest.digest
    for name in (
        ".git/config",
        ".jj/repo",
        "assets/.hg/x",
        "node_modules/a/b.js",
        "__pycache__/a.pyc",
        ".venv/bin/python",
        ".ropeway/x",
        ".ropeway.toml",
        "workflow.toml~",
        "assets/.x.swp",
        ".DS_Store",
        "build-1.0.0.oci/oci-layout",
        "earlier/oci-layout",
        "build.oci.tar",
    ):
        path = source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    assert packed(source, tmp_path).manifest.digest == before
    (source / ".env").write_text("TOKEN=x")
    bundle = packed(source, tmp_path)
    assert bundle.manifest.digest == before
    assert bundle.notes == (".env stays behind: such files hold secrets (a line !NAME in .ropewayignore packs one)",)
    (source / ".ropewayignore").write_text("!.env\n/assets\nREADME.md\n")
    assert [layer.title for layer in packed(source, tmp_path).manifest.layers] == [".env", "README.md", "run.sh", "workflow.toml"]


def test_a_missing_readme_is_noted(source, tmp_path) -> None:
    (source / "README.md").unlink()
    assert packed(source, tmp_path).notes == ("there is no README.md: people who find it will not know what it is for",)


def test_the_output_stays_behind(source, tmp_path) -> None:
    before = packed(source, tmp_path).manifest.digest
    (source / "out.tar").write_text("x")
    assert packed(source, tmp_path, without=[source / "out.tar"]).manifest.digest == before


@pytest.mark.parametrize(
    ("rules", "out", "stays"),
    [
        ("*.log", ["a.log", "x/a.log"], ["a.logs", "log"]),
        ("/a", ["a"], ["x/a"]),
        ("a/b", ["a/b"], ["x/a/b"]),
        ("**/b", ["b", "a/b", "a/x/b"], ["bb"]),
        ("a/**/b", ["a/b", "a/x/y/b"], ["a/xb"]),
        ("a/**", ["a/x", "a/x/y"], ["a"]),
        ("x?z", ["xyz"], ["xz", "x/z"]),
        ("[a-c].txt", ["b.txt"], ["d.txt"]),
        ("[!a-c].txt", ["d.txt"], ["b.txt"]),
        ("*.md\n!keep.md", ["a.md"], ["keep.md"]),
        ("\\#x", ["#x"], ["x"]),
        ("# x\n\n  \n", [], ["# x", "x"]),
        ("a\\*b", ["a*b"], ["axb"]),
        ("[z-a]", [], ["z"]),
        ("!.git\n!.ropeway.toml", [".git", ".ropeway.toml"], []),
        ("!__pycache__", [], ["__pycache__"]),
    ],
)
def test_ropewayignore_is_read_as_gitignore_is(rules, out, stays) -> None:
    ignore = parse_ignore(rules)
    assert [path for path in out if not ignore.leaves_out(path, folder=False)] == []
    assert [path for path in stays if ignore.leaves_out(path, folder=False)] == []


def test_a_rule_for_folders_leaves_files_alone() -> None:
    ignore = parse_ignore("out/")
    assert ignore.leaves_out("x/out", folder=True)
    assert not ignore.leaves_out("x/out", folder=False)


def fifo(root):
    os.mkfifo(root / "pipe")


def sock(root):
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        os.chdir(root)  # the paths of sockets are short
        try:
            server.bind("sock")
        finally:
            os.chdir(here)


MISTAKES = {
    "an empty folder": (
        lambda root: [path.unlink() for path in root.rglob("*") if path.is_file()],
        "nothing-to-pack",
        "there is nothing to pack",
    ),
    "no definition": (
        lambda root: (root / "workflow.toml").unlink(),
        "definition-missing",
        "none of its files is a workflow, a skill or an agent card",
    ),
    "two definitions": (
        lambda root: (root / "workflow.yaml").write_text("id: x"),
        "definition-ambiguous",
        "workflow.toml and workflow.yaml could both be",
    ),
    "two kinds": (lambda root: (root / "SKILL.md").write_text("---"), "definition-ambiguous", "workflow.toml and SKILL.md could both be"),
    "a link out of the folder": (
        lambda root: (root / "x").symlink_to("/etc/hostname"),
        "link-outside",
        "x is a link that leads out of the folder",
    ),
    "a link up": (lambda root: (root / "assets/x").symlink_to("../../secret"), "link-outside", "assets/x is a link that leads out"),
    "a link to nothing": (lambda root: (root / "x").symlink_to("nothing"), "link-dangling", "x is a link that leads nowhere"),
    "a link to itself": (lambda root: (root / "x").symlink_to("x"), "link-dangling", "x is a link that leads nowhere"),
    "a link to a folder": (lambda root: (root / "x").symlink_to("assets"), "link-to-folder", "x is a link to a folder"),
    "a link into version control": (
        lambda root: ((root / ".git").mkdir(), (root / ".git/config").write_text("x"), (root / "x").symlink_to(".git/config")),
        "link-outside",
        "x is a link into a version control folder",
    ),
    "a named pipe": (fifo, "not-a-file", "pipe can not be packed: it is no regular file"),
    "a socket": (sock, "not-a-file", "sock can not be packed: it is no regular file"),
    "a name with a backslash": (lambda root: (root / "a\\b").write_text("x"), "bad-name", "holds a backslash"),
    "a name with a newline": (lambda root: (root / "a\nb").write_text("x"), "bad-name", "control character"),
    "a name that is not UTF-8": (lambda root: (root / os.fsdecode(b"\xff")).write_text("x"), "bad-name", "its name is not UTF-8"),
    "names that differ in case": (lambda root: (root / "readme.MD").write_text("x"), "name-collision", "are the same name"),
    "names that differ in accents": (
        lambda root: (root / "assets/e\u0301te\u0301.txt").write_text("x"),
        "name-collision",
        "are the same name",
    ),
}


@pytest.mark.parametrize(("spoil", "code", "message"), MISTAKES.values(), ids=MISTAKES)
def test_what_can_not_be_packed_is_named(spoil, code, message, source, tmp_path) -> None:
    spoil(source)
    with pytest.raises(InvalidBundle) as found:
        packed(source, tmp_path)
    assert found.value.code == code
    assert message in found.value.message
    assert found.value.hint


@pytest.mark.parametrize(
    ("replace", "why"),
    [(lambda path: path.symlink_to("/etc/hostname"), "Too many levels of symbolic links"), (lambda _: None, "No such file or directory")],
)
@pytest.mark.parametrize("name", ["run.sh", "assets/logo.svg"])
def test_a_file_that_can_not_be_read_is_named(name, replace, why, source, tmp_path) -> None:
    def told(_count: int) -> None:
        (source / name).unlink(missing_ok=True)
        replace(source / name)

    with pytest.raises(InvalidBundle, match=f"{name} can not be read: {why}"):
        packed(source, tmp_path, told=told)


def test_a_source_that_is_not_there_is_not_found(tmp_path) -> None:
    with pytest.raises(NotFound, match="does not exist"):
        packed(tmp_path / "nothing", tmp_path)


@pytest.mark.parametrize("name", ["run.sh", "assets/logo.svg"])
def test_a_file_that_changes_while_it_is_packed_is_named(name, source, tmp_path) -> None:
    def told(_count: int) -> None:
        with (source / name).open("a") as file:
            file.write("more")

    with pytest.raises(InvalidBundle, match=f"{name} was changed while it was packed"):
        packed(source, tmp_path, told=told)


def test_a_workflow_with_mistakes_is_refused_with_all_of_them(source, tmp_path) -> None:
    (source / "workflow.toml").write_text('id = "a"\nmame = "x"\ntgas = []\n[steps.a]\nrun = "true"\n')
    with pytest.raises(InvalidWorkflow, match=r"workflow\.toml has 2 errors") as found:
        packed(source, tmp_path)
    assert [d.code for d in found.value.diagnostics] == ["RW101", "RW101"]


def test_ten_thousand_files_are_packed_and_come_back(tmp_path) -> None:
    root = tmp_path / "many"
    for number in range(100):
        (root / f"data/{number}").mkdir(parents=True)
        for each in range(100):
            (root / f"data/{number}/{each}").write_bytes(b"%d" % each)
    (root / "workflow.toml").write_text(WORKFLOW)
    bundle = packed(root, tmp_path)
    assert len(bundle.manifest.layers) == 2
    unpack(bundle.manifest, bundle.blobs, tmp_path / "target")
    assert tree_digest(tmp_path / "target") == tree_digest(root)


def test_too_many_files_at_the_top_are_refused_with_a_way_out(tmp_path) -> None:
    root = tmp_path / "many"
    root.mkdir()
    for number in range(10_500):
        (root / f"{'x' * 240}{number}").touch()
    (root / "workflow.toml").write_text(WORKFLOW)
    with pytest.raises(InvalidBundle, match="too many for one manifest") as found:
        packed(root, tmp_path)
    assert found.value.hint.startswith("put files into folders")


def test_a_folder_without_a_definition_is_the_wrong_one_whatever_else_is_in_it(tmp_path) -> None:
    folder = tmp_path / "wrong"
    (folder / "deep").mkdir(parents=True)
    (folder / "notes.md").write_text("nothing\n")
    (folder / "deep/link").symlink_to("/etc")
    with pytest.raises(InvalidBundle, match="none of its files is a workflow, a skill or an agent card") as found:
        packed(folder, tmp_path)
    assert (found.value.code, str(folder) in found.value.message) == ("definition-missing", True)
