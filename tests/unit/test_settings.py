from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ropeway import settings
from ropeway.errors import Refused, RopewayError, StoreError, UsageError
from ropeway.settings.edit import change


@dataclass
class Place:
    """A person's configuration, a project, and an environment."""

    root: Path
    environ: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.environ["XDG_CONFIG_HOME"] = str(self.root / "config")
        self.user = settings.config_dir(self.environ) / "config.toml"
        self.user.parent.mkdir(parents=True)
        self.project = self.root / "project"
        self.project.mkdir()
        self.project_file = self.project / ".ropeway.toml"

    def load(self) -> settings.Settings:
        return settings.load(self.project, self.environ)

    def told(self) -> RopewayError:
        with pytest.raises(RopewayError) as caught:
            self.load()
        return caught.value


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_the_environment_wins_over_the_project_over_the_person_over_the_default(place: Place) -> None:
    seen = []
    for prepare in (
        lambda: None,
        lambda: place.user.write_text("max_parallel = 1"),
        lambda: place.project_file.write_text("max_parallel = 2"),
        lambda: place.environ.update(ROPEWAY_MAX_PARALLEL="3"),
    ):
        prepare()
        setting = place.load().get("max_parallel")
        seen.append((setting.value, setting.origin, setting.place))
    assert seen == [
        (0, "default", ""),
        (1, "user", str(place.user)),
        (2, "project", str(place.project_file)),
        (3, "env", "ROPEWAY_MAX_PARALLEL"),
    ]


def test_every_row_of_the_table_has_a_typed_name_and_a_default_of_its_kind() -> None:
    loaded = settings.load(None, {"HOME": "/nowhere"})
    for key in settings.SCHEMA:
        assert hasattr(loaded, key.name)
        assert key.doc.endswith(".")
        if key.kind == "choice":
            assert key.default in key.choices
    assert [setting.key.name for setting in loaded] == sorted(key.name for key in settings.SCHEMA)


@pytest.mark.parametrize("key", [key.name for key in settings.SCHEMA if not key.project_may_set])
def test_a_project_may_not_set_what_protects_the_person(place: Place, key: str) -> None:
    place.project_file.write_text(f'{key} = "https://evil.example"')
    error = place.told()
    assert isinstance(error, Refused)
    assert key in error.message
    assert f"workflow config set {key}" in str(error.hint)


