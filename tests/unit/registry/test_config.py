"""``registries.toml``: what it may say, what is wrong in it with its line, and changes that leave the rest as it was written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ropeway.app.adding_registries import Options, add
from ropeway.errors import NotFound, StoreError, UsageError
from ropeway.registry import config_edit
from ropeway.registry.config import Registries, Registry, check_name, parse

PIN = "sha256:" + "a" * 64

# -- names ------------------------------------------------------------------------------------------------------------------------------

NAMES = [
    ("", "a registry needs a name"),
    ("a/b", "`a/b` can't be the name of a registry: behind the `@` of a reference, what holds a `/` is a repository"),
    ("a@b", "`a@b` can't be the name of a registry: `@` stands between the name of a workflow and that of its registry"),
    ("a#b", "`a#b` can't be the name of a registry: a version stands behind the `#` of a reference"),
    ("_adhoc", "`_adhoc` can't be the name of a registry: names that begin with `_` are kept for what no registry names, such as `_adhoc`"),
    ("Acme", "`Acme` can't be the name of a registry: names are lower case"),
    ("a b", "'a b' can't be the name of a registry"),
    (".a", "'.a' can't be the name of a registry"),
    ("a\n", "'a\\n' can't be the name of a registry"),
    ("é", "'é' can't be the name of a registry"),
    ("a" * 101, "the name of a registry has at most 100 characters"),
]


@pytest.mark.parametrize(("name", "said"), NAMES)
def test_a_name_that_no_reference_could_hold_has_a_message_of_its_own(name: str, said: str, tmp_path: Path) -> None:
    for action in (lambda: check_name(name), lambda: config_edit.add(tmp_path / "r.toml", name, {"type": "path", "source": "/a"})):
        with pytest.raises(UsageError) as caught:
            action()
        assert (caught.value.message, caught.value.code) == (said, "registry-name")
        assert caught.value.hint
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("name", "said"), [each for each in NAMES if "\n" not in each[0]])
def test_such_a_name_is_refused_in_a_file_too(name: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(f'# mine\n[registries."{name}"]\ntype = "path"\nsource = "/a"\n'.encode(), "R")
    assert (caught.value.message, caught.value.code) == (f"R:2: {said}", "registry-name")


# -- reading ----------------------------------------------------------------------------------------------------------------------------

WHOLE = f"""\
# all of mine
default = "acme"

[registries.acme]
type = "oci"
source = "oci://ghcr.io/acme/"
ca = "/etc/acme.pem"
pin = "{PIN}"
update = "auto"

[registries.tools]          # the old ones
type = "github"
source = "acme/tools"

[registries.here]
type = "path"
source = "/srv/workflows"

