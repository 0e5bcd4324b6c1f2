"""Short questions and their whole answers."""

from __future__ import annotations

import json
import subprocess
import sys

from acceptance.harness import Project, Said
from ropeway import __version__


def test_the_version_is_there_for_programs_too_and_costs_no_import(project: Project) -> None:
    for args in (["--version", "--json"], ["--json", "--version"]):
        said = project.run(*args)
        assert (json.loads(said.out), said.err, said.status) == ({"version": __version__}, "", 0)
    program = "import sys; from ropeway.cli.main import main; main(['--version', '--json']); sys.exit('click' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, check=False).returncode == 0


def test_an_id_that_two_files_have_names_no_workflow(project: Project) -> None:
    for name in ("a", "b"):
        project.file(f"workflows/{name}.toml", 'id = "build"\n[steps.a]\nrun = "true"\n')
    said = project.run("run", "build")
    assert said.status == 2
    assert "2 files have the id build: workflows/a.toml and workflows/b.toml" in said.err
    assert project.run("list") == Said(
        out="""
        ID                  VERSION  FILE              DESCRIPTION
        build (not unique)  -        workflows/a.toml
        build (not unique)  -        workflows/b.toml
        """
    )
    assert project.run("run", "workflows/a.toml").status == 0
