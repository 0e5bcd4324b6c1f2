"""The functions of the workflow registry document, called by a program: against Debian's docker-registry, and a fake that can misbehave."""

from __future__ import annotations

import json

import pytest

from ropeway import api
from support import oras_shapes

pytestmark = pytest.mark.needs("docker-registry")


def down() -> str:
    from support.registries import free_port

    return f"127.0.0.1:{free_port()}"


class TestPushWorkflowToRegistry:
    def test_a_push_is_one_yaml_layer_titled_with_the_base_name_at_workflows_id_version(self, real, seed, caplog) -> None:
        assert api.push_workflow_to_registry(seed, "test-workflow", "v1") is True
        manifest = oras_shapes.fetch(real.host, "workflows/test-workflow", "v1")
        assert manifest == {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "artifactType": "application/vnd.unknown.artifact.v1",
            "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": oras_shapes.digest(b"{}"), "size": 2},
            "layers": [oras_shapes.layer("test.yaml", seed.read_bytes(), "application/yaml")],
        }
        assert oras_shapes.fetch_blob(real.host, "workflows/test-workflow", manifest["config"]["digest"]) == b"{}"
        assert oras_shapes.fetch_blob(real.host, "workflows/test-workflow", manifest["layers"][0]["digest"]) == seed.read_bytes()
        assert caplog.messages == []

    def test_the_version_is_v1_unless_another_is_named(self, real, seed) -> None:
        assert api.push_workflow_to_registry(str(seed), "test") is True
        assert api.push_workflow_to_registry(seed, "test", version="1.0.0+build.5") is True
        tags = json.loads(oras_shapes.send("GET", f"http://{real.host}/v2/workflows/test/tags/list")[2])["tags"]
        assert sorted(tags) == ["1.0.0_build.5", "v1"]

    def test_the_same_file_has_the_same_digest_whenever_it_is_pushed(self, real, seed) -> None:
        api.push_workflow_to_registry(seed, "test", "v1")
        seed.touch()
        api.push_workflow_to_registry(seed, "test", "v2")
        digests = [
            oras_shapes.send("HEAD", f"http://{real.host}/v2/workflows/test/manifests/{tag}")[1]["Docker-Content-Digest"]
            for tag in ("v1", "v2")
        ]
        assert digests[0] == digests[1]

    def test_a_missing_file_is_false_and_nothing_is_asked(self, fake, tmp_path, caplog) -> None:
        assert api.push_workflow_to_registry(tmp_path / "missing.yaml", "test-workflow", "v1") is False
        assert fake.seen == []
        assert "missing.yaml" in caplog.text
        assert {record.name for record in caplog.records} == {"ropeway.app.pallet"}

    def test_a_registry_that_is_down_is_false(self, seed, caplog) -> None:
        host = down()
        assert api.push_workflow_to_registry(seed, "test-workflow", registry=host) is False
        assert f"no registry runs at {host}" in caplog.text

    def test_a_registry_that_refuses_is_false(self, fake, seed, caplog) -> None:
        fake.trick("PUT .*/manifests/", status=403)
        assert api.push_workflow_to_registry(seed, "test-workflow") is False
        assert "was not pushed" in caplog.text

    @pytest.mark.parametrize(
        ("workflow_id", "version"), [("Test Workflow", "v1"), ("", "v1"), ("a//b", "v1"), ("test", ""), ("test", "v 1")]
    )
    def test_what_can_not_be_a_repository_and_a_tag_is_false(self, fake, seed, workflow_id, version, caplog) -> None:
        assert api.push_workflow_to_registry(seed, workflow_id, version) is False
        assert fake.seen == []
        assert "can not be" in caplog.text

    def test_a_file_that_is_no_workflow_is_pushed_with_a_warning(self, fake, tmp_path, caplog) -> None:
        path = tmp_path / "broken.yaml"
        path.write_text("metadata: [")
        assert api.push_workflow_to_registry(path, "broken") is True
        assert "is no valid workflow" in caplog.text

    def test_a_file_that_says_another_id_is_pushed_with_a_warning(self, fake, seed, caplog) -> None:
        assert api.push_workflow_to_registry(seed, "test") is True
        assert caplog.messages == [f"{seed} says that its id is test-workflow, and is published as test"]


