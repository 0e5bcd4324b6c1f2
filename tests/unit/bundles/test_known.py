"""What was seen is never lost and never forgotten silently; what was decided is kept for its owner alone."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ropeway.bundles.known import Known, Seen
from ropeway.bundles.verdicts import Subject, Verdict, Verdicts, full_name, standing
from ropeway.errors import Refused, StoreError
from ropeway.records import replace

NOW = datetime(2026, 11, 21, 9, 51, 47, tzinfo=UTC)
SOURCE = "oci://ghcr.io/acme/workflows/build"
ONE = Seen(SOURCE, "acme/build", "sha256:" + "1" * 64, NOW, NOW, "1.2.0", ref="1.2.0", signers=("sha256:" + "a" * 64,), signed="1.2.0")


@pytest.fixture
def known(tmp_path: Path) -> Known:
    return Known(tmp_path / "state" / "known.toml")


def test_what_was_remembered_is_found_again(known: Known) -> None:
    strange = replace(
        ONE, source="git+https://h/x", name='a"\\\n\t\x01ä', version=None, ref="#", moving=True, previous="sha256:" + "2" * 64, kind="skill"
    )
    known.remember(ONE, strange)
    assert set(known.all()) == {ONE, strange}
    assert known.seen(SOURCE, "build") == known.seen(SOURCE, "acme/workflows/build") == (ONE,)
    assert known.find(SOURCE, "build", "1.2.0") == known.last(SOURCE, "build", "1.2.0") == ONE
    assert known.find(SOURCE, "build", "1.3.0") is known.last(SOURCE, "build") is None


def test_a_reference_has_one_entry_which_keeps_when_it_was_first_seen(known: Known) -> None:
    branch = replace(ONE, source="git+https://h/x", name="build", version="main", moving=True, ref="")
    later = replace(branch, digest="sha256:" + "3" * 64, first=NOW + timedelta(days=1), last=NOW + timedelta(days=1))
    known.remember(branch)
    known.remember(later)
    assert known.all() == (replace(later, first=NOW),)


def test_forgetting_takes_one_name_of_one_source(known: Known) -> None:
    other = replace(ONE, source="oci://ghcr.io/acme/workflows/deploy", name="acme/deploy")
    known.remember(ONE, other)
    assert known.forget(SOURCE, "build") == 1
    assert known.all() == (other,)
    assert known.forget(SOURCE, "build") == 0


WRITER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from ropeway.bundles.known import Known, Seen
now = datetime(2026, 11, 21, tzinfo=UTC)
for turn in range(3):
    Known(Path(sys.argv[1])).remember(Seen("oci://h/x", "x", "sha256:" + "1" * 64, now, now, f"{sys.argv[2]}.0.{turn}"))
"""


def test_ten_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "known.toml"
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(path), str(number)]) for number in range(10)]
    assert [writer.wait(60) for writer in writers] == [0] * 10
    assert {each.version for each in Known(path).all()} == {f"{number}.0.{turn}" for number in range(10) for turn in range(3)}
    assert path.stat().st_mode & 0o777 == 0o600
    assert sorted(each.name for each in tmp_path.iterdir()) == ["known.toml", "known.toml.lock"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[[seen]]\nsource = ", 2),
        ("\0", 1),
        ('[[seen]]\nsource = "x"\n', 1),
        ('[[seen]]\nsource = 1\nname = ""\ndigest = ""\nfirst = 2026-01-01T00:00:00Z\nlast = 2026-01-01T00:00:00Z\n', 2),
        ('[[seen]]\nfirst = "soon"\n', 2),
        ('[[seen]]\nsigner = ["x"]\n', 2),
        ("[[other]]\n", 1),
    ],
)
def test_a_damaged_file_is_an_error_that_says_what_to_do_and_is_left_as_it_is(tmp_path: Path, text: str, line: int) -> None:
    path = tmp_path / "known.toml"
    path.write_text(text)
    for attempt in (Known(path).all, lambda: Known(path).remember(ONE)):
        with pytest.raises(StoreError) as caught:
            attempt()
        assert caught.value.message.startswith(f"{path}:{line}: ")
        assert f"mv {path} {path}.damaged" in (caught.value.hint or "")
        assert caught.value.code == "known-damaged"
    assert path.read_text() == text


def test_a_file_that_others_may_write_to_is_refused(known: Known, tmp_path: Path) -> None:
    known.remember(ONE)
    (tmp_path / "state/known.toml").chmod(0o666)
    with pytest.raises(Refused, match="others may write to"):
        known.all()


def test_a_folder_that_can_not_be_made_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    with pytest.raises(StoreError, match="can not be written"):
        Known(tmp_path / "state" / "known.toml").remember(ONE)


# -- the cache of verdicts ---------------------------------------------------------------------------------------------------------------

SUBJECT = Subject(SOURCE, "build", "sha256:" + "1" * 64, "1.2.0")
VERDICT = Verdict(("sha256:" + "a" * 64,), ("news",), ask=True, rule="trust.toml:1", version="1.2.0", previous="sha256:" + "2" * 64)


