"""Reads the code blocks of a page and does what they say.

* ```` ```console ````: lines after ``$ `` are typed in bash (``> `` goes on with the same command), in one folder for the whole page; the lines
  below are what must appear, and ``[exit status N]`` how it ends when not with 0.
* Any block with ``title="PATH"``: a file that is there from then on.
* ```` ```toml ```` or ```` ```yaml ```` with steps: a workflow that must be valid.

What `workflow run` prints may come in another order of lines, because steps that run at the same time end in any order. In expected output ``…`` stands for any text on its line, and alone for any number of lines. Durations, digests and ages may differ, the width of
columns too. A run's id may differ, but must then be the same wherever the page says it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

FENCE = re.compile(r"^(?P<indent> *)```(?P<info>[^\n`]*)\n(?P<body>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)
TITLE = re.compile(r'title="([^"]+)"')
RUN_ID = re.compile(r"\b(?=[a-z]*[2-7])(?=[2-7]*[a-z])[a-z2-7]{10}\b")
PARALLEL = re.compile(r"\bworkflow (?:run|resume)\b(?!.*\|)")
LOOSE = [
    (re.compile(r"\b\d+(?:\\?\.\d)?\\? (?:s|ms|min)(?:\\? ago)?(?=$|\W)|\bnow\b"), r"(?:\\d+(?:\\.\\d)? (?:s|ms|min)(?: ago)?|now)"),
    (re.compile(r"\b\d+(?:\\?\.\d)?\\? (?:B|KiB|MiB)\b"), r"\\d+(?:\\.\\d)? (?:B|KiB|MiB)"),
    (re.compile(r"\b(?:[0-9a-f]{64}|[0-9a-f]{12})\b"), "[0-9a-f]+"),
]

_NOT_A_READERS = ("ROPEWAY_", "PYTEST_", "GIT_", "AGENT_", "AI_WORKSPACES_", "DIRENV_")
"""Variables that begin so are kept away from the commands of a page."""


@dataclass(frozen=True)
class Block:
    """One code block: the word behind its fence, its title (a path) and its text."""

    kind: str
    title: str | None
    text: str
    line: int


@dataclass
class Command:
    """What is typed, what must appear, and the exit status."""

    text: str
    output: list[str] = field(default_factory=list)
    status: int = 0


def blocks(page: str) -> list[Block]:
    """Return the code blocks of a page in order."""
    found = []
    for match in FENCE.finditer(page):
        indent = match["indent"]
        text = "".join(line.removeprefix(indent) for line in match["body"].splitlines(keepends=True))
        title = TITLE.search(match["info"])
        kind = "" if match["info"].startswith(" ") else match["info"].split(" ")[0]
        found.append(Block(kind, title and title[1], text, page.count("\n", 0, match.start()) + 1))
    return found


def commands(text: str) -> list[Command]:
    """Return the commands of a console block."""
    found: list[Command] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append(Command(line[2:]))
        elif line.startswith("> ") and not found[-1].output:
            found[-1].text += "\n" + line[2:]
        elif status := re.fullmatch(r"\[exit status (\d+)\]", line):
            found[-1].status = int(status[1])
        else:
            found[-1].output.append(line)
    return found


class Page:
    """A folder in which a page's blocks are carried out."""

    def __init__(self, folder: Path) -> None:
        self.home = folder
        self.cwd = folder / "project"
        self.cwd.mkdir()
        self.ids: dict[str, str] = {}
        self.environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith(_NOT_A_READERS)},
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(folder),
            "XDG_STATE_HOME": str(folder / "state"),
            "XDG_CONFIG_HOME": str(folder / "config"),
            "XDG_CACHE_HOME": str(folder / "cache"),
            "ROPEWAY_ACTOR": "ada",
            "GIT_CONFIG_NOSYSTEM": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        for role in ("AUTHOR", "COMMITTER"):
            self.environ |= {f"GIT_{role}_NAME": "Ada", f"GIT_{role}_EMAIL": "ada@example.org"}

    def do(self, block: Block) -> str | None:
        """Carry out one block; returns what is wrong, or None."""
        if block.title is not None:
            self.write(block)
        if block.kind == "console":
            for command in commands(block.text):
                wrong = self._type(command)
                if wrong is not None:
                    return f"line {block.line}: $ {command.text}\n{wrong}"
        return None

    def write(self, block: Block) -> None:
        """Make the file that a block is."""
        path = self.cwd / (block.title or "")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text)
        path.chmod(0o755 if block.text.startswith("#!") else 0o644)

    def run(self, text: str) -> tuple[int, str]:
        """Run a command where the last one ended; returns its status and output."""
        for ours, theirs in self.ids.items():
            text = text.replace(ours, theirs)
        after, kept = self.home / "after", self.home / "exported"
        restore = f". {kept}; " if kept.exists() else ""
        script = f"{restore}{text}\nstatus=$?; pwd > {after}; export -p > {kept}; exit $status"
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self.cwd,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=120,
            check=False,
        )
        if after.exists():
            self.cwd = Path(after.read_text().rstrip("\n"))
        return done.returncode, done.stdout.decode(errors="replace")

    def _type(self, command: Command) -> str | None:
        status, shown = self.run(command.text)
        if status != command.status:
            return f"ended with {status}, not {command.status}:\n{shown}"
        found = matched(command.output, shown.splitlines(), self.ids, any_order=PARALLEL.search(command.text) is not None)
        if found is None:
            return f"printed\n\n{shown}\nand not\n\n" + "\n".join(command.output)
        self.ids |= found
        return None


def matched(expected: list[str], shown: list[str], known: dict[str, str], *, any_order: bool) -> dict[str, str] | None:
    """Return the new ids of runs when output is as expected, else None."""
    pattern, names = as_pattern(expected, known)
    found = re.fullmatch(pattern, "".join(f"{squeezed(line)}\n" for line in shown))
    if found is not None:
        return {ours: found[group] for group, ours in names.items()}
    if not any_order or len(expected) != len(shown):
        return None
    new: dict[str, str] = {}
    left = [squeezed(line) + "\n" for line in shown]
    for line in expected:
        pattern, names = as_pattern([line], known | new)
        hits = [(other, hit) for other in left if (hit := re.fullmatch(pattern, other))]
        if line.strip() == "…" or not hits:
            return None
        left.remove(hits[0][0])
        new |= {ours: hits[0][1][group] for group, ours in names.items()}
    return new


def squeezed(line: str) -> str:
    """Return a line without what depends on the width of columns."""
    return re.sub(r"(?<=\S) {2,}(?=\S)", "  ", line.rstrip())


def as_pattern(lines: list[str], known: dict[str, str]) -> tuple[str, dict[str, str]]:
    """Return the expression that output has to match, and its groups for the ids of runs that are new."""
    names: dict[str, str] = {}
    parts = []
    for line in lines:
        if line.strip() == "…":
            parts.append(r"(?:[^\n]*\n)*?")
            continue
        text = re.escape(squeezed(line)).replace("…", r"[^\n]*")
        for loose, instead in LOOSE:
            text = loose.sub(instead, text)
        parts.append(RUN_ID.sub(lambda found: _id(found[0], known, names), text) + "\n")
    return "".join(parts), names


def _id(ours: str, known: dict[str, str], names: dict[str, str]) -> str:
    if ours in known:
        return known[ours]
    group = f"id_{ours}"
    if group in names:
        return f"(?P={group})"
    names[group] = ours
    return f"(?P<{group}>[a-z2-7]{{10}})"
