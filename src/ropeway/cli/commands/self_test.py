"""`workflow self-test`: check that everything works on this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from ropeway.cli.group import option, verb
from ropeway.cli.text import plural

if TYPE_CHECKING:
    from pathlib import Path

    from ropeway.cli.console import Console


@verb()
@option("--rebuild-index", is_flag=True, help="Make the index of runs again from their journals, and do nothing else.")
def command(console: Console, *, rebuild_index: bool) -> int:
    """Check that everything works on this machine.

    A small workflow is run in folders of its own; nothing of yours is changed. Exit status 1 means that something does not work.
    """
    from ropeway.app import selftest

    if rebuild_index:
        count = selftest.rebuild_index()
        if console.json:
            console.object({"runs": count})
        else:
            console.say(f"the index has {plural(count, 'run')}")
        return 0
    failed = 0
    for outcome in selftest.self_test(_run):
        failed += outcome.ok is False
        if console.json:
            console.object({"check": outcome.name, "ok": outcome.ok, "detail": outcome.detail})
            continue
        word, color = {True: ("ok", "green"), False: ("failed", "red"), None: ("absent", "yellow")}[outcome.ok]
        console.data(f"{console.styled(f'{word:<6}', color)}  {outcome.name}: {outcome.detail}")  # type: ignore[arg-type]
    if failed and not console.json:
        console.error(f"{plural(failed, 'check')} failed")
    return 1 if failed else 0


def _run(folder: Path) -> int:
    """Run the workflow in a process of its own, whose runs are kept in the folder."""
    environ = {**os.environ, "XDG_STATE_HOME": str(folder / "state"), "XDG_CONFIG_HOME": str(folder / "config")}
    argv = [sys.executable, "-m", "ropeway.cli.main", "run", "--plain"]
    return subprocess.run(argv, cwd=folder, env=environ, check=False, capture_output=True, timeout=60).returncode
