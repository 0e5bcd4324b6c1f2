"""The tools of a working copy: which there are, their version, and the store that copies share."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from ropeway.errors import NotFound, Refused, UsageError
from ropeway.workspaces import metadata, toolbox, tools


class Place:
    """A source of tools, a working copy, and a cache."""

    def __init__(self, root: Path) -> None:
        self.source = root / "source"
        self.copy = root / "copy"
        self.cache = root / "cache"
        for folder in (self.source, self.copy):
            folder.mkdir()
        self.environ = {"XDG_CACHE_HOME": str(self.cache), "HOME": str(root)}

    def file(self, name: str, text: str = "", *, executable: bool = False) -> None:
        path = self.source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755 if executable else 0o644)

    def sync(self, *names: str, force: bool = False, copy: Path | None = None) -> tools.ToolSync:
        return tools.sync(str(copy or self.copy), str(self.source), names or None, self.environ, force=force)

    @property
    def there(self) -> Path:
        return self.copy / ".agent-tools"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    found = Place(tmp_path)
    found.file("agents.just", "default:\n")
    found.file("scripts/run.sh", "#!/bin/sh\ncat ../rules/one.md\n", executable=True)
    found.file("scripts/lib/a.sh", "a\n")
    found.file("scripts/lib.sh", "b\n")
    found.file("rules/one.md", "be kind\n")
    found.file("other/x", "not a tool\n")
    return found


def by_hand(*files: tuple[str, str]) -> str:
    return hashlib.sha256(b"".join(path.encode() + b"\0" + content.encode() for path, content in files)).hexdigest()


def test_the_version_is_the_digest_of_paths_and_contents_sorted_by_the_parts_of_the_path(place: Place) -> None:
    done = place.sync()
    assert done.version == by_hand(
        ("agents.just", "default:\n"),
        ("rules/one.md", "be kind\n"),
        ("scripts/lib/a.sh", "a\n"),  # before lib.sh, though "/" sorts behind "."
        ("scripts/lib.sh", "b\n"),
        ("scripts/run.sh", "#!/bin/sh\ncat ../rules/one.md\n"),
    )
    assert (place.there / ".version").read_text() == done.version + "\n"
    assert tools.version_of(str(place.copy)) == done.version


def test_the_order_of_the_list_counts_in_the_version(place: Place) -> None:
    assert toolbox.find(str(place.source), ["rules", "agents.just"]).version == by_hand(
        ("rules/one.md", "be kind\n"), ("agents.just", "default:\n")
    )


def test_what_is_there_of_the_usual_tools_is_taken_and_is_all_that_is(place: Place) -> None:
    shutil.rmtree(place.source / "rules")
    assert place.sync().names == ("agents.just", "scripts")
    assert sorted(p.name for p in place.there.iterdir()) == [".gitignore", ".version", "agents.just", "scripts"]
    assert (place.there / ".gitignore").read_text() == "*\n"


def test_a_source_without_tools_gives_the_digest_of_nothing(tmp_path: Path) -> None:
    place = Place(tmp_path)
    assert place.sync() == tools.ToolSync(hashlib.sha256().hexdigest(), str(place.source), copied=True)
    assert place.sync().copied is False
    assert sorted(p.name for p in place.there.iterdir()) == [".gitignore", ".version"]


def test_all_tools_that_a_policy_names_must_be_there_and_all_missing_ones_are_named(place: Place) -> None:
    with pytest.raises(NotFound) as caught:
        place.sync("scripts", "prompts", "agents.toml")
    assert caught.value.message == f"no such tools in {place.source}: prompts, agents.toml"
    assert not place.there.exists()


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "", ".", "a//b", ".version", ".agent-workflow.json", "a/../b", "a\0b"])
def test_the_name_of_a_tool_can_not_lead_anywhere_else(place: Place, name: str) -> None:
    with pytest.raises(UsageError):
        place.sync(name)


def test_a_tool_may_be_below_a_folder(place: Place) -> None:
    place.file("tools/fmt/x.sh", "x\n")
    assert place.sync("tools/fmt", "tools/fmt/x.sh").names == ("tools/fmt", "tools/fmt/x.sh")
    assert (place.there / "tools/fmt/x.sh").read_text() == "x\n"
    assert not (place.there / "tools").is_symlink()


def test_the_copy_has_links_into_a_store_that_nobody_can_write_to(place: Place) -> None:
    version = place.sync().version
    link = place.there / "scripts"
    assert link.is_symlink()
    store = link.resolve()
    assert store.parent.parent == place.cache / "ropeway/tools" / version
    for path in [store, store.parent, *store.rglob("*")]:
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o555 if path.is_dir() or path.name == "run.sh" else 0o444), path
    assert stat.S_IMODE((place.cache / "ropeway/tools").stat().st_mode) == 0o700


def test_scripts_find_their_neighbours(place: Place) -> None:
    place.sync()
    done = subprocess.run(["./run.sh"], cwd=place.there / "scripts", capture_output=True, check=True)
    assert done.stdout == b"be kind\n"


def test_a_second_working_copy_shares_the_same_files(place: Place, tmp_path: Path) -> None:
    place.sync()
    other = tmp_path / "other"
    other.mkdir()
    assert place.sync(copy=other).copied is True
    assert (other / ".agent-tools/rules/one.md").samefile(place.there / "rules/one.md")
    assert len(list((place.cache / "ropeway/tools").iterdir())) == 1


def test_nothing_is_done_while_the_version_is_the_same(place: Place) -> None:
    assert place.sync().copied is True
    before = {p.name: p.lstat().st_mtime_ns for p in place.there.iterdir()}
    assert place.sync().copied is False
    assert {p.name: p.lstat().st_mtime_ns for p in place.there.iterdir()} == before


def test_a_change_at_the_source_is_taken_over_and_metadata_survives(place: Place) -> None:
    metadata.write(str(place.copy), {"workspace_id": "w"})
    (place.there / "notes.txt").write_text("mine\n")
    place.sync()
    place.file("rules/two.md", "be quick\n")
    (place.source / "agents.just").unlink()
    assert place.sync().copied is True
    assert (place.there / "rules/two.md").read_text() == "be quick\n"
    assert not (place.there / "agents.just").is_symlink()
    assert metadata.read(str(place.copy)) == {"workspace_id": "w"}
    assert (place.there / "notes.txt").read_text() == "mine\n"


def test_what_may_be_executed_is_taken_over_too_though_the_version_says_nothing_of_it(place: Place) -> None:
    before = place.sync()
    (place.source / "scripts/lib.sh").chmod(0o755)
    after = place.sync()
    assert (after.version, after.copied) == (before.version, True)
    assert os.access(place.there / "scripts/lib.sh", os.X_OK)
    assert not os.access(place.there / "scripts/lib/a.sh", os.X_OK)


@pytest.mark.parametrize("how", ["content", "mode", "extra", "missing", "link"])
def test_a_set_in_the_store_that_was_tampered_with_is_made_anew(place: Place, how: str) -> None:
    place.sync()
    script = (place.there / "scripts").resolve() / "run.sh"
    for path in (script, script.parent, script.parent.parent, script.parent.parent.parent):
        path.chmod(0o755)
    if how == "content":
        script.write_text("evil\n")
    elif how == "extra":
        (script.parent.parent / "more").write_text("evil\n")
    elif how == "missing":
        script.unlink()
    elif how == "link":
        script.unlink()
        script.symlink_to("/etc/passwd")
    if how != "mode":
        script.parent.chmod(0o555)
        script.parent.parent.chmod(0o555)
    place.sync()
    script = (place.there / "scripts").resolve() / "run.sh"
    assert script.read_text() == "#!/bin/sh\ncat ../rules/one.md\n"
    assert sorted(p.name for p in script.parent.parent.iterdir()) == ["agents.just", "rules", "scripts"]
    assert stat.S_IMODE(script.stat().st_mode) == 0o555
    assert [p.name for p in script.parent.parent.parent.iterdir()] == [script.parent.parent.name]


def test_links_inside_of_a_tool_are_kept_and_what_they_lead_to_counts_in_the_version(place: Place) -> None:
    (place.source / "scripts/alias").symlink_to("run.sh")
    (place.source / "scripts/gone").symlink_to("nowhere")
    (place.source / "scripts/up").symlink_to("../rules")
    done = place.sync("scripts")
    assert done.version == by_hand(
        ("scripts/alias", "#!/bin/sh\ncat ../rules/one.md\n"),
        ("scripts/lib/a.sh", "a\n"),
        ("scripts/lib.sh", "b\n"),
        ("scripts/run.sh", "#!/bin/sh\ncat ../rules/one.md\n"),
    )
    assert (place.there / "scripts/alias").readlink() == Path("run.sh")
    assert (place.there / "scripts/gone").readlink() == Path("nowhere")
    assert place.sync("scripts").copied is False


def test_a_tool_that_is_a_link_within_the_source_is_resolved(place: Place) -> None:
    (place.source / "rules/one.md").unlink()
    (place.source / "rules").rmdir()
    (place.source / "rules").symlink_to("other")
    place.sync()
    assert (place.there / "rules/x").read_text() == "not a tool\n"
    assert not (place.there / "rules").resolve().is_symlink()


def test_a_tool_that_is_a_link_out_of_the_source_is_left_out_and_refused_when_a_policy_names_it(place: Place, tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.mkdir()
    (private / "key").write_text("secret\n")
    shutil.rmtree(place.source / "rules")
    (place.source / "rules").symlink_to(private)
    done = place.sync()
    assert done.names == ("agents.just", "scripts")
    assert done.left_out == (f"rules is a link that leads out of {place.source}, to {private}",)
    assert not (place.there / "rules").exists()
    with pytest.raises(Refused) as caught:
        place.sync("rules")
    assert caught.value.message == f"the tool rules is a link that leads out of {place.source}, to {private}"


def test_a_pipe_among_the_tools_is_passed_over(place: Place) -> None:
    os.mkfifo(place.source / "scripts/pipe")
    place.sync()
    assert not (place.there / "scripts/pipe").exists()
    assert place.sync().copied is False


def test_real_copies_of_the_right_version_are_left_alone_unless_forced(place: Place) -> None:
    version = toolbox.find(str(place.source), None).version
    place.there.mkdir()
    subprocess.run(["cp", "-R", *(place.source / name for name in ("agents.just", "rules", "scripts")), place.there], check=True)
    (place.there / ".version").write_text(version + "\n")
    assert place.sync().copied is False
    assert not (place.there / "scripts").is_symlink()
    assert place.sync(force=True).copied is True
    assert (place.there / "scripts").is_symlink()


def test_other_tools_can_remove_and_replace_what_is_there(place: Place) -> None:
    place.sync()
    for command in (["rm", "-rf", place.there], ["mkdir", place.there], ["cp", "-R", place.source / "scripts", place.there]):
        subprocess.run(command, check=True)
    (place.there / "scripts/run.sh").write_text("changed\n")
    assert (place.source / "scripts/run.sh").read_text() != "changed\n"
    assert place.sync().copied is True
    assert (place.there / "scripts/run.sh").read_text() == (place.source / "scripts/run.sh").read_text()


def test_a_tool_that_vanished_from_the_copy_is_put_back(place: Place) -> None:
    place.sync()
    (place.there / "rules").unlink()
    assert place.sync().copied is True
    assert (place.there / "rules/one.md").exists()


def test_names_that_are_no_text_are_copied_as_they_are(place: Place) -> None:
    name = os.fsdecode(b"scripts/\xff\n x")
    place.file(name, "odd\n")
    place.sync()
    assert (place.there / name).read_text() == "odd\n"
    assert place.sync().copied is False


def test_where_there_can_be_no_store_there_are_real_copies(place: Place) -> None:
    place.environ["XDG_CACHE_HOME"] = "/proc/1/nothing"
    assert place.sync().copied is True
    assert not (place.there / "scripts").is_symlink()
    assert os.access(place.there / "scripts/run.sh", os.X_OK | os.W_OK)
    assert place.sync().copied is False


def test_tools_that_change_while_they_are_copied_are_never_put_in_the_store(place: Place) -> None:
    found = toolbox.find(str(place.source), None)
    place.file("rules/one.md", "changed\n")
    with pytest.raises(OSError, match="change while they are copied"):
        toolbox.shared(found, place.environ)
    assert list((place.cache / "ropeway/tools" / found.version).iterdir()) == []


def test_the_source_is_the_root_unless_a_variable_names_another() -> None:
    assert tools.source_of({}, "/repo") == "/repo"
    assert tools.source_of({"AGENT_TOOLS_SOURCE": "/tools"}, "/repo") == "/tools"
    assert tools.source_of({"AGENT_TOOLS_SOURCE": ""}, "/repo") == "/repo"
