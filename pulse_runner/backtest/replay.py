"""Replay detectors and lifecycle day by day: the code of `pulse detect`, over every date of a history."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

import numpy as np

from pulse_runner.arrays import as_date
from pulse_runner.backtest.read import Recording
from pulse_runner.detectors.base import Assessment, Detector, Outcome, Settings
from pulse_runner.detectors.engine.distribution_baseline import DistributionHistory
from pulse_runner.detectors.evaluate import DayReport, judge_day
from pulse_runner.detectors.panel import DistributionPanel, Panels
from pulse_runner.detectors.relation import assess_all
from pulse_runner.incidents.incident import About, Incident, IncidentEvent, Transition
from pulse_runner.incidents.lifecycle import REOPEN_DAYS, advance
from pulse_runner.known_events.event import excluded_by_events


@dataclass(frozen=True)
class Replay:
    """What a replay found: incidents in their last state, all events, and the assessments, to judge other thresholds by."""

    incidents: tuple[Incident, ...]
    events: tuple[IncidentEvent, ...]
    assessments: tuple[Assessment, ...]
    panels: Panels
    first: date
    last: date


def replay(
    history: Recording,
    settings: Settings,
    detectors: Sequence[Detector],
    first: date | None = None,
    last: date | None = None,
    progress: Callable[[date], None] = lambda day: None,
) -> Replay:
    """Return the incidents that there would have been; day d sees nothing later than d."""
    days = history.dates
    start = max(np.datetime64(first, "D"), days[0]) if first else days[0]
    stop = min(np.datetime64(last, "D"), days[-1]) if last else days[-1]
    panels = Panels(
        metrics=history.metrics,
        health=history.health,
        entities=history.entities,
        owners=history.owners,
        constrained=history.constrained,
    )
    spans = assess_all(detectors, panels, settings, start, stop)
    daily = [d for d in detectors if d.is_daily]
    baselines = [_Baseline(h, history) for h in history.distributions] if daily else []
    dailies: list[Assessment] = []
    book = _Book(subjects(history))
    for day in np.arange(start, stop + 1):
        today: list[Assessment] = []
        for baseline in baselines:
            panel = baseline.panel(day)
            if panel is not None:
                only = replace(panels, metrics={}, health=None, distributions={panel.attribute: panel})
                today += [a for d in daily for a in d.assess(only, settings, day, day)]
        dailies += today
        report = judge_day([*spans, *today], panels, settings, day, skip=frozenset({Outcome.TOO_SMALL}))
        changed = book.take(report)
        for baseline in baselines:
            baseline.learn(day, changed)
        progress(report.day)
    return Replay(
        tuple(book.incidents.values()), tuple(book.events), (*spans, *dailies), panels, as_date(start), as_date(stop)
    )


def subjects(history: Recording) -> dict[str, About]:
    """Return what incidents say about the segments of a history."""
    names = {s for p in history.metrics.values() for s in p.segment_ids}
    names |= {s for d in history.distributions for s in d.segment_ids}
    about = {s: About(s, history.entities.get(s, ""), history.owners.get(s, "")) for s in sorted(names)}
    known = {e for e, _ in history.health.keys} if history.health else set(history.entities.values()) - {""}
    for entity in sorted(known):
        owners = Counter(history.owners.get(s, "") for s, e in history.entities.items() if e == entity)
        about.setdefault(entity, About(entity, entity, owners.most_common(1)[0][0] if owners else ""))
    return about


class _Book:
    """The incidents so far, as the warehouse would hold them."""

    def __init__(self, about: dict[str, About]) -> None:
        self.about = about
        self.incidents: dict[str, Incident] = {}
        self.current: dict[str, Incident] = {}  # live, or resolved so lately that they may reopen
        self.events: list[IncidentEvent] = []

    def take(self, report: DayReport) -> list[Transition]:
        oldest = report.day - timedelta(days=REOPEN_DAYS)
        self.current = {k: i for k, i in self.current.items() if i.is_live or (i.resolved_on or report.day) >= oldest}
        now = datetime.combine(report.day, time())
        changes = advance(report, list(self.current.values()), self.about, now)
        for change in changes:
            self.incidents[change.incident.incident_id] = change.incident
            self.current[change.incident.incident_id] = change.incident
            self.events.append(change.event)
        return changes


class _Baseline:
    """Which days of a distribution may be learned from, as incidents come and go."""

    def __init__(self, history: DistributionHistory, about: Recording) -> None:
        self.history = history
        self.excluded = excluded_by_events(
            about.events, history.segment_ids, history.dates, about.entities, about.owners
        )
        self.place = {s: i for i, s in enumerate(history.segment_ids)}
        self.learnable = np.ones(history.usable.shape, bool)
        self.rebased = np.zeros(len(history.segment_ids), np.int64)

    def panel(self, day: np.datetime64) -> DistributionPanel | None:
        t = int((day - self.history.dates[0]).astype(int))
        if not 0 <= t < len(self.history.dates):
            return None
        panel = self.history.panel(t, self.learnable & ~self.excluded, self.rebased)
        return replace(panel, excluded=self.excluded[:, t])

    def learn(self, day: np.datetime64, changes: Sequence[Transition]) -> None:
        """Keep the days of an incident out, from its start to the day before it went; start anew when its level was accepted."""
        for change in changes:
            i = change.incident
            if i.segment_id not in self.place or not any(k[4] == self.history.attribute for k in i.keys):
                continue
            row = self.place[i.segment_id]
            begun = max(int((np.datetime64(i.started_on, "D") - self.history.dates[0]).astype(int)), 0)
            today = int((day - self.history.dates[0]).astype(int))
            if change.event.event == "accepted":
                self.rebased[row] = begun
                self.learnable[row, begun : today + 1] = True
            elif i.is_live:
                self.learnable[row, begun : today + 1] = False
