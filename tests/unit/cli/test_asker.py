from __future__ import annotations

import io
from collections.abc import Callable

from ropeway.cli.asker import TerminalAsker
from ropeway.cli.console import Console
from ropeway.lang.model import Field
from ropeway.runs.gates import GateRequest


class View:
    def __init__(self) -> None:
        self.calls: list[str] = []

    def pause(self) -> None:
        self.calls.append("pause")

    def resume(self) -> None:
        self.calls.append("resume")


def typing(*lines: str) -> Callable[[str], str]:
    left = list(lines)

    def read(prompt: str) -> str:
        if not left:
            raise EOFError
        return left.pop(0)

    return read


def asker(*lines: str, view: View | None = None) -> tuple[TerminalAsker, io.StringIO]:
    err = io.StringIO()
    return TerminalAsker(Console(stdout=io.StringIO(), stderr=err, environ={}), view, typing(*lines)), err


def test_an_approval_is_asked_until_the_answer_fits() -> None:
    one, err = asker("maybe", "y")
    assert one.ask(GateRequest("ask", "approve", "Publish?")) is True
    assert err.getvalue() == "? ask: Publish?\nerror: 'maybe' is no answer to ask\nhint: answer yes or no\n"


def test_a_choice_is_taken_by_number_or_by_name() -> None:
    gate = GateRequest("pick", "choose", "Which?", choices=("red", "green"))
    assert asker("2")[0].ask(gate) == "green"
    assert asker("red")[0].ask(gate) == "red"
    assert asker("3", "red")[0].ask(gate) == "red"


def test_an_empty_answer_takes_the_default() -> None:
    assert asker("")[0].ask(GateRequest("ask", "approve", "Publish?", default="no")) is False


def test_a_form_asks_each_field_and_leaves_empty_ones_to_their_default() -> None:
    fields = {"name": Field("name"), "count": Field("count", type="integer", required=False, has_default=True, default=3)}
    assert asker("bob", "")[0].ask(GateRequest("fill", "form", "Fill in", fields=fields)) == {"name": "bob", "count": 3}


def test_who_leaves_without_an_answer_gave_none() -> None:
    assert asker()[0].ask(GateRequest("ask", "approve", "Publish?")) is None


def test_the_table_is_off_the_screen_while_somebody_is_asked() -> None:
    view = View()
    asker("yes", view=view)[0].ask(GateRequest("ask", "approve", "Publish?"))
    assert view.calls == ["pause", "resume"]


def test_a_prompt_can_not_move_the_cursor() -> None:
    one, err = asker("yes")
    one.ask(GateRequest("ask", "approve", "\x1b[2JPublish?"))
    assert "\x1b" not in err.getvalue()
