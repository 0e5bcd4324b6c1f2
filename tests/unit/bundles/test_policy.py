"""Rules: which one decides, and what is wrong with a file of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ropeway.bundles.policy import Policy, Rule, default_rule, matches, read_policy
from ropeway.errors import Refused, StoreError, UsageError

BUILD = "oci://ghcr.io/acme/workflows/build"


def read(tmp_path: Path, text: str) -> Policy:
    path = tmp_path / "trust.toml"
    path.write_text(text)
    path.chmod(0o600)
    return read_policy(path)


def test_no_file_has_no_rules(tmp_path: Path) -> None:
    assert read_policy(tmp_path / "trust.toml") == Policy()


def test_a_rule_is_read_with_its_place(tmp_path: Path) -> None:
    text = (
        '# mine\n[[rule]]\nsource = "oci://ghcr.io/acme/*"\nname = "acme/*"\nrequire = "publisher"\npublishers = ["a"]\nfirst_use = "pin"\n'
    )
    assert read(tmp_path, text).rules == (Rule("oci://ghcr.io/acme/*", "acme/*", "publisher", ("a",), "pin", f"{tmp_path}/trust.toml:2"),)


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("*", "anything/at://all", True),
        ("oci://ghcr.io/acme/*", BUILD, True),
        ("oci://ghcr.io/acme/*", "oci://ghcr.io/acme-evil/workflows/build", False),
        ("oci://ghcr.io/*/workflows/build", BUILD, True),
        ("oci://ghcr.io/*/build", BUILD, False),
        ("oci://*.example.com/*", "oci://a.example.com/x/y", True),
        ("oci://*.example.com/*", "oci://evil.test/.example.com/x", False),
        ("acme/*", "acme/build", True),
        ("acme/*", "acme", False),
        ("acme.x", "acme-x", False),
        (BUILD, BUILD, True),
        (BUILD, BUILD + "\n", False),
    ],
)
def test_what_a_pattern_fits(pattern: str, text: str, fits: bool) -> None:
    assert matches(pattern, text) is fits


def test_the_most_specific_rule_wins() -> None:
    everything, host = Rule("*", place="1"), Rule("oci://ghcr.io/*", place="2")
    prefix, exact = Rule("oci://ghcr.io/acme/*", place="3"), Rule(BUILD, place="4")
    named = Rule("oci://ghcr.io/acme/*", "acme/*", place="5")
    strict = Rule("oci://ghcr.io/acme*/*", "acme/*", "publisher", place="6")
    for rules in ([everything, host, prefix, exact], [exact, prefix, host, everything]):
        assert Policy(tuple(rules)).rule_for(BUILD, "acme/build").place == "4"
    assert Policy((everything, prefix, host)).rule_for(BUILD, "acme/build").place == "3"
    assert Policy((named, prefix)).rule_for(BUILD, "acme/build").place == "5"
    assert Policy((strict, named)).rule_for(BUILD, "acme/build").place == "6", "as many characters: the stricter one"
    assert Policy((named, prefix)).rule_for(BUILD, "other/build").place == "3"
    assert Policy((exact,)).rule_for("oci://ghcr.io/other", "other").place == "the rule for OCI registries"


@pytest.mark.parametrize(
    ("source", "claimed", "require", "first_use"),
    [
        ("path:/srv/workflows", False, "none", "pin"),
        ("git+https://git.example/a/b", False, "none", "ask"),
        ("https://a.example/build.toml", False, "none", "ask"),
        (BUILD, False, "none", "ask"),
        (BUILD, True, "publisher", "ask"),
    ],
)
def test_what_holds_for_a_source_by_itself(source: str, claimed: bool, require: str, first_use: str) -> None:
    rule = default_rule(source, claimed=claimed)
    assert (rule.require, rule.first_use) == (require, first_use)
    assert rule.place


def test_no_rule_asks_for_less_than_the_source_by_itself() -> None:
    policy = Policy((Rule("*", require="none", first_use="pin"),))
    assert policy.rule_for(BUILD, "acme/build", claimed=True).require == "publisher"
    assert policy.rule_for(BUILD, "acme/build").require == "none"


def test_the_digest_is_that_of_what_the_rules_say_and_not_of_where_they_stand(tmp_path: Path) -> None:
    one = read(tmp_path, '[[rule]]\nsource = "*"\nrequire = "publisher"\n')
    other = read(tmp_path, '# moved\n\n[[rule]]\nrequire = "publisher"\nsource = "*"\n')
    assert one.digest() == other.digest() != Policy().digest()


@pytest.mark.parametrize(
    ("text", "line", "message", "hint"),
    [
        ("[[rule]]\nsource = \n", 2, "", ""),
        ('[[rules]]\nsource = "*"\n', 1, "'rules' does not belong here", "did you mean [[rule]]?"),
        ('[rule]\nsource = "*"\n', 1, "'rule' does not belong here", "did you mean [[rule]]?"),
        ('[[rule]]\nsource = "*"\nrequires = "none"\n', 3, "there is no key 'requires' in [[rule]]", "did you mean require?"),
        ('[[rule]]\nsource = "*"\n\nrequire = "publishers"\n', 4, "require can not be 'publishers'", "did you mean publisher?"),
        ('[[rule]]\nsource = "*"\nfirst_use = 1\n', 3, "first_use can not be 1", "it has to be text"),
        ('[[rule]]\nsource = "*"\nfirst_use = "always"\n', 3, "first_use can not be 'always'", "one of ask, pin, refuse"),
        ("[[rule]]\nsource = 1\n", 2, "source can not be 1", "it has to be text"),
        ('[[rule]]\nrequire = "publisher"\n', 1, "the rule says neither source nor name", 'source = "*"'),
        ('[[rule]]\nsource = "ghcr.io/acme/*"\n', 2, "'ghcr.io/acme/*' is no source", "oci://host/"),
        ('[[rule]]\nsource = "oci://ghcr.io*"\n', 2, "also fits other hosts", "write oci://ghcr.io/*"),
        ('[[rule]]\nsource = "oci://GHCR.io/acme/*"\n', 2, "has capital letters", "write oci://ghcr.io/acme/*"),
        ('[[rule]]\nsource = "*"\npublishers = ["a"]\n', 3, "publishers are named, and no signature is asked for", "require"),
        ('[[rule]]\nsource = "*"\nrequire = "publisher"\npublishers = "a"\n', 4, "publishers can not be 'a'", "publishers = ["),
        ('[[rule]]\nsource = "*"\nrequire = "publisher"\npublishers = [""]\n', 4, "an empty name", "name a key"),
        (
            '[[rule]]\nsource = "*"\nrequire = "publisher"\npublishers = ["ropeway-ed25519 AAAA x"]\n',
            4,
            "publishers: an Ed25519 key",
            "a key is",
        ),
        ('[[rule]]\nsource = "*"\n[[rule]]\nname = "*"\n', 3, "is a rule for the same source and name", "keep one"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_what_to_do(tmp_path: Path, text: str, line: int, message: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(tmp_path, text)
    assert caught.value.message.startswith(f"{tmp_path}/trust.toml:{line}: ")
    assert message in caught.value.message
    assert hint in (caught.value.hint or "")
    assert caught.value.code == "invalid-policy"


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_may_write_to_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "trust.toml"
    path.write_text("")
    path.chmod(mode)
    with pytest.raises(Refused, match="others may write to"):
        read_policy(path)


def test_a_file_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="newer version"):
        read(tmp_path, "version = 2\n")


def test_a_file_that_can_not_be_read_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "trust.toml").mkdir()
    with pytest.raises(StoreError, match="can not be read"):
        read_policy(tmp_path / "trust.toml")


def test_the_example_of_the_guide_is_read(tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs/how-to/sign-and-trust.md").read_text()
    rules = read(tmp_path, page.partition("```toml\n")[2].partition("```")[0]).rules
    assert [(rule.source, rule.require, rule.first_use) for rule in rules] == [
        ("oci://ghcr.io/acme/*", "publisher", "ask"),
        ("git+https://github.com/*", "none", "refuse"),
    ]
