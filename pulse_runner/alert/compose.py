"""Make the message about incidents. Pure: incidents and what is known about them in, an AlertMessage out.

The order is that of a reader with ten seconds: how much and which segment, since when, what did it, what to
do, the evidence, and the commands that handle it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from pulse_runner import metrics
from pulse_runner.alert.message import AlertMessage, MessageKind, Notification, Section, Trend, clean
from pulse_runner.explain.store import StoredExplanation, explanation_values
from pulse_runner.incidents.incident import Incident
from pulse_runner.vocabulary import long_day, number, percent, plural, severity_rank, sparkline


@dataclass(frozen=True)
class Topic:
    """One incident with what is known about it: its segment's words, its explanation, its metric's last days."""

    incident: Incident
    label: str
    owner: str = ""
    rule: str = ""
    explanation: StoredExplanation | None = None
    trend: Trend | None = None


def build(kind: Notification, topics: Sequence[Topic], day: date, now: datetime, why: str) -> AlertMessage:
    """Return the message about `topics` (one cause, at least one): the most severe in full, the others in a list.

    `why` is the reason for sending it; `day` is the date that it speaks about, `now` (UTC) when it is written.
    """
    ordered = sorted(topics, key=importance)
    first, others = ordered[0], ordered[1:]
    head = headline(kind, first, day)
    if others:
        head = f"{head} · {len(others)} more with the same cause"
    sections = _resolved_sections(first) if kind == "resolved" else _active_sections(first, day)
    if others:
        title = "Resolved with it" if kind == "resolved" else "Same cause"
        listed = tuple(f"{headline(kind, t, day)} · incident {t.incident.incident_id}" for t in others)
        sections.insert(-1, Section(title, listed, "bullets"))
    footer = f"Incident {first.incident.incident_id} · owner {first.owner or 'not set'} · sent because {why}"
    return AlertMessage(
        kind=kind,
        severity=max((t.incident.severity for t in ordered), key=severity_rank),
        headline=clean(head),
        sections=tuple(s for s in sections if s.lines),
        footer=clean(footer),
        day=day,
        at=now,
        trend=first.trend,
        facts=tuple(_facts(t, kind, day) for t in ordered),
    )


def headline(kind: MessageKind, topic: Topic, day: date) -> str:
    """Return one line: which segment, how much, against what; with a first word where it is not news."""
    if kind == "resolved":
        return f"{_ending(topic.incident)}: {topic.label}{_where_it_is(topic)}"
    text = _movement(topic.incident, topic.label)
    if kind == "worsened":
        return f"Worse: {text}"
    if kind == "reminder":
        return f"Still open after {plural((day - topic.incident.started_on).days, 'day')}: {text}"
    return text


def _movement(incident: Incident, label: str) -> str:
    """Say how far a metric moved; what is not a number of a segment's panel is told by its title."""
    metric = metrics.find(incident.metric)
    observed, expected = incident.observed, incident.expected
    if not metric.is_watched or observed is None or expected is None:
        return incident.title or f"{label} changed"
    is_size = metric.name == "size"
    what = label if is_size else f"{label}: {metric.words}"
    unit = f" {metric.unit}" if is_size else ""
    low, high = incident.lower_bound, incident.upper_bound
    rate = metric.is_rate
    between = f" ({number(low, rate)} to {number(high, rate)})" if low is not None and high is not None else ""
    return f"{what} {_verb(observed, expected)}: {number(observed, rate)}{unit}, {number(expected, rate)} expected{between}"


def _verb(observed: float, expected: float) -> str:
    verb = "fell" if observed < expected else "rose"
    return f"{verb} {percent(abs(observed / expected - 1))}" if expected > 0 else f"{verb} from zero"


def _ending(incident: Incident) -> str:
    return {"recovered": "Recovered", "accepted": "Accepted as the new normal"}.get(incident.resolution, "Resolved")


def _where_it_is(topic: Topic) -> str:
    trend = topic.trend
    if trend is None or not trend.values or trend.values[-1] is None:
        return ""
    now = number(trend.values[-1], trend.is_rate)
    metric = topic.incident.metric
    return f" has {now} members" if metric == "size" else f", {metrics.words(metric)} is {now}"


