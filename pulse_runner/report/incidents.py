"""Read incidents with all that is known about them: events, explanation, deliveries, and the series that show the cause."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from pulse_runner import metrics
from pulse_runner.alert.delivery import deliveries_of
from pulse_runner.detect.bands import Band
from pulse_runner.explain.evidence.collector import told_parts
from pulse_runner.explain.store import StoredExplanation, latest_explanations
from pulse_runner.incidents.incident import Incident, IncidentEvent
from pulse_runner.incidents.store import event_of
from pulse_runner.report.attention import label_of, owner_of, sentence_of, topics
from pulse_runner.report.contents import IncidentFacts, Series, Values
from pulse_runner.report.data_health import null_shares
from pulse_runner.report.lineage import lineages_of
from pulse_runner.report.series import series_of
from pulse_runner.report.small import told_share
from pulse_runner.segments.model import Project
from pulse_runner.vocabulary import ACTIVE, severity_rank
from pulse_runner.warehouse.base import Warehouse

MOST_INCIDENTS = 100  # with a page of their own: a file stays small
MOST_SIMILAR = 5
MOST_LINES = 5  # of a chart of columns or buckets
MOVED = 0.005  # points of null share from which a column is worth a chart


def read_incident_facts(
    warehouse: Warehouse, project: Project, every: Sequence[Incident], bands: Mapping[str, Band], first: date, last: date,
    k: int,
) -> tuple[tuple[IncidentFacts, ...], int]:  # fmt: skip
    """Return the incidents of the period, active ones first, then the worst and newest; and how many were left out."""
    within = [i for i in every if i.status in ACTIVE or (i.started_on <= last and (i.resolved_on or last) >= first)]
    within.sort(
        key=lambda i: (i.status not in ACTIVE, -severity_rank(i.severity), -i.started_on.toordinal(), i.incident_id)
    )
    shown = within[:MOST_INCIDENTS]
    ids = [i.incident_id for i in shown]
    told = latest_explanations(warehouse, ids)
    events = _events(warehouse, ids)
    deliveries = deliveries_of(warehouse, ids)
    about = topics(project, shown, told)
    columns = _column_series(warehouse, told, shown, first, last, k)
    buckets = _bucket_series(warehouse, shown, first, last, k)
    out = []
    for i in shown:
        stored = told.get(i.incident_id)
        suspects = _suspects(i, stored)
        out.append(
            IncidentFacts(
                incident=i,
                label=label_of(project, i),
                owner=owner_of(project, i),
                sentence=sentence_of(about[i.incident_id], last),
                told=stored,
                events=tuple(events.get(i.incident_id, ())),
                deliveries=tuple(deliveries.get(i.incident_id, ())),
                similar=tuple(_similar(i, every, told)),
                metric=_metric(i, bands, k),
                lineages=lineages_of(stored.evidence) if stored else (),
                columns={c: v for c in suspects if (v := columns.get((i.entity, c))) and _span(v) >= MOVED},
                buckets=buckets.get((i.segment_id, i.attribute), {}),
            )
        )
    return tuple(out), len(within) - len(shown)


def _events(warehouse: Warehouse, ids: Sequence[str]) -> dict[str, list[IncidentEvent]]:
    if not ids:
        return {}
    rows = warehouse.query(
        f"select * from {warehouse.table('pulse_incident_events')} where incident_id in ({', '.join('?' for _ in ids)})"
        " order by snapshot_date, occurred_at, event_id",
        list(ids),
    )
    out: defaultdict[str, list[IncidentEvent]] = defaultdict(list)
    for row in rows:
        out[row["incident_id"]].append(event_of(row))
    return out


def _metric(incident: Incident, bands: Mapping[str, Band], k: int) -> Series | None:
    band = bands.get(incident.metric)
    return series_of(band, incident.segment_id, k) if band and incident.segment_id in band.segment_ids else None


def _similar(incident: Incident, every: Sequence[Incident], told: Mapping[str, StoredExplanation]) -> list[Incident]:
    """Return earlier incidents of the same kind: of the same segment and metric first, then of the same cause."""
    cause = _cause(told.get(incident.incident_id))

    def likeness(other: Incident) -> int:
        same = (other.segment_id, other.entity, other.metric) == (incident.segment_id, incident.entity, incident.metric)
        alike = bool(cause) and other.entity == incident.entity and _cause(told.get(other.incident_id)) == cause
        return 2 * same + alike

    found = [o for o in every if o.incident_id != incident.incident_id and o.started_on <= incident.started_on]
    found = [o for o in found if o.group_key != incident.group_key and likeness(o)]
    return sorted(found, key=lambda o: (-likeness(o), -o.started_on.toordinal()))[:MOST_SIMILAR]


def _cause(stored: StoredExplanation | None) -> str:
    return stored.explanation.hypotheses[0].cause if stored and stored.explanation.hypotheses else ""


def _suspects(incident: Incident, stored: StoredExplanation | None) -> list[str]:
    """Return the columns that the first hypothesis rests on, else the one that an entity's incident is about."""
    if stored is None:
        return [incident.attribute] if incident.attribute else []
    cited = set(stored.explanation.hypotheses[0].evidence) if stored.explanation.hypotheses else set()
    named = [(e.id in cited, str(e.values["column_name"])) for e in stored.evidence if e.values.get("column_name")]
    chosen = [name for is_cited, name in named if is_cited] or [name for _, name in named]
    return list(dict.fromkeys(chosen))[:2]