class TestPullWorkflowFromRegistry:
    def test_a_pull_gives_the_path_of_the_same_bytes_which_stay_and_nothing_else_is_left(self, real, seed, home) -> None:
        api.push_workflow_to_registry(seed, "test-workflow")
        path = api.pull_workflow_from_registry("test-workflow", "v1")
        assert path is not None
        assert (path.name, path.read_bytes()) == ("test.yaml", seed.read_bytes())
        assert path.is_relative_to(home / "cache")
        assert list((home / "tmp").iterdir()) == []
        assert list((home / "cache/ropeway/store/staging").iterdir()) == []
        assert (home / "cache/workflows/test-workflow/v1/test.yaml").samefile(path)
        assert api.pull_workflow_from_registry("test-workflow") == path

    def test_an_output_folder_is_made_and_what_was_there_under_the_name_is_replaced(self, real, seed, tmp_path) -> None:
        api.push_workflow_to_registry(seed, "test-workflow")
        wanted = tmp_path / "out" / "deep"
        assert api.pull_workflow_from_registry("test-workflow", output_dir=wanted) == wanted / "test.yaml"
        seed.write_text(seed.read_text().replace("Test", "Other"))
        api.push_workflow_to_registry(seed, "test-workflow")
        assert api.pull_workflow_from_registry("test-workflow", "v1", str(wanted)) == wanted / "test.yaml"
        assert (wanted / "test.yaml").read_bytes() == seed.read_bytes()
        assert list(wanted.iterdir()) == [wanted / "test.yaml"]

    def test_what_is_not_there_is_none_and_the_log_lists_the_tags_there_are(self, real, seed, caplog) -> None:
        api.push_workflow_to_registry(seed, "test-workflow")
        caplog.clear()
        assert api.pull_workflow_from_registry("test-workflow", "v2") is None
        assert api.pull_workflow_from_registry("missing-workflow") is None
        hint = "check its spelling; a registry may also hide it from those who are not logged in"
        assert caplog.messages == [
            f"workflow test-workflow:v2 was not pulled: {real.host}/workflows/test-workflow has no tag v2 (it has v1)",
            f"workflow missing-workflow:v1 was not pulled: {real.host} has no repository workflows/missing-workflow ({hint})",
        ]

    def test_a_registry_that_is_down_is_none(self, caplog) -> None:
        assert api.pull_workflow_from_registry("test-workflow", registry=down()) is None
        assert "no registry runs at" in caplog.text

    def test_an_artifact_without_a_workflow_is_none(self, fake, home, caplog) -> None:
        fake.push("workflows/picture", {"picture.png": b"\x89PNG"}, tag="v1")
        assert api.pull_workflow_from_registry("picture") is None
        assert "none of its files is a workflow" in caplog.text
        assert list((home / "tmp").iterdir()) == []

    def test_bytes_that_were_changed_on_the_way_are_none_and_nothing_is_written(self, fake, tmp_path, caplog) -> None:
        made = fake.push("workflows/test", {"test.yaml": b"metadata: {}\nsteps: []\n"}, tag="v1")
        fake.alter("workflows/test", made.layers[0].digest, b"metadata: {}\nsteps: {}\n")
        assert api.pull_workflow_from_registry("test", output_dir=tmp_path / "out") is None
        assert list((tmp_path / "out").iterdir()) == []
        assert made.layers[0].digest in caplog.text

    def test_a_file_that_would_be_written_elsewhere_is_none(self, fake, tmp_path) -> None:
        fake.push("workflows/test", {"../evil.yaml": b"metadata: {}\nsteps: []\n"}, tag="v1")
        assert api.pull_workflow_from_registry("test", output_dir=tmp_path / "out" / "in") is None
        assert not (tmp_path / "out" / "evil.yaml").exists()

    def test_an_output_folder_that_can_not_be_made_is_none(self, fake, seed, tmp_path, caplog) -> None:
        api.push_workflow_to_registry(seed, "test-workflow")
        (tmp_path / "file").write_text("")
        assert api.pull_workflow_from_registry("test-workflow", output_dir=tmp_path / "file") is None
        assert f"{tmp_path / 'file'} can not be written" in caplog.text

    @pytest.mark.parametrize("version_of_oras", [oras_shapes.oras_1_3, oras_shapes.oras_1_0], ids=lambda made: made.__name__)
    @pytest.mark.parametrize("media_type", ["application/yaml", oras_shapes.TAR])
    def test_what_oras_pushed_from_the_folder_above_is_found_below_its_folder(
        self, real, seed, tmp_path, version_of_oras, media_type
    ) -> None:
        shape = version_of_oras("workflows/test.yaml", seed.read_bytes(), media_type)
        oras_shapes.push(real.host, "workflows/test", "v1", *shape)
        path = api.pull_workflow_from_registry("test")
        assert path is not None
        assert path.read_bytes() == seed.read_bytes()
        assert api.pull_workflow_from_registry("test", output_dir=tmp_path / "out") == tmp_path / "out/workflows/test.yaml"
        metadata = api.get_workflow_metadata("test")
        assert metadata is not None
        assert metadata["id"] == "test-workflow"


