"""The same work for every program: steps that each run ``true`` through ``/bin/sh``, in a chain or side by side.

Programs that would be clever are kept from it, so that all start a shell for every step: make runs simple commands itself, so its command
is ``true;``; go-task has a shell of its own, so it is told to start ``sh``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def _toml(count: int, *, chain: bool) -> str:
    parts = ['id = "benchmark"\n']
    for i in range(count):
        needs = f'needs = ["s{i - 1}"]\n' if chain and i else ""
        parts.append(f'[steps.s{i}]\nshell = "sh"\nrun = "true"\n{needs}')
    return "\n".join(parts)


def _make(count: int, *, chain: bool) -> str:
    targets = " ".join(f"s{i}" for i in range(count))
    rules = [f"s{i}:{f' s{i - 1}' if chain and i else ''}\n\t@true;\n" for i in range(count)]
    return f"SHELL = /bin/sh\n.PHONY: all {targets}\nall: {targets}\n{''.join(rules)}"


def _ninja(count: int, *, chain: bool) -> str:
    rules = [f"build s{i}: step{f' s{i - 1}' if chain and i else ''}\n" for i in range(count)]
    return f"rule step\n  command = true\n{''.join(rules)}"


def _just(count: int, *, chain: bool) -> str:
    last = f"s{count - 1}" if chain else " ".join(f"s{i}" for i in range(count))
    return f"all: {last}\n" + "".join(f"s{i}:{f' s{i - 1}' if chain and i else ''}\n    @true\n" for i in range(count))


def _doit(count: int, *, chain: bool) -> str:
    needs = "[f's:{i - 1}'] if i else []" if chain else "[]"
    return (
        "DOIT_CONFIG = {'verbosity': 0, 'reporter': 'zero'}\n\n\n"
        "def task_s():\n"
        f"    for i in range({count}):\n"
        f"        yield {{'name': str(i), 'actions': ['true'], 'task_dep': {needs}}}\n"
    )


def _task(count: int, *, chain: bool) -> str:
    parts = ["version: '3'\nsilent: true\ntasks:\n"]
    for i in range(count):
        needs = f"    deps: [s{i - 1}]\n" if chain and i else ""
        parts.append(f"  s{i}:\n{needs}    cmds: ['sh -c true']\n")
    last = f"s{count - 1}" if chain else ", ".join(f"s{i}" for i in range(count))
    return "".join(parts) + f"  default:\n    deps: [{last}]\n"


def _invoke(count: int, *, chain: bool) -> str:
    parts = ["from invoke import task\n"]
    for i in range(count):
        pre = f"(pre=[s{i - 1}])" if chain and i else ""
        parts.append(f"\n\n@task{pre}\ndef s{i}(c):\n    c.run('true', shell='/bin/sh')\n")
    every = f"s{count - 1}" if chain else ", ".join(f"s{i}" for i in range(count))
    return "".join(parts) + f"\n\n@task(pre=[{every}], default=True)\ndef every(c):\n    pass\n"


_WRITERS: dict[str, tuple[str, Callable[..., str]]] = {
    "ropeway": ("workflow.toml", _toml),
    "make": ("Makefile", _make),
    "ninja": ("build.ninja", _ninja),
    "just": ("justfile", _just),
    "doit": ("dodo.py", _doit),
    "task": ("Taskfile.yml", _task),
    "invoke": ("tasks.py", _invoke),
}


def write(program: str, folder: Path, count: int, *, chain: bool) -> Path:
    """Write a program's own file for ``count`` steps and return the folder that it is to be started in."""
    place = folder / f"{program}-{'chain' if chain else 'fan'}-{count}"
    if not place.exists():
        place.mkdir(parents=True)
        name, text = _WRITERS[program]
        (place / name).write_text(text(count, chain=chain), encoding="utf-8")
    return place
