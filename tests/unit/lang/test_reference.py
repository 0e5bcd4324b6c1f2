"""The grammar of references: the table of the language page, row by row, and every way to get one wrong."""

from __future__ import annotations

import pytest

from ropeway.lang.reference import (
    AdHocReference,
    HttpsReference,
    InvalidReference,
    LocalReference,
    OciReference,
    PathReference,
    Ref,
    RegistryReference,
    parse_reference,
)

DIGEST = "sha256:" + "0123456789abcdef" * 4
COMMIT = "0123456789abcdef0123456789abcdef01234567"

ACCEPTED = {
    # paths, taken whole
    "./x": PathReference("./x"),
    "../x y#1@2": PathReference("../x y#1@2"),
    "/abs/é.toml": PathReference("/abs/é.toml"),
    "~/x": PathReference("~/x"),
    "file:///x": PathReference("file:///x"),
    # one file on the web
    "https://example.org/a/b.toml": HttpsReference("https://example.org/a/b.toml"),
    "https://example.org:8443/b.yml": HttpsReference("https://example.org:8443/b.yml"),
    f"https://example.org/b.yaml#{DIGEST}": HttpsReference("https://example.org/b.yaml", DIGEST),
    # OCI
    "oci://host/repo": OciReference("host", "repo"),
    "oci://host:5000/a/b:1.2": OciReference("host:5000", "a/b", "1.2"),
    f"oci://host/repo:v1@{DIGEST}": OciReference("host", "repo", "v1", DIGEST),
    "oci://[::1]:5000/x": OciReference("[::1]:5000", "x"),
    "ghcr.io/acme/build:1": OciReference("ghcr.io", "acme/build", "1", bare=True),
    "localhost/build": OciReference("localhost", "build", bare=True),
    "box:5000/build": OciReference("box:5000", "build", bare=True),
    f"acme/build@{DIGEST}": OciReference("acme", "build", digest=DIGEST, bare=True),
    # ad hoc
    "build@acme/tools": AdHocReference("build", "acme", "tools"),
    "org/build@acme/tools.x#main": AdHocReference("org/build", "acme", "tools.x", Ref("main", "name")),
    "build@acme/tools.yaml": AdHocReference("build", "acme", "tools.yaml"),
    # registries
    "build@team": RegistryReference("build", "team"),
    "build@": RegistryReference("build"),
    "build@#^1.2": RegistryReference("build", None, Ref("^1.2", "range")),
    "my@file.toml": RegistryReference("my", "file.toml"),
    # files by their ending
    "build.toml": PathReference("build.toml"),
    "a/b.yaml": PathReference("a/b.yaml"),
    "my.dir/x.yml": PathReference("my.dir/x.yml"),
    "my file.toml": PathReference("my file.toml"),
    # bare names
    "build": LocalReference("build"),
    "org/build": LocalReference("org/build"),
    "build#1.2.0": LocalReference("build", Ref("1.2.0", "version")),
    "build#x.toml": LocalReference("build", Ref("x.toml", "name")),
    "v1.2": LocalReference("v1.2"),
}


