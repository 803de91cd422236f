"""What the browser draws, as plain JSON values: one small object per chart, by the id of its place in the page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from pulse_runner.explain.explanation import Scalar
from pulse_runner.report.contents import Cause, EntityFacts, IncidentFacts, Mix, Report, SegmentFacts, Series, Values
from pulse_runner.vocabulary import ACTIVE

BAND_DIGITS = 4  # of what was expected
MOST_BARS = 5  # causes of one direction that have a colour of their own
SIZES = ("size", "entered", "exited", "status")  # metrics whose incidents show in the size
Chart = dict[str, Any]


def payload(report: Report) -> dict[str, Any]:
    """Return the axis of days and every chart of a report."""
    charts: dict[str, Chart] = {}
    for segment in report.segments:
        charts |= {f"{segment.segment_id}--{name}": chart for name, chart in segment_charts(segment, report).items()}
    for incident in report.incidents:
        charts |= {
            f"{incident.incident.name}--{name}": chart for name, chart in incident_charts(incident, report).items()
        }
    for entity in report.entities:
        charts |= {f"{entity.entity}--{name}": chart for name, chart in entity_charts(entity).items()}
    sql = {f"{i.incident.name}--{e.id}": e.sql for i in report.incidents if i.told for e in i.told.evidence if e.sql}
    return {"first": str(report.first), "days": report.days, "charts": charts, "sql": sql}


def segment_charts(segment: SegmentFacts, report: Report) -> dict[str, Chart]:
    """Return the charts of a segment's page; one without numbers is left out."""
    out: dict[str, Chart] = {}
    days = [_span(e.starts_on, e.ends_on, e.reason or "Known event", report) for e in segment.events]
    events = [d for d in days if d]
    if any(v is not None for v in segment.size.values):
        out["size"] = band(segment.size, _spans(segment, SIZES, report), events)
    if segment.causes:
        out["why"] = stack(segment.causes, segment.size.values)
    for series in segment.rates:
        if any(v is not None for v in series.values):
            out[f"rate-{series.metric.replace(':', '-')}"] = band(
                series, _spans(segment, (series.metric,), report), events
            )
    for mix in segment.mixes:
        out[f"mix-{mix.attribute}"] = spread(mix)
    if segment.came_from or segment.went_to:
        out["flows"] = {
            "kind": "sankey", "me": segment.label,
            "in": [list(f) for f in segment.came_from], "out": [list(f) for f in segment.went_to],
        }  # fmt: skip
    if segment.membership.heat:
        names = [segment.label, *(o.label for o in segment.membership.overlaps)]
        rows = [[None if v is None else round(v * 1000) for v in row] for row in segment.membership.heat]
        out["overlap"] = {"kind": "heat", "names": names, "rows": rows}
    return out


def incident_charts(facts: IncidentFacts, report: Report) -> dict[str, Chart]:
    """Return the charts of an incident's page: the metric, and the cause in a picture."""
    incident, out = facts.incident, dict[str, Chart]()
    end = report.last if incident.status in ACTIVE else incident.resolved_on or report.last
    span = _span(incident.started_on, end, incident.name, report)
    spans = [span] if span else []
    if facts.metric and any(v is not None for v in facts.metric.values):
        out["metric"] = band(facts.metric, spans, [])
    if facts.movements:
        rows = [
            [str(e.values["direction"]), str(e.values.get("detail") or e.values["cause"]), _drawn(e.values["members"]),
             _drawn(e.values.get("usual_members"))]
            for e in facts.movements[:8]
        ]  # fmt: skip
        out["moves"] = {"kind": "moves", "rows": rows}
    if facts.columns:
        out["columns"] = lines(facts.columns, spans)
    if facts.buckets:
        out["buckets"] = lines(facts.buckets, spans)
    return out


def entity_charts(entity: EntityFacts) -> dict[str, Chart]:
    """Return the charts of an entity on the page of data health."""
    out: dict[str, Chart] = {
        "rows": {"kind": "lines", "rate": False, "spans": [], "lines": [["Rows", steps(entity.rows)]]}
    }
    moved = {c.name: c.nulls for c in entity.columns[:6] if _span_of(c.nulls) > 0}
    return out | ({"nulls": lines(moved, [])} if moved else {})


