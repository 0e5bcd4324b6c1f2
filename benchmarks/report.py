"""What one benchmark found, and how it is shown: rows of figures, and what became of each target."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from measure import ratio, typical

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from measure import Contestant, Sample


@dataclass
class Options:
    """How much to measure: ``scale`` divides every number of steps or files, ``runs`` is the number of rounds (None: each benchmark's own)."""

    folder: Path
    scale: int = 1
    runs: int | None = None

    def rounds(self, usual: int) -> int:
        """Return the number of rounds for a benchmark that usually makes ``usual``."""
        return self.runs or (usual if self.scale == 1 else max(3, usual // 4))


@dataclass
class Report:
    """One benchmark's figures: what was called, a line for each contestant, and what became of each target."""

    name: str
    title: str
    commands: list[str] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    targets: list[dict[str, Any]] = field(default_factory=list)

    def show(self) -> None:
        """Print it."""
        print(f"\n{self.name}: {self.title}")
        for command in self.commands:
            print(f"  $ {command}")
        for row in self.rows:
            against = f"   {row['ratio']} × {row['against']}" if "ratio" in row else ""
            print(f"  {row['name']:<30} {row['value']:>12}{against}")
        for target in self.targets:
            print(f"  {target['verdict']:<24} {target['says']}: {target['measured']}")

    def command(self, contestant: Contestant) -> None:
        """Note what was called, without the folders."""
        words = [Path(contestant.argv[0]).name, *(Path(a).name if "/" in a else a for a in contestant.argv[1:])]
        self.commands.append(" ".join(words))

    def row(self, name: str, samples: Mapping[str, Sequence[Sample]], baseline: str) -> None:
        """Add the median of a contestant, and its ratio to the baseline's rounds."""
        row: dict[str, Any] = {"name": name, "value": f"{typical(samples[name]) * 1000:,.1f} ms"}
        if baseline in samples and name != baseline:
            row |= {"ratio": str(ratio(samples[name], samples[baseline])), "against": baseline}
        self.rows.append(row)

    def compare(self, contestants: Sequence[Contestant], samples: Mapping[str, Sequence[Sample]], baseline: str) -> None:
        """Add the commands and a row for each contestant."""
        for one in contestants:
            if one.name in samples:
                self.command(one)
                self.row(one.name, samples, baseline)

    def target(self, says: str, measured: float, limit: float, unit: str = "×") -> None:
        """Note whether a figure is at most its limit."""
        short = measured / limit - 1
        verdict = "meets" if short <= 0 else f"falls short by {short * 100:.0f} %"
        self.targets.append({"says": says, "measured": f"{measured:,.3g} {unit}", "limit": limit, "verdict": verdict})

    def holds(self, says: str, *, true: bool) -> None:
        """Note whether something is so."""
        self.targets.append(
            {"says": says, "measured": "yes" if true else "no", "limit": 0, "verdict": "meets" if true else "falls short by 100 %"}
        )
