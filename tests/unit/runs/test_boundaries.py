"""What the journal says of a run's files."""

from __future__ import annotations

import pytest

from ropeway.errors import NotFound
from ropeway.runs.boundaries import Boundary, Span, boundaries, start_for_linked, undo_for_resume
from ropeway.runs.journal import MemoryJournal
from ropeway.runs.lineage import holders
from ropeway.workspaces import Snapshot


def snapshot(letter: str, number: int = 0) -> dict:
    """A snapshot whose files are named by a letter."""
    return {"number": number, "commit": f"commit-{letter}", "tree": f"tree-{letter}"}


class Story:
    """Writes a run's events; files are a letter."""

    def __init__(self, files: str = "0", **start) -> None:
        self.journal = MemoryJournal()
        self.number = 0
        self.files = files
        if start:
            self.add("workspace.start", **start)

    def add(self, event: str, **data) -> Story:
        self.journal.add(event, data)
        return self

    def created(self) -> Story:
        return self.add("workspace.created", id="w", git_dir="/repo/.git", snapshot=snapshot(self.files))

    def started(self, *steps: str, **data) -> Story:
        for step in steps:
            self.add("step.started", step=step, attempt=1, log=1, **data)
        return self

    def _snapshot(self, files: str, others: tuple[str, ...]) -> dict:
        if files != self.files:
            self.number += 1
            self.files = files
        return {**snapshot(files, self.number), "quiet": not others, "others": list(others)}

    def ended(self, step: str, files: str, *others: str, state: str = "succeeded") -> Story:
        return self.add("step.finished", step=step, attempt=1, state=state, exit_code=0, snapshot=self._snapshot(files, others))

    def did(self, step: str, files: str, **more) -> Story:
        return self.started(step).ended(step, files, **more)

    def retrying(self, step: str, files: str, *others: str) -> Story:
        return self.add("step.retrying", step=step, attempt=1, delay=0, reason="exit", snapshot=self._snapshot(files, others))

    def bare(self, step: str, state: str = "succeeded", **more) -> Story:
        return self.add("step.finished", step=step, attempt=1, state=state, **more)

    def resumed(self, files: str, back: str | None = None) -> Story:
        count = sum(e.event == "workspace.found" for e in self.journal.events) + 1
        self.add("run.started").add("workspace.found", label=f"found-{count}", snapshot=snapshot(files, self.number))
        self.files = files
        if back is not None:
            self.add("workspace.restored", snapshot=snapshot(back))
            self.files = back
        return self

    @property
    def known(self):
        return boundaries(self.journal.events)

    def undo(self) -> str | None:
        back = undo_for_resume(self.known, True)
        return back.tree.removeprefix("tree-") if back is not None else None

    def start(self, *kept: str) -> tuple[str, set[str]]:
        found, lacking = start_for_linked(self.known, self.journal.events, set(kept))
        return found.tree.removeprefix("tree-"), set(lacking)


def story(**start) -> Story:
    return Story(**start).created()


# -- what there is ----------------------------------------------------------------------------------------------------------------


def test_a_run_in_place_has_no_boundaries():
    known = Story().started("a").bare("a").known
    assert (known.created, known.all, dict(known.found), known.latest, known.first, known.origin) == (None, (), {}, None, None, None)
    assert known.span("a") is None
    assert known.named("start") is None


def test_each_end_of_an_attempt_is_a_boundary():
    known = story().started("a").retrying("a", "1", "b").ended("a", "2", state="failed").known
    assert known.all == (
        Boundary(1, "commit-1", "tree-1", False, ("b",), "a", 1, "retrying"),
        Boundary(2, "commit-2", "tree-2", True, (), "a", 1, "failed"),
    )
    assert known.latest == Snapshot(2, "commit-2", "tree-2")


def test_steps_without_a_snapshot_of_their_own_have_no_boundary():
    known = story().started("pure").bare("pure").bare("left-out", "skipped", reason="when").known
    assert known.all == ()
    assert known.latest == known.first == Snapshot(0, "commit-0", "tree-0")


