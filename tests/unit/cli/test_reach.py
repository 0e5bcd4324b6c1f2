"""What is said when a transfer is stopped."""

from __future__ import annotations

import pytest

from ropeway.cli.console import Console
from ropeway.cli.reach import interruptible


def test_who_stops_a_transfer_is_told_what_becomes_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyboardInterrupt), interruptible(Console(), "What has come is kept."):
        raise KeyboardInterrupt
    assert capsys.readouterr().err == "Stopped. What has come is kept.\n"
