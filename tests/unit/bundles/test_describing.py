"""What definitions say of themselves, and what they may touch."""

from __future__ import annotations

import json

import pytest

from ropeway.bundles.capabilities import Capabilities, capabilities_from_json, difference
from ropeway.bundles.describing import describe, read_workflow
from ropeway.bundles.metadata import metadata_from_json
from ropeway.bundles.problems import InvalidBundle
from ropeway.errors import InvalidWorkflow

WORKFLOW = b"""
id = "acme/all"
[parameters]
token = { type = "secret", source = "env:TOKEN" }
other = { type = "secret" }
[requirements]
commands = ["git>=2.39", "jq"]
python = ["requests>=2"]
[policy]
env_file = ".env.ci"
sandbox = { level = "none", network = ["api.github.com"], secrets = ["GH_TOKEN"] }
[actions.unused]
run = "true"
shell = ["zsh"]
[actions.lint]
run = ["ruff", "check"]
[steps.a]
run = "x = 1"
shell = "python"
[steps.b]
run = "echo"
interactive = true
[steps.c]
uses = "action:lint"
[steps.d]
uses = "builtin:http-get"
inputs.url = "https://example.org"
[steps.e]
uses = "workflow:acme/other@hub#^1.2"
"""


def test_a_workflow_may_touch_what_its_steps_and_its_policy_name() -> None:
    found = describe("workflow", "workflow.toml", WORKFLOW).metadata
    assert found.dependencies == ("workflow:acme/other@hub#^1.2",)
    assert found.capabilities == Capabilities(
        shells=("bash", "python"),
        programs=("git", "jq", "ruff"),
        builtins=("http-get",),
        workflows=("acme/other@hub#^1.2",),
        secrets=("GH_TOKEN", "env:TOKEN", "other"),
        python=("requests>=2",),
        network=("api.github.com",),
        env_file=(".env.ci",),
        interactive=True,
    )
    assert found.capabilities.lines() == [
        "runs bash, python scripts with your rights",
        "starts git, jq, ruff with your rights",
        "uses the built-in http-get",
        "starts the workflow acme/other@hub#^1.2",
        "reads the secrets GH_TOKEN, env:TOKEN, other",
        "installs the Python package requests>=2",
        "reads the variables file .env.ci",
        "takes your terminal",
        "reaches api.github.com",
        "writes wherever you can",
        "reads whatever you can",
        "is not held to these limits: it asks for no sandbox",
    ]


def test_capabilities_survive_the_config_blob_and_their_digest_counts_every_one() -> None:
    found = describe("workflow", "workflow.toml", WORKFLOW).metadata
    assert metadata_from_json(found.as_bytes(), "workflow") == found
    assert capabilities_from_json(json.loads(json.dumps(found.capabilities.as_json()))) == found.capabilities
    assert Capabilities(network=()).digest() != Capabilities().digest()
    assert Capabilities(network=()).as_json() == {"network": [], "sandbox": "none"}
    assert capabilities_from_json({"network": [], "shells": ["sh", 1], "secrets": "x", "interactive": 1, "new": True}) == Capabilities(
        network=(), shells=("sh",)
    )
    assert capabilities_from_json(None) == Capabilities()


def test_what_changes_between_two_versions_is_told_one_by_one() -> None:
    old = Capabilities(shells=("bash",), secrets=("A", "B"), network=(), sandbox="kernel")
    new = Capabilities(shells=("bash",), secrets=("B", "C"), network=("x.org",), sandbox="kernel", programs=("git",))
    assert difference(old, new) == [
        "+ starts git",
        "+ reads the secret C",
        "+ reaches x.org",
        "- reads the secret A",
        "- reaches no host",
    ]
    assert difference(old, old) == []
    assert "+ runs bash scripts with your rights" in difference(old, Capabilities(shells=("bash",)))


def test_a_workflow_in_the_dialect_of_pallet_is_described() -> None:
    text = b"metadata:\n  id: greet\n  name: Greet\n  version: 1.0.0\n  tags: [demo]\nsteps:\n  - id: a\n    skill: hello\n    inputs: {who: '{{ workflow.input.who }}'}\n"
    found = describe("workflow", "greet.yaml", text).metadata
    assert (found.id, found.name, found.version, found.tags) == ("greet", "Greet", "1.0.0", ("demo",))
    assert found.dependencies == ("skill:hello",)
    assert list(found.inputs["properties"]) == ["who"]


def test_a_workflow_with_mistakes_tells_all_of_them() -> None:
    with pytest.raises(InvalidWorkflow, match=r"w\.toml has 2 errors") as found:
        read_workflow(b'id = "a"\nx = 1\ny = 2\n[steps.a]\nrun = "true"\n', "w.toml")
    assert len(found.value.diagnostics) == 2
    with pytest.raises(InvalidWorkflow, match="1 error"):
        read_workflow(b"id = ", "w.toml")


SKILL = """---
name: pdf-forms
description: >
  Fills in forms.
  Use it for PDF files.
license: Apache-2.0
allowed-tools: Bash(pdftk:*) Read
metadata:
  author: acme
  version: "1.0"
  tags: pdf, forms
---
# How
"""