def test_labels_name_snapshots():
    known = story().did("a", "1").did("same", "1").resumed("x").did("b", "2").known
    assert known.named("start") == Snapshot(0, "commit-0", "tree-0")
    assert known.named("0") == known.named("start")
    assert known.named("1") == Snapshot(1, "commit-1", "tree-1")
    assert known.named("found-1").commit == "commit-x"
    assert known.named("end") == known.named("2") == known.latest
    assert [known.named(n) for n in ("3", "found-2", "-1", "a", "", "¹", "9" * 5000)] == [None] * 7


def test_what_a_resume_found_or_put_back_is_the_latest_until_a_boundary_comes():
    assert story().did("a", "1").resumed("x").known.latest.tree == "tree-x"
    assert story().did("a", "1").started("b").resumed("x", back="1").known.latest.tree == "tree-1"
    assert story().did("a", "1").resumed("x").did("b", "2").known.latest.tree == "tree-2"


# -- spans ------------------------------------------------------------------------------------------------------------------------


def span(before: str, after: str, *others: str) -> Span:
    return Span(f"commit-{before}", f"commit-{after}", others)


def test_a_step_spans_from_before_its_start_to_its_end():
    known = story().did("a", "1").did("b", "2").did("c", "2").known
    assert [known.span(step) for step in "abc"] == [span("0", "1"), span("1", "2"), span("2", "2")]
    assert not known.span("a").mixed
    assert known.span("unknown") is None


def test_a_step_that_runs_still_has_no_span():
    assert story().did("a", "1").started("b").known.span("b") is None


def test_all_attempts_of_a_step_are_in_its_span():
    assert story().started("a").retrying("a", "1").ended("a", "2").known.span("a") == span("0", "2")


def test_parallel_steps_name_each_other_whoever_ends_first():
    known = story().started("a", "b").ended("a", "1", "b").ended("b", "2").known
    assert known.span("a") == span("0", "1", "b")
    assert known.span("b") == span("0", "2", "a")
    assert known.span("a").mixed
    assert known.span("b").mixed


def test_a_step_that_came_and_went_meanwhile_is_named():
    known = story().started("long", "short").ended("short", "1", "long").did("next", "2").ended("long", "3").known
    assert known.span("long") == span("0", "3", "short", "next")


@pytest.mark.parametrize(("outer", "inner"), [("all", ("all[0]", "all[1]")), ("all", ("all#1", "all#2")), ("all", ("all/a", "all/b"))])
def test_a_step_with_others_inside_spans_from_the_first_to_the_last(outer, inner):
    first, last = inner
    known = story().did("before", "1").started(outer).did(first, "2").did(last, "3").bare(outer).did("allies", "4").known
    assert known.span(outer) == span("1", "3")
    assert known.span(last) == span("2", "3")


def test_instances_of_one_step_are_no_others_to_it():
    known = story().started("e[0]", "e[1]").ended("e[0]", "1", "e[1]").ended("e[1]", "2").known
    assert known.span("e") == span("0", "2")
    assert known.span("e[0]") == span("0", "1", "e[1]")


def test_what_a_person_changed_before_a_resume_is_named_in_the_span_of_a_step_that_went_on():
    known = story().did("a", "1", state="failed").resumed("x").did("a", "2").known
    assert known.span("a") == span("0", "2", "found-1")
    assert story().did("a", "1", state="failed").resumed("1").did("a", "2").known.span("a") == span("0", "2")


def test_what_a_resume_undid_is_no_part_of_a_span():
    known = story().did("a", "1").started("b").resumed("x", back="1").did("b", "2").known
    assert known.span("b") == span("1", "2")
    known = story().started("b").retrying("b", "1").started("b").resumed("x", back="0").did("b", "2").known
    assert known.span("b") == span("0", "2")


def test_a_span_begins_anew_when_the_files_went_back_to_before_its_start():
    known = story().did("a", "1").started("b").retrying("b", "2").started("b").resumed("x", back="0").did("a", "3").did("b", "4").known
    assert known.span("b") == span("3", "4")


# -- going on after a crash -------------------------------------------------------------------------------------------------------


def test_without_an_interrupted_step_nothing_is_undone():
    assert undo_for_resume(story().did("a", "1").known, False) is None


def test_an_interrupted_first_step_is_undone_to_the_beginning():
    assert story().started("a").undo() == "0"


