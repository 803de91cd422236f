"""What a method's alarms are worth: faults found, false incidents a year, and whether a stated rate is what happens."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from benchmarks.detection.faults import Case
from benchmarks.detection.sources import WARM, Background
from pulse_runner.arrays import Bools

YEAR = 365.25


@dataclass
class Tally:
    """Sums over sources: alarms and years of clean series, and hits per fault."""

    false: int = 0
    years: float = 0.0
    found: dict[str, list[bool]] = field(default_factory=lambda: defaultdict(list))

    @property
    def a_year(self) -> float:
        """Return the false incidents per series-year."""
        return self.false / self.years if self.years else float("nan")

    def share(self, fault: str | None = None) -> float:
        """Return the share found of one fault, or the mean over all faults."""
        if fault is not None:
            return float(np.mean(self.found[fault])) if self.found[fault] else float("nan")
        return float(np.mean([np.mean(hits) for hits in self.found.values()])) if self.found else float("nan")


def counted(background: Background) -> Bools:
    """Return (T,): the days on which an alarm counts, for every method: after the warm-up, no holiday and not the day after one."""
    days = np.arange(len(background.dates)) >= WARM
    after = np.concatenate([[False], background.events[:-1]])
    return days & ~background.events & ~after


def add(tally: Tally, background: Background, cases: Sequence[Case], clean: Bools, planted: Bools) -> None:
    """Add one source: the alarms of its clean series, and of one row per case.

    An alarm that the clean series has on that day too is no hit.
    """
    use = counted(background)
    tally.false += int(clean[:, use].sum())
    tally.years += int(np.isfinite(background.values)[:, use].sum()) / YEAR
    for n, case in enumerate(cases):
        window = slice(case.onset, case.onset + case.fault.tolerance + 1)
        tally.found[case.fault.name].append(bool((planted[n, window] & ~clean[case.row, window]).any()))
