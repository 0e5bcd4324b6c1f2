"""Every command of the two registry documents, by the command that does the same here, with its whole output, against Debian's docker-registry.

What stands behind ``#`` is the documents' own command. ``REGISTRY`` stands for the registry's host, and port.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from acceptance.harness import Project, Said
from support import oras_shapes
from support.registries import docker_registry, free_port

pytestmark = pytest.mark.needs("docker-registry")

SCRIPTS = Path(__file__).parents[2] / "scripts"
AGENTS = ("plan", "build", "test")
OK = Said()


def card(agent: str, port: int = 8001, *, indent: int | None = 2) -> str:
    skill = {"id": f"create_{agent}", "description": "From the document", "input_schema": {}, "output_schema": {}}
    return json.dumps({"name": f"{agent}-agent", "url": f"http://localhost:{port}", "version": "1.0.0", "skills": [skill]}, indent=indent)


class Documents(Project):
    """A project as the documents have it, and a registry."""

    def __init__(self, root: Path, host: str) -> None:
        super().__init__(root)
        self.host = host
        self.environ |= {"ROPEWAY_OCI_REGISTRY": host, "WORKFLOW": self.command}
        for agent in AGENTS:
            self.file(f"src/agent_cards/{agent}_agent_card.json", card(agent))

    def do(self, line: str, cwd: str = ".") -> Said:
        """Run a line of words; the comment behind it is for the reader."""
        said = self.run(*line.partition("#")[0].replace("REGISTRY", self.host).split(), cwd=cwd)
        return Said(said.out.replace(self.host, "REGISTRY"), said.err.replace(self.host, "REGISTRY"), said.status)

    def script(self, name: str, *arguments: str, **environ: str) -> Said:
        """Run a script as the documents do."""
        argv = ["bash", str(SCRIPTS / name), *arguments]
        done = subprocess.run(argv, cwd=self.root, env=self.environ | environ, capture_output=True, text=True, timeout=60, check=False)
        return Said(done.stdout.replace(self.host, "REGISTRY"), done.stderr.replace(self.host, "REGISTRY"), done.returncode)

    def read(self, name: str) -> bytes:
        return (self.root / name).read_bytes()


@pytest.fixture
def docs(tmp_path: Path) -> Iterator[Documents]:
    with docker_registry(tmp_path / "docker-registry") as registry:
        yield Documents(tmp_path, registry.host)


PUSHED = Said("""
    ✓ Pushed REGISTRY/agents/plan:v1
    Digest: sha256:DIGEST
    """)


def test_the_commands_of_the_agent_card_document_do_what_it_says(docs: Documents) -> None:
    # 3.1 Publish
    assert docs.do("agent push REGISTRY/agents/plan:v1 plan_agent_card.json  # oras push", cwd="src/agent_cards") == PUSHED
    for agent in ("build", "test"):
        assert docs.do(f"agent push REGISTRY/agents/{agent}:v1 src/agent_cards/{agent}_agent_card.json").status == 0
    # 3.2 Verify storage
    assert docs.do("agent list REGISTRY  # oras repo list") == Said("agents/build\nagents/plan\nagents/test\n")
    assert docs.do("agent tags REGISTRY/agents/plan  # oras repo tags") == Said("v1\n")
    manifest = json.loads(docs.raw("agent", "manifest", f"{docs.host}/agents/plan:v1").stdout)  # oras manifest fetch
    layer = oras_shapes.layer("plan_agent_card.json", docs.read("src/agent_cards/plan_agent_card.json"), "application/json")
    assert manifest["layers"] == [layer]
    assert manifest["schemaVersion"] == 2
    for agent in AGENTS:
        assert docs.do(f"agent pull REGISTRY/agents/{agent}:v1 -o tmp/registry-verify/  # oras pull") == Said(f"""
            ✓ Pulled REGISTRY/agents/{agent}:v1
            File: tmp/registry-verify/{agent}_agent_card.json
            Digest: sha256:DIGEST
            """)
        assert docs.read(f"tmp/registry-verify/{agent}_agent_card.json") == docs.read(f"src/agent_cards/{agent}_agent_card.json")
    # Practical examples
    assert docs.do("agent copy REGISTRY/agents/plan:v1 REGISTRY/agents/plan:v2  # oras cp") == Said("""
        ✓ Copied REGISTRY/agents/plan:v1 to REGISTRY/agents/plan:v2
        Digest: sha256:DIGEST
        """)
    assert docs.do("agent tags REGISTRY/agents/plan") == Said("v1\nv2\n")
    digests = {docs.raw("agent", "resolve", f"{docs.host}/agents/plan:{tag}").stdout for tag in ("v1", "v2")}  # oras resolve
    raw = docs.raw("agent", "manifest", f"{docs.host}/agents/plan:v2").stdout
    assert digests == {f"sha256:{hashlib.sha256(raw).hexdigest()}\n".encode()}


ALL_PUSHED = Said(
    """
    ✓ Pushed agents/build:v1
    ✓ Pushed agents/plan:v1
    ✓ Pushed agents/test:v1
    agents/build
    agents/plan
    agents/test
    """,
    "Agent cards in REGISTRY:\n",
)


def test_a_folder_of_cards_is_pushed_pulled_and_verified_at_once(docs: Documents) -> None:
    assert docs.do("agent push --all src/agent_cards REGISTRY") == ALL_PUSHED
    assert docs.do("agent pull --all tmp/registry-verify REGISTRY") == Said("""
        ✓ Pulled agents/build:v1
        ✓ Pulled agents/plan:v1
        ✓ Pulled agents/test:v1
        """)
    for agent in AGENTS:
        assert docs.read(f"tmp/registry-verify/{agent}_agent_card.json") == docs.read(f"src/agent_cards/{agent}_agent_card.json")
    assert docs.do("agent verify --all src/agent_cards REGISTRY") == Said("""
        ✓ build agent: Content verified
        ✓ plan agent: Content verified
        ✓ test agent: Content verified
        """)
    assert docs.do("agent push --all src/agent_cards REGISTRY --tag v2").status == 0
    assert docs.do("agent tags REGISTRY/agents/build") == Said("v1\nv2\n")


def test_verify_says_what_differs_and_goes_on(docs: Documents) -> None:
    docs.do("agent push --all src/agent_cards REGISTRY")
    docs.file("src/agent_cards/plan_agent_card.json", card("plan", indent=None))
    docs.file("src/agent_cards/build_agent_card.json", card("build", port=8002))
    docs.file("src/agent_cards/new_agent_card.json", card("new"))
    formatting = "✗ plan agent: Content mismatch: only the formatting differs, the JSON says the same\n"
    content = '✗ build agent: Content mismatch: url is "http://localhost:8002" here, "http://localhost:8001" in the registry\n'
    assert docs.do("agent verify REGISTRY/agents/plan:v1 src/agent_cards/plan_agent_card.json") == Said(formatting, status=1)
    assert docs.do("agent verify REGISTRY/agents/build:v1 src/agent_cards/build_agent_card.json") == Said(content, status=1)
    said = docs.do("agent verify --all src/agent_cards REGISTRY")
    missing = "✗ new agent: REGISTRY has no repository agents/new\n"
    assert said.out == f"{content}{missing}{formatting}✓ test agent: Content verified\n"
    assert said.status == 1
    assert said.err.endswith("error: 3 agent cards of 4 failed\n")


def down() -> str:
    return f"127.0.0.1:{free_port()}"


def nobody(host: str) -> Said:
    hint = f"hint: start one: docker run -d -p {host.partition(':')[2]}:5000 --name registry registry:2"
    return Said(err=f"error: no registry runs at {host}\n{hint}\n", status=3)


@pytest.mark.parametrize(
    "line",
    [
        "agent push HOST/agents/plan:v1 src/agent_cards/plan_agent_card.json",
        "agent push --all src/agent_cards HOST",
        "agent pull HOST/agents/plan:v1",
        "agent pull --all tmp HOST",
        "agent list HOST",
        "agent tags HOST/agents/plan",
        "agent manifest HOST/agents/plan:v1",
        "agent resolve HOST/agents/plan:v1",
        "agent copy HOST/agents/plan:v1 HOST/agents/plan:v2",
        "agent verify HOST/agents/plan:v1 src/agent_cards/plan_agent_card.json",
        "agent verify --all src/agent_cards HOST",
        "registry bootstrap --registry HOST",
    ],
)
def test_connection_refused(tmp_path: Path, line: str) -> None:
    host = down()
    assert Documents(tmp_path, "127.0.0.1:1").do(line.replace("HOST", host)) == nobody(host)


def test_artifact_not_found(docs: Documents) -> None:
    docs.do("agent push --all src/agent_cards REGISTRY")
    docs.do("agent push REGISTRY/agents/plan:v2 src/agent_cards/plan_agent_card.json")
    missing = Said(err="error: REGISTRY/agents/plan has no tag v3\nhint: it has v1, v2\n", status=3)
    for line in (
        "agent pull REGISTRY/agents/plan:v3",
        "agent manifest REGISTRY/agents/plan:v3",
        "agent resolve REGISTRY/agents/plan:v3",
        "agent copy REGISTRY/agents/plan:v3 REGISTRY/agents/plan:v4",
        "agent verify REGISTRY/agents/plan:v3 src/agent_cards/plan_agent_card.json",
    ):
        assert docs.do(line) == missing
    assert docs.do("agent tags REGISTRY/agents/plna") == Said(
        err="""
        error: REGISTRY has no tags of agents/plna: repository name not known to registry (NAME_UNKNOWN)
        hint: there are agents/build, agents/plan, agents/test
        """,
        status=3,
    )
    assert docs.do("agent pull REGISTRY/agents/plan") == Said(
        err="""
        error: REGISTRY/agents/plan names no tag
        hint: write REGISTRY/agents/plan:v1; `workflow agent tags REGISTRY/agents/plan` shows the tags that there are
        """,
        status=2,
    )


def test_a_file_that_is_not_there_or_no_card_is_not_pushed(docs: Documents) -> None:
    docs.file("workflow.json", '{"steps": []}')
    assert docs.do("agent push REGISTRY/agents/plan:v1 src/agent_cards/plna.json") == Said(
        err="error: there is no file src/agent_cards/plna.json\nhint: check the path: it starts in the current folder\n", status=3
    )
    assert docs.do("agent push REGISTRY/agents/plan:v1 workflow.json") == Said(
        err="""
        error: workflow.json is no agent card: its 'name' is missing
        hint: a card has name, version, skills with ids, and supportedInterfaces (A2A 1.0) or url
        """,
        status=2,
    )
    assert docs.do("agent push --all nowhere REGISTRY") == Said(
        err="error: there is no folder nowhere\nhint: run it from the project's folder, or name the folder that you mean\n", status=3
    )
    docs.file("src/agent_cards/bad_agent_card.json", "{")
    said = docs.do("agent push --all src/agent_cards REGISTRY")
    assert said.status == 1
    assert said.out.startswith(
        "✗ Failed to push agents/bad:v1 (src/agent_cards/bad_agent_card.json): src/agent_cards/bad_agent_card.json is not"
    )
    assert "✓ Pushed agents/test:v1" in said.out
    assert docs.do("agent list REGISTRY") == Said("agents/build\nagents/plan\nagents/test\n")


def test_the_output_folder_is_made_and_no_other_file_is_overwritten(docs: Documents) -> None:
    docs.do("agent push REGISTRY/agents/plan:v1 src/agent_cards/plan_agent_card.json")
    assert docs.do("agent pull REGISTRY/agents/plan:v1 -o .").status == 0
    assert docs.do("agent pull REGISTRY/agents/plan:v1 -o .").status == 0
    docs.file("plan_agent_card.json", "mine")
    assert docs.do("agent pull REGISTRY/agents/plan:v1") == Said(
        err="""
        error: plan_agent_card.json is there already, and differs
        hint: move it away, choose another folder with -o, or overwrite it with --force
        """,
        status=4,
    )
    assert docs.read("plan_agent_card.json") == b"mine"
    assert docs.do("agent pull REGISTRY/agents/plan:v1 --force").status == 0
    assert docs.read("plan_agent_card.json") == docs.read("src/agent_cards/plan_agent_card.json")
    assert docs.do("agent pull REGISTRY/agents/plan:v1 -o plan_agent_card.json") == Said(
        err="error: plan_agent_card.json is a file, and the card goes into a folder\nhint: name the folder with -o\n",
        status=4,
    )


@pytest.mark.parametrize("made", [oras_shapes.oras_1_3, oras_shapes.oras_1_0], ids=lambda made: made.__name__)
@pytest.mark.parametrize("title", ["plan_agent_card.json", "src/agent_cards/plan_agent_card.json"])
def test_what_oras_pushed_is_pulled_and_verified(docs: Documents, made, title: str) -> None:
    data = docs.read("src/agent_cards/plan_agent_card.json")
    digest = oras_shapes.push(docs.host, "agents/plan", "v1", *made(title, data, oras_shapes.TAR))
    assert docs.do("agent pull REGISTRY/agents/plan:v1 -o out").status == 0
    assert docs.read("out/plan_agent_card.json") == data
    assert docs.do("agent verify REGISTRY/agents/plan:v1 src/agent_cards/plan_agent_card.json") == Said("✓ plan agent: Content verified\n")
    assert docs.raw("agent", "resolve", f"{docs.host}/agents/plan:v1").stdout.decode() == f"{digest}\n"


def test_cards_are_copied_to_another_registry(docs: Documents, tmp_path: Path) -> None:
    docs.do("agent push REGISTRY/agents/plan:v1 src/agent_cards/plan_agent_card.json")
    with docker_registry(tmp_path / "other") as other:
        assert docs.do(f"agent copy REGISTRY/agents/plan:v1 {other.host}/backup/plan:v7").status == 0
        assert docs.do(f"agent list --all {other.host}") == Said("backup/plan\n")
        there = docs.raw("agent", "resolve", f"{other.host}/backup/plan:v7").stdout
    assert there == docs.raw("agent", "resolve", f"{docs.host}/agents/plan:v1").stdout


def test_a_card_that_has_to_be_signed_and_is_not_is_refused(docs: Documents) -> None:
    docs.do("agent push REGISTRY/agents/plan:v1 src/agent_cards/plan_agent_card.json")
    docs.config.mkdir(parents=True)
    (docs.config / "trust.toml").write_text(f'[[rule]]\nsource = "oci://{docs.host}/*"\nrequire = "publisher"\n')
    assert docs.do("agent pull REGISTRY/agents/plan:v1").status == 4
    assert not (docs.root / "plan_agent_card.json").exists()


def test_programs_get_json(docs: Documents) -> None:
    def objects(line: str) -> list[dict]:
        done = docs.raw(*line.replace("REGISTRY", docs.host).split(), "--json")
        assert done.stderr == b""
        return [json.loads(each) for each in done.stdout.splitlines()]

    (pushed,) = objects("agent push REGISTRY/agents/plan:v1 src/agent_cards/plan_agent_card.json")
    assert set(pushed) == {"reference", "digest", "file", "lacks"}
    assert objects("agent list REGISTRY") == [{"repository": "agents/plan"}]
    assert objects("agent tags REGISTRY/agents/plan") == [{"tag": "v1"}]
    assert objects("agent resolve REGISTRY/agents/plan:v1") == [{"reference": f"{docs.host}/agents/plan:v1", "digest": pushed["digest"]}]
    (shown,) = objects("agent manifest REGISTRY/agents/plan:v1")
    assert (shown["digest"], shown["manifest"]["schemaVersion"]) == (pushed["digest"], 2)
    (verified,) = objects("agent verify REGISTRY/agents/plan:v1 src/agent_cards/plan_agent_card.json")
    assert (verified["ok"], verified["formatting_only"], verified["problem"]) == (True, False, None)
    each = objects("agent verify --all src/agent_cards REGISTRY")
    assert [(one["name"], one["ok"]) for one in each] == [("agents/build:v1", False), ("agents/plan:v1", True), ("agents/test:v1", False)]
    (pulled,) = objects("agent pull REGISTRY/agents/plan:v1 -o out")
    assert (pulled["digest"], pulled["file"], pulled["doubt"]) == (pushed["digest"], "out/plan_agent_card.json", None)


# -- workflows, and the scripts ---------------------------------------------------------------------------------------------------------------

WORKFLOW = """\
metadata:
  id: test-workflow
  name: Test
  version: 1.0.0