def test_an_interrupted_step_is_undone_to_the_last_quiet_boundary():
    assert story().did("a", "1").started("b", "c").undo() == "1"


def test_when_a_step_has_finished_beside_the_interrupted_one_the_files_stay():
    assert story().did("a", "1").started("b", "c").ended("b", "2", "c").undo() is None


def test_a_quiet_boundary_after_a_mixed_one_counts_again():
    assert story().started("b", "c").ended("b", "1", "c").ended("c", "2").started("d").undo() == "2"


def test_pure_steps_and_gates_that_end_meanwhile_do_not_matter():
    assert story().did("a", "1").started("b", "pure").bare("pure").add("gate.answered", step="g").undo() == "1"


def test_a_failed_attempt_is_not_undone_with_the_interrupted_one():
    assert story().did("a", "1").started("b").retrying("b", "2").started("b").undo() == "2"


def test_a_persons_edits_between_two_resumes_are_not_undone():
    assert story().did("a", "1", state="failed").resumed("edited").started("a").undo() == "edited"


def test_files_that_were_put_back_are_what_is_gone_back_to_again():
    assert story().did("a", "1").started("b").resumed("x", back="1").started("b").undo() == "1"


def test_a_resume_that_died_before_it_put_the_files_back_changes_nothing():
    assert story().did("a", "1").started("b").resumed("x").undo() == "1"
    assert story().did("a", "1").started("b").resumed("x").resumed("y").undo() == "1"


def test_what_a_resume_went_on_with_beside_a_mixed_boundary_is_gone_back_to():
    assert story().started("a", "b").ended("a", "1", "b").resumed("x").started("b").undo() == "x"


def test_a_run_without_snapshots_undoes_nothing():
    assert Story().started("a").undo() is None


# -- linked runs ------------------------------------------------------------------------------------------------------------------


def test_a_linked_run_starts_where_only_kept_steps_have_been():
    run = story().did("a", "1").did("b", "2").did("c", "3", state="failed")
    assert run.start("a", "b") == ("2", set())
    assert run.start("a") == ("1", set())
    assert run.start() == ("0", set())


def test_a_kept_step_whose_changes_are_lacking_runs_again():
    run = story().did("a", "1").did("b", "2").did("c", "3")
    assert run.start("a", "c") == ("1", {"c"})


def test_a_step_that_changed_nothing_lacks_nothing_and_spoils_nothing():
    run = story().did("a", "1").did("look", "1").did("c", "2")
    assert run.start("a", "c") == ("2", set())
    assert run.start("look") == ("0", set())


def test_a_mixed_boundary_is_no_start():
    run = story().did("a", "1").started("b", "c").ended("b", "2", "c").ended("c", "3")
    assert run.start("a", "b") == ("1", {"b"})
    assert run.start("a", "b", "c") == ("3", set())


def test_steps_beside_one_that_changed_something_may_have_as_well():
    run = story().started("look", "write").ended("look", "0", "write").ended("write", "1")
    assert run.start("write") == ("0", {"write"})
    assert run.start("look") == ("0", {"look"})


def test_parallel_steps_between_two_equal_quiet_boundaries_changed_nothing():
    run = story().started("a", "b").ended("a", "0", "b").ended("b", "0").did("c", "1")
    assert run.start("a", "c") == ("1", set())
    assert run.start("c") == ("1", set())


def test_changes_that_were_taken_back_count_as_changes():
    run = story().started("a", "b").ended("a", "1", "b").ended("b", "0").did("c", "2")
    assert run.start("a", "c") == ("0", {"a", "c"})


def test_a_retried_step_is_whole_once_it_ended():
    run = story().did("a", "1").started("b").retrying("b", "2").started("b").ended("b", "2").did("c", "3")
    assert run.start("a", "b") == ("2", set())
    assert run.start("a", "b", "c") == ("3", set())
    half = story().did("a", "1").started("b").retrying("b", "2").started("b", "c").ended("b", "3", "c").ended("c", "4")
    assert half.start("a", "b") == ("1", {"b"})


