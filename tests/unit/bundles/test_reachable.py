"""What a whole bundle may touch: the definition together with every file of it that this starts."""

from __future__ import annotations

import random

import pytest

from ropeway.bundles import reachable as module
from ropeway.bundles.capabilities import Capabilities, difference, union
from ropeway.bundles.pack import pack
from ropeway.bundles.problems import InvalidBundle
from ropeway.bundles.reachable import Files, describe_bundle, folder_files, reachable

SECRET = 'id = "inner"\n[policy.sandbox]\nsecrets = ["GH_TOKEN"]\n[steps.a]\nrun = ["curl", "x"]\n'
ECHO = 'id = "inner"\n[steps.a]\nrun = "echo"\n'


def uses(*references: str) -> str:
    steps = "".join(f'[steps.s{number}]\nuses = "workflow:{each}"\n' for number, each in enumerate(references))
    return f'id = "top"\n{steps}'


def touched(top: str, files: dict[str, str] | None = None, path: str = "workflow.toml") -> Capabilities:
    every = {name: text.encode() for name, text in {**(files or {}), path: top}.items()}
    return reachable(path, top.encode(), Files(list(every), every.get))


@pytest.mark.parametrize(
    ("reference", "file"),
    [
        ("./inner.toml", "inner.toml"),
        ("inner.toml", "inner.toml"),
        ("file:./inner.toml", "inner.toml"),
        ("./a/../lib//inner.yml", "lib/inner.yml"),
        ("./lib", "lib/workflow.toml"),
        ("./lib/", "lib/workflow.yaml"),
        ("inner", "workflows/some.toml"),
        ("inner", "workflows/some/workflow.yml"),
    ],
)
def test_a_file_of_the_bundle_counts_however_it_is_named(reference: str, file: str) -> None:
    inner = SECRET
    if not file.endswith(".toml"):
        inner = "id: inner\npolicy: {sandbox: {secrets: [GH_TOKEN]}}\nsteps: {a: {run: [curl, x]}}\n"
    found = touched(uses(reference), {file: inner})
    assert found.secrets == ("GH_TOKEN",)
    assert found.programs == ("curl",)
    assert found.workflows == (f"./{file}",)
    assert found.unread == ()


def test_references_start_at_the_folder_of_the_file_that_says_them() -> None:
    files = {"lib/one.toml": uses("./two.toml", "../three.toml"), "lib/two.toml": SECRET, "three.toml": ECHO}
    found = touched(uses("./lib/one.toml"), files)
    assert found.workflows == ("./lib/one.toml", "./lib/two.toml", "./three.toml")
    assert (found.secrets, found.shells, found.unread) == (("GH_TOKEN",), ("bash",), ())
    deeper = touched(uses("./part.toml"), {"flows/part.toml": SECRET}, path="flows/build.toml")
    assert deeper.secrets == ("GH_TOKEN",)


def test_a_step_that_uses_a_file_through_an_action_counts_too() -> None:
    top = 'id = "top"\n[actions.act]\nuses = "workflow:./inner.toml"\n[steps.a]\nuses = "action:act"\n'
    assert touched(top, {"inner.toml": SECRET}).secrets == ("GH_TOKEN",)


def test_files_that_nothing_starts_do_not_count() -> None:
    assert touched('id = "top"\n[steps.a]\nrun = "echo"\n', {"inner.toml": SECRET}).secrets == ()


def test_what_leaves_the_bundle_is_named_and_not_looked_into() -> None:
    outside = ("acme/build@acme", "../inner.toml", "/etc/inner.toml", "~/inner.toml", "oci://h.io/x:1", "x@acme/tools#^1")
    found = touched(uses("./one.toml"), {"one.toml": uses(*outside), "inner.toml": SECRET, "etc/inner.toml": SECRET})
    assert found.workflows == tuple(sorted((*outside, "./one.toml")))
    assert (found.secrets, found.unread) == ((), ())


def test_circles_end() -> None:
    files = {"a.toml": uses("./b.toml"), "b.toml": uses("./a.toml", "./workflow.toml", "./c.toml"), "c.toml": SECRET}
    assert touched(uses("./a.toml"), files).secrets == ("GH_TOKEN",)


def test_what_can_not_be_looked_into_is_said_and_what_is_right_in_it_counts() -> None:
    every = {"broken.toml": b"[steps", "odd.toml": b'[policy.sandbox]\nsecrets = ["GH_TOKEN"]\n[steps.a]\nrun = "x"\nnonsense = 1\n'}
    top = uses("./broken.toml", "./odd.toml", "./none.toml", "./dark.toml", "nobody")
    found = reachable("workflow.toml", top.encode(), Files([*every, "dark.toml"], every.get))
    assert found.unread == (
        "./broken.toml has errors",
        "./dark.toml can not be read",
        "./none.toml is not among its files",
        "./odd.toml has errors",
        "nobody is not among its files",
    )
    assert found.secrets == ("GH_TOKEN",)
    assert found.lines()[-1] == "may do more than is told here: " + ", ".join(found.unread)
    assert reachable("workflow.toml", b"[", Files([], every.get)).unread == ("./workflow.toml has errors",)


def test_depth_and_number_are_bounded_and_it_is_said_when_they_are_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    chain = {f"{number}.toml": uses(f"./{number + 1}.toml") for number in range(17)}
    assert touched(uses("./1.toml"), {**chain, "16.toml": SECRET}).unread == ()
    assert touched(uses("./1.toml"), {**chain, "16.toml": SECRET}).secrets == ("GH_TOKEN",)
    assert touched(uses("./1.toml"), {**chain, "17.toml": SECRET}).unread == ("its files use each other more than 16 deep",)
    monkeypatch.setattr(module, "MAX_FILES", 4)
    wide = {f"{number}.toml": SECRET for number in range(4)}
    assert touched(uses("./0.toml", "./1.toml", "./2.toml"), wide).unread == ()
    assert touched(uses(*(f"./{name}" for name in wide)), wide).unread == ("it uses more than 4 files of its own",)