def _column_series(
    warehouse: Warehouse,
    told: Mapping[str, StoredExplanation],
    incidents: Sequence[Incident],
    first: date,
    last: date,
    k: int,
) -> dict[tuple[str, str], Values]:
    """Return the null share over the period of every column that an explanation names."""
    wanted = {(i.entity, c) for i in incidents for c in _suspects(i, told.get(i.incident_id))}
    if not wanted:
        return {}
    found: defaultdict[tuple[str, str], dict[date, Mapping[str, Any]]] = defaultdict(dict)
    for row in warehouse.query(
        f"select entity, column_name, snapshot_date, nulls, rows from {warehouse.table('pulse_entity_health')}"
        " where snapshot_date between ? and ? and nulls is not null",
        [first, last],
    ):
        if (row["entity"], row["column_name"]) in wanted:
            found[row["entity"], row["column_name"]][row["snapshot_date"]] = row
    return {key: null_shares(days, (first, (last - first).days + 1), k) for key, days in found.items()}


def _bucket_series(
    warehouse: Warehouse, incidents: Sequence[Incident], first: date, last: date, k: int
) -> dict[tuple[str, str], dict[str, Values]]:
    """Return the shares over the period of the buckets that moved most, for incidents about a distribution."""
    wanted = {(i.segment_id, i.attribute) for i in incidents if metrics.find(i.metric).is_distribution and i.attribute}
    if not wanted:
        return {}
    segments = sorted({s for s, _ in wanted})
    days = (last - first).days + 1
    counted: defaultdict[tuple[str, str, int], dict[str, int]] = defaultdict(dict)
    for row in warehouse.query(
        f"select segment_id, snapshot_date, attribute, bucket, members from {warehouse.table('pulse_segment_distributions')}"
        f" where segment_id in ({', '.join('?' for _ in segments)}) and snapshot_date between ? and ?",
        [*segments, first, last],
    ):
        if (row["segment_id"], row["attribute"]) in wanted:
            at = (row["snapshot_date"] - first).days
            counted[row["segment_id"], row["attribute"], at][row["bucket"]] = int(row["members"])
    found: defaultdict[tuple[str, str], dict[str, list[float | None]]] = defaultdict(dict)
    for (segment, attribute, at), members in counted.items():
        total = sum(members.values())
        for bucket, told in zip(members, told_parts(list(members.values()), k), strict=True):
            series = found[segment, attribute].setdefault(bucket, [0.0] * days)
            series[at] = told_share(told, total)
    return {key: _most_moved(buckets) for key, buckets in found.items()}


def _most_moved(buckets: Mapping[str, Sequence[float | None]]) -> dict[str, Values]:
    ordered = sorted(buckets, key=lambda b: (-_span(buckets[b]), b))
    return {b: tuple(buckets[b]) for b in ordered[:MOST_LINES]}


def _span(values: Sequence[float | None]) -> float:
    known = [v for v in values if v is not None]
    return max(known) - min(known) if known else 0.0