def test_a_retry_beside_nothing_spoils_the_boundaries_in_between():
    run = story().started("b").retrying("b", "1").did("c", "2").started("b").ended("b", "3")
    assert run.start("c") == ("0", {"c"})
    assert run.start("b", "c") == ("3", set())


def test_what_a_cut_off_step_left_spoils_until_it_has_ended():
    run = story().did("a", "1").started("b", "c").ended("b", "2", "c").resumed("x").did("d", "3").did("c", "4").did("e", "5")
    assert run.start("a", "b", "d", "e") == ("1", {"b", "d", "e"})
    assert run.start("a", "b", "c", "d") == ("4", {*()})


def test_what_was_undone_spoils_nothing():
    run = story().did("a", "1").started("b").resumed("x", back="1").did("c", "2")
    assert run.start("a", "c") == ("2", set())


def test_a_persons_edits_go_with_the_boundaries_after_them():
    run = story().did("a", "1").did("b", "1", state="failed").resumed("edited").did("b", "2").did("c", "3", state="failed")
    assert run.start("a", "b") == ("2", set())
    assert run.start("a") == ("edited", set())


def test_a_pure_step_that_was_cut_off_proves_harmless_when_it_ends():
    run = story().did("a", "1").started("pure").resumed("edited").started("pure").bare("pure").did("c", "2")
    assert run.start("a", "c") == ("2", set())


def test_an_ephemeral_step_spoils_nothing():
    run = story().did("a", "1").started("apart", workspace="/elsewhere").resumed("edited").did("c", "2")
    assert run.start("a", "c") == ("2", set())


def test_what_is_inside_of_an_ephemeral_sub_workflow_spoils_nothing():
    run = story().did("a", "1").started("sub", workspace="/elsewhere").started("sub/x").started("sub/y[0]").resumed("edited").did("c", "2")
    assert run.start("a", "c") == ("2", set())


def test_a_step_whose_others_carry_it_out_is_kept_with_all_that_is_inside():
    run = story().started("each").did("each[0]", "1").did("each[1]", "2").bare("each").did("sub/x", "3").did("sub/y", "4", state="failed")
    assert run.start("each") == ("2", set())
    assert run.start("each", "sub/x") == ("3", set())
    assert run.start("sub") == ("0", {"sub"})


def test_a_sub_workflow_under_way_spoils_nothing_by_itself():
    run = story().started("sub").did("sub/x", "1").did("a", "2").resumed("edited").did("sub/y", "3", state="failed")
    assert run.start("sub/x", "a") == ("edited", set())


def test_a_linked_run_begins_with_what_its_kept_steps_changed():
    run = Story(files="2", run="old", snapshot=snapshot("2"), first=snapshot("0"), holds=["a", "b"])
    run.bare("a", kept="old").bare("b", kept="old").bare("look", kept="old").created().did("c", "3").did("d", "4")
    assert run.start("a", "b", "look", "c") == ("3", set())
    assert run.start("a", "b", "c") == ("3", set())
    assert run.start("a", "look", "c") == ("0", {"a", "c"})
    assert (run.known.origin.tree, run.known.first.tree) == ("tree-0", "tree-2")
    assert holders(run.journal.events, run.known.origin) == set()
    assert holders(run.journal.events, run.known.first) == {"a", "b"}


def test_without_knowing_better_all_kept_steps_may_have_changed_the_beginning():
    run = Story(files="2", run="old", snapshot=snapshot("2"), first=snapshot("0")).bare("a", kept="old").bare("look", kept="old").created()
    assert run.start("a", "look") == ("2", set())
    assert run.start("a") == ("0", {"a"})


def test_a_run_without_snapshots_is_no_beginning():
    with pytest.raises(NotFound, match="worked in place"):
        Story().started("a").bare("a").start("a")


def test_holders_are_the_steps_whose_changes_a_snapshot_holds():
    run = story().did("a", "1").did("look", "1").started("b", "c").ended("b", "2", "c").ended("c", "3")
    events = run.journal.events
    assert holders(events, run.known.named("start")) == set()
    assert holders(events, run.known.named("1")) == {"a"}
    assert holders(events, run.known.named("2")) == {"a", "b", "c"}
    assert holders(events, run.known.named("3")) == {"a", "b", "c"}