def band(series: Series, spans: Sequence[Any], events: Sequence[Any]) -> Chart:
    """Return a metric with its expected band, the spans of incidents and of known events."""
    return {
        "kind": "band", "name": series.label, "rate": series.is_rate, "v": steps(series.values), "lo": steps(series.lower, BAND_DIGITS),
        "hi": steps(series.upper, BAND_DIGITS), "spans": spans, "events": events,
    }  # fmt: skip


def lines(values: Any, spans: Sequence[Any]) -> Chart:
    """Return several shares over time."""
    return {"kind": "lines", "rate": True, "spans": spans, "lines": [[name, steps(v)] for name, v in values.items()]}


def stack(causes: Sequence[Cause], sizes: Values) -> Chart:
    """Return gains above and losses below by cause; the smaller causes of a direction are one bar. `net` is the change of the size."""
    bars: list[Any] = []
    for direction in ("gained", "lost"):
        own = [c for c in causes if c.direction == direction]
        bars += [[direction, c.cause, c.words, steps([_drawn(m) for m in c.members])] for c in own[:MOST_BARS]]
        rest = own[MOST_BARS:]
        if rest:
            summed = [sum(_drawn(c.members[n]) or 0 for c in rest) for n in range(len(rest[0].members))]
            bars.append([direction, "rest", f"{len(rest)} further causes", steps(summed)])
    net = [None, *(None if b is None or a is None else round(b - a) for a, b in pairwise(sizes))]
    return {"kind": "stack", "bars": bars, "net": steps(net[: len(sizes)])}


def spread(mix: Mix) -> Chart:
    """Return the shares of buckets then and now."""
    return {
        "kind": "mix", "days": [str(mix.then), str(mix.now)],
        "rows": [[b.name, b.then_share, b.now_share] for b in mix.buckets],
    }  # fmt: skip


def steps(values: Sequence[float | None], digits: int = 0) -> list[float | int | None]:
    """Return a series as a scale and steps of whole numbers, None where it is not known: small numbers pack well.

    With `digits` only so many of the largest value are kept.

    >>> steps([0.5, 0.5013, None, 0.49])
    [10000, 5000, 13, None, -113]
    >>> steps([121535, 131895], 3)
    [0.001, 122, 10]
    """
    known = [abs(v) for v in values if v is not None]
    most = max(known, default=0.0)
    place = 4 if most <= 1 and any(v != int(v) for v in known) else 1 if any(v != int(v) for v in known) else 0
    if digits and most > 0:
        place = min(place, digits - 1 - math.floor(math.log10(most)))
    scale = 10**place if place >= 0 else float(f"1e{place}")
    out: list[float | int | None] = [scale]
    at = 0
    for value in values:
        if value is None:
            out.append(None)
            continue
        whole = round(value * scale)
        out.append(whole - at)
        at = whole
    return out


def _drawn(told: Scalar) -> int | float | None:
    """Return the length of a bar: of a lower bound that bound, none for what is hidden."""
    if isinstance(told, str):
        return int(told[1:]) if told.startswith(">") else None
    return told


def _spans(segment: SegmentFacts, of: Sequence[str], report: Report) -> list[list[Any]]:
    """Return the spans of a segment's incidents about some metrics."""
    own = [i for i in segment.incidents if i.metric in of]
    spans = [_span(i.started_on, i.resolved_on or report.last, i.name, report) for i in own]
    return [s for s in spans if s]


def _span(start: Any, stop: Any, name: str, report: Report) -> list[Any] | None:
    """Return a span in days of the period, None when it lies outside."""
    a, b = max((start - report.first).days, 0), min((stop - report.first).days, report.days - 1)
    return [a, b, name] if a <= b else None


def _span_of(values: Values) -> float:
    known = [v for v in values if v is not None]
    return max(known) - min(known) if known else 0.0
