"""The reference says what the program's own tables say."""

from __future__ import annotations

import subprocess
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts/generate-reference"
PAGES = sorted((ROOT / "docs/reference").glob("*.md"))


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    loader = SourceFileLoader("generate_reference", str(SCRIPT))
    spec = spec_from_loader(loader.name, loader)
    assert spec is not None
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_of_the_reference_is_not_stale(generator: ModuleType, page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert generator.generate(text) == text, "run scripts/generate-reference"


def test_a_block_that_somebody_edited_is_noticed_and_put_right(generator: ModuleType) -> None:
    text = (ROOT / "docs/reference/settings.md").read_text(encoding="utf-8")
    edited = text.replace("| `grace` |", "| `patience` |")
    assert edited != text
    assert generator.generate(edited) == text


def test_every_part_that_can_be_generated_stands_on_one_page(generator: ModuleType) -> None:
    blocks = [name for page in PAGES for _, name, _ in generator.BLOCK.findall(page.read_text(encoding="utf-8"))]
    assert sorted(blocks) == sorted(generator.MAKERS)


def test_every_command_key_and_code_is_in_the_reference() -> None:
    from ropeway.cli.table import COMMANDS
    from ropeway.lang.codes import all_codes
    from ropeway.lang.table import STEP

    commands, language, codes = ((ROOT / f"docs/reference/{name}.md").read_text() for name in ("commands", "language", "diagnostics"))
    assert [entry.name for entry in COMMANDS if f"### `workflow {entry.name}`" not in commands] == []
    assert [key for key in STEP.keys if f"| `{key}` |" not in language] == []
    assert [code for code in all_codes() if f"## {code}\n" not in codes] == []


def test_the_script_says_that_nothing_is_stale() -> None:
    done = subprocess.run([sys.executable, str(SCRIPT), "--check"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
