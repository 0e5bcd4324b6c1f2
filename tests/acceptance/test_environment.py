"""What steps see of the environment that the caller sets with `--env`."""

from __future__ import annotations

from acceptance.harness import Project


def test_what_the_caller_sets_wins_wherever_the_environment_is_read(project: Project) -> None:
    project.file(
        "workflow.toml",
        """
        id = "outer"

        [steps.outer]
        run = 'echo "expression="${{ env.WHERE }} "process=$WHERE"'

        [steps.inner]
        needs = ["outer"]
        uses = "workflow:./inner.toml"
        """,
    )
    project.file("inner.toml", 'id = "inner"\n[steps.read]\nrun = \'echo "expression="${{ env.WHERE }} "process=$WHERE"\'\n')
    out = project.run("run", "--env", "WHERE=caller", env={"WHERE": "inherited"}).out
    assert out.count("  | expression=caller process=caller\n") == 2, out


def test_what_the_caller_inherited_is_read_where_it_sets_nothing(project: Project) -> None:
    project.file("workflow.toml", 'id = "one"\n[steps.one]\nrun = "echo ${{ env.WHERE }}"\n')
    assert "  | inherited\n" in project.run("run", env={"WHERE": "inherited"}).out