def test_a_skill_folder_is_described_as_its_standard_says() -> None:
    found = describe("skill", "SKILL.md", SKILL.encode(), folder="pdf-forms")
    assert found.notes == ()
    assert found.metadata.as_json() == {
        "kind": "skill",
        "id": "pdf-forms",
        "name": "pdf-forms",
        "version": "1.0",
        "description": "Fills in forms. Use it for PDF files.",
        "license": "Apache-2.0",
        "definition": "SKILL.md",
        "tags": ["pdf", "forms"],
        "authors": ["acme"],
        "capabilities": {"programs": ["Bash(pdftk:*)", "Read"], "sandbox": "none"},
    }
    assert describe("skill", "SKILL.md", SKILL.encode(), folder="other").notes == (
        "the skill is called pdf-forms, and its folder other; the Agent Skills standard wants them to be the same",
    )
    assert describe("skill", "SKILL.md", b"\xef\xbb\xbf" + SKILL.replace("\n", "\r\n").encode()).metadata.id == "pdf-forms"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# no front matter", "has no front matter"),
        ("---\nname: x\n", "has no front matter"),
        ("---\ndescription: x\n---\n", "has no 'name'"),
        ("---\nname: X\ndescription: x\n---\n", "has the name 'X'"),
        ("---\nname: a--b\ndescription: x\n---\n", "has the name 'a--b'"),
        ("---\nname: -a\ndescription: x\n---\n", "has the name '-a'"),
        (f"---\nname: {'a' * 65}\ndescription: x\n---\n", "which no skill can have"),
        ("---\nname: 5\ndescription: x\n---\n", "has the name 5"),
        ("---\nname: a\n---\n", "has no 'description'"),
        ("---\nname: a\ndescription: ''\n---\n", "has no 'description'"),
        (f"---\nname: a\ndescription: {'x' * 1025}\n---\n", "has a description of 1,025 characters"),
        ("---\nname: [\n---\n", "the front matter of SKILL.md is not YAML"),
    ],
)
def test_what_is_no_skill_is_told_why(text, message) -> None:
    with pytest.raises((InvalidBundle, InvalidWorkflow)) as found:
        describe("skill", "SKILL.md", text.encode())
    assert message in str(found.value)
    assert found.value.code == "skill-shape"


CODE = b'''# /// script
# requires-python = ">=3.11"
# dependencies = [
#   "dnspython>=2",
# ]
# [tool.ropeway]
# version = "1.0.0"
# tags = ["email"]
# ///
"""Checks mail addresses.

At length.
"""
'''


def test_python_code_is_described_by_its_inline_metadata() -> None:
    found = describe("skill", "email_validator.py", CODE)
    assert found.notes == ()
    metadata = found.metadata
    assert (metadata.id, metadata.version, metadata.tags) == ("email_validator", "1.0.0", ("email",))
    assert metadata.description == "Checks mail addresses."
    assert metadata.dependencies == metadata.capabilities.python == ("dnspython>=2",)
    plain = describe("skill", "x.py", b"def broken(:")
    assert plain.notes == ("x.py has no '# /// script' block (PEP 723), so it says no dependencies",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# /// script\n# x = 1\n", "without an end"),
        ("# /// script\n# ///\n\n# /// script\n# ///\n", "more than one"),
        ("# /// script\n# x = \n# ///\n", "is not TOML"),
    ],
)
def test_inline_metadata_that_is_none_is_told_why(text, message) -> None:
    with pytest.raises(InvalidBundle, match=message):
        describe("skill", "x.py", text.encode())


def test_an_agent_card_is_described_by_what_it_says() -> None:
    card = {
        "name": "Plan Agent",
        "description": "Plans",
        "supportedInterfaces": [{"url": "https://agents.example.org/plan", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}],
        "version": "2.1.0",
        "capabilities": {},
        "defaultInputModes": ["text/plain"],
        "defaultOutputModes": ["text/plain"],
        "provider": {"organization": "acme"},
        "documentationUrl": "https://example.org/docs",
        "skills": [{"id": "b", "tags": ["x", "y"]}, {"id": "a", "tags": ["x"]}],
    }
    found = describe("agent", "agent-card.json", json.dumps(card).encode())
    assert found.notes == ()
    assert found.metadata.as_json() == {
        "kind": "agent",
        "id": "plan-agent",
        "name": "Plan Agent",
        "version": "2.1.0",
        "description": "Plans",
        "homepage": "https://example.org/docs",
        "definition": "agent-card.json",
        "tags": ["x", "y"],
        "authors": ["acme"],
        "capabilities": {"network": ["agents.example.org"], "skills": ["a", "b"], "sandbox": "none"},
    }
    old = {"name": "plan", "url": "http://localhost:8001", "version": "1", "skills": [{"id": "a"}]}
    assert describe("agent", "x/exec_agent_card.json", json.dumps(old).encode()).metadata.id == "exec"
    with pytest.raises(InvalidBundle, match="is no agent card"):
        describe("agent", "agent-card.json", b"{}")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"x", "not JSON"),
        (b"[]", "not a JSON object"),
        (b'{"kind":"agent"}', "says that it is a agent"),
        (b'{"kind":5}', "says that it is"),
    ],
)
def test_a_config_that_is_none_is_refused(data, message) -> None:
    with pytest.raises(InvalidBundle, match=message) as found:
        metadata_from_json(data, "workflow")
    assert found.value.code == "invalid-config"


def test_a_config_of_a_later_version_is_read_as_far_as_it_goes() -> None:
    data = json.dumps({"kind": "workflow", "id": "a", "tags": ["x", 5], "stars": 5, "version": 5, "inputs": []}).encode()
    found = metadata_from_json(data, "workflow")
    assert (found.id, found.tags, found.version, found.inputs) == ("a", ("x",), None, {})
