"""What discover_workflow asks a registry, and which object it gives."""

from __future__ import annotations

import asyncio
import threading

import pytest

from ropeway import api


def document(name: str) -> bytes:
    return f"metadata: {{id: test-workflow, name: {name}, version: 1.0.0}}\nsteps: [{{id: one, skill: a}}]\n".encode()


def asked(registry) -> list[str]:
    """Return what the registry was asked since the last time, without the question whether it is one."""
    found = [f"{seen.method} {seen.target}" for seen in registry.seen if seen.target != "/v2/"]
    registry.seen.clear()
    return found


HEAD = ["HEAD /v2/workflows/test-workflow/manifests/v1"]


@pytest.fixture
def pushed(fake):
    fake.push("workflows/test-workflow", {"test.yaml": document("First")}, tag="v1")
    return fake


def discover(*arguments: str, **options: str):
    return asyncio.run(api.discover_workflow(*arguments, **options))


def test_a_workflow_is_found_and_loaded(pushed) -> None:
    found = discover("test-workflow", "v1")
    assert isinstance(found, api.WorkflowDefinition)
    assert (found.metadata.id, found.metadata.name, len(found.steps)) == ("test-workflow", "First", 1)
    assert found.path.read_bytes() == document("First")


def test_the_second_time_it_is_the_same_object_after_one_question(pushed) -> None:
    first = discover("test-workflow")
    asked(pushed)
    assert discover("test-workflow") is first
    assert asked(pushed) == HEAD


def test_other_content_is_found_after_the_tag_moved_and_the_old_object_when_it_moved_back(pushed) -> None:
    first = discover("test-workflow")
    before = pushed.content.repository("workflows/test-workflow").tags["v1"]
    pushed.push("workflows/test-workflow", {"test.yaml": document("Second")}, tag="v1")
    second = discover("test-workflow")
    assert second is not None
    assert second.metadata.name == "Second"
    pushed.move("workflows/test-workflow", "v1", before)
    asked(pushed)
    assert discover("test-workflow") is first
    assert not any("/blobs/" in line for line in asked(pushed))


def test_it_is_the_same_object_when_the_registry_is_away(pushed, caplog) -> None:
    first = discover("test-workflow")
    pushed.close()
    assert discover("test-workflow") is first
    assert "does not answer" in caplog.text
    assert discover("other") is None


def test_it_is_the_same_object_when_the_registry_is_out_of_order(pushed) -> None:
    first = discover("test-workflow")
    pushed.trick("HEAD ", status=429, headers={"Retry-After": "0"})
    assert discover("test-workflow") is first


def test_what_was_deleted_is_found_no_more(pushed) -> None:
    assert discover("test-workflow") is not None
    del pushed.content.repository("workflows/test-workflow").tags["v1"]
    assert discover("test-workflow") is None


def test_what_is_not_there_is_none(fake, caplog) -> None:
    assert discover("missing-workflow", "v1") is None
    assert "missing-workflow:v1 was not discovered" in caplog.text
    assert {record.name for record in caplog.records} == {"ropeway.app.discovery"}


@pytest.mark.parametrize("text", [b"metadata: [", b"- just\n- a list\n", b"metadata: {id: x}\nsteps: [{id: 1}]\n"])
def test_what_is_no_workflow_is_none(fake, text: bytes) -> None:
    fake.push("workflows/bad", {"bad.yaml": text}, tag="v1")
    assert discover("bad") is None


def test_a_workflow_that_gets_right_is_found_then(fake) -> None:
    fake.push("workflows/test-workflow", {"test.yaml": b"metadata: ["}, tag="v1")
    assert discover("test-workflow") is None
    fake.push("workflows/test-workflow", {"test.yaml": document("Right")}, tag="v1")
    assert discover("test-workflow") is not None


def test_after_the_cache_was_cleared_it_is_pulled_again(pushed) -> None:
    first = discover("test-workflow")
    api.clear_workflow_cache()
    asked(pushed)
    second = discover("test-workflow")
    assert second is not first
    assert any(line.startswith("GET ") and "/blobs/" in line for line in asked(pushed))


def test_registries_and_versions_are_kept_apart(pushed) -> None:
    pushed.push("workflows/test-workflow", {"test.yaml": document("Newer")}, tag="v2")
    names = [getattr(discover("test-workflow", version), "metadata", None) for version in ("v1", "v2")]
    assert [one.name for one in names if one is not None] == ["First", "Newer"]
    assert discover("test-workflow", registry=f"{pushed.host}/elsewhere") is None


def test_an_id_that_says_its_version_gives_the_same_object(pushed) -> None:
    assert discover("test-workflow-v1") is discover("test-workflow")


def test_tasks_that_ask_at_once_share_one_object_and_one_pull(pushed) -> None:
    async def all_at_once():
        return await asyncio.gather(*(api.discover_workflow("test-workflow") for _ in range(20)))

    found = asyncio.run(all_at_once())
    assert found[0] is not None
    assert {id(one) for one in found} == {id(found[0])}
    lines = asked(pushed)
    assert sum("/blobs/" in line for line in lines) == 1
    assert lines.count(HEAD[0]) == 19


def test_threads_that_ask_and_clear_at_once_always_get_a_definition(pushed) -> None:
    found: list[object] = []

    def work() -> None:
        for _ in range(5):
            found.append(discover("test-workflow"))
            api.clear_workflow_cache()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 20
    assert None not in found