def test_the_weakest_limits_of_those_that_do_something_count() -> None:
    kernel = 'policy.sandbox = { level = "kernel", network = ["a.org"], write = ["out"], read = [] }\n'
    inner = f'id = "inner"\n{kernel}[steps.a]\nrun = "echo"\n'
    held = touched(uses("./inner.toml"), {"inner.toml": inner})
    assert (held.sandbox, held.network, held.write, held.read) == ("kernel", ("a.org",), ("out",), ())
    both = touched(uses("./inner.toml", "./free.toml"), {"inner.toml": inner, "free.toml": ECHO})
    assert (both.sandbox, both.network, both.write, both.read) == ("none", None, None, None)
    assert "reaches any host, and every file that you can" in both.lines()
    more = inner.replace("a.org", "b.org")
    assert touched(uses("./inner.toml", "./more.toml"), {"inner.toml": inner, "more.toml": more}).network == ("a.org", "b.org")


def test_a_plugin_beside_a_file_is_named_from_the_top() -> None:
    inner = 'id = "inner"\n[steps.a]\nuses = "plugin:./tool"\n[steps.b]\nuses = "plugin:../up"\n[steps.c]\nuses = "plugin:named"\n'
    found = touched('id = "top"\n[steps.a]\nuses = "plugin:./tool"\n[steps.b]\nuses = "workflow:./lib/x.toml"\n', {"lib/x.toml": inner})
    assert found.plugins == ("./lib/tool", "./tool", "./up", "named")


def test_a_union_does_not_depend_on_the_order() -> None:
    parts = [
        Capabilities(shells=("bash",), image=("b",), sandbox="kernel", network=()),
        Capabilities(shells=("python",), image=("a",), sandbox="kernel", network=("x",), env_file=(".env",)),
        Capabilities(interactive=True, secrets=("S",), nix=("n",)),
    ]
    first = union(parts)
    assert first == Capabilities(
        shells=("bash", "python"),
        image=("a", "b"),
        nix=("n",),
        secrets=("S",),
        env_file=(".env",),
        interactive=True,
        sandbox="kernel",
        network=("x",),
    )
    for seed in range(5):
        random.Random(seed).shuffle(parts)
        assert union(parts).digest() == first.digest()


def test_a_file_that_is_added_or_that_nobody_can_read_widens() -> None:
    old, new = (
        touched(uses("./inner.toml"), {"inner.toml": 'id = "inner"\n[steps.a]\nrun = ["ls"]\n'}),
        touched(uses("./inner.toml"), {"inner.toml": SECRET}),
    )
    assert "+ reads the secret GH_TOKEN" in difference(old, new)
    assert "+ may do more than is told here: ./inner.toml has errors" in difference(old, touched(uses("./inner.toml"), {"inner.toml": "["}))


def test_the_config_of_a_packed_folder_tells_all_and_its_digest_holds_it(tmp_path) -> None:
    source, spool = tmp_path / "source", tmp_path / "spool"
    (source / "lib").mkdir(parents=True)
    (source / "workflow.toml").write_text(uses("./lib/inner.toml", "acme/x@acme"))
    (source / "lib/inner.toml").write_text(SECRET + '[steps.b]\nuses = "skill:pdf@acme"\n')
    for place in ("one", "two"):
        (spool / place).mkdir(parents=True)
    bundle = pack(source, spool=spool / "one")
    assert bundle.metadata.capabilities.secrets == ("GH_TOKEN",)
    assert bundle.metadata.dependencies == ("workflow:./lib/inner.toml", "workflow:acme/x@acme", "skill:pdf@acme")
    assert pack(source, spool=spool / "two").manifest.digest == bundle.manifest.digest
    top = (source / "workflow.toml").read_bytes()
    assert describe_bundle("workflow", "workflow.toml", top, folder_files(source)).metadata.capabilities.digest() == (
        bundle.metadata.capabilities.digest()
    )


def test_a_folder_without_a_file_that_it_uses_is_packed_with_a_note(tmp_path) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "source/workflow.toml").write_text(uses("./gone.toml"))
    (tmp_path / "source/README.md").write_text("# It\n")
    assert pack(tmp_path / "source", spool=tmp_path).notes == (
        "what it may touch is not known as a whole: ./gone.toml is not among its files",
    )


def test_a_single_file_that_uses_others_is_not_packed_alone(tmp_path) -> None:
    (tmp_path / "one.toml").write_text(uses("./inner.toml"))
    (tmp_path / "inner.toml").write_text(SECRET)
    with pytest.raises(
        InvalidBundle, match=r"one\.toml can not be packed without the workflows that it uses: \./inner\.toml is not among its files"
    ) as raised:
        pack(tmp_path / "one.toml", spool=tmp_path)
    assert raised.value.code == "not-packed"
    assert str(tmp_path) in str(raised.value.hint)


def test_links_in_a_folder_are_not_followed(tmp_path) -> None:
    (tmp_path / "secret.toml").write_text(SECRET)
    (tmp_path / "root").mkdir()
    (tmp_path / "root/inner.toml").symlink_to(tmp_path / "secret.toml")
    assert folder_files(tmp_path / "root").read("inner.toml") is None
    assert folder_files(tmp_path / "root").read("none.toml") is None
