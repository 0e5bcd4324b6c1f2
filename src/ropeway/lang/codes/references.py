"""RW4: references."""

from __future__ import annotations

from ropeway.lang.codes import Explanation


def _example(reference: str) -> str:
    return f'id = "release"\n\n[steps.build]\nuses = "workflow:{reference}"\n'


_DIGEST = "sha256:" + "0" * 64

CODES: dict[str, Explanation] = {
    "RW400": Explanation(
        "The reference is empty",
        "A reference says where a workflow or a skill is: a path (`./build.toml`), a name (`build`), a name in a registry (`build@team`), in a "
        "repository (`build@owner/repo`), an https:// or an oci:// address.",
        _example(""),
        _example("./build.toml"),
    ),
    "RW401": Explanation(
        "A character can not stand in a reference",
        "Names, registries and addresses have no spaces, no control characters and no backslashes. A path that holds such characters begins "
        "with `./`, `../`, `/` or `~/`, or is a file: address.",
        _example("build it"),
        _example("build-it"),
    ),
    "RW402": Explanation(
        "The name is not one",
        "A name is `name` or `org/name` (a skill's may be `org/team/name`): lower-case letters, digits, `.`, `_` and `-`, beginning with a letter or "
        "a digit. A path begins with `./` or ends in `.toml`, `.yaml` or `.yml`.",
        _example("Build@team"),
        _example("build@team"),
    ),
    "RW403": Explanation(
        "More than one `@`",
        "One `@` stands between a name and where it comes from: `name@registry` or `name@owner/repo`. A version stands behind `#`.",
        _example("build@team@1.2.0"),
        _example("build@team#1.2.0"),
    ),
    "RW404": Explanation(
        "The part behind `#` is not one",
        "Behind one `#` stands a version (`1.2.0`), a range (`^1.2`, `~1.2`, `>=1,<2`), a tag, a branch, a commit or a `sha256:` digest. Without a "
        "choice leave the `#` out.",
        _example("build@team#"),
        _example("build@team#^1.2"),
    ),
    "RW405": Explanation(
        "The repository is not one",
        "Behind `@`, `owner/repo` names a repository on GitHub (or on the mirror that the setting `github_url` names): exactly two parts, neither of "
        "them `.` or `..`.",
        _example("build@owner/.."),
        _example("build@owner/repo"),
    ),
    "RW406": Explanation(
        "The registry's name is not one",
        "Registries are configured by name: lower-case letters, digits, `.`, `_` and `-`, beginning with a letter or a digit. `name@` alone is the default "
        "registry.",
        _example("build@Team"),
        _example("build@team"),
    ),
    "RW407": Explanation(
        "This kind of address is not read",
        "A reference may be an https:// address of a file, an oci:// address or a file: path. Plain http:// is refused: anybody on the way could change "
        "the workflow. A repository is `name@owner/repo`, or a registry of type `git`.",
        _example("http://example.org/build.toml"),
        _example("https://example.org/build.toml"),
    ),
    "RW408": Explanation(
        "The https:// address is not of a workflow file",
        "The address has a host, no user name or password, and ends in `.toml`, `.yaml` or `.yml`. Only a digest may follow: `#sha256:` and 64 "
        "hexadecimal digits.",
        _example("https://example.org/owner/repo"),
        _example("https://example.org/build.toml"),
    ),
    "RW409": Explanation(
        "The OCI reference is not one",
        "`oci://host[:port]/repository[:tag][@sha256:…]`: the repository is lower case; the choice stands behind `:` or `@`, never behind `#`. The "
        "`oci://` may be left out when the host has a dot or a port, or is `localhost`.",
        _example("oci://example.org/Build"),
        _example("oci://example.org/build:1.2.0"),
    ),
    "RW410": Explanation(
        "The digest is not one",
        "A digest is `sha256:` and 64 lower-case hexadecimal digits.",
        _example("build@team#sha256:12ab"),
        _example(f"build@team#{_DIGEST}"),
    ),
    "RW411": Explanation(
        "A path is one of this machine, and has no version",
        "A path is taken whole, so it has no `#…` of its own, and a file: address names no other host. To choose a version, name the workflow and its "
        "registry: `build@team#1.2.0`.",
        _example("build.toml#1.2.0"),
        _example("./build.toml"),
    ),
    "RW420": Explanation(
        "The workflow that is used is not there",
        "`uses` names a file that does not exist or can not be read, or an id that no workflow of the project has. A relative path starts at the "
        "folder of the file that says it.",
        "",
        "",
    ),
}