@pytest.mark.parametrize("text", ACCEPTED)
def test_each_form_is_read_as_its_class_and_written_back_as_it_was(text):
    assert parse_reference(text) == ACCEPTED[text]
    assert str(parse_reference(text)) == text


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("analysis@myorg/team-a#v1.0.0", AdHocReference("analysis", "myorg", "team-a", Ref("v1.0.0", "name"))),
        ("analysis@myorg/team-a#main", AdHocReference("analysis", "myorg", "team-a", Ref("main", "name"))),
        ("analysis@myorg/team-a", AdHocReference("analysis", "myorg", "team-a")),
        (f"analysis@myorg/team-a#{COMMIT}", AdHocReference("analysis", "myorg", "team-a", Ref(COMMIT, "commit"))),
        ("analysis@team-a#v1.0.0", RegistryReference("analysis", "team-a", Ref("v1.0.0", "name"))),
        ("my-flow.v2@My.Org-1/Repo_name.x", AdHocReference("my-flow.v2", "My.Org-1", "Repo_name.x")),
    ],
)
def test_a_slash_behind_the_at_tells_a_repository_from_a_registry(text, reference):
    assert parse_reference(text) == reference


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("1.2.0", "version"),
        ("1.2.0-rc.1+build.5", "version"),
        ("01.2.0", "name"),
        ("1.2", "name"),
        ("v1.2.0", "name"),
        ("^1.2", "range"),
        ("~1", "range"),
        (">=1,<2", "range"),
        (">=1.2.3-rc.1,<2.0", "range"),
        ("=1.2.0", "range"),
        ("main", "name"),
        ("feat/new-thing", "name"),
        ("deadbee", "name"),
        (COMMIT, "commit"),
        ("a" * 64, "commit"),
        (COMMIT.upper(), "name"),
        (DIGEST, "digest"),
    ],
)
def test_what_stands_behind_the_hash_is_classified_by_its_text_alone(text, kind):
    reference = parse_reference(f"build@team#{text}")
    assert isinstance(reference, RegistryReference)
    assert reference.ref == Ref(text, kind)
    assert reference.ref.pinned == (kind in {"commit", "digest"})


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("./a b", "./a b"),
        ("file:a/b", "a/b"),
        ("file:/a/b", "/a/b"),
        ("file:///a%20b/%C3%A9", "/a b/é"),
        ("file://localhost/a", "/a"),
        ("file:100%", "100%"),
        ("~/x", "~/x"),
        ("build.toml", "build.toml"),
    ],
)
def test_a_path_reference_gives_the_path(text, path):
    assert parse_reference(text).path == path


def test_a_skill_may_have_a_team_and_a_workflow_not():
    assert parse_reference("org/team/name@reg", kind="skill") == RegistryReference("org/team/name", "reg")
    with pytest.raises(InvalidReference, match="at most 3 parts"):
        parse_reference("a/b/c/d@reg", kind="skill")
    with pytest.raises(InvalidReference, match="at most 2 parts"):
        parse_reference("org/team/name@reg")


LETTERS = "lower-case letters, digits, . _ and -, beginning with a letter or a digit"