[registries."ours.1"]
type = "ropeway"
source = "https://w.example.org"
pin = ["{PIN}"]
"""


def test_a_file_is_read_as_it_says() -> None:
    found = parse(WHOLE.encode(), "R", "https://mirror.example.org/")
    assert found.default == "acme"
    assert list(found) == [
        Registry("acme", "oci", "oci://ghcr.io/acme", Path("/etc/acme.pem"), (PIN,), "auto", "oci://ghcr.io/acme/"),
        Registry("here", "path", "/srv/workflows", written="/srv/workflows"),
        Registry("ours.1", "ropeway", "https://w.example.org", None, (PIN,), "notify", "https://w.example.org"),
        Registry("tools", "git", "https://mirror.example.org/acme/tools", written="acme/tools"),
    ]
    assert found.get() == found.get("acme")
    assert parse(b"", "R") == Registries()


@pytest.mark.parametrize(
    "source", ["https://h/a.git", "ssh://git@h/a", "git@h:a/b.git", "file:///srv/a.git", "/srv/a.git", "https://h:8443/a/b/c"]
)
def test_git_is_asked_at_any_address_that_it_takes(source: str) -> None:
    assert parse(f'[registries.a]\ntype = "git"\nsource = "{source}"\n'.encode(), "R").get("a").source == source


@pytest.mark.parametrize("kind", ["git", "github", "path", "oci", "ropeway", "svn"])
@pytest.mark.parametrize(
    "source", ["https://me:s3cret@h/a.git", "https://s3cret@h/a", "ssh://git:s3cret@h/a", "me:s3cret@h:a", "https://me:s3/cret@h"]
)
def test_a_source_with_a_password_is_refused_and_repeated_nowhere(source: str, kind: str, tmp_path: Path) -> None:
    written = tmp_path / "registries.toml"
    for action in (
        lambda: parse(f'[registries.a]\ntype = "{kind}"\nsource = "{source}"\n'.encode(), "R"),
        lambda: config_edit.add(written, "a", {"type": kind, "source": source}),
        lambda: add("a", source, Options(type=kind), {"HOME": str(tmp_path)}, tmp_path),
        lambda: add("a", source, Options(), {"HOME": str(tmp_path)}, tmp_path, lambda *_: pytest.fail("asked")),
    ):
        with pytest.raises(UsageError, match="the address holds a user name or a password") as caught:
            action()
        assert "s3" not in f"{caught.value.message} {caught.value.hint}"
        assert "credential helpers" in (caught.value.hint or "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("default = 1", "R:1: `default` names no registry of this file: 1"),
        ('\ndefault = "b"\n[registries.a]\ntype="path"\nsource="/a"', "R:2: `default` names no registry of this file: 'b'"),
        ("extra = 1", "R:1: `extra` does not belong here"),
        ("registries = 1", "R:1: `registries` is a table"),
        ("[registries]\na = 1", "R:2: `registries.a` is a table"),
        ("[registries.a]\n", "R:1: `type` is missing in the registry `a`"),
        ('[registries.a]\ntype = "git"\n', "R:1: `source` is missing in the registry `a`"),
        ('[registries.a]\ntype = "git"\nsource = " "', "R:3: `source` is text in the registry `a`"),
        ('[registries.a]\ntype = 3\nsource = "/"', "R:2: `type` is text in the registry `a`"),
        ('[registries.a]\ntype = "svn"\nsource = "/"', "R:2: `svn` is no type of registry"),
        ('[registries.a]\ntype = "path"\nsource = "/"\nurl = "x"', "R:4: `url` does not belong in a registry"),
        ('[registries.a]\ntype = "path"\nsource = "a/b"', "R:3: `a/b` is not an absolute path"),
        ('[registries.a]\ntype = "git"\nsource = "a/b/c"', "R:3: git can't be asked for `a/b/c`"),
        ('[registries.a]\ntype = "oci"\nsource = "ghcr.io/a"', "R:3: `ghcr.io/a` is no address of this type of registry"),
        ('[registries.a]\ntype = "ropeway"\nsource = "oci://x"', "R:3: `oci://x` is no address of this type of registry"),
        ('[registries.a]\ntype = "ropeway"\nsource = "https://me:x@h"', "R:3: the address holds a user name or a password"),
        ('[registries.a]\ntype = "ropeway"\nsource = "https://h/?a=b"', "R:3: the address holds a `#` or a `?`"),
        ('[registries.a]\ntype = "path"\nsource = "/"\nca = "x.pem"', "R:4: `ca` is the absolute path of a file of certificates"),
        (
            '[registries.a]\ntype = "path"\nsource = "/"\npin = "sha256:1"',
            "R:4: `pin` is sha256: with 64 hexadecimal digits in lower case, or a list of those",
        ),
        ('[registries.a]\ntype = "path"\nsource = "/"\nupdate = "daily"', "R:4: `update` is never, notify, auto, not 'daily'"),
        ('[registries.b]\ntype = "path"\nsource = "/"\n\n[registries.a]\ntype = "svn"\nsource = "/"', "R:6: `svn` is no type of registry"),
        ('registries.a.type = "svn"\nregistries.a.source = "/"', "R:1: `svn` is no type of registry"),
        ("[registries.a", "R:1: Expected ']' at the end of a table declaration"),
        ("a = 1\nb = [\n\n", "R:2: Invalid value"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text.encode(), "R")
    assert (caught.value.message, caught.value.code) == (said, "invalid-registries")
    assert caught.value.hint


def test_an_unknown_registry_is_answered_with_a_near_name_and_the_form_that_needs_none() -> None:
    found = parse(WHOLE.encode(), "R")
    with pytest.raises(NotFound, match="no registry is called `acne`") as caught:
        found.get("acne")
    assert caught.value.hint == (
        "did you mean `acme`? `workflow registry add acne SOURCE` adds it; a repository on GitHub needs no registry: name@owner/repo"
    )
    with pytest.raises(NotFound) as caught:
        Registries().get("acne")
    assert (caught.value.code, caught.value.exit_status) == ("registry-not-found", 3)
    assert caught.value.hint == (
        "there are none yet. `workflow registry add acne SOURCE` adds it; a repository on GitHub needs no registry: name@owner/repo"
    )


def test_no_default_registry_has_a_message_of_its_own() -> None:
    with pytest.raises(NotFound, match="no registry is the default one") as caught:
        Registries().get()
    assert caught.value.code == "no-default-registry"
    assert caught.value.hint == "add one: workflow registry add NAME SOURCE --default. A repository on GitHub needs none: name@owner/repo"
    with pytest.raises(NotFound) as caught:
        parse(WHOLE.replace('default = "acme"', "").encode(), "R").get()
    assert caught.value.hint == "choose one: workflow registry set-default NAME, of acme, here, ours.1, tools; or write name@REGISTRY"


def test_a_file_that_can_not_be_read_is_named(tmp_path: Path) -> None:
    assert Registries.read(tmp_path / "none.toml") == Registries()
    with pytest.raises(StoreError, match="can't be read: Is a directory"):
        Registries.read(tmp_path)


# -- changing ---------------------------------------------------------------------------------------------------------------------------

TABLE: dict[str, Any] = {"type": "path", "source": "/new"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "config/registries.toml"
    found.parent.mkdir()
    found.write_text(WHOLE)
    return found


def test_adding_leaves_every_line_as_it_was(path: Path) -> None:
    after = config_edit.add(path, "new", {**TABLE, "pin": [PIN, PIN], "update": "never"})
    assert path.read_text() == f'{WHOLE}\n[registries.new]\ntype = "path"\nsource = "/new"\npin = ["{PIN}", "{PIN}"]\nupdate = "never"\n'
    assert after == Registries.read(path)
    assert after.default == "acme"


def test_a_first_registry_makes_the_file_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "deep/config/registries.toml"
    config_edit.add(path, "new", TABLE, default=True)
    assert path.read_text() == 'default = "new"\n\n[registries.new]\ntype = "path"\nsource = "/new"\n'
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["registries.toml"]


def test_a_dry_run_checks_and_writes_nothing(path: Path, tmp_path: Path) -> None:
    after = config_edit.add(path, "new", TABLE, default=True, dry_run=True)
    assert after.default == "new"
    assert path.read_text() == WHOLE
    assert config_edit.add(tmp_path / "none/r.toml", "new", TABLE, dry_run=True).get("new").source == "/new"
    assert not (tmp_path / "none").exists()


def test_a_name_that_is_taken_is_refused_unless_forced_and_comments_stay(path: Path) -> None:
    with pytest.raises(UsageError, match="there is a registry `tools` already") as caught:
        config_edit.add(path, "tools", TABLE)
    assert caught.value.code == "registry-exists"
    assert path.read_text() == WHOLE
    config_edit.add(path, "tools", TABLE, force=True)
    assert path.read_text() == WHOLE.replace('type = "github"\nsource = "acme/tools"', 'type = "path"\nsource = "/new"')


@pytest.mark.parametrize(
    ("name", "gone"),
    [
        ("here", '\n[registries.here]\ntype = "path"\nsource = "/srv/workflows"\n'),
        ("tools", '\n[registries.tools]          # the old ones\ntype = "github"\nsource = "acme/tools"\n'),
        ("ours.1", f'\n[registries."ours.1"]\ntype = "ropeway"\nsource = "https://w.example.org"\npin = ["{PIN}"]\n'),
    ],
)
def test_removing_takes_a_section_and_nothing_else(path: Path, name: str, gone: str) -> None:
    after = config_edit.remove(path, name)
    assert name not in after.all
    assert path.read_text() == WHOLE.replace(gone, "")


def test_removing_the_default_leaves_none(path: Path) -> None:
    assert config_edit.remove(path, "acme").default is None
    assert path.read_text().startswith("# all of mine\n\n[registries.tools] ")
    for name in ("tools", "here", "ours.1"):
        config_edit.remove(path, name)
    assert path.read_text() == "# all of mine\n"


def test_a_comment_belongs_to_the_section_below_it(path: Path) -> None:
    path.write_text('[registries.a]\ntype = "path"\nsource = "/a"\n# about a\n\n# about b\n[registries.b]\ntype = "path"\nsource = "/b"\n')
    config_edit.remove(path, "a")
    assert path.read_text() == '# about b\n[registries.b]\ntype = "path"\nsource = "/b"\n'


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('default = "acme"\n', 'default = "here"\n'),
        ("default='acme' # mine\n", 'default="here" # mine\n'),
        ("", 'default = "here"\n\n'),
        ("# more\n", '# more\n\ndefault = "here"\n'),
    ],
)
def test_the_default_is_changed_where_it_stands(path: Path, before: str, after: str) -> None:
    path.write_text(WHOLE.replace('# all of mine\ndefault = "acme"\n' + ("" if before else "\n"), before))
    assert config_edit.set_default(path, "here").default == "here"
    assert path.read_text().partition("[registries.acme]")[0].rstrip("\n") == after.rstrip("\n")
    assert path.read_text().partition("[registries.acme]")[2] == WHOLE.partition("[registries.acme]")[2]


def test_who_is_not_there_is_not_removed_or_made_the_default(path: Path) -> None:
    for action in (config_edit.remove, config_edit.set_default):
        with pytest.raises(NotFound, match="no registry is called `none`"):
            action(path, "none")
    assert path.read_text() == WHOLE


@pytest.mark.parametrize(
    "text",
    [
        'registries = {a = {type = "path", source = "/a"}, b = {type = "path", source = "/b"}}\n',
        '[registries]\na = {type = "path", source = "/a"}\n',
    ],
)
def test_a_layout_that_lines_do_not_fit_is_left_to_the_person(path: Path, text: str) -> None:
    path.write_text(text)
    with pytest.raises(StoreError, match="is laid out in a way that only you can edit") as caught:
        config_edit.remove(path, "a")
    assert caught.value.hint == "write there: no [registries.a], and no default of that name"
    assert path.read_text() == text


def test_a_damaged_file_is_never_changed(path: Path) -> None:
    path.write_text("[registries.a\n")
    with pytest.raises(UsageError, match=":1: "):
        config_edit.add(path, "new", TABLE)
    assert path.read_text() == "[registries.a\n"


def test_a_link_to_the_file_stays_a_link(path: Path, tmp_path: Path) -> None:
    real = tmp_path / "dotfiles.toml"
    path.rename(real)
    path.symlink_to(real)
    config_edit.add(path, "new", TABLE)
    assert path.is_symlink()
    assert "[registries.new]" in real.read_text()


@pytest.mark.parametrize("source", ['/a "b" \\c', "/é\U0001f600", "/tab\t"])
def test_any_text_is_written_so_that_it_is_read_back(path: Path, source: str) -> None:
    assert config_edit.add(path, "new", {"type": "path", "source": source}).get("new").source == source


def test_certificates_and_pins_hold_for_a_host_however_it_is_written() -> None:
    pin = "sha256:" + "a" * 64
    text = f"""
[registries.bare]
type = "oci"
source = "oci://Registry.example.org/a"
[registries.pinned]
type = "oci"
source = "oci://registry.example.org:443/b"
pin = "{pin}"
[registries.folder]
type = "path"
source = "/srv/workflows"
"""
    found = parse(text.encode(), "registries.toml")
    assert found.at("REGISTRY.example.org:0443") == found.get("pinned")
    assert found.at("other.example.org") is None
    assert found.get("folder").host == ""
