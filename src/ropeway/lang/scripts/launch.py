"""How a compiled script is started: an argv, and the files that have to be there.

Pure functions: they say what to write and what to spawn. The interpreter sees the script under its own line numbers, so that its
messages point into the workflow's text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ropeway.records import record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ropeway.lang.scripts.draft import Compiled

__all__ = ["ARGUMENT_LIMIT", "Launch", "launch"]

ARGUMENT_LIMIT = 100 * 1024
"""Bytes of a script from which it goes by file: one argument of a process ends at 131,071 bytes on Linux."""

_PYTHON = """\
def boot():
    import builtins, os, sys
    path = sys.argv[1]
    table, file = os.environ.pop("ROPEWAY_VALUES", None), os.environ.pop("ROPEWAY_VALUES_FILE", None)
    if file is not None:
        with open(file, encoding="utf-8") as stream:
            table = stream.read()
    if table is not None:
        import json
        builtins.__ropeway__ = json.loads(table)
    if sys.path[:1] == [""]:
        del sys.path[0]
    sys.path.insert(0, os.getcwd())
    sys.argv = sys.argv[1:]
    def hook(kind, error, trace):
        while trace is not None and trace.tb_frame.f_code.co_filename == "<string>":
            trace = trace.tb_next
        sys.__excepthook__(kind, error.with_traceback(trace), trace)
    sys.excepthook = hook
    with open(path, "rb") as stream:
        source = stream.read()
    main = globals()
    del main["boot"]
    main["__file__"] = path
    return source, path, main
def run(source, path, main):
    del main["run"]
    exec(compile(source, path, "exec", dont_inherit=True), main)
run(*boot())
"""
"""Runs the file in argv[1] as ``__main__``, with its values in ``__ropeway__`` and without a trace of itself."""

_NODE_VALUES = """\
{
  const { ROPEWAY_VALUES: table, ROPEWAY_VALUES_FILE: file } = process.env;
  delete process.env.ROPEWAY_VALUES;
  delete process.env.ROPEWAY_VALUES_FILE;
  const text = file === undefined ? table : require("fs").readFileSync(file, "utf8");
  if (text !== undefined) globalThis.__ropeway__ = JSON.parse(text);
}
"""
"""Is required before the script."""

_NODE_LARGE = 'require("vm").runInThisContext(require("fs").readFileSync(process.argv[1], "utf8"), { filename: process.argv[1] })'
"""Runs the file in argv[1] as ``--eval`` would run its text: ``require`` is relative to the current directory."""

_ENDINGS = {"bun": ".js", "deno": ".ts", "lua": ".lua", "perl": ".pl", "php": ".php", "powershell": ".ps1", "pwsh": ".ps1", "ruby": ".rb"}


@record
class Launch:
    """What to spawn, in the step's working directory, once ``files`` (names and texts, UTF-8) are written into the given folder."""

    argv: tuple[str, ...]
    files: tuple[tuple[str, str], ...] = ()


def launch(compiled: Compiled, shell: Sequence[str], step_id: str, folder: str) -> Launch:
    """Return how to run a script.

    Args:
        compiled: The script; for bash and sh its text may begin with a :func:`~ropeway.lang.scripts.prelude.prelude`.
        shell: ``("bash",)``, ``("sh",)``, ``("python",)``, ``("node",)``, or an argv that takes the name of a file.
        step_id: What the script calls itself in messages. Files are named after it, so no two scripts that run at the same time in
            one ``folder`` may share it.
        folder: The absolute path of a folder outside the working directory, for the files.

    bash and sh find values in environment variables. python and node find them as a JSON object in ``ROPEWAY_VALUES``, or in the file
    that ``ROPEWAY_VALUES_FILE`` names; both are removed from the environment before the script starts.
    """
    text, program = compiled.text, shell[0]
    name = step_id.replace("/", ".")
    known = program if len(shell) == 1 else ""
    if known in _SHELLS:
        if _fits(text):
            return Launch((*_SHELLS[known], "-c", "--", text, step_id))
        return Launch((*_SHELLS[known], "--", f"{folder}/{name}.{known}"), ((f"{name}.{known}", text),))
    if known == "python":
        return Launch(("python3", "-c", _PYTHON, f"{folder}/{name}.py"), ((f"{name}.py", text),))
    if known == "node":
        return _node(compiled, f"{name}.js", folder)
    file = name + _ENDINGS.get(program.rpartition("/")[2], ".script")
    return Launch((*shell, f"{folder}/{file}"), ((file, text),))


def _fits(text: str) -> bool:
    return len(text.encode("utf-8", "surrogatepass")) <= ARGUMENT_LIMIT


def _node(compiled: Compiled, name: str, folder: str) -> Launch:
    """Node.js runs text from its command line relative to the current directory, a file relative to the file's own."""
    options: tuple[str, ...] = ("node",)
    files: tuple[tuple[str, str], ...] = ()
    if compiled.variables:
        options += ("--require", f"{folder}/{name}.values.cjs")
        files += ((f"{name}.values.cjs", _NODE_VALUES),)
    if _fits(compiled.text):
        return Launch((*options, f"--eval={compiled.text}"), files)
    return Launch((*options, f"--eval={_NODE_LARGE}", "--", f"{folder}/{name}"), (*files, (name, compiled.text)))


_SHELLS = {"bash": ("bash", "--noprofile", "--norc", "-euo", "pipefail"), "sh": ("sh", "-eu")}
