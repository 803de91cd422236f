"""Run the detectors over days and let a test become a finding only when it survives the crowd of all tests of its date."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

import numpy as np

from pulse_runner.arrays import Floats, as_date
from pulse_runner.detectors.base import Assessment, Detector, Finding, Outcome, Settings, Verdict
from pulse_runner.detectors.panel import Panels
from pulse_runner.detectors.relation import assess_all
from pulse_runner.metrics import ROWS


@dataclass(frozen=True)
class DayReport:
    """All that the detectors say about one date. `quiet` counts the tests that are left out of `verdicts` for being plainly quiet.

    `blind` holds what has no good snapshot of the date, as (entity, segment), or (entity, '') for an entity: no verdict about it means
    nothing. `audience` is how many people a segment has, and how many rows an entity: the latest number that is known.
    """

    day: date
    verdicts: tuple[Verdict, ...]
    quiet: int = 0
    blind: frozenset[tuple[str, str]] = frozenset()
    audience: Mapping[str, int] = field(default_factory=dict)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Return the findings among the verdicts."""
        return tuple(v.finding for v in self.verdicts if v.finding is not None)


def evaluate(
    panels: Panels,
    settings: Settings,
    detectors: Sequence[Detector],
    first: date,
    last: date,
    every_verdict: bool = False,
) -> list[DayReport]:
    """Return one report per date from `first` to `last`; each uses only days up to its own.

    Plainly quiet tests are counted, not listed, unless `every_verdict` is set.
    """
    start, stop = np.datetime64(first, "D"), np.datetime64(last, "D")
    assessments = assess_all(detectors, panels, settings, start, stop)
    reports = []
    for n in range(int((stop - start).astype(int)) + 1):
        reports.append(judge_day(assessments, panels, settings, start + np.timedelta64(n, "D"), every_verdict))
    return reports


def stored(value: float) -> float:
    """Return a number with nine significant digits: a warehouse that sums in parallel differs in the last ones from run to run.

    >>> stored(0.29542660500015171) == stored(0.29542660500015182)
    True
    """
    return float(f"{value:.9g}")


def discoveries(p_values: Floats, level: float | None) -> float:
    """Return the largest p-value that is still a discovery (Benjamini and Hochberg 1995); 1.0 when `level` is None.

    With no discovery it returns level / m, the p-value that a lone discovery would need.

    >>> discoveries(np.array([0.001, 0.2, 0.7, 0.9]), 0.05)
    0.0125
    """
    if level is None:
        return 1.0
    m = max(len(p_values), 1)
    ordered = np.sort(p_values)
    passed = np.flatnonzero(ordered <= level * np.arange(1, len(ordered) + 1) / m)
    return float(level * (passed[-1] + 1) / m) if len(passed) else level / m


def judge_day(
    assessments: Sequence[Assessment], panels: Panels, settings: Settings, day: np.datetime64, every: bool = False,
    skip: frozenset[Outcome] = frozenset(),
) -> DayReport:  # fmt: skip
    """Return the report of one date from the assessments that cover it; tests of a kind in `skip` count as quiet.

    What has no snapshot of the date at all is not judged.
    """
    today = [
        (a, int((day - a.dates[0]).astype(int)))
        for a in assessments
        if len(a.dates) and a.dates[0] <= day <= a.dates[-1]
    ]
    family = [a.family(d) for a, d in today]
    cut = discoveries(np.concatenate(family) if family else np.array([]), settings.fdr)
    size = sum(len(f) for f in family)
    # a series that was out of its state before today did not pass then: it gains nothing from what else happens today
    alone = cut if settings.fdr is None else min(cut, settings.fdr / max(size, 1))
    verdicts: list[Verdict] = []
    quiet = 0
    for a, d in today:
        found = a.candidates(d) & (a.p_value[:, d] <= np.where(a.fresh[:, d], cut, alone))
        loud = found | a.abnormal[:, d] | a.rebased[:, d] | ~np.isin(a.kind[:, d], [Outcome.QUIET, *skip])
        rows = range(len(a.segment_ids)) if every else np.flatnonzero(loud)
        quiet += len(a.segment_ids) - int(loud.sum())
        verdicts.extend(_verdict(a, int(s), d, bool(found[int(s)]), panels, size) for s in rows)
    absent, blind = _unseen(panels, day)
    return DayReport(
        as_date(day), tuple(v for v in verdicts if (v.entity, v.segment_id) not in absent), quiet, absent | blind,
        panels.audience(day),
    )  # fmt: skip


def _unseen(panels: Panels, day: np.datetime64) -> tuple[frozenset[tuple[str, str]], frozenset[tuple[str, str]]]:
    """Return what has no snapshot of a date, and what has one that is not good, as (entity, segment)."""
    statuses: dict[tuple[str, str], str] = {}
    size = panels.metrics.get("size")
    if size is not None and size.status is not None and size.dates[0] <= day <= size.dates[-1]:
        at = int((day - size.dates[0]).astype(int))
        statuses |= {(panels.entities.get(s, ""), s): size.status[n, at] for n, s in enumerate(size.segment_ids)}
    health = panels.health
    if health is not None and health.dates[0] <= day <= health.dates[-1]:
        at = int((day - health.dates[0]).astype(int))
        statuses |= {(e, ""): health.status[n, at] for n, (e, column) in enumerate(health.keys) if column == ROWS}
    absent = frozenset(key for key, status in statuses.items() if status == "")
    return absent, frozenset(key for key, status in statuses.items() if status not in ("", "ok"))


def _verdict(a: Assessment, s: int, d: int, found: bool, panels: Panels, tests: int) -> Verdict:
    segment, entity = a.segment_ids[s], a.entities[s]
    entity = entity or panels.entities.get(segment, "")
    finding = None
    reason = a.sentence(s, d)
    if found:
        effect, p = float(a.effect[s, d]), float(a.p_value[s, d])
        way: Literal["up", "down"] = "down" if effect < 0 else "up"
        finding = Finding(
            segment_id=segment, detector=a.detector, metric=a.metric, attribute=a.attribute_of(s), bucket=a.bucket(s, d),
            snapshot_date=as_date(a.dates[d]), started_on=as_date(a.started[s, d]), direction=way,
            severity=a.severity(s, d), observed=stored(a.observed[s, d]),
            expected=stored(a.expected[s, d]), lower=stored(a.lower[s, d]), upper=stored(a.upper[s, d]), effect=stored(effect),
            p_value=stored(p), threshold=float(a.threshold[s]), reason=reason, entity=entity,
            q_value=stored(min(1.0, p * max(tests, 1))), symptoms=a.symptoms(s, d),
        )  # fmt: skip
    kind = Outcome.FINDING if found else Outcome(int(a.kind[s, d]))
    needs = float(a.needs[s, d])
    return Verdict(
        segment_id=segment, detector=a.detector, metric=a.metric, attribute=a.attribute_of(s), snapshot_date=as_date(a.dates[d]),
        kind=kind, reason=reason, finding=finding,
        abnormal_since=as_date(a.started[s, d]) if a.abnormal[s, d] else None, rebased=bool(a.rebased[s, d]),
        needs=None if np.isnan(needs) else needs, entity=entity,
    )  # fmt: skip
