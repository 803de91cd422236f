"""The way from the rule to the person on the last day: who got through each step of a channel, and why the others did not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pulse_runner.explain.evidence.collector import told_parts
from pulse_runner.explain.explanation import Scalar
from pulse_runner.report.small import told_share
from pulse_runner.snapshot.ladder import STEPS

MOST_REASONS = 4


@dataclass(frozen=True)
class Rung:
    """One step: who got through, their share of the whole segment, and the largest losses with their reasons."""

    step: str
    members: Scalar
    share: float | None
    losses: tuple[tuple[str, Scalar], ...]


@dataclass(frozen=True)
class Ladder:
    """The steps of one channel, from the rule on."""

    channel: str
    rungs: tuple[Rung, ...]


def ladders_of(rows: Sequence[Mapping[str, Any]], k: int) -> tuple[Ladder, ...]:
    """Return the ladder of each channel from the rows of pulse_reach_ladder of a segment and date; parts of few people are hidden.

    >>> rows = [("rule", "", 100), ("reachable", "", 80), ("reachable", "no address", 17), ("reachable", "no consent", 3)]
    >>> ladder, = ladders_of([{"channel": "email", "step": s, "reason": r, "members": n} for s, r, n in rows], 5)
    >>> [(rung.step, rung.members, rung.losses) for rung in ladder.rungs]
    [('rule', 100, ()), ('reachable', '>70', (('no address', 17), ('no consent', '<5')))]
    """
    found: defaultdict[str, defaultdict[str, dict[str, int]]] = defaultdict(lambda: defaultdict(dict))
    for row in rows:
        found[row["channel"]][row["step"]][row["reason"] or ""] = int(row["members"])
    out = []
    for channel, steps in sorted(found.items()):
        whole = max((sum(parts.values()) for parts in steps.values()), default=0)
        rungs = [_rung(step, steps[step], whole, k) for step in STEPS if step in steps]
        out.append(Ladder(channel, tuple(rungs)))
    return tuple(out)


def _rung(step: str, parts: Mapping[str, int], whole: int, k: int) -> Rung:
    reasons = sorted((r for r in parts if r), key=lambda r: (-parts[r], r))
    through, *lost = told_parts([parts.get("", 0), *(parts[r] for r in reasons)], k)
    return Rung(step, through, told_share(through, whole), tuple(zip(reasons, lost, strict=True))[:MOST_REASONS])