def test_an_unknown_setting_is_named_with_its_file_and_the_nearest_name(place: Place) -> None:
    place.user.write_text("max_paralel = 2")
    error = place.told()
    assert error.message == f"{place.user}: there is no setting 'max_paralel'"
    assert error.hint == "did you mean max_parallel?"
    assert error.exit_status == 2


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("max_parallel = -1", "a whole number from 0"),
        ("max_parallel = true", "a whole number from 0"),
        ('plain = "perhaps"', "true or false"),
        ('durability = "never"', "one of normal, power"),
        ('grace = "soon"', "a duration"),
        ("github_url = 3", "text"),
        ('memory = "4 GB"', "a size such as 512MiB"),
        ("memory = 1.5", "a size such as 512MiB"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_what_would_fit(place: Place, text: str, hint: str) -> None:
    place.user.write_text(text)
    assert hint in str(place.told().hint)


@pytest.mark.parametrize("raw", [b"max_parallel", b"\xff\xfe", b"a = " + b"[" * 5000])
def test_a_damaged_file_is_a_message_and_not_a_crash(place: Place, raw: bytes) -> None:
    place.user.write_bytes(raw)
    error = place.told()
    assert isinstance(error, UsageError)
    assert str(place.user) in error.message


@pytest.mark.parametrize(("text", "seconds"), [("1.5h", 5400.0), ("250ms", 0.25), ("7", 7.0), ("2m", 120.0)])
def test_durations_are_seconds(place: Place, text: str, seconds: float) -> None:
    place.environ["ROPEWAY_GRACE"] = text
    assert place.load().grace == seconds


def test_an_empty_variable_is_a_value_and_not_an_absence(place: Place) -> None:
    place.environ["ROPEWAY_MAX_PARALLEL"] = ""
    assert "ROPEWAY_MAX_PARALLEL: max_parallel can not be ''" in place.told().message


def test_a_relative_xdg_path_is_ignored_as_its_specification_says() -> None:
    assert settings.state_dir({"XDG_STATE_HOME": "here", "HOME": "/home/ada"}) == Path("/home/ada/.local/state/ropeway")
    assert settings.cache_dir({"XDG_CACHE_HOME": "/c", "HOME": "/home/ada"}) == Path("/c/ropeway")


def test_changing_one_setting_keeps_every_other_line(place: Place) -> None:
    place.user.write_text("# mine\nmax_parallel = 2  # two cores\nplain = true\n")
    change(place.user, "max-parallel", "4")
    change(place.user, "durability", "power")
    change(place.user, "plain", None)
    assert place.user.read_text() == '# mine\nmax_parallel = 4\ndurability = "power"\n'


def test_a_setting_is_written_into_a_file_that_did_not_exist(place: Place) -> None:
    change(place.user, "github_url", "https://git.example/")
    assert place.load().github_url == "https://git.example"


@pytest.mark.parametrize("text", ['plain = """\ntrue"""\nmax_parallel = 1\n', 'note = """\nmax_parallel = 3\n"""\n'])
def test_a_file_that_a_line_edit_would_damage_is_left_alone(place: Place, text: str) -> None:
    place.user.write_text(text)
    with pytest.raises(StoreError, match="only you can edit"):
        change(place.user, "plain" if text.startswith("plain") else "max_parallel", "true" if text.startswith("plain") else "9")
    assert place.user.read_text() == text


def test_a_bad_value_is_not_written(place: Place) -> None:
    with pytest.raises(UsageError):
        change(place.user, "max_parallel", "many")
    assert not place.user.exists()


def test_reading_settings_imports_no_parser_when_there_is_no_file() -> None:
    code = "import sys; from ropeway.settings import load; load(None, {'HOME': '/nowhere'}); print('tomllib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize(("text", "size"), [("0", None), ("4096", 4096), ("512MiB", 512 * 2**20), ("2GiB", 2 * 2**30)])
def test_memory_is_a_size_and_nothing_means_all(place: Place, text: str, size: int | None) -> None:
    place.user.write_text(f'memory = "{text}"')
    assert place.load().memory == size


def test_cores_bound_what_steps_lease(place: Place) -> None:
    assert place.load().cores is None
    place.user.write_text("cores = 3")
    assert place.load().cores == 3


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("keep_runs_for", "30d"),
        ("grace", "10"),
        ("grace", "1.5"),
        ("grace", "90s"),
        ("keep_cache_size", "5GiB"),
        ("memory", "1025"),
        ("plain", "true"),
    ],
)
def test_a_value_is_shown_as_it_can_be_written(place: Place, key: str, text: str) -> None:
    place.environ["ROPEWAY_" + key.upper()] = text
    setting = place.load().get(key)
    assert settings.as_text(setting.key, setting.value) == text


def test_how_long_things_are_kept_can_be_without_bound(place: Place) -> None:
    loaded = place.load()
    assert (loaded.keep_runs, loaded.keep_runs_for, loaded.keep_state_size) == (1000, 30 * 86400, None)
    assert (loaded.keep_workspaces, loaded.keep_workspaces_for) == (100, 14 * 86400)
    assert (loaded.keep_cache_size, loaded.keep_tools_for) == (5 * 2**30, 30 * 86400)
    assert (loaded.keep_tools_size, loaded.keep_workspaces_size) == (None, None)
    place.user.write_text("keep_runs = 0\nkeep_runs_for = 0\nkeep_workspaces_for = '0s'\n")
    loaded = place.load()
    assert (loaded.keep_runs, loaded.keep_runs_for, loaded.keep_workspaces_for) == (None, None, None)


def test_a_value_beyond_the_basic_plane_can_be_set(tmp_path: Path) -> None:
    change(tmp_path / "config.toml", "actor", '\U0001f600 \x7f\x08"')
    assert settings.read_file(tmp_path / "config.toml")["actor"] == '\U0001f600 \x7f\x08"'