class TestIdsThatSayTheirVersion:
    def test_such_an_id_means_itself_when_it_was_pushed(self, real, seed) -> None:
        api.push_workflow_to_registry(seed, "code-generation-v1")
        assert api.list_workflows() == ["workflows/code-generation-v1"]
        assert api.pull_workflow_from_registry("code-generation-v1") is not None

    @pytest.mark.parametrize(
        ("workflow_id", "version", "found"),
        [
            ("code-generation-v2", "v1", True),
            ("code-generation-v2", "v2", True),
            ("code-generation-v1", "v1", False),
            ("code-generation-v2", "v3", False),
            ("code-generation-v1", "v2", False),
            ("code-generation-2", "v1", False),
        ],
    )
    def test_it_means_the_id_without_it_at_that_version_otherwise(self, fake, seed, workflow_id, version, found) -> None:
        api.push_workflow_to_registry(seed, "code-generation", "v2")
        assert (api.pull_workflow_from_registry(workflow_id, version) is not None) is found


class TestListWorkflows:
    def test_workflows_are_listed_and_agents_are_not(self, real, seed) -> None:
        assert api.list_workflows() == []
        for repository in ("agents/plan", "agents/build", "workflowsx/no"):
            oras_shapes.push(real.host, repository, "v1", *oras_shapes.oras_1_3("x.json", b"{}", "application/json"))
        api.push_workflow_to_registry(seed, "smart-router")
        api.push_workflow_to_registry(seed, "code-generation")
        assert api.list_workflows() == ["workflows/code-generation", "workflows/smart-router"]

    def test_every_page_of_the_catalog_is_read(self, fake) -> None:
        fake.content.page = 7
        for number in range(30):
            fake.push(f"workflows/w{number:02}", {"x.yaml": b"x"}, tag="v1")
        assert api.list_workflows() == [f"workflows/w{number:02}" for number in range(30)]

    def test_a_registry_that_is_down_or_no_registry_is_an_empty_list(self, fake, caplog) -> None:
        assert api.list_workflows(registry=down()) == []
        fake.trick("GET /v2/_catalog", status=404)
        assert api.list_workflows() == []
        fake.trick("GET /v2/_catalog", body=b"<html>")
        assert api.list_workflows() == []
        assert len(caplog.messages) == 3

    def test_a_part_of_a_registry_is_a_registry(self, real, seed) -> None:
        place = f"http://{real.host}/team/one/"
        assert api.push_workflow_to_registry(seed, "test", registry=place)
        assert api.list_workflows(registry=place) == ["workflows/test"]
        assert api.list_workflows() == []
        assert oras_shapes.fetch(real.host, "team/one/workflows/test", "v1")["layers"]


class TestGetWorkflowMetadata:
    def test_it_is_what_the_file_says(self, real, tmp_path) -> None:
        path = tmp_path / "generation.yaml"
        path.write_text(
            'metadata: {id: test-workflow, name: Test Workflow, version: "1.0.0", description: A test, tags: [test]}\n'
            "steps:\n- {id: one, skill: a}\n"
            "- {id: two, step_type: parallel, branches: {steps: [{id: x, skill: b}, {id: y, skill: c}]}}\n"
        )
        api.push_workflow_to_registry(path, "test-workflow")
        assert api.get_workflow_metadata("test-workflow", "v1") == {
            "id": "test-workflow",
            "name": "Test Workflow",
            "version": "1.0.0",
            "description": "A test",
            "tags": ["test"],
            "steps": 2,
        }

    def test_it_is_none_when_the_pull_fails_or_the_file_is_no_workflow(self, fake, caplog) -> None:
        assert api.get_workflow_metadata("missing") is None
        for number, text in enumerate((b"metadata: [", b"metadata: {id: x}\nsteps: []\n", b"\xff\xfe", b"")):
            fake.push(f"workflows/bad{number}", {"bad.yaml": text}, tag="v1")
            assert api.get_workflow_metadata(f"bad{number}") is None
        assert len(caplog.messages) == 5


