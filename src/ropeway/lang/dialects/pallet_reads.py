"""What the values of a Pallet document read: templates become expressions over ``params`` and ``steps``.

Every name is checked here, where the template's place is known, so that a mistake is shown under the braces it stands in.
"""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

from ropeway.lang.dialects.pallet_names import Unreadable
from ropeway.lang.dialects.pallet_templates import Fault, Read, access, scan, to_expression, to_template
from ropeway.lang.hints import shown
from ropeway.lang.model import Field

if TYPE_CHECKING:
    from ropeway.lang.diagnostics import Path, Problems
    from ropeway.lang.dialects.pallet_names import Names
    from ropeway.lang.dialects.pallet_templates import Part


class Values:
    """Translates the values of one document and collects the parameters they read."""

    def __init__(self, problems: Problems, names: Names) -> None:
        self.parameters: dict[str, Field] = {}
        self._problems = problems
        self._names = names

    def value(self, value: Any, reader: str, path: Path) -> Any:
        """Translate the templates in a value and everything nested in it; keys and other scalars stay as they are."""
        if isinstance(value, str):
            parts = self._scan(value, path)
            return to_template(parts, lambda read: self._read(read, reader, path))
        if isinstance(value, dict):
            return {str(key): self.value(item, reader, (*path, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [self.value(item, reader, (*path, index)) for index, item in enumerate(value)]
        return value

    def condition(self, value: Any, reader: str, path: Path) -> str:
        """Translate a condition into an expression."""
        if isinstance(value, (dict, list)) or (isinstance(value, float) and not isfinite(value)):
            self._problems.error("RW702", path, "'condition' must be one value", hint='write condition: "{{ … }}"')
            return "null"
        parts = self._scan(value, path) if isinstance(value, str) else ()
        if not any(isinstance(part, (Read, Fault)) for part in parts):
            self._problems.warning("RW710", path, "the condition is the same for every run", hint="put a template in it: {{ … }}")
        if isinstance(value, str):
            return to_expression(parts, lambda read: self._read(read, reader, path))
        return {None: "null", True: "true", False: "false"}[value] if value is None or isinstance(value, bool) else repr(value)

    def is_whole_input(self, text: str, path: Path) -> bool:
        """Whether a text is ``{{ workflow.input }}``, which hands on all there is: the parameters that are read by name."""
        parts = scan(text)
        if len(parts) != 1 or not isinstance(parts[0], Read) or parts[0].path != ("workflow", "input"):
            return False
        self._note_whole_input(parts[0], path)
        return True

    def _scan(self, text: str, path: Path) -> tuple[Part, ...]:
        parts = scan(text) if "{{" in text else (text,)
        for part in parts:
            if isinstance(part, Fault):
                self._problems.error("RW708", path, part.message, hint=part.hint, offset=part.offset, length=part.length)
        return parts

    def _read(self, read: Read, reader: str, path: Path) -> str:
        if read.path[0] == "workflow":
            return self._input(read, path)
        return self._result(read, reader, path)

    def _input(self, read: Read, path: Path) -> str:
        if read.path[1:2] != ("input",):
            self._refuse(read, path, f"{shown('.'.join(read.path))} is not something a template can read", "write workflow.input.NAME")
            return "null"
        names = read.path[2:]
        if not names:
            self._note_whole_input(read, path)
        elif names[0] not in self.parameters:
            description = f"Inferred from {{{{ {'.'.join(read.path)} }}}}"
            self.parameters[names[0]] = Field(names[0], "any", description=description)
        return access("params", names)

    def _result(self, read: Read, reader: str, path: Path) -> str:
        if len(read.path) < 2 or read.path[2:3] != ("outputs",):
            self._refuse(read, path, f"{shown('.'.join(read.path))} is not a step's result", "write steps.ID.outputs.NAME")
            return "null"
        name, below = read.path[1], read.path[3:]
        found = self._names.find(name, reader)
        if isinstance(found, Unreadable):
            self._refuse(read, path, found.message, found.hint)
            return "null"
        output = found.step.output
        if output is not None and below and below[0] != output:
            hint = f"it has outputs: {output}, so write steps.{name}.outputs.{'.'.join((output, *below))}"
            self._refuse(read, path, f"the step {shown(name)} has no output {shown(below[0])}", hint)
        expression = access("steps", (name, "outputs", *below))
        # The outputs of a skipped step are null, and nothing can be read below null.
        return f"default({expression}, null)" if found.may_be_skipped and len(below) > 1 else expression

    def _refuse(self, read: Read, path: Path, message: str, hint: str) -> None:
        self._problems.error("RW709", path, message, hint=hint, offset=read.offset, length=read.length)

    def _note_whole_input(self, read: Read, path: Path) -> None:
        message = "the whole input is the parameters that templates read by name"
        hint = "an input that nothing in this document reads by name can not be given to it"
        self._problems.error("RW712", path, message, hint=hint, severity="note", offset=read.offset, length=read.length)
