"""What `workflow registry add` makes of a source, and what counts as news. Nothing is asked of a network: the probe and the registry are given."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from ropeway.app import registries, registry_news
from ropeway.app.adding_registries import Options, add
from ropeway.app.sources import Sources
from ropeway.errors import NotFound, Unreachable, UsageError
from ropeway.registry import Evidence, Pin
from ropeway.registry.config import read_registries
from ropeway.registry.http.transport import Net

PIN = "sha256:" + "a" * 64


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    names = {"XDG_CACHE_HOME": "cache", "XDG_STATE_HOME": "state", "XDG_CONFIG_HOME": "config"}
    return {"HOME": str(tmp_path), **{name: str(tmp_path / folder) for name, folder in names.items()}}


class Probe:
    """Answers for a server, and notes what it was asked."""

    def __init__(self, *, ours: bool = False, error: Unreachable | None = None) -> None:
        self.ours = ours
        self.error = error
        self.asked: list[tuple[str, Net]] = []

    def __call__(self, url: str, net: Net, environ: Mapping[str, str]) -> bool:
        assert "HOME" in environ
        self.asked.append((url, net))
        if self.error is not None:
            raise self.error
        return self.ours


@pytest.mark.parametrize(
    ("source", "kind", "full"),
    [
        ("acme/tools", "git", "https://github.com/acme/tools"),
        ("ssh://git@h/acme/tools", "git", "ssh://git@h/acme/tools"),
        ("git@h:acme/tools.git", "git", "git@h:acme/tools.git"),
        ("file:///srv/a.git", "git", "file:///srv/a.git"),
        ("oci://ghcr.io/acme", "oci", "oci://ghcr.io/acme"),
        ("./reg", "path", "HOME/reg"),
        ("reg", "path", "HOME/reg"),
        ("reg/deep", "path", "HOME/reg/deep"),
        (".", "path", "HOME"),
        ("HOME/reg", "path", "HOME/reg"),
    ],
)
def test_the_type_is_what_the_source_looks_like(source: str, kind: str, full: str, environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "reg/deep").mkdir(parents=True)
    probe = Probe()
    added = add("new", source.replace("HOME", str(tmp_path)), Options(), environ, tmp_path, probe)
    assert (added.registry.type, added.registry.source, added.inferred, added.default) == (
        kind,
        full.replace("HOME", str(tmp_path)),
        True,
        False,
    )
    assert read_registries(environ).get("new") == added.registry
    assert probe.asked == []


@pytest.mark.parametrize(("ours", "kind"), [(True, "ropeway"), (False, "git")])
def test_an_address_is_ours_when_it_answers_as_one_of_ours(ours: bool, kind: str, environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\n")
    probe = Probe(ours=ours)
    added = add("new", "https://h/acme", Options(ca="ca.pem", pins=(PIN,), update="auto", default=True), environ, tmp_path, probe)
    assert added.registry.type == kind
    assert added.default
    assert probe.asked == [("https://h/acme", Net(ca=tmp_path / "ca.pem", pins=(PIN,)))]
    assert read_registries(environ).get() == added.registry
    assert (added.registry.ca, added.registry.pin, added.registry.update) == (tmp_path / "ca.pem", (PIN,), "auto")


def test_an_address_that_does_not_answer_needs_a_type(environ: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match="what is at https://h can't be asked: no answer") as caught:
        add("new", "https://h", Options(), environ, tmp_path, Probe(error=Unreachable("no answer", code="timeout")))
    assert (caught.value.code, caught.value.hint) == ("timeout", "say which it is: --type git, or --type ropeway")
    assert add("new", "https://h", Options(type="github"), environ, tmp_path, Probe(error=Unreachable(""))).registry.type == "git"


def test_nobody_is_asked_when_the_name_can_not_be_used(environ: dict[str, str], tmp_path: Path) -> None:
    add("new", "acme/tools", Options(), environ, tmp_path)
    probe = Probe()
    for name in ("new", "_new"):
        with pytest.raises(UsageError):
            add(name, "https://h", Options(), environ, tmp_path, probe)
    assert probe.asked == []
    assert add("new", "https://h", Options(force=True), environ, tmp_path, probe).registry.source == "https://h"


@pytest.mark.parametrize(
    ("source", "options", "said"),
    [
        ("./none", Options(), "there is no folder"),
        ("none", Options(type="path"), "there is no folder"),
        ("ca.txt", Options(type="path"), "there is no folder"),
        ("oci://h/a", Options(type="svn"), "`svn` is no type of registry"),
        ("oci://h/a", Options(type="ropeway"), "is no address of this type"),
        ("just-a-word", Options(), "git can't be asked for `just-a-word`"),
        ("acme/tools", Options(update="daily"), "`update` is never, notify, auto"),
        ("acme/tools", Options(pins=("sha256:1",)), "`pin` is sha256:"),
        ("acme/tools", Options(ca="none.pem"), "can't be read: No such file"),
        ("acme/tools", Options(ca="ca.txt"), "holds no certificate in PEM"),
    ],
)
def test_what_does_not_fit_is_said_and_nothing_is_written(
    source: str, options: Options, said: str, environ: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "ca.txt").write_text("no certificate")
    with pytest.raises((NotFound, UsageError), match=said) as caught:
        add("new", source, options, environ, tmp_path, Probe())
    assert caught.value.hint
    assert not registries.file_of(environ).exists()


# -- logins -----------------------------------------------------------------------------------------------------------------------------


def test_one_logs_in_to_a_host_or_to_a_registry_that_has_one(environ: dict[str, str], tmp_path: Path) -> None:
    add("corp", "oci://h.example.org:5000/acme", Options(pins=(PIN,)), environ, tmp_path)
    add("tools", "acme/tools", Options(), environ, tmp_path)
    assert registries.place_of("corp", environ) == ("h.example.org:5000", Net(pins=(PIN,)))
    assert registries.place_of("h.example.org:5000", environ) == ("h.example.org:5000", Net(pins=(PIN,)))
    assert registries.place_of("oci://ghcr.io/acme", environ) == ("ghcr.io", Net())
    assert registries.place_of("localhost", environ) == ("localhost", Net())
    with pytest.raises(UsageError, match="one does not log in to `tools`, a registry of type git"):
        registries.place_of("tools", environ)
    with pytest.raises(NotFound, match="no registry is called `corb`") as caught:
        registries.place_of("corb", environ)
    assert str(caught.value.hint).startswith("did you mean `corp`?")


# -- news -------------------------------------------------------------------------------------------------------------------------------

INDEX = "workflows:\n  build:\n    path: build.toml\n"


@pytest.fixture
def sources(environ: dict[str, str], tmp_path: Path) -> Sources:
    """A folder as a registry, from which a workflow was fetched."""
    folder = tmp_path / "reg"
    folder.mkdir()
    (folder / "index.yaml").write_text(INDEX)
    change(folder, 1)
    add("here", "./reg", Options(), environ, tmp_path)
    made = Sources(environ=environ)
    fetch(made)
    return made


def change(folder: Path, number: int) -> None:
    (folder / "build.toml").write_text(f'id = "build"\n\n[steps.a]\nrun = ["echo", "{number}"]\n')


def fetch(sources: Sources) -> None:
    from ropeway.registry import Wanted

    resolver = registries.resolver_of(sources.registries.get("here"), sources)
    resolver.fetch(resolver.pin(Wanted("build@here", "build")), Evidence())


def test_what_has_not_changed_is_no_news(sources: Sources) -> None:
    assert list(registry_news.update("here", sources)) == []
    assert list(registry_news.update(None, sources)) == []


def test_what_has_moved_is_news_until_it_was_fetched(sources: Sources, tmp_path: Path) -> None:
    change(tmp_path / "reg", 2)
    (found,) = registry_news.update("here", sources)
    assert (found.registry, found.reference, found.fetched, found.error) == ("here", "build@here", False, None)
    assert found.before.startswith("sha256:")
    assert found.after != found.before
    fetch(sources)
    assert list(registry_news.update("here", sources)) == []


def test_what_can_not_be_asked_is_said_and_the_rest_goes_on(sources: Sources, tmp_path: Path) -> None:
    sources.store.keep(Pin(f"path:{tmp_path}/reg", "gone", PIN, registry="here", moving=True), PIN, "x", Evidence())
    change(tmp_path / "reg", 2)
    first, second = sorted(registry_news.update("here", sources), key=lambda each: each.reference)
    assert (first.reference, first.error) == ("build@here", None)
    assert second.reference == "gone@here"
    assert isinstance(second.error, NotFound)


def test_a_newer_version_is_news_and_an_older_one_is_not(sources: Sources, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in ("1.2.0", "1.10.0", "2.0.0-rc.1"):
        pin = Pin("oci://h/workflows/x", "x", f"sha256:{number.replace('.', '').replace('-rc', ''):0>64}", version=number, registry="here")
        sources.store.keep(pin, PIN, "x", Evidence())

    class Resolver:
        def __init__(self, version: str) -> None:
            self.version = version

        def pin(self, wanted: object) -> Pin:
            assert getattr(wanted, "ref", "") is None
            return Pin("oci://h/workflows/x", "x", "sha256:" + "f" * 64, version=self.version, moving=True)

    for version, wanted in (("2.0.0", ["x@here has a newer version: 2.0.0-rc.1 -> 2.0.0"]), ("1.11.0", []), ("2.0.0-rc.1", [])):
        monkeypatch.setattr(registry_news, "resolver_of", lambda _registry, _sources, version=version: Resolver(version))
        monkeypatch.setattr(registry_news, "_scheme", lambda _registry: "oci:")
        assert [each.line() for each in registry_news.update("here", sources)] == wanted


def test_a_registry_is_asked_for_news_once_a_day(sources: Sources, tmp_path: Path) -> None:
    change(tmp_path / "reg", 2)
    (line,) = registry_news.notice("here", sources)
    assert line.startswith("build@here has changed: sha256:")
    assert line.endswith("(`workflow fetch build@here` gets it)")
    assert registry_news.notice("here", sources) == []
    assert len(registry_news.notice("here", sources, now=time.time() + 90_000)) == 1


@pytest.mark.parametrize("why", ["never", "offline", "unknown", "damaged"])
def test_nobody_is_asked_where_nobody_should_be(why: str, sources: Sources, environ: dict[str, str], tmp_path: Path) -> None:
    change(tmp_path / "reg", 2)
    if why == "never":
        add("here", "./reg", Options(update="never", force=True), environ, tmp_path)
    elif why == "damaged":
        registries.file_of(environ).write_text("[")
    again = Sources(environ=environ, offline=why == "offline")
    assert registry_news.notice("none" if why == "unknown" else "here", again) == []
    if why == "never":
        assert list(registry_news.update(None, again)) == []
        assert len(list(registry_news.update("here", again))) == 1
    assert not os.path.exists(sources.store.root / "asked/none")  # noqa: PTH110
