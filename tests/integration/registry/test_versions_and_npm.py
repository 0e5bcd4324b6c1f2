"""Versions are ordered, and ranges allow them, as npm's own ``semver`` says: thousands of pairs."""

from __future__ import annotations

import itertools
import json
import random
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ropeway.lang.versions import Version, best, parse_range, parse_version

pytestmark = [pytest.mark.needs("node"), pytest.mark.needs("semver")]

PROGRAM = """
const semver = require(process.argv[1]);
let text = "";
process.stdin.on("data", (part) => { text += part; });
process.stdin.on("end", () => {
  const { versions, ranges } = JSON.parse(text);
  const valid = versions.map((version) => semver.valid(version) !== null);
  console.log(JSON.stringify({
    valid,
    order: valid.includes(false) ? null : versions.map((a) => versions.map((b) => semver.compare(a, b))),
    allowed: ranges.map((range) => versions.map((version) => semver.satisfies(version, range))),
    best: ranges.map((range) => semver.maxSatisfying(versions, range)),
  }));
});
"""


def asked(versions: list[str], ranges: list[str]) -> Any:
    package = Path(str(shutil.which("semver"))).resolve().parents[1]
    done = subprocess.run(
        ["node", "-e", PROGRAM, str(package)],
        input=json.dumps({"versions": versions, "ranges": [each.replace(",", " ") for each in ranges]}),
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def parsed(text: str) -> Version:
    version = parse_version(text)
    assert version is not None, text
    return version


WORDS = ["", "-0", "-1", "-alpha", "-alpha.1", "-alpha.beta", "-beta.2", "-beta.11", "-rc.1", "-x-y.7.z", "-9007199254740991"]
VERSIONS = [f"{major}.{minor}.{patch}{word}" for major, minor, patch in itertools.product((0, 1, 2), (0, 1, 2), (0, 3)) for word in WORDS]
VERSIONS += [
    "1.2.3+build",
    "1.2.3+build.2",
    "1.2.3-rc.1+b",
    "9007199254740991.0.0",
    "0.0.1",
    "0.0.4",
    "1.9.0",
    "1.10.0",
    "10.0.0",
    "2.0.0-00a",
]
PARTS = ["0", "1", "2", "0.0", "0.1", "1.2", "2.0", "0.0.0", "0.0.3", "0.2.3", "1.2.3", "2.0.0", "1.2.3+build", "0.0.0+b"]
PARTS += ["0.0.0-0", "0.0.0-alpha", "0.0.3-beta.2", "0.1.0-rc.1", "1.2.3-alpha.1", "1.2.3-beta.11", "2.0.0-0", "2.0.0-alpha"]
SINGLE = [f"{operator}{part}" for operator in ("^", "~", ">", ">=", "<", "<=", "=") for part in PARTS]


def test_every_pair_of_versions_has_the_order_that_npm_gives_it() -> None:
    told = asked(VERSIONS, [])
    versions = [parsed(text) for text in VERSIONS]
    assert all(told["valid"])
    for a, row in zip(versions, told["order"], strict=True):
        for b, sign in zip(versions, row, strict=True):
            assert (a > b) - (a < b) == sign, (str(a), str(b))
            assert (a == b, a <= b, a >= b) == (sign == 0, sign <= 0, sign >= 0)


def test_a_range_of_one_or_more_comparisons_allows_what_npm_lets_it_allow() -> None:
    some = random.Random(7)
    joined = [",".join(some.sample(SINGLE, some.choice((2, 2, 3)))) for _ in range(400)]
    ranges = [*SINGLE, *joined]
    told = asked(VERSIONS, ranges)
    versions = [parsed(text) for text in VERSIONS]
    wrong = []
    for text, row in zip(ranges, told["allowed"], strict=True):
        wanted = parse_range(text)
        wrong += [(text, str(v), yes) for v, yes in zip(versions, row, strict=True) if wanted.allows(v) != yes]
    assert wrong == []
    assert sum(sum(row) for row in told["allowed"]) > 1000


def test_the_best_version_is_the_one_that_npm_takes() -> None:
    told = asked(VERSIONS, SINGLE)
    for text, there in zip(SINGLE, told["best"], strict=True):
        found = best(parse_range(text), VERSIONS)
        assert (found and parsed(found)) == (there and parsed(there)), text


def test_what_npm_takes_for_no_version_is_none() -> None:
    texts = ["", "1", "1.2", "1.2.3.4", "01.2.3", "1.02.3", "1.2.03", "1.2.3-", "1.2.3-01", "1.2.3-a..b", "1.2.3+", "-1.2.3", "a.b.c"]
    texts += ["1.2.3-\u00e9", "1.2.x", "1,2,3", "1.2.3 4", "1.2.3-a+b+c", "\u0661.\u0662.\u0663", f"1.2.{'3' * 300}"]
    assert asked(texts, [])["valid"] == [False] * len(texts)
    assert [parse_version(text) for text in texts] == [None] * len(texts)