class TestWhichRegistry:
    def test_the_variable_of_the_skill_guide_is_ignored(self, fake, seed, monkeypatch) -> None:
        monkeypatch.setenv("REGISTRY_URL", down())
        assert api.push_workflow_to_registry(seed, "test-workflow") is True
        assert fake.seen != []

    def test_it_is_localhost_5000_when_nothing_is_said(self, home) -> None:
        from ropeway.app.oci import place_of

        assert str(place_of(None, {"HOME": str(home), "REGISTRY_URL": "elsewhere:1"})) == "localhost:5000"

    def test_the_keyword_wins_over_the_variable(self, fake, seed, monkeypatch) -> None:
        monkeypatch.setenv("ROPEWAY_OCI_REGISTRY", down())
        assert api.push_workflow_to_registry(seed, "test-workflow", registry=fake.host) is True

    def test_the_persons_settings_name_one_too(self, fake, seed, home, monkeypatch) -> None:
        monkeypatch.delenv("ROPEWAY_OCI_REGISTRY")
        (home / "config/ropeway").mkdir()
        (home / "config/ropeway/config.toml").write_text(f'oci_registry = "{fake.host}"\n')
        assert api.push_workflow_to_registry(seed, "test-workflow") is True

    def test_a_configured_registry_is_known_by_its_name(self, fake, seed, home) -> None:
        (home / "config/ropeway").mkdir()
        text = f'[registries.team]\ntype = "oci"\nsource = "oci://{fake.host}/team"\n[registries.files]\ntype = "path"\nsource = "/srv"\n'
        (home / "config/ropeway/registries.toml").write_text(text)
        assert api.push_workflow_to_registry(seed, "test-workflow", registry="team") is True
        assert list(fake.content.repositories) == ["team/workflows/test-workflow"]
        assert api.push_workflow_to_registry(seed, "test-workflow", registry="files") is False
        assert api.push_workflow_to_registry(seed, "test-workflow", registry="nobody") is False

    @pytest.mark.parametrize(
        ("registry", "why"),
        [
            ("http://registry.example.com", "plain HTTP is spoken to this one only"),
            ("ftp://localhost:5000", "is not the address of a registry"),
            ("localhost:port", "is not the host of a registry"),
            ("localhost:99999", "is not the host of a registry"),
            ("localhost:5000/Upper", "can not be a part of a repository's name"),
        ],
    )
    def test_what_is_no_registry_is_false_with_a_reason(self, seed, registry, why, caplog) -> None:
        assert api.push_workflow_to_registry(seed, "test-workflow", registry=registry) is False
        assert why in caplog.text


class TestThePersonsRules:
    def rules(self, home, text: str) -> None:
        (home / "config/ropeway").mkdir(exist_ok=True)
        (home / "config/ropeway/trust.toml").write_text(text)

    def test_what_has_to_be_signed_and_is_not_is_none(self, fake, seed, home, caplog) -> None:
        api.push_workflow_to_registry(seed, "test-workflow")
        self.rules(home, f'[[rule]]\nsource = "oci://{fake.host}/*"\nrequire = "publisher"\n')
        assert api.pull_workflow_from_registry("test-workflow") is None
        assert api.get_workflow_metadata("test-workflow") is None
        assert "sign" in caplog.messages[-1]

    def test_a_rule_about_others_does_not_count(self, fake, seed, home) -> None:
        api.push_workflow_to_registry(seed, "test-workflow")
        self.rules(home, '[[rule]]\nsource = "oci://elsewhere.example/*"\nrequire = "publisher"\n')
        assert api.pull_workflow_from_registry("test-workflow") is not None

    def test_a_signature_that_is_none_is_not_taken_for_absent(self, fake, seed, caplog) -> None:
        api.push_workflow_to_registry(seed, "test-workflow")
        from ropeway.registry.oci.client import Client

        with Client(fake.host) as client:
            subject = client.head("workflows/test-workflow", "v1")
            client.attach("workflows/test-workflow", subject, "application/vnd.dev.sigstore.bundle.v0.3+json", b"{}")
        assert api.pull_workflow_from_registry("test-workflow") is None
        assert "was not pulled" in caplog.messages[-1]