def test_a_verdict_is_found_again_under_the_same_rules_only(tmp_path: Path) -> None:
    verdicts = Verdicts(tmp_path / "verdicts")
    assert verdicts.get(SUBJECT, "s1") is None
    verdicts.put(SUBJECT, "s1", VERDICT)
    assert verdicts.get(SUBJECT, "s1") == replace(VERDICT, news=(), ask=False)
    assert verdicts.get(SUBJECT, "s1", VERDICT.signers) is not None
    assert verdicts.get(SUBJECT, "s1", ("sha256:" + "b" * 64,)) is None
    assert verdicts.get(SUBJECT, "s2") is None
    for change in ({"digest": "sha256:" + "2" * 64}, {"source": "oci://h/build"}, {"version": "1.3.0"}, {"kind": "skill"}):
        assert verdicts.get(replace(SUBJECT, **change), "s1") is None
    assert (tmp_path / "verdicts").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"verdict": {}}'])
def test_a_damaged_verdict_counts_as_none(tmp_path: Path, text: str) -> None:
    verdicts = Verdicts(tmp_path / "verdicts")
    verdicts.put(SUBJECT, "s", VERDICT)
    (entry,) = (tmp_path / "verdicts").iterdir()
    whole = entry.read_text()
    for broken in (text, whole.replace('"rule"', '"role"'), whole.replace(SUBJECT.digest, "sha256:" + "9" * 64), whole[:-9]):
        entry.write_text(broken)
        assert verdicts.get(SUBJECT, "s") is None


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o777])
def test_a_folder_that_is_not_the_persons_alone_is_refused(tmp_path: Path, mode: int) -> None:
    folder = tmp_path / "verdicts"
    folder.mkdir()
    folder.chmod(mode)
    for attempt in (lambda: Verdicts(folder).get(SUBJECT, "s"), lambda: Verdicts(folder).put(SUBJECT, "s", VERDICT)):
        with pytest.raises(Refused, match="not yours alone"):
            attempt()


def test_a_link_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / "verdicts").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Refused):
        Verdicts(tmp_path / "verdicts").get(SUBJECT, "s")


def test_a_folder_that_can_not_be_written_keeps_nothing_and_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    Verdicts(tmp_path / "file" / "verdicts").put(SUBJECT, "s", VERDICT)
    assert Verdicts(tmp_path / "file" / "verdicts").get(SUBJECT, "s") is None


def test_the_standing_changes_with_rules_and_keys_and_nothing_else(tmp_path: Path) -> None:
    found = {standing(tmp_path)}
    for name, text in (("trust.toml", "a"), ("keys.toml", "a"), ("trust.toml", "b"), ("keys.toml", "")):
        (tmp_path / name).write_text(text)
        found.add(standing(tmp_path))
    assert len(found) == 5
    (tmp_path / "config.toml").write_text("x")
    assert standing(tmp_path) in found


def test_a_verdict_is_used_again_without_cryptography(tmp_path: Path) -> None:
    script = """
import sys
from pathlib import Path
from ropeway.bundles.verdicts import Subject, Verdicts, standing
assert Verdicts(Path(sys.argv[1])).get(Subject(*sys.argv[2:5]), standing(Path(sys.argv[1]))) is not None
print([name for name in sys.modules if name.partition(".")[0] in {"cryptography", "hashlib", "_hashlib", "tomllib", "datetime"}])
"""
    folder = tmp_path / "verdicts"
    subject = replace(SUBJECT, version=None)
    Verdicts(folder).put(subject, standing(folder), VERDICT)
    done = subprocess.run(
        [sys.executable, "-c", script, str(folder), subject.source, subject.name, subject.digest],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[]\n", done.stderr


@pytest.mark.parametrize(
    ("source", "name", "full"),
    [
        ("oci://ghcr.io/acme/workflows/build", "build", "acme/build"),
        ("oci://ghcr.io/workflows/acme/build", "acme/build", "acme/build"),
        ("oci://localhost:5000/workflows/test", "workflows/test", "test"),
        ("oci://localhost:5000/agents/plan", "agents/plan", "plan"),
        ("oci://localhost:5000/workflows", "workflows", "workflows"),
        ("oci://localhost:5000/other/thing", "x", "other/thing"),
        ("git+https://git.example/a/workflows/b", "build", "build"),
        ("https://a.example/build.toml", "", ""),
    ],
)
def test_the_full_name_comes_from_the_source_where_that_says_it(source: str, name: str, full: str) -> None:
    assert full_name(source, name) == full


@pytest.mark.skipif(os.geteuid() != 0, reason="expected: only root can give a folder away")
def test_a_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "verdicts"
    folder.mkdir(mode=0o700)
    os.chown(folder, 12345, 12345)
    with pytest.raises(Refused):
        Verdicts(folder).get(SUBJECT, "s")
