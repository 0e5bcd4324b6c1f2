"""Pushing to a registry on this machine and pulling from it: ours as whole processes, beside a program of the ORAS library for Go.

Every push goes to a repository of its own, since what is there is not sent again; every pull starts with nothing in the cache. All send the same
files, five at once.
"""

from __future__ import annotations

import random
import shutil
import sys
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from measure import Contestant, DidNotWork, Sample, once
from peers import BESIDE, find

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ORAS = "oras-go"
CLIENT = "client alone"
MOVING = str(Path(__file__).with_name("moving.py"))
_TESTS = str(Path(__file__).parents[1] / "tests")

Making = Callable[[int], Contestant]
"""Returns the command of a round."""


def tools() -> None:
    """Let ropeway-oras be found where scripts/install-test-tools keeps it."""
    import os

    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ropeway/test-tools"
    if str(cache) not in os.environ["PATH"]:
        os.environ["PATH"] += os.pathsep + str(cache)


@contextmanager
def registry(folder: Path) -> Iterator[str | None]:
    """Serve a registry and yield its host; None when neither distribution nor docker-registry is installed."""
    if _TESTS not in sys.path:
        sys.path.append(_TESTS)
    from support.registries import distribution_registry, docker_registry

    tools()
    for name, serve in (("docker-registry", docker_registry), ("distribution-registry", distribution_registry)):
        if find(name):
            with serve(folder / "registry") as running:
                yield running.host
            return
    yield None


def write(folder: Path, kind: str, count: int, size: int) -> Path:
    """Write ``count`` files of ``size`` bytes beside a workflow: each a layer of its own, or all ``in one folder``."""
    place = folder / f"{kind.replace(' ', '-')}-{count}-{size}"
    if not place.exists():
        place.mkdir(parents=True)
        (place / "workflow.toml").write_text('id = "moved"\nversion = "1.0.0"\n\n[steps.one]\nrun = "true"\n', encoding="utf-8")
        (place / "README.md").write_text("Files to be moved.\n", encoding="utf-8")
        inner = place / "files" if kind == "in one folder" else place
        inner.mkdir(exist_ok=True)
        source = random.Random(1)
        for number in range(count):
            with (inner / f"file-{number:04}.bin").open("wb") as file:
                for start in range(0, size, 1 << 20):
                    file.write(source.randbytes(min(1 << 20, size - start)))
    return place


class Commands:
    """The commands of all contestants for one folder of files."""

    def __init__(self, host: str, source: Path, work: Path) -> None:
        self._host = host
        self._source = source
        self._work = work
        self._name = source.name
        work.mkdir(parents=True, exist_ok=True)

    def pushing(self) -> dict[str, Making]:
        """Return what pushes, by name: the round goes into the repository's name."""
        parts = sorted(path.name for path in self._source.iterdir())
        oras = [
            find("ropeway-oras") or "ropeway-oras",
            "push",
            "-concurrency",
            "5",
            "-artifact-type",
            "application/vnd.ropeway.workflow.v1",
        ]
        return {
            ORAS: lambda number: Contestant(ORAS, [*oras, self._reference("oras", number), *parts], self._source),
            CLIENT: lambda number: Contestant(
                CLIENT, [sys.executable, MOVING, "push", self._reference("client", number), str(self._source)], self._work
            ),
            "workflow publish": lambda number: Contestant(
                "workflow publish",
                [
                    str(BESIDE / "workflow"),
                    "publish",
                    "--unsigned",
                    str(self._source),
                    "--registry",
                    f"{self._host}/{self._name}-{number}",
                ],
                self._work,
                self._environ(number),
            ),
        }

    def pulling(self) -> dict[str, Making]:
        """Return what pulls what ``client alone`` pushed in round 0, into a folder that does not exist yet.

        ``workflow fetch`` keeps what it gets in its own folder, where a link with the version's name leads; with a copy elsewhere it writes twice.
        """
        reference = self._reference("client", 0)
        oras = [find("ropeway-oras") or "ropeway-oras", "pull", "-concurrency", "5", "-output"]
        return {
            ORAS: lambda number: Contestant(ORAS, [*oras, self._output("oras", number), reference], self._work),
            CLIENT: lambda number: Contestant(
                CLIENT, [sys.executable, MOVING, "pull", reference, self._output("client", number)], self._work
            ),
            "workflow fetch": lambda number: Contestant(
                "workflow fetch", [str(BESIDE / "workflow"), "fetch", f"oci://{reference}"], self._work, self._environ(number)
            ),
            "with a copy": lambda number: Contestant(
                "with a copy",
                [str(BESIDE / "workflow"), "fetch", f"oci://{reference}", "--output", self._output("cli", number)],
                self._work,
                self._environ(number),
            ),
        }

    def clear(self) -> None:
        """Remove what a round left."""
        for path in self._work.iterdir():
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)

    def _repository(self, who: str, number: int) -> str:
        return f"{self._host}/workflows/bench/{self._name}-{who}-{number}"

    def _reference(self, who: str, number: int) -> str:
        return f"{self._repository(who, number)}:1.0.0"

    def _output(self, who: str, number: int) -> str:
        return str(self._work / f"{who}-{number}")

    def _environ(self, number: int) -> Mapping[str, str]:
        """Return a home of its own: nothing in its cache, nothing known of the registry."""
        home = self._work / f"home-{number}"
        return {f"XDG_{name}_HOME": str(home / name.lower()) for name in ("CONFIG", "STATE", "CACHE")} | {"HOME": str(home)}


def rounds(contestants: Mapping[str, Making], count: int, clear: Callable[[], None]) -> dict[str, list[Sample]]:
    """Run each once to warm up (a failing one is left out, and told), then ``count`` rounds of all in turn, each from a clean start."""
    working: dict[str, Making] = {}
    for name, made in contestants.items():
        try:
            once(made(0))
            working[name] = made
        except DidNotWork as problem:
            print(f"  left out: {problem}")
        clear()
    samples: dict[str, list[Sample]] = {name: [] for name in working}
    for number in range(1, count + 1):
        for name, made in working.items():
            samples[name].append(once(made(number)))
            clear()
    return samples


def commands(contestants: Mapping[str, Making], names: Sequence[str]) -> list[Contestant]:
    """Return the commands of a round, to be shown: of many files only the first."""
    every = [contestants[name](1) for name in names]
    return [replace(one, argv=[*one.argv[:8], "…"]) if len(one.argv) > 10 else one for one in every]