REFUSED = [
    # text, code, the part that is pointed at, message, hint
    ("", "RW400", "", "the reference is empty", "name a file (./build.toml), a workflow (build) or name@registry"),
    (" ", "RW400", " ", "the reference is empty", "name a file (./build.toml), a workflow (build) or name@registry"),
    ("build it", "RW401", " ", "a reference holds no white space", "a path begins with ./, and so may hold it"),
    ("build\n", "RW401", "\n", "a reference holds no white space", "a path begins with ./, and so may hold it"),
    ("dir\\build", "RW401", "\\", "a reference holds no backslash", "write paths with /: ./folder/build.toml"),
    ("büild", "RW401", "ü", "`ü` can not stand in a reference", "a path begins with ./, and so may hold it"),
    ("build\x07", "RW401", "\x07", "`U+0007` can not stand in a reference", "a path begins with ./, and so may hold it"),
    ("./a\0", "RW401", "\0", "a path holds no NUL character", "remove it"),
    ("Build", "RW402", "Build", "`Build` is not a name", "names are lower case: build"),
    ("org/_x@reg", "RW402", "_x", "`_x` is not a name", LETTERS),
    ("build:1", "RW402", "build:1", "`build:1` is not a name", "a version stands behind #: name#1.2.0"),
    ("a//b@reg", "RW402", "a//b", "a name has at most 2 parts, org/name", "a path begins with ./: ./a//b"),
    ("@team", "RW402", "@", "no name stands in front of the `@`", "write name@registry"),
    ("a/b/c", "RW402", "a/b/c", "a name has at most 2 parts, org/name", "a path begins with ./: ./a/b/c"),
    ("folder/", "RW402", "/", "the name ends in a slash", "a folder's file is named by its path: ./folder/workflow.toml"),
    (".", "RW402", ".", "`.` is a folder, not a workflow", "name the file in it: ./workflow.toml"),
    ("..", "RW402", "..", "`..` is a folder, not a workflow", "name the file in it: ../workflow.toml"),
    ("-x", "RW402", "-x", "`-x` is not a name", LETTERS),
    ("a@b@c", "RW403", "@", "more than one `@`", "one @ stands between the name and its registry; a version stands behind #"),
    ("a@b#c@d", "RW403", "@", "more than one `@`", "write name@registry#version"),
    ("a#c@d", "RW403", "@", "the `@` stands behind the `#`", "write name@registry#version"),
    ("a@b#", "RW404", "#", "nothing stands behind the `#`", "write a version, a tag or a branch behind it, or remove it"),
    ("a@b#c#d", "RW404", "#", "more than one `#`", "keep one: name@registry#version"),
    ("a#^x", "RW404", "^x", "`^x` is not a range of versions", "a range is ^1.2, ~1.2, or comparisons such as >=1,<2"),
    ("a#a..b", "RW404", "a..b", "`a..b` can not be a tag or a branch: it holds `..`, `//` or `@{`", "check its spelling"),
    ("a#a:b", "RW404", "a:b", "`a:b` can not be a tag or a branch: it holds `:`", "check its spelling"),
    ("a#-x", "RW404", "-x", "`-x` can not be a tag or a branch: it begins or ends with `-`", "check its spelling"),
    ("a#x/", "RW404", "x/", "`x/` can not be a tag or a branch: it begins or ends with `/`", "check its spelling"),
    (
        "a#x.lock",
        "RW404",
        "x.lock",
        "`x.lock` can not be a tag or a branch: a part of it begins with `.` or ends in `.lock`",
        "check its spelling",
    ),
    ("a@owner/..", "RW405", "owner/..", "`..` is not a part of a repository's name", "write name@owner/repo"),
    ("a@./repo", "RW405", "./repo", "`.` is not a part of a repository's name", "write name@owner/repo"),
    ("a@/repo", "RW405", "/repo", "the repository has no owner", "write name@owner/repo"),
    ("a@owner/", "RW405", "owner/", "the owner has no repository", "write name@owner/repo"),
    ("a@o/r/x", "RW405", "o/r/x", "a repository is owner/repo, two parts", "the workflow's name in it stands in front of the @"),
    ("a@-o/r", "RW405", "-o/r", "`-o` can not be part of a repository's name", "letters, digits, . _ and -"),
    (
        "git@github.com:o/r",
        "RW405",
        "github.com:o/r",
        "this looks like an address of git",
        "write name@owner/repo, or add the address as a registry",
    ),
    (
        "a@Team",
        "RW406",
        "Team",
        "`Team` is not the name of a registry",
        "lower-case letters, digits, . _ and -; a repository is name@owner/repo",
    ),
    (
        "a@.team",
        "RW406",
        ".team",
        "`.team` is not the name of a registry",
        "lower-case letters, digits, . _ and -; a repository is name@owner/repo",
    ),
    (
        "http://x.org/a.toml",
        "RW407",
        "http://",
        "`http://` is not read here",
        "use https://; over http anybody on the way could change the workflow",
    ),
    ("ssh://git@x.org/a", "RW407", "ssh://", "`ssh://` is not read here", "a repository is name@owner/repo, or add it as a registry"),
    (
        "git+https://x.org/a",
        "RW407",
        "git+https://",
        "`git+https://` is not read here",
        "a repository is name@owner/repo, or add it as a registry",
    ),
    ("ftp://x.org/a.toml", "RW407", "ftp://", "`ftp://` is not read here", "https://, oci:// and file: are read"),
    (
        "https://me:pw@x.org/a.toml",
        "RW408",
        "me:pw@",
        "the address holds a user name or a password",
        "remove it; credentials stand in the registry's configuration, never in a reference",
    ),
    (
        "oci://me:pw@x.org/a:v1",
        "RW409",
        "me:pw@",
        "the address holds a user name or a password",
        "remove it, and log in: workflow registry login HOST",
    ),
    ("https://x.org/a", "RW408", "/a", "the address is not one of a workflow file", "the address ends in .toml, .yaml or .yml"),
    (
        "https://x.org/a.toml?raw=1",
        "RW408",
        "/a.toml?raw=1",
        "the address is not one of a workflow file",
        "the address ends in .toml, .yaml or .yml",
    ),
    ("https://github.com/o/r", "RW408", "/o/r", "the address is not one of a workflow file", "a workflow in that repository is NAME@o/r"),
    ("https://x.org/a.toml#main", "RW408", "main", "a file on the web has no versions", "pin the file by its digest: #sha256:…"),
    ("https:///a.toml", "RW408", "/", "the address names no host", "a host is a name or an address, with :PORT when needed"),
    (
        "https://x.org:99999/a.toml",
        "RW408",
        "x.org:99999",
        "`x.org:99999` is not a host",
        "a host is a name or an address, with :PORT when needed",
    ),
    ("ghcr.io/o/r#1", "RW409", "#1", "an OCI reference has no `#`", "choose a tag with `:` or a digest with `@sha256:…`"),
    ("ghcr.io/O/r", "RW409", "O/r", "`O/r` is not an OCI repository", "lower-case letters and digits, joined by single . _ - or /"),
    ("ghcr.io/", "RW409", "", "the OCI reference names no repository", "lower-case letters and digits, joined by single . _ - or /"),
    ("oci://host", "RW409", "host", "the OCI reference names no repository", "write oci://HOST/REPOSITORY"),
    ("oci://host/r:", "RW409", ":", "nothing stands behind the `:`", "a tag has letters, digits, `.`, `_` and `-`, at most 128"),
    ("oci://host/r:a/b", "RW409", "a/b", "`a/b` is not an OCI tag", "a tag has letters, digits, `.`, `_` and `-`, at most 128"),
    (
        "oci://host/r@v1",
        "RW409",
        "v1",
        "this is no digest",
        "behind the @ of an OCI reference stands sha256:… only; name@owner/repo is the form for a repository",
    ),
    (f"build@{DIGEST}", "RW409", "build", "the OCI reference names no host", "write oci://HOST/name@sha256:…, or name@registry#sha256:…"),
    ("a@sha256:12", "RW410", "sha256:12", "this is not a sha256 digest", "it has 64 digits, in lower case"),
    ("a#sha256:" + "X" * 64, "RW410", "sha256:" + "X" * 64, "this is not a sha256 digest", "it has the digits 0-9 and a-f, in lower case"),
    ("build.toml#1", "RW411", "#1", "a file has no version", "leave the #… out; a path that holds a # begins with ./"),
    (
        "file://host/x",
        "RW411",
        "host",
        "a file: address names no host",
        "write file:///path for a file of this machine, https://… for one of another",
    ),
    ("file:", "RW411", "file:", "this file: address holds no path", "write file:///path or ./path"),
    ("file:///%00", "RW411", "file:///%00", "this file: address holds no path", "write file:///path or ./path"),
]


@pytest.mark.parametrize(("text", "code", "part", "message", "hint"), REFUSED)
def test_each_mistake_has_a_code_a_place_a_message_and_a_hint(text, code, part, message, hint):
    with pytest.raises(InvalidReference) as caught:
        parse_reference(text)
    error = caught.value
    assert (error.code, error.message, error.hint) == (code, message, hint)
    assert text[error.offset : error.offset + error.length] == part
    assert error.exit_status == 2


def test_a_sha256_of_no_host_offers_the_registry_form():
    assert parse_reference(f"build@team#{DIGEST}") == RegistryReference("build", "team", Ref(DIGEST, "digest"))
