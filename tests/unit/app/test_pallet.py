"""What the log says about a workflow that can not be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from ropeway.app.definitions import load_workflow_from_yaml
from ropeway.app.pallet import reason
from ropeway.errors import InvalidWorkflow


def test_the_log_says_which_mistake_a_workflow_has(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("id: bad\nname: Bad\nsteps:\n  a:\n    run:\n")
    with pytest.raises(InvalidWorkflow) as caught:
        load_workflow_from_yaml(tmp_path / "bad.yaml")
    assert reason(caught.value).endswith(
        "bad.yaml has 1 error, the first on line 5: 'run' must be a string or a list of strings, not nothing (null)"
    )
