"""Read what a report holds. A handful of queries for all segments together; only aggregates leave the warehouse."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pulse_runner import metrics
from pulse_runner.compile.view import conditions
from pulse_runner.detect.bands import Band, expected_bands
from pulse_runner.errors import UsageError, did_you_mean
from pulse_runner.explain.evidence.collector import told_parts
from pulse_runner.explain.explanation import Scalar
from pulse_runner.explain.movement_words import words_of
from pulse_runner.incidents.stage import past_of
from pulse_runner.incidents.store import read_history
from pulse_runner.known_events.event import KnownEvent
from pulse_runner.known_events.read import read_events
from pulse_runner.metrics import LADDER, REACH
from pulse_runner.report.attention import EVERYTHING, Scope, in_scope, notices
from pulse_runner.report.contents import (
    Bucket,
    Cause,
    Mix,
    Report,
    SegmentFacts,
    Series,
)
from pulse_runner.report.data_health import read_entities
from pulse_runner.report.incidents import read_incident_facts
from pulse_runner.report.ladder import ladders_of
from pulse_runner.report.membership import Look, read_memberships
from pulse_runner.report.series import series_of
from pulse_runner.report.small import told_share
from pulse_runner.report.versions import versions_of
from pulse_runner.segments.model import Project, Segment
from pulse_runner.segments.text import rule_text, settings_text
from pulse_runner.snapshot.days import present_day
from pulse_runner.warehouse.base import Warehouse
from pulse_runner.warehouse.project import project_vars

COMPARED_DAYS = 28  # back, the same weekday: what "then" is in distributions, and the span of flows
MOST_BUCKETS = 12
MOST_FLOWS = 8
Rows = Mapping[str, list[dict[str, Any]]]


def read_report(
    warehouse: Warehouse,
    project: Project,
    root: Path,
    first: date,
    last: date,
    *,
    now: datetime,
    zone: ZoneInfo,
    name: str,
    scope: Scope = EVERYTHING,
    prefix: str = "seg_",
    k: int = 5,
) -> Report:
    """Return the report of a period; raise UsageError for a segment or an owner that nothing is known of.

    `now` is in UTC. Groups of fewer than `k` people are hidden.
    """
    require_known(project, scope)
    chosen = [s for _, s in sorted(project.segments.items()) if s.enabled and scope.takes(s.name, s.owner)]
    history = read_history(warehouse)
    every = sorted(history.current, key=lambda i: (i.started_on, i.incident_id), reverse=True)
    bands = expected_bands(warehouse, project, [s.name for s in chosen], first, last, past_of(history, last))
    events = [e for e in read_events(warehouse) if e.ends_on >= first and e.starts_on <= last]
    with_steps = any(project.entities[s.entity].reach_steps for s in chosen)
    tables = _tables(warehouse, first, last, with_steps)
    facts = []
    for segment in chosen:
        own = tuple(i for i in every if i.segment_id == segment.name)
        touching = tuple(e for e in events if e.touches(segment.name, segment.entity, segment.owner))
        facts.append(_segment(segment, project, bands, tables, own, touching, (first, last), prefix, k))
    local = now.astimezone(zone)
    look = Look(last, local.date(), present_day(local, project_vars(root)))
    members = read_memberships(warehouse, project, root, chosen, _good_sizes(tables["snapshots"]), look, k)
    facts = [replace(f, membership=members[f.segment_id]) if f.segment_id in members else f for f in facts]
    shown, left_out = read_incident_facts(
        warehouse, project, [i for i in every if in_scope(i, project, scope)], bands, first, last, k
    )
    entities = {s.entity for s in chosen}
    return Report(
        project=name,
        first=first,
        last=last,
        made_at=local,
        scope=", ".join(sorted(scope.segments or scope.owners)),
        notices=tuple(notices(warehouse, project, last, local.date(), scope)),
        segments=tuple(facts),
        incidents=shown,
        entities=read_entities(warehouse, project, entities, first, last, k),
        events=tuple(events),
        left_out=left_out,
        k=k,
    )


def require_known(project: Project, scope: Scope) -> None:
    """Raise UsageError for a segment that is not defined and an owner who owns none."""
    owners = {s.owner for s in project.segments.values()}
    for name in sorted(scope.segments - project.segments.keys()):
        near = did_you_mean(name, project.segments)
        raise UsageError(f"There is no segment {name!r}{near or '.'}", "`pulse segments list` shows them.")
    for name in sorted(scope.owners - owners):
        near = did_you_mean(name, owners)
        raise UsageError(f"No segment has the owner {name!r}{near or '.'}", f"Owners are {', '.join(sorted(owners))}.")


def _tables(warehouse: Warehouse, first: date, last: date, with_steps: bool) -> dict[str, Rows]:
    """Return the rows that segments are made of, each by segment; those of ladders where a channel declares its steps."""
    period: list[object] = [first, last]
    then = last - timedelta(days=COMPARED_DAYS)
    flows = warehouse.table("pulse_segment_flows")
    reads: dict[str, tuple[str, list[object]]] = {
        "snapshots": (
            "select segment_id, snapshot_date, size, previous_size, status, status_reason"
            f" from {warehouse.table('pulse_segment_snapshots')} where snapshot_date between ? and ?",
            period,
        ),
        "changes": (
            "select segment_id, snapshot_date, direction, cause, detail, sum(members) as members"
            f" from {warehouse.table('pulse_segment_changes')} where not is_chosen and snapshot_date between ? and ?"
            " group by 1, 2, 3, 4, 5",
            period,
        ),
        "mixes": (
            "select segment_id, snapshot_date, attribute, bucket, members"
            f" from {warehouse.table('pulse_segment_distributions')} where snapshot_date in (?, ?)",
            [max(then, first), last],
        ),
        "edits": (
            f"select segment_id, snapshot_date, direction, sum(members) as members from {warehouse.table('pulse_segment_changes')}"
            " where not is_chosen and cause = 'edited' and snapshot_date <= ? group by 1, 2, 3",
            [last],
        ),
        "versions": (
            f"select * from {warehouse.table('pulse_segments')} where valid_from <= ?",
            [last],
        ),
        "in": (
            f"select to_segment as segment_id, from_segment as other, sum(members) as members from {flows}"
            " where snapshot_date > ? and snapshot_date <= ? group by 1, 2",
            [then, last],
        ),
        "out": (
            f"select from_segment as segment_id, to_segment as other, sum(members) as members from {flows}"
            " where snapshot_date > ? and snapshot_date <= ? group by 1, 2",
            [then, last],
        ),
    }
    if with_steps:
        ladder = f"select segment_id, channel, step, reason, members from {warehouse.table('pulse_reach_ladder')}"
        reads["ladder"] = (f"{ladder} where snapshot_date = ?", [last])
    out: dict[str, Rows] = {}
    for name, (sql, params) in reads.items():
        grouped: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in warehouse.query(sql, params):
            grouped[row["segment_id"]].append(row)
        out[name] = grouped
    return out


def _good_sizes(snapshots: Rows) -> dict[str, int]:
    """Return the size of each segment whose newest snapshot is good: the rule of another cannot be counted."""
    newest = {name: max(rows, key=lambda r: r["snapshot_date"]) for name, rows in snapshots.items()}
    return {name: int(row["size"]) for name, row in newest.items() if row["status"] == "ok" and row["size"] is not None}


def _segment(
    segment: Segment, project: Project, bands: Mapping[str, Band], tables: Mapping[str, Rows],
    incidents: Sequence[Any], events: tuple[KnownEvent, ...], period: tuple[date, date], prefix: str, k: int,
) -> SegmentFacts:  # fmt: skip
    rows = {name: found.get(segment.name, []) for name, found in tables.items()}
    snapshots = sorted(rows["snapshots"], key=lambda r: r["snapshot_date"])
    latest = snapshots[-1] if snapshots else {}
    series = {m: series_of(b, segment.name, k) for m, b in bands.items() if segment.name in b.segment_ids}
    size = series.pop("size", None) or Series("size", metrics.label("size"), False, ())
    rates = tuple(
        sorted(
            (s for s in series.values() if s.is_rate), key=lambda s: (s.metric.startswith((REACH, LADDER)), s.metric)
        )
    )
    return SegmentFacts(
        segment_id=segment.name,
        label=segment.label or segment.name,
        description=segment.description,
        entity=segment.entity,
        owner=segment.owner,
        rule=rule_text(segment.rule),
        sql=conditions(segment, project, prefix),
        alerts=segment.alerts,
        thresholds=tuple((d, settings_text(s)) for d, s in {**project.defaults, **segment.thresholds}.items()),
        status=latest.get("status") or "none",
        status_reason=latest.get("status_reason") or "",
        day=latest.get("snapshot_date"),
        size=size,
        rates=rates,
        causes=causes_of(rows["changes"], *period, k),
        mixes=mixes_of(rows["mixes"], k),
        came_from=_flows(rows["in"], segment.name, k),
        went_to=_flows(rows["out"], segment.name, k),
        versions=versions_of(rows["versions"], snapshots, rows["edits"], k),
        incidents=tuple(incidents),
        events=events,
        ladders=ladders_of(rows.get("ladder", []), k),
    )


def causes_of(rows: Sequence[Mapping[str, Any]], first: date, last: date, k: int) -> tuple[Cause, ...]:
    """Return who came and who left per day and cause, the largest first; parts of few people are hidden, day by day."""
    days = (last - first).days + 1
    parts: defaultdict[tuple[str, int], dict[tuple[str, str], int]] = defaultdict(dict)
    for row in rows:
        at = (row["snapshot_date"] - first).days
        parts[row["direction"], at][row["cause"], row["detail"] or ""] = int(row["members"])
    told: dict[tuple[str, str, str], list[Scalar]] = {}
    weight: defaultdict[tuple[str, str, str], int] = defaultdict(int)
    for (direction, at), found in parts.items():
        for (cause, detail), shown in zip(found, told_parts(list(found.values()), k), strict=True):
            key = (direction, cause, detail)
            told.setdefault(key, [0] * days)[at] = shown
            weight[key] += found[cause, detail]
    return tuple(
        Cause(direction, cause, cause_words(direction, cause, detail), tuple(told[direction, cause, detail]))
        for direction, cause, detail in sorted(told, key=lambda key: (key[0], -weight[key], key))
    )


def cause_words(direction: str, cause: str, detail: str) -> str:
    """Return what a bar of the chart is called.

    >>> cause_words("lost", "leaf", "ltv > 1000"), cause_words("gained", "row_new", "")
    ('Left by ltv > 1000', 'Came with new rows')
    """
    verb = "Left" if direction == "lost" else "Came"
    return f"{verb} {words_of(cause).headline(detail, direction == 'lost')}".replace("`", "")


def mixes_of(rows: Sequence[Mapping[str, Any]], k: int) -> tuple[Mix, ...]:
    """Return the spread over each attribute, then and now, the largest buckets first."""
    found: defaultdict[str, defaultdict[date, dict[str, int]]] = defaultdict(lambda: defaultdict(dict))
    for row in rows:
        found[row["attribute"]][row["snapshot_date"]][row["bucket"]] = int(row["members"])
    out = []
    for attribute, dates in sorted(found.items()):
        then, now = min(dates), max(dates)
        names = sorted(set(dates[then]) | set(dates[now]), key=lambda b: (-dates[now].get(b, 0), b))
        told = {day: told_parts([dates[day].get(b, 0) for b in names], k) for day in {then, now}}
        total = {day: sum(dates[day].values()) for day in {then, now}}
        buckets = [
            Bucket(
                b,
                told[then][n],
                told[now][n],
                told_share(told[then][n], total[then]),
                told_share(told[now][n], total[now]),
            )
            for n, b in enumerate(names)
        ]
        out.append(Mix(attribute, then, now, tuple(buckets[:MOST_BUCKETS])))
    return tuple(out)


def _flows(rows: Sequence[Mapping[str, Any]], segment: str, k: int) -> tuple[tuple[str, int], ...]:
    """Return the largest flows to or from other segments; (none) is nowhere. Those of fewer than k moves are left out."""
    found = [(r["other"], int(r["members"])) for r in rows if r["other"] not in ("(any)", segment)]
    return tuple(sorted(((o, n) for o, n in found if n >= k), key=lambda f: (-f[1], f[0]))[:MOST_FLOWS])
