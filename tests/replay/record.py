"""Record runs of this version for ``test_recorded.py``: ``python tests/replay/record.py`` writes ``tests/replay/v<version>/``."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from ropeway import __version__
from ropeway.lang.plan import plan_from_json
from ropeway.runs.events import RunEvent
from ropeway.runs.journal import read_events
from ropeway.runs.state import fold
from support.projects import Project

INNER = '[steps.inside]\nrun = "echo inside >> effects"\n'
FAILED = """
version = "1.0.0"
[parameters.name]
type = "string"
default = "you"
[outputs]
all = "${{ steps.each.outputs.v }}"
[policy]
max_parallel = 2
[steps.one]
run = "echo one >> effects; echo n=1 >> $ROPEWAY_OUTPUT"
[steps.flaky]
needs = ["one"]
run = "echo flaky >> effects; test $ROPEWAY_ATTEMPT -ge 2"
retry = { attempts = 3, delay = "10ms" }
[steps.each]
needs = ["flaky"]
foreach = "['a', 'b', 'c']"
when = "item != 'c'"
run = "echo each-${{ item }} >> effects; echo v=${{ item }}-${{ params.name }} >> $ROPEWAY_OUTPUT; test ${{ item }} = a || test -e ok"
outputs.v = { type = "string" }
[steps.again]
run = "echo again >> effects; echo n=$(grep -c again effects) >> $ROPEWAY_OUTPUT"
outputs.n = { type = "integer" }
repeat = { until = "steps.again.outputs.n >= 2", max = 9 }
[steps.call]
needs = ["again"]
uses = "workflow:./inner.toml"
[steps.warned]
needs = ["call"]
run = "exit 1"
on_error = "continue"
[steps.last]
needs = ["warned", "each"]
run = "echo last >> effects"
[steps.handler]
needs = ["each"]
when = "failure()"
run = "echo handled >> effects"
"""
WAITING = """
[steps.before]
run = "echo before >> effects"
[steps.gate]
needs = ["before"]
uses = "gate:choose"
inputs = { prompt = "Which?", choices = ["small", "large"] }
[steps.after]
needs = ["gate"]
run = "echo ${{ steps.gate.outputs.choice }} >> effects"
"""


def main() -> None:
    """Record every workflow of this file."""
    target = Path(__file__).parent / f"v{__version__}"
    for name, text, resumed in (("failed", FAILED, {}), ("waiting", WAITING, {"answer": ["gate", "large"]})):
        with tempfile.TemporaryDirectory() as root:
            record(Project(Path(root)), text, target / name, resumed)


def record(project: Project, text: str, target: Path, resumed: dict) -> None:
    """Run a workflow, keep what it left, go on with it and keep what came of that."""
    project.write(INNER, "inner.toml")
    folder = project.run(text).folder
    assert folder is not None
    target.mkdir(parents=True)
    neutral = {str(project.cwd): "/recorded"}
    plan = (folder.path / "plan.json").read_text()
    (target / "plan.json").write_text(plan.replace(str(project.cwd), "/recorded"))
    with (target / "journal").open("wb") as file:
        for event in folder.events():
            data = {k: neutral.get(v, v) if isinstance(v, str) else v for k, v in event.data.items()}
            data |= {
                k: v for k, v in {"host": "host", "actor": "ann", "source": "/recorded/workflow.toml", "pid": 4711}.items() if k in data
            }
            file.write(RunEvent(event.seq, event.at, event.event, data).line())
    steps = [s.id for s in plan_from_json(json.loads(plan)).template.steps]
    state = fold("recorded", steps, read_events(target / "journal"))
    (project.cwd / "ok").touch()
    (project.cwd / "effects").unlink()
    ran = project.call("answer", f"{folder.id}:{resumed['answer'][0]}", resumed["answer"][1]) if resumed else project.resume()
    expected = resumed | {"status": ran.status, "states": ran.states(), "effects": sorted(project.lines("effects"))}
    (target / "expected.json").write_text(json.dumps({"state": state.as_json(), "resumed": expected}, indent=1) + "\n")


if __name__ == "__main__":
    main()
