"""`workflow package` and `workflow bundle` as they are typed: what they say, to the letter."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from acceptance.harness import Project, Said

BUILD = """
    id = "acme/build"
    version = "1.2.0"
    description = "Builds it"
    tags = ["ci"]
    license = "MIT"

    [policy]
    sandbox = { level = "kernel", network = [], write = ["out"], secrets = ["GH_TOKEN"] }

    [steps.compile]
    run = "make"

    [steps.check]
    run = ["git", "status"]
    needs = ["compile"]
    """


@pytest.fixture
def build(project: Project) -> Project:
    """A project with a workflow and what belongs to it."""
    project.file("build/workflow.toml", BUILD)
    project.file("build/README.md", "# Build\n")
    project.file("build/run.sh", "#!/bin/sh\n").chmod(0o755)
    project.file("build/assets/deep/data.bin", b"x" * 5000)
    return project


def test_a_folder_becomes_a_layout_that_can_be_looked_into(build: Project) -> None:
    assert build.run("package", "build") == Said(
        out="acme-build-1.2.0.oci\n",
        err="Packed the workflow acme/build 1.2.0: 4 files, 5.2 KiB, sha256:DIGEST.\n",
    )
    assert build.run("bundle", "show", "acme-build-1.2.0.oci") == Said(
        out="""
        workflow acme/build 1.2.0
        Builds it

        digest      sha256:DIGEST
        files       4, 5.2 KiB
        README      yes
        signatures  none
        tags        ci
        license     MIT

        May touch
          runs bash scripts
          starts git
          reads the secret GH_TOKEN
          reaches no host
          writes out
          reads whatever you can
          is held to that by the sandbox kernel

        Files
          README.md             8 B
          assets/deep/data.bin  4.9 KiB
          run.sh*               10 B
          workflow.toml         277 B
        """
    )
    assert build.run("bundle", "verify", "acme-build-1.2.0.oci") == Said(
        out="sha256:DIGEST is whole: 4 files, 5.2 KiB; nobody has signed it\n"
    )


def test_folder_and_tar_hold_the_same_bundle_and_come_back_as_they_were(build: Project) -> None:
    assert build.run("package", "build", "--output", "b.tar").out == "b.tar\n"
    assert build.run("package", "build", "-o", "b").out == "b\n"
    assert build.run("package", "build", "-o", "b").out == "b\n"  # over the same one
    (build.root / "dist").mkdir()
    assert build.run("package", "build", "-o", "dist", "--tar").out == "dist/acme-build-1.2.0.oci.tar\n"
    shown = [json.loads(build.raw("bundle", "show", path, "--json").stdout) for path in ("b.tar", "b", "dist/acme-build-1.2.0.oci.tar")]
    assert {(each["id"], each["size"], each["has_readme"], each["tag"]) for each in shown} == {("acme/build", 5295, True, "1.2.0")}
    assert len({each["digest"] for each in shown}) == 1
    assert (build.root / "dist/acme-build-1.2.0.oci.tar").read_bytes() == (build.root / "b.tar").read_bytes()
    assert build.run("bundle", "unpack", "b.tar") == Said(
        err="error: build exists and is not empty\nhint: name another folder with --output, or overwrite what is there with --force\n",
        status=4,
    )
    assert build.run("bundle", "unpack", "b.tar", "--output", "new/place") == Said(out="new/place\n", err="Unpacked 4 files, 5.2 KiB.\n")
    assert subprocess.run(["diff", "-r", "build", "new/place"], cwd=build.root, check=False).returncode == 0
    assert os.access(build.root / "new/place/run.sh", os.X_OK)


def test_force_overwrites_its_own_files_and_leaves_others(build: Project) -> None:
    build.run("package", "build", "-o", "b")
    build.file("target/workflow.toml", "mine")
    build.file("target/other", "mine")
    assert build.run("bundle", "unpack", "b", "-o", "target", "--force").status == 0
    assert (build.root / "target/other").read_text() == "mine"
    assert (build.root / "target/workflow.toml").read_text() != "mine"
    (build.root / "linked").mkdir()
    (build.root / "linked/assets").symlink_to(build.root / "dist")
    assert build.run("bundle", "unpack", "b", "-o", "linked", "--force") == Said(
        err="error: linked/assets is a link, and assets/deep/data.bin would go through it\nhint: remove the link\n", status=4
    )
    assert sorted(path.name for path in (build.root / "linked").iterdir()) == ["assets"]


def test_a_project_can_be_packed_where_it_stands_again_and_again(project: Project) -> None:
    project.file("workflow.toml", BUILD)
    first = project.run("package")
    assert first == Said(
        out="acme-build-1.2.0.oci\n",
        err="""
        warning: there is no README.md: people who find it will not know what it is for
        Packed the workflow acme/build 1.2.0: 1 file, 277 B, sha256:DIGEST.
        """,
    )
    digest = project.raw("package", "--json", "-o", "again.tar").stdout
    assert json.loads(project.raw("package", "--json", "-o", "again.tar").stdout)["digest"] == json.loads(digest)["digest"]


def test_skills_and_agent_cards_are_packed_too(project: Project) -> None:
    project.file(
        "greet/SKILL.md", "---\nname: greet\ndescription: Greets people.\nlicense: MIT\nmetadata: {version: 1.0}\n---\nSay hello.\n"
    )
    project.file("mail.py", '"""Checks mail addresses."""\n# /// script\n# dependencies = ["dnspython>=2"]\n# ///\n')
    card = {"name": "Plan", "url": "https://agents.example.org/plan", "version": "1.0.0", "skills": [{"id": "plan"}]}
    project.file("plan_agent_card.json", json.dumps(card))
    assert project.run("package", "greet").err.endswith("Packed the skill greet 1.0: 1 file, 97 B, sha256:DIGEST.\n")
    assert project.run("package", "mail.py").err.endswith("Packed the skill mail: 1 file, 82 B, sha256:DIGEST.\n")
    assert project.run("package", "plan_agent_card.json").err.endswith("Packed the agent plan 1.0.0: 1 file, 106 B, sha256:DIGEST.\n")
    assert project.run("bundle", "show", "mail.oci").out.splitlines()[:2] == ["skill mail", "Checks mail addresses."]
    assert "  installs the Python package dnspython>=2\n" in project.run("bundle", "show", "mail.oci").out
    assert "  reaches agents.example.org\n" in project.run("bundle", "show", "plan-1.0.0.oci").out


def test_what_was_altered_exits_4_with_its_name(build: Project) -> None:
    build.run("package", "build", "-o", "b")
    blobs = build.root / "b/blobs/sha256"
    index = json.loads((build.root / "b/index.json").read_text())
    manifest = blobs / index["manifests"][0]["digest"].removeprefix("sha256:")
    layers = {layer["annotations"]["org.opencontainers.image.title"]: layer for layer in json.loads(manifest.read_bytes())["layers"]}
    run = blobs / layers["run.sh"]["digest"].removeprefix("sha256:")
    before = run.read_bytes()

    def code(*words: str) -> tuple[int, str]:
        done = build.run(*words, "--json")
        return done.status, json.loads(done.out)["error"]["code"]

    run.write_bytes(b"#!/bin/ls\n")
    assert build.run("bundle", "verify", "b") == Said(
        err="""
        error: the layer 'run.sh' has been changed: its digest is not sha256:DIGEST
        hint: fetch it again; when it stays so, somebody changed it, or the disk is damaged
        """,
        status=4,
    )
    assert code("bundle", "verify", "b") == code("bundle", "unpack", "b", "-o", "x") == (4, "blob-altered")
    run.unlink()
    assert code("bundle", "verify", "b") == (4, "blob-missing")
    run.write_bytes(before)
    whole = manifest.read_bytes()
    manifest.write_bytes(whole.replace(b"Builds it", b"Steals it"))
    assert code("bundle", "verify", "b") == code("bundle", "show", "b") == (4, "manifest-altered")
    manifest.write_bytes(whole)
    assert build.run("bundle", "verify", "b").status == 0
    assert not (build.root / "x").exists()
    assert not [path for path in build.root.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["package", "nothing"], Said(
            err="error: nothing does not exist\nhint: name a folder with a workflow, a skill or an agent card, or such a file\n", status=3)),
        (["package", "empty"], Said(
            err="error: there is nothing to pack in empty\nhint: put a workflow.toml, a SKILL.md or an agent card into it\n", status=2)),
        (["package", "mine", "-o", "taken"], Said(
            err="error: taken exists, and is no bundle that could be replaced\nhint: name another file or folder, or remove it\n", status=4)),
        (["package", "mine", "--kind", "skill"], Said(
            err="error: none of its files is a skill\nhint: a workflow is workflow.toml, workflow.yaml or another file with steps; a skill SKILL.md"
            " or a Python file; an agent card NAME_agent_card.json\n", status=2)),
        (["package", "bad"], Said(
            err="""
            error[RW101]: the workflow has no key 'nmae'
             --> bad/workflow.toml:2:1
              |
            2 | nmae = "x"
              | ^^^^
              = hint: did you mean 'name'?

            error: bad/workflow.toml has 1 error
            """, status=2)),
        (["package", "skill"], Said(
            err="error: skill/SKILL.md has the name 'Not A Name', which no skill can have\n"
            "hint: 1 to 64 lower-case letters, digits and single hyphens between them\n", status=2)),
        (["bundle", "show", "mine"], Said(
            err="error: mine is no bundle: it has no file oci-layout\nhint: `workflow package` makes bundles; of a folder with a workflow it makes one\n",
            status=2)),
        (["bundle", "verify", "taken"], Said(
            err="error: taken is no bundle: it is neither a folder nor a tar file\nhint: name a folder or a tar file that `workflow package` made\n",
            status=2)),
        (["bundle", "verify", "oci://localhost:5000/workflows/build"], Said(
            err="""
            error: oci://localhost:5000/workflows/build is not on this machine, and a bundle on disk is wanted here
            hint: workflow fetch oci://localhost:5000/workflows/build gets it, and verifies all of it on the way; --output DIR gives you its files
            """,
            status=2,
        )),
        (["bundle", "verify", "nothing"], Said(err="error: nothing does not exist\nhint: `workflow package` makes bundles\n", status=3)),
        (["bundle", "show", "./nothing"], Said(
            err="error: there is no file or folder ./nothing\n"
            "hint: name a bundle that `workflow package` made, or a reference such as acme/build@registry\n", status=3)),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)  # fmt: skip
def test_what_can_not_be_done_is_said_with_what_to_do(project: Project, words, said) -> None:
    project.file("mine/workflow.toml", 'id = "mine"\n[steps.a]\nrun = "true"\n')
    project.file("bad/workflow.toml", 'id = "bad"\nnmae = "x"\n[steps.a]\nrun = "true"\n')
    project.file("skill/SKILL.md", "---\nname: Not A Name\ndescription: x\n---\n")
    project.file("taken", "mine")
    (project.root / "empty").mkdir()
    assert project.run(*words) == said
    assert (project.root / "taken").read_text() == "mine"


def test_a_full_disk_is_said_by_the_name_of_the_folder_and_nothing_is_left(build: Project) -> None:
    build.run("package", "build", "-o", "b.tar")
    done = subprocess.run(
        ["bash", "-c", 'ulimit -f 2; exec "$0" bundle unpack b.tar -o out/here', build.command],
        cwd=build.root,
        env=build.environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (
        1,
        "error: out/here can not be written: File too large\nhint: free some space, or name another folder\n",
    )
    assert list((build.root / "out").iterdir()) == []


def test_what_a_bundle_may_touch_is_told_of_all_its_workflows(project: Project) -> None:
    project.file("flows/workflow.toml", 'id = "top"\nversion = "1.0.0"\n[steps.a]\nuses = "workflow:./lib/inner.toml"\n')
    project.file("flows/lib/inner.toml", 'id = "inner"\n[policy.sandbox]\nsecrets = ["GH_TOKEN"]\n[steps.a]\nrun = "echo"\n')
    project.file("flows/README.md", "# Flows\n")
    assert project.run("package", "flows").status == 0
    shown = project.run("bundle", "show", "top-1.0.0.oci").out
    assert "  runs bash scripts with your rights\n  starts the workflow ./lib/inner.toml\n  reads the secret GH_TOKEN\n" in shown
    verified = project.run("bundle", "verify", "top-1.0.0.oci")
    assert (verified.status, verified.err) == (0, "")


def test_a_file_that_uses_others_is_not_packed_without_them(project: Project) -> None:
    project.file("flows/one.toml", 'id = "one"\n[steps.a]\nuses = "workflow:./two.toml"\n')
    project.file("flows/two.toml", 'id = "two"\n[steps.a]\nrun = "echo"\n')
    assert project.run("package", "flows/one.toml") == Said(
        status=2,
        err="""
        error: flows/one.toml can not be packed without the workflows that it uses: ./two.toml is not among its files
        hint: package the folder that they are in: flows
        """,
    )
