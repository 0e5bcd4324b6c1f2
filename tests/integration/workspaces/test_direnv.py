"""The .envrc of a workspace by the real direnv: allowed once, by policy, and never when it changed."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ropeway.errors import NotFound, Refused, RopewayError, UsageError
from ropeway.workspaces import direnv
from ropeway.workspaces.backend import choose
from ropeway.workspaces.manager import Manager
from support.repositories import RepositoryProject
from support.workspaces import git

pytestmark = pytest.mark.needs("direnv", "git")


class Place:
    """A repository with an .envrc, a manager, and homes of its own for direnv."""

    def __init__(self, root: Path) -> None:
        self.home = root / "home"
        self.home.mkdir()
        self.environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(root),
            "XDG_DATA_HOME": str(root / "data"),
            "XDG_CONFIG_HOME": str(root / "config"),
            "XDG_CACHE_HOME": str(root / "cache"),
            "LEAVES": "me",
        }
        self.told: list[tuple[str, dict[str, Any]]] = []
        git(self.home, "init", "-q")
        self.envrc('export COLOR=blue\nPATH_add bin\nunset LEAVES\nexport MULTI="a\nb"\n')
        git(self.home, "add", "-A")
        git(self.home, "commit", "-q", "-m", "first")
        self.manager = self.another()

    def another(self) -> Manager:
        backend = choose("git", self.home, self.environ).backend
        assert backend is not None
        return Manager(backend, self.environ, tell=lambda event, data: self.told.append((event, data)))

    def envrc(self, text: str) -> None:
        (self.home / ".envrc").write_text(text)

    @property
    def path(self) -> Path:
        return Path(self.manager.path("one"))

    def direnv(self, *words: str) -> str:
        """Run direnv as the person does, at home."""
        done = subprocess.run(["direnv", *words], cwd=self.home, env=self.environ, capture_output=True, text=True, check=True)
        return done.stdout

    def allowed(self) -> list[dict[str, Any]]:
        return [data for event, data in self.told if event == "workspace.direnv"]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_what_the_envrc_sets_and_takes_away_is_returned(place: Place) -> None:
    place.manager.ensure_workspace("one")
    found = place.manager.direnv_environment("one", "allow")
    mine = {name: value for name, value in found.items() if not name.startswith("DIRENV_")}
    assert mine == {"COLOR": "blue", "MULTI": "a\nb", "LEAVES": None, "PATH": f"{place.path}/bin:{place.environ['PATH']}"}


def test_it_is_allowed_once_and_that_is_told_and_noted(place: Place) -> None:
    place.manager.ensure_workspace("one", direnv_policy="allow")
    assert place.allowed() == [{"id": "one", "allowed": True, "file": f"{place.path}/.envrc"}]
    assert place.manager.read("one")["direnv_allowed"] is True
    place.another().ensure_workspace("one", direnv_policy="allow")
    assert len(place.allowed()) == 1
    assert place.another().direnv_environment("one", "allow")["COLOR"] == "blue"


def test_one_that_was_changed_since_is_not_allowed_again(place: Place) -> None:
    place.manager.ensure_workspace("one")
    (place.path / ".envrc").write_text("touch /tmp/pwned\n")
    for call in (lambda m: m.ensure_workspace("one"), lambda m: m.direnv_environment("one", "allow")):
        with pytest.raises(Refused) as caught:
            call(place.another())
        assert caught.value.message == f"{place.path}/.envrc has changed since it was allowed"
        assert caught.value.hint == f"look at it; `direnv allow {place.path}/.envrc` allows it, --no-direnv leaves it alone"
    assert place.another().direnv_environment("one", "never") == {}


def test_one_that_was_changed_after_a_run_without_direnv_is_not_allowed_either(place: Place) -> None:
    place.manager.ensure_workspace("one", direnv_policy="never")
    (place.path / ".envrc").write_text("touch /tmp/pwned\n")
    with pytest.raises(Refused, match="has changed since the workspace was made"):
        place.another().ensure_workspace("one")


def test_one_that_a_command_brought_is_not_allowed(place: Place) -> None:
    (place.home / ".envrc").unlink()
    place.manager.ensure_workspace("one")
    (place.path / ".envrc").write_text("touch /tmp/pwned\n")
    with pytest.raises(Refused, match="has changed since the workspace was made"):
        place.another().direnv_environment("one", "allow")


def test_what_a_person_allows_is_used_even_when_it_changed(place: Place) -> None:
    place.manager.ensure_workspace("one")
    (place.path / ".envrc").write_text("export COLOR=red\n")
    place.direnv("allow", str(place.path / ".envrc"))
    assert place.another().direnv_environment("one", "allow")["COLOR"] == "red"


def test_the_persons_own_envrc_may_change_between_two_workspaces(place: Place) -> None:
    place.manager.ensure_workspace("one")
    place.envrc("export COLOR=green\n")
    place.manager.ensure_workspace("two")
    assert place.manager.direnv_environment("two", "allow")["COLOR"] == "green"


def test_for_a_workflow_from_elsewhere_only_what_the_person_allowed_is_used(place: Place) -> None:
    with pytest.raises(Refused) as caught:
        place.manager.ensure_workspace("one", direnv_policy="allowed")
    assert caught.value.message == f"{place.path}/.envrc would be loaded for a workflow from elsewhere, and you have not allowed it"
    assert caught.value.hint == f"look at it; `direnv allow {place.home}` allows it, --no-direnv leaves it alone"
    assert place.allowed() == []
    place.direnv("allow")
    place.another().ensure_workspace("one", direnv_policy="allowed")
    assert place.another().direnv_environment("one", "allowed")["COLOR"] == "blue"
    (place.path / ".envrc").write_text("touch /tmp/pwned\n")
    with pytest.raises(Refused):
        place.another().direnv_environment("one", "allowed")


def test_what_direnv_set_at_home_does_not_reach_into_the_workspace(place: Place) -> None:
    place.direnv("allow")
    (place.home / ".envrc").write_text("export COLOR=home HOME_ONLY=1\n")
    place.direnv("allow")
    place.environ.update({k: v for k, v in direnv.environment(str(place.home), place.environ).items() if v is not None})
    assert place.environ["HOME_ONLY"] == "1"
    git(place.home, "checkout", "-q", ".envrc")
    place.another().ensure_workspace("one", "HEAD")
    found = place.another().direnv_environment("one", "allow")
    assert found["COLOR"] == "blue"
    assert found["HOME_ONLY"] is None


def test_the_command_of_a_person_runs_by_way_of_direnv(place: Place) -> None:
    place.manager.ensure_workspace("one")
    words = place.manager.wrapped("one", "allow", ["sh", "-c", "echo $COLOR"])
    assert words == ["direnv", "exec", str(place.path), "sh", "-c", "echo $COLOR"]
    assert subprocess.run(words, cwd=place.path, env=place.environ, capture_output=True, text=True, check=True).stdout == "blue\n"
    assert place.manager.wrapped("one", "never", ["true"]) == ["true"]


def test_a_workspace_without_an_envrc_needs_no_direnv(place: Place) -> None:
    (place.home / ".envrc").unlink()
    place.environ["PATH"] = without_direnv(place)
    place.another().ensure_workspace("one")
    assert place.another().direnv_environment("one", "allow") == {}


def test_where_direnv_is_missing_that_is_said_with_what_to_do(place: Place) -> None:
    place.environ["PATH"] = without_direnv(place)
    with pytest.raises(NotFound) as caught:
        place.another().ensure_workspace("one")
    assert caught.value.message == f"{place.path} has an .envrc, and there is no program direnv on the PATH"
    assert caught.value.hint == "install it (https://direnv.net), or --no-direnv leaves the .envrc alone"
    assert place.another().ensure_workspace("one", direnv_policy="never").created is False


def test_an_envrc_that_fails_is_told_with_what_it_said(place: Place) -> None:
    place.envrc("echo first >&2\nexit 3\n")
    place.manager.ensure_workspace("one")
    with pytest.raises(RopewayError) as caught:
        place.manager.direnv_environment("one", "allow")
    assert caught.value.message == f"{place.path}/.envrc failed: exit status 3"
    assert caught.value.hint == f"`direnv exec {place.path} true` shows all that it prints; --no-direnv leaves it alone"


def test_git_variables_of_a_hook_do_not_reach_the_envrc(place: Place) -> None:
    place.envrc('export SEEN="${GIT_DIR:-none}"\n')
    place.environ["GIT_DIR"] = str(place.home / ".git")
    manager = place.another()
    manager.ensure_workspace("one")
    assert manager.direnv_environment("one", "allow")["SEEN"] == "none"


def test_a_policy_that_does_not_exist_is_refused(place: Place) -> None:
    with pytest.raises(UsageError):
        place.manager.ensure_workspace("one", direnv_policy="always")


def without_direnv(place: Place) -> str:
    """Return a PATH with git alone."""
    folder = place.home.parent / "only-git"
    folder.mkdir()
    for part in os.environ["PATH"].split(os.pathsep):
        if os.access(f"{part}/git", os.X_OK):
            (folder / "git").symlink_to(f"{part}/git")
            break
    return str(folder)


@pytest.mark.parametrize(("setting", "status"), [("allow", 0), ("allowed", 4), ("never", 0)])
def test_the_persons_setting_bounds_what_a_run_does_with_an_envrc(tmp_path: Path, setting: str, status: int) -> None:
    project = RepositoryProject(tmp_path)
    (project.cwd / ".envrc").write_text("export FROM_ENVRC=yes\n")
    project.write('[steps.a]\nrun = "echo FROM_ENVRC=${FROM_ENVRC:-}"\n')
    ran = project.call("run", env={"ROPEWAY_DIRENV": setting})
    assert ran.status == status, ran.err
    if status == 0:
        assert ran.log("a").decode() == f"FROM_ENVRC={'yes' if setting == 'allow' else ''}\n"
    else:
        assert "direnv allow" in ran.err
