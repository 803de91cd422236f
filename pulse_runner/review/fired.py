"""What would have fired in the last days under each rule: sizes are counted day by day, and the detectors replayed on them."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Literal

import numpy as np

from pulse_runner import metrics
from pulse_runner.arrays import day_axis
from pulse_runner.backtest.read import Recording
from pulse_runner.backtest.replay import replay
from pulse_runner.backtest.report import incident_rows
from pulse_runner.compile.days import SqlDay
from pulse_runner.compile.tally import Tally
from pulse_runner.detect.panels import metric_panels, only_measured
from pulse_runner.detect.stage import detector_settings
from pulse_runner.detectors import DETECTORS
from pulse_runner.detectors.panel import MetricPanel
from pulse_runner.errors import PulseError, WarehouseError
from pulse_runner.known_events.read import read_events
from pulse_runner.review.changes import Change, Version
from pulse_runner.review.count import SIDES, Side
from pulse_runner.review.sides import Source, Sources
from pulse_runner.segments.expression import fields_of
from pulse_runner.segments.model import Project
from pulse_runner.segments.text import definition_hash
from pulse_runner.snapshot.history import NEEDED_DAYS, USEFUL_DAYS
from pulse_runner.snapshot.read import counted
from pulse_runner.vocabulary import plural

DAYS = 90
Status = Literal["replayed", "too_short", "not_reconstructable", "disabled"]
Series = dict[str, dict[date, tuple[float, float]]]  # metric -> day -> numerator, denominator (of a count: 0)


@dataclass(frozen=True)
class Fired:
    """What the detectors would have said from `first` to `last` about one rule, from so many `days`; `reason` says why not."""

    status: Status
    first: date
    last: date
    days: int = 0
    metrics: tuple[str, ...] = ()
    incidents: tuple[Mapping[str, Any], ...] = ()
    reason: str = ""


def fired_changes(sources: Sources, changes: Sequence[Change]) -> dict[tuple[str, Side], Fired]:
    """Return what would have fired by segment and side; sides that are not there are left out.

    Each side is judged with its own thresholds. A segment that is disabled is not judged.
    """
    out: dict[tuple[str, Side], Fired] = {}
    series: dict[Side, dict[str, Series]] = {side: {} for side in SIDES}
    spans: dict[tuple[str, Side], tuple[date, date]] = {}
    asked: dict[int, _Asked] = {}
    for change in changes:
        for side in SIDES:
            version = change.before if side == "before" else change.after
            if version is None:
                continue
            source, key = sources.of(version.entity, side == "before"), (change.name, side)
            trouble = source.trouble(version)
            last = sources.present if trouble else source.day
            spans[key] = (last - timedelta(days=DAYS - 1), last)
            if not version.segment.enabled:
                out[key] = Fired("disabled", *spans[key], reason="it is disabled: no detector looks at it")
            elif trouble:
                out[key] = Fired("not_reconstructable", *spans[key], reason=trouble)
            elif version.entity.history.kind == "none":
                found = _stored(source, version, spans[key]) if side == "before" else {}
                series[side][change.name] = found
                if not found:
                    reason = (
                        f"{version.entity.name} knows today only: what the rule took on earlier days cannot be counted"
                    )
                    out[key] = Fired("not_reconstructable", *spans[key], reason=reason)
            else:
                asked.setdefault(id(source), _Asked(source, [])).rules.append((change.name, side, version))
    for group in asked.values():
        read, troubles = group.read_each()
        for (name, side), found in read.items():
            series[side][name] = found
        for (name, side), why in troubles.items():
            out[name, side] = Fired("not_reconstructable", *spans[name, side], reason=why)
    for side in SIDES:
        _judge(sources, side, series[side], spans, out)
    return out


@dataclass
class _Asked:
    """The rules that are counted day by day over one source, in one read of it."""

    source: Source
    rules: list[tuple[str, Side, Version]]

    def read_each(self) -> tuple[dict[tuple[str, Side], Series], dict[tuple[str, Side], str]]:
        """Return the series of the rules, and why those have none that the warehouse refuses."""
        try:
            return self.read(), {}
        except PulseError as error:
            if len(self.rules) == 1:
                return {}, {self.rules[0][:2]: error.what}
        read, troubles = dict[tuple[str, Side], Series](), dict[tuple[str, Side], str]()
        for rule in self.rules:  # one of them is at fault: then each by itself
            found, why = _Asked(self.source, [rule]).read_each()
            read |= found
            troubles |= why
        return read, troubles

    def read(self) -> dict[tuple[str, Side], Series]:
        last = self.source.day
        tally = self.source.tally(last - timedelta(days=DAYS + USEFUL_DAYS - 1), last)
        watched = {(name, side): _ask(tally, name, side, version) for name, side, version in self.rules}
        days = counted(self.source.warehouse, tally)
        return {key: _series(key, names, days) for key, names in watched.items()}


def _ask(tally: Tally, name: str, side: Side, version: Version) -> list[str]:
    """Count the members of each day, the inactive ones and those whom a channel reaches; return the names of these metrics."""
    entity, found = version.entity, ["size"]
    member = tally.flag(version.rule, entity, version.rules)
    tally.count((name, side, "size"), member)
    if entity.last_seen_at is not None and entity.inactive_after_days is not None:
        seen = entity.last_seen_at
        late = f"({seen} is null or cast({seen} as date) < {SqlDay('pulse_day').minus(entity.inactive_after_days)})"
        tally.count((name, side, "inactive_rate"), member, tally.expression(late, [seen], entity))
        found.append("inactive_rate")
    for channel, sql in entity.reach.items():
        reads = sorted(fields_of(sql, list(entity.fields)))
        metric = metrics.reach(channel).name
        tally.count((name, side, metric), member, tally.expression(f"coalesce(({sql}), false)", reads, entity))
        found.append(metric)
    return found


def _series(key: tuple[str, Side], names: Sequence[str], days: Mapping[date, Mapping[Hashable, int]]) -> Series:
    return {
        metric: {day: (float(got[*key, metric]), float(got[*key, "size"])) for day, got in days.items()}
        for metric in names
    }


def _stored(source: Source, version: Version, span: tuple[date, date]) -> Series:
    """Return the sizes of the stored snapshots of just this rule; nothing where Pulse has never run."""
    try:
        rows = source.warehouse.query(
            f"select snapshot_date, size from {source.warehouse.table('pulse_segment_snapshots')}"
            " where segment_id = ? and definition_hash = ? and status = 'ok' and snapshot_date between ? and ?",
            [
                version.segment.name,
                definition_hash(version.segment, version.entity),
                span[0] - timedelta(days=USEFUL_DAYS),
                span[1],
            ],
        )
    except WarehouseError:
        return {}
    return {"size": {r["snapshot_date"]: (float(r["size"]), 0.0) for r in rows}} if rows else {}


def _judge(
    sources: Sources,
    side: Side,
    series: Mapping[str, Series],
    spans: Mapping[tuple[str, Side], tuple[date, date]],
    out: dict[tuple[str, Side], Fired],
) -> None:
    """Replay the detectors over the series of one side, among the stored series of the segments that did not change."""
    project = sources.base if side == "before" else sources.head
    judged = {}
    for name, found in series.items():
        first, last = spans[name, side]
        days = sum(first <= day <= last for day in found.get("size", ()))
        if found and len(found["size"]) <= NEEDED_DAYS:
            reason = f"{plural(len(found['size']), 'day')} with rows; detectors need {NEEDED_DAYS} before the one that they judge"
            out[name, side] = Fired("too_short", first, last, days, tuple(found), reason=reason)
        elif found:
            judged[name] = found
            out[name, side] = Fired("replayed", first, last, days, tuple(found))
    if not judged:
        return
    firsts, lasts = zip(*(spans[name, side] for name in judged), strict=True)
    segments = project.segments.values()
    recording = Recording(
        metrics=_panels(sources, project, judged, min(firsts) - timedelta(days=USEFUL_DAYS), max(lasts)),
        owners={s.name: s.owner for s in segments},
        entities={s.name: s.entity for s in segments},
    ).without(read_events(sources.warehouse))
    result = replay(recording, detector_settings(project), DETECTORS, min(firsts), max(lasts))
    rows = incident_rows(result.incidents)
    for name in judged:
        first, last = spans[name, side]
        own = tuple(r for r in rows if r["segment_id"] == name and first <= r["detected_on"] <= last)
        out[name, side] = replace(out[name, side], incidents=own)


def _panels(
    sources: Sources, project: Project, judged: Mapping[str, Series], first: date, last: date
) -> dict[str, MetricPanel]:
    """Return the panels of a side: what was counted, and the snapshots of all other segments that are watched.

    A date's false discoveries are controlled over all of its tests, so a segment is judged in its usual company.
    """
    names = tuple(sorted(judged))
    days = day_axis(first, last)
    counted_ones = {}
    for metric in dict.fromkeys(m for found in judged.values() for m in found):
        rows = [judged[n].get(metric, {}) for n in names]
        numerator, denominator = (np.array([_row(r, days.tolist(), n) for r in rows]) for n in range(2))
        status = np.where(np.isfinite(numerator), "ok", "").astype(object)
        counted_ones[metric] = MetricPanel(
            metric, names, days, numerator, denominator if metrics.find(metric).is_rate else None,
            status=status, status_reason=np.full(status.shape, "", object),
        )  # fmt: skip
    others = tuple(sorted(s.name for s in project.segments.values() if s.enabled and s.name not in judged))
    try:
        stored = only_measured(metric_panels(sources.warehouse, others, first, last), project) if others else {}
    except WarehouseError:  # Pulse has never run here
        stored = {}
    joined = {m: _stacked(counted_ones[m], stored[m]) if m in stored else counted_ones[m] for m in counted_ones}
    return stored | joined


def _stacked(one: MetricPanel, two: MetricPanel) -> MetricPanel:
    def both(a: Any, b: Any) -> Any:
        return None if a is None or b is None else np.vstack([a, b])

    return MetricPanel(
        one.metric, one.segment_ids + two.segment_ids, one.dates, both(one.numerator, two.numerator),
        both(one.denominator, two.denominator), None, both(one.status, two.status), both(one.status_reason, two.status_reason),
    )  # fmt: skip


def _row(values: Mapping[date, tuple[float, float]], days: Sequence[date], n: int) -> list[float]:
    return [values[day][n] if day in values else np.nan for day in days]
