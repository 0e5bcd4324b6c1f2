"""``run = [...]``: a program and its arguments, no shell at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ropeway.runs.process import MAX_ENVIRONMENT_STRING, StartProblem
from ropeway.runs.steps import Launch

if TYPE_CHECKING:
    from ropeway.runs.steps import Prepared


class Argv:
    """``run = [...]``: the program and its arguments, no shell at all."""

    def launch(self, prepared: Prepared) -> Launch:
        """Return the argv as it is."""
        for argument in prepared.argv:
            size = len(argument.encode("utf-8", "surrogatepass"))
            if size > MAX_ENVIRONMENT_STRING:
                raise StartProblem(
                    f"an argument has {size:,} bytes, the system takes {MAX_ENVIRONMENT_STRING:,}",
                    126,
                    hint="write the value to a file and pass its name, or use a script, which gets large values by file",
                )
        return Launch(prepared.argv)
