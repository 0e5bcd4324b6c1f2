"""``run = "…"``: compiled text for an interpreter, with its values beside it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ropeway.lang.expressions import to_text
from ropeway.lang.scripts import Compiled, launch, prelude
from ropeway.runs.folder import file_name
from ropeway.runs.steps import Launch

if TYPE_CHECKING:
    from ropeway.runs.steps import Prepared

LARGE = 100 * 1024
"""Bytes from which one value reaches a script by a file."""
LARGE_TOGETHER = 2**20
"""Bytes from which all of them do."""


class Script:
    """``run = "…"``: compiled text for an interpreter, with its values beside it."""

    def launch(self, prepared: Prepared) -> Launch:
        """Return the interpreter's argv, the values' environment and the files both need."""
        step = prepared.step
        shell = step.shell[0] if len(step.shell) == 1 else "other"
        text = step.script or ""
        if shell in ("bash", "sh"):
            env, files, head = self._by_environment(prepared, shell)
            text = head + text
        else:
            env, files = self._by_table(prepared)
        made = launch(Compiled(text, dict(step.variables), []), step.shell, _name(prepared.address), str(prepared.folder))
        written = tuple((name, content.encode()) for name, content in made.files)
        return Launch(tuple(made.argv), env, (*files, *written))

    def _by_environment(self, prepared: Prepared, shell: str) -> tuple[dict[str, str], tuple[tuple[str, bytes], ...], str]:
        texts = {name: to_text(value) for name, value in prepared.variables.items()}
        sizes = {name: len(text.encode("utf-8", "surrogatepass")) for name, text in texts.items()}
        all_large = sum(sizes.values()) > LARGE_TOGETHER
        large = {name for name, size in sizes.items() if all_large or size > LARGE}
        env = {name: text for name, text in texts.items() if name not in large}
        if not large:
            return env, (), ""
        stem = file_name(prepared.address)
        names = {name: f"{stem}.{prepared.attempt}.{name}" for name in sorted(large)}
        files = tuple((file, texts[name].encode("utf-8", "surrogatepass")) for name, file in names.items())
        return env, files, prelude(shell, {name: str(prepared.folder / file) for name, file in names.items()})

    def _by_table(self, prepared: Prepared) -> tuple[dict[str, str], tuple[tuple[str, bytes], ...]]:
        if not prepared.variables:
            return {}, ()
        table = json.dumps(dict(prepared.variables))
        if len(table) <= LARGE:
            return {"ROPEWAY_VALUES": table}, ()
        name = f"{file_name(prepared.address)}.{prepared.attempt}.values.json"
        return {"ROPEWAY_VALUES_FILE": str(prepared.folder / name)}, ((name, table.encode()),)


def _name(address: str) -> str:
    return address if len(address) <= 150 else file_name(address)