steps:
  - id: step1
    skill: test_skill
"""


def test_the_documents_workflow_is_valid_and_can_be_planned_and_drawn(docs: Documents) -> None:
    docs.file("workflows/test.yaml", WORKFLOW)
    assert docs.do("validate workflows/test.yaml") == Said(err="workflows/test.yaml: valid\n")
    assert docs.do("plan workflows/test.yaml") == Said("""
        test-workflow 1.0.0: 1 step, one at a time

        1. step1
           | skill:test_skill
        """)
    assert docs.do("graph workflows/test.yaml") == Said("Test 1.0.0\nstep1  (skill test_skill)\n")


FILLED = Said(
    """
    ✓ Pushed agents/build:v1
    ✓ Pushed agents/plan:v1
    ✓ Pushed agents/test:v1
    ✓ Pushed workflows/test-workflow:v1
    agents/build
    agents/plan
    agents/test
    workflows/test-workflow
    """,
    """
    Pushing agent cards from src/agent_cards
    Pushing workflows from workflows
    Agent cards in REGISTRY:
    Workflows in REGISTRY:
    ✓ REGISTRY is filled.
    """,
)


def test_bootstrap_pushes_cards_then_workflows(docs: Documents) -> None:
    docs.file("workflows/test-workflow.yaml", WORKFLOW)
    assert docs.do("registry bootstrap  # bash scripts/bootstrap.sh") == FILLED
    said = docs.script("bootstrap.sh")
    assert (said.status, said.err) == (0, FILLED.err)
    assert said.out == f"{FILLED.out}\n✓ The registry is ready\n  - Registry: REGISTRY\n  - Agent cards and workflows pushed to registry\n"
    assert docs.do("agent list REGISTRY") == Said("agents/build\nagents/plan\nagents/test\n")


def test_bootstrap_leaves_out_what_is_not_there(docs: Documents) -> None:
    (docs.root / "empty").mkdir()
    assert docs.do("registry bootstrap --cards nowhere --workflows empty") == Said(
        err="""
        Pushing agent cards from nowhere
        Pushing workflows from empty
        warning: there are no agent cards in nowhere: skipped
        warning: there are no workflows in empty: skipped
        ✓ REGISTRY is filled.
        """
    )


def test_the_verification_script_reports_as_the_document_says(docs: Documents) -> None:
    docs.do("agent push --all src/agent_cards REGISTRY")
    report = "=== Registry Verification Report ===\n\n✓ build agent: Content verified\n✓ plan agent: Content verified\n"
    done = "✓ test agent: Content verified\n\n=== All agents verified successfully ===\n"
    assert docs.script("verify_registry.sh") == Said(report + done)
    docs.file("src/agent_cards/test_agent_card.json", card("test", port=9))
    said = docs.script("verify_registry.sh")
    assert said.status == 1
    assert said.out.startswith(f"{report}✗ test agent: Content mismatch: url is ")
    assert "successfully" not in said.out


@pytest.mark.parametrize("script", ["bootstrap.sh", "verify_registry.sh"])
def test_the_scripts_end_with_1_as_the_documents_ones(tmp_path: Path, script: str) -> None:
    docs = Documents(tmp_path, down())
    said = docs.script(script)
    assert said.status == 1
    assert "no registry runs at REGISTRY" in said.err
    assert "hint: start one" in said.err
    missing = docs.script(script, WORKFLOW="nowhere/workflow")
    assert missing == Said("✗ nowhere/workflow not found. Install it with: uv tool install ropeway\n", status=1)
    assert SCRIPTS.joinpath(script).stat().st_mode & 0o111 == 0o111


def test_the_verification_script_ends_with_1_where_there_are_no_cards(docs: Documents) -> None:
    for folder, why in (("nowhere", "there is no folder nowhere"), (".", "there are no agent cards in ., so nothing can be verified")):
        said = docs.script("verify_registry.sh", folder)
        assert said.status == 1
        assert why in said.err
