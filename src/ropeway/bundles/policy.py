"""Who may sign what: the rules of ``trust.toml``, and the ones that hold without any.

::

    [[rule]]
    source = "oci://ghcr.io/acme/*"     # which sources; everything when left out
    name = "acme/*"                     # which names in them; every one when left out
    require = "publisher"               # none, publisher or chain
    publishers = ["acme-release"]       # keys: by name, id or text; any one that was pinned when left out
    first_use = "ask"                   # ask, pin or refuse

``*`` stands for any characters but ``/``; at the end of a pattern for all the rest.

**The most specific rule wins**: of the rules that fit, the one with the most characters other than ``*`` in ``source``; among equals the most
in ``name``; among equals the strictest. Nothing is joined from several rules. No rule can ask for less than the source does by itself
(:data:`DEFAULTS`): on a server of ours a publisher's signature is always needed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal, cast, get_args

from ropeway.bundles.identity import canonical
from ropeway.bundles.keys import SHOWN, find_key, parse_key
from ropeway.bundles.manifest import canonical_json, digest_of
from ropeway.bundles.toml_files import read_tables
from ropeway.bundles.verdicts import POLICY_FILE
from ropeway.errors import UsageError
from ropeway.records import record, replace

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ropeway.bundles.keys import PublicKey
    from ropeway.bundles.toml_files import Table

__all__ = ["DEFAULTS", "POLICY_FILE", "FirstUse", "Policy", "Require", "Rule", "default_rule", "matches", "read_policy"]

Require = Literal["none", "publisher", "chain"]
FirstUse = Literal["ask", "pin", "refuse"]

_REQUIRE: Final[tuple[Require, ...]] = get_args(Require)
_FIRST_USE: Final[tuple[FirstUse, ...]] = ("pin", "ask", "refuse")
"""From the loosest to the strictest."""
_KEYS: Final = ("source", "name", "require", "publishers", "first_use")


@record
class Rule:
    """One rule. ``publishers`` are as written; ``place`` says where it stands, for messages."""

    source: str = "*"
    name: str = "*"
    require: Require = "none"
    publishers: tuple[str, ...] = ()
    first_use: FirstUse = "ask"
    place: str = ""

    @property
    def rank(self) -> tuple[int, int, int, int]:
        """Rules are compared by this: the larger wins."""
        return _literal(self.source), _literal(self.name), _REQUIRE.index(self.require), _FIRST_USE.index(self.first_use)


DEFAULTS: Final[dict[str, Rule]] = {
    "here": Rule(require="none", first_use="pin", place="the rule for folders of this machine"),
    "server": Rule(require="publisher", first_use="ask", place="the rule for our own server"),
    "oci": Rule(require="none", first_use="ask", place="the rule for OCI registries"),
    "other": Rule(require="none", first_use="ask", place="the rule for git repositories and files on the web"),
}
"""What holds where no rule fits, by kind of source."""


def default_rule(source: str, *, claimed: bool) -> Rule:
    """Return what holds for a source by itself; ``claimed`` says that it is a managed name on a server of ours."""
    if claimed:
        return DEFAULTS["server"]
    if source.startswith("path:"):
        return DEFAULTS["here"]
    return DEFAULTS["oci" if source.startswith("oci://") else "other"]


@record
class Policy:
    """All rules, in the order of the file."""

    rules: tuple[Rule, ...] = ()

    def rule_for(self, source: str, name: str, *, claimed: bool = False) -> Rule:
        """Return the one rule that decides about a name in a source; ``name`` is the whole one (``Subject.full_name``)."""
        least = default_rule(source, claimed=claimed)
        fitting = [rule for rule in self.rules if matches(rule.source, source) and matches(rule.name, name)]
        if not fitting:
            return least
        rule = max(fitting, key=lambda rule: rule.rank)
        return replace(rule, require=max(rule.require, least.require, key=_REQUIRE.index))

    def digest(self) -> str:
        """Return a digest of what the rules say."""
        said = [[rule.source, rule.name, rule.require, list(rule.publishers), rule.first_use] for rule in self.rules]
        return digest_of(canonical_json(said))


def matches(pattern: str, text: str) -> bool:
    """Return whether a pattern fits the whole of a text."""
    if pattern.endswith("*"):
        pattern = pattern[:-1]
        rest = ".*"
    else:
        rest = ""
    regex = "[^/]*".join(re.escape(part) for part in pattern.split("*")) + rest
    return re.fullmatch(regex, text, re.DOTALL) is not None


def _literal(pattern: str) -> int:
    return len(pattern) - pattern.count("*")


def publishers_of(rule: Rule, keys: Mapping[str, PublicKey]) -> dict[str, PublicKey | None]:
    """Return the keys that a rule names, by id. A name or id that no key has stays as it is written, with None: nobody can sign as it."""
    found: dict[str, PublicKey | None] = {}
    for text in rule.publishers:
        key = parse_key(text) if " " in text.strip() else find_key(text, keys.values())
        found[text if key is None else key.keyid] = None if key is None else keys.get(key.keyid, key)
    return found


def read_policy(path: Path) -> Policy:
    """Read ``trust.toml``; one that is not there has no rules.

    Raises:
        UsageError: It is not as documented; the message has the line (code ``invalid-policy``).
        Refused: Others may write to it.
        StoreError: It can't be read.
    """
    rules: dict[tuple[str, str], Rule] = {}
    for table in read_tables(path, "rule", code="invalid-policy"):
        rule = _rule(table)
        other = rules.setdefault((rule.source, rule.name), rule)
        if other is not rule:
            raise table.wrong(None, f"{other.place} is a rule for the same source and name", "keep one of them")
    return Policy(tuple(rules.values()))


def _rule(table: Table) -> Rule:
    table.only(_KEYS)
    source, name = table.text("source", "*"), table.text("name", "*")
    require = cast("Require", table.choice("require", _REQUIRE, "none"))
    first_use = cast("FirstUse", table.choice("first_use", ("ask", "pin", "refuse"), "ask"))
    publishers = table.texts("publishers")
    if "source" not in table.data and "name" not in table.data:
        hint = 'write source = "oci://ghcr.io/acme/*", or source = "*" if it is meant for everything'
        raise table.wrong(None, "the rule says neither source nor name", hint)
    problem = _bad_source(source)
    if problem is not None:
        raise table.wrong("source", *problem)
    if publishers and require == "none":
        raise table.wrong("publishers", "publishers are named, and no signature is asked for", 'add require = "publisher"')
    for text in publishers:
        _check_publisher(table, text)
    return Rule(canonical(source), name, require, publishers, first_use, table.place)


def _bad_source(source: str) -> tuple[str, str] | None:
    """Return what is wrong with the pattern of a source, and what to write instead."""
    if source == "*":
        return None
    scheme, colon, rest = source.partition("://")
    if source.startswith("path:"):
        return None
    if not colon or not scheme or not rest:
        return (
            f"{source!r:.80} is no source",
            "write it as oci://host/…, git+https://host/…, https://host/… or path:/folder; see `workflow info`",
        )
    host = rest.partition("/")[0]
    if rest == host and host.endswith("*") and host != "*":
        return f"{source!r:.80} also fits other hosts, which only begin so", f"write {source[:-1]}/*"
    if host != host.lower():
        return f"the host in {source!r:.80} has capital letters, so it fits nothing", f"write {source.replace(host, host.lower())}"
    return None


def _check_publisher(table: Table, text: str) -> None:
    if " " in text.strip():
        try:
            parse_key(text)
        except UsageError as error:
            raise table.wrong("publishers", f"publishers: {error.message}", error.hint) from None
    elif not text.strip():
        raise table.wrong("publishers", "publishers: an empty name", f"name a key, or write at least {SHOWN} digits of its id")