def _active_sections(topic: Topic, day: date) -> list[Section]:
    incident, stored = topic.incident, topic.explanation
    started, found = incident.started_on, incident.detected_on
    age = "today" if started == day else f"{plural((day - started).days, 'day')} ago"
    since = f"{long_day(started)} ({age})" + ("" if found == started else f", found on {long_day(found)}")
    state = f"{incident.severity} severity, {incident.status}"
    if incident.assignee:
        state += f", in the hands of {incident.assignee}"
    sections = [Section("Since", (clean(f"{since}; {state}"),)), *_spark(topic)]
    if stored is None:
        sections.append(Section("What did it", (clean(incident.reason), "Not explained yet: run `pulse explain`.")))
    else:
        sections.append(Section("What did it", _why(stored)))
    if topic.rule:
        sections.append(Section("Rule", (clean(topic.rule),), "code"))
    if stored is not None:
        sections.append(Section("What to do", _texts(stored.explanation.recommendations), "numbered"))
        sections.append(Section("Evidence", _evidence(stored), "bullets"))
    identity = incident.incident_id
    commands = (
        f"pulse incidents acknowledge {identity}",
        f"pulse incidents resolve {identity}",
        f'pulse incidents ignore {identity} --note "why"',
    )
    return [*sections, Section("Handle it", commands, "code", keep=True)]


def _resolved_sections(topic: Topic) -> list[Section]:
    incident = topic.incident
    ended = incident.resolved_on or incident.last_seen_on
    days = plural((ended - incident.started_on).days, "day")
    lasted = f"{long_day(incident.started_on)} to {long_day(ended)} ({days})"
    how = {
        "recovered": "The metric is back in its expected range.",
        "accepted": "The level has lasted; Pulse now compares with it.",
    }.get(incident.resolution, "Closed by a person.")
    note = f" Note: {clean(incident.note)}" if incident.note else ""
    sections = [Section("How it ended", (how + note,)), Section("Lasted", (lasted,)), *_spark(topic)]
    sections.append(Section("What it was", (clean(incident.title),)))
    command = f"pulse incidents reopen {incident.incident_id}"
    return [*sections, Section("If this is wrong", (command,), "code", keep=True)]


def _spark(topic: Topic) -> list[Section]:
    trend = topic.trend
    if trend is None or len(trend.known) < 2:
        return []
    ends = f"{number(trend.known[0], trend.is_rate)} → {number(trend.known[-1], trend.is_rate)}"
    return [Section(f"Last {len(trend.values)} days", (f"{sparkline(trend.values, gap='·')}  {ends}",), "spark")]


def _why(stored: StoredExplanation) -> tuple[str, ...]:
    told = stored.explanation
    lines = [told.headline]
    if told.hypotheses:
        first = told.hypotheses[0]
        lines.append(f"Most likely: {first.title} ({first.confidence} confidence)")
        if first.owner_hint:
            lines.append(f"Who can tell: {first.owner_hint}")
    return _texts(lines)


def _evidence(stored: StoredExplanation) -> tuple[str, ...]:
    """Return the statements that the hypotheses cite, in the order of citation, then the others."""
    facts = {e.id: e.statement for e in stored.evidence}
    cited = [i for h in stored.explanation.hypotheses for i in h.evidence]
    order = dict.fromkeys([*(i for i in cited if i in facts), *facts])
    return _texts(f"{facts[i]} [{i}]" for i in order)


def _facts(topic: Topic, kind: MessageKind, day: date) -> dict[str, Any]:
    """Return what a program gets to know about an incident: aggregates only."""
    names = (
        "incident_id", "group_key", "segment_id", "entity", "detector", "metric", "attribute", "bucket", "status", "severity",
        "direction", "started_on", "detected_on", "last_seen_on", "resolved_on", "resolution", "observed", "expected",
        "lower_bound", "upper_bound", "effect", "p_value", "threshold", "title", "reason",
    )  # fmt: skip
    out = {name: getattr(topic.incident, name) for name in names}
    out |= {"headline": clean(headline(kind, topic, day)), "label": topic.label, "owner": topic.owner}
    out["rule"] = topic.rule
    stored = topic.explanation
    if stored is not None:
        told, nested = stored.explanation, explanation_values(stored)
        out["explanation"] = {
            "headline": told.headline, "summary": told.summary, "source": told.source, "version": stored.version,
            "hypotheses": nested["hypotheses"], "recommendations": nested["recommendations"],
        }  # fmt: skip
    return out


def importance(topic: Topic) -> tuple[int, int, float, str]:
    """Return what sorts the worst first."""
    incident = topic.incident
    # people ask about their audience first; the column behind it is named as the cause
    is_entity = 0 if incident.segment_id else 1
    return (-severity_rank(incident.severity), is_entity, -abs(incident.effect or 0.0), incident.incident_id)


def _texts(items: Iterable[str]) -> tuple[str, ...]:
    return tuple(text for item in items if (text := clean(item)))
